"""Drives an engine for some time with pgbench or with a client of its own, and measures the cost."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .engines import CACHE, PAYLOAD, ROOT, Engine
from .server import Failed, Server, bindir
from .tell import progress

CLIENTS = 4
THREADS = 2


@dataclass(slots=True)
class Driven:
    """The work of a client. `course` is the rate in each second; `latencies` are in milliseconds."""

    jobs: int
    seconds: float
    course: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    note: str = ""


@dataclass(slots=True)
class Run:
    """One run: the figure of its workload, and the resources that the server used for it."""

    value: float
    jobs: int = 0
    cpu: float | None = None
    course: list[float] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    load: float = 0.0


def throughput(
    server: Server,
    engine: Engine,
    database: str,
    step: str,
    seconds: float,
    *,
    clients: int = CLIENTS,
    jobs: int = 0,
) -> Run:
    """Measures jobs a second, and for each job the server's CPU time in µs and its bytes of WAL. Ends after
    `seconds` or `jobs`.
    """
    wal, cpu, flushes = server.wal(), server.cpu(), server.flushes()
    done = drive(server, engine, database, step, seconds, clients=clients, jobs=jobs)
    if not done.jobs:
        raise Failed(f"no job was done in {done.seconds:.1f} s")
    time.sleep(0.2)  # until the last backend has exited and is counted
    after = server.cpu()
    extra = {"wal": (server.wal() - wal) / done.jobs}
    if flushes is not None:
        extra["flushes"] = ((server.flushes() or 0) - flushes) / done.jobs
    return Run(
        value=done.jobs / done.seconds,
        jobs=done.jobs,
        cpu=None if cpu is None or after is None else (after - cpu) * 1e6 / done.jobs,
        course=done.course,
        extra=extra,
        note=done.note,
        load=os.getloadavg()[0],
    )


def drive(
    server: Server,
    engine: Engine,
    database: str,
    step: str,
    seconds: float,
    *,
    clients: int = CLIENTS,
    jobs: int = 0,
) -> Driven:
    if script := engine.script(step):
        return _pgbench(server, engine, database, script, step, seconds, clients=clients, jobs=jobs)
    task = {
        "url": server.url(database),
        "step": step,
        "seconds": seconds,
        "clients": clients,
        "jobs": jobs,
        "payload": json.loads(PAYLOAD),
    }
    return _client(engine, task)


def _pgbench(
    server: Server,
    engine: Engine,
    database: str,
    script: str,
    step: str,
    seconds: float,
    *,
    clients: int,
    jobs: int,
) -> Driven:
    size = engine.jobs_per_script(step)
    variables = {"payload": PAYLOAD, "done": "[]", "more": "0"}
    if ":batch" in script:
        variables["batch"] = engine.batch(size)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        length = ["-t", str(max(1, jobs // clients // size))] if jobs else ["-T", f"{seconds:.0f}"]
        command = [
            *(str(bindir() / "pgbench"), "-n", "-M", "prepared", "-P", "1", "-f", file.name),
            *("-c", str(clients), "-j", str(min(clients, THREADS)), *length),
            *(part for name, value in variables.items() for part in ("-D", f"{name}={value}")),
            server.in_database(database),
        ]
        course: list[float] = []
        output: list[str] = []
        for line in _lines(command, os.environ):
            if found := re.match(r"progress: ([\d.]+) s, ([\d.]+) tps", line):
                # A busy pgbench occasionally skips a second, and reports the mean later.
                since = max(1, round(float(found[1])) - len(course))
                course += [float(found[2]) * size] * since
                progress(len(course), f"{course[-1]:,.0f} a second")
            else:
                output.append(line)
    dry = any("expected one row, got 0" in line for line in output)
    errors = [line for line in output if re.search("aborted|error|fatal", line, re.IGNORECASE)]
    if errors and not dry:
        raise Failed(f"pgbench: {errors[0]}")
    text = "\n".join(output)
    rate = re.search(r"^tps = ([\d.]+)", text, re.MULTILINE)
    processed = re.search(r"actually processed: (\d+)", text)
    if rate is None or processed is None or not float(rate[1]):
        raise Failed(f"pgbench did nothing: {text[-300:]}")
    scripts = int(processed[1])
    return Driven(
        jobs=scripts * size,
        seconds=scripts / float(rate[1]),
        course=course,
        note="until the queue was empty" if dry else "",
    )


def _client(engine: Engine, task: dict[str, Any]) -> Driven:
    """Runs a client of ours that calls the installed package. It prints one JSON object on each line."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT / "python"),
        "LEASEHOLD_BENCH_MODULES": str(CACHE / "node_modules"),
    }
    counts = [0]
    told: list[str] = []
    last: dict[str, Any] = {}
    for line in _lines([*engine.client, json.dumps(task)], environment):
        if not line.startswith("{"):
            told.append(line)
        elif "done" in (found := json.loads(line)):
            counts.append(found["done"])
            progress(len(counts) - 1, f"{counts[-1] - counts[-2]:,} a second")
        else:
            last = found
    if not last:
        raise Failed(f"client of {engine.name}: {told[-1][:300] if told else 'no answer'}")
    return Driven(
        jobs=last["jobs"],
        seconds=last["seconds"],
        course=[float(b - a) for a, b in itertools.pairwise(counts)],
        latencies=last.get("latencies", []),
        note=last.get("note", ""),
    )


def _lines(command: list[str], environment: Mapping[str, str]) -> Iterator[str]:
    """The lines that the command prints on either stream, as they appear."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=dict(environment),
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                yield line.rstrip()
        except BaseException:
            process.kill()
            raise


@contextlib.contextmanager
def held(server: Server, database: str, statements: tuple[str, ...]) -> Iterator[None]:
    """Keeps a session idle in a transaction that has run these statements."""
    with server.connected(database) as conn:
        for statement in statements:
            conn.execute(statement.encode())
        yield
