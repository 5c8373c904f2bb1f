#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/NUMPY.md: for every public name of NumPy whether mars.tensor has it, or why not.

    meson devenv -C build python3 ../tools/numpy_names.py > docs/NUMPY.md
    meson devenv -C build python3 ../tools/numpy_names.py --check docs/NUMPY.md

What is there is looked up in the package; why something is not, and what is to be known of something that is, are the
lists below. A name of NumPy's that is neither there nor listed is an error, and so is one that is listed and there.
"""
import inspect
import sys

import numpy as np

import mars.tensor as mt

GONE = "gone in NumPy 2"
DATES = "of calendars of working days: call NumPy's on fetched values"
TEXTS = "there are no dtypes of texts, objects or records"
WIDE = "there are no dtypes beyond float64 and complex128"
MATRIX = "NumPy advises against matrices as a class: use tensors of two axes"
INTERNAL = "part of NumPy's own machinery"
MEMORY = "a tensor has no place in memory: its chunks lie in a session"
CODE = "no code goes to workers: write it with functions of tensors, or call NumPy's on fetched values"

WHY_NOT = {
    "numpy": {
        GONE: """ALLOW_THREADS BUFSIZE CLIP DataSource ERR_CALL ERR_DEFAULT ERR_IGNORE ERR_LOG ERR_PRINT ERR_RAISE
            ERR_WARN FLOATING_POINT_SUPPORT FPE_DIVIDEBYZERO FPE_INVALID FPE_OVERFLOW FPE_UNDERFLOW Inf Infinity MAXDIMS
            MAY_SHARE_BOUNDS MAY_SHARE_EXACT NAN NINF NZERO NaN PINF PZERO RAISE SHIFT_DIVIDEBYZERO SHIFT_INVALID
            SHIFT_OVERFLOW SHIFT_UNDERFLOW Tester UFUNC_BUFSIZE_DEFAULT UFUNC_PYVALS_NAME WRAP add_docstring add_newdoc
            add_newdoc_ufunc asfarray byte_bounds cast compare_chararrays compat deprecate deprecate_with_doc disp
            fastCopyAndTranspose find_common_type format_parser get_array_wrap geterrobj infty issctype issubclass_
            issubsctype kernel_version longcomplex longfloat lookfor mat maximum_sctype nbytes numarray obj2sctype
            oldnumeric recfromcsv recfromtxt safe_eval sctype2char sctypes set_numeric_ops set_string_function seterrobj
            source string_ tracemalloc_domain unicode_ use_hugepage who clongfloat""",
        DATES: "busday_count busday_offset busdaycalendar is_busday",
        TEXTS: "bytes_ char character chararray flexible fromregex object_ rec recarray record str_ void",
        WIDE: "clongdouble complex256 float128 longdouble",
        MATRIX: "asmatrix bmat matrix",
        CODE: "frompyfunc vectorize",
        MEMORY: "flatiter memmap nditer nested_iters",
        INTERNAL: """ScalarType ctypeslib get_include getbufsize geterrcall info little_endian mintypecode
            sctypeDict setbufsize seterrcall show_config show_runtime test testing typecodes typename
            version""",
        "numpy's own takes executed tensors": "array2string array_repr array_str",
        "NumPy's class of warnings or errors": """ComplexWarning ModuleDeprecationWarning RankWarning TooHardError
            VisibleDeprecationWarning""",
        "use broadcast_arrays or broadcast_shapes": "broadcast",
        "Tensor is its counterpart": "ndarray",
        "of NumPy's masked arrays; use where, or the functions that leave NaN out": "ma",
        "numpy.emath's functions choose dtypes by values: cast to complex": "emath",
        "vectors of coefficients have polyadd, polymul, polyval and so on": "poly1d polynomial",
    },
    "numpy.linalg": {INTERNAL: "linalg test"},
    "numpy.fft": {INTERNAL: "helper test"},
    "numpy.ndarray": {
        MEMORY: "base byteswap ctypes data newbyteorder resize setflags",
        TEXTS: "getfield setfield",
        "gone in NumPy 2": "itemset tostring",
        "no pickles: use save()": "dump dumps",
    },
}

# Names for which values are computed when they are called, because shapes or dtypes depend on them.
COMPUTES = "computes its arguments, or a part of them, when it is called"
NOW = """asarray_chkfinite bincount histogram histogram2d histogram_bin_edges histogramdd min_scalar_type
    ndenumerate place poly polydiv polyfit polymul real_if_close roots trim_zeros""".split()
NOTES = {
    "numpy": {
        **dict.fromkeys(NOW, COMPUTES),
        "apply_along_axis": "the function is called here, with tensors, at most 10,000 times",
        "apply_over_axes": "the function is called here, with tensors",
        "asfortranarray": "tensors have no order in memory: the same tensor",
        "datetime_as_string": "an array of NumPy's: the values are fetched",
        "einsum_path": "NumPy's, of the shapes",
        "empty": "zeros",
        "fromfile": "chunk by chunk; texts, and open files that may be written to, whole",
        "fromfunction": "the function is called here, with tensors",
        "fromiter": "read by NumPy in this process",
        "fromstring": "read by NumPy in this process",
        "genfromtxt": "plain files of numbers in parallel, when needed; others by NumPy in this process",
        "isfortran": "never",
        "load": "chunk by chunk; open files that may be written to, whole",
        "loadtxt": "plain files of numbers in parallel, when needed; others by NumPy in this process",
        "may_share_memory": "never",
        "piecewise": "functions are called here, with tensors",
        "savetxt": "some rows at a time",
        "savez": "in parallel; into an open file some rows at a time",
        "savez_compressed": "some rows at a time",
        "shares_memory": "never",
    },
    "numpy.linalg": {
        "eig": "complex, also where all eigenvalues are real; each matrix in one task",
        "eigvals": "complex, also where all eigenvalues are real; each matrix in one task",
        "lstsq": "the rank is computed when it is called",
    },
    "numpy.fft": {name: "NumPy 2's dtypes: float32 in single precision" for name in mt.fft.__all__
                  if "shift" not in name and "freq" not in name},
    "numpy.ndarray": {},
}

# Functions whose parameters are not those of NumPy, in its order and with its defaults, and why.
OTHERWISE = {
    "the original has chunk_size before it": "eye full full_like ones ones_like zeros_like",
    "the original's name of the parameter; NumPy's is understood when NumPy's function is called":
        "array_split broadcast_to rollaxis stack",
    "min and max are NumPy 2's names of the limits": "clip",
    "shape is NumPy 2's name": "reshape",
    "NumPy 2.3's default": "take_along_axis",
    "chunk_size is behind the file": "load",
    "further parameters go to NumPy, by their names": "genfromtxt",
    "what NumPy passes to itself": "einsum_path",
}
# Parameters of NumPy's that are not looked at: other arrays than tensors are never made, and what has no value is none.
UNSEEN = {"like"}

AREAS = {
    "numpy": (np, mt, "mars.tensor"),
    "numpy.linalg": (np.linalg, mt.linalg, "mars.tensor.linalg"),
    "numpy.fft": (np.fft, mt.fft, "mars.tensor.fft"),
    "numpy.ndarray": (np.ndarray, mt.Tensor, "Tensor"),
}
ACCIDENTS = {"math", "LinAlgError"}  # modules and classes that NumPy's namespaces happen to show


def public(area):
    return [name for name in dir(area) if not name.startswith("_") and name not in ACCIDENTS]


def reasons(area):
    return {name: why for why, names in WHY_NOT[area].items() for name in names.split()}


def rows(area):
    """Name, whether it is there, words."""
    theirs, ours, _ = AREAS[area]
    listed, notes = reasons(area), NOTES[area]
    for name in public(theirs):
        there = hasattr(ours, name)
        if there == (name in listed):
            sys.exit(f"{area}.{name} is {'there, and listed as missing' if there else 'neither there nor listed'}")
        yield name, there, notes.get(name, "") if there else listed[name]


def otherwise():
    return {name: why for why, names in OTHERWISE.items() for name in names.split()}


def same_default(ours, theirs):
    """What NumPy calls no value says nothing, and None is false."""
    return theirs is np._NoValue or repr(ours) == repr(theirs) or {ours, theirs} == {None, False}


def differs(ours, theirs):
    """Whether a function cannot be called as NumPy's of the same name."""
    try:
        ours, theirs = (list(inspect.signature(f).parameters.values()) for f in (ours, theirs))
    except (TypeError, ValueError):  # made of C, which does not say
        return False
    kind, at = inspect.Parameter, {p.name: k for k, p in enumerate(ours)}
    for k, p in enumerate(theirs):
        if p.name in UNSEEN or p.kind in (kind.VAR_POSITIONAL, kind.VAR_KEYWORD):
            continue
        if p.name not in at or not same_default(ours[at[p.name]].default, p.default):
            return True
        if p.kind != kind.KEYWORD_ONLY and (at[p.name] != k or ours[k].kind == kind.KEYWORD_ONLY):
            return True
    return False


