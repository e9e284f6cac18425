"""Reads which function calls which from sql/functions, and holds the folders to sql/functions/layers.toml.

python3 sql/layers.py            lists what breaks the table
python3 sql/layers.py --calls    lists the calls between folders, function by function
python3 sql/layers.py --graph    writes docs/engine/folders.svg; with --check it only says whether it is current

A call is the name of a function before a parenthesis, in a body, outside comments and string literals: what dynamic SQL
calls is not seen.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

SQL = Path(__file__).resolve().parent
FUNCTIONS = SQL / "functions"
TABLE = FUNCTIONS / "layers.toml"
DRAWING = SQL.parent / "docs" / "engine" / "folders.svg"

# A comment, a string literal, or a quoted identifier, whichever begins first.
_NOT_CODE = re.compile(
    r"""--[^\n]* | /\*.*?\*/ | \b[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" """,
    re.DOTALL | re.VERBOSE,
)
# What a name before a parenthesis is after one of these words: a table, an alias or a common table expression.
_NOT_A_CALL = r"(?<!\binto )(?<!\bas )(?<!\bwith )(?<!\brecursive )(?<!\bfunction )(?<!\bon )"
_CALL = re.compile(
    rf"(?<![\w.]){_NOT_A_CALL}(\w+)\s*\((?![^()]*\)\s+as\s+(?:not\s+)?(?:materialized\s+)?\()"
)
_BODY = re.compile(
    r"\bas\s+\$(?P<tag>\w*)\$(?P<body>.*?)\$(?P=tag)\$|\bbegin atomic\b(?P<atomic>.*?)\nend;",
    re.DOTALL,
)


@dataclass(frozen=True)
class Function:
    name: str
    folder: str
    calls: frozenset[str]


Functions = Mapping[str, Function]


def code(text: str) -> str:
    """The text of a source file without its comments, literals and quoted identifiers."""
    return _NOT_CODE.sub(" ", text)


def read(sources: Mapping[str, str]) -> Functions:
    """The functions of these sources; the keys are paths below sql/functions."""
    folders = {Path(path).stem: str(Path(path).parent.as_posix()) for path in sources}
    found = {}
    for path, text in sources.items():
        name = Path(path).stem
        body = _BODY.search(text)
        if body is None:
            raise SystemExit(f"layers: {path} has no body")
        called = {
            match[1]
            for match in _CALL.finditer(re.sub(r"\s+", " ", code(body["body"] or body["atomic"])))
        }
        found[name] = Function(name, folders[name], frozenset(called & folders.keys() - {name}))
    return found


def sources() -> dict[str, str]:
    return {
        path.relative_to(FUNCTIONS).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(FUNCTIONS.rglob("*.sql"))
    }


def folder_calls(functions: Functions) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """The calls between folders: by caller's and called folder, the functions."""
    found = defaultdict(list)
    for function in functions.values():
        for called in sorted(function.calls):
            pair = function.folder, functions[called].folder
            if pair[0] != pair[1]:
                found[pair].append((function.name, called))
    return dict(sorted(found.items()))


