# SPDX-License-Identifier: Apache-2.0
"""What NumPy has in numpy.lib."""
from . import index_tricks, stride_tricks
from .index_tricks import nd_grid

__all__ = ["index_tricks", "nd_grid", "stride_tricks"]
