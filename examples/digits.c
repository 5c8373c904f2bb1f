/* SPDX-License-Identifier: Apache-2.0 */
/* Ten thousand handwritten digits, as examples/digits.py, in C: principal components, then k-means in their space.
 *
 *     example-digits [directory of the data] [directory for the results]
 *
 * Writes digits_components.npy, digits_labels.npy and digits.pgm, a picture of the centres. */
#include <mars.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
        DIGITS = 10000,
        SIDE = 28,
        PIXELS = SIDE * SIDE,
        COMPONENTS = 32,
        CLUSTERS = 16,
        ROUNDS = 20,
        MAX_HANDLES = 1024
};

static mars_error err;

/* Every handle that the program gets, so that it can give them all back. */
static mars_tensor *handles[MAX_HANDLES];
static size_t n_handles;

static void check(int r) {
        if (r < 0) {
                fprintf(stderr, "digits: %s\n", err.text);
                exit(EXIT_FAILURE);
        }
}

static mars_tensor *keep(mars_tensor *tensor) {
        if (n_handles == MAX_HANDLES) {
                fprintf(stderr, "digits: more than %d tensors\n", MAX_HANDLES);
                exit(EXIT_FAILURE);
        }
        return handles[n_handles++] = tensor;
}

static mars_tensor *op_n(const char *name, unsigned n, mars_tensor *const *in, const mars_param *params,
                         size_t n_params) {
        mars_tensor *ret = NULL;

        check(mars_op1(&ret, name, n, in, params, n_params, &err));
        return keep(ret);
}

static mars_tensor *op1(const char *name, mars_tensor *a) {
        return op_n(name, 1, &a, NULL, 0);
}

static mars_tensor *op2(const char *name, mars_tensor *a, mars_tensor *b) {
        return op_n(name, 2, (mars_tensor *[]){ a, b }, NULL, 0);
}

static mars_tensor *reduce(const char *name, mars_tensor *a, int64_t axis) {
        const mars_param p = mars_param_dims("axis", &axis, 1);

        return op_n(name, 1, &a, &p, 1);
}

/* The affine view: axis k of a is read at start[k] + step[k] * (index along axis[k] of the result). */
static mars_tensor *view(mars_tensor *a, unsigned n_out, const int64_t *shape, const int64_t *axis,
                         const int64_t *start, const int64_t *step) {
        const unsigned n = mars_tensor_ndim(a);
        const mars_param p[] = { mars_param_dims("shape", shape, n_out), mars_param_dims("axis", axis, n),
                                 mars_param_dims("start", start, n), mars_param_dims("step", step, n) };

        return op_n("view", 1, &a, p, 4);
}

static mars_tensor *transpose(mars_tensor *a) {
        int64_t shape[2];

        mars_tensor_shape(a, shape);
        return view(a, 2, (int64_t[]){ shape[1], shape[0] }, (int64_t[]){ 1, 0 }, (int64_t[]){ 0, 0 },
                    (int64_t[]){ 1, 1 });
}

static mars_tensor *as_column(mars_tensor *a) {
        int64_t n;

        mars_tensor_shape(a, &n);
        return view(a, 2, (int64_t[]){ n, 1 }, (int64_t[]){ 0 }, (int64_t[]){ 0 }, (int64_t[]){ 1 });
}

static mars_tensor *number(double v) {
        mars_tensor *ret = NULL;

        check(mars_number(&ret, v, &err));
        return keep(ret);
}

static mars_tensor *cast(mars_tensor *a, mars_dtype dtype) {
        const mars_param p = mars_param_dtype("dtype", dtype);

        return op_n("cast", 1, &a, &p, 1);
}

static mars_tensor *load(const char *directory, const char *name) {
        mars_tensor *ret = NULL;
        char path[4096];

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        check(mars_load_npy(&ret, path, NULL, 0, &err));
        return keep(ret);
}

static void save(mars_session *session, mars_tensor *tensor, const char *directory, const char *name) {
        char path[4096];

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        check(mars_save_npy(session, tensor, path, &err));
}

/* Centres as pictures, eight in a row. */
static void draw(const char *directory, const double *picture) {
        enum { ACROSS = 8, DOWN = CLUSTERS / ACROSS };
        char path[4096];
        FILE *file;

        snprintf(path, sizeof(path), "%s/digits.pgm", directory);
        file = fopen(path, "wb");
        if (!file) {
                perror(path);
                exit(EXIT_FAILURE);
        }
        fprintf(file, "P5\n%d %d\n255\n", ACROSS * SIDE, DOWN * SIDE);
        for (int y = 0; y < DOWN * SIDE; y++)
                for (int x = 0; x < ACROSS * SIDE; x++) {
                        const double v = picture[(y / SIDE * ACROSS + x / SIDE) * PIXELS + y % SIDE * SIDE + x % SIDE];

                        fputc(v <= 0 ? 255 : v >= 1 ? 0 : (int) (255 - 255 * v), file);
                }
        if (fclose(file) != 0) {
                perror(path);
                exit(EXIT_FAILURE);
        }
}

