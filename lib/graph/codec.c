/* SPDX-License-Identifier: Apache-2.0 */
/* The wire form of a graph (docs/PROTOCOL.md, "Graph"). One graph has one form: a reader refuses every other
 * spelling (longer numbers, nodes that repeat another, operators that nobody uses),
 * so that encode(decode(x)) is x.
 *
 * The bytes come from outside. They say which operators with which parameters on which inputs, nothing that
 * follows from that: each node goes through graph_add(), which checks and infers as it does for the user who
 * wrote the expression. No count is believed beyond the bytes that are there to fill it. */
#include <string.h>

#include "base/bytes.h"
#include "graph/graph.h"
#include "graph/params.h"

static const uint8_t magic[] = { 'M', 'A', 'R', 'S', 'g', 'r', 'p', 'h' };

enum {
        VERSION      = 1,
        MAX_OP_NAME  = 63,
};

/* ---- Writing -------------------------------------------------------------------------------------------------- */

/* A complex number is two numbers. */
static size_t part_size(DType t) {
        return dtype_kind(t) == KIND_COMPLEX ? dtype_size(t) / 2 : dtype_size(t);
}

static void put_param(Writer *w, const Param *p, const void *params) {
        const void *at = param_at(p, params);

        switch (p->kind) {
        case PARAM_BOOL:
                put_u8(w, *(const bool *) at);
                break;
        case PARAM_I64:
                put_varint(w, zigzag(*(const int64_t *) at));
                break;
        case PARAM_F64:
                put_le(w, at, sizeof(double));
                break;
        case PARAM_DTYPE:
                put_u8(w, (unsigned) *(const int *) at);
                break;
        case PARAM_SCALAR: {
                const Scalar *s = at;

                put_u8(w, s->dtype);
                for (size_t i = 0; s->dtype != DTYPE_NONE && i < dtype_size(s->dtype); i += part_size(s->dtype))
                        put_le(w, s->bytes + i, part_size(s->dtype));
                break;
        }
        case PARAM_DIMS: {
                const Dims *d = at;

                put_varint(w, d->given ? (uint64_t) d->n + 1 : 0);
                for (uint32_t i = 0; d->given && i < d->n; i++)
                        put_varint(w, zigzag(d->v[i]));
                break;
        }
        case PARAM_TEXT: {
                const char *text = *(const char *const *) at;

                put_varint(w, text ? strlen(text) + 1 : 0);
                put_bytes(w, text, text ? strlen(text) : 0);
                break;
        }
        }
}

static void put_stored(Writer *w, const Node *node) {
        const Spec *spec = &node->out[0];

        put_varint(w, node->stored);
        put_u8(w, spec->dtype);
        put_u8(w, (unsigned) spec->shape.ndim);
        for (int k = 0; k < spec->shape.ndim; k++)
                put_varint(w, (uint64_t) spec->shape.dim[k] + 1); /* UNKNOWN is 0 */
}

static void put_node(Writer *w, const Graph *graph, uint32_t index, const uint32_t *number_of_op) {
        const Node *node = &graph->node.data[index];

        put_varint(w, node->op ? number_of_op[op_id(node->op)] : 0);
        if (!node->op) {
                put_stored(w, node);
                return;
        }
        if (node->op->variadic)
                put_varint(w, node->n_in);
        for (uint32_t i = 0; i < node->n_in; i++) {
                put_varint(w, index - node->in[i].node);
                if (graph->node.data[node->in[i].node].n_out > 1)
                        put_varint(w, node->in[i].out);
        }
        for (const Param *p = params_of(node->op); p->name; p++)
                put_param(w, p, node->params);
}

static uint32_t count_params(const Op *op) {
        uint32_t n = 0;

        for (const Param *p = params_of(op); p->name; p++)
                n++;
        return n;
}

/* Operators are numbered from 1 in the order of their first use; 0 is a stored leaf. */
static uint32_t number_ops(const Graph *graph, uint32_t *number_of_op, const Op **op_of_number) {
        uint32_t n = 0;

        for (uint32_t i = 0; i < graph->node.n; i++) {
                const Op *op = graph->node.data[i].op;

                if (!op || number_of_op[op_id(op)] != 0)
                        continue;
                op_of_number[n]         = op;
                number_of_op[op_id(op)] = ++n;
        }
        return n;
}