def signatures():
    """Names of functions whose parameters are others, each with the reason."""
    listed = otherwise()
    for area in ("numpy", "numpy.linalg", "numpy.fft"):
        theirs, ours, _ = AREAS[area]
        for name in public(theirs):
            own, other = getattr(ours, name, None), getattr(theirs, name)
            if not callable(own) or isinstance(own, (type, mt.ufunc)) or not own.__module__.startswith("mars"):
                continue
            if differs(own, other) and name not in listed:
                sys.exit(f"{area}.{name} has other parameters than NumPy's, and no reason is listed")
    return sorted(listed.items())


VERSION = "Generated (`tools/numpy_names.py`) from NumPy "


def page():
    yield "# NumPy's names"
    yield ""
    yield f"{VERSION}{np.__version__} and this library: which of NumPy's public names are here, and"
    yield "why others are not. Functions are lazy and work chunk by chunk unless it is said otherwise; distributions"
    yield "and generators of `numpy.random` are in the user guide."
    for area, (_, _, ours) in AREAS.items():
        made = list(rows(area))
        there = sum(yes for _, yes, _ in made)
        yield ""
        yield f"## {area}"
        yield ""
        yield f"{there} of {len(made)} are in `{ours}`."
        yield ""
        yield "| name | | |"
        yield "|---|---|---|"
        for name, yes, words in made:
            yield f"| `{name}` | {'yes' if yes else 'no'} | {words} |"
    yield ""
    yield "## Parameters"
    yield ""
    yield "Functions of these areas take NumPy's parameters, in its order and with its defaults, but for those of this"
    yield "table; what they take besides (chunk_size) comes behind them or by its name. `like` is taken by none."
    yield ""
    yield "| name | |"
    yield "|---|---|"
    for name, why in signatures():
        yield f"| `{name}` | {why} |"


SKIPPED = 77  # meson's word for a test that cannot be asked here


def main():
    if len(sys.argv) < 2:
        print("\n".join(page()))
        return
    with open(sys.argv[2], encoding="utf-8") as file:
        have = file.read()
    if f"{VERSION}{np.__version__} " not in have:
        print(f"{sys.argv[2]} is of another NumPy than {np.__version__}")
        sys.exit(SKIPPED)
    if have != "\n".join(page()) + "\n":
        sys.exit(f"{sys.argv[2]} is not what NumPy and the library have: run tools/numpy_names.py")


if __name__ == "__main__":
    main()
