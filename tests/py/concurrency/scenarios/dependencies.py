"""Dependencies: no dependent is stranded, whatever ends at the same time."""

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
    """The end finds no dependents, and commits after the new dependent was rechecked many times.

    The recheck must outlive the end.
    """
    worker, sweeper = connect(), connect(options=PATIENCE)
    submit(sweeper)
    work = engine.take_one(worker)
    with transaction(worker):
        complete(worker, work)
        with does_not_wait("submit"):
            late = submit(sweeper, wait_for=[work["job_id"]])
        with does_not_wait("sweep"):
            engine.sweep(sweeper, 5)
        assert take(sweeper) == []
    assert engine.drain(sweeper) == [late]


def a_sweep_in_an_old_transaction_does_not_drop_the_recheck(connect: Connect) -> None:
    """The transaction of the sweep began before the end did, so that its id proves nothing."""
    worker, sweeper, old = connect(), connect(options=PATIENCE), connect()
    submit(sweeper)
    work = engine.take_one(worker)
    with transaction(old):
        old.execute("select pg_current_xact_id()")
        with transaction(worker):
            complete(worker, work)
            late = submit(sweeper, wait_for=[work["job_id"]])
            engine.make_due(sweeper)
            value_of_sweep = engine.rows(old, "sweep")
            assert value_of_sweep
            old.execute("commit")
            engine.sweep(sweeper, 5)
        old.execute("begin")
    assert engine.drain(sweeper) == [late]


def a_job_rescheduled_while_its_dependency_is_ending_is_freed(connect: Connect) -> None:
    worker, other, sweeper = connect(), connect(), connect(options=PATIENCE)
    submit(sweeper, "x")
    submit(sweeper, "y")
    ending, rescheduled = engine.take_one(worker, "x"), engine.take_one(other, "y")
    with transaction(worker):
        complete(worker, ending)
        engine.one(other, "reschedule", **lease_of(rescheduled), wait_for=[ending["job_id"]])
        engine.sweep(sweeper, 5)
    assert engine.drain(sweeper) == [rescheduled["job_id"]]


def two_last_dependencies_that_end_at_once_free_their_dependent(connect: Connect) -> None:
    one, two, sweeper = connect(options=PATIENCE), connect(options=PATIENCE), connect()
    parents = [submit(sweeper, "x"), submit(sweeper, "y")]
    child = submit(sweeper, "z", wait_for=parents)
    engine.run_deferred(sweeper)
    first, second = engine.take_one(one, "x"), engine.take_one(two, "y")
    with transaction(one), transaction(two):
        complete(one, first)
        with does_not_wait("complete"):
            complete(two, second)
    assert engine.drain(sweeper) == [child]


def an_end_with_a_fixed_snapshot_frees_a_dependent_it_cannot_see(connect: Connect) -> None:
    for isolation in ("repeatable read", "serializable"):
        worker, sweeper = connect(), connect()
        submit(sweeper)
        work = engine.take_one(sweeper)
        ended = False
        with transaction(worker, isolation):
            late = submit(sweeper, wait_for=[work["job_id"]])
            engine.sweep(sweeper, 3)  # runs the recheck of the new dependency
            try:
                complete(worker, work)
                ended = True
            except psycopg.errors.SerializationFailure:
                worker.execute("rollback")
                worker.execute("begin")
        if not ended:
            complete(worker, work)
        assert engine.drain(sweeper) == [late], isolation


def a_batch_with_a_fixed_snapshot_frees_a_dependent_it_cannot_see(connect: Connect) -> None:
    for isolation in ("repeatable read", "serializable"):
        worker, sweeper = connect(), connect()
        submit(sweeper), submit(sweeper)
        works = take(sweeper, n=2)
        ended = False
        with transaction(worker, isolation):
            late = submit(sweeper, wait_for=[works[0]["job_id"]])
            engine.sweep(sweeper, 3)  # runs the recheck of the new dependency
            try:
                engine.settle(worker, completes_of(*works))
                ended = True
            except psycopg.errors.SerializationFailure:
                worker.execute("rollback")
                worker.execute("begin")
        if not ended:
            engine.settle(worker, completes_of(*works))
        assert engine.drain(sweeper) == [late], isolation


