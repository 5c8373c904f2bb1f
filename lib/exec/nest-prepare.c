/* SPDX-License-Identifier: Apache-2.0 */
/* How a nest will run. Every access to memory is a walk: a first place and a step for each axis. From the walks
 * alone follows everything else: axes that continue each other become one loop, one loop becomes the lanes, the
 * others get an order. None of these choices can change a bit: reductions follow the tree whatever the loops are.
 *
 * Where a reduction runs:
 *   along the lanes      strips are folded by merge_pairs (Pyramid). For long axes that are contiguous.
 *   along another loop   the innermost one, vectors of lanes are folded (Counter). For all others; also for short
 *                        contiguous axes, whose rows are then fetched transposed (STEP_PACK). */
#include <string.h>

#include "exec/nest-prepare.h"
#include "tensor/strided.h"

enum {
        PACK_BYTES   = 96 << 10,   /* of one load: a part of L2 */
        PACK_NEAR    = 24 << 10,   /* of all loads whose rows are read again and again: most of L1 */
        COUNTER_BYTES = 256 << 10, /* of the states of long strips: a part of L2 */
        MAX_COLUMNS  = 128,        /* rows side by side: their pyramids are 4 KiB each */
        BATCH        = 64,         /* rows whose covers are merged together */
};

/* ---- Loops ------------------------------------------------------------------------------------------------------- */

/* Every walk goes on from the end of `inner` to the next position of `outer`: the two are one long axis. */
static bool continues(const Prepare *p, int outer, int inner) {
        const int64_t *a = move_row(p, outer), *b = move_row(p, inner);

        for (uint32_t w = 0; w < p->x->n_walk; w++)
                if (a[w] != b[w] * p->n[inner])
                        return false;
        return true;
}

static void remove_axis(Prepare *p, int axis) {
        size_t row = p->x->n_walk * sizeof(int64_t);

        for (int k = axis; k + 1 < p->n_axis; k++) {
                p->lo[k] = p->lo[k + 1];
                p->n[k] = p->n[k + 1];
                memcpy(move_row(p, k), move_row(p, k + 1), row);
        }
        p->n_axis--;
        if (p->reduced > axis)
                p->reduced--;
}

static void simplify(Prepare *p) {
        for (int k = p->n_axis - 1; k >= 0; k--)
                if (p->n[k] == 1 && k != p->reduced)
                        remove_axis(p, k);
        for (int k = p->n_axis - 2; k >= 0; k--) {
                if (k == p->reduced || k + 1 == p->reduced)
                        continue;
                if (continues(p, k, k + 1)) {
                        p->n[k + 1] *= p->n[k];
                        remove_axis(p, k);
                } else if (continues(p, k + 1, k)) {
                        p->n[k] *= p->n[k + 1];
                        remove_axis(p, k + 1);
                }
        }
        if (p->n_axis == 0) { /* one single position is a lane, too */
                p->lo[0] = 0;
                p->n[0] = 1;
                memset(move_row(p, 0), 0, p->x->n_walk * sizeof(int64_t));
                p->n_axis = 1;
        }
}

/* A table with short rows and a row beside it: `outer` and `inner` are one long axis but for loads that go through the
 * same elements in every row. Strips of many rows, beside which these elements are repeated, are cheaper than one strip
 * a row. */
static bool rows_repeat(Prepare *p, int outer, int inner) {
        const int64_t *a = move_row(p, outer);
        int64_t *b       = move_row(p, inner);

        if (p->n[inner] > STRIP / 4)
                return false;
        for (uint32_t w = 0; w < p->x->n_walk; w++)
                if (a[w] != b[w] * p->n[inner] && (a[w] != 0 || p->info[w].writes || p->info[w].size == 0))
                        return false;
        for (uint32_t w = 0; w < p->x->n_walk; w++)
                if (a[w] == 0 && b[w] != 0) {
                        p->info[w].repeats = b[w];
                        b[w]               = 0;
                }
        p->x->period = p->n[inner];
        p->n[inner] *= p->n[outer];
        remove_axis(p, outer);
        return true;
}

static int64_t magnitude(int64_t v) {
        return v < 0 ? -v : v;
}

/* The axis other than `lane` along which the walk moves within cache lines, or -1. */
static int near_axis(const Prepare *p, uint32_t w, int lane) {
        int best = -1;

        for (int k = 0; k < p->n_axis; k++) {
                int64_t step = magnitude(move_row(p, k)[w]);

                if (k != lane && step > 0 && step < LINE_BYTES && (best < 0 || step < magnitude(move_row(p, best)[w])))
                        best = k;
        }
        return best;
}

static bool is_strided(const Prepare *p, uint32_t w, int lane) {
        int64_t step = move_row(p, lane)[w];

        return p->info[w].size > 0 && step != 0 && step != (int64_t) p->info[w].size;
}