int graph_encode(const Graph *graph, uint8_t **ret, size_t *ret_size) {
        _cleanup_(freep) uint32_t *number_of_op = calloc(op_count() + 1, sizeof(*number_of_op));
        _cleanup_(freep) const Op **op_of_number = calloc(op_count() + 1, sizeof(*op_of_number));
        Writer w = {};
        uint32_t n_op;

        if (!number_of_op || !op_of_number)
                return -ENOMEM;
        n_op = number_ops(graph, number_of_op, op_of_number);
        put_bytes(&w, magic, sizeof(magic));
        put_varint(&w, VERSION);
        put_varint(&w, n_op);
        for (uint32_t i = 0; i < n_op; i++) {
                put_varint(&w, strlen(op_of_number[i]->name));
                put_bytes(&w, op_of_number[i]->name, strlen(op_of_number[i]->name));
                put_varint(&w, count_params(op_of_number[i]));
        }
        put_varint(&w, graph->node.n);
        for (uint32_t i = 0; i < graph->node.n; i++)
                put_node(&w, graph, i, number_of_op);
        put_varint(&w, graph->wanted.n);
        for (uint32_t i = 0; i < graph->wanted.n; i++) {
                put_varint(&w, graph->wanted.data[i].node);
                put_varint(&w, graph->wanted.data[i].out);
        }
        if (w.r < 0) {
                vec_free(&w.bytes);
                return w.r;
        }
        *ret      = w.bytes.data;
        *ret_size = w.bytes.n;
        return 0;
}

/* ---- Reading -------------------------------------------------------------------------------------------------- */

static DType get_dtype(Reader *rd) {
        DType t = get_u8(rd);

        if (t >= _DTYPE_MAX)
                reader_refuse(rd, "a dtype that does not exist");
        return rd->r < 0 ? DTYPE_F64 : t;
}

static void get_dims(Reader *rd, Dims *ret) {
        uint64_t n = get_varint(rd, UINT32_MAX);
        int64_t *v;

        if (n == 0)
                return;
        n--;
        if (n > reader_left(rd)) {
                reader_refuse(rd, "more things than bytes");
                return;
        }
        *ret = (Dims) { .n = (uint32_t) n, .given = true };
        if (n == 0)
                return;
        v = get_memory(rd, n * sizeof(*v));
        if (!v)
                return;
        for (uint64_t i = 0; i < n; i++)
                v[i] = unzigzag(get_varint(rd, UINT64_MAX));
        ret->v = v;
}

static void get_text(Reader *rd, const char **ret) {
        uint64_t n = get_varint(rd, UINT32_MAX);
        const uint8_t *from;
        char *text;

        if (n == 0)
                return;
        from = get_bytes(rd, n - 1);
        if (!from)
                return;
        if (memchr(from, 0, n - 1)) {
                reader_refuse(rd, "a text with a zero byte");
                return;
        }
        text = get_memory(rd, n);
        if (text && n > 1)
                memcpy(text, from, n - 1);
        *ret = text;
}

static void get_scalar(Reader *rd, Scalar *ret) {
        if (rd->r == 0 && reader_left(rd) > 0 && *rd->at == DTYPE_NONE) {
                rd->at++;
                ret->dtype = DTYPE_NONE;
                return;
        }
        ret->dtype = get_dtype(rd);
        for (size_t i = 0; i < dtype_size(ret->dtype); i += part_size(ret->dtype))
                get_le(rd, ret->bytes + i, part_size(ret->dtype));
}

static void get_param(Reader *rd, const Param *p, void *params) {
        void *at = (char *) params + p->offset;
        uint8_t byte;

        switch (p->kind) {
        case PARAM_BOOL:
                byte = get_u8(rd);
                if (byte > 1)
                        reader_refuse(rd, "a bool that is neither 0 nor 1");
                *(bool *) at = byte == 1;
                break;
        case PARAM_I64:
                *(int64_t *) at = unzigzag(get_varint(rd, UINT64_MAX));
                break;
        case PARAM_F64:
                get_le(rd, at, sizeof(double));
                break;
        case PARAM_DTYPE:
                *(int *) at = get_u8(rd);
                break;
        case PARAM_SCALAR:
                get_scalar(rd, at);
                break;
        case PARAM_DIMS:
                get_dims(rd, at);
                break;
        case PARAM_TEXT:
                get_text(rd, at);
                break;
        }
}

