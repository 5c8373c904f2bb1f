/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Numbers in text, as Python reads them, whatever the locale is. The text ends at `end`, without a zero. */
#include "tensor/dtype.h"

enum { NUMBER_MAX = 512 }; /* characters of a number that is longer than it would have to be */

/* The nearest double; false: it is no number. */
bool number_f64(const char *at, const char *end, double *ret);
/* An element of the dtype (bool and complex are none here); false: it is no number, or does not fit. */
bool number_of(const char *at, const char *end, DType dtype, char *ret);
