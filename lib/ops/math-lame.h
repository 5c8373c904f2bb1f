/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Lamé's functions of both kinds, of which ellipsoidal harmonics are made, and their norm.
 *
 * E(s) of degree n is one of the 2n + 1 functions s^i sqrt|s^2 - h2|^j sqrt|s^2 - k2|^l P(s^2), where i, j, l are 0 or
 * 1 and P is a polynomial whose leading coefficient is 1. Which one it is says `index`, n^2 + p - 1 with p from 1 to
 * 2n + 1. The zeros of P are where charges of one unit stay at rest (Stieltjes) that repel each other and fixed ones
 * of 1/4 or 3/4 at 0, h2 and k2, with so many of them between 0 and h2 as p says, the others between h2 and k2: the
 * place of least energy, which is convex there, so that Newton's steps lead to it from anywhere, and whose conditions
 * lose no digits. P is the product over its zeros. Its coefficients, which are what is usually computed, are
 * components of an eigenvector: some have no digits, and their sum cancels.
 *
 * A zero is kept as its distance from that end (of 0, h2, k2) which is the nearest, s^2 as its distances from all
 * three, so that what lies beside an end has all digits. Integrals are sums by the tanh-sinh rule, whose steps are
 * halved until they agree; all their terms are positive. */
#include <stdbool.h>

#include "ops/math-gamma.h"

enum {
        VM_LAME_DEGREE = 128, /* the largest; E has n factors, each a rounding */
        VM_LAME_ZEROS  = VM_LAME_DEGREE / 2,
        VM_LAME_STEPS  = 200, /* of Newton's; far fewer are needed */
        VM_LAME_ENDS   = 3,   /* 0, h2, k2 */
        VM_LAME_LEVELS = 7,   /* the tanh-sinh rule's step is 2^-1 … 2^-7 */
        VM_LAME_NEAR   = 4,   /* as far the rule's variable goes: there, 1e-37 of the interval is left */
        VM_LAME_SPAN   = 6,   /* …or 1e-275, where h2 is very near to an end */
        VM_LAME_NODES  = 2 * VM_LAME_SPAN << VM_LAME_LEVELS,
};

/* A place between 0 and 1, its distance from 1, its logarithm, and what it counts in an integral over all places. */
typedef struct VmLameNode {
        double place, rest, log, weight;
} VmLameNode;

/* E, and what an inner loop knows already. */
typedef struct VmLame {
        double h2, k2, index;
        bool is; /* there is such a function */
        int n, n_zeros;
        bool has[VM_LAME_ENDS]; /* the factors s, sqrt|s^2 - h2|, sqrt|s^2 - k2| */
        uint8_t end[VM_LAME_ZEROS];
        double zero[VM_LAME_ZEROS]; /* from that end */
        int n_levels;
        VmLameNode node[VM_LAME_NODES];
} VmLame;

VM_INLINE void vm_lame_init(VmLame *l) {
        l->index    = -1.0;
        l->h2       = VM_NAN;
        l->k2       = VM_NAN;
        l->n_levels = 0;
        l->is       = false;
}

/* ---- Zeros ------------------------------------------------------------------------------------------------------ */

/* Solves A x = b, A symmetric, positive definite, its lower triangle packed; x replaces b. */
VM_RARE void vm_lame_solve(double *a, double *b, int n) {
        for (int i = 0; i < n; i++) { /* A = L D L^T; D is the diagonal, and L replaces what is below it */
                double *of_i = a + i * (i + 1) / 2;

                for (int j = 0; j < i; j++) {
                        const double *of_j = a + j * (j + 1) / 2;

                        for (int k = 0; k < j; k++) /* of_i has L D until it is complete */
                                of_i[j] -= of_i[k] * of_j[k];
                }
                for (int j = 0; j < i; j++) {
                        const double part = of_i[j] / a[j * (j + 1) / 2 + j];

                        of_i[i] -= part * of_i[j];
                        b[i] -= part * b[j];
                        of_i[j] = part;
                }
        }
        for (int i = n - 1; i >= 0; i--) {
                b[i] /= a[i * (i + 1) / 2 + i];
                for (int k = i + 1; k < n; k++)
                        b[i] -= a[k * (k + 1) / 2 + i] * b[k];
        }
}

