#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the stubs that type checkers read, python/mars/tensor/*.pyi, from the signatures of the package's functions.

    meson devenv -C build python3 ../tools/stubs.py ../python/mars/tensor
    meson devenv -C build python3 ../tools/stubs.py --check ../python/mars/tensor

Parameters have types by their names, since a name means the same everywhere; results are tensors but for those that are
listed here. The class Tensor is in a stub of its own, with the operators of the language.
"""
import inspect
import pathlib
import sys
import textwrap

import mars.tensor as mt
from mars.tensor import core

HEAD = """# SPDX-License-Identifier: Apache-2.0
# Generated (tools/stubs.py).
"""
WIDTH = 118
ALIASES = """Bool = bool  # mars.tensor.bool is a dtype
Axis = int | Sequence[int] | None
ChunkSize = int | str | Sequence[Any] | dict[int, Any] | None
Device = Literal["cpu"] | None
"""
# Parameters. What is not here is Any: most functions take whatever numpy.array() takes.
PARAMETERS = {"axis": "Axis", "chunk_size": "ChunkSize", "chunks": "ChunkSize", "device": "Device",
              **dict.fromkeys("""keepdims full_matrices compute_uv descending invert endpoint include_initial equal_nan
                  return_index return_inverse return_counts upper lower hermitian""".split(), "Bool")}
# Results that are not one tensor; what depends on values of parameters is Any.
RESULTS = {
    "Bool": "iscomplexobj isrealobj isdtype can_cast isscalar issubdtype iterable",
    "int": "ndim",
    "tuple[int, ...]": "shape broadcast_shapes",
    "np.dtype[Any]": "result_type promote_types min_scalar_type",
    "list[Tensor]": "broadcast_arrays meshgrid",
    "ExecutableTuple": """array_split split vsplit hsplit dsplit unstack nonzero unique_all unique_counts unique_inverse
        qr lu slogdet eig eigh lstsq randomized_svd modf frexp divmod""",
    "str": "array2string array_repr array_str base_repr binary_repr",
    "None": "copyto fill_diagonal place put put_along_axis putmask seed shuffle set_state",
}
RESULT_OF = {name: result for result, names in RESULTS.items() for name in names.split()}
OPEN = set("""atleast_1d atleast_2d atleast_3d unique topk histogram histogram2d histogramdd linspace where average
    common_type einsum_path apply_along_axis load open get_state default_rng ix_ diag_indices diag_indices_from
    mask_indices ndenumerate tril_indices tril_indices_from triu_indices triu_indices_from gradient piecewise polyfit
    polydiv intersect1d size trim_zeros svd save savetxt savez savez_compressed unravel_index fromregex loadtxt
    genfromtxt r_ c_ ravel_multi_index""".split())
MODULES = {"fft": mt.fft, "linalg": mt.linalg, "random": mt.random, "special": mt.special, "stats": mt.stats}


def parameter(p, seen_star):
    kind = inspect.Parameter
    text = {kind.VAR_POSITIONAL: "*", kind.VAR_KEYWORD: "**"}.get(p.kind, "") + p.name
    text += ": " + PARAMETERS.get(p.name, "Any")
    return text if p.default is kind.empty else f"{text} = ..."


def function(name, signature, result, indent="", leading=()):
    kind, parts, star = inspect.Parameter, list(leading), False
    parameters = list(signature.parameters.values())
    for k, p in enumerate(parameters):
        if p.kind is kind.KEYWORD_ONLY and not star:
            star = True
            if not any(q.kind is kind.VAR_POSITIONAL for q in parameters):
                parts.append("*")
        parts.append(parameter(p, star))
        after = parameters[k + 1].kind if k + 1 < len(parameters) else None
        if p.kind is kind.POSITIONAL_ONLY and after is not kind.POSITIONAL_ONLY:
            parts.append("/")
    line = f"{indent}def {name}({', '.join(parts)}) -> {result}: ..."
    if len(line) <= WIDTH:
        return line
    inside = textwrap.wrap(", ".join(parts), WIDTH - len(indent) - 8, break_long_words=False)
    return "\n".join([f"{indent}def {name}(", *(f"{indent}        {part}" for part in inside),
                      f"{indent}) -> {result}: ..."])


def signature_of(what):
    try:
        return inspect.signature(what)
    except ValueError:  # a function of NumPy's that does not tell it
        return inspect.signature(lambda *args, **kwargs: None)


def names_of(module, names):
    lines = []
    for name in sorted(names):
        what = getattr(module, name)
        result = "Any" if name in OPEN else RESULT_OF.get(name, "Tensor")
        if isinstance(what, mt.ufunc):
            lines.append(f"{name}: ufunc")
        elif inspect.isclass(what) or not callable(what) or inspect.ismodule(what):
            lines.append(f"{name}: Any")
        else:
            lines.append(function(name, signature_of(what), result))
    return lines


UFUNC = """class ufunc:
    nin: int
    nout: int
    nargs: int
    def __call__(self, *args: Any, out: Any = ..., where: Any = ..., dtype: Any = ..., casting: str = ...,
                 order: str = ..., subok: bool = ..., chunk_size: ChunkSize = ...) -> Any: ...
    def reduce(self, array: Any, axis: Axis = ..., dtype: Any = ..., out: Any = ..., keepdims: bool = ...,
               initial: Any = ..., where: Any = ...) -> Tensor: ...
    def accumulate(self, array: Any, axis: int = ..., dtype: Any = ..., out: Any = ...) -> Tensor: ...
    def outer(self, a: Any, b: Any, **kwargs: Any) -> Tensor: ...
    def at(self, a: Tensor, indices: Any, b: Any = ..., /) -> None: ...
