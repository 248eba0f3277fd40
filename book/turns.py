"""Turns that the cells of notebooks take: side by side, and alone while time is measured.

Two lock files, since each notebook is executed by a process of its own. A lock is given back when
its process ends, however it ends.
"""

import contextlib
import fcntl
import time


class Turns:
    """The turns of one notebook's cells.

    Args:
        folder: where the lock files are; the same for all notebooks that run side by side.

    Attributes:
        waited: seconds that this notebook has waited for others.
        begun: whether any of its cells was begun.
    """

    def __init__(self, folder):
        self.folder = folder
        self.waited = 0.0
        self.begun = False

    @contextlib.contextmanager
    def taken(self):
        """Within this, `begin` and `end` may be called."""
        with open(self.folder / "queue.lock", "w") as self._queue:
            with open(self.folder / "cells.lock", "w") as self._cells:
                yield self

    def begin(self, alone):
        """Wait until a cell may run: beside others, or `alone`."""
        start = time.perf_counter()
        self.begun = True
        # Who waits to be alone holds the queue, or the others would take turns for ever.
        fcntl.flock(self._queue, fcntl.LOCK_EX)
        fcntl.flock(self._cells, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(self._queue, fcntl.LOCK_UN)
        self.waited += time.perf_counter() - start

    def end(self):
        """The cell has run."""
        fcntl.flock(self._cells, fcntl.LOCK_UN)
