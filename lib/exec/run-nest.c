/* SPDX-License-Identifier: Apache-2.0 */
/* Running nests: strip by strip through loops that nest-prepare.c has laid out. All that a strip needs between its
 * loads and its stores is in L1. */
#include <string.h>

#include "exec/nest.h"
#include "tensor/strided.h"

enum {
        LOCAL_BYTES = 192 << 10, /* of all locals, when a stage of several nests runs by blocks of rows: a part of L2 */
};

/* ---- Steps ------------------------------------------------------------------------------------------------------- */

/* The row of the loop's present position; fetches the tile that holds it unless it is there. */
static char *pack_row(NestRun *x, const Step *s, intptr_t at) {
        Pack *p = s->pack;
        const Loop *loop = x->loop + p->loop;
        int64_t step = x->move[(size_t) p->loop * x->n_walk + s->walk];
        intptr_t base = at - loop->i * step;

        if (_unlikely_(base != p->base || loop->i < p->lo || loop->i >= p->hi || x->m != p->n_lane)) {
                p->lo = 0;
                p->hi = loop->n;
                if (p->tile < loop->n) {
                        int64_t first = (loop->lo + loop->i) / p->tile * p->tile - loop->lo;

                        p->lo = MAX(first, (int64_t) 0);
                        p->hi = MIN(first + p->tile, loop->n);
                }
                p->base = base;
                p->n_lane = x->m;
                strided_pack(p->data, p->pitch, (size_t) (p->hi - p->lo), (const char *) (base + p->lo * step), step,
                             s->lane, x->m, s->size);
                p->next = (const char *) base + (int64_t) x->m * s->lane;
                p->next_end = p->next + (p->ahead > 0 ? (int64_t) x->m * s->lane : 0);
        } else {
                const char *end = p->next + MIN((ptrdiff_t) p->ahead, p->next_end - p->next);

                for (; p->next < end; p->next += LINE_BYTES)
                        __builtin_prefetch(p->next, 0, 2); /* into L2: L1 is full */
        }
        return p->data + (size_t) (loop->i - p->lo) * p->pitch;
}

static void call_map(const NestRun *x, const Step *s, size_t n) {
        void *arg[MAX_OP_IN + 2];

        for (uint32_t k = 0; k < s->n_in; k++)
                arg[k] = x->reg[s->in[k]];
        arg[s->n_in] = x->reg[s->reg];
        if (s->n_out == 2)
                arg[s->n_in + 1] = x->reg[s->second];
        s->map(n, arg, s->params);
}

/* Evaluates the steps that depend on the first `depth` loops; `at` are the places there. */
static void evaluate(NestRun *x, int depth, const intptr_t *at) {
        const Step *end = x->step + x->first_step[depth + 1];
        size_t m = depth > x->lane_loop ? x->m : x->lanes;

        for (const Step *s = x->step + x->first_step[depth]; s < end; s++) {
                switch (s->kind) {
                case STEP_DIRECT:
                        x->reg[s->reg] = (char *) at[s->walk];
                        break;
                case STEP_FILL:
                        strided_fill(x->reg[s->reg], (const char *) at[s->walk], m, s->size);
                        break;
                case STEP_GATHER:
                        strided_gather(x->reg[s->reg], (const char *) at[s->walk], s->lane, m, s->size);
                        break;
                case STEP_PACK:
                        x->reg[s->reg] = pack_row(x, s, at[s->walk]);
                        break;
                case STEP_REPEAT:
                        strided_gather(x->reg[s->reg], (const char *) at[s->walk], s->lane, (size_t) x->period,
                                       s->size);
                        for (size_t n = (size_t) x->period; n < m; n += MIN(n, m - n))
                                memcpy(x->reg[s->reg] + n * s->size, x->reg[s->reg], MIN(n, m - n) * s->size);
                        break;
                case STEP_GENERATE:
                        s->generate(m, at[s->walk], s->lane, s->params, x->reg[s->reg]);
                        break;
                case STEP_MAP:
                        call_map(x, s, m);
                        break;
                case STEP_ONE:
                case STEP_SPREAD:
                        if (s->map)
                                call_map(x, s, 1);
                        else
                                s->generate(1, at[s->walk], 0, s->params, x->reg[s->reg]);
                        if (s->kind == STEP_ONE)
                                break;
                        strided_fill(x->reg[s->reg], x->reg[s->reg], m, s->size);
                        if (s->n_out == 2)
                                strided_fill(x->reg[s->second], x->reg[s->second], m, s->second_size);
                        break;
                }
        }
}

