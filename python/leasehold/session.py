"""Sends calls to the database over the caller's connection, a pool, or a connection of its own.

Each call is one SQL function with named arguments and listed result columns. A transaction that
belongs to the caller is never ended here.
"""

from __future__ import annotations

import inspect
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import fields
from itertools import islice
from typing import Any, Protocol, TypeAlias, TypeVar

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from .arguments import Encoder, Seconds, checked, copy_row, duration, sql_type
from .decoding import forgive, from_raw, raw, raw_encoding
from .errors import (
    ArgumentTypeError,
    ArgumentValueError,
    ForkedConnection,
    OpenTransaction,
    UndecodableError,
    UsageError,
    another_connection,
    copied,
    translated,
)
from .rows import Undecodable

__all__ = ["Connection", "Pool", "Seconds", "Session", "Source", "duration"]

Connection: TypeAlias = psycopg.Connection[Any]
Row = TypeVar("Row")


class Pool(Protocol):
    """The part of psycopg_pool.ConnectionPool that is used here.

    Without `connect=`, its `conninfo` and `kwargs` are used as well, because leases are kept alive
    over connections outside the pool.
    """

    def connection(self, timeout: float | None = None) -> AbstractContextManager[Connection]:
        """Lends a connection for one transaction."""
        ...


Source: TypeAlias = "str | Connection | Pool"

# Parameters that have no default in any function. When one is None, it is sent as null, so that the
# database refuses it by name.
_REQUIRED = frozenset(
    (
        *("job_id", "lease_id", "next_need", "worker_id", "capabilities", "capability", "until"),
        *("actor", "error", "name", "value", "api"),
    )
)

