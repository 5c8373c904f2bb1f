#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Coefficients of the polynomials in lib/ops/math-*.h.

Each entry of POLYNOMIALS names a function g, the weight w that turns the error of a polynomial in its place into the
relative error of the result, an interval and a degree.  Remez's exchange finds the polynomial p that minimises
max |w (g - p)|; its coefficients are printed lowest first as hexadecimal C constants, with log2 of that maximum before
and after they were rounded to the type.  Run it with the names of polynomials, or without for all of them.
"""
import struct
import sys

from mpmath import (airyai, asin, atan, atanh, cos, digamma, ellipe, ellipk, erf, erfc, erfi, erfinv, exp, fac2,
                    findroot, fresnelc, fresnels, gamma, log, loggamma, lu_solve, matrix, mp, mpf, pi, polyval,
                    qr_solve, sin, sinh, sqrt, tan, tanh)

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


def joint(g, factor, degree, rounds=12, n_grid=240):
    """p and q of that degree with a small max |1 - (p + factor q) / g| on (0, 1], and that maximum: least squares, of
    which what errs most counts more and more (Lawson)."""
    grid = [((1 - cos(pi * (2 * i + 1) / (2 * n_grid))) / 2)**2 for i in range(n_grid)]
    gs, fs, weights = [g(x) for x in grid], [factor(x) for x in grid], [mpf(1)] * n_grid
    best = None
    for _ in range(rounds):
        A = matrix(n_grid, 2 * degree + 2)
        y = matrix(n_grid, 1)
        for i, x in enumerate(grid):
            w = sqrt(weights[i]) / gs[i]
            for k in range(degree + 1):
                A[i, k] = w * x**k
                A[i, degree + 1 + k] = w * fs[i] * x**k
            y[i] = w * gs[i]
        c = list(qr_solve(A, y)[0])
        p, q = c[:degree + 1], c[degree + 1:]
        err = [abs(1 - (polyval(p[::-1], x) + f * polyval(q[::-1], x)) / v) for x, f, v in zip(grid, fs, gs)]
        if best is None or max(err) < best[0]:
            best = (max(err), p, q)
        weights = [w * e for w, e in zip(weights, err)]
        scale = sum(weights) / n_grid
        weights = [w / scale for w in weights]
    return best[1], best[2], best[0]


def to_double(x):
    return float(x)


def to_float(x):
    return struct.unpack('f', struct.pack('f', float(x)))[0]


LN2 = log(mpf(2))
R = mpf('1.0001')  # intervals reach a little beyond what the rounding of a reduction may leave
HALF_LN2 = (-LN2 / 2 * R, LN2 / 2 * R)
HALF = (-R / 2, R / 2)
LOG = (mpf(0), (sqrt(mpf(2)) - 1)**4 * R)  # s^2 of s = f / (2 + f)
TRIG = (mpf(0), (pi / 4)**2 * R)
QUARTER = (mpf(0), R / 4)


def odd(f, k=1):
    """f(x) = x + x z g(z) of an odd f, for z = x^2: this is g, whose weight in the relative error of f is z."""
    return lambda z: (f(sqrt(z)) / sqrt(z) - k) / z


def two_atanh(s):
    return 2 * atanh(s)


def cos_tail(z):
    return (cos(sqrt(z)) - 1 + z / 2) / z**2


def exp_tail(r):
    return (exp(r) - 1 - r) / r**2


def dawson(x):
    """Dawson's integral; far out its asymptotic series."""
    if x < 12:
        return sqrt(pi) / 2 * exp(-x * x) * erfi(x)
    return sum(fac2(2 * k - 1) / (2 * x * x)**k for k in range(60)) / (2 * x)


def erfcinv(y):
    """x of erfc(x) = y, y < 0.6."""
    s = sqrt(-log(y))
    x = s - log(1 + s * sqrt(pi)) / (2 * s)
    for _ in range(12):
        x += (erfc(x) - y) * exp(x * x) * sqrt(pi) / 2
    return x


def fresnel_rest(x):
    """f and g of DLMF 7.2.10, 7.2.11, times pi x and pi^2 x^3."""
    if x > 9:
        t = -1 / (pi * x * x)**2
        return (sum(fac2(4 * k - 1) * t**k for k in range(40)), sum(fac2(4 * k + 1) * t**k for k in range(40)))
    s, c, angle = mpf(1) / 2 - fresnels(x), mpf(1) / 2 - fresnelc(x), pi * x * x / 2
    return (pi * x * (s * cos(angle) - c * sin(angle)), pi**2 * x**3 * (c * cos(angle) + s * sin(angle)))


