/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors of the scheduler. A tiling's explicit edges are copied, since those of a plan go with the plan; lengths
 * that were unknown to the plan are put in. A tensor has chunks while somebody refers to it; it is remembered while
 * somebody may want to make them again. */
#include "sched/state.h"

static size_t tensor_bytes(const SchedTensor *t) {
        return sizeof(*t) + (t->anchor ? 2 : 1) * t->n_chunks * sizeof(uint32_t);
}

void tensor_free(SchedTensor *tensor) {
        if (!tensor)
                return;
        free(tensor->holder);
        free(tensor->spare);
        free(tensor->edges);
        free(tensor);
}

/* Edges of an axis of which the tasks said the lengths: chunks at the same place of this axis agree. */
static int64_t edges_from_lengths(const Tiling *tiling, int axis, const int64_t *length, int64_t *edge) {
        uint32_t pos[MAX_NDIM] = {};

        assert(length);
        edge[0] = 0;
        for (uint32_t k = 0; k < tiling->axis[axis].n; k++) {
                pos[axis]   = k;
                edge[k + 1] = edge[k] + length[tiling_chunk_at(tiling, pos)];
        }
        return edge[tiling->axis[axis].n];
}

int tensor_new(Sched *s, const Spec *spec, const Tiling *tiling, const int64_t *length, uint64_t chunk_first,
               SchedTensor **ret) {
        SchedTensor *t = calloc(1, sizeof(*t));
        size_t n_edges = 0;
        int64_t *edge;

        (void) s;
        if (!t)
                return -ENOMEM;
        t->n_chunks = t->n_lost = (uint32_t) tiling_n_chunks(tiling);
        t->holder   = calloc(t->n_chunks + 1, sizeof(*t->holder));
        for (int k = 0; k < tiling->ndim; k++)
                if (tiling->axis[k].edge || tiling->axis[k].extent == UNKNOWN)
                        n_edges += tiling->axis[k].n + 1;
        t->edges = calloc(n_edges + 1, sizeof(*t->edges));
        if (!t->holder || !t->edges) {
                tensor_free(t);
                return -ENOMEM;
        }
        for (uint32_t k = 0; k < t->n_chunks; k++)
                t->holder[k] = WORKER_NONE;
        t->spec        = *spec;
        t->tiling      = *tiling;
        t->chunk_first = chunk_first;
        t->n_refs      = 1;
        edge           = t->edges;
        for (int k = 0; k < tiling->ndim; k++) {
                Cuts *cuts = &t->tiling.axis[k];

                if (cuts->extent == UNKNOWN) {
                        cuts->extent = edges_from_lengths(tiling, k, length, edge);
                        cuts->step   = 0;
                } else if (cuts->edge)
                        memcpy(edge, cuts->edge, (cuts->n + 1) * sizeof(*edge));
                else
                        continue;
                cuts->edge = edge;
                edge += cuts->n + 1;
        }
        t->spec.shape = tiling_shape(&t->tiling);
        *ret = t;
        return 0;
}

SchedTensor *sched_tensor(const Sched *s, uint64_t tensor) {
        return (SchedTensor *) (uintptr_t) map_get(&s->tensors, tensor);
}

/* ---- Data of clients -------------------------------------------------------------------------------------------- */

SchedTensor *adopted_find(const Sched *s, uint64_t chunk) {
        uint32_t lo = 0, hi = s->adopted.n;
        SchedTensor *t;

        while (lo < hi) {
                uint32_t middle = lo + (hi - lo) / 2;

                if (s->adopted.data[middle].chunk_first <= chunk)
                        lo = middle + 1;
                else
                        hi = middle;
        }
        t = lo > 0 ? sched_tensor(s, s->adopted.data[lo - 1].tensor) : NULL;
        return t && chunk - t->chunk_first < t->n_chunks ? t : NULL;
}

static int adopted_add(Sched *s, const SchedTensor *t) {
        uint32_t at = s->adopted.n;

        if (vec_push(&s->adopted, (Adopted) {}) < 0)
                return -ENOMEM;
        for (; at > 0 && s->adopted.data[at - 1].chunk_first > t->chunk_first; at--)
                s->adopted.data[at] = s->adopted.data[at - 1];
        s->adopted.data[at] = (Adopted) { .chunk_first = t->chunk_first, .tensor = t->id };
        return 0;
}

static void adopted_gone(Sched *s) {
        uint32_t n = 0;

        if (++s->n_adopted_gone <= s->adopted.n / 2)
                return;
        for (uint32_t k = 0; k < s->adopted.n; k++)
                if (sched_tensor(s, s->adopted.data[k].tensor))
                        s->adopted.data[n++] = s->adopted.data[k];
        s->adopted.n      = n;
        s->n_adopted_gone = 0;
}

