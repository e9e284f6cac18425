"""Fills databases before a run: once into a template, and only through public functions."""

from __future__ import annotations

from .drive import CLIENTS, drive
from .engines import MANY, PAYLOAD, Engine
from .server import Connection, Server
from .tell import say

# A bulk load is divided, so that progress can be reported and no transaction is long.
STRIDE = 250_000
CHUNK = 5_000

SUBMIT = """
select count(*) from leasehold.submit_many((
    select jsonb_agg(jsonb_build_object('next_need', %(need)s::text, 'payload', %(payload)s::jsonb) || %(more)s::jsonb)
    from generate_series(1, %(jobs)s)
))
"""
SUBMIT_EACH = """
select count(*) from leasehold.submit_many((
    select jsonb_agg(jsonb_build_object('next_need', format('bench.n%%s.v1', n), 'payload', %(payload)s::jsonb))
    from generate_series(1, %(needs)s) as n
))
"""
CLAIM = "leasehold.get_work('w', array[%(capability)s], limit_jobs => 1000) as w"
COMPLETE = f"""
select count(*) from leasehold.settle((
    select coalesce(jsonb_agg(jsonb_build_object('job_id', w.job_id, 'lease_id', w.lease_id, 'verb', 'complete')), '[]')
    from {CLAIM}
))
"""
BURY = f"""
select count(*) from leasehold.settle((
    select coalesce(jsonb_agg(jsonb_build_object('job_id', w.job_id, 'lease_id', w.lease_id, 'verb', 'fail',
                                                 'error', 'never', 'retryable', false)), '[]')
    from {CLAIM}
))
"""


def ready(engine: Engine, server: Server, database: str, jobs: int) -> None:
    """Submits `jobs` ready jobs with the engine's own batch call."""
    left = jobs
    while left > 0:
        some = min(left, STRIDE)
        clients = CLIENTS if some >= CLIENTS * MANY else 1
        drive(server, engine, database, "submit_many", 600, clients=clients, jobs=some)
        left -= some
        if jobs > STRIDE:
            say(f"{engine.name}: {jobs - left:,} of {jobs:,} jobs are in")


def submit(conn: Connection, need: str, jobs: int, more: str = "{}") -> None:
    """Submits `jobs` jobs of this need, each with the parameters in `more`."""
    for start in range(0, jobs, CHUNK):
        chunk = {"need": need, "payload": PAYLOAD, "more": more, "jobs": min(CHUNK, jobs - start)}
        conn.execute(SUBMIT, chunk)
        if start % STRIDE == 0 and start:
            say(f"leasehold: {start:,} of {jobs:,} jobs of {need} are in")


def submit_to_each(conn: Connection, needs: int, times: int) -> None:
    """Submits `times` jobs for each of this number of needs, in turn: bench.n1.v1, bench.n2.v1 …"""
    for _ in range(times):
        conn.execute(SUBMIT_EACH, {"payload": PAYLOAD, "needs": needs})


def scheduled(conn: Connection, jobs: int) -> None:
    submit(conn, "bench.work.v1", jobs, '{"available_at": "2999-01-01 00:00:00+00"}')


def blocked(conn: Connection, jobs: int) -> None:
    """Submits jobs that wait for one job that never ends."""
    row = conn.execute(
        "select job_id from leasehold.submit('bench.never.v1', available_at => '2999-01-01 00:00:00+00')"
    ).fetchone()
    assert row is not None
    submit(conn, "bench.work.v1", jobs, f'{{"wait_for": ["{row[0]}"]}}')


def dead(conn: Connection, jobs: int) -> None:
    """Submits jobs, claims them, and fails them as not retryable."""
    for start in range(0, jobs, STRIDE):
        submit(conn, "bench.work.v1", min(STRIDE, jobs - start))
        while _settled(conn, BURY, "bench.work.v1"):
            pass
        say(f"leasehold: {min(start + STRIDE, jobs):,} of {jobs:,} jobs are dead")


def other_needs(conn: Connection, jobs: int) -> None:
    """Submits `jobs` jobs spread over a thousand other needs."""
    submit_to_each(conn, 1_000, max(1, jobs // 1_000))


def known_needs(conn: Connection, needs: int) -> None:
    """Leaves this number of needs that have had jobs, and have none now."""
    submit_to_each(conn, needs, 1)
    while _settled(conn, COMPLETE, "bench.%"):
        pass


def _settled(conn: Connection, statement: str, capability: str) -> int:
    row = conn.execute(statement, {"capability": capability}).fetchone()
    return int(row[0]) if row else 0
