/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Carlson's symmetric elliptic integrals and Legendre's, which are made of them (Carlson: Numerical Computation of Real
 * or Complex Elliptic Integrals, 1994). Duplication brings the arguments together, by a factor of four each time; then
 * the first terms of a series in their differences are exact. */
#include "ops/math-gamma.h"

enum { VM_DOUBLINGS_MOST = 600 }; /* a factor of 4 each; doubles have 2^2100 between them */

#define VM_CLOSE 0x1p-9 /* of differences whose sixth powers do not matter */

VM_INLINE double vm_largest(double a, double b) {
        return a > b ? a : b;
}

VM_RARE double vm_elliprf(double x, double y, double z) {
        if (!(x >= 0.0) || !(y >= 0.0) || !(z >= 0.0))
                return VM_NAN;
        if (x == VM_INF || y == VM_INF || z == VM_INF)
                return 0.0;
        if (x + y == 0.0 || y + z == 0.0 || x + z == 0.0)
                return VM_INF;
        for (int k = 0; k < VM_DOUBLINGS_MOST; k++) {
                const double rx = sqrt(x), ry = sqrt(y), rz = sqrt(z), mean = (x + y + z) / 3.0;
                const double dx = 1.0 - x / mean, dy = 1.0 - y / mean, dz = -(dx + dy);
                const double lambda = rx * ry + ry * rz + rz * rx;

                if (vm_largest(vm_abs(dx), vm_largest(vm_abs(dy), vm_abs(dz))) < VM_CLOSE) {
                        const double e2 = dx * dy - dz * dz, e3 = dx * dy * dz;

                        return (1.0 - e2 / 10.0 + e3 / 14.0 + e2 * e2 / 24.0 - 3.0 * e2 * e3 / 44.0) / sqrt(mean);
                }
                x = 0.25 * (x + lambda);
                y = 0.25 * (y + lambda);
                z = 0.25 * (z + lambda);
        }
        return VM_NAN;
}

VM_RARE double vm_elliprc(double x, double y) {
        if (!(x >= 0.0) || y != y)
                return VM_NAN;
        if (y < 0.0) /* Cauchy's principal value */
                return sqrt(x / (x - y)) * vm_elliprf(x - y, -y, -y);
        return vm_elliprf(x, y, y);
}

/* RC(1, 1 + e); of a small e by its series, 1 - e / 3 + e^2 / 5 - … */
VM_RARE double vm_elliprc_one(double e) {
        static const double c[] = { 1.0,         -1.0 / 3.0,  1.0 / 5.0,   -1.0 / 7.0, 1.0 / 9.0,
                                    -1.0 / 11.0, 1.0 / 13.0,  -1.0 / 15.0, 1.0 / 17.0, -1.0 / 19.0,
                                    1.0 / 21.0,  -1.0 / 23.0, 1.0 / 25.0 };

        return vm_abs(e) < 0x1p-4 ? VM_PIECES(e, c) : vm_elliprc(1.0, 1.0 + e);
}

/* What the series of RD and RJ have in common. */
VM_INLINE double vm_ellipr_series(double e2, double e3, double e4, double e5) {
        return 1.0 - 3.0 * e2 / 14.0 + e3 / 6.0 + 9.0 * e2 * e2 / 88.0 - 3.0 * e4 / 22.0 - 9.0 * e2 * e3 / 52.0 +
               3.0 * e5 / 26.0;
}

VM_RARE double vm_elliprd(double x, double y, double z) {
        double sum = 0.0, factor = 1.0;

        if (!(x >= 0.0) || !(y >= 0.0) || !(z >= 0.0))
                return VM_NAN;
        if (z == 0.0)
                return VM_INF;
        if (x == VM_INF || y == VM_INF || z == VM_INF)
                return 0.0;
        if (x + y == 0.0)
                return VM_INF;
        for (int k = 0; k < VM_DOUBLINGS_MOST; k++) {
                const double rx = sqrt(x), ry = sqrt(y), rz = sqrt(z), mean = (x + y + 3.0 * z) / 5.0;
                const double dx = 1.0 - x / mean, dy = 1.0 - y / mean, dz = -(dx + dy) / 3.0;
                const double lambda = rx * ry + ry * rz + rz * rx;

                if (vm_largest(vm_abs(dx), vm_largest(vm_abs(dy), vm_abs(dz))) < VM_CLOSE) {
                        const double xy = dx * dy, z2 = dz * dz;

                        return 3.0 * sum + factor / (mean * sqrt(mean)) *
                                                   vm_ellipr_series(xy - 6.0 * z2, (3.0 * xy - 8.0 * z2) * dz,
                                                                    3.0 * (xy - z2) * z2, xy * z2 * dz);
                }
                sum += factor / (rz * (z + lambda));
                factor *= 0.25;
                x = 0.25 * (x + lambda);
                y = 0.25 * (y + lambda);
                z = 0.25 * (z + lambda);
        }
        return VM_NAN;
}

