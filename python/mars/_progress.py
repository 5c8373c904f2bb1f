# SPDX-License-Identifier: Apache-2.0
"""The progress bar: for work that takes longer than a second, on a terminal."""
import sys
import time

WAIT_SECONDS, WIDTH = 1.0, 40


class Bar:
    """Called with the fraction that is done, some twenty times a second, while somebody waits."""

    def __init__(self, always):
        self.always = always
        self.start = time.monotonic()
        self.drawn = None

    def __call__(self, fraction):
        elapsed = time.monotonic() - self.start
        if elapsed < WAIT_SECONDS or not (self.always or (sys.stderr and sys.stderr.isatty())):
            return
        done = int(WIDTH * fraction)
        text = f"\r|{'#' * done}{' ' * (WIDTH - done)}| {fraction:4.0%} {elapsed:6.1f} s"
        if text != self.drawn:
            self.drawn = text
            sys.stderr.write(text)
            sys.stderr.flush()

    def end(self):
        if self.drawn is not None:
            sys.stderr.write("\r" + " " * (len(self.drawn) - 1) + "\r")
            sys.stderr.flush()


def bar(show):
    """A Bar, or None when `show` (True, False or 'auto') says that there is none."""
    return None if show is False else Bar(show is True)
