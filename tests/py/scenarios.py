"""Races, stepped one call at a time: plain functions that raise where the engine breaks a promise.

Each is run twice: by test_races_*.py against the engine as it is, where it must pass, and by
test_mutations.py against an engine from which the lock or the check was taken, where it must not.
Sessions are stepped until the server reports the lock they wait for; nothing here sleeps.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

import engine
from conftest import Connect, Connection
from engine import PATIENCE, complete, does_not_wait, lease_of, scalar, submit, take, transaction
from support import background, eventually, pid, refused, value, wait_until_blocked

Scenario = Callable[[Connect], None]


def _two_of_a_key(conn: Connection, key: str = "k") -> tuple[UUID, UUID]:
    """Two jobs of one key and two needs (x, y), both of which are offered to claimers."""
    return submit(conn, "x", singleton_key=key), submit(conn, "y", singleton_key=key)


# --- trap 1: check-then-act on a key ----------------------------------------------------------


def a_claimer_passes_by_a_key_that_another_claimer_is_taking(connect: Connect) -> None:
    a, b = connect(), connect(options=PATIENCE)
    _two_of_a_key(a)
    other = submit(a, "y", singleton_key="other")
    with transaction(a):
        assert len(take(a, "x")) == 1
        with does_not_wait("get_work"):
            found = [w["job_id"] for w in take(b, "y", n=5)]
        assert found == [other], "the conflict costs that one job its turn, never the batch"
    assert take(b, "y") == []
    engine.check(b)


def a_claimer_sees_a_lease_that_was_committed_before_it_took_the_key(connect: Connect) -> None:
    a = connect()
    _two_of_a_key(a)
    other = submit(a, "y")
    assert len(take(a, "x")) == 1
    assert [w["job_id"] for w in take(a, "y", n=5)] == [other]
    engine.check(a)


def one_batch_takes_one_job_of_a_key(connect: Connect) -> None:
    a = connect()
    _two_of_a_key(a)
    other = submit(a, "y")
    found = take(a, n=10)
    assert len(found) == 2, f"{len(found)} of three jobs, two of them of one key"
    assert other in [w["job_id"] for w in found]
    engine.check(a)


def what_upkeep_lets_in_meets_the_keys_of_the_batch(connect: Connect) -> None:
    """get_work looks twice, with upkeep in between: the second look must know of the first."""
    a = connect()
    submit(a, "x", singleton_key="k", priority=100)
    submit(
        a, "x", singleton_key="k", priority=50, available_at=scalar(a, "select now() + '1 hour'")
    )
    engine.hurry(a)
    engine.upkeep_is_done(a)
    assert len(take(a, n=5)) == 1
    engine.check(a)
    assert len(engine.drain_held(a)) == 1


def what_upkeep_admits_meets_the_keys_of_the_batch(connect: Connect) -> None:
    """As above, where upkeep admits a parked job of the key to another need."""
    a = connect()
    holder = submit(a, "x", singleton_key="k")
    work = engine.take_one(a, "x")
    submit(a, "x", singleton_key="k")
    submit(a, "y", singleton_key="k")
    assert work["job_id"] == holder
    with transaction(a, "repeatable read"):
        complete(a, work)  # leaves a note for the key
    submit(a, "w", singleton_key="k")
    engine.upkeep_is_done(a)
    assert len(take(a, n=5)) == 1
    engine.check(a)
    assert len(engine.drain_held(a)) == 2


def an_old_snapshot_cannot_lease_a_key_that_was_leased_since(connect: Connect) -> None:
    for isolation in ("repeatable read", "serializable"):
        a, b = connect(), connect()
        _two_of_a_key(a, isolation)
        try:
            with transaction(b, isolation):
                assert len(take(a, "x")) == 1
                found = take(b, "y")
        except psycopg.errors.SerializationFailure:
            found = []
        engine.check(a)
        assert found == [], f"{isolation}: two leases of one key"
        assert take(b, "y") == []


# What anybody could compute before, and what pg_locks shows: each in both shapes of an advisory lock.
_LOCKS = """
select hashtextextended(name, hashtextextended('leasehold', 0))
from unnest(array['', 'k', 'markx', E'front\nm.%']) as n (name)
union all
select _advisory_lock_key(kind, name)
from (values ('upkeep', ''), ('watermark', 'x'), ('lane_cache', E'\nm.%')) as n (kind, name)
"""


@contextlib.contextmanager
def _held_by_a_stranger(connect: Connect) -> Iterator[None]:
    """A login without any grant holds all those locks, for as long as it likes."""
    stranger = connect()
    role = f"leasehold_stranger_{uuid4().hex[:8]}"
    locks = [row[0] for row in stranger.execute(_LOCKS).fetchall()]
    stranger.execute(f"create role {role}")
    try:
        stranger.execute(f"set session authorization {role}")
        for lock in locks:
            stranger.execute("select pg_advisory_lock(%s)", (lock,))
        yield
    finally:
        stranger.execute("reset session authorization")
        stranger.execute(f"drop role {role}")
        stranger.close()


def a_stranger_cannot_hold_a_key(connect: Connect) -> None:
    a = connect()
    with _held_by_a_stranger(connect):
        for need in ("x", "x", "y"):
            submit(a, need, singleton_key="k")
        for _ in range(3):
            complete(a, engine.take_one(a, "x", "y"))
    engine.check(a, drained=True)


def a_stranger_cannot_keep_marks_where_they_are(connect: Connect) -> None:
    a = connect()
    _noted(a)
    a.execute(_CLAIMS)
    with _held_by_a_stranger(connect):
        assert _calls(a, "_refresh_watermark", age="2 s") == [1]
        assert scalar(a, f"select clock_timestamp() - noted_at < '1 s' {_NEWEST}"), "not moved"


def a_stranger_cannot_keep_a_front_where_it_is(connect: Connect) -> None:
    a = connect()
    newest = "select coalesce(max(cache_id), 0), count(*) from ahead right join lane_cache on true"
    with _held_by_a_stranger(connect):
        for n in range(5):
            submit(a, f"m.{n}")
            a.execute("update lane_cache set noted_at = clock_timestamp() - interval '2 s'")
            before = scalar(a, newest)
            assert len(take(a, "m.%")) == 1
            assert scalar(a, newest) > before, "no front is noted"


def a_stranger_cannot_keep_upkeep_from_being_done(connect: Connect) -> None:
    a = connect()
    with _held_by_a_stranger(connect):
        for ticks in (
            "delete from maintenance_horizon",  # the very first
            "insert into maintenance_horizon (at) values (clock_timestamp() - interval '2 s')",
            "insert into maintenance_horizon (at) values (clock_timestamp() + interval '1 h')",  # a clock set back
        ):
            a.execute("insert into maintenance_horizon (at) values (clock_timestamp())")
            assert not scalar(a, "select _maybe_run_maintenance(_now())")
            a.execute(ticks)
            assert scalar(a, "select _maybe_run_maintenance(_now())"), ticks


def a_rear_that_is_gone_is_made_up_anew(connect: Connect) -> None:
    """Two who move a front at once, one because the other takes too long, may leave it without."""
    a = connect()
    for need in range(240):
        submit(a, f"m.{need}")
    engine.move_marks(a, "m.%")
    assert scalar(a, "select count(*) from lane_cache_rest") > 0
    first = "select job_id from job join (select unnest(needs) as need from lane_cache) as f on need = next_need"
    jobs = {row["job_id"] for row in engine.query(a, first)}
    assert 0 < len(jobs) < 240
    a.execute("delete from ready where job_id = any (%s)", (list(jobs),))
    a.execute("delete from lane_cache_rest")
    engine.move_marks(a, "m.%")
    assert len(take(a, "m.%", n=240)) == 240 - len(jobs)


def a_statement_that_ends_many_keyed_jobs_holds_few_locks(connect: Connect) -> None:
    """Locks are in memory of a fixed size, for all sessions of the server together."""
    a, b = connect(), connect()
    jobs = [{"next_need": "x", "singleton_key": f"k{n}"} for n in range(800)]
    engine.submit_many(a, jobs)
    take(a, "x", n=1000)
    engine.submit_many(a, jobs)
    a.execute("begin")
    a.execute("select count(complete(job_id, lease_id)) from leased")
    assert scalar(b, "select count(*) from pg_locks where pid = %s", a.info.backend_pid) < 200
    a.execute("commit")
    assert len(engine.drain(a)) == 800


def a_statement_that_claims_of_many_needs_holds_few_locks(connect: Connect) -> None:
    a = connect()
    engine.submit_many(a, [{"next_need": f"n{n}"} for n in range(600)])
    with transaction(a):
        claims = "select count(*) from generate_series(0, 599) as n cross join lateral get_work('w', array['n' || n])"
        assert scalar(a, claims) == 600
        held = (
            "select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'"
        )
        assert 100 < scalar(a, held) < 300


def a_slot_of_keys_that_is_missing_is_restored(connect: Connect) -> None:
    """Missing is neither free nor locked for ever, and nobody waits for who restores it."""
    a, b, c = connect(), connect(options=PATIENCE), connect()
    _two_of_a_key(a)
    other = submit(a, "y", singleton_key="other")
    a.execute("truncate key_slot")
    with transaction(a):
        work = engine.take_one(a, "x")
        with does_not_wait("get_work"):
            assert [w["job_id"] for w in take(b, "y", n=5)] == [other]
        assert take(b, "y", n=5) == []
    assert take(b, "y") == []
    complete(c, work)
    assert len(take(b, "y")) == 1
    engine.check(a)


def the_next_of_a_key_is_not_lost_when_it_comes_while_the_holder_ends(connect: Connect) -> None:
    holder, producer, looker = connect(), connect(), connect(options=PATIENCE)
    submit(holder, "x", singleton_key="k")
    work = engine.take_one(holder)
    with transaction(producer):
        submit(producer, "x", singleton_key="k")  # parked: the key is busy
        with transaction(holder):
            complete(holder, work)  # sees nobody to admit
            producer.execute("commit")
            with does_not_wait("sweep"):
                engine.sweep(looker, 2)  # still sees the lease
        producer.execute("begin")
    assert len(engine.drain(looker)) == 1


def the_end_of_a_job_does_not_wait_for_who_admits_to_its_key(connect: Connect) -> None:
    """A sweep that is at a key, in an open transaction, delays neither the end of the holder nor
    the key's next job for longer than it is open."""
    holder, sweeper = connect(options=PATIENCE), connect()
    submit(holder, "x", singleton_key="k")
    work = engine.take_one(holder)
    submit(holder, "x", singleton_key="k")  # parked, with a note
    with transaction(sweeper):
        engine.sweep(sweeper)
        with does_not_wait("complete"):
            complete(holder, work)
    assert len(engine.drain(holder)) == 1


def a_key_is_free_for_whom_an_open_claim_only_passed_by(connect: Connect) -> None:
    """A claim that found a key busy got nothing of it: while its transaction idles, the key goes on
    (promise 10: an idle transaction delays only its own)."""
    holder, idler, worker = connect(), connect(), connect(options=PATIENCE)
    _two_of_a_key(holder)
    work = engine.take_one(holder, "x")
    submit(holder, "z", singleton_key="k")
    submit(holder, "y")
    engine.work_off_notes(holder)
    engine.upkeep_is_done(holder)
    with transaction(idler):
        assert len(take(idler, "y")) == 1
        complete(holder, work)
        engine.sweep(worker, 2)
        assert len(take(worker, "z")) == 1, "the key is held by a transaction that has none of it"


def the_head_of_a_key_that_is_locked_does_not_lock_the_key(connect: Connect) -> None:
    """Somebody idles in a transaction about the next job of a key: the one after it goes."""
    holder, idler, worker = connect(options=PATIENCE), connect(), connect(options=PATIENCE)
    submit(holder, "x", singleton_key="k")
    work = engine.take_one(holder)
    head = submit(holder, "x", singleton_key="k")
    second = submit(holder, "x", singleton_key="k")
    with transaction(idler):
        value(idler, "cancel", job_id=head, actor="t")
        with does_not_wait("complete"):
            complete(holder, work)
        with does_not_wait("get_work"):
            engine.sweep(worker, 2)
            found = [w["job_id"] for w in take(worker)]
        assert found == [second]
    engine.check(worker)


# --- trap 2: lost wake-ups --------------------------------------------------------------------


def a_job_submitted_while_what_it_waits_for_completes_is_freed(connect: Connect) -> None:
    producer, worker, other = connect(), connect(options=PATIENCE), connect(options=PATIENCE)
    submit(worker)
    work = engine.take_one(worker)
    with transaction(producer):
        late = submit(producer, wait_for=[work["job_id"]])
        with does_not_wait("complete"):
            complete(worker, work)
        with does_not_wait("get_work"):
            assert take(other) == []
    assert engine.drain(other) == [late]


def a_job_submitted_while_an_end_is_under_way_is_freed(connect: Connect) -> None:
    """The end has looked for dependents and found none, and commits after many looks at the new
    dependent: the note about it must outlive the end."""
    worker, looker = connect(), connect(options=PATIENCE)
    submit(looker)
    work = engine.take_one(worker)
    with transaction(worker):
        complete(worker, work)
        with does_not_wait("submit"):
            late = submit(looker, wait_for=[work["job_id"]])
        with does_not_wait("sweep"):
            engine.sweep(looker, 5)
        assert take(looker) == []
    assert engine.drain(looker) == [late]


