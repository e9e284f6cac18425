"""The command line: what each command prints, and the exit codes that --help promises."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

import support
from conftest import Connection
from leasehold import Installer, Leasehold, UsageError, Worker, __version__, cli, demo


def run(
    *arguments: str, dsn: str | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Runs one command in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name != "LEASEHOLD_DSN"}
    if dsn is not None:
        environment["LEASEHOLD_DSN"] = dsn
    return subprocess.run(
        [sys.executable, "-m", "leasehold", *arguments],
        env=environment,
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=110,
        **options,
    )


# --- parsing --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", ["", "install", "verify", "uninstall", "submit-file", "work", "status", "demo"]
)
def test_help_teaches_with_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main([*command.split(), "--help"])
    told = capsys.readouterr().out
    assert caught.value.code == 0
    assert f"leasehold {command}".strip() in told.split("examples" if command else "session")[1]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["work"],
        ["submit-file"],
        ["submit-file", "jobs.jsonl", "--chunk", "0"],
        ["work", "m", "--threads", "0"],
        ["work", "m", "--threads", "²"],
        ["work", "m", "--lease", "0"],
        ["work", "m", "--lease", "nan"],
        ["work", "m", "--poll", "inf"],
        ["work", "m", "--grace", "-1"],
        ["work", "m", "--name", ""],
        ["work", "m", "--name", " "],
        ["work", "m", "--quiet", "--verbose"],
        ["demo", "--files", "none"],
        ["install", "--jsn=1"],
    ],
)
def test_wrong_usage_is_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_the_dsn_comes_from_the_option_then_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEASEHOLD_DSN", "host=environment")
    assert cli.parser().parse_args(["status"]).dsn == "host=environment"
    assert cli.parser().parse_args(["status", "--dsn", "host=option"]).dsn == "host=option"
    monkeypatch.delenv("LEASEHOLD_DSN")
    assert cli.parser().parse_args(["status"]).dsn == ""


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"leasehold {__version__}\n"


# --- modules with handlers ------------------------------------------------------------------


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory whose modules can be imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


def test_a_module_has_handlers_or_a_worker(modules: Path) -> None:
    (modules / "cli_one.py").write_text(
        "handlers = {'a.%': print}; night = {'b': print}; no = 1; none = {}"
    )
    (modules / "cli_two.py").write_text(
        "from leasehold import Worker; worker = Worker('', {'a': print})"
    )
    assert cli.load("cli_one") == {"a.%": print}
    assert cli.load("cli_one:night") == {"b": print}
    assert isinstance(cli.load("cli_two"), Worker)
    for wrong in (
        *("cli_one:no", "cli_one:none", "cli_one:absent", "cli_absent", "cli_absent.deep", "json"),
        *("", ":night", ".cli_one", "cli_one.", "cli..one"),
    ):
        with pytest.raises(UsageError):
            cli.load(wrong)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import something_that_is_not_there", "cli_three.py:1: ModuleNotFoundError: No module"),
        ("\nraise ValueError('two\\nlines')", "cli_three.py:2: ValueError: two lines"),
        ("import json\njson.loads('{')", "cli_three.py:2: JSONDecodeError: Expecting property"),
        ("def f(:", "cli_three.py:1: SyntaxError: invalid syntax"),
        ("from json import nothing", "cli_three.py:1: ImportError: cannot import name 'nothing'"),
        ("import cli_four", "cli_four.py:1: NameError: name 'nothing' is not defined"),
    ],
)
def test_a_module_that_cannot_be_imported_is_one_line(
    modules: Path, text: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (modules / "cli_three.py").write_text(text)
    (modules / "cli_four.py").write_text("nothing")
    sys.modules.pop("cli_three", None)
    assert cli.main(["work", "cli_three"]) == 2
    problem, hint = capsys.readouterr().err.splitlines()
    assert problem.startswith(f"leasehold: cli_three cannot be imported: {modules}/{why}")
    assert "--verbose" in hint


def test_verbose_shows_the_traceback_of_an_import(tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text("def f():\n    raise ValueError('here')\n\nf()")
    found = run("work", "jobs", "--verbose", cwd=tmp_path)
    assert found.returncode == 2
    assert "Traceback" in found.stderr
    assert "in f" in found.stderr
    assert "jobs.py:2: ValueError: here" in found.stderr


# --- commands -------------------------------------------------------------------------------


@pytest.fixture
def told(
    empty_dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Runs one command on a database without Leasehold, expects this exit code, and returns its output."""
    monkeypatch.setenv("LEASEHOLD_DSN", empty_dsn)

    def told(*arguments: str, code: int = 0) -> str:
        assert cli.main(arguments) == code, capsys.readouterr().err
        return capsys.readouterr().out

    return told


