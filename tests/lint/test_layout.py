"""The layout of the source: the file of a function, and that of its test, has the function's name."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import psycopg

from server import LEASEHOLD_SQL, ROOT

CREATES = re.compile(r"^\s*create(?: or replace)? function\s+(\w+)", re.IGNORECASE | re.MULTILINE)


def _installed(conn: psycopg.Connection[Any]) -> set[str]:
    rows = conn.execute(
        "select proname from pg_catalog.pg_proc where pronamespace = 'leasehold'::regnamespace"
    )
    return {name for (name,) in rows}


# Migrations that others follow: an installed schema does not run them again.
CLOSED = {
    "0001_engine": "cc8933bf44605c0edf4a1e81cb3aa6b741307fd2a414b303f35648738eb298af",
}


def test_a_migration_that_another_one_follows_is_not_changed() -> None:
    paths = sorted((ROOT / "sql" / "migrations").glob("*.sql"))
    found = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths[:-1]}
    assert found == CLOSED


def test_one_file_per_function_and_the_same_name() -> None:
    wrong = {
        path.name: names
        for path in sorted((ROOT / "sql" / "functions").rglob("*.sql"))
        if (names := CREATES.findall(path.read_text())) != [path.stem]
    }
    assert not wrong


def test_every_function_and_every_test_of_one_is_in_the_folder_of_its_subject() -> None:
    functions, tests = ROOT / "sql" / "functions", ROOT / "tests" / "sql"
    subjects = {path.parent.relative_to(functions) for path in functions.rglob("*.sql")}
    assert Path() not in subjects
    others = {Path("catalog"), Path("scenarios"), Path("include")}
    assert {path.parent.relative_to(tests) for path in tests.rglob("*.sql")} <= subjects | others


def test_what_is_installed_is_what_has_a_file(installed: psycopg.Connection[Any]) -> None:
    files = {path.stem for path in (ROOT / "sql" / "functions").rglob("*.sql")}
    assert _installed(installed) == files


def test_every_public_function_has_its_pgtap_file() -> None:
    """It stands in the folder that has the same name as the function's folder in sql/functions."""
    functions = ROOT / "sql" / "functions"
    public = {
        path.relative_to(functions)
        for path in functions.rglob("*.sql")
        if not path.stem.startswith("_")
    }
    tests = ROOT / "tests" / "sql"
    assert not sorted(public - {path.relative_to(tests) for path in tests.rglob("*.sql")})


# The folders of sql/functions whose functions are listed on the page of another folder.
SHARED_PAGES = {"validate": "core"}


def test_the_pages_of_the_engine_list_every_function_of_their_folders_once() -> None:
    """`python3 docs/index.py` writes these lists."""
    functions = ROOT / "sql" / "functions"
    files = [path.relative_to(functions) for path in functions.rglob("*.sql")]
    expected = [
        f"{SHARED_PAGES.get(path.parts[0], path.parts[0])}.md: {path}" for path in sorted(files)
    ]
    listed = [
        f"{page.name}: {path}"
        for page in (ROOT / "docs" / "engine").glob("*.md")
        for path in re.findall(r"\]\(\.\./\.\./sql/functions/([\w/]+\.sql)\)", page.read_text())
    ]
    assert sorted(listed) == sorted(expected)


def test_the_file_that_installs_is_ascii() -> None:
    assert LEASEHOLD_SQL.read_bytes().isascii()
