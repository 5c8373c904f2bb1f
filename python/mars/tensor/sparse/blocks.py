# SPDX-License-Identifier: Apache-2.0
"""Blocks of rows: how a sparse matrix is cut, and how it is cut otherwise.

A block is two tensors of one length: the keys of what it stores, row * columns + column, ascending, and the data.
"""
import itertools

import numpy as np

from ..._core import AUTO, WHOLE, cutting, op
from ..creation import zeros

STORED = 1 << 20  # elements of a block, of as many rows as have so many on average
FEW = 1 << 16     # and of one that is not cut so that more tasks have something to do
TASKS = 8
GROUP = 1 << 12   # rows that one after the other are added to a sum of columns, at least
DENSE = 1 << 22   # elements that a block of a dense matrix has, stored or not: 32 MiB of float64


class Block:
    """Some rows of a matrix: keys and data of what is stored."""

    __slots__ = ("rows", "key", "data")

    def __init__(self, rows, key, data):
        self.rows, self.key, self.data = rows, key, data


def even(rows, most):
    """Lengths of blocks of at most so many rows; of no rows there is a block, too."""
    most = max(most, 1)
    return [min(most, rows - k) for k in range(0, rows, most)] or [0]


def lengths_of(chunk_size, shape, dtype, most):
    """Rows of each block by what users write as chunk_size=; columns are not cut. `most` is for 'auto'."""
    flat = cutting(chunk_size, shape, dtype)
    if flat is None or flat[:2] == [1, AUTO]:
        return even(shape[0], most)
    if flat[0] == 1:
        return even(shape[0], shape[0] if flat[1] == WHOLE else flat[1])
    return list(flat[1:1 + flat[0]])


def rows_of_a_block(shape, nnz):
    """How many rows a block has that nobody has asked for, of a matrix that stores so many elements.

    A power of two, so that matrices of one shape that store about as much are cut alike.
    """
    stored = min(max(nnz // TASKS, FEW), STORED)
    return 1 << max(shape[0] * stored // max(nnz, 1), 1).bit_length() - 1


def groups_of(shape):
    """The lengths of groups of rows of which sums of columns are made: up to TASKS; fewer, if their sums were longer
    than the matrix is high. They depend on the shape alone, as the bits do."""
    rows, columns = shape
    groups = max(min(TASKS, TASKS * rows // max(columns, 1)), 1)
    return even(rows, max(1 << max(-(-rows // groups) - 1, 0).bit_length(), GROUP))


def edges_of(lengths):
    """Where parts of such lengths begin, and where the last one ends."""
    return list(itertools.accumulate(lengths, initial=0))


def pieces(n, most):
    """The lengths of parts of at most so many, and where they begin."""
    lengths = even(n, most)
    return list(zip(lengths, edges_of(lengths)))


def rows_of_no_elements(key):
    """As many as there are keys: how operators are told how much room to take."""
    return op("view", key, shape=(-1, 0), axis=(0,), start=(0,), step=(1,))


def joined(rows, parts, dtype):
    """A block of parts that follow each other."""
    if not parts:
        return Block(rows, zeros((0,), np.int64), zeros((0,), dtype))
    if len(parts) == 1:
        return Block(rows, *parts[0])
    return Block(rows, *(op("concatenate", *side, axis=0) for side in zip(*parts)))
