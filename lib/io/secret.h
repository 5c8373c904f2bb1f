/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Files that say who may come in: the token (io/token.h) and the key (io/key.h). Whoever can read them is let in, so
 * one that everybody can read is refused. */
#include <limits.h>

#include "base/error.h"

enum { SECRET_ABSENT = 1 };

/* What the file says, at most `most` bytes of it, as a text that secret_free() takes. SECRET_ABSENT: it is not there,
 * or we may not read it; ERROR_VALUE: others may. */
int secret_read(char **ret, const char *path, size_t most, Error *err);
char *secret_free(char *text); /* nothing of it stays in memory */
DEFINE_CLEANUP(char *, secret_free)
/* Where the user's own file of that name is, $XDG_CONFIG_HOME/mars/ or ~/.config/mars/; "" where there is no home. */
void secret_own_path(const char *name, char ret[static PATH_MAX]);
/* A new file of random numbers, in hexadecimal, with that mode whatever the umask is; folders of ours above it, too.
 * 0; -EEXIST, with no words: there is one already. */
int secret_make(const char *path, mode_t mode, bool folders, Error *err);
