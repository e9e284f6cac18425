"""The Python package: a value that cannot be decoded affects only the job that has it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import set_json_loads

import server
import support
from conftest import Connect, Connection
from leasehold import (
    Installer,
    InvalidArgument,
    Lease,
    Leasehold,
    Undecodable,
    UndecodableError,
    Worker,
    errors,
)

LONG = '{"n": 1e5000}'  # is returned with all its digits, which are more than Python reads
DEEP = '{"n": ' + "[" * 3_000 + "]" * 3_000 + "}"
GOOD = [
    '{"": {"%s": "%(x)s", "\\u2028": "\\\\u0000"}}',
    '{"n": 1e400}',
    '{"n": [1e-400, 12345678901234567890.123456789, -0.0]}',
    '{"text": "' + "x" * 900_000 + '"}',
    '{"text": "\\ud83d\\ude00 é … \\u200f\\uffff"}',
    json.dumps({"n": [[[[]]] * 200] * 50}),
]


def decodes(text: str) -> bool:
    """Whether this Python can decode the JSON as the database returns it."""
    try:
        json.loads(text.replace("1e5000", "1" + "0" * 5000))
    except (ValueError, RecursionError):
        return False
    return True


def ends(conn: Connection) -> dict[UUID, tuple[Any, ...]]:
    """How each job ended: state, dead_reason, error_code, error."""
    found = conn.execute(
        "select job_id, state, null, null, null from archive"
        " union all select job_id, state, (failure).dead_reason, (failure).error_code, (failure).error"
        " from job"
    )
    return {row[0]: row[1:] for row in found}


@pytest.mark.parametrize("threads", [1, 4])
def test_a_worker_runs_every_good_job_among_a_hundred_hostile_rows(
    dsn: str, conn: Connection, threads: int
) -> None:
    bad: dict[UUID, str] = {}
    good: set[UUID] = set()

    def add(is_good: bool, column: str, **columns: Any) -> UUID:
        job_id = uuid4()
        given = {"next_need": "a.b", "job_id": job_id, **columns}
        names, values = ", ".join(given), ", ".join(["%s"] * len(given))
        conn.execute(
            f"insert into submission ({names}) values ({values})".encode(), list(given.values())
        )
        if is_good:
            good.add(job_id)
        else:
            bad[job_id] = column
        return job_id

    # Jobs with results that others wait for, which end first.
    parents = [add(True, "", next_need="parent", payload="{}") for _ in (LONG, DEEP)]
    for parent, result in zip(parents, (LONG, DEEP), strict=True):
        conn.execute("select complete_unheld(%s, 'me', %s::jsonb)", [parent, result])
        for _ in range(5):
            add(decodes(result), "results", wait_for=[parent])
    for round_ in range(12):
        for text in (LONG, DEEP):
            add(decodes(text), "payload", payload=text)
            add(decodes(text), "metadata", metadata=text, payload="{}")
        for text in GOOD[:3] if round_ else GOOD:
            add(True, "", payload=text, metadata=text if len(text) < 1_000 else "{}")
    for need in ("a.ü", 'a."q"', "a.%s", "a.'", "a.\\", "a.🦄", "a." + "x" * 190):
        add(True, "", next_need=need, singleton_key=f"{need} % %s \n\t")
    assert len(bad) + len(good) >= 100

    def handler(lease: Lease) -> Any:
        return {"seen": len(json.dumps(lease.payload))}

    worker = Worker(dsn, {"a.%": handler}, threads=threads, poll=0.2)
    run = support.background(lambda: worker.run(signals=False))
    try:
        support.eventually(
            lambda: not {"ready", "leased", "scheduled"} & {end[0] for end in ends(conn).values()},
            "all ended",
            seconds=60,
        )
        assert not run.done()
    finally:
        worker.stop()
        run.result(timeout=60)
    found = ends(conn)
    assert {job_id for job_id, end in found.items() if end[0] == "succeeded"} == good
    for job_id, column in bad.items():
        state, reason, code, error = found[job_id]
        assert (state, reason, code) == ("dead", "not_retryable", "undecodable")
        assert f"its {column} cannot be decoded" in error
        assert "digits" in error or "recursion" in error


@pytest.mark.parametrize("in_transaction", [False, True])
def test_one_bad_row_among_a_hundred_costs_one_lease(
    connect: Connect, conn: Connection, in_transaction: bool
) -> None:
    conn.execute(
        "insert into submission (next_need, payload)"
        " select 'a.b', case n when 50 then %s else '{}' end::jsonb from generate_series(1, 100) as n",
        [LONG],
    )
    caller = connect(autocommit=not in_transaction)
    leases = Leasehold(caller).get_work("w", ["a.b"], limit_jobs=100, in_transaction=in_transaction)
    caller.commit()
    assert len(leases) == 99
    states = [end[0] for end in ends(conn).values()]
    assert (states.count("leased"), states.count("dead")) == (99, 1)


def test_turn_and_await_work_go_on_after_a_row_that_cannot_be_decoded(conn: Connection) -> None:
    leasehold = Leasehold(conn)
    insert = "insert into submission (next_need, payload) values ('a.b', %s)"
    for text in (LONG, LONG, "{}", LONG, "{}", LONG):
        conn.execute(insert, [text])
    (first,) = leasehold.get_work("w", ["a.b"])
    done = {"job_id": first.job_id, "lease_id": first.lease_id, "verb": "complete"}
    turn = leasehold.turn("w", ["a.b"], [done])
    assert turn.settled[0].ok
    assert len(turn.leases) == 1
    assert leasehold.await_work("w", ["a.b"], timeout=0.1) == []
    states = sorted(end[0] for end in ends(conn).values())
    assert states == ["dead"] * 4 + ["leased", "succeeded"]


@pytest.mark.parametrize("text", [LONG, DEEP])
def test_a_checkpoint_that_cannot_be_decoded_fails_its_job_for_good(
    dsn: str, conn: Connection, text: str
) -> None:
    if decodes(text):
        pytest.skip("this Python decodes it")
    leasehold = Leasehold(conn)
    first = leasehold.submit("a.b").job_id
    second = leasehold.submit("a.b").job_id

    def handler(lease: Lease) -> Any:
        conn.execute(
            "select checkpoint(%s, %s, 'c', %s::jsonb)", [lease.job_id, lease.lease_id, text]
        )
        return lease.checkpoint("c") if lease.job_id == first else len(lease.checkpoints())

    worker = Worker(dsn, {"a.b": handler}, poll=0.2)
    run = support.background(lambda: worker.run(signals=False))
    buried = {("dead", "not_retryable", "undecodable")}
    try:
        support.eventually(
            lambda: {end[:3] for end in ends(conn).values()} == buried, "both are dead"
        )
    finally:
        worker.stop()
        run.result(timeout=60)
    assert "checkpoint" in ends(conn)[first][3]
    assert "result of checkpoints" in ends(conn)[second][3]


def test_results_that_cannot_be_decoded_are_an_error_of_the_call(conn: Connection) -> None:
    leasehold = Leasehold(conn)
    before = leasehold.submit("a.a").job_id
    leasehold.submit("a.b", wait_for=[before])
    conn.execute("select complete_unheld(%s, 'me', '{}')", [before])
    (lease,) = leasehold.get_work("w", ["a.b"])
    conn.execute("update archive set result = %s::jsonb where job_id = %s", [LONG, before])
    with pytest.raises(UndecodableError, match="result of results"):
        lease.dependency_results()
    assert lease.state == "held"
    lease.complete()


def test_a_job_that_cannot_be_decoded_can_be_inspected(conn: Connection) -> None:
    leasehold = Leasehold(conn)
    job_id = uuid4()
    conn.execute(
        "insert into submission (next_need, job_id, payload) values ('a.b', %s, %s)", [job_id, LONG]
    )
    assert leasehold.get_work("w", ["a.b"]) == []
    job = leasehold.job(job_id)
    assert job.state == "dead"
    assert isinstance(job.payload, Undecodable)
    assert job.payload.text.startswith('{"n": 1000')
    assert len(job.payload.text) > 5000
    assert "digits" in job.payload.problem
    assert len(repr(job.payload)) < 250


@pytest.mark.parametrize("text", [LONG, DEEP])
def test_a_stored_result_that_cannot_be_decoded_hides_no_refusal(
    connect: Connect, conn: Connection, text: str
) -> None:
    leasehold = Leasehold(connect())
    leasehold.submit("a.b")
    (lease,) = leasehold.get_work("w", ["a.b"])
    conn.execute("select complete(%s, %s, %s::jsonb)", [lease.job_id, lease.lease_id, text])
    with pytest.raises(errors.AlreadyDone) as caught:
        with lease.transaction(hold=False):
            lease.complete()
    assert (caught.value.job_id, caught.value.lease_id) == (lease.job_id, lease.lease_id)
    if not decodes(text):
        assert isinstance(lease.status().result, Undecodable)
        assert isinstance(leasehold.job_payload(lease.job_id).result, Undecodable)
    lease.complete()  # a transaction of its own, so the repeated end succeeds
    assert lease.state == "ended"


@pytest.mark.parametrize("detail", ['{"n": ' + "1" * 5000 + "}", "[" * 200_000])
def test_a_detail_that_cannot_be_decoded_hides_no_refusal(detail: str) -> None:
    error = errors.from_parts("LH001", "lost", detail)
    assert (type(error), error.detail) == (errors.LeaseExpired, {"text": detail})


def test_numbers_are_read_as_far_as_python_keeps_them(connect: Connect) -> None:
    conn = connect()
    whole = 12345678901234567890123456789
    conn.execute(
        "insert into submission (next_need, payload) values ('a.b', %s), ('a.b', %s)",
        [f'{{"n": [{whole}, 1e400, 1.25, 0.1]}}', '{"n": 12345678901234567890.123456789}'],
    )
    first, second = Leasehold(conn).get_work("w", ["a.b"], limit_jobs=2)
    assert first.payload == {"n": [whole, 10**400, 1.25, 0.1]}
    assert second.payload == {"n": 12345678901234567000.0}
    # The same with another decoder.
    set_json_loads(partial(json.loads, parse_float=Decimal), conn)
    assert Leasehold(conn).job(second.job_id).payload == {
        "n": Decimal("12345678901234567890.123456789")
    }


def test_a_decoder_of_the_connection_that_raises_costs_its_own_row(connect: Connect) -> None:
    conn = connect()

    def loads(text: str | bytes) -> Any:
        found = json.loads(text)
        if "bad" in found:
            raise LookupError("not this one")
        return found

    leasehold = Leasehold(conn)
    leasehold.submit("a.b", {"bad": 1})
    leasehold.submit("a.b", {"good": 1})
    set_json_loads(loads, conn)
    (lease,) = leasehold.get_work("w", ["a.b"], limit_jobs=2)
    assert lease.payload == {"good": 1}


# --- encodings ------------------------------------------------------------------------------

TEXT = {"text": "é … 🦄 ü"}


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP", "WIN1252", "UTF8"])
def test_over_a_connection_of_any_encoding_every_text_is_read(
    connect: Connect, conn: Connection, encoding: str
) -> None:
    caller = connect(client_encoding=encoding)
    leasehold = Leasehold(caller)
    parent = leasehold.submit("a.parent").job_id
    leasehold.complete_unheld(parent, "me", TEXT)
    job_id = leasehold.submit("a.b", TEXT, metadata=TEXT, wait_for=[parent]).job_id
    leasehold.submit_many([{"next_need": "a.b", "payload": TEXT}])
    leasehold.submit_all([{"next_need": "a.b", "payload": TEXT}])
    conn.execute("select submit('a.🦄', singleton_key => '…')")
    leases = leasehold.get_work("w", ["a.%"], limit_jobs=10)
    assert [lease.payload for lease in leases] == [TEXT, TEXT, TEXT, {}]
    assert (leases[0].metadata, leases[0].results[str(parent)]) == (TEXT, TEXT)
    assert (leases[3].next_need, leases[3].singleton_key) == ("a.🦄", "…")
    assert leases[0].checkpoint("c", TEXT) == TEXT
    assert leases[0].checkpoints()[0].result == TEXT
    assert leases[0].dependency_results()[0].result == TEXT
    assert leases[0].fail("… 🦄", retryable=False).state == "dead"
    settled = leasehold.settle(
        {"job_id": one.job_id, "lease_id": one.lease_id, "verb": "complete", "result": TEXT}
        for one in leases[1:]
    )
    assert all(row.ok for row in settled)
    assert [leasehold.job(one.job_id).result for one in leases[1:]] == [TEXT] * 3
    assert leasehold.job(job_id).state == "dead"
    assert leasehold.setting("max_crashes") == "3"
    assert leasehold.schema_version() == leasehold.require_api() == "1.0.0"
    assert leasehold.verify() == []
    assert {type(setting.value) for setting in leasehold.settings()} == {str}
    row = conn.execute("select array_agg(payload) from archive where next_need = 'a.b'").fetchone()
    assert row == ([TEXT] * 2,)


def test_text_that_the_connections_encoding_lacks_is_a_refused_argument(connect: Connect) -> None:
    leasehold = Leasehold(connect(client_encoding="LATIN1"))
    assert leasehold.submit("a.é", singleton_key="é").created
    with pytest.raises(errors.ArgumentValueError, match="client_encoding"):
        leasehold.submit("a.…")
    with pytest.raises(errors.ArgumentValueError, match="client_encoding") as caught:
        leasehold.submit_all([{"next_need": "a.b"}, {"next_need": "a.…"}])
    assert caught.value.index == 1


def test_connections_that_the_package_opens_are_in_utf8(
    dsn: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    foreign = connect(client_encoding="LATIN1")
    for source in (dsn, f"{dsn} client_encoding=latin1", foreign):
        with Leasehold(source).session.connect() as conn:
            assert conn.info.encoding == "utf-8"
    assert foreign.info.encoding == "iso8859-1"


@contextmanager
def database_in(test_server: server.Server, encoding: str) -> Iterator[str]:
    """A database in that encoding with Leasehold in it."""
    name = f"{test_server.template}_{encoding.lower()}"
    with psycopg.connect(test_server.dsn, autocommit=True) as conn:
        provider = "locale_provider libc" if conn.info.server_version >= 150000 else ""
        conn.execute(
            f"create database {name} encoding '{encoding}' lc_collate 'C' lc_ctype 'C'"
            f" template template0 {provider}".encode()
        )
    try:
        dsn = server.in_database(test_server.dsn, name)
        Installer(dsn).apply()
        yield dsn
    finally:
        server.drop_database(test_server.dsn, name)


@pytest.mark.parametrize(("encoding", "text"), [("LATIN1", "é"), ("EUC_JP", "あ")])
def test_in_a_database_of_another_encoding_missing_characters_are_refused_and_errors_pass(
    test_server: server.Server, encoding: str, text: str
) -> None:
    with database_in(test_server, encoding) as dsn, Leasehold(dsn) as leasehold:
        for good, need in ((True, f"a.{text}"), (False, "a.🦄")):
            job = {"next_need": need, "payload": {"text": need}}
            calls: list[Callable[[], Any]] = [
                lambda job=job: leasehold.submit(**job),
                lambda job=job: leasehold.submit_many([job]),
                lambda job=job: leasehold.submit_all([job]),
            ]
            for call in calls:
                with nullcontext() if good else pytest.raises(InvalidArgument):
                    call()
        first, second, third = leasehold.get_work("w", ["a.%"], limit_jobs=9)
        assert first.payload == {"text": f"a.{text}"}
        first.fail(ValueError("🦄"), retryable=False)
        done = {"job_id": second.job_id, "lease_id": second.lease_id, "verb": "fail"}
        leasehold.settle([{**done, "error": "🦄", "retryable": False}])
        assert leasehold.job(first.job_id).error == "ValueError: \\U0001f984"
        assert leasehold.job(second.job_id).error == "\\U0001f984"
        third.complete(third.payload)


@pytest.fixture
def without_encoding(test_server: server.Server) -> Iterator[str]:
    """A database without an encoding, which stores any bytes."""
    with database_in(test_server, "SQL_ASCII") as dsn:
        yield dsn


@pytest.mark.parametrize("client", ["own", "SQL_ASCII", "UTF8"])
def test_in_a_database_without_encoding_bytes_that_are_not_text_cost_one_job(
    without_encoding: str, client: str
) -> None:
    dsn = without_encoding
    with psycopg.connect(dsn, autocommit=True, client_encoding="SQL_ASCII") as conn:
        conn.execute("set search_path = leasehold")
        conn.execute(b"select submit('a.b', payload => '{\"name\": \"Ren\xe9\"}')")
        conn.execute("select submit('a.b', payload => '{\"name\": \"René\"}')".encode())
        conn.execute(b"select submit('a.b', singleton_key => 'Ren\xe9')")
    foreign = psycopg.connect(
        dsn, autocommit=True, client_encoding="" if client == "own" else client
    )
    leasehold = Leasehold(dsn if client == "own" else foreign)
    with foreign, leasehold:
        leasehold.submit("a.b", {"name": "…"})
        leasehold.submit_many([{"next_need": "a.b", "payload": {"name": "…"}}])
        leasehold.submit_all([{"next_need": "a.b", "payload": {"name": "…"}}])
        leases = leasehold.get_work("w", ["a.b"], limit_jobs=100)
        assert [lease.payload for lease in leases] == [
            {"name": "René"},
            {},
            *[{"name": "…"}] * 3,
        ]
        assert leases[1].singleton_key == "Ren\udce9"
        with leasehold.session.borrow() as conn:
            (job_id,) = conn.execute(
                "select job_id from leasehold.dead_letter", binary=True
            ).fetchone() or (None,)
        job = leasehold.job(job_id)
        assert (job.state, job.error_code) == ("dead", "undecodable")
        assert isinstance(job.payload, Undecodable)
        assert "Ren\\xe9" in job.payload.text
        for lease in leases:
            lease.complete({"name": "…"})
