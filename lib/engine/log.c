/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for a log that the library does not have: they wait here until the session's user asks for them. Who says one
 * may hold the engine's lock or be the disk thread, so they have a lock of their own, beneath all others; nobody is
 * called back. Which pages are in use is said when that changes. */
#include <stdlib.h>
#include <string.h>

#include "engine/inside.h"

enum { MAX_LOG_LINES = 256 }; /* that wait for somebody who asks: each disk has a few things to say */

void engine_say(Engine *e, bool warning, const char *text) {
        LogLine line = { .warning = warning };

        pthread_mutex_lock(&e->log_lock);
        if (e->log.n < MAX_LOG_LINES) {
                line.text = strdup(text); /* without memory there is one line less */
                if (line.text && vec_push(&e->log, line) < 0)
                        free(line.text);
        }
        pthread_mutex_unlock(&e->log_lock);
}

static void say_pages(Engine *e) {
        char text[STORE_TEXT_MAX];
        StoreStats stats;

        store_stats(e->store, &stats);
        if (e->pages_said == 1 + (unsigned) stats.rung)
                return;
        e->pages_said = 1 + (unsigned) stats.rung;
        engine_say(e, false, store_pages_text(e->store, text));
}

char *engine_log(Engine *e, bool *ret_warning) {
        char *text = NULL;

        *ret_warning = false;
        if (!engine_lock(e))
                return NULL;
        if (!e->closed && e->store)
                say_pages(e);
        pthread_mutex_unlock(&e->lock);
        pthread_mutex_lock(&e->log_lock);
        if (e->log.n > 0) {
                text         = e->log.data[0].text;
                *ret_warning = e->log.data[0].warning;
                memmove(e->log.data, e->log.data + 1, --e->log.n * sizeof(*e->log.data));
        }
        pthread_mutex_unlock(&e->log_lock);
        return text;
}

void log_done(Engine *e) {
        while (e->log.n > 0)
                free(vec_pop(&e->log).text);
        vec_free(&e->log);
        pthread_mutex_destroy(&e->log_lock);
}