/* Random numbers that are not neighbours share no blocks, and their indices go through memory. */
static double cost_apart(const Prepare *p, uint32_t w, int lane) {
        const int64_t step = move_row(p, lane)[w];

        return p->info[w].size > 0 || step == 0 || step == 1 ? 0 : 0.2 * p->info[w].cost;
}

/* Estimated time per element in nanoseconds when `lane` is the lane axis: calls are shared by the elements of a strip,
 * strided elements cost a move each, or a cache line each. */
static double lane_cost(const Prepare *p, int lane) {
        const NestRun *x = p->x;
        double strip = (double) MIN(p->n[lane], (int64_t) STRIP);
        double cost = (x->nest->n_instr + 2.0 * x->nest->n_sink + 2) * 6 / strip;

        for (uint32_t w = 0; w < x->n_walk; w++)
                if (is_strided(p, w, lane) && !p->info[w].result)
                        cost += p->info[w].writes ? 2.5 : near_axis(p, w, lane) >= 0 ? 0.8 : 2.5;
                else
                        cost += cost_apart(p, w, lane);
        if (lane == p->reduced)
                cost += x->n_fold * (0.25 + 90 / (double) p->n[lane]);
        return cost;
}

/* The loop order: what comes first is outermost. */
static void order_loops(Prepare *p, int lane, int order[static MAX_NDIM]) {
        NestRun *x = p->x;
        bool inside[MAX_NDIM] = {};
        int last = -1, n = 0;

        if (p->reduced == lane) {
                /* Rows side by side when there are few, and they share what they read. */
                int64_t rows = 1;
                bool shared = false;

                for (int k = 0; k < p->n_axis; k++)
                        if (k != lane && rows <= MAX_COLUMNS)
                                rows *= p->n[k];
                for (uint32_t w = 0; w < x->n_walk; w++) {
                        if (p->info[w].writes || p->info[w].size == 0)
                                continue;
                        shared |= is_strided(p, w, lane) && near_axis(p, w, lane) >= 0;
                        for (int k = 0; k < p->n_axis; k++)
                                shared |= k != lane && move_row(p, k)[w] == 0 && move_row(p, lane)[w] != 0;
                }
                x->columns_inside = rows > 1 && rows <= MAX_COLUMNS && shared;
                x->n_column = x->columns_inside ? (size_t) rows : (size_t) MIN(rows, (int64_t) BATCH);
                for (int k = 0; k < p->n_axis; k++)
                        inside[k] = k != lane && x->columns_inside;
        } else {
                last = p->reduced;
                /* Loops that a strided load does not know go inside of the lanes: it is fetched once for all of
                 * them. */
                for (uint32_t w = 0; w < x->n_walk; w++) {
                        int near = is_strided(p, w, lane) && !p->info[w].writes ? near_axis(p, w, lane) : -1;

                        if (near < 0)
                                continue;
                        if (last < 0)
                                last = near;
                        for (int k = 0; k < p->n_axis && near == last; k++)
                                inside[k] |= k != lane && k != last && move_row(p, k)[w] == 0 && p->n[k] <= STRIP;
                }
        }
        for (int k = 0; k < p->n_axis; k++)
                if (k != lane && k != last && !inside[k])
                        order[n++] = k;
        order[n++] = lane;
        for (int k = 0; k < p->n_axis; k++)
                if (inside[k])
                        order[n++] = k;
        if (last >= 0)
                order[n++] = last;
        assert(n == p->n_axis);
}

static int make_loops(Prepare *p) {
        NestRun *x = p->x;
        int order[MAX_NDIM], lane = 0;
        double best = 0;

        simplify(p);
        assert(p->n_axis > 0);
        x->period = 1;
        if (p->n_axis == 2 && p->reduced < 0 && !rows_repeat(p, 0, 1))
                rows_repeat(p, 1, 0);
        for (int k = 0; k < p->n_axis; k++) {
                double cost = lane_cost(p, k);

                if (k == 0 || cost <= best) {
                        best = cost;
                        lane = k;
                }
        }
        if (x->run->force_lane >= 0)
                lane = x->run->force_lane % p->n_axis;
        p->lane = lane;
        x->n_column = 1;
        x->columns_inside = false;
        order_loops(p, lane, order);

        x->n_loop = p->n_axis;
        x->reduce_loop = -1;
        x->at = exec_take(x->run->exec, ((size_t) x->n_loop + 1) * x->n_walk * sizeof(*x->at));
        x->move = exec_take(x->run->exec, (size_t) x->n_loop * x->n_walk * sizeof(*x->move));
        if (!x->at || !x->move)
                return -ENOMEM;
        memcpy(x->at, p->base, x->n_walk * sizeof(*x->at));
        for (int k = 0; k < x->n_loop; k++) {
                x->loop[k] = (Loop) { .lo = p->lo[order[k]], .n = p->n[order[k]] };
                memcpy(x->move + (size_t) k * x->n_walk, move_row(p, order[k]), x->n_walk * sizeof(*x->move));
                if (order[k] == lane)
                        x->lane_loop = k;
                if (order[k] == p->reduced)
                        x->reduce_loop = k;
        }
        return 0;
}