def relative(g, a, b, degree):
    """An entry of the polynomial in t of g(x), relative to it, where t goes from -1 to 1 as x does from a to b."""
    a, b = mpf(a), mpf(b)
    memo = {}

    def of(t):
        if t not in memo:
            memo[t] = g((a + b) / 2 + (b - a) / 2 * t)
        return memo[t]
    return (of, lambda t: 1 / of(t), (mpf(-1), mpf(1)), degree, to_double)


def erfcx_mapped(q):
    """(1 + 2 x) e^(x^2) erfc(x) of q = (x - 4) / (x + 4)."""
    x = 4 * (1 + q) / (1 - q)
    return (1 + 2 * x) * exp(x * x) * erfc(x)


def erfcinv_mapped(q):
    """erfcinv(e^(-s^2)) / s of q = (s - 3) / (s + 3)."""
    s = 3 * (1 + q) / (1 - q)
    return erfcinv(exp(-s * s)) / s


def airy_scaled(n):
    """Of w = 1 / zeta: Ai, or -Ai', times 2 sqrt(pi) e^zeta and x^(1/4), or x^(-1/4)."""
    def of(w):
        x = (mpf(3) / 2 / w)**(mpf(2) / 3)
        return (-1)**n * airyai(x, derivative=n) * 2 * sqrt(pi) * sqrt(sqrt(x))**(1 - 2 * n) * exp(1 / w)
    return of


def gamma_star(z):
    """gamma(x) sqrt(x / (2 pi)) (e / x)^x of z = 1 / x."""
    return exp(loggamma(1 / z) - (1 / z - mpf(1) / 2) * log(1 / z) + 1 / z - log(2 * pi) / 2)


PSI_ROOT = findroot(digamma, mpf('1.46'))

