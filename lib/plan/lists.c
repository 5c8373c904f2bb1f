/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of a plan: what each task reads and makes, and the order to run in. They are written by arithmetic on
 * maps and tilings, once; schedulers and workers then only follow indices. */
#include "plan/planner.h"

typedef struct Reads {
        Vec(uint32_t) chunk;
        uint32_t first; /* of the task that is being listed */
        uint32_t *last_task; /* [n_chunk] the last task that listed this chunk, plus 1 */
        uint32_t task;
} Reads;

static int add_read(void *userdata, uint32_t chunk, _unused_ const Box *box) {
        Reads *reads = userdata;

        if (reads->last_task[chunk] == reads->task + 1)
                return 0;
        reads->last_task[chunk] = reads->task + 1;
        return vec_push(&reads->chunk, chunk);
}

static int list_reads(Plan *plan) {
        Reads reads = { .last_task = calloc(plan->n_chunk + 1, sizeof(uint32_t)) };
        int r       = reads.last_task ? 0 : -ENOMEM;

        for (uint32_t s = 0; s < plan->stage.n && r >= 0; s++) {
                const Stage *stage = &plan->stage.data[s];

                for (uint32_t t = stage->first_task; t < stage->first_task + stage->n_task && r >= 0; t++) {
                        Box box, source_box;

                        plan->task_stage[t]  = s;
                        plan->input_start[t] = reads.chunk.n;
                        reads.task           = t;
                        plan_task_box(plan, t, &box);
                        for (uint32_t i = 0; i < stage->n_source && r >= 0; i++) {
                                plan_source_box(plan, stage, i, &box, &source_box);
                                r = plan_source_chunks(plan, stage, i, &source_box, add_read, &reads);
                        }
                }
        }
        free(reads.last_task);
        if (r < 0) {
                vec_free(&reads.chunk);
                return r;
        }
        plan->input_start[plan->n_task] = reads.chunk.n;
        plan->input_chunk               = reads.chunk.data;
        return 0;
}

typedef struct Makes {
        Plan *plan;
        uint32_t *maker;
        uint32_t n, task;
} Makes;

static int add_make(void *userdata, uint32_t chunk, _unused_ const Box *box) {
        Makes *makes = userdata;

        makes->plan->output_chunk[makes->n++] = chunk;
        makes->maker[chunk]                   = makes->task;
        return 0;
}

static int list_makes(Plan *plan, uint32_t *maker) {
        Makes makes = { .plan = plan, .maker = maker };
        uint64_t n  = 0;

        for (uint32_t s = 0; s < plan->stage.n; s++) {
                const Stage *stage = &plan->stage.data[s];

                n += stage->n_out == 1 && stage->out[0].pieces
                             ? tiling_n_chunks(&plan->value.data[stage->out[0].value].tiling)
                             : (uint64_t) stage->n_task * stage->n_out;
        }
        if (n >= UINT32_MAX)
                return -E2BIG;
        plan->output_chunk = calloc(n + 1, sizeof(uint32_t));
        if (!plan->output_chunk)
                return -ENOMEM;
        for (uint32_t s = 0; s < plan->stage.n; s++) {
                const Stage *stage = &plan->stage.data[s];

                for (uint32_t t = 0; t < stage->n_task; t++) {
                        uint32_t at[MAX_NDIM];
                        Box box;

                        makes.task                    = stage->first_task + t;
                        plan->output_start[makes.task] = makes.n;
                        tiling_position(&stage->domain, t, at);
                        tiling_box(&stage->domain, t, &box);
                        for (uint32_t o = 0; o < stage->n_out; o++) {
                                const Value *v         = &plan->value.data[stage->out[o].value];
                                uint32_t pos[MAX_NDIM] = {};

                                if (stage->out[o].pieces) {
                                        (void) plan_piece_chunks(plan, stage, o, &box, add_make, &makes);
                                        continue;
                                }
                                for (int k = 0; k < v->tiling.ndim; k++)
                                        if (stage->out[o].axis[k] != NO_AXIS)
                                                pos[k] = at[stage->out[o].axis[k]];
                                (void) add_make(&makes, v->first_chunk + (uint32_t) tiling_chunk_at(&v->tiling, pos),
                                                NULL);
                        }
                }
        }
        plan->output_start[plan->n_task] = makes.n;
        return 0;
}

typedef struct Frame {
        uint32_t task, next;
} Frame;

typedef struct Order {
        Vec(Frame) stack;
        bool *seen, *done;       /* [n_task] */
        const uint32_t *maker;   /* [n_chunk] */
        ValueId *leaf;           /* [n_stage] the largest source, a leaf that other stages read, too; or NO_VALUE */
        uint32_t *first, *n;     /* [n_chunk] of leaves: the tasks that may come early, in `reader` */
        Vec(uint32_t) reader;
} Order;

