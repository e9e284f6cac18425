"""Privileges, and the wake-up of waiting workers."""

from __future__ import annotations

import contextlib
from typing import Any
from uuid import UUID, uuid4

import engine
from conftest import Connect, Connection
from engine import PATIENCE, complete, does_not_wait, lease_of, scalar, submit, take, transaction
from support import eventually, pid, refused, value

from .common import RollBack


def public_may_do_nothing(connect: Connect) -> None:
    conn = connect()
    found = engine.query(
        conn,
        """
        select p.proname from pg_proc as p
        where p.pronamespace = current_schema()::regnamespace
            and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
                        where a.grantee = 0)
        """,
    )
    assert found == [], f"PUBLIC may execute {[row['proname'] for row in found]}"
    role = f"leasehold_nobody_{uuid4().hex[:8]}"
    conn.execute(f"create role {role}")
    try:
        for call in (
            "submit('x')",
            "get_work('w', array['%'])",
            "_now()",
            "sweep()",
            "setting('retry')",
        ):
            with refused("42501"):
                conn.execute(f"begin; set local role {role}; select * from leasehold.{call}")
            conn.execute("rollback")
        for table in ("job", "deferred", "status"):
            with refused("42501"):
                conn.execute(f"begin; set local role {role}; select 1 from leasehold.{table}")
            conn.execute("rollback")
    finally:
        conn.execute(f"drop role {role}")


def a_registration_is_reliable_only_when_no_submit_can_miss_it(connect: Connect) -> None:
    """Fault 22: a submit looked for waiting workers before the registration committed."""
    waiter, producer = connect(), connect()
    _register_and_listen(waiter, "x")  # so that the channel is known
    submit(producer, "x")
    until = scalar(waiter, "select clock_timestamp() + interval '1 min'")
    with transaction(waiter):
        engine.one(waiter, "wakeup_channel", capabilities=["x"], until=until)
        producer.execute("begin")
        submit(producer, "x")
    for _ in range(3):
        answer = engine.one(waiter, "wakeup_channel", capabilities=["x"], until=until)
        assert answer["reliable"] is False, (
            "reliable, although a submit may still commit that notified no worker"
        )
    producer.execute("commit")
    _register_and_listen(waiter, "x")
    list(waiter.notifies(timeout=0.1))
    submit(producer, "x")
    assert [n.channel for n in waiter.notifies(timeout=10, stop_after=1)] == [answer["channel"]]


def a_submit_with_a_snapshot_older_than_the_registration_notifies(connect: Connect) -> None:
    """A reliable registration is noticed at every isolation level, by every way to submit."""
    waiter, producer = connect(), connect()
    channel = _register_and_listen(waiter, "x.%")
    for isolation in ("repeatable read", "serializable"):
        for call in (
            "select submit('x.a')",
            "select submit('x.a', priority => 7, idempotency_key => gen_random_uuid()::text)",
            """select submit_many('[{"next_need": "x.a"}, {"next_need": "x.b"}]')""",
            "insert into submission (next_need) values ('x.a')",
            "select submit('x.a', available_at => clock_timestamp() + interval '1 s')",
            "select submit('x.' || txid_current())",  # a lane that is not open yet
        ):
            submit(producer, "x.a")  # ends the earlier registration
            assert list(waiter.notifies(timeout=10, stop_after=1))
            with transaction(producer, isolation):
                _register_and_listen(waiter, "x.%")
                producer.execute(call)
            heard = [n.channel for n in waiter.notifies(timeout=10, stop_after=1)]
            assert heard == [channel], f"{isolation}: {call}"


def a_new_channel_waits_for_older_snapshots(connect: Connect) -> None:
    """A transaction without an id that does not see the channel cannot notify it."""
    waiter, producer = connect(), connect()
    until = scalar(waiter, "select clock_timestamp() + interval '1 min'")
    for isolation in ("repeatable read", "serializable"):
        need = isolation[:3]
        with transaction(producer, isolation):
            for _ in range(20):
                answer = engine.one(waiter, "wakeup_channel", capabilities=[need], until=until)
                assert answer["reliable"] is False, (
                    "reliable, although a submit may still commit that cannot notify"
                )
            submit(producer, need)
        _register_and_listen(waiter, need)


def a_channel_stays_known_while_its_workers_are_woken(connect: Connect) -> None:
    """A long snapshot keeps new channels from being reliable, but not channels known before it."""
    waiter, reader, producer = connect(), connect(), connect()
    _register_and_listen(waiter, "x")
    with transaction(reader, "repeatable read"):
        for _ in range(3):
            submit(producer, "x")
            assert list(waiter.notifies(timeout=10, stop_after=1))
            _register_and_listen(waiter, "x")