/* ---- Sinks ------------------------------------------------------------------------------------------------------- */

static void store_strip(NestRun *x, const intptr_t *at) {
        for (uint32_t i = 0; i < x->n_store; i++) {
                const Store *s = x->store + i;

                switch (s->kind) {
                case STORE_DONE:
                        break;
                case STORE_COPY:
                        memcpy((char *) at[s->walk], x->reg[s->reg], x->m * s->size);
                        break;
                case STORE_STREAM:
                        strided_stream((char *) at[s->walk], x->reg[s->reg], x->m * s->size);
                        break;
                case STORE_SCATTER:
                        strided_scatter((char *) at[s->walk], s->lane, x->reg[s->reg], x->m, s->size);
                        break;
                }
        }
}

/* The states of the strip's elements, of which the first is at `first` on the reduced axis. */
static void strip_states(NestRun *x, FoldSink *f, int64_t first, int64_t step, char *ret[static MAX_STATE]) {
        if (f->sink->unit) {
                for (int c = 0; c < f->fold->n_state; c++)
                        ret[c] = x->reg[f->sink->reg[c]];
        } else if (f->fold->lift) {
                memcpy(ret, f->lifted[first & 1 & !step], sizeof(f->lifted[0]));
                f->fold->lift(x->m, x->reg[f->sink->reg[0]], first, step, (void *const *) ret);
        } else {
                ret[0] = x->reg[f->sink->reg[0]];
        }
}

/* Two neighbouring positions at once, where the fold can do that. */
static int fold_two(NestRun *x, FoldSink *f, int64_t position) {
        const Loop *loop = x->loop + x->reduce_loop;
        const char *element = x->reg[f->sink->reg[0]];
        char *state[MAX_STATE];

        if (!(position & 1) && loop->i + 1 < loop->n) {
                f->even = element;
                return 0;
        }
        memcpy(state, f->lifted[position >> 1 & 1], sizeof(state)); /* the other one may hold the pair before */
        if (!(position & 1) || loop->i == 0) { /* without its neighbour */
                f->fold->lift(x->m, element, position, 0, (void *const *) state);
                return counter_push(f->counter, 0, position, state);
        }
        f->fold->lift_two(x->m, f->even, element, position - 1, (void *const *) state);
        return counter_push(f->counter, 1, position >> 1, state);
}

/* Whether this position is one of eight neighbours that the loop has all. */
static bool among_eight(const NestRun *x, int64_t position) {
        const Loop *loop = x->loop + x->reduce_loop;
        int64_t first = loop->i - (position & (EIGHT - 1));

        return first >= 0 && first + EIGHT <= loop->n;
}

/* The node of eight positions whose elements are in f->row. */
static int push_eight(NestRun *x, FoldSink *f, int64_t first) {
        char **state = f->eight[first >> EIGHT_LEVEL & 1];

        f->fold->lift_eight(x->m, (const void *const *) f->row, first, (void *const *) state);
        return counter_push(f->counter, EIGHT_LEVEL, first >> EIGHT_LEVEL, state);
}

/* Their elements wait in memory; the last one brings their node. */
static int fold_eight(NestRun *x, FoldSink *f, int64_t position) {
        f->row[position & (EIGHT - 1)] = x->reg[f->sink->reg[0]];
        return (position & (EIGHT - 1)) == EIGHT - 1 ? push_eight(x, f, position - (EIGHT - 1)) : 0;
}

