"""The Python package: a lease, the calls that end it, and its state."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest

import support
from conftest import Connect, Connection
from leasehold import (
    AlreadyDone,
    GiveUp,
    InvalidArgument,
    JobCancelled,
    JobFinished,
    Lease,
    LeaseExpired,
    Leasehold,
    LeaseMismatch,
    PayloadTooLarge,
    Release,
    Retry,
)
from proxy import proxied

AT_ONCE = {"kind": "fixed", "initial": "0 s"}


def claimed(leasehold: Leasehold, need: str = "a.b", **submit: Any) -> Lease:
    leasehold.submit(need, **submit)
    (lease,) = leasehold.get_work("w", [need], lease=submit.pop("lease", 60))
    return lease


@pytest.fixture
def leasehold(conn: Connection) -> Leasehold:
    return Leasehold(conn)


@pytest.fixture
def written(conn: Connection) -> str:
    """A table of the application."""
    conn.execute("create table public.written (job_id uuid)")
    return "insert into public.written values (%s)"


def rows_written(conn: Connection) -> int:
    row = conn.execute("select count(*) from public.written").fetchone()
    assert row is not None
    return int(row[0])


def end(conn: Connection, lease: Lease) -> tuple[str, str | None]:
    job = Leasehold(conn).job(lease.job_id)
    return job.state, job.error


# --- facts ----------------------------------------------------------------------------------


def test_the_facts_of_a_lease_cannot_be_changed(leasehold: Leasehold) -> None:
    lease = claimed(leasehold, payload={"n": 1})
    assert (lease.next_need, lease.payload, lease.attempt) == ("a.b", {"n": 1}, 1)
    assert lease.lease_id != lease.job_id
    with pytest.raises(AttributeError):
        lease.attempt = 2  # type: ignore[misc]
    assert "payload" in repr(lease)
    assert "_pulse" not in repr(lease)


def test_a_lease_has_the_results_of_its_dependencies(leasehold: Leasehold) -> None:
    first = claimed(leasehold, "a.a")
    leasehold.submit("a.b", wait_for=[first.job_id])
    first.complete({"n": 7})
    (lease,) = leasehold.get_work("w", ["a.b"])
    assert lease.results == {str(first.job_id): {"n": 7}}
    assert not lease.results_truncated
    (row,) = lease.dependency_results()
    assert (row.job_id, row.state, row.result) == (first.job_id, "succeeded", {"n": 7})
    assert lease.dependency_results(after=row.job_id, limit_rows=1) == []


# --- ends -----------------------------------------------------------------------------------


def test_each_end_is_one_call_and_the_lease_knows(leasehold: Leasehold) -> None:
    lease = claimed(leasehold)
    assert lease.state == "held"
    lease.complete({"ok": True})
    assert lease.state == "ended"

    lease = claimed(leasehold)
    outcome = lease.fail("no", retry_after=60, error_code="E1")
    assert (outcome.state, outcome.attempt) == ("scheduled", 1)
    assert outcome.available_at is not None
    assert lease.state == "ended"

    lease = claimed(leasehold)
    assert lease.fail("no", retryable=False).state == "dead"

    lease = claimed(leasehold)
    later = datetime.now(timezone.utc) + timedelta(hours=1)
    assert lease.release(available_at=later).attempt == 0

    lease = claimed(leasehold)
    outcome = lease.reschedule(next_need="a.human", payload={"n": 2}, priority=5)
    assert outcome.state == "ready"
    moved = leasehold.job(lease.job_id)
    assert (moved.next_need, moved.payload, moved.priority) == ("a.human", {"n": 2}, 5)


def test_completed_twice_is_success_in_autocommit_and_an_error_in_a_transaction(
    conn: Connection, leasehold: Leasehold, written: str
) -> None:
    lease = claimed(leasehold)
    lease.complete({"n": 1})
    lease.complete({"n": 1})

    def again() -> None:
        with conn.transaction():
            conn.execute(written, [lease.job_id])
            lease.complete({"n": 1})

    with pytest.raises(AlreadyDone):
        again()
    assert lease.status().result == {"n": 1}
    assert rows_written(conn) == 0


def test_an_end_on_another_connection_takes_part_in_its_transaction(
    connect: Connect, conn: Connection, leasehold: Leasehold, written: str
) -> None:
    other = connect(autocommit=False)
    lease = claimed(leasehold)
    other.execute(written, [lease.job_id])
    lease.complete(connection=other)
    assert end(conn, lease)[0] == "leased"
    other.rollback()
    assert not lease.is_over()

    other.execute(written, [lease.job_id])
    lease.complete(connection=other)
    assert lease.is_over()
    other.commit()
    assert lease.is_over()
    assert end(conn, lease)[0] == "succeeded"
    assert rows_written(conn) == 1


def test_a_result_that_is_not_json_or_too_large_leaves_the_lease_unchanged(
    leasehold: Leasehold,
) -> None:
    lease = claimed(leasehold)
    with pytest.raises(TypeError):
        lease.complete(object())
    with pytest.raises(InvalidArgument, match="NUL"):
        lease.complete("\x00")
    with pytest.raises(PayloadTooLarge):
        lease.complete("x" * 2_000_000)
    assert lease.state == "held"
    assert lease.status().held
    lease.complete()


@pytest.mark.parametrize(
    "text", ["nul \x00", "surrogate \ud800", "backslash \\u0000", "%s %(x)s %", "", "é" * 10**6]
)
def test_no_error_text_is_refused(conn: Connection, leasehold: Leasehold, text: str) -> None:
    lease = claimed(leasehold)
    assert lease.fail(ValueError(text), retryable=False).state == "dead"
    assert (end(conn, lease)[1] or "").startswith("ValueError")


def test_an_error_text_survives_a_connection_in_a_small_encoding(
    connect: Connect, conn: Connection
) -> None:
    small = connect(client_encoding="latin1")
    lease = claimed(Leasehold(small))
    lease.fail("price: 5 €", retryable=False)
    assert end(conn, lease)[1] == "price: 5 \\u20ac"


# --- a block under a lease ------------------------------------------------------------------


def test_a_clean_block_completes_a_lease_that_it_did_not_end(
    conn: Connection, leasehold: Leasehold
) -> None:
    with claimed(leasehold) as lease:
        pass
    assert end(conn, lease) == ("succeeded", None)
    with claimed(leasehold) as lease:
        lease.release()
    assert end(conn, lease)[0] == "ready"


def test_an_exception_fails_the_attempt_with_its_text_and_propagates(
    conn: Connection, leasehold: Leasehold
) -> None:
    with pytest.raises(KeyError), claimed(leasehold) as lease:
        raise KeyError("who")
    assert end(conn, lease) == ("scheduled", "KeyError: 'who'")
    with pytest.raises(KeyboardInterrupt), claimed(leasehold) as lease:
        raise KeyboardInterrupt
    assert end(conn, lease)[0] == "ready"
    assert leasehold.job(lease.job_id).attempt == 0


def test_an_exception_for_handlers_ends_the_lease_and_does_not_propagate(
    conn: Connection, leasehold: Leasehold
) -> None:
    before = datetime.now(timezone.utc)
    with claimed(leasehold) as lease:
        raise Retry("busy", after=timedelta(hours=2), error_code="E7")
    job = leasehold.job(lease.job_id)
    assert (job.state, job.error, job.error_code) == ("scheduled", "busy", "E7")
    assert job.available_at is not None
    assert job.available_at - before > timedelta(minutes=119)
    with claimed(leasehold) as lease:
        raise Retry from ValueError("the cause")
    assert end(conn, lease) == ("scheduled", "ValueError: the cause")
    with claimed(leasehold) as lease:
        raise GiveUp("no such customer")
    assert end(conn, lease) == ("dead", "no such customer")
    assert leasehold.job(lease.job_id).dead_reason == "not_retryable"
    with claimed(leasehold) as lease:
        raise Release
    assert end(conn, lease)[0] == "ready"


def test_the_exception_propagates_when_the_failure_cannot_be_recorded(
    connect: Connect, superuser: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    mine = connect()

    def work() -> None:
        with claimed(Leasehold(mine)):
            superuser.execute("select pg_terminate_backend(%s)", [mine.info.backend_pid])
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert "so it expires" in caplog.text


def test_an_end_in_a_transaction_that_is_still_open_is_left_to_its_owner(
    connect: Connect, conn: Connection, leasehold: Leasehold
) -> None:
    other = connect()
    lease = claimed(leasehold)

    def work() -> None:
        # The end of the block must neither wait for the open transaction nor fail the job.
        with other.transaction(), lease:
            lease.complete(connection=other)
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert end(conn, lease)[0] == "leased"
    assert not lease.is_over()


# --- transactions ---------------------------------------------------------------------------


def test_a_transaction_of_the_lease_commits_with_its_end_or_not_at_all(
    conn: Connection, leasehold: Leasehold, written: str
) -> None:
    lease = claimed(leasehold)

    def work() -> None:
        with lease.transaction() as inside:
            inside.execute(written, [lease.job_id])
            lease.complete()
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert (lease.state, rows_written(conn)) == ("held", 0)
    with lease.transaction() as inside:
        inside.execute(written, [lease.job_id])
        lease.complete({"n": 1})
    assert (lease.state, rows_written(conn)) == ("ended", 1)
    assert leasehold.job(lease.job_id).result == {"n": 1}


def test_a_transaction_that_does_not_end_the_lease_holds_it(
    connect: Connect, conn: Connection, leasehold: Leasehold, written: str
) -> None:
    leasehold.submit("a.b", retry=AT_ONCE)
    (lease,) = leasehold.get_work("w", ["a.b"], lease=1)
    other = Leasehold(connect())
    with lease.transaction() as inside:
        inside.execute(written, [lease.job_id])
        time.sleep(1.2)
        assert lease.state == "held"  # it is locked, so it cannot be reclaimed at any time
        other.sweep()
        assert other.get_work("v", ["a.b"]) == []
    assert lease.state == "doubtful"
    assert rows_written(conn) == 1
    lease.complete()  # late, but the job was not reclaimed
    assert lease.state == "ended"


def test_a_stale_lease_writes_nothing_in_its_transaction(
    connect: Connect, conn: Connection, leasehold: Leasehold, written: str
) -> None:
    leasehold.submit("a.b", retry=AT_ONCE)
    (lease,) = leasehold.get_work("w", ["a.b"], lease=1)
    time.sleep(1.1)
    other = Leasehold(connect())
    support.eventually(lambda: other.get_work("v", ["a.b"]), "another worker claims it")

    def work(hold: bool) -> None:
        with lease.transaction(hold=hold) as inside:
            inside.execute(written, [lease.job_id])
            lease.complete()

    for hold in (True, False):
        with pytest.raises(LeaseExpired):
            work(hold)
    assert rows_written(conn) == 0
    assert lease.state == "lost"
    assert lease.stop.is_set()
    with pytest.raises(LeaseExpired):
        lease.check()


def test_a_savepoint_within_the_callers_transaction_is_left_to_the_caller(
    connect: Connect, conn: Connection, written: str
) -> None:
    mine = connect()
    lease = claimed(Leasehold(mine))
    with mine.transaction():
        with lease.transaction() as inside:
            assert inside is mine
            inside.execute(written, [lease.job_id])
            lease.complete()
        assert lease.state == "held"  # not known before the caller commits
        assert lease.is_over()
        raise psycopg.Rollback
    assert rows_written(conn) == 0
    assert not lease.is_over()


@pytest.mark.parametrize("swallow", [b"complete", b"COMMIT"])
def test_writes_with_a_complete_happen_once_when_the_reply_is_lost(
    dsn: str, conn: Connection, leasehold: Leasehold, written: str, swallow: bytes
) -> None:
    leasehold.submit("a.b")
    with proxied(dsn) as proxy, Leasehold(proxy.dsn) as remote:
        (lease,) = remote.get_work("w", ["a.b"])
        lease.extend()

        def work() -> None:
            with lease.transaction() as inside:
                inside.execute(written, [lease.job_id])
                lease.complete()

        proxy.swallow_reply_to(swallow)
        with pytest.raises(psycopg.OperationalError):
            work()
        assert lease.state == "held"  # the outcome is unknown, so it does not count as lost
        if swallow == b"COMMIT":
            support.eventually(lambda: end(conn, lease)[0] == "succeeded", "it was committed")
            with pytest.raises((AlreadyDone, JobFinished)):
                work()
        else:
            work()
    assert rows_written(conn) == 1
    assert end(conn, lease)[0] == "succeeded"


def test_a_complete_whose_reply_was_lost_is_repeated_with_success(
    dsn: str, conn: Connection, leasehold: Leasehold
) -> None:
    leasehold.submit("a.b")
    with proxied(dsn) as proxy, Leasehold(proxy.dsn) as remote:
        (lease,) = remote.get_work("w", ["a.b"])
        proxy.swallow_reply_to(b"complete")
        with pytest.raises(psycopg.OperationalError):
            lease.complete({"n": 1})
        support.eventually(lambda: end(conn, lease)[0] == "succeeded", "it was committed")
        lease.complete({"n": 1})
    assert lease.state == "ended"


# --- in between -----------------------------------------------------------------------------


def test_passing_time_makes_a_lease_doubtful_and_extending_clears_it(
    leasehold: Leasehold,
) -> None:
    leasehold.submit("a.b")
    (lease,) = leasehold.get_work("w", ["a.b"], lease=1)
    time.sleep(1.1)
    assert lease.state == "doubtful"
    lease.check()  # a doubtful lease raises nothing
    assert not lease.stop.is_set()
    ends_at = lease.extend(30)
    assert lease.state == "held"
    assert ends_at - datetime.now(timezone.utc) > timedelta(seconds=20)
    assert lease.status().held


def test_a_cancelled_lease_says_stop_and_may_still_complete(leasehold: Leasehold) -> None:
    lease = claimed(leasehold)
    leasehold.cancel(lease.job_id, "me")
    assert lease.status().cancel_requested
    with pytest.raises(JobCancelled):
        lease.extend()
    assert lease.state == "cancelled"
    assert lease.stop.is_set()
    with pytest.raises(JobCancelled):
        lease.check()
    lease.complete()
    assert leasehold.job(lease.job_id).state == "succeeded"


def test_a_handler_that_checks_and_stops_ends_its_job_cancelled(leasehold: Leasehold) -> None:
    lease = claimed(leasehold)
    leasehold.cancel(lease.job_id, "me")
    with pytest.raises(JobCancelled), lease:
        lease.extend()
    assert leasehold.job(lease.job_id).state == "cancelled"


def test_a_step_with_a_checkpoint_runs_once_over_all_attempts(leasehold: Leasehold) -> None:
    calls = []

    def step() -> dict[str, int]:
        calls.append(1)
        return {"n": len(calls)}

    lease = claimed(leasehold, retry=AT_ONCE)
    assert lease.checkpoint("fetched", step) == {"n": 1}
    assert lease.checkpoint("fetched", step) == {"n": 1}
    assert lease.checkpoint("plain", [1]) == [1]
    assert lease.checkpoint("plain", [2]) == [1]
    assert lease.checkpoint("nothing", lambda: None) is None
    lease.fail("again")
    (lease,) = support.eventually(lambda: leasehold.get_work("w", ["a.b"]), "second attempt")
    assert lease.attempt == 2
    assert lease.checkpoint("fetched", step) == {"n": 1}
    assert [known.name for known in lease.checkpoints()] == ["fetched", "plain", "nothing"]
    assert len(calls) == 1


def test_holding_a_lease_needs_no_transaction_of_the_package(
    connect: Connect, leasehold: Leasehold
) -> None:
    other = connect()
    lease = claimed(leasehold)
    with other.transaction():
        assert lease.hold(connection=other) > datetime.now(timezone.utc)
    lease.complete()
    with pytest.raises(JobFinished), other.transaction():
        lease.hold(connection=other)


def test_an_unknown_lease_is_refused(conn: Connection, leasehold: Leasehold) -> None:
    lease = claimed(leasehold)
    other = claimed(leasehold, "a.c")
    with pytest.raises(LeaseMismatch):
        leasehold.session.value("complete", {"job_id": lease.job_id, "lease_id": other.lease_id})
    assert end(conn, lease)[0] == "leased"
