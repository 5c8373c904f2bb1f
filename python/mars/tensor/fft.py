# SPDX-License-Identifier: Apache-2.0
"""Discrete Fourier transforms.

float32, float16 and complex64 are transformed in single precision, everything else in double precision, as NumPy 2
does. The transformed axis is brought into one chunk, the others stay cut; lines of more than 2**20 numbers are
transformed by many tasks, none of which sees the whole line.
"""
import operator

from .._core import op
from .creation import arange, astensor
from .repeating import roll

__all__ = """fft ifft fft2 ifft2 fftn ifftn rfft irfft rfft2 irfft2 rfftn irfftn hfft ihfft fftfreq rfftfreq fftshift
    ifftshift""".split()


def _along(name, a, n, axis, norm):
    given = {} if n is None else {"n": (operator.index(n),)}
    return op(name, astensor(a), axis=operator.index(axis), norm="backward" if norm is None else norm, **given)


def _along_all(name, a, s, axes, norm):
    given = {key: [operator.index(v) for v in value] for key, value in (("s", s), ("axes", axes)) if value is not None}
    return op(name, astensor(a), norm="backward" if norm is None else norm, **given)


def fft(a, n=None, axis=-1, norm=None):
    """The discrete Fourier transform along an axis.

    float32 and float16 are computed in complex64, everything else in complex128; bits depend on no cutting.

    Parameters
    ----------
    a : tensor_like
    n : int, optional
        Cuts the axis off, or fills it up with zeros; None: its length.
    axis : int, optional
    norm : {'backward', 'ortho', 'forward'}, optional
        What is divided by n: inverse transforms (None, too); both, by its root; or this one.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fft.fft([1.0, 0.0, 0.0, 0.0]).execute()
    Tensor([1.+0.j, 1.+0.j, 1.+0.j, 1.+0.j])
    """
    return _along("fft", a, n, axis, norm)


def ifft(a, n=None, axis=-1, norm=None):
    """The inverse of fft.

    Parameters
    ----------
    a : tensor_like
    n, axis, norm : optional
        As of fft().

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fft.ifft([4.0, 0.0, 0.0, 0.0]).execute()
    Tensor([1.+0.j, 1.+0.j, 1.+0.j, 1.+0.j])
    """
    return _along("ifft", a, n, axis, norm)


def rfft(a, n=None, axis=-1, norm=None):
    """The discrete Fourier transform of real numbers: its first n // 2 + 1 numbers. The others are conjugates.

    Parameters
    ----------
    a : tensor_like
    n, axis, norm : optional
        As of fft().

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fft.rfft([1.0, 1.0, 1.0, 1.0]).execute()
    Tensor([4.+0.j, 0.+0.j, 0.+0.j])
    """
    return _along("rfft", a, n, axis, norm)


def irfft(a, n=None, axis=-1, norm=None):
    """The inverse of rfft: real numbers.

    Parameters
    ----------
    a : tensor_like
    n : int, optional
        How many; None: 2 * (m - 1) of m.
    axis, norm : optional
        As of fft().

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fft.irfft([4.0, 0.0, 0.0]).execute()
    Tensor([1., 1., 1., 1.])
    """
    return _along("irfft", a, n, axis, norm)


def hfft(a, n=None, axis=-1, norm=None):
    """The real transform of a signal with Hermitian symmetry, of which the first half is given.

    Parameters
    ----------
    a : tensor_like
    n : int, optional
        How many numbers; None: 2 * (m - 1) of m.
    axis, norm : optional
        As of fft().

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fft.hfft([1.0, 0.0, 0.0]).execute()
    Tensor([1., 1., 1., 1.])
    """
    return _along("hfft", a, n, axis, norm)


def ihfft(a, n=None, axis=-1, norm=None):
    """The inverse of hfft: the first half of a signal with Hermitian symmetry.

    Parameters
    ----------
    a : tensor_like
    n, axis, norm : optional
        As of fft().

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fft.ihfft([4.0, 0.0, 0.0, 0.0]).execute()
    Tensor([1.-0.j, 1.-0.j, 1.-0.j])
    """
    return _along("ihfft", a, n, axis, norm)


def fftn(a, s=None, axes=None, norm=None):
    """The discrete Fourier transform along several axes.

    Parameters
    ----------
    a : tensor_like
    s : tuple of ints, optional
        Lengths along them, as n of fft().
    axes : tuple of ints, optional
        None: all, or the last ones if s says how many.
    norm : optional
        As of fft().

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fft.fftn(mt.ones((2, 2))).execute()
    Tensor([[4.+0.j, 0.+0.j],
            [0.+0.j, 0.+0.j]])
    """
    return _along_all("fftn", a, s, axes, norm)


def ifftn(a, s=None, axes=None, norm=None):
    """The inverse of fftn.

    Parameters
    ----------
    a : tensor_like
    s, axes, norm : optional
        As of fftn().

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fft.ifftn(mt.full((2, 2), 4.0)).execute()
    Tensor([[4.+0.j, 0.+0.j],
            [0.+0.j, 0.+0.j]])
    """
    return _along_all("ifftn", a, s, axes, norm)


def rfftn(a, s=None, axes=None, norm=None):
    """The discrete Fourier transform of real numbers along several axes, of which the last one is halved as in rfft.

    Parameters
    ----------
    a : tensor_like
    s, axes, norm : optional
        As of fftn().

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fft.rfftn(mt.ones((2, 4))).execute()
    Tensor([[8.+0.j, 0.+0.j, 0.+0.j],
            [0.+0.j, 0.+0.j, 0.+0.j]])
    """
    return _along_all("rfftn", a, s, axes, norm)


