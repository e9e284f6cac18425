"""The Python package: the arguments that methods refuse before they send anything, and the JSON encoder."""

from __future__ import annotations

import enum
import inspect
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import pq
from psycopg.types.json import set_json_dumps

from conftest import Connect, Connection
from leasehold import InvalidArgument, Lease, Leasehold, UsageError, arguments


class Color(enum.Enum):
    RED = "red"


class Name(str, enum.Enum):
    BILLING = "billing.invoice"


class Level(enum.IntEnum):
    HIGH = 5


def circular() -> dict[str, Any]:
    found: dict[str, Any] = {}
    found["x"] = found
    return found


def nested(depth: int) -> Any:
    found: Any = []
    for _ in range(depth):
        found = [found]
    return found


_NO_TEXT = [b"a.b", Color.RED, 5, True, 1.5, ["a.b"], {"a": 1}, object(), "a\x00b", "a\ud800"]
_NO_UUID = [b"x" * 16, 5, True, 1.5, "no uuid", "", object(), "\x00"]
_NO_TIME = [
    5,
    1.7e9,
    True,
    b"2030",
    "soon",
    "2030-01-01 10:00",
    "2030-01-01",
    "now",
    "1 PM",
    [],
    {},
]

# Values that do not fit the kind of argument. None is not among them, because it means the default.
HOSTILE: dict[str, list[Any]] = {
    "text": _NO_TEXT,
    "text[]": [
        *("a.b", b"a.b", 5, {"a.b": 1}, True),
        *([one] for one in _NO_TEXT),
    ],
    "uuid": _NO_UUID,
    "uuid[]": [
        *(str(uuid4()), uuid4(), b"x", 5, {"x": 1}),
        *([one] for one in _NO_UUID),
    ],
    "integer": [1.5, 1.0, float("nan"), True, "5", b"5", 2**40, -(2**40), Decimal(1), [], object()],
    "boolean": [1, 0, "true", b"t", 1.5, [], object()],
    "interval": [
        *("5", "5 s", b"5", True, float("nan"), float("inf"), 10**30, 1e300, [], Decimal(5)),
    ],
    "timestamptz": [*_NO_TIME, datetime(2030, 1, 1)],
    "error": [5, b"no", True, ["no"], object()],
    "jsonb": [
        *({"x": float("nan")}, {"x": [float("-inf")]}, {"x": "\x00"}, {"\x00": 1}, {"x": "\ud800"}),
        *({"\udfff": 1}, {"x": object()}, {"x": b"x"}, {"x": uuid4()}, {"x": {1, 2}}, circular()),
        *({"x": 10**5000}, {"x": nested(200_000)}, {("a",): 1}, object(), b"{}", float("nan")),
    ],
    "batch": [5, "text", b"text", {"next_need": "a.b"}, True, ["text"], [None], [["a"]], [5]],
}


def _methods() -> list[Any]:
    """Every method that has an argument with a kind, and that argument."""
    found = []
    for cls in (Leasehold, Lease):
        for name, method in inspect.getmembers(cls, inspect.isfunction):
            if name.startswith("_") or name in ("granted", "conclude", "done", "heard", "answered"):
                continue
            for argument in inspect.signature(method).parameters:
                if argument in arguments._KINDS or argument in ("poll", "timeout"):
                    found.append(
                        pytest.param(cls, name, argument, id=f"{cls.__name__}.{name}-{argument}")
                    )
    return found


# The arguments that a call needs besides the one under test.
_VALID: dict[str, Any] = {
    "next_need": "a.b",
    "worker_id": "w",
    "capabilities": ["a.b"],
    "capability": "a.b",
    "done": [],
    "job_id": uuid4(),
    "actor": "me",
    "error": "no",
    "until": 5,
    "name": "max_crashes",
    "value": "3",
    "jobs": [],
    "leases": [],
}


