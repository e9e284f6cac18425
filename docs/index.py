"""Writes the index of functions that ends each page of docs/engine, from the files in sql/functions.

python3 docs/index.py            writes the pages
python3 docs/index.py --check    writes nothing; exit 1 when one of them is not current
"""

from __future__ import annotations

import sys
from pathlib import Path

ENGINE = Path(__file__).resolve().parent / "engine"
FUNCTIONS = ENGINE.parent.parent / "sql" / "functions"
HEADING = "## Functions\n"
# The folders of a page where these are not one folder of its name.
FOLDERS = {"core": ("core", "validate")}


def index(folders: tuple[str, ...]) -> str:
    """Links to all functions of these folders, the public ones first."""
    files = [path for folder in folders for path in (FUNCTIONS / folder).rglob("*.sql")]
    lines = []
    for title, private in (("Public", False), ("Helpers", True)):
        named = sorted(
            (path for path in files if path.stem.startswith("_") == private),
            key=lambda path: path.stem,
        )
        links = [
            f"[`{path.stem}`](../../sql/functions/{path.relative_to(FUNCTIONS)})" for path in named
        ]
        if links:
            lines += ["", f"{title}:", ",\n".join(links)]
    return "\n".join(lines) + "\n"


def main() -> int:
    stale = []
    for page in sorted(ENGINE.glob("*.md")):
        head, heading, _ = page.read_text().partition(HEADING)
        if not heading:
            continue
        text = head + heading + index(FOLDERS.get(page.stem, (page.stem,)))
        if text != page.read_text():
            stale.append(page)
            if "--check" not in sys.argv[1:]:
                page.write_text(text)
    for page in stale:
        print(
            f"{page.relative_to(ENGINE.parent.parent)} {'is not current' if '--check' in sys.argv[1:] else 'was written'}"
        )
    return 1 if stale and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
