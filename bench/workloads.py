"""The workloads: what is run, on which data, for how long, and what is expected of Leasehold.

A workload is a list of cases, and a case is one engine in one variant. The cases take turns within a round, so
that disturbances of the machine affect them alike, and figures are compared within the round.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from . import population, single
from .bench import Bench, Case
from .drive import Run, held, throughput
from .engines import BARE, LEASEHOLD, ROWS, Engine, claiming, claiming_one_of
from .server import Connection

READY = 100_000
FEW = 10_000
PEERS_HELD = 100  # seconds

OLD_SNAPSHOT = (
    "begin isolation level repeatable read read only",
    "select count(*) from pg_class",
)
OPEN_WRITER = ("begin", "select pg_current_xact_id()")
MODES = {"async": False, "sync": True}

Template = Callable[[], str]
Cases = Callable[[Bench, list[Engine], float], Iterator[Case]]


@dataclass(frozen=True, slots=True)
class Check:
    """An expectation: the ratio of `of` to `against` (each a variant and an engine) within the round, or the
    `figure` of `of` itself without `against`.

    `floor` must be reached, and `aim` should be; with `at_most`, they are upper limits. The engine "each peer" stands
    for every measured engine except those in `besides`. `elsewhere` names another workload that has `against`. Runs
    shorter than `after` seconds are not judged.
    """

    text: str
    of: tuple[str, str]
    floor: float | None
    aim: float
    against: tuple[str, str] | None = None
    figure: str = "value"
    at_most: bool = False
    besides: tuple[str, ...] = ()
    elsewhere: str = ""
    after: float = 0


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload. `seconds` is the length of a run; `quick` is that of a quick run, or None to leave it out there.

    `extras` maps the names of further figures of a run to their headings in the table.
    """

    name: str
    title: str
    cases: Cases
    seconds: float
    quick: float | None = None
    rounds: int | None = None
    unit: str = "jobs a second"
    extras: tuple[tuple[str, str], ...] = ()
    checks: tuple[Check, ...] = ()


# --- how cases are made -------------------------------------------------------------------------


