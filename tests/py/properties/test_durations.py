"""Retry policies, intervals and numbers that Hypothesis makes: each is refused with LH010, or the
resulting time lies between now and the cap, and maintenance goes on."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import engine
from conftest import Connect, Connection

YEAR = timedelta(days=366)

_quick = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

_UNITS = ("years", "mons", "days", "hours", "mins", "secs", "microseconds", "millennia", "weeks")
_numbers = st.one_of(
    st.integers(-3, 3),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1),
)
# Intervals in the forms that PostgreSQL writes, and in others.
intervals = st.one_of(
    st.lists(st.tuples(_numbers, st.sampled_from(_UNITS)), min_size=1, max_size=4).map(
        lambda parts: " ".join(f"{n} {unit}" for n, unit in parts)
    ),
    st.tuples(st.integers(-400, 400), st.integers(-25, 25), st.integers(0, 59)).map(
        lambda t: f"{t[0]} days {t[1]:+03d}:{t[2]:02d}"
    ),
    st.sampled_from(
        [
            "-1 year 360 days 12 hours",
            "-1 day 25:00",
            "1 mon -29 days",
            "infinity",
            "-infinity",
            "P1Y-11M",
            "0",
            "1 us",
            "366 days",
            "366 days 1 us",
        ]
    ),
)
numerics = st.one_of(
    st.sampled_from(["1e-400", "1e400", "-0.0", "0", "1", "1000", "1e-300", "0.1", "1e131071"]),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.floats(0, 1).map(lambda n: str(Decimal(n))),
    st.floats(1, 1000).map(lambda n: str(Decimal(n))),
)


class Literal:
    """A number in JSON, in one of the ways to write it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"Literal({self.text!r})"


def dumped(value: Any) -> str:
    if isinstance(value, Literal):
        return value.text
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {dumped(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(dumped, value)) + "]"
    return json.dumps(value)


literals = numerics.map(Literal)
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), literals, st.sampled_from(["", "fixed", "1 s", "%"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["kind", "a"]), inner)
    ),
    max_leaves=3,
)
policies = st.one_of(
    anything,
    st.fixed_dictionaries(
        {},
        optional={
            "kind": st.one_of(st.sampled_from(["quadratic", "exponential", "fixed"]), anything),
            "initial": st.one_of(intervals, anything),
            "max": st.one_of(intervals, anything),
            "multiplier": st.one_of(literals, anything),
            "jitter": st.one_of(literals, anything),
        },
    ),
)


def accepted(conn: Connection, query: str, *arguments: object) -> list[dict[str, Any]] | None:
    """The answer of the call, or None if it is refused with LH010; any other code is an error."""
    try:
        return engine.query(conn, query, *arguments)
    except psycopg.Error as error:
        # the server itself refuses a text that is not an interval, so the function was not called
        if error.sqlstate == "LH010" or ("::interval" in query and "interval" in str(error)):
            return None
        raise


@pytest.fixture(params=["postgres", "sql_standard", "iso_8601"])
def styled(request: pytest.FixtureRequest, connect: Connect) -> Connection:
    return connect(options=f"-c search_path=leasehold,public -c intervalstyle={request.param}")


def _taken(conn: Connection, need: str, lease: str = "60 s") -> int:
    """How many jobs a claim got; psycopg reads intervals only in its own style."""
    call = "select count(job_id) from get_work('w', array[%s], %s::interval)"
    count: int = engine.scalar(conn, call, need, lease)
    return count


def _crash(conn: Connection, need: str) -> None:
    """Claims the job of the need, and lets its lease expire."""
    assert _taken(conn, need) == 1
    engine.expire_leases(conn)
    engine.one(conn, "sweep")


