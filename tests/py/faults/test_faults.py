"""Faults of the server and its operation: killed backends, timeouts, idle and prepared transactions,
a server that was down; and one submit many times at once."""

from __future__ import annotations

import os
import signal
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

import engine
import server
from conftest import Connect, Connection
from engine import does_not_wait, transaction
from support import (
    background,
    eventually,
    one,
    pid,
    refused,
    rows,
    run_threads,
    value,
    wait_until_blocked,
)


def snapshot(conn: Connection) -> dict[str, list[Any]]:
    """All rows of the tables that hold the state of jobs."""
    tables = ("job", "archive", "dependency", "idempotency", "given_id", "checkpoint", "history")
    return {
        t: engine.query(conn, f'select * from {t} as t order by t::text collate "C"')
        for t in tables
    }


# --- 10: killed while waiting for a lock --------------------------------------------------------


def test_a_call_killed_while_it_waits_leaves_no_partial_state(
    connect: Connect, conn: Connection
) -> None:
    parent = engine.submit(conn, "x")
    engine.submit(conn, "y", wait_for=[parent])
    engine.submit(conn, "x")
    works = engine.take(conn, "x", n=2)
    done = [engine.lease_of(w) | {"verb": "complete"} for w in works]
    holder = connect()
    before = snapshot(conn)
    calls: list[Any] = [
        lambda c: engine.complete(c, works[0]),
        lambda c: rows(c, "fail", **engine.lease_of(works[0]), error="x"),
        lambda c: rows(c, "release", **engine.lease_of(works[0])),
        lambda c: rows(c, "reschedule", **engine.lease_of(works[0]), next_need="z"),
        lambda c: rows(c, "cancel", job_id=works[0]["job_id"], actor="t"),
        lambda c: engine.settle(c, done),
        lambda c: engine.settle(c, done, strict=False),
    ]
    for call in calls:
        with transaction(holder):
            holder.execute("select 1 from job where job_id = %s for update", (works[0]["job_id"],))
            victim = connect()
            waiting = background(lambda: call(victim))  # noqa: B023
            wait_until_blocked(conn, victim)
            conn.execute("select pg_terminate_backend(%s, 5000)", (pid(victim),))
            assert isinstance(waiting.exception(timeout=60), psycopg.Error)
        assert snapshot(conn) == before
    for work in works:
        engine.complete(conn, work)
    engine.drain(conn)


# --- 9: backends killed at random, the postmaster killed ------------------------------------------


def test_workers_whose_backends_are_killed_lose_no_job(connect: Connect, conn: Connection) -> None:
    conn.execute("create table effect (job_id uuid)")
    made = engine.submit_many(
        conn,
        [
            {
                "next_need": "x",
                "singleton_key": f"k{n % 5}",
                "retry": engine.AT_ONCE,
                "max_attempts": 100,
            }
            for n in range(60)
        ],
    )
    sink = engine.submit(conn, "x", wait_for=made)

    def over() -> bool:
        return bool(engine.scalar(watcher, "select count(*) = 61 from archive"))

    watcher = connect()
    engine.value(conn, "set_setting", name="max_crashes", value="1000")

    def worker() -> int:
        killed = 0
        mine = connect()
        while not over_now():
            try:
                for work in engine.take(mine, n=2, lease="50 ms"):
                    with transaction(mine):
                        mine.execute("insert into effect values (%s)", (work["job_id"],))
                        engine.complete(mine, work)
            except psycopg.errors.DatabaseError as error:
                if mine.closed:
                    killed += 1
                    mine = connect()
                elif error.sqlstate not in ("LH001", "LH008", "LH018"):
                    raise
        return killed

    done = False

    def over_now() -> bool:
        return done

    crew = [background(worker) for _ in range(4)]
    kills = 0
    try:
        for _ in range(3000):
            if over():
                break
            if kills < 40:
                kills += len(
                    conn.execute(
                        """
                        select pg_terminate_backend(a.pid) from pg_stat_activity as a
                        where a.datname = current_database() and a.query ~ 'get_work|complete|effect'
                            and a.pid <> pg_backend_pid() and a.state <> 'idle'
                        order by random() limit 1
                        """
                    ).fetchall()
                )
            engine.make_due(conn)
    finally:
        done = True
    assert sum(c.result(timeout=60) for c in crew) > 0, "no backend was killed"
    engine.drain(conn)
    engine.check(conn, drained=True)
    assert engine.scalar(conn, "select count(*) from archive where state = 'succeeded'") == 61
    assert engine.scalar(conn, "select count(*) = count(distinct job_id) from effect")
    assert engine.scalar(conn, "select count(*) from effect") >= 55
    assert sink


