# SPDX-License-Identifier: Apache-2.0
"""Options of the process.

    from mars.config import options, option_context

    options.chunk_size = 1000
    with option_context(eager_mode=True):
        ...
"""
import contextlib

from . import _mars

__all__ = ["OptionError", "option_context", "options"]


class OptionError(AttributeError):
    """There is no option of that name.

    Examples
    --------
    >>> mars.config.options.chunksize = 3
    Traceback (most recent call last):
        ...
    mars.config.OptionError: ...
    """


def _is_bool(value):
    return isinstance(value, bool)


def _is_progress(value):
    return value == "auto" or isinstance(value, bool)


def _is_count(value):
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)


def _is_cutting(value):
    return value is None or isinstance(value, (int, str, tuple, list, dict)) and not isinstance(value, bool)


# name: (default, what may be assigned, what it means)
_OPTIONS = {
    "eager_mode": (False, _is_bool, "compute every operation when it is written"),
    "show_progress": ("auto", _is_progress, "True, False, or 'auto': on a terminal, for work above a second"),
    "chunk_size": (None, _is_cutting, "chunk_size of new tensors that are given none"),
    "n_threads": (None, _is_count, "threads of new sessions; None: one per CPU"),
    "memory_bytes": (None, _is_count, "memory of new sessions; None: half of what is free"),
}


class Options:
    """The options; assign to their names."""

    def __init__(self):
        object.__setattr__(self, "_values", {name: default for name, (default, _, _) in _OPTIONS.items()})

    def __getattr__(self, name):
        try:
            return self._values[name]
        except KeyError:
            raise OptionError(f"there is no option '{name}' (there are {', '.join(_OPTIONS)})") from None

    def __setattr__(self, name, value):
        if name not in _OPTIONS:
            raise OptionError(f"You can only set the value of existing options: {', '.join(_OPTIONS)}")
        if not _OPTIONS[name][1](value):
            raise ValueError(f"Cannot set value {value!r} to option '{name}' ({_OPTIONS[name][2]})")
        self._values[name] = value
        if name == "eager_mode":
            _mars.set_eager(value)

    def __dir__(self):
        return list(_OPTIONS)

    def __repr__(self):
        return "\n".join(f"{name} = {self._values[name]!r}  # {meaning}"
                         for name, (_, _, meaning) in _OPTIONS.items())


options = Options()


@contextlib.contextmanager
def option_context(values=None, **more):
    """Sets options until the end of a with statement.

    Parameters
    ----------
    values : dict, optional
        Values by the names of options.
    **more : optional
        The same as arguments.

    Yields
    ------
    Options

    Examples
    --------
    >>> with mars.config.option_context(chunk_size=2):
    ...     mt.ones(5).nsplits
    ((2, 2, 1),)
    """
    before = {}
    try:
        for name, value in {**(values or {}), **more}.items():
            old = getattr(options, name)
            setattr(options, name, value)
            before.setdefault(name, old)
        yield options
    finally:
        for name, value in before.items():
            setattr(options, name, value)
