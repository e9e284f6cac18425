"""The Python package: a thread keeps leases alive, and tells their handlers when it cannot."""

from __future__ import annotations

import threading
import time
from typing import Any

import psycopg
import pytest

import support
from conftest import Connect, Connection
from leasehold import KeepAlive, Lease, Leasehold
from leasehold.session import Session
from proxy import proxied

AT_ONCE = {"kind": "fixed", "initial": "0 s"}
WAIT = 10.0


class Told:
    """Collects the calls of on_change."""

    def __init__(self) -> None:
        self.states: list[str] = []

    def __call__(self, lease: Lease, state: str) -> None:
        self.states.append(state)


@pytest.fixture
def leasehold(conn: Connection) -> Leasehold:
    return Leasehold(conn)


def claimed(leasehold: Leasehold, lease: float) -> Lease:
    leasehold.submit("a.b", retry=AT_ONCE)
    (found,) = leasehold.get_work("w", ["a.b"], lease=lease)
    return found


def left(conn: Connection, lease: Lease) -> float:
    remaining = Leasehold(conn).job(lease.job_id).lease_expires_at
    assert remaining is not None
    return (remaining - lease.lease_expires_at).total_seconds()


def test_a_lease_outlives_its_length_while_it_is_kept_alive(
    connect: Connect, conn: Connection, leasehold: Leasehold
) -> None:
    lease = claimed(leasehold, 1.5)
    other = Leasehold(connect())
    with lease.keep_alive():
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            assert lease.state == "held"
            assert other.get_work("v", ["%"]) == []
            time.sleep(0.05)
    assert left(conn, lease) > 1
    lease.complete()


def test_it_extends_at_a_third_of_the_lease(conn: Connection, leasehold: Leasehold) -> None:
    lease = claimed(leasehold, 3.0)
    with lease.keep_alive():
        time.sleep(0.4)
        assert left(conn, lease) == 0
        support.eventually(lambda: left(conn, lease) > 0, "extended")
        assert 0.9 < left(conn, lease) < 2.0


def test_a_transaction_that_holds_the_lease_does_not_lose_it(
    connect: Connect, conn: Connection, leasehold: Leasehold
) -> None:
    lease, told = claimed(leasehold, 1.2), Told()
    holder = connect()
    with lease.keep_alive(told):
        with holder.transaction():
            lease.hold(connection=holder)
            time.sleep(2.5)
            assert lease.state != "lost"
            assert not lease.stop.is_set()
        support.eventually(lambda: left(conn, lease) > 2, "extended after the transaction")
        assert lease.state == "held"
    assert "lost" not in told.states


def test_it_tells_when_the_lease_is_lost_and_stops_with_it(
    connect: Connect, conn: Connection, leasehold: Leasehold
) -> None:
    lease, told = claimed(leasehold, 3.0), Told()
    with lease.keep_alive(told) as keeper:
        conn.execute(
            "update job set lease_expires_at = now() - interval '1 s', check_at = now() - interval '1 s'"
        )
        other = Leasehold(connect())
        support.eventually(lambda: other.get_work("v", ["%"]), "another worker claims it")
        assert lease.stop.wait(WAIT)
        support.eventually(lambda: not keeper._beats, "it stops with the lease")
    assert lease.state == "lost"
    assert told.states == ["lost"]


def test_it_tells_when_cancellation_is_requested(leasehold: Leasehold) -> None:
    lease, told = claimed(leasehold, 1.5), Told()
    with lease.keep_alive(told):
        leasehold.cancel(lease.job_id, "me")
        assert lease.stop.wait(WAIT)
    assert lease.state == "cancelled"
    assert told.states == ["cancelled"]


def test_it_stops_when_the_lease_ends_and_tells_nothing(leasehold: Leasehold) -> None:
    lease, told = claimed(leasehold, 1.0), Told()
    with lease.keep_alive(told) as keeper:
        lease.complete()
        support.eventually(lambda: not keeper._beats, "the lease is forgotten")
        time.sleep(0.3)
    assert lease.state == "ended"
    assert told.states == []


def test_a_lease_completed_in_a_transaction_of_the_caller_is_not_called_lost(
    connect: Connect, leasehold: Leasehold
) -> None:
    lease, told = claimed(leasehold, 1.0), Told()
    other = connect()
    with lease.keep_alive(told) as keeper:
        with other.transaction():
            lease.complete(connection=other)
        support.eventually(lambda: not keeper._beats, "the lease is forgotten")
    assert "lost" not in told.states
    assert not lease.stop.is_set()


def test_without_an_answer_the_lease_becomes_doubtful_and_an_answer_makes_it_held(
    dsn: str, conn: Connection, leasehold: Leasehold
) -> None:
    told = Told()
    with proxied(dsn) as proxy:
        leasehold.submit("a.b", retry=AT_ONCE)
        remote = Leasehold(proxy.dsn)
        (lease,) = remote.get_work("w", ["a.b"], lease=1.5)
        with lease.keep_alive(told):
            support.eventually(lambda: left(conn, lease) > 0, "extended through the proxy")
            proxy.hold()
            support.eventually(lambda: lease.state == "doubtful", "nothing passes")
            assert not lease.stop.is_set()
            proxy.release()
            support.eventually(lambda: lease.state == "held", "answers arrive again")
        lease.complete()
        remote.close()
    assert lease.state == "ended"
    assert "lost" not in told.states


