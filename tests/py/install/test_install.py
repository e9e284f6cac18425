"""The SQL file installs, upgrades, repairs and refuses, under any schema name, for every permitted user, and in
several sessions at once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

import server
from conftest import Connection
from support import background, eventually, refused, run_threads, wait_until_blocked

SOURCES = server.LEASEHOLD_SQL.parent
SCRIPT = server.LEASEHOLD_SQL.read_text()
GROUPS = ("submitter", "worker", "reader", "operator")
NAMES = [
    "leasehold",
    "My-App",
    "üñï",
    "a b",
    'quo"ted',
    "it's",
    "back\\slash",
    "%s %I $1",
    "50% off",
    '""',
    " a.b, c ",
    "line\nbreak\ttab",
    "pgx",
    "select",
    "x" * 63,
    "é" * 31,
    "𝒳" * 15,
    "j",
]

Open = Callable[..., Connection]
Login = Callable[..., str]


def install(conn: Connection, schema: str = "leasehold", script: str = SCRIPT) -> None:
    """Runs the file as a driver would: as one statement, in one transaction."""
    with conn.transaction():
        conn.execute("select set_config('leasehold.schema', %s, true)", (schema,))
        conn.execute(script)


def call(
    conn: Connection, function: str, arguments: str = "", *, schema: str = "leasehold"
) -> list[Any]:
    """The rows of a function, called by its full name; `arguments` are SQL."""
    query = sql.SQL("select * from {}.{}({})").format(
        sql.Identifier(schema), sql.Identifier(function), sql.SQL(arguments)
    )
    return conn.execute(query).fetchall()


def value(conn: Connection, query: str, *arguments: Any) -> Any:
    row = conn.execute(query, arguments or None).fetchone()
    assert row is not None
    return row[0]


def works(conn: Connection, schema: str = "leasehold") -> None:
    """A job runs from its submit to its end, and so do a dependent of it and a job with a singleton key."""
    need = f"install.{uuid.uuid4().hex}"
    ((job_id, *_),) = call(
        conn, "submit", f"next_need => '{need}', singleton_key => 'k'", schema=schema
    )
    call(
        conn,
        "submit",
        f"next_need => '{need}.next', wait_for => array['{job_id}'::uuid]",
        schema=schema,
    )
    for name in (need, f"{need}.next"):
        ((job_id, lease_id, *_),) = call(
            conn, "get_work", f"worker_id => 'w', capabilities => array['{name}']", schema=schema
        )
        assert call(
            conn, "complete", f"job_id => '{job_id}', lease_id => '{lease_id}'", schema=schema
        ) == [(True,)]
    assert call(conn, "verify", schema=schema) == []


def contents(conn: Connection) -> list[Any]:
    """Everything in the database that is not PostgreSQL's own. A refusal must not change it."""
    return conn.execute(
        """
        select 'schema', n.nspname::text, n.oid, n.xmin::text, coalesce(n.nspacl::text, '') from pg_namespace as n where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        union all
        select 'relation', c.relname::text, c.oid, c.relkind::text, coalesce(c.relacl::text, '') from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        union all
        select 'function', p.proname::text, p.oid, p.xmin::text, coalesce(p.proacl::text, '') from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
        where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        order by 1, 2, 3
        """
    ).fetchall()


def group(schema: str, name: str) -> str:
    return f"{schema}_{name}"


def groups_of(conn: Connection, schema: str) -> set[str]:
    """The roles other than the owner that have any right on the schema."""
    rows = conn.execute(
        """
        select distinct g.rolname from pg_namespace as n, aclexplode(n.nspacl) as a, pg_roles as g
        where n.nspname = %s and g.oid = a.grantee and a.grantee <> n.nspowner
        """,
        (schema,),
    ).fetchall()
    return {row[0] for row in rows}


@pytest.fixture
def open_(empty_dsn: str, server_dsn: str) -> Iterator[Open]:
    """Opens connections to an empty database; roles that the test leaves behind are dropped with them."""

    def roles(conn: Connection) -> set[str]:
        return {row[0] for row in conn.execute("select rolname from pg_roles").fetchall()}

    opened: list[Connection] = []

    def connect(role: str | None = None) -> Connection:
        conn: Connection = psycopg.connect(empty_dsn, autocommit=True, connect_timeout=10)
        opened.append(conn)
        if role is not None:
            conn.execute(sql.SQL("set session authorization {}").format(sql.Identifier(role)))
        return conn

    with psycopg.connect(empty_dsn, autocommit=True) as admin:
        before = roles(admin)
        yield connect
        for conn in opened:
            conn.close()
        for name in roles(admin) - before - {group("leasehold", name) for name in GROUPS}:
            admin.execute(sql.SQL("drop owned by {} cascade").format(sql.Identifier(name)))
            admin.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


@pytest.fixture
def conn(open_: Open) -> Connection:
    """A superuser's connection to an empty database."""
    return open_()


@pytest.fixture
def login(conn: Connection) -> Login:
    """Creates a role for the test, which may create schemas in the database."""

    def make(options: str = "") -> str:
        name = f"tap_{uuid.uuid4().hex[:12]}"
        conn.execute(
            sql.SQL("create role {} login {}").format(sql.Identifier(name), sql.SQL(options))
        )
        conn.execute(
            sql.SQL("grant create on database {} to {}").format(
                sql.Identifier(conn.info.dbname), sql.Identifier(name)
            )
        )
        return name

    return make


def changed(directory: Path, **files: str | None) -> str:
    """The SQL file as it is built from changed sources: `functions__setting="…"`; None removes a file."""
    copy = directory / f"sql-{uuid.uuid4().hex}"
    shutil.copytree(SOURCES, copy / "sql")
    for name, text in files.items():
        path = _path(copy / "sql", name.replace("__", "/"))
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
    subprocess.run(
        [sys.executable, str(copy / "sql" / "build.py")], check=True, capture_output=True
    )
    return (copy / "sql" / "leasehold.sql").read_text()


def source(name: str) -> str:
    return _path(SOURCES, name).read_text()


def _path(sources: Path, name: str) -> Path:
    """The path of `functions/cancel`, in whichever folder the function is; a new function is outside the folders."""
    folder, _, stem = name.partition("/")
    found = list((sources / folder).rglob(f"{stem}.sql"))
    return found[0] if found else sources / f"{name}.sql"


# --- it installs ------------------------------------------------------------------------------


def test_the_file_installs_and_everything_works(conn: Connection) -> None:
    install(conn)
    works(conn)
    assert call(conn, "schema_version") == [("1.0.0",)]


@pytest.mark.parametrize("schema", NAMES)
def test_a_schema_may_have_any_valid_name_and_running_the_file_again_changes_nothing(
    conn: Connection, schema: str
) -> None:
    install(conn, schema)
    works(conn, schema)
    call(conn, "set_setting", "name => 'max_attempts', value => '7'", schema=schema)
    before = contents(conn)
    install(conn, schema)
    assert contents(conn) == before
    works(conn, schema)
    assert call(conn, "setting", "name => 'max_attempts'", schema=schema) == [("7",)]


