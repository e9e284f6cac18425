"""Checks each argument by its kind before a call, and writes values as JSON with one encoder."""

from __future__ import annotations

import json
import operator
import re
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn, TypeAlias
from uuid import UUID

import psycopg
from psycopg.adapt import PyFormat
from psycopg.types.json import Jsonb

from .errors import ArgumentTypeError, ArgumentValueError

Seconds: TypeAlias = "float | timedelta"

# The kind of an argument follows from its name, in every function and in every element of a batch.
_KINDS: dict[str, str] = {
    **dict.fromkeys(("job_id", "lease_id", "after"), "uuid"),
    "wait_for": "uuid[]",
    **dict.fromkeys(("payload", "metadata", "retry", "result"), "jsonb"),
    **dict.fromkeys(("jobs", "done", "leases"), "batch"),
    # `until` is counted from now, by the database's clock.
    **dict.fromkeys(("lease", "retry_after", "until"), "interval"),
    **dict.fromkeys(("available_at", "expires_at"), "timestamptz"),
    **dict.fromkeys(("priority", "max_attempts", "limit_jobs", "limit_rows", "api"), "integer"),
    **dict.fromkeys(("strict", "retryable"), "boolean"),
    "capabilities": "text[]",
    "error": "error",
    **dict.fromkeys(("next_need", "singleton_key", "idempotency_key", "submitted_by"), "text"),
    **dict.fromkeys(("on_dependency_failure", "worker_id", "capability", "actor"), "text"),
    **dict.fromkeys(("reason", "name", "value", "error_code", "verb"), "text"),
}
_SQL_TYPES = {"batch": "jsonb", "error": "text"}

_LONGEST_ERROR = 100_000  # characters sent; the database cuts further

# ISO 8601 with an offset or Z. A time with neither means a different time on every server.
_TIME_WITH_ZONE = re.compile(
    r"\s*\d{4,}-\d\d-\d\d[T ]\d\d:?\d\d(:?\d\d([.,]\d+)?)?"
    r"\s*(Z|[+-]\d\d(:?\d\d){0,2})\s*|\s*[+-]?infinity\s*",
    re.ASCII | re.IGNORECASE,
)

# What PostgreSQL's jsonb may refuse. A text without any of these needs no further check.
_SUSPICIOUS = re.compile(r"NaN|Infinity|\\u0000|\\u[dD][89a-fA-F]|[\x00\ud800-\udfff]")
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000|\x00")


@dataclass(frozen=True, slots=True)
class JsonText:
    """JSON text that is sent unchanged, with every digit of its numbers."""

    text: str


def sql_type(name: str) -> str:
    """The SQL type of the argument with this name."""
    kind = _KINDS.get(name, "text")
    return _SQL_TYPES.get(kind, kind)


def duration(value: Seconds, argument: str = "a duration") -> timedelta:
    """Converts a duration in seconds to a timedelta. Raises ArgumentTypeError and
    ArgumentValueError.
    """
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        _wrong_type(argument, "must be seconds or a timedelta", value)
    try:
        return timedelta(seconds=value)
    except (ValueError, OverflowError):
        _wrong_value(argument, f"must be a finite duration, not {value!r:.50}")


