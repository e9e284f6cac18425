"""The Python package: growing delays, and the clock by which leases are measured."""

from __future__ import annotations

import time

from leasehold.backoff import Backoff, now


def test_delays_double_up_to_the_cap() -> None:
    pace = Backoff(first=0.5, cap=3.0, jitter=0.0)
    assert [pace.next() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    pace.reset()
    assert pace.next() == 0.5


def test_jitter_shortens_a_delay_and_never_lengthens_it() -> None:
    delays = [Backoff(first=1.0, cap=1.0, jitter=0.5).next() for _ in range(200)]
    assert all(0.5 <= delay <= 1.0 for delay in delays)
    assert len(set(delays)) > 1


def test_a_long_outage_does_not_overflow() -> None:
    pace = Backoff(cap=5.0)
    assert max(pace.next() for _ in range(5000)) <= 5.0


def test_the_clock_only_goes_forward() -> None:
    before = now()
    time.sleep(0.01)
    assert now() - before >= 0.01
