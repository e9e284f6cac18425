"""Claims: no job is skipped, and none is claimed twice."""

from __future__ import annotations

import engine
from conftest import Connect
from engine import PATIENCE, complete, does_not_wait, scalar, submit, take, transaction
from support import background, refused, wait_until_blocked


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


def a_claim_skips_locked_rows(connect: Connect) -> None:
    idler, worker = connect(), connect(options=PATIENCE)
    for capabilities in (["x"], ["x", "y"]):
        first, second = submit(idler, "x"), submit(idler, "x")
        with transaction(idler):
            idler.execute("select 1 from job where job_id = %s for no key update", (first,))
            with does_not_wait("get_work"):
                found = [w["job_id"] for w in take(worker, *capabilities, n=5)]
            assert found == [second]
        engine.drain_held(worker)


def a_claim_with_fresh_watermarks_skips_locked_rows(connect: Connect) -> None:
    """The short path that nearly every claim takes, for a need with one lane and one with two."""
    idler, worker = connect(), connect(options=PATIENCE)
    submit(idler, "y", priority=50)
    engine.drain_held(worker)
    for need in ("x", "y") * 5:
        first, second = submit(idler, need), submit(idler, need)
        with transaction(idler):
            idler.execute("select 1 from job where job_id = %s for no key update", (first,))
            engine.advance_watermarks(worker, need)
            with does_not_wait("get_work"):
                found = [w["job_id"] for w in take(worker, need)]
            assert found == [second]
        engine.drain_held(worker)


def a_claim_that_came_too_late_keeps_no_lock_on_the_job(connect: Connect) -> None:
    """A claimer reads a job, and another one leases it before the first locks the row.

    The first must not keep a lock on that row. A barrier inside the claim's query makes the moment.
    """
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
        ("_lock_candidates", "and j.job_id <> all (excluded)"),
    ):
        definition: str = scalar(conn, "select pg_get_functiondef(%s::regproc)", function)
        assert last in definition
        conn.execute(definition.replace(last, f"{last} and _barrier()", 1))
    # with fresh watermarks of one lane, and of two; by the long path
    for need, lanes, n in (("x", (100,), 1), ("y", (100, 50), 1), ("z", (100,), 2)):
        for priority in lanes:
            submit(conn, need, priority=priority)
        engine.drain_held(conn)
        first, second = submit(conn, need), submit(conn, need)
        engine.maintenance_is_done(conn)
        engine.advance_watermarks(conn, need)
        late.execute("set test.barrier = on")
        holder.execute("select pg_advisory_lock(4711)")
        late.execute("begin")
        call = background(lambda: take(late, need, n=n))  # noqa: B023
        wait_until_blocked(conn, late)
        work = engine.take_one(worker, need)
        assert work["job_id"] == first
        holder.execute("select pg_advisory_unlock(4711)")
        assert [w["job_id"] for w in call.result(timeout=60)] == [second]
        with does_not_wait("complete"):
            complete(worker, work)
        late.execute("commit")


def a_call_without_a_lease_waits_for_the_grant_and_sees_it(connect: Connect) -> None:
    """cancel and the unheld functions are called while the job is being leased."""
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
                call.result(timeout=60)
        else:
            assert call.result(timeout=60) == [{"cancel": "leased"}]
        complete(conn, work)
    engine.check(conn, drained=True)
