/* SPDX-License-Identifier: Apache-2.0 */
/* Stages of operators that run themselves on blocks: which box of each input a task reads follows from the
 * operator's table (batch and core axes, graph/op.h). The domain has the batch axes, then the cut axis, if any, then
 * the core axes, whole. Elementwise inputs of operators that work by strips are nests of the same stage. */
#include "plan/planner.h"

static int core_of(uint8_t core, int ndim) {
        return core == CORE_ALL ? ndim : MIN(core, ndim);
}

/* An input that is computed in front of the operator: a nest that stores it in a local with the input's axes. */
static int block_nest(Planner *p, StageBuild *sb, Ref ref, const AxisMap *map) {
        const Spec *spec = planner_spec(p, ref);
        _cleanup_(nest_build_clear) NestBuild nb = { .stage = sb };
        Local local = { .dtype = spec->dtype, .ndim = spec->shape.ndim };
        Sink sink = { .local = true, .dest = { sb->local.n } };
        bool on[MAX_NDIM] = {};
        int r;

        for (int k = 0; k < local.ndim; k++) {
                assert(map[k].axis != NO_AXIS);
                local.axis[k] = map[k].axis;
                on[map[k].axis] = true;
        }
        for (int k = 0; k < sb->ndim; k++)
                if (on[k])
                        nb.axis[nb.ndim++] = k;
        r = program_emit(p, &nb, ref, map, &sink.reg[0]);
        if (r >= 0)
                r = program_cast(p, &nb, sink.reg[0], spec->dtype, &sink.reg[0]);
        if (r < 0)
                return r;
        if (vec_push(&nb.sink, sink) < 0 ||
            vec_push(&sb->input, (BlockInput){ .local = true, .index = sb->local.n }) < 0 ||
            vec_push(&sb->local, local) < 0)
                return error_oom(p->err, sizeof(Local));
        return nest_finish(p, &nb);
}

/* The value that an input reads, and where: views are looked through. Everything else is a root and exists, or is
 * computed here. */
static int block_source(Planner *p, StageBuild *sb, Ref ref, const AxisMap *map) {
        const Ref input = ref;
        const AxisMap *own = map;
        const Shape *shape = &planner_spec(p, ref)->shape;

        map = map_through_views(p, &ref, map);
        if (!map)
                return error_oom(p->err, sizeof(AxisMap));
        if (planner_slot(p, ref)->value == NO_VALUE)
                return block_nest(p, sb, input, own);
        if (vec_push(&sb->input, (BlockInput){ .index = sb->source.n }) < 0 ||
            vec_push(&sb->source,
                     (Source){ .value = planner_slot(p, ref)->value, .map = map, .input = own, .shape = shape }) < 0)
                return error_oom(p->err, sizeof(Source));
        return 0;
}

static int add_axis(Planner *p, StageBuild *sb, int64_t extent, int *ret) {
        if (sb->ndim == MAX_NDIM)
                return error_set(p->err, ERROR_SUPPORT, "more than %d axes of inputs together", MAX_NDIM);
        sb->extent[sb->ndim] = extent;
        *ret                 = sb->ndim++;
        return 0;
}

/* Which domain axis each axis of an operator's inputs and outputs is. Products have names for their core axes: rows
 * of the left input, columns of the right one, and the inner axis that is summed over. */
typedef struct BlockAxes {
        const Op *op;
        int n_batch;
        bool contract;
        int cut;            /* the first core axis of the outputs, if it is cut; rows of a product */
        int inner, columns; /* of a product */
} BlockAxes;

static int input_axis(Planner *p, StageBuild *sb, BlockAxes *axes, uint32_t input, int core_axis, int64_t extent,
                      int *ret) {
        int *shared = NULL;

        if (axes->contract) { /* c, if there is one, is rows x columns, a is rows x inner, b is inner x columns */
                int *const of[3][2] = { { &axes->cut, &axes->columns },
                                        { &axes->cut, &axes->inner },
                                        { &axes->inner, &axes->columns } };

                shared = of[input + (axes->op->n_in == 2)][core_axis];
        } else if (core_axis == 0 && (axes->op->follows >> input & 1))
                shared = &axes->cut;
        if (shared && *shared != NO_AXIS) {
                *ret = *shared;
                return 0;
        }
        const int r = add_axis(p, sb, extent, ret);
        if (shared)
                *shared = *ret;
        return r;
}

