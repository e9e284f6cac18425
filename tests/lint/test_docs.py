"""The documentation: its reference pages agree with the catalog, its links resolve, and its pages stay short."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

import leasehold.errors
from server import ROOT, libpq_environment

REFERENCE = ROOT / "docs" / "reference"
ROLES = ("submitter", "worker", "reader", "operator")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

Conn = psycopg.Connection[Any]


def pages() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return [path for path in (ROOT / name for name in sorted(listed)) if path.exists()]


def blocks(text: str, language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(text) if kind == language]


def table(text: str, *header: str) -> list[list[str]]:
    """The rows of the one table with these column names, without their backticks."""
    found: list[list[str]] = []
    lines = iter(text.splitlines())
    for line in lines:
        if _cells(line) == list(header):
            next(lines)
            for row in lines:
                if not row.startswith("|"):
                    break
                found.append(_cells(row))
    assert found, f"no table with the columns {header}"
    return found


def _cells(line: str) -> list[str]:
    if not line.startswith("|"):
        return []
    return [cell.strip().strip("`") for cell in line.strip().strip("|").split(" | ")]


def plain(signature: str) -> str:
    """A signature in the words of the reference: short type names, lower case, no casts, one line."""
    signature = " ".join(signature.split()).replace("( ", "(").replace(" )", ")")
    signature = signature.replace("timestamp with time zone", "timestamptz")
    signature = signature.replace(" DEFAULT ", " default ").replace("SETOF ", "setof ")
    signature = signature.replace("default NULL", "default null")
    return re.sub(r"(default (?:null|'[^']*'|\w+))::[\w ]+(\[\])?", r"\1", signature)


def described(text: str) -> list[str]:
    """The signatures and types in the text blocks of a page, each on one line."""
    joined = " ".join(" ".join(blocks(text, "text")).split())
    return [
        plain(found)
        for found in re.findall(
            r"\w+\((?:[^()']|'[^']*')*\)(?: returns (?:setof )?[\w]+(?:\[\])?)?", joined
        )
    ]


# --- the reference against the catalog --------------------------------------------------------


def test_the_reference_of_functions_has_every_signature(installed: Conn) -> None:
    with installed.transaction():
        installed.execute("set local search_path = leasehold")
        functions = installed.execute(
            "select format('%s(%s) returns %s', p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid))"
            " from pg_catalog.pg_proc as p where p.pronamespace = 'leasehold'::regnamespace and p.proname !~ '^_'"
        ).fetchall()
        types = installed.execute(
            "select format('%s(%s)', t.typname, string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum))"
            " from pg_catalog.pg_type as t"
            " join pg_catalog.pg_class as c on c.oid = t.typrelid and c.relkind = 'c'"
            " join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0"
            " where t.typnamespace = 'leasehold'::regnamespace and t.typname !~ '^_' group by t.typname"
        ).fetchall()
    expected = sorted(plain(text) for (text,) in functions + types)
    assert sorted(described((REFERENCE / "functions.md").read_text())) == expected


def test_the_reference_of_functions_describes_each_once(installed: Conn) -> None:
    text = (REFERENCE / "functions.md").read_text()
    functions = installed.execute(
        "select proname from pg_catalog.pg_proc where pronamespace = 'leasehold'::regnamespace and proname !~ '^_'"
    ).fetchall()
    views = installed.execute(
        "select relname from pg_catalog.pg_class where relnamespace = 'leasehold'::regnamespace and relkind = 'v'"
    ).fetchall()
    told = table(text, "function", "what it does") + table(text, "view", "what it shows")
    assert sorted(row[0] for row in told) == sorted(name for (name,) in functions + views)


def test_the_reference_of_errors_is_the_list_of_codes(installed: Conn) -> None:
    codes = installed.execute("select code, name from leasehold.error_codes()").fetchall()
    classes = {
        found.code: found.__name__
        for found in vars(leasehold.errors).values()
        if isinstance(found, type) and str(vars(found).get("code")).startswith("LH")
    }
    rows = table(
        (REFERENCE / "errors.md").read_text(), "code", "name", "raised when", "Python exception"
    )
    assert [(code, name, known) for code, name, _, known in rows] == [
        (code, name, classes[code]) for code, name in codes
    ]


def test_the_reference_of_settings_has_their_defaults(installed: Conn) -> None:
    settings = installed.execute("select name, default_value from leasehold.settings()").fetchall()
    rows = table((REFERENCE / "settings.md").read_text(), "name", "default", "meaning")
    assert sorted((name, default) for name, default, _ in rows) == sorted(settings)


def test_the_reference_of_rights_is_what_is_granted(installed: Conn) -> None:
    granted = installed.execute(
        "select p.proname, r.role, 'execute' from unnest(%(roles)s::text[]) as r (role)"
        " join pg_catalog.pg_proc as p on p.pronamespace = 'leasehold'::regnamespace"
        " and has_function_privilege('leasehold_' || r.role, p.oid, 'execute')"
        " union all"
        " select 'view ' || c.relname, r.role, k.kind from unnest(%(roles)s::text[]) as r (role)"
        " cross join unnest(array['select', 'insert', 'update', 'delete']) as k (kind)"
        " join pg_catalog.pg_class as c on c.relnamespace = 'leasehold'::regnamespace and c.relkind in ('r', 'v')"
        " and has_table_privilege('leasehold_' || r.role, c.oid, k.kind)",
        {"roles": list(ROLES)},
    ).fetchall()
    rows = table((REFERENCE / "rights.md").read_text(), "object", *ROLES)
    told = {
        (row[0].replace("`", ""), role, kind)
        for row in rows
        for role, cell in zip(ROLES, row[1:], strict=True)
        for kind in cell.replace("–", "").split(", ")
        if kind
    }
    assert len({row[0] for row in rows}) == len(rows)
    assert told == set(granted)


def test_the_reference_of_states_has_each_state_and_reason() -> None:
    text = (REFERENCE / "states.md").read_text()
    sources = "\n".join(path.read_text() for path in (ROOT / "sql").rglob("*.sql"))
    states = {"blocked", "scheduled", "ready", "leased", "succeeded", "cancelled", "dead"}
    transitions = table(text, "from", "by", "to")
    assert states <= set(re.findall(r"\w+", " ".join(f"{row[0]} {row[2]}" for row in transitions)))
    for row in table(text, "`dead_reason`".strip("`"), "meaning") + table(
        text, "reason", "meaning"
    ):
        assert f"'{row[0]}'" in sources, f"nothing in sql/ says {row[0]}"
    operate = ROOT / "sql" / "functions" / "operate"
    names = ("why_not_running", "_why_not_claimed")
    body = "\n".join((operate / f"{name}.sql").read_text() for name in names)
    firsts = " ".join(re.findall(r"select\s+('\w+'|case.*?end),", body, re.DOTALL))
    reasons = set(re.findall(r"'([a-z_]+)'", firsts))
    assert reasons == {row[0] for row in table(text, "reason", "meaning")}


# --- the glossary -----------------------------------------------------------------------------


def glossary() -> list[str]:
    return re.findall(
        r"^- \*\*(.+?)\*\*", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE
    )


def test_the_glossary_has_every_table_and_is_in_order(installed: Conn) -> None:
    tables = installed.execute(
        "select relname from pg_catalog.pg_class where relnamespace = 'leasehold'::regnamespace and relkind = 'r'"
    ).fetchall()
    words = glossary()
    named = {name.strip("`") for word in words for name in word.split(", ")}
    assert sorted({name for (name,) in tables} - named) == []
    assert words == sorted(words, key=lambda word: re.sub(r"[`_-]", " ", word).strip().lower())


# --- every page -------------------------------------------------------------------------------


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_is_short_and_its_links_resolve(page: Path) -> None:
    text = page.read_text()
    lines = text.splitlines()
    assert len(lines) <= 300, f"{len(lines)} lines"
    assert [number for number, line in enumerate(lines, 1) if len(line) > 160] == []
    assert list(broken(page, text)) == []
    for diagram in blocks(text, "mermaid"):
        assert not mistake(diagram), f"{mistake(diagram)}:\n{diagram}"


def broken(page: Path, text: str) -> Iterator[str]:
    """The relative links of a page that do not resolve; code is skipped."""
    prose = re.sub(r"`[^`]*`", "", FENCE.sub("", text))
    for target in LINK.findall(prose):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        found = (page.parent / name).resolve() if name else page
        if (
            not found.exists()
            or not found.is_relative_to(ROOT)
            or (anchor and anchor not in anchors(found.read_text()))
        ):
            yield target


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


DIAGRAMS = ("stateDiagram-v2", "sequenceDiagram", "flowchart LR", "flowchart TD")


def mistake(diagram: str) -> str:
    """The first thing on which a Mermaid renderer would fail; empty if nothing is found."""
    first = next((line.strip() for line in diagram.splitlines() if line.strip()), "")
    if first not in DIAGRAMS:
        return f"unknown kind {first!r}"
    pairs = {")": "(", "]": "[", "}": "{"}
    quoted = re.sub(r'"[^"\n]*"', "", diagram)
    if '"' in quoted:
        return "unbalanced quotes"
    open_brackets: list[str] = []
    for sign in quoted:
        if sign in pairs.values():
            open_brackets.append(sign)
        elif sign in pairs and (not open_brackets or open_brackets.pop() != pairs[sign]):
            return f"unbalanced {sign}"
    return f"unclosed {open_brackets[-1]}" if open_brackets else ""


def test_the_checks_find_errors(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Here\n")
    text = "[a](page.md) [b](gone.md) [c](#here) [d](#there) `[e](code.md)` [f](https://x.example/)"
    outside = list(broken(ROOT / "docs" / "page.md", "[a](glossary.md#nothing-of-it) [b](gone.md)"))
    assert outside == ["glossary.md#nothing-of-it", "gone.md"]
    assert "gone.md" in list(broken(page, text))
    assert "code.md" not in list(broken(page, text))
    assert mistake("flowchart LR\n  a[one] --> b(two)") == ""
    assert mistake("flowchart LR\n  a[one --> b(two)") != ""
    assert mistake("graf LR\n  a --> b") != ""
    assert plain("f(a text DEFAULT NULL::text, b uuid[] DEFAULT '{}'::uuid[]) returns SETOF x") == (
        "f(a text default null, b uuid[] default '{}') returns setof x"
    )


# --- the README, followed literally -----------------------------------------------------------


def test_the_readme_works_when_it_is_copied_block_by_block(
    empty_database: str, tmp_path: Path
) -> None:
    """Does what a reader does: the installation, the SQL blocks in psql, then the producer and the worker."""
    if shutil.which("psql") is None:
        pytest.skip("needs psql on this machine")
    text = (ROOT / "README.md").read_text()
    environment = libpq_environment(empty_database)
    (shell,) = [body for body in blocks(text, "sh") if "createdb" in body]
    installs = shell.replace("createdb shop\n", "").replace("-d shop ", "")
    assert installs != shell
    assert run(["sh", "-ec", installs], environment).returncode == 0

    script = "\n".join(blocks(text, "sql"))
    done = run(["psql", "-X", "-v", "ON_ERROR_STOP=1", "-At"], environment, script)
    assert done.returncode == 0, done.stderr
    assert "scheduled|" in done.stdout, "the failed job backs off"

    producer, worker = blocks(text, "python")
    for name, body in (("producer", producer), ("worker", worker)):
        connects = body.replace('"dbname=shop"', '""')
        assert connects != body
        (tmp_path / f"{name}.py").write_text(connects)
    done = run([sys.executable, str(tmp_path / "producer.py")], environment)
    assert done.returncode == 0, done.stderr
    works = subprocess.Popen(
        [sys.executable, str(tmp_path / "worker.py")], env=os.environ | environment
    )
    try:
        with psycopg.connect(empty_database, autocommit=True) as conn:
            deadline = time.monotonic() + 30
            while conn.execute("select 1 from invoice where sent is null").fetchone():
                assert time.monotonic() < deadline, "the worker has not sent the invoice"
                assert works.poll() is None, "the worker has stopped"
                time.sleep(0.05)
            finished = conn.execute("select state, result from leasehold.finished").fetchall()
            assert finished == [("succeeded", {"pages": 2})] * 2
    finally:
        works.terminate()
        assert works.wait(30) == 0


def run(
    command: list[str], environment: dict[str, str], given: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
