"""The Python package: installing, verifying and removing the schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

import support
from conftest import Connection
from leasehold import (
    Installer,
    Leasehold,
    LeaseholdError,
    UsageError,
    Worker,
    __version__,
    cli,
    installer,
)


@pytest.fixture
def empty(empty_dsn: str) -> Iterator[Connection]:
    """An autocommit connection to a database without Leasehold."""
    with psycopg.connect(empty_dsn, autocommit=True) as conn:
        yield conn


def schemas(conn: Connection) -> set[str]:
    rows = conn.execute(
        "select nspname from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'"
    )
    return {name for (name,) in rows} - {"public"}


def roles(conn: Connection, schema: str) -> set[str]:
    rows = conn.execute("select rolname from pg_roles where starts_with(rolname, %s)", [schema])
    return {name for (name,) in rows}


def test_the_version_of_the_package_is_that_of_the_schema(empty_dsn: str) -> None:
    assert Installer(empty_dsn).apply() == __version__
    with Leasehold(empty_dsn) as leasehold:
        assert leasehold.schema_version() == __version__


def test_installing_again_changes_nothing(empty: Connection) -> None:
    Installer(empty).apply()
    Leasehold(empty).submit("a.b")
    assert Installer(empty).apply() == __version__
    assert empty.execute("select count(*) from leasehold.job").fetchone() == (1,)
    assert Installer(empty).verify() == []


def test_a_custom_schema_is_installed_verified_and_removed(empty: Connection) -> None:
    # "j" and "a" are also names that views and indexes use inside.
    for name in ("My-App", 'say "so"', "plain_name", "j", "a", "search_path", "𝒳" * 15):
        mine = Installer(empty, name)
        assert mine.apply() == __version__
        assert schemas(empty) == {name}
        assert mine.verify() == []
        mine.uninstall(name)
        assert schemas(empty) == set()


@pytest.mark.parametrize(
    "name",
    [
        '50% off "x"',
        "%",
        "%s %(x)s %%",
        " ",
        "a.b",
        "O'Reilly",
        "back\\slash",
        "é…🦄",
        "SELECT",
        ":x $1",
    ],
)
def test_a_schema_of_any_name_serves_every_part_of_the_package(
    empty_dsn: str, name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def cli_of(*arguments: str) -> tuple[int, str]:
        code = cli.main([*arguments, "--schema", name, "--dsn", empty_dsn])
        return code, capsys.readouterr().out

    code, told = cli_of("install")
    assert (code, json.dumps(name, ensure_ascii=False) in told) == (0, True)
    with Leasehold(empty_dsn, name) as leasehold:
        leasehold.submit("a.b", {"n": 1})
        assert leasehold.submit_all([{"next_need": "a.b"}] * 2) == 2
        (tmp_path / "jobs.jsonl").write_text('{"next_need": "a.b"}\n')
        assert cli_of("submit-file", str(tmp_path / "jobs.jsonl"))[0] == 0
        assert "a.b" in cli_of("status")[1]
        (lease,) = leasehold.get_work("w", ["a.b"])
        with lease.transaction():
            lease.complete({"n": 1})
        worker = Worker(empty_dsn, {"a.%": lambda lease: None}, schema=name, poll=30)
        run = support.background(lambda: worker.run(signals=False))
        try:
            with leasehold.session.connect() as conn:
                waiting = sql.SQL("select 1 from {} where reliable").format(
                    sql.Identifier(name, "waiter")
                )
                # Its four jobs are done and it listens, so the next job wakes it.
                support.eventually(lambda: conn.execute(waiting).fetchone(), "it listens")
                job_id = leasehold.submit("a.b").job_id
                support.eventually(lambda: leasehold.job(job_id).state == "succeeded", "done")
        finally:
            worker.stop()
            run.result(timeout=60)
        assert leasehold.verify() == []
    assert cli_of("verify")[0] == 0
    assert cli_of("uninstall", "--confirm", name)[0] == 0
    assert cli_of("status")[0] == cli.REFUSED


@pytest.mark.parametrize("name", ["", "a\x00b", "x" * 64, "é" * 32, None, 5, b"jobs"])
def test_an_invalid_name_of_a_schema_is_refused_and_named(name: Any) -> None:
    for make in (lambda: Leasehold("", name), lambda: Installer("", name)):
        with pytest.raises(UsageError, match=r"^LH010 schema must be"):
            make()
    if isinstance(name, str) and "\x00" not in name:
        assert cli.main(["install", "--schema", name]) == cli.USAGE


def test_nothing_is_committed_in_the_callers_transaction(empty_dsn: str, empty: Connection) -> None:
    with psycopg.connect(empty_dsn) as caller:
        caller.execute("create table mine ()")
        Installer(caller).apply()
        assert Installer(caller).verify() == []
        assert caller.info.transaction_status == TransactionStatus.INTRANS
        assert schemas(empty) == set()
        caller.rollback()
        assert schemas(empty) == set()
        caller.execute("create table mine ()")
        Installer(caller).apply()
        caller.commit()
    assert schemas(empty) == {"leasehold"}


def test_without_a_transaction_of_the_caller_each_method_is_a_transaction(empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn) as caller:  # not autocommit, nothing begun
        Installer(caller).apply()
        assert caller.info.transaction_status == TransactionStatus.IDLE
    with Leasehold(empty_dsn) as leasehold:
        assert leasehold.schema_version() == __version__


@pytest.mark.parametrize(
    ("damage", "kind", "name", "problem"),
    [
        ("drop function leasehold.job(uuid)", "function", "job(", "missing"),
        (
            "create or replace function leasehold.schema_version() returns text language sql"
            " as $$ select '0' $$",
            "function",
            "schema_version(",
            "changed",
        ),
        ("create function leasehold.mine() returns int language sql as 'select 1'", "function", "mine(", "left over"),
        ("create table leasehold.mine (id int)", "table", "mine", "left over"),
        ("alter table leasehold.job add column mine int", "column", "job.mine", "left over"),
        ("drop index leasehold.ready_lane_idx", "index", "ready_lane_idx", "missing"),
        ("drop view leasehold.status", "view", "status", "missing"),
        ("alter table leasehold.setting drop constraint setting_kind_check", "constraint", "setting_kind_check", "missing"),
        ("grant execute on function leasehold.sweep(integer) to public", "grant", "sweep(", "left over"),
        ("revoke execute on function leasehold.complete(uuid, uuid, jsonb) from leasehold_worker", "grant", "complete(", "missing"),
    ],
)  # fmt: skip
def test_missing_changed_and_left_over_objects_are_listed(
    dsn: str, conn: Connection, damage: str, kind: str, name: str, problem: str
) -> None:
    conn.execute(damage)
    found = Installer(dsn).verify()
    listed = [one for one in found if one.kind == kind and name in one.name]
    assert [one.problem for one in listed] == [problem], found


def test_a_user_who_may_not_create_roles_can_install_and_verify(
    empty: Connection, empty_dsn: str
) -> None:
    empty.execute("drop role if exists plain_installer")
    empty.execute("create role plain_installer login password 'plain'")
    empty.execute("create role plain_jobs_worker")  # created beforehand by a login that may
    try:
        (database,) = empty.execute("select current_database()").fetchone() or ("",)
        empty.execute(f'grant create on database "{database}" to plain_installer')
        dsn = make_conninfo(empty_dsn, user="plain_installer", password="plain")
        with psycopg.connect(dsn, autocommit=True) as plain:
            mine = Installer(plain, "plain_jobs")
            mine.apply()
            assert mine.verify() == []
            plain.execute("drop view plain_jobs.status")
            assert {one.name for one in mine.verify() if one.kind == "view"} == {"status"}
            assert mine.uninstall("plain_jobs") == ["plain_jobs_worker"]
    finally:
        empty.execute("drop owned by plain_installer")
        empty.execute("drop role plain_installer")
        empty.execute("drop role plain_jobs_worker")


def test_verifying_leaves_nothing_behind(dsn: str, conn: Connection) -> None:
    before = (schemas(conn), roles(conn, "leasehold_verify"))
    conn.execute("drop view leasehold.status")
    assert Installer(dsn).verify()
    assert (schemas(conn), roles(conn, "leasehold_verify")) == before


def test_a_database_without_it_says_so(empty: Connection) -> None:
    (found,) = Installer(empty).verify()
    assert (found.kind, found.name, found.problem) == ("schema", "leasehold", "missing")


def test_a_foreign_schema_is_refused_with_its_code(empty: Connection) -> None:
    empty.execute("create schema leasehold create table theirs (id int)")
    with pytest.raises(LeaseholdError) as caught:
        Installer(empty).apply()
    assert caught.value.sqlstate == "LH009"
    with pytest.raises(UsageError):
        Installer(empty).uninstall("leasehold")
    assert empty.execute("select count(*) from leasehold.theirs").fetchone() == (0,)


def test_uninstalling_asks_for_the_name_again(dsn: str, conn: Connection) -> None:
    for wrong in ("", "yes", "LEASEHOLD"):
        with pytest.raises(UsageError):
            Installer(dsn).uninstall(wrong)
    assert "leasehold" in schemas(conn)


def test_uninstalling_a_damaged_installation_says_what_to_do(dsn: str, conn: Connection) -> None:
    conn.execute("drop function leasehold._group_roles cascade")
    with pytest.raises(UsageError, match="damaged"):
        Installer(dsn).uninstall("leasehold")
    assert "leasehold" in schemas(conn)
    Installer(dsn).apply()
    assert Installer(dsn).verify() == []


def test_uninstalling_drops_the_roles_that_nothing_else_uses(empty: Connection) -> None:
    mine = Installer(empty, "leasehold_uninstalled")
    mine.apply()
    assert len(roles(empty, "leasehold_uninstalled_")) == 4
    empty.execute("create table theirs (id int)")
    empty.execute("grant select on theirs to leasehold_uninstalled_reader")
    assert mine.uninstall("leasehold_uninstalled") == ["leasehold_uninstalled_reader"]
    assert roles(empty, "leasehold_uninstalled_") == {"leasehold_uninstalled_reader"}
    assert schemas(empty) == set()
    empty.execute("drop owned by leasehold_uninstalled_reader")
    empty.execute("drop role leasehold_uninstalled_reader")


def test_the_shipped_file_is_the_one_that_was_built() -> None:
    from server import ROOT

    assert installer.shipped() == (ROOT / "sql" / "leasehold.sql").read_text()