static int block_input(Planner *p, StageBuild *sb, BlockAxes *axes, const Node *node, uint32_t input) {
        const Op *op   = node->op;
        const Shape *s = &graph_spec(p->graph, node->in[input])->shape, *out = &node->out[0].shape;
        const int core = core_of(op->core_in[op->variadic ? 0 : input], s->ndim), batch = s->ndim - core;
        AxisMap *map   = arena_new_array(p->arena, AxisMap, s->ndim + 1);

        if (!map)
                return error_oom(p->err, sizeof(AxisMap));
        for (int k = 0; k < s->ndim; k++) {
                int own = axes->n_batch - batch + k;

                if (k >= batch) {
                        const int r = input_axis(p, sb, axes, input, k - batch, s->dim[k], &own);

                        if (r < 0)
                                return r;
                } else if (own < 0 || (s->dim[k] == 1 && out->dim[own] != 1)) {
                        map[k] = (AxisMap) { .axis = NO_AXIS };
                        continue;
                }
                map[k] = (AxisMap) { .axis = own, .step = 1 };
        }
        return block_source(p, sb, node->in[input], map);
}

static int block_output(Planner *p, StageBuild *sb, const BlockAxes *axes, const Node *node, uint32_t output,
                        const Tiling *domain) {
        const Op *op   = node->op;
        const Shape *s = &node->out[output].shape;
        const int core = core_of(op->core_out[output], s->ndim), batch = s->ndim - core;
        int *axis      = arena_new_array(p->arena, int, s->ndim + 1);
        Tiling t       = tiling_whole(s);
        ValueId value;
        int r;

        if (!axis)
                return error_oom(p->err, sizeof(int));
        for (int k = 0; k < s->ndim; k++) {
                const int at         = k - batch;
                const int product[3] = { op->stacks ? axes->inner : axes->cut, op->stacks ? axes->cut : axes->columns,
                                         axes->columns };

                axis[k] = at < 0           ? axes->n_batch - batch + k
                          : axes->contract ? product[at]
                          : at == 0        ? axes->cut
                                           : NO_AXIS;
                if (at == 0 && op->stacks)
                        t.axis[k] = cuts_regular(s->dim[k], 1);
                else if (at == 0 && op->unknown)
                        t.axis[k] = cuts_unknown(axes->cut == NO_AXIS ? 1 : domain->axis[axes->cut].n);
                else if (axis[k] != NO_AXIS)
                        t.axis[k] = domain->axis[axis[k]];
        }
        r = stage_value(p, sb, node->out[output].dtype, &t, axis, &value);
        if (r < 0)
                return r;
        if (op->unknown)
                p->plan->value.data[value].rows_hint = false;
        p->slot[p->first[node - p->graph->node.data] + output].value = value;
        return 0;
}

/* Axes of inputs that have batch axes: each batch has its own. What has none is read once by a task, whatever its
 * batches, as the vector that elements are looked for in. */
static void own_axes(const StageBuild *sb, int n_batch, bool *own) {
        for (int k = 0; k < n_batch; k++)
                own[k] = true;
        for (uint32_t i = 0; i < sb->source.n; i++) {
                const Source *s = &sb->source.data[i];
                bool batches    = false;

                if (!s->input) /* of a nest: as if all were its own */
                        memset(own, true, MAX_NDIM * sizeof(bool));
                for (int k = 0; s->input && k < s->shape->ndim; k++)
                        batches |= s->input[k].axis != NO_AXIS && s->input[k].axis < n_batch;
                for (int k = 0; batches && k < s->shape->ndim; k++)
                        if (s->input[k].axis != NO_AXIS)
                                own[s->input[k].axis] = true;
        }
}

/* Rows that are read with others of other lengths: a task takes as many of each. */
static bool of_rows(const Op *op) {
        bool rows = op->family == FAMILY_EXCHANGE && op->n_in > 1 && !op->follows && !op->step && !op->takes_pieces;

        for (uint32_t i = 0; i < op->n_in; i++)
                rows &= op->core_in[i] == 1;
        return rows;
}

/* Batches are computed each by itself, so they are cut as memory wants it: by what a task reads, may have to put
 * together, makes, and needs besides. */
