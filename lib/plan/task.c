/* SPDX-License-Identifier: Apache-2.0 */
/* What one task reads, makes and needs: arithmetic on tilings, the same for the planner that writes it out as lists
 * and for the executor that finds its way in them. */
#include "base/error.h"
#include "plan/plan.h"

enum { SCRATCH_ALIGN = 64 };

void plan_task_box(const Plan *plan, uint32_t task, Box *ret) {
        const Stage *stage = plan->stage.data + plan->task_stage[task];

        tiling_box(&stage->domain, task - stage->first_task, ret);
}

/* What of an axis of length n is read from the positions of an interval: clamped, and perhaps nothing. */
static void map_interval(const AxisMap *m, int64_t from, int64_t to, int64_t n, int64_t *lo, int64_t *hi) {
        int64_t first = m->start, last = m->start;

        if (m->axis != NO_AXIS) {
                from = map_count(m, from);
                to   = map_count(m, to);
                first += m->step * from;
                last += m->step * (to - 1);
        }
        *lo = MAX(MIN(first, last), (int64_t) 0);
        *hi = MIN(MAX(first, last) + 1, n);
        if (from >= to || *lo >= *hi)
                *lo = *hi = 0;
}

/* The positions of an axis of the domain at which the source is there. */
static void source_extent(const Source *s, int axis, int64_t *lo, int64_t *hi) {
        for (int k = 0; s->input && k < s->shape->ndim; k++)
                if (s->input[k].axis != axis)
                        continue;
                else if (s->input[k].every > 1)
                        *hi = MIN(*hi, s->input[k].first + (s->shape->dim[k] - 1) * s->input[k].every + 1);
                else {
                        *lo = MAX(*lo, -s->input[k].start);
                        *hi = MIN(*hi, s->shape->dim[k] - s->input[k].start);
                }
}

bool plan_source_domain(const Source *source, const Box *box, Box *ret) {
        bool some = true;

        *ret = *box;
        for (int k = 0; source->input && k < box->ndim; k++) {
                source_extent(source, k, &ret->lo[k], &ret->hi[k]);
                some &= ret->lo[k] < ret->hi[k] || box->lo[k] == box->hi[k];
                ret->hi[k] = MAX(ret->lo[k], ret->hi[k]);
        }
        return some;
}

/* Of the axis along which tasks are a chain: what the task has left that comes before the one at this position. */
static void before_interval(uint32_t k, int64_t *lo, int64_t *hi) {
        *lo = k > 0 ? (int64_t) k - 1 : 0;
        *hi = (int64_t) k;
}

void plan_source_box(const Plan *plan, const Stage *stage, uint32_t source, const Box *box, Box *ret) {
        const Source *s = stage->source + source;
        const Value *value = plan->value.data + s->value;
        Box domain;

        *ret = (Box) { .ndim = value->shape.ndim };
        if (!plan_source_domain(s, box, &domain))
                return;
        for (int k = 0; k < value->shape.ndim; k++) {
                const AxisMap *m = s->map + k;
                int64_t lo       = m->axis == NO_AXIS ? 0 : domain.lo[m->axis],
                        hi       = m->axis == NO_AXIS ? 1 : domain.hi[m->axis];

                if (s->before && m->axis == s->along && lo < hi)
                        before_interval(cuts_find(&stage->domain.axis[m->axis], lo), ret->lo + k, ret->hi + k);
                else
                        map_interval(m, lo, hi, value->shape.dim[k], ret->lo + k, ret->hi + k);
        }
}

/* The chunks of a value that overlap a box of it. */
static int value_chunks(const Value *value, const Box *overlap,
                        int (*fn)(void *userdata, uint32_t chunk, const Box *chunk_box), void *userdata) {
        const Tiling *t = &value->tiling;
        const int ndim  = t->ndim;
        uint32_t first[MAX_NDIM], last[MAX_NDIM], at[MAX_NDIM];
        Box box = { .ndim = ndim };

        assert(ndim >= 0 && ndim <= MAX_NDIM);
        for (int k = 0; k < ndim; k++) {
                if (overlap->lo[k] >= overlap->hi[k])
                        return 0;
                at[k] = first[k] = cuts_find(&t->axis[k], overlap->lo[k]);
                last[k] = cuts_find(&t->axis[k], overlap->hi[k] - 1);
        }
        for (;;) {
                int r, k;

                for (k = 0; k < ndim; k++) {
                        box.lo[k] = cuts_edge(&t->axis[k], at[k]);
                        box.hi[k] = cuts_edge(&t->axis[k], at[k] + 1);
                        if (box.lo[k] == box.hi[k])
                                break; /* an empty chunk between others */
                }
                if (k == ndim) {
                        r = fn(userdata, value->first_chunk + (uint32_t) tiling_chunk_at(t, at), &box);
                        if (r < 0)
                                return r;
                }
                for (k = ndim - 1; k >= 0; k--) {
                        if (++at[k] <= last[k])
                                break;
                        at[k] = first[k];
                }
                if (k < 0)
                        return 0;
        }
}

