/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How a discrete Fourier transform of n numbers is taken apart. Everything follows from n alone, so that how many
 * transforms a task has, and in what order, changes no bit:
 *
 *   n whose prime factors are small     passes, one for each factor (ops/fft-pass.h), over data that fits into cache;
 *   … but more than FFT_SMALL numbers   a table of n[0] rows and n[1] columns, as near to each other as possible:
 *                                       columns are transformed, turned by roots of unity, then rows (Bailey's four
 *                                       steps);
 *   n with a large prime factor         a convolution of m numbers, m at least 2 n - 1 with small factors (Bluestein).
 *
 * Roots of unity are computed to the last place but one: the angle is reduced in integers to an eighth of a turn, and
 * the rounding of what remains goes along (ops/math-trig.h). Those of many numbers are products of two from short
 * tables. */
#include <math.h>

#include "ops/complex.h"
#include "ops/linalg.h"
#include "ops/math-trig.h"

enum {
        FFT_SMALL      = 4096, /* as many numbers of all lanes, twice, are in the second cache: 1 MiB */
        FFT_MAX_PRIME  = 61,   /* a pass takes the square of its prime: beyond this the convolution is cheaper */
        FFT_MAX_PASSES = 40,
        FFT_ROOT       = 3, /* numbers of a root in a table: real part, imaginary part, and that negated: ops/complex.h
                             * says what compilers do of differences of products */
};

/* ---- Factors ---------------------------------------------------------------------------------------------------- */

/* The prime factors of n up to `most`, ascending; what remains is returned. */
static inline int64_t fft_primes(int64_t n, int64_t most, int64_t prime[static 64], int *n_prime) {
        *n_prime = 0;
        for (int64_t p = 2; p <= most && p * p <= n; p += 1 + (p > 2))
                while (n % p == 0) {
                        prime[(*n_prime)++] = p;
                        n /= p;
                }
        if (n > 1 && n <= most) {
                prime[(*n_prime)++] = n;
                n                   = 1;
        }
        return n;
}

static inline bool fft_smooth(int64_t n) {
        int64_t prime[64];
        int n_prime;

        return fft_primes(n, FFT_MAX_PRIME, prime, &n_prime) == 1;
}

/* The largest product of some of the primes, ascending, that is at most `most`. */
static inline int64_t fft_largest(const int64_t *prime, int n, int64_t most) {
        int64_t best = 1;

        for (int i = 0; i < n; i++)
                if ((i == 0 || prime[i] != prime[i - 1]) && prime[i] <= most) {
                        const int64_t with = prime[i] * fft_largest(prime + i + 1, n - i - 1, most / prime[i]);

                        best = MAX(best, with);
                }
        return best;
}

static inline int64_t fft_root_of(int64_t n) {
        int64_t r = (int64_t) sqrt((double) n);

        while (r > 0 && r > n / r)
                r--;
        return r;
}

/* n as n[0] * n[1], n[0] <= n[1], as near as its factors up to `most` allow. */
static inline void fft_halves(int64_t n, int64_t most, int64_t half[static 2]) {
        int64_t prime[64];
        const int64_t root = fft_root_of(n);
        int n_prime;

        fft_primes(n, most, prime, &n_prime);
        half[0] = fft_largest(prime, n_prime, root);
        half[1] = n / half[0];
}

/* A length from n on that has no other factors than 2, 3 and 5: that of the least work, which grows with the number of
 * passes. */
static inline int64_t fft_convenient(int64_t n) {
        int64_t best = 0;
        double least = INFINITY;
        int fives    = 0;

        for (int64_t five = 1; five < 5 * n; five *= 5, fives++) {
                int threes = 0;

                for (int64_t three = five; three < 3 * n; three *= 3, threes++) {
                        int64_t m = three;
                        int twos  = 0;
                        int passes;
                        double work;

                        for (; m < n; m *= 2)
                                twos++;
                        passes = fives + threes + (twos + 2) / 3;
                        work   = (double) m * passes;
                        if (work < least) {
                                least = work;
                                best  = m;
                        }
                }
        }
        return best;
}

/* ---- Roots of unity --------------------------------------------------------------------------------------------- */

/* exp(-2 pi i k / n), 0 <= k < n < 2^53. */
static inline void fft_root(int64_t k, int64_t n, double ret[static 2]) {
        const int64_t eighth = (int64_t) ((__int128) 8 * k / n), turn = (eighth + 1) / 2; /* the nearest quarter turn */
        /* The angle to it, in units of pi / 4: |part| <= n. */
        const int64_t part = (int64_t) ((__int128) 8 * k - (__int128) 2 * turn * n);
        const double a = (double) part, b = (double) n, q = a / b;
        const double quarter_pi = 0x1.921fb54442d18p-1, rest = 0x1.1a62633145c07p-55;
        VmTrigExact t;
        double s, c;

        /* q b is split to find what the division has left: halves of 26 bits, as in vm_trig_exact(). */
        const double qh = vm_double(vm_bits(q) & UINT64_C(0xfffffffff8000000)), ql = q - qh;
        const double bh = vm_double(vm_bits(b) & UINT64_C(0xfffffffff8000000)), bl = b - bh;
        const double left = (((a - qh * bh) - qh * bl) - ql * bh) - ql * bl;
        const double ph = 0x1.921fb50000000p-1, pl = 0x1.110b460000000p-27;
        const double y = q * quarter_pi;
        const double e = (((qh * ph - y) + qh * pl + ql * ph) + ql * pl) + q * rest + left / b * quarter_pi;

        t.r    = y + e;
        t.rest = (y - t.r) + e;
        t.k    = 0;
        s      = vm_trig_exact_sin(t);
        c      = vm_trig_exact_cos(t);
        switch (turn & 3) {
        case 0:
                ret[0] = c, ret[1] = -s;
                break;
        case 1:
                ret[0] = -s, ret[1] = -c;
                break;
        case 2:
                ret[0] = -c, ret[1] = s;
                break;
        default:
                ret[0] = s, ret[1] = c;
        }
}

