"""The command line: what each command prints, and the exit codes that --help promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import support
from conftest import Connection
from leasehold import Installer, Leasehold, UsageError, Worker, __version__, cli, demo


def run(
    *arguments: str, dsn: str | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """One command in a process of its own."""
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


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"leasehold {__version__}\n"


# --- what a worker is made of ---------------------------------------------------------------


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


def test_a_module_that_lacks_what_it_imports_says_what(modules: Path) -> None:
    (modules / "cli_three.py").write_text("import something_that_is_not_there")
    with pytest.raises(ModuleNotFoundError, match="something_that_is_not_there"):
        cli.load("cli_three")


# --- commands -------------------------------------------------------------------------------


@pytest.fixture
def told(
    empty_dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Runs one command on a database without Leasehold: what it prints, for this exit code."""
    monkeypatch.setenv("LEASEHOLD_DSN", empty_dsn)

    def told(*arguments: str, code: int = 0) -> str:
        assert cli.main(arguments) == code, capsys.readouterr().err
        return capsys.readouterr().out

    return told


def test_install_verify_status_uninstall(empty_dsn: str, told: Callable[..., str]) -> None:
    assert "missing" in told("verify", code=1)
    assert told("install") == f"leasehold {__version__} is installed in schema leasehold\n"
    assert json.loads(told("install", "--json")) == {
        "schema": "leasehold",
        "version": __version__,
    }
    assert "as shipped" in told("verify")
    assert json.loads(told("verify", "--json")) == {"schema": "leasehold", "discrepancies": []}
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

    told("uninstall", code=2)  # not confirmed, and nobody to ask
    told("uninstall", "--confirm", "yes", code=2)
    assert "is gone" in told("uninstall", "--confirm", "leasehold")
    told("status", code=4)


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
    """`leasehold submit-file` of these lines: what it prints on both outputs, for this exit code."""
    monkeypatch.setenv("LEASEHOLD_DSN", dsn)

    def submit_file(lines: str | bytes, *options: str, code: int = 0) -> tuple[str, str]:
        path = tmp_path / "jobs.jsonl"
        path.write_bytes(lines if isinstance(lines, bytes) else lines.encode())
        assert cli.main(["submit-file", str(path), *options]) == code
        return capsys.readouterr()

    return submit_file


def needs(conn: Connection) -> list[str]:
    return [row[0] for row in conn.execute("select next_need from job order by number")]


def test_submit_file_submits_a_job_a_line(
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
        ('{"next_need": ', "it is no JSON: Expecting value at column 14"),
        ('["a.b"]', "it is no JSON object"),
        ("17", "it is no JSON object"),
        ('{"next_need": "a.b", "payload": {"n": NaN}}', "it is no JSON: NaN is no number"),
        ('{"next_need": "a.b", "priority": Infinity}', "it is no JSON: priority: Infinity"),
        (b"\xff", "it is no JSON: 'utf-8' codec can't decode"),
        (b'{"next_need": "a.b", "payload": {"x": "\xed\xa0\x80"}}', "it is no JSON: 'utf-8' codec"),
        ('{"next_need": "a.b", "prio": 1}', "LH010 it has an unknown key 'prio'"),
        ('{"next_need": "a.b", "result": {}}', "LH010 it has an unknown key 'result'"),
        ('{"next_need": "a.b", "priority": "1"}', "LH010 priority must be a whole number"),
        ('{"next_need": "a.b", "priority": 1.5}', "LH010 priority must be a whole number"),
        ('{"next_need": "a.b", "priority": 1099511627776}', "LH010 priority must be a whole"),
        (f'{{"next_need": "a.b", "priority": {"1" * 5000}}}', "it is no JSON: priority: Exceeds"),
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
        ('{"next_need": "a.b", "payload": {"n": "\\u0000"}}', "LH010 payload has a NUL"),
        ('{"next_need": "a.b\\u0000"}', "LH010 next_need has a NUL"),
        ('{"next_need": "a.b", "metadata": {"n": "\\ud800"}}', "LH010 metadata has half of a surr"),
        ('{"next_need": "a.\\ud800"}', "LH010 next_need has half of a surr"),
        ('{"next_need": "a.b", "payload": []}', "LH010 payload must be a JSON object"),
        (
            '{"next_need": "a.b", "next_need": "a.c"}',
            "it is no JSON: an object has the key 'next_ne",
        ),
        (
            '{"next_need": "a.b", "payload": {"x": {"a": 1, "a": 2}}}',
            "it is no JSON: an object has",
        ),
        ('{"next_need": "a.b", "payload": {"n": 1e999999}}', "LH010 value overflows numeric"),
        ('{"next_need": "a.b", "payload": {"n": ' + "[" * 200_000, "its JSON is nested too deep"),
        ('{"next_need": "a.b",}', "it is no JSON: Expecting a key in double quotes at column 21"),
        ('{"next_need": "a.b" "x"}', "it is no JSON: Expecting ',' or '}' at column 21"),
        ('{"next_need"; "a.b"}', "it is no JSON: Expecting ':' at column 13"),
        ('{"next_need": "a.b"} {}', "it is no JSON: Extra data at column 22"),
        ('{"next_need": "a.b", "payload": 01}', "it is no JSON: Expecting ',' or '}' at column 34"),
        ('{"next_need": "a.b", "payload": {"a": 1.}}', "it is no JSON: Expecting ',' delimiter"),
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
        "Lines 1 to 7 are stored, nothing of the others."
        f" To go on: tail -n +8 {path} | leasehold submit-file - --chunk 3"
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


def test_submit_file_of_what_cannot_be_read_is_wrong_usage(
    dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        assert cli.main(["submit-file", str(path), "--dsn", dsn]) == 2
        assert "cannot be read" in capsys.readouterr().err


# --- the demo -------------------------------------------------------------------------------


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


def test_the_demo_leaves_a_schema_of_somebody_else_alone(empty_dsn: str, superuser_of: Any) -> None:
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
    call.result(timeout=10)
    assert leasehold.job(job_id).error == "a job of an earlier demo"