enum { LITTLE = 64 }; /* what a stage makes is little beside what it reads: a part of so many */

static double value_bytes(const Value *v) {
        return (double) shape_size(&v->shape) * (double) dtype_size(v->dtype);
}

/* The largest source of the stage if that is a leaf, under its first name. */
static ValueId largest_leaf(const Plan *plan, const Stage *stage) {
        const Value *largest = NULL;

        for (uint32_t i = 0; i < stage->n_source; i++) {
                const Value *v = &plan->value.data[stage->source[i].value];

                if (!largest || value_bytes(v) > value_bytes(largest))
                        largest = v;
        }
        return largest && largest->stage == STAGE_NONE ? plan->chunk_value[largest->first_chunk] : NO_VALUE;
}

static bool makes_little(const Plan *plan, const Stage *stage, ValueId leaf) {
        double bytes = 0;

        for (uint32_t o = 0; o < stage->n_out; o++)
                if (tiling_known(&plan->value.data[stage->out[o].value].tiling))
                        bytes += value_bytes(&plan->value.data[stage->out[o].value]);
                else
                        return false;
        return bytes * LITTLE <= value_bytes(&plan->value.data[leaf]);
}

/* Which tasks read the chunks of leaves that several stages go through, if they make little of them. */
static int list_readers(const Plan *plan, Order *o) {
        _cleanup_(freep) uint32_t *n_stage = calloc(plan->value.n + 1, sizeof(uint32_t));
        uint32_t n                         = 0;

        if (!n_stage)
                return -ENOMEM;
        for (uint32_t s = 0; s < plan->stage.n; s++) {
                o->leaf[s] = largest_leaf(plan, &plan->stage.data[s]);
                if (o->leaf[s] != NO_VALUE)
                        n_stage[o->leaf[s]]++;
        }
        for (int pass = 0; pass < 2; pass++) { /* counts, then lists */
                for (uint32_t c = 0; c < plan->n_chunk && pass == 1; c++) {
                        o->first[c] = n;
                        n += o->n[c];
                        o->n[c] = 0;
                }
                if (pass == 1 && vec_reserve(&o->reader, n) < 0)
                        return -ENOMEM;
                for (uint32_t s = 0; s < plan->stage.n; s++) {
                        const Stage *stage = &plan->stage.data[s];

                        if (o->leaf[s] == NO_VALUE || n_stage[o->leaf[s]] < 2) {
                                o->leaf[s] = NO_VALUE;
                                continue;
                        }
                        if (!plan->input_chunk || !makes_little(plan, stage, o->leaf[s])) /* no task has inputs */
                                continue;
                        for (uint32_t t = stage->first_task; t < stage->first_task + stage->n_task; t++)
                                for (uint32_t k = plan->input_start[t]; k < plan->input_start[t + 1]; k++) {
                                        const uint32_t c = plan->input_chunk[k];

                                        if (plan->chunk_value[c] != o->leaf[s])
                                                continue;
                                        if (pass == 1)
                                                o->reader.data[o->first[c] + o->n[c]] = t;
                                        o->n[c]++;
                                }
                }
        }
        return 0;
}

static int visit(Plan *plan, Order *o, uint32_t task) {
        o->seen[task] = true;
        return vec_push(&o->stack, (Frame) { task, plan->input_start[task] });
}

/* The tiles of the task's group come next: in a product that grows along its inner axis each of them waits for one of
 * the group before. */
static int visit_group(Plan *plan, Order *o, uint32_t task) {
        const Stage *stage = &plan->stage.data[plan->task_stage[task]];
        const Group *g     = &stage->block.group;
        uint32_t at[MAX_NDIM], first[2], last[2];

        if (stage->kind != STAGE_BLOCK || g->n[0] == 0)
                return 0;
        tiling_position(&stage->domain, task - stage->first_task, at);
        for (int k = 0; k < 2; k++) {
                first[k] = at[g->axis[k]] / g->n[k] * g->n[k];
                last[k]  = MIN(first[k] + g->n[k], stage->domain.axis[g->axis[k]].n) - 1;
        }
        for (uint32_t i = last[0] + 1; i-- > first[0];)
                for (uint32_t j = last[1] + 1; j-- > first[1];) {
                        uint32_t other;

                        at[g->axis[0]] = i;
                        at[g->axis[1]] = j;
                        other = stage->first_task + (uint32_t) tiling_chunk_at(&stage->domain, at);
                        if (!o->seen[other] && visit(plan, o, other) < 0)
                                return -ENOMEM;
                }
        return 0;
}

static bool is_ready(const Plan *plan, const Order *o, uint32_t task) {
        for (uint32_t k = plan->input_start[task]; k < plan->input_start[task + 1]; k++) {
                const uint32_t before = o->maker[plan->input_chunk[k]];

                if (before != UINT32_MAX && !o->done[before])
                        return false;
        }
        return true;
}