/* ---- Whose chunk ------------------------------------------------------------------------------------------------- */

static int compare_chunks(const void *a, const void *b) {
        const SchedTensor *const *x = a, *const *y = b;

        return (*x)->chunk_first < (*y)->chunk_first ? -1 : (*x)->chunk_first > (*y)->chunk_first;
}

/* A disk that fails loses chunks by the thousand, and no tensor comes or goes in between. */
static int by_chunk_sort(Sched *s) {
        s->by_chunk.n = 0;
        if (vec_reserve(&s->by_chunk, s->tensors.n) < 0)
                return -ENOMEM;
        for (uint32_t k = 0; k < s->tensors.capacity; k++) {
                SchedTensor *t = (SchedTensor *) (uintptr_t) s->tensors.entry[k].value;

                if (t && t->n_chunks > 0)
                        s->by_chunk.data[s->by_chunk.n++] = t;
        }
        if (s->by_chunk.n > 0)
                qsort(s->by_chunk.data, s->by_chunk.n, sizeof(*s->by_chunk.data), compare_chunks);
        s->by_chunk_stale = false;
        return 0;
}

int tensor_find(Sched *s, uint64_t chunk, SchedTensor **ret) {
        uint32_t lo = 0, hi;

        if (s->by_chunk_stale && by_chunk_sort(s) < 0)
                return -ENOMEM;
        for (hi = s->by_chunk.n; lo < hi;) {
                const uint32_t middle = lo + (hi - lo) / 2;

                if (s->by_chunk.data[middle]->chunk_first <= chunk)
                        lo = middle + 1;
                else
                        hi = middle;
        }
        *ret = lo > 0 ? s->by_chunk.data[lo - 1] : NULL;
        if (*ret && chunk - (*ret)->chunk_first >= (*ret)->n_chunks)
                *ret = NULL;
        return 0;
}

/* ---- Coming and going ------------------------------------------------------------------------------------------- */

int tensor_add(Sched *s, SchedTensor *t, uint64_t id, Recipe *recipe) {
        t->id = id;
        if (map_set(&s->tensors, id, (uintptr_t) t) < 0) {
                tensor_free(t);
                return -ENOMEM;
        }
        s->by_chunk_stale = true;
        s->state_bytes += tensor_bytes(t);
        s->n_ghosts += t->n_refs == 0;
        if (!recipe)
                return s->alone || t->anchor ? 0 : adopted_add(s, t);
        t->recipe         = recipe->said.id;
        t->next_of_recipe = recipe->tensors;
        recipe->tensors   = t;
        recipe->n_uses++;
        return 0;
}

/* ---- Who has its chunks ----------------------------------------------------------------------------------------- */

/* What a plan that reads or makes the tensor has to know of its chunk. */
static int running_told(Sched *s, Running *r, const SchedTensor *t, uint32_t chunk, uint32_t worker) {
        int ret = 0;

        if (r->made && r->recipe->said.id == t->recipe) {
                uint32_t c = (uint32_t) (t->chunk_first - r->run.first_id) + chunk;

                if (worker == WORKER_NONE && chunk_made(r, c) && r->uses[c] > 0)
                        s->unsettled = r->dirty = true; /* its own tasks may read it, too */
                r->holder[c] = (uint16_t) worker;
        }
        for (uint32_t k = 0; k < r->leaves.n && ret == 0; k++) {
                uint32_t v = r->leaves.data[k], c;
                bool was;

                if (r->leaf[v] != t)
                        continue;
                c            = r->plan->value.data[v].first_chunk + chunk;
                was          = chunk_made(r, c);
                r->holder[c] = (uint16_t) worker;
                if (r->uses[c] == 0 || was == chunk_made(r, c))
                        continue;
                s->unsettled = r->stirred = true;
                if (was) {
                        r->n_lacking++;
                        r->dirty = true;
                        continue;
                }
                r->n_lacking--;
                if (r->index)
                        ret = running_woken(s, r, c);
        }
        return ret;
}

size_t tensor_chunk_bytes(const SchedTensor *t, uint32_t chunk) {
        size_t bytes = dtype_size(t->spec.dtype);
        uint32_t pos[MAX_NDIM];

        tiling_position(&t->tiling, chunk, pos);
        for (int k = 0; k < t->tiling.ndim; k++)
                bytes *= (size_t) (cuts_edge(&t->tiling.axis[k], pos[k] + 1) - cuts_edge(&t->tiling.axis[k], pos[k]));
        return bytes;
}

int tensor_hold(Sched *s, SchedTensor *t, uint32_t chunk, uint32_t worker) {
        int ret = 0;

        t->n_lost += worker == WORKER_NONE;
        t->n_lost -= t->holder[chunk] == WORKER_NONE;
        t->holder[chunk] = worker;
        for (Running *r = s->first_running; r && ret == 0; r = r->after)
                if (!r->ending)
                        ret = running_told(s, r, t, chunk, worker);
        return ret;
}