def a_look_from_an_old_transaction_does_not_drop_the_note(connect: Connect) -> None:
    """The looker's transaction began before the end did: its id proves nothing."""
    worker, looker, old = connect(), connect(options=PATIENCE), connect()
    submit(looker)
    work = engine.take_one(worker)
    with transaction(old):
        old.execute("select pg_current_xact_id()")
        with transaction(worker):
            complete(worker, work)
            late = submit(looker, wait_for=[work["job_id"]])
            engine.hurry(looker)
            value_of_sweep = engine.rows(old, "sweep")
            assert value_of_sweep
            old.execute("commit")
            engine.sweep(looker, 5)
        old.execute("begin")
    assert engine.drain(looker) == [late]


def a_reschedule_behind_a_job_that_ends_meanwhile_is_freed(connect: Connect) -> None:
    worker, mover, looker = connect(), connect(), connect(options=PATIENCE)
    submit(looker, "x")
    submit(looker, "y")
    ending, moving = engine.take_one(worker, "x"), engine.take_one(mover, "y")
    with transaction(worker):
        complete(worker, ending)
        engine.one(mover, "reschedule", **lease_of(moving), wait_for=[ending["job_id"]])
        engine.sweep(looker, 5)
    assert engine.drain(looker) == [moving["job_id"]]


def two_last_parents_that_end_at_once_free_their_child(connect: Connect) -> None:
    one, two, looker = connect(options=PATIENCE), connect(options=PATIENCE), connect()
    parents = [submit(looker, "x"), submit(looker, "y")]
    child = submit(looker, "z", wait_for=parents)
    engine.work_off_notes(looker)
    first, second = engine.take_one(one, "x"), engine.take_one(two, "y")
    with transaction(one), transaction(two):
        complete(one, first)
        with does_not_wait("complete"):
            complete(two, second)
    assert engine.drain(looker) == [child]


def an_end_above_read_committed_frees_an_edge_it_cannot_see(connect: Connect) -> None:
    for isolation in ("repeatable read", "serializable"):
        worker, looker = connect(), connect()
        submit(looker)
        work = engine.take_one(looker)
        ended = False
        with transaction(worker, isolation):
            late = submit(looker, wait_for=[work["job_id"]])
            engine.sweep(looker, 3)  # the new edge's own note is done with
            try:
                complete(worker, work)
                ended = True
            except psycopg.errors.SerializationFailure:
                worker.execute("rollback")
                worker.execute("begin")
        if not ended:
            complete(worker, work)
        assert engine.drain(looker) == [late], isolation


def _done(*works: engine.Work) -> list[dict[str, object]]:
    return [lease_of(work) | {"verb": "complete"} for work in works]


def a_batch_above_read_committed_frees_an_edge_it_cannot_see(connect: Connect) -> None:
    for isolation in ("repeatable read", "serializable"):
        worker, looker = connect(), connect()
        submit(looker), submit(looker)
        works = take(looker, n=2)
        ended = False
        with transaction(worker, isolation):
            late = submit(looker, wait_for=[works[0]["job_id"]])
            engine.sweep(looker, 3)  # the new edge's own note is done with
            try:
                engine.settle(worker, _done(*works))
                ended = True
            except psycopg.errors.SerializationFailure:
                worker.execute("rollback")
                worker.execute("begin")
        if not ended:
            engine.settle(worker, _done(*works))
        assert engine.drain(looker) == [late], isolation


def an_end_that_looked_before_an_edge_committed_is_waited_for(connect: Connect) -> None:
    """The statement that ends has its snapshot, and nothing more, when the edge commits: the note
    of the edge must outlive it all the same. A trigger of the test's own stops it there."""
    conn, gate, worker, producer = connect(), connect(), connect(), connect()
    conn.execute(
        """
        create function wait() returns trigger language plpgsql as $wait$
        begin
            perform pg_advisory_xact_lock_shared(4711);
            return null;
        end
        $wait$;
        create trigger wait before delete on leased for each statement execute function wait()
        """
    )
    ends: list[tuple[int, Callable[[list[engine.Work]], object]]] = [
        (1, lambda works: complete(worker, works[0])),
        (1, lambda works: engine.settle(worker, _done(*works))),
        (2, lambda works: engine.settle(worker, _done(*works))),
    ]
    for count, end in ends:
        for _ in range(count):
            submit(conn)
        works = take(conn, n=count)
        with transaction(gate):
            gate.execute("select pg_advisory_xact_lock(4711)")
            ending = background(lambda: end(works))  # noqa: B023
            wait_until_blocked(conn, worker)
            late = submit(producer, wait_for=[works[0]["job_id"]])
            engine.sweep(conn, 5)
        ending.result(timeout=20)
        assert engine.drain(conn) == [late]


def a_batch_frees_what_waits_and_admits_to_its_keys(connect: Connect) -> None:
    conn = connect()
    for key in ("k", "l"):
        submit(conn, singleton_key=key)
    submit(conn)
    works = take(conn, n=3)
    next_of = {submit(conn, "y", singleton_key=key) for key in ("k", "l")}
    behind = submit(conn, "y", wait_for=[work["job_id"] for work in works])
    engine.work_off_notes(conn)
    engine.settle(conn, _done(*works))
    found = {w["job_id"] for w in engine.query(conn, "select job_id from job where not parked")}
    assert found == next_of | {behind}
    assert engine.state(conn, behind) == "ready"
    assert set(engine.drain(conn)) == found


def a_submit_above_read_committed_behind_a_job_that_ended_unseen_is_freed(
    connect: Connect,
) -> None:
    for isolation in ("repeatable read", "serializable"):
        producer, looker = connect(), connect()
        submit(looker)
        work = engine.take_one(looker)
        late = None
        try:
            with transaction(producer, isolation):
                complete(looker, work)
                late = submit(producer, wait_for=[work["job_id"]])
        except psycopg.errors.SerializationFailure:
            late = submit(producer, wait_for=[work["job_id"]])
        assert engine.drain(looker) == [late], isolation


def a_fleet_above_read_committed_frees_what_waits(connect: Connect) -> None:
    """Nobody ever comes at READ COMMITTED: dependents and keys must go on all the same."""
    for isolation in ("repeatable read", "serializable"):
        conn = connect()
        conn.execute(f"set default_transaction_isolation = '{isolation}'")
        first = submit(conn, singleton_key=isolation)
        child = submit(conn, wait_for=[first])
        second = submit(conn, singleton_key=isolation)
        order = engine.drain(conn)
        assert set(order) == {first, child, second}, isolation


def an_old_snapshot_does_not_lose_the_last_edge(connect: Connect) -> None:
    """Upkeep above READ COMMITTED frees one edge of a job and cannot see that the other is gone."""
    for isolation in ("repeatable read", "serializable"):
        idler, old, conn = connect(), connect(), connect()
        parents = [submit(conn, "x"), submit(conn, "y")]
        child = submit(conn, "z", wait_for=parents)
        engine.work_off_notes(conn)
        first, second = engine.take_one(conn, "x"), engine.take_one(conn, "y")
        with transaction(idler):
            idler.execute("select 1 from job where job_id = %s for update", (child,))
            complete(conn, second)  # leaves a note for the child
        engine.hurry(conn)
        try:
            with transaction(old, isolation):
                complete(conn, first)
                engine.rows(old, "sweep")
        except psycopg.errors.SerializationFailure:
            pass
        assert engine.drain(conn) == [child], isolation


def a_dependent_that_is_locked_is_freed_later(connect: Connect) -> None:
    """Whoever idles in a transaction about the dependent delays that dependent and nobody else."""
    worker, idler, looker = connect(options=PATIENCE), connect(), connect()
    parent = submit(looker, "x")
    held, free = (submit(looker, "y", wait_for=[parent]) for _ in range(2))
    engine.work_off_notes(looker)
    work = engine.take_one(worker, "x")
    with transaction(idler):
        idler.execute("select 1 from job where job_id = %s for update", (held,))
        with does_not_wait("complete"):
            complete(worker, work)
        with does_not_wait("sweep"):
            engine.one(worker, "sweep")
        assert [w["job_id"] for w in take(worker, "y", n=5)] == [free]
    assert engine.drain_held(looker) == [held]


def an_end_that_many_wait_for_and_other_notes_do_not_keep_each_other_waiting(
    connect: Connect,
) -> None:
    """A sweep of twenty frees ten of them, and one that was locked when its own parent ended."""
    conn, idler = connect(), connect()
    wide, narrow, open_ = submit(conn, "wide"), submit(conn, "narrow"), submit(conn, "open")
    held = submit(conn, "held", wait_for=[narrow])
    engine.work_off_notes(conn)
    engine.upkeep_is_done(conn)
    many = engine.submit_many(conn, [{"next_need": "many", "wait_for": [wide]}] * 120)
    engine.submit_many(conn, [{"next_need": "still", "wait_for": [open_]}] * 40)
    with transaction(idler):
        idler.execute("select 1 from job where job_id = %s for update", (held,))
        complete(conn, engine.take_one(conn, "narrow"))
    complete(conn, engine.take_one(conn, "wide"))
    # oldest first: the one for the job that was locked, those of jobs that wait still, the end
    conn.execute(
        """
        update deferred set due_at = clock_timestamp() + case
            when kind = 'dependency' then interval '-3 min'
            when kind = 'ended' then interval '-1 min'
            when job_id = any (%s) then interval '1 hour'
            else interval '-2 min' end
        """,
        (many,),
    )
    engine.one(conn, "sweep", limit_jobs=20)
    ready = conn.execute("select next_need, count(*) from ready group by 1").fetchall()
    assert dict(ready) == {"open": 1, "held": 1, "many": 10}
    conn.execute("update deferred set due_at = clock_timestamp()")
    assert len(engine.drain_held(conn)) == 162


def a_redriven_job_tells_a_dependent_that_was_locked(connect: Connect) -> None:
    worker, idler, looker = connect(options=PATIENCE), connect(), connect()
    parent = submit(looker, "x", max_attempts=1)
    child = submit(looker, "y", wait_for=[parent], on_dependency_failure="cascade")
    engine.work_off_notes(looker)
    engine.one(worker, "fail", **lease_of(engine.take_one(worker, "x")), error="no")
    engine.work_off_notes(looker)
    assert engine.state(looker, child) == "dead"
    with transaction(idler):
        idler.execute("select 1 from job where job_id = %s for update", (child,))
        with does_not_wait("redrive"):
            engine.one(worker, "redrive", job_id=parent, actor="t")
    engine.sweep(looker, 2)
    assert engine.state(looker, child) == "blocked"
    assert engine.drain(looker) == [parent, child]


# --- trap 3: deadlocks and circles ------------------------------------------------------------


def ends_with_crossed_dependents_neither_wait_nor_deadlock(connect: Connect) -> None:
    one, two, looker = (connect(options=PATIENCE) for _ in range(3))
    parents = [submit(looker, f"p{n}") for n in range(4)]
    left = submit(looker, "c", wait_for=[parents[0], parents[3]])
    right = submit(looker, "c", wait_for=[parents[1], parents[2]])
    works = [engine.take_one(looker, f"p{n}") for n in range(4)]
    with transaction(one), transaction(two), does_not_wait("complete"):
        complete(one, works[0])  # left
        complete(two, works[2])  # right
        complete(one, works[1])  # right
        complete(two, works[3])  # left
    assert set(engine.drain(looker)) == {left, right}


def two_reschedules_cannot_close_a_circle_at_once(connect: Connect) -> None:
    one, two = connect(), connect()
    a, b = submit(one, "x"), submit(one, "x")
    with transaction(one):
        engine.one(one, "reschedule_unheld", job_id=a, actor="t", wait_for=[b])
        with refused("40001"):
            engine.one(two, "reschedule_unheld", job_id=b, actor="t", wait_for=[a])
    with refused("LH004"):
        engine.one(two, "reschedule_unheld", job_id=b, actor="t", wait_for=[a])
    assert engine.drain(one) == [b, a]


def an_old_snapshot_cannot_close_a_circle(connect: Connect) -> None:
    for isolation in ("repeatable read", "serializable"):
        one, two = connect(), connect()
        a, b = submit(one, "x"), submit(one, "x")
        with refused("40001"):
            with transaction(two, isolation):
                engine.one(one, "reschedule_unheld", job_id=a, actor="t", wait_for=[b])
                engine.one(two, "reschedule_unheld", job_id=b, actor="t", wait_for=[a])
        assert engine.drain(one) == [b, a]


def two_batches_of_the_same_jobs_in_reverse_order_do_not_deadlock(connect: Connect) -> None:
    one, two, holder, conn = (connect() for _ in range(4))
    ids = [UUID(int=uuid4().int >> 8 | n << 120) for n in range(4)]
    for job_id in ids:
        submit(conn, "x", job_id=job_id)
    works = {w["job_id"]: lease_of(w) | {"verb": "complete"} for w in take(conn, n=4)}
    low, high, first, second = (works[job_id] for job_id in ids)
    with transaction(holder):
        holder.execute("select 1 from job where job_id = any (%s) for update", (ids[2:],))
        forth = background(lambda: engine.settle(one, [low, first, high], strict=False))
        wait_until_blocked(conn, one)
        back = background(lambda: engine.settle(two, [high, second, low], strict=False))
        wait_until_blocked(conn, two)
    answers = forth.result(timeout=20) + back.result(timeout=20)
    assert [a["ok"] for a in answers].count(True) == 4
    assert {a["error_code"] for a in answers} == {None, "LH018"}


def two_mixed_batches_of_the_same_jobs_in_reverse_order_do_not_deadlock(connect: Connect) -> None:
    """As above, where not all elements are completes: nothing is ended before all is locked."""
    one, two, holder, conn = (connect() for _ in range(4))
    ids = [UUID(int=uuid4().int >> 8 | n << 120) for n in range(4)]
    for job_id in ids:
        submit(conn, "x", job_id=job_id)
    works = {w["job_id"]: lease_of(w) | {"verb": "complete"} for w in take(conn, n=4)}
    low, high, first, second = (works[job_id] for job_id in ids)
    with transaction(holder):
        holder.execute("select 1 from job where job_id = any (%s) for update", (ids[2:],))
        forth = background(
            lambda: engine.settle(one, [low | {"verb": "fail"}, first, high], strict=False)
        )
        wait_until_blocked(conn, one)
        back = background(
            lambda: engine.settle(two, [high | {"verb": "fail"}, second, low], strict=False)
        )
        wait_until_blocked(conn, two)
    answers = forth.result(timeout=20) + back.result(timeout=20)
    assert [a["ok"] for a in answers].count(True) == 4


