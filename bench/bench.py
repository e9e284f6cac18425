"""The parts of a workload: the server with its templates, and the cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import population
from .drive import Run
from .engines import Engine
from .server import Connection, Server
from .tell import say


@dataclass(slots=True)
class Bench:
    """The server that the workloads run on, with its templates; `quick` makes large populations small."""

    server: Server
    quick: bool = False

    def size(self, jobs: int) -> int:
        """The size of a large population; in a quick run, a twentieth of it."""
        return jobs // 20 if self.quick else jobs

    def base(self, engine: Engine) -> str:
        """A template with the engine installed and no jobs."""

        def install(database: str) -> None:
            say(f"{engine.name}: installing")
            engine.install(engine, self.server, database)

        return self.server.template(engine.name, "template0", install)

    def ready(self, engine: Engine, jobs: int) -> str:
        """A template with this number of ready jobs."""

        def fill(database: str) -> None:
            population.ready(engine, self.server, database, jobs)

        return self.server.template(f"{engine.name} over {jobs}", self.base(engine), fill)

    def populated(self, engine: Engine, name: str, fill: Callable[[Connection], None]) -> str:
        """A template that `fill` has filled."""

        def run(database: str) -> None:
            say(f"{engine.name}: filling: {name}")
            with self.server.connected(database) as conn:
                fill(conn)

        return self.server.template(f"{engine.name} over {name}", self.base(engine), run)


@dataclass(frozen=True, slots=True)
class Case:
    """One engine in one variant. `run` measures it once, and takes about `seconds`."""

    variant: str
    engine: Engine
    seconds: float
    run: Callable[[], Run]