def test_install_verify_status_uninstall(empty_dsn: str, told: Callable[..., str]) -> None:
    assert "missing" in told("verify", code=1)
    assert told("install").splitlines()[0] == (
        f'leasehold {__version__} was installed in schema "leasehold"'
    )
    assert told("install") == (
        f'leasehold {__version__} is current in schema "leasehold": nothing was changed\n'
    )
    assert json.loads(told("install", "--json")) == {
        "schema": "leasehold",
        "version": __version__,
        "before": __version__,
        "missing_roles": [],
        "notices": [
            f'leasehold {__version__} is current in schema "leasehold": nothing was changed'
        ],
    }
    assert "as shipped" in told("verify")
    assert json.loads(told("verify", "--json")) == {
        "schema": "leasehold",
        "against": "package",
        "discrepancies": [],
    }
    assert told("status") == "no live jobs\n"

    with Leasehold(empty_dsn) as leasehold:
        leasehold.submit("a.b")
        leasehold.submit("a.c")
        with leasehold.session.connect() as conn:
            conn.execute("drop view leasehold.dead_letter")
    lines = told("status").splitlines()
    assert lines[0].split()[:2] == ["next_need", "blocked"]
    assert [line.split()[0] for line in lines[1:]] == ["a.b", "a.c"]
    (first, _) = json.loads(told("status", "--json"))
    assert (first["next_need"], first["ready"], first["dead"]) == ("a.b", 1, 0)
    (missing,) = [
        one
        for one in json.loads(told("verify", "--json", code=1))["discrepancies"]
        if one["kind"] == "view"
    ]
    assert missing == {"kind": "view", "name": "dead_letter", "problem": "missing"}

    told("uninstall", code=2)  # not confirmed, and no terminal to ask on
    told("uninstall", "--confirm", "yes", code=2)
    assert "was dropped" in told("uninstall", "--confirm", "leasehold")
    told("status", code=4)


