"""Maintenance: from which time on it looks."""

from __future__ import annotations

from uuid import UUID

import engine
from conftest import Connect, Connection
from engine import complete, lease_of, scalar, submit, take, transaction


def a_lease_of_an_open_transaction_is_found_when_it_has_run_out(connect: Connect) -> None:
    """It commits long after its lease began, and upkeep has been looking at later times since."""
    slow, other = connect(), connect()
    job = submit(other, "x")
    _ticks(other, 1)  # so that the slow one has none to do, which nobody else would do beside it
    with transaction(slow):
        assert len(take(slow, "x", lease="1 ms")) == 1
        _ticks(other, 4)
    _ticks(other, 8)
    assert engine.one(other, "job", job_id=job)["attempt"] == 1
    assert engine.one(other, "job", job_id=job)["state"] == "scheduled"


def a_retry_of_an_open_transaction_is_found_when_it_is_due(connect: Connect) -> None:
    slow, other = connect(), connect()
    job = submit(other, "x")
    lease = engine.take_one(other, "x")
    with transaction(slow):
        engine.one(slow, "fail", **lease_of(lease), error="e", retry_after="1 ms")
        _ticks(other, 4)
    _ticks(other, 8)
    assert engine.one(other, "job", job_id=job)["state"] == "ready"


def upkeep_moves_on_past_what_is_over(connect: Connect) -> None:
    a = connect()
    submit(a, "x")
    complete(a, engine.take_one(a, "x"))
    # other databases of the server hold it up, too
    for _ in range(100):
        _ticks(a, 1)
        late = scalar(
            a,
            "select least(leases_from, schedules_from) > clock_timestamp() - interval '10 s'"
            " from maintenance_horizon order by horizon_id desc limit 1",
        )
        if late:
            return
    raise AssertionError("upkeep looks from the beginning each time")


def _below_the_horizon(conn: Connection) -> tuple[UUID, UUID]:
    """A lease that ran out and a job whose time came, both where upkeep no longer looks."""
    leased, scheduled = submit(conn, "x", retry=engine.AT_ONCE), submit(conn, "y")
    engine.take_one(conn, "x")
    engine.run_out(conn)
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


def a_sweep_finds_what_lies_below_the_horizon(connect: Connect) -> None:
    """Whatever has put it there: a clock that was set back, or a hand."""
    a = connect()
    leased, scheduled = _below_the_horizon(a)
    engine.one(a, "sweep")
    assert engine.state(a, leased) in ("scheduled", "ready")
    assert engine.state(a, scheduled) == "ready"


def upkeep_by_the_way_finds_what_lies_below_the_horizon(connect: Connect) -> None:
    """Not at once, but some pages of the tables each second."""
    a = connect()
    leased, scheduled = _below_the_horizon(a)
    _ticks(a, 3)
    _ticks(a, 10)
    assert engine.state(a, leased) in ("scheduled", "ready")
    assert engine.state(a, scheduled) == "ready"


def upkeep_goes_on_when_the_clock_was_set_back_a_little(connect: Connect) -> None:
    """By 0.7 s: a job that became due meanwhile is let in by the next look, not after that time."""
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
    assert len(take(a, "busy")) == 1, "it finds work, so that it does not go hungry"
    assert engine.state(a, job) == "ready"


def _ticks(conn: Connection, times: int) -> None:
    """Upkeep by the way, by a worker that finds nothing, as often as it comes."""
    last = scalar(conn, "select coalesce(max(horizon_id), 0) from maintenance_horizon")
    for _ in range(times * 100):
        take(conn, "nothing")
        if (
            scalar(conn, "select coalesce(max(horizon_id), 0) from maintenance_horizon")
            >= last + times
        ):
            return
        conn.execute("select pg_sleep(0.02)")
    raise AssertionError("no upkeep was done by the way")
