# SPDX-License-Identifier: Apache-2.0
"""What is fetched of a sparse tensor: arrays of NumPy's in the CSR form, which scipy takes as they are."""
import numpy as np


class SparseNDArray:
    """The values of a sparse tensor, in the CSR form: data, indices of columns, and where rows begin (indptr).

    Parameters
    ----------
    data, indices, indptr : numpy.ndarray
        What is stored, its columns, and of each row where in these it begins; one more says where they end.
    shape : tuple of ints

    Examples
    --------
    >>> values = mt.tensor([[0, 3], [4, 0]], sparse=True).execute().fetch()
    >>> values.data, values.indices, values.indptr
    (array([3, 4]), array([1, 0]), array([0, 1, 2]))
    >>> values.spmatrix.nnz
    2
    """

    __slots__ = ("data", "indices", "indptr", "shape")

    def __init__(self, data, indices, indptr, shape):
        self.data, self.indices, self.indptr, self.shape = data, indices, indptr, shape

    ndim = 2

    @property
    def dtype(self):
        """That of the elements.

        Examples
        --------
        >>> mt.tensor([[0, 3.5]], sparse=True).execute().fetch().dtype
        dtype('float64')
        """
        return self.data.dtype

    @property
    def nnz(self):
        """How many elements are stored.

        Examples
        --------
        >>> mt.tensor([[0, 3], [4, 0]], sparse=True).execute().fetch().nnz
        2
        """
        return len(self.data)

    @property
    def spmatrix(self):
        """The same as scipy's csr_matrix; without scipy an ImportError says so.

        Examples
        --------
        >>> mt.tensor([[0, 3], [4, 0]], sparse=True).execute().fetch().spmatrix.sum()
        7
        """
        try:
            from scipy.sparse import csr_matrix
        except ImportError:
            raise ImportError("spmatrix is a matrix of scipy's, which is not installed; toarray() needs none") from None
        made = csr_matrix((self.data, self.indices, self.indptr), self.shape)
        made.has_sorted_indices = made.has_canonical_format = True
        return made

    def toarray(self):
        """All elements as an array of NumPy's.

        Returns
        -------
        numpy.ndarray

        Examples
        --------
        >>> mt.tensor([[0, 3], [4, 0]], sparse=True).execute().fetch().toarray()
        array([[0, 3],
               [4, 0]])
        """
        made = np.zeros(self.shape, self.dtype)
        made[np.repeat(np.arange(self.shape[0]), np.diff(self.indptr)), self.indices] = self.data
        return made

    todense = toarray

    def __array__(self, dtype=None, copy=None):
        made = self.toarray()
        return made if dtype is None else made.astype(dtype, copy=False)

    def __repr__(self):
        return f"SparseNDArray(shape={self.shape}, dtype={self.dtype}, nnz={self.nnz})"
