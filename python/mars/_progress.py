# SPDX-License-Identifier: Apache-2.0
"""The progress bar: for work that takes longer than a second, on a terminal or in a notebook."""
import sys
import time

WAIT_SECONDS, WIDTH = 1.0, 40


class _Picture:
    """What a notebook shows; empty when the work is done."""

    def __init__(self, fraction=None, text=""):
        self.fraction, self.text = fraction, text

    def __repr__(self):
        return self.text

    def _repr_html_(self):
        if self.fraction is None:
            return ""
        return f'<progress value="{self.fraction:.3f}" max="1"></progress> {self.text}'


def _notebook():
    """IPython's display() when a notebook runs this; whoever runs one has imported IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if not hasattr(shell, "kernel"):
        return None
    from IPython.display import display

    return display


class Bar:
    """Called with the fraction that is done, some fifty times a second, while somebody waits."""

    def __init__(self, always):
        self.always = always
        self.start = time.monotonic()
        self.drawn = None
        self.display = None  # a notebook's, once something is shown

    def __call__(self, fraction):
        elapsed = time.monotonic() - self.start
        if elapsed < WAIT_SECONDS:
            return
        text = f"{fraction:4.0%} {elapsed:6.1f} s"
        if text == self.drawn:
            return
        if self.drawn is None:
            display = _notebook()
            if display is not None:
                self.display = display(_Picture(fraction, text), display_id=True)
            elif not (self.always or (sys.stderr and sys.stderr.isatty())):
                return
        elif self.display is not None:
            self.display.update(_Picture(fraction, text))
        self.drawn = text
        if self.display is None:
            done = int(WIDTH * fraction)
            sys.stderr.write(f"\r|{'#' * done}{' ' * (WIDTH - done)}| {text}")
            sys.stderr.flush()

    def end(self):
        if self.display is not None:
            self.display.update(_Picture())
        elif self.drawn is not None:
            sys.stderr.write("\r" + " " * (WIDTH + 3 + len(self.drawn)) + "\r")
            sys.stderr.flush()


def bar(show):
    """A Bar, or None when `show` (True, False or 'auto') says that there is none."""
    return None if show is False else Bar(show is True)
