"""Growing delays between tries, and the clock by which leases are measured."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass


def now() -> float:
    """Seconds on a clock that never goes back and, where the system offers one, also counts the
    time that the system is suspended.
    """
    return time.clock_gettime(_BOOTTIME) if _BOOTTIME is not None else time.monotonic()


_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)


@dataclass(slots=True)
class Backoff:
    """Delays in seconds: `first`, then twice as long each time up to `cap`, each shortened at
    random.

    `jitter` is the largest share of a delay that is taken away, so that clients that failed
    together do not try again together.
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
        """Starts again at `first`."""
        self._step = 0
