"""Nothing in sql/ is too long to read: functions of at most 100 lines, lines of at most 120 columns.

Those that were too long when this test was written are listed in oversized.txt, which can only shrink:
`python tests/lint/test_sizes.py` removes the entries that are no longer too long.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from server import LEASEHOLD_SQL, ROOT

SQL = ROOT / "sql"
LIST = Path(__file__).with_name("oversized.txt")
LINES, COLUMNS = 100, 120


def _length(path: Path) -> int:
    """The length of the create statement, without the COMMENT ON that follows it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    ends = [n for n, line in enumerate(lines, 1) if line.startswith("comment on function ")]
    return len("\n".join(lines[: ends[0] - 1] if ends else lines).rstrip().splitlines())


def _oversized() -> set[str]:
    """The entries in the form of the list: `lines` or `columns`, and the file below sql/."""
    found = {
        f"lines {path.relative_to(SQL)}"
        for path in (SQL / "functions").rglob("*.sql")
        if _length(path) > LINES
    }
    for path in SQL.rglob("*.sql"):
        lines = path.read_text(encoding="utf-8").splitlines()
        if path != LEASEHOLD_SQL and any(len(line) > COLUMNS for line in lines):
            found.add(f"columns {path.relative_to(SQL)}")
    return found


def _listed() -> list[str]:
    return LIST.read_text(encoding="utf-8").splitlines() if LIST.exists() else []


def test_no_function_has_over_100_lines_and_no_line_over_120_columns() -> None:
    assert sorted(_oversized() - set(_listed())) == []


def test_the_list_of_what_is_too_long_only_shrinks() -> None:
    gone = sorted(set(_listed()) - _oversized())
    assert gone == [], "run `python tests/lint/test_sizes.py`"


if __name__ == "__main__":
    left = [line for line in _listed() if line in _oversized()]
    if left:
        LIST.write_text("\n".join(left) + "\n", encoding="utf-8")
    else:
        LIST.unlink(missing_ok=True)
