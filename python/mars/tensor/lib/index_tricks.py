# SPDX-License-Identifier: Apache-2.0
"""Objects that are indexed, and functions of indices: names of mars.tensor."""
from ..indexing import fill_diagonal, index_exp, ndindex, s_
from ..matrices import mgrid, ogrid
from ..positions import (c_, diag_indices, diag_indices_from, ix_, ndenumerate, r_, ravel_multi_index,
                         unravel_index)

nd_grid = type(mgrid)

__all__ = """c_ diag_indices diag_indices_from fill_diagonal index_exp ix_ mgrid nd_grid ndenumerate ndindex ogrid r_
    ravel_multi_index s_ unravel_index""".split()
