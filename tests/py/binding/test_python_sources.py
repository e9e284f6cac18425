"""The Python package: the sources that Leasehold, Worker and Installer accept, and leave unchanged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
import psycopg_pool
import pytest
import sqlalchemy
from sqlalchemy import orm

from conftest import Connection
from leasehold import Installer, Lease, Leasehold, LeaseholdError, UsageError, Worker, cli


def stand_in(module: str, name: str, **members: Any) -> Any:
    """An instance of a class with the name of one in a library that is not installed."""
    return type(name, (), {"__module__": module, **members})()


def engine(dsn: str) -> sqlalchemy.Engine:
    return sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn))


def pool_of(dsn: str) -> psycopg_pool.AsyncConnectionPool[Any]:
    return psycopg_pool.AsyncConnectionPool(dsn, open=False)


# Objects made from a connection string that are not sources, and the alternative in the refusal.
FOREIGN: list[tuple[Callable[[str], Any], str]] = [
    (engine, "engine.url"),
    (lambda dsn: engine(dsn).connect(), "connection.connection.driver_connection"),
    (lambda dsn: orm.Session(engine(dsn)), "session.connection().connection.driver_connection"),
    (
        lambda dsn: orm.scoped_session(orm.sessionmaker(engine(dsn))),
        "session.connection().connection.driver_connection",
    ),
    (lambda dsn: orm.sessionmaker(engine(dsn)), "psycopg.Connection"),
    (
        lambda dsn: stand_in(
            "django.db.backends.postgresql.base", "DatabaseWrapper", connection=None
        ),
        "Leasehold(connection.connection)",
    ),
    (
        lambda dsn: stand_in("django.utils.connection", "ConnectionProxy"),
        "Leasehold(connection.connection)",
    ),
    (lambda dsn: stand_in("psycopg2.extensions", "connection", dsn=dsn), "psycopg 3"),
    (pool_of, "psycopg_pool.ConnectionPool"),
    (lambda dsn: psycopg.connect(dsn).cursor(), "Leasehold(cursor.connection)"),
    (lambda dsn: dsn.encode(), "dsn.decode()"),
    (lambda dsn: psycopg_pool.ConnectionPool, "an instance of ConnectionPool"),
    (lambda dsn: psycopg.Connection, "an instance of Connection"),
    (lambda dsn: lambda: psycopg.connect(dsn), "psycopg.Connection"),
    *[(lambda dsn, one=one: one, "psycopg.Connection") for one in (None, 5, True, ["host=x"], {})],
]


@pytest.mark.parametrize(("make", "hint"), FOREIGN)
def test_an_invalid_source_is_a_type_error_that_gives_the_line_to_use(
    dsn: str, superuser: Connection, make: Callable[[str], Any], hint: str
) -> None:
    foreign = make(dsn)
    for use in (
        lambda: Leasehold(foreign),
        lambda: Worker(foreign, {"a.b": print}),
        lambda: Installer(foreign),
        lambda: Leasehold(superuser).submit("a.b", connection=foreign or 5),
    ):
        with pytest.raises(TypeError, match=r"psycopg\.Connection") as caught:
            use()
        assert isinstance(caught.value, UsageError)
        assert hint in str(caught.value)


def test_an_asynchronous_connection_is_refused(dsn: str) -> None:
    async def use() -> None:
        async with await psycopg.AsyncConnection.connect(dsn) as conn:
            with pytest.raises(TypeError, match="AsyncConnection"):
                Leasehold(conn)  # type: ignore[arg-type]
            assert not conn.closed

    asyncio.run(use())


def test_the_given_object_stays_unchanged_and_the_line_works(dsn: str, conn: Connection) -> None:
    with orm.Session(engine(dsn)) as session:
        session.execute(sqlalchemy.text("create table public.mine (id int)"))
        with pytest.raises(TypeError):
            Leasehold(session)  # type: ignore[arg-type]
        session.execute(sqlalchemy.text("insert into mine values (1)"))
        Leasehold(session.connection().connection.driver_connection).submit("a.b")  # type: ignore[arg-type]
        assert conn.execute("select count(*) from job").fetchone() == (0,)
        session.commit()
    assert conn.execute("select count(*) from job").fetchone() == (1,)
    url = sqlalchemy.make_url("postgresql+psycopg://me:secret@localhost/shop")
    told = url.set(drivername="postgresql").render_as_string(False)
    assert told == "postgresql://me:secret@localhost/shop"


def test_connect_opens_connections_of_psycopg(dsn: str) -> None:
    with pytest.raises(TypeError, match="connect must be a function"):
        Leasehold(dsn, connect="host=x")  # type: ignore[arg-type]
    for connect in (
        lambda: None,
        lambda: engine(dsn),
        partial(psycopg.AsyncConnection.connect, dsn),
    ):
        with pytest.raises(TypeError, match="connect must open"):
            Leasehold(dsn, connect=connect).submit("a.b")  # type: ignore[arg-type]


def test_an_object_with_the_methods_of_a_pool_is_a_source(dsn: str, conn: Connection) -> None:
    class Lender:
        @contextmanager
        def connection(self) -> Any:
            with psycopg.connect(dsn) as lent:
                yield lent

    Leasehold(Lender()).submit("a.b")  # type: ignore[arg-type]
    assert conn.execute("select count(*) from job").fetchone() == (1,)


# --- handlers -------------------------------------------------------------------------------


async def coroutine(lease: Lease) -> None: ...


async def asynchronous_generator(lease: Lease) -> Any:
    yield 1


def generator(lease: Lease) -> Any:
    yield 1


class Callables:
    async def __call__(self, lease: Lease) -> None: ...

    async def method(self, lease: Lease) -> None: ...

    @staticmethod
    async def static(lease: Lease) -> None: ...


class Plain:
    def __call__(self, lease: Lease) -> None: ...


@pytest.mark.parametrize(
    "handler",
    [
        *(coroutine, asynchronous_generator, generator, Callables(), Callables().method),
        *(Callables.static, partial(coroutine), partial(partial(Callables()), 1), 5, None, "print"),
    ],
)
def test_a_handler_that_a_thread_cannot_call_is_refused_when_the_worker_is_made(
    handler: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TypeError, match=r"the handler of 'a\.b'") as caught:
        Worker("", {"a.%": print, "a.b": handler})
    assert isinstance(caught.value, LeaseholdError)


def test_plain_callables_are_handlers() -> None:
    handlers = {
        "a": print,
        "b": Plain(),
        "c": partial(print, 1),
        "d": Plain,
        "e": lambda lease: None,
    }
    assert Worker("", handlers).capabilities == list(handlers)


def test_the_command_line_reports_such_a_handler_in_one_line(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "async_jobs.py").write_text("async def f(lease): pass\nhandlers = {'a.b': f}")
    monkeypatch.syspath_prepend(tmp_path)
    assert cli.main(["work", "async_jobs"]) == cli.USAGE
    assert "the handler of 'a.b' is asynchronous" in capsys.readouterr().err
