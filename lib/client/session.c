/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/pages.h"
#include "base/size.h"
#include "client/expr.h"
#include "client/session.h"
#include "io/http.h"
#include "io/token.h"

static pthread_mutex_t default_lock = PTHREAD_MUTEX_INITIALIZER;
static mars_session *default_session; /* a reference */

int session_engine(const mars_session *session, Engine **ret, Error *err) {
        if (!session)
                return error_set(err, ERROR_VALUE, "the session is NULL");
        if (session->pid != getpid())
                return error_set(err, ERROR_CLOSED, "this session belongs to the parent process: make a new one after "
                                                    "fork()");
        if (engine_closed(session->engine))
                return error_set(err, ERROR_CLOSED, "the session is closed");
        *ret = session->engine;
        return 0;
}

enum { KEEP_PERCENT = 25 }; /* of memory, for sources of results: a client has little else to do with it */

/* "unix:/path", "host:port". */
static int connect_to(Engine **ret, const char *endpoint, const mars_session_options *options, Error *err) {
        const char *key_file           = options ? options->key_file : NULL;
        const char *keep               = options ? options->keep_source : NULL;
        _cleanup_(freep) char *token   = NULL;
        _cleanup_(tls_unrefp) Tls *tls = NULL;
        uint64_t keep_bytes;
        SystemMemory memory;
        int r;

        system_memory(&memory, "");
        keep_bytes = memory.total_bytes / 100 * KEEP_PERCENT;
        r          = keep ? size_parse(keep, memory.total_bytes, &keep_bytes, err) : 0;
        if (r < 0)
                return error_prefix(err, r, "keep_source");
        r = token_find(&token, NULL, err);
        if (r >= 0 && !http_is_url(endpoint)) /* of a scheduler's socket, too: its workers may be elsewhere */
                r = tls_new(&tls, key_file, TLS_CLIENT, err);
        if (r >= 0)
                r = engine_connect(ret, endpoint, token, tls, err);
        if (r == 0)
                engine_keep_given(*ret, keep_bytes);
        return r;
}

/* The number of one of the names, 0 for NULL: the first is the default. Else words that name the option. */
static int choose(const char *option, const char *text, const char *const *names, int *ret, Error *err) {
        char all[128] = "";
        size_t n      = 0;

        *ret = 0;
        for (int k = 0; names[k]; k++) {
                if (!text || strcmp(text, names[k]) == 0) {
                        *ret = k;
                        return 0;
                }
                n += (size_t) snprintf(all + n, sizeof(all) - n, "%s'%s'", k == 0 ? "" : names[k + 1] ? ", " : " or ",
                                       names[k]);
                assert(n < sizeof(all));
        }
        return error_set(err, ERROR_VALUE, "%s is %s, not '%s'", option, all, text);
}

static int session_config(EngineConfig *ret, const mars_session_options *options, Error *err) {
        static const char *const pages[] = { "try", "on", "off", NULL }; /* as StorePages, */
        static const char *const codecs[] = { "none", "lz4", "zstd", "auto", NULL }; /* and SpillCodec */
        const char *size = options->hugepage_size;
        uint64_t page_bytes = 0;
        int r, number;

        *ret = (EngineConfig) { .n_threads  = options->n_threads,
                                .task_bytes = options->task_bytes,
                                .spill_dirs = options->spill_dir,
                                .budget     = { .memory_bytes = options->memory_bytes,
                                                .cache_mem    = options->cache_mem,
                                                .phy_mem      = options->phy_mem,
                                                .disk         = options->disk } };
        r = choose("hugepages", options->hugepages, pages, &number, err);
        ret->pages             = (StorePages) number;
        ret->budget.cache_only = ret->pages == STORE_PAGES_ON;
        if (r == 0) {
                r = choose("spill_codec", options->spill_codec, codecs, &number, err);
                ret->spill_codec = (SpillCodec) number;
        }
        if (r == 0 && size && strcmp(size, "auto") != 0) {
                r = size_parse(size, 0, &page_bytes, err);
                if (r == 0 && page_bytes == 0)
                        r = error_set(err, ERROR_VALUE, "pages have at least a byte: give 'auto', '2M' or '1G'");
                if (r < 0)
                        return error_prefix(err, r, "hugepage_size");
                if (ret->pages == STORE_PAGES_OFF)
                        return error_set(err, ERROR_VALUE, "hugepage_size is '%s', but hugepages are 'off'", size);
                ret->page_bytes = page_bytes;
        }
        return r;
}

