/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Sizes as people write and read them. Units are powers of 1024, whatever they are called: `512m`, `2g`, `1.5GiB`,
 * `64 KB`, `1048576`, and `50%` of a total that the caller names. */
#include "base/error.h"

/* 0, or ERROR_VALUE with words that quote the text; the caller puts the name of the setting in front. A share needs
 * total_bytes, and is refused when that is 0 or when it is more than all of it. What is less than a byte is cut. */
int size_parse(const char *text, uint64_t total_bytes, uint64_t *ret, Error *err);

enum { SIZE_TEXT_MAX = 24 };
/* Three significant digits of the unit that suits, as NumPy writes them (`1.50 GiB`): `text`, for use in a call. */
const char *size_print(uint64_t size_bytes, char text[static SIZE_TEXT_MAX]);
