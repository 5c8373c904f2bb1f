/* SPDX-License-Identifier: Apache-2.0 */
/* Rows longer than a task may take, sorted in columns: Leighton's columnsort, whose exchanges are known before,
 * whatever the data are, so that they are ordinary views and go through memory in pieces (plan/exchange.c).
 *
 * A row is `columns` runs of columns x piece elements; the last ones are filled up with what comes after everything.
 *
 *     sort_deal    every run is sorted and dealt out, element by element, to `columns` hands
 *     sort_block   hand j of all runs together, sorted; its j-th part goes back to run j: sorted again
 *                  now every element is at most half a run from its place, if piece >= 2 columns, so that
 *     sort_runs    of the runs that begin half a run later puts it there */
#include "ops/columns.h"

enum { PIECE_BYTES = 256 << 10 }; /* of which reading and writing cost as much as starting to */

/* Bytes of a task for each element of its run: read (of two runs, at last), put together, written, and the keys with
 * their copies. */
static size_t element_bytes(DType t) {
        return 4 * dtype_size(t) + block_scratch(t, 1);
}

/* A run gives n / run elements to each of n / run others: longer runs make fewer, larger pieces, which disks want, and
 * shorter ones stay in caches and let all threads sort. So they are as long as tasks allow only if what is read and
 * what is made do not both stay in memory. */
static int64_t run_at_most(const Build *b, DType t, int64_t n) {
        const int64_t piece = PIECE_BYTES / (int64_t) dtype_size(t);
        const bool stays    = 2 * (size_t) n * dtype_size(t) <= b->alone_bytes;
        int64_t run         = MAX(stays ? 0 : (int64_t) (b->task_bytes / element_bytes(t)), (int64_t) RUN / 4);

        while (run / piece < n / run && (size_t) run * 2 * element_bytes(t) <= b->alone_bytes)
                run *= 2;
        return run;
}

/* Merging is twice as fast, and a task of it takes all sorted runs and a run's worth of its own. */
bool columns_wanted(const Build *b, DType t, int64_t n) {
        return b->task_bytes > 0 && n > RUN &&
               (size_t) n * dtype_size(t) + (size_t) RUN * element_bytes(t) > b->task_bytes;
}

Ref build_sort_columns(Build *b, Ref x) {
        const Spec spec  = *build_spec(b, x);
        const int last   = spec.shape.ndim - 1;
        const int64_t n  = spec.shape.dim[last];
        const int64_t most = run_at_most(b, spec.dtype, n);
        ColumnsParams p;
        Shape flat = spec.shape;
        int axes[MAX_NDIM];
        int64_t run;
        Ref part[3];

        if (last + 2 >= MAX_NDIM) {
                build_fail(b, ERROR_SUPPORT, "rows of tensors with more than %d axes are not sorted in columns",
                           MAX_NDIM - 2);
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
                           (long long) n, (size_t) (2 * side * side) * element_bytes(spec.dtype), b->task_bytes);
                return x;
        }
        run = columns_run(&p);
        for (int k = 0; k < last; k++)
                axes[k] = k;
        axes[last]     = last + 1;
        axes[last + 1] = last;
        axes[last + 2] = last + 2;

        x = build_op(b, "sort_deal", &p, 1, &x);
        x = build_transpose(b, x, axes);
        x = build_op(b, "sort_block", NULL, 1, &x);
        x = build_transpose(b, x, axes);
        x = build_op(b, "sort_block", NULL, 1, &x);

        flat.dim[last] = p.columns * run;
        x              = build_reshape(b, x, &flat);
        part[0]        = build_slice(b, x, last, 0, run / 2, 1);
        part[1]        = build_slice(b, x, last, run / 2, flat.dim[last] - (run - run / 2), 1);
        part[1]        = build_op(b, "sort_runs", &(RunsParams) { .run = run }, 1, &part[1]);
        part[2]        = build_slice(b, x, last, flat.dim[last] - (run - run / 2), n, 1);
        return build_concatenate(b, part, ELEMENTSOF(part), last);
}