static int fold_strip(NestRun *x, const intptr_t *at) {
        char *state[MAX_STATE];
        int r = 0;

        for (uint32_t i = 0; i < x->n_fold && r >= 0; i++) {
                FoldSink *f = x->fold + i;

                if (f->counter) {
                        int64_t position = x->loop[x->reduce_loop].lo + x->loop[x->reduce_loop].i;

                        if (f->eight[0][0] && among_eight(x, position)) {
                                r = fold_eight(x, f, position);
                                continue;
                        }
                        if (!f->sink->unit && f->fold->lift_two) {
                                r = fold_two(x, f, position);
                                continue;
                        }
                        strip_states(x, f, position, 0, state);
                        r = counter_push(f->counter, 0, position, state);
                } else {
                        Pyramid *p = f->pyramid + (x->columns_inside ? x->column : 0);

                        for (uint32_t c = 0; c < f->n_dest; c++)
                                f->place[x->column * MAX_STATE + c] = (char *) at[f->walk + c];
                        if (!f->sink->unit && (f->fold->lift_pairs || f->fold->lift_runs)) {
                                r = pyramid_push_elements(p, f->base, x->column, x->lane_at, x->m,
                                                          x->reg[f->sink->reg[0]]);
                        } else {
                                strip_states(x, f, x->lane_at, 1, state);
                                r = pyramid_push(p, f->base, x->column, x->lane_at, x->m, state);
                        }
                }
        }
        return r;
}

/* Rows that were reduced along the lanes. */
static int emit_columns(NestRun *x) {
        int r = 0;

        for (uint32_t i = 0; i < x->n_fold && r >= 0 && x->column > 0; i++) {
                FoldSink *f = x->fold + i;
                FoldDest dest = { .place = f->place };

                memcpy(dest.node, f->node, sizeof(dest.node));
                r = cover_emit(x->run->exec, &f->base->cover, f->fold, f->unit, x->column, f->sink->end, &dest);
        }
        x->column = 0;
        return r;
}

/* Lanes that were reduced along the innermost loop. */
static int emit_lanes(NestRun *x, const intptr_t *at) {
        int r = 0;

        for (uint32_t i = 0; i < x->n_fold && r >= 0; i++) {
                FoldSink *f = x->fold + i;
                FoldDest dest = {};
                Cover cover;

                for (uint32_t c = 0; c < f->n_dest; c++) {
                        dest.at[c] = (char *) at[f->walk + c];
                        dest.node[c] = f->node[c];
                        dest.lane[c] = x->move[(size_t) x->lane_loop * x->n_walk + f->walk + c];
                }
                counter_cover(f->counter, &cover);
                r = cover_emit(x->run->exec, &cover, f->fold, f->unit, x->m, f->sink->end, &dest);
        }
        return r;
}

/* ---- Loops ------------------------------------------------------------------------------------------------------- */

static int run_loop(NestRun *x, int k);

/* The body of loop k at its present position, of which `at` are the places. */
static inline int run_body(NestRun *x, int k, const intptr_t *at) {
        int r;

        if (k == x->n_loop - 1) {
                for (uint32_t i = 0; i < x->n_moving; i++) {
                        const Moving *m = x->moving + i;

                        if (m->walk >= 0)
                                x->reg[m->reg] = (char *) at[m->walk];
                        else
                                x->reg[m->reg] = m->turn[(x->loop[x->reduce_loop].lo + x->loop[x->reduce_loop].i) &
                                                             (m->n_turn - 1)];
                }
                evaluate(x, k + 1, at);
                store_strip(x, at);
                if (x->n_fold > 0) {
                        r = fold_strip(x, at);
                        if (r < 0)
                                return r;
                        x->column += x->columns_inside;
                }
                return run_canceled(x->run) ? ERROR_CANCELED : 0;
        }
        evaluate(x, k + 1, at);
        return run_loop(x, k + 1);
}

