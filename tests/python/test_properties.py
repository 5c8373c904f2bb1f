# SPDX-License-Identifier: Apache-2.0
"""Every public name with every dtype, in several cuttings, in threads and in a cluster, beside NumPy and SciPy.

Programs come from the tables of the other tests, by their names, and from the families here: what is added to a table
is asked here, too, and a name without a program is an error. A case is a program, its arrays, a cutting and a kind of
session; cases of one session are computed many at a time. How many there were is counted, said, and must be enough.

    MARS_PROPERTIES=sort,fft.fft MARS_PROPERTIES_SEED=5 pytest tests/python/test_properties.py -s
"""
import dis
import itertools
import os
import types
import warnings
import zlib

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.special
import scipy.stats
from compare import DTYPES, Refused, array, run, tolerance_of
from numpys import numpy
from test_fft import MANY, ONE, TWO
from test_functions import CASES, ELSEWHERE, EXACT, LINALG, NAN_REDUCTIONS, PROGRAMS, REDUCTIONS, SCANS
from test_functions import X as OF_TABLES
from test_names import SYNONYMS
from test_ufuncs import EXACT as EXACT_UFUNCS
from test_ufuncs import NAMES as UFUNCS

import mars.tensor as mt
from mars.deploy.local import new_cluster
from mars.session import get_default_session

LEAST = {"threads": 100_000, "cluster": 8_000}  # cases
TOGETHER = 96  # results of one run
EVERY = 12  # of the items of threads one of so many is asked in a cluster, too, and of each name the first
FLOATS = ["float32", "float64"]
INEXACT = FLOATS + ["complex64", "complex128"]
NO_HALF = [dtype for dtype in DTYPES if dtype != "float16"]

_scipy = types.SimpleNamespace(special=scipy.special, stats=scipy.stats,
                               spatial=types.SimpleNamespace(distance=scipy.spatial.distance))


class Both:
    """NumPy, with SciPy's modules where mars.tensor has them."""

    def __getattr__(self, name):
        return getattr(_scipy if hasattr(_scipy, name) else numpy, name)


# ---- Arrays ----------------------------------------------------------------------------------------------------------

def rng_of(*words):
    """Random numbers that the same words always give."""
    return np.random.default_rng(zlib.crc32(repr((words, os.environ.get("MARS_PROPERTIES_SEED", ""))).encode()))