/* ---- References ------------------------------------------------------------------------------------------------- */

/* All of its chunks go. */
static int tensor_empty(Sched *s, SchedTensor *t) {
        Recipe *recipe = recipe_find(s, t->recipe);
        int r          = 0;

        for (uint32_t k = 0; k < t->n_chunks && r == 0; k++) {
                if (t->holder[k] != WORKER_NONE)
                        r = drop_add(s, t->holder[k], t->chunk_first + k);
                t->holder[k] = WORKER_NONE;
                if (r == 0)
                        r = spare_drop(s, t, k);
        }
        t->n_lost = t->n_chunks;
        if (recipe && recipe->repair && !recipe->repair->ending && r == 0) {
                for (uint32_t k = 0; k < t->n_chunks; k++)
                        recipe->repair->holder[t->chunk_first - recipe->repair->run.first_id + k] = WORKER_NONE;
                recipe->repair->dirty = s->unsettled = true;
        }
        return r;
}

/* It is none any more. */
static int tensor_end(Sched *s, SchedTensor *t) {
        Recipe *recipe = recipe_find(s, t->recipe);
        int r          = s->alone ? 0 : action_add(s, &(SchedAction) { .kind = SCHED_TENSOR_GONE, .tensor = t->id });

        map_remove(&s->tensors, t->id);
        s->by_chunk_stale = true;
        s->state_bytes -= tensor_bytes(t);
        if (t->recipe == 0 && !t->anchor && !s->alone)
                adopted_gone(s);
        if (!recipe)
                return r;
        recipe_disown(recipe, t);
        if (recipe->repair && !recipe->repair->ending)
                recipe->repair->made[recipe->repair->plan->chunk_value[t->chunk_first -
                                                                       recipe->repair->run.first_id]] = NULL;
        return r < 0 ? r : recipe_unuse(s, recipe);
}

void tensor_ref(Sched *s, SchedTensor *t) {
        const Recipe *recipe = t->n_refs == 0 ? recipe_find(s, t->recipe) : NULL;

        s->n_ghosts -= t->n_refs == 0;
        t->n_refs++;
        if (recipe && recipe->repair)
                recipe->repair->dirty = s->unsettled = true; /* what it makes of it is kept from now on */
}

int tensor_unref(Sched *s, uint64_t id) {
        SchedTensor *t = sched_tensor(s, id);
        int r;

        assert(t && t->n_refs > 0);
        if (--t->n_refs > 0)
                return anchor_look(s, t);
        r = tensor_empty(s, t);
        if (t->n_recipes > 0) {
                s->n_ghosts++;
                return r;
        }
        const int ended = tensor_end(s, t); /* whatever failed before: it is freed */

        tensor_free(t);
        return r < 0 ? r : ended;
}

int tensor_unread(Sched *s, SchedTensor *t) {
        int r;

        assert(t->n_recipes > 0);
        if (--t->n_recipes > 0)
                return 0;
        if (t->anchor)
                return tensor_unref(s, t->id); /* its own */
        if (t->n_refs > 0)
                return 0;
        s->n_ghosts--;
        r = tensor_end(s, t);
        tensor_free(t);
        return r;
}

int tensors_close(Sched *s) {
        int r = 0;

        assert(!s->first && s->alone);
        for (uint32_t k = 0; k < s->tensors.capacity && r == 0;) {
                SchedTensor *t = (SchedTensor *) (uintptr_t) s->tensors.entry[k].value;

                if (!t) {
                        k++;
                        continue;
                }
                r = tensor_empty(s, t);
                if (r == 0)
                        r = tensor_end(s, t); /* another one may stand in its place now */
                t->closed_next = s->closed;
                s->closed      = t;
        }
        return r;
}

int sched_adopt(Sched *s, const Spec *spec, const Tiling *tiling, uint32_t worker, uint64_t *ret) {
        SchedTensor *t;
        int r;

        assert(tiling_known(tiling));
        r = tensor_new(s, spec, tiling, NULL, s->next_chunk, &t);
        if (r == 0)
                r = tensor_add(s, t, s->next_tensor, NULL);
        if (r < 0)
                return r;
        t->given = true;
        *ret = s->next_tensor++;
        s->next_chunk += t->n_chunks;
        if (worker == WORKER_NONE && s->n_open == 0)
                return 0; /* whoever reads it asks for it */
        for (uint32_t k = 0; k < t->n_chunks; k++)
                t->holder[k] = worker != WORKER_NONE ? worker : worker_spread(s, k, t->n_chunks);
        t->n_lost = 0;
        return 0;
}
