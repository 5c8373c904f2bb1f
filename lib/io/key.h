/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The key that the machines of a cluster share: a file of 64 hexadecimal digits a line ('#' begins a comment), which
 * is looked for in this order: the file that was named, $MARS_KEY_FILE, $CREDENTIALS_DIRECTORY/cluster.key (of a
 * service), $XDG_CONFIG_HOME/mars/cluster.key (~/.config/mars/cluster.key), /etc/mars/cluster.key. "none", as either
 * name: there is none.
 *
 * Of several keys the first is shown when we connect, and each lets others in. So a key is replaced without a pause:
 * the new one is added as the second, everywhere; then it becomes the first; then the old one goes.
 *
 * The key itself goes over no wire and encrypts nothing: keys for a purpose are derived from it. Its id is derived,
 * too, and says nothing about it: ids stand in logs. */
#include "base/error.h"

#define KEY_PATH "/etc/mars/cluster.key"

enum {
        KEY_BYTES         = 32,
        KEY_ID_TEXT       = 17,  /* 16 digits: what one key has in common with another is nothing */
        KEY_DERIVED_BYTES = 32,
        MAX_KEYS          = 8,   /* of a file: an old one, a new one, and room for slips */
};

typedef struct Key {
        uint8_t secret[KEY_BYTES];
        char id[KEY_ID_TEXT];
} Key;

typedef struct Keys {
        Key key[MAX_KEYS];
        unsigned n;
        char path[256]; /* where they stand, for people */
} Keys;

/* `path` NULL: not named. 0; KEYS_ABSENT: there is none; ERROR_VALUE for a file that holds none, that everybody may
 * read, or that cannot be read although it was named. */
enum { KEYS_ABSENT = 1 };
int keys_find(Keys *ret, const char *path, Error *err);
int keys_parse(Keys *ret, const char *text, const char *where, Error *err); /* 0, ERROR_VALUE; where: for words */
void keys_forget(Keys *keys); /* nothing of them stays in memory */
/* A new file with a new key, which its owner and its group may read; -EEXIST, with words: there is one. */
int key_make(const char *path, Error *err);
/* The key for a purpose; the same on every machine that has the key. */
int key_derive(const Key *key, const char *purpose, uint8_t ret[static KEY_DERIVED_BYTES]);
