"""The ten promises of the design, one section each. Races that are played step by step are
scenarios (concurrency/scenarios); tests that need many sessions stand beside them."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest

import engine
from concurrency.scenarios import deadlocks, dependencies, lease, singleton, wakeup
from concurrency.scenarios.common import Scenario
from conftest import Connect, Connection
from engine import transaction
from support import background, one, pid, refused, rows, run_threads, value, wait_until_blocked

# --- 1. a committed submit is never lost; one that rolled back leaves nothing -------------------


def test_a_submit_that_rolled_back_leaves_nothing(connect: Connect, conn: Connection) -> None:
    conn.execute("create table invoice (n integer)")
    producer = connect(autocommit=False)
    parent = engine.submit(conn, "known", singleton_key="k")
    tables = [
        row["name"]
        for row in engine.query(
            conn,
            "select relname as name from pg_class"
            " where relnamespace = 'leasehold'::regnamespace and relkind = 'r'",
        )
    ]

    def counts() -> dict[str, int]:
        return {t: engine.scalar(conn, f"select count(*) from {t}") for t in tables}

    before = counts()
    producer.execute("insert into invoice values (1)")
    engine.submit(
        producer,
        "new.need",
        job_id=uuid4(),
        wait_for=[parent],
        idempotency_key="i",
        singleton_key="k",
        expires_at=engine.scalar(conn, "select now() + '1 day'::interval"),
    )
    engine.submit(producer, "known", singleton_key="k")
    producer.rollback()
    assert counts() == before
    assert engine.scalar(conn, "select count(*) from invoice") == 0
    assert engine.drain(conn) == [parent]


def test_a_submit_commits_together_with_the_callers_rows(
    connect: Connect, conn: Connection
) -> None:
    conn.execute("create table invoice (n integer)")
    producer, worker = connect(autocommit=False), connect()
    producer.execute("insert into invoice values (1)")
    job_id = engine.submit(producer)
    assert engine.take(worker) == []
    producer.commit()
    assert engine.take_one(worker)["job_id"] == job_id
    assert engine.scalar(conn, "select count(*) from invoice") == 1


def test_a_producer_killed_at_any_statement_submits_all_or_nothing(
    connect: Connect, conn: Connection
) -> None:
    """Fault 9: the producer's backend is killed after each of its statements in turn."""
    conn.execute("create table invoice (n integer)")
    for k in range(4):
        producer = connect(autocommit=False)
        steps = [
            lambda c=producer, k=k: c.execute("insert into invoice values (%s)", (k,)),
            lambda c=producer, k=k: engine.submit(c, "x", idempotency_key=f"a{k}"),
            lambda c=producer, k=k: engine.submit(c, "x", idempotency_key=f"b{k}"),
            lambda c=producer: c.commit(),
        ]
        for step in steps[: k + 1]:
            step()
        conn.execute("select pg_terminate_backend(%s, 5000)", (pid(producer),))
    assert engine.scalar(conn, "select array_agg(n) from invoice") == [3]
    assert len(engine.drain(conn)) == 2
    engine.check(conn, drained=True)


# --- 2. at least one execution, one current lease, one recorded end -----------------------------


def test_twenty_workers_share_a_queue_without_taking_a_job_twice(
    connect: Connect, conn: Connection
) -> None:
    engine.submit_many(conn, [{"next_need": f"n{n % 4}"} for n in range(400)])
    conns = [connect(options=engine.PATIENCE) for _ in range(20)]
    hands = run_threads([lambda c=c: engine.take(c, "n0", "n1", "%", n=20) for c in conns])
    leased = [work for hand in hands for work in hand]
    assert len(leased) == 400, "each worker got as many jobs as it asked for"
    assert len({w["job_id"] for w in leased}) == 400
    assert len({w["fence"] for w in leased}) == 400
    engine.check(conn)