/* ---- Steps and registers ----------------------------------------------------------------------------------------- */

static int64_t lane_step(const NestRun *x, uint32_t w) {
        return x->move[(size_t) x->lane_loop * x->n_walk + w];
}

static uint64_t walk_loops(const NestRun *x, uint32_t w) {
        uint64_t loops = 0;

        for (int k = 0; k < x->n_loop; k++)
                if (x->move[(size_t) k * x->n_walk + w] != 0)
                        loops |= (uint64_t) 1 << k;
        return loops;
}

static bool varies_along_lanes(const Prepare *p, uint32_t i) {
        return p->depends[i] >> p->x->lane_loop & 1;
}

/* The map has a kernel that takes one element for input k, and that is all there is of it. */
static bool takes_one(const Prepare *p, const Instr *instr, uint32_t k) {
        return instr->op->n_in == 2 && instr->op->kernels[instr->kernel].of_one[k] &&
               !varies_along_lanes(p, instr->in[k]);
}

/* Somebody reads a strip of input k of a map. What is computed within others takes one element where that is all. */
static bool takes_strip(const Prepare *p, uint32_t i, uint32_t k) {
        const Instr *instr = p->x->nest->instr + i;

        return p->product[i].within ? varies_along_lanes(p, instr->in[k])
                                    : varies_along_lanes(p, i) && !takes_one(p, instr, k);
}

static MapFn *choose_map(const Prepare *p, const Instr *instr) {
        const MapKernel *kernel = instr->op->kernels + instr->kernel;

        for (uint32_t k = 0; k < instr->op->n_in; k++)
                if (takes_one(p, instr, k))
                        return kernel->of_one[k];
        return kernel->fn;
}

/* The load, strided along the lanes, fetches many positions of its loop at once. */
static bool packs(const Prepare *p, uint32_t i) {
        const NestRun *x = p->x;
        const int loop = p->depth[i] - 1;

        return loop > x->lane_loop && magnitude(x->move[(size_t) loop * x->n_walk + p->walk_of[i]]) < LINE_BYTES;
}

/* The load copies nothing, or what it copies is there as long as the other positions of a node. */
static bool stays_in_place(const Prepare *p, uint32_t i) {
        const int64_t lane = lane_step(p->x, p->walk_of[i]);

        return lane == 0 || lane == (int64_t) dtype_size(p->x->nest->instr[i].dtype) || packs(p, i);
}

/* Nothing happens in the innermost loop but that terms of what is in memory, or was computed outside, are added up:
 * these need no steps. */
static void find_fold_terms(Prepare *p) {
        NestRun *x = p->x;

        if (x->reduce_loop != x->n_loop - 1 || x->reduce_loop == x->lane_loop || x->n_store > 0)
                return;
        for (uint32_t f = 0; f < x->n_fold; f++)
                if (!find_terms(x->nest, x->fold[f].sink, p->depends, x->lane_loop, p->product, &x->fold[f].terms) ||
                    p->depth[x->fold[f].terms.made[0]] != x->n_loop)
                        return;
        for (uint32_t i = 0; i < x->nest->n_instr; i++) {
                bool made = p->depth[i] < x->n_loop;

                for (uint32_t f = 0; f < x->n_fold; f++)
                        made |= i == x->fold[f].terms.made[0] || i == x->fold[f].terms.made[1];
                if (!made && !(x->nest->instr[i].kind <= INSTR_LOCAL && stays_in_place(p, i)))
                        return;
        }
        for (uint32_t f = 0; f < x->n_fold; f++)
                for (int k = 0; k < 2; k++)
                        p->product[x->fold[f].terms.made[k]].within = true;
        x->by_terms = true;
}

static void find_depths(Prepare *p) {
        NestRun *x = p->x;

        for (uint32_t i = 0; i < x->nest->n_instr; i++) {
                const Instr *instr = x->nest->instr + i;

                p->depends[i] = 0;
                p->last_use[i] = i;
                if (instr->kind <= INSTR_LOCAL || instr->kind == INSTR_GENERATE) {
                        p->depends[i] = walk_loops(x, p->walk_of[i]);
                } else if (instr->kind == INSTR_MAP) {
                        for (uint32_t k = 0; k < instr->op->n_in; k++)
                                p->depends[i] |= p->depends[instr->in[k]];
                } else if (instr->kind == INSTR_SECOND) {
                        p->depends[i] = p->depends[instr->in[0]];
                }
                p->depth[i] = p->depends[i] ? 64 - __builtin_clzll(p->depends[i]) : 0;
                if (instr->kind <= INSTR_LOCAL && p->info[p->walk_of[i]].repeats != 0)
                        p->depends[i] = (uint64_t) 1 << x->lane_loop; /* but it is there before the loop begins */
        }
        find_products(x->nest, p->depends, x->lane_loop, p->product);
        find_fold_terms(p);
        for (uint32_t i = 0; i < x->nest->n_instr; i++) {
                const Instr *instr = x->nest->instr + i;

                for (uint32_t k = 0; instr->kind == INSTR_MAP && k < instr->op->n_in; k++) {
                        p->last_use[instr->in[k]] = MAX(p->last_use[instr->in[k]], i);
                        p->strip[instr->in[k]] |= takes_strip(p, i, k);
                }
                if (instr->kind == INSTR_SECOND)
                        p->strip[instr->in[0]] = true;
                for (uint32_t k = 0; p->product[i].map && k < p->product[i].n_in; k++)
                        p->last_use[p->product[i].in[k]] = i;
        }
        for (uint32_t i = 0; i < x->nest->n_sink; i++) {
                const Sink *sink = x->nest->sink + i;

                for (int c = 0; c < (sink->op && sink->unit ? sink_fold(sink)->n_state : 1); c++) {
                        p->last_use[sink->reg[c]] = UINT32_MAX;
                        p->strip[sink->reg[c]] = true;
                }
        }
}

