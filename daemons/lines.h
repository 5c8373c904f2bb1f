/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The last lines of a daemon's log, for those who look at it from elsewhere. Each may say what it is about, so that one
 * can ask for the lines of one request. The older ones go; how many did is counted. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
        MAX_LINES      = 1024, /* a daemon that has that much to say in a day is in trouble; 1 MiB at most */
        MAX_LINE_BYTES = 1024, /* as much as a line of the log takes, and a terminating zero */
};

typedef struct LineAbout {
        const char *event;         /* of events.h; NULL: nothing that has a number */
        uint64_t session, request; /* 0: of none */
        bool is_worker;            /* of one: */
        uint32_t worker;
} LineAbout;

typedef struct Lines Lines;

Lines *lines_new(void); /* NULL: there is no memory */
Lines *lines_free(Lines *lines);
/* Without memory the line is left out. */
void lines_add(Lines *lines, uint64_t real_usec, int level, const LineAbout *about, const char *text);

typedef struct LinesWanted {
        int level;           /* of syslog: those that are at most so unimportant */
        uint64_t since_usec; /* newer ones */
        LineAbout about;     /* what is not 0 must be the same */
        uint32_t most;       /* the last ones of these; 0: all */
} LinesWanted;
/* As a list, oldest first. */
void lines_list(const Lines *lines, const char *source, const LinesWanted *wanted, FILE *f);
/* As {"lines": […], "dropped": n}: so many older ones are not there any more. */
void lines_print(const Lines *lines, const char *source, const LinesWanted *wanted, FILE *f);