@pytest.mark.parametrize("schema", NAMES)
def test_damage_is_repaired_under_any_schema_name(conn: Connection, schema: str) -> None:
    install(conn, schema)
    conn.execute(sql.SQL("drop function {}._backoff").format(sql.Identifier(schema)))
    conn.execute(
        sql.SQL("grant execute on function {}.submit to public").format(sql.Identifier(schema))
    )
    assert len(call(conn, "verify", schema=schema)) == 2
    install(conn, schema)
    works(conn, schema)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("UTF8", "é 字"),
        ("LATIN1", "é"),
        ("EUC_JP", "字"),
        ("EUC_TW", "字"),
        ("WIN1251", "ж"),
        ("SQL_ASCII", "é 字"),
    ],
)
def test_a_database_may_have_any_encoding(
    test_server: server.Server, said: Said, encoding: str, text: str
) -> None:
    name = f"{test_server.template}_{encoding.lower()}"
    with psycopg.connect(test_server.dsn, autocommit=True) as admin:
        # since PostgreSQL 15 a server may take its collations from ICU, which does not support all encodings
        libc = "locale_provider libc" if admin.info.server_version >= 150000 else ""
        admin.execute(
            sql.SQL(
                "create database {} template template0 encoding {} lc_collate 'C' lc_ctype 'C' {}"
            ).format(sql.Identifier(name), encoding, sql.SQL(libc))
        )
    try:
        with psycopg.connect(
            server.in_database(test_server.dsn, name),
            autocommit=True,
            client_encoding="UTF8",
        ) as conn:
            assert value(conn, "show server_encoding") == encoding
            told = said(conn)
            assert [encoding in message for message, _ in told[1:]] == [True] * (encoding != "UTF8")
            works(conn)
            ((job_id, *_),) = call(conn, "submit", f"'a.b', '{{\"t\": \"{text}\"}}'")
            payload = value(conn, "select payload from leasehold.job_payload(%s)", job_id)
            assert payload == {"t": text}
            conn.execute("select leasehold.cancel(%s, %s)", (job_id, text))
            assert value(conn, "select actor from leasehold.departure") == text
            before = contents(conn)
            assert len(said(conn)) == 1
            assert contents(conn) == before
            if encoding not in ("UTF8", "SQL_ASCII"):
                with refused("22P05"):
                    call(conn, "submit", "'a.b', '{\"t\": \"€ 𝒳\"}'")
                works(conn)
    finally:
        server.drop_database(test_server.dsn, name)


def test_two_schemas_of_one_database_do_not_know_of_each_other(conn: Connection) -> None:
    install(conn, "first")
    install(conn, "second")
    call(conn, "submit", "next_need => 'a.b', idempotency_key => 'k'", schema="first")
    assert call(conn, "get_work", "worker_id => 'w', capabilities => '{%}'", schema="second") == []
    works(conn, "second")
    works(conn, "first")


@pytest.mark.parametrize(
    "schema",
    ["x" * 64, "é" * 32, "pg", "pg_mine", "pg_catalog", "information_schema", "$user"],
)
def test_a_name_that_cannot_be_a_schema_is_refused(conn: Connection, schema: str) -> None:
    before = contents(conn)
    with refused("LH010") as errors:
        install(conn, schema)
    assert errors[0].diag.message_hint
    assert errors[0].diag.message_detail == '{"argument": "leasehold.schema"}'
    assert contents(conn) == before


def test_an_empty_setting_means_the_default(conn: Connection) -> None:
    install(conn, "")
    works(conn)


def test_an_empty_schema_of_the_installing_user_is_used(conn: Connection) -> None:
    conn.execute("create schema leasehold")
    install(conn)
    works(conn)


def test_an_installation_that_is_rolled_back_leaves_nothing(conn: Connection) -> None:
    before = contents(conn)
    with conn.transaction(force_rollback=True):
        conn.execute(SCRIPT)
        works(conn)
    assert contents(conn) == before


def test_it_installs_in_the_callers_own_transaction_beside_other_work(conn: Connection) -> None:
    with conn.transaction():
        conn.execute("create table mine (n integer)")
        conn.execute(SCRIPT)
        conn.execute("insert into mine select 1 from leasehold.submit('a.b')")
    assert value(conn, "select count(*) from mine") == 1
    works(conn)


def psql(
    empty_dsn: str, *arguments: str, program: str = "psql", **environment: str
) -> subprocess.CompletedProcess[str]:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"needs {program} on this machine")
    if program == "psql":
        arguments = ("-X", "-q", "-v", "ON_ERROR_STOP=1", *arguments)
    return subprocess.run(
        [found, *arguments],
        env=os.environ | server.libpq_environment(empty_dsn) | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_psql_installs_it_in_one_transaction(empty_dsn: str, conn: Connection) -> None:
    for _ in range(2):
        done = psql(empty_dsn, "-1", "-f", str(server.LEASEHOLD_SQL))
        assert done.returncode == 0, done.stderr
        assert "ERROR" not in done.stderr
        works(conn)


def test_psql_installs_it_in_the_schema_that_an_earlier_set_config_names(
    empty_dsn: str, conn: Connection
) -> None:
    done = psql(
        empty_dsn,
        "-1",
        "-c",
        "select set_config('leasehold.schema', 'My-App', true)",
        "-f",
        str(server.LEASEHOLD_SQL),
    )
    assert done.returncode == 0, done.stderr
    works(conn, "My-App")
    assert value(conn, "select to_regnamespace('leasehold')") is None


@pytest.mark.parametrize("file", ["sql/leasehold.sql", "docs/reference/installing.md"])
def test_the_command_line_for_another_schema_works_as_it_is_written(
    empty_dsn: str, conn: Connection, file: str
) -> None:
    if shutil.which("psql") is None:
        pytest.skip("needs psql on this machine")
    (command,) = re.findall(r"PGOPTIONS=.*? -f [\w/]+\.sql", (server.ROOT / file).read_text())
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=server.ROOT if file.endswith(".md") else server.LEASEHOLD_SQL.parent,
        env=os.environ | server.libpq_environment(empty_dsn),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    works(conn, "jobs")
    assert value(conn, "select to_regnamespace('leasehold')") is None
    assert 'leasehold 1.0.0 was installed in schema "jobs"' in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["-v", "schema=jobs"],
        ["-c", "select set_config('leasehold.schema', 'jobs', true)"],
    ],
    ids=["a variable of psql", "a setting of another transaction"],
)
def test_a_choice_of_schema_that_has_no_effect_is_visible_in_the_message(
    empty_dsn: str, conn: Connection, arguments: list[str]
) -> None:
    done = psql(empty_dsn, *arguments, "-f", str(server.LEASEHOLD_SQL))
    assert done.returncode == 0, done.stderr
    assert 'NOTICE:  leasehold 1.0.0 was installed in schema "leasehold"' in done.stderr
    assert "PGOPTIONS" in done.stderr


Said = Callable[..., list[tuple[str, str]]]


@pytest.fixture
def said() -> Said:
    """Installs, and returns the notices as messages and hints."""

    def tell(conn: Connection, *arguments: Any, **options: Any) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []

        def take(notice: psycopg.errors.Diagnostic) -> None:
            found.append((notice.message_primary or "", notice.message_hint or ""))

        conn.add_notice_handler(take)
        try:
            install(conn, *arguments, **options)
        finally:
            conn.remove_notice_handler(take)
        return found

    return tell


def test_it_says_what_it_did_and_to_which_schema(
    conn: Connection, said: Said, tmp_path: Path
) -> None:
    def only(*arguments: Any, **options: Any) -> str:
        ((message, _),) = said(conn, *arguments, **options)
        return message

    assert only("jobs") == 'leasehold 1.0.0 was installed in schema "jobs"'
    assert only("jobs") == 'leasehold 1.0.0 is current in schema "jobs": nothing was changed'
    conn.execute("drop view jobs.finished")
    assert only("jobs") == 'leasehold 1.0.0 in schema "jobs" was mended'
    newer = changed(
        tmp_path,
        functions__schema_version=source("functions/schema_version").replace("1.0.0", "1.1.0"),
    )
    assert only("jobs", newer) == 'leasehold in schema "jobs" was upgraded from 1.0.0 to 1.1.0'
    assert only("My-App") == 'leasehold 1.0.0 was installed in schema "My-App"'


