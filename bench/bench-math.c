/* SPDX-License-Identifier: Apache-2.0 */
/* Nanoseconds per element of the functions in lib/ops/math-*.h, for strips of 512 elements in the first-level cache, on
 * every CPU level that this machine has. bench/math.py prints them beside NumPy's. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../tests/ops/math-bits.h"

enum { STRIP = 512, ROUNDS = 60, STRIPS = 100 };

static const MathTable *const tables[] = {
        &math_table_v1,
#ifdef MATH_HAVE_V3
        &math_table_v3,
#endif
#ifdef MATH_HAVE_V4
        &math_table_v4,
#endif
};

static int cpu_has(const char *level) {
        if (strcmp(level, "v4") == 0)
                return __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
        return strcmp(level, "v1") == 0 || __builtin_cpu_supports("avx2");
}

static double now_nsec(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

/* The best of ROUNDS, per element. */
#define MEASURE(statement)                                                                                             \
        ({                                                                                                             \
                double best = 1e30;                                                                                    \
                                                                                                                       \
                for (int _r = 0; _r < ROUNDS; _r++) {                                                                  \
                        double t = now_nsec();                                                                         \
                                                                                                                       \
                        for (int _i = 0; _i < STRIPS; _i++)                                                            \
                                statement;                                                                             \
                        t = (now_nsec() - t) / STRIPS / STRIP;                                                         \
                        best = t < best ? t : best;                                                                    \
                }                                                                                                      \
                best;                                                                                                  \
        })

int main(void) {
        static double a[STRIP], b[STRIP], out[STRIP];
        static float af[STRIP], bf[STRIP], outf[STRIP];

        /* Between 0 and 1 every function is defined but acosh, whose speed does not depend on that. */
        for (int i = 0; i < STRIP; i++) {
                a[i] = (i * 389 % STRIP + 0.37) / STRIP;
                b[i] = (i * 173 % STRIP + 0.73) / STRIP;
                af[i] = (float) a[i];
                bf[i] = (float) b[i];
        }
        for (size_t t = 0; t < sizeof(tables) / sizeof(*tables); t++) {
                const MathTable *m = tables[t];

                if (!cpu_has(m->level))
                        continue;
#define SHOW(name, statement) printf("%s %s %.3f\n", m->level, name, MEASURE(statement));
#define X(name) SHOW(#name, m->unary[MATH_##name](STRIP, a, out))
                MATH_UNARY(X)
#undef X
#define X(name) SHOW(#name, m->binary[MATH_##name](STRIP, a, b, out))
                MATH_BINARY(X)
#undef X
#define X(name) SHOW(#name "f", m->unary_float[MATH_##name](STRIP, af, outf))
                MATH_UNARY(X)
#undef X
#define X(name) SHOW(#name "f", m->binary_float[MATH_##name](STRIP, af, bf, outf))
                MATH_BINARY(X)
#undef X
        }
        return 0;
}
