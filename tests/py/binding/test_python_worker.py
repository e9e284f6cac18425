"""The Python package: workers, what their handlers may do, and how they stop."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import psycopg.rows
import pytest
from psycopg import pq
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool

import server
import support
from conftest import Connect, Connection
from leasehold import (
    GiveUp,
    Lease,
    Leasehold,
    Release,
    Retry,
    UsageError,
    VersionMismatch,
    Worker,
    session,
)
from proxy import proxied

AT_ONCE = {"kind": "fixed", "initial": "0 s"}


@contextmanager
def working(
    source: Any, handlers: dict[str, Callable[[Lease], Any]], **options: Any
) -> Iterator[Worker]:
    """Runs a worker in a thread, and stops it at the end of the block."""
    worker = Worker(source, handlers, **{"poll": 0.2, "lease": 5.0, "grace": 5.0, **options})
    run = support.background(lambda: worker.run(signals=False))
    try:
        yield worker
    finally:
        worker.stop()
        run.result(timeout=60)


def states(conn: Connection) -> dict[str, int]:
    """The number of jobs in each state, including those that have ended."""
    return dict(
        conn.execute(
            "select s.state, count(*) from (select state from job union all select state from archive)"
            " as s group by 1"
        ).fetchall()
    )


def all_ended(conn: Connection) -> bool:
    return not set(states(conn)) & {"ready", "leased", "scheduled", "blocked"}


class Wire:
    """The traffic of the connections that it opens, as libpq traces it: one statement for each round trip."""

    def __init__(self, dsn: str, directory: Path) -> None:
        self._dsn = dsn
        self._trace = (directory / "trace").open("w")

    def connect(self) -> Connection:
        conn: Connection = psycopg.connect(self._dsn, autocommit=True)
        self.tap(conn)
        return conn

    def tap(self, conn: Connection) -> None:
        conn.pgconn.trace(self._trace.fileno())
        conn.pgconn.set_trace_flags(pq.Trace.SUPPRESS_TIMESTAMPS | pq.Trace.REGRESS_MODE)

    @property
    def statements(self) -> list[str]:
        """For each statement, the function that it calls, else its first word."""
        prepared: dict[str, str] = {}
        sent = []
        for line in Path(self._trace.name).read_text().splitlines():
            if found := re.match(r'F\t\d+\tParse\t "(\w*)" "(.*)"', line):
                prepared[found[1]] = found[2]
            elif found := re.match(r'F\t\d+\tBind\t "" "(\w*)"', line):
                sent.append(prepared[found[1]])
            elif found := re.match(r'F\t\d+\tQuery\t "(.*)"', line):
                sent.append(found[1])
        named = re.compile(r'"leasehold"\."(\w+)"|pg_catalog\.(\w+)')
        found = [named.search(one) for one in sent]
        return [
            (call[1] or call[2]) if call else one.split()[0].lower()
            for call, one in zip(found, sent, strict=True)
        ]


@pytest.fixture
def wire(dsn: str, tmp_path: Path) -> Wire:
    return Wire(dsn, tmp_path)


# --- handlers -------------------------------------------------------------------------------


def test_the_longest_capability_that_fits_has_the_handler() -> None:
    names = ("a.b", "a.b%", "a.%", "%")
    handlers = {name: (lambda lease, name=name: name) for name in names}
    worker = Worker("", handlers)
    needs = {"a.b": "a.b", "a.b.c": "a.b%", "a.bb": "a.b%", "a.c": "a.%", "x": "%"}
    assert {need: worker.handler(need)(None) for need in needs} == needs  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"handlers": {}}, {"threads": 0}])
def test_a_worker_that_could_do_nothing_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        Worker("", **{"handlers": {"a": print}, **options})


@pytest.mark.parametrize("name", ["", " "])
def test_a_worker_without_a_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Worker("", {"a": print}, name=name)


@pytest.mark.parametrize("poll", [0, -1.0])
def test_a_worker_that_would_poll_without_a_pause_is_refused(poll: float) -> None:
    with pytest.raises(ValueError, match="poll must be greater than zero"):
        Worker("", {"a": print}, poll=poll)


def test_a_worker_does_not_share_one_connection_among_its_threads(conn: Connection) -> None:
    with pytest.raises(TypeError, match="pass a pool"):
        Worker(conn, {"a": print})  # type: ignore[arg-type]


def test_a_worker_over_a_pool_that_does_not_say_how_it_connects_needs_connect(
    dsn: str, conn: Connection
) -> None:
    class Bare:
        """A pool that does nothing but lend connections."""

        def connection(self, timeout: float | None = None) -> Any:
            return psycopg.connect(dsn)

    Leasehold(conn).submit("a.b")
    handlers = {"a.b": lambda lease: None}
    with pytest.raises(UsageError, match="connection outside it"):
        Worker(Bare(), handlers).run(signals=False)
    with working(Bare(), handlers, connect=lambda: psycopg.connect(dsn)):
        support.eventually(lambda: states(conn) == {"succeeded": 1}, "done")


def test_what_a_handler_returns_is_the_result(dsn: str, conn: Connection) -> None:
    leasehold = Leasehold(conn)
    ids = [leasehold.submit("a.b", {"n": n}).job_id for n in range(20)]
    with working(dsn, {"a.%": lambda lease: {"n": lease.payload["n"]}}, threads=3, name="me"):
        support.eventually(lambda: states(conn) == {"succeeded": 20}, "all done")
    jobs = [leasehold.job(job_id) for job_id in ids]
    assert [job.result for job in jobs] == [{"n": n} for n in range(20)]
    assert {job.worker_id for job in jobs} <= {"me:1", "me:2", "me:3"}
    assert {job.attempt for job in jobs} == {1}


def test_each_thing_a_handler_may_raise(dsn: str, conn: Connection) -> None:
    leasehold = Leasehold(conn)
    released = threading.Event()

    def leaves(lease: Lease) -> None:
        sys.exit("enough")

    def releases(lease: Lease) -> None:
        if not released.is_set():
            released.set()
            raise Release

    def raises(exc: Exception) -> Callable[[Lease], None]:
        def handler(lease: Lease) -> None:
            raise exc

        return handler

    handlers = {
        "retry": raises(Retry("busy", after=600, error_code="E1")),
        "giveup": raises(GiveUp("never", error_code="E2")),
        "error": raises(ValueError("bad \x00 text")),
        "exit": leaves,
        "release": releases,
        "ends": lambda lease: lease.fail("by itself", retryable=False) and None,
    }
    ids = {need: leasehold.submit(need).job_id for need in handlers}
    with working(dsn, handlers):
        support.eventually(
            lambda: "ready" not in states(conn) and "leased" not in states(conn), "over"
        )
    found = {need: leasehold.job(job_id) for need, job_id in ids.items()}
    told = {need: (job.state, job.error, job.error_code) for need, job in found.items()}
    assert told == {
        "retry": ("scheduled", "busy", "E1"),
        "giveup": ("dead", "never", "E2"),
        "error": ("scheduled", "ValueError: bad \\x00 text", None),
        "exit": ("scheduled", "SystemExit: enough", None),
        "release": ("succeeded", None, None),
        "ends": ("dead", "by itself", None),
    }
    assert found["release"].attempt == 1


NO_JSON = [object(), datetime.now(timezone.utc), "\x00", "\ud800", float("nan")]


@pytest.mark.parametrize("result", [*NO_JSON, "x" * 2_000_000])
def test_a_result_that_cannot_be_stored_fails_the_attempt(
    dsn: str, conn: Connection, result: object
) -> None:
    leasehold = Leasehold(conn)
    job_id = leasehold.submit("a.b", max_attempts=1).job_id
    with working(dsn, {"a.b": lambda lease: result}):
        support.eventually(lambda: states(conn) == {"dead": 1}, "buried")
    assert leasehold.job(job_id).error


def test_a_job_that_its_handler_completed_is_left_alone(dsn: str, conn: Connection) -> None:
    conn.execute("create table public.written (job_id uuid, fence bigint)")
    leasehold = Leasehold(conn)
    job_id = leasehold.submit("a.b").job_id

    def handler(lease: Lease) -> str:
        with lease.transaction() as inside:
            inside.execute("insert into written values (%s, %s)", [lease.job_id, lease.fence])
            lease.complete("from inside")
        return "ignored"

    with working(dsn, {"a.b": handler}):
        support.eventually(lambda: states(conn) == {"succeeded": 1}, "done")
    assert conn.execute("select count(*) from written").fetchone() == (1,)
    assert leasehold.job(job_id).result == "from inside"


def test_a_long_handler_keeps_its_lease_and_is_told_of_cancellation(
    dsn: str, conn: Connection
) -> None:
    leasehold = Leasehold(conn)
    job_id = leasehold.submit("video.encode").job_id
    begun, heard = threading.Event(), threading.Event()

    def handler(lease: Lease) -> None:
        begun.set()
        time.sleep(2.5)  # longer than the lease
        assert lease.state == "held"
        if lease.stop.wait(10):
            heard.set()
        lease.check()

    with working(dsn, {"video.%": handler}, lease=2.0):
        assert begun.wait(10)
        time.sleep(2.7)
        assert leasehold.job(job_id).attempt == 1
        leasehold.cancel(job_id, "me")
        assert heard.wait(10)
        support.eventually(lambda: leasehold.job(job_id).state == "cancelled", "cancelled")


def test_workers_over_a_pool_share_its_connections(dsn: str, conn: Connection) -> None:
    leasehold = Leasehold(conn)
    leasehold.submit_many([{"next_need": "a.b"}] * 30)
    with ConnectionPool(dsn, min_size=2, max_size=2, open=True) as pool:
        with working(pool, {"a.b": lambda lease: None}, threads=2):
            support.eventually(lambda: states(conn) == {"succeeded": 30}, "all done")


def test_two_workers_of_one_name_each_own_the_jobs_that_they_claimed(
    dsn: str, conn: Connection
) -> None:
    leasehold = Leasehold(conn)
    leasehold.submit_many([{"next_need": "a.b"}] * 40)
    seen: list[object] = []
    handlers = {"a.b": lambda lease: seen.append(lease.job_id)}
    with working(dsn, handlers, name="twin"), working(dsn, handlers, name="twin"):
        support.eventually(lambda: states(conn) == {"succeeded": 40}, "all done")
    assert len(seen) == len(set(seen)) == 40


# --- one call for each job ------------------------------------------------------------------


def raises(exc: BaseException) -> Callable[[Lease], None]:
    def handler(lease: Lease) -> None:
        raise exc

    return handler


def test_a_worker_ends_a_job_and_claims_the_next_in_one_call(wire: Wire, conn: Connection) -> None:
    handlers = {
        "a.returns": lambda lease: {"n": 1},
        "a.retry": raises(Retry("busy", after=600)),
        "a.giveup": raises(GiveUp("never")),
        "a.release": raises(Release(available_at=datetime(2999, 1, 1, tzinfo=timezone.utc))),
        "a.error": raises(ValueError("bad")),
        "a.exit": raises(SystemExit("enough")),
        "a.last": lambda lease: None,
    }
    Leasehold(conn).submit_many([{"next_need": need} for need in handlers])
    with working("", handlers, connect=wire.connect, poll=60):
        support.eventually(lambda: "listen" in wire.statements, "it waits")
    assert states(conn) == {"succeeded": 2, "dead": 1, "scheduled": 4}
    assert wire.statements[: 3 + 7 + 3] == [
        "pg_backend_pid",
        "require_api",
        "get_work",
        *["turn"] * 7,
        "wakeup_channel",  # the last turn found nothing, so it listens and claims again
        "listen",
        "wakeup_channel",
    ]


def test_a_worker_that_is_notified_claims_at_once(wire: Wire, conn: Connection) -> None:
    def waits() -> bool:
        row = conn.execute(
            "select 1 from waiter as w cross join pg_stat_activity as a"
            " where w.reliable and a.datname = current_database()"
            " and a.state = 'idle' and a.query like '%\"get_work\"%'"
        ).fetchone()
        return row is not None

    def connect() -> Connection:
        # A round trip that only prepares get_work would look like a wait that has already begun.
        conn = wire.connect()
        conn.prepare_threshold = None
        return conn

    leasehold = Leasehold(conn)
    with working("", {"a.b": lambda lease: None}, connect=connect, poll=60):
        for done in range(3):
            support.eventually(waits, "the worker waits for a notification")
            leasehold.submit("a.b")
            support.eventually(lambda n=done: states(conn) == {"succeeded": n + 1}, "done")
    said = wire.statements
    before = [said[at - 3 : at] for at, name in enumerate(said) if name == "turn"]
    assert before == [["wakeup_channel", "get_work", "get_work"]] * 3
    assert (said.count("listen"), said.count("unlisten")) == (
        1,
        0,
    )  # its own connection keeps listening


def test_over_a_pool_a_job_is_one_round_trip_too(dsn: str, wire: Wire, conn: Connection) -> None:
    Leasehold(conn).submit_many([{"next_need": "a.b"}] * 20)
    with ConnectionPool(dsn, min_size=1, max_size=1, configure=wire.tap, open=True) as pool:
        with working(pool, {"a.b": lambda lease: None}):
            support.eventually(lambda: states(conn) == {"succeeded": 20}, "all done")
        with pool.connection() as given:
            assert not given.autocommit  # as it was lent
    assert wire.statements[:22] == ["require_api", "get_work", *["turn"] * 20]


def test_after_an_end_of_the_handlers_own_the_next_claim_is_an_ordinary_one(
    wire: Wire, conn: Connection
) -> None:
    Leasehold(conn).submit_many([{"next_need": "a.b"}] * 2)

    def handler(lease: Lease) -> None:
        with lease.transaction():
            lease.complete()

    with working("", {"a.b": handler}, connect=wire.connect):
        support.eventually(
            lambda: len(wire.statements) >= 16, "all jobs are done, and the worker asked for more"
        )
    assert states(conn) == {"succeeded": 2}
    job = ["begin", "hold_lease", "complete", "commit", "close", "get_work"]
    # The state of the connection is recorded once, before its first handler.
    assert wire.statements[2 : 2 + 2 + 12] == ["get_work", "pg_backend_pid", *job * 2]


def test_a_worker_that_stops_ends_its_job_alone(wire: Wire, conn: Connection) -> None:
    Leasehold(conn).submit_many([{"next_need": "a.b"}] * 2)
    workers: list[Worker] = []
    with working("", {"a.b": lambda lease: workers[0].stop()}, connect=wire.connect) as worker:
        workers.append(worker)
        support.eventually(worker.stopping.is_set, "stopped by its handler")
    assert states(conn) == {"succeeded": 1, "ready": 1}
    assert wire.statements == ["pg_backend_pid", "require_api", "get_work", "complete"]


def test_a_worker_is_told_of_a_lost_lease_and_works_on(
    dsn: str, connect: Connect, conn: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    leasehold = Leasehold(conn)
    lost = leasehold.submit("a.lost", retry=AT_ONCE).job_id
    taken: list[Lease] = []

    def loses(lease: Lease) -> None:
        with connect() as other:
            other.execute(
                "update job set lease_expires_at = now() - interval '1 s', check_at = now() - interval '1 s'"
            )
            takes = partial(Leasehold(other).get_work, "v", ["a.lost"])
            taken.extend(support.eventually(takes, "taken away"))
        leasehold.submit("a.next")

    with working(dsn, {"a.lost": loses, "a.next": lambda lease: "done"}):
        support.eventually(lambda: states(conn).get("succeeded") == 1, "the next job is done")
    assert f"job {lost}: its end was not recorded, the lease is gone: LH001" in caplog.text
    job = leasehold.job(lost)
    assert (job.state, job.lease_id) == ("leased", taken[0].lease_id)


def test_a_result_too_large_fails_the_attempt_and_no_other(dsn: str, conn: Connection) -> None:
    leasehold = Leasehold(conn)
    large = leasehold.submit("a.large", max_attempts=1).job_id
    small = leasehold.submit("a.small").job_id
    with working(dsn, {"a.large": lambda lease: "x" * 2_000_000, "a.small": lambda lease: "x"}):
        support.eventually(lambda: all_ended(conn), "both ended")
    job = leasehold.job(large)
    assert (job.state, job.attempt) == ("dead", 1)
    assert job.error is not None
    assert "LH011" in job.error
    assert (leasehold.job(small).result, leasehold.job(small).attempt) == ("x", 1)


def test_a_reply_lost_after_the_commit_is_not_done_twice(dsn: str, conn: Connection) -> None:
    leasehold = Leasehold(conn)
    submitted = leasehold.submit_many([{"next_need": "a.b", "retry": AT_ONCE}] * 2)
    seen: list[object] = []
    with proxied(dsn) as proxy:

        def handler(lease: Lease) -> int:
            if not seen:
                proxy.swallow_reply_to(b'"turn"')
            seen.append(lease.job_id)
            return len(seen)

        with working(proxy.dsn, {"a.b": handler}, lease=1.0):
            support.eventually(lambda: states(conn) == {"succeeded": 2}, "all done")
    first, second = [leasehold.job(one.job_id) for one in submitted]
    assert seen == [first.job_id, second.job_id]
    assert (first.attempt, first.result) == (1, 1)
    # The call whose reply was lost leased this job. No worker knew of the lease, so it expired.
    assert (second.attempt, second.result) == (2, 2)


def test_a_claim_that_fails_does_not_keep_the_end_from_being_recorded(
    dsn: str, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(self: Leasehold, *given: object, **named: object) -> None:
        raise psycopg.errors.QueryCanceled("statement timeout")

    monkeypatch.setattr(Leasehold, "turn", refuses)
    Leasehold(conn).submit_many([{"next_need": "a.b"}] * 3)
    with working(dsn, {"a.b": lambda lease: None}):
        support.eventually(lambda: states(conn) == {"succeeded": 3}, "all done")


def test_a_lease_claimed_with_an_end_is_left_alone_when_it_comes_too_late(
    dsn: str,
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    leasehold = Leasehold(conn)
    submitted = leasehold.submit_many([{"next_need": "a.b", "retry": AT_ONCE}] * 2)
    real, slow = session.Session.rows, threading.Event()

    def rows(self: session.Session, kind: Any, function: str, *given: Any, **named: Any) -> Any:
        found = real(self, kind, function, *given, **named)
        if function == "turn" and not slow.is_set():
            slow.set()
            time.sleep(1.2)
        return found

    monkeypatch.setattr(session.Session, "rows", rows)
    seen: list[object] = []
    with working(dsn, {"a.b": lambda lease: seen.append(lease.fence)}, lease=1.0):
        support.eventually(lambda: states(conn) == {"succeeded": 2}, "all done")
    assert f"job {submitted[1].job_id}: the lease expired before the reply arrived" in caplog.text
    assert len(seen) == 2
    assert leasehold.job(submitted[1].job_id).fence == seen[1]


def test_a_lease_is_kept_alive_until_its_end_is_answered(dsn: str, conn: Connection) -> None:
    leasehold = Leasehold(conn)
    job_id = leasehold.submit("a.b", retry=AT_ONCE).job_id
    with proxied(dsn) as proxy:

        def connect() -> Connection:
            keeper = threading.current_thread().name == "leasehold-keepalive"
            return psycopg.connect(dsn if keeper else proxy.dsn, autocommit=True)

        with working("", {"a.b": lambda lease: proxy.hold()}, connect=connect, lease=1.0) as worker:
            support.eventually(lambda: leasehold.job(job_id).state == "leased", "it works")
            end = time.monotonic() + 2.5
            while time.monotonic() < end:
                assert leasehold.get_work("v", ["%"]) == []
                time.sleep(0.05)
            worker.stop()
            proxy.release()
    assert (leasehold.job(job_id).state, leasehold.job(job_id).attempt) == ("succeeded", 1)


# --- what a handler leaves on its connection --------------------------------------------------


def says(statement: str) -> Callable[[Connection], None]:
    def leave(conn: Connection) -> None:
        conn.execute(statement.encode())

    return leave


def fails_in_a_transaction(conn: Connection) -> None:
    conn.execute("begin")
    with pytest.raises(psycopg.Error):
        conn.execute("select 1/0")


def leaves_a_cursor_open(conn: Connection) -> None:
    conn.execute("begin")
    conn.cursor("remains").execute("select generate_series(1, 1000)")


def sets(**attributes: Any) -> Callable[[Connection], None]:
    def leave(conn: Connection) -> None:
        for name, value in attributes.items():
            setattr(conn, name, value)

    return leave


IN_THE_BLOCK = {  # is committed with the block
    "a role": says("set role pg_monitor"),
    "a login": says("set session authorization pg_monitor"),
    "a login and a role": says("set session authorization pg_monitor; set role pg_monitor"),
    "read only": says("set default_transaction_read_only = on"),
    "LATIN1": says("set client_encoding = 'LATIN1'"),
    "SQL_ASCII": says("set client_encoding = 'SQL_ASCII'"),
    "a search path": says("set search_path = nowhere, pg_temp"),
    "a timeout": says("set statement_timeout = 1"),
    "serializable": says("set session characteristics as transaction isolation level serializable"),
    "no flush": says("set synchronous_commit = off"),
    "no triggers": says("set session_replication_role = replica"),
    "a row factory": sets(row_factory=psycopg.rows.dict_row),
    "a channel less": says("unlisten *"),
    "a cursor with hold": says(
        "declare remains cursor with hold for select generate_series(1, 1000)"
    ),
}

BEHIND_IT = {  # is done after the block, over a connection that the handler kept
    "autocommit": sets(autocommit=False),
    "an isolation level": sets(isolation_level=psycopg.IsolationLevel.SERIALIZABLE),
    "read only, to psycopg": sets(read_only=True),
    "a transaction": says("begin"),
    "a failed transaction": fails_in_a_transaction,
    "a cursor": leaves_a_cursor_open,
    "nothing": lambda conn: conn.close(),
}

STATE = """
    select current_user::text, session_user::text, array(
        select s.name || ' = ' || s.setting from pg_settings as s
        where s.name not like 'transaction%' order by s.name collate "C"
    )
