"""What the benchmark says while it runs, on standard error."""

from __future__ import annotations

import sys

EVERY = 60  # seconds between lines of progress, where nobody looks at a terminal


def say(text: str) -> None:
    clear = "\r\033[K" if sys.stderr.isatty() else ""
    print(f"{clear}· {text}", file=sys.stderr, flush=True)


def progress(second: int, text: str) -> None:
    """One line that is written over on a terminal, and a line a minute elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\033[K· … {second} s: {text}", end="", file=sys.stderr, flush=True)
    elif second % EVERY == 0:
        say(f"… {second} s: {text}")
