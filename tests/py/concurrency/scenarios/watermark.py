"""The watermarks of lanes."""

from __future__ import annotations

from uuid import UUID

import engine
from conftest import Connect, Connection
from engine import complete, scalar, submit, take, transaction
from support import background, refused, value, wait_until_blocked

from .common import RollBack, make_watermarks_recent


def a_job_that_commits_late_is_not_passed_by_the_watermark(connect: Connect) -> None:
    producer, worker = connect(), connect()
    submit(worker, "x")
    with transaction(producer):
        late = submit(producer, "x")
        for _ in range(4):
            submit(worker, "x")
            complete(worker, engine.take_one(worker, "x"))
            engine.advance_watermarks(worker, "x")
    found = [w["job_id"] for w in take(worker, "x", n=10)]
    assert late in found, "a watermark advanced past a queue number that was still to appear"
    engine.check(worker)


def _many_claims(conn: Connection) -> None:
    """Draw fences as if many jobs of other needs were claimed, so that watermarks are worth
    advancing."""
    conn.execute("select setval('fence_seq', nextval('fence_seq') + 100)")


def a_long_transaction_without_a_job_does_not_hold_back_the_watermarks(connect: Connect) -> None:
    """It has an id and has written, but all queue numbers that it draws from now on are higher."""
    other, worker = connect(), connect()
    with transaction(other):
        other.execute("create temporary table t as select pg_current_xact_id()")
        other.execute("select count(*) from job")
        last = [submit(worker, need) for need in ("x", "m.1", "m.2")]
        numbers = [scalar(worker, "select number from job where job_id = %s", job) for job in last]
        take(worker, "x")
        take(worker, "m.%", n=2)
        for _ in range(3):
            _many_claims(worker)
            engine.advance_watermarks(worker, "x")
            engine.advance_watermarks(worker, "m.%")
        watermark = "select numbers[1] from watermark where next_need = 'x' order by watermark_id desc limit 1"
        assert scalar(worker, watermark) > numbers[0], "the watermark does not advance"
        proven = "select sure_number from lane_cache order by cache_id desc limit 1"
        assert scalar(worker, proven) >= numbers[2], "the lane cache does not advance"


def a_long_transaction_with_a_job_holds_back_the_watermarks(connect: Connect) -> None:
    producer, worker = connect(), connect()
    for need in ("x", "m.1", "m.2"):
        submit(worker, need)
    take(worker, "x")
    take(worker, "m.%", n=2)
    with transaction(producer):
        late = [submit(producer, need) for need in ("x", "m.1")]
        for _ in range(4):
            submit(worker, "x")
            submit(worker, "m.2")
            take(worker, "x")
            take(worker, "m.2")
            _many_claims(worker)
            engine.advance_watermarks(worker, "x")
            engine.advance_watermarks(worker, "m.%")
    assert [w["job_id"] for w in take(worker, "x") + take(worker, "m.%")] == late


def a_transaction_with_an_earlier_id_proves_nothing(connect: Connect) -> None:
    """An id taken before the sequence was read bounds no transaction that drew a number in
    between."""
    other, producer, worker = connect(), connect(), connect()
    submit(worker, "x")
    complete(worker, engine.take_one(worker, "x"))
    with transaction(producer):
        with transaction(other):
            submit(other, "y")
            late = submit(producer, "x")
            engine.advance_watermarks(other, "x")
        for _ in range(4):
            engine.advance_watermarks(worker, "x")
    assert [w["job_id"] for w in take(worker, "x")] == [late]


def a_job_whose_claim_is_rolled_back_stays_above_the_watermark(connect: Connect) -> None:
    a, worker = connect(), connect()
    job_id = submit(worker, "x")
    try:
        with transaction(a):
            assert [w["job_id"] for w in take(a, "x")] == [job_id]
            for _ in range(4):
                submit(worker, "x")
                complete(worker, engine.take_one(worker, "x"))
                engine.advance_watermarks(worker, "x")
            raise RollBack
    except RollBack:
        pass
    assert [w["job_id"] for w in take(worker, "x")] == [job_id]


