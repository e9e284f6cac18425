"""The workloads other than plain throughput. Each is a function that measures one case once."""

from __future__ import annotations

import contextlib
import os
import selectors
import statistics
import threading
import time
from collections.abc import Iterator
from uuid import UUID

import psycopg
from psycopg import sql

from . import population
from .bench import Bench
from .drive import Run, drive, throughput
from .engines import LEASEHOLD, PAYLOAD, Engine
from .server import Connection, Failed

COPIED = 200_000
FEW = 10_000
LIVES = 10_000


def copy(bench: Bench, engine: Engine, table: str) -> Run:
    """Copies the same rows into the table or view of the engine; measures rows a second."""
    lines = f"bench.work.v1\t{PAYLOAD}\n".encode() * 1_000
    with bench.server.copied(bench.ready(engine, 1_000), synchronous=False) as database:
        with bench.server.connected(database) as conn:
            if conn.execute("select to_regclass(%s)", [table]).fetchone() == (None,):
                raise Failed(f"{table} is not there")
            cpu = bench.server.cpu()
            begin = time.perf_counter()
            target = sql.Identifier(*table.split("."))
            with conn.cursor().copy(
                sql.SQL("copy {} (next_need, payload) from stdin").format(target)
            ) as stream:
                for _ in range(COPIED // 1_000):
                    stream.write(lines)
            elapsed = time.perf_counter() - begin
            after = bench.server.cpu()
    spent = None if cpu is None or after is None else (after - cpu) * 1e6 / COPIED
    return Run(COPIED / elapsed, jobs=COPIED, cpu=spent, load=os.getloadavg()[0])


def sustained(bench: Bench, engine: Engine, seconds: float) -> Run:
    """Measures throughput, its trend over the run, and the sizes of all tables meanwhile.

    `slope` is the change of the rate over the run, in percent of its mean. `growth` is the largest size of the live
    tables and their indexes in the second half of the run, relative to the first half. The archive is left out,
    because it is meant to grow.
    """
    with bench.server.copied(bench.ready(engine, FEW), synchronous=False) as database:
        with _sampled(bench, database, max(1.0, seconds / 120)) as samples:
            run = throughput(bench.server, engine, database, "full", seconds)
    run.extra["sizes"] = samples
    line = statistics.linear_regression(range(len(run.course)), run.course)
    mean = statistics.fmean(run.course)
    run.extra["slope"] = 100 * line.slope * len(run.course) / mean
    live = [
        sum(heap + indexes for table, (heap, indexes) in sizes.items() if table != "archive")
        for _, sizes in samples
    ]
    half = len(live) // 2
    run.extra["growth"] = max(live[half:]) / max(live[:half])
    return run


Samples = list[tuple[float, dict[str, tuple[int, int]]]]


@contextlib.contextmanager
def _sampled(bench: Bench, database: str, every: float) -> Iterator[Samples]:
    """Samples the sizes of all tables, `every` so many seconds, while the block runs."""
    samples: Samples = []
    stop = threading.Event()
    begin = time.perf_counter()

    def sample() -> None:
        while True:
            samples.append((time.perf_counter() - begin, bench.server.sizes(database)))
            if stop.wait(every):
                return

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        stop.set()
        thread.join()


def pickup(bench: Bench, engine: Engine, seconds: float) -> Run:
    """Measures the time from submit to an idle worker: the median and the 99th percentile, in ms."""
    with bench.server.copied(bench.base(engine), synchronous=True) as database:
        done = drive(bench.server, engine, database, "pickup", seconds)
    if len(done.latencies) < 10:
        raise Failed(f"{len(done.latencies)} jobs were picked up")
    found = sorted(done.latencies)
    return Run(
        statistics.median(found),
        jobs=len(found),
        extra={"p99": found[int(len(found) * 0.99)], "latencies": found},
        load=os.getloadavg()[0],
    )


def waiters(bench: Bench, needs: list[str], seconds: float) -> Run:
    """Measures submitting while one session waits for each of these needs."""
    with bench.server.copied(bench.ready(LEASEHOLD, 1_000), synchronous=False) as database:
        with _waiting(bench, database, needs):
            return throughput(bench.server, LEASEHOLD, database, "submit", seconds)


@contextlib.contextmanager
def _waiting(bench: Bench, database: str, needs: list[str]) -> Iterator[None]:
    """Opens a session that waits for each need, with a reliable registration. Notifications are read and dropped."""
    with contextlib.ExitStack() as stack:
        sessions = [stack.enter_context(bench.server.connected(database)) for _ in needs]
        for conn, need in zip(sessions, needs, strict=True):
            _listen(conn, need)
        ended = threading.Event()
        reader = threading.Thread(target=_read, args=(sessions, ended))
        reader.start()
        try:
            yield
        finally:
            ended.set()
            reader.join()


def _listen(conn: Connection, need: str) -> None:
    register = "select channel, reliable from leasehold.wakeup_channel(array[%s], now() + '1 hour')"
    patience = time.monotonic() + 30
    while time.monotonic() < patience:
        row = conn.execute(register, [need]).fetchone()
        assert row is not None
        channel, reliable = row
        conn.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
        if reliable:
            return
        time.sleep(0.01)  # any older writer delays it, even in another database, such as autovacuum
    raise Failed("the registration does not become reliable")


def _read(sessions: list[Connection], ended: threading.Event) -> None:
    with selectors.DefaultSelector() as selector:
        for conn in sessions:
            selector.register(conn.fileno(), selectors.EVENT_READ, conn)
        while not ended.is_set():
            for key, _ in selector.select(0.1) if sessions else ():
                connection: psycopg.pq.abc.PGconn = key.data.pgconn
                connection.consume_input()
                while connection.notifies():
                    pass
            if not sessions:
                return


def dependents(bench: Bench, jobs: int) -> Run:
    """Measures the call of `complete` in ms, and the time until repeated calls of `sweep` have made all dependents
    ready. With few dependents, the figures are medians over twenty jobs that have them.
    """
    roots = 20 if jobs <= 1_000 else 1

    def fill(conn: Connection) -> None:
        for _ in range(roots):
            row = conn.execute("select job_id from leasehold.submit('bench.root.v1')").fetchone()
            assert row is not None
            population.submit(conn, "bench.work.v1", jobs, more=f'{{"wait_for": ["{row[0]}"]}}')

    def is_awaited(conn: Connection, root: UUID) -> bool:
        row = conn.execute(
            "select exists (select from leasehold.dependency where waits_for = %s)", (root,)
        ).fetchone()
        return row == (True,)

    calls, freed = [], []
    template = bench.populated(LEASEHOLD, f"dependents {jobs}", fill)
    with bench.server.copied(template, synchronous=True) as database:
        with bench.server.connected(database) as conn:
            for _ in range(roots):
                work = conn.execute(
                    "select job_id, lease_id from leasehold.get_work('w', array['bench.root.v1'])"
                ).fetchone()
                assert work is not None
                begin = time.perf_counter()
                conn.execute("select leasehold.complete(%s, %s)", work)
                calls.append((time.perf_counter() - begin) * 1e3)
                # A sweep may free none of these, because it meets deferred items of other roots first.
                while is_awaited(conn, work[0]):
                    conn.execute("select leasehold.sweep()")
                freed.append((time.perf_counter() - begin) * 1e3)
            left = conn.execute("select sum(blocked) from leasehold.status").fetchone()
    if left is not None and left[0]:
        raise Failed(f"{left[0]} dependents are blocked still")
    until = statistics.median(freed)
    return Run(
        statistics.median(calls),
        jobs=roots * jobs,
        extra={"freed": until} | ({"each": until * 1e3 / jobs} if jobs else {}),
        load=os.getloadavg()[0],
    )


def sizes(bench: Bench, engine: Engine) -> Run:
    """Measures the bytes of a queued job, including its share of all indexes, and the WAL of a job's whole life, with
    one client, after the pages have been touched since the checkpoint.
    """
    one, two = bench.size(100_000), bench.size(200_000)
    taken = _bytes(bench, bench.ready(engine, two)) - _bytes(bench, bench.ready(engine, one))
    with bench.server.copied(bench.ready(engine, 1_000), synchronous=False) as database:
        drive(bench.server, engine, database, "full", 60, clients=1, jobs=LIVES // 2)
        run = throughput(bench.server, engine, database, "full", 60, clients=1, jobs=LIVES)
    run.extra["rate"], run.value = run.value, taken / (two - one)
    return run


def _bytes(bench: Bench, database: str) -> int:
    return sum(heap + indexes for heap, indexes in bench.server.sizes(database).values())
