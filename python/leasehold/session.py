"""How a call reaches the database: over the caller's connection, a pool, or a connection of our
own.

One SQL function per call, arguments by name, columns listed; the caller's transactions are never
ended.
"""

from __future__ import annotations

import json
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import fields
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Protocol, TypeAlias, TypeVar
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row
from psycopg.types.json import Jsonb

from .errors import ForkedConnection, OpenTransaction, UsageError, copied, translated

Connection: TypeAlias = psycopg.Connection[Any]
Seconds: TypeAlias = "float | timedelta"
Row = TypeVar("Row")


class Pool(Protocol):
    """What is used of a psycopg_pool.ConnectionPool. Its `conninfo` and `kwargs`, too, where there
    is no `connect=`: leases are kept alive over connections beside the pool.
    """

    def connection(self, timeout: float | None = None) -> AbstractContextManager[Connection]:
        """Lends a connection for one transaction."""
        ...


Source: TypeAlias = "str | Connection | Pool"

# The type of an argument follows from its name, in every function.
_TYPES: dict[str, str] = {
    **dict.fromkeys(("job_id", "lease_id", "after"), "uuid"),
    "wait_for": "uuid[]",
    **dict.fromkeys(("payload", "metadata", "retry", "result", "jobs", "done", "leases"), "jsonb"),
    **dict.fromkeys(("lease", "retry_after"), "interval"),
    **dict.fromkeys(("available_at", "expires_at"), "timestamptz"),
    **dict.fromkeys(("priority", "max_attempts", "limit_jobs", "limit_rows", "api"), "integer"),
    **dict.fromkeys(("strict", "retryable"), "boolean"),
    "capabilities": "text[]",
    "until": "interval",  # from now on the database's clock; see _compose
}

# What no function takes without: said as null when it is None, so that the database names it.
_REQUIRED = frozenset(
    (
        *("job_id", "lease_id", "next_need", "worker_id", "capabilities", "capability", "until"),
        *("actor", "error", "name", "value", "api"),
    )
)

# Elements in one COPY: that one was refused is heard when its COPY ends, not before.
_PORTION = 5000


