/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a daemon was told, and is told again while it runs (SIGHUP). Strings of the first time stay: what a reload
 * changes are numbers. */
#include "daemons/conf/conf.h"
#include "io/tls.h"

typedef struct Told {
        const Conf *conf; /* in force */
        Conf *own;        /* it, if it is of a reload; the first one is the caller's */
        Tls *tls;         /* or NULL: its keys are read again, too */
        int (*log_level)(const void *values);
} Told;

/* All of a daemon's main(): reads its configuration, says what is noted of it, serves. Returns the exit status; serve()
 * the same, or an error that is logged. */
int told_main(int argc, char **argv, const ConfTable *table, int (*log_level)(const void *values),
              int (*serve)(const Conf *conf, Error *err));
/* Reads the configuration and the keys again, tells the service manager, and the log: what was wrong (then nothing has
 * changed), and what needs a restart. True: told->conf is another one. */
bool told_again(Told *told);