/* Eight positions of the innermost loop at once, when there is nothing to do but to fold what lies in memory. */
static int run_eight(NestRun *x, int k, const intptr_t *at) {
        const int64_t *move = x->move + (size_t) k * x->n_walk;
        int r = 0;

        for (uint32_t i = 0; i < x->n_fold && r >= 0; i++) {
                FoldSink *f = x->fold + i;

                for (int j = 0; j < EIGHT; j++)
                        f->row[j] = (const char *) (at[f->element] + j * move[f->element]);
                r = push_eight(x, f, x->loop[k].lo + x->loop[k].i);
        }
        return r < 0 ? r : run_canceled(x->run) ? ERROR_CANCELED : 0;
}

/* The level of the node that begins at position `first`, when n positions are left. */
static int terms_level(int64_t first, int64_t n) {
        const int aligned = __builtin_ctzll((uint64_t) first | 1 << TERMS_LEVEL);

        return MIN(aligned, 63 - __builtin_clzll((uint64_t) n));
}

/* Where an input of the terms is at n positions, the first of them `ahead` of the present one. */
static void term_rows(NestRun *x, const FoldSink *f, int input, int64_t ahead, int n, const intptr_t *at,
                      const char **ret) {
        const Step *s = f->load[input];
        intptr_t row = (intptr_t) x->reg[f->terms.in[input]], pitch = 0;

        if (s) {
                const bool direct = s->kind == STEP_DIRECT;

                row   = direct ? at[s->walk] : (intptr_t) pack_row(x, s, at[s->walk]);
                pitch = direct ? x->move[(size_t) x->reduce_loop * x->n_walk + s->walk] : (intptr_t) s->pack->pitch;
        }
        row += ahead * pitch;
        for (int j = 0; j < n; j++, row += pitch)
                ret[j] = (const char *) row;
}

/* The innermost loop by nodes of up to eight positions, whose elements the folds compute. */
static int run_terms(NestRun *x, int k, intptr_t *at) {
        Loop *loop = x->loop + k;
        const int64_t *move = x->move + (size_t) k * x->n_walk;

        for (loop->i = 0; loop->i < loop->n;) {
                const int64_t first = loop->lo + loop->i;
                const int level = terms_level(first, loop->n - loop->i), n = 1 << level;

                for (uint32_t i = 0; i < x->n_fold; i++) {
                        FoldSink *f = x->fold + i;
                        char *state = level < TERMS_LEVEL ? f->low[level] : f->eight[first >> TERMS_LEVEL & 1][0];
                        int r;

                        term_rows(x, f, 0, 0, n, at, f->row);
                        term_rows(x, f, 1, 0, n, at, f->other);
                        f->terms.lift(x->m, level, (const void *const *) f->row, (const void *const *) f->other, state);
                        r = counter_push(f->counter, level, first >> level, &state);
                        if (r < 0)
                                return r;
                }
                loop->i += n;
                for (uint32_t w = 0; w < x->n_walk; w++)
                        at[w] += n * move[w];
        }
        return run_canceled(x->run) ? ERROR_CANCELED : 0;
}

/* The same of an axis that has at most one node of each level: its root is merged from the right, and the last step
 * makes it where the result goes. */
