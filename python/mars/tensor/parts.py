# SPDX-License-Identifier: Apache-2.0
"""The attributes in which a tensor shows its elements and takes them back: flat, real, imag, T, mT.

A view is a tensor, made of its owner by `get`; whatever gives it another expression gives the owner one, too, made by
`put`. Tensors have value semantics, so a view shows what its owner was when it was taken; what is assigned to its
elements goes to the owner as it is then.
"""
from collections import namedtuple

from .._core import op
from .core import Tensor

# get(owner) is what is seen; put(owner, seen) the owner of which that is seen; set(view, value) what is seen after an
# assignment of everything.
Part = namedtuple("Part", "get put set")


class TensorView(Tensor):
    """A part of a tensor, whose elements are assigned to those of the tensor."""

    __slots__ = ("_owner", "_part")

    def _rebind(self, made):
        super()._rebind(made)
        self._owner._rebind(self._part.put(self._owner, self))

    def _renewed(self):
        super()._rebind(self._part.get(self._owner))

    def __setitem__(self, key, value):
        self._renewed()
        super().__setitem__(key, value)


def _in_place(name):
    of_tensors = getattr(Tensor, name)

    def function(self, other):
        before = self._same()
        self._renewed()
        made = of_tensors(self, other)
        if made is self:
            now = self._same()
            Tensor._rebind(self, before)
            self._rebind(now)
        return made

    function.__name__ = name
    return function


for _name in """add sub mul truediv floordiv mod pow matmul lshift rshift and or xor""".split():
    setattr(TensorView, f"__i{_name}__", _in_place(f"__i{_name}__"))


def view(owner, part):
    """The part of a tensor."""
    seen = part.get(owner)._seen_as(TensorView)
    seen._owner, seen._part = owner, part
    return seen


def assign(owner, part, value):
    """owner.part = value."""
    if isinstance(value, TensorView) and value._owner is owner and value._part is part:
        return  # what `owner.part += 1` has done
    seen = view(owner, part)
    seen._rebind(part.set(seen, value))


def _broadcast(seen, value):
    from .creation import astensor
    from .manipulation import broadcast_to

    return broadcast_to(astensor(value), seen.shape).astype(seen.dtype)


def _repeated(seen, value):
    from .creation import astensor
    from .repeating import resize

    value = astensor(value).ravel()
    return resize(value, seen.shape).astype(seen.dtype) if value.size else seen._same()


def _imaginary(seen, value):
    if seen._owner.dtype.kind != "c":
        raise TypeError("tensor does not have imaginary part to set")
    return _broadcast(seen, value)


def _not_set(seen, value):
    raise AttributeError("attribute of tensors that is not writable: assign to its elements")


def _put_real(owner, seen):
    return op("from_parts", seen, op("imag", owner)) if owner.dtype.kind == "c" else seen._same()


def _put_imag(owner, seen):
    if owner.dtype.kind != "c":
        raise ValueError("assignment destination is read-only: real numbers have no imaginary parts")
    return op("from_parts", op("real", owner), seen)


def _matrices_transposed(owner):
    if owner.ndim < 2:
        raise ValueError("matrix transpose with ndim < 2 is undefined")
    return owner.swapaxes(-1, -2)


FLAT = Part(lambda owner: owner.ravel(), lambda owner, seen: seen.reshape(owner.shape), _repeated)
REAL = Part(lambda owner: op("real", owner), _put_real, _broadcast)
IMAG = Part(lambda owner: op("imag", owner), _put_imag, _imaginary)
TRANSPOSED = Part(lambda owner: owner.transpose(), lambda owner, seen: seen.transpose(), _not_set)
MATRICES_TRANSPOSED = Part(_matrices_transposed, lambda owner, seen: seen.swapaxes(-1, -2), _not_set)


# ---- The attributes --------------------------------------------------------------------------------------------------

def _attribute(part):
    """A decorator: the attribute of that name is the part, and the function says what it is."""
    def attach(function):
        name = function.__name__
        made = property(lambda self: view(self, part), lambda self, value: assign(self, part, value),
                        doc=function.__doc__)
        setattr(Tensor, name, made)
        return made

    return attach


@_attribute(TRANSPOSED)
def T(self):
    """The axes in reverse order. What is assigned to its elements are those of the tensor.

    Examples
    --------
    >>> a = mt.arange(6).reshape(2, 3)
    >>> a.T[0] = 9
    >>> a.T.execute()
    Tensor([[9, 9],
            [1, 4],
            [2, 5]])
    """


@_attribute(MATRICES_TRANSPOSED)
def mT(self):
    """The last two axes exchanged: each matrix of a stack transposed.

    ValueError says that there are fewer than two axes.

    Examples
    --------
    >>> mt.zeros((5, 2, 3)).mT.shape
    (5, 3, 2)
    """


@_attribute(FLAT)
def flat(self):
    """The elements as a tensor of one axis, in the order in which the last index changes fastest.

    What is assigned to its elements are those of the tensor. Assigned to itself, all are set, by what is given
    again and again if there are fewer.

    Examples
    --------
    >>> a = mt.tensor([[1, 2], [3, 4]])
    >>> a.flat[2].execute()
    Tensor(3)
    >>> a.flat[1:3] = 0
    >>> a.execute()
    Tensor([[1, 0],
            [0, 4]])
    >>> a.flat = [5, 6]
    >>> a.execute()
    Tensor([[5, 6],
            [5, 6]])
    """


@_attribute(REAL)
def real(self):
    """The real parts. Assigned to, they are set, and all that is no complex number is its real part.

    Examples
    --------
    >>> a = mt.tensor([1 + 2j, 3 - 4j])
    >>> a.real.execute()
    Tensor([1., 3.])
    >>> a.real[1] = 7
    >>> a.execute()
    Tensor([1.+2.j, 7.-4.j])
    >>> a.real = 0
    >>> a.execute()
    Tensor([0.+2.j, 0.-4.j])
    """


@_attribute(IMAG)
def imag(self):
    """The imaginary parts, zero of real numbers. Assigned to, those of complex numbers are set.

    TypeError says that there are none to set, ValueError that there is no such element.

    Examples
    --------
    >>> a = mt.tensor([1 + 2j, 3 - 4j])
    >>> a.imag.execute()
    Tensor([ 2., -4.])
    >>> a.imag[0] = 9
    >>> a.execute()
    Tensor([1.+9.j, 3.-4.j])
    >>> a.imag = [0, 1]
    >>> a.execute()
    Tensor([1.+0.j, 3.+1.j])
    """
