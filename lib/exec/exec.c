/* SPDX-License-Identifier: Apache-2.0 */
/* Running one task: find the memory of what it reads, then do what its kind of stage does.
 *
 * A source is a box of a value. It may lie in one chunk, or in several that happen to be one strided array
 * (neighbouring runs of rows in neighbouring memory): then it is used where it is. Otherwise the pieces are copied
 * into scratch, only the box.
 *
 * The thread's memory is a stack of blocks. A task takes from the last one; when it is full there is a new, larger
 * one. The next task starts with one block as large as all of them, so that soon there is one block for ever. A nest
 * that tasks of the same stage can use again lies at its bottom. */
#include "exec/exec.h"

#include <string.h>

#include "exec/inside.h"
#include "tensor/strided.h"

enum { FIRST_BLOCK_BYTES = 256 << 10 };

int exec_new(Exec **ret) {
        Exec *exec = calloc(1, sizeof(*exec));

        if (!exec)
                return -ENOMEM;
        exec->force_lane = -1;
        *ret = exec;
        return 0;
}

static void exec_clear(Exec *exec) {
        while (exec->n_block > 0)
                free(exec->block[--exec->n_block].data);
        exec->last = (Block64) {};
        exec->used = 0;
}

Exec *exec_free(Exec *exec) {
        if (!exec)
                return NULL;
        exec_clear(exec);
        free(exec);
        return NULL;
}

static int exec_grow(Exec *exec, size_t size_bytes) {
        Block64 *b = exec->block + exec->n_block;

        if (exec->n_block == ELEMENTSOF(exec->block) || size_bytes > PTRDIFF_MAX / 4)
                return -ENOMEM;
        b->size_bytes = exec->n_block > 0 ? 2 * b[-1].size_bytes : FIRST_BLOCK_BYTES;
        b->size_bytes = MAX(b->size_bytes, align64(size_bytes));
        b->data = aligned_alloc(64, b->size_bytes);
        if (!b->data)
                return -ENOMEM;
        exec->n_block++;
        exec->last = *b;
        exec->used = 0;
        return 0;
}

void *exec_take_new(Exec *exec, size_t size_bytes) {
        if (exec_grow(exec, size_bytes) < 0)
                return NULL;
        exec->used = align64(size_bytes);
        return exec->last.data;
}

/* The mark remembers its block: what was taken before a new block came stays taken. */
size_t exec_mark(const Exec *exec) {
        return exec->used << 6 | exec->n_block;
}

void exec_release(Exec *exec, size_t mark) {
        if ((mark & 63) == exec->n_block)
                exec->used = mark >> 6;
        else
                exec->used = 0;
}

void exec_keep(Exec *exec, KeptNest *kept) {
        if (exec->n_block > 1)
                return; /* the next task begins with a new one */
        exec->kept      = kept;
        exec->kept_used = exec->used;
}

static void exec_reset(Exec *exec, const Stage *stage) {
        size_t total = 0;

        if (exec->kept && (exec->n_block > 1 || !nest_kept_is_of(exec->kept, stage)))
                exec->kept = NULL;
        exec->used = exec->kept ? exec->kept_used : 0;
        if (_likely_(exec->n_block <= 1))
                return;
        for (uint32_t i = 0; i < exec->n_block; i++)
                total += exec->block[i].size_bytes;
        exec_clear(exec);
        (void) exec_grow(exec, total); /* if that fails, so will the first take */
}

void exec_force_lane(Exec *exec, int lane) {
        exec->force_lane = lane;
}

/* ---- Sources ----------------------------------------------------------------------------------------------------- */

typedef struct Finder {
        Run *run;
        Region *region;
        const uint32_t *chunk; /* the task's inputs */
        const ChunkMemory *in;
        uint32_t n_in, next; /* where the next chunk is likely to be */
        DType dtype;
        bool counting;
} Finder;

