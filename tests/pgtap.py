"""Runs the pgTAP files of tests/sql with pg_prove, each in a fresh clone of the template database.

    python tests/pgtap.py [FILE …]

tests/fresh-psql, which pg_prove runs in place of psql, makes the clones. It also sets the search
path, so that tests can name functions without their schema. If this machine lacks pg_prove or psql
and the server is one that we started in Docker, those of its image are used.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import server

TESTS = Path(__file__).resolve().parent
JOBS = str(min(8, 2 * (os.cpu_count() or 1)))
OPTIONS = ["--jobs", JOBS, "--timer"]


def _here(files: list[Path], found: server.Server) -> int:
    names = [os.path.relpath(path) for path in files]
    environment = os.environ | server.libpq_environment(found.dsn)
    environment["LEASEHOLD_TEST_TEMPLATE"] = found.template
    command = ["pg_prove", "--psql-bin", str(TESTS / "fresh-psql"), *OPTIONS, *names]
    return subprocess.run(command, env=environment, check=False).returncode


def _in_container(files: list[Path], found: server.Server) -> int:
    import docker  # type: ignore[import-untyped]

    container = docker.from_env().containers.get(found.container)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(TESTS / "sql", "tests/sql")
        tar.add(TESTS / "fresh-psql", "tests/fresh-psql")
    container.put_archive("/", archive.getvalue())
    names = [str(Path("tests") / path.relative_to(TESTS)) for path in files]
    settings = server.libpq_environment(found.dsn)
    run = container.client.api.exec_create(
        container.id,
        ["pg_prove", "--psql-bin", "/tests/fresh-psql", *OPTIONS, *names],
        workdir="/",
        environment={
            "LEASEHOLD_TEST_TEMPLATE": found.template,
            "PGUSER": settings["PGUSER"],
            "PGPASSWORD": settings["PGPASSWORD"],
            "PGHOST": "127.0.0.1",
        },
    )["Id"]
    for chunk in container.client.api.exec_start(run, stream=True):
        sys.stdout.buffer.write(chunk)
        sys.stdout.flush()
    return int(container.client.api.exec_inspect(run)["ExitCode"])


def main() -> int:
    files = [Path(name).resolve() for name in sys.argv[1:]]
    files = files or sorted(
        path for path in (TESTS / "sql").rglob("*.sql") if path.parent.name != "include"
    )
    if not files:
        print("no pgTAP files in tests/sql", file=sys.stderr)
        return 1
    missing = [tool for tool in ("pg_prove", "psql") if shutil.which(tool) is None]
    with server.running() as found:
        if not missing:
            return _here(files, found)
        if found.container:
            return _in_container(files, found)
        print(
            f"{' and '.join(missing)} not found (Debian: apt-get install"
            " libtap-parser-sourcehandler-pgtap-perl postgresql-client)",
            file=sys.stderr,
        )
        return 2


if __name__ == "__main__":
    sys.exit(main())