def test_it_tells_that_a_lease_is_doubtful_while_nothing_can_be_connected(
    conn: Connection,
) -> None:
    told = Told()

    def connect() -> Connection:
        raise psycopg.OperationalError("nobody there")

    leasehold = Leasehold(conn, connect=connect)
    lease = claimed(leasehold, 1.0)
    with lease.keep_alive(told):
        support.eventually(lambda: told.states == ["doubtful"], "told")
    assert lease.state == "doubtful"
    lease.complete()
    assert lease.state == "ended"


def test_a_keepalive_that_died_leaves_the_lease_doubtful(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KeepAlive, "_run", lambda self: None)
    lease = claimed(Leasehold(conn), 1.0)
    with lease.keep_alive():
        support.eventually(lambda: lease.state == "doubtful", "by the clock alone")


def test_a_lost_connection_is_opened_again(
    connect: Connect, superuser: Connection, conn: Connection, leasehold: Leasehold
) -> None:
    lease = claimed(leasehold, 1.5)
    with lease.keep_alive() as keeper:
        for _ in range(3):
            before = left(conn, lease)
            support.eventually(lambda b=before: left(conn, lease) > b, "extended")
            own = keeper._conn
            assert own is not None
            superuser.execute("select pg_terminate_backend(%s)", [own.info.backend_pid])
        before = left(conn, lease)
        support.eventually(lambda: left(conn, lease) > before, "extended")
        assert lease.state == "held"


def test_one_thread_keeps_many_leases_and_leaves_no_connection(
    dsn: str, superuser: Connection, leasehold: Leasehold
) -> None:
    leasehold.submit_many([{"next_need": "a.b"}] * 5)
    leases = leasehold.get_work("w", ["a.b"], lease=1.5, limit_jobs=5)
    threads = threading.active_count()
    with KeepAlive(Session(dsn)) as keeper:
        for lease in leases:
            keeper.watch(lease)
        assert threading.active_count() == threads + 1
        time.sleep(2.0)
        assert {lease.state for lease in leases} == {"held"}
        keeper.forget(leases[0])
        support.eventually(lambda: leases[0].state == "doubtful", "the lease is left to itself")
    assert threading.active_count() == threads

    def connections() -> int:
        row = superuser.execute(
            "select count(*) from pg_stat_activity where datname = current_database()"
        ).fetchone()
        assert row is not None
        return int(row[0])

    support.eventually(lambda: connections() == 2, "its connection is closed")


def test_all_leases_are_extended_in_one_call_at_each_heartbeat(
    dsn: str, leasehold: Leasehold, monkeypatch: pytest.MonkeyPatch
) -> None:
    leasehold.submit_many([{"next_need": "a.b"}] * 6)
    hands: list[int] = []
    real = Session._execute

    def execute(self: Session, conn: Connection, function: str, columns: Any, given: Any) -> Any:
        hands.append(len(given["leases"]) if function == "extend_many" else 0)
        return real(self, conn, function, columns, given)

    with KeepAlive(Session(dsn)) as keeper:
        leases = []
        for _ in range(6):
            leases += leasehold.get_work("w", ["a.b"], lease=3.0)
            keeper.watch(leases[-1])
            time.sleep(0.05)
        monkeypatch.setattr(Session, "_execute", execute)
        support.eventually(lambda: len(hands) == 3, "three heartbeats")
        assert hands == [6, 6, 6]
        assert {lease.state for lease in leases} == {"held"}


def test_one_lost_lease_spoils_no_other(dsn: str, conn: Connection, leasehold: Leasehold) -> None:
    leasehold.submit_many([{"next_need": "a.b"}] * 3)
    leases, told = leasehold.get_work("w", ["a.b"], lease=1.5, limit_jobs=3), Told()
    with KeepAlive(Session(dsn)) as keeper:
        for lease in leases:
            keeper.watch(lease, told)
        conn.execute("select complete(%s, %s)", [leases[0].job_id, leases[0].lease_id])
        leasehold.cancel(leases[1].job_id, "me")
        support.eventually(lambda: left(conn, leases[2]) > 0, "extended")
        support.eventually(lambda: len(keeper._beats) == 1, "the others are forgotten")
    assert [lease.state for lease in leases] == ["lost", "cancelled", "held"]
    assert sorted(told.states) == ["cancelled", "lost"]


def test_a_callback_that_raises_does_not_stop_it(
    leasehold: Leasehold, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(lease: Lease, state: str) -> None:
        raise RuntimeError("in the callback")

    lease = claimed(leasehold, 1.0)
    with lease.keep_alive(broken):
        leasehold.cancel(lease.job_id, "me")
        assert lease.stop.wait(WAIT)
        support.eventually(lambda: "in the callback" in caplog.text, "logged")
    assert lease.state == "cancelled"