static int block_batch_cuts(Planner *p, const StageBuild *sb, const BlockAxes *axes, const OpCall *call, Tiling *ret) {
        const size_t limit =
                p->leaves->task_bytes ? MIN(p->leaves->task_bytes, (size_t) MAX_CHUNK_BYTES) : MAX_CHUNK_BYTES;
        size_t element     = 2 * sizeof(double);
        bool own[MAX_NDIM] = {};
        Tiling t           = *ret;
        int r;

        if (axes->contract)
                return 0;
        for (uint32_t i = 0; i < call->n_in; i++)
                element += 2 * dtype_size(call->in[i].dtype);
        own_axes(sb, axes->n_batch, own);
        for (int k = axes->n_batch; k < t.ndim; k++)
                if (!own[k])
                        t.axis[k] = cuts_whole(1);
        if (of_rows(axes->op)) {
                int64_t longest = 1;

                for (int k = axes->n_batch; k < t.ndim; k++) {
                        longest   = MAX(longest, t.axis[k].extent);
                        t.axis[k] = cuts_whole(1);
                }
                t.axis[axes->n_batch] = cuts_whole(longest);
        }
        r = cuts_limit(p, &t, axes->n_batch, (int64_t) (limit / (p->leaves->task_bytes ? element : sizeof(double))));
        for (int k = 0; k < axes->n_batch && r >= 0; k++)
                ret->axis[k] = t.axis[k];
        return r;
}

static size_t spec_bytes(const Spec *spec) {
        size_t n;

        return __builtin_mul_overflow(dtype_size(spec->dtype), (size_t) shape_size(&spec->shape), &n) ? SIZE_MAX / 4
                                                                                                      : n;
}

/* Bytes of a position of the cut axis, in all that is cut there: inputs and outputs. */
static size_t position_bytes(const BlockAxes *axes, const OpCall *call, const Node *node) {
        size_t n = 0;

        for (uint32_t i = 0; i < call->n_in + node->n_out; i++) {
                const bool out   = i >= call->n_in;
                const Spec *spec = out ? &node->out[i - call->n_in] : &call->in[i];
                const int cut =
                        spec->shape.ndim -
                        core_of(out ? axes->op->core_out[i - call->n_in] : axes->op->core_in[i], spec->shape.ndim);
                size_t each = dtype_size(spec->dtype);

                if (!out && !(axes->op->follows >> i & 1))
                        continue;
                for (int k = 0; k < spec->shape.ndim; k++)
                        if (k != cut && __builtin_mul_overflow(each, (size_t) MAX(spec->shape.dim[k], 1), &each))
                                return SIZE_MAX;
                if (__builtin_add_overflow(n, each, &n))
                        return SIZE_MAX;
        }
        return MAX(n, (size_t) 1);
}

/* What is cut as an input is may be as large as it likes: it is cut further, until a task may take it. */
static int block_follow_cuts(Planner *p, const BlockAxes *axes, const OpCall *call, const Node *node, Tiling *ret) {
        Tiling t = { .ndim = 1 };
        int r;

        if (p->leaves->task_bytes == 0 || axes->contract || axes->op->step || axes->cut == NO_AXIS)
                return 0;
        t.axis[0] = ret->axis[axes->cut];
        r         = cuts_limit(p, &t, 1, (int64_t) (p->leaves->task_bytes / 2 / position_bytes(axes, call, node)));
        ret->axis[axes->cut] = t.axis[0];
        return r;
}

/* Only batch axes and the cut axis are cut. */
static int block_cuts(Planner *p, StageBuild *sb, const BlockAxes *axes, const OpCall *call, const Node *node,
                      Tiling *ret) {
        const Op *op = axes->op;
        int r;

        sb->fixed = true; /* whole axes are read whole, however large */
        r         = stage_cuts(p, sb, ret);
        if (r < 0)
                return r;
        for (int k = axes->n_batch; k < sb->ndim; k++)
                if (k != axes->cut || op->step || axes->contract)
                        ret->axis[k] = cuts_whole(sb->extent[k]);
        if (op->tile) {
                int64_t size[2];

                op->tile(call, size);
                ret->axis[axes->cut] = cuts_regular(sb->extent[axes->cut], size[0]);
                ret->axis[axes->columns] = cuts_regular(sb->extent[axes->columns], size[1]);
        } else if (op->step) {
                const int along    = axes->contract ? axes->inner : axes->cut;
                const int64_t step = op->step(call);

                if (step > 0)
                        ret->axis[along] = cuts_regular(sb->extent[along], step);
        }
        r = block_batch_cuts(p, sb, axes, call, ret);
        return r < 0 ? r : block_follow_cuts(p, axes, call, node, ret);
}

