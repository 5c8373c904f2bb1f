/* SPDX-License-Identifier: Apache-2.0 */
/* The transforms of one task for a real type T: lines are read, transformed, and written as rows. Included for each
 * type, after ops/fft-pass.h with FFT_WIDE lanes (WIDE(x)) and with one (SINGLE(x)); the includer defines
 *
 *     T, FFT_WIDE, WIDE(x), SINGLE(x)
 *     V            a register of the CPU level
 *     ZIP_LOW(a, b), ZIP_HIGH(a, b)  the halves of what comes of taking one element of each in turn
 *     NEGATIVE(x)  -x, of ops/complex.h
 *     LINES(x)     a name of its own for x
 *
 * Transforms of up to FFT_SMALL numbers are computed FFT_WIDE lines at a time, longer ones line by line, with FFT_WIDE
 * of their columns and then of their rows at a time. */

/* How numbers lie in the work arrays: number k of lane l, of L lanes. */
#define LANE_RE(x, L, k, l) (x)[2 * (L) * (k) + (l)]
#define LANE_IM(x, L, k, l) (x)[2 * (L) * (k) + (L) + (l)]

typedef struct LINES(Number) {
        T re, im;
} LINES(Number);

static inline LINES(Number) LINES(times)(LINES(Number) a, T re, T im) {
        return (LINES(Number)) { a.re * re + NEGATIVE(a.im * im), a.re * im + a.im * re };
}

/* ---- Tables ----------------------------------------------------------------------------------------------------- */

static void LINES(put_root)(const double w[static 2], T *to) {
        to[0] = (T) w[0];
        to[1] = (T) w[1];
        to[2] = -(T) w[1];
}

static void LINES(fill_passes)(const FftPasses *p) {
        for (int i = 0; i < p->n_pass; i++) {
                const FftPass *pass = &p->pass[i];
                T *turn = (T *) p->table + FFT_ROOT * pass->turn, *unit = (T *) p->table + FFT_ROOT * pass->unit;
                double w[2];

                for (int64_t k = 0; k < pass->m; k++)
                        for (int64_t j = 1; j < pass->radix; j++, turn += FFT_ROOT) {
                                fft_root(pass->s * k * j, p->n, w);
                                LINES(put_root)(w, turn);
                        }
                for (int64_t j = 0; j < pass->radix; j++, unit += FFT_ROOT) {
                        fft_root(j, pass->radix, w);
                        LINES(put_root)(w, unit);
                }
        }
}

/* ---- Lines and lanes ------------------------------------------------------------------------------------------- */

/* Lanes of Q numbers and Q lines, from one to the other: rows become columns. */
VM_INLINE void LINES(turn)(V a[static sizeof(V) / sizeof(T)]) {
        enum { Q = sizeof(V) / sizeof(T) };
        V b[Q];

        for (int step = 1; step < Q; step *= 2) {
                for (int i = 0; i < Q / 2; i++) {
                        b[2 * i]     = ZIP_LOW(a[i], a[i + Q / 2]);
                        b[2 * i + 1] = ZIP_HIGH(a[i], a[i + Q / 2]);
                }
                memcpy(a, b, sizeof(b));
        }
}

/* n neighbouring numbers of each of FFT_WIDE lines into as many rows of lanes; `swap`: rows 2 k and 2 k + 1 change
 * places. */
static void LINES(lines_to_lanes)(const char *const *line, int64_t n, bool swap, T *x) {
        enum { L = FFT_WIDE, Q = sizeof(V) / sizeof(T) };
        int64_t k = 0;

        for (; k + Q <= n; k += Q)
                for (int l = 0; l < L; l += Q) {
                        V a[Q];

                        for (int i = 0; i < Q; i++)
                                memcpy(&a[i], line[l + i] + k * (int64_t) sizeof(T), sizeof(V));
                        LINES(turn)(a);
                        for (int i = 0; i < Q; i++)
                                memcpy(x + (k + (i ^ (int) swap)) * L + l, &a[i], sizeof(V));
                }
        for (; k < n; k++)
                for (int l = 0; l < L; l++)
                        x[(k ^ (int64_t) swap) * L + l] = ((const T *) line[l])[k];
}