VM_RARE double vm_elliprj_positive(double x, double y, double z, double p) {
        double sum = 0.0, factor = 1.0;

        for (int k = 0; k < VM_DOUBLINGS_MOST; k++) {
                const double rx = sqrt(x), ry = sqrt(y), rz = sqrt(z), rp = sqrt(p), mean = (x + y + z + 2.0 * p) / 5.0;
                const double dx = 1.0 - x / mean, dy = 1.0 - y / mean, dz = 1.0 - z / mean, dp = -0.5 * (dx + dy + dz);
                const double lambda = rx * ry + ry * rz + rz * rx, d = (rp + rx) * (rp + ry) * (rp + rz);

                if (vm_largest(vm_largest(vm_abs(dx), vm_abs(dy)), vm_largest(vm_abs(dz), vm_abs(dp))) < VM_CLOSE) {
                        const double xyz = dx * dy * dz, p2 = dp * dp, e2 = dx * dy + dx * dz + dy * dz - 3.0 * p2;
                        const double e3 = xyz + 2.0 * e2 * dp + 4.0 * p2 * dp;

                        return 6.0 * sum +
                               factor / (mean * sqrt(mean)) *
                                       vm_ellipr_series(e2, e3, (2.0 * xyz + e2 * dp + 3.0 * p2 * dp) * dp, xyz * p2);
                }
                sum += factor / d * vm_elliprc_one((rp - rx) * (rp - ry) * (rp - rz) / d);
                factor *= 0.25;
                x = 0.25 * (x + lambda);
                y = 0.25 * (y + lambda);
                z = 0.25 * (z + lambda);
                p = 0.25 * (p + lambda);
        }
        return VM_NAN;
}

/* RJ(x, y, 1, p) of x <= y <= 1. */
VM_RARE double vm_elliprj_unit(double x, double y, double p) {
        double q, above;

        if (!(x >= 0.0) || !(y >= 0.0) || !(x + y < VM_INF) || p != p)
                return VM_NAN;
        if (x + y == 0.0 || p == 0.0)
                return VM_INF;
        if (p == VM_INF || p == -VM_INF)
                return 0.0;
        if (p > 0.0)
                return vm_elliprj_positive(x, y, 1.0, p);
        q     = -p; /* Cauchy's principal value */
        above = ((x + y + q) - x * y) / (1.0 + q);
        return ((above - 1.0) * vm_elliprj_positive(x, y, 1.0, above) - 3.0 * vm_elliprf(x, y, 1.0) +
                3.0 * sqrt(x * y / (x * y + above * q)) * vm_elliprc(x * y + above * q, above * q)) /
               (1.0 + q);
}

VM_RARE double vm_elliprg(double x, double y, double z) {
        const double low = x < y ? x : y, high = x < y ? y : x;
        const double middle = z < low    ? low
                              : z > high ? high
                                         : z,
                     least = z < low ? z : low, most = z > high ? z : high;

        if (!(x >= 0.0) || !(y >= 0.0) || !(z >= 0.0))
                return VM_NAN;
        if (most == VM_INF)
                return VM_INF;
        if (middle == 0.0)
                return 0.5 * sqrt(most);
        return 0.5 * (middle * vm_elliprf(least, middle, most) +
                      (most - middle) * (middle - least) * vm_elliprd(least, most, middle) / 3.0 +
                      sqrt(least * most / middle));
}

/* The complete integrals of m = 1 - p are p(p) - log(p) q(p) and p(p) - p log(p) q(p), 0 < p <= 1. Beyond, where m is
 * below zero, they are those of 1 / p by, or times, the root of p (DLMF 19.7.2). Nothing cancels. */