"""


def state(conn: Connection) -> list[object]:
    """The state of the session, as the client and the server see it."""
    (row,) = conn.execute(STATE).fetchall()
    return [*row, conn.autocommit, conn.isolation_level, conn.read_only, conn.row_factory]


@pytest.mark.parametrize(
    ("left", "pooled"),
    [
        *((left, False) for left in (*IN_THE_BLOCK, *BEHIND_IT)),
        # a connection of a pool must not be used after the block
        *((left, True) for left in IN_THE_BLOCK),
    ],
)
def test_what_a_handler_leaves_on_its_connection_does_not_last(
    dsn: str, conn: Connection, caplog: pytest.LogCaptureFixture, left: str, pooled: bool
) -> None:
    Leasehold(conn).submit_many([{"next_need": "a.b", "payload": {"n": "łß"}}] * 3)
    seen: list[list[object]] = []

    def handler(lease: Lease) -> object:
        with lease.transaction() as inside:
            seen.append(state(inside))
            if left in IN_THE_BLOCK:
                IN_THE_BLOCK[left](inside)
        if left in BEHIND_IT:
            BEHIND_IT[left](inside)
        return lease.payload["n"]

    with ConnectionPool(dsn, min_size=1, max_size=1, open=True) as pool:
        with working(pool if pooled else dsn, {"a.b": handler}, poll=60):
            support.eventually(lambda: all_ended(conn), "all done")
            for done in (4, 5):
                support.eventually(lambda: listening(conn) >= 1, "it waits")
                Leasehold(conn).submit("a.b", {"n": "łß"})
                support.eventually(
                    lambda n=done: states(conn) == {"succeeded": n}, "it listens, too"
                )
    assert conn.execute("select max(attempt), min(result::text) from archive").fetchall() == [
        (1, '"łß"')
    ]
    assert seen == seen[:1] * 5
    assert "wait for the database" not in caplog.text


@pytest.mark.parametrize("pooled", [False, True], ids=["its own", "a pool's"])
def test_settings_made_when_a_connection_was_opened_stay(
    dsn: str, conn: Connection, pooled: bool
) -> None:
    conn.execute("grant usage on schema leasehold to pg_monitor")
    conn.execute("grant leasehold_worker to pg_monitor")
    Leasehold(conn).submit_many([{"next_need": "a.b"}] * 3)

    def configure(one: Connection) -> None:
        one.execute("set search_path = nowhere; set role pg_monitor")
        one.commit()

    def connect() -> Connection:
        one = psycopg.connect(dsn)
        configure(one)
        return one

    seen = []

    def handler(lease: Lease) -> None:
        with lease.transaction() as inside:
            seen.append(inside.execute("select current_user, current_setting('search_path')"))
            inside.execute("reset role; set search_path = elsewhere")

    try:
        with ConnectionPool(dsn, min_size=1, max_size=1, configure=configure, open=True) as pool:
            source: Any = pool if pooled else ""
            with working(source, {"a.b": handler}, connect=connect):
                support.eventually(lambda: states(conn) == {"succeeded": 3}, "all done")
    finally:
        conn.execute("revoke leasehold_worker from pg_monitor")
    assert [one.fetchone() for one in seen] == [("pg_monitor", "nowhere")] * 3


def test_a_connection_that_a_handler_took_from_the_pool_and_spoiled_is_not_used(
    dsn: str, conn: Connection
) -> None:
    Leasehold(conn).submit_many([{"next_need": "a.b"}] * 4)
    kinds = iter((*IN_THE_BLOCK, *["nothing"] * 9))

    with ConnectionPool(dsn, min_size=1, max_size=1, open=True) as pool:

        def handler(lease: Lease) -> None:
            with pool.connection() as one:
                IN_THE_BLOCK.get(next(kinds), lambda conn: None)(one)

        with working(pool, {"a.b": handler}):
            support.eventually(lambda: states(conn) == {"succeeded": 4}, "all done")
    assert conn.execute("select max(attempt) from archive").fetchone() == (1,)


def test_a_lease_claimed_by_hand_may_be_used_beside_another_one(dsn: str, conn: Connection) -> None:
    Leasehold(conn).submit_many([{"next_need": "a.b"}] * 2)
    with Leasehold(dsn) as leasehold:
        one, other = leasehold.get_work("w", ["a.b"], limit_jobs=2)
        with one.transaction() as inside:
            inside.execute("set search_path = nowhere")
            other.complete()  # over the same connection, in the same transaction
            one.complete()
            assert conn.execute("select count(*) from archive").fetchone() == (0,)
        assert states(conn) == {"succeeded": 2}
        leasehold.submit("a.b")


# --- faults outside the worker --------------------------------------------------------------


def test_a_missing_schema_ends_the_worker(empty_dsn: str) -> None:
    with pytest.raises(psycopg.ProgrammingError, match="leasehold"):
        Worker(empty_dsn, {"a.b": print}).run(signals=False)


def test_a_schema_of_another_major_ends_the_worker(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leasehold.worker.API", 99)
    with pytest.raises(VersionMismatch):
        Worker(dsn, {"a.b": print}).run(signals=False)


def test_a_permanent_error_ends_a_worker_only_at_its_start(
    dsn: str, conn: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leasehold")
    with login(conn, "leasehold_reader") as user:
        mine = make_conninfo(dsn, user=user, password="secret")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            Worker(mine, {"a.b": print}, threads=3).run(signals=False)
        for wrong in (
            make_conninfo(mine, password="wrong"),
            make_conninfo(mine, dbname="absent"),
            make_conninfo(mine, user="absent"),
            make_conninfo(mine, password=""),
        ):
            with pytest.raises(psycopg.OperationalError, match="connection failed"):
                Worker(wrong, {"a.b": print}).run(signals=False)
            with pytest.raises(psycopg.OperationalError, match="connection failed"):
                Worker(wrong, {"a.b": print}, threads=2).run(signals=False)

        conn.execute(f"grant leasehold_worker to {user}")
        with working(mine, {"a.b": lambda lease: None}):
            Leasehold(conn).submit("a.b")
            support.eventually(lambda: states(conn) == {"succeeded": 1}, "it works")
            conn.execute(f"revoke leasehold_worker from {user}")
            support.eventually(lambda: "permission denied" in caplog.text, "the worker logs it")
            conn.execute(f"alter role {user} password 'another'")
            conn.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", [user]
            )
            time.sleep(0.5)
            conn.execute(f"alter role {user} password 'secret'")
            conn.execute(f"grant leasehold_worker to {user}")
            Leasehold(conn).submit("a.b")
            support.eventually(lambda: states(conn) == {"succeeded": 2}, "again")
            support.eventually(lambda: "connected again" in caplog.text, "the worker logs it")


@contextmanager
def login(conn: Connection, *groups: str, options: str = "") -> Iterator[str]:
    """A role that can log in with the password `secret`; it is dropped afterwards."""
    name = f"login_{os.getpid()}"
    conn.execute(f"create role {name} login password 'secret' {options}")
    try:
        for group in groups:
            conn.execute(f"grant {group} to {name}")
        yield name
    finally:
        conn.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = %s",
            [name],
        )
        conn.execute(f"drop role {name}")


@pytest.mark.serial  # its lease of a second must be kept
def test_more_threads_than_connections_are_logged_once(
    dsn: str, conn: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    Leasehold(conn).submit_many([{"next_need": "a.b"}] * 40)
    begun = threading.Barrier(4)

    def handler(lease: Lease) -> None:
        with suppress(threading.BrokenBarrierError):
            begun.wait(5)  # waits for three threads and for the test
        time.sleep(0.02)

    with login(conn, "leasehold_worker", options="connection limit 4") as user:
        mine = make_conninfo(dsn, user=user, password="secret")
        with working(mine, {"a.b": handler}, threads=30, lease=1.0, name="many"):
            time.sleep(2.5)  # longer than the lease, which one connection keeps alive
            with suppress(threading.BrokenBarrierError):
                begun.wait(5)
            support.eventually(lambda: states(conn) == {"succeeded": 40}, "all done")
    assert conn.execute("select max(attempt) from archive").fetchone() == (1,)
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 1, said
    assert said[0].startswith("worker many: 27 of 30 threads wait for the database: ")
    assert "too many connections for role" in said[0]


def test_a_worker_whose_sessions_are_read_only_connects_anew(
    dsn: str, conn: Connection, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The situation of an address that has pointed to a standby, and now points to the primary."""
    caplog.set_level(logging.INFO, "leasehold")
    conn.execute(f"alter database {database} set default_transaction_read_only = on")
    opened: list[None] = []

    def connect() -> Connection:
        opened.append(None)
        return psycopg.connect(dsn, autocommit=True)

    Leasehold(conn).submit("a.b")
    with working("", {"a.b": lambda lease: None}, connect=connect):
        time.sleep(3)
        assert 3 <= len(opened) <= 8  # it tries again, with growing delays
        assert caplog.text.count("cannot execute") == 1  # and logs that only once
        assert states(conn) == {"ready": 1}
        conn.execute(f"alter database {database} reset default_transaction_read_only")
        support.eventually(lambda: states(conn) == {"succeeded": 1}, "it works")
        support.eventually(lambda: "connected again" in caplog.text, "the worker logs it")
    assert caplog.text.count("connected again") == 1