class Session:
    """Calls Leasehold's functions in one schema over one source of connections."""

    def __init__(
        self,
        source: Source,
        schema: str = "leasehold",
        *,
        connect: Callable[[], Connection] | None = None,
    ) -> None:
        self.schema = schema
        self._source = source
        self._connect = connect or _dedicated(source)
        self._own: Connection | None = None
        self._listening: set[str] = set()
        self._owning = threading.RLock()
        self._pid = os.getpid()
        self._composed: dict[tuple[Any, ...], bytes] = {}

    # -- connections

    def opener(self) -> Callable[[], Connection]:
        """How further connections are opened. Raises UsageError for a pool that does not say."""
        if self._connect is None:
            raise UsageError(
                "this pool does not say how to open a connection beside it",
                hint="Give connect=, a function that opens one.",
            )
        return self._connect

    def connect(self) -> Connection:
        """A new autocommit connection to the same database, the asker's to keep and to close."""
        conn = self.opener()()
        try:
            if not conn.autocommit:
                conn.autocommit = True
            if is_pooled(conn):
                # the next transaction may meet another server process
                conn.prepare_threshold = None
        except BaseException:
            conn.close()
            raise
        return conn

    def close(self) -> None:
        """Closes the connection that this object opened, if it did. Never one that it was given."""
        with self._owning:
            if self._own is not None and self._pid == os.getpid():
                self._own.close()
            self._own = None

    @contextmanager
    def borrow(self, given: Connection | None = None) -> Iterator[Connection]:
        """A connection for one or a few calls: the given one, or one from the source.

        Over one from the source, a call is a transaction of its own, and one round trip.
        """
        if self._pid != os.getpid():
            raise ForkedConnection(
                "this process was forked after its Leasehold was made",
                hint="No connection can serve two processes: make its own in the child.",
            )
        if given is not None:
            yield given
        elif isinstance(self._source, psycopg.Connection):
            yield self._source
        elif isinstance(self._source, str):
            with self._owning:
                if self._own is None or self._own.closed:
                    self._own = self.connect()
                    self._listening.clear()
                yield self._own
        else:
            with self._source.connection() as conn, _autocommit(conn):
                yield conn

    def stands_alone(self, conn: Connection, given: Connection | None) -> bool:
        """Whether a call over `conn` is a transaction of its own, so that its return means it is
        committed.
        """
        if given is None and not isinstance(self._source, (str, psycopg.Connection)):
            return True
        return conn.autocommit and not in_transaction(conn)

    @contextmanager
    def committing(self, given: Connection | None = None) -> Iterator[Connection]:
        """A connection on which the block is a transaction of its own, committed before the next
        statement.

        Raises OpenTransaction where somebody else's is open.
        """
        with self.borrow(given) as conn:
            if in_transaction(conn):
                raise OpenTransaction(
                    "a transaction is open, and a grant counts only when it commits",
                    hint="Use another connection, best in autocommit, or say in_transaction=True.",
                )
            if conn.autocommit:
                yield conn
            else:
                with conn.transaction():
                    yield conn

    # -- listening

    def listen(self, conn: Connection, channel: str) -> None:
        """Listens on the channel. The session's own connection goes on with that: what it did once
        it need not do again.
        """
        if conn is not self._own:
            self._say(conn, "listen {}", channel)
        elif channel not in self._listening:
            self._say(conn, "listen {}", channel)
            self._listening.add(channel)

    def unlisten(self, conn: Connection, channel: str) -> None:
        """Leaves a connection of somebody else's as it was."""
        if conn is not self._own:
            self._say(conn, "unlisten {}", channel)

    def _say(self, conn: Connection, statement: str, channel: str) -> None:
        with self.committing(conn):
            conn.execute(sql.SQL(statement).format(sql.Identifier(channel)))

    # -- calls

    def rows(
        self,
        kind: Callable[..., Row],
        function: str,
        arguments: Mapping[str, Any],
        *,
        connection: Connection | None = None,
        columns: tuple[str, ...] | None = None,
    ) -> list[Row]:
        """Calls a function that returns rows; an argument that is None is left to its default, where
        it has one.
        """
        with self.borrow(connection) as conn:
            return [
                kind(*row)
                for row in self._execute(conn, function, columns or _columns(kind), arguments)
            ]

    def row(
        self,
        kind: type[Row],
        function: str,
        arguments: Mapping[str, Any],
        *,
        connection: Connection | None = None,
    ) -> Row:
        """Calls a function that returns one row."""
        (found,) = self.rows(kind, function, arguments, connection=connection)
        return found

    def value(
        self,
        function: str,
        arguments: Mapping[str, Any],
        *,
        connection: Connection | None = None,
    ) -> Any:
        """Calls a function that returns one value."""
        (found,) = self.values(function, arguments, connection=connection)
        return found

    def values(
        self,
        function: str,
        arguments: Mapping[str, Any],
        *,
        connection: Connection | None = None,
    ) -> list[Any]:
        """Calls a function that returns a set of values."""
        with self.borrow(connection) as conn:
            return [row[0] for row in self._execute(conn, function, ("r",), arguments)]

    def copy(
        self,
        view: str,
        columns: Sequence[str],
        elements: Iterable[Mapping[str, Any]],
        *,
        progress: Callable[[int], object] | None = None,
        connection: Connection | None = None,
    ) -> int:
        """Streams elements into a view, all or none, and answers how many; what one leaves out is
        null.

        `progress` is told how many the database has taken so far.
        """
        left, count = iter(elements), 0
        with self.borrow(connection) as conn:
            # where a transaction is the caller's, or psycopg begins one for him, it is his to end
            alone = conn.autocommit and not in_transaction(conn)
            with conn.transaction() if alone else nullcontext():
                while True:
                    sent = self._copy(conn, view, columns, islice(left, _PORTION), count)
                    count += sent
                    if progress is not None:
                        progress(count)
                    if sent < _PORTION:
                        return count

    def _copy(
        self,
        conn: Connection,
        view: str,
        columns: Sequence[str],
        elements: Iterator[Mapping[str, Any]],
        first: int,
    ) -> int:
        query = sql.SQL("copy {} ({}) from stdin").format(
            sql.Identifier(self.schema, view), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        index = first
        with copied(view, first), psycopg.Cursor(conn) as cursor, cursor.copy(query) as copy:
            for element in elements:
                try:
                    copy.write_row(_fields(element, columns))
                except (TypeError, ValueError, psycopg.DataError) as exc:
                    raise UsageError(str(exc), index=index) from exc
                index += 1
        return index - first

    def _execute(
        self,
        conn: Connection,
        function: str,
        columns: tuple[str, ...],
        arguments: Mapping[str, Any],
    ) -> list[tuple[Any, ...]]:
        given = {
            name: value
            for name, value in arguments.items()
            if value is not None or name in _REQUIRED
        }
        query = self._compose(conn, function, columns, tuple(given))
        values = [_adapt(name, value) for name, value in given.items()]
        # a cursor of our own making, answered in binary: whatever row factory, DateStyle or
        # IntervalStyle the caller's connection has
        with psycopg.Cursor(conn, row_factory=tuple_row) as cursor, translated():
            return cursor.execute(query, values, binary=True).fetchall()

    def _compose(
        self, conn: Connection, function: str, columns: tuple[str, ...], names: tuple[str, ...]
    ) -> bytes:
        key = (conn.info.encoding, function, columns, names)
        found = self._composed.get(key)
        if found is None:
            composed = sql.SQL("select {} from {}({}) as r").format(
                sql.SQL(", ").join(map(_column, columns)),
                sql.Identifier(self.schema, function),
                sql.SQL(", ").join(map(_argument, names)),
            )
            found = self._composed[key] = composed.as_bytes(conn)
        return found


def in_transaction(conn: Connection) -> bool:
    """Whether a transaction is open on the connection, in good order or not."""
    return not conn.closed and conn.info.transaction_status != TransactionStatus.IDLE


@contextmanager
def impatient(conn: Connection, lock_timeout: str = "200ms") -> Iterator[None]:
    """A transaction that does not wait for locks: LockNotAvailable (55P03) when one is held."""
    with conn.transaction():
        conn.execute("select pg_catalog.set_config('lock_timeout', %s, true)", [lock_timeout])
        yield


def is_pooled(conn: Connection) -> bool:
    """Whether a pooler stands between us and the server: it shows another process id than the
    server has.

    One query, outside any transaction, the first time that it is asked of a connection.
    """
    if conn not in _pooled:
        with psycopg.Cursor(conn, row_factory=tuple_row) as cursor:
            row = cursor.execute("select pg_catalog.pg_backend_pid()").fetchone()
        _pooled[conn] = row is None or row[0] != conn.info.backend_pid
    return _pooled[conn]


_pooled: weakref.WeakKeyDictionary[Connection, bool] = weakref.WeakKeyDictionary()


@contextmanager
def _autocommit(conn: Connection) -> Iterator[None]:
    """A borrowed connection without a BEGIN and a COMMIT around each statement.

    Not where these say something: an isolation level, read only, deferrable.
    """
    asked = (conn.isolation_level, conn.read_only, conn.deferrable)
    if conn.autocommit or in_transaction(conn) or any(one is not None for one in asked):
        yield
        return
    conn.autocommit = True
    try:
        yield
    finally:
        if in_transaction(conn):
            conn.close()  # cut off in the middle of a statement: the pool makes another one
        elif not conn.closed:
            conn.autocommit = False


def duration(value: Seconds) -> timedelta:
    """A length of time, given as a timedelta or in seconds."""
    return value if isinstance(value, timedelta) else timedelta(seconds=value)


def aware(value: datetime) -> datetime:
    """A point in time; one without a zone would mean another time on every server."""
    if value.tzinfo is None:
        raise ValueError(
            f"{value!r} has no time zone: give it one, as in datetime.now(timezone.utc)"
        )
    return value


def _columns(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _column(name: str) -> sql.Composable:
    outer, dot, inner = name.rpartition(".")
    if dot:
        return sql.SQL("({}).{}").format(sql.Identifier("r", outer), sql.Identifier(inner))
    return sql.Identifier("r") if name == "r" else sql.Identifier("r", name)


def _argument(name: str) -> sql.Composable:
    template = "{} => pg_catalog.clock_timestamp() + %s::{}" if name == "until" else "{} => %s::{}"
    kind = _TYPES.get(name, "text")
    return sql.SQL(template).format(sql.Identifier(name), sql.SQL(kind))


def _adapt(name: str, value: Any) -> Any:
    if value is None:
        return None
    kind = _TYPES.get(name, "text")
    if kind == "jsonb":
        return Jsonb(value, dumps=_DUMPS.get(name))
    if kind == "interval":
        return duration(value)
    if kind == "timestamptz":
        return aware(value)
    if kind.endswith("[]"):
        if isinstance(value, str):
            raise TypeError(f"{name} is a list of strings, not the one string {value!r}")
        return [str(element) if isinstance(element, UUID) else element for element in value]
    return value


def _fields(element: Mapping[str, Any], columns: Sequence[str]) -> list[Any]:
    """One element as the values of a COPY, which knows text alone: so types are looked at here."""
    if not isinstance(element, Mapping):
        raise TypeError(f"it must be an object, not {element!r:.50}")
    row = [
        None if (value := element.get(name)) is None else _field(name, value) for name in columns
    ]
    if not element.keys() <= set(columns):
        raise ValueError(f"it has an unknown key {min(element.keys() - set(columns))!r}")
    return row


def _field(name: str, value: Any) -> Any:
    kind = _TYPES.get(name, "text")
    if kind == "timestamptz" and isinstance(value, str):
        return value
    if kind == "text" and not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {value!r:.50}")
    if kind == "integer" and (isinstance(value, bool) or not isinstance(value, int)):
        raise TypeError(f"{name} must be a whole number, not {value!r:.50}")
    return _adapt(name, value)


def _dump(value: Any) -> str:
    return json.dumps(value, default=_plain)


def _dump_done(elements: Any) -> str:
    # a result or a payload is dumped as in the call of its own: what that refuses is refused here
    return json.dumps(
        [
            {key: _in_json(key, value) for key, value in element.items() if value is not None}
            for element in elements
        ]
    )


def _in_json(name: str, value: Any) -> Any:
    """An argument of an element as its SQL type is written in JSON."""
    kind = _TYPES.get(name, "text")
    if kind == "jsonb":
        return value
    if kind == "interval" and isinstance(value, (int, float)):
        return _plain(duration(value))
    if kind == "uuid[]" and not isinstance(value, str):
        return [_in_json("job_id", element) for element in value]
    return _plain(value) if isinstance(value, (UUID, datetime, timedelta)) else value


_DUMPS: dict[str, Callable[[Any], str]] = {"jobs": _dump, "leases": _dump, "done": _dump_done}


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return aware(value).isoformat()
    if isinstance(value, timedelta):
        return f"{value / timedelta(microseconds=1):.0f} microseconds"
    raise TypeError(f"{value!r} is no JSON")


def _dedicated(source: Source) -> Callable[[], Connection] | None:
    """How to open further connections like those of the source; None for a pool that has no
    `conninfo`.
    """
    conninfo: Any
    options: Any = {}
    if isinstance(source, str):
        conninfo = source
    elif isinstance(source, psycopg.Connection):
        conninfo = make_conninfo(source.info.dsn, password=source.info.password or None)
    elif hasattr(source, "conninfo"):
        conninfo, options = source.conninfo, getattr(source, "kwargs", None) or {}
    else:
        return None

    def connect() -> Connection:
        found = conninfo() if callable(conninfo) else conninfo
        given = options() if callable(options) else options
        # A server that went away without a word is noticed in seconds rather than hours.
        patience = {"connect_timeout": 10, "keepalives_idle": 10, "tcp_user_timeout": 20_000}
        named = conninfo_to_dict(found)
        defaults = {key: value for key, value in patience.items() if key not in named}
        return psycopg.connect(found, **{**defaults, **given, "autocommit": True})

    return connect
