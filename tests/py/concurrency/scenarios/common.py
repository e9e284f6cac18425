"""Helpers that the scenarios of several subjects share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import engine
from conftest import Connect, Connection
from engine import lease_of, scalar, submit, take

Scenario = Callable[[Connect], None]


def completes_of(*works: engine.Work) -> list[dict[str, object]]:
    return [lease_of(work) | {"verb": "complete"} for work in works]


def make_watermarks_recent(conn: Connection) -> None:
    conn.execute("update watermark set noted_at = clock_timestamp() where noted_at > '-infinity'")


def next_ready(conn: Connection, n: int = 1) -> list[UUID]:
    """The next jobs in strict order over all needs: lowest priority first, then longest ready."""
    found = engine.query(
        conn,
        "select job_id from job where state = 'ready' and not parked"
        " order by priority, number limit %s",
        n,
    )
    return [row["job_id"] for row in found]


# Advances the sequence of fences as far as many claims would.
CLAIMS = "select count(nextval('fence_seq')) from generate_series(1, 120)"

# The newest watermarks of the need x.
NEWEST = "from watermark where next_need = 'x' order by watermark_id desc limit 1"


def set_up_watermarks(conn: Connection) -> None:
    """Submit jobs of x and make its watermarks.

    From now on a setting of the session decides whether a claim is the one in fifty.
    """
    conn.execute(
        "create or replace function _one_in_fifty() returns boolean language sql volatile"
        " as $$ select current_setting('test.one_in_fifty')::boolean $$"
    )
    conn.execute("set test.one_in_fifty = false")
    for _ in range(4):
        submit(conn, "x")
    take(conn, "x")


def calls_of(
    conn: Connection,
    *functions: str,
    age: str = "30 ms",
    one_in_fifty: bool = True,
    claim: Callable[[Connection, str], list[Any]] = take,
) -> list[int]:
    """Claim one job of x with watermarks of this age; return how often each function was called.

    This runs in a transaction, because the server counts calls by transaction.
    """
    columns = "next_need, priorities, numbers, keyed, seen_number, seen_by, fence, max_lease, max_attempts"
    conn.execute("set track_functions = 'pl'")

    def counts() -> list[int]:
        calls = "select coalesce(pg_stat_get_xact_function_calls(%s::regproc), 0)"
        return [scalar(conn, calls, function) for function in functions]

    before = counts()
    conn.execute("insert into maintenance_horizon (at) values (clock_timestamp())")
    # This is last, so that a slow machine does not make the row older.
    conn.execute(
        f"insert into watermark ({columns}, noted_at)"
        f" select {columns}, clock_timestamp() - %s::interval {NEWEST}",
        (age,),
    )
    conn.execute("select set_config('test.one_in_fifty', %s::text, false)", (one_in_fifty,))
    assert len(claim(conn, "x")) == 1
    return [after - was for after, was in zip(counts(), before, strict=True)]


class RollBack(Exception):
    pass
