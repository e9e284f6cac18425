"""Singleton keys with many workers (promise 6, fault 34), and a key with very many jobs."""

from __future__ import annotations

import itertools
import time

import pytest

import engine
from conftest import Connect, Connection
from support import run_threads
from workers import Watch, workers


def overlaps(held: list[tuple[str, int, float, float]]) -> list[object]:
    """Pairs of leases of one key that were held at once, as the workers saw it.

    A worker holds a lease from the answer of its claim until it sends the completion. Fences are
    drawn while the key is locked, so that leases in the order of their fences must be in the order
    of time as well.
    """
    held = sorted(held)
    return [
        (one, two) for one, two in itertools.pairwise(held) if one[0] == two[0] and one[3] > two[2]
    ]


@pytest.mark.long
@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_fifty_workers_on_two_hundred_jobs_of_ten_keys(
    connect: Connect, conn: Connection, isolation: str
) -> None:
    engine.submit_many(
        conn,
        [
            {"next_need": f"n{n % 3}", "singleton_key": f"k{n % 10}", "priority": n % 7}
            for n in range(200)
        ],
    )
    session = f"{engine.PATIENCE} {engine.at_level(isolation)}"
    held: list[tuple[str, int, float, float]] = []

    def log(work: engine.Work, since: float) -> None:
        held.append((work["singleton_key"], work["fence"], since, time.monotonic()))

    with Watch(connect()) as watch:
        counts = workers(connect, 50, 200, batch=5, hold=0.002, session=session, log=log)
    engine.run_deferred(conn)
    engine.check(conn, drained=True)
    assert counts.pop("done") == 200
    if isolation == "read committed":
        assert not counts, f"errors: {counts}"
        watch.assert_no_claim_waited()
    else:
        # A call succeeds or raises 40001. Transactions with fixed snapshots may wait for each
        # other's writes, as always in PostgreSQL.
        assert set(counts) <= {"40001"}, f"errors: {counts}"
    assert len(held) == 200
    assert overlaps(held) == []


def test_fifty_claimers_at_once_get_one_job_of_a_key(connect: Connect, conn: Connection) -> None:
    for n in range(60):  # each more urgent than the one before, so that none of them is parked
        engine.submit(conn, singleton_key="k", priority=100 - n)
    conns = [connect(options=engine.PATIENCE) for _ in range(50)]
    found = run_threads([lambda c=c: engine.take(c, n=2) for c in conns])
    assert [len(f) for f in found].count(1) == 1
    assert sum(len(f) for f in found) == 1
    engine.check(conn)


@pytest.mark.long
def test_a_busy_key_does_not_slow_the_claims_of_others(connect: Connect, conn: Connection) -> None:
    """A claim reads no more for a hundred thousand jobs of one key before the job that it takes."""

    def cost(capability: str) -> int:
        """The buffers that one claim touches, in a transaction that is rolled back."""
        engine.maintenance_is_done(conn)
        costs = []
        for _ in range(4):
            conn.execute("begin")
            plan = engine.scalar(
                conn,
                "explain (analyze, buffers, format json)"
                f" select * from get_work('w', array['{capability}'])",
            )[0]["Plan"]
            conn.execute("rollback")
            assert plan["Actual Rows"] == 1
            costs.append(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
        return min(costs)

    engine.submit(conn, "x")
    for _ in range(4):
        engine.submit(conn, "small", singleton_key="small")
    engine.complete(conn, engine.take_one(conn, "small"))
    before = cost("x")
    engine.submit_many(
        conn, [{"next_need": "x", "singleton_key": "busy", "priority": 1} for _ in range(1000)]
    )
    template = engine.query(conn, "select * from job where parked limit 1")[0]
    columns = [c for c in template if c not in ("job_id", "number")]
    conn.execute(
        f"insert into job (job_id, number, {', '.join(columns)})"
        f" select gen_random_uuid(), nextval('number_seq'), {', '.join(columns)}"
        " from job cross join generate_series(1, 99000) where job_id = %s",
        (template["job_id"],),
    )
    conn.execute("vacuum analyze job")
    engine.run_deferred(conn)
    small, holder = engine.take_one(conn, "small"), engine.take_one(conn, "x")
    assert holder["singleton_key"] == "busy"
    engine.run_deferred(conn)
    after = cost("x")
    assert after <= 2 * before + 20, (
        f"{before} buffers before, {after} behind 100,000 jobs of a key"
    )
    # the end of the holder unparks the next job as cheaply as with a key of three jobs
    costs = []
    for work in (small, holder):
        plan = engine.scalar(
            conn,
            "explain (analyze, buffers, format json)"
            f" select complete('{work['job_id']}', '{work['lease_id']}')",
        )[0]["Plan"]
        costs.append(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
    assert costs[1] <= 2 * costs[0] + 20, (
        f"{costs[0]} buffers with a key of three jobs, {costs[1]} here"
    )
    assert engine.take_one(conn, "x")["singleton_key"] == "busy"
