# SPDX-License-Identifier: Apache-2.0
"""Every public name of mars.tensor against NumPy: an example of each, then reductions, moves, orders and statistics of
random arrays in random cuttings. The last test makes sure that no name is forgotten."""
import contextlib
import importlib.util
import pathlib

import numpy as np
import pytest
from compare import DTYPES, array, full_shapes, same, shapes
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpys import numpy

import mars.tensor as mt
from mars.session import Session

X = np.random.default_rng(0).random((5, 7))
ULPS = 64
RULES = "auto doane fd rice scott sqrt stone sturges".split()

# name: programs; several where a name has several meanings. The name is that of the function that is shown.
CASES = {
    "arange": [lambda m, a: m.arange(3, 20, 2), lambda m, a: m.arange(0, 1, 0.1),
               lambda m, a: m.arange(5, dtype="f4"), lambda m, a: m.arange(5, 0), lambda m, a: m.arange(2.5),
               lambda m, a: m.arange(0, 1, 0), lambda m, a: m.arange(9, 2, -3)],
    "array": [lambda m, a: m.array([[1, 2], [3, 4]]), lambda m, a: m.array([1, 2.5]),
              lambda m, a: m.array([1], dtype="f4", ndmin=3), lambda m, a: m.array([a[0], a[1]])],
    "asarray": [lambda m, a: m.asarray(a), lambda m, a: m.asarray([True, False]), lambda m, a: m.asarray(3)],
    "asanyarray": [lambda m, a: m.asanyarray([1])],
    "ascontiguousarray": [lambda m, a: m.ascontiguousarray(a.T)],
    "asfortranarray": [lambda m, a: m.asfortranarray(a)],
    "copy": [lambda m, a: m.copy(a)],
    "diag": [lambda m, a: m.diag(a), lambda m, a: m.diag(a[0], 1), lambda m, a: m.diag(a, -2),
             lambda m, a: m.diag(a, 9), lambda m, a: m.diag(a[None])],
    "diagflat": [lambda m, a: m.diagflat(a[:2, :2])],
    "eye": [lambda m, a: m.eye(4, 5, 1), lambda m, a: m.eye(3, dtype="f4")],
    "empty": [lambda m, a: m.empty((2, 3)).shape],
    "empty_like": [lambda m, a: m.empty_like(a).shape],
    "full": [lambda m, a: m.full((2, 3), 7), lambda m, a: m.full(2, [1, 2.5]), lambda m, a: m.full((2, 2), 1j),
             lambda m, a: m.full(3, True)],
    "full_like": [lambda m, a: m.full_like(a, 3)],
    "fromfunction": [lambda m, a: m.fromfunction(lambda i, j: i + j, (3, 4))],
    "geomspace": [lambda m, a: m.geomspace(1, 100, 5)],
    "identity": [lambda m, a: m.identity(3)],
    "indices": [lambda m, a: m.indices((3, 4))],
    "linspace": [lambda m, a: m.linspace(0, 1, 7), lambda m, a: m.linspace(2, 3, 5, endpoint=False, retstep=True),
                 lambda m, a: m.linspace(0, 10, 4, dtype=int), lambda m, a: m.linspace(0, 1, 0),
                 lambda m, a: m.linspace(a[0], a[1], 4), lambda m, a: m.linspace(0, 1, -1),
                 lambda m, a: m.linspace(0, 1j, 3)],
    "logspace": [lambda m, a: m.logspace(0, 2, 5)],
    "meshgrid": [lambda m, a: m.meshgrid(a[0], a[1]),
                 lambda m, a: m.meshgrid(a[0], a[1, :3], indexing="ij", sparse=True)],
    "mgrid": [lambda m, a: m.mgrid[0:3, 0:1:3j], lambda m, a: m.mgrid[1:9:2]],
    "ogrid": [lambda m, a: m.ogrid[0:3, 1:4]],
    "ones": [lambda m, a: m.ones((2, 3)), lambda m, a: m.ones(3, int)],
    "ones_like": [lambda m, a: m.ones_like(a, dtype=int)],
    "tri": [lambda m, a: m.tri(4, 5, -1)],
    "tril": [lambda m, a: m.tril(a, 1), lambda m, a: m.tril(a[0])],
    "triu": [lambda m, a: m.triu(a, -1)],
    "vander": [lambda m, a: m.vander(a[0], 3), lambda m, a: m.vander(a[0], 3, True)],
    "zeros": [lambda m, a: m.zeros((2, 0)), lambda m, a: m.zeros(())],
    "zeros_like": [lambda m, a: m.zeros_like(a)],
    "append": [lambda m, a: m.append(a, a), lambda m, a: m.append(a, a, 0)],
    "array_split": [lambda m, a: m.array_split(a, 3, 1), lambda m, a: m.array_split(a, 0)],
    "atleast_1d": [lambda m, a: m.atleast_1d(3.0)],
    "atleast_2d": [lambda m, a: m.atleast_2d(a[0])],
    "atleast_3d": [lambda m, a: m.atleast_3d(a), lambda m, a: m.atleast_3d(a[0])],
    "block": [lambda m, a: m.block([[a, a], [a, a]])],
    "broadcast_arrays": [lambda m, a: list(m.broadcast_arrays(a, a[0]))],
    "broadcast_to": [lambda m, a: m.broadcast_to(a, (3, 5, 7)), lambda m, a: m.broadcast_to(a, (3, 5, 8)),
                     lambda m, a: m.broadcast_to(a[:, :1], (5, 4))],
    "column_stack": [lambda m, a: m.column_stack([a[:, 0], a])],
    "concatenate": [lambda m, a: m.concatenate([a, a], 1), lambda m, a: m.concatenate([a, a[:2]]),
                    lambda m, a: m.concatenate([a, a], None), lambda m, a: m.concatenate([a, a[:, :2]]),
                    lambda m, a: m.concatenate([]), lambda m, a: m.concatenate([a, a], 2),
                    lambda m, a: m.concatenate([a, m.ones((1, 7), dtype=int)]),
                    lambda m, a: m.concatenate([a[0], a])],
    "copyto": [lambda m, a: _copied(m, a)],
    "delete": [lambda m, a: m.delete(a, [1, 3], 0), lambda m, a: m.delete(a, 2),
               lambda m, a: m.delete(a, slice(1, 4), 1), lambda m, a: m.delete(a, 9, 0),
               lambda m, a: m.delete(a, slice(None), 0), lambda m, a: m.delete(a, [-1, 0, 0], 1),
               lambda m, a: m.delete(m.arange(2000.0), slice(-1, None, -3)),
               lambda m, a: m.delete(m.arange(3000).reshape(1500, 2), np.arange(1500) % 5 < 2, 0),
               lambda m, a: m.delete(a, [1.5], 0)],
    "diagonal": [lambda m, a: m.diagonal(a, 1), lambda m, a: m.diagonal(a[None], 0, 1, 2)],
    "dsplit": [lambda m, a: m.dsplit(a[None], 7)],
    "dstack": [lambda m, a: m.dstack([a, a])],
    "expand_dims": [lambda m, a: m.expand_dims(a, (0, 2)), lambda m, a: m.expand_dims(a, 5)],
    "flip": [lambda m, a: m.flip(a), lambda m, a: m.flip(a, 0), lambda m, a: m.flip(a, (0, 1))],
    "fliplr": [lambda m, a: m.fliplr(a)],
    "flipud": [lambda m, a: m.flipud(a)],
    "hsplit": [lambda m, a: m.hsplit(a, 7)],
    "hstack": [lambda m, a: m.hstack([a, a]), lambda m, a: m.hstack([a[0], a[1]])],
    "insert": [lambda m, a: m.insert(a, 2, 9, 1), lambda m, a: m.insert(a, [1, 3], [[8.0], [9.0]], 0),
               lambda m, a: m.insert(a, 3, 1),
               lambda m, a: m.insert(m.arange(2000.0), np.arange(0, -2000, -5), np.arange(400)),
               lambda m, a: m.insert(a, 36, 1)],
    "moveaxis": [lambda m, a: m.moveaxis(a, 0, -1), lambda m, a: m.moveaxis(a[None], (0, 1), (2, 0)),
                 lambda m, a: m.moveaxis(a, 0, 2)],
    "ndim": [lambda m, a: m.ndim(a)],
    "pad": [lambda m, a: m.pad(a, 2), lambda m, a: m.pad(a, ((1, 2), (3, 0)), "edge"),
            lambda m, a: m.pad(a, 9, "reflect"), lambda m, a: m.pad(a, 9, "symmetric"),
            lambda m, a: m.pad(a, 9, "wrap"), lambda m, a: m.pad(a, 1, constant_values=((1, 2), (3, 4))),
            lambda m, a: m.pad(a, 2, "linear_ramp"), lambda m, a: m.pad(a, 2, "mean"),
            lambda m, a: m.pad(a, 2, "maximum"), lambda m, a: m.pad(a, -1), lambda m, a: m.pad(a, 1, "nonsense"),
            lambda m, a: m.pad(a, 1.5), *(lambda m, a, mode=mode, w=w: m.pad(a, w, mode, reflect_type="odd")
                                          for mode in ("reflect", "symmetric") for w in (2, (0, 3), (4, 1))),
            lambda m, a: m.pad((a * 99).astype("u1"), 3, "reflect", reflect_type="odd"),
            lambda m, a: m.pad(a[:1], 3, "symmetric", reflect_type="odd"),
            lambda m, a: m.pad(a[0], (6, 6), "reflect", reflect_type="odd")],
    "ravel": [lambda m, a: m.ravel(a), lambda m, a: m.ravel(a, "F")],
    "repeat": [lambda m, a: m.repeat(a, 3), lambda m, a: m.repeat(a, 3, 1),
               lambda m, a: m.repeat(a, [1, 0, 2, 3, 1], 0), lambda m, a: m.repeat(a, -1),
               lambda m, a: m.repeat(a, [1, 2], 0)],
    "reshape": [lambda m, a: m.reshape(a, (7, -1)), lambda m, a: m.reshape(a, 35), lambda m, a: m.reshape(a, (4, 4)),
                lambda m, a: m.reshape(a, (5, 7), "F"), lambda m, a: a.reshape(7, 5),
                lambda m, a: a.reshape((1, 35, 1)), lambda m, a: m.reshape(a, (-1, -1))],
    "resize": [lambda m, a: m.resize(a, (3, 4)), lambda m, a: m.resize(a, (9, 9))],
    "roll": [lambda m, a: m.roll(a, 3), lambda m, a: m.roll(a, (2, -3), (0, 1)), lambda m, a: m.roll(a, 9, 1)],
    "rollaxis": [lambda m, a: m.rollaxis(a, 1)],
    "rot90": [lambda m, a: m.rot90(a), lambda m, a: m.rot90(a, 2), lambda m, a: m.rot90(a, 3)],
    "row_stack": [lambda m, a: m.row_stack([a, a])],
    "shape": [lambda m, a: m.shape(a)],
    "size": [lambda m, a: m.size(a)],
    "split": [lambda m, a: m.split(a, [1, 3]), lambda m, a: m.split(a, 2), lambda m, a: m.split(a, 5)],
    "squeeze": [lambda m, a: m.squeeze(a[None, :, None]), lambda m, a: m.squeeze(a[None], 0),
                lambda m, a: m.squeeze(a, 0)],
    "stack": [lambda m, a: m.stack([a, a], 2), lambda m, a: m.stack([a, a[0]]), lambda m, a: m.stack([])],
    "swapaxes": [lambda m, a: m.swapaxes(a, 0, 1), lambda m, a: m.swapaxes(a, 0, 2)],
    "tile": [lambda m, a: m.tile(a, (2, 3)), lambda m, a: m.tile(a, (2, 1, 3)), lambda m, a: m.tile(a, 0)],
    "trace": [lambda m, a: m.trace(a), lambda m, a: m.trace(a, 2)],
    "transpose": [lambda m, a: m.transpose(a), lambda m, a: a.T, lambda m, a: a[None].transpose(2, 0, 1),
                  lambda m, a: m.transpose(a, (0, 0))],
    "vsplit": [lambda m, a: m.vsplit(a, 5)],
    "vstack": [lambda m, a: m.vstack([a, a[0]])],
    "require": [lambda m, a: m.require(a)],
    "angle": [lambda m, a: m.angle(a - 0.5), lambda m, a: m.angle(a + 1j, True)],
    "around": [lambda m, a: m.around(a * 9, 1)],
    "bartlett": [lambda m, a: m.bartlett(9)],
    "blackman": [lambda m, a: m.blackman(9)],
    "hamming": [lambda m, a: m.hamming(9)],
    "hanning": [lambda m, a: m.hanning(9)],
    "clip": [lambda m, a: m.clip(a, 0.2, 0.7), lambda m, a: m.clip(a, None, 0.7), lambda m, a: a.clip(0.3)],
    "convolve": [lambda m, a: m.convolve(a[0], a[1, :3]), lambda m, a: m.convolve(a[0], a[1, :3], "same"),
                 lambda m, a: m.convolve(a[0], a[1, :3], "valid")],
    "correlate": [lambda m, a: m.correlate(a[0], a[1, :3], "full")],
    "cross": [lambda m, a: m.cross(a[:, :3], a[:, 1:4]), lambda m, a: m.cross(a[:, :2], a[:, 1:3])],
    "diff": [lambda m, a: m.diff(a), lambda m, a: m.diff(a, 2, 0), lambda m, a: m.diff(a > 0.5),
             lambda m, a: m.diff(a, prepend=0), lambda m, a: m.diff(a, -1)],
    "ediff1d": [lambda m, a: m.ediff1d(a, to_end=[1.0], to_begin=[2.0, 3.0])],
    "fix": [lambda m, a: m.fix(a * 5 - 2)],
    "gradient": [lambda m, a: m.gradient(a), lambda m, a: m.gradient(a, 2.0, axis=1, edge_order=2),
                 lambda m, a: m.gradient(a[0], np.array([0, 1, 3, 4, 8, 9, 10.0]))],
    "i0": [lambda m, a: m.i0(a * 20)],
    "imag": [lambda m, a: m.imag(a + 1j)],
    "real": [lambda m, a: m.real(a + 1j)],
    "interp": [lambda m, a: m.interp(a, [0.0, 0.3, 0.8], [1.0, 4.0, 2.0], left=-1.0),
               lambda m, a: m.interp(a * 20 - 9, [5.0, 1.0, 12.0, 3.0], [1.0, 4.0, 2.0, 8.0], period=7),
               lambda m, a: m.interp(a * 20, a[0] * 50, a[1] * 1j, 0, 0, -3.5),
               lambda m, a: m.interp(a, [1], [2], period=0), lambda m, a: m.interp(a, [1.0, 2.0], [2.0], period=3)],
    "iscomplex": [lambda m, a: m.iscomplex(a * 1j), lambda m, a: m.iscomplex(a)],
    "iscomplexobj": [lambda m, a: m.iscomplexobj(a * 1j)],
    "isrealobj": [lambda m, a: m.isrealobj(a)],
    "isreal": [lambda m, a: m.isreal(a + 0j)],
    "isneginf": [lambda m, a: m.isneginf(m.log(a - a))],
    "isposinf": [lambda m, a: m.isposinf(-m.log(a - a))],
    "nan_to_num": [lambda m, a: m.nan_to_num(m.log(a - 0.5) * 1e308 * 10),
                   lambda m, a: m.nan_to_num(m.log(a - 0.5), nan=1.0, neginf=-5)],
    "kaiser": [lambda m, a: m.kaiser(9, 8.6), lambda m, a: m.kaiser(1, 2), lambda m, a: m.kaiser(0, 2)],
    "polyval": [lambda m, a: m.polyval([1, 2, 3], a)],
    "polyadd": [lambda m, a: m.polyadd(a[0], a[1, :3]), lambda m, a: m.polyadd([1, 2], 3)],
    "polysub": [lambda m, a: m.polysub(a[0, :2], a[1]), lambda m, a: m.polysub([1], [2, 0, 1])],
    "polymul": [lambda m, a: m.polymul(a[0], a[1]), lambda m, a: m.polymul([0, 0, 1, 2], [0, 3]),
                lambda m, a: m.polymul([0, 0], [1, 2]), lambda m, a: m.polymul(3, a[0])],
    "polydiv": [lambda m, a: m.polydiv(a[0], a[1, :3]), lambda m, a: m.polydiv([1.0, 2.0], [3.0, 1.0, 2.0]),
                lambda m, a: m.polydiv([3.0, 5.0, 2.0], [1.0, 1.0]), lambda m, a: m.polydiv([4.0], [2.0])],
    "polyder": [lambda m, a: m.polyder(a[0]), lambda m, a: m.polyder(a[0], 3), lambda m, a: m.polyder(a[0], 0),
                lambda m, a: m.polyder([1, 1, 1, 1]), lambda m, a: m.polyder(a[0], -1)],
    "polyint": [lambda m, a: m.polyint(a[0]), lambda m, a: m.polyint(a[0], 2, [1, 2]),
                lambda m, a: m.polyint([6, 6], 2, 3), lambda m, a: m.polyint(a[0], 3, [1, 2])],
    "polyfit": [lambda m, a: m.polyfit(a[0], a[1], 2), lambda m, a: m.polyfit(a[0], a[:3].T, 1),
                lambda m, a: m.polyfit(a[0], a[1], 2, w=a[2]), lambda m, a: m.polyfit(a[0], a[1], 1, cov=True),
                lambda m, a: m.polyfit(a[0], a[1], 1, cov="unscaled"), lambda m, a: m.polyfit(a, a, 1),
                lambda m, a: m.polyfit(a[0], a[1], 1, full=True)[:2], lambda m, a: m.polyfit(a[0], a[1], -1)],
    "poly": [lambda m, a: m.poly(a[0]), lambda m, a: m.poly([1j, -1j]), lambda m, a: m.poly([1j, 2]),
             lambda m, a: m.poly(a[:4, :4]), lambda m, a: m.poly(a), lambda m, a: m.poly([])],
    "roots": [lambda m, a: m.sort(m.roots([1.0, -6.0, 11.0, -6.0]).real),
              lambda m, a: m.sort(abs(m.roots(m.append(a[0], [0.0, 0.0])))),
              lambda m, a: m.roots(m.zeros(3)).size, lambda m, a: m.roots([3.0]).size, lambda m, a: m.roots(a)],
    "packbits": [lambda m, a: m.packbits(a > 0.5), lambda m, a: m.packbits(a > 0.5, 1),
                 lambda m, a: m.packbits(m.arange(9) % 3, bitorder="little"), lambda m, a: m.packbits(a),
                 lambda m, a: m.packbits(a > 0.5, 0, "little"), lambda m, a: m.packbits(a > 0.5, bitorder="middle"),
                 lambda m, a: m.packbits(m.unpackbits(m.arange(256).astype("u1")).astype(bool)),
                 lambda m, a: m.packbits(m.unpackbits(m.arange(256).astype("u1")).reshape(8, 256).T, 1, "little")],
    "unpackbits": [lambda m, a: m.unpackbits((a * 255).astype("u1")),
                   lambda m, a: m.unpackbits((a * 255).astype("u1"), 0),
                   lambda m, a: m.unpackbits((a * 255).astype("u1"), 1, -3, "little"),
                   lambda m, a: m.unpackbits((a * 255).astype("u1"), 1, 99), lambda m, a: m.unpackbits(a),
                   lambda m, a: m.unpackbits((a * 255).astype("u1"), 1, 5),
                   lambda m, a: m.unpackbits(m.arange(256).astype("u1")),
                   lambda m, a: m.unpackbits(m.arange(256).astype("u1"), bitorder="little")],
    "common_type": [lambda m, a: m.common_type(a, a.astype("f4")).__name__],
    "apply_along_axis": [lambda m, a: m.apply_along_axis(lambda v: v.sum(), 0, a),
                         lambda m, a: m.apply_along_axis(lambda v: v[:2] * 2, 1, a),
                         lambda m, a: m.apply_along_axis(lambda v, k: m.outer(v, v)[:k], 1, a, 3),
                         lambda m, a: m.apply_along_axis(m.sort, 0, a[None]),
                         lambda m, a: m.apply_along_axis(m.sum, 0, m.zeros((3, 0))),
                         lambda m, a: m.apply_along_axis(m.sum, 2, a)],
    "apply_over_axes": [lambda m, a: m.apply_over_axes(m.sum, a[None], [0, -1]),
                        lambda m, a: m.apply_over_axes(m.cumsum, a, 1)],
    "asarray_chkfinite": [lambda m, a: m.asarray_chkfinite(a), lambda m, a: m.asarray_chkfinite([1, np.inf])],
    "frombuffer": [lambda m, a: m.frombuffer(b"\0\0\0\0\0\0\xf0?" * 3), lambda m, a: m.frombuffer(b"abc", "u1", 2, 1),
                   lambda m, a: m.frombuffer(b"abc", "f8")],
    "fromiter": [lambda m, a: m.fromiter(range(5), "i4"), lambda m, a: m.fromiter(range(5), float, 3)],
    "from_dlpack": [lambda m, a: m.from_dlpack(X)],
    "fromstring": [lambda m, a: m.fromstring("1 2 3", sep=" ")],
    "loadtxt": [lambda m, a: m.loadtxt(["1,2", "3,4"], delimiter=","),
                lambda m, a: m.loadtxt(["1 2", "3 4"], "i4", skiprows=1), lambda m, a: m.loadtxt(["x"])],
    "genfromtxt": [lambda m, a: m.genfromtxt(["1,", "3,4"], delimiter=",")],
    "diag_indices_from": [lambda m, a: m.diag_indices_from(a[:, :5]), lambda m, a: m.diag_indices_from(a),
                          lambda m, a: m.diag_indices_from(a[0])],
    "mask_indices": [lambda m, a: m.mask_indices(4, m.triu), lambda m, a: m.mask_indices(4, m.tril, -1)],
    "trim_zeros": [lambda m, a: m.trim_zeros(m.array([0, 0, 1, 0, 2, 0])), lambda m, a: m.trim_zeros(m.array([0, 0])),
                   lambda m, a: m.trim_zeros(m.array([0, 1, 0]), "f"), lambda m, a: m.trim_zeros(a[0], "b"),
                   lambda m, a: m.trim_zeros(m.array([0, 1, 0]), "b")],
    "ndenumerate": [lambda m, a: [v for _, v in m.ndenumerate(a)], lambda m, a: [k for k, _ in m.ndenumerate(a[None])],
                    lambda m, a: list(m.ndenumerate(m.array(3)))[0][1]],
    "isfortran": [lambda m, a: m.isfortran(a)],
    "shares_memory": [lambda m, a: m.shares_memory(m.ones(3), m.ones(3))],
    "may_share_memory": [lambda m, a: m.may_share_memory(m.ones(3), m.ones(3))],
    "real_if_close": [lambda m, a: m.real_if_close(a + 0j), lambda m, a: m.real_if_close(a + 1j)],
    "round": [lambda m, a: m.around(a * 100, -1), lambda m, a: a.round(2),
              lambda m, a: m.around((a * 100).astype(int), -1)],
    "round_": [lambda m, a: m.round_(a, 1)],
    "sinc": [lambda m, a: m.sinc(a)],
    "trapz": [lambda m, a: m.trapz(a), lambda m, a: m.trapz(a, a[0] * 2)],
    "unwrap": [lambda m, a: m.unwrap(a * 20), lambda m, a: m.unwrap((a * 900).astype(int), period=360),
               lambda m, a: m.unwrap((a * 90).astype("i2"), period=7, axis=0),
               lambda m, a: m.unwrap((a * 90).astype("i4"), 20, period=31),
               lambda m, a: m.unwrap((a * 90).astype("i4"), period=7.0), lambda m, a: m.unwrap((a * 90).astype(int))],
    "where": [lambda m, a: m.where(a > 0.5, a, 0), lambda m, a: m.where(a > 0.5), lambda m, a: m.where(a > 0.5, a)],
    "result_type": [lambda m, a: np.zeros(1, m.result_type("f4", "i8"))],
    "can_cast": [lambda m, a: m.can_cast("f8", "f4")],
    "promote_types": [lambda m, a: np.zeros(1, m.promote_types("u8", "i8"))],
    "min_scalar_type": [lambda m, a: np.zeros(1, m.min_scalar_type(3)), lambda m, a: np.zeros(1, np.min_scalar_type(a)),
                        lambda m, a: np.zeros(1, np.min_scalar_type(abs(a).max()))],
    "float_power": [lambda m, a: m.float_power((a * 5).astype(int), 2),
                    lambda m, a: m.float_power((a * 5).astype(int) + 1, -1),
                    lambda m, a: m.power((a * 5).astype(int) + 1, -1, dtype="float64")],
    "amax": [lambda m, a: m.amax(a, 0)],
    "amin": [lambda m, a: m.amin(a, 0)],
    "product": [lambda m, a: m.product(a)],
    "cumproduct": [lambda m, a: m.cumproduct(a[0])],
    "alltrue": [lambda m, a: m.alltrue(a)],
    "sometrue": [lambda m, a: m.sometrue(a)],
    "argwhere": [lambda m, a: m.argwhere(a > 0.5)],
    "choose": [lambda m, a: m.choose([0, 1, 0, 1, 0, 1, 0], [a[0], a[1]]),
               lambda m, a: m.choose([5], [a[0]], mode="clip"), lambda m, a: m.choose([5], [a[0]])],
    "compress": [lambda m, a: m.compress([True, False, True], a, 1), lambda m, a: m.compress([0, 1], a)],
    "extract": [lambda m, a: m.extract(a > 0.5, a)],
    "fill_diagonal": [lambda m, a: _changed(m, a, m.fill_diagonal, 9),
                      lambda m, a: _changed(m, a.T, m.fill_diagonal, 9, True)],
    "flatnonzero": [lambda m, a: m.flatnonzero(a > 0.5)],
    "ix_": [lambda m, a: a[m.ix_([0, 2], [1, 3])]],
    "nonzero": [lambda m, a: m.nonzero(a > 0.5), lambda m, a: m.nonzero(a[0])],
    "place": [lambda m, a: _changed(m, a, m.place, a > 0.5, [1.0, 2.0, 3.0])],
    "put": [lambda m, a: _changed(m, a, m.put, [1, 9], [5.0, 6.0])],
    "put_along_axis": [lambda m, a: _changed(m, a, m.put_along_axis, m.argsort(a, 1)[:, :2], 9.0, 1)],
    "putmask": [lambda m, a: _changed(m, a, m.putmask, a > 0.5, [1.0, 2.0])],
    "ravel_multi_index": [lambda m, a: m.ravel_multi_index(([1, 2], [3, 4]), (5, 7)),
                          lambda m, a: m.ravel_multi_index(([9], [3]), (5, 7))],
    "r_": [lambda m, a: m.r_[1:4, 0, a[0]], lambda m, a: m.r_["-1", a, a], lambda m, a: m.r_["0,2", a[0], a[1]],
           lambda m, a: m.r_["0,2,0", a[0], a[1]], lambda m, a: m.r_["1,2,0", a[0], 1:8, a],
           lambda m, a: m.r_["2,3,1", a[0], 0:7], lambda m, a: m.r_["1,3,-2", a[0], 0:7],
           lambda m, a: m.r_["0,3,0", a[:, :1], 3], lambda m, a: m.r_["r", a[0], 1:3],
           lambda m, a: m.r_["c", a[0], 1:3],
           lambda m, a: m.r_["x", a], lambda m, a: m.r_["0,x", a], lambda m, a: m.r_[a, "0"],
           lambda m, a: m.r_["r", a[None]]],
    "c_": [lambda m, a: m.c_[a[0], a[1]], lambda m, a: m.c_["0", a[0], a[1]], lambda m, a: m.c_[a, a[:, 0], a],
           lambda m, a: m.c_["1,3", a[0], a[1]]],
    "select": [lambda m, a: m.select([a > 0.7, a > 0.3], [a, -a], 5.0)],
    "piecewise": [lambda m, a: m.piecewise(a, [a > 0.5], [lambda v: v * 2, -1])],
    "take": [lambda m, a: m.take(a, [0, 3, 5]), lambda m, a: m.take(a, [[0, 3], [1, 1]], 1),
             lambda m, a: m.take(a, [0, 30], 1, mode="wrap"), lambda m, a: m.take(a, [0, 30], 1),
             lambda m, a: m.take(a, 2, 0)],
    "take_along_axis": [lambda m, a: m.take_along_axis(a, m.argsort(a, 1), 1)],
    "unravel_index": [lambda m, a: m.unravel_index([3, 8], (5, 7)), lambda m, a: m.unravel_index([35], (5, 7))],
    "diag_indices": [lambda m, a: a[m.diag_indices(4)]],
    "tril_indices_from": [lambda m, a: m.tril_indices_from(a, 1), lambda m, a: m.tril_indices_from(a[0])],
    "triu_indices_from": [lambda m, a: m.triu_indices_from(a, -1)],
    "tril_indices": [lambda m, a: m.tril_indices(3)],
    "triu_indices": [lambda m, a: m.triu_indices(3, 1)],
    "argpartition": [lambda m, a: m.take_along_axis(a, m.argpartition(a, 2, 1), 1)[:, 2]],
    "partition": [lambda m, a: m.partition(a, 2, 1)[:, 2], lambda m, a: m.partition(a, 9, 1),
                  lambda m, a: m.partition(a, 2, 1, "quick"), lambda m, a: m.partition(a, 2, order="f0"),
                  lambda m, a: m.argpartition(a, 2, 1, None)],
    "argsort": [lambda m, a: m.argsort(a, 0), lambda m, a: m.argsort(a, None)],
    "lexsort": [lambda m, a: m.lexsort((a[0], m.around(a[1])))],
    "msort": [lambda m, a: m.msort(a)],
    "searchsorted": [lambda m, a: m.searchsorted(m.sort(a[0]), a),
                     lambda m, a: m.searchsorted(m.sort(a[0]), 0.5, "right"), lambda m, a: m.searchsorted(a, 1)],
    "sort": [lambda m, a: m.sort(a), lambda m, a: m.sort(a, 0), lambda m, a: m.sort(a, None),
             lambda m, a: m.sort(a, 2), lambda m, a: m.sort(a, kind="stable"), lambda m, a: m.sort(a, -1, "Heap"),
             lambda m, a: m.sort(a, kind="bubble"), lambda m, a: m.sort(a, kind=1), lambda m, a: m.sort(a, order="f0"),
             lambda m, a: m.argsort(a, kind="mergesort") if m is mt else np.argsort(a, kind="stable"),
             lambda m, a: m.argsort(a, order=["x"])],
    "sort_complex": [lambda m, a: m.sort_complex(a[0])],
    "unique": [lambda m, a: m.unique(m.around(a, 1)), lambda m, a: m.unique(m.around(a, 1), True, True, True),
               lambda m, a: m.unique(m.around(a[:, :1]), axis=0), lambda m, a: m.unique(a[:0])],
    "allclose": [lambda m, a: m.allclose(a, a + 1e-9), lambda m, a: m.allclose(a, a + 1)],
    "array_equal": [lambda m, a: m.array_equal(a, a), lambda m, a: m.array_equal(a, a[0])],
    "array_equiv": [lambda m, a: m.array_equiv(a[:1], a[0])],
    "in1d": [lambda m, a: m.in1d([1, 2, 5], [2, 5, 9])],
    "intersect1d": [lambda m, a: m.intersect1d(m.around(a[0], 1), m.around(a[1], 1)),
                    lambda m, a: m.intersect1d(m.around(a, 1), m.around(a[1], 1), return_indices=True),
                    lambda m, a: m.intersect1d(a[0], a[1] + 9, return_indices=True)],
    "isclose": [lambda m, a: m.isclose(a, a + 1e-9),
                lambda m, a: m.isclose([np.nan, np.inf], [np.nan, np.inf], equal_nan=True)],
    "isin": [lambda m, a: m.isin(m.around(a, 1), [0.1, 0.5]), lambda m, a: m.isin(a, [], invert=True)],
    "setdiff1d": [lambda m, a: m.setdiff1d(m.around(a[0], 1), m.around(a[1], 1))],
    "setxor1d": [lambda m, a: m.setxor1d(m.around(a[0], 1), m.around(a[1], 1))],
    "union1d": [lambda m, a: m.union1d(m.around(a[0], 1), [0.5])],
    "average": [lambda m, a: m.average(a, 1, a[0]), lambda m, a: m.average(a),
                lambda m, a: m.average(a, weights=a[0])],
    "bincount": [lambda m, a: m.bincount((a[0] * 5).astype(int)),
                 lambda m, a: m.bincount((a[0] * 5).astype(int), a[1], 9), lambda m, a: m.bincount([-1]),
                 lambda m, a: m.bincount(a[0])],
    "corrcoef": [lambda m, a: m.corrcoef(a)],
    "cov": [lambda m, a: m.cov(a), lambda m, a: m.cov(a, rowvar=False, bias=True),
            lambda m, a: m.cov(a[0], a[1], aweights=a[2])],
    "digitize": [lambda m, a: m.digitize(a, [0.2, 0.5, 0.8]), lambda m, a: m.digitize(a, [0.8, 0.5, 0.2], right=True),
                 lambda m, a: m.digitize(a, [1, 0, 2])],
    "histogram": [lambda m, a: m.histogram(a, 5), lambda m, a: m.histogram(a, [0, 0.2, 0.7, 1.0], density=True),
                  lambda m, a: m.histogram(a, 4, (0, 0.5), weights=a), lambda m, a: m.histogram(a, 0),
                  lambda m, a: m.histogram(a, [3, 1]), lambda m, a: m.histogram(a, "rule"),
                  lambda m, a: m.histogram(a, "auto", weights=a),
                  *(lambda m, a, rule=rule: m.histogram(a**3, rule) for rule in RULES),
                  *(lambda m, a, rule=rule: m.histogram(a**3, rule, (0.1, 0.7)) for rule in RULES),
                  *(lambda m, a, rule=rule: m.histogram((a * 900).astype("i2"), rule) for rule in RULES),
                  *(lambda m, a, rule=rule, n=n: m.histogram(a[:1, :n], rule) for rule in RULES for n in (0, 1)),
                  lambda m, a: m.histogram(m.zeros(9), "fd")],
    "histogram2d": [lambda m, a: m.histogram2d(a[0], a[1], 3)],
    "histogram_bin_edges": [lambda m, a: m.histogram_bin_edges(a, 5), lambda m, a: m.histogram_bin_edges(a, "sqrt")],
    "histogramdd": [lambda m, a: m.histogramdd(a[:, :2], (2, 3))[0]],
    "median": [lambda m, a: m.median(a), lambda m, a: m.median(a, 0, keepdims=True),
               lambda m, a: m.median(a[:4], (0, 1))],
    "nanmedian": [lambda m, a: m.nanmedian(m.where(a > 0.8, np.nan, a), 0)],
    "percentile": [lambda m, a: m.percentile(a, [10, 50, 99.0]), lambda m, a: m.percentile(a, 30, axis=1),
                   lambda m, a: m.percentile(a, 101)],
    "nanpercentile": [lambda m, a: m.nanpercentile(m.where(a > 0.8, np.nan, a), [20, 70], 1)],
    "nanquantile": [lambda m, a: m.nanquantile(a, 0.3)],
    "quantile": [lambda m, a: m.quantile(a, 0.3, axis=(0, 1)),
                 lambda m, a: m.quantile(a, [0.3, 0.5], axis=0, method="lower", keepdims=True),
                 lambda m, a: m.quantile(a, 0.25, method="weibull"),
                 lambda m, a: m.quantile(a, 0.25, method="median_unbiased"),
                 lambda m, a: m.quantile(a, [[0.1, 0.2], [0.3, 0.4]], axis=1)],
    "dot": [lambda m, a: m.dot(a, a.T), lambda m, a: m.dot(a, a[0]), lambda m, a: m.dot(a[0], a[0]),
            lambda m, a: m.dot(2, a), lambda m, a: m.dot(a, a), lambda m, a: m.dot(a[None], a.T[None])],
    "einsum": [lambda m, a: m.einsum("ij,kj->ik", a, a), lambda m, a: m.einsum("ij,ij", a, a),
               lambda m, a: m.einsum("ij->j", a), lambda m, a: m.einsum("ii", a[:5, :5]),
               lambda m, a: m.einsum("ij,jk,kl->il", a, a.T, a), lambda m, a: m.einsum("...j,j->...", a, a[0]),
               lambda m, a: m.einsum("ij->ji", a), lambda m, a: m.einsum("ij,k", a, a)],
    "inner": [lambda m, a: m.inner(a, a), lambda m, a: m.inner(a, a[0]), lambda m, a: m.inner(a, a.T)],
    "kron": [lambda m, a: m.kron(a, a)],
    "matmul": [lambda m, a: m.matmul(a, a.T), lambda m, a: a @ a[0], lambda m, a: m.matmul(a[None], a.T[None]),
               lambda m, a: m.matmul(a, a), lambda m, a: m.matmul(a, 2),
               lambda m, a: m.matmul((a * 9).astype(int), (a.T * 9).astype(int))],
    "outer": [lambda m, a: m.outer(a[0], a[1])],
    "tensordot": [lambda m, a: m.tensordot(a, a, ((0,), (0,))), lambda m, a: m.tensordot(a, a),
                  lambda m, a: m.tensordot(a, a, 1)],
    "vdot": [lambda m, a: m.vdot(a, a * 1j)],
}


