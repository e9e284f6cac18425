"""Jobs in a file: JSON Lines, read a line at a time, each remembered by its number."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Any

from .errors import UsageError


class BadLine(UsageError):
    """A line that is no JSON object."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


class JobLines:
    """The objects of a JSON Lines file, one for each line that is not blank; read once."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self.bytes = 0  # read so far
        self._lines = lines
        self._blanks: list[int] = []  # of each blank line: how many objects came before it

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
        """The number, from 1, of the line that the index-th object, from 0, stood in."""
        return index + 1 + bisect_left(self._blanks, index + 1)


def _read(line: bytes, number: int) -> dict[str, Any]:
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip()
        found = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as exc:
        raise BadLine(number, f"it is no JSON: {exc.msg} at column {exc.colno}") from exc
    except (ValueError, RecursionError) as exc:
        raise BadLine(number, f"it is no JSON: {exc}") from exc
    if not isinstance(found, dict):
        raise BadLine(number, "it is no JSON object with submit's parameters as its keys")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")
