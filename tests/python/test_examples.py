# SPDX-License-Identifier: Apache-2.0
"""Whatever a user may call has words in the form of numpydoc's, and an example that is true.

Looked at are all names of the modules and all methods and properties of the classes below that are this package's own;
constants, dtypes and the like that are NumPy's have NumPy's words, and what is stored in an object has those of its
class. An example finds `mt`, `np` and `mars`; all are run
in this process, in a directory of their own, by the default session.
"""
import doctest
import inspect
import re
import types

import numpy as np
import pytest

import mars
import mars.config
import mars.deploy.local
import mars.errors
import mars.mutable
import mars.session
import mars.tensor as mt
from mars._future import Future

MODULES = {"mt": mt, "mt.fft": mt.fft, "mt.linalg": mt.linalg, "mt.random": mt.random, "mt.special": mt.special,
           "mt.images": mt.images, "mt.stats": mt.stats, "mt.spatial.distance": mt.spatial.distance,
           "mt.lib.stride_tricks": mt.lib.stride_tricks, "mars.session": mars.session, "mars.config": mars.config,
           "mars.deploy.local": mars.deploy.local, "mars.errors": mars.errors}
CLASSES = {"mt.Tensor": mt.Tensor, "mt.SparseTensor": mt.SparseTensor, "SparseNDArray": mt.sparse.SparseNDArray,
           "mt.ExecutableTuple": mt.ExecutableTuple, "mt.ufunc": mt.ufunc,
           "mt.random.RandomState": mt.random.RandomState, "mt.random.Generator": mt.random.Generator,
           "mars.session.Session": mars.session.Session, "mars.mutable.MutableTensor": mars.mutable.MutableTensor,
           "mars.deploy.local.LocalCluster": mars.deploy.local.LocalCluster, "Future": Future}

# What has no example, and why.
WITHOUT = {}

SECTIONS = ["Parameters", "Attributes", "Returns", "Yields", "Raises", "Examples"]
LEGACY = "1.25" if int(np.__version__.split(".")[0]) > 1 else False  # scalars as they were shown before NumPy 2
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def own(what):
    place = getattr(what, "__module__", None) or ""
    return isinstance(what, mt.ufunc) or callable(what) and place.startswith("mars")


def found():
    """All names, each with what it stands for."""
    ret = {}
    for place, module in MODULES.items():
        for name in dir(module) if module is mt else getattr(module, "__all__", None) or vars(module):
            if not name.startswith("_") and own(getattr(module, name)):
                ret[f"{place}.{name}"] = getattr(module, name)
    for place, cls in CLASSES.items():
        ret[place] = cls
        for name in dir(cls):
            what = inspect.getattr_static(cls, name)
            computed = callable(what) or isinstance(what, (property, types.GetSetDescriptorType))
            module = getattr(getattr(what, "__objclass__", what), "__module__", "mars")
            if not name.startswith("_") and computed and module.startswith("mars"):
                ret[f"{place}.{name}"] = getattr(cls, name)
    return ret


FOUND = found()


def sections(words):
    """The text before the first title, and the lines of each section by its title."""
    parts = re.split(r"^(\w[\w ]*)\n-{3,}\n", inspect.cleandoc(words), flags=re.M)
    return parts[0], dict(zip(parts[1::2], parts[2::2]))


def documented(section):
    """Names of the parameters of a section: of "a, b : tensor_like" both."""
    heads = [line.split(" : ")[0] for line in section.splitlines() if line and not line.startswith(" ")]
    return [name.strip() for head in heads for name in head.split(",")]


def parameters(what):
    """As its signature has them, but for self."""
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    names = [stars.get(p.kind, "") + p.name for p in inspect.signature(what).parameters.values()]
    return [name for name in names if name != "self"]


def test_a_function_without_words_a_wrong_one_and_an_example_that_lies_are_found():
    def f(a, b):
        """Adds.

        Parameters
        ----------
        a, c : int

        Examples
        --------
        >>> 1 + 1
        3
        """

    words, parts = sections(f.__doc__)
    assert words == "Adds.\n\n" and list(parts) == ["Parameters", "Examples"]
    assert documented(parts["Parameters"]) == ["a", "c"] != parameters(f) == ["a", "b"]
    assert failures(f, {}, "f")
    assert len(FOUND) > 500 and not set(WITHOUT) - set(FOUND)


@pytest.mark.parametrize("name", FOUND)
def test_words_have_the_form_of_numpydocs(name):
    what = FOUND[name]
    words, parts = sections(what.__doc__ or "")
    lines = words.strip().split("\n")
    if isinstance(what, mt.ufunc):  # its signature, as of functions that are not Python's
        assert lines[0].startswith(what.__name__ + "(")
        lines = lines[2:]
    assert lines[0].endswith(".") and (len(lines) == 1 or not lines[1]), "the first line is one sentence"
    assert list(parts) == [title for title in SECTIONS if title in parts], "known sections in their order"
    assert ("Examples" in parts and ">>> " in parts["Examples"]) != (name in WITHOUT)
    if inspect.isfunction(what) or inspect.ismethod(what):
        assert sorted(documented(parts.get("Parameters", ""))) == sorted(parameters(what))


def failures(what, names, name):
    """What an example prints in place of what it promises, as doctest says it."""
    said = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS, verbose=False)
    test = doctest.DocTestParser().get_doctest(what.__doc__ or "", names, name, None, None)
    runner.run(test, out=said.append)
    return "".join(said)


@pytest.mark.parametrize("name", [name for name in FOUND if name not in WITHOUT])
def test_examples_are_true(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with np.printoptions(legacy=LEGACY):
        assert not failures(FOUND[name], {"mars": mars, "mt": mt, "np": np}, name)