def test_install_says_what_was_upgraded_and_which_roles_could_not_be_created(
    empty_dsn: str, told: Callable[..., str], superuser_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with superuser_of(empty_dsn) as conn, login(conn) as user:
        conn.execute(f"grant create on database {conn.info.dbname} to {user}")
        conn.execute("create role plain_worker")
        monkeypatch.setenv("LEASEHOLD_DSN", make_conninfo(empty_dsn, user=user, password="secret"))
        try:
            said = told("install", "--schema", "plain")
            assert said.startswith(f'leasehold {__version__} was installed in schema "plain"\n')
            assert (
                f"group roles could not be created, because {user} may not create roles:"
                " plain_operator, plain_reader, plain_submitter\nHave them created"
            ) in said
            installed = json.loads(told("install", "--schema", "plain", "--json"))
            assert installed["missing_roles"] == [
                "plain_operator",
                "plain_reader",
                "plain_submitter",
            ]

            conn.execute(
                "create or replace function plain.schema_version() returns text language sql"
                " as $$ select '0.9.0' $$"
            )
            said = told("install", "--schema", "plain")
            assert said.startswith(f'leasehold {__version__} in schema "plain" was mended\n')
            conn.execute("drop function plain.schema_version() cascade")
            told("install", "--schema", "plain")  # which repairs it
            told("verify", "--schema", "plain")
        finally:
            conn.execute("drop schema plain cascade")
            conn.execute("drop role plain_worker")


@contextmanager
def login(conn: Connection, *groups: str) -> Iterator[str]:
    """A role that can log in with the password `secret`; it is dropped afterwards."""
    name = f"cli_login_{os.getpid()}"
    conn.execute(f"create role {name} login password 'secret'")
    try:
        for group in groups:
            conn.execute(f"grant {group} to {name}")
        yield name
    finally:
        conn.execute(f"drop owned by {name}")
        conn.execute(f"drop role {name}")


def test_verify_works_for_a_reader_and_on_a_read_only_server(
    dsn: str, conn: Connection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def verified(code: int, *, to: str) -> dict[str, Any]:
        assert cli.main(["verify", "--dsn", to]) == code
        assert "what the installer recorded" in capsys.readouterr().out
        assert cli.main(["verify", "--dsn", to, "--json"]) == code
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert found["against"] == "installation"
        return found

    standby = make_conninfo(dsn, options="-c default_transaction_read_only=on")
    with login(conn, "leasehold_reader") as user:
        reader = make_conninfo(dsn, user=user, password="secret")
        for to in (reader, standby):
            assert verified(0, to=to)["discrepancies"] == []
        conn.execute("drop index leasehold.ready_lane_idx")
        for to in (reader, standby):
            (one,) = verified(1, to=to)["discrepancies"]
            assert (one["name"], one["problem"]) == ("ready_lane_idx", "missing")
        monkeypatch.setattr(cli, "__version__", "2.0.0")
        one, _ = verified(1, to=reader)["discrepancies"]
        assert one == {
            "kind": "version",
            "name": "leasehold 1.0.0; this package ships 2.0.0",
            "problem": "changed",
        }


@contextmanager
def own_signals() -> Iterator[None]:
    """Restores the SIGTERM handler, which the demo replaces."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


COMMANDS = [
    ["install"],
    ["verify"],
    ["uninstall", "--confirm", "leasehold"],
    ["submit-file", "jobs.jsonl"],
    ["work", "jobs", "--threads", "3"],
    ["status"],
    ["demo", "--files", "3"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_permanent_error_is_one_line_a_hint_and_exit_code_4(
    empty_dsn: str,
    superuser_of: Any,
    modules: Path,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
) -> None:
    (modules / "jobs.py").write_text("handlers = {'a.%': print}")
    (modules / "jobs.jsonl").write_text('{"next_need": "a.b"}\n')

    def refused(dsn: str, code: int = 4) -> str:
        with own_signals():
            assert cli.main([*command, "--dsn", dsn]) == code
        errors = capsys.readouterr().err
        assert "Traceback" not in errors
        assert errors.count("leasehold: ") == 1
        return errors

    assert "Is the name of the database right?" in refused(
        make_conninfo(empty_dsn, dbname="absent")
    )
    with superuser_of(empty_dsn) as conn, login(conn) as user:
        mine = make_conninfo(empty_dsn, user=user, password="secret")
        assert "Is the password right?" in refused(make_conninfo(mine, password="wrong"))
        assert "Is the password right?" in refused(make_conninfo(mine, password=""))
        if command[0] in ("install", "demo"):
            assert "The command needs CREATE on the database" in refused(mine)
        elif command[0] == "uninstall":
            assert "is not installed in schema" in refused(mine, code=2)
        elif command[0] != "verify":
            assert "leasehold install" in refused(mine)
        Installer(empty_dsn).apply()
        told = refused(mine)
        needs = {
            "status": "reader",
            "verify": "reader",
            "submit-file": "submitter",
            "work": "worker",
        }
        if command[0] in needs:
            assert f"The command needs the rights of leasehold_{needs[command[0]]}" in told


@pytest.mark.long
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_ctrl_c_leaves_no_traceback(tmp_path: Path, command: list[str]) -> None:
    """The signal arrives while the command connects to a server that does not reply."""
    (tmp_path / "jobs.py").write_text("handlers = {'a.%': print}")
    (tmp_path / "jobs.jsonl").write_text('{"next_need": "a.b"}\n')
    with socket.create_server(("127.0.0.1", 0)) as mute:
        dsn = f"host=127.0.0.1 port={mute.getsockname()[1]} connect_timeout=5"
        process = subprocess.Popen(
            [sys.executable, "-m", "leasehold", *command, "--dsn", dsn],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
            # a shell that runs the tests in the background has it ignored
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        mute.settimeout(20)
        with mute.accept()[0]:
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    assert process.returncode == (0 if command[0] == "work" else 130)


def test_work_waits_for_a_server_that_is_not_there_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text("handlers = {'a.%': print}")
    process = subprocess.Popen(
        [sys.executable, "-m", "leasehold", "work", "jobs", "--dsn", "host=127.0.0.1 port=1"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    errors = ""
    while "WARNING" not in errors:
        errors += (line := process.stderr.readline())
        assert line, errors
    time.sleep(2)  # it tries again, and says nothing more
    process.send_signal(signal.SIGTERM)
    errors += process.communicate(timeout=60)[1]
    assert process.returncode == 0
    (warning,) = [line for line in errors.splitlines() if "WARNING" in line]
    assert "1 of 1 threads wait for the database: connection failed" in warning


def test_status_fits_80_columns_on_a_terminal(dsn: str, conn: Connection) -> None:
    long = "billing.invoice.of.a.customer.whose.name.is.long.v1"
    now = datetime.now(timezone.utc)
    leasehold = Leasehold(conn)
    leasehold.submit_many([{"next_need": "mail.welcome.v1"}] * 3)
    leasehold.submit(long, available_at=now + timedelta(hours=2, minutes=59))
    leasehold.submit("a.b", available_at=now + timedelta(days=400))
    conn.execute("update ready set available_at = available_at - interval '3 min 5 s'")
    told = on_a_terminal("status", "--dsn", dsn)
    assert [line.rstrip() for line in told.splitlines()] == [
        "next_need                blocked  scheduled  ready  leased  dead  oldest  due in",
        "a.b                            0          1      0       0     0           399 d",
        "billing.inv….is.long.v1        0          1      0       0     0             2 h",
        "mail.welcome.v1                0          0      3       0     0     3 m",
    ]


def on_a_terminal(*arguments: str, columns: int = 80) -> str:
    """Runs a command on a terminal and returns its output without colours."""
    ours, its = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "leasehold", *arguments],
            stdout=its,
            env={**os.environ, "COLUMNS": str(columns), "NO_COLOR": "1", "TERM": "dumb"},
        )
        assert process.wait(60) == 0
        return os.read(ours, 65536).decode().replace("\r\n", "\n")
    finally:
        os.close(ours)
        os.close(its)


@pytest.mark.parametrize(
    ("seconds", "age"),
    [
        *((None, None), (-3.0, "0 s"), (0.0, "0 s"), (59.9, "59 s"), (60, "1 m"), (3599, "59 m")),
        *((3600, "1 h"), (86_399, "23 h"), (86_400, "1 d"), (1e9, "11574 d")),
    ],
)
def test_an_age_is_printed_in_its_largest_unit(seconds: float | None, age: str | None) -> None:
    assert cli._age(seconds) == age


def test_another_schema(told: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    told("install", "--schema", "my_jobs")
    told("status", "--schema", "my_jobs")
    assert cli.main(["status"]) == 4
    assert "leasehold install --schema leasehold" in capsys.readouterr().err
    told("uninstall", "--schema", "my_jobs", "--confirm", "my_jobs")


def test_a_database_that_is_not_there_is_exit_code_3_and_a_bad_dsn_2() -> None:
    found = run("status", "--dsn", "host=127.0.0.1 port=1 connect_timeout=2")
    assert found.returncode == 3
    assert "Traceback" not in found.stderr
    assert run("status", "--dsn", "no connection string").returncode == 2


def test_what_leasehold_refuses_is_exit_code_4(empty_dsn: str, superuser_of: Any) -> None:
    with superuser_of(empty_dsn) as conn:
        conn.execute("create schema leasehold create table theirs (id int)")
    found = run("install", dsn=empty_dsn)
    assert found.returncode == 4
    assert "LH009" in found.stderr


@pytest.fixture
def superuser_of() -> Any:
    import psycopg

    return lambda dsn: psycopg.connect(dsn, autocommit=True)


def test_work_without_an_installation_is_exit_code_4(empty_dsn: str, tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text("handlers = {'a.%': print}")
    found = run("work", "jobs", dsn=empty_dsn, cwd=tmp_path)
    assert found.returncode == 4
    assert "leasehold install" in found.stderr


# --- jobs from a file -----------------------------------------------------------------------


@pytest.fixture
def submit_file(
    dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., tuple[str, str]]:
    """Runs `leasehold submit-file` on these lines, expects this exit code, and returns both outputs."""
    monkeypatch.setenv("LEASEHOLD_DSN", dsn)

    def submit_file(lines: str | bytes, *options: str, code: int = 0) -> tuple[str, str]:
        path = tmp_path / "jobs.jsonl"
        path.write_bytes(lines if isinstance(lines, bytes) else lines.encode())
        assert cli.main(["submit-file", str(path), *options]) == code
        return capsys.readouterr()

    return submit_file


def needs(conn: Connection) -> list[str]:
    return [row[0] for row in conn.execute("select next_need from job order by number")]


def test_submit_file_submits_one_job_for_each_line(
    submit_file: Callable[..., tuple[str, str]], conn: Connection
) -> None:
    lines = '{"next_need": "a.a"}\n\n{"next_need": "a.b", "payload": {"n": "é"}, "priority": 5}\r\n'
    told, errors = submit_file("\ufeff" + lines)
    assert told.startswith("2 jobs submitted in ")
    assert errors == ""
    assert needs(conn) == ["a.a", "a.b"]
    assert Leasehold(conn).job(
        conn.execute("select job_id from job where priority = 5").fetchone()[0]  # type: ignore[index]
    ).payload == {"n": "é"}
    told, _ = submit_file(lines.removesuffix("\r\n"), "--json", "--chunk", "1")
    assert json.loads(told)["jobs"] == 2
    assert submit_file("")[0].startswith("0 jobs submitted")


def test_submit_file_reads_standard_input(dsn: str, conn: Connection) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "leasehold", "submit-file", "-", "--dsn", dsn],
        input='{"next_need": "a.a"}\n' * 7000,
        text=True,
        capture_output=True,
        timeout=60,
    )
    assert found.stdout.startswith("7,000 jobs submitted in "), found.stderr
    assert len(needs(conn)) == 7000


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"next_need": ', "invalid JSON: Expecting value at column 14"),
        ('["a.b"]', "the line must be a JSON object"),
        ("17", "the line must be a JSON object"),
        ('{"next_need": "a.b", "payload": {"n": NaN}}', "invalid JSON: NaN is not a number"),
        ('{"next_need": "a.b", "priority": Infinity}', "invalid JSON: priority: Infinity"),
        (b"\xff", "invalid JSON: 'utf-8' codec can't decode"),
        (b'{"next_need": "a.b", "payload": {"x": "\xed\xa0\x80"}}', "invalid JSON: 'utf-8' codec"),
        ('{"next_need": "a.b", "prio": 1}', "LH010 element has an unknown key 'prio'"),
        ('{"next_need": "a.b", "result": {}}', "LH010 element has an unknown key 'result'"),
        ('{"next_need": "a.b", "priority": "1"}', "LH010 priority must be a whole number"),
        ('{"next_need": "a.b", "priority": 1.5}', "LH010 priority must be a whole number"),
        ('{"next_need": "a.b", "priority": 1099511627776}', "LH010 priority must be a whole"),
        (f'{{"next_need": "a.b", "priority": {"1" * 5000}}}', "invalid JSON: priority: Exceeds"),
        ('{"next_need": 5}', "LH010 next_need must be a string"),
        ('{"next_need": "a.b", "wait_for": "a"}', "LH010 wait_for must be a list"),
        ('{"next_need": "a.b", "wait_for": [5]}', "LH010 wait_for[0] must be a UUID"),
        ('{"next_need": "a..b"}', "LH010 next_need"),
        ('{"next_need": "a.b", "available_at": "soon"}', "LH010 available_at must be a time"),
        (
            '{"next_need": "a.b", "available_at": 1700000000}',
            "LH010 available_at must be a datetime",
        ),
        (
            '{"next_need": "a.b", "expires_at": "2030-01-01T10:00"}',
            "LH010 expires_at must be a time",
        ),
        ('{"next_need": "a.b", "available_at": "2030-13-01T10:00Z"}', "LH010 date/time field"),
        ('{"next_need": "a.b", "payload": {"n": "\\u0000"}}', "LH010 payload contains a NUL"),
        ('{"next_need": "a.b\\u0000"}', "LH010 next_need contains a NUL"),
        (
            '{"next_need": "a.b", "metadata": {"n": "\\ud800"}}',
            "LH010 metadata contains half of a surr",
        ),
        ('{"next_need": "a.\\ud800"}', "LH010 next_need contains half of a surr"),
        ('{"next_need": "a.b", "payload": []}', "LH010 payload must be a JSON object"),
        (
            '{"next_need": "a.b", "next_need": "a.c"}',
            "invalid JSON: an object has the key 'next_ne",
        ),
        (
            '{"next_need": "a.b", "payload": {"x": {"a": 1, "a": 2}}}',
            "invalid JSON: an object has",
        ),
        ('{"next_need": "a.b", "payload": {"n": 1e999999}}', "LH010 value overflows numeric"),
        ('{"next_need": "a.b", "payload": {"n": ' + "[" * 200_000, "the JSON is nested too deeply"),
        ('{"next_need": "a.b",}', "invalid JSON: Expecting a key in double quotes at column 21"),
        ('{"next_need": "a.b" "x"}', "invalid JSON: Expecting ',' or '}' at column 21"),
        ('{"next_need"; "a.b"}', "invalid JSON: Expecting ':' at column 13"),
        ('{"next_need": "a.b"} {}', "invalid JSON: Extra data at column 22"),
        ('{"next_need": "a.b", "payload": 01}', "invalid JSON: Expecting ',' or '}' at column 34"),
        ('{"next_need": "a.b", "payload": {"a": 1.}}', "invalid JSON: Expecting ',' delimiter"),
    ],
    ids=lambda value: str(value)[:50] if not isinstance(value, bytes) else None,
)
def test_submit_file_names_the_line_that_is_wrong_and_stores_nothing(
    submit_file: Callable[..., tuple[str, str]], conn: Connection, line: str | bytes, why: str
) -> None:
    good = b'{"next_need": "a.a"}\n'
    bad = line if isinstance(line, bytes) else line.encode()
    told, errors = submit_file(b"\n" + good * 3 + b"  \n" + bad + b"\n\n" + good * 3, code=4)
    assert told == ""
    assert errors.startswith(f"leasehold: line 6: {why}")
    assert errors.endswith("Nothing was stored.\n")
    assert needs(conn) == []


def test_submit_file_stores_json_as_it_is_written(
    submit_file: Callable[..., tuple[str, str]], conn: Connection
) -> None:
    written = (
        '{ "n": [12345678901234567890.123456789, 9007199254740993.0, 1e-400, 1E+400, -0.0, 1.10,'
        ' 1e5000, -7], "text": ["\\u00e9 \\ud83d\\ude00 \\\\u0000 NaN", "é \\"…"], "e": {} }'
    )
    submit_file(
        f'{{"payload": {written} ,"metadata":{written},"retry": {{"multiplier": 1.10}} ,'
        ' "next_need":"a.b","expires_at": null}\n{"next_need": "a.b", "payload": null}\n'
    )
    rows = conn.execute(
        "select r.payload::text = %(it)s::jsonb::text, j.metadata::text = %(it)s::jsonb::text, j.retry::text"
        " from ready as r cross join lateral job(r.job_id) as j order by r.number",
        {"it": written},
    ).fetchall()
    assert rows[0][:2] == (True, True)
    assert "1.10" in rows[0][2]
    (text,) = conn.execute("select payload::text from ready order by number").fetchone() or ("",)
    assert "12345678901234567890.123456789" in text
    assert "9007199254740993.0" in text


def test_submit_file_in_chunks_keeps_what_was_committed_and_says_how_to_go_on(
    submit_file: Callable[..., tuple[str, str]], conn: Connection, tmp_path: Path
) -> None:
    good = '{"next_need": "a.a"}\n'
    _, errors = submit_file(
        good * 5 + "\n" + good * 2 + '{"next_need": ""}\n' + good, "--chunk", "3", code=4
    )
    assert errors.startswith("leasehold: line 9: LH010")
    last = errors.splitlines()[-1]
    path = tmp_path / "jobs.jsonl"
    assert last == (
        "Lines 1 to 7 are stored, and no others."
        f" To continue: tail -n +8 {path} | leasehold submit-file - --chunk 3"
    )
    assert len(needs(conn)) == 6


def test_how_to_go_on_names_the_schema_and_that_there_was_a_dsn(
    submit_file: Callable[..., tuple[str, str]], conn: Connection, dsn: str
) -> None:
    Installer(dsn, "night jobs").apply()
    lines = '{"next_need": "a.a"}\n{"next_need": ""}\n'
    options = ["--chunk", "1", "--schema", "night jobs", "--dsn", f"{dsn} application_name=me"]
    _, errors = submit_file(lines, *options, code=4)
    assert errors.splitlines()[-1].endswith(" --chunk 1 --schema 'night jobs' --dsn …")


def test_submit_file_of_an_unreadable_file_is_wrong_usage(
    dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        assert cli.main(["submit-file", str(path), "--dsn", dsn]) == 2
        assert "cannot be read" in capsys.readouterr().err


# --- the demo -------------------------------------------------------------------------------


@pytest.mark.long
def test_the_demo_indexes_each_file_once_though_a_worker_is_killed(
    empty_dsn: str, tmp_path: Path
) -> None:
    for number in range(150):
        (tmp_path / f"{number}.txt").write_text("two words\n" * number)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "left.out").write_text("")
    found = run("demo", "--dir", str(tmp_path), "--json", dsn=empty_dsn)
    assert found.returncode == 0, found.stderr
    got = json.loads(found.stdout)
    assert got["good"] is True
    assert (got["files"], got["planted"], got["dead"]) == (153, 3, 3)
    assert (got["succeeded"], got["results"], got["distinct_results"], got["summarised"]) == (
        150,
    ) * 4
    assert got["lines"] == sum(range(150))
    assert got["reclaimed"] >= 1
    assert {death["reason"] for death in got["deaths"]} == {"attempts_exhausted"}
    assert "killed demo-1" in found.stderr

    again = run("demo", "--dir", str(tmp_path), "--files", "5", dsn=empty_dsn)
    assert again.returncode == 0, again.stderr
    assert "exactly one result" in again.stdout
    assert again.stdout.count("psql") == 3


def test_the_demo_leaves_a_foreign_schema_alone(empty_dsn: str, superuser_of: Any) -> None:
    with superuser_of(empty_dsn) as conn:
        conn.execute("create schema demo create table theirs (id int)")
        found = run("demo", "--files", "5", dsn=empty_dsn)
        assert found.returncode == 2
        assert "demo" in found.stderr
        assert conn.execute("select count(*) from demo.theirs").fetchone() == (0,)


def test_the_demo_lists_regular_files_with_names_that_postgresql_can_store(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.py").write_text("")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "c.js").write_text("")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("nowhere")
    with open(os.fsencode(tmp_path) + b"/\xff.py", "w"):
        pass
    found, skipped = demo.listing(tmp_path, None)
    assert [os.path.relpath(path, tmp_path) for path in found] == ["a.py", "dangling", "deep/b.py"]
    assert skipped == 1
    assert len(demo.listing(tmp_path, 1)[0]) == 1
    with pytest.raises(UsageError):
        demo.listing(tmp_path / "absent", None)


def test_the_demos_counts_are_right_across_chunks(
    dsn: str, conn: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leasehold import demo_jobs

    text = "one two\nthree  four\tfive\n" * 7 + "end"
    path = tmp_path / "text"
    path.write_text(text)
    conn.execute(demo.TABLES)
    conn.execute("set search_path = leasehold, public")
    leasehold = Leasehold(conn)
    for chunk in (1, 2, 3, 7, 1 << 20):
        monkeypatch.setattr(demo_jobs, "CHUNK", chunk)
        job_id = leasehold.submit("demo.file", {"path": str(path)}).job_id
        conn.execute("truncate demo.result")
        conn.execute("truncate demo.file")
        conn.execute("insert into demo.file values (%s, %s, false)", [str(path), job_id])
        (lease,) = leasehold.get_work("w", ["demo.file"])
        demo_jobs.index(lease)
        got = conn.execute("select bytes, lines, words from demo.result").fetchone()
        assert got == (len(text), text.count("\n"), len(text.split()))


def test_a_job_of_an_earlier_demo_is_given_up(dsn: str, conn: Connection, tmp_path: Path) -> None:
    from leasehold import demo_jobs

    (tmp_path / "text").write_text("x")
    conn.execute(demo.TABLES)
    leasehold = Leasehold(conn)
    job_id = leasehold.submit("demo.file", {"path": str(tmp_path / "text")}).job_id
    worker = Worker(dsn, demo_jobs.handlers, poll=0.2)
    call = support.background(lambda: worker.run(signals=False))
    support.eventually(lambda: leasehold.job(job_id).state == "dead", "buried")
    worker.stop()
    call.result(timeout=60)
    assert leasehold.job(job_id).error == "the job belongs to an earlier demo"
