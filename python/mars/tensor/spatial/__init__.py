# SPDX-License-Identifier: Apache-2.0
"""Points in space."""
from . import distance  # noqa: F401

__all__ = ["distance"]
