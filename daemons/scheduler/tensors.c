/* SPDX-License-Identifier: Apache-2.0 */
/* Answers about what is stored: the largest tensors, who holds them, and where their chunks are. */
#include <stdlib.h>
#include <string.h>

#include "daemons/json.h"
#include "daemons/scheduler/inside.h"
#include "sched/look.h"

static bool sees_name(const Asking *a, const Name *name) {
        return !conn_is_user(a->to) || name->uid == owner_of(false, 0, a->to->user);
}

/* Whether a session or a name of his holds it. */
static bool sees_tensor(const Asking *a, uint64_t id) {
        if (!conn_is_user(a->to))
                return true;
        for (const Session *session = a->s->sessions; session; session = session->next)
                if (conn_sees(a->to, session->user) && map_get(&session->book.refs, id) > 0)
                        return true;
        for (uint32_t k = 0; k < a->s->name.n; k++)
                if (a->s->name.data[k].tensor == id && sees_name(a, &a->s->name.data[k]))
                        return true;
        return false;
}

/* The largest ones so far: a heap with the smallest of them on top. */
typedef struct Largest {
        const SchedTensor *tensor[MAX_SHOWN_TENSORS];
        uint32_t n;
} Largest;

static int by_bytes(const void *a, const void *b) {
        const SchedTensor *const *one = a, *const *other = b;
        const uint64_t size = tensor_bytes(*one), size_other = tensor_bytes(*other);

        if (size != size_other)
                return size < size_other ? 1 : -1;
        return ((*one)->id > (*other)->id) - ((*one)->id < (*other)->id);
}

static void largest_sink(Largest *l, uint32_t at) {
        for (uint32_t child; (child = 2 * at + 1) < l->n; at = child) {
                const SchedTensor *here = l->tensor[at];

                if (child + 1 < l->n && by_bytes(&l->tensor[child + 1], &l->tensor[child]) > 0)
                        child++;
                if (by_bytes(&here, &l->tensor[child]) >= 0)
                        return;
                l->tensor[at]    = l->tensor[child];
                l->tensor[child] = here;
        }
}

static void largest_add(Largest *l, const SchedTensor *t) {
        if (l->n < MAX_SHOWN_TENSORS) {
                l->tensor[l->n++] = t;
                for (uint32_t at = l->n / 2; l->n == MAX_SHOWN_TENSORS && at > 0; at--)
                        largest_sink(l, at - 1);
        } else if (by_bytes(&t, &l->tensor[0]) < 0) {
                l->tensor[0] = t;
                largest_sink(l, 0);
        }
}

/* `count` is zeros, and is left so: [worker], and one more for nobody. */
static void put_places(const Asking *a, const SchedTensor *t, uint32_t *count) {
        const uint32_t nobody = a->s->n_workers;
        uint32_t n            = 0;

        for (uint32_t k = 0; k < t->n_chunks; k++)
                count[MIN(t->holder[k], nobody)]++;
        fputs(", \"places\": [", a->f);
        for (uint32_t w = 0; w <= nobody; w++) {
                if (count[w] == 0)
                        continue;
                if (n++ < MAX_SHOWN_PLACES) {
                        fputs(n > 1 ? ", " : "", a->f);
                        if (w == nobody)
                                fputs("{\"worker\": null", a->f);
                        else
                                fprintf(a->f, "{\"worker\": %u", w);
                        fprintf(a->f, ", \"chunks\": %u}", count[w]);
                }
                count[w] = 0;
        }
        fprintf(a->f, "], \"places_left_out\": %u}", n > MAX_SHOWN_PLACES ? n - MAX_SHOWN_PLACES : 0);
}

static void put_tensor(const Asking *a, const SchedTensor *t, uint32_t *count) {
        const Scheduler *s = a->s;
        uint32_t n_holders = 0;
        bool comma         = false;

        fprintf(a->f, "{\"tensor\": %llu, \"names\": [", (unsigned long long) t->id);
        for (uint32_t k = 0; k < s->name.n; k++)
                if (s->name.data[k].tensor == t->id && sees_name(a, &s->name.data[k])) {
                        fputs(comma ? ", " : "", a->f);
                        json_text(a->f, s->name.data[k].text);
                        comma = true;
                }
        for (const Session *session = s->sessions; session; session = session->next)
                n_holders += conn_sees(a->to, session->user) && map_get(&session->book.refs, t->id) > 0;
        fprintf(a->f, "], \"sessions\": %u, \"shape\": ", n_holders);
        put_shape(a->f, &t->spec.shape);
        fprintf(a->f, ", \"dtype\": \"%s\", \"bytes\": %llu, \"chunks\": %u, \"lost\": %u, \"recipe\": %s",
                dtype_name(t->spec.dtype), (unsigned long long) tensor_bytes(t), t->n_chunks, t->n_lost,
                t->recipe != 0 ? "true" : "false");
        put_places(a, t, count);
}

int put_tensors(Asking *a) {
        _cleanup_(freep) uint32_t *count = calloc(a->s->n_workers + 1, sizeof(*count));
        Largest largest                  = {};
        uint64_t n = 0, bytes = 0;
        const SchedTensor *t;

        if (!count)
                return -ENOMEM;
        for (uint32_t at = 0; (t = sched_tensor_next(a->s->sched, &at));) {
                if (!sees_tensor(a, t->id))
                        continue;
                n++;
                bytes += tensor_bytes(t);
                largest_add(&largest, t);
        }
        qsort(largest.tensor, largest.n, sizeof(*largest.tensor), by_bytes);
        fprintf(a->f, "{\"total\": %llu, \"bytes\": %llu, \"truncated\": %llu, \"tensors\": [", (unsigned long long) n,
                (unsigned long long) bytes, (unsigned long long) (n - largest.n));
        for (uint32_t k = 0; k < largest.n; k++) {
                fputs(k > 0 ? ", " : "", a->f);
                put_tensor(a, largest.tensor[k], count);
        }
        fputs("]}", a->f);
        return 0;
}
