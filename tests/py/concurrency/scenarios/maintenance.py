"""Maintenance: the times from which it looks."""

from __future__ import annotations

from uuid import UUID

import engine
from conftest import Connect, Connection
from engine import complete, lease_of, scalar, submit, take, transaction


def a_lease_granted_in_an_open_transaction_is_reclaimed_once_it_expires(connect: Connect) -> None:
    """It commits long after its lease began, and maintenance has reached later times by then."""
    slow, other = connect(), connect()
    job = submit(other, "x")
    # so that the slow session runs no maintenance, which would keep the others from it
    _run_maintenance_in_claims(other, 1)
    with transaction(slow):
        assert len(take(slow, "x", lease="1 ms")) == 1
        _run_maintenance_in_claims(other, 4)
    _run_maintenance_in_claims(other, 8)
    assert engine.one(other, "job", job_id=job)["attempt"] == 1
    assert engine.one(other, "job", job_id=job)["state"] == "scheduled"


def a_retry_scheduled_in_an_open_transaction_is_promoted_once_it_is_due(connect: Connect) -> None:
    slow, other = connect(), connect()
    job = submit(other, "x")
    lease = engine.take_one(other, "x")
    with transaction(slow):
        engine.one(slow, "fail", **lease_of(lease), error="e", retry_after="1 ms")
        _run_maintenance_in_claims(other, 4)
    _run_maintenance_in_claims(other, 8)
    assert engine.one(other, "job", job_id=job)["state"] == "ready"


def the_maintenance_horizon_advances(connect: Connect) -> None:
    a = connect()
    submit(a, "x")
    complete(a, engine.take_one(a, "x"))
    # transactions in other databases of the server hold it back, too
    for _ in range(100):
        _run_maintenance_in_claims(a, 1)
        late = scalar(
            a,
            "select least(leases_from, schedules_from) > clock_timestamp() - interval '10 s'"
            " from maintenance_horizon order by horizon_id desc limit 1",
        )
        if late:
            return
    raise AssertionError("maintenance looks from the beginning each time")


def _below_the_horizon(conn: Connection) -> tuple[UUID, UUID]:
    """An expired lease and a due job, both at times at which maintenance no longer looks."""
    leased, scheduled = submit(conn, "x", retry=engine.AT_ONCE), submit(conn, "y")
    engine.take_one(conn, "x")
    engine.expire_leases(conn)
    lease = engine.take_one(conn, "y")
    engine.one(
        conn,
        "release",
        **lease_of(lease),
        available_at=scalar(conn, "select now() + interval '1 h'"),
    )
    conn.execute("update job set available_at = now() - interval '1 day' where state = 'scheduled'")
    conn.execute(
        "insert into maintenance_horizon (at, leases_from, schedules_from, seen_at)"
        " select t, t, t, t from clock_timestamp() as t"
    )
    return leased, scheduled


def a_sweep_finds_jobs_below_the_horizon(connect: Connect) -> None:
    """Whatever has put them there, such as a clock that was set back or an update by hand."""
    a = connect()
    leased, scheduled = _below_the_horizon(a)
    engine.one(a, "sweep")
    assert engine.state(a, leased) in ("scheduled", "ready")
    assert engine.state(a, scheduled) == "ready"


def maintenance_in_claims_finds_jobs_below_the_horizon(connect: Connect) -> None:
    """It takes a while, because each second some pages of the tables are scanned."""
    a = connect()
    leased, scheduled = _below_the_horizon(a)
    _run_maintenance_in_claims(a, 3)
    _run_maintenance_in_claims(a, 10)
    assert engine.state(a, leased) in ("scheduled", "ready")
    assert engine.state(a, scheduled) == "ready"


def maintenance_goes_on_after_the_clock_was_set_back_slightly(connect: Connect) -> None:
    """By 0.7 s: the next maintenance promotes a job that became due, without waiting for that
    time."""
    a = connect()
    job = submit(a, "x")
    lease = engine.take_one(a, "x")
    engine.one(a, "fail", **lease_of(lease), error="e", retry_after="1 ms")
    submit(a, "busy"), submit(a, "busy")
    take(a, "busy")
    a.execute(
        "insert into maintenance_horizon (at, leases_from, schedules_from, seen_at)"
        " select t, t, t, t from (select clock_timestamp() + interval '0.7 s') as c (t)"
    )
    a.execute("update watermark set noted_at = noted_at - interval '7 s'")
    assert len(take(a, "busy")) == 1, (
        "it must find a job, so that it does not run maintenance for want of one"
    )
    assert engine.state(a, job) == "ready"


def _run_maintenance_in_claims(conn: Connection, times: int) -> None:
    """Let claims that find no job run due maintenance `times` times."""
    last = scalar(conn, "select coalesce(max(horizon_id), 0) from maintenance_horizon")
    for _ in range(times * 100):
        take(conn, "nothing")
        if (
            scalar(conn, "select coalesce(max(horizon_id), 0) from maintenance_horizon")
            >= last + times
        ):
            return
        conn.execute("select pg_sleep(0.02)")
    raise AssertionError("no claim ran maintenance")
