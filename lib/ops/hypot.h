/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* sqrt(x * x + y * y) without overflow, within an ulp, the same on every CPU. The float is rounded once more from a double
 * that is exact to 2^-52. The double scales by a power of two, squares exactly into pairs of doubles (Veltkamp's and
 * Dekker's splitting, which needs no fused multiply-add), and corrects the root of the sum by one step of Newton's. */
#include "ops/kernel.h"

static inline _unused_ float hypot_f32(float x, float y) {
        double r = sqrt((double) x * x + (double) y * y);

        return ((fabsf(x) == INFINITY) | (fabsf(y) == INFINITY)) ? INFINITY : (float) r;
}

static inline _unused_ double hypot_f64(double x, double y) {
        double ax = fabs(x), ay = fabs(y), large = ax > ay ? ax : ay, small = ax > ay ? ay : ax;
        double scale = large > 0x1p500 ? 0x1p-600 : large < 0x1p-400 ? 0x1p600 : 1;
        double back = large > 0x1p500 ? 0x1p600 : large < 0x1p-400 ? 0x1p-600 : 1;
        double a = large * scale, b = small * scale;
        double a_hi = a * 0x1.0000002p27, b_hi = b * 0x1.0000002p27;
        double a_lo, b_lo, aa, bb, sum, rest, r, r_hi, r_lo, rr;

        a_hi = a_hi - (a_hi - a);
        b_hi = b_hi - (b_hi - b);
        a_lo = a - a_hi;
        b_lo = b - b_hi;
        aa = a * a;
        bb = b * b;
        sum = aa + bb;
        /* what the squares and their sum lost */
        rest = ((a_hi * a_hi - aa) + 2 * a_hi * a_lo + a_lo * a_lo) + ((b_hi * b_hi - bb) + 2 * b_hi * b_lo + b_lo * b_lo) +
               (bb - (sum - aa));
        r = sqrt(sum);
        r_hi = r * 0x1.0000002p27;
        r_hi = r_hi - (r_hi - r);
        r_lo = r - r_hi;
        rr = ((sum - r_hi * r_hi) - 2 * r_hi * r_lo) - r_lo * r_lo;
        r = r + (r > 0 ? (rr + rest) / (2 * r) : 0);
        r = r * back;
        r = (IS_NAN(x) | IS_NAN(y)) ? x + y : r;
        return ((ax == INFINITY) | (ay == INFINITY)) ? INFINITY : r;
}