def a_batch_of_completes_locks_in_the_order_of_a_mixed_one(connect: Connect) -> None:
    """By their ids both, not as the rows happen to lie."""
    one, two, holder, conn = (connect() for _ in range(4))
    ids = [UUID(int=uuid4().int >> 8 | n << 120) for n in range(4)]
    for job_id in reversed(ids):
        submit(conn, "x", job_id=job_id)
    claimed = [engine.take_one(conn) for _ in ids]
    low, first, second, high = (lease_of(w) | {"verb": "complete"} for w in reversed(claimed))
    with transaction(holder):
        holder.execute("select 1 from job where job_id = any (%s) for update", (ids[1:3],))
        forth = background(lambda: engine.settle(one, [low, first, high], strict=False))
        wait_until_blocked(conn, one)
        mixed = [high | {"verb": "fail"}, second, low]
        back = background(lambda: engine.settle(two, mixed, strict=False))
        wait_until_blocked(conn, two)
    answers = forth.result(timeout=20) + back.result(timeout=20)
    assert [a["error_code"] for a in answers] == [None, None, None, "LH008", None, "LH018"]


def two_batches_of_the_same_keys_in_reverse_order_do_not_deadlock(connect: Connect) -> None:
    """submit_many takes idempotency keys and given ids: two batches must not wait crosswise."""
    one, two, holder, conn = (connect() for _ in range(4))
    ids = [UUID(int=uuid4().int >> 8 | n << 120) for n in range(4)]
    for what in ("idempotency_key", "job_id"):
        low, high, first, second = ({"next_need": "x", what: str(v)} for v in ids)
        with transaction(holder):
            engine.submit_many(holder, [first, second])
            forth = background(lambda: engine.submit_many(one, [low, first, high]))  # noqa: B023
            wait_until_blocked(conn, one)
            back = background(lambda: engine.submit_many(two, [high, second, low]))  # noqa: B023
            wait_until_blocked(conn, two)
            holder.execute("rollback")
            holder.execute("begin")
        errors = [f.exception(timeout=20) for f in (forth, back)]
        for error in errors:
            assert error is None or getattr(error, "sqlstate", "") == "LH005", (
                f"{what}: {type(error).__name__}: {error}"
            )


def nobody_waits_for_an_idle_claim(connect: Connect) -> None:
    """Every public way round a job, while another transaction holds claims and ends of others."""
    idler, other = connect(), connect(options=PATIENCE)
    for n in range(6):
        submit(other, "x", singleton_key=f"k{n % 2}")
    ending = engine.take_one(other, "x")
    for n in range(70):  # more ticks than are kept
        other.execute(
            "insert into maintenance_horizon (at) values (clock_timestamp() - interval '1 h')"
        )
        if scalar(other, "select max(horizon_id) % 64 from maintenance_horizon") == 0 and n >= 1:
            break
    with transaction(idler):
        complete(idler, ending)
        assert len(take(idler, n=1)) == 1
        submit(idler, "new", idempotency_key="idler", wait_for=[submit(idler, "new")])
        engine.rows(idler, "sweep")
        with does_not_wait("get_work"):
            for _ in range(3):
                take(other)
        with does_not_wait("submit"):
            mine = submit(other, "new", singleton_key="k0", idempotency_key="mine")
            submit(other, "new", wait_for=[mine])
        with does_not_wait("sweep"):
            engine.one(other, "sweep")
        with does_not_wait("cancel"):
            value(other, "cancel", job_id=mine, actor="t")
    engine.drain_held(other)


def two_sweeps_do_not_wait_for_each_other(connect: Connect) -> None:
    """Not even for what they clear away: waiters that are over, doubles of needs, old ticks."""
    idler, other = connect(), connect(options=PATIENCE)
    other.execute(
        "insert into waiter (channel, stem, until)"
        " select 'c' || n, 'x', clock_timestamp() - interval '1 day' from generate_series(1, 5) n"
    )
    other.execute(
        "insert into lane (next_need, priority, stems, opened_at)"
        " select 'x', 100, '{}', now() from generate_series(1, 5)"
    )
    with transaction(idler):
        engine.rows(idler, "sweep")
        with does_not_wait("sweep"):
            engine.one(other, "sweep")


def upkeep_by_the_way_does_not_wait_for_upkeep_by_another(connect: Connect) -> None:
    """get_work trims the ticks it leaves: two at the same count must not wait for each other."""
    idler, other = connect(), connect(options=PATIENCE)
    for _ in range(4):
        submit(other)
    while scalar(
        other,
        "insert into maintenance_horizon (at) values (clock_timestamp() - interval '1 h') returning horizon_id % 64",
    ):
        pass
    with transaction(idler):
        take(idler)
        with does_not_wait("get_work"):
            assert len(take(other)) == 1


# --- trap 4: limits ---------------------------------------------------------------------------


def a_claim_takes_no_more_than_it_asked_for(connect: Connect) -> None:
    conn, other = connect(), connect()
    for setting in ("", "enable_nestloop", "enable_hashjoin", "enable_material", "enable_sort"):
        if setting:
            conn.execute(f"set {setting} = off")
        for need in ("x", "y"):
            engine.submit_many(conn, [{"next_need": f"{need}{n % 3}"} for n in range(120)])
        for n in (1, 3, 7):
            for capabilities in (["x0"], ["x0", "x1", "y2"], ["%"]):
                found = take(conn, *capabilities, n=n)
                assert len({w["job_id"] for w in found}) == n, f"{len(found)} jobs for {n}"
        held = scalar(conn, "select count(*) from job where state = 'leased'")
        assert held == 33
        engine.drain_held(other)


def a_claim_skips_what_is_locked(connect: Connect) -> None:
    idler, worker = connect(), connect(options=PATIENCE)
    for capabilities in (["x"], ["x", "y"]):
        first, second = submit(idler, "x"), submit(idler, "x")
        with transaction(idler):
            idler.execute("select 1 from job where job_id = %s for no key update", (first,))
            with does_not_wait("get_work"):
                found = [w["job_id"] for w in take(worker, *capabilities, n=5)]
            assert found == [second]
        engine.drain_held(worker)


def a_claim_by_fresh_marks_skips_what_is_locked(connect: Connect) -> None:
    """The short way that nearly every claim takes, of a need with one lane and of one with two."""
    idler, worker = connect(), connect(options=PATIENCE)
    submit(idler, "y", priority=50)
    engine.drain_held(worker)
    for need in ("x", "y") * 5:
        first, second = submit(idler, need), submit(idler, need)
        with transaction(idler):
            idler.execute("select 1 from job where job_id = %s for no key update", (first,))
            engine.move_marks(worker, need)
            with does_not_wait("get_work"):
                found = [w["job_id"] for w in take(worker, need)]
            assert found == [second]
        engine.drain_held(worker)


def a_claim_that_came_too_late_does_not_hold_the_job(connect: Connect) -> None:
    """A claimer saw a job that another one leased before it got there: it must not keep the lock
    that it took to find out. A barrier in the claim's own look makes the moment."""
    late, worker, holder, conn = connect(), connect(options=PATIENCE), connect(), connect()
    conn.execute(
        """
        create function leasehold._barrier() returns boolean language plpgsql volatile as $$
        begin
            if current_setting('test.barrier', true) = 'on' then
                perform pg_advisory_xact_lock_shared(4711);
            end if;
            return true;
        end $$
        """
    )
    for function, last in (
        ("_claim_one", "and r.number >= l.number"),
        ("_claim_one", "and r.number >= watermark.numbers[1]"),
        ("_lock_candidates", "and j.job_id <> all (but)"),
    ):
        definition: str = scalar(conn, "select pg_get_functiondef(%s::regproc)", function)
        assert last in definition
        conn.execute(definition.replace(last, f"{last} and _barrier()", 1))
    # by fresh marks of one lane, and of two; by the long way
    for need, lanes, n in (("x", (100,), 1), ("y", (100, 50), 1), ("z", (100,), 2)):
        for priority in lanes:
            submit(conn, need, priority=priority)
        engine.drain_held(conn)
        first, second = submit(conn, need), submit(conn, need)
        engine.upkeep_is_done(conn)
        engine.move_marks(conn, need)
        late.execute("set test.barrier = on")
        holder.execute("select pg_advisory_lock(4711)")
        late.execute("begin")
        call = background(lambda: take(late, need, n=n))  # noqa: B023
        wait_until_blocked(conn, late)
        work = engine.take_one(worker, need)
        assert work["job_id"] == first
        holder.execute("select pg_advisory_unlock(4711)")
        assert [w["job_id"] for w in call.result(timeout=20)] == [second]
        with does_not_wait("complete"):
            complete(worker, work)
        late.execute("commit")


def who_comes_from_outside_waits_for_the_grant_and_sees_it(connect: Connect) -> None:
    """cancel and the unheld functions, called while the job is being leased."""
    claimer, outsider, conn = connect(), connect(), connect()
    calls: list[tuple[str, dict[str, object], str]] = [
        ("cancel", {}, ""),
        ("complete_unheld", {}, "LH009"),
        ("fail_unheld", {"error": "x"}, "LH009"),
        ("reschedule_unheld", {}, "LH009"),
        ("redrive", {}, "LH009"),
    ]
    for function, arguments, code in calls:
        job_id = submit(conn)
        with transaction(claimer):
            work = engine.take_one(claimer)
            call = background(
                lambda: engine.rows(outsider, function, job_id=job_id, actor="t", **arguments)  # noqa: B023
            )
            wait_until_blocked(conn, outsider)
        if code:
            with refused(code):
                call.result(timeout=20)
        else:
            assert call.result(timeout=20) == [{"cancel": "leased"}]
        complete(conn, work)
    engine.check(conn, drained=True)


# --- traps 5 and 6: clocks and unfenced ends --------------------------------------------------


def a_lease_is_counted_from_the_call(connect: Connect) -> None:
    """Not from the start of the transaction: a lease taken late in a long one is not born over."""
    conn = connect()
    submit(conn)
    with transaction(conn):
        engine.until_over(conn, "now() + interval '50 ms'")
        work = engine.take_one(conn, lease="50 ms")
        assert scalar(conn, "select %s > now() + interval '100 ms'", work["lease_expires_at"])


def a_stale_lease_changes_nothing(connect: Connect) -> None:
    """Promise 3, verb by verb, after the job was taken away and leased to somebody else."""
    conn = connect()
    submit(conn, retry=engine.AT_ONCE, max_attempts=9)
    stale = lease_of(engine.take_one(conn))
    engine.run_out(conn)
    engine.sweep(conn)
    engine.hurry(conn)
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
    """Promise 3, among others that are current: somebody else has the job by now."""
    conn = connect()
    submit(conn, retry=engine.AT_ONCE, max_attempts=9)
    stale = engine.take_one(conn)
    engine.run_out(conn)
    engine.sweep(conn)
    engine.hurry(conn)
    current = engine.take_one(conn)
    assert current["job_id"] == stale["job_id"]
    submit(conn), submit(conn)
    one, two = take(conn, n=2)
    answers = engine.settle(conn, _done(one, stale, two), strict=False)
    assert [a["error_code"] for a in answers] == [None, "LH001", None]
    crossed = [current | {"lease_id": one["lease_id"]}, two | {"lease_id": current["lease_id"]}]
    answers = engine.settle(conn, _done(*crossed), strict=False)
    assert [a["error_code"] for a in answers] == ["LH002", "LH008"]
    complete(conn, current)


def a_stale_lease_in_a_batch_is_refused_when_it_waited_for_the_lock(connect: Connect) -> None:
    conn, taker, worker = connect(), connect(), connect()
    submit(conn, retry={"kind": "fixed", "initial": "1 hour"}, max_attempts=9)
    stale = engine.take_one(conn)
    engine.run_out(conn)
    submit(conn), submit(conn)
    one, two = take(conn, n=2)
    with transaction(taker):
        assert engine.one(taker, "sweep")["reclaimed"] == 1
        call = background(lambda: engine.settle(worker, _done(one, stale, two), strict=False))
        wait_until_blocked(conn, worker)
    answers = call.result(timeout=20)
    assert [a["error_code"] for a in answers] == [None, "LH001", None]
    assert engine.drain(conn) == [stale["job_id"]]


def a_job_that_a_batch_names_twice_is_settled_in_order(connect: Connect) -> None:
    """As if the elements were calls: what the second finds is what the first left."""
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
        batch = _done(other)
        for verb in verbs:
            said = lease_of(work) | {"verb": "complete" if verb == "foreign" else verb}
            batch.append(said | {"lease_id": uuid4()} if verb == "foreign" else said)
        answers = engine.settle(conn, batch, strict=False)
        found = [{key: a[key] for key in ("ok", "error_code")} for a in answers]
        assert found == [right, *expected], verbs
        engine.drain(conn)


def a_job_that_a_batch_both_moves_and_waits_for_is_settled_in_order(connect: Connect) -> None:
    """The element that reschedules comes first: it waits, and what it waits for then ends."""
    conn = connect()
    submit(conn), submit(conn)
    works = take(conn, n=2)
    move = lease_of(works[0]) | {"verb": "reschedule", "wait_for": [str(works[1]["job_id"])]}
    answers = engine.settle(conn, [move, *_done(works[1])])
    assert [a["state"] for a in answers] == ["blocked", "succeeded"]
    assert engine.drain(conn) == [works[0]["job_id"]]