/* The tile of a pack: all positions of its loop if they fit, so that loops in between find them again; else some cache
 * lines. A multiple of eight: a reduction looks back at the first of eight positions. */
static int64_t pack_tile(const NestRun *x, int loop, uint32_t w, size_t size) {
        int64_t step = magnitude(x->move[(size_t) loop * x->n_walk + w]);
        int64_t fits = (int64_t) (PACK_BYTES / (x->lanes * size));

        if (x->loop[loop].n <= fits)
                return INT64_MAX;
        return MAX(2 * LINE_BYTES / step, (int64_t) EIGHT) & ~(int64_t) (EIGHT - 1);
}

/* Rows that lie one behind the other, and are fetched at once, are asked for while those of the strip before are worked
 * on, some with every row that is read: memory and the kernels are busy at the same time. */
static size_t pack_ahead(const NestRun *x, int loop, uint32_t w, int64_t tile) {
        const int64_t lane = lane_step(x, w), n = x->loop[loop].n;
        int64_t n_read = x->by_terms ? div_up(n, (int64_t) EIGHT) : n;

        if (tile != INT64_MAX || lane != n * x->move[(size_t) loop * x->n_walk + w])
                return 0;
        for (int k = x->lane_loop + 1; k < loop; k++)
                n_read *= x->loop[k].n;
        return (size_t) (div_up((int64_t) x->lanes * lane, n_read * LINE_BYTES) * LINE_BYTES);
}

static int make_load(Prepare *p, uint32_t i, Step *s) {
        NestRun *x = p->x;
        uint32_t w = p->walk_of[i];
        int loop = p->depth[i] - 1;

        s->walk = w;
        s->lane = p->info[w].repeats ?: lane_step(x, w);
        if (p->info[w].repeats != 0) {
                s->kind = STEP_REPEAT;
        } else if (s->lane == (int64_t) s->size) {
                s->kind = STEP_DIRECT;
                p->stays[i] = true;
        } else if (s->lane == 0 && !p->strip[i]) {
                s->kind = STEP_DIRECT;
        } else if (s->lane == 0) {
                s->kind = STEP_FILL;
        } else if (packs(p, i)) {
                Pack *pack = exec_take(x->run->exec, sizeof(*pack));
                int64_t tile = pack_tile(x, loop, w, s->size);

                if (!pack)
                        return -ENOMEM;
                *pack = (Pack) { .loop  = loop,
                                 .tile  = tile,
                                 .pitch = x->lanes * s->size,
                                 .ahead = pack_ahead(x, loop, w, tile) };
                pack->data = exec_take(x->run->exec, (size_t) MIN(tile, x->loop[loop].n) * pack->pitch);
                if (!pack->data)
                        return -ENOMEM;
                s->kind = STEP_PACK;
                s->pack = pack;
                p->stays[i] = true;
        } else {
                s->kind = STEP_GATHER;
        }
        return 0;
}

static int make_step(Prepare *p, uint32_t i, Step *s) {
        const Instr *instr = p->x->nest->instr + i;

        *s = (Step) { .reg = i, .second = UINT32_MAX, .size = dtype_size(instr->dtype) };
        switch (instr->kind) {
        case INSTR_LOAD:
        case INSTR_LOCAL:
                return make_load(p, i, s);
        case INSTR_GENERATE:
                s->kind = varies_along_lanes(p, i) ? STEP_GENERATE : p->strip[i] ? STEP_SPREAD : STEP_ONE;
                s->walk = p->walk_of[i];
                s->lane = lane_step(p->x, s->walk);
                s->generate = instr->op->generate[instr->kernel].fn;
                s->params = instr->params;
                return 0;
        case INSTR_MAP:
                s->kind = varies_along_lanes(p, i) ? STEP_MAP : p->strip[i] ? STEP_SPREAD : STEP_ONE;
                s->n_in = instr->op->n_in;
                s->n_out = op_n_out(instr->op);
                s->second_size = s->n_out > 1 ? dtype_size(instr->op->kernels[instr->kernel].out[1]) : 0;
                memcpy(s->in, instr->in, sizeof(s->in));
                s->map = choose_map(p, instr);
                s->params = instr->params;
                if (p->product[i].map) {
                        s->n_in = p->product[i].n_in;
                        s->map = p->product[i].map;
                        memcpy(s->in, p->product[i].in, sizeof(p->product[i].in));
                }
                return 0;
        case INSTR_CONST:
        case INSTR_SECOND:
                break;
        }
        assert(!"an instruction without a step");
        return 0;
}

