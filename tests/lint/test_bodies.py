"""plpgsql_check over every function body: no error, no warning."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

BODIES = """
select p.oid::regprocedure::text, coalesce(t.tgrelid, 0)::regclass::text
from pg_catalog.pg_proc as p
join pg_catalog.pg_language as l on l.oid = p.prolang
left join pg_catalog.pg_trigger as t on t.tgfoid = p.oid
where p.pronamespace = 'leasehold'::regnamespace
  and l.lanname = 'plpgsql'
order by 1, 2
"""

CHECK = """
select f.level, f.lineno, f.message, f.detail, f.hint
from plpgsql_check_function_tb(
    %s::regprocedure,
    %s::regclass,
    fatal_errors         => false,
    other_warnings       => true,
    extra_warnings       => true,
    performance_warnings => false, -- it takes every inlined cast for a lost index
    security_warnings    => true
) as f
order by f.lineno
"""


def _load(conn: psycopg.Connection[Any]) -> None:
    known = conn.execute(
        "select 1 from pg_available_extensions where name = 'plpgsql_check'"
    ).fetchone()
    if known is None:
        pytest.skip("this server has no plpgsql_check (Debian's and our Docker image have)")
    conn.execute("create extension if not exists plpgsql_check schema public")
    conn.execute("set search_path = leasehold, public")


def test_every_body_passes_plpgsql_check(installed: psycopg.Connection[Any]) -> None:
    _load(installed)
    bodies = installed.execute(BODIES).fetchall()
    assert bodies, "no PL/pgSQL function is installed"
    found = [
        f"{name}, line {line}: {level}: {message} {detail or ''} {hint or ''}".rstrip()
        for name, table in bodies
        for level, line, message, detail, hint in installed.execute(CHECK, (name, table))
    ]
    assert not found, f"{len(found)} findings in {len(bodies)} bodies:\n" + "\n".join(found)


def test_the_check_finds_an_error(installed: psycopg.Connection[Any]) -> None:
    _load(installed)
    installed.execute(
        "create function pg_temp.wrong() returns integer language plpgsql as"
        " $$ declare v_unused text; begin return (select nothing from pg_class); end $$"
    )
    messages = [row[2] for row in installed.execute(CHECK, ("pg_temp.wrong()", "-"))]
    assert messages == ['column "nothing" does not exist', 'unused variable "v_unused"']