@pytest.mark.long
@_quick
@given(policy=policies, attempts=st.sampled_from([1, 2, 50]))
@example(policy={"jitter": Literal("1e-400")}, attempts=1)
@example(policy={"initial": "-1 year 360 days 12 hours"}, attempts=1)
@example(policy={"max": "-1 year 360 days 12 hours"}, attempts=1)
@example(policy={"initial": "-1 day 25:00", "jitter": 0}, attempts=1)
@example(
    policy={"kind": "exponential", "multiplier": Literal("1000"), "initial": "366 days"},
    attempts=50,
)
def test_a_retry_policy_is_refused_or_brings_the_job_back_in_time(
    styled: Connection, policy: Any, attempts: int
) -> None:
    styled.execute("truncate job, ready, leased, deferred, maintenance_error")
    found = accepted(
        styled,
        "select job_id from submit(next_need => 'p.a', retry => %s::jsonb, max_attempts => 10000)",
        dumped(policy),
    )
    if found is None:
        return
    styled.execute("update ready set attempt = %s", (attempts - 1,))
    _crash(styled, "p.a")
    assert engine.query(styled, "select step, error from maintenance_error") == []
    (job,) = engine.query(
        styled,
        "select state, extract(epoch from available_at - clock_timestamp()) as wait from job",
    )
    assert job["state"] in ("scheduled", "ready")
    # plus or minus the jitter, which may be as much again
    assert -5 <= job["wait"] <= 2 * YEAR.total_seconds(), job
    styled.execute("update job set available_at = clock_timestamp() where state = 'scheduled'")
    engine.one(styled, "sweep")
    assert _taken(styled, "p.a") == 1, "the job is found again"


@pytest.mark.long
@_quick
@given(delay=intervals)
@example(delay="-1 year 360 days 12 hours")
@example(delay="107000000 days -2568000000 hours")
def test_a_retry_after_is_refused_or_is_at_most_a_year(conn: Connection, delay: str) -> None:
    # DELETE, because TRUNCATE writes every file of these tables anew
    conn.execute("delete from job; delete from deferred")
    engine.submit(conn, "p.b")
    lease = engine.take_one(conn, "p.b")
    for call, given_as in (
        ("select * from fail(%s, %s, 'no', retry_after => %s::interval)", delay),
        (
            "select * from settle(jsonb_build_array(jsonb_build_object('verb', 'fail', 'job_id',"
            " %s::uuid, 'lease_id', %s::uuid, 'error', 'no', 'retry_after', %s::text)))",
            delay,
        ),
    ):
        found = accepted(conn, call, lease["job_id"], lease["lease_id"], given_as)
        if found is not None:
            wait = engine.scalar(conn, "select available_at - clock_timestamp() from only job")
            assert timedelta(seconds=-5) <= wait <= YEAR
            return
        assert engine.scalar(conn, "select count(*) from leased") == 1, (
            "a refused job is still leased"
        )


@pytest.mark.long
@_quick
@given(lease=intervals)
@example(lease="-1 year 360 days 12 hours")
@example(lease="107000000 days -2568000000 hours")
def test_a_lease_is_refused_or_ends_between_now_and_max_lease(conn: Connection, lease: str) -> None:
    conn.execute("delete from job; delete from deferred")
    for need in ("p.c", "p.d"):
        engine.submit(conn, need)
    for call in (
        "select lease_expires_at - clock_timestamp() as left from get_work('w', '{p.c}', %s::interval)",
        "select lease_expires_at - clock_timestamp() as left from get_work('w', '{p.c,p.d}', %s::interval)",
        "select (work).lease_expires_at - clock_timestamp() as left from turn('w', '{p.c}', '[]', %s::interval)",
    ):
        # with watermarks, and without
        for _ in range(2):
            found = accepted(conn, call, lease)
            if found is None:
                assert engine.scalar(conn, "select count(*) from leased") == 0
                continue
            assert all(timedelta(seconds=-5) <= f["left"] <= timedelta(days=7) for f in found)
            for job in engine.query(conn, "select job_id, lease_id from leased"):
                value = engine.one(conn, "release", **job)
                assert value["state"] == "ready"


@_quick
@given(value=intervals)
@example(value="-1 year 360 days 12 hours")
@example(value="-1 day 25:00")
def test_a_max_lease_is_refused_or_a_lease_of_it_is_granted(styled: Connection, value: str) -> None:
    if accepted(styled, "select set_setting('max_lease', %s)", value) is None:
        return
    styled.execute("truncate job, ready, leased, deferred")
    engine.submit(styled, "p.e")
    assert _taken(styled, "p.e", "1 us") == 1
    styled.execute("select set_setting('max_lease', null)")
