# SPDX-License-Identifier: Apache-2.0
"""Names of sparse tensors, which are several results each.

The name's own result is a table: which parts there are, the shape, and the rows of each block. Parts have names beneath
a number that nobody else draws. That the table is one says a second name of it, which is taken first; so of two who
want a name one gets it, and a tensor that looks like a table is none.
"""
import uuid

import numpy as np

from ...errors import UnknownName
from ..creation import tensor
from .blocks import Block
from .tensor import SparseTensor

PREFIX = "sparse tensor: "  # of names that Session.names() does not show
_FIXED = 4                  # entries before the rows: the number's halves, the shape


def _parts(number, n):
    return [(f"{PREFIX}{number:032x}/{k}/key", f"{PREFIX}{number:032x}/{k}/data") for k in range(n)]


def _number(table):
    return sum((int(half) & 0xFFFFFFFFFFFFFFFF) << shift for half, shift in zip(table[:2], (64, 0)))


def _table(session, name):
    """The table of that name; None: it is a tensor, or nothing."""
    try:
        return np.asarray(session._opened(PREFIX + name))
    except UnknownName:
        return None


def save(t, name, session):
    """Names the values, which are computed: all of them, or none."""
    number = uuid.uuid4().int
    halves = np.array([number >> 64, number & 0xFFFFFFFFFFFFFFFF], np.uint64).view(np.int64)
    table = tensor(np.concatenate([halves, np.array([*t.shape, *(b.rows for b in t._blocks)], np.int64)]))
    session._wait((table,))
    taken = []
    try:
        for own, made in [*((own, part) for names, b in zip(_parts(number, len(t._blocks)), t._blocks)
                            for own, part in zip(names, (b.key, b.data))), (PREFIX + name, table), (name, table)]:
            session._save_as(made, own)
            taken.append(own)
    except BaseException:
        for own in taken:
            session._forget(own)
        raise


def opened(session, name):
    """The sparse tensor of that name; None: it is another one."""
    table = _table(session, name)
    if table is None:
        return None
    rows = table[_FIXED:].tolist()
    return SparseTensor(tuple(table[2:_FIXED].tolist()),
                        [Block(n, session._opened(key), session._opened(data))
                         for n, (key, data) in zip(rows, _parts(_number(table), len(rows)))])


def forget(session, name):
    """Takes the names of parts away, if it is the name of a sparse tensor."""
    table = _table(session, name)
    if table is not None:
        for own in [PREFIX + name, *(n for names in _parts(_number(table), len(table) - _FIXED) for n in names)]:
            session._forget(own)
