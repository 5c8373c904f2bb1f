/* SPDX-License-Identifier: Apache-2.0 */
/* Names of results: a session of this process keeps its own, which end with it; a cluster's are with its scheduler. */
#include <stdio.h>
#include <time.h>

#include "engine/remote.h"

/* ---- Here -------------------------------------------------------------------------------------------------------- */

static uint32_t name_find(const Engine *e, const char *name) {
        uint32_t k = 0;

        while (k < e->name.n && strcmp(e->name.data[k].text, name) != 0)
                k++;
        return k;
}

static int name_list(const Engine *e, char **ret, Error *err) {
        size_t n_bytes;
        FILE *f = open_memstream(ret, &n_bytes);

        for (uint32_t k = 0; f && k < e->name.n; k++)
                fprintf(f, "%s\n", e->name.data[k].text);
        return f && fclose(f) == 0 ? 0 : error_oom(err, e->name.n);
}

int local_name(Engine *e, WireName what, const char *name, TensorId *tensor, char **ret_names, Error *err) {
        const uint32_t at = name ? name_find(e, name) : 0;
        const bool found  = at < e->name.n;
        EngineName made   = { .tensor = *tensor };

        if (what == NAME_LIST)
                return name_list(e, ret_names, err);
        assert(name);
        if (what == NAME_SAVE && found)
                return e->name.data[at].tensor == *tensor
                               ? 0
                               : error_set(err, -ENOTUNIQ,
                                           "there is a result '%s' already: remove it first, or take another name",
                                           name);
        if (what == NAME_SAVE) {
                made.text = strdup(name);
                if (!made.text || vec_push(&e->name, made) < 0) {
                        free(made.text);
                        return error_oom(err, sizeof(made));
                }
                e->ops->tensor(e, *tensor)->n_refs++;
                return 0;
        }
        if (!found) {
                int r = name_list(e, ret_names, err);

                return r < 0 ? r : error_set(err, -ENOKEY, "%s", name);
        }
        *tensor = e->name.data[at].tensor;
        if (what == NAME_OPEN) {
                e->ops->tensor(e, *tensor)->n_refs++;
                return 0;
        }
        free(e->name.data[at].text);
        e->name.data[at] = vec_pop(&e->name);
        e->ops->release(e, *tensor);
        return 0;
}

/* ---- Elsewhere --------------------------------------------------------------------------------------------------- */

int remote_naming_say(Remote *r, const Naming *n, bool again) {
        return remote_post(r, WORKER_NONE, &(WireMessage) { WIRE_IS_NAME, .name = { .request = n->request,
                                                                                    .what    = n->what,
                                                                                    .name    = n->name,
                                                                                    .tensor  = n->tensor,
                                                                                    .again   = again } });
}

void remote_named(Remote *r, const Wire_named *m) {
        Naming *n = (Naming *) (uintptr_t) map_get(&r->namings, m->request);
        Error err = {};
        Reader rd = { .start = m->tensor, .at = m->tensor, .end = m->tensor + m->tensor_n, .what = "NAMED",
                      .err = &err };

        if (!n)
                return;
        n->answered = true;
        if (m->code < 0)
                error_set(&n->err, m->code, "%s", m->text);
        else if (n->what == NAME_OPEN && remote_tensor_add(r, &rd, &n->tensor) < 0)
                error_set(&n->err, ERROR_CORRUPT, "what the scheduler says cannot be read: %s", err.text);
        n->names = strdup(m->names);
        if (!n->names)
                error_oom(&n->err, strlen(m->names));
        pthread_cond_broadcast(&r->engine->changed);
}

/* At most for as long as a scheduler that lives needs to answer, and the lease without one. */
int remote_name(Engine *e, WireName what, const char *name, TensorId *tensor, char **ret_names, Error *err) {
        Remote *r               = e->remote;
        Naming n                = { .request = ++e->next_request, .what = what, .name = name, .tensor = *tensor };
        const uint64_t deadline = now_usec() + REMOTE_ANSWER_USEC + r->cluster.lease_usec;
        const struct timespec at = { .tv_sec  = (time_t) (deadline / 1000000),
                                     .tv_nsec = (long) (deadline % 1000000 * 1000) };

        if (map_set(&r->namings, n.request, (uintptr_t) &n) < 0 || remote_naming_say(r, &n, false) < 0)
                error_oom(&n.err, sizeof(n));
        while (!n.answered && n.err.code == 0 && r->failure.code == 0 && now_usec() < deadline)
                pthread_cond_timedwait(&e->changed, &e->lock, &at);
        map_remove(&r->namings, n.request);
        if (n.err.code == 0 && !n.answered)
                error_set(&n.err, r->failure.code ?: -ETIMEDOUT, "%s",
                          r->failure.code < 0 ? r->failure.text : "the scheduler does not answer");
        *ret_names = n.names;
        *tensor    = n.tensor;
        return n.err.code < 0 ? error_set(err, n.err.code, "%s", n.err.text) : 0;
}

/* ---- The engine's calls ------------------------------------------------------------------------------------------ */

int engine_name(Engine *e, WireName what, const char *name, TensorId *tensor, char **ret_names, Error *err) {
        int r = engine_enter(e, err);

        *ret_names = NULL;
        if (r < 0)
                return r;
        r = what == NAME_SAVE && !e->ops->tensor(e, *tensor)
                    ? error_set(err, ERROR_CLOSED, "the tensor was released")
                    : e->ops->name(e, what, name, tensor, ret_names, err);
        engine_unlock(e);
        return r;
}
