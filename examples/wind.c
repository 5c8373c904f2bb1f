/* SPDX-License-Identifier: Apache-2.0 */
/* Where the wind blows strongest, as examples/wind.py, in C:
 *
 *     example-wind [directory of the data] [directory for the results]
 *
 * Reads the winds of January and July at three levels, computes their speed, its mean over longitude and the
 * strongest winds and where they are; writes wind_speed.npy, wind_zonal_mean.npy and wind.ppm, a picture of the six
 * fields. */
#include <mars.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MONTHS = 2, LEVELS = 3, LATITUDES = 241, LONGITUDES = 480, POINTS = LATITUDES * LONGITUDES };

static mars_error err;

static void check(int r) {
        if (r < 0) {
                fprintf(stderr, "wind: %s\n", err.text);
                exit(EXIT_FAILURE);
        }
}

static mars_tensor *op(const char *name, mars_tensor *a, mars_tensor *b, const mars_param *params, size_t n_params) {
        mars_tensor *ret = NULL;

        check(mars_op1(&ret, name, b ? 2 : 1, (mars_tensor *[]){ a, b }, params, n_params, &err));
        return ret;
}

static mars_tensor *over_axis(const char *name, mars_tensor *a, int64_t axis) {
        const mars_param param = mars_param_dims("axis", &axis, 1);

        return op(name, a, NULL, &param, 1);
}

static mars_tensor *load(const char *directory, const char *name) {
        mars_tensor *ret = NULL;
        char path[4096];

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        check(mars_load_npy(&ret, path, NULL, 0, &err));
        return ret;
}

static void save(mars_session *session, mars_tensor *tensor, const char *directory, const char *name) {
        char path[4096];

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        check(mars_save_npy(session, tensor, path, &err));
}

/* Dark blue through green to yellow. */
static void colour(double share, unsigned char rgb[static 3]) {
        static const double stops[][3] = {
                { 68, 1, 84 }, { 59, 82, 139 }, { 33, 145, 140 }, { 94, 201, 98 }, { 253, 231, 37 }
        };
        const double at = fmin(fmax(share, 0), 1) * 4;
        const int i = at < 4 ? (int) at : 3;

        for (int k = 0; k < 3; k++)
                rgb[k] = (unsigned char) (stops[i][k] + (stops[i + 1][k] - stops[i][k]) * (at - i));
}

/* Months side by side, levels below one another, north up, each level on its own scale. */
static void draw(const char *directory, const float *speed, const float *strongest) {
        char path[4096];
        FILE *file;

        snprintf(path, sizeof(path), "%s/wind.ppm", directory);
        file = fopen(path, "wb");
        if (!file) {
                perror(path);
                exit(EXIT_FAILURE);
        }
        fprintf(file, "P6\n%d %d\n255\n", MONTHS * LONGITUDES, LEVELS * LATITUDES);
        for (int level = 0; level < LEVELS; level++) {
                const float top = fmaxf(strongest[level], strongest[LEVELS + level]);

                for (int y = 0; y < LATITUDES; y++)
                        for (int month = 0; month < MONTHS; month++)
                                for (int x = 0; x < LONGITUDES; x++) {
                                        unsigned char rgb[3];

                                        colour(speed[(month * LEVELS + level) * POINTS + y * LONGITUDES + x] / top,
                                               rgb);
                                        fwrite(rgb, sizeof(rgb), 1, file);
                                }
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
        static const char *const months[] = { "January", "July" };
        static const int levels[] = { 200, 500, 850 };
        const char *data = argc > 1 ? argv[1] : "examples/data", *results = argc > 2 ? argv[2] : ".";
        const int64_t flat_shape[] = { MONTHS, LEVELS, POINTS };
        const mars_param to_flat = mars_param_dims("shape", flat_shape, 3);
        static float speeds[MONTHS * LEVELS * POINTS], strongest[MONTHS * LEVELS], latitude[LATITUDES],
                longitude[LONGITUDES];
        static int64_t place[MONTHS * LEVELS];
        mars_session *session = NULL;
        double start;

        check(mars_session_new(&session, NULL, NULL, &err));
        mars_tensor *u = load(data, "era_interim_u.npy"), *v = load(data, "era_interim_v.npy");
        mars_tensor *uu = op("multiply", u, u, NULL, 0), *vv = op("multiply", v, v, NULL, 0),
                    *sum = op("add", uu, vv, NULL, 0);
        mars_tensor *speed = op("sqrt", sum, NULL, NULL, 0), *zonal = over_axis("mean", speed, 3);
        mars_tensor *flat = op("reshape", speed, NULL, &to_flat, 1), *most = over_axis("max", flat, 2),
                    *where = over_axis("argmax", flat, 2);
        mars_tensor *wanted[] = { speed, zonal, most, where };
        mars_tensor *axes[] = { load(data, "era_interim_latitude.npy"), load(data, "era_interim_longitude.npy") };

        start = now();
        check(mars_execute(session, 4, wanted, &err));
        printf("computed in %.1f ms\n", (now() - start) * 1e3);
        check(mars_execute(session, 2, axes, &err));

        /* The axes of the grid may be float32 or float64: they are asked for as they are used. */
        const mars_param to_float = mars_param_dtype("dtype", MARS_FLOAT32);
        mars_tensor *degrees[] = { op("cast", axes[0], NULL, &to_float, 1), op("cast", axes[1], NULL, &to_float, 1) };
        check(mars_execute(session, 2, degrees, &err));
        check(mars_fetch(session, degrees[0], latitude, NULL, &err));
        check(mars_fetch(session, degrees[1], longitude, NULL, &err));
        check(mars_fetch(session, speed, speeds, NULL, &err));
        check(mars_fetch(session, most, strongest, NULL, &err));
        check(mars_fetch(session, where, place, NULL, &err));

        for (int i = 0; i < MONTHS * LEVELS; i++)
                printf("%-8s %d hPa: %5.1f m/s at %6.2f N, %7.2f E\n", months[i / LEVELS], levels[i % LEVELS],
                       strongest[i], latitude[place[i] / LONGITUDES], longitude[place[i] % LONGITUDES]);
        save(session, speed, results, "wind_speed.npy");
        save(session, zonal, results, "wind_zonal_mean.npy");
        draw(results, speeds, strongest);

        mars_tensor *all[] = { u,    v,    uu,    vv,      sum,     speed,      zonal,
                               flat, most, where, axes[0], axes[1], degrees[0], degrees[1] };
        for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
                mars_tensor_unref(all[i]);
        mars_session_unref(session);
        return EXIT_SUCCESS;
}
