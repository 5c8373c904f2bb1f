/* SPDX-License-Identifier: Apache-2.0 */
/* Rows longer than a task may take, sorted in columns: Leighton's columnsort, whose exchanges are known before,
 * whatever the data are, so that they are ordinary views and go through memory in pieces (plan/exchange.c).
 *
 * A row is `columns` runs of columns x piece elements; the last ones are filled up with what comes after everything.
 *
 *     sort_deal    every run is sorted and dealt out, element by element, to `columns` hands
 *     sort_block   hand j of all runs together, sorted; its j-th part goes back to run j: sorted again
 *                  now every element is at most half a run from its place, if piece >= 2 columns, so that
 *     sort_runs    of the runs that begin half a run later puts it there
 *
 * Where the elements were is found in the same way by words_deal, words_block and words_runs, which move words of keys
 * and positions: sorted by both, since dealing does not keep equal elements in their order. */
#include "ops/columns.h"

enum { PIECE_BYTES = 256 << 10 }; /* of which reading and writing cost as much as starting to */

/* The elements are sorted, or words of them are, which say where they were (ops/sort-words.c). */
typedef struct Way {
        const char *deal, *block, *runs;
        size_t moved_bytes, scratch_bytes; /* of an element */
        int64_t words;                     /* a last axis of so many; 0: none */
} Way;

static Way way_of(DType t, bool places) {
        const int64_t words = n_order_keys(t) + 1;

        if (places)
                return (Way) { .deal          = "words_deal",
                               .block         = "words_block",
                               .runs          = "words_runs",
                               .moved_bytes   = (size_t) words * sizeof(uint64_t),
                               .scratch_bytes = words_scratch(words, 1),
                               .words         = words };
        return (Way) { .deal          = "sort_deal",
                       .block         = "sort_block",
                       .runs          = "sort_runs",
                       .moved_bytes   = dtype_size(t),
                       .scratch_bytes = block_scratch(t, 1) };
}

/* Bytes of a task for each element of its run: read (of two runs, at last), put together, written, and the keys with
 * their copies. */
static size_t element_bytes(const Way *way) {
        return 4 * way->moved_bytes + way->scratch_bytes;
}

/* A run gives n / run elements to each of n / run others: longer runs make fewer, larger pieces, which disks want, and
 * shorter ones stay in caches and let all threads sort. So they are as long as tasks allow only if what is read and
 * what is made do not both stay in memory. */
static int64_t run_at_most(const Build *b, const Way *way, int64_t n) {
        const int64_t piece = PIECE_BYTES / (int64_t) way->moved_bytes;
        const bool stays    = 2 * (size_t) n * way->moved_bytes <= b->alone_bytes;
        int64_t run         = MAX(stays ? 0 : (int64_t) (b->task_bytes / element_bytes(way)), (int64_t) RUN / 4);

        while (run / piece < n / run && (size_t) run * 2 * element_bytes(way) <= b->alone_bytes)
                run *= 2;
        return run;
}

/* Merging is twice as fast, and a task of it takes all sorted runs and a run's worth of its own. */
bool columns_wanted(const Build *b, DType t, int64_t n, bool places) {
        const Way way    = way_of(t, places);
        const size_t run = dtype_size(t) + (places ? sizeof(int64_t) : 0);

        return b->task_bytes > 0 && n > RUN && (size_t) n * run + (size_t) RUN * element_bytes(&way) > b->task_bytes;
}

static Ref build_columns(Build *b, Ref x, const Way *way) {
        const Spec spec    = *build_spec(b, x);
        const int last     = spec.shape.ndim - 1;
        const int64_t n    = spec.shape.dim[last];
        const int64_t most = run_at_most(b, way, n);
        ColumnsParams p;
        Shape flat = spec.shape;
        int axes[MAX_NDIM];
        int64_t run;
        Ref part[3];

        if (last + 2 + (way->words > 0) >= MAX_NDIM) {
                build_fail(b, ERROR_SUPPORT, "rows of tensors with more than %d axes are not sorted in columns",
                           MAX_NDIM - 2 - (way->words > 0));
                return x;
        }
        p.columns = div_up(n, most);
        p.piece   = div_up(n, p.columns * p.columns);
        if (p.piece < 2 * p.columns) {
                int64_t side = 1; /* the least run has 2 n^(2/3) elements */

                while (side * side * side < n)
                        side++;
                build_fail(b, ERROR_MEMORY,
                           "sorting %lld elements takes tasks of at least %zu bytes, %zu are allowed: use more memory",
                           (long long) n, (size_t) (2 * side * side) * element_bytes(way), b->task_bytes);
                return x;
        }
        run = columns_run(&p);
        for (int k = 0; k < MAX_NDIM; k++)
                axes[k] = k;
        axes[last]     = last + 1;
        axes[last + 1] = last;

        x = build_op(b, way->deal, &p, 1, &x);
        x = build_transpose(b, x, axes);
        x = build_op(b, way->block, NULL, 1, &x);
        x = build_transpose(b, x, axes);
        x = build_op(b, way->block, NULL, 1, &x);

        flat.dim[last] = p.columns * run;
        if (way->words > 0)
                flat.dim[flat.ndim++] = way->words;
        x       = build_reshape(b, x, &flat);
        part[0] = build_slice(b, x, last, 0, run / 2, 1);
        part[1] = build_slice(b, x, last, run / 2, flat.dim[last] - (run - run / 2), 1);
        part[1] = build_op(b, way->runs, &(RunsParams) { .run = run }, 1, &part[1]);
        part[2] = build_slice(b, x, last, flat.dim[last] - (run - run / 2), n, 1);
        for (int k = 0; k < 3 && way->words > 0; k += 2) { /* where it was is the last word */
                part[k] = build_slice(b, part[k], last + 1, way->words - 1, way->words, 1);
                part[k] = build_cast(b, build_drop_axis(b, part[k], last + 1), DTYPE_I64);
        }
        return build_concatenate(b, part, ELEMENTSOF(part), last);
}

Ref build_sort_columns(Build *b, Ref x) {
        const Way way = way_of(build_spec(b, x)->dtype, false);

        return build_columns(b, x, &way);
}

Ref build_argsort_columns(Build *b, Ref x) {
        const Way way = way_of(build_spec(b, x)->dtype, true);

        return build_columns(b, x, &way);
}
