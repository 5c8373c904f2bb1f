/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges: what keeps a task's inputs small when tensors are read across the way in which they are cut.
 *
 * A transposed tensor whose chunks are runs of rows is read column by column: every task needs a little of every chunk,
 * so all of them would have to be in memory at once. Where that is more than a task may have, two things are done:
 *
 *   cuts     tasks become boxes of about equal sides, so that what one of them reads is of about equal sides too
 *   pieces   a stage before cuts every chunk where the borders of the tasks meet it: one task a chunk, which makes all
 *            pieces of it. Then a task reads just the pieces that are its own, and chunks go through memory one by one
 *
 * Only places change: a value and its pieces hold the same elements, so no bit of an answer depends on an exchange. */
#include "plan/planner.h"

/* What the tasks of a stage read of one source: of the longest, along every axis. */
typedef struct Reach {
        size_t box_bytes;   /* of the elements that are needed */
        size_t chunk_bytes; /* of the chunks that they lie in */
        bool assembled;     /* they lie in several chunks, and are copied together */
} Reach;

static size_t times(size_t a, int64_t b) {
        size_t ret;

        return __builtin_mul_overflow(a, (size_t) b, &ret) ? SIZE_MAX / 8 : ret;
}

static void source_reach(const Plan *plan, const Stage *stage, uint32_t source, Reach *ret) {
        const Value *value = &plan->value.data[stage->source[source].value];

        *ret = (Reach) { .box_bytes = dtype_size(value->dtype), .chunk_bytes = dtype_size(value->dtype) };
        for (int k = 0; k < value->shape.ndim; k++) {
                SourceAxis axis;

                plan_source_axis(plan, stage, source, k, &axis);
                ret->box_bytes   = times(ret->box_bytes, axis.longest);
                ret->chunk_bytes = times(ret->chunk_bytes, axis.chunks);
                ret->assembled |= axis.crosses;
        }
}

/* More than twice of what is needed: worth an exchange. */
static bool wasteful(const Reach *reach) {
        return reach->chunk_bytes / 2 > reach->box_bytes;
}

/* Whether a task may take a chunk of the source and all of its pieces; else an exchange would only make it worse. */
static bool can_be_pieces(const Plan *plan, const Stage *stage, uint32_t source, size_t limit) {
        const Value *value = &plan->value.data[stage->source[source].value];
        Box box;

        tiling_box(&value->tiling, 0, &box);
        return times(2 * dtype_size(value->dtype), box_size(&box)) <= limit;
}

static bool splits(const Plan *plan, const Stage *stage, uint32_t source) {
        const Value *value = &plan->value.data[stage->source[source].value];

        return tiling_known(&value->tiling) && shape_size(&value->shape) > 0;
}

/* ---- Cuts ------------------------------------------------------------------------------------------------------- */

static int64_t axis_length(const Cuts *c) {
        return MAX(c->step ?: c->extent / c->n, (int64_t) 1);
}

/* Boxes of at most n elements whose sides are as equal as the extents let them be: powers of two, or whole axes. */
static void cuts_balanced(Tiling *t, const bool *take, int64_t n) {
        bool open[MAX_NDIM];
        int64_t side = 1;
        int n_open   = 0;

        for (int k = 0; k < t->ndim; k++) {
                open[k] = take[k];
                n_open += take[k];
                if (!take[k])
                        n = MAX(n / axis_length(&t->axis[k]), (int64_t) 1);
        }
        for (bool again = true; again && n_open > 0;) {
                again = false;
                for (side = 1; side < (int64_t) 1 << 40; side *= 2) {
                        int64_t size = 1;

                        for (int k = 0; k < n_open && size <= n; k++)
                                size *= side * 2;
                        if (size > n)
                                break;
                }
                for (int k = 0; k < t->ndim; k++)
                        if (open[k] && t->axis[k].extent <= side) {
                                open[k]    = false;
                                n          = MAX(n / MAX(t->axis[k].extent, (int64_t) 1), (int64_t) 1);
                                t->axis[k] = cuts_whole(t->axis[k].extent);
                                n_open--;
                                again = true;
                        }
        }
        for (int k = 0; k < t->ndim; k++)
                if (open[k])
                        t->axis[k] = cuts_regular(t->axis[k].extent, side);
}