def _changed(m, a, function, *args):
    a = a.copy()
    function(a, *args)
    return a


def _copied(m, a):
    target = m.zeros((5, 7), dtype="f4")
    m.copyto(target, a, where=a > 0.5)
    return target


@pytest.mark.parametrize("name, program", [pytest.param(name, program, id=f"{name}-{k}")
                                           for name, programs in CASES.items() for k, program in enumerate(programs)])
def test_functions_give_what_numpy_gives(name, program):
    same(program, X, ulps=ULPS)


LINALG = {
    "cholesky": lambda m, a: m.linalg.cholesky(a @ a.T),
    "cond": lambda m, a: m.linalg.cond(a),
    "det": lambda m, a: m.linalg.det(a[:, :5]),
    "eigvalsh": lambda m, a: m.linalg.eigvalsh(a @ a.T),
    "inv": lambda m, a: m.linalg.inv(a[:, :5]),
    "lstsq": lambda m, a: m.linalg.lstsq(a[:, :3], a[:, 4], None),
    "matrix_power": lambda m, a: m.linalg.matrix_power(a[:, :5], 3),
    "matrix_rank": lambda m, a: m.linalg.matrix_rank(a),
    "multi_dot": lambda m, a: m.linalg.multi_dot([a, a.T, a]),
    "norm": lambda m, a: m.linalg.norm(a),
    "norm1": lambda m, a: m.linalg.norm(a, 1),
    "normi": lambda m, a: m.linalg.norm(a, np.inf, axis=1),
    "norm3": lambda m, a: m.linalg.norm(a, 3, axis=0, keepdims=True),
    "norm2": lambda m, a: m.linalg.norm(a, 2),
    "nuc": lambda m, a: m.linalg.norm(a, "nuc"),
    "bad": lambda m, a: m.linalg.norm(a, "x"),
    "pinv": lambda m, a: m.linalg.pinv(a),
    "slogdet": lambda m, a: tuple(m.linalg.slogdet(a[:, :5])),
    "solve": lambda m, a: m.linalg.solve(a[:, :5], a[:, 5]),
    "solve2": lambda m, a: m.linalg.solve(a[:, :5], a[:, 5:]),
    "svdvals": lambda m, a: m.linalg.svd(a, compute_uv=False),
    "square": lambda m, a: m.linalg.inv(a),
    "half": lambda m, a: m.linalg.inv(a[:, :5].astype("f2")),
    "r": lambda m, a: abs(m.linalg.qr(a, mode="r")),
    "singular": lambda m, a: m.linalg.inv(m.zeros((3, 3))),
    "not positive": lambda m, a: m.linalg.cholesky(-(a @ a.T)),
    "vector": lambda m, a: m.linalg.det(a[0]),
    "float32": lambda m, a: m.linalg.inv((a[:, :5] + m.eye(5)).astype("f4")),
}