def a_stale_lease_does_not_wait_for_who_has_the_job(connect: Connect) -> None:
    """Or two batches, each with leases that the other has by now, would wait crosswise."""
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
    engine.run_out(conn)
    engine.sweep(conn)
    engine.hurry(conn)
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
            batch = _done(one) + [
                stale | {"verb": "fail", "error": "x"},
                lease_of(two) | {"verb": "release"},
            ]
            with does_not_wait("settle"), transaction(worker, level):
                answers = engine.settle(worker, batch, strict=False)
            assert [a["error_code"] for a in answers] == [None, "LH001", None], level
    complete(conn, current)


def a_stale_lease_is_refused_when_it_waited_for_the_lock(connect: Connect) -> None:
    """Fault 24: the lease is taken away while the call waits for the row."""
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
        engine.run_out(conn)
        with transaction(taker):
            assert engine.one(taker, "sweep")["reclaimed"] == 1
            call = background(lambda: engine.rows(worker, function, **stale, **arguments))  # noqa: B023
            wait_until_blocked(conn, worker)
        with refused("LH001"):
            call.result(timeout=20)
        assert engine.drain(conn) == [stale["job_id"]]


def an_end_under_way_is_not_undone_by_who_takes_leases_away(connect: Connect) -> None:
    """Trap 16: the lease ran out, but its worker is completing: the sweep skips the row."""
    worker, sweeper = connect(), connect(options=PATIENCE)
    submit(worker)
    work = engine.take_one(worker)
    engine.run_out(worker)
    with transaction(worker):
        complete(worker, work)
        with does_not_wait("sweep"):
            assert engine.one(sweeper, "sweep")["reclaimed"] == 0
        with does_not_wait("get_work"):
            assert take(sweeper) == []
    assert engine.state(sweeper, work["job_id"]) == "succeeded"
    engine.check(sweeper, drained=True)


def a_held_lease_is_not_taken_away(connect: Connect) -> None:
    worker, sweeper = connect(), connect(options=PATIENCE)
    submit(worker)
    work = engine.take_one(worker)
    engine.run_out(worker)
    with transaction(worker):
        value(worker, "hold_lease", **lease_of(work))
        with does_not_wait("sweep"):
            assert engine.one(sweeper, "sweep")["reclaimed"] == 0
        complete(worker, work)
    engine.check(sweeper, drained=True)


def an_extended_lease_is_not_taken_away(connect: Connect) -> None:
    conn = connect()
    submit(conn)
    work = engine.take_one(conn, lease="1 ms")
    value(conn, "extend", **lease_of(work), lease="1 hour")
    conn.execute("update job set check_at = clock_timestamp() - interval '1 s'")
    assert engine.one(conn, "sweep")["reclaimed"] == 0
    assert take(conn) == []
    complete(conn, work)


def an_old_snapshot_does_not_take_a_lease_that_was_extended_since(connect: Connect) -> None:
    """An extension leaves no new version of the job, on which who has an older look would fail."""
    for isolation in ("repeatable read", "serializable"):
        worker, sweeper = connect(), connect()
        submit(worker)
        work = engine.take_one(worker, lease="1 s")
        try:
            with transaction(sweeper, isolation):
                value(worker, "extend", **lease_of(work), lease="1 hour")
                engine.until_over(worker, f"'{work['lease_expires_at']}'")
                engine.one(sweeper, "sweep")
        except psycopg.errors.SerializationFailure:
            pass
        complete(worker, work)


def two_calls_that_extend_a_lease_at_once_leave_the_later_end(connect: Connect) -> None:
    """One has looked, and locked nothing yet, while the other writes the first extension of the
    lease. A trigger of the test's own stops it there."""
    conn, gate = connect(), connect()
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
    hand = Jsonb([{key: str(val) for key, val in lease_of(work).items()}])
    with transaction(gate):
        gate.execute("select pg_advisory_xact_lock(4711)")
        late = background(lambda: engine.query(slow, "select * from extend_many(%s)", hand))
        wait_until_blocked(conn, slow)
        end = value(conn, "extend", **lease_of(work), lease="1 hour")
    assert [(a["ok"], a["lease_expires_at"]) for a in late.result(timeout=20)] == [(True, end)]
    assert engine.one(conn, "job", job_id=work["job_id"])["lease_expires_at"] == end


def a_stale_lease_is_not_extended_with_others(connect: Connect) -> None:
    """Promise 3, for a worker's whole hand; nor while somebody is about the job."""
    conn, taker, worker = connect(), connect(), connect(options=PATIENCE)
    submit(conn, retry=engine.AT_ONCE, max_attempts=9)
    stale = engine.take_one(conn)
    engine.run_out(conn)
    engine.sweep(conn)
    engine.hurry(conn)
    current = engine.take_one(conn)
    assert current["job_id"] == stale["job_id"]
    submit(conn)
    other = engine.take_one(conn)

    def extended(*works: engine.Work) -> list[str | None]:
        hand = Jsonb([{key: str(val) for key, val in lease_of(work).items()} for work in works])
        answers = {
            answer["lease_id"]: answer["error_code"]
            for answer in engine.query(worker, "select * from extend_many(%s, '1 hour')", hand)
        }
        return [answers[work["lease_id"]] for work in works]

    assert extended(stale, other) == ["LH001", None]
    crossed = [current | {"lease_id": other["lease_id"]}, other | {"lease_id": stale["lease_id"]}]
    assert extended(*crossed) == ["LH002", "LH002"]
    remaining = engine.one(conn, "lease_status", **lease_of(current))["remaining"]
    assert remaining.total_seconds() < 100, "extended by a lease that is not its own"
    engine.run_out(conn, current["job_id"])
    with transaction(taker), does_not_wait("extend_many"):
        assert engine.one(taker, "sweep")["reclaimed"] == 1
        assert extended(current, other) == ["55P03", None]
    assert extended(current, other) == ["LH001", None]


def upkeep_removes_the_ends_of_leases_that_are_over(connect: Connect) -> None:
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


def no_lease_runs_out_before_the_server_was_up_as_long(connect: Connect) -> None:
    """Fault 31c: nobody could extend while the server was down. When it came up is rigged."""
    conn = connect()
    submit(conn, retry=engine.AT_ONCE)
    work = engine.take_one(conn, lease="1 min")
    engine.run_out(conn)  # a lease of one second
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


def a_job_past_its_last_moment_is_not_leased(connect: Connect) -> None:
    conn = connect()
    submit(conn, expires_at=scalar(conn, "select clock_timestamp() + interval '1 hour'"))
    conn.execute("update job set expires_at = clock_timestamp() - interval '1 ms'")
    assert take(conn) == []
    assert engine.query(conn, "select state, (failure).dead_reason from job") == [
        {"state": "dead", "dead_reason": "expired"}
    ]


def upkeep_passes_by_a_job_past_its_last_moment_that_somebody_holds(connect: Connect) -> None:
    """Ready or not: it waits for nobody, and buries the others."""
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


def a_turn_that_waited_for_a_lock_starts_nothing_too_late(connect: Connect) -> None:
    """Fault 24, of the last moment to start: the clock is read again after the wait."""
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
    assert call.result(timeout=20) == [{"job_id": None}]
    assert engine.state(conn, late) == "dead"


def a_job_that_kills_every_worker_dies_of_it(connect: Connect) -> None:
    """Trap 8: a crash counts, as an attempt and as a crash."""
    conn = connect()
    job_id = submit(conn, retry=engine.AT_ONCE, max_attempts=100)
    for attempt in (1, 2, 3):
        engine.hurry(conn)
        assert engine.take_one(conn)["attempt"] == attempt
        engine.run_out(conn)
    engine.sweep(conn)
    engine.hurry(conn)
    assert take(conn) == []
    info = engine.one(conn, "job", job_id=job_id)
    assert (info["state"], info["dead_reason"], info["crashes"]) == ("dead", "crash_loop", 3)


def a_crash_counts_as_an_attempt(connect: Connect) -> None:
    conn = connect()
    job_id = submit(conn, retry=engine.AT_ONCE, max_attempts=2)
    for _ in range(2):
        engine.hurry(conn)
        engine.take_one(conn)
        engine.run_out(conn)
    engine.sweep(conn)
    info = engine.one(conn, "job", job_id=job_id)
    assert (info["state"], info["dead_reason"]) == ("dead", "attempts_exhausted")


def a_replayed_completion_says_so_and_leaves_nothing(connect: Connect) -> None:
    """Promise 4: the transaction committed, its reply was lost, and it is run again."""
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


# --- trap 7: idempotent submits ---------------------------------------------------------------


def a_key_that_commits_gives_the_second_the_first_job(connect: Connect) -> None:
    one, two, conn = connect(), connect(), connect()
    with transaction(one):
        first = submit(one, "x", idempotency_key="k")
        call = background(lambda: engine.one(two, "submit", next_need="x", idempotency_key="k"))
        wait_until_blocked(conn, two)
    answer = call.result(timeout=20)
    assert (answer["job_id"], answer["created"]) == (first, False)
    with refused("LH006"):
        submit(two, "x", idempotency_key="k", payload={"other": 1})
    assert engine.drain(conn) == [first]


def a_key_that_rolls_back_goes_to_the_next(connect: Connect) -> None:
    one, two, conn = connect(), connect(), connect()
    one.execute("begin")
    submit(one, "x", idempotency_key="k", payload={"n": 1})
    call = background(
        lambda: engine.one(two, "submit", next_need="x", idempotency_key="k", payload={"n": 2})
    )
    wait_until_blocked(conn, two)
    one.execute("rollback")
    answer = call.result(timeout=20)
    assert answer["created"] is True
    assert engine.drain(conn) == [answer["job_id"]]


def a_given_id_is_taken_once(connect: Connect) -> None:
    one, two, conn = connect(), connect(), connect()
    given = uuid4()
    with transaction(one):
        submit(one, "x", job_id=given)
        call = background(lambda: submit(two, "x", job_id=given))
        wait_until_blocked(conn, two)
    with refused("LH005"):
        call.result(timeout=20)
    work = engine.take_one(conn)
    with transaction(one):
        complete(one, work)
        with refused("LH005"):  # live or archived, whichever it is at this moment
            submit(two, "x", job_id=given)
    with refused("LH005"):
        submit(two, "x", job_id=given)
    engine.check(conn, drained=True)


def a_key_whose_job_was_purged_is_taken_over_once(connect: Connect) -> None:
    """As new, by one; whoever comes meanwhile waits, and gets the job of the first."""
    one, two, conn = connect(), connect(), connect()
    for _ in range(2):  # a key that was taken over can be taken over again
        gone = submit(conn, "x", idempotency_key="k", payload={"n": 1})
        complete(conn, engine.take_one(conn))
        conn.execute("delete from archive")
        with transaction(one):
            new = submit(one, "x", idempotency_key="k", payload={"n": 2})
            call = background(
                lambda: engine.one(
                    two, "submit", next_need="x", idempotency_key="k", payload={"n": 2}
                )
            )
            wait_until_blocked(conn, two)
        answer = call.result(timeout=20)
        assert (answer["job_id"], answer["created"]) == (new, False)
        assert new != gone
        assert engine.drain(conn) == [new]
        conn.execute("delete from archive")
    with refused("40001"):
        with transaction(two, "repeatable read"):
            two.execute("select 1")
            submit(one, "x", idempotency_key="k")
            submit(two, "x", idempotency_key="k")
    engine.drain(conn)


def a_key_is_taken_over_by_one_of_two_who_find_it_free(connect: Connect) -> None:
    one, two, conn = connect(), connect(), connect()
    submit(conn, "x", idempotency_key="k")
    complete(conn, engine.take_one(conn))
    conn.execute("delete from archive")
    # the second one stops between its look and what it does about it
    conn.execute(
        "create or replace function _job_exists(job_id uuid) returns boolean language plpgsql as $$"
        " declare v_there constant boolean := exists (select from job as j where j.job_id = _job_exists.job_id);"
        " begin"
        "     if current_setting('test.stops', true) = 'yes' then perform pg_advisory_xact_lock(7); end if;"
        "     return v_there;"
        " end $$"
    )
    two.execute("set test.stops = 'yes'")
    conn.execute("select pg_advisory_lock(7)")
    call = background(lambda: engine.one(two, "submit", next_need="x", idempotency_key="k"))
    wait_until_blocked(conn, two)
    new = submit(one, "x", idempotency_key="k")
    conn.execute("select pg_advisory_unlock(7)")
    answer = call.result(timeout=20)
    assert (answer["job_id"], answer["created"]) == (new, False)
    assert engine.drain(conn) == [new]


def a_given_id_whose_job_was_purged_is_taken_once(connect: Connect) -> None:
    """Also where the two would land in different tables, whose indexes see nothing of each other."""
    one, two, conn = connect(), connect(), connect()
    given = submit(conn, "x", job_id=uuid4())
    complete(conn, engine.take_one(conn))
    conn.execute("delete from archive")
    later = scalar(conn, "select clock_timestamp() + interval '1 hour'")
    with transaction(one):
        assert submit(one, "x", job_id=given) == given
        call = background(lambda: submit(two, "x", job_id=given, available_at=later))
        wait_until_blocked(conn, two)
    with refused("LH005"):
        call.result(timeout=20)
    assert engine.drain(conn) == [given]


