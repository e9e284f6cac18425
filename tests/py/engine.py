"""Short names for the calls of tests with several sessions, helpers that make timed work due at once,
and the invariants I1–I7 that every run is checked against."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from support import Connection, one, rows, value

Work = dict[str, Any]

# A retry policy without delay, so that no test waits for a backoff.
AT_ONCE = {"kind": "fixed", "initial": "0 s", "jitter": 0}

# How long a call may wait for a lock before a test reports that it waits. Only a lock delays a call
# for that long, even on a busy machine.
PATIENCE = "-c lock_timeout=1500ms"


def at_level(isolation: str) -> str:
    """The connection option that sets the isolation level of every transaction."""
    return "-c default_transaction_isolation=" + isolation.replace(" ", "\\ ")


def submit(conn: Connection, next_need: str = "a", **arguments: Any) -> UUID:
    job_id: UUID = one(conn, "submit", next_need=next_need, **arguments)["job_id"]
    return job_id


def submit_many(conn: Connection, jobs: Sequence[dict[str, Any]]) -> list[UUID]:
    plain = [
        {
            key: [str(v) for v in val]
            if isinstance(val, list)
            else str(val)
            if isinstance(val, UUID)
            else val
            for key, val in job.items()
        }
        for job in jobs
    ]
    found = conn.execute("select s.job_id from submit_many(jobs => %s) as s", (Jsonb(plain),))
    return [row[0] for row in found.fetchall()]


def take(
    conn: Connection, *capabilities: str, n: int = 1, lease: str = "60 s", worker: str = "w"
) -> list[Work]:
    return rows(
        conn,
        "get_work",
        worker_id=worker,
        capabilities=list(capabilities) or ["%"],
        lease=lease,
        limit_jobs=n,
    )


def take_one(conn: Connection, *capabilities: str, lease: str = "60 s") -> Work:
    found = take(conn, *capabilities, lease=lease)
    assert len(found) == 1, f"get_work gave {len(found)} jobs"
    return found[0]


def lease_of(work: Work) -> dict[str, Any]:
    return {"job_id": work["job_id"], "lease_id": work["lease_id"]}


def complete(conn: Connection, work: Work, **arguments: Any) -> None:
    assert value(conn, "complete", **lease_of(work), **arguments) is True


def settle(
    conn: Connection, done: Sequence[dict[str, Any]], *, strict: bool = True
) -> list[dict[str, Any]]:
    plain = [{k: str(v) if isinstance(v, UUID) else v for k, v in e.items()} for e in done]
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select * from settle(done => %s, strict => %s)", (Jsonb(plain), strict)
        ).fetchall()


def state(conn: Connection, job_id: UUID) -> str:
    found: str = one(conn, "job", job_id=job_id)["state"]
    return found


def query(conn: Connection, text: str, *arguments: Any) -> list[dict[str, Any]]:
    """The rows of plain SQL, by which a test reads the tables."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(text, arguments or None).fetchall()


def scalar(conn: Connection, text: str, *arguments: Any) -> Any:
    row = conn.execute(text, arguments or None).fetchone()
    assert row is not None
    return row[0]


@contextlib.contextmanager
def transaction(conn: Connection, isolation: str = "read committed") -> Iterator[Connection]:
    """A transaction of one isolation level on an autocommit connection, with its snapshot taken."""
    conn.execute(f"begin isolation level {isolation}")
    conn.execute("select 1 from setting limit 1")
    try:
        yield conn
    except BaseException:
        if not conn.closed:
            conn.execute("rollback")
        raise
    else:
        conn.execute("commit")


@contextlib.contextmanager
def does_not_wait(what: str) -> Iterator[None]:
    """Fails if the block, on a connection made with PATIENCE, reaches its lock_timeout."""
    try:
        yield
    except psycopg.errors.LockNotAvailable as error:
        raise AssertionError(f"{what} waits for another transaction: {error}") from error


def expire_leases(conn: Connection, *job_ids: UUID) -> None:
    """Move the ends of the current leases of these jobs a second into the past; without jobs, of all.

    The leases become short, too: no lease expires before the server has been up for as long as it
    lasts, and the server of a test may be young.
    """
    conn.execute(
        """
        update job
        set leased_at = clock_timestamp() - interval '1.001 s',
            lease_expires_at = clock_timestamp() - interval '1 s',
            check_at = clock_timestamp() - interval '1 s'
        where state = 'leased' and (%(ids)s::uuid[] = '{}' or job_id = any (%(ids)s))
        """,
        {"ids": list(job_ids)},
    )
    conn.execute(
        "delete from heartbeat where %(ids)s::uuid[] = '{}' or job_id = any (%(ids)s)",
        {"ids": list(job_ids)},
    )
    reset_maintenance_horizon(conn)


