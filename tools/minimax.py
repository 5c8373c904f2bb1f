#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Coefficients of the polynomials in lib/ops/math-*.h.

Each line of POLYNOMIALS names a function g on an interval [a, b], the degree of the polynomial p that replaces it and the
weight w that turns the error of p into the relative error of the result.  Remez's exchange finds the p that minimises
max |w (g - p)|; the coefficients are printed lowest first as hexadecimal C constants, with log2 of that maximum before
and after they were rounded to the type.  Run it with the names of polynomials, or without for all of them.
"""
import sys
from mpmath import (acos, acosh, asin, asinh, atan, atanh, cbrt, cos, cosh, erf, erfc, exp, expm1, linspace, log, log1p, lu_solve,
                    matrix, mp, mpf, pi, polyval, sin, sinh, sqrt, tan, tanh)

mp.dps = 60


def remez(g, w, a, b, degree, rounds=12, n_grid=1200):
    """p of the given degree on [a, b] with the smallest max |w (g - p)|, and that maximum."""
    n = degree + 2
    grid = [(a + b) / 2 - (b - a) / 2 * cos(pi * (2 * i + 1) / (2 * n_grid)) for i in range(n_grid)]
    gs, ws = [g(x) for x in grid], [w(x) for x in grid]
    nodes = [min(n_grid - 1, int(n_grid * (i + 0.5) / n)) for i in range(n)]
    best = None
    for _ in range(rounds):
        A = matrix(n, n)
        y = matrix(n, 1)
        for row, i in enumerate(nodes):
            for col in range(degree + 1):
                A[row, col] = grid[i] ** col
            A[row, degree + 1] = (-1) ** row / ws[i]
            y[row] = gs[i]
        c = list(lu_solve(A, y))[:degree + 1]
        err = [ws[i] * (gs[i] - polyval(c[::-1], grid[i])) for i in range(n_grid)]
        worst = max(abs(e) for e in err)
        if best is None or worst < best[0]:
            best = (worst, c)
        # One extremum from every run of errors of one sign; with too many, drop the weakest end.
        runs, last = [], 0
        for i, e in enumerate(err):
            s = 1 if e > 0 else -1
            if s != last:
                runs.append(i)
                last = s
            elif abs(e) > abs(err[runs[-1]]):
                runs[-1] = i
        while len(runs) > n:
            runs.pop(0 if abs(err[runs[0]]) < abs(err[runs[-1]]) else -1)
        if len(runs) < n or runs == nodes:
            break
        nodes = runs
    return best[1], best[0]


def to_double(x):
    return float(x)


def to_float(x):
    import struct
    return struct.unpack('f', struct.pack('f', float(x)))[0]


LN2 = log(mpf(2))
R = mpf('1.0001')  # intervals reach a little beyond what the rounding of a reduction may leave


def odd(f, k=1):
    """f(x) = x + x z g(z) of an odd f, for z = x^2: this is g, whose weight in the relative error of f is z."""
    return lambda z: (f(sqrt(z)) / sqrt(z) - k) / z


POLYNOMIALS = {
    # name: (g, w, a, b, degree, type)
    'exp': (lambda r: (exp(r) - 1 - r - r * r / 2) / r**3, lambda r: r * r, -LN2 / 2 * R, LN2 / 2 * R, 8, to_double),
    'exp2': (lambda r: (mpf(2)**r - 1 - r * LN2) / r**2, lambda r: r * r, -R / 2, R / 2, 9, to_double),
    'log': (odd(lambda s: 2 * atanh(s), 2), lambda z: z / 2, mpf(0), (sqrt(mpf(2)) - 1)**4 * R, 6, to_double),
    'sin': (odd(sin), lambda z: z, mpf(0), (pi / 4)**2 * R, 5, to_double),
    'cos': (lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2, lambda z: z**2, mpf(0), (pi / 4)**2 * R, 5, to_double),
    'sinh': (odd(sinh), lambda z: z, mpf(0), mpf(1), 6, to_double),
    'tanh': (odd(tanh), lambda z: z, mpf(0), mpf('0.625')**2 * R, 11, to_double),
    'asin': (odd(asin), lambda z: z, mpf(0), mpf('0.25') * R, 12, to_double),
    'atan': (odd(atan), lambda z: z, mpf(0), mpf('0.25') * R, 11, to_double),
    # pow: what comes behind 2 s + 2/3 s^3 in the series of 2 atanh s; relative to the logarithm it weighs s^4.
    'pow': (lambda z: (odd(lambda s: 2 * atanh(s), 2)(z) - mpf(2) / 3) / z, lambda z: z * z / 2, mpf(0), (sqrt(mpf(2)) - 1)**4 * R, 7, to_double),
    # float
    'expf': (lambda r: (exp(r) - 1 - r) / r**2, lambda r: r * r, -LN2 / 2 * R, LN2 / 2 * R, 4, to_float),
    'exp2f': (lambda r: (mpf(2)**r - 1 - LN2 * r) / r**2, lambda r: r * r, -R / 2, R / 2, 4, to_float),
    'logf': (odd(lambda s: 2 * atanh(s), 2), lambda z: z / 2, mpf(0), (sqrt(mpf(2)) - 1)**4 * R, 2, to_float),
    'sinf': (odd(sin), lambda z: z, mpf(0), (pi / 4)**2 * R, 2, to_float),
    'cosf': (lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2, lambda z: z**2, mpf(0), (pi / 4)**2 * R, 2, to_float),
    # float by way of double
    'powf_exp': (lambda r: (exp(r) - 1 - r) / r**2, lambda r: r * r, -LN2 / 2 * R, LN2 / 2 * R, 4, to_double),
    'powf_log': (odd(lambda s: 2 * atanh(s), 2), lambda z: z / 2, mpf(0), (sqrt(mpf(2)) - 1)**4 * R, 3, to_double),
    'tanf_sin': (odd(sin), lambda z: z, mpf(0), (pi / 4)**2 * R, 2, to_double),
    'tanf_cos': (lambda z: (cos(sqrt(z)) - 1) / z, lambda z: z, mpf(0), (pi / 4)**2 * R, 3, to_double),
    # cbrt: a first guess of m^(-1/3)
    'rcbrt': (lambda m: 1 / cbrt(m), lambda m: cbrt(m), sqrt(mpf(2)) / 4 / R, sqrt(mpf(8)) * R, 6, to_double),
}


def main():
    for name in sys.argv[1:] or POLYNOMIALS:
        g, w, a, b, degree, to_type = POLYNOMIALS[name]
        c, worst = remez(g, w, a, b, degree)
        r = [mpf(to_type(x)) for x in c]
        pts = [(a + b) / 2 - (b - a) / 2 * cos(pi * (2 * i + 1) / 2000) for i in range(1000)]
        rounded = max(abs(w(x) * (g(x) - polyval(r[::-1], x))) for x in pts)
        print('%s: degree %d, error 2^%.1f, rounded 2^%.1f' % (name, degree, float(log(worst, 2)), float(log(rounded, 2))))
        for i, x in enumerate(c):
            print('        %s,  /* %d: %.17g */' % (to_type(x).hex() + ('f' if to_type is to_float else ''), i, to_type(x)))


if __name__ == '__main__':
    main()
