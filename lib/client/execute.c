/* SPDX-License-Identifier: Apache-2.0 */
/* The walk goes from wanted tensors to their inputs and stops at what is there: results of the session, scalars,
 * data. Nodes are added on the way back, inputs before users. The path is a stack in memory, so depth costs bytes
 * and nothing else. */
#include <stdlib.h>

#include "client/data.h"
#include "client/execute.h"

enum { INPUTS_NEAR = 16 };

typedef struct Step {
        mars_tensor *tensor;
        uint32_t next; /* input to look at */
} Step;

int walk_begin(Walk *walk) {
        int r = graph_new(&walk->graph);

        return r < 0 ? error_oom(walk->err, sizeof(Graph)) : 0;
}

void walk_end(Walk *walk) {
        for (uint32_t i = 0; i < walk->held.n; i++)
                result_unref(walk->held.data[i]);
        vec_free(&walk->held);
        vec_free(&walk->ref);
        vec_free(&walk->leaf);
        map_done(&walk->index);
        graph_free(walk->graph);
        walk->graph = NULL;
}

static const Tiling *leaf_tiling(void *userdata, uint64_t stored) {
        const Walk *walk = userdata;

        return stored >= 1 && stored <= walk->leaf.n ? walk->leaf.data[stored - 1].tiling : NULL;
}

PlanLeaves walk_leaves(Walk *walk) {
        PlanLeaves leaves = { .tiling = leaf_tiling, .userdata = walk };

        if (walk->engine)
                engine_plan_limits(walk->engine, &leaves.task_bytes, &leaves.alone_bytes);
        return leaves;
}

static int oom(Walk *walk) {
        return error_oom(walk->err, walk->ref.n * sizeof(Ref));
}

static int remember(Walk *walk, const mars_tensor *tensor, Ref ref) {
        if (vec_push(&walk->ref, ref) < 0 || map_set(&walk->index, (uintptr_t) tensor, walk->ref.n) < 0)
                return oom(walk);
        return 0;
}

static const Ref *recall(const Walk *walk, const mars_tensor *tensor) {
        uint64_t position = map_get(&walk->index, (uintptr_t) tensor);

        if (position == 0)
                return NULL;
        assert(walk->ref.data && position <= walk->ref.n);
        return &walk->ref.data[position - 1];
}

static int add_leaf(Walk *walk, const mars_tensor *tensor, TensorId id, const Spec *spec, const Tiling *tiling) {
        uint32_t node;
        int r;

        if (walk->look) {
                if (vec_push(&walk->leaf, (WalkLeaf) { tensor, tiling }) < 0)
                        return oom(walk);
                id = walk->leaf.n;
        }
        r = graph_add_stored(walk->graph, id, spec, &node);
        if (r < 0)
                return error_prefix(walk->err, r, "%s", expr_name(tensor->expr));
        return remember(walk, tensor, (Ref) { .node = node });
}

/* Takes the reference to the result. */
static int add_result(Walk *walk, const mars_tensor *tensor, Result *result) {
        const Tiling *tiling;
        const Spec *spec;
        int r;

        if (vec_push(&walk->held, result) < 0) {
                result_unref(result);
                return oom(walk);
        }
        r = engine_tensor(result->engine, result->id, &spec, &tiling, walk->err);
        if (r < 0)
                return r;
        if (r > 0)
                return error_set(walk->err, ERROR_CLOSED, "the session is closed");
        return add_leaf(walk, tensor, result->id, spec, tiling);
}

static int add_scalar(Walk *walk, const mars_tensor *tensor) {
        const Scalar value = tensor->expr->value;
        Build build        = { .graph = walk->graph, .err = walk->err };
        Ref ref            = build_scalar(&build, value);
        int r              = build_done(&build);

        return r < 0 ? r : remember(walk, tensor, ref);
}

static int add_data(Walk *walk, mars_tensor *tensor) {
        Data *data = tensor->expr->data;
        Result *result;
        TensorId id;
        Spec spec;
        int r;

        if (walk->look) {
                tensor_spec(tensor, &spec);
                return add_leaf(walk, tensor, 0, &spec, data_tiling(data));
        }
        r = data_adopt(data, walk->engine, &id, walk->err);
        if (r < 0)
                return r;
        r = result_new(&result, walk->engine, id, walk->err);
        if (r < 0)
                return r;
        tensor_add_result(tensor, result_ref(result));
        return add_result(walk, tensor, result);
}

static int add_op(Walk *walk, const Expr *e) {
        _cleanup_(freep) Ref *far = NULL;
        Ref near[INPUTS_NEAR], *in = near;
        uint32_t node;
        int r;

        if (e->n_in > INPUTS_NEAR) {
                in = far = malloc(e->n_in * sizeof(*far));
                if (!far)
                        return oom(walk);
        }
        for (uint32_t i = 0; i < e->n_in; i++)
                in[i] = *recall(walk, e->in[i]);
        r = graph_add(walk->graph, e->op, e->params, in, e->n_in, &node, walk->err);
        if (r < 0)
                return error_of_op(e->op, r, walk->err);
        for (uint32_t i = 0; i < e->n_out; i++)
                if (!recall(walk, &e->out[i])) { /* another output may be a result already */
                        r = remember(walk, &e->out[i], (Ref) { .node = node, .out = i });
                        if (r < 0)
                                return r;
                }
        return 0;
}

/* 1: its inputs come first; 0: it is in the graph. */
static int visit(Walk *walk, mars_tensor *tensor) {
        Result *result = NULL;

        if (recall(walk, tensor))
                return 0;
        if (walk->engine || walk->any)
                result = tensor_result(tensor, walk->engine);
        if (result)
                return add_result(walk, tensor, result);
        switch ((ExprKind) tensor->expr->kind) {
        case EXPR_SCALAR:
                return add_scalar(walk, tensor);
        case EXPR_DATA:
                return add_data(walk, tensor);
        case EXPR_NAMED:
                return error_set(walk->err, ERROR_VALUE,
                                 "a result that was opened by its name is computed in the session that opened it");
        case EXPR_OP:
                break;
        }
        return 1;
}

static int walk_down(Walk *walk, mars_tensor *tensor) {
        Vec(Step) path = {};
        int r;

        r = visit(walk, tensor);
        if (r > 0 && vec_push(&path, (Step) { .tensor = tensor }) < 0)
                r = oom(walk);
        while (r >= 0 && path.n > 0) {
                Step *top     = &path.data[path.n - 1];
                const Expr *e = top->tensor->expr;

                if (top->next < e->n_in) {
                        mars_tensor *in = e->in[top->next++];

                        r = visit(walk, in);
                        if (r > 0 && vec_push(&path, (Step) { .tensor = in }) < 0)
                                r = oom(walk);
                        continue;
                }
                if (!recall(walk, top->tensor))
                        r = add_op(walk, e);
                path.n--;
        }
        vec_free(&path);
        return r;
}

int walk_want(Walk *walk, mars_tensor *tensor) {
        int r = walk_down(walk, tensor);

        if (r < 0)
                return r;
        return vec_push(&walk->graph->wanted, *recall(walk, tensor)) < 0 ? oom(walk) : 0;
}
