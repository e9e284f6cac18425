"""Submits that are repeated: idempotency keys and job ids."""

from __future__ import annotations

from uuid import uuid4

import psycopg

import engine
from conftest import Connect
from engine import complete, scalar, submit, transaction
from support import background, refused, value, wait_until_blocked


def a_second_submit_of_a_key_gets_the_first_job(connect: Connect) -> None:
    one, two, conn = connect(), connect(), connect()
    with transaction(one):
        first = submit(one, "x", idempotency_key="k")
        call = background(lambda: engine.one(two, "submit", next_need="x", idempotency_key="k"))
        wait_until_blocked(conn, two)
    answer = call.result(timeout=60)
    assert (answer["job_id"], answer["created"]) == (first, False)
    with refused("LH006"):
        submit(two, "x", idempotency_key="k", payload={"other": 1})
    assert engine.drain(conn) == [first]


def a_key_that_rolls_back_goes_to_the_next_submit(connect: Connect) -> None:
    one, two, conn = connect(), connect(), connect()
    one.execute("begin")
    submit(one, "x", idempotency_key="k", payload={"n": 1})
    call = background(
        lambda: engine.one(two, "submit", next_need="x", idempotency_key="k", payload={"n": 2})
    )
    wait_until_blocked(conn, two)
    one.execute("rollback")
    answer = call.result(timeout=60)
    assert answer["created"] is True
    assert engine.drain(conn) == [answer["job_id"]]


def a_given_id_is_taken_once(connect: Connect) -> None:
    one, two, conn = connect(), connect(), connect()
    given = uuid4()
    with transaction(one):
        submit(one, "x", job_id=given)
        call = background(lambda: submit(two, "x", job_id=given))
        wait_until_blocked(conn, two)
    with refused("LH005"):
        call.result(timeout=60)
    work = engine.take_one(conn)
    with transaction(one):
        complete(one, work)
        with refused("LH005"):  # whether the job is live or archived at this moment
            submit(two, "x", job_id=given)
    with refused("LH005"):
        submit(two, "x", job_id=given)
    engine.check(conn, drained=True)


def a_key_whose_job_was_purged_is_taken_over_once(connect: Connect) -> None:
    """One submit takes it over as new; another one waits meanwhile, and gets the job of the
    first."""
    one, two, conn = connect(), connect(), connect()
    for _ in range(2):  # a key that was taken over can be taken over again
        gone = submit(conn, "x", idempotency_key="k", payload={"n": 1})
        complete(conn, engine.take_one(conn))
        conn.execute("delete from archive")
        with transaction(one):
            new = submit(one, "x", idempotency_key="k", payload={"n": 2})
            call = background(
                lambda: engine.one(
                    two, "submit", next_need="x", idempotency_key="k", payload={"n": 2}
                )
            )
            wait_until_blocked(conn, two)
        answer = call.result(timeout=60)
        assert (answer["job_id"], answer["created"]) == (new, False)
        assert new != gone
        assert engine.drain(conn) == [new]
        conn.execute("delete from archive")
    with refused("40001"):
        with transaction(two, "repeatable read"):
            two.execute("select 1")
            submit(one, "x", idempotency_key="k")
            submit(two, "x", idempotency_key="k")
    engine.drain(conn)


def a_key_is_taken_over_by_one_of_two_sessions_that_find_it_free(connect: Connect) -> None:
    one, two, conn = connect(), connect(), connect()
    submit(conn, "x", idempotency_key="k")
    complete(conn, engine.take_one(conn))
    conn.execute("delete from archive")
    # the second submit stops between reading the key and taking it over
    conn.execute(
        "create or replace function _job_exists(job_id uuid) returns boolean language plpgsql as $$"
        " declare v_there constant boolean := exists (select from job as j where j.job_id = _job_exists.job_id);"
        " begin"
        "     if current_setting('test.stops', true) = 'yes' then perform pg_advisory_xact_lock(7); end if;"
        "     return v_there;"
        " end $$"
    )
    two.execute("set test.stops = 'yes'")
    conn.execute("select pg_advisory_lock(7)")
    call = background(lambda: engine.one(two, "submit", next_need="x", idempotency_key="k"))
    wait_until_blocked(conn, two)
    new = submit(one, "x", idempotency_key="k")
    conn.execute("select pg_advisory_unlock(7)")
    answer = call.result(timeout=60)
    assert (answer["job_id"], answer["created"]) == (new, False)
    assert engine.drain(conn) == [new]


def a_given_id_whose_job_was_purged_is_taken_once(connect: Connect) -> None:
    """This holds also if the two jobs would be in different tables, whose unique indexes are separate."""
    one, two, conn = connect(), connect(), connect()
    given = submit(conn, "x", job_id=uuid4())
    complete(conn, engine.take_one(conn))
    conn.execute("delete from archive")
    later = scalar(conn, "select clock_timestamp() + interval '1 hour'")
    with transaction(one):
        assert submit(one, "x", job_id=given) == given
        call = background(lambda: submit(two, "x", job_id=given, available_at=later))
        wait_until_blocked(conn, two)
    with refused("LH005"):
        call.result(timeout=60)
    assert engine.drain(conn) == [given]


def a_generated_id_cannot_be_given_again_by_an_old_snapshot(connect: Connect) -> None:
    """A transaction gives an id that Leasehold generated, and cannot see its job.

    It raises LH005 or 40001; no job may exist twice, in whichever tables.
    """
    for isolation in ("repeatable read", "serializable"):
        for state in ("scheduled", "ready", "leased", "succeeded"):
            one, two = connect(), connect()
            code = ""
            try:
                with transaction(two, isolation):
                    later = scalar(one, "select clock_timestamp() + interval '1 hour'")
                    generated = submit(
                        one, "x", available_at=later if state == "scheduled" else None
                    )
                    if state in ("leased", "succeeded"):
                        work = engine.take_one(one)
                    if state == "succeeded":
                        complete(one, work)
                    submit(two, "x", job_id=generated)
            except psycopg.Error as error:
                code = error.sqlstate or ""
            assert engine.state(one, generated) == state
            engine.check(one)
            assert code in ("LH005", "40001"), f"{isolation}, {state}: {code or 'accepted'}"
            if state == "scheduled":
                value(one, "cancel", job_id=generated, actor="t")
            if state == "leased":
                complete(one, work)
            engine.drain(one)


def an_old_snapshot_submits_a_key_once(connect: Connect) -> None:
    for isolation in ("repeatable read", "serializable"):
        one, two = connect(), connect()
        with refused("40001"):
            with transaction(two, isolation):
                first = submit(one, "x", idempotency_key=isolation)
                submit(two, "x", idempotency_key=isolation)
        assert submit(two, "x", idempotency_key=isolation) == first
    engine.drain(connect())


def completing_a_lease_granted_after_the_snapshot_succeeds_or_raises_40001(
    connect: Connect,
) -> None:
    for isolation in ("repeatable read", "serializable"):
        one, two = connect(), connect()
        submit(one, "x")
        try:
            with transaction(two, isolation):
                work = engine.take_one(one)
                complete(two, work)
        except psycopg.errors.SerializationFailure:
            complete(two, work)
        assert engine.state(one, work["job_id"]) == "succeeded"
