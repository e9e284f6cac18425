"""Dependencies: no dependent is stranded, whatever ends beside it."""

from __future__ import annotations

from collections.abc import Callable

import psycopg

import engine
from conftest import Connect
from engine import PATIENCE, complete, does_not_wait, lease_of, submit, take, transaction
from support import background, wait_until_blocked

from .common import completes_of


def a_job_submitted_while_its_dependency_completes_is_freed(connect: Connect) -> None:
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


def a_job_submitted_while_its_dependency_is_ending_is_freed(connect: Connect) -> None:
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


def a_sweep_in_an_old_transaction_does_not_drop_the_recheck(connect: Connect) -> None:
    """The looker's transaction began before the end did: its id proves nothing."""
    worker, looker, old = connect(), connect(options=PATIENCE), connect()
    submit(looker)
    work = engine.take_one(worker)
    with transaction(old):
        old.execute("select pg_current_xact_id()")
        with transaction(worker):
            complete(worker, work)
            late = submit(looker, wait_for=[work["job_id"]])
            engine.make_due(looker)
            value_of_sweep = engine.rows(old, "sweep")
            assert value_of_sweep
            old.execute("commit")
            engine.sweep(looker, 5)
        old.execute("begin")
    assert engine.drain(looker) == [late]


def a_job_rescheduled_while_its_dependency_is_ending_is_freed(connect: Connect) -> None:
    worker, mover, looker = connect(), connect(), connect(options=PATIENCE)
    submit(looker, "x")
    submit(looker, "y")
    ending, moving = engine.take_one(worker, "x"), engine.take_one(mover, "y")
    with transaction(worker):
        complete(worker, ending)
        engine.one(mover, "reschedule", **lease_of(moving), wait_for=[ending["job_id"]])
        engine.sweep(looker, 5)
    assert engine.drain(looker) == [moving["job_id"]]


def two_last_dependencies_that_end_at_once_free_their_dependent(connect: Connect) -> None:
    one, two, looker = connect(options=PATIENCE), connect(options=PATIENCE), connect()
    parents = [submit(looker, "x"), submit(looker, "y")]
    child = submit(looker, "z", wait_for=parents)
    engine.run_deferred(looker)
    first, second = engine.take_one(one, "x"), engine.take_one(two, "y")
    with transaction(one), transaction(two):
        complete(one, first)
        with does_not_wait("complete"):
            complete(two, second)
    assert engine.drain(looker) == [child]


def an_end_with_a_fixed_snapshot_frees_a_dependent_it_cannot_see(connect: Connect) -> None:
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


def a_batch_with_a_fixed_snapshot_frees_a_dependent_it_cannot_see(connect: Connect) -> None:
    for isolation in ("repeatable read", "serializable"):
        worker, looker = connect(), connect()
        submit(looker), submit(looker)
        works = take(looker, n=2)
        ended = False
        with transaction(worker, isolation):
            late = submit(looker, wait_for=[works[0]["job_id"]])
            engine.sweep(looker, 3)  # the new edge's own note is done with
            try:
                engine.settle(worker, completes_of(*works))
                ended = True
            except psycopg.errors.SerializationFailure:
                worker.execute("rollback")
                worker.execute("begin")
        if not ended:
            engine.settle(worker, completes_of(*works))
        assert engine.drain(looker) == [late], isolation


def a_recheck_outlives_an_end_that_read_before_the_dependency_committed(connect: Connect) -> None:
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
        (1, lambda works: engine.settle(worker, completes_of(*works))),
        (2, lambda works: engine.settle(worker, completes_of(*works))),
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
        ending.result(timeout=60)
        assert engine.drain(conn) == [late]


def a_batch_frees_dependents_and_unparks_the_next_of_its_keys(connect: Connect) -> None:
    conn = connect()
    for key in ("k", "l"):
        submit(conn, singleton_key=key)
    submit(conn)
    works = take(conn, n=3)
    next_of = {submit(conn, "y", singleton_key=key) for key in ("k", "l")}
    behind = submit(conn, "y", wait_for=[work["job_id"] for work in works])
    engine.run_deferred(conn)
    engine.settle(conn, completes_of(*works))
    found = {w["job_id"] for w in engine.query(conn, "select job_id from job where not parked")}
    assert found == next_of | {behind}
    assert engine.state(conn, behind) == "ready"
    assert set(engine.drain(conn)) == found