def moderate(shape, dtype, rng):
    """Numbers between 0 and 1, or few whole ones, with equal ones among them, as the programs of tables expect."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.asarray(rng.random(shape) < 0.5)
    if dtype.kind in "iu":
        return rng.integers(0, 7, shape).astype(dtype)
    values = rng.integers(1, 1000, shape) / 1024
    return np.asarray(values + 1j * rng.integers(1, 1000, shape) / 1024 if dtype.kind == "c" else values, dtype)


def cuttings(shape, rng, n):
    """Different ways to cut: whole, in ones, and with lengths of chunks that are all different."""
    ret = [None]
    for k in range(1, n):
        ret.append(1 if k == 1 and np.prod(shape, dtype=int) <= 24 else
                   tuple(tuple(_parts(m, rng)) for m in shape) if k % 2 and shape else
                   tuple(int(rng.integers(1, m + 1)) if m else 1 for m in shape) or None)
    return ret


def _parts(n, rng):
    if n == 0:
        return [0]
    cuts = np.unique(rng.integers(0, n + 1, 2))
    return [int(m) for m in np.diff([0, *cuts, n]) if m]


# ---- Items: a name, a program, its arrays ----------------------------------------------------------------------------

HALF, COMPLEX = {"float16"}, {"complex64", "complex128"}
UNSIGNED = {"bool", "uint8", "uint16", "uint32", "uint64"}
# Where the two differ and shall: dtypes that are not asked, and why.
DIFFER = {
    **dict.fromkeys("""histogram2d histogramdd interp cov bincount""".split(),
                    (COMPLEX, "is refused: NumPy drops imaginary parts, or orders by the real ones")),
    "histogram": ({"bool", "uint64", *COMPLEX}, "as above, and NumPy 1 has other rules for bins of integers"),
    "nan_to_num": (COMPLEX, "the example leaves the range, where NumPy 1 makes NaN of a product with a real number"),
    "polydiv": (COMPLEX, "rounding decides how long the remainder is"),
    "r_": (UNSIGNED, "NumPy 1 takes a number among them for an int64"),
    "histogram_bin_edges": ({"bool", "int64", *COMPLEX}, "NumPy 1 has bins of integers that are narrower than one"),
    "polyfit": (HALF, "is computed in double precision; NumPy refuses"),
}


class Item:
    def __init__(self, name, label, program, args, n_cuttings=3, ulps=600, scale=True):
        self.name, self.label, self.program, self.args = name, label, program, args
        self.n_cuttings, self.ulps, self.scale = n_cuttings, ulps, scale

    def __repr__(self):
        return f"{self.name} {self.label} {', '.join(f'{a.dtype}{a.shape}' for a in self.args)}"


def reads(program, name="a"):
    """Whether a program looks at its array."""
    def codes(code):
        yield code
        for const in code.co_consts:
            if isinstance(const, types.CodeType):
                yield from codes(const)

    return any(i.argval == name for code in codes(program.__code__) for i in dis.get_instructions(code)
               if i.opname.startswith("LOAD"))


def of_tables():
    table = {**{name: list(programs) for name, programs in CASES.items()},
             **{f"linalg.{name}": [program] for name, program in LINALG.items()}}
    table["argsort"] = [lambda m, a, k=k: m.argsort(a, k, kind="stable") for k in (0, 1, None)]
    for name, programs in table.items():
        for k, program in enumerate(programs):
            if not reads(program):
                yield Item(name, k, program, [OF_TABLES], 1)
                continue
            ulps = 20000 if name.startswith("linalg") else 600
            for dtype in INEXACT if name.startswith("linalg") else DTYPES:
                yield Item(name, k, program, [moderate((5, 7), dtype, rng_of(name, k, dtype))], 5, ulps)


def of_any_shape():
    for name, program in {**PROGRAMS, "argsort": lambda m, a: m.argsort(a, kind="stable")}.items():
        for dtype in DTYPES:
            for k, shape in enumerate([(), (0,), (7,), (4, 3), (2, 0), (3, 1, 2)]):
                rng = rng_of("any", name, dtype, k)
                yield Item(name, f"any{k}", program, [moderate(shape, dtype, rng)], 3)


def of_ufuncs():
    def program(name):
        return lambda m, *args: getattr(m, name)(*args)

    for name in UFUNCS:
        ulps = 0 if name in EXACT_UFUNCS else 32
        if getattr(np, name).nin == 1:
            for dtype, shape in itertools.product(DTYPES, [(), (9,), (3, 5), (2, 3, 4)]):
                rng = rng_of(name, dtype, shape)
                wild = np.dtype(dtype).kind != "c" and not name.startswith(("sin", "cos", "tan"))
                a = array(shape, dtype, int(rng.integers(1000))) if wild else moderate(shape, dtype, rng)
                yield Item(name, "wild" if wild else "", program(name), [a], 4, ulps)
            continue
        for a, b in itertools.product(DTYPES, DTYPES):
            for shapes in (((), (6,)), ((4, 1), (3,)), ((2, 3), (2, 3))):
                rng = rng_of(name, a, b, shapes)
                x, y = (moderate(s, d, rng) for s, d in zip(shapes, (a, b)))
                yield Item(name, "", program(name), [x, y], 3, ulps)


def of_reductions():
    for name in REDUCTIONS + NAN_REDUCTIONS + SCANS:
        scan = name in SCANS
        for dtype, shape in itertools.product(DTYPES, [(), (9,), (4, 5), (2, 3, 4)]):
            one = scan or "arg" in name
            for axis in [None, *range(len(shape)), *([] if one else [tuple(range(len(shape)))[1:]])]:
                rng = rng_of(name, dtype, shape, axis)
                a = moderate(shape, dtype, rng)
                if np.dtype(dtype).kind in "fc" and name.startswith("nan"):
                    a = np.where(rng.random(shape) < 0.3, np.array(np.nan, dtype), a)
                yield Item(name, f"axis={axis}", lambda m, a, name=name, axis=axis: getattr(m, name)(a, axis=axis), [a],
                           4, 0 if name in EXACT else 600)


def of_transforms():
    for name in ONE + MANY + TWO:
        real = name in ("rfft", "ihfft", "rfftn", "rfft2")
        for dtype in [d for d in ["int8", "uint16", "int64", *INEXACT] if not (real and d.startswith("c"))]:
            for shape in [(7,), (4, 6), (2, 3, 5)]:
                if name in TWO and len(shape) < 2:
                    continue
                a = moderate(shape, dtype, rng_of(name, dtype, shape))
                yield Item(f"fft.{name}", "", lambda m, a, name=name: _transform(m, name, a), [a], 4, 100)


def _transform(m, name, a):
    """NumPy 1 has only double precision."""
    made = getattr(m.fft, name)(a)
    single = m is not mt and a.dtype.itemsize == (8 if a.dtype.kind == "c" else 4) and a.dtype.kind in "fc"
    return made.astype("c8" if made.dtype.kind == "c" else "f4") if single else made


# Arguments between 1/8 and 7/8, and what is added to make them such that the function is defined and not near a zero.
SPECIAL = {
    **dict.fromkeys("""airy airye dawsn digamma ellipe ellipk ellipkm1 entr erf erfc erfcinv erfcx erfi erfinv fresnel
        gamma gammaln gammasgn itairy loggamma modfresnelm modfresnelp psi rgamma wofz""".split(), [0]),
    **dict.fromkeys("""beta betaln ellipeinc ellipkinc elliprc gammainc gammaincc gammainccinv gammaincinv hankel1
        hankel1e hankel2 hankel2e hyp0f1 iv ive jv jve kl_div kv kve kn poch rel_entr xlog1py xlogy yv yve""".split(),
                    [0, 0]),
    **dict.fromkeys("betainc betaincinv elliprd elliprf elliprg hyp1f1 hyperu voigt_profile".split(), [0, 0, 0]),
    "elliprj": [0, 0, 0, 0], "hyp2f1": [0, 0, 0, 0], "zeta": [1.5, 0], "yn": [0, 0],
}
WHOLE_ORDERS = {"kn", "yn"}


def of_special():
    for name, offsets in SPECIAL.items():
        for dtypes in itertools.product(["float16", *FLOATS], repeat=min(len(offsets), 2)):
            rng = rng_of(name, dtypes)
            args = [(rng.integers(1, 7, (4, 5) if k % 2 == 0 else (5,)) / 8 + more).astype(dtypes[k % len(dtypes)])
                    for k, more in enumerate(offsets)]
            if name in WHOLE_ORDERS:
                args[0] = np.arange(20).reshape(4, 5) % 4
            yield Item(f"special.{name}", "", lambda m, *args, name=name: getattr(m.special, name)(*args), args, 4,
                       2**24 if name == "itairy" else 2000)
        whole = [rng_of(name).integers(0, 2, (4, 5)).astype(dtype) for dtype in ("bool", "int8", "int64", "uint8")]
        for a in whole if len(offsets) == 1 else []:
            yield Item(f"special.{name}", "", lambda m, a, name=name: getattr(m.special, name)(a), [a], 4, 2000)
    for k in range(4):
        a = rng_of("polygamma", k).random((4, 5)) + 1
        yield Item("special.polygamma", k, lambda m, a, k=k: m.special.polygamma(k, a), [a], 4, 2000)
        yield Item("special.multigammaln", k, lambda m, a, k=k: m.special.multigammaln(a + 2, k + 1), [a], 4, 2000)
    for k in range(1, 6):  # degrees; each has as many harmonics
        p = np.arange(10).reshape(2, 5) % (2 * k + 1) + 1
        a = rng_of("ellip", k).random((2, 5)) + 3
        for name in ("ellip_harm", "ellip_harm_2"):
            yield Item(f"special.{name}", k, lambda m, p, a, k=k, name=name: getattr(m.special, name)(2.5, 6, k, p, a),
                       [p, a], 3, 2**16)
        yield Item("special.ellip_normal", k, lambda m, p, k=k: m.special.ellip_normal(2.5, 6, k, p), [p], 3, 2**24)


ALTERNATIVES = ["two-sided", "less", "greater"]
METRICS = """euclidean sqeuclidean cityblock chebyshev minkowski cosine correlation canberra braycurtis seuclidean
    hamming jensenshannon""".split()
STATISTICS = {
    "stats.entropy": [lambda m, a, b: m.stats.entropy(a + 1), lambda m, a, b: m.stats.entropy(a + 1, b + 1, axis=1)],
    "stats.chisquare": [lambda m, a, b: m.stats.chisquare(a + 1), lambda m, a, b: m.stats.chisquare(a + 1, axis=None)],
    "stats.power_divergence": [lambda m, a, b, p=p: m.stats.power_divergence(a + 1, lambda_=p) for p in (-1, 0, 0.5)],
    "stats.ttest_1samp": [lambda m, a, b, w=w: m.stats.ttest_1samp(a, 0.3, alternative=w) for w in ALTERNATIVES],
    "stats.ttest_ind": [lambda m, a, b, w=w, e=e: m.stats.ttest_ind(a, b, equal_var=e, alternative=w)
                        for w in ALTERNATIVES for e in (True, False)],
    "stats.ttest_rel": [lambda m, a, b, w=w: m.stats.ttest_rel(a, b, axis=1, alternative=w) for w in ALTERNATIVES],
    "stats.ttest_ind_from_stats": [lambda m, a, b: m.stats.ttest_ind_from_stats(a, b + 1, 7, b, a + 1, 9)],
    "stats.ks_1samp": [lambda m, a, b, w=w: m.stats.ks_1samp(a.ravel(), lambda x: x / 8, alternative=w)[:2]
                       for w in ALTERNATIVES],
    "stats.ks_2samp": [lambda m, a, b, w=w: m.stats.ks_2samp(a.ravel(), b.ravel(), w)[:2] for w in ALTERNATIVES],
    "stats.rankdata": [lambda m, a, b, w=w: m.stats.rankdata(a, w, axis=0) * 1.0
                       for w in ("average", "min", "max", "dense", "ordinal")],
    "spatial.distance.cdist": [lambda m, a, b, w=w: m.spatial.distance.cdist(a, b, w) for w in METRICS],
    "spatial.distance.pdist": [lambda m, a, b, w=w: m.spatial.distance.pdist(a, w) for w in METRICS],
    "spatial.distance.squareform": [lambda m, a, b: m.spatial.distance.squareform(a.ravel()[:6])],
}


def of_statistics():
    for name, programs in STATISTICS.items():
        for (k, program), dtype in itertools.product(enumerate(programs), ["int16", "int64", "float64"]):
            rng = rng_of(name, k, dtype)
            yield Item(name, k, program, [moderate((6, 5), dtype, rng), moderate((6, 5), dtype, rng)], 5, 2**20)


FAMILIES = [of_tables, of_any_shape, of_ufuncs, of_reductions, of_transforms, of_special, of_statistics]
# What has no values to compare, or is compared elsewhere, and where.
WITHOUT = {**dict.fromkeys(ELSEWHERE, "test_functions"), **dict.fromkeys(SYNONYMS, "test_names: the same function")}


def items():
    wanted = os.environ.get("MARS_PROPERTIES")
    for item in itertools.chain.from_iterable(family() for family in FAMILIES):
        apart = DIFFER.get(item.name, ((), ""))[0]
        if (not wanted or item.name in wanted.split(",")) and not any(str(a.dtype) in apart for a in item.args):
            yield item


# ---- Comparing -------------------------------------------------------------------------------------------------------

def made_by(program, args):
    """What a program makes of tensors, lazily: a list, and whether it was one; or how it was refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = program(mt, *args)
        return (list(made), True) if isinstance(made, (tuple, list)) else ([made], False)
    except Exception as error:
        return Refused(error)


