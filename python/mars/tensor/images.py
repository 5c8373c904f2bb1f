# SPDX-License-Identifier: Apache-2.0
"""Images, read by Pillow in this process, when they are needed."""
import glob
import os

import numpy as np

from .stores import reader

__all__ = ["imread"]


def _open(path):
    try:
        from PIL import Image
    except ImportError:
        raise ImportError("images are read by Pillow: install it (python3-pil)") from None
    with Image.open(path) as image:
        if image.mode in ("P", "CMYK", "YCbCr", "LAB", "HSV"):
            image = image.convert("RGB")
        return np.asarray(image)


def imread(path, chunk_size=None):
    """A tensor of an image, or of many of one size.

    Of one its axes are height, width, and colours if it has any; many are stacked along a new first axis, in the order
    of their names if they are found by a pattern. Images are read by Pillow when they are needed.

    Parameters
    ----------
    path : str, path or sequence of these
        A file, files, or a pattern such as 'frames/*.png'.
    chunk_size : int, tuple, dict or str, optional
        How to cut; a number is that of the first axis.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> from PIL import Image
    >>> for k in range(3):
    ...     Image.fromarray(np.full((2, 4), k, "u1")).save(f"frame-{k}.png")
    >>> mt.imread("frame-*.png").max(axis=(1, 2)).execute()
    Tensor([0, 1, 2], dtype=uint8)
    """
    many = not isinstance(path, (str, os.PathLike))
    paths = [os.fspath(p) for p in path] if many else [os.fspath(path)]
    if not many and glob.has_magic(paths[0]) and not os.path.exists(paths[0]):
        many, paths = True, sorted(glob.glob(paths[0]))
    if not paths:
        raise FileNotFoundError(f"there is no image {path!r}")
    first = _open(paths[0])
    shape = (len(paths), *first.shape) if many else first.shape

    def read(lo, hi, array):
        if not many:
            array[...] = _open(paths[0])[tuple(map(slice, lo, hi))]
            return
        for k in range(lo[0], hi[0]):
            image = _open(paths[k])
            if image.shape != first.shape or image.dtype != first.dtype:
                raise ValueError(f"'{paths[k]}' is {image.dtype} of shape {image.shape}, where the first image is "
                                 f"{first.dtype} of shape {first.shape}")
            array[k - lo[0]] = image[tuple(map(slice, lo[1:], hi[1:]))]

    if hasattr(chunk_size, "__index__"):
        chunk_size = (chunk_size, *first.shape) if many else (chunk_size, *first.shape[1:])
    return reader(read, first.dtype, shape, (1, *first.shape) if many else shape, chunk_size)
