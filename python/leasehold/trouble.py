"""Saying in few lines that something fails again and again, for how many, and that it is over."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable

from .backoff import Backoff, now

log = logging.getLogger("leasehold")


class Trouble:
    """Those that fail for now (threads, leases), told of together.

    A warning at first, and again after ten seconds, then ever more rarely, up to a minute, as long
    as somebody fails; one line when nobody does any more.
    """

    def __init__(self, words: Callable[[int], str], over: str) -> None:
        """`words` says how many fail, `over` that they do no more."""
        self._words = words
        self._over = over
        self._lock = threading.Lock()
        self._failing: set[Hashable] = set()
        self._problem: str | None = None  # the last one, not told yet
        self._most = 0
        self._counted = 0
        self._told = False
        self._due = 0.0
        self._pause = Backoff(first=10.0, cap=60.0, jitter=0.0)

    def begins(self, one: Hashable, exc: BaseException) -> None:
        """One of them failed."""
        with self._lock:
            self._failing.add(one)
            self._most = max(self._most, len(self._failing))
            self._problem = " ".join(str(exc).split()) or type(exc).__name__

    def ends(self, one: Hashable) -> None:
        """It succeeded."""
        if self._failing:
            with self._lock:
                self._failing.discard(one)

    def tell(self, *, patient: bool = False) -> None:
        """Says what is due; `patient`: once as many fail as did at the last call."""
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
