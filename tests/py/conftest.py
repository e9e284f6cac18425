"""Databases and connections for the tests, and the order in which several workers run them;
support.py has the helpers."""

from __future__ import annotations

import fcntl
import itertools
import os
import re
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

import server

Connection = psycopg.Connection[Any]
Connect = Callable[..., Connection]

_numbers = itertools.count(1)

# --- several workers (pytest-xdist) -----------------------------------------------------------

# The file that a test locks while it runs, exclusively if it is marked `serial`.
QUIET = "LEASEHOLD_TEST_QUIET"


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        handle, path = tempfile.mkstemp(prefix="leasehold-test-quiet-")
        os.close(handle)
        os.environ[QUIET] = path


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        os.unlink(os.environ.pop(QUIET))


# Tests that share data that takes a minute to make: one worker runs all of them.
TOGETHER = re.compile(r"test_plans\.py::test_looks_at_no_more_than_it_needs_in_any_world")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each test by itself to the next free worker, in the order of collection."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            found = TOGETHER.search(nodeid)
            return found[0] if found else nodeid

    config.option.loadscopereorder = False
    return Scheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run long tests first, so that no worker is left with one at the end; serial tests run
    last."""

    def order(item: pytest.Item) -> int:
        if item.get_closest_marker("serial"):
            return 3
        if TOGETHER.search(item.nodeid):
            return 0
        return 1 if item.get_closest_marker("long") else 2

    if hasattr(config, "workerinput"):
        items.sort(key=order)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A serial test waits until no other test runs, and no other test begins before it has ended.

    This is not a fixture, because the wait must not count as part of the test's duration or timeout.
    """
    # A server that was given by the caller is shared by all workers: tests must run one at a time.
    shared = "LEASEHOLD_TEST_TEMPLATE" in os.environ and not (
        os.environ["LEASEHOLD_TEST_BINDIR"] or os.environ["LEASEHOLD_TEST_CONTAINER"]
    )
    with Path(os.environ[QUIET]).open() as quiet:
        serial = shared or item.get_closest_marker("serial") is not None
        fcntl.flock(quiet, fcntl.LOCK_EX if serial else fcntl.LOCK_SH)
        return (yield)


# --- databases and connections ----------------------------------------------------------------


@pytest.fixture(scope="session")
def test_server() -> Iterator[server.Server]:
    """The server that `make` started, or one for this run of pytest alone."""
    with server.running() as found:
        yield found


@pytest.fixture(scope="session")
def server_dsn(test_server: server.Server) -> str:
    """The server's maintenance database, as superuser."""
    return test_server.dsn


def _fresh(found: server.Server, template: str) -> Iterator[str]:
    name = f"{found.template}_py_{next(_numbers)}"
    server.create_database(found.dsn, name, template)
    try:
        yield name
    finally:
        server.drop_database(found.dsn, name)


@pytest.fixture
def database(test_server: server.Server) -> Iterator[str]:
    """The name of a fresh database with Leasehold and pgTAP; it is dropped afterwards, by force."""
    yield from _fresh(test_server, test_server.template)


@pytest.fixture
def dsn(test_server: server.Server, database: str) -> str:
    """The connection string of `database`, as superuser and over TCP, with no search path set."""
    return server.in_database(test_server.dsn, database)


@pytest.fixture
def empty_dsn(test_server: server.Server) -> Iterator[str]:
    """A fresh, empty database, for tests of the installation."""
    for name in _fresh(test_server, "template0"):
        yield server.in_database(test_server.dsn, name)


@pytest.fixture
def connect(dsn: str) -> Iterator[Connect]:
    """A function that opens connections to `database`: autocommit, search_path = leasehold, public.

    Its keywords go to psycopg.connect (`autocommit=False`, `user=…`). All are closed afterwards.
    """
    opened: list[Connection] = []

    def make(**options: Any) -> Connection:
        given = options.pop("options", conninfo_to_dict(dsn).get("options") or "")
        options = {"autocommit": True, "connect_timeout": 10} | options
        conn: Connection = psycopg.connect(
            dsn, options=f"-c search_path=leasehold,public {given}".strip(), **options
        )
        opened.append(conn)
        return conn

    yield make
    for conn in opened:
        conn.close()


@pytest.fixture
def conn(connect: Connect) -> Connection:
    """An autocommit connection to `database`, with search_path = leasehold, public."""
    return connect()


@pytest.fixture
def superuser(dsn: str) -> Iterator[Connection]:
    """A further connection to `database`, without search path, to observe and kill others."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        yield conn


@pytest.fixture
def scratch_server(test_server: server.Server) -> Iterator[server.Cluster]:
    """A running, empty server of the test's own, which the test can kill, stop and start again.

    The test is skipped where this machine has no binaries of a server.
    """
    bindir: Path | None = test_server.bindir or server.debian_bindir()
    if bindir is None:
        pytest.skip("needs the binaries of a server on this machine")
    with server.Cluster(bindir) as cluster:
        yield cluster
