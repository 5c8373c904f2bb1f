/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Figures over time: a table says what there is, a sample is one value of each, and the older ones go. Printed as
 * columns, which is what charts want. A gauge is printed as it is; of a count that only grows what it grew in a second,
 * so that a sample that came late, or not at all, is no spike. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
        PAST_SAMPLES = 900,     /* a quarter of an hour, */
        PAST_USEC    = 1000000, /* a sample a second: 100 KiB of a dozen figures */
};

typedef struct PastColumn {
        const char *name;
        bool count;  /* it only grows; a smaller one has begun anew */
        double unit; /* is printed for so many of these; 0: one */
} PastColumn;

typedef struct Past Past;

Past *past_new(const PastColumn *column, uint32_t n_columns); /* NULL: there is no memory. The table stays */
Past *past_free(Past *past);
bool past_due(const Past *past, uint64_t real_usec);                  /* the last sample is a second old */
void past_add(Past *past, uint64_t real_usec, const uint64_t *value); /* one of each column */
double past_last(const Past *past, uint32_t column);                  /* as it is printed; 0: it is not known */
/* As {"interval_seconds": 1, "time": […], "NAME": […], …}; null: not known. */
void past_print(const Past *past, FILE *f);