def a_made_id_cannot_be_given_again_by_an_old_snapshot(connect: Connect) -> None:
    """An id that Leasehold made, given by a transaction that cannot see its job: LH005 or 40001,
    never a job that is twice there, in whichever tables."""
    for isolation in ("repeatable read", "serializable"):
        for state in ("scheduled", "ready", "leased", "succeeded"):
            one, two = connect(), connect()
            code = ""
            try:
                with transaction(two, isolation):
                    later = scalar(one, "select clock_timestamp() + interval '1 hour'")
                    made = submit(one, "x", available_at=later if state == "scheduled" else None)
                    if state in ("leased", "succeeded"):
                        work = engine.take_one(one)
                    if state == "succeeded":
                        complete(one, work)
                    submit(two, "x", job_id=made)
            except psycopg.Error as error:
                code = error.sqlstate or ""
            assert engine.state(one, made) == state
            engine.check(one)
            assert code in ("LH005", "40001"), f"{isolation}, {state}: {code or 'accepted'}"
            if state == "scheduled":
                value(one, "cancel", job_id=made, actor="t")
            if state == "leased":
                complete(one, work)
            engine.drain(one)


def an_old_snapshot_submits_a_key_once(connect: Connect) -> None:
    for isolation in ("repeatable read", "serializable"):
        one, two = connect(), connect()
        with refused("40001"):
            with transaction(two, isolation):
                first = submit(one, "x", idempotency_key=isolation)
                submit(two, "x", idempotency_key=isolation)
        assert submit(two, "x", idempotency_key=isolation) == first
    engine.drain(connect())


def a_lease_granted_after_the_snapshot_is_right_or_40001(connect: Connect) -> None:
    for isolation in ("repeatable read", "serializable"):
        one, two = connect(), connect()
        submit(one, "x")
        try:
            with transaction(two, isolation):
                work = engine.take_one(one)
                complete(two, work)
        except psycopg.errors.SerializationFailure:
            complete(two, work)
        assert engine.state(one, work["job_id"]) == "succeeded"


# --- rights, the doorbell ---------------------------------------------------------------------


def public_may_do_nothing(connect: Connect) -> None:
    conn = connect()
    found = engine.query(
        conn,
        """
        select p.proname from pg_proc as p
        where p.pronamespace = current_schema()::regnamespace
            and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
                        where a.grantee = 0)
        """,
    )
    assert found == [], f"PUBLIC may execute {[row['proname'] for row in found]}"
    role = f"leasehold_nobody_{uuid4().hex[:8]}"
    conn.execute(f"create role {role}")
    try:
        for call in (
            "submit('x')",
            "get_work('w', array['%'])",
            "_now()",
            "sweep()",
            "setting('retry')",
        ):
            with refused("42501"):
                conn.execute(f"begin; set local role {role}; select * from leasehold.{call}")
            conn.execute("rollback")
        for table in ("job", "deferred", "status"):
            with refused("42501"):
                conn.execute(f"begin; set local role {role}; select 1 from leasehold.{table}")
            conn.execute("rollback")
    finally:
        conn.execute(f"drop role {role}")


def a_bell_is_armed_only_when_nobody_can_miss_it(connect: Connect) -> None:
    """Fault 22: a submit that looked for waiters before the registration committed."""
    waiter, producer = connect(), connect()
    _wait_for(waiter, "x")  # so that the channel is known
    submit(producer, "x")
    until = scalar(waiter, "select clock_timestamp() + interval '1 min'")
    with transaction(waiter):
        engine.one(waiter, "wakeup_channel", capabilities=["x"], until=until)
        producer.execute("begin")
        submit(producer, "x")
    for _ in range(3):
        bell = engine.one(waiter, "wakeup_channel", capabilities=["x"], until=until)
        assert bell["armed"] is False, "armed, and a submit may still commit that rang for nobody"
    producer.execute("commit")
    _wait_for(waiter, "x")
    list(waiter.notifies(timeout=0.1))
    submit(producer, "x")
    assert [n.channel for n in waiter.notifies(timeout=10, stop_after=1)] == [bell["channel"]]


def a_submit_with_a_snapshot_older_than_the_registration_rings(connect: Connect) -> None:
    """Armed is armed: whatever level the submitter runs at, and however it submits."""
    waiter, producer = connect(), connect()
    channel = _wait_for(waiter, "x.%")
    for isolation in ("repeatable read", "serializable"):
        for call in (
            "select submit('x.a')",
            "select submit('x.a', priority => 7, idempotency_key => gen_random_uuid()::text)",
            """select submit_many('[{"next_need": "x.a"}, {"next_need": "x.b"}]')""",
            "insert into submission (next_need) values ('x.a')",
            "select submit('x.a', available_at => clock_timestamp() + interval '1 s')",
            "select submit('x.' || txid_current())",  # a lane that nobody has opened yet
        ):
            submit(producer, "x.a")  # the registration from before is over
            assert list(waiter.notifies(timeout=10, stop_after=1))
            with transaction(producer, isolation):
                _wait_for(waiter, "x.%")
                producer.execute(call)
            heard = [n.channel for n in waiter.notifies(timeout=10, stop_after=1)]
            assert heard == [channel], f"{isolation}: {call}"


def a_bell_that_is_new_waits_for_snapshots_that_are_older(connect: Connect) -> None:
    """Who has no id yet, and never saw the channel, cannot ring it."""
    waiter, producer = connect(), connect()
    until = scalar(waiter, "select clock_timestamp() + interval '1 min'")
    for isolation in ("repeatable read", "serializable"):
        need = isolation[:3]
        with transaction(producer, isolation):
            for _ in range(20):
                bell = engine.one(waiter, "wakeup_channel", capabilities=[need], until=until)
                assert bell["armed"] is False, (
                    "armed, and a submit may still commit that cannot ring"
                )
            submit(producer, need)
        _wait_for(waiter, need)


def a_channel_stays_known_while_a_fleet_is_rung(connect: Connect) -> None:
    """A long snapshot keeps new channels from being armed, not those that were known before it."""
    waiter, reader, producer = connect(), connect(), connect()
    _wait_for(waiter, "x")
    with transaction(reader, "repeatable read"):
        for _ in range(3):
            submit(producer, "x")
            assert list(waiter.notifies(timeout=10, stop_after=1))
            _wait_for(waiter, "x")


def what_others_wait_for_costs_a_submit_little(connect: Connect) -> None:
    """However many register whatever: the submit that finds somebody under a stem looks at few."""
    a = connect()
    until = scalar(a, "select clock_timestamp() + interval '1 day'")
    for n in range(300):
        sets = [f"p{n}q{m}%" for m in range(1000 if n % 2 else 4)]
        engine.one(a, "wakeup_channel", capabilities=sets, until=until)
    assert scalar(a, "select count(*) from waiter where stem = ''") <= 256
    assert scalar(a, "select sum(coalesce(cardinality(prefixes), 1)) from listener") <= 4 * 256
    submit(a, "x.y.z")
    for table in ("waiter", "listener", "lane"):
        a.execute(f"vacuum {table}")
    plan = scalar(a, "explain (analyze, buffers, format json) select submit('x.y.z')")[0]["Plan"]
    blocks = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    assert blocks < 600, f"looks at {blocks} blocks"


def a_bell_rings_once_until_somebody_waits_again(connect: Connect) -> None:
    waiter, producer = connect(), connect()
    channel = _wait_for(waiter, "x")
    submit(producer, "x")
    assert [n.channel for n in waiter.notifies(timeout=10, stop_after=1)] == [channel]
    submit(producer, "x")
    assert list(waiter.notifies(timeout=0.3)) == [], "rung again, awake as it is"
    _wait_for(waiter, "x")
    submit(producer, "x")
    assert [n.channel for n in waiter.notifies(timeout=10, stop_after=1)] == [channel]


def a_bell_of_an_open_or_undone_transaction_stops_no_other(connect: Connect) -> None:
    waiter, idler, producer = connect(), connect(), connect(options=PATIENCE)
    channel = _wait_for(waiter, "x")
    with contextlib.suppress(_RollBack), transaction(idler):
        submit(idler, "x")
        with does_not_wait("submit"):
            submit(producer, "x")
        assert [n.channel for n in waiter.notifies(timeout=10, stop_after=1)] == [channel]
        raise _RollBack
    submit(producer, "x")
    assert [n.channel for n in waiter.notifies(timeout=10, stop_after=1)] == [channel]


def a_prefix_that_ends_inside_a_part_is_rung(connect: Connect) -> None:
    waiter, producer = connect(), connect()
    for capability in (
        "%",
        "b%",
        "billing.%",
        "billing.in%",
        "billing.invoice%",
        "billing.invoice.v1",
    ):
        channel = _wait_for(waiter, capability)
        submit(producer, "billing.invoice.v1")
        heard = [n.channel for n in waiter.notifies(timeout=10, stop_after=1)]
        assert heard == [channel], capability
    _wait_for(waiter, "billing.x%")
    submit(producer, "billing.invoice.v1")
    assert list(waiter.notifies(timeout=0.3)) == []


def _wait_for(conn: Connection, capability: str) -> str:
    """Registers, listens, and waits until the registration is armed."""
    until = scalar(conn, "select clock_timestamp() + interval '1 min'")
    for _ in range(500):  # other databases of the server hold it up, too
        bell = engine.one(conn, "wakeup_channel", capabilities=[capability], until=until)
        conn.execute(f'listen "{bell["channel"]}"')
        if bell["armed"]:
            break
        conn.execute("select pg_sleep(0.01)")
    assert bell["armed"]
    return str(bell["channel"])


def _due_in(conn: Connection, capability: str = "x") -> Any:
    until = scalar(conn, "select clock_timestamp() + interval '1 min'")
    return engine.one(conn, "wakeup_channel", capabilities=[capability], until=until)["due_in"]


def _later(conn: Connection, seconds: float, need: str = "x") -> UUID:
    at = scalar(conn, "select clock_timestamp() + %s * interval '1 s'", seconds)
    return submit(conn, need, available_at=at)


def _heard(conn: Connection, timeout: float = 3) -> list[str]:
    return [n.payload for n in conn.notifies(timeout=timeout, stop_after=1)]


def of_many_that_wait_one_is_told_of_each_scheduled_job(connect: Connect) -> None:
    producer, waiters = connect(), [connect() for _ in range(5)]
    for seconds in (20, 40):
        _later(producer, seconds)
    told = [_due_in(waiter) for waiter in waiters]
    assert [t is not None for t in told] == [True, True, False, False, False], told
    assert told[0] < told[1], "the first is told of the first"
    assert [_due_in(w) is not None for w in waiters] == [True, True, False, False, False], (
        "the same are told again"
    )


def a_job_scheduled_while_all_sleep_wakes_one_of_them(connect: Connect) -> None:
    """By whichever way it becomes scheduled. The others hear whom it is for, and sleep on."""
    producer, waiters = connect(), [connect(), connect()]
    for waiter in waiters:
        _wait_for(waiter, "x")
    watcher = str(pid(waiters[0]))

    def by_submit() -> None:
        _later(producer, 20)

    def by_batch() -> None:
        soon = scalar(producer, "select (clock_timestamp() + interval '20 s')::text")
        engine.submit_many(producer, [{"next_need": "x", "available_at": soon}])

    def by_release() -> None:
        soon = scalar(producer, "select clock_timestamp() + interval '20 s'")
        engine.one(producer, "release", **lease_of(leases.pop()), available_at=soon)

    def by_backoff() -> None:
        engine.one(producer, "fail", **lease_of(leases.pop()), error="e", retry_after="20 s")

    for _ in range(2):
        submit(producer, "x")
    leases = take(producer, "x", n=2)
    for waiter in waiters:
        assert _heard(waiter) == [""], "ready jobs ring all"
        _wait_for(waiter, "x")
    for way in (by_submit, by_batch, by_release, by_backoff):
        way()
        assert [_heard(waiter) for waiter in waiters] == [[watcher], [watcher]], way.__name__


def who_is_told_of_one_job_does_not_watch_for_others(connect: Connect) -> None:
    """It sleeps until then; the other one, which is told nothing, is rung for what comes."""
    producer, told, watcher = connect(), connect(), connect()
    _later(producer, 30)
    _wait_for(told, "x")
    _wait_for(watcher, "x")
    _later(producer, 20)
    assert _heard(watcher) == [str(pid(watcher))]


def a_job_scheduled_beyond_the_next_look_of_who_sleeps_wakes_nobody(connect: Connect) -> None:
    producer, waiter = connect(), connect()
    _wait_for(waiter, "x")
    _later(producer, 3600)
    assert _heard(waiter, 0.3) == []


def where_the_one_that_watched_is_gone_all_are_woken(connect: Connect) -> None:
    producer, gone, waiter = connect(), connect(), connect()
    _wait_for(gone, "x")
    _wait_for(waiter, "x")
    gone.close()
    eventually(
        lambda: scalar(
            producer,
            "select not exists (select from waiter as w, pg_stat_activity as s where s.pid = w.pid)",
        ),
        "the server knows",
    )
    _later(producer, 20)
    assert _heard(waiter) == [""]


def a_claim_wakes_nobody_for_what_it_takes_itself(connect: Connect) -> None:
    """It promotes, by the way or because it went hungry, and takes one: another one is rung for."""
    for hungry in (True, False):
        for others in (0, 1):
            producer, waiter, worker = connect(), connect(), connect()
            for _ in range(1 + others):
                _later(producer, 3600)
            _wait_for(waiter, "x")
            producer.execute(
                "update job set available_at = clock_timestamp() - interval '1 ms' where state = 'scheduled'"
            )
            if hungry:
                engine.upkeep_is_done(producer)
            else:
                engine._look_from_the_beginning(producer)
            assert len(take(worker, "x")) == 1
            assert _heard(waiter, 3 if others else 0.3) == [""] * others, f"{hungry=} {others=}"
            engine.drain_held(producer)
            for conn in (producer, waiter, worker):
                conn.close()


