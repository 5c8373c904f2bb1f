/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What threads did lately, as whoever keeps looking has it: the newest spans of some workers, as they came, up to a
 * bound. Workers are asked for what is new only, and what was told before is turned into what is told now at the cost
 * of what is new (change.h). Pure: answers of workers in, texts out.
 *
 *         timeline_since() of each worker, which is asked for what ended since then
 *         timeline_begin(); timeline_add() what each of them has answered; timeline_end()
 *         timeline_print(), timeline_print_change() */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/macro.h"

typedef struct Timeline Timeline;

Timeline *timeline_new(void); /* or NULL */
Timeline *timeline_free(Timeline *timeline);
/* Microseconds since 1970 by its own clock; 0: nothing has come of it. */
uint64_t timeline_since(const Timeline *timeline, uint32_t worker);
void timeline_begin(Timeline *timeline);
/* 0 or -ENOMEM: what did not fit in counts as gone by. */
int timeline_add(Timeline *timeline, uint32_t worker, const char *answer) _must_check_;
void timeline_end(Timeline *timeline, uint64_t time_usec, unsigned long long n_workers);
void timeline_print(const Timeline *timeline, FILE *f);
/* What turns what timeline_print() wrote in the round before into what it writes in this one. */
void timeline_print_change(const Timeline *timeline, FILE *f);

/* What stands between the brackets of the list of that name ("\"lanes\": ["), in an answer of which we know the form,
 * and how long it is; NULL: it has none. */
const char *list_in(const char *text, const char *name, size_t *ret_bytes);
/* The number behind the name ("\"dropped\": "); 0: it is not there. */
unsigned long long number_in(const char *text, const char *name);