class Silent:
    """A connection, and a record of what was sent over it."""

    def __init__(self, conn: Connection, directory: Path) -> None:
        self.conn = conn
        self._path = directory / "trace"
        self._file = self._path.open("w")
        conn.pgconn.trace(self._file.fileno())
        conn.pgconn.set_trace_flags(pq.Trace.SUPPRESS_TIMESTAMPS)

    def close(self) -> set[str]:
        """Returns what was sent, without the BEGIN of a transaction for a call."""
        self.conn.pgconn.untrace()
        self._file.close()
        sent = re.findall(r"^F\t\d+\t(.*)", self._path.read_text(), re.MULTILINE)
        return set(sent) - {'Query\t "BEGIN"', 'Query\t "ROLLBACK"'}


@pytest.fixture(params=[True, False], ids=["autocommit", "transactions"])
def silent(request: Any, connect: Connect, tmp_path: Path) -> Iterator[Silent]:
    found = Silent(connect(autocommit=request.param), tmp_path)
    yield found
    assert found.close() == set()


def _lease(leasehold: Leasehold) -> Lease:
    """A lease that exists in no database."""
    from leasehold.rows import Work

    now = datetime.now(timezone.utc)
    work = Work(
        *(uuid4(), uuid4(), 1, "a.b", {}, 1, 3, now, timedelta(60)),
        *(None, {}, None, None, {}, False),
    )
    return Lease.granted(work, leasehold.session, timedelta(60), 10**9)


@pytest.mark.parametrize(("cls", "name", "argument"), _methods())
def test_each_argument_of_each_method_is_checked_before_anything_is_sent(
    silent: Silent, cls: type[Any], name: str, argument: str
) -> None:
    leasehold = Leasehold(silent.conn)
    target = leasehold if cls is Leasehold else _lease(leasehold)
    kind = arguments._KINDS.get(argument, "interval")
    method = getattr(target, name)
    needed = {
        one: _VALID[one]
        for one, given in inspect.signature(method).parameters.items()
        if given.default is given.empty and one in _VALID
    }
    if name == "submit_all":
        pytest.skip("a COPY: its refusals have a test of their own")
    for bad in HOSTILE[kind]:
        if callable(bad) or (name == "extend_many" and argument == "leases" and bad == []):
            continue
        with pytest.raises(InvalidArgument) as caught:
            method(**{**needed, argument: bad})
        error = caught.value
        assert isinstance(error, UsageError)
        assert isinstance(error, (TypeError, ValueError))
        assert error.sqlstate == "LH010"
        told = argument if kind != "batch" or name != "extend_many" else "leases"
        assert (error.argument or "").startswith(told), bad
        assert argument in str(error)
        assert len(str(error)) < 700


@pytest.mark.parametrize("kind", sorted(set(HOSTILE) - {"batch"}))
def test_elements_of_batches_are_checked_like_the_arguments_of_single_calls(
    silent: Silent, kind: str
) -> None:
    leasehold = Leasehold(silent.conn)
    ids = {"job_id": uuid4(), "lease_id": uuid4()}
    parameters = inspect.signature(Leasehold.submit).parameters
    for name in [name for name, one in arguments._KINDS.items() if one == kind]:
        for bad in HOSTILE[kind]:
            if kind == "interval" and isinstance(bad, str):
                continue  # SQL's text of an interval
            with pytest.raises(InvalidArgument) as caught:
                leasehold.settle([{**ids, "verb": "complete"}, {**ids, "verb": "fail", name: bad}])
            assert (caught.value.argument or "").startswith(f"done[1].{name}")
            with pytest.raises(InvalidArgument) as caught:
                leasehold.turn("w", ["a.b"], [{**ids, "verb": "fail", name: bad}])
            assert (caught.value.argument or "").startswith(f"done[0].{name}")
            if name in parameters:
                with pytest.raises(InvalidArgument) as caught:
                    leasehold.submit_many([{"next_need": "a.b"}, {"next_need": "a.b", name: bad}])
                assert (caught.value.argument or "").startswith(f"jobs[1].{name}")


@pytest.mark.parametrize("kind", sorted(set(HOSTILE) - {"batch", "boolean", "error", "interval"}))
def test_submit_all_refuses_the_same(conn: Connection, kind: str) -> None:
    leasehold = Leasehold(conn)
    parameters = inspect.signature(Leasehold.submit).parameters
    for name in [one for one in parameters if arguments._KINDS.get(one) == kind]:
        for bad in HOSTILE[kind]:
            with pytest.raises(InvalidArgument) as caught:
                leasehold.submit_all([{"next_need": "a.b"}, {"next_need": "a.b", name: bad}])
            error = caught.value
            assert isinstance(error, UsageError)
            assert (error.argument or "").startswith(name)
            assert error.index == 1
    assert conn.execute("select count(*) from job").fetchone() == (0,)