int plan_source_chunks(const Plan *plan, const Stage *stage, uint32_t source, const Box *source_box,
                       int (*fn)(void *userdata, uint32_t chunk, const Box *chunk_box), void *userdata) {
        return value_chunks(plan->value.data + stage->source[source].value, source_box, fn, userdata);
}

int plan_piece_chunks(const Plan *plan, const Stage *stage, uint32_t out, const Box *box,
                      int (*fn)(void *userdata, uint32_t chunk, const Box *chunk_box), void *userdata) {
        const Value *value = plan->value.data + stage->out[out].value;
        Box overlap        = { .ndim = value->shape.ndim };

        assert(stage->out[out].pieces);
        for (int k = 0; k < overlap.ndim; k++) {
                overlap.lo[k] = box->lo[stage->out[out].axis[k]];
                overlap.hi[k] = box->hi[stage->out[out].axis[k]];
        }
        return value_chunks(value, &overlap, fn, userdata);
}

/* The output of `stage` that makes the value. */
static const Out *out_of(const Stage *stage, ValueId value) {
        for (uint32_t i = 0; i < stage->n_out; i++)
                if (stage->out[i].value == value)
                        return stage->out + i;
        return NULL;
}

/* A length that only the task will know: at most the domain's interval that the axis follows, or all elements of the
 * box. */
static int64_t capacity(const Plan *plan, const Value *value, uint32_t chunk, int axis) {
        const Stage *stage = plan->stage.data + value->stage;
        const Out *out = out_of(stage, (ValueId) (value - plan->value.data));
        uint32_t pos[MAX_NDIM];
        Box box;

        if (out && out->axis[axis] != NO_AXIS) {
                const Cuts *cuts = &stage->domain.axis[out->axis[axis]];

                tiling_position(&value->tiling, chunk - value->first_chunk, pos);
                return cuts_edge(cuts, pos[axis] + 1) - cuts_edge(cuts, pos[axis]);
        }
        tiling_box(&stage->domain, chunk - value->first_chunk, &box);
        return box_size(&box);
}

void plan_chunk_shape(const Plan *plan, uint32_t chunk, Shape *ret) {
        const Value *value = plan->value.data + plan->chunk_value[chunk];
        uint32_t pos[MAX_NDIM];

        tiling_position(&value->tiling, chunk - value->first_chunk, pos);
        ret->ndim = value->tiling.ndim;
        for (int k = 0; k < ret->ndim; k++) {
                const Cuts *cuts = &value->tiling.axis[k];

                ret->dim[k] = cuts->extent == UNKNOWN ? capacity(plan, value, chunk, k)
                                                      : cuts_edge(cuts, pos[k] + 1) - cuts_edge(cuts, pos[k]);
        }
}

size_t plan_chunk_bytes(const Plan *plan, uint32_t chunk) {
        Shape shape;

        plan_chunk_shape(plan, chunk, &shape);
        return (size_t) shape_size(&shape) * dtype_size(plan->value.data[plan->chunk_value[chunk]].dtype);
}

size_t plan_task_bytes(const Plan *plan, uint32_t task) {
        size_t n = plan->stage.data[plan->task_stage[task]].scratch_bytes;

        for (uint32_t i = plan->output_start[task]; i < plan->output_start[task + 1]; i++)
                n += plan_chunk_bytes(plan, plan->output_chunk[i]);
        return n;
}

/* ---- Scratch ---------------------------------------------------------------------------------------------------- */

static int64_t longest(const Cuts *cuts) {
        int64_t max = 0;

        if (cuts->extent == UNKNOWN)
                return 0;
        if (!cuts->edge)
                return MIN(cuts->step, cuts->extent);
        for (uint32_t k = 0; k < cuts->n; k++)
                max = MAX(max, cuts->edge[k + 1] - cuts->edge[k]);
        return max;
}

void plan_source_interval(const Plan *plan, const Stage *stage, uint32_t source, int axis, uint32_t k, int64_t *ret_lo,
                          int64_t *ret_hi) {
        const Source *s = stage->source + source;
        const AxisMap *m = s->map + axis;
        const Cuts *to = m->axis == NO_AXIS ? NULL : &stage->domain.axis[m->axis];
        int64_t lo = to ? cuts_edge(to, k) : 0, hi = to ? cuts_edge(to, k + 1) : 1;

        if (s->before && m->axis == s->along) {
                before_interval(k, ret_lo, ret_hi);
                return;
        }
        if (to)
                source_extent(s, m->axis, &lo, &hi);
        map_interval(m, lo, hi, plan->value.data[s->value].shape.dim[axis], ret_lo, ret_hi);
}