/* Where ends lie from each other, and the length of each zero's interval, in which its steps are counted. */
typedef struct VmLameRoom {
        double gap[VM_LAME_ENDS][VM_LAME_ENDS];
        double unit[VM_LAME_ZEROS];
} VmLameRoom;

VM_INLINE double vm_lame_away(const VmLame *l, const VmLameRoom *room, int i, int j) {
        return l->zero[i] - l->zero[j] - room->gap[l->end[i]][l->end[j]];
}

VM_INLINE double vm_lame_charge(const VmLame *l, int e) {
        return l->has[e] ? 0.75 : 0.25;
}

/* Of a part of a step: by what distances shrink (the largest quotient), or how the energy falls there. */
VM_RARE double vm_lame_along(const VmLame *l, const VmLameRoom *room, const double *step, double part, bool shrink) {
        double most = 0.0, slope = 0.0;

        for (int i = 0; i < l->n_zeros; i++) {
                const double here = step[i] * room->unit[i];

                for (int e = 0; e < VM_LAME_ENDS; e++) {
                        const double r = here / (l->zero[i] - room->gap[l->end[i]][e]);

                        most = most > -r ? most : -r;
                        slope += vm_lame_charge(l, e) * r / (1.0 + part * r);
                }
                for (int j = 0; j < i; j++) {
                        const double r = (here - step[j] * room->unit[j]) / vm_lame_away(l, room, i, j);

                        most = most > -r ? most : -r;
                        slope += r / (1.0 + part * r);
                }
        }
        return shrink ? most : slope;
}

/* Brings zeros to rest. */
VM_RARE bool vm_lame_rest(VmLame *l, const VmLameRoom *room) {
        double a[VM_LAME_ZEROS * (VM_LAME_ZEROS + 1) / 2], step[VM_LAME_ZEROS], force[VM_LAME_ZEROS];

        for (int round = 0; round < VM_LAME_STEPS; round++) {
                double decrement = 0.0, part = 1.0;

                for (int i = 0; i < l->n_zeros; i++) {
                        double *of_i = a + i * (i + 1) / 2;

                        force[i] = of_i[i] = 0.0;
                        for (int e = 0; e < VM_LAME_ENDS; e++) {
                                const double pull = room->unit[i] / (l->zero[i] - room->gap[l->end[i]][e]);

                                force[i] += vm_lame_charge(l, e) * pull;
                                of_i[i] += vm_lame_charge(l, e) * pull * pull;
                        }
                        for (int j = 0; j < i; j++) {
                                const double away    = vm_lame_away(l, room, i, j);
                                const double of_this = room->unit[i] / away, of_that = room->unit[j] / away;

                                force[i] += of_this;
                                force[j] -= of_that;
                                of_i[i] += of_this * of_this;
                                a[j * (j + 1) / 2 + j] += of_that * of_that;
                                of_i[j] = -of_this * of_that;
                        }
                }
                memcpy(step, force, sizeof(*step) * (size_t) l->n_zeros);
                vm_lame_solve(a, step, l->n_zeros);
                for (int i = 0; i < l->n_zeros; i++)
                        decrement += step[i] * force[i];
                /* Newton's decrement of four times the energy, all of whose logarithms count at least 1: below 1/4
                 * whole steps converge quadratically. Before, what stays between the ends and falls all the way. */
                decrement = 2.0 * sqrt(decrement);
                if (decrement >= 0.25) {
                        const double most = vm_lame_along(l, room, step, 0.0, true);

                        part = most > 0.9 ? 0.9 / most : 1.0;
                        while (part > 0x1p-40 && vm_lame_along(l, room, step, part, false) < 0.0)
                                part *= 0.5;
                }
                for (int i = 0; i < l->n_zeros; i++)
                        l->zero[i] += part * step[i] * room->unit[i];
                if (!(decrement > 0x1p-28))
                        return decrement == decrement;
        }
        return false;
}

