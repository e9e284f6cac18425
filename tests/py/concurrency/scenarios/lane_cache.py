"""Workers of many needs: the lane cache and the lookahead."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import engine
from conftest import Connect, Connection
from engine import PATIENCE, complete, does_not_wait, scalar, submit, take, transaction

from .common import CLAIMS, NEWEST, calls_of, next_ready, set_up_watermarks

_FRESH = (
    "update lookahead set noted_at = clock_timestamp(),"
    " surveyed_at = clock_timestamp() + interval '10 s'"
)


def _refresh(conn: Connection, statement: str = _FRESH, params: tuple[Any, ...] = ()) -> None:
    """Make the lookahead fresh as of now, and keep it fresh for longer than a busy machine
    takes."""
    definition = scalar(conn, "select pg_get_functiondef('_lookahead_fresh'::regproc)")
    conn.execute(
        definition.replace("_is_recent(noted_at, now)", "noted_at > now - interval '10 s'")
    )
    conn.execute(statement, params)


def jobs_of_many_needs_are_claimed_in_overall_order(connect: Connect) -> None:
    """More needs than a lane cache has lanes; jobs come and go, some through claims of one need."""
    a = connect()
    for step in range(500):
        if step % 250 < 180:
            submit(a, f"m.{step * 37 % 240}", priority=100 - step * 7 % 3)
        if step % 5 == 0:
            engine.advance_watermarks(a, "m.%")
        expected = next_ready(a)
        if step % 3 and expected:
            work = engine.take_one(a, "m.%")
            assert work["job_id"] == expected[0], f"out of order at step {step}"
            complete(a, work)
        elif step % 3 == 0:
            take(a, f"m.{step % 240}")
    engine.check(a)


def a_batch_of_many_needs_is_in_overall_order(connect: Connect) -> None:
    """More jobs than lanes, more in some lanes than the first read finds, and fewer than asked
    for."""
    a = connect()
    for n in (3, 240, 1000):
        for need in range(240):
            for _ in range(1 if need % 9 else 20):
                submit(a, f"m.{need}", priority=100 + need % 2)
        for _ in range(2):
            expected = next_ready(a, n)
            assert [w["job_id"] for w in take(a, "m.%", n=n)] == expected
        engine.drain_held(a)
        take(a, "m.%", n=1000)


def a_job_behind_a_lane_that_was_not_read_is_not_in_the_lookahead(connect: Connect) -> None:
    """More lanes than a lookahead reads; many of them are empty, and their watermarks are stale."""
    a = connect()
    for need in range(100):
        submit(a, f"m.{need}")
    for _ in range(20):
        engine.advance_watermarks(a, "m.%")
    for need in range(20, 60):
        engine.take_one(a, f"m.{need}")
    submit(a, "m.0")
    for _ in range(3):
        engine.advance_watermarks(a, "m.%")
    _refresh(a)
    expected = next_ready(a, 25)
    assert [w["job_id"] for w in take(a, "m.%", n=25)] == expected


def jobs_with_keys_keep_their_order_among_many_needs(connect: Connect) -> None:
    a = connect()
    for step in range(60):
        submit(a, f"m.{step}", **({"singleton_key": f"k{step % 7}"} if step % 4 == 0 else {}))
    engine.advance_watermarks(a, "m.%")
    for _ in range(45):
        expected = next_ready(a)
        work = engine.take_one(a, "m.%")
        assert work["job_id"] == expected[0]
        complete(a, work)
        engine.advance_watermarks(a, "m.%")


def a_claim_of_many_needs_skips_locked_rows(connect: Connect) -> None:
    """The first jobs of all lanes are locked, and in one lane more than the first read finds."""
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
        for _ in range(3):
            engine.advance_watermarks(a, "m.%")
        take(a, "m.%")
        urgent = submit(a, f"m.new.{step}", priority=99 - step)
        _refresh(a)
        _refresh(a, _FRESH.replace("lookahead", "lane_cache"))
        assert [w["job_id"] for w in take(a, "m.%")] == [urgent]


def a_lane_whose_opening_commits_late_is_seen_by_claims_of_many_needs(connect: Connect) -> None:
    """Lanes that were opened after it have been in the lane cache for long."""
    slow, a = connect(), connect()
    for need in range(5):
        submit(a, f"m.{need}")
    with transaction(slow):
        late = submit(slow, "m.late", priority=1)
        for step in range(4):
            submit(a, f"m.new.{step}")
            take(a, "m.%")
            engine.advance_watermarks(a, "m.%")
    assert [w["job_id"] for w in take(a, "m.%")] == [late]


def a_job_that_commits_late_is_not_passed_by_the_lane_cache(connect: Connect) -> None:
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
            engine.advance_watermarks(worker, "m.%")
    submit(worker, "m.4")
    assert [w["job_id"] for w in take(worker, "m.%")] == [late]


def a_transaction_with_an_earlier_id_proves_nothing_for_many_needs(connect: Connect) -> None:
    other, producer, worker = connect(), connect(), connect()
    submit(worker, "m.1")
    submit(worker, "m.2")
    take(worker, "m.%", n=9)
    with transaction(producer):
        with transaction(other):
            submit(other, "y")
            late = submit(producer, "m.1")
            engine.advance_watermarks(other, "m.%")
        for _ in range(4):
            engine.advance_watermarks(worker, "m.%")
    assert [w["job_id"] for w in take(worker, "m.%")] == [late]


def _fill_lookahead(conn: Connection, *jobs: UUID) -> None:
    """Record exactly these jobs as the lookahead of m.%, as of now."""
    while engine.scalar(
        conn,
        "select array(select unnest(numbers) from lookahead where lookahead_id = (select max(lookahead_id) from lookahead))",
    ) != engine.scalar(
        conn,
        "select array_agg(number order by number) from job where job_id = any (%s)",
        list(jobs),
    ):
        engine.advance_watermarks(conn, "m.%")
    conn.execute(_FRESH)


def a_locked_job_of_the_lookahead_is_skipped(connect: Connect) -> None:
    idler, worker = connect(), connect(options=PATIENCE)
    for _ in range(5):
        jobs = [submit(worker, f"m.{need}") for need in range(3)]
        _fill_lookahead(worker, *jobs)
        with transaction(idler):
            idler.execute("select 1 from job where job_id = %s for no key update", (jobs[0],))
            _refresh(worker)
            with does_not_wait("get_work"):
                assert [w["job_id"] for w in take(worker, "m.%")] == [jobs[1]]
        engine.drain_held(worker)
        take(worker, "m.%", n=9)


def a_place_in_the_lookahead_that_holds_another_job_is_skipped(connect: Connect) -> None:
    """The first job has ended and its row is removed; the place now holds a job of another need."""
    a = connect()
    submit(a, "other")
    jobs = [submit(a, f"m.{need}") for need in range(3)]
    place = scalar(a, "select ctid::text from ready where job_id = %s", jobs[0])
    _fill_lookahead(a, *jobs)
    complete(a, engine.take_one(a, "m.0"))
    a.execute("vacuum ready")
    while not engine.query(a, "select from ready where ctid = %s and next_need = 'other'", place):
        submit(a, "other")
    _refresh(a)
    assert [w["job_id"] for w in take(a, "m.%")] == [jobs[1]]


def an_expired_job_of_the_lookahead_is_skipped(connect: Connect) -> None:
    a = connect()
    jobs = [submit(a, "m.1", expires_at="2999-01-01 00:00:00+00"), submit(a, "m.2")]
    _fill_lookahead(a, *jobs)
    a.execute("update job set expires_at = clock_timestamp() where job_id = %s", (jobs[0],))
    a.execute("insert into maintenance_horizon (at) values (clock_timestamp())")
    places = "array(select ctid from job where job_id = any (%s) order by number)"
    _refresh(a, f"{_FRESH}, places = {places}", (jobs,))
    assert [w["job_id"] for w in take(a, "m.%")] == [jobs[1]]


def busy_workers_of_many_needs_run_maintenance(connect: Connect) -> None:
    """Claims that use up the lookahead record a new one before it is stale; that is not a
    survey."""
    a = connect()
    other = submit(a, "other", retry=engine.AT_ONCE)
    take(a, "other")
    engine.expire_leases(a, other)
    jobs = [submit(a, f"m.{need}") for need in range(9)]
    _fill_lookahead(a, *jobs)
    before = scalar(a, "select max(lookahead_id) from lookahead")
    for table in ("lane_cache", "lookahead"):
        a.execute(f"update {table} set surveyed_at = 'infinity'")
    for job in jobs[:5]:
        _refresh(a, "update lookahead set noted_at = clock_timestamp()")
        assert [w["job_id"] for w in take(a, "m.%")] == [job]
    for table, key in (("lane_cache", "cache_id"), ("lookahead", "lookahead_id")):
        last = f"select {key} > %s and surveyed_at = 'infinity' from {table} order by {key} desc"
        assert scalar(a, last, before if table == "lookahead" else 0), (
            f"{table}: no new row, or a survey"
        )

    a.execute("insert into maintenance_horizon (at) values (clock_timestamp() - interval '10 s')")
    for table in ("lane_cache", "lookahead"):
        a.execute(
            f"update {table} set noted_at = clock_timestamp(),"
            " surveyed_at = clock_timestamp() - interval '100 ms'"
        )
    assert len(take(a, "m.%")) == 1
    assert engine.one(a, "job", job_id=other)["state"] != "leased"


def a_job_that_commits_late_comes_before_the_lookahead(connect: Connect) -> None:
    producer, worker = connect(), connect()
    for need in (3, 4):
        submit(worker, f"m.{need}")
    engine.advance_watermarks(worker, "m.%")
    take(worker, "m.%", n=9)
    for _ in range(3):
        with transaction(producer):
            late = submit(producer, "m.3")
            later = submit(worker, "m.4")
            engine.advance_watermarks(worker, "m.%")
        _refresh(worker)
        assert [w["job_id"] for w in take(worker, "m.%")] == [late]
        assert [w["job_id"] for w in take(worker, "m.%")] == [later]


def a_lane_cache_advances_to_the_first_ready_job(connect: Connect) -> None:
    """In steady work a claim reads few lanes; the others are known to hold no earlier job."""
    a = connect()
    for _ in range(2):
        for need in range(240):
            submit(a, f"m.{need}")
    # transactions in other databases of the server hold it back, too
    for _ in range(200):
        complete(a, engine.take_one(a, "m.%"))
        submit(a, "m.0")
        engine.advance_watermarks(a, "m.%")
        cache = engine.query(a, "select * from lane_cache order by cache_id desc limit 1")[0]
        head = scalar(a, "select min(number) from job where state = 'ready'")
        if head - 1 <= cache["numbers"][0] <= head and cache["rest_number"] > head:
            return
    raise AssertionError("the lane cache does not advance")


def an_idle_scope_writes_nothing(connect: Connect) -> None:
    a = connect()
    submit(a, "m.1")
    submit(a, "m.2")
    for _ in range(20):
        take(a, "m.%", n=5)
        engine.advance_watermarks(a, "m.%")
    before = scalar(a, "select count(*) from lane_cache")
    for _ in range(5):
        assert take(a, "m.%") == []
        engine.advance_watermarks(a, "m.%")
    assert scalar(a, "select count(*) from lane_cache") == before


def a_claim_with_an_old_snapshot_leaves_a_usable_lane_cache(connect: Connect) -> None:
    """The rows of lane_cache_rest that it sees may be gone when it commits."""
    old, a = connect(), connect()
    for need in range(240):
        submit(a, f"m.{need}")
    take(a, "m.%", n=5)
    with transaction(old, "repeatable read"):
        scalar(old, "select count(*) from job")
        for _ in range(250):
            engine.advance_watermarks(a, "m.%")
            submit(a, "m.1")
            complete(a, engine.take_one(a, "m.%"))
        assert scalar(a, "select count(*) from lane_cache") < 250, "old lane caches are not removed"
        # the lanes are read again, and the older rows are removed
        a.execute("update lane_cache set made_at = made_at - interval '1 hour'")
        a.execute(
            "select setval(s.name, (nextval(s.name) / 100 + 1) * 100 - 1)"
            " from (values ('lane_cache_cache_id_seq')) as s (name)"
        )
        engine.advance_watermarks(a, "m.%")
        assert scalar(a, "select count(*) from lane_cache_rest") == 1
        old.execute(
            "select _rebuild_lane_cache(_scope_name('{m.%}'), '{m.%}', 0, clock_timestamp() + interval '1 s')"
        )
    assert scalar(
        a,
        "select f.rest_id is null or exists (select from lane_cache_rest as r where r.rest_id = f.rest_id)"
        " from (select rest_id from lane_cache order by cache_id desc limit 1) as f",
    ), "it refers to a missing row of lane_cache_rest"
    while expected := next_ready(a, 7):
        assert [w["job_id"] for w in take(a, "m.%", n=7)] == expected


def the_removal_of_scopes_is_recorded(connect: Connect) -> None:
    """No row shows that a worker asked for a prefix long ago: no answer may claim that none has
    asked."""
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


def claims_that_always_find_work_run_maintenance(connect: Connect) -> None:
    """An idle need is claimed with stale watermarks, but not forever without running
    maintenance."""
    a = connect()
    jobs = [submit(a, "x") for _ in range(3)]
    other = submit(a, "y", retry=engine.AT_ONCE)
    take(a, "y")
    take(a, "x")
    engine.expire_leases(a, other)
    a.execute("insert into maintenance_horizon (at) values (clock_timestamp() - interval '10 s')")
    # until the watermarks are stale, and the server has been up for as long as the lease lasts,
    # before which the lease does not expire
    a.execute(
        "select pg_sleep(greatest(1.1,"
        " 1.5 - extract(epoch from clock_timestamp() - pg_postmaster_start_time())))"
    )
    assert take(a, "x")[0]["job_id"] in jobs
    assert engine.one(a, "job", job_id=other)["state"] != "leased"


def watermarks_advance_while_a_backlog_is_drained(connect: Connect) -> None:
    """No job is submitted meanwhile: the claims leave dead index entries behind."""
    a = connect()
    a.execute("select count(*) from (select submit('x') from generate_series(1, 1000)) as s")
    # Transactions in other databases of the server hold the watermarks back, too. The maintenance
    # horizon is fresh, so that the watermarks alone decide.
    for _ in range(990):
        a.execute("insert into maintenance_horizon (at) values (clock_timestamp())")
        complete(a, engine.take_one(a, "x"))
    first = scalar(a, "select min(fence) from watermark where next_need = 'x' and fence > 0")
    last = scalar(a, "select max(fence) from watermark where next_need = 'x'")
    assert first is not None
    assert last - first >= 100, "claims used watermarks as old as the first"


def a_claim_uses_watermarks_that_few_claims_followed(connect: Connect) -> None:
    """With synchronous commit fifty claims take longer than watermarks were once usable."""
    a = connect()
    set_up_watermarks(a)
    with transaction(a):
        assert calls_of(a, "_refresh_watermark", "_stale_watermark_usable") == [0, 0]


def one_claim_in_fifty_advances_watermarks_that_many_claims_followed(connect: Connect) -> None:
    """It advances them however fresh they are. The other claims do not, because most of the many may
    be claims of other needs."""
    a = connect()
    set_up_watermarks(a)
    a.execute(CLAIMS)
    was = scalar(a, f"select fence {NEWEST}")
    with transaction(a):
        assert calls_of(
            a, "_refresh_watermark", "_stale_watermark_usable", age="0 s", one_in_fifty=False
        ) == [0, 0]
    assert scalar(a, f"select fence {NEWEST}") == was
    with transaction(a):
        assert calls_of(a, "_refresh_watermark", age="0 s") == [1]
    assert scalar(a, f"select fence {NEWEST}") > was


def a_claim_that_advances_the_watermarks_claims_with_them(connect: Connect) -> None:
    """The long path, which reads much more, is for claims that find no job. turn does the same."""
    a = connect()

    def turn(conn: Connection, need: str) -> list[Any]:
        return engine.rows(conn, "turn", worker_id="w", capabilities=[need])

    for claim in (take, turn):
        set_up_watermarks(a)
        a.execute(CLAIMS)
        with transaction(a):
            assert calls_of(
                a, "_refresh_watermark", "_plan_claim", "_grant_leases", claim=claim
            ) == [
                1,
                0,
                0,
            ]


def a_claim_uses_the_watermarks_of_all_lanes(connect: Connect) -> None:
    a = connect()
    submit(a, "x", priority=50)
    engine.drain_held(a)
    set_up_watermarks(a)
    with transaction(a):
        assert calls_of(a, "_refresh_watermark", "_plan_claim") == [0, 0]


def a_claim_uses_the_watermarks_of_an_idle_need(connect: Connect) -> None:
    """Only one claim in fifty advances them once many claims have followed."""
    a = connect()
    set_up_watermarks(a)
    with transaction(a):
        assert calls_of(a, "_refresh_watermark", age="2 s") == [0]
    a.execute(CLAIMS)
    with transaction(a):
        assert calls_of(a, "_refresh_watermark", age="2 s", one_in_fifty=False) == [0]
    with transaction(a):
        assert calls_of(a, "_refresh_watermark", age="2 s") == [1]


def claims_use_stale_watermarks_while_another_session_advances_them(connect: Connect) -> None:
    a, b = connect(), connect()
    set_up_watermarks(a)
    a.execute(CLAIMS)
    with transaction(a):
        assert calls_of(a, "_refresh_watermark") == [1], "one session has to advance them"
        with transaction(b):
            assert calls_of(b, "_refresh_watermark") == [0], "the other sessions do not"


def watermarks_advance_though_a_session_that_advanced_them_idles(connect: Connect) -> None:
    """Work in the transaction of its claim may take long; that must not delay other sessions."""
    a, b = connect(), connect()
    set_up_watermarks(a)
    a.execute(CLAIMS)
    with transaction(a):
        assert calls_of(a, "_refresh_watermark") == [1]
        assert calls_of(b, "_refresh_watermark", age="2 s") == [1]
        assert scalar(b, f"select clock_timestamp() - noted_at < '1 s' {NEWEST}"), "not advanced"