def difference(want, got, ulps):
    """What is wrong with a value, or None."""
    if got.dtype != want.dtype or got.shape != want.shape:
        return f"{got.dtype}{got.shape}, NumPy has {want.dtype}{want.shape}"
    if want.dtype.kind not in "fc" or ulps == 0:
        return None if np.array_equal(got, want, equal_nan=want.dtype.kind in "fc") else f"{got}, NumPy has {want}"
    finite = np.abs(want[np.isfinite(want)])
    tolerance = tolerance_of(want.dtype, ulps) * max(1.0, float(finite.max()) if finite.size else 0.0)
    with np.errstate(all="ignore"):
        fine = np.allclose(got, want, rtol=0, atol=min(tolerance, np.finfo(want.dtype).max), equal_nan=True)
    return None if fine else f"{got}, NumPy has {want}"


def judged(item, want, got):
    """A difference between an item's outcomes in words, or None."""
    if isinstance(want, Refused) != isinstance(got, Refused):
        return f"raises {got.error!r}" if isinstance(got, Refused) else f"gives {got}, NumPy raises {want.error!r}"
    if isinstance(want, Refused):
        kinds = type(got.error), type(want.error)
        fine = issubclass(*kinds) or issubclass(*kinds[::-1])
        return None if fine else f"raises {got.error!r}, NumPy {want.error!r}"
    want, got = (x if isinstance(x, tuple) else (x,) for x in (want, got))
    if len(want) != len(got):
        return f"{len(got)} results, NumPy has {len(want)}"
    return next((d for w, g in zip(want, got) if (d := difference(w, g, item.ulps))), None)