/* Where the zeros of E lie, so many of them below h2. 0 < h2 < k2. */
VM_RARE bool vm_lame_find(VmLame *l, double h2, double k2, int n_below) {
        const double width = k2 - h2;
        VmLameRoom room    = { .gap = { { 0.0, h2, k2 }, { -h2, 0.0, width }, { -k2, -width, 0.0 } } };

        if (!(h2 > 0.0) || !(width > 0.0) || !(k2 < VM_INF))
                return false;
        for (int i = 0; i < l->n_zeros; i++) { /* as Chebyshev's: the middle of equal parts of a half circle */
                const int below = i < n_below ? 0 : 1, of = below == 0 ? n_below : l->n_zeros - n_below;
                const double turn = VM_PI * 0.5 * ((i - (below == 0 ? 0 : n_below)) + 0.5) / of;
                const double s = vm_sin(turn), c = vm_cos(turn);

                room.unit[i] = below == 0 ? h2 : width;
                l->end[i]    = (uint8_t) (s < c ? below : below + 1);
                l->zero[i]   = s < c ? room.unit[i] * s * s : -room.unit[i] * c * c;
        }
        return vm_lame_rest(l, &room);
}

VM_RARE void vm_lame_make(VmLame *l, double h2, double k2, double index) {
        double root;
        int p, half, of_h, more, tp;

        l->h2    = h2;
        l->k2    = k2;
        l->index = index;
        l->is    = false;
        if (!(index >= 0.0) || index != floor(index) || index >= (VM_LAME_DEGREE + 1.0) * (VM_LAME_DEGREE + 1.0))
                return;
        root = floor(sqrt(index));
        l->n = (int) root;
        p    = (int) (index - root * root);
        half = l->n / 2;
        of_h = l->n - half;
        if (p <= half) { /* K, then L, M, N */
                more = 0;
                tp   = p;
        } else if (p <= l->n) {
                more = 1;
                tp   = p - half - 1;
        } else if (p <= l->n + of_h) {
                more = 2;
                tp   = p - l->n - 1;
        } else {
                more = 3;
                tp   = p - l->n - of_h - 1;
        }
        l->has[1]  = more & 1;
        l->has[2]  = more & 2;
        l->has[0]  = (l->n - l->has[1] - l->has[2]) % 2 != 0;
        l->n_zeros = (l->n - l->has[0] - l->has[1] - l->has[2]) / 2;
        if (l->n_zeros == 0)
                l->is = true;
        else if (h2 < 0.0 && k2 < h2) { /* s^2 with the other sign */
                l->is = vm_lame_find(l, -h2, -k2, l->n_zeros - tp);
                for (int i = 0; i < l->n_zeros && l->is; i++)
                        l->zero[i] = -l->zero[i];
        } else
                l->is = vm_lame_find(l, h2, k2, tp);
}

VM_INLINE void vm_lame_of(VmLame *l, double h2, double k2, double index) {
        if (h2 != l->h2 || k2 != l->k2 || index != l->index)
                vm_lame_make(l, h2, k2, index);
}

/* P at what has these distances from the ends, all lengths times `scale`. */
VM_INLINE double vm_lame_product(const VmLame *l, const double *from, double scale) {
        double even = 1.0, odd = 1.0;

        for (int i = 0; i < l->n_zeros; i += 2)
                even *= from[l->end[i]] - scale * l->zero[i];
        for (int i = 1; i < l->n_zeros; i += 2)
                odd *= from[l->end[i]] - scale * l->zero[i];
        return even * odd;
}

/* ---- The first kind --------------------------------------------------------------------------------------------- */

/* s^2 as two numbers; where it would overflow the second is none. */
VM_INLINE double vm_square_rest(double s, double s2) {
        const double high = s * 0x1.0000002p27 - (s * 0x1.0000002p27 - s), low = s - high;

        return vm_abs(s) < 0x1p400 && vm_abs(s) > 0x1p-400 ? ((high * high - s2) + 2.0 * high * low) + low * low : 0.0;
}

VM_RARE double vm_lame_first(VmLame *l, double h2, double k2, double index, double s) {
        const double s2 = s * s, rest = vm_square_rest(s, s2);
        const double from[VM_LAME_ENDS] = { s2, s2 - h2 + rest, s2 - k2 + rest };
        double y;

        vm_lame_of(l, h2, k2, index);
        if (!l->is)
                return VM_NAN;
        y = vm_lame_product(l, from, 1.0);
        if (l->has[0])
                y *= s;
        if (l->has[1])
                y *= sqrt(vm_abs(from[1]));
        if (l->has[2])
                y *= sqrt(vm_abs(from[2]));
        return y == y ? y : VM_NAN;
}

