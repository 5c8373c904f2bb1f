# SPDX-License-Identifier: Apache-2.0
"""Mars: chunked tensors with NumPy's interface.

    import mars.tensor as mt

    a = mt.ones((5, 5), chunk_size=3)
    b = a * 4
    b.execute()

Expressions are lazy; execute() computes them in a session, by default one of threads in this process.
"""
from ._mars import version as __version__
from .config import option_context, options
from .errors import MarsError

__all__ = ["MarsError", "execute", "fetch", "get_default_session", "new_session", "option_context", "options"]


def __getattr__(name):
    if name in ("new_session", "get_default_session", "execute", "fetch"):
        from . import session

        return getattr(session, name)
    raise AttributeError(f"module 'mars' has no attribute '{name}'")


def __dir__():
    return sorted(__all__ + ["__version__", "config", "deploy", "errors", "session", "tensor"])