def upkeep_does_not_hold_a_lease_that_was_extended(connect: Connect) -> None:
    """The first end of the lease has passed, the worker heartbeats on; somebody's get_work is open."""
    worker, other = connect(options=PATIENCE), connect()
    submit(worker, "x")
    work = engine.take_one(worker, "x", lease="1 ms")
    value(worker, "extend", **lease_of(work), lease="1 hour")
    worker.execute("update job set check_at = now() - interval '1 s'")
    with transaction(other):
        assert take(other, "y") == []
        with does_not_wait("extend"):
            value(worker, "extend", **lease_of(work), lease="2 hours")
        with does_not_wait("complete"):
            complete(worker, work)


# --- the low-water mark -----------------------------------------------------------------------


def a_job_that_commits_late_is_found_below_the_mark(connect: Connect) -> None:
    producer, worker = connect(), connect()
    submit(worker, "x")
    with transaction(producer):
        late = submit(producer, "x")
        for _ in range(4):
            submit(worker, "x")
            complete(worker, engine.take_one(worker, "x"))
            engine.move_marks(worker, "x")
    found = [w["job_id"] for w in take(worker, "x", n=10)]
    assert late in found, "a mark was moved past a number that was still to appear"
    engine.check(worker)


def _many_claims(conn: Connection) -> None:
    """As if so many jobs of other needs had been claimed that it is worth looking where marks could be."""
    conn.execute("select setval('fence_seq', nextval('fence_seq') + 100)")


def a_long_transaction_that_has_no_job_does_not_hold_the_marks_up(connect: Connect) -> None:
    """It has an id, and has written; but what it draws from now on is above what is drawn already."""
    other, worker = connect(), connect()
    with transaction(other):
        other.execute("create temporary table t as select pg_current_xact_id()")
        other.execute("select count(*) from job")
        last = [submit(worker, need) for need in ("x", "m.1", "m.2")]
        numbers = [scalar(worker, "select number from job where job_id = %s", job) for job in last]
        take(worker, "x")
        take(worker, "m.%", n=2)
        for _ in range(3):
            _many_claims(worker)
            engine.move_marks(worker, "x")
            engine.move_marks(worker, "m.%")
        mark = "select numbers[1] from watermark where next_need = 'x' order by watermark_id desc limit 1"
        assert scalar(worker, mark) > numbers[0], "the mark stands still"
        front = "select sure_number from lane_cache order by cache_id desc limit 1"
        assert scalar(worker, front) >= numbers[2], "the front stands still"


def a_long_transaction_that_has_a_job_holds_the_marks_up(connect: Connect) -> None:
    producer, worker = connect(), connect()
    for need in ("x", "m.1", "m.2"):
        submit(worker, need)
    take(worker, "x")
    take(worker, "m.%", n=2)
    with transaction(producer):
        late = [submit(producer, need) for need in ("x", "m.1")]
        for _ in range(4):
            submit(worker, "x")
            submit(worker, "m.2")
            take(worker, "x")
            take(worker, "m.2")
            _many_claims(worker)
            engine.move_marks(worker, "x")
            engine.move_marks(worker, "m.%")
    assert [w["job_id"] for w in take(worker, "x") + take(worker, "m.%")] == late


def a_mover_that_had_an_id_before_proves_nothing(connect: Connect) -> None:
    """Who took his id before he read the sequence is no bound for who drew a number in between."""
    mover, producer, worker = connect(), connect(), connect()
    submit(worker, "x")
    complete(worker, engine.take_one(worker, "x"))
    with transaction(producer):
        with transaction(mover):
            submit(mover, "y")
            late = submit(producer, "x")
            engine.move_marks(mover, "x")
        for _ in range(4):
            engine.move_marks(worker, "x")
    assert [w["job_id"] for w in take(worker, "x")] == [late]


def a_claim_that_is_rolled_back_stays_above_the_mark(connect: Connect) -> None:
    a, worker = connect(), connect()
    job_id = submit(worker, "x")
    try:
        with transaction(a):
            assert [w["job_id"] for w in take(a, "x")] == [job_id]
            for _ in range(4):
                submit(worker, "x")
                complete(worker, engine.take_one(worker, "x"))
                engine.move_marks(worker, "x")
            raise _RollBack
    except _RollBack:
        pass
    assert [w["job_id"] for w in take(worker, "x")] == [job_id]


def the_next_of_a_key_is_found_below_the_mark(connect: Connect) -> None:
    a = connect()
    submit(a, "x", singleton_key="k")
    parked = submit(a, "x", singleton_key="k")
    first = engine.take_one(a, "x")
    for _ in range(4):
        submit(a, "x")
        complete(a, engine.take_one(a, "x"))
        engine.move_marks(a, "x")
    complete(a, first)
    assert [w["job_id"] for w in take(a, "x")] == [parked]


def a_mark_moves_up_to_what_waits(connect: Connect) -> None:
    a = connect()
    for _ in range(4):
        submit(a, "x")
        complete(a, engine.take_one(a, "x"))
    last = submit(a, "x")
    # other databases of the server hold it up, too
    for _ in range(200):
        engine.move_marks(a, "x")
        mark = scalar(
            a,
            "select numbers[1] from watermark where next_need = 'x' order by watermark_id desc limit 1",
        )
        if mark == scalar(a, "select number from job where job_id = %s", last):
            assert [w["job_id"] for w in take(a, "x")] == [last]
            return
    raise AssertionError("the mark stands still")


def a_lane_that_was_just_opened_is_seen_by_the_next_claim(connect: Connect) -> None:
    """Claims go by marks that were noted a moment ago; those do not know a priority that is new."""
    a = connect()
    for _ in range(5):
        submit(a, "x", priority=100)
    for priority in (99, 98, 97):
        engine.move_marks(a, "x")
        take(a, "x")
        urgent = submit(a, "x", priority=priority)
        assert [w["job_id"] for w in take(a, "x")] == [urgent]


def a_lane_that_was_opened_beside_a_move_is_seen_by_the_next_claim(connect: Connect) -> None:
    """Who moved the marks while it was being opened could not see it, and wrote newer marks."""
    a, mover, worker = connect(), connect(), connect()
    for step, arguments in enumerate(({"priority": 1}, {"singleton_key": "k", "priority": 0})):
        for _ in range(5):
            submit(worker, "x")
        engine.move_marks(worker, "x")
        take(worker, "x")
        with transaction(a):
            urgent = submit(a, "x", **arguments)
            for _ in range(2):
                engine.move_marks(mover, "x")
        _as_if_just_moved(worker)
        assert [w["job_id"] for w in take(worker, "x")] == [urgent], step


def a_lane_that_is_opened_in_the_middle_of_a_move_is_seen_by_the_next_claim(
    connect: Connect,
) -> None:
    """The mover has read the lanes; then one is opened, another mover notes it; then it writes."""
    a, slow, worker = connect(), connect(), connect()
    for _ in range(5):
        submit(worker, "x")
    take(worker, "x")
    _pause(a, "_advance_watermarks", "v_mark_id := nextval('watermark_watermark_id_seq');")
    with transaction(a):
        a.execute("select pg_advisory_xact_lock(4711)")
        a.execute("update watermark set noted_at = noted_at - interval '1 s'")
        a.execute("commit; begin; select pg_advisory_xact_lock(4711)")
        slow.execute("set leasehold.pause = 'on'")
        moving = background(
            lambda: slow.execute("select _advance_watermarks('{x}', clock_timestamp())").fetchall()
        )
        wait_until_blocked(worker, slow)
        submit(worker, "x", priority=1)
        engine.move_marks(worker, "x")
        take(worker, "x")
        urgent = submit(worker, "x", priority=1)
    moving.result(timeout=10)
    _as_if_just_moved(worker)
    assert [w["job_id"] for w in take(worker, "x")] == [urgent]


def _as_if_just_moved(conn: Connection) -> None:
    conn.execute("update watermark set noted_at = clock_timestamp() where noted_at > '-infinity'")


def _pause(conn: Connection, function: str, before: str) -> None:
    """Sessions that ask for it wait in this function, before this statement, for lock 4711."""
    definition = scalar(conn, "select pg_get_functiondef(%s::regproc)", f"leasehold.{function}")
    assert before in definition
    wait = (
        "if current_setting('leasehold.pause', true) = 'on' then"
        " perform pg_advisory_xact_lock(4711); end if; "
    )
    conn.execute(definition.replace(before, wait + before))


def marks_that_an_old_snapshot_moved_are_not_gone_by(connect: Connect) -> None:
    """They may lack a lane that everybody else knows."""
    old, worker = connect(), connect()
    for _ in range(5):
        submit(worker, "x")
    take(worker, "x")
    with transaction(old, "repeatable read"):
        submit(worker, "x", priority=1)
        engine.move_marks(worker, "x")
        take(worker, "x")
        urgent = submit(worker, "x", priority=1)
        old.execute("select _advance_watermarks('{x}', clock_timestamp() + interval '1 s')")
    _as_if_just_moved(worker)
    assert [w["job_id"] for w in take(worker, "x")] == [urgent]


def a_setting_that_was_changed_beside_a_move_counts_for_the_next_claim(connect: Connect) -> None:
    a, mover, worker = connect(), connect(), connect()
    for _ in range(3):
        submit(worker, "x")
    take(worker, "x")
    with transaction(a):
        value(a, "set_setting", name="max_attempts", value="7")
        engine.move_marks(mover, "x")
    _as_if_just_moved(worker)
    assert [w["max_attempts"] for w in take(worker, "x")] == [7]


def the_first_job_with_a_key_of_a_need_comes_in_its_turn(connect: Connect) -> None:
    """Claims look for heads of keys only where their marks say that there ever were keys: of a need
    that had none so far, a key has to be in those marks with the next claim, and to stay there."""
    a = connect()

    def by_one(need: str) -> UUID:
        return submit(a, need, singleton_key=f"k {need}")

    def by_batch(need: str) -> UUID:
        return engine.submit_many(
            a, [{"next_need": need}, {"next_need": need, "singleton_key": f"k {need}"}]
        )[1]

    def by_reschedule(need: str) -> UUID:
        submit(a, "elsewhere", singleton_key=f"k {need}")
        moved = engine.take_one(a, "elsewhere")
        engine.one(a, "reschedule", **engine.lease_of(moved), next_need=need)
        job_id: UUID = moved["job_id"]
        return job_id

    for way in (by_one, by_batch, by_reschedule):
        for moved in (False, True):
            need = f"{way.__name__}.{moved}"
            for _ in range(3):
                submit(a, need)
            engine.move_marks(a, need)
            take(a, need)
            keyed = way(need)
            for _ in range(3):
                submit(a, need)
            if moved:
                engine.one(a, "sweep")
                for _ in range(3):
                    engine.move_marks(a, need)
            while (found := engine.take_one(a, need)["job_id"]) != keyed:
                assert scalar(
                    a,
                    "select number < (select number from job where job_id = %s)"
                    " from job where job_id = %s",
                    keyed,
                    found,
                )


def the_first_key_of_a_need_is_seen_by_the_next_move_of_its_marks(connect: Connect) -> None:
    """Who moved them while it was being submitted could not see it, and notes the newer marks."""
    a, mover, worker = connect(), connect(), connect()
    for _ in range(3):
        submit(worker, "x")
    engine.move_marks(worker, "x")
    take(worker, "x", n=3)
    with transaction(a):
        keyed = submit(a, "x", singleton_key="k")
        engine.move_marks(mover, "x")
    for _ in range(3):
        submit(worker, "x")
    engine.move_marks(mover, "x")
    assert [w["job_id"] for w in take(worker, "x")] == [keyed]


def the_first_key_of_an_idle_need_is_found_at_once(connect: Connect) -> None:
    """By marks that do not know of it, because they were moved beside its submit."""
    a, mover, worker = connect(), connect(), connect()
    submit(worker, "x")
    engine.move_marks(worker, "x")
    take(worker, "x")
    with transaction(a):
        keyed = submit(a, "x", singleton_key="k")
        engine.move_marks(mover, "x")
    assert [w["job_id"] for w in take(worker, "x")] == [keyed]


def a_setting_that_was_just_changed_counts_for_the_next_claim(connect: Connect) -> None:
    """Claims read the settings off marks that were noted a moment ago, or off those of an idle need."""
    a, b = connect(), connect()
    for _ in range(20):
        submit(a, "x")
    for moved in (True, False) * 3:
        value(b, "set_setting", name="max_lease", value="2 minutes")
        value(b, "set_setting", name="max_attempts", value="7")
        if moved:
            engine.move_marks(a, "x")
        assert engine.take_one(a, "x", lease="2 minutes")["max_attempts"] == 7
        value(b, "set_setting", name="max_attempts", value="9")
        assert engine.take_one(a, "x", lease="2 minutes")["max_attempts"] == 9
        value(b, "set_setting", name="max_lease", value="1 minute")
        with refused("LH010"):
            take(a, "x", lease="2 minutes")


# --- many needs -------------------------------------------------------------------------------


def _next_ready(conn: Connection, n: int = 1) -> list[UUID]:
    """What strict order says: lowest priority first, then longest ready, over all needs."""
    found = engine.query(
        conn,
        "select job_id from job where state = 'ready' and not parked"
        " order by priority, number limit %s",
        n,
    )
    return [row["job_id"] for row in found]


def many_needs_are_served_in_the_order_of_all(connect: Connect) -> None:
    """More needs than a front has lanes, jobs coming and going, claims of one need among them."""
    a = connect()
    for step in range(500):
        if step % 250 < 180:
            submit(a, f"m.{step * 37 % 240}", priority=100 - step * 7 % 3)
        if step % 5 == 0:
            engine.move_marks(a, "m.%")
        expected = _next_ready(a)
        if step % 3 and expected:
            work = engine.take_one(a, "m.%")
            assert work["job_id"] == expected[0], f"out of order at step {step}"
            complete(a, work)
        elif step % 3 == 0:
            take(a, f"m.{step % 240}")
    engine.check(a)