@pytest.mark.parametrize("name", LINALG)
def test_factorizations_give_what_lapack_gives(name):
    same(LINALG[name], X, ulps=20000, cuttings=[None, 2])


def test_complete_factors_of_nothing_are_identities():
    nothing = np.zeros((4, 0))
    assert np.array_equal(mt.linalg.svd(mt.tensor(nothing), full_matrices=True)[0], np.eye(4))
    assert np.array_equal(
        mt.linalg.qr(mt.tensor(nothing), mode="complete")[0], np.linalg.qr(nothing, mode="complete")[0]
    )


def test_equations_in_stacks_have_columns_unless_there_is_one_vector():
    """As in NumPy 2 and in the array API standard; NumPy 1 takes what has an axis less for vectors."""
    rng = np.random.default_rng(5)
    a, v, columns = rng.random((2, 3, 3)), rng.random(3), rng.random((3, 3))
    t = mt.tensor(a, chunk_size=2)
    assert np.allclose(mt.linalg.solve(t, v), [np.linalg.solve(m, v) for m in a], rtol=1e-12)
    assert np.allclose(mt.linalg.solve(t, columns), [np.linalg.solve(m, columns) for m in a], rtol=1e-12)
    assert mt.linalg.solve(mt.zeros((0, 0, 0)), mt.zeros((0, 0))).shape == (0, 0, 0)
    with pytest.raises(ValueError, match="core dimension"):
        mt.linalg.solve(t, rng.random((2, 3)))