@pytest.mark.parametrize("pooled", [False, True], ids=["its own", "a pool's"])
def test_an_end_over_a_session_that_turned_read_only_goes_over_another(
    scratch_server: server.Cluster, pooled: bool
) -> None:
    """The situation of a primary that was demoted under its sessions, at an address that has moved on."""
    with psycopg.connect(scratch_server.dsn, autocommit=True) as conn:
        server.install(conn)
        conn.execute("set search_path = leasehold")
        conn.execute("set default_transaction_read_only = off")
        name = conn.info.dbname
        fail = {"max_attempts": 5, "retry": AT_ONCE}
        needs = ["a.returns", "a.fails", "a.completes", "a.last"]
        Leasehold(conn).submit_many([{"next_need": need, **fail} for need in needs])
        ran: list[str] = []

        def turn_read_only() -> None:
            # This affects the open sessions, and none that is opened from now on.
            conn.execute(f"alter database {name} set default_transaction_read_only = off")
            conn.execute("alter system set default_transaction_read_only = on")
            conn.execute("select pg_reload_conf()")
            with psycopg.connect(scratch_server.dsn) as other:
                assert other.execute("show transaction_read_only").fetchone() == ("off",)

        def handler(lease: Lease) -> None:
            ran.append(lease.next_need)
            conn.execute("alter system reset default_transaction_read_only")
            conn.execute("select pg_reload_conf()")
            conn.execute(f"alter database {name} reset default_transaction_read_only")
            if lease.next_need == "a.completes":
                with lease.transaction():
                    lease.complete()
            turn_read_only()
            time.sleep(0.3)
            if lease.next_need == "a.fails":
                raise GiveUp("never")

        with ConnectionPool(scratch_server.dsn, min_size=1, max_size=1, open=True) as pool:
            with working(pool if pooled else scratch_server.dsn, {"a.%": handler}):
                support.eventually(lambda: all_ended(conn), "all done")
        assert ran == needs
        assert states(conn) == {"succeeded": 3, "dead": 1}


