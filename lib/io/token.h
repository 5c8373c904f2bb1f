/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The token that everybody says who comes over TCP: whoever can read the file may come in. It is looked for in this
 * order: the file that was named, $MARS_TOKEN (the token itself), $XDG_CONFIG_HOME/mars/token (~/.config/mars/token),
 * /etc/mars/token. */
#include "base/error.h"

enum { TOKEN_MAX = 256 };

/* `path` NULL: not named. 0; TOKEN_ABSENT: there is none; ERROR_VALUE for a file that is none, that others may read or
 * that is not there although it was named. The caller frees *ret. */
enum { TOKEN_ABSENT = 1 };
int token_find(char **ret, const char *path, Error *err);
/* Where token_find(…, NULL, …) finds it: "$MARS_TOKEN" or a path. The caller frees *ret. */
int token_where(char **ret, Error *err);
/* Whether somebody has said our token, in a time that does not say where they differ; NULL: we have none. */
bool token_same(const char *ours, const char *said);
/* As token_find(), but makes a new one, which only its owner may read, where the user's own would be, when there is
 * none. */
int token_find_or_make(char **ret, const char *path, Error *err);

/* Users. A token of the form NAME:PROOF is a user's, derived from ours (PROOF: token_prove() of "user NAME"), so that
 * whoever has ours knows all of them and keeps no list. A name has up to 32 of a-z, 0-9, '_' and '-'. */
enum { TOKEN_USER_MAX = 33 };
/* Of that user; ERROR_VALUE for a name that is none, and where ours is a user's itself. */
int token_of_user(char ret[static TOKEN_MAX], const char *ours, const char *user, Error *err);
/* Who has said this: "" in ret_user: whoever has ours; else that user. False: nobody whom we know, as token_same(). */
bool token_user(char ret_user[static TOKEN_USER_MAX], const char *ours, const char *said);
/* Users whose tokens were taken back: their names, with commas or blanks between; NULL or "": nobody. */
enum { TOKEN_WITHDRAWN_MAX = 4096 };
bool token_withdrawn(const char *users, const char *user); /* "", that of the cluster, never is */
int token_withdrawn_check(const char *users, Error *err);  /* 0, or ERROR_VALUE: these are no names of users */
/* What says that these chunks are the user's: who knows the token makes it, and makes it again to compare. */
enum { TOKEN_PROOF_MAX = 65 };
int token_grant(char ret[static TOKEN_PROOF_MAX], const char *ours, const char *user, uint64_t first, uint32_t n,
                Error *err);

/* A text that only who knows the token can make of `text`: HMAC-SHA256, in hexadecimal. */
int token_prove(char ret[static TOKEN_PROOF_MAX], const char *token, const char *text, Error *err);
