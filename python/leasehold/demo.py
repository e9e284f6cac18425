"""The demo: one job for each file of a real directory, and three worker processes, of which one is
killed halfway.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from . import demo_jobs
from .client import Leasehold
from .embedded import embedded_server
from .errors import UsageError
from .installer import Installer
from .session import SafeIdentifier

WORKERS = 3
BATCH = 250
MOST = 100_000  # jobs that one job may wait for
LEASE = 5  # seconds; how long the job of the killed worker stays leased to it
RETRY = {"kind": "fixed", "initial": "1 second", "jitter": 0}
PATIENCE = 60.0  # seconds without any progress after which the demo gives up
SKIPPED = {"site-packages", "__pycache__", "node_modules", ".git", ".venv", "venv"}

MARK = "made by leasehold demo, which drops it when it runs again"
TABLES = f"""
create schema demo;
comment on schema demo is '{MARK}';
create table demo.file (
    path        text        not null primary key,
    job_id      uuid        not null unique,
    planted     boolean     not null
);
-- This table has no key on purpose: only the engine keeps a file from being written twice.
create table demo.result (
    path        text        not null,
    bytes       bigint      not null,
    lines       bigint      not null,
    words       bigint      not null,
    sha256      text        not null,
    job_id      uuid        not null,
    fence       bigint      not null,
    attempt     integer     not null,
    written_at  timestamptz not null default clock_timestamp()
);
create table demo.summary (
    files       bigint      not null,
    bytes       bigint,
    lines       bigint,
    words       bigint,
    written_at  timestamptz not null default clock_timestamp()
);
"""

STATE = """
select (select count(*) from demo.result) as results,
       (select count(*) from demo.file as f join {schema}.dead_letter as d on d.job_id = f.job_id) as dead,
       (select count(*) from demo.summary) as summaries
"""

HELD = """
select j.job_id
from demo.file as f
cross join lateral {schema}.job(f.job_id) as j
where j.state = 'leased' and j.worker_id like %(name)s
  and not exists (select from demo.result as r where r.job_id = f.job_id)
"""

OUTCOME = """
with file_job as (
    select f.path, f.planted, j.state, j.attempt, j.crashes, j.dead_reason, j.error, j.job_id, j.worker_id
    from demo.file as f
    cross join lateral {schema}.job(f.job_id) as j
)
select count(*) as files,
       count(*) filter (where planted) as planted,
       count(*) filter (where state = 'succeeded') as succeeded,
       count(*) filter (where state = 'dead') as dead,
       count(*) filter (where state not in ('succeeded', 'dead')) as unfinished,
       count(*) filter (where attempt > 1) as retried,
       count(*) filter (where job_id = any (%(held)s) and attempt > 1) as reclaimed,
       (select count(*) from demo.result) as results,
       (select count(distinct r.path) from demo.result as r) as distinct_results,
       (select sum(s.files) from demo.summary as s)::bigint as summarised,
       (select sum(s.bytes) from demo.summary as s)::bigint as bytes,
       (select sum(s.lines) from demo.summary as s)::bigint as lines,
       (select count(*) / nullif(extract(epoch from max(r.written_at) - min(r.written_at)), 0)
          from demo.result as r where r.attempt = 1)::float8 as jobs_a_second
