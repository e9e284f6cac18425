"""Measures Leasehold, the bare minimum and its peers; prints tables, writes JSON and pictures.

    make bench                                        everything; takes hours
    make bench-quick                                  the main figures; takes minutes
    make bench ONLY=held,cycle ENGINES=leasehold,bare ROUNDS=1

bench/README.md describes what is measured and how to read it. Results are merged into
bench/results/results.json after each workload, so a run may be interrupted, and may be made in parts.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path

import psycopg

from . import pictures, report, results
from .bench import Bench, Case
from .engines import ENGINES, installed
from .results import Result
from .server import Failed, running
from .tell import say
from .workloads import WORKLOADS, Workload

ROUNDS = 3
HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
FIGURES = HERE / "figures"
OVERHEAD = 2.5  # seconds to copy a database, to start a client, and to drop the database


def minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def names(text: str, known: dict[str, object], what: str) -> list[str]:
    chosen = [name for name in text.split(",") if name]
    if unknown := [name for name in chosen if name not in known]:
        raise SystemExit(f"bench: no {what} {', '.join(unknown)}; there are: {', '.join(known)}")
    return chosen


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="workloads:\n"
        + "\n".join(f"  {name:12} {workload.title}" for name, workload in WORKLOADS.items())
        + "\n\nengines: "
        + ", ".join(ENGINES),
    )
    parser.add_argument("--only", default="", help="run only these workloads, separated by commas")
    parser.add_argument("--engines", default="", help="run only these engines, separated by commas")
    parser.add_argument(
        "--rounds", type=int, help=f"runs of each case (default: {ROUNDS}; 1 for the long ones)"
    )
    parser.add_argument("--seconds", type=float, help="length of each run, where it is not fixed")
    parser.add_argument(
        "--quick", action="store_true", help="short runs, one round, small databases"
    )
    parser.add_argument(
        "--resume", action="store_true", help="skip what the results file already has"
    )
    parser.add_argument(
        "--json",
        type=Path,
        help=f"results file (default: {os.path.relpath(RESULTS / 'results.json')}; for a quick run, in quick beside it)",
    )
    parser.add_argument(
        "--report", action="store_true", help="only report what the results file has"
    )
    parser.add_argument(
        "--publish",
        action="store_true",
        help="copy the results file to bench/figures, and draw it there",
    )
    parser.add_argument(
        "--dsn",
        default=os.environ.get("LEASEHOLD_BENCH_DSN"),
        help="superuser of a scratch server (default: LEASEHOLD_BENCH_DSN, else a server is started)",
    )
    options = parser.parse_args()
    if options.json is None:
        options.json = (RESULTS / "quick" if options.quick else RESULTS) / "results.json"
    return options


def length(workload: Workload, options: argparse.Namespace) -> float:
    usual = workload.quick if options.quick and workload.quick is not None else workload.seconds
    return options.seconds or usual


def measure(cases: list[Case], workload: Workload, rounds: int) -> list[Result]:
    """Runs every case once in each round, in turn; every other round in the reverse order."""
    found = [Result(workload.name, case.variant, case.engine.name, case.seconds) for case in cases]
    for turn in range(rounds):
        pairs = list(zip(cases, found, strict=True))
        for case, result in pairs if turn % 2 == 0 else reversed(pairs):
            title = f"{workload.name} {turn + 1}/{rounds}, {case.variant}, {case.engine.name}"
            try:
                run = case.run()
            except (Failed, psycopg.Error) as error:
                result.reason = str(error)
                result.runs.append(None)
                say(f"{title}: FAILED: {error}")
                continue
            result.runs.append(run)
            cpu = f", {run.cpu:,.1f} µs CPU a job" if run.cpu else ""
            note = f" ({run.note})" if run.note else ""
            say(f"{title}: {report.number(run.value)} {workload.unit}{cpu}{note}")
    return found


def main() -> None:
    options = arguments()
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    looking = options.report or options.publish
    kept = results.load(options.json) if looking else results.load_to_go_on(options.json)
    if looking and not kept.cases:
        sys.exit(f"nothing has been measured: {options.json} has no case")
    directory = options.json.parent
    if options.publish:
        directory = FIGURES
        kept.save(FIGURES / options.json.name)
    workloads = list(WORKLOADS.values())
    if not looking:
        workloads = chosen(options)
        try:
            run(options, workloads, kept)
        except KeyboardInterrupt:
            say(f"interrupted; what is whole is in {options.json}, and --resume goes on from there")
            sys.exit(130)
    text = "\n".join(report.tables(kept, [workload.name for workload in workloads]))
    print(text)
    if options.publish:
        (FIGURES / "tables.txt").write_text(text.lstrip() + "\n")
    for path in pictures.draw(kept, directory):
        say(f"picture: {os.path.relpath(path)}")


def chosen(options: argparse.Namespace) -> list[Workload]:
    only = names(options.only, dict(WORKLOADS), "workload")
    if only:
        return [WORKLOADS[name] for name in WORKLOADS if name in only]
    return [
        workload
        for workload in WORKLOADS.values()
        if not options.quick or workload.quick is not None
    ]


def run(options: argparse.Namespace, workloads: list[Workload], kept: results.Results) -> None:
    wanted = names(options.engines, dict(ENGINES), "engine") or list(ENGINES)
    engines, missing = installed(wanted)
    for name, reason in missing.items():
        say(f"{name} is left out: {reason}")
    with running(options.dsn) as server:
        bench = Bench(server, options.quick)
        environment = results.environment(server, engines)
        began = time.strftime("%Y-%m-%d %H:%M:%S")
        kept.environments[began] = environment
        say(f"PostgreSQL {environment['settings']['server_version']}, load {environment['load']}")
        plans = []
        for workload in workloads:
            cases = list(workload.cases(bench, engines, length(workload, options)))
            if options.resume:
                done = {(case.variant, case.engine) for case in kept.of(workload.name)}
                cases = [case for case in cases if (case.variant, case.engine.name) not in done]
            if not cases:
                continue
            usual = 1 if options.quick else workload.rounds or ROUNDS
            rounds = options.rounds or usual
            needed = rounds * sum(case.seconds + OVERHEAD for case in cases)
            plans.append((workload, cases, rounds, needed))
            say(f"{workload.name:12} {len(cases):3} cases × {rounds}, about {minutes(needed)}")
        say(f"in all about {minutes(sum(plan[3] for plan in plans))}, and the filling")
        for workload, cases, rounds, _ in plans:
            found = measure(cases, workload, rounds)
            for result in found:
                result.environment = began
            kept.replace(found)
            kept.save(options.json)
            server.forget_fills()


if __name__ == "__main__":
    main()