void plan_source_axis(const Plan *plan, const Stage *stage, uint32_t source, int axis, SourceAxis *ret) {
        const Source *s = stage->source + source;
        const Value *value = plan->value.data + s->value;
        const AxisMap *m = s->map + axis;
        const Cuts *from = &value->tiling.axis[axis], *to = m->axis == NO_AXIS ? NULL : &stage->domain.axis[m->axis];
        int64_t n = 0, chunks = 0;
        bool crosses = false;

        if (from->extent == UNKNOWN) {
                *ret = (SourceAxis) {};
                return;
        }
        if (!to || from->n == 1 || (m->start == 0 && m->step == 1 && m->every <= 1 && cuts_equal(from, to))) {
                n      = to ? (longest(to) - 1) * (m->step < 0 ? -m->step : m->step) + 1 : 1;
                chunks = longest(from);
        } else
                for (uint32_t k = 0; k < to->n; k++) {
                        int64_t lo, hi;

                        plan_source_interval(plan, stage, source, axis, k, &lo, &hi);
                        if (lo >= hi)
                                continue;
                        const uint32_t first = cuts_find(from, lo), last = cuts_find(from, hi - 1);

                        n      = MAX(n, hi - lo);
                        chunks = MAX(chunks, cuts_edge(from, last + 1) - cuts_edge(from, first));
                        crosses |= first != last;
                }
        *ret = (SourceAxis) { .longest = MAX(MIN(n, value->shape.dim[axis]), (int64_t) 0),
                              .chunks  = chunks,
                              .crosses = crosses };
}

/* Adds a block of the shape, refusing what cannot be counted. */
static int scratch_add(size_t *scratch, const Shape *shape, size_t itemsize) {
        size_t n = itemsize;

        for (int k = 0; k < shape->ndim; k++)
                if (__builtin_mul_overflow(n, (size_t) shape->dim[k], &n))
                        return ERROR_MEMORY;
        if (n > PTRDIFF_MAX / 2 - *scratch)
                return ERROR_MEMORY;
        *scratch += (n + SCRATCH_ALIGN - 1) & ~(size_t) (SCRATCH_ALIGN - 1);
        return 0;
}

/* The same of an axis of the domain, as far as a task sees it at once. */
static int64_t longest_strip(const Stage *stage, int axis) {
        const int64_t n = longest(&stage->domain.axis[axis]);

        return stage->kind == STAGE_BLOCK && stage->block.strip > 0 && axis == stage->block.axis
                       ? MIN(n, stage->block.strip)
                       : n;
}

/* Of a block operator's input, the longest that a task sees. */
static void input_shape(const Stage *stage, uint32_t source, Shape *ret) {
        const Source *s = stage->source + source;

        if (!s->input)
                return;
        ret->ndim = s->shape->ndim;
        for (int k = 0; k < ret->ndim; k++)
                ret->dim[k] =
                        s->input[k].axis == NO_AXIS ? 1 : MIN(longest_strip(stage, s->input[k].axis), s->shape->dim[k]);
}

int plan_stage_scratch(const Plan *plan, Stage *stage) {
        const Op *op = stage->kind == STAGE_BLOCK ? stage->block.op : NULL;
        const uint32_t n_own      = op ? stage->block.n_in : 0;
        _cleanup_(freep) Spec *in = NULL;
        size_t scratch = 0;
        int r;

        stage->scratch_bytes = 0;
        if (stage->kind == STAGE_MERGE)
                return 0; /* reads the partials where they lie */

        in = calloc(stage->n_source + stage->n_local + n_own + 1, sizeof(*in));
        if (!in)
                return -ENOMEM;
        for (uint32_t i = 0; i < stage->n_source; i++) {
                const Value *value = plan->value.data + stage->source[i].value;
                bool assembled = false;

                in[i].dtype = value->dtype;
                in[i].shape.ndim = value->shape.ndim;
                for (int k = 0; k < value->shape.ndim; k++) {
                        SourceAxis axis;

                        plan_source_axis(plan, stage, i, k, &axis);
                        in[i].shape.dim[k] = axis.longest;
                        assembled |= axis.crosses;
                }
                if (assembled && !(op && op->takes_pieces)) {
                        r = scratch_add(&scratch, &in[i].shape, dtype_size(value->dtype));
                        if (r < 0)
                                return r;
                }
                input_shape(stage, i, &in[i].shape);
        }
        for (uint32_t i = 0; i < stage->n_local; i++) {
                const Local *local = stage->local + i;
                Spec *spec = in + stage->n_source + i;

                *spec = (Spec){ .dtype = local->dtype, .shape.ndim = local->ndim };
                for (int k = 0; k < local->ndim; k++)
                        spec->shape.dim[k] = longest_strip(stage, local->axis[k]);
                r = scratch_add(&scratch, &spec->shape, dtype_size(local->dtype));
                if (r < 0)
                        return r;
        }
        if (op && op->scratch) {
                OpCall call = { .op = op, .params = stage->block.params, .n_in = stage->n_source, .in = in };
                Spec *own   = in + stage->n_source + stage->n_local;
                size_t n;

                if (stage->block.input) {
                        for (uint32_t i = 0; i < stage->block.n_in; i++)
                                own[i] = in[stage->block.input[i].index +
                                            (stage->block.input[i].local ? stage->n_source : 0)];
                        call.n_in = stage->block.n_in;
                        call.in = own;
                }
                n = op->scratch(&call);

                if (n > PTRDIFF_MAX / 2 - scratch)
                        return ERROR_MEMORY;
                scratch += n;
        }
        stage->scratch_bytes = scratch;
        return 0;
}
