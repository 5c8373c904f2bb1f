# SPDX-License-Identifier: Apache-2.0
"""Futures of work in the background, as concurrent.futures has them. A module of its own because that import is
slow."""
import asyncio
import concurrent.futures

from .errors import Cancelled


class Future(concurrent.futures.Future):
    """Work in the background: a future as those of concurrent.futures, which can be awaited, too.

    execute(), run() and others make it if they are told wait=False.

    Parameters
    ----------
    work : object
        The work, as the engine has it.
    value : callable
        Makes the value once the work is done, when it is asked for.

    Examples
    --------
    >>> future = mt.arange(5).sum().execute(wait=False)
    >>> future.result()
    Tensor(10)
    >>> future.done(), future.exception()
    (True, None)
    """

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
        """The value, when the work is done. Ctrl-C ends the work, as it does with run().

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most; None: as long as it takes.

        Returns
        -------
        object
            What the function that made the future returns without wait=False.

        Raises
        ------
        TimeoutError
            The work was not done in time; it goes on.
        concurrent.futures.CancelledError
            It was cancelled.

        Examples
        --------
        >>> mars.execute(mt.ones(3) * 2, wait=False).result(timeout=60)
        Tensor([2., 2., 2.])
        """
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
        """Whether the work is not done yet.

        Returns
        -------
        bool

        Examples
        --------
        >>> future = mt.ones(3).execute(wait=False)
        >>> future.result()
        Tensor([1., 1., 1.])
        >>> future.running()
        False
        """
        return not self.done()

    def cancel(self):
        """Ends the work, of which nothing is kept.

        Returns
        -------
        bool
            False: it was done already.

        Examples
        --------
        >>> future = mt.ones(3).execute(wait=False)
        >>> future.result()
        Tensor([1., 1., 1.])
        >>> future.cancel()
        False
        """
        if self.done():
            return self.cancelled()
        self._work.cancel()
        return True

    def progress(self):
        """How much of the work is done: the share of its tasks.

        Returns
        -------
        float
            From 0 to 1.

        Examples
        --------
        >>> future = mt.ones(3).execute(wait=False)
        >>> future.result()
        Tensor([1., 1., 1.])
        >>> future.progress()
        1.0
        """
        return self._work.progress()

    def __await__(self):
        return asyncio.wrap_future(self).__await__()
