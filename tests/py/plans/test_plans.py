"""What each call of the claim path reads does not grow with the number of jobs, and its plans do
not change for the worse: neither plans made over empty tables, nor plans made when the statistics
are a million jobs behind.

Each call is made in one world after the other (plans.journey), by a session that keeps its plans
and by a new one; the server's own counts say which indexes it used, and how much of them it read.
LEASEHOLD_PLAN_JOBS=20000 makes the worlds smaller; the assertions stay the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psycopg
import pytest

import engine
import plans
import server
from concurrency.mutations.mutation import Mutation
from conftest import Connect, Connection

JOBS = int(os.environ.get("LEASEHOLD_PLAN_JOBS", "1000000"))


@pytest.fixture(scope="module")
def seen(test_server: server.Server) -> Iterator[dict[str, plans.Seen]]:
    """What every call read in every world: one journey for all tests of this file."""
    name = f"{test_server.template}_plans"
    server.create_database(test_server.dsn, name, test_server.template)
    dsn = server.in_database(test_server.dsn, name)

    def connect() -> Connection:
        return psycopg.connect(
            dsn, autocommit=True, options="-c search_path=leasehold,public", connect_timeout=10
        )

    try:
        yield plans.journey(connect, JOBS)
    finally:
        server.drop_database(test_server.dsn, name)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "name",
    [each.name for each in plans.CALLS],
)
def test_looks_at_no_more_than_it_needs_in_any_world(
    name: str, seen: dict[str, plans.Seen]
) -> None:
    said = plans.breaches({name: seen[name]})[name]
    assert not said, "\n".join([name, *said])


def test_the_jobs_of_these_worlds_are_as_the_engine_leaves_them(conn: Connection) -> None:
    plans.fill(conn, 1000)
    engine.check(conn)
    plans.empty(conn, but=100)
    assert engine.scalar(conn, "select count(*) from job") == 100


@pytest.mark.parametrize(
    ("condition", "table", "index"),
    [
        (
            "_in_lane(next_need, priority, 'x', 100::smallint) and number >= 7",
            "ready",
            "ready_lane_idx",
        ),
        ("_is_ready_head(state, parked, singleton_key)", "only job", "job_ready_head_idx"),
    ],
)
def test_a_shared_condition_is_inlined_and_matches_its_index(
    condition: str, table: str, index: str, conn: Connection
) -> None:
    conn.execute("set enable_seqscan = off")
    conn.execute("set enable_bitmapscan = off")
    plan = "\n".join(
        row["QUERY PLAN"]
        for row in engine.query(
            conn, f"explain (verbose, costs off) select number from {table} where {condition}"
        )
    )
    assert f"using {index} on" in plan.replace("leasehold.", "")
    assert condition.partition("(")[0] not in plan


def test_a_claim_by_the_lookahead_reads_no_lane(connect: Connect) -> None:
    conn = connect()
    for need in range(200):
        engine.submit_many(conn, [{"next_need": f"many.{need}"}] * 10)
    for _ in range(100):
        conn.execute("update lane_cache set noted_at = noted_at - interval '1 s'")
        (work,) = engine.take(conn, "many.%")
        engine.complete(conn, work)
        found = plans.measure(
            conn,
            "select job_id from get_work('w', '{many.%%}')",
            {},
            "update lookahead set noted_at = clock_timestamp();",
        )
        if "lane_cache_pkey" not in found.used:
            break
    assert found.used.keys() >= {
        "lookahead_pkey",
        "lane_pkey",
        "job_ready_head_idx",
        "ready_pkey",
    }
    assert "ready_lane_idx" not in found.used
    assert found.scanned.keys() <= plans.SMALL
    assert found.blocks < 200


def test_the_views_are_barriers_but_a_query_for_one_job_uses_its_index(connect: Connect) -> None:
    conn = connect()
    plans.fill(conn, 20_000)
    (work,) = engine.take(conn, engine.scalar(conn, "select next_need from ready limit 1"))
    engine.complete(conn, work)
    conn.execute(
        "insert into history (job_id, at, event, actor, state, attempt)"
        " select j.job_id, now(), 'released', 'w', 'ready', 0 from job as j"
    )
    conn.execute(
        "insert into operator_act (at, actor, verb, target)"
        " select now(), 'ann', 'cancel', j.job_id::text from job as j"
    )
    conn.execute("analyze")
    dead = engine.scalar(conn, "select job_id from only job where state = 'dead' limit 1")
    for view, index, job_id in (
        ("finished", "archive_pkey", work["job_id"]),
        ("departure", "history_job_id_idx", dead),
        ("dead_letter", "job_pkey", dead),
    ):
        found = plans.measure(
            conn, f"select * from {view} where job_id = %(id)s", {"id": job_id}, ""
        )
        assert found.used.keys() == {index}, view
        assert not found.scanned, view
        assert len(found.result) == 1, view
        assert found.blocks < 30, view
    need = engine.scalar(conn, "select next_need from dead_letter limit 1")
    page = "select * from dead_letter where next_need = %(need)s order by died_at limit 10"
    found = plans.measure(conn, page, {"need": need}, "")
    assert found.used.keys() == {"job_dead_idx"}
    about = "select * from act where target = %(target)s order by act_id"
    found = plans.measure(conn, about, {"target": str(dead)}, "")
    assert found.used.keys() == {"operator_act_target_idx"}


_CLAIM = "select job_id from get_work('w', '{many.%%}')"


def _many_needs(conn: Connection, needs: int) -> None:
    engine.submit_many(conn, [{"next_need": f"many.{need}"} for need in range(needs)])
    take = "select count(*) from get_work('w', '{many.%}', limit_jobs => 10)"
    assert engine.scalar(conn, take) == 10


@pytest.mark.long
def test_a_new_need_does_not_make_a_claim_read_all_lanes(connect: Connect) -> None:
    conn = connect()
    _many_needs(conn, 2000)
    for step in range(300):
        engine.submit(conn, f"many.new.{step}", priority=99)
        found = plans.measure(conn, _CLAIM, {})
        assert len(found.result) == 1
        if found.scanned.keys() <= plans.SMALL and step % 100 == 0:
            assert found.entries.get("lane_idx", 0) < 100
            assert found.entries.get("lane_pkey", 0) < 100
            assert found.entries.get("ready_lane_idx", 0) < 1000
            assert found.blocks < 2000


def test_needs_that_are_no_longer_used_cost_an_idle_claim_nothing(connect: Connect) -> None:
    conn = connect()
    _many_needs(conn, 2000)
    while engine.scalar(conn, "select count(*) from get_work('w', '{%}', limit_jobs => 1000)"):
        pass
    conn.execute("set track_counts = on")

    def index_scans() -> int:
        conn.execute("update lane_cache set noted_at = '-infinity'")
        found = plans.measure(conn, _CLAIM, {})
        assert found.result == []
        return sum(found.used.values())

    index_scans()
    assert index_scans() > 2000
    # transactions in other databases of the server delay this too
    for _ in range(400):
        conn.execute("update lane set retire_at = opened_at")
        engine.one(conn, "sweep")
        if not engine.scalar(conn, "select count(*) from lane"):
            break
    assert index_scans() > 2000, "the lane cache is not made anew at each claim"
    conn.execute("update lane_cache set made_at = made_at - interval '1 minute'")
    index_scans()
    assert index_scans() < 100
    tables = ("watermark", "lane")
    assert [engine.scalar(conn, f"select count(*) from {table}") for table in tables] == [0, 0]


def test_maintenance_reads_no_more_lanes_than_its_limit(connect: Connect) -> None:
    conn = connect()
    _many_needs(conn, 2000)
    conn.execute("update lane set retire_at = opened_at")
    for _ in range(3):
        engine.one(conn, "sweep", limit_jobs=10)
    found = plans.measure(conn, "select sweep(10)", {})
    assert found.entries.get("lane_retire_at_idx", 0) < 100
    assert found.entries.get("lane_idx", 0) < 100
    assert found.blocks < 1500


def _run_all(conn: Connection) -> None:
    for each in plans.CALLS:
        each.measure(conn)


def test_every_statement_is_planned_once_a_session(connect: Connect) -> None:
    session = connect(prepare_threshold=None)
    _run_all(session)
    assert plans.planned_anew(session) == []


# --- damage that these tests notice --------------------------------------------------------------

_WITHOUT = """
do $$
declare
    v_function regprocedure;