def _connect(found: server.Cluster) -> Connection:
    return psycopg.connect(
        found.dsn, autocommit=True, options="-c search_path=leasehold,public -c lock_timeout=2s"
    )


def test_a_killed_postmaster_costs_no_job_and_ends_no_lease(
    scratch_server: server.Cluster,
) -> None:
    """Faults 9 and 31c: no worker could extend while the server was down."""
    with _connect(scratch_server) as conn:
        server.install(conn)
        held = engine.submit(conn, "held", retry=engine.AT_ONCE)
        first = engine.submit(conn, "x")
        last = engine.submit(conn, "x", wait_for=[first])
        work = engine.take_one(conn, "held", lease="2 s")
        open_ = _connect(scratch_server)
        open_.execute("begin")
        engine.complete(open_, engine.take_one(open_, "x"))
        engine.submit(open_, "x")
    for how in ("kill", "stop"):
        getattr(scratch_server, how)()
        scratch_server.start()
    with _connect(scratch_server) as conn:
        # by the clock, the lease ended while the server was down
        conn.execute(
            "update job set leased_at = leased_at - interval '1 h', check_at = now(),"
            " lease_expires_at = lease_expires_at - interval '1 h' where state = 'leased'"
        )
        started = engine.scalar(conn, "select pg_postmaster_start_time()")
        taken = engine.one(conn, "sweep")["reclaimed"]
        assert taken == 0 or engine.scalar(conn, "select now() > %s + interval '2 s'", started)
        assert engine.one(conn, "lease_status", **engine.lease_of(work))["held"]
        assert value(conn, "extend", **engine.lease_of(work))
        engine.complete(conn, work)
        assert engine.drain(conn) == [first, last]
        assert engine.state(conn, held) == "succeeded"
        engine.check(conn, drained=True)


# The server comes back without a new postmaster, so that the start time of the postmaster proves
# nothing.
RETURNS = ("crash recovery", "promotion")


@pytest.mark.parametrize("how", RETURNS)
def test_no_lease_is_reclaimed_before_the_server_has_been_back_for_as_long(
    scratch_server: server.Cluster, how: str
) -> None:
    """Faults 9, 27 and 31c: the end of a lease of a second passes while no worker can extend it."""
    with _connect(scratch_server) as conn:
        server.install(conn)
        job = engine.submit(conn, "held", retry=engine.AT_ONCE)
        engine.take_one(conn, "held", lease="1 s")
        conn.execute(
            "update leased set leased_at = leased_at - interval '1 h',"
            " lease_expires_at = lease_expires_at - interval '1 h', check_at = now()"
        )
        backend = conn.info.backend_pid
        if how == "promotion":
            scratch_server.stop(immediate=False)
            (scratch_server.data / "standby.signal").touch()
            scratch_server.start()
    with _connect(scratch_server) as conn:
        # the postmaster is older than the lease
        conn.execute("select pg_sleep(1.1)")
        if how == "promotion":
            conn.execute("select pg_promote()")
    if how == "crash recovery":
        with psycopg.connect(scratch_server.dsn, autocommit=True) as conn:
            os.kill(conn.info.backend_pid, signal.SIGKILL)
            with pytest.raises(psycopg.OperationalError):
                conn.execute("select 1")
    conn = eventually(lambda: _try_connect(scratch_server), "the server is back")
    with conn:
        assert conn.info.backend_pid != backend
        swept = engine.one(conn, "sweep")
        assert swept["reclaimed"] == 0, "no worker could extend until a moment ago"
        engine.wait_until_past(conn, "(select since + interval '1.1 s' from uptime)")
        conn.execute("update leased set check_at = now()")
        assert engine.one(conn, "sweep")["reclaimed"] == 1
        assert engine.state(conn, job) in ("scheduled", "ready")


