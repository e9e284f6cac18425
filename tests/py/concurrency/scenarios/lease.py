"""Leases: clocks, stale leases, and the ends of leases."""

from __future__ import annotations

from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb

import engine
from conftest import Connect
from engine import PATIENCE, complete, does_not_wait, lease_of, scalar, submit, take, transaction
from support import background, refused, value, wait_until_blocked

from .common import completes_of


def a_lease_begins_at_the_call(connect: Connect) -> None:
    """Not at the start of the transaction: a lease granted late in a long one must not be over at
    once."""
    conn = connect()
    submit(conn)
    with transaction(conn):
        engine.wait_until_past(conn, "now() + interval '50 ms'")
        work = engine.take_one(conn, lease="50 ms")
        assert scalar(conn, "select %s > now() + interval '100 ms'", work["lease_expires_at"])


def a_stale_lease_changes_nothing(connect: Connect) -> None:
    """Promise 3, verb by verb, after the job was reclaimed and leased to another worker."""
    conn = connect()
    submit(conn, retry=engine.AT_ONCE, max_attempts=9)
    stale = lease_of(engine.take_one(conn))
    engine.expire_leases(conn)
    engine.sweep(conn)
    engine.make_due(conn)
    current = engine.take_one(conn)
    assert current["job_id"] == stale["job_id"]
    before = engine.query(conn, "select * from job")
    calls: list[tuple[str, dict[str, object]]] = [
        ("complete", {}),
        ("fail", {"error": "x"}),
        ("release", {}),
        ("reschedule", {}),
        ("extend", {}),
        ("checkpoint", {"name": "c"}),
        ("checkpoints", {}),
        ("results", {}),
        ("hold_lease", {}),
    ]
    for function, arguments in calls:
        with refused("LH001"):
            engine.rows(conn, function, **stale, **arguments)
        with refused("LH002"):
            engine.rows(conn, function, job_id=stale["job_id"], lease_id=uuid4(), **arguments)
    assert engine.query(conn, "select * from job") == before, "a refused call changed a row"
    complete(conn, current)


def a_stale_lease_in_a_batch_changes_nothing(connect: Connect) -> None:
    """Promise 3, in a batch of current leases: another worker has the job by now."""
    conn = connect()
    submit(conn, retry=engine.AT_ONCE, max_attempts=9)
    stale = engine.take_one(conn)
    engine.expire_leases(conn)
    engine.sweep(conn)
    engine.make_due(conn)
    current = engine.take_one(conn)
    assert current["job_id"] == stale["job_id"]
    submit(conn), submit(conn)
    one, two = take(conn, n=2)
    answers = engine.settle(conn, completes_of(one, stale, two), strict=False)
    assert [a["error_code"] for a in answers] == [None, "LH001", None]
    crossed = [current | {"lease_id": one["lease_id"]}, two | {"lease_id": current["lease_id"]}]
    answers = engine.settle(conn, completes_of(*crossed), strict=False)
    assert [a["error_code"] for a in answers] == ["LH002", "LH008"]
    complete(conn, current)


def a_stale_lease_in_a_batch_is_refused_when_it_waited_for_the_lock(connect: Connect) -> None:
    conn, taker, worker = connect(), connect(), connect()
    submit(conn, retry={"kind": "fixed", "initial": "1 hour"}, max_attempts=9)
    stale = engine.take_one(conn)
    submit(conn), submit(conn)
    one, two = take(conn, n=2)
    engine.expire_leases(conn, stale["job_id"])
    with transaction(taker):
        assert engine.one(taker, "sweep")["reclaimed"] == 1
        call = background(
            lambda: engine.settle(worker, completes_of(one, stale, two), strict=False)
        )
        wait_until_blocked(conn, worker)
    answers = call.result(timeout=60)
    assert [a["error_code"] for a in answers] == [None, "LH001", None]
    assert engine.drain(conn) == [stale["job_id"]]


