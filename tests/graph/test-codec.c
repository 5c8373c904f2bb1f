/* SPDX-License-Identifier: Apache-2.0 */
/* The round-trip law, over graphs made by chance from every operator of the table, and what a reader must refuse. */
#include "graph/chance.h"
#include "graph/ops.h"
#include "harness.h"

static void graph_encoded(const Graph *graph, uint8_t **ret, size_t *ret_size) {
        ck_assert_int_eq(graph_encode(graph, ret, ret_size), 0);
}

/* Decoded and encoded again the bytes are the same, and so is what people read. */
static void assert_round_trip(const Graph *graph) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        _cleanup_(freep) uint8_t *bytes = NULL, *again = NULL;
        _cleanup_(graph_freep) Graph *back = NULL;
        size_t size, size_again;
        Error err = {};
        int r;

        graph_encoded(graph, &bytes, &size);
        r = graph_decode(bytes, size, &back, &err);
        ck_assert_msg(r == 0, "%s\n%s", err.text, graph_print(graph, arena));
        ck_assert_str_eq(graph_print(back, arena), graph_print(graph, arena));
        graph_encoded(back, &again, &size_again);
        ck_assert_uint_eq(size, size_again);
        ck_assert_bytes_eq(bytes, again, size);
        for (uint32_t i = 0; i < graph->node.n; i++)
                if (graph->node.data[i].op)
                        ck_assert(params_equal(graph->node.data[i].op, graph->node.data[i].params,
                                               back->node.data[i].params));
}

/* ---- Graphs by chance ----------------------------------------------------------------------------------------- */

TEST(graphs_of_all_operators_read_back_equal) {
        bool seen[ELEMENTSOF(ops_all)] = { false };

        for (uint64_t seed = 0; seed < 400; seed++) {
                _cleanup_(graph_freep) Graph *graph = NULL;

                chance_state = seed;
                ck_assert_int_eq(graph_new(&graph), 0);
                for (uint64_t i = chance(400); i > 0; i--)
                        node_by_chance(graph, &ops_all[chance(op_count() - 1)]); /* the last one is hidden */
                for (uint64_t i = chance(4); i > 0 && graph->node.n > 0; i--) {
                        uint32_t node = (uint32_t) chance(graph->node.n);

                        ck_assert_int_eq(vec_push(&graph->wanted, (Ref) { node, graph->node.data[node].n_out - 1 }), 0);
                }
                for (uint32_t i = 0; i < graph->node.n; i++)
                        if (graph->node.data[i].op)
                                seen[op_id(graph->node.data[i].op)] = true;
                assert_round_trip(graph);
        }
        for (size_t i = 0; i < ELEMENTSOF(ops_all); i++)
                ck_assert_msg(seen[i] || ops_all[i].hidden || strcmp(ops_all[i].name, "lost") == 0, "%s was never made",
                              ops_all[i].name);
}

TEST(an_empty_graph_reads_back) {
        _cleanup_(graph_freep) Graph *graph = NULL;

        ck_assert_int_eq(graph_new(&graph), 0);
        assert_round_trip(graph);
}

/* ---- What is refused ------------------------------------------------------------------------------------------ */

/* %2 = sum(add(%0, %0), axis=(0,)) */
static Graph *small_graph(void) {
        Build b = {};
        Ref a = {};
        Spec spec = OPS_SPEC(DTYPE_F64, 300, 4);

        ck_assert_int_eq(graph_new(&b.graph), 0);
        ck_assert_int_eq(graph_add_stored(b.graph, 1000000, &spec, &a.node), 0);
        a = build_reduce(&b, "sum", build_binary(&b, "add", a, a), DIMS(0), false, DTYPE_NONE);
        ck_assert_int_eq(build_done(&b), 0);
        ck_assert_int_eq(vec_push(&b.graph->wanted, a), 0);
        return b.graph;
}

static int decode(const uint8_t *bytes, size_t size, Error *err) {
        _cleanup_(freep) uint8_t *exact = malloc(size ?: 1); /* so that the sanitizer sees a byte too many */
        _cleanup_(graph_freep) Graph *graph = NULL;

        if (size > 0)
                memcpy(exact, bytes, size);
        return graph_decode(exact, size, &graph, err);
}