ENDS = {
    "complete": ("complete", {}),
    "fail": ("fail", {"error": "no", "retryable": False}),
    "release": ("release", {}),
    "reschedule": ("reschedule", {"next_need": "y"}),
    "cancel": ("cancel", {"actor": "t"}),
    "sweep": ("sweep", {}),
}


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("second", ENDS)
def test_of_two_ends_at_once_one_is_recorded(
    connect: Connect, conn: Connection, first: str, second: str
) -> None:
    """Faults 32 and 33: the second waits for the first one's transaction, then reads again."""
    one_, two = connect(), connect(options=engine.PATIENCE)
    engine.submit(conn, retry=engine.AT_ONCE)
    work = engine.take_one(conn)
    engine.expire_leases(conn)

    def call(who: Connection, name: str) -> object:
        function, arguments = ENDS[name]
        lease = {} if name == "sweep" else engine.lease_of(work)
        if name == "cancel":
            lease.pop("lease_id")
        return rows(who, function, **lease, **arguments)

    answer: object = None
    code = ""
    with transaction(one_):
        call(one_, first)
        waiting = background(lambda: call(two, second))
        if second != "sweep":
            wait_until_blocked(conn, two)
    try:
        answer = waiting.result(timeout=60)
    except psycopg.Error as error:
        code = error.sqlstate or "?"
    info = one(conn, "job", job_id=work["job_id"])
    ended = engine.scalar(
        conn,
        "select (select count(*) from archive) + (select count(*) from job where state = 'dead')",
    )
    assert ended <= 1
    # (cancel and sweep first reclaim an expired lease)
    after = {
        "complete": ("succeeded", {"complete": "LH018", "cancel": "", "sweep": ""}, "LH008"),
        "fail": ("dead", {"fail": "", "cancel": "", "sweep": ""}, "LH008"),
        "release": ("ready", {"release": "", "cancel": "", "sweep": ""}, "LH002 LH001"),
        "reschedule": ("ready", {"reschedule": "", "cancel": "", "sweep": ""}, "LH002 LH001"),
        "cancel": ("cancelled", {"cancel": "", "sweep": ""}, "LH007"),
        "sweep": ("scheduled", {"cancel": "", "sweep": ""}, "LH001"),
    }
    state, codes, otherwise = after[first]
    allowed = [codes[second]] if second in codes else otherwise.split()
    assert code in allowed, f"{second} after {first}: {code or answer}"
    states = [state]
    if second == "cancel" and first != "complete":
        states = ["cancelled"]
    elif first == "sweep":
        states = ["scheduled", "ready"]
    assert info["state"] in states
    engine.check(conn)


# --- 3. a stale lease changes nothing, and says why ---------------------------------------------


def test_a_stale_lease_changes_nothing(connect: Connect) -> None:
    lease.a_stale_lease_changes_nothing(connect)
    lease.a_stale_lease_is_refused_when_it_waited_for_the_lock(connect)


# --- 4. writes in the transaction of complete happen exactly once -------------------------------


def test_the_effects_of_twenty_racing_replays_are_there_once(
    connect: Connect, conn: Connection
) -> None:
    conn.execute("create table effect (job_id uuid)")
    engine.submit(conn)
    work = engine.take_one(conn)
    conns = [connect() for _ in range(20)]

    def replay(who: Connection) -> str:
        try:
            with transaction(who):
                who.execute("insert into effect values (%s)", (work["job_id"],))
                engine.complete(who, work)
        except psycopg.Error as error:
            return error.sqlstate or "?"
        return "done"

    answers = run_threads([lambda c=c: replay(c) for c in conns])
    assert sorted(answers) == ["LH018"] * 19 + ["done"]
    assert engine.scalar(conn, "select count(*) from effect") == 1


