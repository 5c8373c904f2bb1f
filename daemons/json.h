/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Parts of answers in JSON that take more than a printf(). */
#include <stdint.h>
#include <stdio.h>

#include "wire/wire.h"

/* A text, with its quotes. What people call themselves may be any bytes: those that are no UTF-8 become U+FFFD. */
void json_text(FILE *f, const char *text);
/* A number as it is, or null: it is not finite. */
void json_number(FILE *f, double number);
/* Seconds since 1970 of microseconds since then. */
void json_time(FILE *f, uint64_t usec);
uint64_t real_clock(void); /* microseconds since 1970 */
/* Fields of what a worker says of itself, which the scheduler says of it, too: "running": 3, …, "pages": "…" */
void json_status(FILE *f, const Wire_status *status, const char *pages);