@pytest.mark.parametrize("dtype", ["f8", "f4", "c16"])
@pytest.mark.parametrize("shape", [(6, 6), (20, 4), (4, 9)])
@pytest.mark.parametrize("chunk_size", [None, 3, 5])
def test_factors_multiply_to_the_matrix(dtype, shape, chunk_size):
    a = array(shape, dtype, 4, special=False)
    a = (a / np.abs(a).max()).astype(dtype)
    t = mt.tensor(a, chunk_size=chunk_size)
    close = dict(atol=1e-4 if dtype == "f4" else 1e-12)
    q, r = mt.linalg.qr(t)
    assert np.allclose(q @ r, a, **close) and np.allclose(mt.conj(q).T @ q, np.eye(q.shape[1]), **close)
    assert np.allclose(mt.tril(r, -1), 0)
    u, s, vh = mt.linalg.svd(t, full_matrices=False)
    assert np.allclose((u * s) @ vh, a, **close)
    assert np.allclose(s, np.linalg.svd(a, compute_uv=False), **close)
    k = min(shape)
    q, r = mt.linalg.qr(t, mode="complete")
    assert q.shape == (shape[0], shape[0]) and np.allclose(mt.conj(q).T @ q, np.eye(shape[0]), **close)
    assert r.shape == shape and np.allclose(q @ r, a, **close)
    u, s, vh = mt.linalg.svd(t, full_matrices=True)
    assert np.allclose(mt.conj(u).T @ u, np.eye(shape[0]), **close) and np.allclose(
        vh @ mt.conj(vh).T, np.eye(shape[1]), **close
    )
    assert np.allclose((u[:, :k] * s) @ vh[:k], a, **close)
    if shape[0] == shape[1]:
        p, low, up = mt.linalg.lu(t)
        assert np.allclose(p @ low @ up, a, **close)
        assert np.allclose(mt.linalg.solve(t, t), np.eye(len(a)), atol=1e-2 if dtype == "f4" else 1e-8)
        h = a + a.conj().T
        w, v = mt.linalg.eigh(mt.tensor(h, chunk_size=chunk_size))
        assert np.allclose(h @ np.asarray(v), np.asarray(v) * np.asarray(w), **close)
        w, v = mt.linalg.eig(t)
        assert np.allclose(a @ np.asarray(v), np.asarray(v) * np.asarray(w), **close)
        assert np.allclose(mt.linalg.eigvals(t), np.asarray(w), atol=1e-3 if dtype == "f4" else 1e-10)
        x = mt.linalg.solve_triangular(mt.tril(t) + mt.eye(len(a)) * 3, t[:, 0], lower=True)
        assert np.allclose((np.tril(a) + np.eye(len(a)) * 3) @ np.asarray(x), a[:, 0], **close)