def many_registrations_cost_a_submit_little(connect: Connect) -> None:
    """However many workers register, a submit that finds some under a stem reads few rows."""
    a = connect()
    until = scalar(a, "select clock_timestamp() + interval '1 day'")
    for n in range(300):
        sets = [f"p{n}q{m}%" for m in range(1000 if n % 2 else 4)]
        engine.one(a, "wakeup_channel", capabilities=sets, until=until)
    assert scalar(a, "select count(*) from waiter where stem = ''") <= 256
    assert scalar(a, "select sum(coalesce(cardinality(prefixes), 1)) from listener") <= 4 * 256
    submit(a, "x.y.z")
    for table in ("waiter", "listener", "lane"):
        a.execute(f"vacuum {table}")
    plan = scalar(a, "explain (analyze, buffers, format json) select submit('x.y.z')")[0]["Plan"]
    blocks = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    assert blocks < 600, f"it reads {blocks} blocks"


def a_worker_is_notified_once_for_each_registration(connect: Connect) -> None:
    waiter, producer = connect(), connect()
    channel = _register_and_listen(waiter, "x")
    submit(producer, "x")
    assert [n.channel for n in waiter.notifies(timeout=10, stop_after=1)] == [channel]
    submit(producer, "x")
    assert list(waiter.notifies(timeout=0.3)) == [], "notified again although it is awake"
    _register_and_listen(waiter, "x")
    submit(producer, "x")
    assert [n.channel for n in waiter.notifies(timeout=10, stop_after=1)] == [channel]


def a_notification_of_an_open_or_aborted_transaction_stops_no_other(connect: Connect) -> None:
    waiter, idler, producer = connect(), connect(), connect(options=PATIENCE)
    channel = _register_and_listen(waiter, "x")
    with contextlib.suppress(RollBack), transaction(idler):
        submit(idler, "x")
        with does_not_wait("submit"):
            submit(producer, "x")
        assert [n.channel for n in waiter.notifies(timeout=10, stop_after=1)] == [channel]
        raise RollBack
    submit(producer, "x")
    assert [n.channel for n in waiter.notifies(timeout=10, stop_after=1)] == [channel]


def a_prefix_that_ends_inside_a_part_is_notified(connect: Connect) -> None:
    waiter, producer = connect(), connect()
    for capability in (
        "%",
        "b%",
        "billing.%",
        "billing.in%",
        "billing.invoice%",
        "billing.invoice.v1",
    ):
        channel = _register_and_listen(waiter, capability)
        submit(producer, "billing.invoice.v1")
        heard = [n.channel for n in waiter.notifies(timeout=10, stop_after=1)]
        assert heard == [channel], capability
    _register_and_listen(waiter, "billing.x%")
    submit(producer, "billing.invoice.v1")
    assert list(waiter.notifies(timeout=0.3)) == []


def _register_and_listen(conn: Connection, capability: str) -> str:
    """Register, listen, and wait until the registration is reliable."""
    until = scalar(conn, "select clock_timestamp() + interval '1 min'")
    for _ in range(500):  # transactions in other databases of the server hold it back, too
        answer = engine.one(conn, "wakeup_channel", capabilities=[capability], until=until)
        conn.execute(f'listen "{answer["channel"]}"')
        if answer["reliable"]:
            break
        conn.execute("select pg_sleep(0.01)")
    assert answer["reliable"]
    return str(answer["channel"])


def _due_in(conn: Connection, capability: str = "x") -> Any:
    until = scalar(conn, "select clock_timestamp() + interval '1 min'")
    return engine.one(conn, "wakeup_channel", capabilities=[capability], until=until)["due_in"]


def _later(conn: Connection, seconds: float, need: str = "x") -> UUID:
    at = scalar(conn, "select clock_timestamp() + %s * interval '1 s'", seconds)
    return submit(conn, need, available_at=at)


def _heard(conn: Connection, timeout: float = 3) -> list[str]:
    return [n.payload for n in conn.notifies(timeout=timeout, stop_after=1)]


def each_scheduled_job_is_the_alarm_of_one_waiting_worker(connect: Connect) -> None:
    producer, waiters = connect(), [connect() for _ in range(5)]
    for seconds in (20, 40):
        _later(producer, seconds)
    alarms = [_due_in(waiter) for waiter in waiters]
    assert [t is not None for t in alarms] == [True, True, False, False, False], alarms
    assert alarms[0] < alarms[1], "the first worker has the first job"
    assert [_due_in(w) is not None for w in waiters] == [True, True, False, False, False], (
        "the same workers keep their alarms"
    )