/* Results that go straight to memory: made in the innermost loop, stored side by side, and not past the caches. */
static void bind_stores(Prepare *p) {
        NestRun *x = p->x;

        for (uint32_t i = 0; i < x->n_store; i++) {
                Store *store = x->store + i;
                InstrKind kind = x->nest->instr[store->reg].kind;

                store->size = p->info[store->walk].size;
                store->lane = lane_step(x, store->walk);
                if (store->lane != (int64_t) store->size) {
                        store->kind = STORE_SCATTER;
                        continue;
                }
                if (store->kind == STORE_STREAM) {
                        x->streamed = true;
                        continue;
                }
                store->kind = STORE_COPY;
                if (p->depth[store->reg] != x->n_loop || p->moving_of[store->reg])
                        continue;
                if (kind == INSTR_MAP || kind == INSTR_GENERATE || kind == INSTR_SECOND) {
                        store->kind = STORE_DONE;
                        x->moving[x->n_moving] = (Moving) { .reg = store->reg, .walk = store->walk };
                        p->moving_of[store->reg] = x->moving + x->n_moving++;
                        p->stays[store->reg] = x->reduce_loop < 0 ||
                                               x->move[(size_t) x->reduce_loop * x->n_walk + store->walk] != 0;
                }
        }
}

/* Elements that are computed can be folded eight at once when they are in eight places. */
static bool takes_turns(const NestRun *x, const FoldSink *fold) {
        return fold->fold->lift_eight && !fold->sink->unit && x->loop[x->reduce_loop].n >= EIGHT &&
               x->nest->instr[fold->sink->reg[0]].kind > INSTR_LOCAL;
}

/* A counter keeps the vectors of an even position until the odd one has come: registers that are computed anew for each
 * position take turns. */
static int bind_folds(Prepare *p, size_t slot_bytes) {
        NestRun *x = p->x;

        if (x->reduce_loop < 0 || x->reduce_loop == x->lane_loop || x->by_terms)
                return 0;
        for (uint32_t f = 0; f < x->n_fold; f++) {
                const FoldSink *fold = x->fold + f;

                for (int c = 0; c < (fold->sink->unit ? fold->fold->n_state : 1); c++) {
                        uint32_t reg = fold->sink->reg[c];
                        Moving *m = x->moving + x->n_moving;

                        if ((!fold->sink->unit && fold->fold->lift && !fold->fold->lift_two) || p->stays[reg] ||
                            p->moving_of[reg] || p->depth[reg] != x->n_loop)
                                continue;
                        *m = (Moving) { .reg = reg, .walk = -1, .n_turn = takes_turns(x, fold) ? EIGHT : 2 };
                        for (uint32_t t = 0; t < m->n_turn; t++) {
                                m->turn[t] = exec_take(x->run->exec, slot_bytes);
                                if (!m->turn[t])
                                        return -ENOMEM;
                        }
                        p->moving_of[reg] = m;
                        x->n_moving++;
                }
        }
        return 0;
}

