# SPDX-License-Identifier: Apache-2.0
"""Every kernel against NumPy's function of the same name: all dtype combinations, random and special values.

What NumPy computes exactly must be equal to the bit (NaNs are all alike); transcendental functions may differ by the
number of units in the last place that ULP says. Where our meaning is another on purpose, `expected` says so.

    python3 kernels_vs_numpy.py build/tests/libkernels.so [name ...]
"""
import ctypes as C
import functools
import itertools
import math
import pathlib
import sys
import warnings

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "python"))
import numpys  # noqa: E402

DTYPES = [np.dtype(t) for t in ("bool", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16")]
NUMBER = {d: i for i, d in enumerate(DTYPES)}
NONE = 0xFF
MAP, REDUCE, SCAN = 0, 1, 2
LEVELS = ("v1", "v3", "v4")
RNG = np.random.default_rng(7)

# Units in the last place by which a result may differ (of each part of a complex number: of its absolute value).
ULP = {
    name: 4
    for name in """exp exp2 expm1 log log2 log10 log1p logaddexp logaddexp2 sin cos tan arcsin arccos arctan arctan2
        sinh cosh tanh arcsinh arccosh arctanh power float_power cbrt hypot angle""".split()
}
ULP |= {"absolute": 2, "sqrt": 2, "sign": 2, "degrees": 1, "radians": 1}


def load(path):
    lib = C.CDLL(path)
    lib.kernels_name.restype = C.c_char_p
    for name in ("kernels_map", "kernels_fold", "kernels_arange"):
        getattr(lib, name).argtypes = None
    return lib


def values(dtype, n, small=False):
    """Special values first (so that all pairs of them meet when rotated), then random ones of all magnitudes."""
    if dtype.kind == "b":
        return RNG.integers(0, 2, n).astype(bool)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        special = [0, 1, 2, 3, 7, info.max, info.max - 1, info.min, info.min + 1, info.max // 2] + (
            [-1, -2, -7] if dtype.kind == "i" else []
        )
        a = RNG.integers(info.min, info.max, n, dtype=dtype, endpoint=True)
        b = RNG.integers(0 if dtype.kind == "u" else -20, 20, n).astype(dtype)
        a = np.where(RNG.random(n) < 0.5, a, b)
    elif dtype.kind == "f":
        info = np.finfo(dtype)
        special = [
            0.0,
            -0.0,
            1,
            -1,
            2,
            0.5,
            -0.5,
            1.5,
            2.5,
            -2.5,
            np.nan,
            np.inf,
            -np.inf,
            info.max,
            -info.max,
            info.tiny,
            info.tiny / 2,
            -info.tiny / 4,
            info.eps,
            3,
            100,
            -7,
            1 - info.epsneg,
            1 + info.eps,
            0.1,
        ]
        a = (RNG.standard_normal(n) * np.exp(RNG.uniform(-8, 8, n)))
        b = RNG.standard_normal(n) * 2.0 ** RNG.uniform(info.minexp, info.maxexp - 1, n)
        c = RNG.uniform(-1.2, 1.2, n)
        pick = RNG.random(n)
        a = np.where(pick < 0.5, a, np.where(pick < 0.75, b, c)).astype(dtype)
    else:
        part = np.dtype("f4" if dtype.itemsize == 8 else "f8")
        re, im = values(part, n), values(part, n)
        special_re = [0.0, -0.0, 1, -1, np.nan, np.inf, -np.inf, 2, 1e30]
        pairs = list(itertools.product(special_re, special_re))
        RNG.shuffle(pairs)
        out = np.empty(n, dtype)
        out.real, out.imag = re, im
        k = min(n, len(pairs))
        out[:k].real, out[:k].imag = [p[0] for p in pairs[:k]], [p[1] for p in pairs[:k]]
        return out
    k = min(n, len(special))
    a[:k] = np.array(special[:k], dtype=a.dtype if dtype.kind == "f" else object).astype(dtype)
    return RNG.permutation(a) if n > 60 else a


class Table:
    def __init__(self, path):
        self.lib = load(path)
        self.ops = {self.lib.kernels_name(i).decode(): i for i in range(self.lib.kernels_count())}

    def family(self, name):
        return self.lib.kernels_family(self.ops[name])

    def select(self, name, dtypes):
        """(row, dtypes of inputs and outputs), or the error's words."""
        row, out, text = C.c_uint32(), (C.c_uint8 * 8)(), C.create_string_buffer(600)
        n = len(dtypes)
        r = self.lib.kernels_select(
            self.ops[name], n, (C.c_uint8 * 4)(*[NUMBER[d] for d in dtypes]), C.byref(row), out, text
        )
        if r < 0:
            return text.value.decode()
        n_out = self.lib.kernels_n_out(self.ops[name])
        return row.value, [DTYPES[out[i]] for i in range(n)], [DTYPES[out[n + i]] for i in range(n_out)]

    def map(self, name, row, ins, out_dtypes, n=None):
        n = len(ins[0]) if n is None else n
        outs = [np.empty(n, d) for d in out_dtypes]
        arrays = [np.ascontiguousarray(a) for a in ins] + outs
        arg = (C.c_void_p * len(arrays))(*[a.ctypes.data for a in arrays])
        self.lib.kernels_map(self.ops[name], C.c_uint32(row), C.c_size_t(n), arg, None)
        return outs

    def cast(self, a, to):
        row = self.lib.kernels_cast(self.ops["cast"], C.c_uint8(NUMBER[a.dtype]), C.c_uint8(NUMBER[to]))
        return self.map("cast", row, [a], [to])[0]

    def fold(self, name, a, dtype=None):
        t_in, t_out = C.c_uint8(), C.c_uint8()
        fold = self.lib.kernels_fold_select(
            self.ops[name],
            C.c_uint8(NUMBER[a.dtype]),
            C.c_uint8(NONE if dtype is None else NUMBER[np.dtype(dtype)]),
            C.byref(t_in),
            C.byref(t_out),
        )
        if fold < 0:
            return None
        a = np.ascontiguousarray(a.astype(DTYPES[t_in.value]))
        out = np.empty(1, DTYPES[t_out.value])
        self.lib.kernels_fold(
            self.ops[name], C.c_uint32(fold), C.c_size_t(len(a)), C.c_void_p(a.ctypes.data), C.c_void_p(out.ctypes.data)
        )
        return out[0]

    def source(self, name, dtype, n, first, step, start, second, length, endpoint=True):
        of = np.result_type(np.asarray(start).dtype, np.asarray(second).dtype)
        out = np.empty(n, dtype)
        raw = [np.asarray(v, of).tobytes().ljust(16, b"\0") for v in (start, second)]
        r = self.lib.kernels_arange(
            self.ops[name],
            C.c_uint8(NUMBER[np.dtype(dtype)]),
            C.c_size_t(n),
            C.c_int64(first),
            C.c_int64(step),
            raw[0],
            raw[1],
            C.c_uint8(NUMBER[of]),
            C.c_int64(length),
            int(endpoint),
            C.c_void_p(out.ctypes.data),
        )
        return out if r == 0 else None


def ulps(got, want, least=0.0):
    """Distance in units in the last place of `want`, or of `least` if that is more; 0 where both are NaN or equal."""
    with np.errstate(all="ignore"):
        if want.dtype.kind == "c":
            size = np.maximum(
                np.where(np.isfinite(want.real), np.abs(want.real), 0),
                np.where(np.isfinite(want.imag), np.abs(want.imag), 0),
            )
            parts = ((got.real, want.real), (got.imag, want.imag))
        else:
            size, parts = np.abs(want), ((got, want),)
        info = np.finfo(want.dtype)
        unit = np.maximum(np.maximum(size.astype("f8"), least) * float(info.eps) / 2, float(info.smallest_subnormal))
        out = []
        for g, w in parts:
            d = np.abs(g.astype("f8") - w.astype("f8")) / unit
            out.append(np.where((np.isnan(g) & np.isnan(w)) | (g == w), 0, np.where(np.isnan(d), np.inf, d)))
    return np.max(out, axis=0)


def least(name, ins, want):
    """Where a result comes from a difference, the size of what was subtracted."""
    if name.startswith("logaddexp"):
        return np.maximum(np.abs(ins[0].astype("f8")), np.abs(ins[1].astype("f8")))
    if name == "log1p" and want.dtype.kind == "c":
        return 1.0
    if name in ("power", "float_power") and want.dtype.kind == "c":  # e^(b log a): as many bits are lost as b log a has
        w = np.abs(ins[1].astype("c16") * np.log(ins[0].astype("c16")))
        size = np.maximum(np.abs(want.real), np.abs(want.imag)).astype("f8")
        return np.where(np.isfinite(w) & np.isfinite(size), size * np.maximum(w, 32) * 4, 0)
    return 0.0


def differences(name, got, want, ins=None):
    if got.dtype != want.dtype:
        return np.ones(len(got), bool)
    if want.dtype.kind in "biu":
        return got != want
    if name in ULP:
        bad = ulps(got, want, least(name, ins, want)) > 2 * ULP[name]
        if name in ("power", "float_power") and want.dtype.kind == "c":  # the angle of what overflows is nobody's
            bad &= ~(np.isinf(got.real) & np.isinf(got.imag) & np.isinf(want.real) & np.isinf(want.imag))
        return bad
    if want.dtype.kind == "c" and name in ("multiply", "square"):  # NumPy may fuse, and then has other infinities
        return (ulps(got, want) > 2) & (np.isfinite(got) | np.isfinite(want))
    if name in ("maximum", "minimum", "fmax", "fmin", "clip"):  # of 0.0 and -0.0 NumPy takes either
        got, want = got + 0, want + 0
    with np.errstate(all="ignore"):
        if want.dtype.kind == "c":
            same = lambda g, w: (g == w) & ((np.signbit(g) == np.signbit(w)) | (g != 0)) | (np.isnan(g) & np.isnan(w))
            return ~(same(got.real, want.real) & same(got.imag, want.imag))
        return ~(
            ((got == want) & ((np.signbit(got) == np.signbit(want)) | (got != 0))) | (np.isnan(got) & np.isnan(want))
        )


def numpy_of(name):
    if name == "isnat":  # NumPy's is of times, ours of the integers that they are: tests/python/test_times.py
        return None
    return getattr(np, name, None) or getattr(np.core.umath, name, None)


def expected(name, ins):
    f = numpy_of(name)
    if name in ("floor", "ceil", "trunc") and ins[0].dtype.kind in "biu":  # NumPy 1 makes floats
        return ins
    if name == "clip":
        f = np.core.umath.clip
    if name in ("sign", "power", "float_power"):  # of complex numbers NumPy 1 has others
        f = functools.partial(numpys.power, function=f) if name != "sign" else numpys.sign
    out = f(*ins)
    if name in ULP and isinstance(out, np.ndarray) and out.dtype == "c8":  # NumPy computes in float, we do in double
        out = f(*[a.astype("c16") for a in ins]).astype("c8")
    return [np.asarray(x) for x in (out if isinstance(out, tuple) else (out,))]


def check_map(t, name, n=700, levels=LEVELS):
    n_in = t.lib.kernels_n_in(t.ops[name])
    problems, tried = [], 0
    for dtypes in itertools.product(DTYPES, repeat=n_in):
        if name == "where" and dtypes[0] != bool:
            continue
        if name == "clip" and len(set(dtypes[1:])) > 1:
            continue
        ins = [values(d, n) for d in dtypes]
        if n_in >= 2:  # every special value meets every other
            k = min(30, n // 20)
            ins = [
                np.concatenate([np.repeat(ins[0][:k], k), ins[0][k * k :]])[:n],
                np.concatenate([np.tile(ins[1][:k], k), ins[1][k * k :]])[:n],
            ] + ins[2:]
        if name == "power" and ins[0].dtype.kind in "iub" and ins[1].dtype.kind in "iub":
            ins[1] = np.abs(ins[1].astype(np.int64) % 9).astype(ins[1].dtype)
        sel = t.select(name, dtypes)
        try:
            want = expected(name, ins)
        except (TypeError,) as e:
            if not isinstance(sel, str):
                problems.append((dtypes, "NumPy refuses: " + str(e)[:80], "we give", sel[2]))
            continue
        if isinstance(sel, str):
            problems.append((dtypes, "we refuse: " + sel[:100], "NumPy gives", [w.dtype for w in want]))
            continue
        row, in_dtypes, out_dtypes = sel
        cast = [a.astype(d) for a, d in zip(ins, in_dtypes)]
        got = t.map(name, row, cast, out_dtypes)
        tried += 1
        for g, w in zip(got, want):
            if g.dtype != w.dtype:
                problems.append((dtypes, f"dtype {g.dtype}, NumPy {w.dtype}"))
                continue
            bad = differences(name, g, w, ins)
            if bad.any():
                i = np.flatnonzero(bad)
                problems.append(
                    (
                        dtypes,
                        f"{bad.sum()} of {n} differ",
                        [(tuple(a[j] for a in ins), "got", g[j], "want", w[j]) for j in i[:3]],
                    )
                )
    return tried, problems


def check_rests(t, name, n=2000):
    """Division with a rest, of numbers that its vectors can do: of all sizes, multiples of the divisor and their
    neighbours."""
    problems, tried = [], 0
    for d, sizes, bits in ((np.dtype("f2"), 3, 4), (np.dtype("f4"), 20, 22), (np.dtype("f8"), 24, 49)):
        for kind in range(12):
            b = (RNG.standard_normal(n) * 2.0 ** RNG.uniform(-sizes, sizes, n)).astype(d)
            k = RNG.integers(-(2**bits), 2**bits, n)
            a = [
                (RNG.standard_normal(n) * 2.0 ** RNG.uniform(-sizes, sizes, n)).astype(d),
                (k * b.astype("f8")).astype(d),
                np.nextafter((k % 1000 * b.astype("f8")).astype(d), RNG.choice([-np.inf, np.inf], n).astype(d)),
                RNG.integers(-1000, 1000, n).astype(d),
            ][kind % 4]
            b = np.where((b == 0) | (RNG.random(n) < 0.2), d.type(3), b)
            a[np.isinf(a)] = 1
            got = t.map(name, (sel := t.select(name, [d, d]))[0], [a, b], sel[2])
            tried += 1
            for g, w in zip(got, expected(name, [a, b])):
                if (bad := differences(name, g, w)).any():
                    i = np.flatnonzero(bad)[0]
                    problems.append((d, kind, a[i], b[i], "got", g[i], "want", w[i]))
    return tried, problems


def check_casts(t):
    problems = []
    for a, b in itertools.product(DTYPES, DTYPES):
        x = values(a, 700)
        want = x.astype(b)
        got = t.cast(x, b)
        bad = differences("cast", got, want)
        if (
            b == np.uint32 and a.kind in "fc"
        ):  # beyond its range NumPy's loops and their remainders give different numbers
            bad &= (x.real > -1) & (x.real < 2**32)
        if bad.any():
            i = np.flatnonzero(bad)
            problems.append((a, b, f"{bad.sum()} differ", [(x[j], "got", got[j], "want", want[j]) for j in i[:3]]))
    return len(DTYPES) ** 2, problems


def exact_sum(x):
    if x.dtype.kind == "c":
        return complex(exact_sum(x.real), exact_sum(x.imag))
    return math.fsum(x.astype("f8"))


def fold_expected(name, x):
    if name == "moments":
        x = x.astype(np.result_type(x, "f4") if x.dtype.kind in "fc" else "f8")
        m = exact_sum(x) / len(x)
        return np.asarray((np.abs(x.astype("c16") - m) ** 2).sum()).astype(x.real.dtype)[()]
    if name in ("nanargmin", "nanargmax"):
        try:
            return np.asarray(getattr(np, name)(x))[()]
        except ValueError:
            return np.int64(-1)
    if name.startswith("cum"):
        name = name[3:]
    return np.asarray(getattr(np, name)(x))[()]


def check_folds(t, name):
    problems, tried = [], 0
    for d in DTYPES:
        for n in (1, 2, 3, 5, 8, 31, 64, 100, 513):
            for special in (False, True):
                x = values(d, max(n, 100))[:n]
                if not special and d.kind in "fc":
                    x = (
                        RNG.standard_normal(n).astype(d)
                        if d.kind == "f"
                        else (RNG.standard_normal(n) + 1j * RNG.standard_normal(n)).astype(d)
                    )
                elif (
                    special
                    and name in ("sum", "prod", "cumsum", "cumprod", "nansum", "nanprod", "moments")
                    and d.kind in "fc"
                ):
                    continue  # the order of rounding and overflow is ours
                elif special and name.startswith("nanarg") and d.kind == "c":
                    continue  # NumPy puts -inf where NaN was, and then finds it above -inf-1j
                if name in ("prod", "cumprod", "nanprod") and d.kind in "fc":
                    x = (1 + x / 16).astype(d)
                if special and name.startswith("nan") and n > 1 and d.kind in "fc":
                    x[RNG.random(n) < (0.3 if n % 2 else 1)] = np.nan
                if name.startswith("nan") and d.kind in "fc" and not special:
                    x[RNG.random(n) < 0.2] = np.nan
                got, want = t.fold(name, x), fold_expected(name, x)
                tried += 1
                if got.dtype != want.dtype:
                    problems.append((d, n, got.dtype, want.dtype))
                    continue
                g, w = np.asarray([got]), np.asarray([want])
                if (
                    name in ("sum", "prod", "moments", "nansum", "nanprod", "cumsum", "cumprod")
                    and w.dtype.kind in "fc"
                ):
                    scale = np.abs(np.nan_to_num(x).astype("c16")).sum() if "sum" in name else max(abs(want), 1e-3)
                    tolerance = np.finfo(got.dtype).eps * (40 if "sum" not in name else 4) * max(scale, 1e-30)
                    if name in ("prod", "nanprod", "cumprod"):
                        tolerance *= n
                    ok = abs(complex(got) - complex(want)) <= tolerance
                    bad = not ok
                else:
                    bad = differences(
                        name, g + 0 if g.dtype.kind in "fc" else g, w + 0 if w.dtype.kind in "fc" else w
                    ).any()
                if bad:
                    problems.append((d, n, "special" if special else "", "got", got, "want", want))
    for d, to in itertools.product(DTYPES, DTYPES):
        if name in ("sum", "prod") and np.can_cast(d, to, "same_kind"):
            x = RNG.integers(0, 2, 50).astype(d) + d.type(name == "prod" and d.kind != "b")
            got, want = t.fold(name, x, to), getattr(np, name)(x, dtype=to)
            tried += 1
            if got is None or got.dtype != want.dtype or not np.allclose(got, want, rtol=2e-3, equal_nan=True):
                problems.append((d, "dtype", to, got, want))
    return tried, problems


def check_sources(t):
    problems, tried = [], 0
    for d in DTYPES[1:]:
        cases = [(0, 1, 20), (3, 2, 50)] + ([(-5, 3, 30)] if d.kind in "ifc" else [])
        if d.kind in "fc":
            cases += [(0.1, 0.1, 70), (-3.3, 0.7, 9), (1.0, -0.3, 40)]
        for start, step, n in cases:
            want = np.arange(start, start + step * (n - 0.5), step, dtype=d)
            if len(want) != n:
                continue
            got = t.source("arange", d, n, 0, 1, start, step, n)
            part = t.source("arange", d, (n + 2) // 3, 1, 3, start, step, n)[: len(want[1::3])]
            tried += 1
            if differences("", got, want).any() or differences("", part, want[1::3]).any():
                problems.append(("arange", d, start, step, got[:6], want[:6]))
        for start, stop, n, end in (
            (0.0, 1.0, 11, True),
            (0.0, 1.0, 10, False),
            (2.5, 2.5, 5, True),
            (1.0, 9.7, 1, True),
            (0.3, 77.7, 123, True),
            (5.0, 1.0, 7, False),
            (0.0, 5e-324, 5, True),
        ):
            want = np.linspace(start, stop, n, endpoint=end, dtype=d)
            got = t.source("linspace", d, n, 0, 1, start, stop, n, end)
            tried += 1
            if differences("", got, want).any():
                problems.append(("linspace", d, start, stop, n, end, got[:6], want[:6]))
    z = np.linspace(1 + 2j, 3 - 7j, 9)
    if differences("add", t.source("linspace", "c16", 9, 0, 1, 1 + 2j, 3 - 7j, 9), z).any():
        problems.append(("linspace of complex", t.source("linspace", "c16", 9, 0, 1, 1 + 2j, 3 - 7j, 9), z))
    return tried, problems


def main():
    t = Table(sys.argv[1])
    names = [n for n in t.ops if not sys.argv[2:] or n in sys.argv[2:]]
    failed = 0
    for level in LEVELS:
        if t.lib.kernels_level(level.encode()) < 0:
            continue
        for name in names:
            family = t.family(name)
            if name == "cast":
                tried, problems = check_casts(t)
            elif name == "arange":
                tried, problems = check_sources(t)
            elif family == MAP and numpy_of(name):
                tried, problems = check_map(t, name)
                if name in ("floor_divide", "remainder", "fmod", "divmod"):
                    more = check_rests(t, name)
                    tried, problems = tried + more[0], problems + more[1]
            elif family in (REDUCE, SCAN) and (numpy_of(name) or name in ("moments", "cummin", "cummax")):
                tried, problems = check_folds(t, name)
            else:
                continue
            if problems or sys.argv[2:]:
                print(f"{level} {name}: {tried} cases, {len(problems)} problems")
            for p in problems[:4]:
                print("   ", *p)
            failed += len(problems)
    print("problems:", failed)
    return failed > 0


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    sys.exit(main())
