/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of graphs: whatever the bytes, it answers with words or with a graph of which they are the one
 * form. Behind it stand the rules of inference of all operators, which see parameters here that no user would
 * write. */
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth) {
        if (!truth)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(arena_freep) Arena *arena = NULL;
        _cleanup_(graph_freep) Graph *graph = NULL;
        _cleanup_(freep) uint8_t *again = NULL;
        size_t size_again;
        Error err = {};
        int r;

        r = graph_decode(data, size, &graph, &err);
        if (r < 0) {
                must(err.code == r && err.text[0]);
                return 0;
        }
        must(graph_encode(graph, &again, &size_again) == 0);
        must(size == size_again && memcmp(data, again, size) == 0);
        arena = arena_new();
        must(arena && graph_print(graph, arena));
        return 0;
}