def make_due(conn: Connection) -> None:
    """Make everything due that was put off for milliseconds: deferred items and backoffs."""
    conn.execute(
        """
        with due as (select n.deferred_id from deferred as n for update skip locked)
        update deferred as n set due_at = clock_timestamp() - interval '1 s'
        from due as d where n.deferred_id = d.deferred_id
        """
    )
    conn.execute(
        """
        with due as (
            select j.job_id from job as j where j.state = 'scheduled' for update skip locked
        )
        update job as j set available_at = clock_timestamp() - interval '1 s'
        from due as d where j.job_id = d.job_id
        """
    )
    reset_maintenance_horizon(conn)


def reset_maintenance_horizon(conn: Connection) -> None:
    """Make maintenance start from the beginning, because a test has set times back by hand."""
    conn.execute(
        "insert into maintenance_horizon (at) select max(at) from maintenance_horizon having max(at) is not null"
    )


def maintenance_is_done(conn: Connection) -> None:
    """Record that maintenance ran just now.

    For twenty seconds get_work then runs it only if it finds too few jobs.
    """
    conn.execute(
        "insert into maintenance_horizon (at, took) values (clock_timestamp(), interval '1 s')"
    )


def sweep(conn: Connection, times: int = 1, limit: int = 1000) -> dict[str, int]:
    total: dict[str, int] = {}
    for _ in range(times):
        make_due(conn)
        for name, count in one(conn, "sweep", limit_jobs=limit).items():
            total[name] = total.get(name, 0) + (count or 0)
    return total


def run_deferred(conn: Connection) -> None:
    """Sweep until no deferred item is left, so that none of them helps what the test does next."""
    for _ in range(200):
        sweep(conn)
        if not scalar(conn, "select count(*) from deferred"):
            return
    raise AssertionError("deferred items are left")


def drain(conn: Connection, *, rounds: int = 400, idle: int = 6, batch: int = 100) -> list[UUID]:
    """Complete all jobs, and return them in the order in which they were claimed.

    I7: AssertionError if jobs are left that are neither dead nor held. Only get_work, complete and
    time are used.
    """
    order: list[UUID] = []
    quiet = 0
    for _ in range(rounds):
        make_due(conn)
        found = take(conn, n=batch, worker="drain")
        for work in found:
            complete(conn, work)
            order.append(work["job_id"])
        quiet = 0 if found else quiet + 1
        left = query(conn, "select job_id, state from job where state <> 'dead'")
        if not left:
            return order
        if quiet >= idle:
            reasons = [
                (row["state"], [r["reason"] for r in why])
                for row in left[:3]
                for why in [rows(conn, "why_not_running", job_id=row["job_id"])]
            ]
            raise AssertionError(f"{len(left)} jobs are stranded, as {reasons}")
    raise AssertionError("the queue does not drain")


def drain_held(conn: Connection) -> list[UUID]:
    """As drain, after completing the jobs of leases whose worker will not come back.

    Those jobs are not in the result.
    """
    for row in query(conn, "select job_id, lease_id from job where state = 'leased'"):
        complete(conn, row)
    return drain(conn)


def drain_except_the_dead(conn: Connection) -> None:
    """As drain, where some jobs are dead: jobs that wait for one of those may stay blocked.

    A key with many jobs takes many rounds, so that only rounds in which no job ends are counted.
    """
    fewest, idle = sys.maxsize, 0
    while idle < 30:
        make_due(conn)
        for work in take(conn, n=500, worker="drain"):
            complete(conn, work)
        for _ in range(3):
            sweep(conn)
        left = query(
            conn,
            """
            with recursive held_back (job_id) as (
                select job_id from job where state = 'dead'
                union
                select e.job_id from held_back as d join dependency as e on e.waits_for = d.job_id
            )
            select j.job_id, j.state from job as j
            where j.state <> 'dead'
                and not (j.state = 'blocked' and j.job_id in (select job_id from held_back))
            """,
        )
        if not left:
            return
        fewest, idle = (len(left), 0) if len(left) < fewest else (fewest, idle + 1)
    reasons = [(r["state"], rows(conn, "why_not_running", job_id=r["job_id"])) for r in left[:3]]
    raise AssertionError(f"{len(left)} jobs are stranded, as {reasons}")


