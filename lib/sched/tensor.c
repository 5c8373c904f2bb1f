/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors of the scheduler. A tiling's explicit edges are copied, since those of a plan go with the plan; lengths
 * that were unknown to the plan are put in. */
#include "sched/state.h"

static size_t tensor_bytes(const SchedTensor *t) {
        return sizeof(*t) + t->n_chunks * sizeof(uint32_t);
}

void tensor_free(SchedTensor *tensor) {
        if (!tensor)
                return;
        free(tensor->holder);
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
               SchedTensor **ret, uint64_t *ret_id) {
        SchedTensor *t = calloc(1, sizeof(*t));
        size_t n_edges = 0;
        int64_t *edge;

        if (!t)
                return -ENOMEM;
        t->n_chunks = (uint32_t) tiling_n_chunks(tiling);
        t->holder   = calloc(t->n_chunks + 1, sizeof(*t->holder));
        for (int k = 0; k < tiling->ndim; k++)
                if (tiling->axis[k].edge || tiling->axis[k].extent == UNKNOWN)
                        n_edges += tiling->axis[k].n + 1;
        t->edges = calloc(n_edges + 1, sizeof(*t->edges));
        if (!t->holder || !t->edges)
                goto oom;

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
        if (map_set(&s->tensors, s->next_tensor, (uintptr_t) t) < 0)
                goto oom;
        s->state_bytes += tensor_bytes(t);
        t->id   = s->next_tensor++;
        *ret    = t;
        *ret_id = t->id;
        return 0;
oom:
        tensor_free(t);
        return -ENOMEM;
}

SchedTensor *sched_tensor(const Sched *s, uint64_t tensor) {
        return (SchedTensor *) (uintptr_t) map_get(&s->tensors, tensor);
}

/* The tensor is none any more, and its chunks go. */
static int tensor_end(Sched *s, SchedTensor *t) {
        int r = 0;

        for (uint32_t k = 0, n; k < t->n_chunks && r == 0; k += n) {
                for (n = 1; k + n < t->n_chunks && t->holder[k + n] == t->holder[k];)
                        n++;
                if (t->holder[k] != WORKER_NONE)
                        r = action_add(s, &(SchedAction) { .kind   = SCHED_DROP,
                                                           .worker = t->holder[k],
                                                           .chunk  = t->chunk_first + k,
                                                           .n      = n });
        }
        map_remove(&s->tensors, t->id);
        s->state_bytes -= tensor_bytes(t);
        return r;
}

int tensor_unref(Sched *s, uint64_t id) {
        SchedTensor *t = sched_tensor(s, id);
        int r;

        assert(t && t->n_refs > 0);
        if (--t->n_refs > 0)
                return 0;
        r = tensor_end(s, t);
        tensor_free(t);
        return r;
}

int tensors_close(Sched *s) {
        int r = 0;

        assert(!s->first);
        for (uint32_t k = 0; k < s->tensors.capacity && r == 0;) {
                SchedTensor *t = (SchedTensor *) (uintptr_t) s->tensors.entry[k].value;

                if (!t) {
                        k++;
                        continue;
                }
                r              = tensor_end(s, t); /* another one may stand in its place now */
                t->closed_next = s->closed;
                s->closed      = t;
        }
        return r;
}

int sched_adopt(Sched *s, const Spec *spec, const Tiling *tiling, uint32_t worker, uint64_t *ret) {
        SchedTensor *t;
        int r;

        assert(tiling_known(tiling));
        r = tensor_new(s, spec, tiling, NULL, s->next_chunk, &t, ret);
        if (r < 0)
                return r;
        s->next_chunk += t->n_chunks;
        for (uint32_t k = 0; k < t->n_chunks; k++)
                t->holder[k] = worker != WORKER_NONE ? worker : worker_spread(s, k, t->n_chunks);
        return 0;
}