"""
METHODS = {"__bool__": "bool", "__int__": "int", "__float__": "float", "__complex__": "complex", "__index__": "int",
           "__len__": "int", "__contains__": "bool", "__iter__": "Iterator[Any]", "__repr__": "str", "__str__": "str",
           "__array__": "np.ndarray[Any, Any]", "to_numpy": "np.ndarray[Any, Any]", "tobytes": "bytes",
           "explain": "str", "__setitem__": "None", "fill": "None", "sort": "None", "partition": "None",
           "put": "None", "nonzero": "ExecutableTuple", "save_as": "Tensor", "issparse": "bool", "is_sparse": "bool"}
ANY = set("""execute fetch item tolist tosparse visualize __dlpack__ __dlpack_device__ __array_namespace__
    __array_ufunc__ __array_function__ __reduce__ __format__ __deepcopy__""".split())
PROPERTIES = {"shape": "tuple[int, ...]", "dtype": "np.dtype[Any]", "ndim": "int", "op": "str", "size": "int",
              "itemsize": "int", "nbytes": "int", "executed": "bool", "nsplits": "tuple[tuple[int, ...], ...]",
              "chunks": "tuple[tuple[int, ...], ...]", "chunk_shape": "tuple[int, ...]", "device": "str"}
BINARY = "add sub mul truediv floordiv mod pow matmul lshift rshift and or xor".split()


def tensor_class():
    lines = ["class ExecutableTuple(tuple[Any, ...]):",
             "    def execute(self, session: Any = ..., wait: bool = ..., show_progress: Any = ...) -> Any: ...",
             "    def fetch(self, session: Any = ...) -> tuple[Any, ...]: ...",
             "    def __getattr__(self, name: str) -> Tensor: ...", "", "class Tensor:"]
    for name, result in PROPERTIES.items():
        lines += ["    @property", f"    def {name}(self) -> {result}: ..."]
    for name, what in sorted(vars(core.Tensor).items()):
        if isinstance(what, property) and name not in PROPERTIES:
            lines += ["    @property", f"    def {name}(self) -> Tensor: ..."]
            if what.fset:
                lines += [f"    @{name}.setter", f"    def {name}(self, value: Any) -> None: ..."]
        elif inspect.isfunction(what) and (not name.startswith("_") or name in METHODS):
            signature = inspect.signature(what)
            rest = list(signature.parameters.values())[1:]
            result = "Any" if name in ANY else METHODS.get(name, RESULT_OF.get(name, "Tensor"))
            lines.append(function(name, signature.replace(parameters=rest), result, "    ", ("self",)))
    for name in BINARY:
        for form in (f"__{name}__", f"__r{name}__", f"__i{name}__"):
            lines.append(f"    def {form}(self, other: Any, /) -> Tensor: ...")
    for name in "lt le gt ge".split():
        lines.append(f"    def __{name}__(self, other: Any, /) -> Tensor: ...")
    for name in "eq ne".split():  # object's own give bool
        lines.append(f"    def __{name}__(self, other: Any, /) -> Tensor: ...  # type: ignore[override]")
    for name in "neg pos abs invert".split():
        lines.append(f"    def __{name}__(self) -> Tensor: ...")
    lines.append("    def __getitem__(self, key: Any, /) -> Tensor: ...")
    return lines


def stubs():
    """The text of each file."""
    imports = "from collections.abc import Iterator, Sequence\nfrom typing import Any, Literal\n\n" \
              "import numpy as np\n\n"
    shared = f"{HEAD}{imports}{ALIASES}\n" + "\n".join(tensor_class()) + f"\n\n{UFUNC}"
    use = "from typing import Any\n\nimport numpy as np\n\n" \
          "from ._stubs import Axis, Bool, ChunkSize, Device, ExecutableTuple, Tensor, ufunc\n\n"
    ret = {"_stubs.pyi": shared}
    for name, module in MODULES.items():
        ret[f"{name}.pyi"] = HEAD + use + "\n".join(names_of(module, module.__all__)) + "\n"
    taken = {"Tensor", "ExecutableTuple", "ufunc", *MODULES, "spatial"}
    dtypes = "".join(f"from numpy import {name} as {name}\n" for name in
                     "bool_ complex64 complex128 dtype e float16 float32 float64 inf int8 int16 int32 int64 nan newaxis"
                     " pi uint8 uint16 uint32 uint64".split())
    own = "from . import fft as fft, linalg as linalg, random as random, special as special, stats as stats\n" \
          "from ._stubs import Axis, Bool, ChunkSize, Device, ExecutableTuple as ExecutableTuple, Tensor as Tensor\n" \
          "from ._stubs import ufunc as ufunc\n\n"
    ret["__init__.pyi"] = HEAD + "from typing import Any\n\nimport numpy as np\n" + dtypes + "\n" + own + \
        "spatial: Any\nbool: Any\n__array_api_version__: str\n\n" + \
        "def __array_namespace_info__() -> Any: ...\n" + "\n".join(names_of(mt, set(mt.__all__) - taken)) + \
        "\ndef __getattr__(name: str) -> Any: ...\n"
    return ret


def main():
    check = sys.argv[1] == "--check"
    place, wrong = pathlib.Path(sys.argv[-1]), []
    for name, text in stubs().items():
        if check and (place / name).read_text() != text:
            wrong.append(name)
        elif not check:
            (place / name).write_text(text)
    sys.exit(f"not what tools/stubs.py writes: {', '.join(wrong)}" if wrong else 0)


main()
