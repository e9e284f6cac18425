"""sql/leasehold.sql is in the repository once; the build of the Python package copies it."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

from server import LEASEHOLD_SQL, ROOT

SHIPPED = "leasehold/leasehold.sql"


def _run(*command: str | Path, cwd: Path = ROOT / "python") -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _wheel(source: Path, directory: Path) -> bytes:
    """The leasehold.sql inside the wheel that pip builds from a source."""
    _run("pip", "wheel", "-q", "--no-build-isolation", "--no-deps", "-w", directory, source)
    (wheel,) = directory.glob("*.whl")
    with ZipFile(wheel) as file:
        assert file.namelist().count(SHIPPED) == 1
        return file.read(SHIPPED)


def test_the_wheel_has_the_file_that_installs(tmp_path: Path) -> None:
    assert not (ROOT / "python" / SHIPPED).exists()
    assert _wheel(ROOT / "python", tmp_path) == LEASEHOLD_SQL.read_bytes()


def test_the_wheel_from_the_sdist_has_that_file_too(tmp_path: Path) -> None:
    _run("hatchling", "build", "-t", "sdist", "-d", tmp_path)
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as file:
        assert sum(name.endswith(SHIPPED) for name in file.getnames()) == 1
    assert _wheel(sdist, tmp_path) == LEASEHOLD_SQL.read_bytes()


def test_without_that_file_no_package_is_built(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "hatch_build.py", "README.md"):
        (tmp_path / name).write_bytes((ROOT / "python" / name).read_bytes())
    (tmp_path / "leasehold").mkdir()
    (tmp_path / "leasehold" / "__init__.py").write_text("__version__ = '0'\n")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "the package is built from a clone or from an sdist" in done.stderr
