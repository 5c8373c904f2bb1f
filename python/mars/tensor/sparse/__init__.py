# SPDX-License-Identifier: Apache-2.0
"""Sparse matrices: tensors of two axes of which only some elements are stored; the others are zero.

    s = mt.tensor(scipy_matrix)              # or t.tosparse(), mt.eye(n, sparse=True), mt.diag(v, sparse=True), …
    (s @ s.T + 2 * s).sum(axis=0).execute()
    s.fetch().spmatrix                       # of an executed one; scipy's csr_matrix

A SparseTensor is blocks of whole rows. A block is two ordinary tensors of one length, which is often not known before
they are computed: keys, the positions of what is stored in C order of the block, ascending; and data, what stands
there. So what is done with each stored element by itself is done by the functions of tensors, and the operators
sparse_* of the table do the rest, a block in a task. Sums are added in the order of columns (of rows along axis
0, in groups that depend on the shape alone): no value depends on how rows are cut into blocks.

Functions that keep zero, and products of two sparse tensors, give sparse tensors; all others dense ones, as with scipy.
"""
from .elementwise import apply
from .joining import concatenate
from .making import comes_from_scipy, is_sparse, of_dense, of_diagonal, of_ones, of_scipy, of_zeros
from .products import axes, product, tensordot
from .tensor import SparseTensor
from .values import SparseNDArray

__all__ = """SparseNDArray SparseTensor apply axes comes_from_scipy concatenate is_sparse of_dense of_diagonal of_ones
    of_scipy of_zeros product tensordot""".split()
