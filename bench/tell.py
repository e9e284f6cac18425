"""Prints the progress of the benchmark on standard error."""

from __future__ import annotations

import sys

EVERY = 60  # seconds between lines of progress, where standard error is not a terminal


def say(text: str) -> None:
    clear = "\r\033[K" if sys.stderr.isatty() else ""
    print(f"{clear}· {text}", file=sys.stderr, flush=True)


def progress(second: int, text: str) -> None:
    """Prints progress: on a terminal one line that is overwritten, elsewhere one line a minute."""
    if sys.stderr.isatty():
        print(f"\r\033[K· … {second} s: {text}", end="", file=sys.stderr, flush=True)
    elif second % EVERY == 0:
        say(f"… {second} s: {text}")