/* ---- Integrals -------------------------------------------------------------------------------------------------- */

/* The nodes of a level: at level 1 all whole multiples of 1/2, then the odd ones of 2^-level. Where they begin. */
VM_INLINE int vm_lame_first_node(int level) {
        return level == 1 ? 0 : 2 * VM_LAME_SPAN << (level - 1);
}

VM_RARE void vm_lame_nodes(VmLame *l, int level) {
        const int n     = vm_lame_first_node(level + 1) - vm_lame_first_node(level), middle = n / 2;
        const double by = ldexp(1.0, level == 1 ? -1 : 1 - level), start = level == 1 ? 0.0 : 0.5 * by;

        for (int i = 0; i < n; i++) {
                const double t = by * (i - middle) + start, up = vm_exp(t), down = 1.0 / up;
                const double turn = 0.5 * VM_PI * (up - down); /* pi sinh t */
                const double e = vm_exp(-vm_abs(turn)), low = e / (1.0 + e), high = 1.0 / (1.0 + e);
                VmLameNode *node = &l->node[vm_lame_first_node(level) + i];

                node->place  = turn < 0.0 ? low : high;
                node->rest   = turn < 0.0 ? high : low;
                node->log    = (turn < 0.0 ? turn : 0.0) - vm_log1p(e);
                node->weight = 0.5 * VM_PI * (up + down) * low * high;
        }
}

/* What is integrated, up to two functions at a time. */
typedef struct VmLameIntegral {
        double from[VM_LAME_ENDS], over[VM_LAME_ENDS], unit;
        double value[2];
} VmLameIntegral;

typedef void (*VmLameTerm)(const VmLame *l, const VmLameIntegral *of, const VmLameNode *node, double *ret);

VM_INLINE bool vm_lame_integrate(VmLame *l, VmLameIntegral *of, int span, VmLameTerm term) {
        double sum[2] = { 0.0, 0.0 }, error;

        for (int level = 1; level <= VM_LAME_LEVELS; level++) {
                const double before[2] = { of->value[0], of->value[1] };
                const int first = vm_lame_first_node(level), middle = (first + vm_lame_first_node(level + 1)) / 2;
                const int n = (middle - first) * span / VM_LAME_SPAN;

                if (level > l->n_levels)
                        vm_lame_nodes(l, l->n_levels = level);
                for (int i = middle - n; i < middle + n; i++) {
                        double y[2];

                        term(l, of, &l->node[i], y);
                        sum[0] += y[0];
                        sum[1] += y[1];
                }
                of->value[0] = ldexp(sum[0], -level);
                of->value[1] = ldexp(sum[1], -level);
                error        = level < VM_LAME_LEVELS ? 0x1p-30 : 0x1p-23; /* each halving squares it */
                if (level > 2 && vm_abs(of->value[0] - before[0]) <= error * of->value[0] &&
                    vm_abs(of->value[1] - before[1]) <= error * of->value[1])
                        return true;
        }
        return false;
}

/* ---- The second kind -------------------------------------------------------------------------------------------- */

/* u^2n / (P^2 (1 - h2 u^2)^(1/2 or 3/2) (1 - k2 u^2)^(1/2 or 3/2)) in units where s is 1, P that of 1/u^2, times u^2
 * for each zero: what is left of du / E(1/u)^2. */
VM_INLINE void vm_lame_second_term(const VmLame *l, const VmLameIntegral *of, const VmLameNode *node, double *ret) {
        const double square = node->place * node->place, rest = node->rest * (1.0 + node->place);
        double from[VM_LAME_ENDS], p;

        for (int e = 0; e < VM_LAME_ENDS; e++)
                from[e] = of->from[e] + of->over[e] * rest;
        p = vm_lame_product(l, from, square * of->unit);
        p *= p * sqrt(from[1]) * sqrt(from[2]);
        if (l->has[1])
                p *= from[1];
        if (l->has[2])
                p *= from[2];
        ret[0] = node->weight * vm_exp(2.0 * l->n * node->log) / p;
        ret[1] = 0.0;
}