/* Of inputs that are not cut every task reads everything. Where memory does not hold these and the rest besides, they
 * are parts of something larger, and what each task makes goes on to the next part: three eighths of memory are for
 * chunks that go through a part one after another, and for their share of other inputs. Only the order depends on
 * it. */
static void block_passes(Planner *p, const BlockAxes *axes, const OpCall *call, const Node *node, const Tiling *domain,
                         Group *ret) {
        const size_t room = MAX(p->leaves->alone_bytes, p->leaves->task_bytes) / 8 * 3;
        const Cuts *cuts  = axes->cut == NO_AXIS ? NULL : &domain->axis[axes->cut];
        size_t bytes      = spec_bytes(&node->out[0]), chunk;
        size_t goes       = 0; /* of a position: what was made of it before goes as soon as it is made anew */
        uint32_t n;

        if (p->leaves->task_bytes == 0 || axes->contract || !cuts || axes->op->step ||
            axes->op->follows == (1U << call->n_in) - 1)
                return;
        for (uint32_t i = 0; i < call->n_in; i++)
                bytes = MIN(bytes + spec_bytes(&call->in[i]), SIZE_MAX / 2);
        if (bytes <= room)
                return;
        if (axes->op->follows & 1)
                goes = spec_bytes(&call->in[0]) / (size_t) MAX(cuts->extent, 1);
        chunk = (position_bytes(axes, call, node) - goes) * (size_t) MAX(cuts->extent / MAX(cuts->n, 1U), 1);
        n     = (uint32_t) MIN(MAX(room / chunk, (size_t) 1), (size_t) cuts->n);
        *ret  = (Group) { .axis = { axes->cut, axes->cut + 1 }, .n = { n, 1 } };
}

/* Of a product that does not fit into memory every tile would have its inputs read again. Tiles that form a square read
 * less together, the larger it is: there is room for its tiles, for those that threads are making, and for what is
 * read next while this is in use. Only the order depends on it. */
static void block_group(Planner *p, const BlockAxes *axes, const OpCall *call, const Tiling *domain, Group *ret) {
        const PlanLeaves *leaves = p->leaves;
        const Cuts *rows = &domain->axis[axes->cut], *columns = &domain->axis[axes->columns];
        const size_t item = dtype_size(call->in[0].dtype), room = leaves->alone_bytes / 4 * 3;
        const double m = (double) rows->extent, n = (double) columns->extent,
                     k = (double) domain->axis[axes->inner].extent;
        size_t tile, left, right, n_threads;
        uint32_t n_rows = 1, n_columns = 1;

        if (leaves->task_bytes == 0 || leaves->alone_bytes == 0 || axes->n_batch > 0 || rows->step == 0 ||
            columns->step == 0 || (double) item * (k * (m + n) + 2 * m * n) <= (double) leaves->alone_bytes)
                return;
        tile      = item * (size_t) (rows->step * columns->step);
        left      = item * (size_t) (rows->step * domain->axis[axes->inner].extent);
        right     = item * (size_t) (columns->step * domain->axis[axes->inner].extent);
        n_threads = leaves->alone_bytes / (PLAN_TASK_SHARE * leaves->task_bytes);
        for (;;) {
                const bool higher = n_columns == columns->n || (n_rows < rows->n && n_rows * left <= n_columns * right);
                const size_t r = n_rows + higher, c = n_columns + !higher;

                if (r > rows->n || c > columns->n || (r * c + n_threads) * tile + 2 * (r * left + c * right) > room)
                        break;
                n_rows    = (uint32_t) r;
                n_columns = (uint32_t) c;
        }
        *ret = (Group) { .axis = { axes->cut, axes->columns }, .n = { n_rows, n_columns } };
}