# Elements sent in one COPY. The database reports a refused element only when its COPY ends.
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
        self.schema = schema_name(schema)
        self._source = usable(source)
        if connect is not None and not callable(connect):
            raise ArgumentTypeError(
                f"connect must be a function that opens a psycopg.Connection, not {connect!r:.50}"
            )
        self._connect = connect or _dedicated(source)
        self._own: Connection | None = None
        self._listening: set[str] = set()
        self._lent = 0  # how many users outside this package hold our own connection now
        self._seen: _Before | None = None  # the state to restore, because they have used it
        self._owning = threading.RLock()
        self._pid = os.getpid()
        self._composed: dict[tuple[Any, ...], bytes] = {}

    # -- connections

    def opener(self) -> Callable[[], Connection]:
        """The function that opens additional connections. Raises UsageError for a pool that offers
        none.
        """
        if self._connect is None:
            raise UsageError(
                "this pool does not tell how to open a connection outside it",
                hint="Pass connect=, a function that opens one.",
            )
        return self._connect

    def connect(self) -> Connection:
        """Opens a new autocommit connection to the same database; the caller closes it."""
        conn = self.opener()()
        if not isinstance(conn, psycopg.Connection):
            if inspect.iscoroutine(conn):
                conn.close()
            raise ArgumentTypeError(
                f"connect must open a psycopg.Connection, not a {type(conn).__name__}"
            )
        try:
            if not conn.autocommit:
                conn.autocommit = True
            if is_pooled(conn):
                # The next transaction may run in another server process.
                conn.prepare_threshold = None
        except BaseException:
            conn.close()
            raise
        return conn

    def close(self) -> None:
        """Closes the connection that this object opened, never one that it was given."""
        with self._owning:
            if self._own is not None and self._pid == os.getpid():
                self._own.close()
            self._own = None

    @contextmanager
    def borrow(self, given: Connection | None = None) -> Iterator[Connection]:
        """Lends a connection for one call or a few: the given one, or one from the source.

        Over a connection string or a pool, a call is a transaction of its own and one round trip.
        """
        self._check_process()
        if given is not None:
            yield usable(given, argument="connection", connections_only=True)
        elif isinstance(self._source, psycopg.Connection):
            yield self._source
        elif isinstance(self._source, str):
            with self._owning:
                conn = self._mine()
                with _left_when_unfit(conn):
                    yield conn
        else:
            with self._source.connection() as conn, _left_when_unfit(conn), _autocommit(conn):
                yield conn

    @contextmanager
    def lend(self, given: Connection | None = None) -> Iterator[Connection]:
        """Lends a connection as `borrow` does, to code outside this package.

        That code may leave a role, settings or an open transaction on it. On the session's own
        connection, and on one of a pool, these are undone before the connection is used again.
        """
        self._check_process()
        if given is not None or isinstance(self._source, psycopg.Connection):
            with self.borrow(given) as conn:
                yield conn
        elif isinstance(self._source, str):
            with self._owning:
                conn = self._mine()
                self._seen = _Before.of(conn)
                self._lent += 1
                try:
                    yield conn
                finally:
                    self._lent -= 1
        else:
            with self._source.connection() as conn, _autocommit(conn):
                before = _Before.of(conn)
                try:
                    yield conn
                finally:
                    before.put_back_or_close(conn)

    def leave(self) -> None:
        """Closes the session's own connection, if there is one: the next call opens another."""
        with self._owning:
            if self._own is not None:
                self._own.close()

    def _check_process(self) -> None:
        if self._pid != os.getpid():
            raise ForkedConnection(
                "this process was forked after its Leasehold was created",
                hint="A connection cannot serve two processes; create another Leasehold in the child.",
            )

    def _mine(self) -> Connection:
        """The session's own connection, in the state in which it was opened."""
        if self._own is not None and self._seen is not None and not self._lent:
            self._seen.put_back_or_close(self._own, channels=True)
            self._listening.clear()
            self._seen = None
        if self._own is None or self._own.closed:
            self._own = self.connect()
            self._listening.clear()
        return self._own

    def stands_alone(self, conn: Connection, given: Connection | None) -> bool:
        """Whether a call over `conn` is a transaction of its own, and so is committed when it
        returns.
        """
        if given is None and not isinstance(self._source, (str, psycopg.Connection)):
            return True
        return conn.autocommit and not in_transaction(conn)

    @contextmanager
    def committing(self, given: Connection | None = None) -> Iterator[Connection]:
        """Lends a connection on which the block is a transaction of its own, committed at the end
        of the block.

        Raises OpenTransaction when a transaction is already open on the connection.
        """
        with self.borrow(given) as conn:
            if in_transaction(conn):
                raise OpenTransaction(
                    "a transaction is open, and a lease counts only when it is committed",
                    hint="Use another connection, best in autocommit mode, or pass in_transaction=True.",
                )
            if conn.autocommit:
                yield conn
            else:
                with conn.transaction():
                    yield conn

    # -- listening

    def listen(self, conn: Connection, channel: str) -> None:
        """Listens on the channel. The session's own connection keeps listening, so that the next
        wait does not have to begin again.
        """
        if conn is not self._own:
            self._say(conn, "listen {}", channel)
        elif channel not in self._listening:
            self._say(conn, "listen {}", channel)
            self._listening.add(channel)

    def unlisten(self, conn: Connection, channel: str) -> None:
        """Stops listening on the channel, except on the session's own connection."""
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
        undecodable: bool = False,
    ) -> list[Row]:
        """Calls a function that returns rows. An argument that is None takes its default, where it
        has one.

        Raises UndecodableError when a value cannot be decoded. With `undecodable`, the value is
        returned as an Undecodable instead.
        """
        names = columns or _columns(kind)
        found = self._call(connection, function, names, arguments, undecodable=undecodable)
        return [kind(*row) for row in found]

    def row(
        self,
        kind: type[Row],
        function: str,
        arguments: Mapping[str, Any],
        *,
        connection: Connection | None = None,
        undecodable: bool = False,
    ) -> Row:
        """Calls a function that returns one row."""
        (found,) = self.rows(
            kind, function, arguments, connection=connection, undecodable=undecodable
        )
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
        return [row[0] for row in self._call(connection, function, ("r",), arguments)]

    def copy(
        self,
        view: str,
        columns: Sequence[str],
        elements: Iterable[Mapping[str, Any]],
        *,
        progress: Callable[[int], object] | None = None,
        connection: Connection | None = None,
    ) -> int:
        """Streams elements into a view, all or none, and returns their number. A column that an
        element leaves out is null.

        `progress` is called with the number of elements that the database has accepted so far.
        """
        left, count = iter(elements), 0
        with self.borrow(connection) as conn:
            # A transaction that the caller, or psycopg on its behalf, has begun is the caller's to
            # end.
            alone = conn.autocommit and not in_transaction(conn)
            with conn.transaction() if alone else nullcontext():
                self._make_sure_it_stores(conn, view)
                while True:
                    sent = self._copy(conn, view, columns, islice(left, _PORTION), count)
                    count += sent
                    if progress is not None:
                        progress(count)
                    if sent < _PORTION:
                        return count

    def _make_sure_it_stores(self, conn: Connection, view: str) -> None:
        """Refuses a COPY whose rows the database would count but not store, because the view's
        triggers do not fire.

        The row count of the COPY does not show it, and the triggers of a view cannot be set to
        fire always.
        """
        ignored = """
            select pg_catalog.current_setting('session_replication_role') = 'replica'
                and not exists (
                    select from pg_catalog.pg_trigger as t
                    where t.tgrelid = pg_catalog.to_regclass(%s) and t.tgenabled in ('A', 'R')
                )
        """
        name = sql.Identifier(self.schema, view).as_string(conn)
        with psycopg.Cursor(conn, row_factory=tuple_row) as cursor:
            if cursor.execute(ignored, [name]).fetchone() == (True,):
                raise UsageError(
                    "session_replication_role is replica, so COPY would store nothing",
                    hint="Set it to origin for this session, or use submit or submit_many.",
                )

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
        encoder = Encoder(conn)
        places = {name: place for place, name in enumerate(columns)}
        with copied(view, first), psycopg.Cursor(conn) as cursor, cursor.copy(query) as copy:
            for element in elements:
                try:
                    row = copy_row(encoder, element, places)
                except (ArgumentTypeError, ArgumentValueError) as exc:
                    exc.index = index
                    raise
                copy.write_row(row)
                index += 1
        return index - first

    def _call(
        self,
        connection: Connection | None,
        function: str,
        columns: tuple[str, ...],
        arguments: Mapping[str, Any],
        *,
        undecodable: bool = False,
    ) -> list[tuple[Any, ...]]:
        given = {
            name: value
            for name, value in checked(arguments).items()
            if value is not None or name in _REQUIRED
        }
        with self.borrow(connection) as conn:
            found = self._execute(conn, function, columns, given)
        if not undecodable:
            for row in found:
                for name, value in zip(columns, row, strict=True):
                    if isinstance(value, Undecodable):
                        told = "" if name == "r" else f"{name} of "
                        raise UndecodableError(f"{told}{function}: {value.problem}")
        return found

    def _execute(
        self,
        conn: Connection,
        function: str,
        columns: tuple[str, ...],
        given: Mapping[str, Any],
    ) -> list[tuple[Any, ...]]:
        names = tuple(given)
        encoder = Encoder(conn)
        values = [encoder.encoded(name, value) for name, value in given.items()]
        raw_in = raw_encoding(encoder.encoding, encoder.server_encoding)
        query = self._compose(conn, encoder.encoding, function, columns, names, raw_in)
        # A cursor of our own with binary results does not depend on the row factory, DateStyle or
        # IntervalStyle of the caller's connection.
        with psycopg.Cursor(conn, row_factory=tuple_row) as cursor, translated(names):
            forgive(cursor)
            found = cursor.execute(query, values, binary=True).fetchall()
        return found if raw_in is None else from_raw(conn, function, columns, found)

    def _compose(
        self,
        conn: Connection,
        encoding: str,
        function: str,
        columns: tuple[str, ...],
        names: tuple[str, ...],
        raw_in: str | None,
    ) -> bytes:
        key = (encoding, function, columns, names, raw_in)
        found = self._composed.get(key)
        if found is None:
            listed = list(map(_column, columns))
            if raw_in is not None:
                pairs = zip(columns, listed, strict=True)
                listed = [raw(name, function, column, raw_in) for name, column in pairs]
            composed = sql.SQL("select {} from {}({}) as r").format(
                sql.SQL(", ").join(listed),
                SafeIdentifier(self.schema, function),
                sql.SQL(", ").join(map(_argument, names)),
            )
            found = self._composed[key] = composed.as_bytes(conn)
        return found


