# SPDX-License-Identifier: Apache-2.0
"""Numbers that lie in files of this process, read in pieces when they are needed: by their offsets, also of what is
compressed.

What is read again after it was forgotten must be the same: only files that nobody can write to through what the caller
has are read later; all others are read at once."""
import io
import os
import stat
import threading
import zipfile
import zlib

import numpy as np

from .stores import reader

_PIECE = 1 << 20  # bytes of a compressed file that are read at a time, and of what comes of them
_APART = 16 << 20  # bytes between two places to which a compressed member can be gone back


class Bytes:
    """The bytes of a regular file from `start` on. The descriptor is our own: the caller may close his."""

    def __init__(self, descriptor, start=0):
        self._descriptor, self._start = descriptor, start

    def __del__(self):
        os.close(self._descriptor)

    def from_offset(self, offset):
        """The same from further on."""
        return Bytes(os.dup(self._descriptor), self._start + offset)

    def size(self):
        """Bytes from the start to the end of the file."""
        return max(os.fstat(self._descriptor).st_size - self._start, 0)

    def read(self, offset, to):
        """Fills `to` with bytes from `offset` on."""
        to, at = memoryview(to), self._start + offset
        while len(to) > 0:
            n = os.preadv(self._descriptor, [to], at)
            if n == 0:
                raise EOFError("the file has become shorter since it was opened")
            to, at = to[n:], at + n


def bytes_of(file, start=None):
    """The bytes of a file from `start` on, or from where it is if it is an open one; None unless they can be read
    later."""
    if not hasattr(file, "read"):
        return Bytes(os.open(file, os.O_RDONLY | os.O_CLOEXEC), start or 0) if os.path.isfile(file) else None
    raw = file.raw if isinstance(file, io.BufferedReader) else file
    if not isinstance(raw, io.FileIO) or raw.writable() or not stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
        return None
    return Bytes(os.dup(raw.fileno()), file.tell() if start is None else start)


class Inflated:
    """The bytes of a member of an archive that is compressed by deflate.

    It can be read from its beginning only. So whoever reads on leaves copies of the state of the decompressor behind,
    some MiB apart, from one of which the next one begins: all of it is decompressed once, and a little of it again. The
    member's checksum is looked at when its end is reached first."""

    def __init__(self, source, offset, compressed, size, crc):
        self._source, self._offset, self._compressed, self._size, self._crc = source, offset, compressed, size, crc
        # Where one can begin: bytes of output and of input, and the decompressor there. The last one is the furthest
        # that anyone has come, with the checksum up to there.
        self._places = [(0, 0, zlib.decompressobj(-zlib.MAX_WBITS))]
        self._sum, self._lock = 0, threading.Lock()

    def read(self, offset, to):
        """Fills `to` with bytes from `offset` on."""
        to = memoryview(to)
        end = offset + len(to)
        with self._lock:
            k = max(k for k, place in enumerate(self._places) if place[0] <= offset)
            at, used, state = self._places[k]
            state, is_last = state.copy(), k == len(self._places) - 1
        if is_last:  # one at a time goes where nobody has been
            with self._lock:
                at, used, state = self._places[-1]
                if at <= offset:
                    self._read_on(offset, end, to)
                    return
            return self.read(offset, to)
        self._pass(at, used, state, offset, end, to, lambda *_: None)

    def _read_on(self, offset, end, to):
        at, used, state = self._places[-1]
        kept = len(self._places) > 1 and at - self._places[-2][0] < _APART

        def passed(at, used, state, piece):
            nonlocal kept
            self._sum = zlib.crc32(piece, self._sum)
            if at == self._size and self._sum != self._crc:
                raise zipfile.BadZipFile("a member of the archive has another checksum than its directory says")
            if kept:
                self._places.pop()
            self._places.append((at, used, state.copy()))
            kept = at - self._places[-2][0] < _APART

        self._pass(at, used, state.copy(), offset, end, to, passed)

    def _pass(self, at, used, state, offset, end, to, passed):
        """Decompresses from a place on; what lies between offset and end is kept."""
        rest = b""
        while at < end:
            if not rest:
                n = min(_PIECE, self._compressed - used)
                rest = bytearray(n)
                self._source.read(self._offset + used, rest)
            piece = state.decompress(rest, _PIECE)
            used += len(rest) - len(state.unconsumed_tail) - len(state.unused_data)
            rest = state.unconsumed_tail
            lo, hi = max(offset, at), min(end, at + len(piece))
            if lo < hi:
                to[lo - offset:hi - offset] = piece[lo - at:hi - at]
            at += len(piece)
            if not piece and (state.eof or used == self._compressed):
                raise EOFError("a member of the archive ends before its array does")
            passed(at, used, state, piece)


def in_pieces(source, offset, dtype, shape, chunk_size=None):
    """The tensor of numbers of any byte order that lie in C order from `offset` on."""
    dtype = np.dtype(dtype)
    native = dtype.newbyteorder("=")
    strides, n = [], dtype.itemsize
    for length in reversed(shape):
        strides.insert(0, n)
        n *= length

    def read(lo, hi, array):
        if array.size == 0:
            return
        first = sum(map(int.__mul__, map(int, lo), strides))
        size = sum((int(h) - 1 - int(l)) * step for l, h, step in zip(lo, hi, strides)) + dtype.itemsize
        if size == array.nbytes and dtype == native:
            to = array.reshape(-1).view("u1")
            source.read(offset + first, to)
            if dtype.kind == "b":
                np.not_equal(to, 0, out=array.reshape(-1))
            return
        raw = np.empty(size, "u1")
        source.read(offset + first, raw)
        array[...] = np.ndarray(array.shape, dtype, raw, 0, strides)

    rows = (1, *map(lambda length: max(length, 1), shape[1:])) if len(shape) > 1 else None
    return reader(read, native, shape, rows, chunk_size)


class _Stream(io.RawIOBase):
    """A source as a file, for whoever reads a header."""

    def __init__(self, source):
        self._source, self.at = source, 0

    def readable(self):
        return True

    def readinto(self, to):
        self._source.read(self.at, to)
        self.at += len(to)
        return len(to)


_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def npy_in_pieces(source, size, chunk_size=None):
    """The tensor of a .npy of so many bytes, and how many of them it has; None: not one that is read in pieces."""
    stream = _Stream(source)
    try:
        header = _HEADERS.get(np.lib.format.read_magic(stream))
        if header is None:
            return None
        shape, fortran, dtype = header(stream)
    except (ValueError, EOFError):
        return None  # NumPy's words are better
    if dtype.hasobject or dtype.kind not in "biufcmM":
        return None
    end = stream.at + dtype.itemsize * int(np.prod(shape, dtype=object))
    if end > size:
        return None
    if not fortran:
        return in_pieces(source, stream.at, dtype, shape, chunk_size), end
    if isinstance(chunk_size, (tuple, list)):
        chunk_size = tuple(reversed(chunk_size))
    elif isinstance(chunk_size, dict):
        chunk_size = {len(shape) - 1 - axis: n for axis, n in chunk_size.items()}
    return in_pieces(source, stream.at, dtype, shape[::-1], chunk_size).T, end