def test_lost_connections_cost_no_job(dsn: str, superuser: Connection, conn: Connection) -> None:
    Leasehold(conn).submit_many(
        [{"next_need": "a.b", "retry": AT_ONCE, "max_attempts": 1000}] * 300
    )
    with working(dsn, {"a.b": lambda lease: time.sleep(0.002)}, threads=3, lease=1.0):
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            superuser.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> all (%s)",
                [[superuser.info.backend_pid, conn.info.backend_pid]],
            )
            time.sleep(0.2)
        support.eventually(lambda: states(conn) == {"succeeded": 300}, "drained", seconds=60)


def test_an_end_whose_reply_is_lost_is_sent_again(dsn: str, conn: Connection) -> None:
    leasehold = Leasehold(conn)
    job_id = leasehold.submit("a.b").job_id
    with proxied(dsn) as proxy:

        def handler(lease: Lease) -> dict[str, int]:
            proxy.swallow_reply_to(b"complete")
            return {"n": 1}

        with working(proxy.dsn, {"a.b": handler}):
            support.eventually(lambda: states(conn) == {"succeeded": 1}, "done")
    job = leasehold.job(job_id)
    assert (job.attempt, job.result) == (1, {"n": 1})


@pytest.mark.timeout(180)
def test_a_worker_survives_a_server_that_is_killed_and_started_again(
    scratch_server: server.Cluster,
) -> None:
    with psycopg.connect(scratch_server.dsn, autocommit=True) as conn:
        server.install(conn)
        Leasehold(conn).submit_many(
            [{"next_need": "a.b", "retry": AT_ONCE, "max_attempts": 1000}] * 400
        )
    with working(
        scratch_server.dsn, {"a.b": lambda lease: time.sleep(0.005)}, threads=2, lease=1.0
    ):
        for _ in range(2):
            time.sleep(0.5)
            scratch_server.kill()
            time.sleep(0.3)
            scratch_server.start()
        with psycopg.connect(scratch_server.dsn, autocommit=True) as conn:
            conn.execute("set search_path = leasehold")
            support.eventually(lambda: states(conn) == {"succeeded": 400}, "drained", seconds=90)


