"""Decodes results, so that a value that Python cannot decode affects only the row it is in."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import is_dataclass
from typing import Any, cast, get_type_hints

import psycopg
from psycopg import sql
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

from . import rows
from .rows import Undecodable

_JSONB_OID = 3802

# The kind of a column follows from its name. A field annotated as str is text; JSON columns are
# listed, because their annotations differ.
_HINTS = {
    name: hint
    for _, cls in inspect.getmembers(rows, is_dataclass)
    for name, hint in get_type_hints(cls).items()
}
_TEXTS = {name for name, hint in _HINTS.items() if hint in (str, str | None)}
_JSONS = {"payload", "metadata", "results", "result", "retry"}
# functions that return one value
_VALUES = {
    **dict.fromkeys(("cancel", "setting", "set_setting", "schema_version", "require_api"), str),
    "checkpoint": dict,
}


class JsonLoader(Loader):
    """Decodes JSON as the connection does (`set_json_loads`), and returns an Undecodable where that
    fails.
    """

    format = Format.BINARY

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        self._load = _json_of(context.connection if context else None)

    def load(self, data: Buffer) -> Any:
        """Returns the value, or an Undecodable."""
        return self._load(data)


def forgive(cursor: psycopg.Cursor[Any]) -> None:
    """Makes the cursor return an Undecodable where decoding JSON would raise."""
    cursor.adapters.register_loader(_JSONB_OID, JsonLoader)


def raw_encoding(client: str, server: str | None) -> str | None:
    """The encoding in which text must be fetched as bytes; None if it can be fetched as text.

    The server fails the whole statement if one character cannot be converted to client_encoding.
    That cannot happen in UTF8, unless the database has no encoding and holds invalid UTF-8.
    """
    if server == "SQL_ASCII":
        return server
    return None if client == "utf-8" else "UTF8"


def raw(name: str, function: str, column: sql.Composable, encoding: str) -> sql.Composable:
    """The expression that fetches a column as bytes, if it is text or JSON."""
    if _kind(name, function) is None:
        return column
    converted = sql.SQL("pg_catalog.convert_to(({})::text, {})")
    return converted.format(column, sql.Literal(encoding))


def from_raw(
    conn: psycopg.Connection[Any],
    function: str,
    names: Sequence[str],
    found: Iterable[tuple[Any, ...]],
) -> list[tuple[Any, ...]]:
    """Decodes rows whose text and JSON was fetched as bytes."""
    as_json = _json_of(conn)
    kinds = [_kind(name, function) for name in names]

    def decoded(kind: type | None, value: Any) -> Any:
        if value is None or kind is None:
            return value
        if kind is str:
            # Invalid UTF-8 is kept as surrogate escapes, as Python does with names of files.
            return value.decode("utf-8", "surrogateescape")
        return as_json(b"\x01" + value)

    return [tuple(map(decoded, kinds, row)) for row in found]


def _kind(name: str, function: str) -> type | None:
    if name == "r":
        return _VALUES.get(function)
    inner = name.rpartition(".")[2]
    return str if inner in _TEXTS else dict if inner in _JSONS else None


def _json_of(conn: Any) -> Callable[[Buffer], Any]:
    adapters = conn.adapters if conn is not None else psycopg.adapters
    theirs = cast("type[Loader]", adapters.get_loader(_JSONB_OID, Format.BINARY))
    load = theirs(_JSONB_OID, conn).load

    def forgiving(data: Buffer) -> Any:
        try:
            return load(data)
        except MemoryError:
            raise
        except Exception as exc:
            text = bytes(data)[1:].decode("utf-8", "backslashreplace")
            return Undecodable(text, f"{type(exc).__name__}: {exc}")

    return forgiving