@pytest.mark.parametrize("chunk_size", [None, 5])
@pytest.mark.parametrize("normalizer", ["auto", "QR", "LU", "none"])
def test_the_largest_singular_values_are_found_by_projection(normalizer, chunk_size):
    rng = np.random.default_rng(1)
    low = rng.standard_normal((60, 25)) * 0.4 ** np.arange(25) @ rng.standard_normal((25, 25))
    for a in (low, low.T, low * np.exp(1j * np.arange(60))[:, None]):
        want = np.linalg.svd(a, compute_uv=False)
        u, s, vh = mt.linalg.randomized_svd(mt.tensor(a, chunk_size=chunk_size), 4,
                                            n_iter=2 if normalizer == "none" else "auto",
                                            power_iteration_normalizer=normalizer)
        assert np.allclose(s, want[:4], rtol=1e-4)
        u, vh = np.asarray(u), np.asarray(vh)
        assert np.allclose(u.conj().T @ u, np.eye(4), atol=1e-10) and np.allclose(vh @ vh.conj().T, np.eye(4))
        assert np.linalg.norm(a - u * np.asarray(s) @ vh, 2) < 1.01 * want[4]
        largest = u[np.abs(u).argmax(0), range(4)]
        assert (largest.real > 0).all() and np.allclose(largest.imag, 0)
    with pytest.raises(ValueError):
        mt.linalg.randomized_svd(low, 2, power_iteration_normalizer="SVD")