static const double vm_ellipk_p[] = { 0x1.62e42fefa39efp+0, 0x1.8b90bfbebbb30p-4, 0x1.fa05b2ec874fdp-6,
                                      0x1.e97ee0b6d0de6p-7, 0x1.2041922079822p-7, 0x1.99d3ba7a5066cp-8,
                                      0x1.d029b9c3fcc7dp-8, 0x1.465f94d684cacp-7, 0x1.fc0847353ea31p-8,
                                      0x1.17d9da7a5d1dep-9, 0x1.05fa9ea02cef8p-13 };
static const double vm_ellipk_q[] = { 0x1.0000000000000p-1,  0x1.fffffffffae28p-4, 0x1.1fffffdcc6b6fp-4,
                                      0x1.8fffba86a5bfbp-5,  0x1.322e3ff06dba2p-5, 0x1.ed052d65d2357p-6,
                                      0x1.85059e0b0afe3p-6,  0x1.efad8c83518eep-7, 0x1.72d07fd13dd87p-8,
                                      0x1.bbb062056a6d2p-11, 0x1.bc1a660b0c1f5p-16 };
static const double vm_ellipe_p[] = { 0x1.0000000000000p+0, 0x1.c5c85fdf4842ap-2, 0x1.d1591fe1799f5p-5,
                                      0x1.65affb262b482p-6, 0x1.7a9a030b9090bp-7, 0x1.e202415a7f684p-8,
                                      0x1.b2b12be26adb0p-8, 0x1.30c10a22ea803p-7, 0x1.3b2aa124c6942p-7,
                                      0x1.0c5dcc3dafc60p-8, 0x1.df7caab296e94p-12 };
static const double vm_ellipe_q[] = { 0x1.ffffffffffc95p-3,  0x1.7ffffffb03aa1p-4,  0x1.dffff1a26126ap-5,
                                      0x1.5dfaecf67d3a8p-5,  0x1.130715d6d69d4p-5,  0x1.b8923a58f50e0p-6,
                                      0x1.38be329a44c13p-6,  0x1.296c1319f7c70p-7,  0x1.06e443c356cf7p-9,
                                      0x1.e8e7231ce8f7ep-14, -0x1.b62f491b1f7c0p-21 };

VM_INLINE double vm_ellipk_of(double p) {
        const double at = p > 1.0 ? 1.0 / p : p;
        const double of = VM_PIECES(at, vm_ellipk_p) - vm_log(at) * VM_PIECES(at, vm_ellipk_q);
        const double y = p > 1.0 ? of / sqrt(p) : of, end = p == VM_INF ? 0.0 : p == 0.0 ? VM_INF : VM_NAN;

        return ((p > 0.0) & (p < VM_INF)) ? y : end;
}

VM_INLINE double vm_ellipe_of(double p) {
        const double at = p > 1.0 ? 1.0 / p : p;
        const double of = VM_PIECES(at, vm_ellipe_p) - at * vm_log(at) * VM_PIECES(at, vm_ellipe_q);
        const double y = p > 1.0 ? of * sqrt(p) : of, end = p == VM_INF ? VM_INF : p == 0.0 ? 1.0 : VM_NAN;

        return ((p > 0.0) & (p < VM_INF)) ? y : end;
}

/* Legendre's F and E of an angle and of m = k^2. */
VM_RARE double vm_ellipinc(double phi, double m, bool second) {
        const double turns = floor(phi / VM_PI + 0.5);
        const double rest = phi - turns * VM_PI - turns * 1.2246467991473532e-16, s = vm_sin(rest), c = vm_cos(rest);
        const double q = 1.0 - m * s * s;
        double ret;

        if (!(vm_abs(phi) < VM_INF) || !(m <= 1.0) || q < 0.0)
                return phi != phi || m != m || m > 1.0 ? VM_NAN : phi;
        ret = s == 0.0 ? s : s * vm_elliprf(c * c, q, 1.0);
        if (second && s != 0.0)
                ret -= m * s * s * s / 3.0 * vm_elliprd(c * c, q, 1.0);
        if (turns != 0.0)
                ret += 2.0 * turns * (second ? vm_ellipe_of(1.0 - m) : vm_ellipk_of(1.0 - m));
        return ret;
}