class SafeIdentifier(sql.Identifier):
    """An identifier in a statement with parameters, where psycopg takes every % for a placeholder."""

    def as_bytes(self, context: psycopg.abc.AdaptContext | None = None) -> bytes:
        """The quoted name, with each % doubled."""
        return super().as_bytes(context).replace(b"%", b"%%")


def schema_name(schema: str) -> str:
    """Returns the name of a schema. Raises ArgumentTypeError or ArgumentValueError if it cannot be
    one.
    """
    if not isinstance(schema, str):
        raise ArgumentTypeError(f"schema must be a string, not {schema!r:.50}")
    if not schema or "\x00" in schema or len(schema.encode("utf-8", "replace")) > 63:
        raise ArgumentValueError(
            f"schema must be a name of 1 to 63 bytes, not {schema!r:.80}",
            detail={"argument": "schema"},
        )
    return schema


def in_transaction(conn: Connection) -> bool:
    """Whether a transaction is open on the connection, failed or not."""
    return not conn.closed and conn.info.transaction_status != TransactionStatus.IDLE


@contextmanager
def impatient(conn: Connection, lock_timeout: str = "200ms") -> Iterator[None]:
    """A transaction that barely waits for locks: after `lock_timeout` it raises LockNotAvailable
    (55P03).
    """
    with conn.transaction():
        conn.execute("select pg_catalog.set_config('lock_timeout', %s, true)", [lock_timeout])
        yield


