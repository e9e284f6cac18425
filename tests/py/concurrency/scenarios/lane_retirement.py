"""Lanes that are retired and removed."""

from __future__ import annotations

from uuid import uuid4

import engine
from conftest import Connect, Connection
from engine import complete, lease_of, scalar, submit, take, transaction

from .common import make_watermarks_recent, next_ready


def _retire(conn: Connection, times: int = 6) -> None:
    """Sweep `times` times, as if all lanes had been opened long ago.

    Then make the lane caches stale, so that claims rebuild them from the lanes that are left.
    """
    for _ in range(times):
        conn.execute("update lane set retire_at = opened_at")
        engine.one(conn, "sweep")
    conn.execute("update lane_cache set made_at = '-infinity', noted_at = '-infinity'")
    conn.execute("update lookahead set noted_at = '-infinity'")


def _gone(conn: Connection, need: str) -> None:
    """Sweep until the lanes of a need are removed.

    Transactions in other databases of the server hold that back, too.
    """
    for _ in range(200):
        _retire(conn, 1)
        if not scalar(conn, "select count(*) from lane where next_need = %s", need):
            return
    raise AssertionError("its lane is not removed")


def an_unused_lane_is_removed_with_its_watermarks(connect: Connect) -> None:
    a = connect()
    submit(a, "x")
    submit(a, "m.1", singleton_key="k")
    engine.drain(a)
    engine.advance_watermarks(a, "x")
    for need in ("x", "m.1"):
        _gone(a, need)
        assert scalar(a, "select count(*) from watermark where next_need = %s", need) == 0
    take(a, "%")
    cached = "select cardinality(needs) from lane_cache where scope = E'\\n%' order by cache_id desc limit 1"
    assert scalar(a, cached) == 0, "the lane cache keeps it"
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


def a_job_submitted_while_its_lane_was_being_retired_is_found(connect: Connect) -> None:
    """Its id is later than that of the transaction that retired the lane, which it could not see.

    It holds no snapshot now.
    """
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


def the_owner_of_the_schema_sees_the_snapshots_of_others(connect: Connect) -> None:
    """It needs no privilege for this: pg_stat_activity shows it to every role."""
    a, other = connect(), connect()
    role = f"nobody_{uuid4().hex}"
    a.execute(f"create role {role}; set role {role}")
    with transaction(other, "repeatable read"):
        seen = "select count(*) from pg_stat_activity where pid = %s and backend_xmin is not null"
        assert scalar(a, seen, other.info.backend_pid) == 1
    a.execute(f"reset role; drop role {role}")


def a_lane_is_read_while_it_is_being_retired(connect: Connect) -> None:
    """Claims read it even if their watermarks and lane caches were built since then."""
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
        engine.advance_watermarks(a, claim)
        make_watermarks_recent(a)
        assert [w["job_id"] for w in take(a, claim)] == [late], claim
        engine.drain_held(a)


def a_lane_that_still_has_a_job_is_reopened(connect: Connect) -> None:
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


def a_job_that_becomes_ready_again_opens_a_lane_that_was_removed(connect: Connect) -> None:
    a = connect()

    def released(work: engine.Work) -> None:
        engine.one(a, "release", **lease_of(work))

    def failed(work: engine.Work) -> None:
        engine.one(a, "fail", **lease_of(work), error="e")

    def expired(work: engine.Work) -> None:
        # no lease expires before the server has been up for as long as it lasts
        a.execute(
            "select pg_sleep(greatest(0, 1.5 - extract(epoch from clock_timestamp() - since))) from uptime"
        )
        engine.expire_leases(a, work["job_id"])

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
        for way in (released, failed, expired, redriven, freed, rescheduled, scheduled):
            job = submit(a, "x", retry=engine.AT_ONCE)
            work = engine.take_one(a, "x")
            _gone(a, "x")
            way(work)
            for _ in range(3):
                engine.sweep(a)
            assert [w["job_id"] for w in take(a, claim)] == [job], (claim, way.__name__)
            engine.drain_held(a)


def an_unparked_job_opens_a_lane_that_was_removed(connect: Connect) -> None:
    a = connect()
    for claim in ("x", "%"):
        submit(a, "x", singleton_key="k")
        parked = submit(a, "x", singleton_key="k")
        work = engine.take_one(a, "x")
        engine.run_deferred(a)
        _gone(a, "x")
        complete(a, work)
        assert [w["job_id"] for w in take(a, claim)] == [parked], claim
        engine.drain_held(a)


def a_lane_in_steady_use_is_retired_later(connect: Connect) -> None:
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


def a_reopened_lane_is_in_its_scope_once(connect: Connect) -> None:
    """It was in lane_cache_rest and is in the lane cache now: a claim of all jobs takes each
    once."""
    a = connect()
    for need in range(240):
        submit(a, f"m.{need}")
    take(a, "m.%", n=5)
    engine.advance_watermarks(a, "m.%")
    a.execute("update lane set retire_at = opened_at")
    engine.one(a, "sweep")
    rest = scalar(a, "select needs[: 10] from lane_cache_rest order by rest_id desc limit 1")
    for need in rest:
        submit(a, need)
    expected = next_ready(a, 245)
    assert len(expected) == 245
    assert [w["job_id"] for w in take(a, "m.%", n=245)] == expected