/* And back, with a factor; lines begin `step` numbers after each other. */
static void LINES(lanes_to_lines)(const T *x, int64_t n, bool swap, T scale, T *to, int64_t step) {
        enum { L = FFT_WIDE, Q = sizeof(V) / sizeof(T) };
        int64_t k = 0;

        for (; k + Q <= n; k += Q)
                for (int l = 0; l < L; l += Q) {
                        V a[Q];

                        for (int i = 0; i < Q; i++)
                                memcpy(&a[i], x + (k + (i ^ (int) swap)) * L + l, sizeof(V));
                        LINES(turn)(a);
                        for (int i = 0; i < Q; i++) {
                                a[i] *= scale;
                                memcpy(to + (l + i) * step + k, &a[i], sizeof(V));
                        }
                }
        for (; k < n; k++)
                for (int l = 0; l < L; l++)
                        to[l * step + k] = x[(k ^ (int64_t) swap) * L + l] * scale;
}

/* ---- Long transforms of one line -------------------------------------------------------------------------------- */

/* The columns of x from `at` on, c of them: transformed, turned, put back. */
VM_INLINE void LINES(columns)(const FftPlan *p, int64_t at, int c, T *x, T *wide, T *other) {
        enum { L = FFT_WIDE };
        const int64_t n = p->part[0].n, m = p->part[1].n;
        const T *r;

        if (c < L)
                memset(wide, 0, (size_t) (2 * L * n) * sizeof(T));
        for (int64_t k = 0; k < n; k++)
                for (int l = 0; l < c; l++) {
                        LANE_RE(wide, L, k, l) = x[2 * (k * m + at + l)];
                        LANE_IM(wide, L, k, l) = x[2 * (k * m + at + l) + 1];
                }
        r = WIDE(transform)(&p->part[0], wide, other);
        for (int64_t k = 0; k < n; k++)
                for (int l = 0; l < c; l++) {
                        LINES(Number) a = { LANE_RE(r, L, k, l), LANE_IM(r, L, k, l) };
                        double w[2];

                        fft_roots_at(&p->roots, k * (at + l), w);
                        a                           = LINES(times)(a, (T) w[0], (T) w[1]);
                        x[2 * (k * m + at + l)]     = a.re;
                        x[2 * (k * m + at + l) + 1] = a.im;
                }
}

/* The rows of x from `at` on, c of them: transformed, into columns of y. */
VM_INLINE void LINES(rows)(const FftPlan *p, int64_t at, int c, const T *x, T *y, T *wide, T *other) {
        enum { L = FFT_WIDE };
        const int64_t n = p->part[0].n, m = p->part[1].n;
        const char *line[L];
        const T *r;

        for (int l = 0; l < c; l++)
                line[l] = (const char *) (x + 2 * (at + l) * m);
        if (c == L)
                LINES(lines_to_lanes)(line, 2 * m, false, wide);
        else {
                memset(wide, 0, (size_t) (2 * L * m) * sizeof(T));
                for (int64_t k = 0; k < 2 * m; k++)
                        for (int l = 0; l < c; l++)
                                wide[L * k + l] = ((const T *) line[l])[k];
        }
        r = WIDE(transform)(&p->part[1], wide, other);
        for (int64_t k = 0; k < m; k++)
                for (int l = 0; l < c; l++) {
                        y[2 * (k * n + at + l)]     = LANE_RE(r, L, k, l);
                        y[2 * (k * n + at + l) + 1] = LANE_IM(r, L, k, l);
                }
}

/* From x, which is overwritten, to y. */
static void LINES(halved)(const FftPlan *p, T *x, T *y, T *wide) {
        enum { L = FFT_WIDE };
        const int64_t n = p->part[0].n, m = p->part[1].n;
        T *other = wide + 2 * L * MAX(n, m);
        int64_t at;

        for (at = 0; at + L <= m; at += L)
                LINES(columns)(p, at, L, x, wide, other);
        if (at < m)
                LINES(columns)(p, at, (int) (m - at), x, wide, other);
        for (at = 0; at + L <= n; at += L)
                LINES(rows)(p, at, L, x, y, wide, other);
        if (at < n)
                LINES(rows)(p, at, (int) (n - at), x, y, wide, other);
}

/* ---- Any length ------------------------------------------------------------------------------------------------- */

/* Of m numbers in x, L lanes, by way of y. */
VM_INLINE T *LINES(convenient)(const FftPlan *p, int L, T *x, T *y, T *wide) {
        if (p->halved) {
                assert(L == 1);
                LINES(halved)(p, x, y, wide);
                return y;
        }
        return L == 1 ? SINGLE(transform)(&p->part[0], x, y) : WIDE(transform)(&p->part[0], x, y);
}