def a_job_that_a_batch_names_twice_is_settled_in_order(connect: Connect) -> None:
    """As if the elements were calls: the second finds what the first has left."""
    conn = connect()
    right, wrong = {"ok": True, "error_code": None}, {"ok": False}
    cases: list[tuple[list[str], list[dict[str, object]]]] = [
        (["foreign", "complete"], [wrong | {"error_code": "LH002"}, right]),
        (["complete", "foreign"], [right, wrong | {"error_code": "LH008"}]),
        (["complete", "complete"], [right, wrong | {"error_code": "LH018"}]),
        (["release", "complete"], [right, wrong | {"error_code": "LH001"}]),
        (["complete", "release"], [right, wrong | {"error_code": "LH008"}]),
    ]
    for verbs, expected in cases:
        submit(conn), submit(conn)
        work, other = take(conn, n=2)
        batch = completes_of(other)
        for verb in verbs:
            said = lease_of(work) | {"verb": "complete" if verb == "foreign" else verb}
            batch.append(said | {"lease_id": uuid4()} if verb == "foreign" else said)
        answers = engine.settle(conn, batch, strict=False)
        found = [{key: a[key] for key in ("ok", "error_code")} for a in answers]
        assert found == [right, *expected], verbs
        engine.drain(conn)


def a_job_that_a_batch_reschedules_behind_another_is_settled_in_order(connect: Connect) -> None:
    """The element that reschedules comes first: its job waits for the other, which then ends."""
    conn = connect()
    submit(conn), submit(conn)
    works = take(conn, n=2)
    reschedule = lease_of(works[0]) | {"verb": "reschedule", "wait_for": [str(works[1]["job_id"])]}
    answers = engine.settle(conn, [reschedule, *completes_of(works[1])])
    assert [a["state"] for a in answers] == ["blocked", "succeeded"]
    assert engine.drain(conn) == [works[0]["job_id"]]


def a_stale_lease_does_not_wait_for_the_current_one(connect: Connect) -> None:
    """Otherwise two batches, each with stale leases of the other's jobs, could deadlock."""
    conn, holder = connect(), connect()
    worker = connect(options=PATIENCE)
    calls: list[tuple[str, dict[str, object]]] = [
        ("complete", {}),
        ("fail", {"error": "x"}),
        ("release", {}),
        ("reschedule", {}),
        ("extend", {}),
        ("checkpoint", {"name": "c"}),
        ("checkpoints", {}),
        ("results", {}),
        ("hold_lease", {}),
    ]
    submit(conn, retry=engine.AT_ONCE, max_attempts=9)
    stale = lease_of(engine.take_one(conn))
    engine.expire_leases(conn)
    engine.sweep(conn)
    engine.make_due(conn)
    current = engine.take_one(conn)
    assert current["job_id"] == stale["job_id"]
    with transaction(holder):
        engine.rows(holder, "hold_lease", **lease_of(current))
        for function, arguments in calls:
            with does_not_wait(function), refused("LH001"):
                engine.rows(worker, function, **stale, **arguments)
        for level in ("read committed", "repeatable read"):
            submit(conn), submit(conn)
            one, two = take(conn, n=2)
            batch = [
                *completes_of(one),
                stale | {"verb": "fail", "error": "x"},
                lease_of(two) | {"verb": "release"},
            ]
            with does_not_wait("settle"), transaction(worker, level):
                answers = engine.settle(worker, batch, strict=False)
            assert [a["error_code"] for a in answers] == [None, "LH001", None], level
    complete(conn, current)