def an_unparked_job_is_found_below_the_watermark(connect: Connect) -> None:
    a = connect()
    submit(a, "x", singleton_key="k")
    parked = submit(a, "x", singleton_key="k")
    first = engine.take_one(a, "x")
    for _ in range(4):
        submit(a, "x")
        complete(a, engine.take_one(a, "x"))
        engine.advance_watermarks(a, "x")
    complete(a, first)
    assert [w["job_id"] for w in take(a, "x")] == [parked]


def a_watermark_advances_to_the_first_ready_job(connect: Connect) -> None:
    a = connect()
    for _ in range(4):
        submit(a, "x")
        complete(a, engine.take_one(a, "x"))
    last = submit(a, "x")
    # transactions in other databases of the server hold it back, too
    for _ in range(200):
        engine.advance_watermarks(a, "x")
        watermark = scalar(
            a,
            "select numbers[1] from watermark where next_need = 'x' order by watermark_id desc limit 1",
        )
        if watermark == scalar(a, "select number from job where job_id = %s", last):
            assert [w["job_id"] for w in take(a, "x")] == [last]
            return
    raise AssertionError("the watermark does not advance")


def a_lane_that_was_just_opened_is_seen_by_the_next_claim(connect: Connect) -> None:
    """Claims use watermarks that were recorded a moment ago, without a priority that is new."""
    a = connect()
    for _ in range(5):
        submit(a, "x", priority=100)
    for priority in (99, 98, 97):
        engine.advance_watermarks(a, "x")
        take(a, "x")
        urgent = submit(a, "x", priority=priority)
        assert [w["job_id"] for w in take(a, "x")] == [urgent]


def a_lane_opened_during_an_advance_is_seen_by_the_next_claim(connect: Connect) -> None:
    """A session that advanced the watermarks meanwhile could not see it, and wrote newer ones."""
    a, other, worker = connect(), connect(), connect()
    for step, arguments in enumerate(({"priority": 1}, {"singleton_key": "k", "priority": 0})):
        for _ in range(5):
            submit(worker, "x")
        engine.advance_watermarks(worker, "x")
        take(worker, "x")
        with transaction(a):
            urgent = submit(a, "x", **arguments)
            for _ in range(2):
                engine.advance_watermarks(other, "x")
        make_watermarks_recent(worker)
        assert [w["job_id"] for w in take(worker, "x")] == [urgent], step


def a_lane_opened_before_an_advance_writes_is_seen_by_the_next_claim(
    connect: Connect,
) -> None:
    """The advance has read the lanes; one is opened, another advance records it; then it writes."""
    a, slow, worker = connect(), connect(), connect()
    for _ in range(5):
        submit(worker, "x")
    take(worker, "x")
    _pause(a, "_store_watermark", "v_watermark_id := nextval('watermark_watermark_id_seq');")
    with transaction(a):
        a.execute("select pg_advisory_xact_lock(4711)")
        a.execute("update watermark set noted_at = noted_at - interval '1 s'")
        a.execute("commit; begin; select pg_advisory_xact_lock(4711)")
        slow.execute("set leasehold.pause = 'on'")
        advancing = background(
            lambda: slow.execute("select _advance_watermarks('x', clock_timestamp())").fetchall()
        )
        wait_until_blocked(worker, slow)
        submit(worker, "x", priority=1)
        engine.advance_watermarks(worker, "x")
        take(worker, "x")
        urgent = submit(worker, "x", priority=1)
    advancing.result(timeout=60)
    make_watermarks_recent(worker)
    assert [w["job_id"] for w in take(worker, "x")] == [urgent]


def _pause(conn: Connection, function: str, before: str) -> None:
    """Let sessions that set leasehold.pause wait for lock 4711, before this statement of this
    function."""
    definition = scalar(conn, "select pg_get_functiondef(%s::regproc)", f"leasehold.{function}")
    assert before in definition
    wait = (
        "if current_setting('leasehold.pause', true) = 'on' then"
        " perform pg_advisory_xact_lock(4711); end if; "
    )
    conn.execute(definition.replace(before, wait + before))


def watermarks_advanced_with_an_old_snapshot_are_not_used(connect: Connect) -> None:
    """They may lack a lane that all other sessions see."""
    old, worker = connect(), connect()
    for _ in range(5):
        submit(worker, "x")
    take(worker, "x")
    with transaction(old, "repeatable read"):
        submit(worker, "x", priority=1)
        engine.advance_watermarks(worker, "x")
        take(worker, "x")
        urgent = submit(worker, "x", priority=1)
        old.execute("select _advance_watermarks('x', clock_timestamp() + interval '1 s')")
    make_watermarks_recent(worker)
    assert [w["job_id"] for w in take(worker, "x")] == [urgent]