def test_tensors_as_linear_maps():
    a = np.random.default_rng(2).random((2, 3, 6)) + np.eye(6).reshape(2, 3, 6)
    same(lambda m, a: m.linalg.tensorinv(a), a, ulps=4000)
    same(lambda m, a: m.linalg.tensorinv(a.reshape(6, 2, 3), ind=1), a, ulps=4000)
    same(lambda m, a: m.linalg.tensorinv(a, ind=0), a)
    same(lambda m, a: m.linalg.tensorsolve(a, m.ones((2, 3))), a, ulps=4000)
    same(lambda m, a: m.linalg.tensorsolve(a, m.ones((3, 2)), axes=(0,)), a, ulps=4000)
    same(lambda m, a: m.linalg.tensorsolve(a, m.ones(5)), a)


@pytest.mark.parametrize("optimize", [False, True, "greedy", "optimal", ["einsum_path", (1, 2), (0, 1)]])
def test_sums_of_products_of_several_in_any_order(optimize):
    rng = np.random.default_rng(3)
    a, b, c = rng.random((4, 2, 3)), rng.random((3, 5)), rng.random((5, 2))
    same(lambda m, a, b, c: m.einsum("aij,jk,ki->a", a, b, c, optimize=optimize), a, b, c, ulps=64)
    same(lambda m, a, b, c: m.einsum("...ij,jk,kl->...il", a, b, c, optimize=optimize), a, b, c, ulps=64)
    assert mt.einsum_path("aij,jk,ki->a", a, b, c, optimize=optimize)[0] == np.einsum_path(
        "aij,jk,ki->a", a, b, c, optimize=optimize)[0]


# ---- Any shape, any dtype --------------------------------------------------------------------------------------------

PROGRAMS = {name: (lambda m, a, name=name: getattr(m, name)(a)) for name in """
    diff ediff1d argsort unique flip fliplr flipud rot90 ravel transpose squeeze atleast_1d atleast_2d
    atleast_3d trace diagonal diag diagflat nonzero flatnonzero argwhere average around angle real imag
    iscomplex isreal nan_to_num zeros_like ones_like i0 sort_complex shape ndim size corrcoef cov msort rollaxis
    asarray vander
""".split()}
PROGRAMS.update(
    {
        "append": lambda m, a: m.append(a, a, 0),
        "array_equal": lambda m, a: m.array_equal(a, a),
        "array_split": lambda m, a: m.array_split(a, 2),
        "average": lambda m, a: m.average(a, 0, np.arange(1.0, len(a) + 1)),
        "bincount": lambda m, a: m.bincount(a % 99 if a.dtype.kind in "iu" else a),  # it has as many as the largest
        "block": lambda m, a: m.block([[a], [a]]),
        "clip": lambda m, a: m.clip(a, 1, 3),
        "column_stack": lambda m, a: m.column_stack([a, a]),
        "compress": lambda m, a: m.compress([True], a, axis=0),
        "concatenate": lambda m, a: m.concatenate([a, a], -1),
        "convolve": lambda m, a: m.convolve(a, [1, 2]),
        "cumsum": lambda m, a: m.cumsum(a, dtype="f8"),
        "delete": lambda m, a: m.delete(a, 0, 0),
        "digitize": lambda m, a: m.digitize(a, [0, 2]),
        "dot": lambda m, a: m.dot(a, a.T),
        "dstack": lambda m, a: m.dstack([a, a]),
        "einsum": lambda m, a: m.einsum("...i->...", a),
        "expand_dims": lambda m, a: m.expand_dims(a, (0, -1)),
        "full_like": lambda m, a: m.full_like(a, 3),
        "hstack": lambda m, a: m.hstack([a, a]),
        "inner": lambda m, a: m.inner(a, a),
        "insert": lambda m, a: m.insert(a, 0, 3, 0),
        "interp": lambda m, a: m.interp(a, [0, 1, 2], [3, 4, 5]),
        "isclose": lambda m, a: m.isclose(a, a),
        "kron": lambda m, a: m.kron(a, a),
        "left_shift": lambda m, a: m.left_shift(a, 1),
        "lexsort": lambda m, a: m.lexsort((a,)),
        "matmul": lambda m, a: a @ a.T,
        "meshgrid": lambda m, a: m.meshgrid(a, a),
        "moveaxis": lambda m, a: m.moveaxis(a, 0, -1),
        "norm": lambda m, a: m.linalg.norm(a),
        "outer": lambda m, a: m.outer(a, a),
        "pad": lambda m, a: m.pad(a, 1, "edge"),
        "partition": lambda m, a: m.sort(m.partition(a, 0, axis=-1), -1),
        "piecewise": lambda m, a: m.piecewise(a, [a > 0], [1]),
        "power": lambda m, a: a**3,
        "put": lambda m, a: _changed(m, a, m.put, [0], 1),
        "repeat": lambda m, a: m.repeat(a, 2, 0),
        "resize": lambda m, a: m.resize(a, (3, 3)),
        "roll": lambda m, a: m.roll(a, 2, 0),
        "searchsorted": lambda m, a: m.searchsorted(m.sort(a.ravel()), a),
        "setxor1d": lambda m, a: m.setxor1d(a, [1, 2]),
        "sort": lambda m, a: m.sort(a),
        "split": lambda m, a: m.split(a, 1),
        "stack": lambda m, a: m.stack([a, a], -1),
        "sum": lambda m, a: m.sum(a, dtype="f4"),
        "take": lambda m, a: m.take(a, [0, 0], axis=0),
        "tensordot": lambda m, a: m.tensordot(a, a, 0),
        "tile": lambda m, a: m.tile(a, (2, 1)),
        "union1d": lambda m, a: m.union1d(a, a),
        "vdot": lambda m, a: m.vdot(a, a),
        "wrap": lambda m, a: m.pad(a, 2, "wrap"),
    }
)


@settings(max_examples=600)
@given(st.sampled_from(sorted(PROGRAMS)), shapes, st.sampled_from(DTYPES), st.integers(0, 99),
       st.sampled_from([None, 1, 2, 3]))
def test_functions_of_any_shape_and_dtype(name, shape, dtype, seed, chunk_size):
    a = array(shape, dtype, seed, special=False)
    assume(not (name == "average" and shape and shape[0] == 0))  # no weights: NumPy refuses to divide by their sum
    assume(not (name in ("cov", "corrcoef") and dtype == "complex64" and a.size == 0))  # NumPy forgets what it is of
    assume(
        not (dtype in ("int64", "uint64") and name in ("average", "sum", "cumsum", "norm", "kron"))
    )  # of 2**63: bits
    assume(not (name == "nonzero" and not shape))  # NumPy 2 refuses it
    same(PROGRAMS[name], a, ulps=600, cuttings=[chunk_size])


