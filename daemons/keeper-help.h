/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdio.h>

/* What --help, --version and --manual print; false: it is another word. */
bool keeper_help(const char *word, FILE *out);
