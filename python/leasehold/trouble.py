"""Logs repeated failures in few lines: that they persist, how many there are, and that they are
over.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable

from .backoff import Backoff, now

log = logging.getLogger("leasehold")


class Trouble:
    """The parties (threads or leases) that fail at present, logged together.

    The log has a warning at first, another after ten seconds, and then at intervals that grow to
    one minute as long as at least one party fails. One line says when none fails any more.
    """

    def __init__(self, words: Callable[[int], str], over: str) -> None:
        """`words` makes the warning from the number that fail; `over` is the line for the end."""
        self._words = words
        self._over = over
        self._lock = threading.Lock()
        self._failing: set[Hashable] = set()
        self._problem: str | None = None  # the latest one, not logged yet
        self._most = 0
        self._counted = 0
        self._told = False
        self._due = 0.0
        self._pause = Backoff(first=10.0, cap=60.0, jitter=0.0)

    def begins(self, one: Hashable, exc: BaseException) -> None:
        """Records that one party fails, and why."""
        with self._lock:
            self._failing.add(one)
            self._most = max(self._most, len(self._failing))
            self._problem = " ".join(str(exc).split()) or type(exc).__name__

    def ends(self, one: Hashable) -> None:
        """Records that this party succeeded."""
        if self._failing:
            with self._lock:
                self._failing.discard(one)

    def tell(self, *, patient: bool = False) -> None:
        """Logs what is due. With `patient`, waits until no more parties fail than at the last call,
        so that the first warning counts them all.
        """
        with self._lock:
            growing = patient and len(self._failing) > self._counted
            self._counted = len(self._failing)
            if self._problem is not None and now() >= self._due and not growing:
                log.warning("%s: %s", self._words(self._most), self._problem)
                self._told, self._problem = True, None
                self._most = len(self._failing)
                self._due = now() + self._pause.next()
            if self._told and not self._failing:
                log.info("%s", self._over)
                self._told, self._problem, self._most = False, None, 0
                self._due = 0.0
                self._pause.reset()