/* One chunk of the source: the part of it that lies in the box. */
static int find_piece(void *userdata, uint32_t chunk, const Box *chunk_box) {
        Finder *f = userdata;
        Region *region = f->region;
        const ChunkMemory *memory;
        Shape shape;
        Piece *p;

        if (f->counting) {
                region->n_piece++;
                return 0;
        }
        for (uint32_t k = 0; f->chunk[f->next] != chunk; k++) {
                if (k == f->n_in)
                        return error_set(f->run->err, -ENOENT, "chunk %u is not among the task's inputs", chunk);
                f->next = f->next + 1 == f->n_in ? 0 : f->next + 1;
        }
        memory = f->in + f->next;
        f->next = f->next + 1 == f->n_in ? 0 : f->next + 1;

        p = region->piece + region->n_piece++;
        p->box.ndim = p->view.shape.ndim = region->box.ndim;
        p->view.dtype = f->dtype;
        p->view.data = memory->data;
        shape.ndim = chunk_box->ndim;
        for (int k = 0; k < shape.ndim;
             k++) /* of the value that is read: a reshaped one has the same chunks in another shape */
                shape.dim[k] = chunk_box->hi[k] - chunk_box->lo[k];
        strided_of_shape(&shape, dtype_size(f->dtype), p->view.stride);
        for (int k = 0; k < region->box.ndim; k++) {
                p->box.lo[k] = MAX(region->box.lo[k], chunk_box->lo[k]);
                p->box.hi[k] = MIN(region->box.hi[k], chunk_box->hi[k]);
                p->view.shape.dim[k] = p->box.hi[k] - p->box.lo[k];
                p->view.data += (p->box.lo[k] - chunk_box->lo[k]) * p->view.stride[k];
        }
        return 0;
}

/* True when the pieces are one strided array; `view` then has its strides. */
static bool pieces_are_one(const Region *region, View *view) {
        const Piece *first = region->piece;

        memcpy(view->stride, first->view.stride, sizeof(view->stride[0]) * (size_t) region->box.ndim);
        view->data = first->view.data;
        for (uint32_t i = 1; i < region->n_piece; i++) {
                const Piece *p = region->piece + i;
                intptr_t at = (intptr_t) view->data;

                for (int k = 0; k < region->box.ndim; k++) {
                        at += (p->box.lo[k] - region->box.lo[k]) * view->stride[k];
                        if (p->view.shape.dim[k] > 1 && p->view.stride[k] != view->stride[k])
                                return false;
                }
                if ((intptr_t) p->view.data != at)
                        return false;
        }
        return true;
}

static int assemble(Run *run, Region *region) {
        size_t size = dtype_size(region->view.dtype);

        strided_of_shape(&region->view.shape, size, region->view.stride);
        region->view.data = run->scratch;
        run->scratch += align64((size_t) shape_size(&region->view.shape) * size);
        for (uint32_t i = 0; i < region->n_piece; i++) {
                const Piece *p = region->piece + i;
                char *to = region->view.data;

                if (run_canceled(run))
                        return ERROR_CANCELED;
                for (int k = 0; k < region->box.ndim; k++)
                        to += (p->box.lo[k] - region->box.lo[k]) * region->view.stride[k];
                strided_copy(to, region->view.stride, p->view.data, p->view.stride, &p->view.shape, size);
        }
        return 0;
}

static int find_source(Run *run, Finder *f, uint32_t source, bool in_pieces) {
        Region *region = run->source + source;
        int r;

        f->region = region;
        f->dtype = run->plan->value.data[run->stage->source[source].value].dtype;
        plan_source_box(run->plan, run->stage, source, &run->box, &region->box);
        region->view.dtype = f->dtype;
        region->view.data = NULL;
        region->view.shape.ndim = region->box.ndim;
        for (int k = 0; k < region->box.ndim; k++)
                region->view.shape.dim[k] = region->box.hi[k] - region->box.lo[k];

        region->n_piece = 0;
        f->counting = true;
        r = plan_source_chunks(run->plan, run->stage, source, &region->box, find_piece, f);
        if (r < 0)
                return r;
        if (region->n_piece == 0) {
                strided_of_shape(&region->view.shape, dtype_size(f->dtype), region->view.stride);
                return 0;
        }
        region->piece = exec_take_array(run->exec, Piece, region->n_piece);
        if (!region->piece)
                return -ENOMEM;
        region->n_piece = 0;
        f->counting = false;
        r = plan_source_chunks(run->plan, run->stage, source, &region->box, find_piece, f);
        if (r < 0)
                return r;
        if (pieces_are_one(region, &region->view))
                return 0;
        if (in_pieces) {
                region->view.data = NULL;
                return 0;
        }
        return assemble(run, region);
}