def checked(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Checks each argument by its kind, and returns them with the values converted. None stays
    None.

    Raises ArgumentTypeError and ArgumentValueError. JSON is checked when it is encoded.
    """
    if isinstance(arguments, _Checked):
        return arguments
    return _Checked(
        (name, None if value is None else _check(name, value, name))
        for name, value in arguments.items()
    )


class _Checked(dict[str, Any]):
    """Arguments that have been checked already."""


def copy_row(encoder: Encoder, element: Any, places: Mapping[str, int]) -> list[Any]:
    """Converts one element to a row for COPY, in the order of the columns. A column that the
    element leaves out is null.
    """
    if not isinstance(element, Mapping):
        raise ArgumentTypeError(f"element must be an object, not {element!r:.50}")
    row: list[Any] = [None] * len(places)
    unknown = []
    for name, value in element.items():
        place = places.get(name)
        if place is None:
            unknown.append(name)
        elif value is not None:
            row[place] = encoder.encoded(name, _check(name, value, name))
    if unknown:
        raise ArgumentValueError(f"element has an unknown key {min(map(repr, unknown))}")
    return row


def describe(error: str | BaseException, encoding: str) -> str:
    """The text of an error in a form that PostgreSQL can store: without NUL, and without characters
    that the encoding lacks.
    """
    if isinstance(error, BaseException):
        error = "".join(traceback.format_exception_only(error)).strip()
    text = error[:_LONGEST_ERROR].replace("\x00", "\\x00")
    return text.encode(encoding, "backslashreplace").decode(encoding)


class Encoder:
    """Encodes values for one connection. JSON is written by the function that psycopg's
    `set_json_dumps` set for the connection, or else by our own.
    """

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        info = conn.info
        self.encoding = info.encoding
        self.server_encoding = info.parameter_status("server_encoding")
        self._conn = conn
        self._dumps: Callable[[Any], str] | None = None
        # Over a connection in SQL_ASCII, psycopg sends UTF-8.
        self._codec = "utf-8" if self.encoding == "ascii" else self.encoding
        # An error must never be refused, and it is not known here which characters another encoding
        # of the database has, so errors are then sent in ASCII.
        known = self.server_encoding in ("UTF8", "SQL_ASCII", None)
        self._codec_of_errors = self._codec if known else "ascii"
        # The server converts escapes to its own encoding, even where the client's encoding lacks
        # the character. A server without an encoding cannot, and takes the bytes as they are.
        self._escaped = self.encoding != "utf-8" and self.server_encoding != "SQL_ASCII"

    def encoded(self, name: str, value: Any) -> Any:
        """Converts a checked value to what psycopg sends over this connection."""
        if value is None:
            return None
        kind = _KINDS.get(name, "text")
        if kind in ("jsonb", "batch"):
            text = self.json(name, value) if kind == "jsonb" else self.batch(name, value)
            if self._escaped and not text.isascii():
                text = re.sub(r"[^\x00-\x7f]", lambda found: json.dumps(found[0])[1:-1], text)
            return text
        if kind == "error":
            return describe(value, self._codec_of_errors)
        if kind in ("text", "text[]") and self._codec != "utf-8":
            self._check_encoding(name, value)
        return value

    def _check_encoding(self, path: str, value: str | list[str]) -> None:
        """Refuses text that cannot be sent over this connection."""
        try:
            for one in [value] if isinstance(value, str) else value:
                one.encode(self._codec)
        except UnicodeEncodeError as exc:
            _wrong_value(path, f"cannot be converted to the client_encoding: {exc}", exc)

    def _find_dumps(self) -> Callable[[Any], str]:
        dumper = self._conn.adapters.get_dumper(Jsonb, PyFormat.TEXT)
        if getattr(dumper, "_dumps", None) is json.dumps:
            return _OURS.encode
        theirs = dumper(Jsonb, self._conn)
        return lambda value: bytes(theirs.dump(Jsonb(value)) or b"null").decode()

    def json(self, argument: str, value: Any) -> str:
        """The JSON text of one value. Raises ArgumentTypeError and ArgumentValueError for a value
        that cannot be written as JSON, or not be stored.
        """
        if isinstance(value, JsonText):
            text = value.text
        else:
            if self._dumps is None:
                self._dumps = self._find_dumps()
            try:
                text = self._dumps(value)
            except TypeError as exc:
                raise ArgumentTypeError(
                    f"{argument} cannot be written as JSON: {exc}",
                    detail={"argument": argument},
                    hint="Use psycopg's set_json_dumps(dumps, connection) to set another encoder.",
                ) from exc
            except MemoryError:
                raise
            except Exception as exc:
                _wrong_value(argument, f"cannot be written as JSON: {exc}", exc)
        if _SUSPICIOUS.search(text):
            _check_json(argument, text)
        return text

    def batch(self, argument: str, elements: Sequence[Mapping[str, Any]]) -> str:
        """The JSON text of checked elements, each value written as in a call for it alone."""
        return (
            f"[{', '.join(self._element(f'{argument}[{n}]', e) for n, e in enumerate(elements))}]"
        )

    def _element(self, path: str, element: Mapping[str, Any]) -> str:
        members = (
            f"{_OURS.encode(key)}: {self._member(f'{path}.{key}', key, value)}"
            for key, value in element.items()
            if value is not None  # None takes the default, as it does in an argument
        )
        return f"{{{', '.join(members)}}}"

    def _member(self, path: str, name: str, value: Any) -> str:
        kind = _KINDS.get(name)
        if kind == "uuid":
            return f'"{value}"'
        if kind == "uuid[]":
            return _OURS.encode([str(one) for one in value])
        if kind == "timestamptz" and isinstance(value, datetime):
            return f'"{value.isoformat()}"'
        if kind == "interval" and isinstance(value, timedelta):
            return f'"{value / timedelta(microseconds=1):.0f} microseconds"'
        if kind == "error":
            return self.json(path, describe(value, self._codec_of_errors))
        if kind in ("integer", "boolean", "text"):
            return _OURS.encode(value)
        return self.json(path, value)


_OURS = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def _check_json(argument: str, text: str) -> None:
    """Refuses JSON text that jsonb cannot hold."""
    if _NUL.search(text):
        _wrong_value(argument, _HAS_NUL)
    try:
        found = json.loads(text, parse_constant=_refuse_constant, parse_int=str, parse_float=str)
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as exc:
        _wrong_value(argument, _HAS_HALF_A_PAIR, exc)
    except ValueError as exc:
        _wrong_value(argument, f"is not JSON that PostgreSQL can store: {exc}", exc)
    except RecursionError:
        pass  # the database decides which depth is too much


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number in JSON")


_HAS_NUL = "contains a NUL character, which PostgreSQL cannot store"
_HAS_HALF_A_PAIR = "contains half of a surrogate pair, which is not a character"


# -- checks by kind; `path` is the name of the argument in a refusal


def _check(name: str, value: Any, path: str) -> Any:
    check = _CHECKS.get(_KINDS.get(name, ""))
    return value if check is None else check(value, path)


def _check_text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        _wrong_type(path, "must be a string", value)
    if "\x00" in value:
        _wrong_value(path, _HAS_NUL)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as exc:
            _wrong_value(path, _HAS_HALF_A_PAIR, exc)
    return str.__str__(value)  # the value of a StrEnum, whatever adapters the connection has


def _check_texts(value: Any, path: str) -> list[str]:
    return [
        _check_text(one, f"{path}[{number}]")
        for number, one in enumerate(several(value, path, "strings"))
    ]


def _check_uuid(value: Any, path: str) -> UUID:
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str):
        _wrong_type(path, "must be a UUID", value)
    try:
        return UUID(value)
    except ValueError as exc:
        _wrong_value(path, f"must be a UUID, not {value!r:.50}", exc)


def _check_uuids(value: Any, path: str) -> list[UUID]:
    return [
        _check_uuid(one, f"{path}[{number}]")
        for number, one in enumerate(several(value, path, "UUIDs"))
    ]


def _check_integer(value: Any, path: str) -> int:
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        _wrong_type(path, "must be a whole number", value)
    if not -(2**31) <= number < 2**31:
        _wrong_value(path, "must be a whole number of at most 31 bits")
    return number


def _check_boolean(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        _wrong_type(path, "must be true or false", value)
    return value


def _check_time(value: Any, path: str) -> datetime | str:
    if isinstance(value, str):
        if not _TIME_WITH_ZONE.fullmatch(value):
            _wrong_value(
                path,
                f"must be a time with a time zone, such as 2030-01-31T10:00:00+01:00, not {value!r:.50}",
            )
        return value
    if not isinstance(value, datetime):
        _wrong_type(path, "must be a datetime", value)
    # A time without a zone would mean a different time on every server.
    if value.utcoffset() is None:
        _wrong_value(
            path,
            f"must have a time zone, as in datetime.now(timezone.utc), not {value!r}",
        )
    return value


def _check_interval(value: Any, path: str) -> timedelta:
    return duration(value, path)


def _check_error(value: Any, path: str) -> str | BaseException:
    if not isinstance(value, (str, BaseException)):
        _wrong_type(path, "must be a string or an exception", value)
    return value


def _check_batch(value: Any, path: str) -> list[dict[str, Any]]:
    elements = []
    for number, element in enumerate(several(value, path, "objects")):
        at = f"{path}[{number}]"
        if not isinstance(element, Mapping):
            _wrong_type(at, "must be an object", element)
        checked_element = {}
        for key, one in element.items():
            _check_text(key, f"{at}: a key")
            # An interval in an element may also be written as text for SQL.
            as_it_is = one is None or (_KINDS.get(key) == "interval" and isinstance(one, str))
            checked_element[key] = one if as_it_is else _check(key, one, f"{at}.{key}")
        elements.append(checked_element)
    return elements


_CHECKS: dict[str, Callable[[Any, str], Any]] = {
    "text": _check_text,
    "text[]": _check_texts,
    "uuid": _check_uuid,
    "uuid[]": _check_uuids,
    "integer": _check_integer,
    "boolean": _check_boolean,
    "timestamptz": _check_time,
    "interval": _check_interval,
    "error": _check_error,
    "batch": _check_batch,
}


def several(value: Any, path: str, what: str) -> Iterable[Any]:
    """Returns a list, or another iterable. Raises ArgumentTypeError for a string or an object."""
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        _wrong_type(path, f"must be a list of {what}", value)
    return value


def _wrong_type(argument: str, problem: str, value: Any) -> NoReturn:
    raise ArgumentTypeError(
        f"{argument} {problem}, not {_shown(value)}", detail={"argument": argument}
    )


def _wrong_value(argument: str, problem: str, cause: BaseException | None = None) -> NoReturn:
    raise ArgumentValueError(f"{argument} {problem}", detail={"argument": argument}) from cause


def _shown(value: Any) -> str:
    try:
        return f"{type(value).__name__} {value!r:.50}"
    except Exception:  # raised by the __repr__ of the value
        return f"a {type(value).__name__}"
