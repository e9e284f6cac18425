"""The Python package: how calls are sent, and how connections that belong to the caller are treated."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

import support
from conftest import Connect, Connection
from leasehold import (
    AlreadyDone,
    DependencyViolation,
    ForkedConnection,
    IdempotencyConflict,
    InvalidArgument,
    LeaseExpired,
    Leasehold,
    LeaseholdError,
    OpenTransaction,
    UsageError,
    session,
)


def _count(conn: Connection) -> int:
    row = conn.execute("select count(*) from job").fetchone()
    assert row is not None
    return int(row[0])


# --- submitting: part of the caller's transaction -------------------------------------------


def test_a_submit_commits_and_rolls_back_with_the_callers_rows(
    connect: Connect, conn: Connection
) -> None:
    conn.execute("create table public.invoice (id integer)")
    caller = connect(autocommit=False)
    leasehold = Leasehold(caller)

    caller.execute("insert into invoice values (1)")
    leasehold.submit("a.b")
    assert caller.info.transaction_status == TransactionStatus.INTRANS
    caller.rollback()
    assert _count(conn) == 0

    caller.execute("insert into invoice values (1)")
    leasehold.submit("a.b")
    assert _count(conn) == 0
    caller.commit()
    assert _count(conn) == 1
    assert conn.execute("select count(*) from invoice").fetchone() == (1,)


def test_a_batch_accepts_ids_times_and_durations_as_python_objects(conn: Connection) -> None:
    first = uuid4()
    later = datetime.now(timezone.utc) + timedelta(hours=1)
    found = Leasehold(conn).submit_many(
        [
            {"next_need": "a.b", "job_id": first},
            {"next_need": "a.c", "wait_for": [first]},
            {"next_need": "a.d", "available_at": later},
        ]
    )
    assert [one.state for one in found] == ["ready", "blocked", "scheduled"]
    assert found[0].job_id == first
    assert found[2].available_at == later


def test_every_argument_of_submit_arrives(conn: Connection) -> None:
    leasehold = Leasehold(conn)
    before = leasehold.submit("a.a").job_id
    expires = datetime.now(timezone.utc) + timedelta(days=1)
    job_id = uuid4()
    leasehold.submit(
        "a.b",
        {"x": [1, None, "é"]},
        job_id=job_id,
        wait_for=[str(before)],
        singleton_key="s",
        idempotency_key="i",
        priority=7,
        expires_at=expires,
        max_attempts=9,
        retry={"kind": "fixed", "initial": "5 s"},
        on_dependency_failure="cascade",
        metadata={"m": True},
        submitted_by="me",
    )
    job = leasehold.job(job_id)
    assert job.payload == {"x": [1, None, "é"]}
    assert job.wait_for == [before]
    assert (job.singleton_key, job.idempotency_key, job.priority) == ("s", "i", 7)
    assert (job.expires_at, job.max_attempts, job.metadata) == (expires, 9, {"m": True})
    assert (job.on_dependency_failure, job.submitted_by) == ("cascade", "me")
    assert job.retry is not None
    assert job.retry["kind"] == "fixed"
    assert job.state == "blocked"


def test_a_known_idempotency_key_returns_the_first_job(conn: Connection) -> None:
    leasehold = Leasehold(conn)
    first = leasehold.submit("a.b", {"n": 1}, idempotency_key="k")
    again = leasehold.submit("a.b", {"n": 1}, idempotency_key="k")
    assert (first.created, again.created) == (True, False)
    assert first.job_id == again.job_id
    with pytest.raises(IdempotencyConflict):
        leasehold.submit("a.b", {"n": 2}, idempotency_key="k")


def test_a_time_without_a_zone_and_a_string_for_a_list_are_refused_by_the_package(
    conn: Connection,
) -> None:
    leasehold = Leasehold(conn)
    with pytest.raises(ValueError, match="time zone"):
        leasehold.submit("a.b", available_at=datetime(2030, 1, 1))
    with pytest.raises(TypeError, match="list"):
        leasehold.get_work("w", "a.b")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("datestyle", "German"),
        ("intervalstyle", "iso_8601"),
        ("timezone", "Asia/Kathmandu"),
        ("search_path", "pg_temp"),
        ("bytea_output", "escape"),
    ],
)
def test_a_connection_with_settings_and_factories_of_its_own_works(
    connect: Connect, setting: str, value: str
) -> None:
    conn = connect(row_factory=dict_row, cursor_factory=psycopg.ClientCursor)
    conn.execute("select set_config(%s, %s, false)", [setting, value])
    leasehold = Leasehold(conn)
    submitted = leasehold.submit("a.b", {"k": "v"})
    (lease,) = leasehold.get_work("w", ["a.b"], lease=timedelta(minutes=2))
    assert lease.job_id == submitted.job_id
    assert timedelta(seconds=110) < lease.lease_remaining <= timedelta(minutes=2)
    assert lease.lease_expires_at - submitted.available_at > timedelta(seconds=110)
    lease.complete({"ok": True})
    assert leasehold.job(lease.job_id).result == {"ok": True}


def test_another_schema_is_named_and_quoted(empty_dsn: str) -> None:
    from leasehold import Installer

    Installer(empty_dsn, "My-App").apply()
    with Leasehold(empty_dsn, "My-App") as leasehold:
        leasehold.submit("a.b")
        (lease,) = leasehold.get_work("w", ["a.%"])
        lease.complete()
        assert leasehold.schema_version() == "1.0.0"


# --- submitting from an iterable ------------------------------------------------------------


@pytest.fixture
def portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits each COPY to ten rows, so that small tests have several."""
    monkeypatch.setattr(session, "_PORTION", 10)


