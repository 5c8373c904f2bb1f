/* SPDX-License-Identifier: Apache-2.0 */
/* The passes of a transform (Stockham's: in order, between two arrays), for a real type T, several transforms side by
 * side. Included for each type and number of lanes: the includer defines
 *
 *     T       float or double
 *     V       WIDTH numbers of it, as the CPU level has registers
 *     LANES   transforms side by side, a multiple of WIDTH
 *     FFT(x)  a name of its own for x
 *
 * Complex number k of all transforms is LANES real parts, then LANES imaginary ones. Lanes never meet, so a transform
 * has the same bits alone and beside others. */

typedef struct FFT(C) {
        V re, im;
} FFT(C);

static inline FFT(C) FFT(load)(const T *p) {
        return (FFT(C)) { *(const V *) p, *(const V *) (p + LANES) };
}

static inline void FFT(store)(T *p, FFT(C) a) {
        *(V *) p           = a.re;
        *(V *) (p + LANES) = a.im;
}

static inline FFT(C) FFT(add)(FFT(C) a, FFT(C) b) {
        return (FFT(C)) { a.re + b.re, a.im + b.im };
}

static inline FFT(C) FFT(sub)(FFT(C) a, FFT(C) b) {
        return (FFT(C)) { a.re - b.re, a.im - b.im };
}

/* a - i b, a + i b */
static inline FFT(C) FFT(less_i)(FFT(C) a, FFT(C) b) {
        return (FFT(C)) { a.re + b.im, a.im - b.re };
}

static inline FFT(C) FFT(plus_i)(FFT(C) a, FFT(C) b) {
        return (FFT(C)) { a.re - b.im, a.im + b.re };
}

/* Number k of a radix, turned by its root unless all roots are 1. */
VM_INLINE void FFT(put)(bool turned, T *out, int64_t step, int k, const T *w, FFT(C) a) {
        if (turned && k > 0) {
                const T re = w[FFT_ROOT * (k - 1)], im = w[FFT_ROOT * (k - 1) + 1],
                        negative = w[FFT_ROOT * (k - 1) + 2];

                a = (FFT(C)) { a.re * re + a.im * negative, a.re * im + a.im * re };
        }
        FFT(store)(out + k * step, a);
}

VM_INLINE void FFT(four)(FFT(C) a[static 4]) {
        const FFT(C) s = FFT(add)(a[0], a[2]), d = FFT(sub)(a[0], a[2]), t = FFT(add)(a[1], a[3]),
                     e = FFT(sub)(a[1], a[3]);

        a[0] = FFT(add)(s, t);
        a[1] = FFT(less_i)(d, e);
        a[2] = FFT(sub)(s, t);
        a[3] = FFT(plus_i)(d, e);
}

VM_INLINE void FFT(eight)(bool turned, const T *in, int64_t in_step, T *out, int64_t step, const T *w) {
        const T h = (T) 0x1.6a09e667f3bcdp-1; /* the root of 1/2 */
        FFT(C) e[4], o[4], t;

        for (int k = 0; k < 4; k++) {
                e[k] = FFT(load)(in + 2 * k * in_step);
                o[k] = FFT(load)(in + (2 * k + 1) * in_step);
        }
        FFT(four)(e);
        FFT(four)(o);
        FFT(put)(turned, out, step, 0, w, FFT(add)(e[0], o[0]));
        FFT(put)(turned, out, step, 4, w, FFT(sub)(e[0], o[0]));
        t = (FFT(C)) { (o[1].re + o[1].im) * h, (o[1].im - o[1].re) * h };
        FFT(put)(turned, out, step, 1, w, FFT(add)(e[1], t));
        FFT(put)(turned, out, step, 5, w, FFT(sub)(e[1], t));
        FFT(put)(turned, out, step, 2, w, FFT(less_i)(e[2], o[2]));
        FFT(put)(turned, out, step, 6, w, FFT(plus_i)(e[2], o[2]));
        t = (FFT(C)) { (o[3].re - o[3].im) * h, (o[3].re + o[3].im) * h };
        FFT(put)(turned, out, step, 3, w, FFT(sub)(e[3], t));
        FFT(put)(turned, out, step, 7, w, FFT(add)(e[3], t));
}