TEST(the_form_is_as_documented) {
        _cleanup_(graph_freep) Graph *graph = small_graph();
        _cleanup_(freep) uint8_t *bytes = NULL;
        size_t size;
        static const uint8_t expected[] = {
                'M', 'A', 'R', 'S', 'g', 'r', 'p', 'h', 1,     /* magic, version */
                2, 3, 'a', 'd', 'd', 0, 3, 's', 'u', 'm', 3,   /* operators */
                3,                                             /* nodes */
                0, 0xc0, 0x84, 0x3d, 11, 2, 0xad, 0x02, 5,     /* stored 1000000, float64, (300, 4) */
                1, 1, 1,                                       /* add of the node before, twice */
                2, 1, 2, 0, 0, 255,                            /* sum: axis (0,), keepdims False, dtype None */
                1, 2, 0,                                       /* wanted */
        };

        graph_encoded(graph, &bytes, &size);
        ck_assert_uint_eq(size, sizeof(expected));
        ck_assert_bytes_eq(bytes, expected, size);
}

TEST(no_part_of_a_graph_is_a_graph) {
        _cleanup_(graph_freep) Graph *graph = small_graph();
        _cleanup_(freep) uint8_t *bytes = NULL;
        uint8_t more[128];
        size_t size;

        graph_encoded(graph, &bytes, &size);
        for (size_t n = 0; n < size; n++) {
                Error err = {};

                ck_assert_int_eq(decode(bytes, n, &err), ERROR_VALUE);
                ck_assert_ptr_nonnull(strstr(err.text, "graph: byte "));
        }
        memcpy(more, bytes, size);
        more[size] = 0;
        ck_assert_int_eq(decode(more, size + 1, NULL), ERROR_VALUE);
}

/* Whatever the change, what is accepted is written again as it was read. */
TEST(a_changed_byte_is_refused_or_means_something) {
        _cleanup_(graph_freep) Graph *graph = small_graph();
        _cleanup_(freep) uint8_t *bytes = NULL;
        size_t size;

        graph_encoded(graph, &bytes, &size);
        for (size_t i = 0; i < size; i++)
                for (unsigned v = 0; v < 256; v++) {
                        _cleanup_(graph_freep) Graph *back = NULL;
                        uint8_t kept = bytes[i];
                        Error err = {};

                        bytes[i] = (uint8_t) v;
                        if (graph_decode(bytes, size, &back, &err) == 0) {
                                _cleanup_(freep) uint8_t *again = NULL;
                                size_t size_again;

                                graph_encoded(back, &again, &size_again);
                                ck_assert_uint_eq(size, size_again);
                                ck_assert_bytes_eq(bytes, again, size);
                        } else
                                ck_assert_str_ne(err.text, "");
                        bytes[i] = kept;
                }
}

#define HEAD 'M', 'A', 'R', 'S', 'g', 'r', 'p', 'h', 1
#define ADD 3, 'a', 'd', 'd', 0
#define LEAF 0, 7, 11, 1, 4

static void assert_refused(const char *why, int code, const uint8_t *bytes, size_t size) {
        Error err = {};
        int r = decode(bytes, size, &err);

        ck_assert_msg(r == code, "%s: %d: %s", why, r, err.text);
        ck_assert_msg(strstr(err.text, why), "%s: %s", why, err.text);
}

#define REFUSED(why, code, ...)                                                                                        \
        assert_refused(why, code, (const uint8_t[]) { __VA_ARGS__ }, sizeof((const uint8_t[]) { __VA_ARGS__ }))

