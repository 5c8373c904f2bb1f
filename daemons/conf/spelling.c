/* SPDX-License-Identifier: Apache-2.0 */
/* What a name means, and what was probably meant by one that means nothing: the name of a key at the smallest distance
 * (characters added, left out, changed, or two neighbours swapped), if that is small against its length. */
#include <ctype.h>
#include <string.h>

#include "daemons/conf/inside.h"

enum { MAX_NAME = 64 }; /* longer names are near nothing */

static char fold(char c) {
        return c == '_' ? '-' : c;
}

static bool same_bytes(const char *a, const char *b, size_t n) {
        for (size_t k = 0; k < n; k++)
                if (fold(a[k]) != fold(b[k]))
                        return false;
        return true;
}

bool conf_next_word(const char **list, const char **ret_word, size_t *ret_length) {
        *ret_word   = *list + strspn(*list, " ");
        *ret_length = strcspn(*ret_word, " ");
        *list       = *ret_word + *ret_length;
        return *ret_length > 0;
}

bool conf_has_word(const char *list, const char *word) {
        const char *one;
        size_t n;

        while (list && conf_next_word(&list, &one, &n))
                if (strlen(word) == n && same_bytes(one, word, n))
                        return true;
        return false;
}

bool conf_same_name(const char *a, const char *b) {
        return strlen(a) == strlen(b) && same_bytes(a, b, strlen(a));
}

const ConfKey *conf_find_key(const ConfTable *table, const char *name) {
        for (uint32_t k = 0; k < table->n_keys; k++)
                if (strcmp(table->key[k].name, name) == 0)
                        return &table->key[k];
        return NULL;
}

const ConfKey *conf_find_spelling(const ConfTable *table, const char *word) {
        bool is_letter = word[0] == '-' && word[1] != '-' && word[1] && !word[2];

        for (uint32_t k = 0; k < table->n_keys; k++) {
                const ConfKey *key = &table->key[k];

                if ((is_letter && key->letter == word[1]) ||
                    (strncmp(word, "--", 2) == 0 && conf_same_name(key->name, word + 2)) ||
                    conf_has_word(key->old, word))
                        return key;
        }
        return NULL;
}

/* Damerau's distance, of neighbours that are swapped once, in three rows. */
static unsigned distance(const char *a, size_t n_a, const char *b, size_t n_b) {
        unsigned rows[3][MAX_NAME + 1] = {};

        for (size_t j = 0; j <= n_b; j++)
                rows[0][j] = (unsigned) j;
        for (size_t i = 1; i <= n_a; i++) {
                unsigned *row = rows[i % 3], *above = rows[(i - 1) % 3], *before = rows[(i + 1) % 3];

                row[0] = (unsigned) i;
                for (size_t j = 1; j <= n_b; j++) {
                        bool same = fold(a[i - 1]) == fold(b[j - 1]);

                        row[j] = MIN(MIN(above[j], row[j - 1]) + 1, above[j - 1] + !same);
                        if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) && fold(a[i - 2]) == fold(b[j - 1]))
                                row[j] = MIN(row[j], before[j - 2] + 1);
                }
        }
        return rows[n_a % 3][n_b];
}

/* How far the name is from one spelling without its dashes; a beginning of it is near. */
static unsigned distance_to(const char *name, const char *spelling, size_t n) {
        size_t n_name = strlen(name);

        if (n_name > MAX_NAME || n > MAX_NAME)
                return MAX_NAME;
        if (n_name >= 3 && n_name < n && same_bytes(name, spelling, n_name))
                return 1;
        return distance(name, n_name, spelling, n);
}

static void consider(const ConfTable *table, const char *name, const ConfKey **best, unsigned *least) {
        for (uint32_t k = 0; k < table->n_keys; k++) {
                const ConfKey *key = &table->key[k];
                unsigned d         = distance_to(name, key->name, strlen(key->name));
                const char *list   = key->old, *word;
                size_t n;

                while (list && conf_next_word(&list, &word, &n))
                        if (n > 2 && strncmp(word, "--", 2) == 0)
                                d = MIN(d, distance_to(name, word + 2, n - 2));
                if (d < *least) {
                        *least = d;
                        *best  = key;
                }
        }
}

const ConfKey *conf_nearest(const ConfTable *table, const char *name) {
        unsigned least      = 2 + (unsigned) strlen(name) / 4; /* three of seven letters are another word */
        const ConfKey *best = NULL;

        if (strlen(name) < 2)
                return NULL;
        for (uint32_t k = 0; conf_tables[k]; k++)
                if (!table || table == conf_tables[k])
                        consider(conf_tables[k], name, &best, &least);
        return best;
}
