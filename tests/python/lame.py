# SPDX-License-Identifier: Apache-2.0
"""Lamé's functions and their integrals with mpmath, for comparison: the polynomial from the eigenvalues of its
recurrence, by degrees of freedom of mp.dps digits, which outnumber what cancels."""
import mpmath as mp


def function(h2, k2, n, p):
    """Which of s, sqrt|s^2 - h2|, sqrt|s^2 - k2| are factors, and the coefficients of the polynomial in s^2."""
    r, q = n // 2, p - 1
    sizes = [r + 1, n - r, n - r, r]
    kind = next(i for i in range(4) if q < sum(sizes[:i + 1]))
    q, size = q - sum(sizes[:kind]), sizes[kind]
    has = [(n - (kind & 1) - (kind >> 1)) % 2, kind & 1, kind >> 1]
    w = [mp.mpf(1) / 2 + one for one in has]
    last = (size - 1) * (size - 2 + sum(w))
    rows = mp.zeros(size)
    for j in range(size):  # of x^j: x (x - h2) (x - k2) P'' + … + (c - last x) P = 0
        rows[j, j] = -(h2 + k2) * j * (j - 1) - (w[0] * (h2 + k2) + w[1] * k2 + w[2] * h2) * j
        if j + 1 < size:
            rows[j + 1, j] = j * (j - 1) + j * sum(w) - last
        if j > 0:
            rows[j - 1, j] = h2 * k2 * j * (j - 1 + w[0])
    value = sorted(mp.re(v) for v in mp.eig(rows, left=False, right=False))[~q] if size > 1 else 0
    c = [mp.mpf(0)] * (size + 1)
    c[size - 1] = mp.mpf(1)
    for i in range(size - 1, 0, -1):
        after = rows[i, i + 1] * c[i + 1] if i + 1 < size else 0
        c[i - 1] = ((value - rows[i, i]) * c[i] - after) / rows[i, i - 1]
    return has, c[:size][::-1]


def polynomial(c, x):
    y = mp.mpf(0)
    for one in c:
        y = y * x + one
    return y


def ellip_harm(h2, k2, n, p, s):
    has, c = function(h2, k2, int(n), int(p))
    return polynomial(c, s * s) * s**has[0] * mp.sqrt(abs(s * s - h2))**has[1] * mp.sqrt(abs(s * s - k2))**has[2]


def ellip_harm_2(h2, k2, n, p, s):
    n, p = int(n), int(p)
    has, c = function(h2, k2, n, p)

    def term(x):
        x2 = (x / s)**2
        return x**(2 * n) / (polynomial(c[::-1], x2)**2 * (1 - h2 * x2)**(has[1] + 0.5) * (1 - k2 * x2)**(has[2] + 0.5))

    places, rest = [0, mp.mpf(1) / 2], mp.mpf(1) / 4
    while rest > (1 - mp.sqrt(k2) / s) / 4:
        places, rest = [*places, 1 - rest], rest / 8
    return (2 * n + 1) * s**(-2 * n - 1) * ellip_harm(h2, k2, n, p, s) * mp.quad(term, [*places, 1])


def ellip_normal(h2, k2, n, p):
    """In units where k2 is 1, as repeated integrals over the angles that remove the roots."""
    has, c = function(h2 / k2, mp.mpf(1), int(n), int(p))
    h2, over = h2 / k2, k2

    def squared(x):
        return polynomial(c, x)**2 * x**has[0] * abs(x - h2)**has[1] * abs(x - 1)**has[2]

    def below(j):
        places = [h2 * mp.sin(a)**2 for a in angles]
        return sum(squared(x) * x**j / mp.sqrt(1 - x) for x in places)

    def above(j):
        places = [h2 + (1 - h2) * mp.sin(a)**2 for a in angles]
        return sum(squared(x) * x**j / mp.sqrt(x) for x in places)

    steps = 120  # the trapezoidal rule of a periodic function
    angles = [(i + mp.mpf(1) / 2) * mp.pi / (2 * steps) for i in range(steps)]
    unit = mp.pi / (2 * steps)
    return 8 * unit**2 * (above(1) * below(0) - above(0) * below(1)) * over**(2 * int(n))