def test_a_strict_batch_with_a_stale_lease_leaves_nothing(
    connect: Connect, conn: Connection
) -> None:
    conn.execute("create table effect (job_id uuid)")
    for _ in range(3):
        engine.submit(conn, retry=engine.AT_ONCE)
    works = engine.take(conn, n=3)
    engine.expire_leases(conn, works[1]["job_id"])
    engine.sweep(conn)
    done = [engine.lease_of(w) | {"verb": "complete"} for w in works]
    with refused("LH001"), transaction(conn):
        conn.execute("insert into effect select gen_random_uuid()")
        engine.settle(conn, done)
    assert engine.scalar(conn, "select count(*) from effect") == 0
    assert engine.scalar(conn, "select count(*) from archive") == 0
    answers = engine.settle(conn, done, strict=False)
    assert [a["ok"] for a in answers] == [True, False, True]
    assert answers[1]["error_code"] == "LH001"
    engine.check(conn)


def test_a_completion_commits_only_while_the_lease_is_held(
    connect: Connect, conn: Connection
) -> None:
    lease.a_held_lease_is_not_reclaimed(connect)


# --- 5. a dependent starts when all is satisfied, and none is stranded --------------------------


@pytest.mark.parametrize(
    "scenario",
    [
        dependencies.a_job_submitted_while_its_dependency_completes_is_freed,
        dependencies.a_job_submitted_while_its_dependency_is_ending_is_freed,
        dependencies.two_last_dependencies_that_end_at_once_free_their_dependent,
    ],
)
def test_no_dependent_is_stranded(connect: Connect, scenario: Scenario) -> None:
    scenario(connect)


# --- 6. never two current leases of one key: concurrency/test_singletons.py ---------------------------------


def test_a_key_has_one_lease_across_needs_and_batches(connect: Connect) -> None:
    singleton.one_claim_takes_one_job_of_a_key(connect)


# --- 7. everything drains: faults/test_soak.py ---------------------------------------------------------


def test_the_jobs_of_a_lost_worker_drain(connect: Connect, conn: Connection) -> None:
    worker = connect()
    made = [
        engine.submit(conn, retry=engine.AT_ONCE, singleton_key=f"k{n % 2}", max_attempts=9)
        for n in range(6)
    ]
    last = engine.submit(conn, wait_for=made)
    assert len(engine.take(worker, n=10)) == 2
    worker.execute("begin")
    engine.complete(worker, engine.query(conn, "select * from job where state = 'leased'")[0])
    conn.execute("select pg_terminate_backend(%s, 5000)", (pid(worker),))
    engine.expire_leases(conn)
    order = engine.drain(conn)
    assert order[-1] == last
    assert set(order) == {*made, last}
    engine.check(conn, drained=True)


# --- 8. bad input: the pgTAP files --------------------------------------------------------------


def test_a_refused_call_changes_no_row(conn: Connection) -> None:
    engine.submit(conn)
    work = engine.take_one(conn)
    before = engine.query(conn, "select * from job")
    for arguments in (
        {"next_need": ""},
        {"wait_for": [work["job_id"]]},
        {"priority": 1000},
        {"payload": {}, "available_at": "infinity"},
    ):
        with pytest.raises(psycopg.Error) as caught:
            rows(conn, "reschedule", **engine.lease_of(work), **arguments)
        assert caught.value.sqlstate in ("LH010", "LH004")
    assert engine.query(conn, "select * from job") == before
    assert value(conn, "complete", **engine.lease_of(work))


# --- 9. PUBLIC may do nothing -------------------------------------------------------------------


def test_public_may_do_nothing(connect: Connect) -> None:
    wakeup.public_may_do_nothing(connect)


# --- 10. no call waits for a transaction that works on another job ------------------------------


@pytest.mark.parametrize(
    "scenario",
    [
        deadlocks.no_call_waits_for_an_idle_claim,
        deadlocks.two_sweeps_do_not_wait_for_each_other,
        deadlocks.ends_with_crossed_dependents_neither_wait_nor_deadlock,
    ],
)
def test_no_call_waits_for_work_on_another_job(connect: Connect, scenario: Scenario) -> None:
    scenario(connect)
