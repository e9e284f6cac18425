"""Helpers for tests with several connections: calls with named arguments, expected errors, threads,
and a way to wait until the server reports a lock, instead of sleeping."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

Connection = psycopg.Connection[Any]
T = TypeVar("T")


def _query(function: str, arguments: dict[str, Any]) -> sql.Composed:
    named = [
        sql.SQL("{} => {}").format(sql.Identifier(name), sql.Placeholder(name))
        for name in arguments
    ]
    return sql.SQL("select * from {}({})").format(
        sql.Identifier(function), sql.SQL(", ").join(named)
    )


def rows(conn: Connection, function: str, **arguments: Any) -> list[dict[str, Any]]:
    """The rows of one call with named arguments; a dict is sent as jsonb, a list as an array."""
    sent = {
        name: Jsonb(value) if isinstance(value, dict) else value
        for name, value in arguments.items()
    }
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_query(function, sent), sent).fetchall()


def one(conn: Connection, function: str, **arguments: Any) -> dict[str, Any]:
    """The only row of one call."""
    found = rows(conn, function, **arguments)
    assert len(found) == 1, f"{function} returned {len(found)} rows"
    return found[0]


def value(conn: Connection, function: str, **arguments: Any) -> Any:
    """The only column of the only row of one call."""
    (result,) = one(conn, function, **arguments).values()
    return result


@contextlib.contextmanager
def refused(code: str) -> Iterator[list[psycopg.Error]]:
    """Fails unless the block raises this SQLSTATE; the error is put into the list that it
    yields."""
    caught: list[psycopg.Error] = []
    try:
        yield caught
    except psycopg.Error as error:
        caught.append(error)
        if error.sqlstate != code:
            raise AssertionError(f"{error.sqlstate} instead of {code}: {error}") from error
    else:
        raise AssertionError(f"not refused with {code}")


def pid(conn: Connection) -> int:
    """The process id of the connection's backend."""
    return conn.info.backend_pid


# How long a test waits for what must happen: much longer than a busy machine takes.
PATIENT_SECONDS = 60.0


def eventually(check: Callable[[], T], what: str, *, seconds: float | None = None) -> T:
    """Call `check` repeatedly and return its first true answer; AssertionError if there is none."""
    seconds = PATIENT_SECONDS if seconds is None else seconds
    deadline = time.monotonic() + seconds
    while not (answer := check()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds:g} s")
        time.sleep(0.005)
    return answer


def wait_until_blocked(
    conn: Connection, blocked: int | Connection, *, seconds: float | None = None
) -> list[int]:
    """Wait until the server reports that a backend waits for a lock; return the pids it waits for.

    `conn` is a third connection in autocommit; `blocked` is a connection or its pid.
    """
    number = blocked if isinstance(blocked, int) else pid(blocked)

    def blockers() -> list[int]:
        row = conn.execute("select pg_blocking_pids(%s)", (number,)).fetchone()
        return list(row[0]) if row else []

    return eventually(blockers, f"backend {number} is blocked", seconds=seconds)


def background(task: Callable[[], T]) -> Future[T]:
    """Start one call in a thread of its own; `.result(timeout=…)` waits for it and raises its
    error."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(task())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def run_threads(tasks: Sequence[Callable[[], T]], *, seconds: float = 300.0) -> list[T]:
    """Run all tasks at once, started together by a barrier; return their results in order.

    The first exception is raised when all have ended. A task that hangs raises AssertionError.
    """
    barrier = threading.Barrier(len(tasks))

    def waiting(task: Callable[[], T]) -> Callable[[], T]:
        def run() -> T:
            barrier.wait(timeout=seconds)
            return task()

        return run

    futures = [background(waiting(task)) for task in tasks]
    deadline = time.monotonic() + seconds
    errors: list[BaseException] = []
    for number, future in enumerate(futures):
        try:
            error = future.exception(timeout=max(0.0, deadline - time.monotonic()))
        except TimeoutError as late:
            raise AssertionError(f"task {number} still runs after {seconds:g} s") from late
        if error is not None:
            errors.append(error)
    if errors:
        raise errors[0]
    return [future.result() for future in futures]
