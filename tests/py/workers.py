"""Many workers at once, as threads with a connection each, and a record of their lock waits."""

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
from support import PATIENT_SECONDS, run_threads

# Sessions that wait for another transaction, which promise 10 rules out between jobs. Extending a
# file and the like take locks, too, but only for moments and not until the end of a transaction.
WAITS = """
    select a.pid, a.wait_event, pg_blocking_pids(a.pid) as by, left(a.query, 80) as query
    from pg_stat_activity as a
    where a.datname = current_database()
        and a.wait_event_type = 'Lock'
        and a.wait_event in ('transactionid', 'tuple', 'advisory', 'virtualxid')
"""


class Watch:
    """Samples, in a thread, which sessions wait for another transaction."""

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
    """Claim and complete jobs until `over` returns true; count the jobs, and errors by SQLSTATE."""
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
                    if error.sqlstate != "40001":  # a serialization failure is tried again
                        break
    return counts


def all_done(
    conn: Connection, jobs: int, *, seconds: float = PATIENT_SECONDS
) -> Callable[[], bool]:
    """A function that is true once `jobs` have succeeded, or once no further one has for `seconds`.

    Many threads call it; it queries at most every 20 ms. It gives up on a standstill, never on a slow
    machine: the check that follows then reports the jobs that are left.
    """
    lock = threading.Lock()
    answer, asked = False, 0.0
    count, progressed_at = 0, time.monotonic()

    def over() -> bool:
        nonlocal answer, asked, count, progressed_at
        with lock:
            now = time.monotonic()
            if not answer and now - asked > 0.02:
                asked = now
                before = count
                count = engine.scalar(
                    conn, "select count(*) from archive where state = 'succeeded'"
                )
                if count > before:
                    progressed_at = now
                answer = count >= jobs or now - progressed_at > seconds
            return answer

    return over


def workers(connect: Connect, number: int, jobs: int, **options: Any) -> Counter[str]:
    """Run `number` workers at once until `jobs` have succeeded; return the sum of their counts."""
    session = options.pop("session", engine.PATIENCE)
    over = all_done(connect(), jobs)
    conns = [connect(options=session) for _ in range(number)]
    total: Counter[str] = Counter()
    for counts in run_threads(
        [lambda c=c, n=n: work_until(c, over, number=n, **options) for n, c in enumerate(conns)]
    ):
        total += counts
    return total