def a_stale_lease_is_refused_when_it_waited_for_the_lock(connect: Connect) -> None:
    """Fault 24: the lease is reclaimed while the call waits for the row."""
    conn, taker, worker = connect(), connect(), connect()
    calls: list[tuple[str, dict[str, object]]] = [
        ("complete", {}),
        ("fail", {"error": "x"}),
        ("release", {}),
        ("reschedule", {}),
        ("extend", {}),
        ("checkpoint", {"name": "c"}),
        ("hold_lease", {}),
    ]
    for function, arguments in calls:
        submit(conn, retry={"kind": "fixed", "initial": "1 hour"}, max_attempts=9)
        stale = lease_of(engine.take_one(conn))
        engine.expire_leases(conn)
        with transaction(taker):
            assert engine.one(taker, "sweep")["reclaimed"] == 1
            call = background(lambda: engine.rows(worker, function, **stale, **arguments))  # noqa: B023
            wait_until_blocked(conn, worker)
        with refused("LH001"):
            call.result(timeout=60)
        assert engine.drain(conn) == [stale["job_id"]]


def an_end_in_progress_is_not_undone_by_a_reclaim(connect: Connect) -> None:
    """Trap 16: the lease has expired while its worker completes the job: the sweep skips the
    row."""
    worker, sweeper = connect(), connect(options=PATIENCE)
    submit(worker)
    work = engine.take_one(worker)
    engine.expire_leases(worker)
    with transaction(worker):
        complete(worker, work)
        with does_not_wait("sweep"):
            assert engine.one(sweeper, "sweep")["reclaimed"] == 0
        with does_not_wait("get_work"):
            assert take(sweeper) == []
    assert engine.state(sweeper, work["job_id"]) == "succeeded"
    engine.check(sweeper, drained=True)


def a_held_lease_is_not_reclaimed(connect: Connect) -> None:
    worker, sweeper = connect(), connect(options=PATIENCE)
    submit(worker)
    work = engine.take_one(worker)
    engine.expire_leases(worker)
    with transaction(worker):
        value(worker, "hold_lease", **lease_of(work))
        with does_not_wait("sweep"):
            assert engine.one(sweeper, "sweep")["reclaimed"] == 0
        complete(worker, work)
    engine.check(sweeper, drained=True)


def an_extended_lease_is_not_reclaimed(connect: Connect) -> None:
    conn = connect()
    submit(conn)
    work = engine.take_one(conn, lease="1 ms")
    value(conn, "extend", **lease_of(work), lease="1 hour")
    conn.execute("update job set check_at = clock_timestamp() - interval '1 s'")
    assert engine.one(conn, "sweep")["reclaimed"] == 0
    assert take(conn) == []
    complete(conn, work)


def an_old_snapshot_does_not_reclaim_a_lease_extended_since(connect: Connect) -> None:
    """An extension writes no new version of the job, on which an older snapshot would fail."""
    for isolation in ("repeatable read", "serializable"):
        worker, sweeper = connect(), connect()
        submit(worker)
        work = engine.take_one(worker, lease="1 s")
        try:
            with transaction(sweeper, isolation):
                value(worker, "extend", **lease_of(work), lease="1 hour")
                engine.wait_until_past(worker, f"'{work['lease_expires_at']}'")
                engine.one(sweeper, "sweep")
        except psycopg.errors.SerializationFailure:
            pass
        complete(worker, work)


def two_calls_that_extend_a_lease_at_once_leave_the_later_end(connect: Connect) -> None:
    """One call has read but not locked anything yet while the other writes the first extension.

    A trigger stops the first call there.
    """
    conn, barrier = connect(), connect()
    slow = connect(application_name="slow")
    conn.execute(
        """
        create function wait() returns trigger language plpgsql as $wait$
        begin
            if current_setting('application_name') = 'slow' then
                perform pg_advisory_xact_lock_shared(4711);
            end if;
            return null;
        end
        $wait$;
        create trigger wait before update on heartbeat for each statement execute function wait()
        """
    )
    submit(conn)
    work = engine.take_one(conn)
    leases = Jsonb([{key: str(val) for key, val in lease_of(work).items()}])
    with transaction(barrier):
        barrier.execute("select pg_advisory_xact_lock(4711)")
        late = background(lambda: engine.query(slow, "select * from extend_many(%s)", leases))
        wait_until_blocked(conn, slow)
        end = value(conn, "extend", **lease_of(work), lease="1 hour")
    assert [(a["ok"], a["lease_expires_at"]) for a in late.result(timeout=60)] == [(True, end)]
    assert engine.one(conn, "job", job_id=work["job_id"])["lease_expires_at"] == end


