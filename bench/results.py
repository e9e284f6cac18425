"""The results, in one JSON file. It is written after each workload, and merged with its former content."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .drive import Run
from .engines import ROOT, Engine
from .server import Server


@dataclass(slots=True)
class Result:
    """The results of one case of one workload, one run for each round; None for a run that failed."""

    workload: str
    variant: str
    engine: str
    seconds: float
    runs: list[Run | None] = field(default_factory=list)
    reason: str = ""
    environment: str = ""


@dataclass(slots=True)
class Results:
    """All cases, and the environments in which they were measured, by the time at which each began."""

    machine: dict[str, Any]
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    cases: list[Result] = field(default_factory=list)

    def of(self, workload: str) -> list[Result]:
        return [case for case in self.cases if case.workload == workload]

    def replace(self, cases: list[Result]) -> None:
        """Adds these cases, in place of earlier results of the same ones."""
        new = {(case.workload, case.variant, case.engine) for case in cases}
        kept = [c for c in self.cases if (c.workload, c.variant, c.engine) not in new]
        self.cases = kept + cases
        used = {case.environment for case in self.cases}
        self.environments = {k: v for k, v in self.environments.items() if k in used}

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".tmp")
        draft.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")
        draft.replace(path)


def load(path: Path) -> Results:
    """The content of the file, from whatever machine; empty if there is no file."""
    if not path.exists():
        return Results(machine())
    found = json.loads(path.read_text())
    cases = [
        Result(**(case | {"runs": [run and Run(**run) for run in case["runs"]]}))
        for case in found["cases"]
    ]
    return Results(found["machine"], found["environments"], cases)


def load_to_go_on(path: Path) -> Results:
    """The content of the file if it comes from this machine. Otherwise the file is renamed, and the results are
    empty.
    """
    kept = load(path)
    if kept.machine == machine():
        return kept
    aside = path.with_suffix(time.strftime(".other-machine-%Y%m%d-%H%M%S.json"))
    path.replace(aside)
    return Results(machine())


def machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "memory_gib": round(memory / 2**30),
        # A machine remains the same after an update of its kernel.
        "system": platform.system(),
    }


def environment(server: Server, engines: list[Engine]) -> dict[str, Any]:
    """The versions, the settings and the commit that a figure depends on, besides the machine."""
    return {
        "commit": _git("describe", "--always", "--dirty", "--abbrev=12"),
        "python": platform.python_version(),
        "settings": server.configuration(),
        "versions": {engine.name: engine.version() for engine in engines},
        "load": [round(value, 2) for value in os.getloadavg()],
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, text=True, check=False, capture_output=True
    )
    return done.stdout.strip()