int stage_block(Planner *p, uint32_t index) {
        const Node *node                           = &p->graph->node.data[index];
        const Op *op                               = node->op;
        const Shape *out                           = &node->out[0].shape;
        const int n_batch                          = out->ndim - core_of(op->core_out[0], out->ndim);
        _cleanup_(stage_build_clear) StageBuild sb = { .ndim = n_batch };
        _cleanup_(freep) Spec *spec                = calloc(node->n_in + 1, sizeof(Spec));
        BlockAxes axes                             = { .op       = op,
                                                       .n_batch  = n_batch,
                                                       .contract = op->family == FAMILY_CONTRACT,
                                                       .cut      = NO_AXIS,
                                                       .inner    = NO_AXIS,
                                                       .columns  = NO_AXIS };
        Stage stage                                = { .kind  = STAGE_BLOCK,
                                                       .label = node_name(node),
                                                       .block = { .op      = op,
                                                                 .params  = node->params,
                                                                 .unknown = op->unknown } };
        int r          = 0;

        if (!spec)
                return error_oom(p->err, sizeof(Spec));
        for (uint32_t i = 0; i < node->n_in; i++)
                spec[i] = *graph_spec(p->graph, node->in[i]);
        const OpCall call = { .op = op, .params = node->params, .n_in = node->n_in, .in = spec };

        for (int k = 0; k < n_batch; k++)
                sb.extent[k] = out->dim[k];
        if (!axes.contract && (op->step || op->follows)) {
                const uint32_t leader = op->follows ? (uint32_t) __builtin_ctz(op->follows) : 0;
                const Shape *s        = &spec[leader].shape;

                r = add_axis(p, &sb,
                             op->follows || op->unknown ? s->dim[s->ndim - core_of(op->core_in[leader], s->ndim)]
                                                        : out->dim[n_batch],
                             &axes.cut);
        }
        for (uint32_t i = 0; i < node->n_in && r >= 0; i++)
                r = block_input(p, &sb, &axes, node, i);
        if (r >= 0 && op->strip) {
                stage.block.axis = axes.contract ? axes.inner : axes.cut;
                stage.block.strip = op->strip(&call);
        }
        if (r >= 0)
                r = block_cuts(p, &sb, &axes, &call, node, &stage.domain);
        if (r >= 0 && op->tile)
                block_group(p, &axes, &call, &stage.domain, &stage.block.group);
        else if (r >= 0)
                block_passes(p, &axes, &call, node, &stage.domain, &stage.block.group);
        for (uint32_t o = 0; o < node->n_out && r >= 0; o++)
                r = block_output(p, &sb, &axes, node, o, &stage.domain);
        return r < 0 ? r : stage_add(p, &sb, &stage);
}

typedef Vec(int64_t) Sizes;

static void sizes_clear(Sizes *sizes) {
        vec_free(sizes);
}

/* An input of `length`, from `offset` on: in the pieces in which it lies, if it is longer than `most`. */
static int add_cuts(Planner *p, const Source *s, int along, int64_t offset, int64_t length, int64_t most, Sizes *ret) {
        const Tiling *t   = &p->plan->value.data[s->value].tiling;
        const int64_t end = offset + length;
        int r             = 0;

        for (int k = 0; k < t->ndim && length > most; k++) {
                const Cuts *c = &t->axis[k];

                if (s->map[k].axis != along || s->map[k].step != 1 || c->extent == UNKNOWN)
                        continue;
                for (uint32_t i = 1; i < c->n && r >= 0; i++) {
                        const int64_t at = cuts_edge(c, i) - s->map[k].start;

                        if (at <= offset || at >= end)
                                continue;
                        r      = vec_push(ret, at - offset);
                        offset = at;
                }
                break;
        }
        return r < 0 || offset == end ? r : vec_push(ret, end - offset);
}

/* Concatenation: every input is read at its own distance; a task's box overlaps those inputs that it needs and no
 * others. */