int exchange_cuts(Planner *p, const StageBuild *sb, Tiling *domain) {
        const size_t limit       = p->leaves->task_bytes;
        const Stage probe        = { .domain = *domain, .n_source = sb->source.n, .source = sb->source.data };
        bool across[MAX_NDIM]    = {}, any = false;
        size_t element = sizeof(double), bytes = 0; /* one output */

        if (limit == 0)
                return 0;
        for (uint32_t i = 0; i < sb->source.n; i++) {
                const Value *value = &p->plan->value.data[sb->source.data[i].value];
                Reach reach;

                if (!splits(p->plan, &probe, i))
                        continue;
                source_reach(p->plan, &probe, i, &reach);
                bytes   += reach.chunk_bytes + reach.assembled * reach.box_bytes;
                element += 2 * dtype_size(value->dtype); /* the pieces, and the copy that they are put together in */
                if (!wasteful(&reach))
                        continue;
                any = true;
                for (int k = 0; k < value->shape.ndim; k++)
                        if (sb->source.data[i].map[k].axis != NO_AXIS)
                                across[sb->source.data[i].map[k].axis] = true;
        }
        for (int k = 0; k < domain->ndim; k++)
                across[k] &= domain->axis[k].extent > 1;
        if (any && bytes > limit)
                cuts_balanced(domain, across, (int64_t) (limit / element));
        return cuts_limit(p, domain, domain->ndim, (int64_t) (limit / element));
}

/* ---- Pieces ----------------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
        const int64_t x = *(const int64_t *) a, y = *(const int64_t *) b;

        return x < y ? -1 : x > y;
}

/* The cuts of one axis of the source and, besides, all borders of what tasks read there. */
static int piece_cuts(Planner *p, const Stage *stage, uint32_t source, int axis, Cuts *ret) {
        const Source *s    = &stage->source[source];
        const Value *value = &p->plan->value.data[s->value];
        const int64_t n    = value->shape.dim[axis];
        const Cuts *own     = &value->tiling.axis[axis],
                   *to      = s->map[axis].axis == NO_AXIS ? NULL : &stage->domain.axis[s->map[axis].axis];
        const uint32_t n_to = to ? to->n : 1;
        int64_t *edge       = arena_new_array(p->arena, int64_t, 2 * (size_t) n_to + 2);
        int64_t *size       = arena_new_array(p->arena, int64_t, 2 * (size_t) n_to + 2);
        uint32_t n_edge = 0, n_size = 0;
        Cuts borders;
        int r;

        if (!edge || !size)
                return error_oom(p->err, 2 * (size_t) n_to * sizeof(int64_t));
        edge[n_edge++] = 0;
        for (uint32_t k = 0; k < n_to; k++) {
                int64_t lo, hi;

                plan_source_interval(p->plan, stage, source, axis, k, &lo, &hi);
                if (lo < hi) {
                        edge[n_edge++] = lo;
                        edge[n_edge++] = hi;
                }
        }
        edge[n_edge++] = n;
        qsort(edge, n_edge, sizeof(*edge), ascending);
        for (uint32_t k = 1; k < n_edge; k++)
                if (edge[k] > edge[k - 1])
                        size[n_size++] = edge[k] - edge[k - 1];
        r = cuts_from_sizes(p->arena, size, n_size, n, &borders, p->err);
        return r < 0 ? r : cuts_refine(p->arena, own, &borders, ret);
}

static int source_split(Planner *p, const Stage *stage, uint32_t source, ValueId *ret) {
        const ValueId from = stage->source[source].value;
        Tiling t           = p->plan->value.data[from].tiling;
        int r;

        for (int k = 0; k < t.ndim; k++) {
                r = piece_cuts(p, stage, source, k, &t.axis[k]);
                if (r < 0)
                        return r;
        }
        for (uint32_t i = 0; i < p->pieces.n; i++)
                if (p->pieces.data[i].from == from &&
                    tiling_equal(&p->plan->value.data[p->pieces.data[i].to].tiling, &t)) {
                        *ret = p->pieces.data[i].to;
                        return 0;
                }
        if (tiling_equal(&t, &p->plan->value.data[from].tiling)) {
                *ret = from;
                return 0;
        }
        r = stage_copy(p, from, &t, true, ret);
        if (r >= 0 && vec_push(&p->pieces, (Pieces) { .from = from, .to = *ret }) < 0)
                r = error_oom(p->err, sizeof(Pieces));
        return r;
}

int exchange_sources(Planner *p, StageBuild *sb, const Tiling *domain) {
        const Stage probe  = { .domain = *domain, .n_source = sb->source.n, .source = sb->source.data };
        const size_t limit = p->leaves->task_bytes;
        size_t bytes       = 0;
        int r              = 0;

        if (limit == 0)
                return 0;
        for (uint32_t i = 0; i < sb->source.n; i++) {
                Reach reach;

                if (!splits(p->plan, &probe, i))
                        continue;
                source_reach(p->plan, &probe, i, &reach);
                bytes += reach.chunk_bytes + reach.assembled * reach.box_bytes;
        }
        for (uint32_t i = 0; i < sb->source.n && bytes > limit && r >= 0; i++) {
                Reach reach;

                if (!splits(p->plan, &probe, i))
                        continue;
                source_reach(p->plan, &probe, i, &reach);
                if (wasteful(&reach) && can_be_pieces(p->plan, &probe, i, MAX(limit, p->leaves->alone_bytes)))
                        r = source_split(p, &probe, i, &sb->source.data[i].value);
        }
        return r;
}
