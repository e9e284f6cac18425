"""Waiting a little longer each time, and the clock that leases are measured with."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass


def now() -> float:
    """Seconds on a clock that only goes forward and, where the system offers one, counts its sleep
    too.
    """
    return time.clock_gettime(_BOOTTIME) if _BOOTTIME is not None else time.monotonic()


_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)


@dataclass(slots=True)
class Backoff:
    """Delays in seconds: `first`, then twice as long each time up to `cap`, each shortened at
    random.

    Jitter takes away up to that share of a delay, so that those who failed together do not come
    back together.
    """

    first: float = 0.02
    cap: float = 5.0
    jitter: float = 0.3
    _step: int = 0

    def next(self) -> float:
        """The next delay, in seconds."""
        delay = min(self.cap, self.first * 2.0 ** min(self._step, 60))
        self._step += 1
        return delay * (1.0 - self.jitter * random.random())

    def reset(self) -> None:
        """Begins again at `first`."""
        self._step = 0
