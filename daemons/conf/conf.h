/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a daemon can be told. Each program has one const table of keys; its files, its command line, the options of the
 * original Mars, --help, --check-config, --print-config and the manual pages all come from it.
 *
 *         int main(int argc, char **argv) {
 *                 _cleanup_(conf_freep) Conf *conf = NULL;
 *                 int r = conf_load(&conf, &conf_worker, argc, argv, stdout, stderr);
 *
 *                 if (r != 0)
 *                         return conf_exit_status(r);
 *                 const ConfWorker *config = conf_values(conf);
 *                 …
 *
 * A value comes from the last of these that has one, and remembers from where:
 *
 *         its default
 *         /etc/mars/mars.conf, then its drop-ins in /etc/mars/mars.conf.d     keys of all programs
 *         /etc/mars/worker.conf, then those in /etc/mars/worker.conf.d        keys of one (scheduler.conf, web.conf)
 *         the environment                                                     variables of the original Mars
 *         the command line; its --config-dir names another directory than /etc/mars, or "none" for no files
 *
 * Files are `key = value` a line; `#` begins a comment at the beginning of a line or after a blank; [scheduler],
 * [worker] or [web] begins what is for that program alone. Drop-ins are *.conf, in the order of their names. */
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"

#define CONF_DIR "/etc/mars"

typedef struct ConfList {
        const char *const *item;
        uint32_t n;
} ConfList;

/* ---- Tables ----------------------------------------------------------------------------------------------------- */

/* Of a value; it says the type of the field in the program's struct (CONF_FIELD_…). */
typedef enum ConfKind {
        CONF_TEXT,      /* not empty */
        CONF_HOST,      /* a name or an IP address */
        CONF_ADDRESS,   /* where to listen: host:port, [2001:db8::1]:port */
        CONF_ADDRESSES, /* whom to call, as io/link.h takes it: these, and unix:/path; commas between */
        CONF_PORT,      /* 0 (any that is free) … 65535; -1: unset */
        CONF_COUNT,     /* 0: unset */
        CONF_SIZE,      /* bytes, or a share of what the reader knows: size_parse() has accepted the text */
        CONF_BYTES,     /* 0: unset */
        CONF_SECONDS,   /* in microseconds; 0: unset */
        CONF_FLAG,
        CONF_CHOICE,    /* the value of a word */
        CONF_PATH,      /* absolute */
        CONF_PATHS,     /* of directories, colons between; * and ? are expanded */
} ConfKind;

#define CONF_FIELD_TEXT const char *
#define CONF_FIELD_HOST const char *
#define CONF_FIELD_ADDRESS const char *
#define CONF_FIELD_ADDRESSES ConfList
#define CONF_FIELD_PORT int
#define CONF_FIELD_COUNT uint32_t
#define CONF_FIELD_SIZE const char *
#define CONF_FIELD_BYTES uint64_t
#define CONF_FIELD_SECONDS uint64_t
#define CONF_FIELD_FLAG bool
#define CONF_FIELD_CHOICE int
#define CONF_FIELD_PATH const char *
#define CONF_FIELD_PATHS ConfList

typedef struct ConfChoice {
        const char *word; /* of several words for a value, the first one is printed; NULL ends the list */
        int value;
} ConfChoice;

typedef struct ConfKey {
        const char *group; /* of a key that begins one: its heading in --help */
        const char *name;  /* in files; as an option --name, with '-' for '_' */
        ConfKind kind;
        char letter;       /* or 0: as an option */
        bool own;          /* different in each program: not in mars.conf, unless under the program's [section] */
        bool live;         /* conf_reload() changes it */
        bool share;        /* CONF_SIZE: may be a percentage */
        size_t offset;     /* in the program's struct */
        uint64_t least;    /* of numbers, CONF_SECONDS in microseconds */
        uint64_t most;     /* 0: what the type holds */
        const char *value; /* the default, as one would write it */
        const char *unset; /* the word that leaves the field NULL, empty, 0 or -1; NULL: it always has a value */
        const ConfChoice *choices;
        const char *old;    /* spellings of the original that mean it, with blanks between: "-x --xx -Dsome.option" */
        const char *env;    /* variables of the original that mean it; the last one that is set counts */
        const char *doc;    /* sentences, for people */
        const char *reason; /* why the default is what it is: a sentence */
} ConfKey;

typedef struct ConfTable {
        const char *program; /* mars-worker */
        const char *section; /* worker: of [worker] and worker.conf */
        const char *summary; /* sentences, for people */
        const ConfKey *key;
        uint32_t n_keys;
        size_t size_bytes; /* of the struct */
        /* Looks at values together: fills the fields that follow from others, and refuses what does not go together
         * (ERROR_VALUE with words). Strings that it makes live in the arena. */
        int (*finish)(void *values, Arena *arena, Error *err);
} ConfTable;

/* ---- Loading ---------------------------------------------------------------------------------------------------- */

typedef struct Conf Conf;

enum { CONF_DONE = 1 }; /* --help, --version, --check-config or --print-config was asked for and is answered */

/* 0, and *ret is set; CONF_DONE, answered on `out`; ERROR_VALUE, with every mistake on `bad`, one a line; an errno. */
int conf_load(Conf **ret, const ConfTable *table, int argc, char *const argv[], FILE *out, FILE *bad) _must_check_;
/* Reads everything once more. Keys that are not live keep what `running` has, and notes name those that differ. `argv`
 * must still be there. After a failure go on with `running`. */
int conf_reload(Conf **ret, const Conf *running, FILE *bad) _must_check_;
Conf *conf_free(Conf *conf);
DEFINE_CLEANUP(Conf *, conf_free)

int conf_exit_status(int r); /* of a main() whose conf_load() did not return 0: EX_CONFIG for mistakes */

const void *conf_values(const Conf *conf); /* the program's struct; lives as long as conf */
/* Where the value comes from: "/etc/mars/worker.conf:3", "--port", "$MARS_SPILL_DIRS"; NULL: it is the default. */
const char *conf_origin(const Conf *conf, const char *name);
/* Sentences for the log of the start or the reload: options that have no effect any more, keys that need a restart. */
ConfList conf_notes(const Conf *conf);

/* These return 0 or -ENOMEM. */
int conf_print(const Conf *conf, FILE *out);        /* a file with every key, its words, value and origin */
int conf_print_json(const Conf *conf, FILE *out);   /* {"program": …, "values": [{"name", "value", "origin"}, …]} */
int conf_help(const ConfTable *table, FILE *out);   /* what --help prints */
int conf_manual(const ConfTable *table, FILE *out); /* <program>.8 in roff */
int conf_manual_of_files(FILE *out);                /* mars.conf.5 */

/* ---- The programs ----------------------------------------------------------------------------------------------- */

extern const ConfTable conf_scheduler, conf_worker, conf_web;
extern const ConfTable *const conf_tables[]; /* all, and NULL */

typedef struct ConfScheduler {
        const char *host, *advertise, *endpoint;
        int port;
        const char *socket;                /* or NULL: none */
        const char *key_file, *token_file; /* need not exist while conf_origin() is NULL; key_file NULL: none */
        const char *metrics;               /* host:port where HTTP is spoken, to Prometheus, or NULL; */
        bool plain_http;                   /* also beyond this machine */
        const char *state_dir;
        uint64_t heartbeat_usec, suspect_usec, dead_usec, lease_usec;
        uint32_t max_sessions, max_requests; /* requests: of one session, that are under way */
        const char *withdrawn_users;         /* or NULL */
        bool strict_verify;
        int log_level;                       /* of syslog */
        /* They follow: */
        const char *listen;   /* host:port where TCP is listened at, or NULL: nowhere */
        const char *announce; /* the host that others are told (the port is that of the listener), or NULL */
} ConfScheduler;

typedef struct ConfWorker {
        const char *name; /* or NULL: that of the host */
        const char *host, *advertise, *endpoint;
        int port;
        const char *socket;
        ConfList schedulers;
        const char *key_file, *token_file, *metrics;
        bool plain_http;
        uint32_t threads;                       /* 0: one for each CPU that the process may use */
        const char *cache_mem, *phy_mem, *disk; /* as BudgetOptions; disk may be NULL */
        ConfList spill_dirs;
        bool share_memory;
        uint64_t keep_for_usec, drain_usec, careful_usec;
        int hugepages;          /* StorePages */
        uint64_t hugepage_size; /* 0: the smallest that can be had */
        int log_level;
        const char *listen, *announce; /* as above */
} ConfWorker;

typedef struct ConfWeb {
        const char *host, *advertise, *endpoint;
        int port, ui_port;
        ConfList schedulers;
        const char *key_file;
        const char *certificate, *certificate_key; /* both or none */
        const char *public_url;        /* or NULL */
        bool plain_http;
        int log_level;
        const char *listen_http, *announce; /* of pages, REST and sessions; as above */
        const char *public_host, *public_origin; /* of public_url: "host:port", "https://host:port"; or NULL */
} ConfWeb;