/* Physical registers of the innermost loop are used again as soon as nobody reads them any more. Others are kept. */
static int make_registers(Prepare *p, size_t slot_bytes) {
        NestRun *x = p->x;
        const Nest *nest = x->nest;
        Exec *exec = x->run->exec;
        char **spare = exec_take_array(exec, char *, nest->n_instr + 1);
        uint32_t n_spare = 0;
        int r;

        if (!spare)
                return -ENOMEM;
        for (uint32_t s = 0; s < x->n_step; s++) {
                Step *step = x->step + s;

                r = make_step(p, step->reg, step);
                if (r < 0)
                        return r;
                for (uint32_t f = 0; x->by_terms && p->depth[step->reg] == x->n_loop && f < x->n_fold; f++)
                        for (int k = 0; k < 2; k++)
                                if (x->fold[f].terms.in[k] == step->reg)
                                        x->fold[f].load[k] = step;
        }
        bind_stores(p);
        r = bind_folds(p, slot_bytes);
        if (r < 0)
                return r;

        for (uint32_t i = 0; i < nest->n_instr; i++) {
                const Instr *instr = nest->instr + i;
                size_t n;

                if (instr->kind != INSTR_CONST)
                        continue;
                n = p->strip[i] ? x->lanes : 1;
                x->reg[i] = exec_take(exec, n * dtype_size(instr->dtype));
                if (!x->reg[i])
                        return -ENOMEM;
                strided_fill(x->reg[i], instr->value.bytes, n, dtype_size(instr->dtype));
        }
        for (uint32_t s = 0; s < x->n_step; s++) {
                Step *step = x->step + s;
                bool inner = p->depth[step->reg] == x->n_loop;
                uint32_t second = UINT32_MAX;

                if (step->kind == STEP_DIRECT || step->kind == STEP_PACK)
                        continue;
                if (!p->moving_of[step->reg]) {
                        x->reg[step->reg] = inner && n_spare > 0 ? spare[--n_spare] : exec_take(exec, slot_bytes);
                        if (!x->reg[step->reg])
                                return -ENOMEM;
                }
                if (step->n_out == 2) {
                        for (uint32_t i = step->reg + 1; i < nest->n_instr && second == UINT32_MAX; i++)
                                if (nest->instr[i].kind == INSTR_SECOND && nest->instr[i].in[0] == step->reg)
                                        second = i;
                        /* When nobody wants it, it still needs a place: behind the last register. */
                        step->second = second == UINT32_MAX ? nest->n_instr : second;
                        if (second == UINT32_MAX || !p->moving_of[second]) {
                                x->reg[step->second] = exec_take(exec, slot_bytes);
                                if (!x->reg[step->second])
                                        return -ENOMEM;
                        }
                }
                for (uint32_t k = 0; inner && k < step->n_in; k++) {
                        uint32_t in = step->in[k];

                        if (p->depth[in] == x->n_loop && p->last_use[in] == step->reg && x->reg[in] &&
                            !p->moving_of[in] && nest->instr[in].kind != INSTR_SECOND &&
                            (k == 0 || in != step->in[0]) && (k < 2 || in != step->in[1]))
                                spare[n_spare++] = x->reg[in];
                }
                if (inner && p->last_use[step->reg] == step->reg && !p->moving_of[step->reg])
                        spare[n_spare++] = x->reg[step->reg];
        }
        return 0;
}

static int make_steps(Prepare *p) {
        NestRun *x = p->x;
        const Nest *nest = x->nest;
        Exec *exec = x->run->exec;
        size_t size = 1, slot_bytes;
        uint32_t n = 0;

        x->step = exec_take_array(exec, Step, nest->n_instr);
        x->reg = exec_take_array(exec, char *, nest->n_instr + 1);
        x->moving = exec_take_array(exec, Moving, nest->n_instr + 1);
        p->depends = exec_take_array(exec, uint64_t, nest->n_instr);
        p->depth = exec_take_array(exec, int, nest->n_instr);
        p->last_use = exec_take_array(exec, uint32_t, nest->n_instr);
        p->product = exec_take_array(exec, Product, nest->n_instr);
        p->strip = exec_take_array(exec, bool, nest->n_instr);
        p->stays = exec_take_array(exec, bool, nest->n_instr);
        p->moving_of = exec_take_array(exec, Moving *, nest->n_instr);
        if (!x->step || !x->reg || !x->moving || !p->depends || !p->depth || !p->last_use || !p->product || !p->strip ||
            !p->stays || !p->moving_of)
                return -ENOMEM;
        memset(x->reg, 0, (nest->n_instr + 1) * sizeof(*x->reg));
        memset(p->strip, 0, nest->n_instr * sizeof(*p->strip));
        memset(p->stays, 0, nest->n_instr * sizeof(*p->stays));
        memset(p->moving_of, 0, nest->n_instr * sizeof(*p->moving_of));
        x->n_moving = 0;

        find_depths(p);
        for (int depth = 0; depth <= x->n_loop; depth++) {
                x->first_step[depth] = n;
                for (uint32_t i = 0; i < nest->n_instr; i++)
                        if (p->depth[i] == depth && nest->instr[i].kind != INSTR_CONST &&
                            nest->instr[i].kind != INSTR_SECOND && !p->product[i].within)
                                x->step[n++].reg = i;
        }
        x->first_step[x->n_loop + 1] = x->n_step = n;

        for (uint32_t i = 0; i < nest->n_instr; i++)
                size = MAX(size, dtype_size(nest->instr[i].dtype));
        slot_bytes = x->lanes * size;
        return make_registers(p, slot_bytes);
}

/* ---- Reductions -------------------------------------------------------------------------------------------------- */

static int take_states(const NestRun *x, const Fold *fold, char *ret[static MAX_STATE]) {
        for (int c = 0; c < fold->n_state; c++) {
                ret[c] = exec_take(x->run->exec, x->lanes * dtype_size(fold->state[c]));
                if (!ret[c])
                        return -ENOMEM;
        }
        return 0;
}

/* Elements that are still there seven positions later can be folded eight at once. */
static bool folds_eight(const Prepare *p, const FoldSink *fold) {
        uint32_t reg    = fold->sink->reg[0];
        const Moving *m = p->moving_of[reg];

        return fold->fold->lift_eight && !fold->sink->unit &&
               (p->stays[reg] || p->depth[reg] != p->x->n_loop || (m && m->walk < 0 && m->n_turn == EIGHT));
}

