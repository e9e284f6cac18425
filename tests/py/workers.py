"""Many workers at once: threads with a connection each, and an eye on who waits for whom."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

import engine
from conftest import Connect, Connection
from support import run_threads

# One transaction waiting for another: what promise 10 rules out between jobs. (Extending a file
# and the like are locks, too, but of moments, and of nobody's transaction.)
WAITS = """
    select a.pid, a.wait_event, pg_blocking_pids(a.pid) as by, left(a.query, 80) as query
    from pg_stat_activity as a
    where a.datname = current_database()
        and a.wait_event_type = 'Lock'
        and a.wait_event in ('transactionid', 'tuple', 'advisory', 'virtualxid')
"""


class Watch:
    """Samples, in a thread, who waits for another transaction."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.seen: list[str] = []
        self.samples = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._over.wait(0.003):
            self.samples += 1
            self.seen += [str(row) for row in engine.query(self.conn, WAITS)]

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=60)

    def assert_no_claim_waited(self) -> None:
        assert self.samples > 10
        waits = [row for row in self.seen if "get_work" in row]
        assert not waits, f"{len(waits)} waits seen, as {waits[0]}"


def work_until(
    conn: Connection,
    over: Callable[[], bool],
    *,
    number: int = 0,
    batch: int = 5,
    capabilities: Sequence[str] = ("%",),
    hold: float = 0.0,
    log: Callable[[dict[str, Any], float], None] = lambda *_: None,
) -> Counter[str]:
    """Take and complete until `over` says so; counts jobs, and the errors by their SQLSTATE."""
    counts: Counter[str] = Counter()
    chance = random.Random(number)
    while not over():
        try:
            found = engine.take(conn, *capabilities, n=batch, worker=f"w{number}")
        except psycopg.Error as error:
            counts[error.sqlstate or "?"] += 1
            continue
        if not found:
            time.sleep(0.002 + 0.01 * chance.random())
        since = time.monotonic()
        for work in found:
            if hold:
                time.sleep(hold * chance.random())
            log(work, since)
            while True:
                try:
                    engine.complete(conn, work)
                    counts["done"] += 1
                    break
                except psycopg.Error as error:
                    counts[error.sqlstate or "?"] += 1
                    if error.sqlstate != "40001":  # that one is to be tried again
                        break
    return counts


def all_done(conn: Connection, jobs: int, *, seconds: float = 60.0) -> Callable[[], bool]:
    """True once `jobs` have succeeded, or once no further one has for `seconds`.

    Asked by many threads; looks at most every 20 ms. What it gives up on is a standstill, never
    a slow machine: the check that follows then says what is left.
    """
    lock = threading.Lock()
    answer, asked = False, 0.0
    count, moved = 0, time.monotonic()

    def over() -> bool:
        nonlocal answer, asked, count, moved
        with lock:
            now = time.monotonic()
            if not answer and now - asked > 0.02:
                asked = now
                before = count
                count = engine.scalar(
                    conn, "select count(*) from archive where state = 'succeeded'"
                )
                if count > before:
                    moved = now
                answer = count >= jobs or now - moved > seconds
            return answer

    return over


def workers(connect: Connect, number: int, jobs: int, **options: Any) -> Counter[str]:
    """So many workers at once until so many jobs have succeeded; their counts in sum."""
    session = options.pop("session", engine.PATIENCE)
    over = all_done(connect(), jobs)
    conns = [connect(options=session) for _ in range(number)]
    total: Counter[str] = Counter()
    for counts in run_threads(
        [lambda c=c, n=n: work_until(c, over, number=n, **options) for n, c in enumerate(conns)]
    ):
        total += counts
    return total