def test_it_says_which_group_roles_are_missing(
    open_: Open, conn: Connection, login: Login, said: Said
) -> None:
    owner, schema = login("nocreaterole"), f"bare_{uuid.uuid4().hex[:8]}"
    mine = open_(owner)
    names = [group(schema, name) for name in sorted(GROUPS)]
    for _ in range(2):
        told = said(mine, schema)
        assert len(told) == 2
        message, hint = told[1]
        assert owner in message
        assert ", ".join(names) in message
        assert "EXECUTE" in hint


@pytest.mark.parametrize("again", [False, True], ids=["first time", "again"])
@pytest.mark.parametrize("mended", [False, True], ids=["as it was", "mended"])
def test_the_sessions_settings_are_unchanged_afterwards(
    conn: Connection, again: bool, mended: bool
) -> None:
    if again:
        install(conn)
    if again and mended:
        conn.execute("drop view leasehold.finished")
    conn.execute("create schema mine")
    conn.execute("set search_path = mine, public")
    conn.execute("set check_function_bodies = on")
    conn.execute("set client_min_messages = log")
    settings = "select name, setting, source from pg_settings where source = 'session' or name in ('search_path', 'role') order by name"
    before = conn.execute(settings).fetchall()
    with conn.transaction():
        conn.execute(SCRIPT)
        assert [row[:2] for row in conn.execute(settings)] == [row[:2] for row in before]
    assert conn.execute(settings).fetchall() == before
    with conn.transaction():
        conn.execute("set local search_path = public")
        conn.execute(SCRIPT)
        assert value(conn, "select current_setting('search_path')") == "public"
    assert conn.execute(settings).fetchall() == before
    works(conn)


@pytest.mark.parametrize(
    "setting",
    [
        "search_path = ''",
        "search_path = mine",
        "search_path = pg_temp",
        "standard_conforming_strings = off",
        "check_function_bodies = off",
        "DateStyle = 'German'",
        "IntervalStyle = 'sql_standard'",
        "quote_all_identifiers = on",
        "default_with_oids = off",
        "default_tablespace = ''",
        "plpgsql.extra_errors = 'all'",
        "default_transaction_isolation = 'serializable'",
    ],
)
def test_it_installs_the_same_under_the_sessions_settings(open_: Open, setting: str) -> None:
    conn = open_()
    install(conn)
    plain = conn.execute(
        "select kind, name, definition from leasehold.manifest order by 1, 2"
    ).fetchall()
    conn.execute("drop schema leasehold cascade")
    conn.execute("create schema mine")
    conn.execute("create table mine.job ()")
    other = open_()
    other.execute(f"set {setting}")
    install(other)
    assert (
        conn.execute(
            "select kind, name, definition from leasehold.manifest order by 1, 2"
        ).fetchall()
        == plain
    )
    before = contents(conn)
    install(other)
    assert contents(conn) == before
    works(conn)


def test_it_has_a_guard_against_servers_that_are_too_old() -> None:
    # no server older than 14 is at hand: this checks the guard's text, and that it stands before the first object is created
    guard = re.search(
        r"if current_setting\('server_version_num'\)::integer < 140000 then.*?end if;",
        SCRIPT,
        re.DOTALL,
    )
    assert guard is not None
    assert "LH017" in guard.group()
    assert "14" in guard.group().split("hint")[1]
    assert guard.end() < SCRIPT.index("create schema")


# --- refusals -----------------------------------------------------------------------------------


def test_a_schema_that_somebody_else_owns_is_refused(
    open_: Open, conn: Connection, login: Login
) -> None:
    owner, other = login(), login()
    conn.execute(sql.SQL("create schema leasehold authorization {}").format(sql.Identifier(owner)))
    conn.execute(sql.SQL("grant all on schema leasehold to {}").format(sql.Identifier(other)))
    before = contents(conn)
    for who in (open_(other), conn):
        with refused("LH009") as errors:
            install(who)
        assert owner in str(errors[0].diag.message_primary)
        assert errors[0].diag.message_hint
    assert contents(conn) == before
    install(open_(owner))


def test_an_installation_of_somebody_else_is_refused(
    open_: Open, conn: Connection, login: Login
) -> None:
    owner, other = login(), login()
    install(open_(owner))
    before = contents(conn)
    for who in (open_(other), conn):
        with refused("LH009"):
            install(who)
    assert contents(conn) == before
    works(open_(owner))


