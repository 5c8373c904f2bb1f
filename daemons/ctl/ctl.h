/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* marsctl: asks the scheduler and shows what it answers. A command is one row of ctl_commands, from which the command
 * line, --help and the manual page come. Everything waits in one place, ctl_wait(), and never without an end. */
#include <stdio.h>

#include "base/arena.h"
#include "io/say.h"

/* ---- ctl/link.c: the conversation with a scheduler -------------------------------------------------------------- */

typedef struct Ctl {
        const char *place; /* where the scheduler, or a mars-web, is, as -s says; NULL: where clients look */
        bool json;         /* what the scheduler says is printed as it is */

        sd_event *event;
        Link *link;
        const char *who, *address; /* that is spoken to: "scheduler", or "worker" */
        char *worker;              /* address of the one that the scheduler named last, */
        uint32_t worker_number;    /* and its number */
        char *token;
        Tls *tls;   /* NULL: there is no key */
        Http *http; /* the web server through which it is spoken to, or NULL */
        bool welcome, refused, answered;
        char *answer; /* of the last question: JSON, or the words of a code below 0 */
        int code;
        Error failure; /* of the link: nothing more will come */
        bool stop;     /* Ctrl-C, where ctl_catch_stop() was called */
} Ctl;

/* At ctl->place (CTL_USAGE: it is no address), or else at the first of the places where clients look that answers. */
int ctl_open(Ctl *ctl, Error *err) _must_check_;
void ctl_done(Ctl *ctl);
/* The answer in JSON; it lives until the next call. */
int ctl_ask(Ctl *ctl, const char *what, const char **ret, Error *err) _must_check_;
/* From now on it is the worker of which the scheduler has said where it is that is asked. */
int ctl_visit(Ctl *ctl, Error *err) _must_check_;
int ctl_drain(Ctl *ctl, uint32_t worker, WireDrain how, Error *err);
int ctl_cancel(Ctl *ctl, uint64_t request, Error *err) _must_check_;
int ctl_catch_stop(Ctl *ctl, Error *err) _must_check_;
/* Until `usec` from now, Ctrl-C or the end of the link, whose error it returns. */
int ctl_pause(Ctl *ctl, uint64_t usec, Error *err) _must_check_;

/* ---- ctl/table.c: tables of what was answered ------------------------------------------------------------------- */

typedef enum CellKind {
        CELL_TEXT,
        CELL_HEAD, /* a text up to its first ';' */
        CELL_PART, /* a number within another one: 17.4 */
        CELL_COUNT,
        CELL_BYTES,
        CELL_OF, /* a count of another one */
        CELL_BYTES_OF,
        CELL_SECONDS,
} CellKind;

typedef struct Column {
        const char *title;
        CellKind kind;
        const char *key, *of; /* in the JSON object of the row; `of` of CELL_PART, CELL_OF and CELL_BYTES_OF only */
} Column;

struct json_object;
int ctl_parse(struct json_object **ret, const char *text, Error *err) _must_check_; /* to be put by the caller */
/* The value as a person reads it; "-" if there is none. NULL when out of memory. */
const char *cell_text(Arena *arena, const Column *column, struct json_object *row);
/* Rows in the order of the first column, which is a number; `none` in place of a table without rows. 0 or -ENOMEM. */
int ctl_table(FILE *out, const Column *column, uint32_t n_columns, struct json_object *rows, const char *none);

/* ---- Commands --------------------------------------------------------------------------------------------------- */

typedef struct Command {
        const char *name;
        const char *argument; /* or NULL: it takes none; in brackets: it may be left out */
        const char *summary;  /* a line for --help */
        const char *doc;      /* what the manual page says besides, or NULL */
        bool alone;           /* it needs no scheduler */
        int (*run)(Ctl *ctl, const char *argument, FILE *out, Error *err);
} Command;

extern const Command ctl_commands[]; /* ends with a NULL name */
enum { CTL_USAGE = 2 };              /* of a run(), and of the program: it was not told properly; err says how */

int ctl_status(Ctl *ctl, const char *argument, FILE *out, Error *err); /* ctl/show.c */
int ctl_workers(Ctl *ctl, const char *argument, FILE *out, Error *err);
int ctl_sessions(Ctl *ctl, const char *argument, FILE *out, Error *err);
int ctl_tasks(Ctl *ctl, const char *argument, FILE *out, Error *err);
int ctl_top(Ctl *ctl, const char *argument, FILE *out, Error *err);
int ctl_cancel_request(Ctl *ctl, const char *argument, FILE *out, Error *err);
int ctl_drain_worker(Ctl *ctl, const char *argument, FILE *out, Error *err);
int ctl_undrain_worker(Ctl *ctl, const char *argument, FILE *out, Error *err);
int ctl_retire_worker(Ctl *ctl, const char *argument, FILE *out, Error *err);
int ctl_why(Ctl *ctl, const char *argument, FILE *out, Error *err);       /* ctl/why.c */
int ctl_hugepages(Ctl *ctl, const char *argument, FILE *out, Error *err); /* ctl/pages.c */
int ctl_keygen(Ctl *ctl, const char *argument, FILE *out, Error *err);    /* ctl/secrets.c */
int ctl_token(Ctl *ctl, const char *argument, FILE *out, Error *err);
int ctl_web(Ctl *ctl, const char *argument, FILE *out, Error *err); /* ctl/web.c */

/* The digits at *at, which then is behind them; false: there are none, or too many. */
bool ctl_number(const char **at, unsigned long long *ret);

void ctl_help(FILE *out);   /* ctl/help.c */
void ctl_manual(FILE *out); /* marsctl.1 in roff */