/* An odd radix: sums and differences of numbers k and r - k meet cosines and sines. */
VM_INLINE void FFT(odd)(int r, bool turned, const T *in, int64_t in_step, T *out, int64_t step, const T *w,
                        const T *unit) {
        const int half = r / 2;
        FFT(C) sum[FFT_MAX_PRIME / 2], difference[FFT_MAX_PRIME / 2];
        const FFT(C) first = FFT(load)(in);
        FFT(C) all         = first;

        for (int k = 0; k < half; k++) {
                const FFT(C) a = FFT(load)(in + (k + 1) * in_step), b = FFT(load)(in + (r - 1 - k) * in_step);

                sum[k]        = FFT(add)(a, b);
                difference[k] = FFT(sub)(a, b);
                all           = FFT(add)(all, sum[k]);
        }
        FFT(put)(turned, out, step, 0, w, all);
        for (int k = 1; k <= half; k++) {
                FFT(C) a = first, b = {};
                int at = 0;

                for (int j = 0; j < half; j++) {
                        at += at + k >= r ? k - r : k;
                        a.re += sum[j].re * unit[FFT_ROOT * at];
                        a.im += sum[j].im * unit[FFT_ROOT * at];
                        b.re += difference[j].re * unit[FFT_ROOT * at + 1];
                        b.im += difference[j].im * unit[FFT_ROOT * at + 1];
                }
                /* the unit's sines are those of exp(-2 pi i k / r) */
                FFT(put)(turned, out, step, k, w, FFT(plus_i)(a, b));
                FFT(put)(turned, out, step, r - k, w, FFT(less_i)(a, b));
        }
}

VM_INLINE void FFT(butterfly)(int r, bool turned, const T *in, int64_t in_step, T *out, int64_t step, const T *w,
                              const T *unit) {
        FFT(C) a[4];

        if (r == 2) {
                const FFT(C) b = FFT(load)(in), c = FFT(load)(in + in_step);

                FFT(put)(turned, out, step, 0, w, FFT(add)(b, c));
                FFT(put)(turned, out, step, 1, w, FFT(sub)(b, c));
        } else if (r == 4) {
                for (int k = 0; k < 4; k++)
                        a[k] = FFT(load)(in + k * in_step);
                FFT(four)(a);
                for (int k = 0; k < 4; k++)
                        FFT(put)(turned, out, step, k, w, a[k]);
        } else if (r == 8)
                FFT(eight)(turned, in, in_step, out, step, w);
        else
                FFT(odd)(r, turned, in, in_step, out, step, w, unit);
}

VM_INLINE void FFT(pass)(int r, const FftPass *pass, const T *table, const T *restrict in, T *restrict out) {
        enum { STEP = 2 * LANES, WIDTH = sizeof(V) / sizeof(T) };
        const int64_t m = pass->m, s = pass->s, in_step = s * m * STEP, step = s * STEP;
        const T *turn = table + FFT_ROOT * pass->turn, *unit = table + FFT_ROOT * pass->unit;

        for (int64_t q = 0; q < s; q++)
                for (int v = 0; v < LANES; v += WIDTH)
                        FFT(butterfly)(r, false, in + q * STEP + v, in_step, out + q * STEP + v, step, turn, unit);
        for (int64_t p = 1; p < m; p++) {
                const T *w = turn + FFT_ROOT * p * (r - 1), *from = in + p * step;
                T *to = out + p * r * step;

                for (int64_t q = 0; q < s; q++)
                        for (int v = 0; v < LANES; v += WIDTH)
                                FFT(butterfly)(r, true, from + q * STEP + v, in_step, to + q * STEP + v, step, w, unit);
        }
}

/* From a, by way of b: the result is in one of them, which is returned. */
static T *FFT(transform)(const FftPasses *p, T *a, T *b) {
        for (int i = 0; i < p->n_pass; i++) {
                const FftPass *pass = &p->pass[i];
                T *const from       = a;

                switch (pass->radix) {
                case 2:
                        FFT(pass)(2, pass, p->table, a, b);
                        break;
                case 3:
                        FFT(pass)(3, pass, p->table, a, b);
                        break;
                case 4:
                        FFT(pass)(4, pass, p->table, a, b);
                        break;
                case 5:
                        FFT(pass)(5, pass, p->table, a, b);
                        break;
                case 7:
                        FFT(pass)(7, pass, p->table, a, b);
                        break;
                case 8:
                        FFT(pass)(8, pass, p->table, a, b);
                        break;
                default:
                        FFT(pass)(pass->radix, pass, p->table, a, b);
                }
                a = b;
                b = from;
        }
        return a;
}