POLYNOMIALS = {
    # name: (g, w, interval, degree, type)
    'exp': (lambda r: (exp_tail(r) - mpf(1) / 2) / r, lambda r: r * r, HALF_LN2, 8, to_double),
    'exp2': (lambda d: (mpf(2)**d - 1 - LN2 * d) / d**2, lambda d: d * d, HALF, 9, to_double),
    'log': (odd(two_atanh, 2), lambda z: z / 2, LOG, 6, to_double),
    'sin': (odd(sin), lambda z: z, TRIG, 5, to_double),
    'cos': (cos_tail, lambda z: z**2, TRIG, 5, to_double),
    'sinh': (odd(sinh), lambda z: z, (mpf(0), mpf(1)), 6, to_double),
    'tanh': (odd(tanh), lambda z: z, (mpf(0), mpf('0.625')**2 * R), 11, to_double),
    'asin': (odd(asin), lambda z: z, QUARTER, 12, to_double),
    'atan': (odd(atan), lambda z: z, QUARTER, 11, to_double),
    # pow: what comes behind 2 s + 2/3 s^3
    'pow_log': (lambda z: (odd(two_atanh, 2)(z) - mpf(2) / 3) / z, lambda z: z * z / 2, LOG, 7, to_double),
    # gamma functions: between 1.5 and 2.5, and digamma between 1 and 2
    'lgamma': (lambda y: loggamma(2 + y) / y, lambda y: y / loggamma(2 + y), HALF, 19, to_double),
    'gamma': (lambda y: gamma(2 + y), lambda y: 1 / gamma(2 + y), HALF, 19, to_double),
    'psi': (lambda y: digamma(mpf(3) / 2 + y) / (mpf(3) / 2 + y - PSI_ROOT),
            lambda y: (mpf(3) / 2 + y - PSI_ROOT) / digamma(mpf(3) / 2 + y), HALF, 22, to_double),
    'lgamma_between': relative(lambda x: loggamma(x) / (x - 2), '2.5', 8, 28),
    'psi_more': relative(digamma, 2, 8, 34),
    'gamma_star': (gamma_star, lambda z: 1 / gamma_star(z), (mpf(0), R / 12), 8, to_double),
    # error functions
    'erf': (odd(lambda x: erf(x) * sqrt(pi) / 2), lambda z: z, (mpf(0), R), 12, to_double),
    'erfcx': (erfcx_mapped, lambda q: 1 / erfcx_mapped(q), (mpf(-1), mpf('0.75')), 22, to_double),
    'erfinv': relative(lambda z: erfinv(sqrt(z)) / sqrt(z), 0, '0.25', 13),
    'erfcinv': (erfcinv_mapped, lambda q: 1 / erfcinv_mapped(q), (mpf('-0.577'), mpf('0.806')), 32, to_double),
    'dawson_near': relative(lambda z: dawson(sqrt(z)) / sqrt(z), 0, '2.25', 15),
    'dawson_between': relative(dawson, '1.5', '4.5', 28),
    'dawson_far': relative(lambda u: 2 / sqrt(u) * dawson(1 / sqrt(u)), 0, 1 / mpf('20.25'), 21),
    'airy_value': relative(airy_scaled(0), 0, mpf(3) / sqrt(mpf(32)), 21),
    'airy_slope': relative(airy_scaled(1), 0, mpf(3) / sqrt(mpf(32)), 21),
    'fresnel_s': relative(lambda z: fresnels(sqrt(sqrt(z))) / sqrt(sqrt(z))**3, 0, '6.5536', 10),
    'fresnel_c': relative(lambda z: fresnelc(sqrt(sqrt(z))) / sqrt(sqrt(z)), 0, '6.5536', 11),
    'fresnel_f': relative(lambda u: fresnel_rest(1 / sqrt(u))[0], 0, 1 / mpf('2.56'), 27),
    'fresnel_g': relative(lambda u: fresnel_rest(1 / sqrt(u))[1], 0, 1 / mpf('2.56'), 31),
    # float
    'expf': (exp_tail, lambda r: r * r, HALF_LN2, 4, to_float),
    'exp2f': (lambda d: (mpf(2)**d - 1 - LN2 * d) / d**2, lambda d: d * d, HALF, 4, to_float),
    'logf': (odd(two_atanh, 2), lambda z: z / 2, LOG, 2, to_float),
    'expm1f': (exp_tail, lambda r: r * r / (exp(r) - 1), HALF_LN2, 5, to_float),
    'sinhf': (odd(sinh), lambda z: z, (mpf(0), mpf(1)), 3, to_float),
    'tanhf': (odd(tanh), lambda z: z, (mpf(0), mpf('0.625')**2 * R), 4, to_float),
    'asinf': (odd(asin), lambda z: z, QUARTER, 4, to_float),
    'atanf': (odd(atan), lambda z: z, QUARTER, 4, to_float),
    'tanf': (odd(tan), lambda z: z, TRIG, 6, to_float),
    'sinf': (odd(sin), lambda z: z, TRIG, 2, to_float),
    'cosf': (cos_tail, lambda z: z**2, TRIG, 2, to_float),
    # float by way of double
    'powf_exp': (lambda d: (mpf(2)**d - 1 - LN2 * d) / d**2, lambda d: d * d, HALF, 4, to_double),
    'powf_log': (odd(lambda s: two_atanh(s) / LN2, 2 / LN2), lambda z: z * LN2 / 2, LOG, 3, to_double),
}


JOINT = {
    # name: (g, factor, degree): g(x) as p(x) + factor(x) q(x)
    'ellipk': (lambda x: ellipk(1 - x), lambda x: -log(x), 10),
    'ellipe': (lambda x: ellipe(1 - x), lambda x: -x * log(x), 10),
}


def main():
    for name in sys.argv[1:] or [*POLYNOMIALS, *JOINT]:
        if name in JOINT:
            g, factor, degree = JOINT[name]
            p, q, worst = joint(g, factor, degree)
            print(f'{name}: degrees {degree}, error 2^{float(log(worst, 2)):.1f}')
            for i, x in enumerate(map(to_double, p + q)):
                print(f'        {x.hex()},  /* {"pq"[i > degree]} {i % (degree + 1)}: {x:.17g} */')
            continue
        g, w, (a, b), degree, to_type = POLYNOMIALS[name]
        c, worst = remez(g, w, a, b, degree)
        r = [mpf(to_type(x)) for x in c]
        points = [(a + b) / 2 - (b - a) / 2 * cos(pi * (2 * i + 1) / 2000) for i in range(1000)]
        rounded = max(abs(w(x) * (g(x) - polyval(r[::-1], x))) for x in points)
        print(f'{name}: degree {degree}, error 2^{float(log(worst, 2)):.1f}, rounded 2^{float(log(rounded, 2)):.1f}')
        for i, x in enumerate(map(to_type, c)):
            print(f'        {x.hex()}{"f" if to_type is to_float else ""},  /* {i}: {x:.17g} */')


if __name__ == '__main__':
    main()
