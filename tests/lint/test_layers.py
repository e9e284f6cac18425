"""The folders of sql/functions call only the folders that sql/functions/layers.toml lets them call."""

from __future__ import annotations

import sys

import pytest

from server import ROOT

sys.path.insert(0, str(ROOT / "sql"))

import layers


def _function(name: str, body: str) -> str:
    return f"create or replace function {name}()\nreturns void\nas ${name}$\n{body}\n${name}$;\n"


SOURCES = {
    "top/a.sql": _function("a", "begin perform b(), c(); end"),
    "top/b.sql": _function("b", "select 1"),
    "low/c.sql": _function("c", "select 1"),
    "low/d.sql": _function("d", "select 1"),
}
TABLE = "[calls]\ntop = ['low']\nlow = []\n"
REASON = "[[mutual]]\nfolders = ['low', 'top']\nreason = 'x'\n"
CYCLE = "[[cycle]]\nfunctions = ['d', 'b']\n"


def _said(table: str = TABLE, **bodies: str) -> list[str]:
    """The complaints about the sources above with other bodies."""
    paths = {path.rsplit("/")[-1].removesuffix(".sql"): path for path in SOURCES}
    planted = {paths[name]: _function(name, body) for name, body in bodies.items()}
    return layers.problems(layers.read(SOURCES | planted), layers.load(table))


def test_folders_call_only_what_the_table_allows() -> None:
    found = layers.problems(
        layers.read(layers.sources()), layers.load(layers.TABLE.read_text(encoding="utf-8"))
    )
    assert not found, "\n".join(["sql/functions/layers.toml:", *found])


def test_the_drawing_of_the_folders_is_current() -> None:
    text = layers.draw(layers.read(layers.sources()))
    assert layers.DRAWING.read_text(encoding="utf-8") == text, "run `make graph` and commit it"


def test_calls_that_the_table_allows_pass() -> None:
    assert _said() == []


def test_a_forbidden_call_is_noticed() -> None:
    assert _said(d="perform b();") == [
        "low may not call top: d calls b",
        "low and top call each other: the table gives no reason",
    ]


def test_a_function_is_forbidden_in_a_folder_that_the_table_does_not_know() -> None:
    functions = layers.read(SOURCES | {"new/e.sql": _function("e", "select c()")})
    assert layers.problems(functions, layers.load(TABLE)) == [
        "new is a folder, but not in the table",
        "new may not call low: e calls c",
    ]


def test_an_entry_that_nothing_uses_is_noticed() -> None:
    assert _said(a="perform b();") == ["the table lets top call low, which it does not"]
    assert _said(TABLE + "old = []\n") == ["old is in the table, but not a folder"]
    assert _said(TABLE + REASON) == [
        "the table gives a reason for low and top, which do not call each other"
    ]


def test_a_cycle_of_functions_is_noticed_until_the_table_has_it_and_when_it_is_gone() -> None:
    both = TABLE.replace("low = []", "low = ['top']") + REASON
    cycle = {"b": "perform d();", "d": "perform b();"}
    assert _said(both, **cycle) == ["functions call each other in a cycle: b, d"]
    assert _said(both + CYCLE, **cycle) == []
    assert _said(both + CYCLE, d="perform b();") == [
        "the table has a cycle of functions that is gone: b, d"
    ]


@pytest.mark.parametrize(
    "body",
    [
        "-- perform b();",
        "/* perform b(); */",
        "raise exception 'not b()';",
        "select 'it''s b()', e'it\\'s b()';",
        'select "b()";',
        "insert into b (job_id) values (1);",
        "with b (id) as (select 1) select 1;",
        "with x as (select 1), b (id) as (select 1) select 1;",
        "select 1 from x as b (id);",
        "select rb (1), x.b (1);",
    ],
)
def test_this_text_is_not_a_call(body: str) -> None:
    assert _said(d=body) == []


@pytest.mark.parametrize(
    "body",
    ["perform b();", "v_x := b (1);", "select 1 from b() as f;", "select count(b(1)) as n;"],
)
def test_this_text_is_a_call(body: str) -> None:
    assert "low may not call top: d calls b" in _said(d=body)