/* ---- Reading graphs ------------------------------------------------------------------------------------------- */

typedef struct Decoder {
        bool planned;  /* hidden operators may be in it */
        Reader rd;
        Graph *graph;
        const Op **op;      /* by number - 1 */
        uint32_t n_op;
        uint32_t n_op_used; /* numbers come in the order of first use */
} Decoder;

static const Op *decode_op(Reader *rd, bool planned) {
        uint32_t n           = get_count(rd, MAX_OP_NAME);
        const uint8_t *bytes = get_bytes(rd, n);
        char name[MAX_OP_NAME + 1] = "";
        uint64_t n_params;
        const Op *op;

        if (!bytes)
                return NULL;
        memcpy(name, bytes, n);
        if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != n) {
                reader_refuse(rd, "a name that no operator can have");
                return NULL;
        }
        n_params = get_varint(rd, UINT32_MAX);
        if (rd->r < 0)
                return NULL;
        op = op_find(name);
        if (!op)
                rd->r = error_set(rd->err, ERROR_SUPPORT, "graph: there is no operator '%s' in this version", name);
        else if (op->hidden && !planned) /* their expansions keep promises that their rules of inference rely on */
                rd->r = error_set(rd->err, ERROR_SUPPORT, "graph: '%s' is made while planning and cannot be asked for",
                                  name);
        else if (n_params != count_params(op))
                rd->r = error_set(rd->err, ERROR_SUPPORT, "graph: '%s' has %u parameters in this version, not %llu",
                                  name, count_params(op), (unsigned long long) n_params);
        return rd->r < 0 ? NULL : op;
}

static void decode_ops(Decoder *d) {
        d->n_op = get_count(&d->rd, op_count());
        d->op   = get_memory(&d->rd, d->n_op * sizeof(*d->op));
        for (uint32_t i = 0; i < d->n_op && d->rd.r == 0; i++) {
                d->op[i] = decode_op(&d->rd, d->planned);
                for (uint32_t k = 0; k < i && d->rd.r == 0; k++)
                        if (d->op[k] == d->op[i])
                                reader_refuse(&d->rd, "an operator that is named twice");
        }
}

/* A new node must be a new node: one that repeats another would have been written as a reference to it. */
static void check_added(Decoder *d, int r, uint32_t expected, uint32_t node) {
        const size_t at = (size_t) (d->rd.at - d->rd.start);

        if (r < 0)
                d->rd.r = error_prefix(d->rd.err, r, "graph: byte %zu: node %u", at, expected);
        else if (node != expected)
                reader_refuse(&d->rd, "a node that repeats an earlier one");
}

static void decode_stored(Decoder *d) {
        const uint32_t expected = d->graph->node.n;
        uint64_t stored         = get_varint(&d->rd, UINT64_MAX);
        Spec spec               = { .dtype = get_dtype(&d->rd) };
        uint32_t node           = 0;
        int r;

        spec.shape.ndim = get_u8(&d->rd);
        if (spec.shape.ndim > MAX_NDIM) {
                reader_refuse(&d->rd, "more dimensions than a tensor can have");
                return;
        }
        for (int k = 0; k < spec.shape.ndim; k++)
                spec.shape.dim[k] = (int64_t) (get_varint(&d->rd, (uint64_t) INT64_MAX + 1) - 1);
        if (d->rd.r < 0)
                return;
        r = shape_check(&spec.shape, dtype_size(spec.dtype), d->rd.err);
        if (r == 0)
                r = graph_add_stored(d->graph, stored, &spec, &node);
        check_added(d, r, expected, node);
}

static void decode_inputs(Decoder *d, uint32_t n_in, Ref *in) {
        const uint32_t here = d->graph->node.n;

        for (uint32_t i = 0; i < n_in && d->rd.r == 0; i++) {
                uint32_t back = (uint32_t) get_varint(&d->rd, here);

                if (back == 0) {
                        reader_refuse(&d->rd, "a node that is its own input");
                        return;
                }
                in[i] = (Ref) { .node = here - back };
                if (d->graph->node.data[here - back].n_out > 1)
                        in[i].out = (uint32_t) get_varint(&d->rd, d->graph->node.data[here - back].n_out - 1);
        }
}