def _case(
    bench: Bench,
    variant: str,
    engine: Engine,
    step: str,
    seconds: float,
    template: Template,
    *,
    synchronous: bool = False,
    hold: tuple[str, ...] = (),
) -> Case:
    """Makes a case of plain throughput."""

    def run() -> Run:
        with bench.server.copied(template(), synchronous=synchronous) as database:
            with held(bench.server, database, hold) if hold else contextlib.nullcontext():
                run = throughput(bench.server, engine, database, step, seconds)
        fifth = max(1, len(run.course) // 5)
        if first := sum(run.course[:fifth]):
            run.extra["kept"] = sum(run.course[-fifth:]) / first
        return run

    return Case(variant, engine, seconds, run)


def _each(step: str, ready: int, variants: dict[str, bool] | None = None) -> Cases:
    """Makes cases for every engine that can do the step. `variants` says which variants commit synchronously; a quick
    run has only the first.
    """

    def cases(bench: Bench, engines: list[Engine], seconds: float) -> Iterator[Case]:
        modes = list((variants or {"async": False}).items())
        for variant, synchronous in modes[:1] if bench.quick else modes:
            for engine in engines:
                if engine.can(step):
                    template = partial(bench.ready, engine, ready)
                    yield _case(
                        bench, variant, engine, step, seconds, template, synchronous=synchronous
                    )

    return cases


def _own(cases: Callable[[Bench, float], Iterator[Case]]) -> Cases:
    """Cases about Leasehold alone; none if Leasehold is not measured."""

    def wrapped(bench: Bench, engines: list[Engine], seconds: float) -> Iterator[Case]:
        if LEASEHOLD in engines:
            yield from cases(bench, seconds)

    return wrapped


def _copy(bench: Bench, engines: list[Engine], seconds: float) -> Iterator[Case]:
    for engine, table in ((LEASEHOLD, "leasehold.submission"), (BARE, "job")):
        if engine in engines:
            yield Case("async", engine, seconds, partial(single.copy, bench, engine, table))


def _turn(bench: Bench, seconds: float) -> Iterator[Case]:
    for step in ("turn", "cycle"):
        template = partial(bench.ready, LEASEHOLD, READY)
        yield _case(bench, step, LEASEHOLD, step, seconds, template, synchronous=True)


def _rows(bench: Bench, seconds: float) -> Iterator[Case]:
    for step, ready, length in (("submit", 0, min(seconds, 4)), ("cycle", READY, seconds)):
        for mode, synchronous in MODES.items():
            for engine in (LEASEHOLD, ROWS, BARE):
                template = partial(bench.ready, engine, ready)
                variant = f"{step}, {mode}"
                yield _case(bench, variant, engine, step, length, template, synchronous=synchronous)


def _batch(bench: Bench, engines: list[Engine], seconds: float) -> Iterator[Case]:
    ready = READY if bench.quick else 3 * READY
    steps = {"claim": ("batch", ready), "turn": ("turn_batch", ready)}
    if not bench.quick:
        steps["full"] = ("full_batch", FEW)
    for variant, (step, ready) in steps.items():
        for engine in engines:
            if engine.can(step):
                template = partial(bench.ready, engine, ready)
                yield _case(bench, variant, engine, step, seconds, template)


def _backlog(bench: Bench, engines: list[Engine], seconds: float) -> Iterator[Case]:
    small, large, huge = 1_000, bench.size(1_000_000), bench.size(5_000_000)
    for engine in engines:
        for jobs in (small, large, huge) if engine in (LEASEHOLD, BARE) else (small, large):
            template = partial(bench.ready, engine, jobs)
            yield _case(bench, f"{jobs:,}", engine, "full", seconds, template)


CROWDS: dict[str, Callable[[Connection, int], None]] = {
    "none": lambda conn, jobs: None,
    "scheduled": population.scheduled,
    "blocked": population.blocked,
    "dead": population.dead,
    "other needs": population.other_needs,
}


def _crowd(bench: Bench, seconds: float) -> Iterator[Case]:
    jobs = bench.size(1_000_000)

    def fill(name: str, conn: Connection) -> None:
        CROWDS[name](conn, jobs)
        population.submit(conn, "bench.work.v1", READY)

    for name in CROWDS:
        template = partial(bench.populated, LEASEHOLD, f"crowd {name}", partial(fill, name))
        yield _case(bench, name, LEASEHOLD, "cycle", seconds, template)


def _prefix(bench: Bench, seconds: float) -> Iterator[Case]:
    needs = 1_000

    def dense(conn: Connection) -> None:
        population.submit_to_each(conn, needs, READY // needs)
        population.submit(conn, "exact.work.v1", READY)

    def sparse(conn: Connection) -> None:
        population.known_needs(conn, needs)
        population.submit(conn, "bench.n500.v1", READY)
        population.submit(conn, "exact.work.v1", READY)

    for name, fill in {"dense": dense, "sparse": sparse}.items():
        for variant, capability in {f"{name}, exact": "exact.work.v1", name: "bench.%"}.items():
            engine = claiming(capability)
            template = partial(bench.populated, LEASEHOLD, f"prefix {name}", fill)
            yield _case(bench, variant, engine, "cycle", seconds, template)


def _needs(bench: Bench, seconds: float) -> Iterator[Case]:
    needs = 50

    def fill(conn: Connection) -> None:
        population.submit_to_each(conn, needs, READY // needs)
        population.submit(conn, "exact.work.v1", READY)

    for variant, engine in {
        "one": claiming("exact.work.v1"),
        "fifty": claiming_one_of(needs),
    }.items():
        template = partial(bench.populated, LEASEHOLD, "needs", fill)
        yield _case(bench, variant, engine, "cycle", seconds, template)


def _held(bench: Bench, engines: list[Engine], seconds: float) -> Iterator[Case]:
    quick = ("leasehold", "bare", "graphile-worker", "awa")
    for engine in engines:
        if not engine.can("full") or (bench.quick and engine.name not in quick):
            continue
        length = seconds if engine is LEASEHOLD else min(seconds, PEERS_HELD)
        template = partial(bench.ready, engine, FEW)
        yield _case(bench, "held", engine, "full", length, template, hold=OLD_SNAPSHOT)
        if engine is LEASEHOLD:
            yield _case(bench, "free", engine, "full", length, template)


def _writer(bench: Bench, seconds: float) -> Iterator[Case]:
    template = partial(bench.ready, LEASEHOLD, FEW)
    yield _case(bench, "writer", LEASEHOLD, "full", seconds, template, hold=OPEN_WRITER)


def _sustained(bench: Bench, seconds: float) -> Iterator[Case]:
    yield Case("async", LEASEHOLD, seconds, partial(single.sustained, bench, LEASEHOLD, seconds))


def _pickup(bench: Bench, engines: list[Engine], seconds: float) -> Iterator[Case]:
    for engine in engines:
        if engine.can("pickup"):
            yield Case("idle", engine, seconds, partial(single.pickup, bench, engine, seconds))


def _waiters(bench: Bench, seconds: float) -> Iterator[Case]:
    needs = {
        "none": [],
        "100 on other needs": [f"other.n{n}.v1" for n in range(100)],
        "100 on the same": ["bench.work.v1"] * 100,
    }
    for variant, waiting in needs.items():
        yield Case(variant, LEASEHOLD, seconds, partial(single.waiters, bench, waiting, seconds))


def _dependents(bench: Bench, _: float) -> Iterator[Case]:
    for jobs in (0, 10, 1_000, bench.size(100_000)):
        yield Case(f"{jobs:,}", LEASEHOLD, 5, partial(single.dependents, bench, jobs))


def _sizes(bench: Bench, engines: list[Engine], seconds: float) -> Iterator[Case]:
    for engine in engines:
        if engine.can("full"):
            yield Case("one life", engine, seconds, partial(single.sizes, bench, engine))


# --- the list -----------------------------------------------------------------------------------


def _of(text: str, variant: str, against: str, floor: float, aim: float | None = None) -> Check:
    """Expects a ratio of Leasehold to another engine in the same variant."""
    return Check(text, (variant, "leasehold"), floor, aim or floor, (variant, against))


def _within(
    text: str,
    variant: str,
    base: str,
    floor: float,
    aim: float,
    *,
    figure: str = "value",
    elsewhere: str = "",
) -> Check:
    """Expects a ratio of Leasehold in one variant to itself in another."""
    of, against = (variant, "leasehold"), (base, "leasehold")
    return Check(text, of, floor, aim, against, figure=figure, elsewhere=elsewhere)


WORKLOADS: dict[str, Workload] = {
    workload.name: workload
    for workload in (
        Workload(
            "submit",
            "submit one a transaction",
            _each("submit", 1_000, MODES),
            seconds=5,
            quick=1,
            checks=(
                _of("asynchronous, of bare", "async", "bare", 0.45, 0.55),
                _of("synchronous, of bare", "sync", "bare", 0.75, 0.9),
                _of("asynchronous, of each peer", "async", "each peer", 1),
                _of("synchronous, of each peer", "sync", "each peer", 1),
            ),
        ),
        Workload(
            "many",
            "submit 1,000 in one call",
            _each("submit_many", 1_000),
            seconds=4,
            quick=1,
            checks=(
                _of("of bare", "async", "bare", 0.25, 0.4),
                Check(
                    "of graphile-worker",
                    ("async", "leasehold"),
                    None,
                    1,
                    ("async", "graphile-worker"),
                ),
            ),
        ),
        Workload(
            "copy",
            f"submit {single.COPIED:,} by COPY",
            _copy,
            seconds=5,
            checks=(_of("of bare", "async", "bare", 0.5, 0.7),),
        ),
        Workload(
            "cycle",
            f"claim one, complete it, in two transactions; {READY:,} ready",
            _each("cycle", READY, MODES),
            seconds=40,
            quick=1,
            extras=(("kept", "last fifth of first"), ("flushes", "flushes a job")),
            checks=(
                _of("asynchronous, of bare", "async", "bare", 0.9, 1.2),
                _of("synchronous, of bare", "sync", "bare", 1, 1.15),
                _of("asynchronous, of each peer", "async", "each peer", 1.1),
                _of("synchronous, of each peer", "sync", "each peer", 1.1),
            ),
        ),
        Workload(
            "rows",
            "submit, and claim and complete, beside functions that write the same rows and do nothing else",
            _own(_rows),
            seconds=40,
            extras=(("kept", "last fifth of first"),),
        ),
        Workload(
            "turn",
            "complete the former and claim the next in one call, synchronously",
            _own(_turn),
            seconds=4,
            quick=1,
            extras=(("flushes", "flushes a job"),),
            checks=(_within("of claim and complete", "turn", "cycle", 1.4, 1.5),),
        ),
        Workload(
            "batch",
            "claim 100, complete 100, from a long queue; full: submit them, too",
            _batch,
            seconds=4,
            quick=1,
            checks=(
                _of("claim, of graphile-worker", "claim", "graphile-worker", 0.6, 0.9),
                _of("claim, of pg-boss", "claim", "pg-boss", 1),
                _of("claim, of pgqueuer", "claim", "pgqueuer", 1),
                _of("full, of graphile-worker", "full", "graphile-worker", 0.6, 0.9),
                _of("full, of pg-boss", "full", "pg-boss", 1),
                _of("full, of pgqueuer", "full", "pgqueuer", 1),
            ),
        ),
        Workload(
            "backlog",
            "submit, claim, complete, with so many ready",
            _backlog,
            seconds=5,
            checks=(
                _within("a million, of a thousand", "1,000,000", "1,000", 0.85, 0.95),
                _within("five million, of a thousand", "5,000,000", "1,000", 0.85, 0.95),
            ),
        ),
        Workload(
            "crowd",
            "claim one, complete it, next to a million that are not ready, or not this need's",
            _own(_crowd),
            seconds=4,
            checks=tuple(
                _within(f"{name}, of none", name, "none", 0.8, 0.95)
                for name in CROWDS
                if name != "none"
            ),
        ),
        Workload(
            "prefix",
            "claim one, complete it, by a prefix over 1,000 needs",
            _own(_prefix),
            seconds=4,
            checks=(
                _within("work in all: of one need", "dense", "dense, exact", 1 / 3, 1 / 1.5),
                _within("work in one: of one need", "sparse", "sparse, exact", 1 / 12, 1 / 6),
            ),
        ),
        Workload(
            "needs",
            "claim one, complete it, each time of another need, named exactly",
            _own(_needs),
            seconds=4,
            checks=(_within("of one need", "fifty", "one", 0.8, 0.95),),
        ),
        Workload(
            "held",
            "submit, claim, complete, while a session holds an old snapshot",
            _held,
            seconds=600,
            quick=6,
            rounds=1,
            extras=(("kept", "last fifth of first"),),
            checks=(
                _within("at the end, of nothing held", "held", "free", 0.4, 0.7, figure="tail"),
                Check(
                    "as the peers end, of each but awa",
                    ("held", "leasehold"),
                    10,
                    30,
                    ("held", "each peer"),
                    figure="tail",
                    besides=("awa",),
                    after=PEERS_HELD,
                ),
                Check(
                    "as awa ends, of it",
                    ("held", "leasehold"),
                    1,
                    1,
                    ("held", "awa"),
                    figure="tail",
                    after=PEERS_HELD,
                ),
            ),
        ),
        Workload(
            "writer",
            "submit, claim, complete, while a session holds a writing transaction",
            _own(_writer),
            seconds=600,
            rounds=1,
            extras=(("kept", "last fifth of first"),),
            checks=(
                Check(
                    "at the end, of nothing held",
                    ("writer", "leasehold"),
                    None,
                    0.4,
                    ("free", "leasehold"),
                    figure="tail",
                    elsewhere="held",
                ),
            ),
        ),
        Workload(
            "sustained",
            "submit, claim, complete, for long",
            _own(_sustained),
            seconds=1200,
            rounds=1,
            extras=(("slope", "trend, % of the mean"), ("growth", "live bytes, 2nd half of 1st")),
        ),
        Workload(
            "pickup",
            "an idle worker: from submit's return to the start of the work",
            _pickup,
            seconds=10,
            quick=2,
            unit="ms, median",
            extras=(("p99", "ms, 99 of 100"),),
            checks=(
                Check("median", ("idle", "leasehold"), None, 0.4, at_most=True),
                Check("99 of 100", ("idle", "leasehold"), None, 1.2, figure="p99", at_most=True),
                Check(
                    "median, of each peer",
                    ("idle", "leasehold"),
                    1,
                    1,
                    ("idle", "each peer"),
                    at_most=True,
                ),
                Check(
                    "99 of 100, of each peer",
                    ("idle", "leasehold"),
                    1,
                    1,
                    ("idle", "each peer"),
                    figure="p99",
                    at_most=True,
                ),
            ),
        ),
        Workload(
            "waiters",
            "submit one a transaction, while workers wait to be rung",
            _own(_waiters),
            seconds=5,
            checks=(
                _within("on other needs, of none", "100 on other needs", "none", 0.95, 0.98),
                _within("on the same need, of none", "100 on the same", "none", 0.95, 0.98),
            ),
        ),
        Workload(
            "dependents",
            "complete a job that so many wait for",
            _own(_dependents),
            seconds=5,
            unit="ms the call",
            extras=(("freed", "ms until all are ready"), ("each", "µs a dependent")),
            checks=tuple(
                Check(f"{n} dependents, ms", (n, "leasehold"), 5, 5, at_most=True)
                for n in ("0", "10", "1,000", "100,000")
            ),
        ),
        Workload(
            "sizes",
            "bytes a queued job takes, and WAL that a whole life writes",
            _sizes,
            seconds=12,
            rounds=1,
            unit="bytes a job",
            extras=(("wal", "bytes of WAL"),),
            checks=(
                Check("bytes", ("one life", "leasehold"), 364, 336, at_most=True),
                Check("WAL", ("one life", "leasehold"), 1900, 1200, figure="wal", at_most=True),
            ),
        ),
    )
}
