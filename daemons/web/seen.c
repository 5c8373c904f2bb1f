/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that several keep, and what changed from one to the next: it is found when the first of them asks, and all
 * others who have the same answer get the same text. */
#include <stdlib.h>

#include "daemons/web/change.h"
#include "daemons/web/feed.h"

static void forget_changes(Seen *seen) {
        free(seen->changes);
        seen->changes   = NULL;
        seen->n_changes = 0;
        seen->since     = seen_unref(seen->since);
}

Seen *seen_new(unsigned status, char *text, size_t n_bytes) {
        Seen *seen = text ? calloc(1, sizeof(*seen)) : NULL;

        if (seen)
                *seen = (Seen) { .status = status, .text = text, .n_bytes = n_bytes, .n_refs = 1 };
        else
                free(text);
        return seen;
}

Seen *seen_ref(Seen *seen) {
        if (seen)
                seen->n_refs++;
        return seen;
}

Seen *seen_unref(Seen *seen) {
        if (!seen || --seen->n_refs > 0)
                return NULL;
        forget_changes(seen);
        free((char *) (uintptr_t) seen->text);
        free(seen);
        return NULL;
}

void seen_know_changes(Seen *seen, Seen *before, char *changes, size_t n_bytes) {
        forget_changes(seen);
        forget_changes(before); /* as below */
        seen->changes   = changes;
        seen->n_changes = n_bytes;
        seen->since     = seen_ref(before);
}

const char *seen_changes(Seen *seen, Seen *before, size_t *ret_bytes) {
        assert(seen != before);
        if (seen->since != before) {
                forget_changes(seen);
                if (change_make(before->text, seen->text, &seen->changes, &seen->n_changes) < 0)
                        return NULL;
                forget_changes(before); /* which nobody is sent any more: there is a newer one */
                seen->since = seen_ref(before);
        }
        *ret_bytes = seen->n_changes;
        return seen->changes;
}