static void decode_node(Decoder *d) {
        _Alignas(16) char params[MAX_PARAMS_BYTES] = {};
        const uint32_t expected = d->graph->node.n;
        uint32_t number         = (uint32_t) get_varint(&d->rd, MIN(d->n_op_used + 1, d->n_op));
        uint32_t n_in, node = 0;
        const Op *op;
        Ref *in;
        int r;

        if (d->rd.r < 0)
                return;
        if (number == 0) {
                decode_stored(d);
                return;
        }
        d->n_op_used = MAX(d->n_op_used, number);
        op           = d->op[number - 1];
        n_in         = op->variadic ? get_count(&d->rd, MAX_NODE_IN) : op->n_in;
        in           = get_memory(&d->rd, n_in * sizeof(*in));
        if (!in)
                return;
        decode_inputs(d, n_in, in);
        for (const Param *p = params_of(op); p->name && d->rd.r == 0; p++)
                get_param(&d->rd, p, params);
        if (d->rd.r < 0)
                return;
        r = graph_add(d->graph, op, params, in, n_in, &node, d->rd.err);
        check_added(d, r, expected, node);
}

static void decode_wanted(Decoder *d) {
        uint32_t n = get_count(&d->rd, UINT32_MAX);

        for (uint32_t i = 0; i < n && d->rd.r == 0; i++) {
                Ref ref = { .node = (uint32_t) get_varint(&d->rd, UINT32_MAX) };

                ref.out = (uint32_t) get_varint(&d->rd, UINT32_MAX);
                if (d->rd.r < 0)
                        return;
                if (ref.node >= d->graph->node.n || ref.out >= d->graph->node.data[ref.node].n_out)
                        reader_refuse(&d->rd, "an output that does not exist is wanted");
                else if (vec_push(&d->graph->wanted, ref) < 0)
                        d->rd.r = error_oom(d->rd.err, sizeof(ref));
        }
}

static void decode_graph(Decoder *d) {
        const uint8_t *start = get_bytes(&d->rd, sizeof(magic));
        uint32_t n_node;

        if (!start)
                return;
        if (memcmp(start, magic, sizeof(magic)) != 0)
                reader_refuse(&d->rd, "not a graph");
        if (get_varint(&d->rd, UINT64_MAX) != VERSION && d->rd.r == 0)
                reader_refuse(&d->rd, "a version of the form that is not known here");
        decode_ops(d);
        n_node = get_count(&d->rd, MAX_GRAPH_NODES);
        for (uint32_t i = 0; i < n_node && d->rd.r == 0; i++)
                decode_node(d);
        if (d->rd.r == 0 && d->n_op_used != d->n_op)
                reader_refuse(&d->rd, "an operator is named that no node uses");
        decode_wanted(d);
        if (d->rd.r == 0 && reader_left(&d->rd) > 0)
                reader_refuse(&d->rd, "bytes after the end");
}

static int decode(const uint8_t *data, size_t size, bool planned, Graph **ret, Error *err) {
        _cleanup_(arena_freep) Arena *scratch = arena_new();
        _cleanup_(graph_freep) Graph *graph = NULL;
        Decoder d;
        int r;

        r = graph_new(&graph);
        if (r < 0 || !scratch)
                return error_oom(err, sizeof(Graph));
        d = (Decoder) {
                .rd    = { .start = data, .at = data, .end = data + size, .what = "graph", .err = err,
                            .scratch = scratch },
                .graph   = graph,
                .planned = planned,
        };
        decode_graph(&d);
        if (d.rd.r < 0)
                return d.rd.r;
        *ret = TAKE_PTR(graph);
        return 0;
}

int graph_decode(const uint8_t *data, size_t size, Graph **ret, Error *err) {
        return decode(data, size, false, ret, err);
}

int graph_decode_planned(const uint8_t *data, size_t size, Graph **ret, Error *err) {
        return decode(data, size, true, ret, err);
}