# --- its log --------------------------------------------------------------------------------


def lines(caplog: pytest.LogCaptureFixture, job_id: object) -> list[tuple[str, str]]:
    return [
        (record.levelname, record.getMessage().removeprefix(f"job {job_id} "))
        for record in caplog.records
        if str(job_id) in record.getMessage()
    ]


def test_the_log_says_how_each_job_ended_which_attempt_it_was_and_how_long_it_took(
    dsn: str, conn: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leasehold")

    def completes(lease: Lease) -> None:
        with lease.transaction():
            lease.complete()

    handlers: dict[str, Callable[[Lease], Any]] = {
        "a.returns": lambda lease: time.sleep(0.2),
        "a.completes": completes,
        "a.retry": raises(Retry("busy", after=600)),
        "a.giveup": raises(GiveUp("never")),
        "a.release": raises(Release(available_at=datetime(2999, 1, 1, tzinfo=timezone.utc))),
        "a.error": raises(ValueError("bad")),
    }
    submitted = Leasehold(conn).submit_many([{"next_need": need} for need in handlers])
    with working(dsn, handlers):
        support.eventually(lambda: not set(states(conn)) & {"ready", "leased"}, "all done")
    said = {
        need: [
            (level, re.sub(r"\d\.\d\d\d s", "… s", text))
            for level, text in lines(caplog, job.job_id)
        ]
        for need, job in zip(handlers, submitted, strict=True)
    }
    assert said == {
        "a.returns": [("INFO", "(a.returns): succeeded, attempt 1, … s")],
        "a.completes": [("INFO", "(a.completes): succeeded, attempt 1, … s")],
        "a.retry": [("INFO", "(a.retry): scheduled (Retry: busy), attempt 1, … s")],
        "a.giveup": [("WARNING", "(a.giveup): dead (GiveUp: never), attempt 1, … s")],
        "a.release": [("INFO", "(a.release): scheduled (Release: released), attempt 1, … s")],
        "a.error": [
            ("WARNING", "(a.error): handler failed, attempt 1, … s"),
            ("INFO", "(a.error): scheduled, attempt 1, … s"),
        ],
    }
    assert re.search(r"a.returns\): succeeded, attempt 1, 0.2\d\d s", caplog.text)
    assert caplog.text.count("Traceback") == 1


@pytest.mark.parametrize("way", ["check", "extend", "return"])
def test_a_handler_that_obeys_its_cancellation_is_one_log_line_without_a_traceback(
    dsn: str, conn: Connection, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    caplog.set_level(logging.INFO, "leasehold")
    leasehold = Leasehold(conn)
    job_id = leasehold.submit("a.b").job_id
    begun, reason = threading.Event(), []

    def handler(lease: Lease) -> None:
        begun.set()
        assert lease.stop_reason is None
        if way == "extend":
            while True:
                lease.extend()
                time.sleep(0.05)
        assert lease.stop.wait(10)
        reason.append(lease.stop_reason)
        if way == "check":
            lease.check()

    with working(dsn, {"a.b": handler}, lease=1.0):
        assert begun.wait(10)
        leasehold.cancel(job_id, "me")
        support.eventually(lambda: all_ended(conn), "it ended")
    ended = "succeeded" if way == "return" else "cancelled"
    assert states(conn) == {ended: 1}
    ((level, text),) = lines(caplog, job_id)
    assert level == "INFO"
    assert text.startswith(f"(a.b): {ended}, attempt 1, ")
    assert "Traceback" not in caplog.text
    assert reason == ([] if way == "extend" else ["cancelled"])


def test_a_lost_connection_is_logged_once_and_so_is_its_return(
    dsn: str, conn: Connection, superuser: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leasehold")
    with working(dsn, {"a.b": lambda lease: None}, threads=4, name="me", poll=60):
        support.eventually(lambda: listening(conn) == 4, "all wait")
        superuser.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> all (%s)",
            [[superuser.info.backend_pid, conn.info.backend_pid]],
        )
        support.eventually(lambda: "connected again" in caplog.text, "the worker logs it")
    said = [record.getMessage() for record in caplog.records]
    assert said[:1] == ["worker me: a.b"]
    assert said[1].startswith("worker me: 4 of 4 threads wait for the database: ")
    assert said[2:] == ["worker me: connected again"]


def listening(conn: Connection) -> int:
    row = conn.execute(
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and state = 'idle' and query like '%\"get_work\"%'"
    ).fetchone()
    assert row is not None
    return int(row[0])


# --- stopping -------------------------------------------------------------------------------


def test_a_handler_is_told_of_a_shutdown_and_may_hand_its_job_back(
    dsn: str, conn: Connection
) -> None:
    Leasehold(conn).submit_many([{"next_need": need} for need in ("a.finishes", "a.releases")])
    begun, heard = threading.Barrier(3), []

    def handler(lease: Lease) -> None:
        assert lease.stop_reason is None
        begun.wait(10)
        assert lease.stop.wait(10)
        heard.append((lease.stop_reason, lease.state))
        lease.check()  # raises nothing, because the lease is held
        if lease.next_need == "a.releases":
            raise Release

    with working(dsn, {"a.%": handler}, threads=2, grace=10) as worker:
        begun.wait(10)
        worker.stop()
    assert heard == [("shutdown", "held")] * 2
    assert states(conn) == {"succeeded": 1, "ready": 1}


def test_a_lost_lease_says_so_even_if_the_worker_shuts_down(dsn: str, conn: Connection) -> None:
    leasehold = Leasehold(conn)
    job_id = leasehold.submit("a.b").job_id
    begun, heard = threading.Event(), []

    def handler(lease: Lease) -> None:
        begun.set()
        assert lease.stop.wait(10)
        heard.append(lease.stop_reason)
        support.eventually(lambda: lease.state != "held", "it is cancelled")
        heard.append(lease.stop_reason)

    with working(dsn, {"a.b": handler}, lease=1.0, grace=10) as worker:
        assert begun.wait(10)
        worker.stop()
        support.eventually(lambda: heard, "the worker is told")
        leasehold.cancel(job_id, "me")
    assert heard == ["shutdown", "cancelled"]


def test_a_worker_that_stops_finishes_its_running_jobs_and_claims_no_more(
    dsn: str, conn: Connection
) -> None:
    Leasehold(conn).submit_many([{"next_need": "a.b"}] * 3)
    begun = threading.Event()

    def handler(lease: Lease) -> None:
        begun.set()
        time.sleep(0.5)

    with working(dsn, {"a.b": handler}) as worker:
        assert begun.wait(10)
        worker.stop()
    assert states(conn) == {"succeeded": 1, "ready": 2}


def test_a_job_that_was_claimed_while_the_worker_was_told_to_stop_is_handed_back_untried(
    dsn: str, connect: Connect, conn: Connection
) -> None:
    leasehold = Leasehold(conn)
    first, second = leasehold.submit_many([{"next_need": "a.b"}] * 2)
    holder = connect()
    begun: list[Lease] = []

    def handler(lease: Lease) -> None:
        begun.append(lease)
        # The turn that ends this job and claims the next has to wait for it.
        holder.execute("begin")
        lease.hold(connection=holder)

    def somebody_waits() -> bool:
        waiting = "select from pg_stat_activity where %s = any (pg_blocking_pids(pid))"
        return conn.execute(waiting, [holder.info.backend_pid]).fetchone() is not None

    with working(dsn, {"a.b": handler}) as worker:
        support.eventually(somebody_waits, "the turn is under way")
        worker.stop()
        holder.execute("commit")
    assert [lease.job_id for lease in begun] == [first.job_id]
    assert leasehold.job(first.job_id).state == "succeeded"
    left = leasehold.job(second.job_id)
    assert (left.state, left.attempt) == ("ready", 0)


def test_after_the_grace_period_running_jobs_are_handed_back(
    dsn: str, conn: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    leasehold = Leasehold(conn)
    job_id = leasehold.submit("a.b").job_id
    begun, told = threading.Event(), threading.Event()
    leases: list[Lease] = []

    def handler(lease: Lease) -> None:
        leases.append(lease)
        begun.set()
        while lease.state == "held":  # it continues although it was told to stop
            time.sleep(0.02)
        if lease.stop.is_set():
            told.set()

    with working(dsn, {"a.b": handler}, grace=0.3) as worker:
        assert begun.wait(10)
        worker.stop()
    assert told.wait(10)
    job = leasehold.job(job_id)
    assert (job.state, job.attempt) == ("ready", 0)
    assert leases[0].state == "ended"
    assert "releasing 1 jobs" in caplog.text


def test_handing_back_waits_once_for_a_database_that_is_not_reachable(
    dsn: str, conn: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    Leasehold(conn).submit_many([{"next_need": "a.b"}] * 3)
    begun, gone = threading.Barrier(4), threading.Event()
    tries: list[None] = []

    def opened() -> Connection:
        if gone.is_set():
            tries.append(None)
            raise psycopg.OperationalError("nobody there")
        return psycopg.connect(dsn, autocommit=True)

    def handler(lease: Lease) -> None:
        begun.wait(10)
        time.sleep(1)

    with working(dsn, {"a.b": handler}, threads=3, grace=0.2, lease=60, connect=opened) as worker:
        begun.wait(10)
        gone.set()
        worker.stop()
    assert len(tries) == 1
    assert "the remaining leases expire: nobody there" in caplog.text


JOBS = """
import pathlib, time
from leasehold import Lease

def slow(lease: Lease) -> None:
    pathlib.Path({mark!r}).write_text(str(lease.job_id))
    time.sleep(lease.payload["seconds"])

def die(lease: Lease) -> None:
    import os
    os._exit(7)

handlers = {{"slow": slow, "die": die}}
"""


@contextmanager
def worker_process(dsn: str, tmp_path: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Runs `leasehold work jobs`, and kills it at the end of the block if it still runs."""
    (tmp_path / "jobs.py").write_text(JOBS.format(mark=str(tmp_path / "begun")))
    process = subprocess.Popen(
        [sys.executable, "-m", "leasehold", "work", "jobs", "--poll", "0.2", *options],
        cwd=tmp_path,
        env={**os.environ, "LEASEHOLD_DSN": dsn},
        stderr=(tmp_path / "log").open("ab"),
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def begun(tmp_path: Path) -> Callable[[], bool]:
    return (tmp_path / "begun").exists


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_worker_finish(
    dsn: str, conn: Connection, tmp_path: Path, number: signal.Signals
) -> None:
    Leasehold(conn).submit_many([{"next_need": "slow", "payload": {"seconds": 0.7}}] * 2)
    with worker_process(dsn, tmp_path) as process:
        support.eventually(begun(tmp_path), "it works")
        process.send_signal(number)
        assert process.wait(10) == 0
    assert states(conn) == {"succeeded": 1, "ready": 1}


def test_a_signal_hands_back_jobs_that_do_not_finish_in_time(
    dsn: str, conn: Connection, tmp_path: Path
) -> None:
    Leasehold(conn).submit("slow", {"seconds": 30})
    with worker_process(dsn, tmp_path, "--grace", "0.3") as process:
        support.eventually(begun(tmp_path), "it works")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert states(conn) == {"ready": 1}


def test_a_second_signal_ends_the_process_at_once_and_the_lease_expires(
    dsn: str, conn: Connection, tmp_path: Path
) -> None:
    leasehold = Leasehold(conn)
    job_id = leasehold.submit("slow", {"seconds": 30}).job_id
    with worker_process(dsn, tmp_path, "--lease", "1") as process:
        support.eventually(begun(tmp_path), "it works")
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 128 + signal.SIGTERM
    assert leasehold.job(job_id).state == "leased"

    def reclaimed() -> bool:
        leasehold.sweep()
        return leasehold.job(job_id).crashes == 1

    support.eventually(reclaimed, "the lease expired")


@pytest.mark.long
def test_a_job_that_kills_every_worker_is_buried_as_a_crash_loop(
    dsn: str, conn: Connection, tmp_path: Path
) -> None:
    leasehold = Leasehold(conn)
    job_id = leasehold.submit("die", retry=AT_ONCE, max_attempts=100).job_id
    for _ in range(3):
        with worker_process(dsn, tmp_path, "--lease", "1") as process:
            assert process.wait(20) == 7
        time.sleep(1.1)

    def dead() -> bool:
        leasehold.sweep()
        return leasehold.job(job_id).state == "dead"

    support.eventually(dead, "buried")
    assert leasehold.job(job_id).dead_reason == "crash_loop"


def test_a_worker_paused_past_its_lease_changes_nothing(
    dsn: str, connect: Connect, conn: Connection, tmp_path: Path
) -> None:
    leasehold = Leasehold(conn)
    job_id = leasehold.submit("slow", {"seconds": 0.5}, retry=AT_ONCE).job_id
    with worker_process(dsn, tmp_path, "--lease", "1") as process:
        support.eventually(begun(tmp_path), "it works")
        process.send_signal(signal.SIGSTOP)
        other = Leasehold(connect())
        (taken,) = support.eventually(
            lambda: other.get_work("v", ["slow"], lease=60), "another worker has the job"
        )
        process.send_signal(signal.SIGCONT)
        log = tmp_path / "log"
        support.eventually(lambda: "lease is lost" in log.read_text(), "the worker is told")
        assert leasehold.job(job_id).state == "leased"
        taken.complete({"by": "the other"})
    assert leasehold.job(job_id).result == {"by": "the other"}
