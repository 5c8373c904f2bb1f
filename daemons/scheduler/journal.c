/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal is told, and what a scheduler that begins hears from it.
 *
 * All rows of one step of the machine are one transaction, so that what is read fits together. What a row says is
 * believed no more than what comes over a link: numbers of the future, tensors that no recipe makes, graphs that cannot
 * be read are refused, and the scheduler does not start on half of a memory. */
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "daemons/scheduler/scheduler.h"

enum {
        EPOCH_SHIFT = 24,         /* numbers begin at epoch << EPOCH_SHIFT: 16 million a millisecond */
        EPOCH_BEGAN = 1767225600, /* 2026-01-01 */
        MAX_WAITING = 256 << 20,  /* bytes on their way to disk: beyond it no requests are taken */
};

static void kept(Scheduler *s, int r) {
        if (r < 0)
                scheduler_fail(s, "out of memory: the scheduler cannot go on");
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

/* The key, and behind it the user whose token began it. */
void keep_session(Scheduler *s, const Session *session) {
        char secret[SESSION_KEY_TEXT + TOKEN_USER_MAX];

        snprintf(secret, sizeof(secret), "%s%s", session->key, session->user);
        if (s->journal)
                kept(s, journal_put(s->journal, &(JournalRow) { .table      = JOURNAL_SESSION,
                                                                .id         = session->number,
                                                                .number     = { session->uid, session->local },
                                                                .text       = session->name,
                                                                .data       = (const uint8_t *) secret,
                                                                .data_bytes = strlen(secret) }));
}

void keep_request(Scheduler *s, const Asked *a, const uint8_t *graph, size_t graph_bytes) {
        if (s->journal)
                kept(s, journal_put(s->journal, &(JournalRow) { .table      = JOURNAL_REQUEST,
                                                                .of         = a->session->number,
                                                                .id         = a->request,
                                                                .number     = { a->id, false },
                                                                .data       = graph,
                                                                .data_bytes = graph_bytes }));
}

void keep_outcome(Scheduler *s, const Asked *a) {
        const char *text = a->outcome ? a->outcome->text : "";
        Writer w         = {};

        if (!s->journal)
                return;
        put_varint(&w, a->n_done);
        put_varint(&w, zigzag(a->outcome ? a->outcome->code : 0));
        put_varint(&w, strlen(text));
        put_bytes(&w, text, strlen(text));
        put_varint(&w, a->n_tensors);
        for (uint32_t k = 0; k < a->n_tensors; k++)
                put_varint(&w, a->tensor[k]);
        if (w.r == 0)
                w.r = journal_put(s->journal, &(JournalRow) { .table      = JOURNAL_REQUEST,
                                                              .of         = a->session->number,
                                                              .id         = a->request,
                                                              .number     = { a->id, true },
                                                              .data       = w.bytes.data,
                                                              .data_bytes = w.bytes.n });
        kept(s, w.r);
        vec_free(&w.bytes);
}

void keep_held(Scheduler *s, const Session *session, uint64_t tensor) {
        const uint64_t n = map_get(&session->book.refs, tensor);

        if (!s->journal)
                return;
        kept(s, n == 0 ? journal_drop(s->journal, JOURNAL_HELD, session->number, tensor)
                       : journal_put(s->journal, &(JournalRow) { .table  = JOURNAL_HELD,
                                                                 .of     = session->number,
                                                                 .id     = tensor,
                                                                 .number = { n } }));
}

void keep_recipe(Scheduler *s, uint64_t id, uint64_t request) {
        const SchedRecipe *recipe = s->journal ? sched_recipe(s->sched, id) : NULL;
        Writer w                  = {};

        if (!recipe)
                return;
        put_varint(&w, recipe->graph_bytes);
        put_bytes(&w, recipe->graph, recipe->graph_bytes);
        put_varint(&w, recipe->n_leaves);
        for (uint32_t k = 0; k < recipe->n_leaves; k++)
                put_varint(&w, recipe->leaf[k]);
        put_varint(&w, recipe->task_bytes);
        put_varint(&w, recipe->alone_bytes);
        put_varint(&w, recipe->chunk_first);
        put_varint(&w, recipe->n_task);
        put_varint(&w, recipe->n_chunk);
        put_varint(&w, recipe->digest);
        if (w.r == 0)
                w.r = journal_put(s->journal, &(JournalRow) { .table      = JOURNAL_RECIPE,
                                                              .id         = id,
                                                              .number     = { request },
                                                              .data       = w.bytes.data,
                                                              .data_bytes = w.bytes.n });
        kept(s, w.r);
        vec_free(&w.bytes);
}

void keep_tensor(Scheduler *s, uint64_t id, uint64_t session) {
        const SchedTensor *t = s->journal ? sched_tensor(s->sched, id) : NULL;
        Writer w             = {};

        if (!t)
                return;
        wire_put_tensor(&w, &(WireTensor) { .id          = id,
                                            .chunk_first = t->chunk_first,
                                            .spec        = t->spec,
                                            .tiling      = t->tiling });
        if (w.r == 0)
                w.r = journal_put(s->journal, &(JournalRow) { .table      = JOURNAL_TENSOR,
                                                              .id         = id,
                                                              .number     = { t->recipe, session },
                                                              .data       = w.bytes.data,
                                                              .data_bytes = w.bytes.n });
        kept(s, w.r);
        vec_free(&w.bytes);
}

void keep_name(Scheduler *s, const Name *name) {
        if (s->journal)
                kept(s, journal_put(s->journal, &(JournalRow) { .table  = JOURNAL_NAME,
                                                                .of     = name->uid,
                                                                .id     = name->id,
                                                                .number = { name->tensor },
                                                                .text   = name->text }));
}

void keep_worker(Scheduler *s, const Member *member) {
        if (s->journal)
                kept(s, journal_put(s->journal, &(JournalRow) { .table  = JOURNAL_WORKER,
                                                                .id     = member->number,
                                                                .number = { member->identity },
                                                                .text   = member->name }));
}

void forget_row(Scheduler *s, JournalTable table, uint64_t of, uint64_t id) {
        if (s->journal)
                kept(s, journal_drop(s->journal, table, of, id));
}

void forget_session(Scheduler *s, uint64_t session) {
        forget_row(s, JOURNAL_SESSION, 0, session);
        if (s->journal)
                kept(s, journal_drop_of(s->journal, JOURNAL_REQUEST, session));
        if (s->journal)
                kept(s, journal_drop_of(s->journal, JOURNAL_HELD, session));
}

uint64_t kept_mark(const Scheduler *s) {
        JournalStatus status = {};

        if (s->journal)
                journal_status(s->journal, &status);
        return status.asked;
}

int keep_more(Scheduler *s, Error *err) {
        JournalStatus status = {};

        if (s->journal)
                journal_status(s->journal, &status);
        if (status.full)
                return error_set(err, -ENOSPC, "the scheduler takes no requests: its disk is full (%s)",
                                 journal_path(s->journal));
        if (status.waiting_bytes > MAX_WAITING)
                return error_set(err, -EAGAIN, "the scheduler takes no requests now: its disk is too slow (%s)",
                                 journal_path(s->journal));
        return 0;
}

static int on_journal(_unused_ sd_event_source *source, _unused_ int fd, _unused_ uint32_t revents, void *userdata) {
        Scheduler *s = userdata;
        JournalStatus status;

        journal_heard(s->journal);
        journal_status(s->journal, &status);
        if (status.broken < 0) { /* what it has committed is all that the next one will know */
                scheduler_fail(s, status.text);
                return 0;
        }
        if (status.full != s->journal_full)
                scheduler_log(s, status.full ? LOG_ERR : LOG_NOTICE, "%s%s",
                              status.full ? "no new requests until there is room: " : "there is room on the disk again",
                              status.full ? status.text : "");
        s->journal_full = status.full;
        s->committed    = status.committed;
        if (later_say(s) < 0)
                scheduler_fail(s, "out of memory: the scheduler cannot go on");
        return 0;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

/* While rows are read. */
typedef struct Restore {
        Scheduler *s;
        Arena *arena;
        Map refs;       /* tensor -> references of sessions and names */
        Map recipe_of;  /* request -> its last recipe */
        Vec(SchedEvent) under_way; /* what is to be done when all is read */
} Restore;

static int row_session(void *userdata, const JournalRow *row, Error *err) {
        Restore *re        = userdata;
        const size_t n_key = SESSION_KEY_TEXT - 1;
        Session *session   = calloc(1, sizeof(*session));

        if (session)
                session->name = strdup(row->text ?: "");
        if (!session || !session->name) {
                free(session);
                return error_oom(err, sizeof(*session));
        }
        if (row->data_bytes < n_key || row->data_bytes - n_key >= TOKEN_USER_MAX || row->id == 0) {
                free(session->name);
                free(session);
                return error_set(err, ERROR_CORRUPT, "session %llu has no key", (unsigned long long) row->id);
        }
        memcpy(session->key, row->data, n_key);
        memcpy(session->user, row->data + n_key, row->data_bytes - n_key);
        snprintf(session->peer, sizeof(session->peer), row->number[1] ? "uid %llu, from before" : "from before",
                 (unsigned long long) row->number[0]);
        session->number = row->id;
        session->uid    = (uid_t) row->number[0];
        session->local  = row->number[1];
        session_restore(re->s, session);
        return 0;
}

static int row_held(void *userdata, const JournalRow *row, Error *err) {
        Restore *re      = userdata;
        Session *session = session_find(re->s, row->of);

        if (!session || row->number[0] == 0)
                return error_set(err, ERROR_CORRUPT, "session %llu holds tensor %llu, and is not there",
                                 (unsigned long long) row->of, (unsigned long long) row->id);
        if (map_set(&session->book.refs, row->id, row->number[0]) < 0 ||
            map_set(&re->refs, row->id, map_get(&re->refs, row->id) + row->number[0]) < 0)
                return error_oom(err, sizeof(*row));
        return 0;
}

static int row_name(void *userdata, const JournalRow *row, Error *err) {
        Restore *re = userdata;

        if (map_set(&re->refs, row->number[0], map_get(&re->refs, row->number[0]) + 1) < 0)
                return error_oom(err, sizeof(*row));
        if (vec_push(&re->s->name, (Name) { .uid    = row->of,
                                            .id     = row->id,
                                            .tensor = row->number[0],
                                            .text   = strdup(row->text ?: "") }) < 0 ||
            !re->s->name.data[re->s->name.n - 1].text)
                return error_oom(err, sizeof(Name));
        return 0;
}

static int row_worker(void *userdata, const JournalRow *row, Error *err) {
        Restore *re = userdata;
        char *name  = strdup(row->text ?: "");

        if (!name || vec_push(&re->s->awaited, name) < 0) {
                free(name);
                return error_oom(err, sizeof(name));
        }
        return 0;
}

static int row_recipe(void *userdata, const JournalRow *row, Error *err) {
        Restore *re        = userdata;
        Reader rd          = { .start   = row->data,
                               .at      = row->data,
                               .end     = row->data + row->data_bytes,
                               .what    = "recipe",
                               .err     = err,
                               .scratch = re->arena };
        SchedRecipe recipe = { .id = row->id };
        uint64_t *leaf;

        recipe.graph_bytes = get_count(&rd, MAX_BODY_BYTES);
        recipe.graph       = get_bytes(&rd, recipe.graph_bytes);
        recipe.n_leaves    = get_count(&rd, MAX_GRAPH_NODES);
        leaf               = get_memory(&rd, (recipe.n_leaves + 1) * sizeof(*leaf));
        for (uint32_t k = 0; k < recipe.n_leaves && rd.r == 0; k++)
                leaf[k] = get_varint(&rd, UINT64_MAX);
        recipe.leaf        = leaf;
        recipe.task_bytes  = get_varint(&rd, UINT64_MAX);
        recipe.alone_bytes = get_varint(&rd, UINT64_MAX);
        recipe.chunk_first = get_varint(&rd, UINT64_MAX);
        recipe.n_task      = (uint32_t) get_varint(&rd, UINT32_MAX);
        recipe.n_chunk     = (uint32_t) get_varint(&rd, UINT32_MAX);
        recipe.digest      = get_varint(&rd, UINT64_MAX);
        if (rd.r < 0)
                return rd.r;
        re->s->next_request = MAX(re->s->next_request, row->number[0]);
        if (row->number[0] != 0 && map_set(&re->recipe_of, row->number[0], row->id) < 0)
                return error_oom(err, sizeof(recipe));
        return sched_restore_recipe(re->s->sched, &recipe, err);
}

static int row_tensor(void *userdata, const JournalRow *row, Error *err) {
        Restore *re = userdata;
        Reader rd   = { .start = row->data, .at = row->data, .end = row->data + row->data_bytes, .what = "tensor",
                        .err = err, .scratch = re->arena };
        WireTensor w;

        wire_get_tensor(&rd, &w);
        if (rd.r < 0)
                return rd.r;
        if (w.id != row->id)
                return error_set(err, ERROR_CORRUPT, "tensor %llu calls itself %llu", (unsigned long long) row->id,
                                 (unsigned long long) w.id);
        if (row->number[1] != 0 && map_set(&re->s->giver, row->id, row->number[1]) < 0)
                return error_oom(err, sizeof(w));
        return sched_restore_tensor(re->s->sched,
                                    &(SchedTensor) { .id          = w.id,
                                                     .spec        = w.spec,
                                                     .tiling      = w.tiling,
                                                     .chunk_first = w.chunk_first,
                                                     .recipe      = row->number[0],
                                                     .anchor      = row->number[0] == 0 && row->number[1] == 0,
                                                     .n_refs      = (uint32_t) map_get(&re->refs, w.id) },
                                    err);
}

static int outcome_read(Restore *re, Asked *a, const JournalRow *row, Error *err) {
        Reader rd = { .start = row->data, .at = row->data, .end = row->data + row->data_bytes, .what = "outcome",
                      .err = err, .scratch = re->arena };
        const uint8_t *text;
        int64_t code;
        uint32_t n;

        a->finished = true;
        a->n_done   = get_varint(&rd, UINT64_MAX);
        code        = unzigzag(get_varint(&rd, UINT32_MAX));
        n           = get_count(&rd, MAX_ERROR_TEXT);
        text        = get_bytes(&rd, n);
        if (rd.r == 0 && code < 0) {
                a->outcome = calloc(1, sizeof(*a->outcome));
                if (!a->outcome)
                        return error_oom(err, sizeof(*a->outcome));
                error_set(a->outcome, (int) code, "%.*s", (int) n, text);
        }
        n         = get_count(&rd, MAX_GRAPH_NODES);
        a->tensor = calloc(n + 1, sizeof(*a->tensor));
        if (!a->tensor)
                return error_oom(err, n * sizeof(*a->tensor));
        for (uint32_t k = 0; k < n && rd.r == 0; k++)
                a->tensor[a->n_tensors++] = get_varint(&rd, UINT64_MAX);
        return rd.r;
}

static int row_request(void *userdata, const JournalRow *row, Error *err) {
        Restore *re      = userdata;
        Scheduler *s     = re->s;
        Session *session = session_find(s, row->of);
        Asked *a              = NULL;
        const uint64_t recipe = map_get(&re->recipe_of, row->number[0]);
        Graph *graph          = NULL;
        int r;

        if (!session)
                return error_set(err, ERROR_CORRUPT, "request %llu of session %llu, which is not there",
                                 (unsigned long long) row->id, (unsigned long long) row->of);
        r = book_ask(&session->book, row->id, &a);
        if (r != 0)
                return r < 0 ? error_oom(err, sizeof(*a))
                             : error_set(err, ERROR_CORRUPT, "request %llu of session %llu twice",
                                         (unsigned long long) row->id, (unsigned long long) row->of);
        a->id           = row->number[0];
        a->session      = session;
        a->since_usec   = scheduler_clock();
        s->next_request = MAX(s->next_request, a->id);
        if (row->number[1])
                return outcome_read(re, a, row, err);
        session->n_running++;
        if (a->id == 0 || map_get(&s->asked, a->id) != 0)
                return error_set(err, ERROR_CORRUPT, "request %llu twice", (unsigned long long) a->id);
        if (map_set(&s->asked, a->id, (uintptr_t) a) < 0)
                return error_oom(err, sizeof(*a));
        r = recipe == 0 ? graph_decode(row->data, row->data_bytes, &graph, err) : 0;
        if (r == 0 && vec_push(&re->under_way, (SchedEvent) { .kind    = recipe == 0 ? SCHED_SUBMIT : SCHED_RESUME,
                                                              .request = a->id,
                                                              .session = session->number,
                                                              .recipe  = recipe,
                                                              .graph   = graph }) < 0) {
                graph_free(graph);
                r = error_oom(err, sizeof(SchedEvent));
        }
        return r;
}

static int restore(Scheduler *s, Error *err) {
        static const struct {
                JournalTable table;
                int (*row)(void *userdata, const JournalRow *row, Error *err);
        } readers[] = {
                { JOURNAL_SESSION, row_session }, { JOURNAL_HELD, row_held },     { JOURNAL_NAME, row_name },
                { JOURNAL_RECIPE, row_recipe },   { JOURNAL_TENSOR, row_tensor }, { JOURNAL_REQUEST, row_request },
                { JOURNAL_WORKER, row_worker },
        };
        Restore re = { .s = s, .arena = arena_new() };
        int r      = re.arena ? 0 : error_oom(err, sizeof(re));

        for (size_t k = 0; k < ELEMENTSOF(readers) && r == 0; k++)
                r = journal_read(s->journal, readers[k].table, readers[k].row, &re, err);
        if (r < 0)
                error_prefix(err, r, "journal %s", journal_path(s->journal));
        for (uint32_t k = 0; k < re.under_way.n; k++)
                if (r == 0)
                        scheduler_step(s, &re.under_way.data[k]);
                else
                        graph_free(re.under_way.data[k].graph);
        vec_free(&re.under_way);
        map_done(&re.refs);
        map_done(&re.recipe_of);
        arena_free(re.arena);
        return r;
}

void scheduler_forget(Scheduler *s) {
        sd_event_source_disable_unref(s->on_journal);
        s->on_journal = NULL;
        s->journal    = journal_free(s->journal);
}

/* ---- Beginning --------------------------------------------------------------------------------------------------- */

static void restore_end(Scheduler *s) {
        s->restoring = false;
        while (s->awaited.n > 0)
                free(vec_pop(&s->awaited));
        scheduler_step(s, &(SchedEvent) { .kind = SCHED_BEGIN });
}

/* Workers that come back say what they hold: when all have that there were, nothing is made again that is there. */
void restore_seen(Scheduler *s, const char *worker) {
        for (uint32_t k = 0; k < s->awaited.n; k++)
                if (strcmp(s->awaited.data[k], worker) == 0) {
                        free(s->awaited.data[k]);
                        s->awaited.data[k] = vec_pop(&s->awaited);
                        break;
                }
        if (s->restoring && s->awaited.n == 0)
                restore_end(s);
}

void restore_tick(Scheduler *s) {
        if (s->restoring && restore_is_over(&s->patience, &s->limits, 0, s->awaited.n)) /* our time began with us */
                restore_end(s);
}

int scheduler_remember(Scheduler *s, Error *err) {
        struct timespec t;
        uint64_t epoch;
        int r = 0;

        clock_gettime(CLOCK_REALTIME, &t);
        epoch = t.tv_sec > EPOCH_BEGAN
                        ? (uint64_t) (t.tv_sec - EPOCH_BEGAN) * 1000 + (uint64_t) t.tv_nsec / 1000000
                        : 1;
        if (s->config.state_dir) {
                r = journal_open(&s->journal, s->config.state_dir, epoch, err);
                if (r == 0 && s->config.brief)
                        r = journal_relax(s->journal, err);
                if (r < 0)
                        return r;
                epoch = journal_epoch(s->journal);
        } else
                scheduler_log(s, LOG_NOTICE,
                              "no state_dir: what is under way, results and names end with this process");
        s->epoch = epoch;
        sched_number(s->sched, epoch << EPOCH_SHIFT);
        if (!s->journal)
                return 0;
        r = restore(s, err);
        if (r == 0)
                r = sd_event_add_io(s->event, &s->on_journal, journal_fd(s->journal), EPOLLIN, on_journal, s);
        if (r < 0)
                return r;
        s->restoring = s->sessions || s->name.n > 0;
        if (s->restoring && s->awaited.n == 0)
                restore_end(s);
        if (s->sessions || s->name.n > 0)
                scheduler_log(s, LOG_INFO, "going on from %s: %u sessions, %u requests, %u names",
                              journal_path(s->journal), s->n_sessions, s->asked.n, s->name.n);
        return 0;
}