static int run_few_terms(NestRun *x, int k, const intptr_t *at) {
        Loop *loop = x->loop + k;

        loop->i = 0;
        for (uint32_t i = 0; i < x->n_fold; i++) {
                FoldSink *f        = x->fold + i;
                const int64_t lane = x->move[(size_t) x->lane_loop * x->n_walk + f->walk];
                const size_t size  = dtype_size(f->fold->state[0]);
                char *dest         = (char *) at[f->walk], *root = NULL;

                for (int64_t left = loop->n; left > 0;) {
                        const int level = __builtin_ctzll((uint64_t) left), n = 1 << level;
                        char *own = level < TERMS_LEVEL ? f->low[level] : f->eight[0][0];
                        char *last, *state;

                        left -= n;
                        last  = left == 0 && lane == (int64_t) size ? dest : own;
                        state = root ? own : last;
                        term_rows(x, f, 0, left, n, at, f->row);
                        term_rows(x, f, 1, left, n, at, f->other);
                        f->terms.lift(x->m, level, (const void *const *) f->row, (const void *const *) f->other, state);
                        if (root)
                                f->fold->merge(x->m, (void *[]) { state }, (void *[]) { root }, (void *[]) { last },
                                               f->unit << level, f->unit * (loop->n - left - n));
                        root = last;
                }
                if (root != dest)
                        strided_scatter(dest, lane, root, x->m, size);
        }
        return run_canceled(x->run) ? ERROR_CANCELED : 0;
}

static int run_lanes(NestRun *x, int k, intptr_t *at) {
        Loop *loop = x->loop + k;
        const int64_t *move = x->move + (size_t) k * x->n_walk;
        bool reduced = k == x->reduce_loop;
        int r;

        for (loop->i = 0; loop->i < loop->n; loop->i += (int64_t) x->m) {
                int64_t m = MIN((int64_t) x->lanes, loop->n - loop->i);

                x->lane_at = loop->lo + loop->i;
                if (reduced)
                        m = MIN(m, x->ends - (x->lane_at & (x->ends - 1)));
                x->m = (size_t) m;
                if (x->columns_inside)
                        x->column = 0;
                r = run_body(x, k, at);
                if (r < 0)
                        return r;
                for (uint32_t w = 0; w < x->n_walk; w++)
                        at[w] += m * move[w];
        }
        if (!reduced)
                return 0;
        x->column += !x->columns_inside;
        return x->columns_inside || x->column == x->n_column ? emit_columns(x) : 0;
}

static int run_loop(NestRun *x, int k) {
        Loop *loop = x->loop + k;
        const int64_t *move = x->move + (size_t) k * x->n_walk;
        intptr_t *outer = x->at + (size_t) k * x->n_walk, *at = outer + x->n_walk;
        bool reduced = k == x->reduce_loop;
        int r;

        memcpy(at, outer, x->n_walk * sizeof(*at));
        if (k == x->lane_loop)
                return run_lanes(x, k, at);
        if (reduced && x->few_terms)
                return run_few_terms(x, k, at);
        if (reduced)
                for (uint32_t i = 0; i < x->n_fold; i++)
                        counter_reset(x->fold[i].counter, x->m);
        loop->i = 0;
        if (x->by_terms && reduced) {
                r = run_terms(x, k, at);
                if (r < 0)
                        return r;
        }
        for (int64_t n = 1; loop->i < loop->n; loop->i += n) {
                bool eight = x->by_eight && reduced && ((loop->lo + loop->i) & (EIGHT - 1)) == 0 &&
                             loop->i + EIGHT <= loop->n;

                n = eight ? EIGHT : 1;
                r = eight ? run_eight(x, k, at) : run_body(x, k, at);
                if (r < 0)
                        return r;
                for (uint32_t w = 0; w < x->n_walk; w++)
                        at[w] += n * move[w];
        }
        return reduced ? emit_lanes(x, outer) : 0;
}

int nest_execute(NestRun *x) {
        int r;

        x->column = 0;
        evaluate(x, 0, x->at);
        r = run_loop(x, 0);
        if (r >= 0)
                r = emit_columns(x);
        if (x->streamed)
                strided_stream_end();
        return r;
}

