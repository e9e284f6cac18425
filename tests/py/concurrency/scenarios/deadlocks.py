"""Deadlocks between calls, and cycles of dependencies."""

from __future__ import annotations

from uuid import UUID, uuid4

import engine
from conftest import Connect
from engine import PATIENCE, complete, does_not_wait, lease_of, scalar, submit, take, transaction
from support import background, refused, value, wait_until_blocked


def ends_with_crossed_dependents_neither_wait_nor_deadlock(connect: Connect) -> None:
    one, two, conn = (connect(options=PATIENCE) for _ in range(3))
    parents = [submit(conn, f"p{n}") for n in range(4)]
    left = submit(conn, "c", wait_for=[parents[0], parents[3]])
    right = submit(conn, "c", wait_for=[parents[1], parents[2]])
    works = [engine.take_one(conn, f"p{n}") for n in range(4)]
    with transaction(one), transaction(two), does_not_wait("complete"):
        complete(one, works[0])  # left
        complete(two, works[2])  # right
        complete(one, works[1])  # right
        complete(two, works[3])  # left
    assert set(engine.drain(conn)) == {left, right}


def two_reschedules_cannot_close_a_cycle_at_once(connect: Connect) -> None:
    one, two = connect(), connect()
    a, b = submit(one, "x"), submit(one, "x")
    with transaction(one):
        engine.one(one, "reschedule_unheld", job_id=a, actor="t", wait_for=[b])
        with refused("40001"):
            engine.one(two, "reschedule_unheld", job_id=b, actor="t", wait_for=[a])
    with refused("LH004"):
        engine.one(two, "reschedule_unheld", job_id=b, actor="t", wait_for=[a])
    assert engine.drain(one) == [b, a]


def an_old_snapshot_cannot_close_a_cycle(connect: Connect) -> None:
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
    answers = forth.result(timeout=60) + back.result(timeout=60)
    assert [a["ok"] for a in answers].count(True) == 4
    assert {a["error_code"] for a in answers} == {None, "LH018"}


def two_mixed_batches_of_the_same_jobs_in_reverse_order_do_not_deadlock(connect: Connect) -> None:
    """As above, where not all elements are completes: no job ends before all are locked."""
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
    answers = forth.result(timeout=60) + back.result(timeout=60)
    assert [a["ok"] for a in answers].count(True) == 4


def a_batch_of_completes_locks_in_the_order_of_a_mixed_one(connect: Connect) -> None:
    """Both lock in the order of job ids, not in the order in which the rows are stored."""
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
    answers = forth.result(timeout=60) + back.result(timeout=60)
    assert [a["error_code"] for a in answers] == [None, None, None, "LH008", None, "LH018"]


def two_batches_of_the_same_keys_in_reverse_order_do_not_deadlock(connect: Connect) -> None:
    """Two calls of submit_many reserve the same idempotency keys and given ids."""
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
        errors = [f.exception(timeout=60) for f in (forth, back)]
        for error in errors:
            assert error is None or getattr(error, "sqlstate", "") == "LH005", (
                f"{what}: {type(error).__name__}: {error}"
            )


def no_call_waits_for_an_idle_claim(connect: Connect) -> None:
    """The public calls go on while another transaction has claimed and ended other jobs."""
    idler, other = connect(), connect(options=PATIENCE)
    for n in range(6):
        submit(other, "x", singleton_key=f"k{n % 2}")
    ending = engine.take_one(other, "x")
    for n in range(70):  # more rows than maintenance keeps
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
    """The same holds for the rows that they remove: old registrations, duplicate lanes, and old
    maintenance horizons."""
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


def maintenance_in_a_claim_does_not_wait_for_that_in_another(connect: Connect) -> None:
    """get_work removes old maintenance horizons: two calls that do so must not wait for each
    other."""
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