def cycles(functions: Functions) -> list[list[str]]:
    """The groups of functions that call each other in a circle (Tarjan's strongly connected components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for called in sorted(functions[name].calls):
            if called not in index:
                visit(called)
                low[name] = min(low[name], low[called])
            elif called in stack:
                low[name] = min(low[name], index[called])
        if low[name] == index[name]:
            at = stack.index(name)
            group = sorted(stack[at:])
            del stack[at:]
            if len(group) > 1:
                found.append(group)

    for name in sorted(functions):
        if name not in index:
            visit(name)
    return sorted(found)


# --- the table ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    calls: Mapping[str, frozenset[str]]  # by folder: those that it may call
    mutual: Mapping[frozenset[str], str]  # the pairs that may call each other, and why
    cycles: list[list[str]] = field(default_factory=list)  # of functions, to be removed


def load(text: str) -> Table:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    raw = tomllib.loads(text)
    return Table(
        {folder: frozenset(called) for folder, called in raw["calls"].items()},
        {frozenset(entry["folders"]): entry["reason"] for entry in raw.get("mutual", [])},
        [sorted(entry["functions"]) for entry in raw.get("cycle", [])],
    )


def problems(functions: Functions, table: Table) -> list[str]:
    """What is forbidden by the table, and what in the table nothing uses, as sentences."""
    calls = folder_calls(functions)
    folders = {function.folder for function in functions.values()}
    found = []
    for folder in sorted(folders - table.calls.keys()):
        found.append(f"{folder} is a folder, but not in the table")
    for folder in sorted(table.calls.keys() - folders):
        found.append(f"{folder} is in the table, but not a folder")
    for (caller, called), pairs in calls.items():
        if called not in table.calls.get(caller, ()):
            told = ", ".join(f"{one} calls {other}" for one, other in pairs)
            found.append(f"{caller} may not call {called}: {told}")
    for caller, allowed in sorted(table.calls.items()):
        for called in sorted(allowed):
            if (caller, called) not in calls:
                found.append(f"the table lets {caller} call {called}, which it does not")
    mutual = {frozenset(pair) for pair in calls if pair[::-1] in calls}
    for pair in sorted(map(sorted, mutual - table.mutual.keys())):
        found.append(f"{' and '.join(pair)} call each other: the table gives no reason")
    for pair in sorted(map(sorted, table.mutual.keys() - mutual)):
        found.append(
            f"the table gives a reason for {' and '.join(pair)}, which do not call each other"
        )
    now = cycles(functions)
    for group in now:
        if group not in table.cycles:
            found.append(f"functions call each other in a cycle: {', '.join(group)}")
    for group in table.cycles:
        if group not in now:
            found.append(f"the table has a cycle of functions that is gone: {', '.join(group)}")
    return found


# --- the drawing -------------------------------------------------------------------------------

_WIDTH, _HEIGHT, _ACROSS, _DOWN, _EDGE = 132, 40, 24, 64, 30

_STYLE = """
svg { background: #fff }
text { font: 15px system-ui, sans-serif; text-anchor: middle; dominant-baseline: central; fill: #1b1f24 }
rect { fill: #eef3fa; stroke: #5b7aa5; rx: 6 }
path { fill: none; stroke: #5b7aa5; stroke-width: 1.3 }
.implied { stroke: #d3dae4; stroke-width: 1 }
.mutual { stroke: #b8481f; stroke-width: 1.6 }
"""


def _components(edges: Iterable[tuple[str, str]], nodes: Iterable[str]) -> list[list[str]]:
    """The folders, those that call each other (also by way of others) together."""
    calls = defaultdict(set)
    for caller, called in edges:
        calls[caller].add(called)
    graph = {name: Function(name, "", frozenset(calls[name])) for name in nodes}
    together = cycles(graph)
    inside = {name for group in together for name in group}
    return together + [[name] for name in sorted(graph.keys() - inside)]


def _rows(edges: set[tuple[str, str]], nodes: set[str]) -> list[list[str]]:
    """The folders in rows, so that calls go down: the lowest row calls nothing."""
    component = {name: tuple(group) for group in _components(edges, nodes) for name in group}
    above: dict[tuple[str, ...], int] = {}

    def height(group: tuple[str, ...]) -> int:
        if group not in above:
            below = {component[called] for caller, called in edges if caller in group} - {group}
            above[group] = max((height(other) + 1 for other in below), default=0)
        return above[group]

    rows: list[list[str]] = [[] for _ in range(max(map(height, component.values())) + 1)]
    for name in sorted(nodes):
        rows[-1 - height(component[name])].append(name)
    # each row in the order of what its folders are connected with: few lines cross then
    place = {name: at / len(row) for row in rows for at, name in enumerate(row)}
    for _ in range(8):
        for row in rows:
            near = {
                name: [place[b if a == name else a] for a, b in edges if name in (a, b)]
                for name in row
            }
            row.sort(key=lambda name: (sum(near[name]) / max(len(near[name]), 1), name))
            place |= {name: (at + 0.5) / len(row) for at, name in enumerate(row)}
    return rows


def draw(functions: Functions) -> str:
    """The folders and their calls, as SVG. A call that others imply by way of a third folder is faint."""
    edges = set(folder_calls(functions))
    nodes = {function.folder for function in functions.values()}
    rows = _rows(edges, nodes)
    level = {name: at for at, row in enumerate(rows) for name in row}
    width = max(map(len, rows)) * (_WIDTH + _ACROSS) - _ACROSS + 2 * _EDGE
    height = len(rows) * (_HEIGHT + _DOWN) - _DOWN + 2 * _EDGE
    spot = {}
    for at, row in enumerate(rows):
        left = (width - len(row) * (_WIDTH + _ACROSS) + _ACROSS) / 2
        for n, name in enumerate(row):
            spot[name] = (left + n * (_WIDTH + _ACROSS), _EDGE + at * (_HEIGHT + _DOWN))

    def implied(caller: str, called: str) -> bool:
        seen, todo = {caller}, [b for a, b in edges if a == caller and b != called]
        while todo:
            name = todo.pop()
            if name == called:
                return True
            # only downwards: through a row of folders that call each other everything is implied
            if name not in seen and level[name] > level[caller]:
                seen.add(name)
                todo += [b for a, b in edges if a == name]
        return False

    def line(caller: str, called: str) -> str:
        (x1, y1), (x2, y2) = spot[caller], spot[called]
        x1, x2 = x1 + _WIDTH / 2, x2 + _WIDTH / 2
        mutual = (called, caller) in edges
        if level[caller] == level[called]:
            y, bend = (y1 + _HEIGHT, y1 + _HEIGHT + 30) if caller < called else (y1, y1 - 30)
            path = f"M{x1:.0f} {y:.0f} C{x1:.0f} {bend:.0f} {x2:.0f} {bend:.0f} {x2:.0f} {y:.0f}"
        else:
            y1 += _HEIGHT
            middle = (y1 + y2) / 2
            path = (
                f"M{x1:.0f} {y1:.0f} C{x1:.0f} {middle:.0f} {x2:.0f} {middle:.0f} {x2:.0f} {y2:.0f}"
            )
        kind = "mutual" if mutual else "implied" if implied(caller, called) else "direct"
        return (
            f'<path class="{kind}" marker-end="url(#{kind})" d="{path}">'
            f"<title>{escape(caller)} calls {escape(called)}</title></path>"
        )

    kinds = {"implied": "#d3dae4", "direct": "#5b7aa5", "mutual": "#b8481f"}
    lines = sorted(line(*pair) for pair in sorted(edges))
    lines.sort(key=lambda text: next(n for n, kind in enumerate(kinds) if f'"{kind}"' in text))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}"'
            f' width="{width:.0f}" height="{height:.0f}" role="img">',
            "<title>The folders of sql/functions and their calls</title>",
            f"<style>{_STYLE}</style>",
            "<defs>",
            *(
                f'<marker id="{kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"'
                f' markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z"'
                f' style="fill: {colour}; stroke: none"/></marker>'
                for kind, colour in kinds.items()
            ),
            "</defs>",
            *lines,
            *(
                f'<rect x="{x:.0f}" y="{y:.0f}" width="{_WIDTH}" height="{_HEIGHT}"/>'
                f'<text x="{x + _WIDTH / 2:.0f}" y="{y + _HEIGHT / 2:.0f}">{escape(name)}</text>'
                for name, (x, y) in sorted(spot.items())
            ),
            "</svg>",
            "",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", action="store_true", help="list the calls between folders")
    parser.add_argument("--graph", action="store_true", help=f"write {DRAWING.name}")
    parser.add_argument("--check", action="store_true", help="with --graph: write nothing")
    arguments = parser.parse_args()
    functions = read(sources())
    if arguments.calls:
        for (caller, called), pairs in folder_calls(functions).items():
            told = ", ".join(f"{one} calls {other}" for one, other in pairs)
            print(f"{caller} -> {called}: {told}")
        return 0
    if arguments.graph:
        text = draw(functions)
        current = DRAWING.exists() and DRAWING.read_text() == text
        if not current and arguments.check:
            print(f"{DRAWING.name} is not current: run `make graph` and commit it", file=sys.stderr)
            return 1
        if not current:
            DRAWING.parent.mkdir(parents=True, exist_ok=True)
            DRAWING.write_text(text)
            print(f"wrote {DRAWING.relative_to(SQL.parent)}")
        return 0
    found = problems(functions, load(TABLE.read_text()))
    for text in found:
        print(text, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