def a_stale_lease_is_not_extended_with_others(connect: Connect) -> None:
    """Promise 3, for all leases of a worker at once; nor is a lease extended while its job is
    locked."""
    conn, taker, worker = connect(), connect(), connect(options=PATIENCE)
    submit(conn, retry=engine.AT_ONCE, max_attempts=9)
    stale = engine.take_one(conn)
    engine.expire_leases(conn)
    engine.sweep(conn)
    engine.make_due(conn)
    current = engine.take_one(conn)
    assert current["job_id"] == stale["job_id"]
    submit(conn)
    other = engine.take_one(conn)

    def extended(*works: engine.Work) -> list[str | None]:
        leases = Jsonb([{key: str(val) for key, val in lease_of(work).items()} for work in works])
        answers = {
            answer["lease_id"]: answer["error_code"]
            for answer in engine.query(worker, "select * from extend_many(%s, '1 hour')", leases)
        }
        return [answers[work["lease_id"]] for work in works]

    assert extended(stale, other) == ["LH001", None]
    crossed = [current | {"lease_id": other["lease_id"]}, other | {"lease_id": stale["lease_id"]}]
    assert extended(*crossed) == ["LH002", "LH002"]
    remaining = engine.one(conn, "lease_status", **lease_of(current))["remaining"]
    assert remaining.total_seconds() < 100, "extended by the lease of another job"
    engine.expire_leases(conn, current["job_id"])
    with transaction(taker), does_not_wait("extend_many"):
        assert engine.one(taker, "sweep")["reclaimed"] == 1
        assert extended(current, other) == ["55P03", None]
    assert extended(current, other) == ["LH001", None]


def maintenance_removes_the_heartbeats_of_leases_that_are_over(connect: Connect) -> None:
    conn = connect()
    submit(conn), submit(conn)
    works = take(conn, n=2)
    for work in works:
        value(conn, "extend", **lease_of(work), lease="1 hour")
    complete(conn, works[0])
    conn.execute("update heartbeat set extended_at = extended_at - interval '2 min'")
    engine.one(conn, "sweep")
    assert [h["fence"] for h in engine.query(conn, "select fence from heartbeat")] == [
        works[1]["fence"]
    ]


def no_lease_is_reclaimed_before_the_server_has_been_up_as_long(connect: Connect) -> None:
    """Fault 31c: no worker could extend while the server was down. The start time is simulated."""
    conn = connect()
    submit(conn, retry=engine.AT_ONCE)
    work = engine.take_one(conn, lease="1 min")
    engine.expire_leases(conn)
    conn.execute(
        "update job set leased_at = lease_expires_at - interval '1 min' where state = 'leased'"
    )
    definition: str = scalar(conn, "select pg_get_functiondef('_server_up_since'::regproc)")
    assert "pg_postmaster_start_time()" in definition
    for ago, taken in (("100 ms", 0), ("1 hour", 1)):
        conn.execute(
            definition.replace(
                "pg_postmaster_start_time()", f"(clock_timestamp() - interval '{ago}')"
            )
        )
        conn.execute("update uptime set since = clock_timestamp() - interval '1 day'")
        conn.execute("update job set check_at = clock_timestamp() where state = 'leased'")
        assert engine.one(conn, "sweep")["reclaimed"] == taken, f"up for {ago}"
    with refused("LH001"):
        complete(conn, work)


def an_expired_job_is_not_leased(connect: Connect) -> None:
    conn = connect()
    submit(conn, expires_at=scalar(conn, "select clock_timestamp() + interval '1 hour'"))
    conn.execute("update job set expires_at = clock_timestamp() - interval '1 ms'")
    assert take(conn) == []
    assert engine.query(conn, "select state, (failure).dead_reason from job") == [
        {"state": "dead", "dead_reason": "expired"}
    ]