static int make_folds(const Prepare *p) {
        NestRun *x = p->x;
        Exec *exec = x->run->exec;

        for (uint32_t f = 0; f < x->n_fold; f++) {
                FoldSink *fold = x->fold + f;
                bool eight = x->by_terms || (x->reduce_loop != x->lane_loop && folds_eight(p, fold));
                int r = 0;

                for (int t = 0; t < 2 && r >= 0; t++) {
                        if (!fold->sink->unit && fold->fold->lift)
                                r = take_states(x, fold->fold, fold->lifted[t]);
                        if (r >= 0 && eight)
                                r = take_states(x, fold->fold, fold->eight[t]);
                }
                for (int l = 0; x->by_terms && l < TERMS_LEVEL && r >= 0; l++) {
                        fold->low[l] = exec_take(exec, x->lanes * dtype_size(fold->fold->state[0]));
                        r = fold->low[l] ? 0 : -ENOMEM;
                }
                if (r < 0)
                        return r;
                if (x->reduce_loop != x->lane_loop) {
                        fold->counter = exec_take(exec, sizeof(Counter));
                        if (!fold->counter)
                                return -ENOMEM;
                        continue;
                }
                fold->base = exec_take(exec, sizeof(PyramidBase));
                fold->pyramid = exec_take_array(exec, Pyramid, x->columns_inside ? x->n_column : 1);
                fold->place = exec_take_array(exec, char *, x->n_column * MAX_STATE);
                if (!fold->base || !fold->pyramid || !fold->place)
                        return -ENOMEM;
        }
        return 0;
}

/* Nothing has been folded yet. */
static int folds_begin(NestRun *x) {
        Exec *exec = x->run->exec;
        const Loop *reduced = x->reduce_loop < 0 ? NULL : x->loop + x->reduce_loop;

        for (uint32_t f = 0; f < x->n_fold; f++) {
                const FoldSink *fold = x->fold + f;
                int r;

                if (fold->counter) {
                        counter_init(fold->counter, exec, fold->fold, fold->unit, x->lanes);
                        continue;
                }
                r = pyramid_base_init(fold->base, exec, fold->fold, fold->unit, reduced->lo, reduced->lo + reduced->n,
                                      x->n_column, x->lanes);
                if (r < 0)
                        return r;
                for (size_t i = 0; i < (x->columns_inside ? x->n_column : 1); i++)
                        pyramid_init(fold->pyramid + i);
        }
        return 0;
}

/* All of a short axis is there, and its sum is the result. */
static bool has_few_terms(const NestRun *x) {
        const Loop *reduced = x->reduce_loop < 0 ? NULL : x->loop + x->reduce_loop;

        if (!x->by_terms || !reduced || reduced->lo > 0 || reduced->n >= 2 << TERMS_LEVEL)
                return false;
        for (uint32_t f = 0; f < x->n_fold; f++)
                if (x->fold[f].sink->end == FOLD_PARTIAL ||
                    (x->fold[f].sink->end == FOLD_FINISH && x->fold[f].fold->finish))
                        return false;
        return true;
}

/* Nothing is computed, packed or stored in the innermost loop, which all folds take by eight: of short rows the loop
 * itself costs more than the work. */
static bool runs_by_eight(const Prepare *p) {
        NestRun *x = p->x;

        if (x->reduce_loop != x->n_loop - 1 || x->reduce_loop == x->lane_loop || x->n_store > 0 || x->n_moving > 0)
                return false;
        for (uint32_t s = x->first_step[x->n_loop]; s < x->n_step; s++)
                if (x->step[s].kind != STEP_DIRECT)
                        return false;
        for (uint32_t f = 0; f < x->n_fold; f++) {
                uint32_t reg = x->fold[f].sink->reg[0];

                if (!x->fold[f].eight[0][0] || p->depth[reg] != x->n_loop)
                        return false;
                x->fold[f].element = p->walk_of[reg];
        }
        return true;
}

/* True when the program only looks at memory: strips may be longer than registers in L1 would let them be. */
static bool only_loads(const Prepare *p) {
        const NestRun *x = p->x;

        if (x->n_store > 0)
                return false;
        for (uint32_t i = 0; i < x->nest->n_instr; i++)
                if (x->nest->instr[i].kind > INSTR_LOCAL || is_strided(p, p->walk_of[i], p->lane) ||
                    lane_step(x, p->walk_of[i]) == 0)
                        return false;
        for (uint32_t i = 0; i < x->n_fold; i++) {
                const Fold *fold = x->fold[i].fold;
                bool deep = x->reduce_loop == x->lane_loop ? fold->lift_quads || fold->lift_runs : !!fold->lift_eight;

                if (!x->fold[i].sink->unit && fold->lift && !deep)
                        return false;
        }
        return true;
}

/* Strips of whole rows where memory is all that counts: the longer they are, the better it is read ahead. States of
 * three levels above eight rows, and both of these rows' own, stay in L2. */