int stage_concatenate(Planner *p, uint32_t index) {
        const Node *node                           = &p->graph->node.data[index];
        const Spec *spec                           = &node->out[0];
        const int ndim                             = spec->shape.ndim;
        _cleanup_(stage_build_clear) StageBuild sb = { .ndim = ndim };
        Stage stage                                = { .kind  = STAGE_BLOCK,
                                                       .label = node_name(node),
                                                       .block = { .op = node->op, .params = node->params } };
        int *axis   = arena_new_array(p->arena, int, ndim);
        _cleanup_(sizes_clear) Sizes size = {};
        int64_t offset  = 0;
        int along, r;
        Cuts cuts;

        assert(node->n_in > 0);
        if (!axis)
                return error_oom(p->err, sizeof(int));
        r = axis_normalize(((const ConcatenateParams *) node->params)->axis, ndim, &along, p->err);
        if (r < 0)
                return r;
        for (int k = 0; k < ndim; k++) {
                sb.extent[k] = spec->shape.dim[k];
                axis[k]      = k;
        }
        for (uint32_t i = 0; i < node->n_in; i++) {
                AxisMap *map = arena_new_array(p->arena, AxisMap, ndim);

                if (!map)
                        return error_oom(p->err, sizeof(AxisMap));
                for (int k = 0; k < ndim; k++)
                        map[k] = (AxisMap) { .axis = k, .step = 1, .start = k == along ? -offset : 0 };
                offset += graph_spec(p->graph, node->in[i])->shape.dim[along];
                r       = block_source(p, &sb, node->in[i], map);
                if (r < 0)
                        return r;
        }
        r = stage_cuts(p, &sb, &stage.domain);
        if (r < 0)
                return r;

        /* Along the axis: the cuts of every input that is longer than a piece, and a border between any two. */
        const Cuts *first  = &stage.domain.axis[along];
        const int64_t most = first->step ?: first->extent / MAX(first->n, 1U) + 1;

        offset = 0;
        for (uint32_t i = 0; i < node->n_in && r >= 0; i++) {
                const int64_t length = graph_spec(p->graph, node->in[i])->shape.dim[along];

                r       = add_cuts(p, &sb.source.data[i], along, offset, length, most, &size);
                offset += length;
        }
        if (r >= 0 && size.n == 0)
                r = vec_push(&size, 0);
        if (r < 0)
                return error_oom(p->err, sizeof(int64_t));
        r = cuts_from_sizes(p->arena, size.data, size.n, spec->shape.dim[along], &cuts, p->err);
        if (r < 0)
                return r;
        if (stage.domain.axis[along].n == 1)
                stage.domain.axis[along] = cuts;
        else {
                r = cuts_refine(p->arena, &cuts, &stage.domain.axis[along], &stage.domain.axis[along]);
                if (r < 0)
                        return error_oom(p->err, sizeof(Cuts));
        }
        r = cuts_limit(p, &stage.domain, ndim, MAX_CHUNK_BYTES / (int64_t) dtype_size(spec->dtype));
        if (r >= 0)
                r = stage_value(p, &sb, spec->dtype, &stage.domain, axis, &p->slot[p->first[index]].value);
        return r < 0 ? r : stage_add(p, &sb, &stage);
}

/* Every so many positions along an axis are those of the second input, all others of the first, whose cuts are kept. */
int stage_weave(Planner *p, uint32_t index) {
        const Node *node                           = &p->graph->node.data[index];
        const WeaveParams *q                       = node->params;
        const Spec *spec                           = &node->out[0];
        const int ndim                             = spec->shape.ndim;
        _cleanup_(stage_build_clear) StageBuild sb = { .ndim = ndim };
        Stage stage                                = { .kind  = STAGE_BLOCK,
                                                       .label = node_name(node),
                                                       .block = { .op = node->op, .params = node->params } };
        const AxisMap *identity = map_identity(p, ndim);
        AxisMap *woven          = arena_copy(p->arena, identity, ndim * sizeof(AxisMap));
        int *axis               = arena_new_array(p->arena, int, ndim);
        int r;

        if (!identity || !woven || !axis)
                return error_oom(p->err, sizeof(AxisMap));
        for (int k = 0; k < ndim; k++) {
                sb.extent[k] = spec->shape.dim[k];
                axis[k]      = k;
        }
        woven[q->axis].first = q->start;
        woven[q->axis].every = q->step;
        r                    = block_source(p, &sb, node->in[0], identity);
        if (r >= 0)
                r = block_source(p, &sb, node->in[1], woven);
        if (r >= 0)
                r = stage_cuts(p, &sb, &stage.domain);
        if (r >= 0)
                r = stage_value(p, &sb, spec->dtype, &stage.domain, axis, &p->slot[p->first[index]].value);
        return r < 0 ? r : stage_add(p, &sb, &stage);
}