TEST(each_lie_is_named) {
        REFUSED("not a graph", ERROR_VALUE, 'M', 'A', 'R', 'S', 'G', 'R', 'P', 'H', 1, 0, 0, 0);
        REFUSED("a version", ERROR_VALUE, 'M', 'A', 'R', 'S', 'g', 'r', 'p', 'h', 2, 0, 0, 0);
        REFUSED("there is no operator 'nope'", ERROR_SUPPORT, HEAD, 1, 4, 'n', 'o', 'p', 'e', 0, 0, 0);
        REFUSED("'add' has 0 parameters in this version, not 1", ERROR_SUPPORT, HEAD, 1, 3, 'a', 'd', 'd', 1, 0, 0);
        REFUSED("'inner' is made while planning", ERROR_SUPPORT, HEAD, 1, 5, 'i', 'n', 'n', 'e', 'r', 0, 1, 1, 0);
        REFUSED("a name that no operator can have", ERROR_VALUE, HEAD, 1, 3, 'a', '/', 'd', 0, 0, 0);
        REFUSED("a name that no operator can have", ERROR_VALUE, HEAD, 1, 3, 'a', 0, 'd', 0, 0, 0);
        REFUSED("named twice", ERROR_VALUE, HEAD, 2, ADD, ADD, 0, 0);
        REFUSED("that no node uses", ERROR_VALUE, HEAD, 1, ADD, 0, 0);
        REFUSED("longer than it needs", ERROR_VALUE, HEAD, 0x80, 0, 0, 0);
        REFUSED("64 bits", ERROR_VALUE, HEAD, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0);
        REFUSED("too large here", ERROR_VALUE, HEAD, 0xff, 0x7f, 0, 0, 0, 0);
        REFUSED("more things than bytes", ERROR_VALUE, HEAD, 0, 100, 0, 7, 11, 1, 4, 0);
        REFUSED("too large here", ERROR_VALUE, HEAD, 0, 1, 1, 0, 0, 0, 0);
        REFUSED("its own input", ERROR_VALUE, HEAD, 1, ADD, 2, LEAF, 1, 0, 1, 0);
        REFUSED("too large here", ERROR_VALUE, HEAD, 1, ADD, 2, LEAF, 1, 2, 1, 0);
        REFUSED("a node that repeats an earlier one", ERROR_VALUE, HEAD, 1, ADD, 3, LEAF, 1, 1, 1, 1, 2, 2, 0);
        REFUSED("a node that repeats an earlier one", ERROR_VALUE, HEAD, 0, 2, LEAF, LEAF, 0);
        REFUSED("a dtype that does not exist", ERROR_VALUE, HEAD, 0, 1, 0, 7, 14, 1, 4, 0);
        REFUSED("more dimensions", ERROR_VALUE, HEAD, 0, 1, 0, 7, 11, 33, 4, 0);
        REFUSED("wanted", ERROR_VALUE, HEAD, 0, 1, LEAF, 1, 1, 0);
        REFUSED("wanted", ERROR_VALUE, HEAD, 0, 1, LEAF, 1, 0, 1);
        REFUSED("bytes after the end", ERROR_VALUE, HEAD, 0, 1, LEAF, 0, 0);
        REFUSED("could not be broadcast", ERROR_VALUE, HEAD, 1, ADD, 3, LEAF, 0, 8, 11, 1, 6, 1, 1, 2, 0);
        REFUSED("too large here", ERROR_VALUE, HEAD, 0, 1, 0, 7, 11, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                0xff, 1, 0);
}

TEST(a_stored_tensor_of_two_shapes_is_refused) {
        Error err = {};
        const uint8_t bytes[] = { HEAD, 0, 2, 0, 7, 11, 1, 4, 0, 7, 11, 1, 5, 0 };

        ck_assert_int_eq(decode(bytes, sizeof(bytes), &err), ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(err.text, "node 1"));
}

TEST(lists_and_texts_end_where_the_message_does) {
        static const char every[] = "\005every\013"; /* 11 parameters */
        uint8_t bytes[64] = { HEAD, 1 };
        size_t n = 10;

        memcpy(bytes + n, every, sizeof(every) - 1);
        n += sizeof(every) - 1;
        /* one node, no inputs, yes, count, ratio, value, start, dtype, kind: then axis */
        static const uint8_t node[] = { 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255 };
        memcpy(bytes + n, node, sizeof(node));
        n += sizeof(node);

        static const uint8_t huge[] = { 0xff, 0xff, 0xff, 0xff, 0x0f };
        memcpy(bytes + n, huge, sizeof(huge));
        assert_refused("more things than bytes", ERROR_VALUE, bytes, n + sizeof(huge));

        static const uint8_t text[] = { 0, 0, 4, 'a', 0, 'b', 0, 0 };
        memcpy(bytes + n, text, sizeof(text));
        assert_refused("a text with a zero byte", ERROR_VALUE, bytes, n + sizeof(text));

        static const uint8_t long_text[] = { 0, 0, 40, 'a', 0, 'b', 0, 0 };
        memcpy(bytes + n, long_text, sizeof(long_text));
        assert_refused("ends too early", ERROR_VALUE, bytes, n + sizeof(long_text));

        static const uint8_t good[] = { 0, 0, 0, 2, 'a', 0 };
        memcpy(bytes + n, good, sizeof(good));
        ck_assert_int_eq(decode(bytes, n + sizeof(good), NULL), 0);

        bytes[n - 14] = 2; /* yes */
        memcpy(bytes + n, good, sizeof(good));
        assert_refused("neither 0 nor 1", ERROR_VALUE, bytes, n + sizeof(good));
}