def is_pooled(conn: Connection) -> bool:
    """Whether a pooler stands between the connection and the server: the process id that the pooler
    reports differs from the server's.

    The first call for a connection runs one query.
    """
    if conn not in _pooled:
        with psycopg.Cursor(conn, row_factory=tuple_row) as cursor:
            row = cursor.execute("select pg_catalog.pg_backend_pid()").fetchone()
        _pooled[conn] = row is None or row[0] != conn.info.backend_pid
    return _pooled[conn]


_pooled: weakref.WeakKeyDictionary[Connection, bool] = weakref.WeakKeyDictionary()


class _Before:
    """The state of a connection before code outside this package used it, recorded once for each
    connection.

    Temporary tables, locks and prepared statements are not recorded, because they do not change the
    meaning of other statements. Behind a pooler the server's session is left alone: it may serve
    another client by now.
    """

    def __init__(self, conn: Connection) -> None:
        self._attributes = {name: getattr(conn, name) for name in _ATTRIBUTES}
        self._encoding = conn.info.encoding
        with _in_no_transaction(conn), psycopg.Cursor(conn, row_factory=tuple_row) as cursor:
            row = cursor.execute(_NOTED).fetchone()
        assert row is not None
        backend_pid, user, role, settings = row
        _pooled[conn] = backend_pid != conn.info.backend_pid
        statements: list[sql.Composable] = [sql.SQL(_RESET)]
        if user != conn.info.user:  # set by the code that opened the connection, or by its pool
            statements.append(sql.SQL("set session authorization {}").format(sql.Identifier(user)))
        for name, value in settings:
            call = sql.SQL("select pg_catalog.set_config({}, {}, false)")
            statements.append(call.format(name, value))
        if role != "none":
            statements.append(sql.SQL("set role {}").format(sql.Identifier(role)))
        self._statement = sql.SQL("; ").join(statements).as_bytes(conn)

    @classmethod
    def of(cls, conn: Connection) -> _Before:
        found = _noted.get(conn)
        if found is None:
            found = _noted[conn] = cls(conn)
        return found

    def put_back_or_close(self, conn: Connection, *, channels: bool = False) -> None:
        """Restores the connection, and with `channels` stops listening; closes it if that fails."""
        try:
            self._put_back(conn, channels)
        except Exception:  # whatever the cause, another connection can be opened
            conn.close()

    def _put_back(self, conn: Connection, channels: bool) -> None:
        if in_transaction(conn):
            conn.rollback()
        for name, value in self._attributes.items():
            setattr(conn, name, value)
        if _pooled[conn]:
            return
        statement = self._statement + (b"; unlisten *" if channels else b"")
        with _in_no_transaction(conn), psycopg.Cursor(conn) as cursor:
            cursor.execute(statement, prepare=False)
        if conn.info.encoding != self._encoding:
            raise psycopg.InterfaceError("the encoding of the connection has changed")


_noted: weakref.WeakKeyDictionary[Connection, _Before] = weakref.WeakKeyDictionary()

_ATTRIBUTES = (
    *("autocommit", "isolation_level", "read_only", "deferrable"),
    *("row_factory", "cursor_factory", "prepare_threshold", "prepared_max"),
)

_RESET = "close all; reset session authorization; reset role; reset all"

_NOTED = (
    "select pg_catalog.pg_backend_pid(), pg_catalog.current_setting('session_authorization'),"
    " pg_catalog.current_setting('role'),"
    " array(select array[s.name, s.setting] from pg_catalog.pg_settings as s"
    " where s.source = 'session' and s.name not like 'transaction%')"
)


def _in_no_transaction(conn: Connection) -> AbstractContextManager[object]:
    """A block that leaves no transaction open: it is a transaction where psycopg would begin one."""
    return nullcontext() if conn.autocommit else conn.transaction()