VM_RARE double vm_lame_second(VmLame *l, double h2, double k2, double index, double s) {
        const double a = vm_abs(s), s2 = a * a, rest = vm_square_rest(a, s2);
        VmLameIntegral of = { .from = { 1.0, (s2 - h2 + rest) / s2, (s2 - k2 + rest) / s2 } };
        double y;

        vm_lame_of(l, h2, k2, index);
        if (!l->is || !(a > 0.0) || !(s2 < VM_INF) || !(of.from[1] >= 0.0) || !(of.from[2] >= 0.0) ||
            (l->has[1] && of.from[1] == 0.0) || (l->has[2] && of.from[2] == 0.0))
                return l->is && l->n == 0 && a == VM_INF ? 0.0 : VM_NAN;
        of.unit    = 1.0 / s2;
        of.over[1] = h2 / s2;
        of.over[2] = k2 / s2;
        if (!vm_lame_integrate(l, &of, VM_LAME_NEAR, vm_lame_second_term))
                return VM_NAN;
        y = vm_lame_product(l, of.from, of.unit) * of.value[0] * (2.0 * l->n + 1.0) * vm_pow(a, -(l->n + 1.0));
        if (l->has[1])
                y *= sqrt(of.from[1]);
        if (l->has[2])
                y *= sqrt(of.from[2]);
        return s < 0.0 && !l->has[0] ? -y : y;
}

/* ---- The norm --------------------------------------------------------------------------------------------------- */

/* E^2 in units where k2 is 1. */
VM_INLINE double vm_lame_squared(const VmLame *l, const double *from, double unit) {
        double y = vm_lame_product(l, from, unit);

        y *= y;
        for (int e = 0; e < VM_LAME_ENDS; e++)
                if (l->has[e])
                        y *= vm_abs(from[e]);
        return y;
}

/* E^2 ds / sqrt|(s^2 - h2) (s^2 - k2)|, and that times |s^2 - h2|, for s^2 between 0 and h2; from are h2, k2 - h2. */
VM_INLINE void vm_lame_below_term(const VmLame *l, const VmLameIntegral *of, const VmLameNode *node, double *ret) {
        const double h2 = of->from[0], rest = h2 * node->rest;
        const double from[VM_LAME_ENDS] = { h2 * node->place, -rest, -(of->from[1] + rest) };

        ret[0] = 0.5 * node->weight * vm_lame_squared(l, from, of->unit) / sqrt(node->place * node->rest * -from[2]);
        ret[1] = ret[0] * rest;
}

/* For s^2 between h2 and k2. */
VM_INLINE void vm_lame_above_term(const VmLame *l, const VmLameIntegral *of, const VmLameNode *node, double *ret) {
        const double width = of->from[1], part = width * node->place;
        const double from[VM_LAME_ENDS] = { of->from[0] + part, part, -width * node->rest };

        ret[0] = 0.5 * node->weight * vm_lame_squared(l, from, of->unit) / sqrt(node->place * node->rest * from[0]);
        ret[1] = ret[0] * part;
}

/* 8 times the integral of (y^2 - x^2) E(x)^2 E(y)^2 / sqrt|(x^2 - h2) (x^2 - k2) (y^2 - h2) (y^2 - k2)| over x from 0
 * to h and y from h to k; y^2 - x^2 is taken apart at h2, where nothing cancels. */
VM_RARE double vm_lame_norm(VmLame *l, double h2, double k2, double index) {
        VmLameIntegral below = { .from = { h2 / k2, (k2 - h2) / k2 }, .unit = 1.0 / k2 }, above = below;
        const int span = below.from[0] < 0x1p-10 || below.from[1] < 0x1p-10 ? VM_LAME_SPAN : VM_LAME_NEAR;

        vm_lame_of(l, h2, k2, index);
        if (!l->is || !(h2 > 0.0) || !(k2 > h2) || !(k2 < VM_INF) ||
            !vm_lame_integrate(l, &below, span, vm_lame_below_term) ||
            !vm_lame_integrate(l, &above, span, vm_lame_above_term))
                return VM_NAN;
        return 8.0 * (above.value[1] * below.value[0] + above.value[0] * below.value[1]) * vm_pow(k2, 2.0 * l->n);
}