class Asker:
    """Cases on their way through a session, many at a time."""

    def __init__(self, session):
        self.session, self.waiting, self.n_results = session, [], 0
        self.n_cases, self.asked, self.found = 0, set(), {}

    def ask(self, item):
        self.asked.add(item.name)
        want = run(item.program, Both(), item.args)
        rng = rng_of("cuts", repr(item))
        for cuts in zip(*(cuttings(a.shape, rng, item.n_cuttings) for a in item.args)):
            args = [mt.tensor(a, chunk_size=c if a.ndim else None) for a, c in zip(item.args, cuts)]
            made = made_by(item.program, args)
            self.waiting.append((item, want, cuts, made))
            self.n_results += 0 if isinstance(made, Refused) else len(made[0])
        if self.n_results >= TOGETHER:
            self.flush()

    def flush(self):
        made = [m for _, _, _, m in self.waiting if not isinstance(m, Refused)]
        tensors = [t for m in made for t in m[0] if isinstance(t, mt.Tensor)]
        try:
            self.session.run(tensors, fetch=False)
        except Exception:
            pass  # one of them: each alone says which
        for item, want, cuts, m in self.waiting:
            wrong = judged(item, want, m if isinstance(m, Refused) else self._values(m))
            self.n_cases += 1
            if wrong:
                self.found.setdefault(item.name, []).append(f"{item!r} cut {cuts}: {wrong}")
        self.waiting, self.n_results = [], 0

    def _values(self, made):
        try:
            values = tuple(np.asarray(v) for v in made[0])
            return values if made[1] else values[0]
        except Exception as error:
            return Refused(error)

    def verdict(self, kind, capsys):
        self.flush()
        with capsys.disabled():
            print(f"\n{self.n_cases} cases of {len(self.asked)} names in {kind}: {len(self.found)} names differ")
        for name, said in self.found.items():
            which = dict.fromkeys(words.partition(" cut ")[0] for words in said)
            print(f"{name}: {len(said)} cases", *which, *said[:2], sep="\n    ")
        assert not self.found
        assert "MARS_PROPERTIES" in os.environ or self.n_cases >= LEAST[kind]