@given(full_shapes, st.sampled_from(["int8", "int64", "float16", "float32", "float64"]), st.integers(0, 99))
def test_quantiles_of_any_dtype(shape, dtype, seed):
    a = (array(shape, dtype, seed, special=False) % 50).astype(dtype)
    same(lambda m, a: m.percentile(a, [10, 90], axis=0), a, ulps=8, cuttings=[2])
    same(lambda m, a: m.quantile(a, np.array(0.3), method="lower"), a, cuttings=[2])
    assert mt.quantile(mt.tensor(a), 0.3).dtype == (a.dtype if a.dtype.kind == "f" else np.float64)


METHODS = """averaged_inverted_cdf hazen higher interpolated_inverted_cdf inverted_cdf linear lower median_unbiased
    midpoint nearest normal_unbiased weibull""".split()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 2)])
def test_quantiles_by_all_methods_with_and_without_nan(method, axis):
    a = array((4, 5, 3), "f8", 7, special=False)
    holes = np.where(np.random.default_rng(8).random(a.shape) < 0.4, np.nan, a)
    q = [0, 0.1, 0.25, 0.5, 2 / 3, 0.9, 1]
    more = dict(axis=axis, method=method)
    whole = np.floor(a).astype(int)
    for name, of in (("quantile", a), ("nanquantile", a), ("nanquantile", holes), ("quantile", whole)):
        same(lambda m, a, name=name: getattr(m, name)(a, q, **more), of, ulps=16, cuttings=[None, 2])
    same(lambda m, a: m.nanpercentile(a, 30, keepdims=True, **more), holes, ulps=16, cuttings=[2])


def test_the_closest_observation_is_the_even_one_of_two():
    """As Hyndman and Fan say (1996, page 362), and NumPy from 2.1 on."""
    a = np.arange(1.0, 11)
    for q, want in ((0.05, 1), (0.15, 2), (0.25, 2), (0.35, 4), (0.3, 3), (0.34, 3), (0.36, 4), (0.95, 10), (0, 1)):
        for name in ("quantile", "nanquantile"):
            assert float(getattr(mt, name)(mt.tensor(a, chunk_size=3), q, method="closest_observation")) == want, q


def test_medians_of_complex_numbers_that_are_not_nan():
    a = array((5, 6), "c16", 2, special=False)
    holes = np.where(np.arange(30).reshape(5, 6) % 4 == 1, np.nan, a)
    for axis in (None, 0, 1):
        same(lambda m, a, axis=axis: m.nanmedian(a, axis=axis), holes, ulps=16)


# ---- Reductions ------------------------------------------------------------------------------------------------------

REDUCTIONS = "sum prod max min mean var std any all argmax argmin ptp count_nonzero".split()
NAN_REDUCTIONS = "nansum nanprod nanmax nanmin nanmean nanvar nanstd nanargmax nanargmin".split()
SCANS = "cumsum cumprod nancumsum nancumprod".split()


EXACT = set("max min any all argmax argmin nanmax nanmin nanargmax nanargmin count_nonzero ptp".split())


@settings(max_examples=600)
@given(st.sampled_from(REDUCTIONS + NAN_REDUCTIONS), shapes, st.sampled_from(DTYPES), st.integers(0, 99),
       st.sampled_from([None, 1, 2, 3]), st.booleans(), st.data())
def test_reductions_along_any_axes(name, shape, dtype, seed, chunk_size, keepdims, data):
    a = array(shape, dtype, seed, special=not (name.endswith("prod") and dtype.startswith("complex")))
    ndim = len(shape)
    axis = data.draw(
        st.sampled_from(
            [None, *range(-ndim - 1, ndim + 1), (), (0,), (0, -1), tuple(range(ndim)), [0], 1.0, np.int64(0)]
        )
    )
    assume(
        not (name == "ptp" and dtype == "bool" and a.size == 0)
    )  # NumPy refuses to subtract booleans, unless none is
    assume(
        not (shape == () and axis is not None and name in ("nanmean", "nanvar", "nanstd"))
    )  # refused of integers only
    assume(not (isinstance(axis, tuple) and name.startswith("nanarg")))  # refused with various words
    more = {"keepdims": True} if keepdims else {}
    same(
        lambda m, a: getattr(m, name)(a, axis=axis, **more), a, ulps=0 if name in EXACT else 512, cuttings=[chunk_size]
    )


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_reductions_of_every_dtype(name, dtype):
    a = array((5, 7), dtype, 3, special=False)
    if dtype == "float16":
        a = (a / 100).astype(dtype)
    same(lambda m, a: getattr(m, name)(a), a, ulps=64, cuttings=[None, 3])
    same(lambda m, a: getattr(m, name)(a, axis=0), a, ulps=64, cuttings=[3])


@pytest.mark.parametrize("name", ["nanargmin", "nanargmax"])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_where_no_number_is_there_is_no_index(name, axis):
    same(lambda m, a: getattr(m, name)(a, axis=axis), np.full((2, 3), np.nan, "f4"), cuttings=[None, 1])
    same(lambda m, a: getattr(m, name)(a, axis=axis), np.array([[np.nan, 1], [np.nan, 2j]]), cuttings=[None, 1])


@given(st.sampled_from(SCANS), shapes, st.sampled_from(["bool", "int8", "int64", "float32", "float64"]),
    st.integers(0, 99), st.sampled_from([None, 1, 2, 3]), st.data())
def test_scans_along_any_axis(name, shape, dtype, seed, chunk_size, data):
    a = array(shape, dtype, seed, special=False)
    axis = data.draw(st.sampled_from([None, *range(-len(shape) - 1, len(shape) + 1)]))
    same(lambda m, a: getattr(m, name)(a, axis=axis), a, ulps=512, cuttings=[chunk_size])


def test_reductions_of_what_reductions_leave():
    a = np.round(array((20, 9), "f8", 2, special=False) * 4)
    same(lambda m, a: ((a[:, None, :] - a[None, :5, :]) ** 2).sum(axis=-1).argmin(axis=1), a)
    same(lambda m, a: a.sum(axis=-1).max(), a)
    same(lambda m, a: a.max(axis=1).sum(axis=0, keepdims=True), a)
    same(lambda m, a: (lambda s: (s.max(), s.min(), s))(a.sum(axis=1)), a)
    same(lambda m, a: a[:, :, None].sum(axis=(1, 2)).argmax(), a)
    same(lambda m, a: a[:, :0].sum(axis=1).max(), a)



@given(full_shapes, st.integers(0, 99), st.sampled_from([None, 2, 3]), st.integers(0, 2))
def test_masks_and_beginnings_of_reductions(shape, seed, chunk_size, axis):
    a, mask = array(shape, "f8", seed, special=False), array(shape, "bool", seed)
    axis = axis % len(shape)
    for name, more in (("sum", {}), ("prod", {}), ("max", {"initial": -5.0}), ("min", {"initial": 0.5}), ("any", {}),
                       ("all", {}), ("mean", {}), ("var", {}), ("std", {"ddof": 1})):
        same(lambda m, a, w: getattr(m, name)(a, axis=axis, where=w, **more), a, mask, ulps=4096, cuttings=[chunk_size])
    same(lambda m, a, w: m.max(a, where=w), a, mask)
    same(lambda m, a: m.sum(a, axis=axis, initial=3), a, ulps=512, cuttings=[chunk_size])
    same(lambda m, a: m.sum(a, axis=axis, dtype="f4"), a, ulps=512, cuttings=[chunk_size])
    same(lambda m, a: m.var(a, axis=axis, ddof=1), a, ulps=4096, cuttings=[chunk_size])


# ---- Moves, orders ---------------------------------------------------------------------------------------------------

@given(shapes, st.integers(0, 99), st.sampled_from([None, 1, 2, 3]), st.data())
def test_moves_of_any_shape(shape, seed, chunk_size, data):
    a = array(shape, "f8", seed)
    order = data.draw(st.permutations(range(len(shape))))
    shift = data.draw(st.integers(-9, 9))
    same(lambda m, a: m.transpose(a, order), a, cuttings=[chunk_size])
    same(lambda m, a: m.roll(a, shift), a, cuttings=[chunk_size])
    same(lambda m, a: m.flip(a), a, cuttings=[chunk_size])
    same(lambda m, a: m.reshape(m.transpose(a), -1), a, cuttings=[chunk_size])
    same(lambda m, a: m.tile(a, (2, 1, 2)), a, cuttings=[chunk_size])
    same(lambda m, a: m.repeat(a, 2), a, cuttings=[chunk_size])
    same(lambda m, a: m.concatenate([a, a, a[::-1]]), a, cuttings=[chunk_size])
    same(lambda m, a: m.stack([a, -a], -1), a, cuttings=[chunk_size])
    if shape:
        same(lambda m, a: m.pad(a, shift % 3), a, cuttings=[chunk_size])
        same(lambda m, a: m.diff(a, axis=0), a, cuttings=[chunk_size])