def a_batch_over_many_needs_is_in_the_order_of_all(connect: Connect) -> None:
    """More jobs than lanes, more than a first look at each brings, and fewer than are wanted."""
    a = connect()
    for n in (3, 240, 1000):
        for need in range(240):
            for _ in range(1 if need % 9 else 20):
                submit(a, f"m.{need}", priority=100 + need % 2)
        for _ in range(2):
            expected = _next_ready(a, n)
            assert [w["job_id"] for w in take(a, "m.%", n=n)] == expected
        engine.drain_held(a)
        take(a, "m.%", n=1000)


def keys_have_their_turn_among_many_needs(connect: Connect) -> None:
    a = connect()
    for step in range(60):
        submit(a, f"m.{step}", **({"singleton_key": f"k{step % 7}"} if step % 4 == 0 else {}))
    engine.move_marks(a, "m.%")
    for _ in range(45):
        expected = _next_ready(a)
        work = engine.take_one(a, "m.%")
        assert work["job_id"] == expected[0]
        complete(a, work)
        engine.move_marks(a, "m.%")


def a_claim_of_many_needs_passes_by_what_is_locked(connect: Connect) -> None:
    """The heads of all lanes, and more of one than a first look brings."""
    idler, worker = connect(), connect(options=PATIENCE)
    for need in range(60):
        submit(idler, f"m.{need}")
    for _ in range(30):
        submit(idler, "m.7")
    late = submit(idler, "m.8"), submit(idler, "m.7")
    with transaction(idler):
        idler.execute("select 1 from job where job_id <> all (%s) for no key update", (list(late),))
        for expected in late:
            with does_not_wait("get_work"):
                assert [w["job_id"] for w in take(worker, "m.%")] == [expected]
        assert take(worker, "m.%") == []


def a_lane_that_was_just_opened_is_seen_by_claims_of_many_needs(connect: Connect) -> None:
    a = connect()
    for need in range(5):
        submit(a, f"m.{need}")
    for step in range(3):
        engine.move_marks(a, "m.%")
        take(a, "m.%")
        urgent = submit(a, f"m.new.{step}", priority=99 - step)
        assert [w["job_id"] for w in take(a, "m.%")] == [urgent]


def a_lane_whose_opening_commits_late_is_seen_by_claims_of_many_needs(connect: Connect) -> None:
    """Lanes that were opened after it are in the front long since."""
    slow, a = connect(), connect()
    for need in range(5):
        submit(a, f"m.{need}")
    with transaction(slow):
        late = submit(slow, "m.late", priority=1)
        for step in range(4):
            submit(a, f"m.new.{step}")
            take(a, "m.%")
            engine.move_marks(a, "m.%")
    assert [w["job_id"] for w in take(a, "m.%")] == [late]


def a_job_that_commits_late_is_found_behind_the_front(connect: Connect) -> None:
    producer, worker = connect(), connect()
    for need in range(60):
        submit(worker, f"m.{need}")
    take(worker, "m.%", n=100)
    with transaction(producer):
        late = submit(producer, "m.3")
        for _ in range(4):
            submit(worker, "m.3")
            submit(worker, "m.4")
            take(worker, "m.%", n=2)
            engine.move_marks(worker, "m.%")
    submit(worker, "m.4")
    assert [w["job_id"] for w in take(worker, "m.%")] == [late]


def who_had_an_id_before_proves_nothing_for_many_needs(connect: Connect) -> None:
    mover, producer, worker = connect(), connect(), connect()
    submit(worker, "m.1")
    submit(worker, "m.2")
    take(worker, "m.%", n=9)
    with transaction(producer):
        with transaction(mover):
            submit(mover, "y")
            late = submit(producer, "m.1")
            engine.move_marks(mover, "m.%")
        for _ in range(4):
            engine.move_marks(worker, "m.%")
    assert [w["job_id"] for w in take(worker, "m.%")] == [late]


_FRESH = "update lookahead set noted_at = clock_timestamp(), surveyed_at = clock_timestamp()"


def _note_ahead(conn: Connection, *jobs: UUID) -> None:
    """Which jobs are the first of m.% is noted as if at this moment: these, whatever else there is."""
    while engine.scalar(
        conn,
        "select array(select unnest(numbers) from lookahead where lookahead_id = (select max(lookahead_id) from lookahead))",
    ) != engine.scalar(
        conn,
        "select array_agg(number order by number) from job where job_id = any (%s)",
        list(jobs),
    ):
        engine.move_marks(conn, "m.%")
    conn.execute(_FRESH)


def who_holds_the_first_of_many_needs_is_passed_by(connect: Connect) -> None:
    idler, worker = connect(), connect(options=PATIENCE)
    for _ in range(5):
        jobs = [submit(worker, f"m.{need}") for need in range(3)]
        _note_ahead(worker, *jobs)
        with transaction(idler):
            idler.execute("select 1 from job where job_id = %s for no key update", (jobs[0],))
            worker.execute(_FRESH)
            with does_not_wait("get_work"):
                assert [w["job_id"] for w in take(worker, "m.%")] == [jobs[1]]
        engine.drain_held(worker)
        take(worker, "m.%", n=9)


def a_place_where_another_job_is_now_is_passed_by(connect: Connect) -> None:
    """The first job was done, its row removed, and there is a job now that this worker cannot do."""
    a = connect()
    submit(a, "other")
    jobs = [submit(a, f"m.{need}") for need in range(3)]
    place = scalar(a, "select ctid::text from ready where job_id = %s", jobs[0])
    _note_ahead(a, *jobs)
    complete(a, engine.take_one(a, "m.0"))
    a.execute("vacuum ready")
    while not engine.query(a, "select from ready where ctid = %s and next_need = 'other'", place):
        submit(a, "other")
    a.execute(_FRESH)
    assert [w["job_id"] for w in take(a, "m.%")] == [jobs[1]]


def one_of_the_first_of_many_needs_that_is_too_late_makes_way(connect: Connect) -> None:
    a = connect()
    jobs = [submit(a, "m.1", expires_at="2999-01-01 00:00:00+00"), submit(a, "m.2")]
    _note_ahead(a, *jobs)
    a.execute("update job set expires_at = clock_timestamp() where job_id = %s", (jobs[0],))
    a.execute("insert into maintenance_horizon (at) values (clock_timestamp())")
    places = "array(select ctid from job where job_id = any (%s) order by number)"
    a.execute(f"{_FRESH}, places = {places}", (jobs,))
    assert [w["job_id"] for w in take(a, "m.%")] == [jobs[1]]


def workers_of_many_needs_do_upkeep_however_busy_they_are(connect: Connect) -> None:
    """Those who use up what is ahead note it anew, before it grows old: that is no survey."""
    a = connect()
    other = submit(a, "other", retry=engine.AT_ONCE)
    take(a, "other")
    engine.run_out(a, other)
    jobs = [submit(a, f"m.{need}") for need in range(9)]
    _note_ahead(a, *jobs)
    before = scalar(a, "select max(lookahead_id) from lookahead")
    for table in ("lane_cache", "lookahead"):
        a.execute(f"update {table} set surveyed_at = 'infinity'")
    for job in jobs[:5]:
        a.execute("update lookahead set noted_at = clock_timestamp()")
        assert [w["job_id"] for w in take(a, "m.%")] == [job]
    for table in ("lane_cache", "lookahead"):
        last = f"select {table}_id > %s and surveyed_at = 'infinity' from {table} order by {table}_id desc"
        assert scalar(a, last, before if table == "lookahead" else 0), (
            f"{table}: not noted anew, or more"
        )

    a.execute("insert into maintenance_horizon (at) values (clock_timestamp() - interval '10 s')")
    # a lease runs out no sooner than the server has been up for as long
    a.execute(
        "select pg_sleep(greatest(0, 1.5 - extract(epoch from clock_timestamp() - pg_postmaster_start_time())))"
    )
    for table in ("lane_cache", "lookahead"):
        a.execute(
            f"update {table} set noted_at = clock_timestamp(),"
            " surveyed_at = clock_timestamp() - interval '100 ms'"
        )
    assert len(take(a, "m.%")) == 1
    assert engine.one(a, "job", job_id=other)["state"] != "leased"


def a_job_that_commits_late_comes_before_those_noted_ahead(connect: Connect) -> None:
    producer, worker = connect(), connect()
    for need in (3, 4):
        submit(worker, f"m.{need}")
    engine.move_marks(worker, "m.%")
    take(worker, "m.%", n=9)
    for _ in range(3):
        with transaction(producer):
            late = submit(producer, "m.3")
            later = submit(worker, "m.4")
            engine.move_marks(worker, "m.%")
        worker.execute(_FRESH)
        assert [w["job_id"] for w in take(worker, "m.%")] == [late]
        assert [w["job_id"] for w in take(worker, "m.%")] == [later]


def a_front_moves_up_to_what_waits(connect: Connect) -> None:
    """In steady work a claim looks at few lanes: those behind are known to hold nothing before."""
    a = connect()
    for _ in range(2):
        for need in range(240):
            submit(a, f"m.{need}")
    # other databases of the server hold it up, too
    for _ in range(200):
        complete(a, engine.take_one(a, "m.%"))
        submit(a, "m.0")
        engine.move_marks(a, "m.%")
        front = engine.query(a, "select * from lane_cache order by cache_id desc limit 1")[0]
        head = scalar(a, "select min(number) from job where state = 'ready'")
        if head - 1 <= front["numbers"][0] <= head and front["rest_number"] > head:
            return
    raise AssertionError("the front stands still")


def an_idle_scope_writes_nothing(connect: Connect) -> None:
    a = connect()
    submit(a, "m.1")
    submit(a, "m.2")
    for _ in range(20):
        take(a, "m.%", n=5)
        engine.move_marks(a, "m.%")
    before = scalar(a, "select count(*) from lane_cache")
    for _ in range(5):
        assert take(a, "m.%") == []
        engine.move_marks(a, "m.%")
    assert scalar(a, "select count(*) from lane_cache") == before


def a_claim_with_an_old_snapshot_leaves_a_front_that_serves_all(connect: Connect) -> None:
    """What it saw of the other lanes may be gone when it commits."""
    old, a = connect(), connect()
    for need in range(240):
        submit(a, f"m.{need}")
    take(a, "m.%", n=5)
    with transaction(old, "repeatable read"):
        scalar(old, "select count(*) from job")
        for _ in range(250):
            engine.move_marks(a, "m.%")
            submit(a, "m.1")
            complete(a, engine.take_one(a, "m.%"))
        assert scalar(a, "select count(*) from lane_cache") < 250, "fronts are not cleared away"
        old.execute("select _advance_watermarks('{m.%}', clock_timestamp())")
    assert scalar(
        a,
        "select f.rest_id is null or exists (select from lane_cache_rest as r where r.rest_id = f.rest_id)"
        " from (select rest_id from lane_cache order by cache_id desc limit 1) as f",
    ), "it notes a rear that is gone"
    while expected := _next_ready(a, 7):
        assert [w["job_id"] for w in take(a, "m.%", n=7)] == expected


def that_scopes_were_forgotten_is_known(connect: Connect) -> None:
    """A worker of a prefix that asked long ago left no trace: nobody is to say that none has asked."""
    a = connect()
    submit(a, "m.1")
    take(a, "m.%")
    a.execute("update lane_cache set noted_at = clock_timestamp() - interval '2 days'")
    a.execute("alter table lane_cache alter cache_id restart with 10000")
    rare = submit(a, "m.2")
    submit(a, "other.1")
    take(a, "other.%")
    assert scalar(a, "select count(*) from lane_cache where starts_with(scope, E'\\nm.')") == 0
    reasons = engine.rows(a, "why_not_running", job_id=rare)
    assert [r["reason"] for r in reasons] == ["waits_for_a_worker"]


def a_claim_that_always_finds_work_does_upkeep_too(connect: Connect) -> None:
    """An idle need is claimed by old marks, but not for ever without a look at what is due."""
    a = connect()
    jobs = [submit(a, "x") for _ in range(3)]
    other = submit(a, "y", retry=engine.AT_ONCE)
    take(a, "y")
    take(a, "x")
    engine.run_out(a, other)
    a.execute("insert into maintenance_horizon (at) values (clock_timestamp() - interval '10 s')")
    # until the marks are old, and the server as old as the lease, before which none runs out
    a.execute(
        "select pg_sleep(greatest(1.1,"
        " 1.5 - extract(epoch from clock_timestamp() - pg_postmaster_start_time())))"
    )
    assert take(a, "x")[0]["job_id"] in jobs
    assert engine.one(a, "job", job_id=other)["state"] != "leased"


def marks_move_while_a_backlog_is_drained(connect: Connect) -> None:
    """Nothing is submitted meanwhile: it is claims that leave dead entries behind."""
    a = connect()
    a.execute("select count(*) from (select submit('x') from generate_series(1, 1000)) as s")
    # other databases of the server hold it up, too; and a tick that is fresh, so that marks alone decide
    for _ in range(990):
        a.execute("insert into maintenance_horizon (at) values (clock_timestamp())")
        complete(a, engine.take_one(a, "x"))
    first = scalar(a, "select min(fence) from watermark where next_need = 'x' and fence > 0")
    last = scalar(a, "select max(fence) from watermark where next_need = 'x'")
    assert first is not None
    assert last - first >= 100, "claims went by marks as old as the first"


_CLAIMS = "select count(nextval('fence_seq')) from generate_series(1, 120)"
_NEWEST = "from watermark where next_need = 'x' order by watermark_id desc limit 1"


