/* SPDX-License-Identifier: Apache-2.0 */
/* How the domain of a stage is cut: as the largest tensor that its program reads is, axis by axis; axes that nothing
 * cuts stay whole unless a task would become too large. Only shapes, dtypes and the tilings of inputs count, so that
 * the same expression is cut in the same way everywhere. */
#include "plan/planner.h"

/* A mask may leave a chunk empty; a domain has no empty intervals (unless all of it is empty). */
static bool has_empty(const Cuts *cuts) {
        for (uint32_t i = 0; cuts->edge && i < cuts->n; i++)
                if (cuts->edge[i] == cuts->edge[i + 1])
                        return true;
        return false;
}

/* Cuts of a domain axis at the places where the positions start + step * p cross the edges of `cuts`. */
static int cuts_through_map(Arena *arena, const Cuts *cuts, AxisMap m, int64_t extent, Cuts *ret) {
        int64_t *size, at = 0;
        uint32_t n = 0;

        if (m.start == 0 && m.step == 1 && cuts->extent == extent && !has_empty(cuts)) {
                *ret = *cuts;
                return 0;
        }
        if (extent == 0 || cuts->n == 1) {
                *ret = cuts_whole(extent);
                return 0;
        }
        size = arena_new_array(arena, int64_t, (size_t) cuts->n + 1);
        if (!size)
                return -ENOMEM;
        for (uint32_t i = 1; i <= cuts->n && at < extent; i++) {
                /* The first domain position beyond the i-th edge that is met in ascending domain order. */
                const int64_t edge = cuts_edge(cuts, m.step > 0 ? i : cuts->n - i);
                int64_t p          = m.step > 0 ? (edge <= m.start ? 0 : div_up(edge - m.start, m.step))
                                                : (m.start < edge ? 0 : (m.start - edge) / -m.step + 1);

                if (i == cuts->n || p > extent)
                        p = extent;
                if (p > at) {
                        size[n++] = p - at;
                        at        = p;
                }
        }
        if (at < extent)
                size[n++] = extent - at;
        return cuts_from_sizes(arena, size, n, extent, ret, NULL);
}

static uint64_t weight_of(const Shape *s, DType dtype) {
        return (uint64_t) shape_size(s) * dtype_size(dtype) + 1;
}

static int consider(Planner *p, const StageBuild *sb, const Tiling *tiling, const AxisMap *map, uint64_t weight,
                    Tiling *t, uint64_t *best) {
        for (int k = 0; k < tiling->ndim; k++) {
                const int axis = map[k].axis;
                int r;

                if (axis == NO_AXIS || map[k].every > 1 || weight <= best[axis] || tiling->axis[k].extent == UNKNOWN)
                        continue;
                r = cuts_through_map(p->arena, &tiling->axis[k], map[k], sb->extent[axis], &t->axis[axis]);
                if (r < 0)
                        return r;
                best[axis] = weight;
        }
        return 0;
}

int cuts_limit(Planner *p, Tiling *t, int n_axes, int64_t max_elements) {
        int64_t limit = MAX(max_elements, (int64_t) 1), size = 1;

        for (int i = 0; i < t->ndim; i++) {
                const Cuts *c = &t->axis[i];

                size *= c->step ?: c->edge ? c->extent / c->n + 1 : 1; /* a typical chunk */
                if (size > (int64_t) 1 << 48)
                        break;
        }
        for (int i = 0; i < n_axes && size > limit; i++) {
                Cuts *c           = &t->axis[i], finer;
                const int64_t len = MAX(c->step ?: c->extent / c->n + 1, 1);
                int64_t step      = len;
                int r;

                while (step > 1 && size / len * step > limit)
                        step = step == len ? (int64_t) 1 << (63 - __builtin_clzll((uint64_t) MAX(len - 1, 1)))
                                           : step / 2;
                finer = cuts_regular(c->extent, step);
                r     = cuts_refine(p->arena, c, &finer, c);
                if (r < 0)
                        return r;
                size = size / len * step;
        }
        return 0;
}

int stage_hint(Planner *p, StageBuild *sb, const Node *source, const AxisMap *map) {
        const SourceParams *params = source->params;
        const Spec *spec           = &source->out[0];
        Hint h                     = { .map = map, .weight = weight_of(&spec->shape, spec->dtype) };
        int r;

        if (spec->shape.ndim == 0)
                return 0;
        if (params->chunk_size.given) {
                r = tiling_parse(p->arena, &spec->shape, spec->dtype, params->chunk_size.v, params->chunk_size.n,
                                 &h.tiling, p->err);
                if (r < 0)
                        return error_prefix(p->err, r, "%s", source->op->name);
                sb->asked = true;
        } else
                h.tiling = tiling_auto(&spec->shape, spec->dtype);
        return vec_push(&sb->hint, h);
}

int stage_cuts(Planner *p, StageBuild *sb, Tiling *ret) {
        uint64_t best[MAX_NDIM] = {};
        int r;

        ret->ndim = sb->ndim;
        for (int i = 0; i < sb->ndim; i++)
                ret->axis[i] = cuts_whole(sb->extent[i]);
        for (uint32_t i = 0; i < sb->source.n; i++) {
                const Source *s = &sb->source.data[i];
                const Value *v  = &p->plan->value.data[s->value];

                r = consider(p, sb, &v->tiling, s->map, weight_of(&v->shape, v->dtype), ret, best);
                if (r < 0)
                        return r;
        }
        for (uint32_t i = 0; i < sb->hint.n; i++) {
                const Hint *h = &sb->hint.data[i];

                r = consider(p, sb, &h->tiling, h->map, h->weight, ret, best);
                if (r < 0)
                        return r;
        }
        if (sb->fixed)
                return 0;
        r = sb->asked ? 0 : cuts_limit(p, ret, ret->ndim, MAX_CHUNK_BYTES / sizeof(double));
        return r < 0 ? r : exchange_cuts(p, sb, ret);
}