def jobs_named(numbers: Iterable[int]) -> Iterator[dict[str, Any]]:
    return ({"next_need": "a.b", "payload": {"n": n}} for n in numbers)


def test_submit_all_accepts_any_iterable_and_reports_its_progress(
    conn: Connection, portions: None
) -> None:
    told: list[int] = []
    assert Leasehold(conn).submit_all(jobs_named(range(25)), progress=told.append) == 25
    assert told == [10, 20, 25]
    row = conn.execute(
        "select array_agg((payload ->> 'n')::int order by number) from job"
    ).fetchone()
    assert row == (list(range(25)),)
    assert Leasehold(conn).submit_all([]) == 0


def test_every_argument_of_submit_is_a_column_of_submission(conn: Connection) -> None:
    leasehold = Leasehold(conn)
    before = leasehold.submit("a.a").job_id
    later = datetime.now(timezone.utc) + timedelta(days=1)
    job_id = uuid4()
    job = {
        "next_need": "a.b",
        "payload": {"x": [1, None, "é\t\n\\"]},
        "job_id": job_id,
        "wait_for": [str(before)],
        "singleton_key": "s",
        "idempotency_key": "i",
        "priority": 7,
        "available_at": later,
        "expires_at": str(later + timedelta(days=1)),
        "max_attempts": 9,
        "retry": {"kind": "fixed", "initial": "5 s"},
        "on_dependency_failure": "cascade",
        "metadata": {"m": True},
        "submitted_by": "me",
    }
    assert (
        leasehold.submit_all([job, {"next_need": "a.c", "wait_for": [job_id], "priority": None}])
        == 2
    )
    found = leasehold.job(job_id)
    assert {
        name: getattr(found, name) for name in job if name not in ("wait_for", "expires_at")
    } == {
        name: value
        for name, value in job.items()
        if name not in ("wait_for", "expires_at", "retry")
    } | {"retry": found.retry}
    assert found.wait_for == [before]
    assert found.expires_at == later + timedelta(days=1)
    assert found.retry is not None
    assert found.retry["kind"] == "fixed"
    row = conn.execute(
        "select array_agg(attname::text order by attnum) from pg_attribute"
        " where attrelid = 'submission'::regclass and attnum > 0"
    ).fetchone()
    assert row == (list(job),)