/* A reduction of nothing: the identity everywhere. */
static int run_empty(Run *run, const Nest *nest, const LocalMemory *local) {
        for (uint32_t i = 0; i < nest->n_sink; i++) {
                const Sink *sink = nest->sink + i;
                const Fold *fold;
                Scalar value;
                int r;

                if (!sink->op || sink->end == FOLD_PARTIAL || run->box.lo[sink->axis] < run->box.hi[sink->axis])
                        continue;
                fold = sink->op->folds + sink->fold;
                r = fold_empty(sink->op, fold, run->err);
                if (r < 0)
                        return r;
                if (sink->end == FOLD_STATE && fold->n_state > 1)
                        return error_set(run->err, ERROR_SUPPORT, "%s of nothing has no state", sink->op->name);
                value = scalar_cast(*fold->identity, sink->end == FOLD_FINISH ? fold->out : fold->state[0]);
                if (sink->local) {
                        const Local *l = run->stage->local + sink->dest[0];
                        size_t n = 1;

                        for (int k = 0; k < l->ndim; k++)
                                n *= (size_t) (run->box.hi[l->axis[k]] - run->box.lo[l->axis[k]]);
                        strided_fill(local[sink->dest[0]].data, value.bytes, n, dtype_size(value.dtype));
                } else {
                        const ChunkMemory *out = run->out + sink->dest[0];

                        strided_fill(out->data, value.bytes, (size_t) shape_size(&out->shape), dtype_size(value.dtype));
                }
        }
        return 0;
}

int nest_run(Run *run, const Nest *nest, const Box *box, const LocalMemory *local) {
        size_t mark = exec_mark(run->exec);
        NestRun *x;
        int r;

        for (int k = 0; k < nest->ndim; k++)
                if (box->lo[nest->axis[k]] >= box->hi[nest->axis[k]])
                        return run_empty(run, nest, local);
        x = exec_take(run->exec, sizeof(*x));
        if (!x)
                return -ENOMEM;
        r = nest_prepare(x, run, nest, box, local);
        if (r >= 0)
                r = nest_execute(x);
        exec_release(run->exec, mark);
        return r;
}

/* ---- Again ------------------------------------------------------------------------------------------------------- */

/* The nest of a stage that has one only, as it was made ready for a task; and in what kind of memory: tasks that differ
 * in nothing but places need not make it ready again, which costs more than to run it on a few elements. */
struct KeptNest {
        const Stage *stage;
        NestRun x;
        int64_t n[MAX_NDIM];                /* the size of its box, */
        int64_t (*stride)[MAX_NDIM];        /* [source] how each lies in memory, */
        Shape *shape;                       /* [out] and what is made */
};

static bool is_alone(const Stage *stage) {
        return stage->kind == STAGE_NEST && stage->n_nest == 1 && stage->n_local == 0 &&
               !(stage->n_out == 1 && stage->out[0].pieces);
}

bool nest_kept_is_of(const KeptNest *kept, const Stage *stage) {
        return !is_alone(stage) || kept->stage == stage;
}

static bool is_as_kept(const KeptNest *kept, const Run *run) {
        const Stage *stage = run->stage;

        if (kept->stage != stage)
                return false;
        for (int k = 0; k < run->box.ndim; k++)
                if (run->box.hi[k] - run->box.lo[k] != kept->n[k])
                        return false;
        for (uint32_t i = 0; i < stage->n_source; i++)
                if (memcmp(kept->stride[i], run->source[i].view.stride,
                           (size_t) run->source[i].box.ndim * sizeof(int64_t)) != 0)
                        return false;
        for (uint32_t i = 0; i < stage->n_out; i++)
                if (memcmp(kept->shape[i].dim, run->out[i].shape.dim,
                           (size_t) run->out[i].shape.ndim * sizeof(int64_t)) != 0)
                        return false;
        return true;
}

