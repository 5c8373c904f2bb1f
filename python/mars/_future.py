# SPDX-License-Identifier: Apache-2.0
"""Futures of work in the background, as concurrent.futures has them. A module of its own because that import is
slow."""
import asyncio
import concurrent.futures

from .errors import Cancelled


class Future(concurrent.futures.Future):
    """Work in the background: done, result, exception, add_done_callback, progress, cancel; can be awaited."""

    def __init__(self, work, value):
        super().__init__()
        self._work = work
        self._fetch = value
        self._fetched = False
        work.on_done(self._finish)

    def _finish(self):
        """On a thread of the library, or in the constructor when the work was done by then."""
        try:
            self._work.wait(0, None)
        except Cancelled:
            super().cancel()
            self.set_running_or_notify_cancel()
        except BaseException as error:
            self.set_exception(error)
        else:
            self.set_result(None)

    def result(self, timeout=None):
        """The value; waits at most `timeout` seconds (TimeoutError). Ctrl-C ends the work, as it does with run()."""
        try:
            super().result(timeout)
        except KeyboardInterrupt:
            self._work.cancel()
            raise
        with self._condition:
            if not self._fetched:
                self._result = self._fetch()
                self._fetched = True
            return self._result

    def running(self):
        return not self.done()

    def cancel(self):
        """Ends the work; False when it was done already."""
        if self.done():
            return self.cancelled()
        self._work.cancel()
        return True

    def progress(self):
        """How much is done, from 0 to 1."""
        return self._work.progress()

    def __await__(self):
        return asyncio.wrap_future(self).__await__()