FOREIGN = {
    "table": "create table leasehold.theirs (n integer)",
    "a table with one of our names": "create table leasehold.job (n integer)",
    "partitioned table": "create table leasehold.theirs (n integer) partition by range (n)",
    "view": "create view leasehold.theirs as select 1 as n",
    "materialized view": "create materialized view leasehold.theirs as select 1 as n",
    "sequence": "create sequence leasehold.theirs",
    "function": "create function leasehold.theirs() returns integer language sql as 'select 1'",
    "a function with one of our names": "create function leasehold.submit(n integer) returns integer language sql as 'select 1'",
    "procedure": "create procedure leasehold.theirs() language sql as 'select 1'",
    "aggregate": "create aggregate leasehold.theirs(integer) (sfunc = int4pl, stype = integer)",
    "enum": "create type leasehold.theirs as enum ('a')",
    "domain": "create domain leasehold.theirs as integer",
    "composite type": "create type leasehold.theirs as (n integer)",
    "range type": "create type leasehold.theirs as range (subtype = integer)",
    "operator": "create operator leasehold.=== (leftarg = uuid, rightarg = uuid, function = uuid_eq)",
    "collation": 'create collation leasehold.theirs from "C"',
    "text search": "create text search configuration leasehold.theirs (copy = simple)",
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_schema_that_holds_foreign_objects_is_refused(conn: Connection, what: str) -> None:
    conn.execute("create schema leasehold")
    conn.execute(FOREIGN[what])
    before = contents(conn)
    with refused("LH009") as errors:
        install(conn)
    if "our names" not in what and what not in ("operator",):
        assert "theirs" in str(errors[0].diag.message_primary)
    assert errors[0].diag.message_hint
    assert contents(conn) == before


@pytest.mark.parametrize("schema", ["leasehold", "My-App"])
@pytest.mark.parametrize(
    "what", [what for what in FOREIGN if "our names" not in what and what != "operator"]
)
def test_foreign_objects_that_came_into_our_schema_are_refused_and_kept(
    conn: Connection, what: str, schema: str
) -> None:
    install(conn, schema)
    conn.execute(FOREIGN[what].replace("leasehold.", sql.Identifier(schema).as_string(conn) + "."))
    before = contents(conn)
    with refused("LH009") as errors:
        install(conn, schema)
    assert "theirs" in str(errors[0].diag.message_primary)
    assert contents(conn) == before


def test_an_object_that_only_refers_to_the_schema_is_not_foreign(conn: Connection) -> None:
    conn.execute("create schema leasehold")
    conn.execute(
        "alter default privileges in schema leasehold grant select on tables to pg_monitor"
    )
    install(conn)
    conn.execute("create schema mine create view of_ours as select * from leasehold.settings()")
    conn.execute("drop view leasehold.finished")
    install(conn)
    works(conn)


def test_a_schema_newer_than_the_file_is_refused(conn: Connection, tmp_path: Path) -> None:
    newer = changed(tmp_path, migrations__9000_more="create table more (n integer);")
    install(conn, script=newer)
    works(conn)
    before = contents(conn)
    with refused("LH017") as errors:
        install(conn)
    assert errors[0].diag.message_hint
    assert contents(conn) == before
    works(conn)


# --- many at once -------------------------------------------------------------------------------


@pytest.mark.long
def test_twenty_installers_at_once_one_does_it_the_others_find_it_done(open_: Open) -> None:
    conns = [open_() for _ in range(20)]
    run_threads([lambda conn=conn: install(conn) for conn in conns])  # type: ignore[misc]
    works(conns[0])
    applied = (
        conns[0]
        .execute("select number, count(*) from leasehold.migration group by number")
        .fetchall()
    )
    assert all(count == 1 for _, count in applied)
    versions = conns[0].execute(
        "select distinct xmin::text from pg_proc where pronamespace = 'leasehold'::regnamespace"
    )
    # a function that was created and then granted has one row version, of the one transaction that did both
    assert len(versions.fetchall()) == 1


@pytest.mark.long
def test_twenty_upgraders_at_once_one_does_it(open_: Open, tmp_path: Path) -> None:
    conns = [open_() for _ in range(20)]
    install(conns[0])
    newer = changed(tmp_path, migrations__9000_more="create table more (n integer);")
    run_threads([lambda conn=conn: install(conn, script=newer) for conn in conns])  # type: ignore[misc]
    works(conns[0])
    assert value(conns[0], "select count(*) from leasehold.migration where number = 9000") == 1


@pytest.mark.long
def test_installers_of_several_schemas_at_once_do_not_hinder_each_other(open_: Open) -> None:
    names = [f"{name}{number}" for number in range(4) for name in ("one", "Two", 'th"ree')]
    conns = [open_() for _ in names]
    run_threads(
        [
            lambda conn=conn, name=name: install(conn, name)
            for conn, name in zip(conns, names, strict=True)
        ],  # type: ignore[misc]
    )
    for name in names:
        works(conns[0], name)


def test_the_second_installer_waits_for_the_first_and_takes_over_when_that_rolls_back(
    open_: Open,
) -> None:
    first, second, looking_on = open_(), open_(), open_()
    first.execute("begin")
    first.execute(SCRIPT)
    waiting = background(lambda: install(second))
    wait_until_blocked(looking_on, second)
    first.execute("rollback")
    waiting.result(timeout=60)
    works(looking_on)


def test_an_installer_that_waited_and_cannot_see_the_result_raises_40001(
    open_: Open,
) -> None:
    first, second, looking_on = open_(), open_(), open_()
    second.execute("set default_transaction_isolation = 'repeatable read'")
    first.execute("begin")
    first.execute(SCRIPT)
    waiting = background(lambda: install(second))
    wait_until_blocked(looking_on, second)
    first.execute("commit")
    with refused("40001"):
        waiting.result(timeout=60)
    install(second)
    works(looking_on)


def test_a_login_without_any_grant_cannot_keep_an_installer_waiting(
    open_: Open, login: Login
) -> None:
    conn, stranger = open_(), open_(login())
    conn.execute("set statement_timeout = '20 s'")
    conn.execute("create schema leasehold")
    stranger.execute("begin")
    for name in ("leasehold", "other"):
        stranger.execute(
            "select pg_advisory_xact_lock(hashtextextended(%s, hashtextextended('leasehold.install', 0)))",
            (name,),
        )
    with refused("42501"), stranger.transaction():
        stranger.execute("comment on schema leasehold is 'held'")
    install(conn)
    install(conn, "other")
    for hold in ("lock table leasehold.manifest", "select * from leasehold.key_slot for share"):
        with refused("42501"), stranger.transaction():
            stranger.execute(hold)
    install(conn)
    install(conn, "other")
    assert stranger.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS


@pytest.mark.parametrize("made", ["", "create schema leasehold", "installed"])
def test_installers_wait_for_each_other_whatever_exists_already(open_: Open, made: str) -> None:
    first, second, looking_on = open_(), open_(), open_()
    if made == "installed":
        install(first)
        first.execute("drop function leasehold.sweep")
    elif made:
        first.execute(made)
        first.execute("comment on schema leasehold is 'ours'")
    first.execute("begin")
    first.execute(SCRIPT)
    waiting = background(lambda: install(second))
    wait_until_blocked(looking_on, second)
    first.execute("commit")
    waiting.result(timeout=60)
    works(looking_on)
    if made == "create schema leasehold":
        comment = "select obj_description('leasehold'::regnamespace)"
        assert value(looking_on, comment) == "ours"


def test_verify_reports_missing_rows_and_the_next_run_writes_them(
    conn: Connection,
) -> None:
    install(conn)
    salt = value(conn, "select salt from leasehold.secret")
    install(conn)
    assert value(conn, "select salt from leasehold.secret") == salt
    conn.execute("delete from leasehold.key_slot where slot > 5")
    conn.execute("truncate leasehold.secret, leasehold.cycle_gate")
    rows = ("cycle_gate", "key_slot", "secret")
    assert call(conn, "verify") == [("row", name, "missing") for name in rows]
    install(conn)
    assert call(conn, "verify") == []
    assert value(conn, "select salt from leasehold.secret") != salt
    install(conn, "other")
    works(conn)
    shared = "select count(*) from leasehold.secret join other.secret using (salt)"
    assert value(conn, shared) == 0


# --- rights -------------------------------------------------------------------------------------


def test_the_four_groups_are_made_and_public_gets_nothing(conn: Connection) -> None:
    install(conn, "groups_of_mine")
    assert groups_of(conn, "groups_of_mine") == {group("groups_of_mine", name) for name in GROUPS}


@pytest.mark.parametrize("schema", ["My-App", 'quo"ted', "it's", "x" * 63, "é" * 31, "𝒳" * 15])
def test_groups_carry_the_schemas_name_whatever_it_is(conn: Connection, schema: str) -> None:
    install(conn, schema)
    found = groups_of(conn, schema)
    assert len(found) == 4
    assert {name.rsplit("_", 1)[1] for name in found} == set(GROUPS)
    assert all(len(name.encode()) <= 63 for name in found)
    worker = next(name for name in found if name.endswith("_worker"))
    with conn.transaction(force_rollback=True):
        conn.execute(sql.SQL("set local role {}").format(sql.Identifier(worker)))
        assert (
            call(conn, "get_work", "worker_id => 'w', capabilities => '{%}'", schema=schema) == []
        )


def test_two_long_names_with_the_same_beginning_have_groups_of_their_own(conn: Connection) -> None:
    first, second = "x" * 62 + "1", "x" * 62 + "2"
    install(conn, first)
    install(conn, second)
    assert not groups_of(conn, first) & groups_of(conn, second)


def test_it_works_where_the_installing_user_may_not_create_roles(
    open_: Open, conn: Connection, login: Login
) -> None:
    owner, app = login("nocreaterole"), login()
    schema = f"plain_{uuid.uuid4().hex[:8]}"
    mine = open_(owner)
    install(mine, schema)
    assert groups_of(conn, schema) == set()
    works(mine, schema)
    before = contents(conn)
    install(mine, schema)
    assert contents(conn) == before
    # rights are granted by hand
    using = open_(app)
    with refused("42501"):
        call(using, "submit", "next_need => 'a.b'", schema=schema)
    mine.execute(f"grant usage on schema {schema} to {app}")
    mine.execute(f"grant execute on function {schema}.submit to {app}")
    call(using, "submit", "next_need => 'a.b'", schema=schema)
    # and they stay when the file is run again
    mine.execute(f"drop view {schema}.finished")
    install(mine, schema)
    call(using, "submit", "next_need => 'a.b'", schema=schema)


def test_a_user_who_may_create_roles_makes_the_groups(
    open_: Open, conn: Connection, login: Login
) -> None:
    schema = f"roles_{uuid.uuid4().hex[:8]}"
    mine = open_(login("createrole"))
    install(mine, schema)
    assert groups_of(conn, schema) == {group(schema, name) for name in GROUPS}
    works(mine, schema)


def test_groups_that_came_later_get_their_rights_when_the_file_is_run_again(
    open_: Open, conn: Connection, login: Login
) -> None:
    schema = f"later_{uuid.uuid4().hex[:8]}"
    mine = open_(login())
    install(mine, schema)
    for name in GROUPS:
        conn.execute(f"create role {group(schema, name)}")
    install(mine, schema)
    assert groups_of(conn, schema) == {group(schema, name) for name in GROUPS}
    works(mine, schema)


def test_roles_that_existed_before_are_used_and_named(
    conn: Connection, said: Said, login: Login
) -> None:
    schema = f"old_{uuid.uuid4().hex[:8]}"
    conn.execute(f"create role {group(schema, 'reader')}")
    told = said(conn, schema)
    assert [message for message, _ in told[1:]] == [
        f"existing roles are now group roles of leasehold: {group(schema, 'reader')}"
    ]
    assert groups_of(conn, schema) == {group(schema, name) for name in GROUPS}
    # its members, and those of the others, joined after it had become a group role
    for name in GROUPS:
        conn.execute(f"grant {group(schema, name)} to {login()}")
    assert len(said(conn, schema)) == 1
    conn.execute(f"drop view {schema}.finished")
    assert len(said(conn, schema)) == 1
    works(conn, schema)


@pytest.mark.parametrize("how", ["has members", "logs in"])
def test_roles_that_are_in_use_are_refused_unless_the_caller_asks_for_them(
    conn: Connection, said: Said, login: Login, how: str
) -> None:
    schema = f"used_{uuid.uuid4().hex[:8]}"
    role = group(schema, "reader")
    conn.execute(f"create role {role}")
    conn.execute(
        f"grant {role} to {login()}" if how == "has members" else f"alter role {role} login"
    )
    before = contents(conn)
    with refused("LH009") as errors:
        install(conn, schema)
    assert role in str(errors[0].diag.message_primary)
    assert "leasehold.adopt_roles" in str(errors[0].diag.message_hint)
    assert contents(conn) == before
    assert value(conn, "select to_regrole(%s)", group(schema, "worker")) is None
    conn.execute("set leasehold.adopt_roles = on")
    assert role in said(conn, schema)[1][0]
    conn.execute("reset leasehold.adopt_roles")
    # once it was asked for, it stays so
    conn.execute(f"drop view {schema}.finished")
    assert len(said(conn, schema)) == 1
    works(conn, schema)


def test_a_second_database_of_the_server_shares_the_group_roles(
    test_server: server.Server, conn: Connection, said: Said, login: Login
) -> None:
    schema = f"twice_{uuid.uuid4().hex[:8]}"
    install(conn, schema)
    conn.execute(f"grant {group(schema, 'worker')} to {login()}")
    name = f"{test_server.template}_second"
    server.create_database(test_server.dsn, name)
    try:
        with psycopg.connect(server.in_database(test_server.dsn, name), autocommit=True) as second:
            assert len(said(second, schema)) == 1
            assert groups_of(second, schema) == groups_of(conn, schema)
    finally:
        server.drop_database(test_server.dsn, name)


def test_a_user_who_may_create_roles_uses_the_groups_that_it_created(
    open_: Open, conn: Connection, login: Login, said: Said
) -> None:
    schema = f"again_{uuid.uuid4().hex[:8]}"
    mine = open_(login("createrole"))
    install(mine, schema)
    mine.execute(f"drop schema {schema} cascade")
    assert len(said(mine, schema)) == 1
    works(mine, schema)


def test_default_privileges_of_the_database_give_public_nothing(conn: Connection) -> None:
    for what in ("tables", "sequences", "functions", "types"):
        conn.execute(f"alter default privileges grant all on {what} to public")
    install(conn)
    rights = conn.execute(
        """
        select p.proname from pg_proc as p where p.pronamespace = 'leasehold'::regnamespace and has_function_privilege('public', p.oid, 'execute')
        union all
        select c.relname from pg_class as c where c.relnamespace = 'leasehold'::regnamespace and c.relkind in ('r', 'v')
            and has_table_privilege('public', c.oid, 'select, insert, update, delete, truncate')
        union all
        select c.relname from pg_class as c where c.relnamespace = 'leasehold'::regnamespace and case when c.relkind = 'S' then has_sequence_privilege('public', c.oid, 'usage, select, update') end
        """
    ).fetchall()
    assert rights == []
    works(conn)


# --- upgrades -----------------------------------------------------------------------------------


def older(directory: Path) -> str:
    """An earlier release: other signatures, other views, and functions that have been removed since."""
    setting = source("functions/setting")
    settings = source("functions/settings")
    return changed(
        directory,
        # a parameter had another name, and another was missing
        functions__setting=setting.replace("(name text)", "(key text)", 1).replace(
            "(name)", "(key)"
        ),
        functions__cancel=source("functions/cancel")
        .replace(", reason text default null)", ")", 1)
        .replace("if reason is not null then", "if false then")
        .replace("'reason', reason", "'reason', null")
        .replace(", reason, v_now", ", null, v_now")
        .replace("cancel(uuid, text, text)", "cancel(uuid, text)"),
        # another result
        functions__settings=settings.replace(
            "returns setof setting_info", "returns setof text", 1
        ).replace(
            "select s.name, s.current_value, s.default_value, s.description",
            "select s.name",
        ),
        # functions that no longer exist
        functions___gone="create or replace function _gone()\nreturns integer\nlanguage sql\nas $_gone$\n    select 1\n$_gone$;\n",
        functions__abolished="create or replace function abolished(n integer)\nreturns integer\nlanguage sql\nsecurity definer\nset search_path from current\nas $abolished$\n    select 1\n$abolished$;\n",
        # views with other columns
        views__finished="create or replace view finished as\nselect a.state, a.job_id as id\nfrom archive as a;\n",
        views__bygone="create or replace view bygone as\nselect 1 as one;\n",
    )


def faces(conn: Connection) -> list[Any]:
    return conn.execute(
        """
        select p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), p.proacl::text
        from pg_proc as p where p.pronamespace = 'leasehold'::regnamespace order by 1, 2
        """
    ).fetchall()


def test_an_upgrade_with_changed_signatures_leaves_no_overload_and_nothing_left_over(
    open_: Open, conn: Connection, tmp_path: Path
) -> None:
    install(conn)
    fresh, views = faces(conn), contents(conn)
    conn.execute("drop schema leasehold cascade")
    install(conn, script=older(tmp_path))
    assert faces(conn) != fresh
    # a session that has plans of the old functions
    session = open_()
    assert session.execute("select leasehold.setting(key => 'max_attempts')").fetchone() == ("3",)
    for _ in range(7):
        session.execute("select leasehold.settings()", prepare=True)
    install(conn)
    assert [row[:3] for row in faces(conn)] == [row[:3] for row in fresh]
    assert {tuple(row) for row in faces(conn)} == {tuple(row) for row in fresh}
    names = [name for name, *_ in faces(conn)]
    assert len(names) == len(set(names))
    assert {row[1] for row in contents(conn) if row[0] == "relation"} == {
        row[1] for row in views if row[0] == "relation"
    }
    assert session.execute("select leasehold.setting(name => 'max_attempts')").fetchone() == ("3",)
    assert len(session.execute("select * from leasehold.settings()").fetchall()) == 7
    works(session)
    works(conn)


def test_an_upgrade_keeps_the_rights_that_were_granted_to_others(
    open_: Open, conn: Connection, login: Login, tmp_path: Path
) -> None:
    app = login()
    install(conn, script=older(tmp_path))
    conn.execute(f"grant usage on schema leasehold to {app}")
    for function in ("setting", "settings", "cancel", "submit"):
        conn.execute(f"grant execute on function leasehold.{function} to {app}")
    conn.execute(f"grant select on leasehold.finished, leasehold.status to {app}")
    using = open_(app)
    install(conn)
    for function, arguments in (
        ("submit", "next_need => 'a.b'"),
        ("setting", "name => 'retry'"),
        ("settings", ""),
    ):
        assert call(using, function, arguments), f"{app} lost {function}"
    with refused("LH003"):
        call(using, "cancel", f"job_id => '{uuid.uuid4()}', actor => 'ann', reason => 'x'")
    using.execute("select * from leasehold.status")
    using.execute("select * from leasehold.finished")
    with refused("42501"):
        call(using, "redrive_many", "capability => '%', actor => 'ann'")


def test_an_upgrade_keeps_rights_on_columns_and_grant_options_and_gives_public_nothing(
    open_: Open, conn: Connection, login: Login, tmp_path: Path
) -> None:
    app, other = login(), login()
    install(conn, script=older(tmp_path))
    conn.execute(f"grant usage on schema leasehold to {app}, {other}")
    conn.execute(f"grant select (state, id) on leasehold.finished to {app}")
    conn.execute(f"grant execute on function leasehold.settings to {app} with grant option")
    conn.execute("grant execute on function leasehold.settings to public")
    install(conn)
    using = open_(app)
    using.execute("select state from leasehold.finished")
    with refused("42501"):
        using.execute("select job_id from leasehold.finished")
    using.execute(f"grant execute on function leasehold.settings to {other}")
    using.execute(f"revoke execute on function leasehold.settings from {other}")
    assert not value(
        conn, "select has_function_privilege('public', 'leasehold.settings()', 'execute')"
    )


def test_an_upgrade_does_not_drop_what_foreign_objects_depend_on(
    conn: Connection, tmp_path: Path
) -> None:
    install(conn, script=older(tmp_path))
    conn.execute("create view mine as select * from leasehold.settings()")
    before = contents(conn)
    with refused("2BP01") as errors:
        install(conn)
    assert "mine" in str(errors[0].diag.message_detail)
    assert contents(conn) == before
    conn.execute("drop view mine")
    install(conn)
    works(conn)


def test_an_upgrade_may_change_the_signatures_of_functions_that_verify_calls(
    conn: Connection, tmp_path: Path
) -> None:
    bare = source("functions/_group_roles")
    install(
        conn,
        script=changed(
            tmp_path,
            functions___group_roles=bare.replace(
                "_group_roles(schema_name text)", "_group_roles(schema_name text, n int default 0)"
            ).replace("_group_roles(text)", "_group_roles(text, int)"),
        ),
    )
    works(conn)
    install(conn)
    works(conn)
    fresh = faces(conn)
    install(
        conn,
        script=changed(
            tmp_path,
            functions___group_roles=bare.replace("(schema_name text)", "(s text)").replace(
                "schema_name", "s"
            ),
        ),
    )
    works(conn)
    install(conn)
    works(conn)
    assert faces(conn) == fresh


def test_an_upgrade_does_not_hide_earlier_damage(conn: Connection, tmp_path: Path) -> None:
    install(conn)
    for damage in (
        "drop index leasehold.ready_lane_idx",
        "create index extra_idx on leasehold.job (priority)",
        "alter table leasehold.job alter column payload drop not null",
        "alter table leasehold.job set (fillfactor = 10)",
        "alter table leasehold.archive set (fillfactor = 10)",
    ):
        conn.execute(damage)
    found = call(conn, "verify")
    # a column in each table of jobs
    assert len(found) == 7
    install(
        conn,
        script=changed(
            tmp_path,
            migrations__9000_more="create table more (n integer);\ndrop index job_dead_idx;\nalter table archive set (fillfactor = 90);",
            functions__schema_version=source("functions/schema_version").replace("1.0.0", "1.1.0"),
        ),
    )
    # all except what the migration has repaired
    assert call(conn, "verify") == [row for row in found if row[1] != "archive"]
    conn.execute("drop index leasehold.extra_idx")
    assert len(call(conn, "verify")) == 5


def test_an_upgrade_with_leases_held_keeps_every_job(
    open_: Open, conn: Connection, tmp_path: Path
) -> None:
    install(conn, script=older(tmp_path))
    for number in range(10):
        call(
            conn,
            "submit",
            f"next_need => 'up.n{number}', payload => '{{\"n\": {number}}}', singleton_key => 'k{number}'",
        )
    held = call(conn, "get_work", "worker_id => 'w', capabilities => '{up.%}', limit_jobs => 5")
    call(conn, "submit", f"next_need => 'up.behind', wait_for => array['{held[0][0]}'::uuid]")
    call(conn, "set_setting", "name => 'max_crashes', value => '9'")
    newer = changed(
        tmp_path,
        migrations__9000_more="alter table job add column more text not null default 'more';\ncreate index job_more_idx on job (more);",
    )
    install(conn, script=newer)
    works(conn)
    assert call(conn, "setting", "name => 'max_crashes'") == [("9",)]
    for job_id, lease_id, *_ in held:
        assert call(conn, "complete", f"job_id => '{job_id}', lease_id => '{lease_id}'") == [
            (True,)
        ]
    rest = call(conn, "get_work", "worker_id => 'w', capabilities => '{up.%}', limit_jobs => 100")
    assert len(rest) == 6
    assert value(conn, "select max(number) from leasehold.migration") == 9000


def test_an_upgrade_does_not_wait_for_an_idle_transaction_and_disturbs_no_open_one(
    open_: Open, conn: Connection, tmp_path: Path
) -> None:
    # a transaction that called a function still gets correct answers after the upgrade of the function
    install(conn, script=older(tmp_path))
    open_transaction = open_()
    open_transaction.execute("begin")
    open_transaction.execute("select leasehold.schema_version()")
    upgrading = background(lambda: install(conn))
    upgrading.result(timeout=60)
    assert open_transaction.execute(
        "select leasehold.setting(name => 'max_attempts')"
    ).fetchone() == ("3",)
    open_transaction.execute("commit")
    works(conn)


def test_an_upgrade_that_fails_changes_nothing(conn: Connection, tmp_path: Path) -> None:
    install(conn)
    call(conn, "submit", "next_need => 'a.b'")
    before = contents(conn)
    broken = changed(
        tmp_path, migrations__9000_broken="create table half (n integer);\nselect 1 / 0;"
    )
    with refused("22012"):
        install(conn, script=broken)
    assert contents(conn) == before
    assert value(conn, "select count(*) from leasehold.job") == 1
    works(conn)


@pytest.mark.long
def test_running_the_file_again_repairs_damage(conn: Connection) -> None:
    install(conn)
    fresh = faces(conn)
    for damage in (
        "drop function leasehold.complete(uuid, uuid, jsonb)",
        "drop function leasehold._now()",
        "drop view leasehold.status",
        "drop view leasehold.submission",
        "drop trigger submission_ends on leasehold.submission",
        "drop function leasehold._copy_row() cascade",
        "alter function leasehold.submit security invoker",
        "alter function leasehold.submit reset search_path",
        "create or replace function leasehold.schema_version() returns text language sql as $$ select '9.9.9' $$",
        "create function leasehold.setting(integer) returns integer language sql as $$ select 1 $$",
        "grant execute on function leasehold.get_work to public",
        "grant usage on schema leasehold to public",
        "revoke all on function leasehold.submit from leasehold_submitter",
        "grant execute on function leasehold._now to leasehold_worker",
        "grant select on leasehold.job to leasehold_reader",
        "grant select on leasehold.job to public",
        "grant insert (payload) on leasehold.job to leasehold_worker",
        "grant usage on type leasehold.work to public",
        "grant execute on function leasehold.submit to leasehold_submitter with grant option",
        "alter function leasehold.submit security invoker volatile cost 1",
        "create or replace function leasehold._now() returns timestamptz language sql as $$ select now() $$",
        "drop function leasehold._list_objects cascade",
        "drop function leasehold._describe_grants cascade",
        "drop function leasehold._group_roles cascade",
    ):
        conn.execute(damage)
        if value(conn, "select to_regproc('leasehold.verify') is not null"):
            assert call(conn, "verify"), damage
        install(conn)
        assert call(conn, "verify") == [], damage
        assert faces(conn) == fresh, damage
    works(conn)


@pytest.mark.parametrize(
    "damage",
    [
        "drop index leasehold.ready_lane_idx",
        "create index extra_idx on leasehold.job (priority)",
        "alter table leasehold.deferred drop constraint deferred_kind_check",
        "alter table leasehold.job add column extra integer",
        "alter table leasehold.job alter column payload drop not null",
        "create trigger extra before insert on leasehold.job for each row execute function suppress_redundant_updates_trigger()",
    ],
    ids=[
        "an index gone",
        "an index more",
        "a constraint gone",
        "a column more",
        "a column nullable",
        "a trigger more",
    ],
)
def test_verify_still_reports_damage_that_the_file_cannot_repair(
    conn: Connection, damage: str
) -> None:
    install(conn)
    shape = "select pg_get_indexdef(i.indexrelid) from pg_index as i where i.indrelid = 'leasehold.job'::regclass order by 1"
    whole = conn.execute(shape).fetchall()
    conn.execute(damage)
    found = call(conn, "verify")
    assert found
    install(conn)
    mended = conn.execute(shape).fetchall() == whole and damage.startswith("drop index")
    assert mended or call(conn, "verify") == found


def test_a_damaged_verify_that_reports_nothing_is_not_believed(conn: Connection) -> None:
    install(conn)
    conn.execute("drop view leasehold.status")
    conn.execute(
        "create or replace function leasehold.verify() returns setof leasehold.discrepancy language sql as"
        " $$ select null::leasehold.discrepancy where false $$"
    )
    install(conn)
    conn.execute("select from leasehold.status")
    works(conn)
    conn.execute(
        "create or replace function leasehold._list_objects(schema_name text, group_roles jsonb) returns table (kind text, name text, definition text)"
        " language sql as $$ select m.kind, m.name, m.definition from leasehold.manifest as m where m.kind <> 'build' $$"
    )
    conn.execute("drop view leasehold.status")
    conn.execute("drop index leasehold.ready_lane_idx")
    assert call(conn, "verify") == []
    install(conn)
    assert call(conn, "verify") == [("index", "ready_lane_idx", "missing")]


# --- sequences that lag behind their tables ------------------------------------------------------


def _lagging(conn: Connection) -> list[str]:
    """Resets all sequences to those of a subscriber, to which a publication brings rows alone."""
    names = [
        str(row[0])
        for row in conn.execute(
            "select c.relname from pg_class as c where c.relnamespace = 'leasehold'::regnamespace"
            " and c.relkind = 'S' order by 1"
        ).fetchall()
    ]
    for name in names:
        conn.execute(f"select setval('leasehold.{name}', 1, false)")
    return names


def _used(conn: Connection) -> dict[str, Any]:
    """Jobs of all kinds, and rows in every table that numbers its rows."""
    conn.execute("set search_path = leasehold, public")
    for _ in range(30):
        conn.execute("select submit('seq.done')")
        conn.execute("select complete(w.job_id, w.lease_id) from get_work('w', '{seq.done}') as w")
        for table in ("watermark", "lane_cache"):
            conn.execute(
                f"update {table} set noted_at = noted_at - interval '1 s' where noted_at > '-infinity'"
            )
        conn.execute("select _advance_watermarks('seq.done', clock_timestamp())")
        conn.execute("select get_work('w', '{seq.%}')")
    for need in range(250):
        conn.execute("select submit(%s)", (f"rest.{need}",))
    conn.execute("select get_work('w', '{rest.%}')")
    conn.execute("select submit('seq.key', singleton_key => 'k') from generate_series(1, 2)")
    conn.execute("select submit('seq.open')")
    conn.execute("select submit('seq.held')")
    held = conn.execute(
        "select job_id, lease_id, fence from get_work('w', '{seq.held}')"
    ).fetchone()
    assert held is not None
    conn.execute("select extend(%s, %s, '1 h')", held[:2])
    conn.execute("select submit('seq.failed')")
    conn.execute("select fail(w.job_id, w.lease_id, 'e') from get_work('w', '{seq.failed}') as w")
    return {"held": held}


def test_sequences_that_lag_behind_their_tables_are_reported_and_set_and_no_job_is_skipped(
    conn: Connection,
) -> None:
    install(conn)
    held = _used(conn)["held"]
    conn.execute("select complete(%s, %s)", held[:2])  # only the archive has the last fences
    last = value(conn, "select max(fence) from archive")
    names = _lagging(conn)
    found = call(conn, "verify")
    assert {row[1] for row in found} <= set(names)
    assert {row[2] for row in found} == {"behind its tables"}
    assert {"number_seq", "fence_seq", "watermark_watermark_id_seq", "lane_cache_cache_id_seq"} <= {
        row[1] for row in found
    }
    for table in ("watermark", "lane_cache"):
        conn.execute(
            f"update {table} set noted_at = noted_at - interval '1 s' where noted_at > '-infinity'"
        )
    # maintenance is not due: the sequence of its own table lags as well
    conn.execute("update maintenance_horizon set at = clock_timestamp(), took = interval '1 s'")
    lost = [value(conn, f"select job_id from submit('seq.{need}')") for need in ("done", "new")]
    for claim in ("seq.done", "seq.%"):
        with pytest.raises(psycopg.Error) as refused:
            conn.execute("select get_work('w', array[%s])", (claim,))
        assert refused.value.sqlstate == "LH009"

    install(conn)
    assert call(conn, "verify") == []
    columns = conn.execute(
        "select a.attrelid::regclass::text, a.attname, pg_get_serial_sequence(a.attrelid::regclass::text, a.attname)"
        " from pg_attribute as a join pg_class as c on c.oid = a.attrelid"
        " where c.relnamespace = 'leasehold'::regnamespace and a.attidentity <> ''"
    ).fetchall()
    assert len(columns) >= 7
    columns += [
        ("job", "number", "number_seq"),
        ("job", "fence", "fence_seq"),
        ("archive", "fence", "fence_seq"),
    ]
    for table, column, sequence in columns:
        drawn = value(conn, f"select nextval('{sequence}')")
        assert drawn > value(
            conn, f"select coalesce(max({column} % (1::bigint << 62)), 0) from {table}"
        ), sequence
    taken = []
    while row := conn.execute(
        "select job_id, lease_id, fence from get_work('w', '{seq.%}')"
    ).fetchone():
        taken.append(row[0])
        assert row[2] > last
        conn.execute("select complete(%s, %s)", row[:2])
    assert set(lost) <= set(taken)
    assert (
        value(conn, "select count(*) from job where next_need like 'seq.%' and state = 'ready'")
        == 0
    )
    works(conn)


def test_a_sequence_that_lags_alone_is_set(conn: Connection) -> None:
    install(conn)
    _used(conn)
    for (sequence,) in conn.execute(
        "select c.relname from pg_class as c where c.relnamespace = 'leasehold'::regnamespace and c.relkind = 'S'"
    ).fetchall():
        was = value(conn, f"select last_value from {sequence}")
        conn.execute(f"select setval('{sequence}', 1, false)")
        if value(conn, "select count(*) from verify()"):
            install(conn)
            assert call(conn, "verify") == []
        else:
            # no row exists, or exists any more, that was numbered by it
            table = value(
                conn,
                "select refobjid::regclass::text from pg_depend where objid = %s::regclass and deptype = 'i'",
                sequence,
            )
            assert value(conn, f"select count(*) from {table}") == 0
            conn.execute(f"select setval('{sequence}', {was})")


def test_the_repair_of_sequences_opens_lanes_that_were_not_copied(conn: Connection) -> None:
    install(conn)
    _used(conn)
    conn.execute(
        "truncate lane, watermark, lane_cache, lane_cache_rest, lookahead, maintenance_horizon"
    )
    _lagging(conn)
    conn.execute("select get_work('w', '{other}')")
    install(conn)
    ready = value(
        conn, "select count(*) from job where next_need like 'rest.%' and state = 'ready'"
    )
    found = value(conn, "select count(*) from get_work('w', '{rest.%}', limit_jobs => 1000)")
    assert found == ready


# --- a renamed schema ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["renamed", "My-App"])
def test_verify_reports_a_renamed_schema_and_running_the_file_again_repairs_it(
    conn: Connection, name: str
) -> None:
    install(conn)
    call(conn, "submit", "next_need => 'before.rename'")
    conn.execute(sql.SQL("alter schema leasehold rename to {}").format(sql.Identifier(name)))
    problems = call(conn, "verify", schema=name)
    assert any(kind == "function" and problem == "changed" for kind, _, problem in problems)
    install(conn, name)
    assert call(conn, "verify", schema=name) == []
    assert (
        len(
            call(
                conn, "get_work", "worker_id => 'w', capabilities => '{before.rename}'", schema=name
            )
        )
        == 1
    )
    works(conn, name)
    assert {group(name, part) for part in GROUPS} <= groups_of(conn, name)


def test_a_schema_that_took_the_name_of_a_renamed_one_is_not_mixed_up_with_it(
    conn: Connection,
) -> None:
    install(conn)
    call(conn, "submit", "next_need => 'old.one'")
    assert call(conn, "verify") == []
    conn.execute("alter schema leasehold rename to former")
    install(conn)
    assert call(conn, "verify") == []
    problems = call(conn, "verify", schema="former")
    assert ("function", "schema_version()", "changed") in problems
    install(conn, "former")
    assert call(conn, "get_work", "worker_id => 'w', capabilities => '{old.one}'") == []
    assert (
        len(
            call(conn, "get_work", "worker_id => 'w', capabilities => '{old.one}'", schema="former")
        )
        == 1
    )
    works(conn)
    works(conn, "former")


# --- restored elsewhere ---------------------------------------------------------------------------


def _dumped(dsn: str, directory: Path) -> Path:
    target = directory / "jobs.dump"
    done = psql(dsn, "-Fc", "-n", "leasehold", "-f", str(target), program="pg_dump")
    if "server version mismatch" in done.stderr:
        pytest.skip("needs a pg_dump that is not older than the server")
    assert done.returncode == 0, done.stderr
    return target


def _life_before_a_dump(conn: Connection) -> set[Any]:
    """Makes jobs in every state, and returns the ids of those that are neither ended nor dead."""
    install(conn)
    for number in range(5):
        call(conn, "submit", f"next_need => 'moved.n{number}', singleton_key => 'k{number % 2}'")
    call(conn, "submit", "next_need => 'moved.done'")
    ((done, lease, *_),) = call(
        conn, "get_work", "worker_id => 'w', capabilities => '{moved.done}'"
    )
    ((first, *_),) = call(conn, "submit", "next_need => 'moved.first'")
    call(conn, "submit", f"next_need => 'moved.behind', wait_for => array['{first}'::uuid]")
    call(conn, "submit", "next_need => 'moved.soon', available_at => clock_timestamp() + '1 s'")
    call(conn, "complete", f"job_id => '{done}', lease_id => '{lease}', result => '1'")
    call(conn, "wakeup_channel", "capabilities => '{moved.%}', until => clock_timestamp() + '1 h'")
    call(conn, "submit", "next_need => 'moved.held'")
    call(conn, "get_work", "worker_id => 'w', capabilities => '{moved.held}', lease => '1 s'")
    return {row[0] for row in conn.execute("select job_id from leasehold.job").fetchall()}


def _drains(conn: Connection, ids: set[Any]) -> None:
    def step() -> bool:
        for job_id, lease_id, *_ in call(
            conn, "get_work", "worker_id => 'w', capabilities => '{moved.%}', limit_jobs => 100"
        ):
            call(conn, "complete", f"job_id => '{job_id}', lease_id => '{lease_id}'")
        # the job that backs off for a minute after its lease expired
        conn.execute(
            "update leasehold.job set available_at = clock_timestamp() where state = 'scheduled'"
            " and attempt > 0"
        )
        return bool(value(conn, "select count(*) = 0 from leasehold.job"))

    eventually(step, "all jobs are done")
    done = conn.execute("select job_id from leasehold.archive where state = 'succeeded'").fetchall()
    assert ids <= {row[0] for row in done}


def test_a_dump_restored_without_the_roles_is_repaired_by_running_the_file(
    conn: Connection, empty_dsn: str, scratch_server: server.Cluster, tmp_path: Path
) -> None:
    ids = _life_before_a_dump(conn)
    # transaction ids that the other server has not reached
    for _ in range(300):
        conn.execute("select pg_current_xact_id()")
    dump = _dumped(empty_dsn, tmp_path)
    target = server.create_database(scratch_server.dsn, "elsewhere")
    done = psql(target, "-d", "elsewhere", str(dump), program="pg_restore")
    assert 'role "leasehold_worker" does not exist' in done.stderr
    with psycopg.connect(target, autocommit=True) as there:
        assert len(call(there, "verify")) > 50
        install(there)
        assert call(there, "verify") == []
        assert groups_of(there, "leasehold") == {group("leasehold", name) for name in GROUPS}
        _drains(there, ids)
        works(there)


def test_a_dump_restored_after_its_roles_needs_no_repair(
    conn: Connection, empty_dsn: str, scratch_server: server.Cluster, tmp_path: Path
) -> None:
    ids = _life_before_a_dump(conn)
    dump = _dumped(empty_dsn, tmp_path)
    roles = psql(empty_dsn, "--roles-only", program="pg_dumpall")
    target = server.create_database(scratch_server.dsn, "elsewhere")
    with psycopg.connect(target, autocommit=True) as there:
        for statement in roles.stdout.splitlines():
            if "leasehold_" in statement and not statement.startswith("--"):
                there.execute(statement.encode())
        done = psql(target, "-d", "elsewhere", str(dump), program="pg_restore")
        assert done.returncode == 0, done.stderr
        assert call(there, "verify") == []
        before = contents(there)
        install(there)
        assert contents(there) == before
        _drains(there, ids)
        works(there)