/* The same of p->n numbers; x and y have room for p->m. */
VM_INLINE T *LINES(transform)(const FftPlan *p, int L, T *x, T *y, T *wide) {
        const T *chirp = p->chirp, *spectrum = p->spectrum;
        T *r;

        if (!p->chirped)
                return LINES(convenient)(p, L, x, y, wide);
        for (int64_t k = 0; k < p->n; k++)
                for (int l = 0; l < L; l++) {
                        const LINES(Number) a =
                                LINES(times)((LINES(Number)) { LANE_RE(x, L, k, l), LANE_IM(x, L, k, l) }, chirp[2 * k],
                                             chirp[2 * k + 1]);

                        LANE_RE(x, L, k, l) = a.re;
                        LANE_IM(x, L, k, l) = a.im;
                }
        memset(&LANE_RE(x, L, p->n, 0), 0, (size_t) (2 * L * (p->m - p->n)) * sizeof(T));
        r = LINES(convenient)(p, L, x, y, wide);
        /* Back: real and imaginary parts change places before and after. */
        for (int64_t k = 0; k < p->m; k++)
                for (int l = 0; l < L; l++) {
                        const LINES(Number) a =
                                LINES(times)((LINES(Number)) { LANE_RE(r, L, k, l), LANE_IM(r, L, k, l) },
                                             spectrum[2 * k], spectrum[2 * k + 1]);

                        LANE_IM(r, L, k, l) = a.re;
                        LANE_RE(r, L, k, l) = a.im;
                }
        r = LINES(convenient)(p, L, r, r == x ? y : x, wide);
        for (int64_t k = 0; k < p->n; k++)
                for (int l = 0; l < L; l++) {
                        const LINES(Number) a =
                                LINES(times)((LINES(Number)) { LANE_IM(r, L, k, l), LANE_RE(r, L, k, l) }, chirp[2 * k],
                                             chirp[2 * k + 1]);

                        LANE_RE(r, L, k, l) = a.re;
                        LANE_IM(r, L, k, l) = a.im;
                }
        return r;
}