@contextmanager
def _left_when_unfit(conn: Connection) -> Iterator[None]:
    """Closes a connection over which a call failed, if it might succeed over another connection."""
    try:
        yield
    except psycopg.Error as exc:
        if another_connection(exc):
            conn.close()
        raise


@contextmanager
def _autocommit(conn: Connection) -> Iterator[None]:
    """Puts a borrowed connection into autocommit mode, which saves the round trips of BEGIN and
    COMMIT.

    Does nothing if the connection sets an isolation level, read only or deferrable, because these
    apply to the BEGIN.
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
            conn.close()  # interrupted in the middle of a statement; the pool opens another one
        elif not conn.closed:
            conn.autocommit = False


def _columns(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _column(name: str) -> sql.Composable:
    outer, dot, inner = name.rpartition(".")
    if dot:
        return sql.SQL("({}).{}").format(sql.Identifier("r", outer), sql.Identifier(inner))
    return sql.Identifier("r") if name == "r" else sql.Identifier("r", name)


def _argument(name: str) -> sql.Composable:
    template = "{} => pg_catalog.clock_timestamp() + %s::{}" if name == "until" else "{} => %s::{}"
    return sql.SQL(template).format(sql.Identifier(name), sql.SQL(sql_type(name)))


_ACCEPTED = "a connection string, a psycopg.Connection or a psycopg_pool.ConnectionPool"

# What to use instead of an object of another library: by the top-level package in which its class,
# or one of the bases, is defined, and by the name of the class.
_FOREIGN = {
    "sqlalchemy": {
        "Session": "Leasehold(session.connection().connection.driver_connection)",
        "scoped_session": "Leasehold(session.connection().connection.driver_connection)",
        "Connection": "Leasehold(connection.connection.driver_connection)",
        "Engine": 'Leasehold(engine.url.set(drivername="postgresql").render_as_string(False))',
    },
    "django": {
        "": "connection.ensure_connection() and then Leasehold(connection.connection)",
    },
    "psycopg": {
        "AsyncConnection": "Leasehold(connection.info.dsn), or a psycopg.Connection",
        "BaseCursor": "Leasehold(cursor.connection)",
    },
    "psycopg_pool": {
        "AsyncConnectionPool": "Leasehold(pool.conninfo), or a psycopg_pool.ConnectionPool",
    },
    "psycopg2": {"": "Leasehold(connection.dsn), which opens a connection of psycopg 3"},
}


def usable(source: Any, *, argument: str = "source", connections_only: bool = False) -> Any:
    """Returns the source if it is usable. Calls, opens and closes nothing.

    Raises ArgumentTypeError, whose hint says what to use instead.
    """
    if isinstance(source, psycopg.Connection):
        return source
    accepted = "a psycopg.Connection" if connections_only else _ACCEPTED
    hint = _instead(source)
    if hint is None and not connections_only:
        if isinstance(source, str):
            return source
        lends = getattr(source, "connection", None)
        if callable(lends) and not inspect.isclass(source) and not _is_async(lends):
            return source
    if isinstance(source, (bytes, bytearray)):
        hint = "Leasehold(dsn.decode())"
    elif inspect.isclass(source):
        hint = f"an instance of {source.__name__}, not the class itself"
    shown = source.__name__ if inspect.isclass(source) else type(source).__qualname__
    raise ArgumentTypeError(
        f"{argument} must be {accepted}, not {type(source).__module__}.{shown}",
        detail={"argument": argument},
        hint=None if hint is None else f"Use {hint}.",
    )


def _instead(source: Any) -> str | None:
    for cls in type(source).__mro__:
        known = _FOREIGN.get(cls.__module__.partition(".")[0], {})
        if found := known.get(cls.__name__, known.get("")):
            return found
    return None


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(
        inspect.unwrap(function)
    )


def _dedicated(source: Source) -> Callable[[], Connection] | None:
    """A function that opens additional connections like those of the source; None for a pool
    without `conninfo`.
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
        # These notice within seconds, rather than hours, that a server has silently gone away.
        patience = {"connect_timeout": 10, "keepalives_idle": 10, "tcp_user_timeout": 20_000}
        named = conninfo_to_dict(found)
        defaults = {key: value for key, value in patience.items() if key not in named}
        # In another encoding the server would fail a claim because of one character it cannot
        # convert.
        ours = {"autocommit": True, "client_encoding": "UTF8"}
        return psycopg.connect(found, **{**defaults, **given, **ours})

    return connect