@pytest.mark.parametrize(
    ("bad", "refusal", "says"),
    [
        ({"next_need": ""}, InvalidArgument, "next_need"),
        ({"next_need": "a.b", "payload": "text"}, InvalidArgument, "payload"),
        ({"next_need": "a.b", "job_id": "no uuid"}, InvalidArgument, "uuid"),
        ({"next_need": "a.b", "wait_for": [uuid4()]}, DependencyViolation, "wait_for|job"),
        ({"next_need": "a.b", "available_at": "soon"}, InvalidArgument, "soon"),
        ({"next_need": 5}, UsageError, "next_need must be a string"),
        ({"next_need": "a.b", "priority": "7"}, UsageError, "priority must be a whole number"),
        ({"next_need": "a.b", "prio": 7}, UsageError, "unknown key 'prio'"),
        ({"next_need": "a.b", "payload": {"at": object()}}, UsageError, "object"),
        ({"next_need": "a.b\x00"}, UsageError, "NUL"),
        ({"next_need": "a.b", "wait_for": "a"}, UsageError, "list"),
        ({"next_need": "a.b", "available_at": datetime(2030, 1, 1)}, UsageError, "time zone"),
        ("text", UsageError, "object"),
    ],
)
def test_submit_all_names_the_element_that_is_refused_and_stores_nothing(
    conn: Connection, portions: None, bad: Any, refusal: type[LeaseholdError], says: str
) -> None:
    with pytest.raises(refusal, match=says) as caught:
        Leasehold(conn).submit_all([*jobs_named(range(23)), bad, *jobs_named(range(99))])
    assert caught.value.index == 23
    assert "jobs[23]: " in str(caught.value)
    assert _count(conn) == 0
    assert conn.info.transaction_status == TransactionStatus.IDLE


def test_submit_all_is_part_of_the_callers_transaction(
    dsn: str, connect: Connect, conn: Connection, portions: None
) -> None:
    caller = connect(autocommit=False)
    assert Leasehold(caller).submit_all(jobs_named(range(25))) == 25
    assert caller.info.transaction_status == TransactionStatus.INTRANS
    caller.rollback()
    assert _count(conn) == 0
    caller = connect()
    with caller.transaction():
        Leasehold(caller).submit_all(jobs_named(range(25)))
        assert _count(conn) == 0
    assert _count(conn) == 25
    with ConnectionPool(dsn, min_size=1, max_size=1, open=True) as pool:
        Leasehold(pool).submit_all(jobs_named(range(25)))
        assert _count(conn) == 50


def test_an_exception_of_the_iterable_propagates_and_nothing_is_stored(
    conn: Connection, portions: None
) -> None:
    def jobs() -> Iterator[dict[str, Any]]:
        yield from jobs_named(range(15))
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        Leasehold(conn).submit_all(jobs())
    assert _count(conn) == 0


def test_where_triggers_do_not_fire_nothing_is_reported_as_submitted(
    connect: Connect, conn: Connection
) -> None:
    caller = connect()
    caller.execute("set session_replication_role = replica")
    leasehold = Leasehold(caller)
    with pytest.raises(UsageError, match="session_replication_role"):
        leasehold.submit_all(jobs_named(range(3)))
    assert _count(conn) == 0
    assert leasehold.submit("a.b").created
    assert len(leasehold.submit_many([{"next_need": "a.b"}] * 2)) == 2
    caller.execute("set session_replication_role = origin")
    assert leasehold.submit_all(jobs_named(range(3))) == 3
    assert _count(conn) == 6