begin
    for v_function in
        select p.oid from pg_proc as p
        where p.pronamespace = 'leasehold'::regnamespace and p.proconfig::text like '%{0}=%'
    loop
        execute format('alter function %s reset {0}', v_function);
    end loop;
end
$$
"""


def test_a_statement_that_is_planned_at_every_call_is_noticed(connect: Connect) -> None:
    session = connect(prepare_threshold=None)
    session.execute(_WITHOUT.format("plan_cache_mode"))
    _run_all(session)
    assert len(plans.planned_anew(session)) > 20


@dataclass(frozen=True)
class Unpinned:
    """The engine without one of the things that pin a plan, the calls that must notice, and what
    they must report."""

    name: str
    says: str
    calls: Sequence[str]
    changes: Sequence[tuple[str, str, str]] = ()
    sql: str = ""


UNPINNED = [
    Unpinned(
        "sequential scans allowed",
        "reads all of ",
        [
            "submit",
            "submit many of ten",
            "get work by fresh watermarks",
            "get work of a hundred",
            "complete",
            "release",
            "reschedule",
            "settle of ten",
            "turn of ten",
            "extend many of ten",
            "checkpoints",
            "wakeup channel again",
            "sweep with nothing to do",
            "redrive many",
            "job in the archive",
            "why not running of a blocked job",
        ],
        sql=_WITHOUT.format("enable_seqscan"),
    ),
    Unpinned(
        "a cycle is looked for by a join",
        "dependency",
        ["reschedule behind a job"],
        [
            (
                "_check_cycle",
                "cross join lateral (select o.waits_for from dependency as o"
                " where o.job_id = u.id offset 0) as e",
                "join dependency as e on e.job_id = u.id",
            )
        ],
    ),
    Unpinned(
        "dependencies are looked up by a join",
        "archive",
        ["submit behind jobs"],
        [
            (
                "_resolve_wait_for",
                "left join lateral (select o.state from archive as o"
                " where o.job_id = w.waits_for limit 1) as a on true",
                "left join archive as a on a.job_id = w.waits_for",
            )
        ],
    ),
    Unpinned(
        "dead jobs are looked for by their state",
        "entries of job_dead_idx",
        ["fail for good with five that die with it", "redrive with five that come back"],
        [("_ended_as", "(j.failure).dead_reason is not null", "j.state = 'dead'")],
    ),
    Unpinned(
        "jobs to be brought back are looked for by their state",
        "entries of job_dead_idx",
        ["complete with five dependents"],
        [
            (
                "_unbury_dependents",
                "(j.failure).dead_reason = 'dep",
                "j.state = 'dead' and (j.failure).dead_reason = 'dep",
            )
        ],
    ),
    Unpinned(
        "the head of a key is looked for among all heads",
        "entries of job_ready_head_idx",
        ["submit behind a singleton key"],
        [("_key_is_busy", "j.parked < true", "not j.parked")],
    ),
    Unpinned(
        "the leases of keys are looked for by a join",
        "entries of leased_key_idx",
        ["get work of singleton keys"],
        [
            (
                "_filter_claimable",
                "l.singleton_key = j.singleton_key offset 0",
                "l.singleton_key = j.singleton_key",
            )
        ],
    ),
    Unpinned(
        "an index is gone",
        "does not use job_dead_idx",
        ["redrive many"],
        sql="drop index leasehold.job_dead_idx",
    ),
]


def _small(connect: Connect, names: Sequence[str]) -> dict[str, list[str]]:
    calls = [each for each in plans.CALLS if each.name in names]
    assert {each.name for each in calls} == set(names)
    return plans.breaches(plans.journey(connect, 20_000, calls, new_sessions=False))


@pytest.mark.parametrize("unpinned", UNPINNED, ids=lambda unpinned: unpinned.name)
def test_a_damaged_plan_is_noticed(unpinned: Unpinned, connect: Connect) -> None:
    Mutation(unpinned.name, [], unpinned.changes, unpinned.sql).apply(connect())
    said = _small(connect, unpinned.calls)
    assert [name for name in said if unpinned.says not in "".join(said[name])] == []


@pytest.mark.long
def test_nothing_is_noticed_in_an_undamaged_engine(connect: Connect) -> None:
    said = _small(connect, [name for each in UNPINNED for name in each.calls])
    assert "\n".join(what for each in said.values() for what in each) == ""
