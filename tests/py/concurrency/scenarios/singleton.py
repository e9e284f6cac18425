"""Singleton keys: never two current leases, at any isolation level."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg

import engine
from conftest import Connect, Connection
from engine import PATIENCE, complete, does_not_wait, scalar, submit, take, transaction
from support import value

from .common import CLAIMS, NEWEST, calls_of, set_up_watermarks


def _two_of_a_key(conn: Connection, key: str = "k") -> tuple[UUID, UUID]:
    """Two jobs of one key and two needs (x, y), neither of them parked."""
    return submit(conn, "x", singleton_key=key), submit(conn, "y", singleton_key=key)


def a_claim_skips_a_key_that_another_claim_is_taking(connect: Connect) -> None:
    a, b = connect(), connect(options=PATIENCE)
    _two_of_a_key(a)
    other = submit(a, "y", singleton_key="other")
    with transaction(a):
        assert len(take(a, "x")) == 1
        with does_not_wait("get_work"):
            found = [w["job_id"] for w in take(b, "y", n=5)]
        assert found == [other], "the conflict must skip that one job, not the rest of the batch"
    assert take(b, "y") == []
    engine.check(b)


def a_claim_sees_a_lease_committed_before_it_locked_the_key(connect: Connect) -> None:
    a = connect()
    _two_of_a_key(a)
    other = submit(a, "y")
    assert len(take(a, "x")) == 1
    assert [w["job_id"] for w in take(a, "y", n=5)] == [other]
    engine.check(a)


def one_claim_takes_one_job_of_a_key(connect: Connect) -> None:
    a = connect()
    _two_of_a_key(a)
    other = submit(a, "y")
    found = take(a, n=10)
    assert len(found) == 2, f"{len(found)} of three jobs, two of them of one key"
    assert other in [w["job_id"] for w in found]
    engine.check(a)


def a_job_promoted_by_a_claim_respects_the_keys_it_chose(connect: Connect) -> None:
    """get_work reads twice, before and after maintenance: the second must know what the first
    chose."""
    a = connect()
    submit(a, "x", singleton_key="k", priority=100)
    submit(
        a, "x", singleton_key="k", priority=50, available_at=scalar(a, "select now() + '1 hour'")
    )
    engine.make_due(a)
    engine.maintenance_is_done(a)
    assert len(take(a, n=5)) == 1
    engine.check(a)
    assert len(engine.drain_held(a)) == 1


def a_job_unparked_by_a_claim_respects_the_keys_it_chose(connect: Connect) -> None:
    """As above, where maintenance unparks a job of the key in another need."""
    a = connect()
    holder = submit(a, "x", singleton_key="k")
    work = engine.take_one(a, "x")
    submit(a, "x", singleton_key="k")
    submit(a, "y", singleton_key="k")
    assert work["job_id"] == holder
    with transaction(a, "repeatable read"):
        complete(a, work)  # leaves a deferred item for the key
    submit(a, "w", singleton_key="k")
    engine.maintenance_is_done(a)
    assert len(take(a, n=5)) == 1
    engine.check(a)
    assert len(engine.drain_held(a)) == 2


def an_old_snapshot_cannot_lease_a_key_that_was_leased_since(connect: Connect) -> None:
    for isolation in ("repeatable read", "serializable"):
        a, b = connect(), connect()
        _two_of_a_key(a, isolation)
        try:
            with transaction(b, isolation):
                assert len(take(a, "x")) == 1
                found = take(b, "y")
        except psycopg.errors.SerializationFailure:
            found = []
        engine.check(a)
        assert found == [], f"{isolation}: two leases of one key"
        assert take(b, "y") == []


# Lock numbers that any role could compute or read in pg_locks: names hashed without the secret, and
# the numbers in use now.
_LOCKS = """
select hashtextextended(name, hashtextextended('leasehold', 0))
from unnest(array['', 'k', 'markx', E'front\nm.%']) as n (name)
union all
select _advisory_lock_key(kind, name)
from (values ('maintenance', ''), ('watermark', 'x'), ('lane_cache', E'\nm.%')) as n (kind, name)
"""


@contextlib.contextmanager
def _locks_held_by_a_stranger(connect: Connect) -> Iterator[None]:
    """A role without any grant holds all those locks while the block runs."""
    stranger = connect()
    role = f"leasehold_stranger_{uuid4().hex[:8]}"
    locks = [row[0] for row in stranger.execute(_LOCKS).fetchall()]
    stranger.execute(f"create role {role}")
    try:
        stranger.execute(f"set session authorization {role}")
        for lock in locks:
            stranger.execute("select pg_advisory_lock(%s)", (lock,))
        yield
    finally:
        stranger.execute("reset session authorization")
        stranger.execute(f"drop role {role}")
        stranger.close()


def a_stranger_cannot_hold_a_key(connect: Connect) -> None:
    a = connect()
    with _locks_held_by_a_stranger(connect):
        for need in ("x", "x", "y"):
            submit(a, need, singleton_key="k")
        for _ in range(3):
            complete(a, engine.take_one(a, "x", "y"))
    engine.check(a, drained=True)


def a_stranger_cannot_stop_watermarks_from_advancing(connect: Connect) -> None:
    a = connect()
    set_up_watermarks(a)
    a.execute(CLAIMS)
    with _locks_held_by_a_stranger(connect):
        assert calls_of(a, "_refresh_watermark", age="2 s") == [1]
        assert scalar(a, f"select clock_timestamp() - noted_at < '1 s' {NEWEST}"), "not advanced"


def a_stranger_cannot_stop_a_lane_cache_from_advancing(connect: Connect) -> None:
    a = connect()
    newest = (
        "select coalesce(max(cache_id), 0), count(*) from lookahead right join lane_cache on true"
    )
    with _locks_held_by_a_stranger(connect):
        for n in range(5):
            submit(a, f"m.{n}")
            a.execute("update lane_cache set noted_at = clock_timestamp() - interval '2 s'")
            before = scalar(a, newest)
            assert len(take(a, "m.%")) == 1
            assert scalar(a, newest) > before, "no lane cache is recorded"


def a_stranger_cannot_stop_maintenance(connect: Connect) -> None:
    a = connect()
    with _locks_held_by_a_stranger(connect):
        for statement in (
            "delete from maintenance_horizon",  # no maintenance so far
            "insert into maintenance_horizon (at) values (clock_timestamp() - interval '2 s')",
            "insert into maintenance_horizon (at) values (clock_timestamp() + interval '1 h')",  # the clock was set back
        ):
            a.execute("insert into maintenance_horizon (at) values (clock_timestamp())")
            assert not scalar(a, "select _maybe_run_maintenance(_now())")
            a.execute(statement)
            assert scalar(a, "select _maybe_run_maintenance(_now())"), statement


def a_missing_rest_of_a_lane_cache_is_rebuilt(connect: Connect) -> None:
    """Two sessions that advance a lane cache at once, as the first takes too long, may leave
    none."""
    a = connect()
    for need in range(240):
        submit(a, f"m.{need}")
    engine.advance_watermarks(a, "m.%")
    assert scalar(a, "select count(*) from lane_cache_rest") > 0
    first = "select job_id from job join (select unnest(needs) as need from lane_cache) as f on need = next_need"
    jobs = {row["job_id"] for row in engine.query(a, first)}
    assert 0 < len(jobs) < 240
    a.execute("delete from ready where job_id = any (%s)", (list(jobs),))
    a.execute("delete from lane_cache_rest")
    engine.advance_watermarks(a, "m.%")
    assert len(take(a, "m.%", n=240)) == 240 - len(jobs)


def a_statement_that_ends_many_keyed_jobs_holds_few_locks(connect: Connect) -> None:
    """Locks are kept in memory of a fixed size, which all sessions of the server share."""
    a, b = connect(), connect()
    jobs = [{"next_need": "x", "singleton_key": f"k{n}"} for n in range(800)]
    engine.submit_many(a, jobs)
    take(a, "x", n=1000)
    engine.submit_many(a, jobs)
    a.execute("begin")
    a.execute("select count(complete(job_id, lease_id)) from leased")
    assert scalar(b, "select count(*) from pg_locks where pid = %s", a.info.backend_pid) < 200
    a.execute("commit")
    assert len(engine.drain(a)) == 800


def a_statement_that_claims_many_needs_holds_few_locks(connect: Connect) -> None:
    a = connect()
    engine.submit_many(a, [{"next_need": f"n{n}"} for n in range(600)])
    with transaction(a):
        claims = "select count(*) from generate_series(0, 599) as n cross join lateral get_work('w', array['n' || n])"
        assert scalar(a, claims) == 600
        held = (
            "select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'"
        )
        assert 100 < scalar(a, held) < 300


def a_missing_key_slot_is_restored(connect: Connect) -> None:
    """A missing slot is neither free nor locked forever, and no call waits for the one that
    restores it."""
    a, b, c = connect(), connect(options=PATIENCE), connect()
    _two_of_a_key(a)
    other = submit(a, "y", singleton_key="other")
    a.execute("truncate key_slot")
    with transaction(a):
        work = engine.take_one(a, "x")
        with does_not_wait("get_work"):
            assert [w["job_id"] for w in take(b, "y", n=5)] == [other]
        assert take(b, "y", n=5) == []
    assert take(b, "y") == []
    complete(c, work)
    assert len(take(b, "y")) == 1
    engine.check(a)


def the_next_job_of_a_key_is_not_lost_when_it_is_submitted_while_the_holder_ends(
    connect: Connect,
) -> None:
    holder, producer, sweeper = connect(), connect(), connect(options=PATIENCE)
    submit(holder, "x", singleton_key="k")
    work = engine.take_one(holder)
    with transaction(producer):
        submit(producer, "x", singleton_key="k")  # parked: the key is busy
        with transaction(holder):
            complete(holder, work)  # sees no job to unpark
            producer.execute("commit")
            with does_not_wait("sweep"):
                engine.sweep(sweeper, 2)  # still sees the lease
        producer.execute("begin")
    assert len(engine.drain(sweeper)) == 1


def the_end_of_a_job_does_not_wait_for_an_unpark_of_its_key(connect: Connect) -> None:
    """A sweep that has locked a key in an open transaction does not delay the end of the holder.

    It delays the next job of the key only until it commits.
    """
    holder, sweeper = connect(options=PATIENCE), connect()
    submit(holder, "x", singleton_key="k")
    work = engine.take_one(holder)
    submit(holder, "x", singleton_key="k")  # parked, with a deferred item
    with transaction(sweeper):
        engine.sweep(sweeper)
        with does_not_wait("complete"):
            complete(holder, work)
    assert len(engine.drain(holder)) == 1


def an_open_claim_that_skipped_a_key_does_not_hold_it(connect: Connect) -> None:
    """A claim found a key busy and took no job of it: while its transaction idles, the key goes on.

    Promise 10: an idle transaction delays only its own jobs.
    """
    holder, idler, worker = connect(), connect(), connect(options=PATIENCE)
    _two_of_a_key(holder)
    work = engine.take_one(holder, "x")
    submit(holder, "z", singleton_key="k")
    submit(holder, "y")
    engine.run_deferred(holder)
    engine.maintenance_is_done(holder)
    with transaction(idler):
        assert len(take(idler, "y")) == 1
        complete(holder, work)
        engine.sweep(worker, 2)
        assert len(take(worker, "z")) == 1, "a transaction that has no job of the key holds the key"


def a_locked_head_of_a_key_does_not_block_the_key(connect: Connect) -> None:
    """An idle transaction has locked the next job of a key: the one after it is claimed."""
    holder, idler, worker = connect(options=PATIENCE), connect(), connect(options=PATIENCE)
    submit(holder, "x", singleton_key="k")
    work = engine.take_one(holder)
    head = submit(holder, "x", singleton_key="k")
    second = submit(holder, "x", singleton_key="k")
    with transaction(idler):
        value(idler, "cancel", job_id=head, actor="t")
        with does_not_wait("complete"):
            complete(holder, work)
        with does_not_wait("get_work"):
            engine.sweep(worker, 2)
            found = [w["job_id"] for w in take(worker)]
        assert found == [second]
    engine.check(worker)