/* What the nest is kept with; NULL when out of memory. */
static KeptNest *keep(const Run *run) {
        const Stage *stage = run->stage;
        KeptNest *kept     = exec_take(run->exec, sizeof(*kept));

        if (!kept)
                return NULL;
        kept->stage  = stage;
        kept->stride = exec_take(run->exec, stage->n_source * sizeof(*kept->stride));
        kept->shape  = exec_take_array(run->exec, Shape, stage->n_out);
        if (!kept->stride || !kept->shape)
                return NULL;
        for (int k = 0; k < run->box.ndim; k++)
                kept->n[k] = run->box.hi[k] - run->box.lo[k];
        for (uint32_t i = 0; i < stage->n_source; i++)
                memcpy(kept->stride[i], run->source[i].view.stride,
                       (size_t) run->source[i].box.ndim * sizeof(int64_t));
        for (uint32_t i = 0; i < stage->n_out; i++)
                kept->shape[i] = run->out[i].shape;
        return kept;
}

static bool box_is_empty(const Box *box) {
        for (int k = 0; k < box->ndim; k++)
                if (box->lo[k] >= box->hi[k])
                        return true;
        return false;
}

/* The nest of a stage that has no other, on a box that is not empty. */
static int run_alone(Run *run) {
        KeptNest *kept = run->exec->kept;
        int r;

        if (kept && is_as_kept(kept, run)) {
                r = nest_again(&kept->x, run, &run->box);
                return r < 0 ? r : nest_execute(&kept->x);
        }
        kept = keep(run);
        if (!kept)
                return -ENOMEM;
        r = nest_lay_out(&kept->x, run, run->stage->nest, &run->box, NULL);
        if (r < 0)
                return r;
        exec_keep(run->exec, kept);
        r = nest_begin(&kept->x);
        return r < 0 ? r : nest_execute(&kept->x);
}

/* ---- Stages ------------------------------------------------------------------------------------------------------ */

/* True when the nest reduces along axis 0 of the domain: it must see all rows. */
static bool reduces_rows(const Nest *nest) {
        for (uint32_t i = 0; i < nest->n_sink; i++)
                if (nest->sink[i].op && nest->sink[i].axis == 0)
                        return true;
        return false;
}

static bool has_axis(const int *axis, int ndim, int which) {
        for (int k = 0; k < ndim; k++)
                if (axis[k] == which)
                        return true;
        return false;
}

/* How many nests at the front can run by blocks of rows: none of them reduces along axis 0, and all have it. What comes
 * behind runs once, over all rows. */
static uint32_t n_blockable(const Stage *stage) {
        uint32_t n = 0;

        while (n < stage->n_nest && !reduces_rows(stage->nest + n) &&
               has_axis(stage->nest[n].axis, stage->nest[n].ndim, 0))
                n++;
        return n;
}

static bool reads_local(const Nest *nest, uint32_t local) {
        for (uint32_t i = 0; i < nest->n_instr; i++)
                if (nest->instr[i].kind == INSTR_LOCAL && nest->instr[i].source == local)
                        return true;
        return false;
}

size_t local_place(const Run *run, const Local *l, int along, int64_t n_along, int64_t least, char *data,
                   LocalMemory *ret) {
        int64_t n[MAX_NDIM], stride = (int64_t) dtype_size(l->dtype);
        int inner = l->ndim - 1;

        for (int k = 0; k < l->ndim; k++) {
                n[k] = run->box.hi[l->axis[k]] - run->box.lo[l->axis[k]];
                if (l->axis[k] == along)
                        n[k] = MIN(n[k], n_along);
        }
        for (int k = l->ndim - 2; k >= 0; k--)
                if (n[inner] < least && n[k] > n[inner])
                        inner = k;
        ret->data = data;
        ret->along = along;
        ret->origin = run->box.lo[along];
        for (int j = -1; j < l->ndim; j++) {
                int k = j < 0 ? inner : l->ndim - 1 - j;

                if (k < 0 || (j >= 0 && k == inner))
                        continue;
                ret->stride[k] = stride;
                stride *= MAX(n[k], (int64_t) 1);
        }
        return align64((size_t) stride);
}