/* What a block operator sees: its input, which may be a view of the value that is read. */
static void look_through(const Run *run, uint32_t source) {
        const Source *s = run->stage->source + source;
        Region *region = run->source + source;
        const Region value = *region;
        Box domain;

        (void) plan_source_domain(s, &run->box, &domain);
        region->box.ndim = region->view.shape.ndim = s->shape->ndim;
        for (int j = 0; j < value.box.ndim && value.n_piece > 0; j++) {
                const AxisMap *m = s->map + j;
                const int64_t first = m->start + (m->axis == NO_AXIS ? 0 : m->step * map_count(m, domain.lo[m->axis]));

                region->view.data += (first - value.box.lo[j]) * value.view.stride[j];
        }
        for (int k = 0; k < s->shape->ndim; k++) {
                const AxisMap *in = s->input + k;
                const bool none = in->axis == NO_AXIS;

                region->box.lo[k] = none ? 0 : map_count(in, domain.lo[in->axis]) + in->start;
                region->box.hi[k] = none ? 1 : map_count(in, domain.hi[in->axis]) + in->start;
                region->view.shape.dim[k] = region->box.hi[k] - region->box.lo[k];
                region->view.stride[k] = 0;
                for (int j = 0; j < value.box.ndim && !none; j++)
                        if (s->map[j].axis == in->axis)
                                region->view.stride[k] += s->map[j].step * value.view.stride[j];
        }
}

/* ---- Entry ------------------------------------------------------------------------------------------------------- */

static const struct {
        const char *verb;
        int (*run)(Run *run);
} kinds[] = {
        [STAGE_NEST] = { "computing", run_nests },
        [STAGE_MERGE] = { "merging", run_merge },
        [STAGE_BLOCK] = { "computing", run_block },
};

int exec_run_next(Exec *exec, const Plan *plan, uint32_t task, const ChunkMemory *in, ChunkMemory *out, void *scratch,
                  const volatile bool *canceled, Error *err) {
        const Stage *stage = plan->stage.data + plan->task_stage[task];
        uint32_t first = plan->input_start[task];
        bool in_pieces = stage->kind == STAGE_MERGE || (stage->kind == STAGE_BLOCK && stage->block.op->takes_pieces);
        Finder finder;
        Run run;
        int r = 0;

        exec_reset(exec, stage);
        run.exec = exec;
        run.plan = plan;
        run.stage = stage;
        run.out = out;
        run.scratch = scratch;
        run.force_lane = exec->force_lane;
        run.canceled = canceled;
        run.err = err;
        plan_task_box(plan, task, &run.box);

        finder.run = &run;
        finder.n_in  = plan->input_start[task + 1] - first;
        finder.chunk = plan_inputs(plan, task);
        finder.next = 0;
        finder.in = in;
        run.source = exec_take_array(exec, Region, stage->n_source);
        if (!run.source)
                return error_oom(err, stage->n_source * sizeof(Region));
        for (uint32_t i = 0; i < stage->n_source && r >= 0; i++) {
                r = find_source(&run, &finder, i, in_pieces);
                if (r >= 0 && stage->source[i].input && !in_pieces)
                        look_through(&run, i);
        }
        if (r >= 0)
                r = kinds[stage->kind].run(&run);
        if (r == ERROR_CANCELED)
                return error_set(err, r, "canceled");
        if (r < 0 && (!err || err->code != r)) /* who carries the words on says where */
                return error_prefix(err, r, "%s %s", kinds[stage->kind].verb, stage->label ?: "");
        return r;
}

int exec_run(Exec *exec, const Plan *plan, uint32_t task, const ChunkMemory *in, ChunkMemory *out, void *scratch,
             const volatile bool *canceled, Error *err) {
        exec->kept = NULL;
        return exec_run_next(exec, plan, task, in, out, scratch, canceled, err);
}