def violations(conn: Connection, *, drained: bool = False) -> list[str]:
    """The contradictions to I1–I7 in the tables, as phrases; an empty list when there are none."""
    checks = {
        "a job is live and archived": "select job_id from job join archive using (job_id)",
        "two leases of one singleton key": """
            select singleton_key from job where state = 'leased' and singleton_key is not null
            group by 1 having count(*) > 1""",
        "two leases have one fence": """
            select fence from (
                select fence from job where fence is not null
                union all select fence from archive where fence is not null
            ) as f group by 1 having count(*) > 1""",
        "a job with dependencies left is not blocked": """
            select j.job_id from job as j join dependency as e using (job_id)
            where j.state in ('ready', 'scheduled', 'leased')""",
        "a dependency of a job that does not exist": """
            select e.job_id from dependency as e left join job as j using (job_id)
            where j.job_id is null""",
        "an idempotency key without its job": """
            select i.job_id from idempotency as i
            where not exists (select from job as j where j.job_id = i.job_id)
                and not exists (select from archive as a where a.job_id = i.job_id)""",
        "a blocked job without a dependency that could end": """
            select j.job_id from job as j
            where j.state = 'blocked'
                and not exists (
                    select from dependency as e join job as d on d.job_id = e.waits_for
                    where e.job_id = j.job_id
                )
                and not exists (
                    select from deferred as n
                    where n.job_id = j.job_id
                        or n.job_id in (select e.waits_for from dependency as e where e.job_id = j.job_id)
                )""",
        "a parked job that nothing will unpark": """
            select j.job_id from job as j
            where j.state = 'ready' and j.parked
                and not exists (select from deferred as n where n.singleton_key = j.singleton_key)
                and not exists (
                    select from job as o where o.singleton_key = j.singleton_key
                        and (o.state = 'leased' or o.state = 'ready' and not o.parked)
                )""",
        "a ready job without a lane": """
            select j.job_id from job as j
            where j.state = 'ready' and not j.parked
                and not exists (
                    select from lane as l
                    where l.next_need = j.next_need and j.priority in (l.priority, -1 - l.priority)
                )""",
        "a job left the state blocked before its dependencies had ended": """
            select j.job_id from job as j
            cross join unnest((j.options).wait_for) as w (id)
            join job as d on d.job_id = w.id
            where j.state in ('ready', 'scheduled', 'leased')
                and j.on_dependency_failure <> 'release'""",
    }
    if drained:
        checks |= {
            "a job is left that is not dead": "select job_id, state from job where state <> 'dead'",
            "a deferred item is left": """
                select n.kind, n.job_id from deferred as n
                where n.kind in ('dependency', 'ended')
                    or n.kind = 'blocked' and exists (
                        select from job as j where j.job_id = n.job_id and j.state = 'blocked')""",
        }
    found = []
    for what, text in checks.items():
        if bad := query(conn, text):
            found.append(f"{what}: {len(bad)}, as {next(iter(bad[0].values()))}")
    return found


def check(conn: Connection, *, drained: bool = False) -> None:
    found = violations(conn, drained=drained)
    assert not found, "; ".join(found)


def wait_until_past(conn: Connection, moment: str) -> None:
    """Wait until the server's clock has passed a moment (an SQL expression)."""
    deadline = time.monotonic() + 10
    while not scalar(conn, f"select clock_timestamp() > {moment}"):
        assert time.monotonic() < deadline, f"{moment} does not pass"
        time.sleep(0.002)


def advance_watermarks(conn: Connection, need: str) -> None:
    """Advance the watermarks of a need as if their last advance were long ago.

    For a prefix, rebuild its lane cache.
    """
    # Rows that say that a lane was opened are left alone: the advance removes them, and its
    # transaction may stay open.
    conn.execute(
        "update watermark set noted_at = noted_at - interval '1 s' where noted_at > '-infinity'"
    )
    conn.execute("update lane_cache set noted_at = noted_at - interval '1 s'")
    conn.execute("update lookahead set noted_at = noted_at - interval '1 s'")
    if need.endswith("%"):
        conn.execute(
            "select _rebuild_lane_cache(_scope_name(array[%(n)s]), array[%(n)s], 0, clock_timestamp())",
            {"n": need},
        )
    else:
        conn.execute("select _advance_watermarks(%s, clock_timestamp())", (need,))