def a_setting_changed_during_an_advance_applies_to_the_next_claim(connect: Connect) -> None:
    a, other, worker = connect(), connect(), connect()
    for _ in range(3):
        submit(worker, "x")
    take(worker, "x")
    with transaction(a):
        value(a, "set_setting", name="max_attempts", value="7")
        engine.advance_watermarks(other, "x")
    make_watermarks_recent(worker)
    assert [w["max_attempts"] for w in take(worker, "x")] == [7]


def the_first_job_with_a_key_of_a_need_is_claimed_in_order(connect: Connect) -> None:
    """Claims look for heads of keys only where the watermarks say that the need has had keys.

    The first key of a need must be in the watermarks with the next claim, and must stay there.
    """
    a = connect()

    def by_one(need: str) -> UUID:
        return submit(a, need, singleton_key=f"k {need}")

    def by_batch(need: str) -> UUID:
        return engine.submit_many(
            a, [{"next_need": need}, {"next_need": need, "singleton_key": f"k {need}"}]
        )[1]

    def by_reschedule(need: str) -> UUID:
        submit(a, "elsewhere", singleton_key=f"k {need}")
        work = engine.take_one(a, "elsewhere")
        engine.one(a, "reschedule", **engine.lease_of(work), next_need=need)
        job_id: UUID = work["job_id"]
        return job_id

    for way in (by_one, by_batch, by_reschedule):
        for advanced in (False, True):
            need = f"{way.__name__}.{advanced}"
            for _ in range(3):
                submit(a, need)
            engine.advance_watermarks(a, need)
            take(a, need)
            keyed = way(need)
            for _ in range(3):
                submit(a, need)
            if advanced:
                engine.one(a, "sweep")
                for _ in range(3):
                    engine.advance_watermarks(a, need)
            while (found := engine.take_one(a, need)["job_id"]) != keyed:
                assert scalar(
                    a,
                    "select number < (select number from job where job_id = %s)"
                    " from job where job_id = %s",
                    keyed,
                    found,
                )


def the_first_key_of_a_need_is_seen_by_the_next_advance_of_its_watermarks(connect: Connect) -> None:
    """A session that advanced them during the submit could not see the key, and wrote newer
    ones."""
    a, other, worker = connect(), connect(), connect()
    for _ in range(3):
        submit(worker, "x")
    engine.advance_watermarks(worker, "x")
    take(worker, "x", n=3)
    with transaction(a):
        keyed = submit(a, "x", singleton_key="k")
        engine.advance_watermarks(other, "x")
    for _ in range(3):
        submit(worker, "x")
    engine.advance_watermarks(other, "x")
    assert [w["job_id"] for w in take(worker, "x")] == [keyed]


def the_first_key_of_an_idle_need_is_found_at_once(connect: Connect) -> None:
    """The watermarks lack it, because they were advanced during its submit."""
    a, other, worker = connect(), connect(), connect()
    submit(worker, "x")
    engine.advance_watermarks(worker, "x")
    take(worker, "x")
    with transaction(a):
        keyed = submit(a, "x", singleton_key="k")
        engine.advance_watermarks(other, "x")
    assert [w["job_id"] for w in take(worker, "x")] == [keyed]


def a_setting_just_changed_applies_to_the_next_claim(connect: Connect) -> None:
    """Claims take the settings from the watermarks, just recorded or those of an idle need."""
    a, b = connect(), connect()
    for _ in range(20):
        submit(a, "x")
    for advanced in (True, False) * 3:
        value(b, "set_setting", name="max_lease", value="2 minutes")
        value(b, "set_setting", name="max_attempts", value="7")
        if advanced:
            engine.advance_watermarks(a, "x")
        assert engine.take_one(a, "x", lease="2 minutes")["max_attempts"] == 7
        value(b, "set_setting", name="max_attempts", value="9")
        assert engine.take_one(a, "x", lease="2 minutes")["max_attempts"] == 9
        value(b, "set_setting", name="max_lease", value="1 minute")
        with refused("LH010"):
            take(a, "x", lease="2 minutes")
