"""Counts the instructions of a call: make instructions

On a machine that is not quiet, time cannot show a difference of ten percent. Instructions, which valgrind counts while the
server runs as a single process, are the same each time. They leave out waiting, caches and the kernel, which the benchmark
covers. Needs valgrind. Figures: docs/decisions/0007-count-instructions.md
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .engines import BARE, PAYLOAD, PGMQ, ROWS
from .server import Connection, Server, bindir, running
from .tell import say

READY = 6_000
BETWEEN = (
    100,
    300,
)  # numbers of calls; the cost of one call follows from the difference of the two runs

# Calls are fifty times slower under valgrind, so watermarks would look stale. These limits are raised, so that the
# measured call does not advance watermarks, which is the work of another call.
OLD_MARKS = (
    ("_watermark_usable", "interval '1 s'", "interval '1 hour'"),
    ("_few_claims_between", "fence + 50 ", "fence + 1000000 "),
)

FUNCTIONS = """
create function leasehold._nothing(next_need text, payload jsonb) returns void
language plpgsql volatile security definer set search_path from current
set plan_cache_mode to force_generic_plan set enable_seqscan to off set jit to off as $$ begin end $$;
"""

_WORK = "leasehold.get_work('w', array['bench.work.v1'])"
_ROW = "leasehold._only_claim('bench.work.v1')"
FILL = {
    "bare": "insert into job (next_need, payload) select 'bench.work.v1', %s from generate_series(1, %s)",
    "pgmq": "select pgmq.send('bench', %s) from generate_series(1, %s)",
    "rows": "select leasehold.submit('bench.work.v1', %s) from generate_series(1, %s)",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A statement with the payload as its only parameter, and the database that it runs in."""

    name: str
    database: str
    statement: str


CALLS = (
    Call(
        "bare: insert", "bare", "insert into job (next_need, payload) values ('bench.work.v1', $1)"
    ),
    Call("pgmq: send", "pgmq", "select * from pgmq.send('bench', $1)"),
    Call("leasehold: submit", "rows", "select job_id from leasehold.submit('bench.work.v1', $1)"),
    Call(
        "rows: submit",
        "rows",
        "select leasehold._only_submit('bench.work.v1', $1)",
    ),
    Call(
        "a function that does nothing",
        "rows",
        "select leasehold._nothing('bench.work.v1', $1)",
    ),
    Call("bare: claim", "bare", BARE.parts["take"].removesuffix(" \\gset\n")),
    Call(
        "pgmq: read",
        "pgmq",
        "select msg_id, message from pgmq.read('bench', 60, 1) where $1 is not null",
    ),
    Call(
        "leasehold: get_work",
        "rows",
        f"select job_id, lease_id from {_WORK} where $1 is not null",
    ),
    Call(
        "leasehold: get_work and complete",
        "rows",
        f"select leasehold.complete(w.job_id, w.lease_id) from {_WORK} as w where $1 is not null",
    ),
    Call(
        "leasehold: get_work and fail",
        "rows",
        f"select leasehold.fail(w.job_id, w.lease_id, 'unreachable') from {_WORK} as w where $1 is not null",
    ),
    Call(
        "leasehold: get_work and turn",
        "rows",
        f"select count(t) from {_WORK} as w"
        " cross join lateral leasehold.turn('w', array['bench.work.v1'], jsonb_build_array("
        " jsonb_build_object('verb', 'complete', 'job_id', w.job_id, 'lease_id', w.lease_id))) as t where $1 is not null",
    ),
    Call(
        "leasehold: submit_many of ten",
        "rows",
        "select leasehold.submit_many(jsonb_agg(jsonb_build_object('next_need', 'bench.work.v1', 'payload', $1)))"
        " from generate_series(1, 10)",
    ),
    Call(
        "rows: claim",
        "rows",
        f"select job_id, lease_id from {_ROW} where $1 is not null",
    ),
    Call(
        "rows: claim and complete",
        "rows",
        f"select leasehold._only_complete(w.job_id, w.lease_id) from {_ROW} as w where $1 is not null",
    ),
)

DATABASES = {engine.name: engine for engine in (BARE, PGMQ, ROWS)}


def prepare(server: Server) -> None:
    """Creates and fills a database for each engine, on the server whose data is then copied."""
    for name, engine in DATABASES.items():
        server.admin.execute(f'create database "{name}" template template0'.encode())
        engine.install(engine, server, name)
        with server.connected(name) as conn:
            fill(conn, name)
            conn.execute("vacuum (analyze)")
    server.admin.execute("checkpoint")


def fill(conn: Connection, name: str) -> None:
    if name == ROWS.name:
        conn.execute("set search_path to leasehold, pg_temp")
        conn.execute(FUNCTIONS.encode())
        for function, found, instead in OLD_MARKS:
            row = conn.execute("select pg_get_functiondef(%s::regproc)", [function]).fetchone()
            assert row is not None
            assert found in row[0]
            conn.execute(row[0].replace(found, instead).encode())
    conn.execute(FILL[name].encode(), [PAYLOAD, READY])
    if name == ROWS.name:
        conn.execute(f"select {_WORK}".encode())  # creates its watermarks


def counted(call: Call, data: Path) -> int:
    """The instructions of one call."""
    fewer, more = (instructions(call, data, calls) for calls in BETWEEN)
    return round((more - fewer) / (BETWEEN[1] - BETWEEN[0]))


def instructions(call: Call, data: Path, calls: int) -> int:
    """The instructions of a server that makes this number of calls on a copy of the data, and exits."""
    owner = data.stat()
    with tempfile.TemporaryDirectory(prefix="leasehold-instructions-") as directory:
        os.chmod(directory, 0o755)
        copy = Path(directory) / "data"
        subprocess.run(["cp", "-a", str(data), str(copy)], check=True)
        (copy / "postmaster.pid").unlink()
        lines = [
            f"prepare call (jsonb) as {call.statement};",
            *[f"execute call ('{PAYLOAD}');"] * calls,
        ]
        ran = subprocess.run(
            [
                *("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"),
                *(str(bindir() / "postgres"), "--single", "-D", str(copy)),
                *("-c", "synchronous_commit=off", "-c", "full_page_writes=off", call.database),
            ],
            input="\n".join(lines) + "\n",
            capture_output=True,
            text=True,
            errors="replace",
            cwd="/",
            **({"user": owner.st_uid, "group": owner.st_gid} if os.getuid() == 0 else {}),
        )
    found = re.search(r"Collected : (\d+)", ran.stderr)
    if found is None or (error := re.search("ERROR: .*|FATAL: .*", ran.stderr)):
        raise SystemExit(f"bench: {call.name}: {error[0] if found else ran.stderr[-300:]}")
    return int(found[1])


def figures() -> Iterator[tuple[str, int]]:
    with running(None) as server:
        say("filling")
        prepare(server)
        row = server.admin.execute("show data_directory").fetchone()
        assert row is not None
        say(f"counting {len(CALLS)} calls, a minute or two")
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            counts = pool.map(lambda call: counted(call, Path(row[0])), CALLS)
            yield from zip((call.name for call in CALLS), counts, strict=True)


def main() -> None:
    if shutil.which("valgrind") is None:
        sys.exit("bench: valgrind is not installed (Debian: apt-get install valgrind)")
    for name, count in figures():
        print(f"{count:10,}  {name}", flush=True)


if __name__ == "__main__":
    main()
