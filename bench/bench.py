"""What workloads are made of: the server with its templates, and cases."""

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
    """What the workloads run on; `quick` makes the big populations small."""

    server: Server
    quick: bool = False

    def size(self, jobs: int) -> int:
        """A big population; a twentieth of it in a quick run."""
        return jobs // 20 if self.quick else jobs

    def base(self, engine: Engine) -> str:
        """A database with the engine installed, and nothing in it."""

        def install(database: str) -> None:
            say(f"{engine.name}: installing")
            engine.install(engine, self.server, database)

        return self.server.template(engine.name, "template0", install)

    def ready(self, engine: Engine, jobs: int) -> str:
        """A database with so many jobs ready."""

        def fill(database: str) -> None:
            population.ready(engine, self.server, database, jobs)

        return self.server.template(f"{engine.name} over {jobs}", self.base(engine), fill)

    def populated(self, engine: Engine, name: str, fill: Callable[[Connection], None]) -> str:
        """A database that `fill` fills."""

        def run(database: str) -> None:
            say(f"{engine.name}: filling: {name}")
            with self.server.connected(database) as conn:
                fill(conn)

        return self.server.template(f"{engine.name} over {name}", self.base(engine), run)


@dataclass(frozen=True, slots=True)
class Case:
    """One engine in one variant: `run` measures it once, in about `seconds`."""

    variant: str
    engine: Engine
    seconds: float
    run: Callable[[], Run]