/* Places the locals in scratch. Those that only the first n_block nests know need room for `rows` rows. */
static void place_locals(const Run *run, uint32_t n_block, int64_t rows, LocalMemory *local) {
        const Stage *stage = run->stage;
        char *data = run->scratch;

        for (uint32_t i = 0; i < stage->n_local; i++) {
                bool whole = false;

                for (uint32_t k = n_block; k < stage->n_nest; k++)
                        whole |= reads_local(stage->nest + k, i);
                data += local_place(run, stage->local + i, 0, whole ? INT64_MAX : rows, STRIP / 4, data, local + i);
                local[i].moves = !whole;
        }
}

/* Rows of a block such that the locals which only blocks know stay in L2. */
static int64_t rows_per_block(const Run *run, uint32_t n_block) {
        const Stage *stage = run->stage;
        int64_t rows, all = run->box.hi[0] - run->box.lo[0];
        double row_bytes = 0;

        for (uint32_t i = 0; i < stage->n_local; i++) {
                const Local *l = stage->local + i;
                double bytes = (double) dtype_size(l->dtype);

                if (!has_axis(l->axis, l->ndim, 0))
                        continue;
                for (uint32_t k = n_block; k < stage->n_nest; k++)
                        if (reads_local(stage->nest + k, i))
                                bytes = 0;
                for (int k = 0; k < l->ndim; k++)
                        if (l->axis[k] != 0)
                                bytes *= (double) (run->box.hi[l->axis[k]] - run->box.lo[l->axis[k]]);
                row_bytes += bytes;
        }
        if (row_bytes * (double) all <= LOCAL_BYTES)
                return all;
        rows = (int64_t) (LOCAL_BYTES / row_bytes);
        if (rows > STRIP)
                rows &= ~(int64_t) (STRIP - 1);
        return MAX(rows, (int64_t) 1);
}

/* One chunk of an output in pieces: the nest runs on its part of the box. */
static int run_piece(void *userdata, _unused_ uint32_t chunk, const Box *chunk_box) {
        Run *run       = userdata;
        const Out *out = run->stage->out;
        Run piece      = *run;
        int r;

        for (int k = 0; k < chunk_box->ndim; k++) {
                piece.box.lo[out->axis[k]] = MAX(piece.box.lo[out->axis[k]], chunk_box->lo[k]);
                piece.box.hi[out->axis[k]] = MIN(piece.box.hi[out->axis[k]], chunk_box->hi[k]);
        }
        r = nest_run(&piece, run->stage->nest, &piece.box, NULL);
        run->out++;
        return r;
}

int run_nests(Run *run) {
        const Stage *stage = run->stage;
        uint32_t n_block;
        LocalMemory *local;
        Box box;
        int64_t rows;
        int r;

        if (is_alone(stage) && !box_is_empty(&run->box))
                return run_alone(run);
        n_block = n_blockable(stage);
        local   = exec_take_array(run->exec, LocalMemory, stage->n_local);
        box     = run->box;
        if (!local)
                return -ENOMEM;
        if (stage->n_out == 1 && stage->out[0].pieces)
                return plan_piece_chunks(run->plan, stage, 0, &run->box, run_piece, run);
        if (n_block < 2)
                n_block = 0;
        rows = n_block > 0 ? rows_per_block(run, n_block) : 0;
        place_locals(run, n_block, rows, local);

        for (int64_t at = run->box.lo[0]; n_block > 0 && at < run->box.hi[0]; at += rows) {
                box.lo[0] = at;
                box.hi[0] = MIN(at + rows, run->box.hi[0]);
                for (uint32_t i = 0; i < stage->n_local; i++)
                        if (local[i].moves)
                                local[i].origin = at;
                for (uint32_t k = 0; k < n_block; k++) {
                        r = nest_run(run, stage->nest + k, &box, local);
                        if (r < 0)
                                return r;
                }
        }
        for (uint32_t k = n_block; k < stage->n_nest; k++) {
                r = nest_run(run, stage->nest + k, &run->box, local);
                if (r < 0)
                        return r;
        }
        return 0;
}