from file_job
"""

DEATHS = """
select d.dead_reason as reason, d.attempt as attempts, f.path, d.error, f.planted
from demo.file as f
join {schema}.dead_letter as d on d.job_id = f.job_id
order by f.path
"""


class Stuck(Exception):
    """The demo makes no progress."""


@dataclass(frozen=True, slots=True)
class Target:
    """The database that the demo runs in, and the command that opens it in psql."""

    dsn: str
    psql: str


def run(
    *,
    dsn: str = "",
    schema: str = "leasehold",
    directory: Path | None = None,
    limit: int | None = None,
    keep: bool = False,
    as_json: bool = False,
) -> int:
    """Runs the demo and returns its exit code: 0 if every file has the result that it must have."""
    console = Console(stderr=as_json, highlight=False)
    if not console.is_terminal:
        console.width = 120  # a log file has no width
    root = (directory or Path(sysconfig.get_path("stdlib"))).expanduser().resolve()
    paths, skipped = listing(root, limit)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="leasehold-demo-")))
        planted = plant(scratch / "planted")
        if len(paths) + len(planted) > MOST:
            raise UsageError(
                f"{root} has {len(paths):,} files, but the summary can wait for at most {MOST:,} jobs",
                hint=f"Index fewer files: --files {MOST - len(planted)}",
            )
        if skipped:
            console.print(
                f"{skipped:,} files skipped: their names are not UTF-8, so PostgreSQL cannot store them"
            )
        if dsn:
            known = dsn == os.environ.get("LEASEHOLD_DSN")
            target = Target(dsn, 'psql "$LEASEHOLD_DSN"' if known else f"psql {shlex.quote(dsn)}")
        else:
            console.print("starting a PostgreSQL server in a temporary directory")
            server = stack.enter_context(embedded_server())
            psql = "psql" if shutil.which("psql") else str(server.psql)
            target = Target(server.dsn, f"{psql} '{server.dsn}'")
        console.print(f"installing leasehold {Installer(target.dsn, schema).apply()}")
        conn = stack.enter_context(
            psycopg.connect(target.dsn, autocommit=True, row_factory=dict_row)
        )
        show = Demo(console, conn, target, schema, scratch, root, paths, planted)
        show.prepare()
        try:
            show.play()
        except Stuck as exc:
            console.print(f"{exc}; the output of the workers is above", style="bold red")
            return 1
        good = show.report(as_json=as_json)
        show.look_around()
        if not dsn:
            if keep:
                wait_for_reader(console)
            console.print(
                "the server is stopped and its data removed"
                + ("" if keep else "; `leasehold demo --keep` keeps it running for these commands")
            )
    return 0 if good else 1


def listing(root: Path, limit: int | None) -> tuple[list[str], int]:
    """The files below `root`, and the number of files that were skipped because their names are not
    UTF-8.
    """
    if not root.is_dir():
        raise UsageError(f"{root} is not a directory")
    found: list[str] = []
    skipped = 0
    for parent, directories, names in os.walk(root):
        directories[:] = sorted(set(directories) - SKIPPED)
        for name in sorted(names):
            path = os.path.join(parent, name)
            if os.path.exists(path) and not os.path.isfile(path):
                continue  # a socket, a pipe
            try:
                path.encode()
            except UnicodeEncodeError:
                skipped += 1
                continue
            found.append(path)
            if len(found) == limit:
                return found, skipped
    if not found:
        raise UsageError(f"there are no files in {root}")
    return found, skipped


def plant(directory: Path) -> list[str]:
    """Creates three names that cannot be read as files, as a real directory may contain."""
    directory.mkdir()
    vanished = directory / "vanished.py"
    dangling = directory / "dangling.py"
    folder = directory / "directory.py"
    vanished.write_text("listed, then deleted\n")
    vanished.unlink()
    dangling.symlink_to(directory / "nowhere")
    folder.mkdir()
    return [str(dangling), str(folder), str(vanished)]


def wait_for_reader(console: Console) -> None:
    """Waits for Enter or Ctrl-C; without a terminal, for a signal."""
    console.print("\nthe server runs until you press Enter or Ctrl-C")
    try:
        if sys.stdin.isatty():
            input()
        else:
            while True:
                time.sleep(3600)
    except (KeyboardInterrupt, EOFError):
        pass


@dataclass(slots=True)
class Demo:
    """One run of the demo, from empty tables to the figures."""

    console: Console
    conn: psycopg.Connection[dict[str, Any]]
    target: Target
    schema: str
    scratch: Path
    root: Path
    paths: list[str]
    planted: list[str]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    held: list[UUID] = field(default_factory=list)  # jobs leased to the worker when it was killed

    def prepare(self) -> None:
        """Creates the tables of the application. Never drops a schema `demo` that it did not
        create.
        """
        row = self._one(
            "select n.oid is not null as there,"
            " pg_catalog.obj_description(n.oid, 'pg_namespace') as mark"
            " from (select 1) as one left join pg_catalog.pg_namespace as n on n.nspname = 'demo'"
        )
        if row["there"] and row["mark"] != MARK:
            raise UsageError(
                "the database has a schema named demo that this command did not create",
                hint="Name another database with --dsn.",
            )
        with self.conn.transaction():
            self.conn.execute("drop schema if exists demo cascade")
            self.conn.execute(TABLES)

    def play(self) -> None:
        """Submits the jobs, runs the workers, kills one of them, and waits until every job has
        ended.
        """
        total = len(self.paths) + len(self.planted)
        self.console.print(
            f"{len(self.paths):,} files of {self.root}, and {len(self.planted)} planted ones that "
            f"cannot be read; {WORKERS} worker processes"
        )
        with self._workers(), self._display(total) as display:
            self._submit(display)
            self._watch(display, total)

    def report(self, *, as_json: bool) -> bool:
        """Prints the figures and returns whether all of them are right."""
        got = self._one(OUTCOME, {"held": self.held})
        deaths = self._all(DEATHS)
        good: bool = (
            got["unfinished"] == 0
            and got["succeeded"] == got["results"] == got["distinct_results"] == got["summarised"]
            and got["dead"] >= got["planted"]
            and got["reclaimed"] == len(self.held)
        )
        if as_json:
            print(json.dumps({"good": good, **got, "deaths": deaths}, indent=2, default=str))
            return good
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(justify="right", style="bold")
        table.add_column(overflow="fold")

        def line(figure: str, text: str) -> None:
            table.add_row(figure, text)

        line(
            f"{got['files'] + 1:,}",
            "jobs submitted: one for each file, and a summary that waits for all of them",
        )
        line(f"{got['succeeded'] + 1:,}", "succeeded, including the summary")
        line(f"{got['retried']:,}", "took more than one attempt")
        line(
            f"{got['reclaimed']:,}",
            f"reclaimed: leased to {self._name(0)} when it was killed with SIGKILL",
        )
        line(f"{got['dead']:,}", "dead, after three attempts each:")
        for death in deaths[:10]:
            planted = " (planted)" if death["planted"] else ""
            line("", f"{death['reason']}: {death['error']}{planted}")
        if len(deaths) > 10:
            line("", f"… and {len(deaths) - 10:,} more")
        line(
            f"{got['results']:,}",
            f"results written, for {got['distinct_results']:,} different files",
        )
        line(
            f"{got['summarised']:,}",
            f"files in the summary: {got['bytes']:,} bytes, {got['lines']:,} lines",
        )
        line(
            f"{got['jobs_a_second'] or 0:,.0f}",
            "jobs a second, in three processes that each claim one job at a time",
        )
        self.console.print()
        self.console.print(table, markup=False)
        verdict = (
            "exactly one result for every file that could be read"
            if good
            else "these figures are wrong: please report them as a bug, with the lines above"
        )
        self.console.print(f"\n{verdict}", style="green" if good else "bold red")
        return good

    def look_around(self) -> None:
        """Prints three psql commands and their output."""
        plain = re.fullmatch("[a-z_][a-z0-9_]*", self.schema)
        own = self.schema if plain else sql.Identifier(self.schema).as_string(self.conn)
        job = f"'{self.held[0]}'" if self.held else "(select job_id from demo.file limit 1)"
        queries = [
            f"select * from {own}.status",
            f"select at, event, actor, state, attempt from {own}.departure where job_id = {job} order by at",
            "select path, lines, words, attempt from demo.result order by lines desc limit 3",
        ]
        self.console.print("\nlook around:")
        for query in queries:
            quoted = re.sub(r'(["$`\\])', r"\\\1", query)  # escaped for double quotes in a shell
            self.console.print(
                f'\n{self.target.psql} -c "{quoted}"', style="cyan", soft_wrap=True, markup=False
            )
            rows = self.conn.execute(query.encode()).fetchall()
            table = Table(box=None, pad_edge=False, header_style="dim")
            for column in rows[0] if rows else ():
                table.add_column(column, overflow="fold")
            for row in rows:
                table.add_row(*("" if value is None else str(value) for value in row.values()))
            self.console.print(table, markup=False)
        self.console.print()

    # -- scenes

    @contextmanager
    def _workers(self) -> Iterator[None]:
        logs = self.scratch / "workers.log"
        try:
            with logs.open("wb") as log:
                self.workers = [self._spawn(number, log) for number in range(WORKERS)]
            yield
        except BaseException:
            told = logs.read_text(errors="replace").strip()
            if told:
                self.console.print(told[-4000:], markup=False, style="dim")
            raise
        finally:
            for worker in self.workers:
                worker.send_signal(signal.SIGTERM)
            for worker in self.workers:
                try:
                    worker.wait(10)
                except subprocess.TimeoutExpired:
                    worker.kill()

    def _spawn(self, number: int, log: Any) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "leasehold", "work", demo_jobs.__name__, "--quiet"]
        command += ["--schema", self.schema, "--name", self._name(number)]
        command += ["--lease", str(LEASE), "--poll", "1", "--grace", "5"]
        return subprocess.Popen(
            command,
            env={**os.environ, "LEASEHOLD_DSN": self.target.dsn},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches this process alone, which stops the workers
        )

    def _submit(self, display: Display) -> None:
        """Submits in batches. Each batch is one transaction with the application's rows and their
        jobs, so that both are stored or neither is.
        """
        everything = sorted(
            [(path, False) for path in self.paths] + [(path, True) for path in self.planted]
        )
        ids: list[UUID] = []
        with Leasehold(self.conn, self.schema) as leasehold:
            for start in range(0, len(everything), BATCH):
                batch = everything[start : start + BATCH]
                jobs = [
                    {"next_need": "demo.file", "payload": {"path": path}, "retry": RETRY}
                    for path, _ in batch
                ]
                with self.conn.transaction(), self.conn.cursor() as cursor:
                    submitted = leasehold.submit_many(jobs)
                    cursor.executemany(
                        "insert into demo.file (path, planted, job_id) values (%s, %s, %s)",
                        [(*row, job.job_id) for row, job in zip(batch, submitted, strict=True)],
                    )
                ids += [job.job_id for job in submitted]
                display.submitted(len(ids))
            leasehold.submit("demo.summary", wait_for=ids, on_dependency_failure="release")

    def _watch(self, display: Display, total: int) -> None:
        last, moved = (-1, -1), time.monotonic()
        victim: subprocess.Popen[bytes] | None = self.workers[0]
        tries = 0
        while True:
            got = self._one(STATE)
            if (got["results"], got["dead"]) != last:
                last, moved = (got["results"], got["dead"]), time.monotonic()
            display.indexed(got["results"], got["dead"], self._alive())
            if victim is not None and got["results"] >= 0.4 * len(self.paths):
                tries += 1
                if self._kill(victim, last_try=tries >= 50):
                    victim = None
                    display.note(
                        f"killed {self._name(0)} with SIGKILL while it held {len(self.held) or 'no'} job;"
                        f" the lease expires within {LEASE} seconds"
                    )
                continue
            if got["summaries"] and got["results"] + got["dead"] >= total:
                return
            if time.monotonic() - moved > PATIENCE:
                raise Stuck(f"no progress for {PATIENCE:.0f} seconds")
            if self._alive() == 0:
                raise Stuck("all workers have exited")
            # A small directory is finished so quickly that a longer sleep would miss the middle.
            time.sleep(0.1 if victim is None else 0.01)

    def _kill(self, victim: subprocess.Popen[bytes], *, last_try: bool) -> bool:
        """Kills a worker while it holds a job: suspends it, checks, and resumes it if it holds
        none.

        The other workers are suspended meanwhile, because they might finish everything.
        """
        for worker in self.workers:
            worker.send_signal(signal.SIGSTOP)
        time.sleep(0.05)  # the database has processed by now what they had sent
        held = self._all(HELD, {"name": self._name(0) + ":%"})
        if held or last_try:
            victim.kill()
            self.held = [row["job_id"] for row in held]
        for worker in self.workers:
            worker.send_signal(signal.SIGCONT)
        return bool(held) or last_try

    @contextmanager
    def _display(self, total: int) -> Iterator[Display]:
        if self.console.is_terminal:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[note]}"),
            )
            with Progress(*columns, console=self.console) as progress:
                yield Display(self.console, total, progress)
        else:
            yield Display(self.console, total, None)

    # -- helpers

    def _alive(self) -> int:
        return sum(worker.poll() is None for worker in self.workers)

    def _name(self, number: int) -> str:
        return f"demo-{number + 1}"

    def _all(self, query: str, arguments: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        composed = sql.SQL(query).format(schema=SafeIdentifier(self.schema))
        return self.conn.execute(composed, arguments or {}).fetchall()

    def _one(self, query: str, arguments: dict[str, Any] | None = None) -> dict[str, Any]:
        return self._all(query, arguments)[0]


class Display:
    """Progress bars on a terminal; otherwise one line a second."""

    def __init__(self, console: Console, total: int, progress: Progress | None) -> None:
        self._console = console
        self._total = total
        self._progress = progress
        self._told = 0.0
        if progress is not None:
            self._submit = progress.add_task("submitted", total=total, note="")
            self._index = progress.add_task("done", total=total, note="")

    def submitted(self, jobs: int) -> None:
        """Shows the number of submitted jobs."""
        if self._progress is not None:
            self._progress.update(self._submit, completed=jobs)
        elif jobs == self._total:
            self._console.print(f"  {jobs:,} jobs submitted")

    def indexed(self, results: int, dead: int, alive: int) -> None:
        """Shows the numbers of indexed files, of dead jobs and of workers that run."""
        note = f"{results:,} indexed, {dead:,} dead, {alive} workers"
        if self._progress is not None:
            self._progress.update(self._index, completed=results + dead, note=note)
        elif (done := results + dead == self._total) or time.monotonic() - self._told >= 1:
            self._told = time.monotonic()
            self._console.print(f"  {note}" + (": waiting for the summary" if done else ""))

    def note(self, text: str) -> None:
        """Prints a line of text."""
        self._console.print(f"  {text}")
