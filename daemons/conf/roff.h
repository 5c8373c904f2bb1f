/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What manual pages are written in. */
#include <stdio.h>

void roff_put(FILE *out, const char *text); /* text in which nothing is a request or an escape */