static void LINES(fill)(const FftWork *w) {
        const FftPlan *p = &w->plan;
        T *chirp = p->chirp, *x = w->x;
        const T *r;

        for (int k = 0; k < 1 + p->halved; k++)
                LINES(fill_passes)(&p->part[k]);
        if (p->halved)
                fft_roots_fill(&p->roots);
        if (w->roots.n > 0)
                fft_roots_fill(&w->roots);
        if (!p->chirped)
                return;
        fft_roots_fill(&p->chirp_roots);
        memset(x, 0, (size_t) (2 * p->m) * sizeof(T));
        for (int64_t k = 0; k < p->n; k++) {
                const __int128 square = (__int128) k * k % (2 * p->n);
                double root[2];

                fft_roots_at(&p->chirp_roots, (int64_t) square, root);
                chirp[2 * k]     = (T) root[0];
                chirp[2 * k + 1] = (T) root[1];
                /* the conjugate, around 0; divided by m, which the way back is not */
                x[2 * k] = x[2 * (k > 0 ? p->m - k : 0)] = (T) (root[0] / (double) p->m);
                x[2 * k + 1] = x[2 * (k > 0 ? p->m - k : 0) + 1] = (T) (-root[1] / (double) p->m);
        }
        r = LINES(convenient)(p, 1, x, w->y, w->wide);
        memcpy(p->spectrum, r, (size_t) (2 * p->m) * sizeof(T));
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

/* The first n numbers of c lines in lanes, 0 beyond their ends. `swap`: real and imaginary parts in each other's
 * place. */
VM_INLINE void LINES(read)(const FftWork *w, const char *const *line, int c, int L, int64_t n, bool swap, T *x) {
        const bool pairs = w->kind == FFT_REAL && w->paired; /* neighbours are real and imaginary part */
        const int64_t m  = pairs ? MIN(2 * n, w->n_in) : MIN(n, w->n_in);
        T *const re = swap ? x + L : x, *const im = swap ? x : x + L;

        if (c < L || pairs)
                memset(x, 0, (size_t) (2 * L * n) * sizeof(T));
        else
                memset(&LANE_RE(x, L, m, 0), 0, (size_t) (2 * L * (n - m)) * sizeof(T));
        if (c == FFT_WIDE && (w->complex_ || pairs) && w->stride == (pairs ? 1 : 2) * (int64_t) sizeof(T)) {
                LINES(lines_to_lanes)(line, pairs ? m : 2 * m, swap, x);
                return;
        }
        /* Neighbours in memory: of these lines at most one begins a new row. */
        if (c == FFT_WIDE && w->complex_ && w->beside == 2 * (int64_t) sizeof(T) && w->n_row >= c &&
            line[c - 1] - line[0] == (c - 1) * w->beside) {
                for (int64_t k = 0; k < m; k++) {
                        const T *p = (const T *) (line[0] + k * w->stride);

                        for (int l = 0; l < FFT_WIDE; l++) {
                                re[2 * L * k + l] = p[2 * l];
                                im[2 * L * k + l] = p[2 * l + 1];
                        }
                }
                return;
        }
        for (int64_t k = 0; k < m; k++)
                for (int l = 0; l < c; l++) {
                        const T *p = (const T *) (line[l] + k * w->stride);

                        if (pairs)
                                x[L * k + l] = p[0];
                        else {
                                re[2 * L * k + l] = p[0];
                                im[2 * L * k + l] = w->complex_ ? p[1] : 0;
                        }
                }
}

/* Number k of a spectrum of w->n numbers with Hermitian symmetry, half of which are in x. */
VM_INLINE LINES(Number) LINES(get_half)(const FftWork *w, const T *x, int L, int l, int64_t k) {
        const bool mirrored = 2 * k > w->n;
        const int64_t at    = mirrored ? w->n - k : k;
        LINES(Number) a     = { LANE_RE(x, L, at, l), LANE_IM(x, L, at, l) };

        if (k == 0 || 2 * k == w->n)
                a.im = 0;
        if (mirrored == w->inverse)
                a.im = -a.im;
        return a;
}

/* Of such a spectrum in x what is to be transformed, into y: all of it, or even results + i odd results. The transform
 * is one back, so real and imaginary parts are in each other's place. */
VM_INLINE void LINES(unfold)(const FftWork *w, int L, const T *x, T *y) {
        const int64_t n = w->plan.n;

        for (int64_t k = 0; k < n; k++) {
                double root[2] = { 1, 0 };

                if (w->paired)
                        fft_roots_at(&w->roots, k, root);
                for (int l = 0; l < L; l++) {
                        LINES(Number) a = LINES(get_half)(w, x, L, l, k);

                        if (w->paired) {
                                const LINES(Number) b = LINES(get_half)(w, x, L, l, k + n);
                                LINES(Number) odd     = { a.re - b.re, a.im - b.im };

                                odd = LINES(times)(odd, (T) root[0], (T) -root[1]);
                                a   = (LINES(Number)) { a.re + b.re - odd.im, a.im + b.im + odd.re };
                        }
                        LANE_RE(y, L, k, l) = a.im;
                        LANE_IM(y, L, k, l) = a.re;
                }
        }
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

/* Half of the transform of real numbers into y, from that of their pairs in x. */
VM_INLINE void LINES(unpair)(const FftWork *w, int L, const T *x, T *y) {
        const int64_t n = w->plan.n;

        for (int l = 0; l < L; l++) {
                const T re = LANE_RE(x, L, 0, l), im = LANE_IM(x, L, 0, l);

                LANE_RE(y, L, 0, l) = re + im;
                LANE_RE(y, L, n, l) = re - im;
                LANE_IM(y, L, 0, l) = LANE_IM(y, L, n, l) = 0;
        }
        for (int64_t k = 1; k < n; k++) {
                double root[2];

                fft_roots_at(&w->roots, k, root);
                for (int l = 0; l < L; l++) {
                        const T re = LANE_RE(x, L, k, l), im = LANE_IM(x, L, k, l), re2 = LANE_RE(x, L, n - k, l),
                                im2       = -LANE_IM(x, L, n - k, l);
                        LINES(Number) odd = { (im - im2) / 2, (re2 - re) / 2 };

                        odd                 = LINES(times)(odd, (T) root[0], (T) root[1]);
                        LANE_RE(y, L, k, l) = (re + re2) / 2 + odd.re;
                        LANE_IM(y, L, k, l) = (im + im2) / 2 + odd.im;
                }
        }
}

/* Results of c lines, those from `first` on of the task, turned by the roots of the whole. Those of transforms back
 * have real and imaginary parts in each other's place, and what turns the others forth turns them back. */
VM_INLINE void LINES(turned)(const FftWork *w, int c, int L, int64_t first, T *x) {
        int64_t row[FFT_WIDE];

        for (int l = 0; l < c; l++)
                row[l] = w->row + (first + l) % w->n_row;
        for (int64_t k = 0; k < w->n_out; k++)
                for (int l = 0; l < c; l++) {
                        LINES(Number) a = { LANE_RE(x, L, k, l), LANE_IM(x, L, k, l) };
                        double root[2];

                        fft_roots_at(&w->roots, row[l] * k, root);
                        a                   = LINES(times)(a, (T) root[0], (T) root[1]);
                        LANE_RE(x, L, k, l) = a.re;
                        LANE_IM(x, L, k, l) = a.im;
                }
}

/* The results of c lines. */
VM_INLINE void LINES(write)(const FftWork *w, const T *x, int c, int L, T *to) {
        const int64_t n      = w->n_out;
        const bool hermitian = w->kind == FFT_HERMITIAN, swap = hermitian || (w->kind == FFT_COMPLEX && w->inverse);
        const bool conjugated = w->kind == FFT_REAL && w->inverse;
        const T scale = (T) w->scale, scale_im = conjugated ? -scale : scale;

        if (c == FFT_WIDE && !conjugated && (!hermitian || w->paired)) {
                LINES(lanes_to_lines)(x, hermitian ? n : 2 * n, swap, scale, to, hermitian ? n : 2 * n);
                return;
        }
        for (int l = 0; l < c && hermitian; l++, to += n)
                for (int64_t k = 0; k < n; k++)
                        to[k] = x[L * (w->paired ? k ^ 1 : 2 * k + 1) + l] * scale;
        for (int l = 0; l < c && !hermitian; l++, to += 2 * n)
                for (int64_t k = 0; k < n; k++) {
                        to[2 * k]     = x[L * (2 * k + swap) + l] * scale;
                        to[2 * k + 1] = x[L * (2 * k + !swap) + l] * scale_im;
                }
}

/* ---- All lines -------------------------------------------------------------------------------------------------- */

VM_INLINE void LINES(some)(const FftWork *w, const char *const *line, int c, int L, int64_t first, char *to) {
        T *x = w->x, *y = w->y, *r;

        if (w->kind == FFT_HERMITIAN) {
                LINES(read)(w, line, c, L, w->n / 2 + 1, false, y);
                LINES(unfold)(w, L, y, x);
        } else
                LINES(read)(w, line, c, L, w->plan.n, w->kind == FFT_COMPLEX && w->inverse, x);
        r = LINES(transform)(&w->plan, L, x, y, w->wide);
        if (w->kind == FFT_REAL && w->paired) {
                T *const other = r == x ? y : x;

                LINES(unpair)(w, L, r, other);
                r = other;
        }
        if (w->whole > 0)
                LINES(turned)(w, c, L, first, r);
        LINES(write)(w, r, c, L, (T *) to);
}

static void LINES(run)(const FftWork *w, const View *in, const Shape *stack, char *out) {
        const int64_t n = shape_size(stack), row = w->n_out * (w->kind == FFT_HERMITIAN ? 1 : 2) * (int64_t) sizeof(T);
        const char *line[FFT_WIDE];

        LINES(fill)(w);
        for (int64_t i = 0; i < n;) {
                /* A few lines are faster one by one than in lanes of which most are empty. */
                const int c = w->plan.halved || n - i <= FFT_WIDE / 4 ? 1 : (int) MIN(n - i, (int64_t) FFT_WIDE);

                line[0] = stack_at(in, 1, stack, i);
                for (int l = 1; l < c; l++)
                        line[l] = (i + l) % w->n_row > 0 ? line[l - 1] + w->beside : stack_at(in, 1, stack, i + l);
                if (c == FFT_WIDE)
                        LINES(some)(w, line, FFT_WIDE, FFT_WIDE, i, out + i * row);
                else if (c == 1)
                        LINES(some)(w, line, 1, 1, i, out + i * row);
                else
                        LINES(some)(w, line, c, FFT_WIDE, i, out + i * row);
                i += c;
        }
}

#undef LANE_RE
#undef LANE_IM