def _try_connect(found: server.Cluster) -> Connection | None:
    try:
        conn = _connect(found)
        if engine.scalar(conn, "select pg_is_in_recovery()"):
            conn.close()
            return None
    except psycopg.OperationalError:
        return None
    return conn


# --- 11: timeouts ---------------------------------------------------------------------------------


def test_a_statement_timeout_at_any_moment_is_all_or_nothing(
    connect: Connect, conn: Connection
) -> None:
    hasty = connect()
    ended = {"57014": 0, "done": 0}
    for round_ in range(30):
        parent = engine.submit(conn, "x", priority=1)
        for _ in range(10):
            engine.submit(conn, "y", wait_for=[parent])
        engine.run_deferred(conn)
        work = engine.take_one(conn, "x")
        before = snapshot(conn)
        calls: list[Any] = [
            lambda: engine.complete(hasty, work),  # noqa: B023
            lambda: engine.take(hasty, "y", n=100),
            lambda: engine.submit_many(hasty, [{"next_need": "z"} for _ in range(20)]),
        ]
        call = calls[round_ % 3]
        hasty.execute("select set_config('statement_timeout', %s, false)", (str(1 + round_ // 3),))
        try:
            call()
            ended["done"] += 1
        except psycopg.errors.QueryCanceled:
            ended["57014"] += 1
            hasty.execute("set statement_timeout = 0")
            assert snapshot(conn) == before
        hasty.execute("set statement_timeout = 0")
        engine.check(conn)
        engine.drain_held(conn)
    assert ended["57014"] > 0
    assert ended["done"] > 0


def test_a_lock_timeout_leaves_nothing(connect: Connect, conn: Connection) -> None:
    engine.submit(conn)
    work = engine.take_one(conn)
    holder, hasty = connect(), connect(options="-c lock_timeout=20ms")
    with transaction(holder):
        value(holder, "hold_lease", **engine.lease_of(work))
        before = snapshot(conn)
        for function, arguments in (("complete", {}), ("extend", {}), ("fail", {"error": "x"})):
            with refused("55P03"):
                rows(hasty, function, **engine.lease_of(work), **arguments)
        answers = conn.execute(
            "select ok, error_code from extend_many(leases => jsonb_build_array("
            "jsonb_build_object('job_id', %s::uuid, 'lease_id', %s::uuid)))",
            (work["job_id"], work["lease_id"]),
        ).fetchall()
        assert answers == [(False, "55P03")]
        assert snapshot(conn) == before
    engine.complete(conn, work)


def test_a_transaction_cut_off_for_idling_releases_its_claims(
    connect: Connect, conn: Connection
) -> None:
    idler = connect(options="-c idle_in_transaction_session_timeout=50ms")
    engine.submit(conn, singleton_key="k")
    idler.execute("begin")
    assert len(engine.take(idler)) == 1
    wait_gone = "select count(*) = 0 from pg_stat_activity where pid = %s"
    eventually(lambda: engine.scalar(conn, wait_gone, pid(idler)), "the idle session is cut off")
    assert len(engine.take(conn)) == 1


# --- 14 and 16: idle and prepared transactions ------------------------------------------------------


def test_no_call_waits_for_an_idle_transaction_that_has_locked_a_job(
    connect: Connect, conn: Connection
) -> None:
    idler, other = connect(), connect(options=engine.PATIENCE)
    jobs = [engine.submit(conn, "x", singleton_key=key) for key in ("a", "b", "c")]
    jobs.append(engine.submit(conn, "x", wait_for=[jobs[0]]))
    with transaction(idler):
        idler.execute("select 1 from job where job_id = any (%s) for update", ([jobs[0], jobs[3]],))
        with does_not_wait("get_work"):
            found = engine.take(other, n=10)
            assert {w["job_id"] for w in found} == {jobs[1], jobs[2]}
        with does_not_wait("submit, sweep, settle"):
            engine.submit(other, "x", wait_for=[jobs[0]], singleton_key="a")
            engine.sweep(other, 3)
            engine.settle(other, [engine.lease_of(w) | {"verb": "complete"} for w in found])
            rows(other, "redrive_many", capability="%", actor="t")
            rows(other, "why_not_running", job_id=jobs[3])
            one(other, "job", job_id=jobs[0])
    assert len(engine.drain(conn)) == 3
    engine.check(conn, drained=True)


def test_no_call_waits_for_a_prepared_transaction(connect: Connect, conn: Connection) -> None:
    if engine.scalar(conn, "show max_prepared_transactions") == "0":
        pytest.skip("max_prepared_transactions is 0 on this server")
    other = connect(options=engine.PATIENCE)
    parent = engine.submit(conn, "x", singleton_key="k")
    child = engine.submit(conn, "y", wait_for=[parent])
    second = engine.submit(conn, "x", singleton_key="k")
    engine.run_deferred(conn)
    work = engine.take_one(conn, "x")
    name = f"lh{uuid4().hex[:8]}"
    preparer = connect()
    preparer.execute("begin")
    engine.complete(preparer, work)
    preparer.execute(sql.SQL("prepare transaction {}").format(name))
    try:
        with does_not_wait("get_work, sweep"):
            assert engine.take(other, n=5) == []
            engine.sweep(other, 3)
            late = engine.submit(other, "z", wait_for=[parent])
            engine.sweep(other, 3)
    finally:
        conn.execute(sql.SQL("commit prepared {}").format(name))
    assert set(engine.drain(conn)) == {child, second, late}
    engine.check(conn, drained=True)


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_a_transaction_that_notifies_no_worker_can_be_prepared(
    connect: Connect, conn: Connection, isolation: str
) -> None:
    if engine.scalar(conn, "show max_prepared_transactions") == "0":
        pytest.skip("max_prepared_transactions is 0 on this server")
    waiter = connect()
    until = engine.scalar(conn, "select clock_timestamp() + interval '1 min'")
    work = [engine.take_one(conn, "w") for _ in range(2) if engine.submit(conn, "w")]
    for parent in work:
        engine.submit(conn, "x", wait_for=[parent["job_id"]])
    engine.run_deferred(conn)
    channel = one(waiter, "wakeup_channel", capabilities=["x"], until=until)["channel"]
    waiter.execute(f'listen "{channel}"')

    def begin() -> None:
        conn.execute(f"begin isolation level {isolation}")

    # a submit notifies, and so does an end that frees dependents
    for call in ("select submit('x')", "select complete(job_id, lease_id) from leased limit 1"):
        if "complete" in call and isolation != "read committed":
            continue  # there it leaves a deferred item
        begin()
        conn.execute(call)
        with refused("0A000"):
            conn.execute("prepare transaction 'refused'")
        conn.execute("rollback")

    begin()
    conn.execute("set local leasehold.notify = off")
    engine.submit(conn, "x")
    engine.submit(conn, "x", available_at=engine.scalar(conn, "select now() + '1 s'::interval"))
    engine.submit_many(conn, [{"next_need": "x"}, {"next_need": "x", "priority": 5}])
    conn.execute("insert into submission (next_need) values ('x')")
    engine.complete(conn, work[0])
    name = sql.SQL(f"'lh{uuid4().hex[:8]}'")
    conn.execute(sql.SQL("prepare transaction {}").format(name))
    conn.execute(sql.SQL("commit prepared {}").format(name))
    assert list(waiter.notifies(timeout=0.2)) == []
    engine.submit(conn, "x")
    assert [n.channel for n in waiter.notifies(timeout=10, stop_after=1)] == [channel], (
        "a worker that was not notified must still be registered"
    )
    assert len(engine.drain_held(conn)) == 8


def test_a_session_without_access_to_views_submits_and_works_through_functions(
    conn: Connection,
) -> None:
    """pg_dump and hardened servers set restrict_nonsystem_relation_kind.

    PostgreSQL then refuses an INSERT into a view that the statement names.
    """
    name = "restrict_nonsystem_relation_kind"
    if not engine.query(conn, "select from pg_settings where name = %s", name):
        pytest.skip(f"this server has no {name}")
    conn.execute(f"set {name} = 'view'")
    with refused("55000") as caught:
        conn.execute("insert into submission (next_need) values ('x')")
    assert "submission" in str(caught[0])
    parent = engine.submit(conn, "x", singleton_key="k", idempotency_key="i")
    engine.submit(conn, "x.y", wait_for=[parent])
    for capability in ("x", "%"):
        engine.complete(conn, engine.take_one(conn, capability))
    one(
        conn,
        "wakeup_channel",
        capabilities=["%"],
        until=engine.scalar(conn, "select now() + '1 h'::interval"),
    )
    one(conn, "sweep")
    assert rows(conn, "verify") == []


# --- 30 and 31: the same submit many times at once --------------------------------------------------


def test_fifty_submits_of_one_key_at_once_make_one_job(connect: Connect, conn: Connection) -> None:
    conns = [connect() for _ in range(50)]
    answers = run_threads(
        [lambda c=c: one(c, "submit", next_need="x", idempotency_key="k") for c in conns]
    )
    assert len({a["job_id"] for a in answers}) == 1
    assert [a["created"] for a in answers].count(True) == 1

    def other(session: Connection, n: int) -> str:
        try:
            one(session, "submit", next_need="x", idempotency_key="p", payload={"n": n})
        except psycopg.Error as error:
            return error.sqlstate or "?"
        return "created"

    answers_ = run_threads([lambda c=c, n=n: other(c, n) for n, c in enumerate(conns)])
    assert sorted(answers_) == ["LH006"] * 49 + ["created"]
    assert len(engine.drain(conn)) == 2
    engine.check(conn, drained=True)


def test_a_key_whose_holders_roll_back_is_used_once(connect: Connect, conn: Connection) -> None:
    """The key passes from one transaction to the next until one commits."""
    conns = [connect() for _ in range(20)]

    def attempt(session: Connection, n: int) -> str:
        session.execute("begin")
        answer = one(session, "submit", next_need="x", idempotency_key="k")
        if answer["created"] and n % 4:
            session.execute("rollback")
            return "gave up"
        session.execute("commit")
        return "created" if answer["created"] else "found"

    answers = run_threads([lambda c=c, n=n: attempt(c, n) for n, c in enumerate(conns)])
    assert answers.count("created") <= 1
    jobs = engine.scalar(conn, "select count(*) from job")
    assert jobs == answers.count("created")
    assert jobs == 1 or "found" not in answers
    engine.drain(conn)


def test_a_job_submitted_again_while_it_completes_is_never_live_and_archived(
    connect: Connect, conn: Connection
) -> None:
    conns = [connect() for _ in range(8)]
    for _ in range(15):
        made = engine.submit(conn, "x")
        given = engine.submit(conn, "x", job_id=uuid4())
        works = engine.take(conn, n=2)

        def again(session: Connection, job_id: object) -> str:
            try:
                engine.submit(session, "x", job_id=job_id)
            except psycopg.Error as error:
                return error.sqlstate or "?"
            return "submitted"

        tasks = [
            lambda c=c, j=j: again(c, j) for c, j in zip(conns, [made, given] * 3, strict=False)
        ]
        ends = [
            lambda c=c, w=w: engine.complete(c, w) or "done"
            for c, w in zip(conns[6:], works, strict=True)
        ]
        assert sorted(run_threads([*tasks, *ends])) == ["LH005"] * 6 + ["done"] * 2
    engine.check(conn, drained=True)


# --- 15: an old snapshot -----------------------------------------------------------------------------


def test_an_old_snapshot_held_open_changes_no_answer(connect: Connect, conn: Connection) -> None:
    """Fault 15, for correctness alone: bench measures the speed."""
    old = connect()
    with transaction(old, "repeatable read"):
        for n in range(200):
            engine.submit(conn, "x", singleton_key=f"k{n % 3}")
            engine.complete(conn, engine.take_one(conn))
        engine.check(conn, drained=True)
        assert engine.scalar(old, "select count(*) from archive") == 0