def a_job_scheduled_while_all_workers_wait_wakes_one_of_them(connect: Connect) -> None:
    """This holds for every way in which a job becomes scheduled. The notification names the worker,
    and the others wait on."""
    producer, waiters = connect(), [connect(), connect()]
    for waiter in waiters:
        _register_and_listen(waiter, "x")
    watcher = str(pid(waiters[0]))

    def by_submit() -> None:
        _later(producer, 20)

    def by_batch() -> None:
        soon = scalar(producer, "select (clock_timestamp() + interval '20 s')::text")
        engine.submit_many(producer, [{"next_need": "x", "available_at": soon}])

    def by_release() -> None:
        soon = scalar(producer, "select clock_timestamp() + interval '20 s'")
        engine.one(producer, "release", **lease_of(leases.pop()), available_at=soon)

    def by_backoff() -> None:
        engine.one(producer, "fail", **lease_of(leases.pop()), error="e", retry_after="20 s")

    for _ in range(2):
        submit(producer, "x")
    leases = take(producer, "x", n=2)
    for waiter in waiters:
        assert _heard(waiter) == [""], "a ready job wakes all"
        _register_and_listen(waiter, "x")
    for way in (by_submit, by_batch, by_release, by_backoff):
        way()
        assert [_heard(waiter) for waiter in waiters] == [[watcher], [watcher]], way.__name__


def a_worker_with_an_alarm_does_not_watch_for_other_jobs(connect: Connect) -> None:
    """It sleeps until then; the other one, without an alarm, is notified of jobs scheduled
    later."""
    producer, alarmed, watcher = connect(), connect(), connect()
    _later(producer, 30)
    _register_and_listen(alarmed, "x")
    _register_and_listen(watcher, "x")
    _later(producer, 20)
    assert _heard(watcher) == [str(pid(watcher))]


def a_job_due_after_the_worker_wakes_anyway_wakes_no_worker(connect: Connect) -> None:
    producer, waiter = connect(), connect()
    _register_and_listen(waiter, "x")
    _later(producer, 3600)
    assert _heard(waiter, 0.3) == []


def all_workers_are_woken_when_the_one_that_watches_is_gone(connect: Connect) -> None:
    producer, gone, waiter = connect(), connect(), connect()
    _register_and_listen(gone, "x")
    _register_and_listen(waiter, "x")
    gone.close()
    eventually(
        lambda: scalar(
            producer,
            "select not exists (select from waiter as w, pg_stat_activity as s where s.pid = w.pid)",
        ),
        "the server reports the end of the session",
    )
    _later(producer, 20)
    assert _heard(waiter) == [""]


def a_claim_wakes_no_worker_for_a_job_it_takes_itself(connect: Connect) -> None:
    """It promotes jobs and takes one; a worker is woken only for another one.

    It promotes them because maintenance is due, or because it found too few jobs.
    """
    for finds_too_few in (True, False):
        for others in (0, 1):
            producer, waiter, worker = connect(), connect(), connect()
            for _ in range(1 + others):
                _later(producer, 3600)
            _register_and_listen(waiter, "x")
            producer.execute(
                "update job set available_at = clock_timestamp() - interval '1 ms' where state = 'scheduled'"
            )
            if finds_too_few:
                engine.maintenance_is_done(producer)
            else:
                engine.reset_maintenance_horizon(producer)
            assert len(take(worker, "x")) == 1
            assert _heard(waiter, 3 if others else 0.3) == [""] * others, (
                f"{finds_too_few=} {others=}"
            )
            engine.drain_held(producer)
            for conn in (producer, waiter, worker):
                conn.close()


def maintenance_does_not_lock_an_extended_lease(connect: Connect) -> None:
    """The first end of the lease has passed and the worker has extended it; a get_work stays
    open."""
    worker, other = connect(options=PATIENCE), connect()
    submit(worker, "x")
    work = engine.take_one(worker, "x", lease="1 ms")
    value(worker, "extend", **lease_of(work), lease="1 hour")
    worker.execute("update job set check_at = now() - interval '1 s'")
    with transaction(other):
        assert take(other, "y") == []
        with does_not_wait("extend"):
            value(worker, "extend", **lease_of(work), lease="2 hours")
        with does_not_wait("complete"):
            complete(worker, work)