def irfftn(a, s=None, axes=None, norm=None):
    """The inverse of rfftn: real numbers.

    Parameters
    ----------
    a : tensor_like
    s, axes, norm : optional
        As of fftn(); None: 2 * (m - 1) numbers of m along the last axis.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fft.irfftn([[8.0, 0.0, 0.0], [0.0, 0.0, 0.0]]).execute()
    Tensor([[1., 1., 1., 1.],
            [1., 1., 1., 1.]])
    """
    return _along_all("irfftn", a, s, axes, norm)


def fft2(a, s=None, axes=(-2, -1), norm=None):
    """The discrete Fourier transform along two axes.

    Parameters
    ----------
    a : tensor_like
    s, axes, norm : optional
        As of fftn().

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fft.fft2(mt.ones((2, 2))).execute()
    Tensor([[4.+0.j, 0.+0.j],
            [0.+0.j, 0.+0.j]])
    """
    return fftn(a, s, axes, norm)


def ifft2(a, s=None, axes=(-2, -1), norm=None):
    """The inverse of fft2.

    Parameters
    ----------
    a : tensor_like
    s, axes, norm : optional
        As of fftn().

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fft.ifft2([[4.0, 0.0], [0.0, 0.0]]).execute()
    Tensor([[1.+0.j, 1.+0.j],
            [1.+0.j, 1.+0.j]])
    """
    return ifftn(a, s, axes, norm)


def rfft2(a, s=None, axes=(-2, -1), norm=None):
    """The discrete Fourier transform of real numbers along two axes, of which the last one is halved as in rfft.

    Parameters
    ----------
    a : tensor_like
    s, axes, norm : optional
        As of fftn().

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fft.rfft2(mt.ones((2, 4))).execute()
    Tensor([[8.+0.j, 0.+0.j, 0.+0.j],
            [0.+0.j, 0.+0.j, 0.+0.j]])
    """
    return rfftn(a, s, axes, norm)


def irfft2(a, s=None, axes=(-2, -1), norm=None):
    """The inverse of rfft2: real numbers.

    Parameters
    ----------
    a : tensor_like
    s, axes, norm : optional
        As of fftn(); None: 2 * (m - 1) numbers of m along the last axis.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fft.irfft2([[4.0, 0.0], [0.0, 0.0]]).execute()
    Tensor([[1., 1.],
            [1., 1.]])
    """
    return irfftn(a, s, axes, norm)


def _count(n):
    try:
        return operator.index(n)
    except TypeError:
        raise ValueError("n should be an integer") from None


def fftfreq(n, d=1.0, gpu=None, chunk_size=None, *, dtype=None, device=None):
    """The frequencies that the numbers of fft belong to, in cycles per unit of the sample spacing.

    Parameters
    ----------
    n : int
        Length of the transform.
    d : float, optional
        Sample spacing.
    gpu : optional
        There are no devices besides memory: anything but None and False is refused.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().
    dtype : data-type, optional
    device : {'cpu', None}, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fft.fftfreq(4, 0.5).execute()
    Tensor([ 0. ,  0.5, -1. , -0.5])
    """
    n = _count(n)
    k = arange(n, chunk_size=chunk_size, gpu=gpu, device=device)
    made = op("where", op("less", k, (n - 1) // 2 + 1), k, k - n) * (1.0 / (n * d))
    return made if dtype is None else made.astype(dtype)


def rfftfreq(n, d=1.0, gpu=None, chunk_size=None, *, dtype=None, device=None):
    """The frequencies that the numbers of rfft belong to, in cycles per unit of the sample spacing.

    Parameters
    ----------
    n : int
        Length of the transform.
    d : float, optional
        Sample spacing.
    gpu : optional
        There are no devices besides memory: anything but None and False is refused.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().
    dtype : data-type, optional
    device : {'cpu', None}, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fft.rfftfreq(4, 0.5).execute()
    Tensor([0. , 0.5, 1. ])
    """
    n = _count(n)
    made = arange(n // 2 + 1, chunk_size=chunk_size, gpu=gpu, device=device) * (1.0 / (n * d))
    return made if dtype is None else made.astype(dtype)


def _shift(x, axes, part):
    x = astensor(x)
    axes = range(x.ndim) if axes is None else (axes,) if hasattr(axes, "__index__") else axes
    axes = tuple(axes)
    return roll(x, tuple(part(x.shape[k]) for k in axes), axes)


def fftshift(x, axes=None):
    """Frequency zero is moved to the middle.

    Parameters
    ----------
    x : tensor_like
    axes : int or tuple of ints, optional
        None: all.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fft.fftshift(mt.fft.fftfreq(4)).execute()
    Tensor([-0.5 , -0.25,  0.  ,  0.25])
    """
    return _shift(x, axes, lambda n: n // 2)


def ifftshift(x, axes=None):
    """The inverse of fftshift.

    Parameters
    ----------
    x : tensor_like
    axes : int or tuple of ints, optional
        None: all.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fft.ifftshift([-2, -1, 0, 1]).execute()
    Tensor([ 0,  1, -2, -1])
    """
    return _shift(x, axes, lambda n: -(n // 2))
