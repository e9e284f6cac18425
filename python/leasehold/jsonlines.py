"""Reads jobs from a JSON Lines file, one line at a time, and keeps track of line numbers.

Values that are stored as JSON are sent exactly as the file has them.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from .arguments import JsonText, sql_type
from .errors import UsageError


class BadLine(UsageError):
    """A line of the file is not a JSON object."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


class JobLines:
    """The objects of a JSON Lines file, one for each line that is not blank. It can be iterated
    over once.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        self.bytes = 0  # read so far
        self._lines = lines
        self._blanks: list[int] = []  # for each blank line, the number of objects before it

    def __iter__(self) -> Iterator[dict[str, Any]]:
        found = 0
        for number, line in enumerate(self._lines, 1):
            self.bytes += len(line)
            if line.isspace():
                self._blanks.append(found)
                continue
            yield _read(line, number)
            found += 1

    def line_of(self, index: int) -> int:
        """The number, from 1, of the line of the object with this index, from 0."""
        return index + 1 + bisect_left(self._blanks, index + 1)


def _read(line: bytes, number: int) -> dict[str, Any]:
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip()
        return _members(text)
    except json.JSONDecodeError as exc:
        raise BadLine(number, f"invalid JSON: {exc.msg} at column {exc.colno}") from exc
    except RecursionError as exc:
        raise BadLine(number, "the JSON is nested too deeply") from exc
    except ValueError as exc:
        raise BadLine(number, f"invalid JSON: {exc}") from exc
    except TypeError as exc:
        raise BadLine(number, str(exc)) from exc


def _members(text: str) -> dict[str, Any]:
    """The members of the object in the text. Raises ValueError if the text is not JSON, TypeError
    if it is not an object.
    """
    at = _skip(text, 0)
    if text[at : at + 1] != "{":
        _AS_WRITTEN.decode(text)
        raise TypeError("the line must be a JSON object whose keys are parameters of submit")
    members: list[tuple[str, Any]] = []
    at = _skip(text, at + 1)
    closed = text[at : at + 1] == "}"
    while not closed:
        if text[at : at + 1] != '"':
            raise json.JSONDecodeError("Expecting a key in double quotes", text, at)
        key, at = _AS_WRITTEN.raw_decode(text, at)
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            raise json.JSONDecodeError("Expecting ':'", text, at)
        start = _skip(text, at + 1)
        if sql_type(key) == "jsonb":
            value, at = _AS_WRITTEN.raw_decode(text, start)
            value = None if value is None else JsonText(text[start:at])
        else:
            try:
                value, at = _AS_PYTHON.raw_decode(text, start)
            except json.JSONDecodeError:
                raise
            except ValueError as exc:
                raise ValueError(f"{key}: {exc}") from exc
        members.append((key, value))
        at = _skip(text, at)
        closed = text[at : at + 1] == "}"
        if not closed:
            if text[at : at + 1] != ",":
                raise json.JSONDecodeError("Expecting ',' or '}'", text, at)
            at = _skip(text, at + 1)
    end = _skip(text, at + 1)
    if end != len(text):
        raise json.JSONDecodeError("Extra data", text, end)
    return _without_repetition(members)


def _skip(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _without_repetition(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        keys = [key for key, _ in members]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"an object has the key {repeated!r} twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number in JSON")


_BLANKS = re.compile(r"[ \t\n\r]*")
_AS_PYTHON = json.JSONDecoder(object_pairs_hook=_without_repetition, parse_constant=_refuse)
# This one only finds where a value ends. It does not convert numbers, which may have more digits
# than Python reads.
_AS_WRITTEN = json.JSONDecoder(
    object_pairs_hook=_without_repetition,
    parse_constant=_refuse,
    parse_float=str,
    parse_int=str,
)