def _noted(conn: Connection) -> None:
    """There are jobs of x, and marks of it; which claim is the one in fifty, a setting of its session says."""
    conn.execute(
        "create or replace function _one_in_fifty() returns boolean language sql volatile"
        " as $$ select current_setting('test.one_in_fifty')::boolean $$"
    )
    conn.execute("set test.one_in_fifty = false")
    for _ in range(4):
        submit(conn, "x")
    take(conn, "x")


def _calls(
    conn: Connection,
    *functions: str,
    age: str = "30 ms",
    one_in_fifty: bool = True,
    claim: Callable[[Connection, str], list[Any]] = take,
) -> list[int]:
    """Claims one x by marks that were noted so long ago; how often each function was called for it.

    In a transaction: the server counts the calls of one.
    """
    columns = "next_need, priorities, numbers, keyed, seen_number, seen_by, fence, max_lease, max_attempts"
    conn.execute("set track_functions = 'pl'")

    def counts() -> list[int]:
        calls = "select coalesce(pg_stat_get_xact_function_calls(%s::regproc), 0)"
        return [scalar(conn, calls, function) for function in functions]

    before = counts()
    conn.execute("insert into maintenance_horizon (at) values (clock_timestamp())")
    # last, so that a slow machine does not make it older
    conn.execute(
        f"insert into watermark ({columns}, noted_at)"
        f" select {columns}, clock_timestamp() - %s::interval {_NEWEST}",
        (age,),
    )
    conn.execute("select set_config('test.one_in_fifty', %s::text, false)", (one_in_fifty,))
    assert len(claim(conn, "x")) == 1
    return [after - was for after, was in zip(counts(), before, strict=True)]


def a_claim_goes_by_marks_that_few_claims_came_after(connect: Connect) -> None:
    """With synchronous commit fifty claims take longer than marks had once been good for."""
    a = connect()
    _noted(a)
    with transaction(a):
        assert _calls(a, "_refresh_watermark", "_stale_watermark_usable") == [0, 0]


def one_claim_in_fifty_moves_marks_that_many_came_after(connect: Connect) -> None:
    """However young they are; and only one: most of the many may be claims of other needs."""
    a = connect()
    _noted(a)
    a.execute(_CLAIMS)
    was = scalar(a, f"select fence {_NEWEST}")
    with transaction(a):
        assert _calls(
            a, "_refresh_watermark", "_stale_watermark_usable", age="0 s", one_in_fifty=False
        ) == [0, 0]
    assert scalar(a, f"select fence {_NEWEST}") == was
    with transaction(a):
        assert _calls(a, "_refresh_watermark", age="0 s") == [1]
    assert scalar(a, f"select fence {_NEWEST}") > was


def who_moves_the_marks_claims_by_them(connect: Connect) -> None:
    """The long way, with all that it looks at, is for those who find nothing; by turn as well."""
    a = connect()

    def turn(conn: Connection, need: str) -> list[Any]:
        return engine.rows(conn, "turn", worker_id="w", capabilities=[need])

    for claim in (take, turn):
        _noted(a)
        a.execute(_CLAIMS)
        with transaction(a):
            assert _calls(a, "_refresh_watermark", "_plan_claim", "_grant_leases", claim=claim) == [
                1,
                0,
                0,
            ]


def a_claim_goes_by_the_marks_of_all_lanes(connect: Connect) -> None:
    a = connect()
    submit(a, "x", priority=50)
    engine.drain_held(a)
    _noted(a)
    with transaction(a):
        assert _calls(a, "_refresh_watermark", "_plan_claim") == [0, 0]


def a_claim_goes_by_marks_of_an_idle_need(connect: Connect) -> None:
    """But for one in fifty of those that many came after."""
    a = connect()
    _noted(a)
    with transaction(a):
        assert _calls(a, "_refresh_watermark", age="2 s") == [0]
    a.execute(_CLAIMS)
    with transaction(a):
        assert _calls(a, "_refresh_watermark", age="2 s", one_in_fifty=False) == [0]
    with transaction(a):
        assert _calls(a, "_refresh_watermark", age="2 s") == [1]


def claims_go_by_old_marks_while_somebody_else_moves_them(connect: Connect) -> None:
    a, b = connect(), connect()
    _noted(a)
    a.execute(_CLAIMS)
    with transaction(a):
        assert _calls(a, "_refresh_watermark") == [1], "somebody has to move them"
        with transaction(b):
            assert _calls(b, "_refresh_watermark") == [0], "the others need not"


def marks_move_though_one_who_moved_them_idles(connect: Connect) -> None:
    """Work done in the transaction of its claim may take long: that delays only its own."""
    a, b = connect(), connect()
    _noted(a)
    a.execute(_CLAIMS)
    with transaction(a):
        assert _calls(a, "_refresh_watermark") == [1]
        assert _calls(b, "_refresh_watermark", age="2 s") == [1]
        assert scalar(b, f"select clock_timestamp() - noted_at < '1 s' {_NEWEST}"), "not moved"


# --- lanes that are retired ---------------------------------------------------------------------


def _retire(conn: Connection, times: int = 6) -> None:
    """As if all lanes had been opened long ago, and upkeep came by so often; and fronts were made
    up from what lanes are left."""
    for _ in range(times):
        conn.execute("update lane set retire_at = opened_at")
        engine.one(conn, "sweep")
    conn.execute("update lane_cache set made_at = '-infinity', noted_at = '-infinity'")
    conn.execute("update lookahead set noted_at = '-infinity'")


def _gone(conn: Connection, need: str) -> None:
    """Its lanes are retired, and removed. Other databases of the server hold that up, too."""
    for _ in range(200):
        _retire(conn, 1)
        if not scalar(conn, "select count(*) from lane where next_need = %s", need):
            return
    raise AssertionError("its lane stays")


def a_lane_that_nobody_uses_is_removed_with_its_marks(connect: Connect) -> None:
    a = connect()
    submit(a, "x")
    submit(a, "m.1", singleton_key="k")
    engine.drain(a)
    engine.move_marks(a, "x")
    for need in ("x", "m.1"):
        _gone(a, need)
        assert scalar(a, "select count(*) from watermark where next_need = %s", need) == 0
    take(a, "%")
    front = "select cardinality(needs) from lane_cache where scope = E'\\n%' order by cache_id desc limit 1"
    assert scalar(a, front) == 0, "the front keeps it"
    later = [submit(a, need) for need in ("x", "m.1")]
    assert [w["job_id"] for w in take(a, "x")] == later[:1]
    assert [w["job_id"] for w in take(a, "m.%")] == later[1:]


def a_job_whose_submitter_saw_its_lane_open_is_found_after_the_lane_was_retired(
    connect: Connect,
) -> None:
    producer, a = connect(), connect()
    for claim in ("x", "%"):
        submit(a, "x")
        engine.drain(a)
        with transaction(producer):
            late = submit(producer, "x")
            _retire(a, 12)
            assert take(a, claim) == []
        _retire(a, 12)
        assert [w["job_id"] for w in take(a, claim)] == [late], claim
        engine.drain_held(a)


def a_job_whose_submitter_came_while_its_lane_was_being_retired_is_found(connect: Connect) -> None:
    """It has a later id than who retired the lane, whom it could not see, and no snapshot now."""
    producer, retirer, a = connect(), connect(), connect()
    for claim in ("x", "%"):
        submit(a, "x")
        engine.drain(a)
        with transaction(producer):
            with transaction(retirer):
                _retire(retirer, 1)
                late = submit(producer, "x")
            producer.execute("select 1")  # its portal kept the snapshot of submit
            _retire(a, 12)
        _retire(a, 12)
        assert [w["job_id"] for w in take(a, claim)] == [late], claim
        engine.drain_held(a)


def a_job_whose_submitter_has_an_old_snapshot_is_found_after_its_lane_was_retired(
    connect: Connect,
) -> None:
    """It takes its id long after the lane was retired, and still sees it open."""
    producer, a = connect(), connect()
    for isolation in ("repeatable read", "serializable"):
        submit(a, "x")
        engine.drain(a)
        with transaction(producer, isolation):
            _retire(a, 12)
            late = submit(producer, "x")
            _retire(a, 12)
        _retire(a, 12)
        assert [w["job_id"] for w in take(a, "%")] == [late], isolation
        engine.drain_held(a)


def whoever_owns_the_schema_sees_the_snapshots_of_others(connect: Connect) -> None:
    """Without any right to it: of pg_stat_activity this is shown to everybody."""
    a, other = connect(), connect()
    role = f"nobody_{uuid4().hex}"
    a.execute(f"create role {role}; set role {role}")
    with transaction(other, "repeatable read"):
        seen = "select count(*) from pg_stat_activity where pid = %s and backend_xmin is not null"
        assert scalar(a, seen, other.info.backend_pid) == 1
    a.execute(f"reset role; drop role {role}")


def a_lane_is_looked_at_while_it_is_being_retired(connect: Connect) -> None:
    """By claims whose marks and fronts were made up since."""
    producer, a = connect(), connect()
    for claim in ("x", "%"):
        submit(a, "x", priority=7)
        engine.drain(a)
        with transaction(producer):
            late = submit(producer, "x", priority=7)
            other = submit(a, "x")
            _retire(a)
            assert [w["job_id"] for w in take(a, claim)] == [other]
            submit(a, "x")
        engine.move_marks(a, claim)
        _as_if_just_moved(a)
        assert [w["job_id"] for w in take(a, claim)] == [late], claim
        engine.drain_held(a)


def a_lane_in_which_a_job_is_left_is_opened_again(connect: Connect) -> None:
    a = connect()
    free = submit(a, "x")
    submit(a, "m.1", singleton_key="k", priority=3)
    keyed = submit(a, "m.1", singleton_key="other")
    engine.take_one(a, "m.1")
    _retire(a, 1)
    for _ in range(200):
        a.execute("update lane set retire_at = opened_at where priority < 0")
        engine.one(a, "sweep")
        if not scalar(a, "select count(*) from lane where priority < 0"):
            break
    _retire(a, 0)
    assert [w["job_id"] for w in take(a, "x")] == [free]
    assert [w["job_id"] for w in take(a, "m.1")] == [keyed]


def a_job_that_comes_back_opens_the_lane_that_was_removed_meanwhile(connect: Connect) -> None:
    a = connect()

    def released(work: engine.Work) -> None:
        engine.one(a, "release", **lease_of(work))

    def failed(work: engine.Work) -> None:
        engine.one(a, "fail", **lease_of(work), error="e")

    def run_out(work: engine.Work) -> None:
        # none runs out before the server was up as long
        a.execute(
            "select pg_sleep(greatest(0, 1.5 - extract(epoch from clock_timestamp() - since))) from uptime"
        )
        engine.run_out(a, work["job_id"])

    def redriven(work: engine.Work) -> None:
        engine.one(a, "fail", **lease_of(work), error="e", retryable=False)
        _gone(a, "x")
        engine.one(a, "redrive", job_id=work["job_id"], actor="me")

    def freed(work: engine.Work) -> None:
        waits_for = submit(a, "other")
        engine.one(a, "reschedule", **lease_of(work), wait_for=[waits_for])
        _gone(a, "x")
        complete(a, engine.take_one(a, "other"))

    def rescheduled(work: engine.Work) -> None:
        engine.one(a, "reschedule", **lease_of(work))

    def scheduled(work: engine.Work) -> None:
        later = scalar(a, "select clock_timestamp() + interval '1 hour'")
        engine.one(a, "reschedule", **lease_of(work), available_at=later)
        _gone(a, "x")

    for claim in ("x", "%"):
        for way in (released, failed, run_out, redriven, freed, rescheduled, scheduled):
            job = submit(a, "x", retry=engine.AT_ONCE)
            work = engine.take_one(a, "x")
            _gone(a, "x")
            way(work)
            for _ in range(3):
                engine.sweep(a)
            assert [w["job_id"] for w in take(a, claim)] == [job], (claim, way.__name__)
            engine.drain_held(a)


def the_next_of_a_key_opens_the_lane_that_was_removed_meanwhile(connect: Connect) -> None:
    a = connect()
    for claim in ("x", "%"):
        submit(a, "x", singleton_key="k")
        parked = submit(a, "x", singleton_key="k")
        work = engine.take_one(a, "x")
        engine.work_off_notes(a)
        _gone(a, "x")
        complete(a, work)
        assert [w["job_id"] for w in take(a, claim)] == [parked], claim
        engine.drain_held(a)


def a_lane_that_is_used_while_it_is_being_retired_stays_longer(connect: Connect) -> None:
    a = connect()
    submit(a, "x")
    stays = []
    for _ in range(10):
        a.execute("update lane set retire_at = now(), opened_at = now() - (retire_at - opened_at)")
        engine.one(a, "sweep")
        submit(a, "x")
        stays.append(
            scalar(a, "select (retire_at - opened_at)::text from lane where priority >= 0")
        )
    assert stays[:3] == ["00:20:00", "00:40:00", "01:20:00"], stays
    assert stays[-1] == "1 day"


def a_lane_that_was_opened_again_is_in_its_scope_once(connect: Connect) -> None:
    """It was in the rear, and is in the front now: a claim of all there is takes each job once."""
    a = connect()
    for need in range(240):
        submit(a, f"m.{need}")
    take(a, "m.%", n=5)
    engine.move_marks(a, "m.%")
    a.execute("update lane set retire_at = opened_at")
    engine.one(a, "sweep")
    for need in range(230, 240):
        submit(a, f"m.{need}")
    expected = _next_ready(a, 300)
    assert len(expected) == 245
    assert [w["job_id"] for w in take(a, "m.%", n=300)] == expected


# --- from when on upkeep looks -----------------------------------------------------------------


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


class _RollBack(Exception):
    pass