def test_submit_many_counts_its_answers(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    leasehold = Leasehold(conn)
    real = session.Session.rows
    monkeypatch.setattr(session.Session, "rows", lambda *given, **named: real(*given, **named)[1:])
    with pytest.raises(LeaseholdError, match="2 jobs were sent, but 1 were recorded"):
        leasehold.submit_many([{"next_need": "a.b"}] * 2)


# --- claiming: a transaction of its own -----------------------------------------------------


def test_get_work_is_refused_inside_an_open_transaction(connect: Connect, conn: Connection) -> None:
    Leasehold(conn).submit("a.b")
    caller = connect()
    leasehold = Leasehold(caller)
    with caller.transaction():
        with pytest.raises(OpenTransaction):
            leasehold.get_work("w", ["a.b"])
        with pytest.raises(OpenTransaction):
            leasehold.await_work("w", ["a.b"], timeout=1)
        with pytest.raises(OpenTransaction):
            leasehold.turn("w", ["a.b"])
        assert caller.info.transaction_status == TransactionStatus.INTRANS
        (lease,) = leasehold.get_work("w", ["a.b"], in_transaction=True)
        raise psycopg.Rollback
    assert Leasehold(conn).job(lease.job_id).attempt == 0


def test_a_grant_is_committed_at_once_on_a_connection_without_autocommit(
    connect: Connect, conn: Connection
) -> None:
    Leasehold(conn).submit("a.b")
    caller = connect(autocommit=False)
    (lease,) = Leasehold(caller).get_work("w", ["a.b"])
    assert caller.info.transaction_status == TransactionStatus.IDLE
    assert Leasehold(conn).job(lease.job_id).state == "leased"
    # An end on that connection is part of the caller's transaction, like any statement.
    lease.complete()
    assert Leasehold(conn).job(lease.job_id).state == "leased"
    caller.commit()
    assert Leasehold(conn).job(lease.job_id).state == "succeeded"


def test_a_claim_whose_reply_came_after_its_lease_is_refused(
    conn: Connection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    leasehold = Leasehold(conn)
    leasehold.submit("a.b")
    real = session.Session.rows

    def slow(self: session.Session, *given: object, **named: object) -> object:
        found = real(self, *given, **named)  # type: ignore[arg-type]
        time.sleep(0.3)
        return found

    monkeypatch.setattr(session.Session, "rows", slow)
    assert leasehold.get_work("w", ["a.b"], lease=0.2) == []
    assert "expired before the reply arrived" in caplog.text
    monkeypatch.undo()
    assert (
        leasehold.get_work("w", ["a.b"]) == []
    )  # leased or backing off, so no worker gets it twice


def test_turn_ends_and_claims_in_one_call(conn: Connection) -> None:
    leasehold = Leasehold(conn)
    leasehold.submit_many([{"next_need": "a.b"}] * 3)
    first = leasehold.turn("w", ["a.b"], limit_jobs=2)
    assert (first.settled, len(first.leases)) == ([], 2)
    done = [
        {"job_id": lease.job_id, "lease_id": lease.lease_id, "verb": "complete", "result": 1}
        for lease in first.leases
    ]
    then = leasehold.turn("w", ["a.b"], done, limit_jobs=2)
    assert [(row.verb, row.ok, row.error) for row in then.settled] == [("complete", True, None)] * 2
    assert len(then.leases) == 1
    late = {"job_id": done[0]["job_id"], "lease_id": done[0]["lease_id"], "verb": "release"}
    stale = leasehold.settle([late], strict=False)
    assert not stale[0].ok
    assert type(stale[0].error).__name__ == "JobFinished"


def test_a_batch_of_ends_accepts_what_the_single_calls_accept(conn: Connection) -> None:
    leasehold = Leasehold(conn)
    first = leasehold.submit("a.first").job_id
    leasehold.submit_many([{"next_need": "a.b"}] * 4)
    leases = leasehold.get_work("w", ["a.b"], limit_jobs=4)
    later = datetime.now(timezone.utc) + timedelta(hours=1)
    ends = [
        {"verb": "complete", "result": None},
        {"verb": "fail", "error": "no", "retry_after": 1800, "retryable": None},
        {"verb": "release", "available_at": later},
        {"verb": "reschedule", "wait_for": [first]},
    ]
    done = [
        {"job_id": lease.job_id, "lease_id": lease.lease_id, **end}
        for lease, end in zip(leases, ends, strict=True)
    ]
    rows = leasehold.settle(done)
    assert [row.state for row in rows] == ["succeeded", "scheduled", "scheduled", "blocked"]
    assert leasehold.job(leases[0].job_id).result is None
    assert rows[1].available_at is not None
    assert timedelta(minutes=29) < rows[1].available_at - datetime.now(timezone.utc)
    assert rows[2].available_at == later
    with pytest.raises(TypeError, match="datetime"):  # as complete() would
        leasehold.settle([{**done[0], "result": {"at": later}}])


# --- waiting --------------------------------------------------------------------------------


@pytest.mark.serial
def test_await_work_ends_on_its_timeout(conn: Connection) -> None:
    before = time.monotonic()
    assert Leasehold(conn).await_work("w", ["a.b"], timeout=0.3) == []
    assert 0.3 <= time.monotonic() - before < 2
    before = time.monotonic()
    assert Leasehold(conn).await_work("w", ["a.b"], timeout=0) == []
    assert time.monotonic() - before < 0.3


@pytest.mark.serial
@pytest.mark.parametrize("listen", [True, False])
def test_await_work_ends_on_a_stop_event(conn: Connection, listen: bool) -> None:
    stop = threading.Event()
    call = support.background(
        lambda: Leasehold(conn).await_work("w", ["a.b"], stop=stop, listen=listen, poll=60)
    )
    time.sleep(0.2)
    assert not call.done()
    stop.set()
    assert call.result(timeout=2) == []
    assert Leasehold(conn).await_work("w", ["a.b"], stop=stop) == []


def _wait_then_submit(
    conn: Connection, waiting: Callable[[], list[object]], registered: Callable[[], bool]
) -> float:
    call = support.background(waiting)
    support.eventually(registered, "the waiter listens")
    time.sleep(0.2)
    before = time.monotonic()
    Leasehold(conn).submit("a.b")
    assert len(call.result(timeout=60)) == 1
    return time.monotonic() - before


def _registered(conn: Connection) -> Callable[[], bool]:
    return lambda: bool(conn.execute("select 1 from waiter").fetchone())


def test_a_notification_wakes_a_waiter_long_before_its_poll(
    connect: Connect, conn: Connection
) -> None:
    waiter = connect()
    took = _wait_then_submit(
        conn,
        lambda: list(Leasehold(waiter).await_work("w", ["a.%"], poll=30, timeout=15)),
        _registered(conn),
    )
    assert took < 5
    row = waiter.execute("select count(*) from pg_listening_channels()").fetchone()
    assert row == (0,)  # a connection is given back as it was


def test_listening_works_over_a_pool_and_without_autocommit(
    dsn: str, connect: Connect, conn: Connection
) -> None:
    with ConnectionPool(dsn, min_size=1, max_size=2, open=True) as pool:
        took = _wait_then_submit(
            conn,
            lambda: list(Leasehold(pool).await_work("w", ["a.%"], poll=30, timeout=15)),
            _registered(conn),
        )
        assert took < 5
    waiter = connect(autocommit=False)
    took = _wait_then_submit(
        conn,
        lambda: list(Leasehold(waiter).await_work("w", ["a.%"], poll=30, timeout=15)),
        _registered(conn),
    )
    assert took < 5
    assert waiter.info.transaction_status == TransactionStatus.IDLE


@pytest.mark.serial
def test_behind_a_pooler_nothing_listens_and_polling_finds_the_work(
    connect: Connect, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leasehold.wakeup.is_pooled", lambda conn: True)
    waiter = connect()
    took = _wait_then_submit(
        conn,
        lambda: list(Leasehold(waiter).await_work("w", ["a.%"], poll=0.5, timeout=15)),
        lambda: True,
    )
    assert took < 2
    assert not _registered(conn)()


def test_a_direct_connection_is_not_taken_for_a_pooled_one(conn: Connection) -> None:
    assert not session.is_pooled(conn)


# --- the payload and result of a job, and who may read them ---------------------------------


def test_the_payload_of_a_job_is_shown_only_to_roles_that_may_see_it(conn: Connection) -> None:
    leasehold = Leasehold(conn)
    job_id = leasehold.submit("a.b", {"p": 1}, metadata={"m": 1}).job_id
    (lease,) = leasehold.get_work("w", ["a.b"])
    lease.complete({"r": 1})
    carried = leasehold.job_payload(job_id)
    assert (carried.payload, carried.metadata, carried.result) == ({"p": 1}, {"m": 1}, {"r": 1})
    conn.execute("set role leasehold_reader")
    found = leasehold.job(job_id)
    assert (found.state, found.payload, found.metadata, found.result) == (
        "succeeded",
        None,
        None,
        None,
    )
    assert found.lease_id is None
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        leasehold.job_payload(job_id)


def test_a_worker_that_completed_a_job_before_learns_the_result_by_its_lease(
    conn: Connection,
) -> None:
    leasehold = Leasehold(conn)
    leasehold.submit("a.b")
    (lease,) = leasehold.get_work("w", ["a.b"])
    lease.complete({"r": 1})
    with pytest.raises(AlreadyDone) as refused, conn.transaction():
        lease.complete({"r": 2})
    assert set(refused.value.detail) == {"job_id", "lease_id"}
    conn.execute("set role leasehold_worker")
    told = lease.status()
    assert (told.held, told.state, told.result) == (False, "succeeded", {"r": 1})


# --- pools, connection strings, forks -------------------------------------------------------


def test_over_a_pool_each_call_is_a_transaction_of_its_own(dsn: str, conn: Connection) -> None:
    with ConnectionPool(dsn, min_size=1, max_size=1, open=True) as pool:
        leasehold = Leasehold(pool)
        leasehold.submit("a.b")
        assert _count(conn) == 1
        (lease,) = leasehold.get_work("w", ["a.b"])
        lease.complete()
        lease.complete()  # LH018 counts as success in a transaction of its own
        with pytest.raises(InvalidArgument):
            leasehold.submit("")
        with pool.connection() as given:
            leasehold.submit("a.b", connection=given)
            assert _count(conn) == 0
            given.rollback()
        assert _count(conn) == 0
        leasehold.submit("a.c")
        with lease_from(leasehold, "a.c").transaction() as inside:
            # The pool has one connection, so the lease's calls must use that of the transaction.
            inside.execute("select 1")


def lease_from(leasehold: Leasehold, need: str):
    (lease,) = leasehold.get_work("w", [need])
    return lease


def test_with_a_connection_string_a_lost_connection_is_opened_again_and_closed_at_the_end(
    dsn: str, superuser: Connection
) -> None:
    with Leasehold(dsn) as leasehold:
        leasehold.submit("a.b")
        own = leasehold.session._own
        assert own is not None
        superuser.execute("select pg_terminate_backend(%s)", [own.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            leasehold.submit("a.b")
        leasehold.submit("a.b")
        again = leasehold.session._own
    assert again is not own
    assert again is not None
    assert again.closed


def test_a_connection_that_the_caller_opened_stays_open(conn: Connection) -> None:
    with Leasehold(conn) as leasehold:
        leasehold.submit("a.b")
    assert not conn.closed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_connection_used_after_a_fork_is_refused_clearly(dsn: str) -> None:
    leasehold = Leasehold(dsn)
    leasehold.submit("a.b")
    (lease,) = leasehold.get_work("w", ["a.b"])
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        told = []
        for call in (lambda: leasehold.submit("a.b"), lease.complete, lease.extend):
            try:
                call()
                told.append("went through")
            except ForkedConnection as exc:
                told.append(type(exc).__name__)
            except BaseException as exc:
                told.append(repr(exc))
        os.write(writing, " ".join(told).encode())
        sys.stdout.flush()
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        told_by_child = answer.read()
    os.waitpid(child, 0)
    assert told_by_child == " ".join(["ForkedConnection"] * 3)
    lease.complete()  # the parent's connection still works
    leasehold.close()


# --- operating ------------------------------------------------------------------------------


def test_the_calls_of_operators_return_rows(conn: Connection) -> None:
    leasehold = Leasehold(conn)
    job_id = leasehold.submit("a.b", max_attempts=1).job_id
    assert leasehold.fail_unheld(job_id, "me", "no\x00 \ud800", retryable=False).state == "dead"
    assert leasehold.redrive(job_id, "me", "again").state == "ready"
    assert leasehold.fail_unheld(job_id, "me", ValueError("bad"), retryable=False).state == "dead"
    assert leasehold.job(job_id).error == "ValueError: bad"
    assert leasehold.redrive_many("a.%", "me") == [job_id]
    assert leasehold.reschedule_unheld(job_id, "me", next_need="a.c").state == "ready"
    assert leasehold.cancel(job_id, "me", "enough") == "cancelled"
    other = leasehold.submit("a.b").job_id
    leasehold.complete_unheld(other, "me", {"by": "hand"})
    assert leasehold.job(other).result == {"by": "hand"}
    later = leasehold.submit("a.b", available_at=datetime.now(timezone.utc) + timedelta(hours=1))
    assert leasehold.why_not_running(later.job_id)[0].reason == "scheduled"
    assert leasehold.sweep().promoted == 0
    assert leasehold.setting("max_crashes") == "3"
    assert leasehold.set_setting("max_crashes", "4") == "4"
    assert leasehold.set_setting("max_crashes", None) == "3"
    assert {setting.name for setting in leasehold.settings()} >= {"max_crashes", "max_lease"}
    assert leasehold.require_api(1) == leasehold.schema_version() == "1.0.0"
    assert leasehold.verify() == []


def test_many_leases_are_extended_in_one_call(conn: Connection) -> None:
    leasehold = Leasehold(conn)
    leasehold.submit_many([{"next_need": "a.b"}] * 2)
    leases = leasehold.get_work("w", ["a.b"], limit_jobs=2)
    leases[0].complete()
    done, held = sorted(
        leasehold.extend_many(leases, lease=300), key=lambda row: row.job_id != leases[0].job_id
    )
    assert (done.ok, held.ok) == (False, True)
    assert type(done.error).__name__ == "JobFinished"
    assert held.error is None


def test_leases_know_their_answer_from_extend_many(conn: Connection) -> None:
    leasehold = Leasehold(conn)
    leasehold.submit_many([{"next_need": "a.b"}] * 2)
    gone, held = leasehold.get_work("w", ["a.b"], limit_jobs=2, lease=1)
    leasehold.cancel(gone.job_id, "operator")
    leasehold.extend_many([gone, held])
    time.sleep(1.1)
    assert (gone.state, held.state) == ("cancelled", "held")
    assert gone.stop.is_set()


def test_a_lease_of_no_length_is_refused_before_anything_is_granted(conn: Connection) -> None:
    leasehold = Leasehold(conn)
    job_id = leasehold.submit("a.b").job_id
    with pytest.raises(TypeError):
        leasehold.get_work("w", ["a.b"], lease=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        leasehold.turn("w", ["a.b"], lease=None)  # type: ignore[arg-type]
    assert leasehold.job(job_id).state == "ready"
    assert [lease.job_id for lease in leasehold.get_work("w", ["a.b"])] == [job_id]


def test_leases_can_be_in_a_set(conn: Connection) -> None:
    leasehold = Leasehold(conn)
    leasehold.submit_many([{"next_need": "a.b"}] * 2)
    first, second = leasehold.get_work("w", ["a.b"], limit_jobs=2)
    assert len({first, second, first}) == 2
    assert first != second


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda leasehold: leasehold.submit(None), "next_need"),
        (lambda leasehold: leasehold.job(None), "job_id"),
        (lambda leasehold: leasehold.cancel(uuid4(), None), "actor"),
        (lambda leasehold: leasehold.redrive_many(None, "me"), "capability"),
        (lambda leasehold: leasehold.get_work(None, ["a.b"]), "worker_id"),
        (lambda leasehold: leasehold.get_work("w", None), "capabilities"),
        (lambda leasehold: leasehold.wakeup_channel(["a.b"], None), "until"),
        (lambda leasehold: leasehold.setting(None), "name"),
        (lambda leasehold: leasehold.require_api(None), "api"),
    ],
)
def test_none_for_an_argument_without_a_default_is_an_invalid_argument(
    conn: Connection, call: Callable[[Leasehold], object], argument: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        call(Leasehold(conn))
    assert caught.value.argument == argument


def test_a_reclaimed_lease_says_that_it_is_lost(conn: Connection) -> None:
    leasehold = Leasehold(conn)
    leasehold.submit("a.b", retry={"kind": "fixed", "initial": "0 s"})
    (old,) = leasehold.get_work("w", ["a.b"], lease=1)
    time.sleep(1.1)
    new = support.eventually(lambda: leasehold.get_work("v", ["a.b"]), "the job is claimed again")
    assert new[0].job_id == old.job_id
    with pytest.raises(LeaseExpired):
        old.complete()
    assert old.state == "lost"


@pytest.mark.parametrize("listen", [True, False])
def test_await_work_sleeps_no_longer_than_until_a_scheduled_job_is_due(
    conn: Connection, connect: Connect, listen: bool
) -> None:
    """The poll is a minute, so a claim in time shows that the wait ended when the job was due."""
    soon = datetime.now(timezone.utc) + timedelta(seconds=1)
    submitted = Leasehold(conn).submit("x", available_at=soon)
    begun = time.monotonic()
    (lease,) = Leasehold(connect()).await_work("w", ["x"], poll=60, timeout=30, listen=listen)
    assert lease.job_id == submitted.job_id
    assert time.monotonic() - begun < 15


def test_a_job_scheduled_while_many_sleep_is_found_by_one_of_them_in_time(
    conn: Connection, connect: Connect, dsn: str
) -> None:
    """Thirty sessions wait with a poll of a minute; those that do not find the job do not poll for it."""
    waiting = [connect() for _ in range(30)]
    stop = threading.Event()
    calls = [
        support.background(
            lambda c=c: Leasehold(c).await_work("w", ["x"], poll=60, timeout=60, stop=stop)
        )
        for c in waiting
    ]
    # Once their registration is reliable, all of them sleep for as long as the poll, or until they are notified.
    support.eventually(
        lambda: conn.execute("select 1 from waiter where reliable").fetchone(),
        "they wait",
        seconds=20,
    )
    time.sleep(0.5)
    soon = datetime.now(timezone.utc) + timedelta(seconds=1)
    submitted = Leasehold(conn).submit("x", available_at=soon)

    def found() -> list[Any]:
        return [f for c in calls if c.done() for f in c.result()]

    try:
        support.eventually(found, "one of them has the job")
        assert [lease.job_id for lease in found()] == [submitted.job_id]
    finally:
        stop.set()
        for call in calls:
            call.result(timeout=60)
