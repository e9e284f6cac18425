"""Dependencies with many workers, and jobs with very many dependencies (promise 5, fault 36)."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

import engine
from conftest import Connect, Connection
from engine import does_not_wait, transaction
from support import one, value
from workers import Watch, workers


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_a_diamond_of_a_thousand_jobs_completed_by_eight_workers(
    connect: Connect, conn: Connection, isolation: str
) -> None:
    """One source, 37 rows of 27 jobs that each wait for three of the row before, and one sink."""
    source, sink = uuid4(), uuid4()
    rows = [[uuid4() for _ in range(27)] for _ in range(37)]
    if isolation != "read committed":
        rows = rows[:6]
    jobs: list[dict[str, Any]] = [{"next_need": "x", "job_id": source}]
    before: list[UUID] = [source]
    for row in rows:
        for at, job_id in enumerate(row):
            wait_for = [before[(at + n) % len(before)] for n in range(min(3, len(before)))]
            jobs.append({"next_need": "x", "job_id": job_id, "wait_for": wait_for})
        before = row
    jobs.append({"next_need": "x", "job_id": sink, "wait_for": before})
    engine.submit_many(conn, jobs)
    session = f"{engine.PATIENCE} {engine.at_level(isolation)}"
    with Watch(connect()) as watch:
        counts = workers(connect, 8, len(jobs), batch=4, session=session)
    assert counts.pop("done", 0) == len(jobs), f"stranded; errors: {counts}"
    if isolation == "read committed":
        assert not counts, f"errors: {counts}"
        watch.assert_no_claim_waited()
    else:
        assert set(counts) <= {"40001"}, f"errors: {counts}"
    engine.run_deferred(conn)
    engine.check(conn, drained=True)
    last = engine.query(conn, "select job_id from archive order by leased_at desc limit 1")
    assert last[0]["job_id"] == sink


def _buffers(conn: Connection, call: str) -> int:
    plan = engine.scalar(conn, f"explain (analyze, buffers, format json) {call}")[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def _completing(work: engine.Work) -> str:
    return f"select complete('{work['job_id']}', '{work['lease_id']}')"


DEPENDENTS = 100_000


@pytest.mark.long
def test_a_hundred_thousand_dependents_are_freed_in_chunks(
    connect: Connect, conn: Connection
) -> None:
    """Completing the job is quick, and all dependents are freed, in chunks whose cost does not grow.

    Completing a job without dependents costs no more than before.
    """
    for _ in range(8):
        engine.submit(conn, "lone", priority=1)
    lone = engine.take(conn, "lone", n=8)
    conn.execute("select 1")
    quiet = min(_buffers(conn, _completing(work)) for work in lone[:4])

    hub = engine.submit(conn, "hub")
    first = engine.submit(conn, "leaf", wait_for=[hub])
    for table in ("job", "dependency"):
        conn.execute(f"alter table {table} set (autovacuum_enabled = off)")
    columns = [c for c in engine.query(conn, "select * from job limit 1")[0] if c != "job_id"]
    columns.remove("number")
    conn.execute(
        f"""
        with made as (
            insert into job (job_id, number, {", ".join(columns)})
            select gen_random_uuid(), nextval('number_seq'), {", ".join(columns)}
            from job cross join generate_series(2, {DEPENDENTS}) where job_id = %s
            returning job_id
        )
        insert into dependency (waits_for, job_id) select %s, m.job_id from made as m
        """,
        (first, hub),
    )
    conn.execute("vacuum analyze job, dependency")

    noticed = min(_buffers(conn, _completing(work)) for work in lone[4:])
    assert noticed <= quiet + 12, (
        f"{quiet} buffers before, {noticed} with dependents of another job"
    )

    held = engine.query(conn, "select job_id from dependency order by job_id offset 5000 limit 1")[
        0
    ]
    with transaction(idler := connect()):
        idler.execute("select 1 from job where job_id = %s for update", (held["job_id"],))
        work = engine.take_one(conn, "hub")
        assert _buffers(conn, _completing(work)) <= 10 * quiet
        blocked = "select count(*) from job where state = 'blocked'"
        assert engine.scalar(conn, blocked) >= DEPENDENTS - 101, "the call itself freed too many"

        chunks: list[tuple[int, int]] = []
        left = engine.scalar(conn, blocked)
        while left > 1:
            engine.make_due(conn)
            cost = _buffers(conn, "select * from sweep()")
            now = engine.scalar(conn, blocked)
            assert now < left, f"{left} dependents are not freed"
            chunks.append((left - now, cost))
            left = now
            assert len(chunks) < 1000
        assert len(chunks) >= 20, "too few chunks: a call takes too long"
        full = [cost / freed for freed, cost in chunks if freed >= 0.9 * chunks[0][0]]
        early, late = sum(full[:5]) / 5, sum(full[-5:]) / 5
        assert late <= 2 * early, (
            f"a dependent cost {early:.0f} buffers at first, {late:.0f} in the end"
        )
    for _ in range(20):
        engine.sweep(conn)
    assert engine.scalar(conn, blocked) == 0
    assert engine.scalar(conn, "select count(*) from job where state = 'ready'") == DEPENDENTS
    assert engine.scalar(conn, "select count(*) from dependency") == 0


def test_few_dependents_are_freed_at_once(conn: Connection) -> None:
    hub = engine.submit(conn, "hub")
    leaves = {engine.submit(conn, "leaf", wait_for=[hub]) for _ in range(20)}
    engine.complete(conn, engine.take_one(conn, "hub"))
    states = engine.query(conn, "select job_id from job where state = 'ready'")
    assert {row["job_id"] for row in states} == leaves


def test_an_idle_producer_delays_only_its_own_dependent(connect: Connect) -> None:
    producer, worker, other = (connect(options=engine.PATIENCE) for _ in range(3))
    hub = engine.submit(worker, "hub")
    leaf = engine.submit(worker, "leaf", wait_for=[hub])
    with transaction(producer):
        late = engine.submit(producer, "leaf", wait_for=[hub])
        work = engine.take_one(worker, "hub")
        with does_not_wait("complete"):
            engine.complete(worker, work)
        with does_not_wait("get_work, submit"):
            assert [w["job_id"] for w in engine.take(worker, n=5)] == [leaf]
            another = engine.submit(other, "leaf", wait_for=[leaf, hub])
            engine.complete(worker, one(worker, "job", job_id=leaf))
            engine.sweep(other, 3)
            assert [w["job_id"] for w in engine.take(worker, n=5)] == [another]
        with does_not_wait("cancel"):
            assert value(other, "cancel", job_id=another, actor="t") == "leased"
    assert engine.drain_held(worker) == [late]


@pytest.mark.parametrize("policy", ["hold", "cascade", "release"])
@pytest.mark.parametrize("end", ["cancelled", "dead", "expired"])
@pytest.mark.parametrize("when", ["before", "after", "meanwhile"])
def test_a_dependency_that_does_not_succeed(
    connect: Connect, policy: str, end: str, when: str
) -> None:
    """Fault 37: every policy for every unsuccessful end of the dependency.

    The end comes before the dependent is submitted, after it, or while both transactions are open.
    """
    ender, conn = connect(), connect(options=engine.PATIENCE)
    hub = engine.submit(conn, "hub", max_attempts=1)
    leaf: UUID | None = None

    def submit_leaf() -> UUID:
        return engine.submit(conn, "leaf", wait_for=[hub], on_dependency_failure=policy)

    if when == "after":
        leaf = submit_leaf()
        engine.run_deferred(conn)
    if end == "expired":
        conn.execute("update job set expires_at = now() - interval '1 s' where next_need = 'hub'")
    with transaction(ender):
        if end == "cancelled":
            value(ender, "cancel", job_id=hub, actor="t")
        elif end == "dead":
            one(ender, "fail_unheld", job_id=hub, actor="t", error="no", retryable=False)
        else:
            one(ender, "sweep")
        if when == "meanwhile":
            with does_not_wait("submit"):
                leaf = submit_leaf()
            engine.sweep(conn, 3)
    leaf = leaf or submit_leaf()
    engine.sweep(conn, 4)

    expected = {
        ("hold", "dead"): "blocked",
        ("hold", "cancelled"): "dead",
        ("cascade", "dead"): "dead",
        ("cascade", "cancelled"): "cancelled",
        ("release", "dead"): "ready",
        ("release", "cancelled"): "ready",
    }[policy, "cancelled" if end == "cancelled" else "dead"]
    info = one(conn, "job", job_id=leaf)
    assert info["state"] == expected
    if expected == "dead":
        assert info["dead_reason"] == "dependency_failed"
    engine.check(conn)

    if end != "cancelled":
        one(conn, "redrive", job_id=hub, actor="t")
        done = engine.drain(conn)
        assert set(done) == {hub, leaf}
        if policy != "release":
            assert done == [hub, leaf]
    elif expected == "dead":
        one(conn, "redrive", job_id=leaf, actor="t")
        assert engine.drain(conn) == [leaf]
    elif expected == "ready":
        assert engine.drain(conn) == [leaf]
    engine.check(conn, drained=True)


def test_dependencies_are_checked(conn: Connection) -> None:
    """Fault 35: a job that waits for itself, in a cycle, twice for one job, or for an unknown
    job."""
    own, a, b = uuid4(), engine.submit(conn, "x"), engine.submit(conn, "x")
    before = engine.query(conn, "select * from job order by job_id")
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("submit", {"next_need": "x", "job_id": own, "wait_for": [own]}),
        ("submit", {"next_need": "x", "wait_for": [uuid4()]}),
        ("reschedule_unheld", {"job_id": a, "actor": "t", "wait_for": [a]}),
        ("reschedule_unheld", {"job_id": a, "actor": "t", "wait_for": [b, uuid4()]}),
    ]
    for function, arguments in wrong:
        with pytest.raises(psycopg.Error) as caught:
            engine.rows(conn, function, **arguments)
        assert caught.value.sqlstate == "LH004"
    with pytest.raises(psycopg.Error) as caught:
        engine.submit_many(
            conn,
            [
                {"next_need": "x", "job_id": own, "wait_for": [b]},
                {"next_need": "x", "job_id": (other := uuid4()), "wait_for": [own]},
                {"next_need": "x", "job_id": b, "wait_for": [other]},
            ],
        )
    assert caught.value.sqlstate in ("LH004", "LH005")
    assert engine.query(conn, "select * from job order by job_id") == before
    twice = engine.submit(conn, "x", wait_for=[a, a, a])
    assert engine.scalar(conn, "select count(*) from dependency where job_id = %s", twice) == 1
    assert engine.drain(conn) == [a, b, twice]


@pytest.mark.long
def test_one_call_runs_a_bounded_part_of_due_maintenance(
    connect: Connect, conn: Connection
) -> None:
    """Forty jobs with a hundred cascading dependents each are cancelled.

    A worker of another need polls. Each call ends no more jobs than its budget allows, and goes on where the last one stopped.
    """
    parents = [engine.submit(conn, "parent") for _ in range(40)]
    for parent in parents:
        children = [
            {"next_need": "child", "wait_for": [parent], "on_dependency_failure": "cascade"}
        ] * 101
        engine.submit_many(conn, children)
    # so that each end is one deferred item, for a hundred and one dependents
    engine.run_deferred(conn)
    for parent in parents:
        value(conn, "cancel", job_id=parent, actor="t")
    left = [engine.scalar(conn, "select count(*) from job")]
    while left[-1]:
        engine.take(conn, "unrelated")
        left.append(engine.scalar(conn, "select count(*) from job"))
        ended = left[-2] - left[-1]
        # maintenance that is due, and once more because the call found no job
        assert 0 < ended <= 1250, f"one call ended {ended} jobs"
        engine.make_due(conn)
    engine.check(conn, drained=True)


@pytest.mark.long
def test_dependencies_are_rechecked_page_by_page(conn: Connection) -> None:
    """A job waits for 10,000 others, all of which ended unseen."""
    parents = engine.submit_many(conn, [{"next_need": "parent"}] * 10_000)
    last = engine.submit(conn, "last", wait_for=parents)
    # all ended unseen, as if they had been ending while it was submitted
    conn.execute(
        "with gone as (delete from ready where next_need = 'parent' returning *)"
        " insert into archive (job_id, submitted_at, available_at, ended_at, attempt, priority, crashes,"
        " cancel_requested, state, next_need, submitted_by, on_dependency_failure, payload)"
        " select job_id, submitted_at, available_at, now(), 1, priority, 0, false, 'succeeded', next_need,"
        " submitted_by, on_dependency_failure, payload from gone"
    )
    left = [engine.scalar(conn, "select count(*) from dependency")]
    while left[-1]:
        engine.make_due(conn)
        engine.one(conn, "sweep")
        left.append(engine.scalar(conn, "select count(*) from dependency"))
        checked = left[-2] - left[-1]
        assert 0 < checked <= 1000, f"one call checked {checked} dependencies"
    assert engine.take_one(conn, "last")["job_id"] == last