/* Tasks of other stages that go through the same chunk of a leaf come next, while it is in cache, or in memory at all:
 * those that can run now and make little. */
static int visit_readers(Plan *plan, Order *o, uint32_t task) {
        const uint32_t s = plan->task_stage[task];

        if (o->leaf[s] == NO_VALUE || !plan->input_chunk)
                return 0;
        for (uint32_t k = plan->input_start[task]; k < plan->input_start[task + 1]; k++) {
                const uint32_t c = plan->input_chunk[k];

                for (uint32_t i = o->n[c]; i-- > 0;) {
                        const uint32_t other = o->reader.data[o->first[c] + i];

                        if (plan->task_stage[other] != s && !o->seen[other] && is_ready(plan, o, other) &&
                            visit(plan, o, other) < 0)
                                return -ENOMEM;
                }
                o->n[c] = 0; /* once: what is not ready now comes in its own time */
        }
        return 0;
}

/* Depth first from what is kept: a task comes right after the last of those that it waits for. */
static int list_order(Plan *plan, const uint32_t *maker) {
        _cleanup_(freep) bool *seen = calloc(2 * ((size_t) plan->n_task + 1), sizeof(bool));
        _cleanup_(freep) ValueId *leaf = calloc(plan->stage.n + 1, sizeof(ValueId));
        _cleanup_(freep) uint32_t *readers = calloc(2 * ((size_t) plan->n_chunk + 1), sizeof(uint32_t));
        Order o    = { .seen = seen, .maker = maker, .leaf = leaf, .first = readers };
        uint32_t n = 0;
        int r      = seen && leaf && readers ? 0 : -ENOMEM;

        if (r >= 0) {
                o.done = seen + plan->n_task + 1;
                o.n    = readers + plan->n_chunk + 1;
                r      = list_readers(plan, &o);
        }
        for (uint32_t m = 0; m <= plan->made.n && r >= 0; m++) {
                const Value *v       = m < plan->made.n ? &plan->value.data[plan->made.data[m].value] : NULL;
                const uint32_t n_top =
                        v ? tiling_n_chunks(&v->tiling) : plan->n_task; /* last: whatever nobody asked for */

                for (uint32_t k = 0; k < n_top && r >= 0; k++) {
                        const uint32_t top = v ? maker[v->first_chunk + k] : k;

                        if (top == UINT32_MAX || seen[top])
                                continue;
                        r = visit(plan, &o, top);
                        while (o.stack.n > 0 && r >= 0) {
                                Frame *f = &o.stack.data[o.stack.n - 1];

                                if (f->next == plan->input_start[f->task + 1]) {
                                        const uint32_t task = vec_pop(&o.stack).task;

                                        plan->order[n++] = task;
                                        o.done[task]     = true;
                                        r                = visit_group(plan, &o, task);
                                        if (r >= 0)
                                                r = visit_readers(plan, &o, task);
                                        continue;
                                }
                                assert(plan->input_chunk);
                                const uint32_t before = maker[plan->input_chunk[f->next++]];
                                if (before != UINT32_MAX && !seen[before])
                                        r = visit(plan, &o, before);
                        }
                }
        }
        vec_free(&o.stack);
        vec_free(&o.reader);
        return r;
}

int plan_lists(Planner *p) {
        Plan *plan                  = p->plan;
        _cleanup_(freep) uint32_t *maker = malloc((plan->n_chunk + 1) * sizeof(uint32_t));
        int r;

        plan->task_stage   = calloc(plan->n_task + 1, sizeof(uint32_t));
        plan->input_start  = calloc(plan->n_task + 1, sizeof(uint32_t));
        plan->output_start = calloc(plan->n_task + 1, sizeof(uint32_t));
        plan->chunk_value  = calloc(plan->n_chunk + 1, sizeof(uint32_t));
        plan->order        = calloc(plan->n_task + 1, sizeof(uint32_t));
        if (!maker || !plan->task_stage || !plan->input_start || !plan->output_start || !plan->chunk_value ||
            !plan->order)
                return error_oom(p->err, ((size_t) plan->n_task * 4 + plan->n_chunk) * sizeof(uint32_t));
        memset(maker, 0xff, (plan->n_chunk + 1) * sizeof(uint32_t));
        for (uint32_t v = plan->value.n; v-- > 0;) { /* aliases come after the value whose chunks they have */
                const Value *value = &plan->value.data[v];
                const uint64_t n   = tiling_n_chunks(&value->tiling);

                for (uint64_t k = 0; k < n; k++)
                        plan->chunk_value[value->first_chunk + k] = v;
        }
        r = list_reads(plan);
        if (r >= 0)
                r = list_makes(plan, maker);
        if (r >= 0)
                r = list_order(plan, maker);
        return r < 0 ? error_prefix(p->err, r, "listing %u tasks", plan->n_task) : 0;
}