static int64_t long_strip(const NestRun *x) {
        size_t state_bytes = 0;

        for (uint32_t i = 0; i < x->n_fold; i++)
                for (int c = 0; c < x->fold[i].fold->n_state; c++)
                        state_bytes += dtype_size(x->fold[i].fold->state[c]);
        assert(state_bytes > 0);
        return MAX((int64_t) (COUNTER_BYTES / (5 * state_bytes)) & ~(int64_t) (STRIP - 1), (int64_t) STRIP);
}

/* Bytes a lane of what is packed whole, for loops in between which read it again and again. */
static int64_t packed_bytes(const Prepare *p) {
        const NestRun *x = p->x;
        int64_t bytes    = 0;

        for (uint32_t w = 0; w < x->n_walk && x->n_loop - x->lane_loop > 2; w++) {
                const int64_t step = x->move[(size_t) (x->n_loop - 1) * x->n_walk + w];
                const int64_t each = x->loop[x->n_loop - 1].n * (int64_t) p->info[w].size;

                if (!p->info[w].writes && is_strided(p, w, p->lane) && step != 0 && magnitude(step) < LINE_BYTES &&
                    each * STRIP <= PACK_BYTES)
                        bytes += each;
        }
        return bytes;
}

/* Strips are of equal length, except along a reduced axis: there they end at multiples of a power of two. */
static void choose_lanes(Prepare *p) {
        NestRun *x = p->x;
        const int64_t packed = x->reduce_loop != x->lane_loop ? packed_bytes(p) : 0;
        int64_t n = MAX(x->loop[x->lane_loop].n, (int64_t) 1), max = STRIP, each;

        for (uint32_t i = 0; i < x->n_store; i++)
                if (x->store[i].kind == STORE_STREAM && x->reduce_loop < 0)
                        max = STRIP / 2; /* what is streamed was in L1 before: measured 10 % faster for a*b+c */
        if (x->reduce_loop >= 0 && only_loads(p))
                max = x->reduce_loop == x->lane_loop ? 8 * STRIP : long_strip(x);
        else if (packed > 0 && packed * max > PACK_NEAR)
                max = MAX(PACK_NEAR / packed, (int64_t) STRIP / 4) & ~(int64_t) 15;
        x->ends = max;
        if (x->reduce_loop == x->lane_loop) {
                x->lanes = (size_t) MIN(max, n);
                return;
        }
        if (x->period > 1) {
                x->lanes = (size_t) MIN(max / x->period * x->period, n);
                return;
        }
        each     = div_up(n, div_up(n, max));
        x->lanes = (size_t) (MIN(each + 15, n) & ~(int64_t) 15) ?: (size_t) n;
}

int nest_lay_out(NestRun *x, Run *run, const Nest *nest, const Box *box, const LocalMemory *local) {
        Prepare p; /* what is not set here the steps below set: there is much room in it for axes */
        int r;

        p.x       = x;
        p.box     = box;
        p.reduced = -1;
        p.n_axis  = nest->ndim;
        x->run = run;
        x->nest = nest;
        x->streamed = x->by_terms = x->few_terms = false;
        for (int k = 0; k < MAX_NDIM; k++)
                p.loop_of[k] = -1;
        for (int k = 0; k < nest->ndim; k++) {
                p.loop_of[nest->axis[k]] = k;
                p.lo[k] = box->lo[nest->axis[k]];
                p.n[k] = box->hi[nest->axis[k]] - p.lo[k];
        }
        for (uint32_t i = 0; i < nest->n_sink; i++)
                if (nest->sink[i].op)
                        p.reduced = p.loop_of[nest->sink[i].axis];

        r = nest_walks(&p, local);
        if (r < 0)
                return r;
        r = make_loops(&p);
        if (r < 0)
                return r;

        choose_lanes(&p);
        r = make_steps(&p);
        if (r < 0)
                return r;
        r = make_folds(&p);
        x->by_eight = r >= 0 && !x->by_terms && runs_by_eight(&p);
        return r;
}

int nest_begin(NestRun *x) {
        x->few_terms = has_few_terms(x);
        for (uint32_t s = 0; s < x->n_step; s++)
                if (x->step[s].kind == STEP_PACK)
                        x->step[s].pack->n_lane = 0;
        return folds_begin(x);
}

int nest_again(NestRun *x, Run *run, const Box *box) {
        int r;

        x->run = run;
        r      = nest_places(x, box);
        for (uint32_t f = 0; f < x->n_fold; f++) /* where the others begin matters to nobody */
                x->loop[x->reduce_loop].lo = box->lo[x->fold[f].sink->axis];
        return r < 0 ? r : nest_begin(x);
}

int nest_prepare(NestRun *x, Run *run, const Nest *nest, const Box *box, const LocalMemory *local) {
        int r = nest_lay_out(x, run, nest, box, local);

        return r < 0 ? r : nest_begin(x);
}