def maintenance_skips_an_expired_job_that_is_locked(connect: Connect) -> None:
    """Whether the job is ready or not, maintenance does not wait for it, and buries the others."""
    conn, holder = connect(), connect()
    conn.execute("set lock_timeout = '2 s'")
    hours = [scalar(conn, "select clock_timestamp() + %s::interval", f"{n} h") for n in (1, 2)]
    ready = [submit(conn, expires_at=hours[1]) for _ in range(2)]
    scheduled = [submit(conn, available_at=hours[0], expires_at=hours[1]) for _ in range(2)]
    conn.execute("update job set expires_at = clock_timestamp() - interval '1 ms'")
    with transaction(holder):
        holder.execute(
            "select from job where job_id = any (%s) for update", ([ready[0], scheduled[0]],)
        )
        assert engine.one(conn, "sweep")["expired"] == 2
        assert {engine.state(conn, job) for job in (ready[1], scheduled[1])} == {"dead"}
    assert engine.one(conn, "sweep")["expired"] == 2


def a_turn_that_waited_for_a_lock_starts_no_expired_job(connect: Connect) -> None:
    """Fault 24, for expires_at: the clock is read again after the wait."""
    holder, worker, conn = connect(), connect(), connect()
    submit(conn)
    work = engine.take_one(worker, "a")
    done = Jsonb([{n: str(v) for n, v in lease_of(work).items()} | {"verb": "complete"}])
    late = submit(conn, expires_at=scalar(conn, "select clock_timestamp() + interval '1 hour'"))
    with transaction(holder):
        holder.execute("select from job where job_id = %s for update", (work["job_id"],))
        turn = "select (t.work).job_id from turn('w', array['a'], %s) as t"
        call = background(lambda: engine.query(worker, turn, done))
        wait_until_blocked(conn, worker)
        conn.execute("update job set expires_at = clock_timestamp() where job_id = %s", (late,))
    assert call.result(timeout=60) == [{"job_id": None}]
    assert engine.state(conn, late) == "dead"


def a_job_that_crashes_every_worker_is_buried(connect: Connect) -> None:
    """Trap 8: a crash counts as an attempt and as a crash."""
    conn = connect()
    job_id = submit(conn, retry=engine.AT_ONCE, max_attempts=100)
    for attempt in (1, 2, 3):
        engine.make_due(conn)
        assert engine.take_one(conn)["attempt"] == attempt
        engine.expire_leases(conn)
    engine.sweep(conn)
    engine.make_due(conn)
    assert take(conn) == []
    info = engine.one(conn, "job", job_id=job_id)
    assert (info["state"], info["dead_reason"], info["crashes"]) == ("dead", "crash_loop", 3)


def a_crash_counts_as_an_attempt(connect: Connect) -> None:
    conn = connect()
    job_id = submit(conn, retry=engine.AT_ONCE, max_attempts=2)
    for _ in range(2):
        engine.make_due(conn)
        engine.take_one(conn)
        engine.expire_leases(conn)
    engine.sweep(conn)
    info = engine.one(conn, "job", job_id=job_id)
    assert (info["state"], info["dead_reason"]) == ("dead", "attempts_exhausted")


def a_repeated_complete_is_refused_and_leaves_nothing(connect: Connect) -> None:
    """Promise 4: the transaction has committed, its reply was lost, and it is run again."""
    conn = connect()
    conn.execute("create table effect (job_id uuid)")
    submit(conn)
    work = engine.take_one(conn)
    answers = []
    for _ in range(2):
        try:
            with transaction(conn):
                conn.execute("insert into effect values (%s)", (work["job_id"],))
                complete(conn, work)
            answers.append("done")
        except psycopg.Error as error:
            answers.append(error.sqlstate or "?")
    assert answers == ["done", "LH018"]
    assert scalar(conn, "select count(*) from effect") == 1
