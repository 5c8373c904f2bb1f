# SPDX-License-Identifier: Apache-2.0
"""A cluster of processes on this machine."""
from ..errors import MarsError

__all__ = ["new_cluster"]


def new_cluster(*args, **kwargs):
    """Starts a scheduler and workers on this machine. This version has no daemons yet and says so."""
    raise MarsError("this version of Mars has no cluster daemons: use mars.session.new_session(), which computes with "
                    "all CPUs of this machine in threads")