def test_pythons_own_types_are_accepted_for_their_kind_of_argument(conn: Connection) -> None:
    leasehold = Leasehold(conn)
    job_id = uuid4()
    later = datetime.now(timezone.utc) + timedelta(days=1)
    leasehold.submit(
        Name.BILLING,
        {"name": Name.BILLING, "level": Level.HIGH},
        job_id=f"{{{str(job_id).upper()}}}",
        priority=Level.HIGH,
        available_at=later.isoformat(),  # type: ignore[arg-type]
        wait_for=(one for one in ()),  # type: ignore[arg-type]
    )
    job = leasehold.job(job_id)
    assert (job.next_need, job.priority, job.available_at) == ("billing.invoice", 5, later)
    assert job.payload == {"name": "billing.invoice", "level": 5}
    assert leasehold.get_work("w", {Name.BILLING}) == []  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="Color"):
        leasehold.submit(Color.RED)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        *("2030-01-31T10:00:00Z", "2030-01-31 10:00+01", "2030-01-31T10:00:00.5-03:30"),
        "20300-01-31T10:00:00Z",
    ],
)
def test_a_time_as_text_needs_a_zone_and_is_parsed_by_the_database(
    conn: Connection, text: str
) -> None:
    leasehold = Leasehold(conn)
    jobs = [{"next_need": "a.b", "available_at": text}]
    for submit in (
        lambda: leasehold.submit(**jobs[0]),
        lambda: leasehold.submit_many(jobs),
        lambda: leasehold.submit_all(jobs),
    ):
        if text.startswith("20300"):
            with pytest.raises(InvalidArgument):
                submit()
        else:
            submit()
    (count,) = conn.execute("select count(distinct available_at) from job").fetchone() or (0,)
    assert count == (0 if text.startswith("20300") else 1)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (
            lambda leasehold: leasehold.submit("a.b", available_at="2030-13-45T99:00Z"),
            "available_at",
        ),
        (lambda leasehold: leasehold.submit("a.b", {"n": arguments.JsonText("{")}), "payload"),
        (lambda leasehold: leasehold.submit("a.b", arguments.JsonText("{")), "payload"),
        (
            lambda leasehold: leasehold.submit("a.b", arguments.JsonText('{"n": 1e999999}')),
            "payload",
        ),
    ],
)
def test_a_refusal_by_the_database_alone_is_an_invalid_argument_too(
    conn: Connection, call: Callable[[Leasehold], object], argument: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        call(Leasehold(conn))
    assert caught.value.argument == argument
    assert caught.value.__cause__ is not None


def test_a_number_out_of_range_inside_the_engine_is_not_taken_for_an_argument(
    conn: Connection,
) -> None:
    from leasehold.errors import translated

    conn.execute(
        "create function public.fails(a text) returns int language plpgsql"
        " as $$ begin return 1 / length(a); end $$"
    )
    with pytest.raises(psycopg.errors.DivisionByZero), translated(["a"]):
        conn.execute("select public.fails(%s)", [""])


# --- one encoder ----------------------------------------------------------------------------


@dataclass
class Money:
    amount: Decimal


def dumps(value: Any) -> str:
    """The encoder of an application, which can write amounts, times and ids."""

    def plain(one: Any) -> Any:
        if isinstance(one, Money):
            return {"amount": str(one.amount)}
        if isinstance(one, (UUID, datetime, Decimal)):
            return str(one)
        raise TypeError(f"no {type(one).__name__} here")

    return json.dumps(value, default=plain)


_AT = datetime(2030, 1, 1, tzinfo=timezone.utc)
_ID = UUID(int=7)
RICH = {"price": Money(Decimal("1.10")), "at": _AT, "id": _ID, "n": Decimal("0.1")}
PLAIN = {"price": {"amount": "1.10"}, "at": str(_AT), "id": str(_ID), "n": "0.1"}


def _take(leasehold: Leasehold) -> Lease:
    leasehold.submit("a.taken")
    (lease,) = leasehold.get_work("w", ["a.taken"])
    return lease


def _settled(leasehold: Leasehold, verb: str, how: str, **given: Any) -> UUID:
    lease = _take(leasehold)
    done = [{"job_id": lease.job_id, "lease_id": lease.lease_id, "verb": verb, **given}]
    if how == "settle":
        leasehold.settle(done)
    else:
        leasehold.turn("w", ["a.none"], done)
    return lease.job_id


def _reschedule(leasehold: Leasehold) -> UUID:
    lease = _take(leasehold)
    lease.reschedule(payload=RICH)
    return lease.job_id


def _unheld(leasehold: Leasehold, method: str, **given: Any) -> UUID:
    job_id = leasehold.submit("a.b").job_id
    getattr(leasehold, method)(job_id, "me", **given)
    return job_id


def _complete(leasehold: Leasehold) -> UUID:
    lease = _take(leasehold)
    assert lease.checkpoint("c", RICH) == PLAIN
    lease.complete(RICH)
    return lease.job_id


def _all(leasehold: Leasehold) -> UUID:
    job_id = uuid4()
    leasehold.submit_all(
        [{"next_need": "a.b", "job_id": job_id, "payload": RICH, "metadata": RICH}]
    )
    return job_id


@pytest.mark.parametrize(
    ("send", "where"),
    [
        (lambda a: a.submit("a.b", RICH, metadata=RICH).job_id, ("payload", "metadata")),
        (
            lambda a: (
                a.submit_many([{"next_need": "a.b", "payload": RICH, "metadata": RICH}])[0].job_id
            ),
            ("payload", "metadata"),
        ),
        (_all, ("payload", "metadata")),
        (_complete, ("result",)),
        (_reschedule, ("payload",)),
        (lambda a: _settled(a, "complete", "settle", result=RICH), ("result",)),
        (lambda a: _settled(a, "complete", "turn", result=RICH), ("result",)),
        (lambda a: _settled(a, "reschedule", "settle", payload=RICH), ("payload",)),
        (lambda a: _settled(a, "reschedule", "turn", payload=RICH), ("payload",)),
        (lambda a: _unheld(a, "complete_unheld", result=RICH), ("result",)),
        (lambda a: _unheld(a, "reschedule_unheld", payload=RICH), ("payload",)),
    ],
    ids=[
        *("submit", "submit_many", "submit_all", "complete", "reschedule"),
        *("settle-complete", "turn-complete", "settle-reschedule", "turn-reschedule"),
        *("complete_unheld", "reschedule_unheld"),
    ],
)
def test_the_connections_json_dumps_serves_every_method(
    connect: Connect, send: Callable[[Leasehold], UUID], where: tuple[str, ...]
) -> None:
    conn = connect()
    with pytest.raises(InvalidArgument, match=r"set_json_dumps|not JSON serializable"):
        send(Leasehold(conn))
    conn.execute("truncate job, ready, leased, archive")
    set_json_dumps(dumps, conn)
    leasehold = Leasehold(conn)
    job = leasehold.job(send(leasehold))
    assert [getattr(job, column) for column in where] == [PLAIN] * len(where)


@pytest.mark.parametrize(
    "dumped",
    ['{"n": NaN}', '{"n": "\\u0000"}', '{"n": "\\ud800"}', '{"n": "\ud800"}', '{"n": -Infinity}'],
)
def test_the_output_of_the_connections_dumps_is_checked_as_well(
    connect: Connect, dumped: str
) -> None:
    conn = connect()
    set_json_dumps(lambda value: dumped, conn)
    with pytest.raises(InvalidArgument) as caught:
        Leasehold(conn).submit("a.b", {"n": 1})
    assert caught.value.argument == "payload"


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "-Infinity",
        "\\u0000",
        "\\\\u0000",
        "\\ud800",
        "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
        "a \\ud83d b",
        '"NaN"',
    ],
)
def test_text_that_only_looks_suspicious_is_stored(conn: Connection, text: str) -> None:
    leasehold = Leasehold(conn)
    job_id = leasehold.submit("a.b", {"text": text, text: 1}).job_id
    assert leasehold.job(job_id).payload == {"text": text, text: 1}
