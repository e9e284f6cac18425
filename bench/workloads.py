"""The workloads: what is run, over what, for how long, and what is expected of Leasehold.

A workload is a list of cases, and a case is one engine in one variant. Cases take turns within a round, so
that what disturbs the machine disturbs them alike, and figures are compared within the round.
"""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from . import population
from .drive import OLD_SNAPSHOT, OPEN_WRITER, Failed, Run, held, throughput
from .engines import Engine
from .server import Server

READY = 100_000
FEW = 10_000


@dataclass(slots=True)
class Bench:
    """What the workloads run on; `quick` makes the big populations small."""

    server: Server
    say: Callable[[str], None]
    quick: bool = False

    def size(self, jobs: int) -> int:
        """A big population; a twentieth of it in a quick run."""
        return jobs // 20 if self.quick else jobs

    def base(self, engine: Engine) -> str:
        """A database with the engine installed, and nothing in it."""

        def install(database: str) -> None:
            self.say(f"{engine.name}: installing")
            engine.install(engine, self.server, database)

        return self.server.template(engine.name, "template0", install)

    def ready(self, engine: Engine, jobs: int) -> str:
        """A database with so many jobs ready."""
        base = self.base(engine)
        return self.server.template(
            f"{engine.name}_over_{jobs}",
            base,
            lambda database: population.ready(engine, self.server, database, jobs, self.say),
        )

    def populated(
        self, engine: Engine, name: str, fill: Callable[[population.Connection], None]
    ) -> str:
        def run(database: str) -> None:
            self.say(f"{engine.name}: filling: {name}")
            with self.server.connected(database) as conn:
                fill(conn)

        return self.server.template(f"{engine.name}_over_{name}", self.base(engine), run)


@dataclass(frozen=True, slots=True)
class Case:
    """One engine in one variant: `run` measures it once, in about `seconds`."""

    variant: str
    engine: Engine
    seconds: float
    run: Callable[[], Run]


@dataclass(frozen=True, slots=True)
class Check:
    """What is expected: `of` against `against` (each a variant and an engine), by `figure`, as a ratio within the round.

    Without `against` the figure itself. `floor` must be reached, `aim` is hoped for; with `at_most` neither
    may be passed. The engine "each peer" stands for every one that was measured; `besides` are left out.
    """

    text: str
    of: tuple[str, str]
    floor: float
    aim: float
    against: tuple[str, str] | None = None
    figure: str = "value"
    at_most: bool = False
    besides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Workload:
    """`seconds` is the length of a run; `quick` the same for a quick run, where None leaves the workload out."""

    name: str
    title: str
    cases: Callable[[Bench, list[Engine], float], Iterator[Case]]
    seconds: float
    quick: float | None = None
    rounds: int | None = None
    unit: str = "jobs a second"
    checks: tuple[Check, ...] = field(default=())


Template = Callable[[], str]


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
    """A case of plain throughput."""

    def run() -> Run:
        with bench.server.copied(template(), synchronous=synchronous) as database:
            with held(bench.server, database, hold) if hold else contextlib.nullcontext():
                return throughput(bench.server, engine, database, step, seconds)

    return Case(variant, engine, seconds, run)


def _over(bench: Bench, engine: Engine, jobs: int) -> Template:
    return lambda: bench.ready(engine, jobs)


def _each(
    step: str, ready: int, variants: dict[str, bool]
) -> Callable[[Bench, list[Engine], float], Iterator[Case]]:
    """Every engine that can do the step; `variants` says which are synchronous."""

    def cases(bench: Bench, engines: list[Engine], seconds: float) -> Iterator[Case]:
        for variant, synchronous in variants.items():
            for engine in engines:
                if engine.can(step):
                    template = _over(bench, engine, ready)
                    yield _case(
                        bench, variant, engine, step, seconds, template, synchronous=synchronous
                    )

    return cases


MODES = {"async": False, "sync": True}


def _own(text: str, variant: str, floor: float, aim: float, against: str) -> Check:
    """Leasehold in this variant, of another engine in the same."""
    return Check(text, (variant, "leasehold"), floor, aim, (variant, against))


WORKLOADS: dict[str, Workload] = {
    workload.name: workload
    for workload in (
        Workload(
            "submit",
            "submit one a transaction",
            _each("submit", 1_000, MODES),
            seconds=5,
            quick=2,
            checks=(
                _own("asynchronous, of bare", "async", 0.45, 0.55, "bare"),
                _own("synchronous, of bare", "sync", 0.75, 0.9, "bare"),
                _own("asynchronous, of each peer", "async", 1, 1, "each peer"),
                _own("synchronous, of each peer", "sync", 1, 1, "each peer"),
            ),
        ),
        Workload(
            "cycle",
            "claim one, complete it, in two transactions; 100,000 ready",
            _each("cycle", READY, MODES),
            seconds=4,
            quick=2,
            checks=(
                _own("asynchronous, of bare", "async", 0.9, 1.2, "bare"),
                _own("synchronous, of bare", "sync", 1, 1.15, "bare"),
                _own("asynchronous, of each peer", "async", 1.1, 1.1, "each peer"),
                _own("synchronous, of each peer", "sync", 1.1, 1.1, "each peer"),
            ),
        ),
    )
}