/* All roots of n: root k is low[k mod 2^shift] times high[k >> shift]. */
typedef struct FftRoots {
        int64_t n;
        int shift;
        double *low, *high;
} FftRoots;

static inline FftRoots fft_roots(int64_t n, Carve *c) {
        FftRoots r = { .n = n };

        while ((n - 1) >> r.shift > (n <= FFT_SMALL ? 0 : (int64_t) 1 << r.shift))
                r.shift++;
        r.low  = carve(c, MIN((int64_t) 1 << r.shift, n), 2 * sizeof(double));
        r.high = carve(c, ((n - 1) >> r.shift) + 1, 2 * sizeof(double));
        return r;
}

static inline void fft_roots_fill(const FftRoots *r) {
        for (int64_t k = 0; k < MIN((int64_t) 1 << r->shift, r->n); k++)
                fft_root(k, r->n, r->low + 2 * k);
        for (int64_t k = 0; k <= (r->n - 1) >> r->shift; k++)
                fft_root(k << r->shift, r->n, r->high + 2 * k);
}

static inline void fft_roots_at(const FftRoots *r, int64_t k, double ret[static 2]) {
        const double *low = r->low + 2 * (k & (((int64_t) 1 << r->shift) - 1)), *high = r->high + 2 * (k >> r->shift);

        ret[0] = low[0] * high[0] + f64_negative(low[1] * high[1]);
        ret[1] = low[0] * high[1] + low[1] * high[0];
}

/* ---- Plans ------------------------------------------------------------------------------------------------------ */

/* A pass combines `radix` transforms of s numbers; m is what remains to be combined. */
typedef struct FftPass {
        int radix;
        int64_t m, s;
        int64_t turn; /* where its roots begin in the table: m times radix - 1 */
        int64_t unit; /* the roots of the radix itself */
} FftPass;

typedef struct FftPasses {
        int64_t n;
        int n_pass;
        FftPass pass[FFT_MAX_PASSES];
        int64_t n_table; /* roots */
        void *table;     /* of the element's real type */
} FftPasses;

static inline FftPasses fft_passes(int64_t n, size_t size, Carve *c) {
        FftPasses p = { .n = n };
        int64_t prime[64], s   = 1;
        int radix[64], n_radix = 0, n_prime, twos = 0;

        fft_primes(n, FFT_MAX_PRIME, prime, &n_prime);
        while (twos < n_prime && prime[twos] == 2)
                twos++;
        /* Eights as long as no single two remains. */
        for (int k = twos; k > 0;) {
                const int bits = k == 4 || k == 2 ? 2 : k == 1 ? 1 : 3;

                radix[n_radix++] = 1 << bits;
                k -= bits;
        }
        for (int i = twos; i < n_prime; i++)
                radix[n_radix++] = (int) prime[i];
        assert(n_radix <= FFT_MAX_PASSES);
        for (int i = 0; i < n_radix; i++) {
                FftPass *pass = &p.pass[p.n_pass++];

                *pass = (FftPass) { .radix = radix[i], .m = n / s / radix[i], .s = s, .turn = p.n_table };
                p.n_table += pass->m * (radix[i] - 1);
                pass->unit = p.n_table;
                p.n_table += radix[i];
                s *= radix[i];
        }
        p.table = carve(c, p.n_table, FFT_ROOT * size);
        return p;
}

/* A transform of n complex numbers; by convolution of m if `chirped`. */
typedef struct FftPlan {
        int64_t n, m;
        bool chirped, halved;
        FftPasses part[2];      /* of m, or of both its halves */
        FftRoots roots;         /* of m, if it is halved; */
        FftRoots chirp_roots;   /* of 2 n, if chirped */
        void *chirp, *spectrum; /* n and m complex numbers: exp(-pi i k^2 / n), and the transform of its conjugate */
} FftPlan;

static inline FftPlan fft_plan(int64_t n, size_t size, Carve *c) {
        FftPlan p = { .n = n, .m = n, .chirped = !fft_smooth(n) };
        int64_t half[2];

        if (p.chirped) {
                p.m           = fft_convenient(2 * n - 1);
                p.chirp_roots = fft_roots(2 * n, c);
                p.chirp       = carve(c, n, 2 * size);
                p.spectrum    = carve(c, p.m, 2 * size);
        }
        p.halved = p.m > FFT_SMALL;
        if (!p.halved) {
                p.part[0] = fft_passes(p.m, size, c);
                return p;
        }
        fft_halves(p.m, FFT_MAX_PRIME, half);
        for (int k = 0; k < 2; k++)
                p.part[k] = fft_passes(half[k], size, c);
        p.roots = fft_roots(p.m, c);
        return p;
}