def test_in_threads_every_name_gives_what_numpy_and_scipy_give(capsys):
    asker = Asker(get_default_session())
    for item in items():
        asker.ask(item)
    asker.verdict("threads", capsys)


def test_in_a_cluster_every_name_gives_what_numpy_and_scipy_give(capsys):
    before = get_default_session()
    with new_cluster(n_worker=2, n_cpu=2, shared_memory="256m") as cluster:
        asker = Asker(cluster.session)
        for k, item in enumerate(items()):
            if k % EVERY == 0 or item.name not in asker.asked:
                asker.ask(item)
        asker.verdict("cluster", capsys)
    before.as_default()


def test_every_public_name_has_programs():
    asked = {item.name.removeprefix("linalg.") if item.name in LINALG else item.name for item in items()}
    public = [*mt.__all__, *(f"special.{n}" for n in mt.special.__all__), *(f"stats.{n}" for n in mt.stats.__all__),
              *(f"spatial.distance.{n}" for n in mt.spatial.distance.__all__)]
    assert [name for name in public if name not in asked | set(WITHOUT) | set(mt.ufuncs.__all__)] == []


@pytest.mark.parametrize("wrong", [lambda m, a: m.sum(a) + (m is mt), lambda m, a: a[:3 - (m is mt)],
                                   lambda m, a: a if m is mt else 1 / 0])
def test_a_difference_is_found(wrong):
    asker = Asker(get_default_session())
    asker.ask(Item("wrong", "", wrong, [np.arange(5.0)]))
    asker.flush()
    assert asker.n_cases == len(asker.found["wrong"]) == 3