int mars_session_new(mars_session **ret, const char *endpoint, const mars_session_options *options, mars_error *err) {
        const mars_session_options defaults = {};
        mars_session *session;
        EngineConfig config;
        int r;

        r = session_config(&config, options ?: &defaults, error_of(err));
        if (r < 0)
                return error_prefix(error_of(err), r, "new session");
        session = calloc(1, sizeof(*session));
        if (!session)
                return error_oom(error_of(err), sizeof(*session));
        session->n_ref = 1;
        session->pid   = getpid();
        r              = endpoint ? connect_to(&session->engine, endpoint, options, error_of(err))
                                  : engine_new(&session->engine, &config, error_of(err));
        if (r < 0) {
                free(session);
                return error_prefix(error_of(err), r, "new session");
        }
        *ret = session;
        return 0;
}

mars_session *mars_session_ref(mars_session *session) {
        atomic_fetch_add_explicit(&session->n_ref, 1, memory_order_relaxed);
        return session;
}

mars_session *mars_session_unref(mars_session *session) {
        while (session && atomic_fetch_sub(&session->n_ref, 1) == 1) {
                mars_session *retired = session->retired;

                engine_close(session->engine); /* results and futures may still refer to the engine, but not use it */
                engine_unref(session->engine);
                free(session);
                session = retired;
        }
        return NULL;
}

void mars_session_close(mars_session *session) {
        if (session)
                engine_close(session->engine);
}

bool mars_session_closed(const mars_session *session) {
        return engine_closed(session->engine);
}

/* A default session that was closed is replaced, but kept: callers have its address without a reference. */
int mars_session_default(mars_session **ret, mars_error *err) {
        int r = 0;

        pthread_mutex_lock(&default_lock);
        if (!default_session || engine_closed(default_session->engine)) {
                mars_session *session = NULL;

                r = mars_session_new(&session, NULL, NULL, err);
                if (r == 0) {
                        session->retired = default_session;
                        default_session  = session;
                }
        }
        if (r == 0)
                *ret = default_session;
        pthread_mutex_unlock(&default_lock);
        return r;
}

void mars_session_set_default(mars_session *session) {
        mars_session *old;

        pthread_mutex_lock(&default_lock);
        old             = default_session;
        default_session = session ? mars_session_ref(session) : NULL;
        pthread_mutex_unlock(&default_lock);
        mars_session_unref(old);
}

int mars_session_stat(mars_session *session, mars_session_stats *ret, mars_error *err) {
        static const char *const pages[] = {
                [STORE_HUGETLB] = "hugetlb",
                [STORE_THP]     = "transparent",
                [STORE_PLAIN]   = "plain",
        };
        EngineStats stats;
        Engine *engine = NULL;
        int r;

        r = session_engine(session, &engine, error_of(err));
        if (r < 0)
                return r;
        engine_stats(engine, &stats);
        *ret = (mars_session_stats) {
                .chunks         = stats.store.n_chunks,
                .used_bytes     = stats.store.used_bytes,
                .pinned_bytes   = stats.store.pinned_bytes,
                .capacity_bytes = stats.cache_bytes,
                .away_bytes     = stats.away_bytes,
                .spilled        = stats.n_spilled,
                .evicted        = stats.n_evicted,
                .returned       = stats.n_returned,
                .arena_bytes    = stats.store.arena_bytes,
                .tasks_done     = stats.n_tasks_done,
                .n_threads      = stats.n_threads,
                .pages          = stats.elsewhere ? "of workers" : pages[stats.store.rung],
                .process_bytes  = stats.process_bytes,
                .copied_bytes   = pages_taken_bytes(),
                .buffer_bytes   = stats.buffer_bytes,
                .table_bytes    = stats.table_bytes,
                .file_bytes     = stats.file_bytes,
        };
        static_assert(sizeof(ret->pages_text) == sizeof(stats.pages_text), "the text is copied as a whole");
        memcpy(ret->pages_text, stats.pages_text, sizeof(ret->pages_text));
        return 0;
}

int mars_session_log(mars_session *session, char **ret, bool *ret_warning, mars_error *err) {
        if (!session)
                return error_set(error_of(err), ERROR_VALUE, "the session is NULL");
        *ret = engine_log(session->engine, ret_warning); /* also what a closed one had left to say */
        return 0;
}