static double now(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

int main(int argc, char **argv) {
        const char *data = argc > 1 ? argv[1] : "examples/data", *results = argc > 2 ? argv[2] : ".";
        static const int64_t flat[] = { DIGITS, PIXELS }, range[] = { CLUSTERS };
        static double picture[CLUSTERS * PIXELS];
        static int64_t label[DIGITS];
        static unsigned char truth[DIGITS];
        int table[CLUSTERS][10] = {}, agree = 0;
        mars_tensor *eigen[2] = {};
        mars_session *session = NULL;
        unsigned eigh;

        check(mars_session_new(&session, NULL, NULL, &err));
        const double start = now();

        /* Principal components: eigenvectors of the covariance, the largest eigenvalues' first. */
        const mars_param to_flat = mars_param_dims("shape", flat, 2), to_range = mars_param_dims("shape", range, 1);
        mars_tensor *images = load(data, "digits_images.npy");
        mars_tensor *x = op2("divide", op_n("reshape", 1, &images, &to_flat, 1), number(255));
        mars_tensor *mean = reduce("mean", x, 0), *centred = op2("subtract", x, mean);
        mars_tensor *covariance = op2("divide", op2("matmul", transpose(centred), centred), number(DIGITS - 1));
        check(mars_op_find(&eigh, "eigh", &err));
        check(mars_op(eigen, eigh, 1, &covariance, NULL, 0, &err));
        keep(eigen[0]);
        keep(eigen[1]);
        mars_tensor *axes = view(eigen[1], 2, (int64_t[]){ PIXELS, COMPONENTS }, (int64_t[]){ 0, 1 },
                                 (int64_t[]){ 0, PIXELS - 1 }, (int64_t[]){ 1, -1 });
        mars_tensor *points = op2("matmul", centred, axes);
        check(mars_execute(session, 3, (mars_tensor *[]){ mean, axes, points }, &err));

        /* k-means from evenly spaced points. */
        mars_tensor *centres = view(points, 2, (int64_t[]){ CLUSTERS, COMPONENTS }, (int64_t[]){ 0, 1 },
                                    (int64_t[]){ 0, 0 }, (int64_t[]){ DIGITS / CLUSTERS, 1 });
        mars_tensor *numbers = op_n("arange", 0, NULL, &to_range, 1), *labels = NULL;
        for (int round = 0; round < ROUNDS; round++) {
                mars_tensor *norm = reduce("sum", op1("square", centres), 1);
                mars_tensor *distance =
                        op2("subtract", norm, op2("multiply", number(2), op2("matmul", points, transpose(centres))));

                labels = reduce("argmin", distance, 1);
                mars_tensor *member = cast(op2("equal", as_column(labels), numbers), MARS_FLOAT64);
                mars_tensor *count = op2("maximum", reduce("sum", member, 0), number(1));
                centres = op2("divide", op2("matmul", transpose(member), points), as_column(count));
                check(mars_execute(session, 2, (mars_tensor *[]){ labels, centres }, &err));
        }
        mars_tensor *pictures = op2("add", op2("matmul", centres, transpose(axes)), mean),
                    *known = load(data, "digits_labels.npy");
        check(mars_execute(session, 2, (mars_tensor *[]){ pictures, known }, &err));
        printf("components and clusters in %.0f ms\n", (now() - start) * 1e3);

        check(mars_fetch(session, labels, label, NULL, &err));
        check(mars_fetch(session, known, truth, NULL, &err));
        check(mars_fetch(session, pictures, picture, NULL, &err));
        for (int i = 0; i < DIGITS; i++)
                table[label[i]][truth[i]]++;
        for (int c = 0; c < CLUSTERS; c++) {
                int most = 0;

                for (int d = 0; d < 10; d++)
                        most = table[c][d] > most ? table[c][d] : most;
                agree += most;
        }
        printf("%d clusters; %.1f%% of the digits have their cluster's most frequent digit\n", CLUSTERS,
               100.0 * agree / DIGITS);
        save(session, axes, results, "digits_components.npy");
        save(session, labels, results, "digits_labels.npy");
        draw(results, picture);

        while (n_handles > 0)
                mars_tensor_unref(handles[--n_handles]);
        mars_session_unref(session);
        return EXIT_SUCCESS;
}