@given(shapes, st.sampled_from(DTYPES), st.integers(0, 99), st.sampled_from([None, 1, 2, 3]), st.data())
def test_orders_of_any_shape(shape, dtype, seed, chunk_size, data):
    a = array(shape, dtype, seed, special=not dtype.startswith("complex"))
    axis = data.draw(st.sampled_from([None, *range(-len(shape), len(shape))]))
    same(lambda m, a: m.sort(a, axis), a + a.dtype.type(0) if dtype != "bool" else a, cuttings=[chunk_size])
    same(lambda m, a: m.argsort(a, axis, kind="stable"), a, cuttings=[chunk_size])
    same(lambda m, a: m.unique(a + a.dtype.type(0) if dtype != "bool" else a), a, cuttings=[chunk_size])


@given(full_shapes, st.integers(0, 99), st.sampled_from([None, 2, 3]),
    st.lists(st.integers(0, 100), min_size=1, max_size=3), st.data())
def test_quantiles_of_any_shape(shape, seed, chunk_size, q, data):
    a = array(shape, "f8", seed, special=False)
    axis = data.draw(st.sampled_from([None, *range(len(shape))]))
    same(lambda m, a: m.percentile(a, q, axis=axis), a, ulps=16, cuttings=[chunk_size])
    same(lambda m, a: m.median(a, axis=axis), a, ulps=16, cuttings=[chunk_size])
    same(lambda m, a: m.histogram(a, 5), a, ulps=16, cuttings=[chunk_size])


@given(st.integers(1, 6), st.integers(0, 6), st.integers(1, 6), st.sampled_from(["f8", "f4", "i8", "c16", "bool"]),
    st.sampled_from([None, 1, 2, 3]), st.integers(0, 9))
def test_products_of_any_shape(n, k, p, dtype, chunk_size, seed):
    a, b = array((2, n, k), dtype, seed, special=False), array((k, p), dtype, seed + 1, special=False)
    same(lambda m, a, b: a @ b, a, b, ulps=1000, cuttings=[chunk_size])
    same(lambda m, a, b: a[0] @ b, a, b, ulps=1000, cuttings=[chunk_size])
    same(lambda m, a, b: a[0] @ b[:, 0], a, b, ulps=1000, cuttings=[chunk_size])
    same(lambda m, a, b: b.T @ a[0].T, a, b, ulps=1000, cuttings=[chunk_size])


# ---- All names -------------------------------------------------------------------------------------------------------

ELSEWHERE = """AxisError ExecutableTuple SparseTensor Tensor fft lib linalg einsum_path special stats spatial
    fromfile savetxt savez savez_compressed
    random tensor scalar rechunk load save ufunc topk argtopk
    from_array from_dataframe from_hdf5 from_tiledb from_vineyard from_zarr fromhdf5 fromtiledb fromvineyard fromzarr
    to_hdf5 to_tiledb to_vineyard to_zarr tohdf5 totiledb tovineyard tozarr imread images
    innerproduct concat permute_dims matrix_transpose unstack trapezoid
    cumulative_sum cumulative_prod cummax cummin vecdot s_ index_exp ndindex
    datetime_as_string isnat tree_add tree_multiply astype finfo iinfo isdtype
    unique_all unique_counts unique_inverse unique_values""".split()


def test_every_public_name_is_compared_with_numpy():
    covered = set(CASES) | set(REDUCTIONS) | set(NAN_REDUCTIONS) | set(SCANS) | set(mt.ufuncs.__all__) | set(ELSEWHERE)
    assert sorted(set(mt.__all__) - covered) == []


def test_vectors_that_are_too_many_for_a_function_of_the_users_are_refused_in_words():
    with pytest.raises(ValueError, match="axis="):
        mt.apply_along_axis(mt.sum, 1, mt.ones((20_000, 2)))


def test_text_is_numpys(tmp_path):
    many = np.arange(500_000.0).reshape(-1, 5)  # several times the rows that are fetched at once
    for a, more in ((X, {}), (X[0], dict(header="h", footer="f")), (many, dict(fmt="%d", delimiter=","))):
        np.savetxt(tmp_path / "numpy", a, **more)
        mt.savetxt(tmp_path / "mars", mt.tensor(a), **more)
        assert (tmp_path / "numpy").read_bytes() == (tmp_path / "mars").read_bytes()
        assert np.array_equal(mt.loadtxt(tmp_path / "mars", delimiter=more.get("delimiter"), chunk_size=2_000), a)
    with pytest.raises(ValueError):
        mt.savetxt(tmp_path / "x", mt.ones((2, 2, 2)))
    with pytest.raises(ValueError):
        mt.savetxt(tmp_path / "x.gz", mt.ones(2))
    X.tofile(tmp_path / "raw")
    assert np.array_equal(mt.fromfile(tmp_path / "raw", offset=8, chunk_size=3), X.ravel()[1:])


def test_rules_for_bins_are_numpy_2s():
    """NumPy 1 has bins of integers that are narrower than one, and any number of them by the quartiles."""
    assert mt.histogram(mt.tensor([0, 1, 1, 2] * 99, chunk_size=7), "sqrt")[0].shape == (2,)
    far = np.r_[np.linspace(0, 1, 99), 1e6]
    assert mt.histogram(mt.tensor(far, chunk_size=7), "auto")[0].shape == (20,)  # twice the square root of 100


@pytest.mark.parametrize("n, m", [(1025, 1025), (5000, 1500), (1100, 30_000)])
@pytest.mark.parametrize("dtype", ["f8", "i8", "u1", "c8"])
def test_long_vectors_are_convolved(dtype, n, m):
    a, v = array((n,), dtype, 1, special=False), array((m,), dtype, 2, special=False)
    for mode in ("full", "same", "valid"):
        same(lambda x, a, v: x.convolve(a, v, mode), a, v, ulps=4 * m, cuttings=[None, 700])
    same(lambda x, a, v: x.correlate(a, v, "full"), a, v, ulps=4 * m, cuttings=[700])


def test_names_that_numpy_does_not_have():
    a = X
    t = mt.tensor(a, chunk_size=2)
    assert np.array_equal(mt.topk(t, 3, axis=1), np.sort(a, 1)[:, ::-1][:, :3])
    assert np.array_equal(mt.topk(t, 2, axis=0, largest=False), np.sort(a, 0)[:2])
    assert np.array_equal(mt.take_along_axis(t, mt.argtopk(t, 3, axis=1), 1), mt.topk(t, 3, axis=1))
    assert np.array_equal(mt.matrix_transpose(t), a.T) and np.array_equal(mt.permute_dims(t, (1, 0)), a.T)
    assert np.array_equal(mt.unstack(t)[2], a[2]) and np.array_equal(mt.concat([t, t]), np.concatenate([a, a]))
    assert np.allclose(mt.cumulative_sum(t, axis=1, include_initial=True)[:, 1:], a.cumsum(1))
    assert np.allclose(mt.cumulative_prod(t, axis=1), a.cumprod(1)) and np.allclose(mt.vecdot(t, t), (a * a).sum(1))
    assert mt.scalar(3).shape == () and np.allclose(mt.trapezoid(t), numpy.trapz(a))
    with pytest.raises(TypeError):
        mt.scalar([1, 2])


def test_what_computes_when_it_is_called_is_listed(monkeypatch):
    """The list in docs/NUMPY.md, by calling every example without looking at what it gives."""
    path = pathlib.Path(__file__).parents[2] / "tools/numpy_names.py"
    spec = importlib.util.spec_from_file_location("numpy_names", path)
    listed = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(listed)
    asked, found = [], set()  # doors through which values leave
    for door in ("_wait", "_view", "_value"):
        monkeypatch.setattr(Session, door, lambda *args, real=getattr(Session, door), **kwargs: (
            asked.append(door), real(*args, **kwargs))[1])
    for name, programs in CASES.items():
        for program in programs:
            t = mt.tensor(X, chunk_size=2) + 0.0
            asked.clear()
            with contextlib.suppress(Exception):  # refused: not asked about
                program(mt, t)
                found.update([name] if asked else [])
    assert sorted(found) == sorted(listed.NOW)


@pytest.mark.parametrize("combine_size", [None, 2, 3, 9])
@pytest.mark.parametrize("n", [1, 2, 5, 7])
def test_trees_of_sums_and_products_are_sums_and_products(n, combine_size):
    terms = [np.arange(6).reshape(2, 3) + k for k in range(n)]
    tensors = [mt.tensor(t, chunk_size=2) for t in terms]
    assert np.array_equal(mt.tree_add(*tensors, combine_size=combine_size), sum(terms))
    assert np.array_equal(mt.tree_multiply(*tensors, combine_size=combine_size), np.prod(terms, axis=0))
    with pytest.raises(ValueError):
        mt.tree_add()
    with pytest.raises(ValueError):
        mt.tree_add(*tensors, combine_size=1)