def a_job_submitted_with_a_fixed_snapshot_whose_dependency_ended_unseen_is_freed(
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


def workers_with_fixed_snapshots_free_dependents(connect: Connect) -> None:
    """Nobody ever comes at READ COMMITTED: dependents and keys must go on all the same."""
    for isolation in ("repeatable read", "serializable"):
        conn = connect()
        conn.execute(f"set default_transaction_isolation = '{isolation}'")
        first = submit(conn, singleton_key=isolation)
        child = submit(conn, wait_for=[first])
        second = submit(conn, singleton_key=isolation)
        order = engine.drain(conn)
        assert set(order) == {first, child, second}, isolation


def an_old_snapshot_does_not_lose_the_last_dependency(connect: Connect) -> None:
    """Upkeep above READ COMMITTED frees one edge of a job and cannot see that the other is gone."""
    for isolation in ("repeatable read", "serializable"):
        idler, old, conn = connect(), connect(), connect()
        parents = [submit(conn, "x"), submit(conn, "y")]
        child = submit(conn, "z", wait_for=parents)
        engine.run_deferred(conn)
        first, second = engine.take_one(conn, "x"), engine.take_one(conn, "y")
        with transaction(idler):
            idler.execute("select 1 from job where job_id = %s for update", (child,))
            complete(conn, second)  # leaves a note for the child
        engine.make_due(conn)
        try:
            with transaction(old, isolation):
                complete(conn, first)
                engine.rows(old, "sweep")
        except psycopg.errors.SerializationFailure:
            pass
        assert engine.drain(conn) == [child], isolation


def a_locked_dependent_is_freed_later(connect: Connect) -> None:
    """Whoever idles in a transaction about the dependent delays that dependent and nobody else."""
    worker, idler, looker = connect(options=PATIENCE), connect(), connect()
    parent = submit(looker, "x")
    held, free = (submit(looker, "y", wait_for=[parent]) for _ in range(2))
    engine.run_deferred(looker)
    work = engine.take_one(worker, "x")
    with transaction(idler):
        idler.execute("select 1 from job where job_id = %s for update", (held,))
        with does_not_wait("complete"):
            complete(worker, work)
        with does_not_wait("sweep"):
            engine.one(worker, "sweep")
        assert [w["job_id"] for w in take(worker, "y", n=5)] == [free]
    assert engine.drain_held(looker) == [held]


def an_end_with_many_dependents_and_other_deferred_items_do_not_delay_each_other(
    connect: Connect,
) -> None:
    """A sweep of twenty frees ten of them, and one that was locked when its own parent ended."""
    conn, idler = connect(), connect()
    wide, narrow, open_ = submit(conn, "wide"), submit(conn, "narrow"), submit(conn, "open")
    held = submit(conn, "held", wait_for=[narrow])
    engine.run_deferred(conn)
    engine.maintenance_is_done(conn)
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


def a_redrive_reaches_a_dependent_that_was_locked(connect: Connect) -> None:
    worker, idler, looker = connect(options=PATIENCE), connect(), connect()
    parent = submit(looker, "x", max_attempts=1)
    child = submit(looker, "y", wait_for=[parent], on_dependency_failure="cascade")
    engine.run_deferred(looker)
    engine.one(worker, "fail", **lease_of(engine.take_one(worker, "x")), error="no")
    engine.run_deferred(looker)
    assert engine.state(looker, child) == "dead"
    with transaction(idler):
        idler.execute("select 1 from job where job_id = %s for update", (child,))
        with does_not_wait("redrive"):
            engine.one(worker, "redrive", job_id=parent, actor="t")
    engine.sweep(looker, 2)
    assert engine.state(looker, child) == "blocked"
    assert engine.drain(looker) == [parent, child]