def a_recheck_outlives_an_end_that_read_before_the_dependency_committed(connect: Connect) -> None:
    """The statement that ends the job has only taken its snapshot when the dependency commits.

    The recheck of the dependency must outlive it all the same. A trigger stops the statement there.
    """
    conn, barrier, worker, producer = connect(), connect(), connect(), connect()
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
        with transaction(barrier):
            barrier.execute("select pg_advisory_xact_lock(4711)")
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
        producer, sweeper = connect(), connect()
        submit(sweeper)
        work = engine.take_one(sweeper)
        late = None
        try:
            with transaction(producer, isolation):
                complete(sweeper, work)
                late = submit(producer, wait_for=[work["job_id"]])
        except psycopg.errors.SerializationFailure:
            late = submit(producer, wait_for=[work["job_id"]])
        assert engine.drain(sweeper) == [late], isolation


def workers_with_fixed_snapshots_free_dependents(connect: Connect) -> None:
    """No session ever runs at READ COMMITTED: dependents and keys must go on all the same."""
    for isolation in ("repeatable read", "serializable"):
        conn = connect()
        conn.execute(f"set default_transaction_isolation = '{isolation}'")
        first = submit(conn, singleton_key=isolation)
        child = submit(conn, wait_for=[first])
        second = submit(conn, singleton_key=isolation)
        order = engine.drain(conn)
        assert set(order) == {first, child, second}, isolation


def an_old_snapshot_does_not_lose_the_last_dependency(connect: Connect) -> None:
    """Maintenance with a fixed snapshot removes one dependency and cannot see that the other is
    gone."""
    for isolation in ("repeatable read", "serializable"):
        idler, old, conn = connect(), connect(), connect()
        parents = [submit(conn, "x"), submit(conn, "y")]
        child = submit(conn, "z", wait_for=parents)
        engine.run_deferred(conn)
        first, second = engine.take_one(conn, "x"), engine.take_one(conn, "y")
        with transaction(idler):
            idler.execute("select 1 from job where job_id = %s for update", (child,))
            complete(conn, second)  # leaves a deferred item for the child
        engine.make_due(conn)
        try:
            with transaction(old, isolation):
                complete(conn, first)
                engine.rows(old, "sweep")
        except psycopg.errors.SerializationFailure:
            pass
        assert engine.drain(conn) == [child], isolation


def a_locked_dependent_is_freed_later(connect: Connect) -> None:
    """An idle transaction that has locked a dependent delays only that dependent."""
    worker, idler, sweeper = connect(options=PATIENCE), connect(), connect()
    parent = submit(sweeper, "x")
    held, free = (submit(sweeper, "y", wait_for=[parent]) for _ in range(2))
    engine.run_deferred(sweeper)
    work = engine.take_one(worker, "x")
    with transaction(idler):
        idler.execute("select 1 from job where job_id = %s for update", (held,))
        with does_not_wait("complete"):
            complete(worker, work)
        with does_not_wait("sweep"):
            engine.one(worker, "sweep")
        assert [w["job_id"] for w in take(worker, "y", n=5)] == [free]
    assert engine.drain_held(sweeper) == [held]


def an_end_with_many_dependents_and_other_deferred_items_do_not_delay_each_other(
    connect: Connect,
) -> None:
    """A sweep of twenty frees ten of the many, and one that was locked when its dependency
    ended."""
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
    # oldest first: the item of the locked job, those of jobs that still wait, and the end
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
    worker, idler, sweeper = connect(options=PATIENCE), connect(), connect()
    parent = submit(sweeper, "x", max_attempts=1)
    child = submit(sweeper, "y", wait_for=[parent], on_dependency_failure="cascade")
    engine.run_deferred(sweeper)
    engine.one(worker, "fail", **lease_of(engine.take_one(worker, "x")), error="no")
    engine.run_deferred(sweeper)
    assert engine.state(sweeper, child) == "dead"
    with transaction(idler):
        idler.execute("select 1 from job where job_id = %s for update", (child,))
        with does_not_wait("redrive"):
            engine.one(worker, "redrive", job_id=parent, actor="t")
    engine.sweep(sweeper, 2)
    assert engine.state(sweeper, child) == "blocked"
    assert engine.drain(sweeper) == [parent, child]
