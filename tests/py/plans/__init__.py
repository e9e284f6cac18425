"""Measures what a call reads: the server's own counts of scans, index entries, rows and blocks,
taken before and after the call in one transaction; the worlds in which calls are measured, and
the calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

import engine
from conftest import Connection
from engine import Work, scalar
from support import eventually, one

# --- what a call reads ----------------------------------------------------------------------

_COUNTS = """
select
    c.relname, c.relkind = 'i', pg_stat_get_xact_numscans(c.oid),
    pg_stat_get_xact_tuples_returned(c.oid), pg_stat_get_xact_tuples_fetched(c.oid),
    pg_stat_get_xact_blocks_fetched(c.oid)
from pg_class as c
where c.relnamespace = 'leasehold'::regnamespace and c.relkind in ('r', 'i')
"""


@dataclass(frozen=True)
class Reads:
    """What one call read. `scanned` counts the sequential scans of each table."""

    result: list[tuple[Any, ...]]
    scanned: Mapping[str, int]
    used: Mapping[str, int]
    entries: Mapping[str, int]
    fetched: Mapping[str, int]
    blocks: int


def measure(conn: Connection, text: str, arguments: Mapping[str, Any], before: str = "") -> Reads:
    """Runs one statement and returns what it read. It is one message, hence one transaction, so
    that the counts are those of the statement alone. `before` runs first in that transaction and
    is not counted."""
    with psycopg.ClientCursor(conn) as cursor:
        cursor.execute(f"{before}{_COUNTS}; {text}; {_COUNTS}", arguments)
        if before:
            assert cursor.nextset()
        earlier = {row[0]: row[1:] for row in cursor.fetchall()}
        assert cursor.nextset()
        result = cursor.fetchall()
        assert cursor.nextset()
        later = {row[0]: row[1:] for row in cursor.fetchall()}
    more = {
        name: (kind, *(b - a for a, b in zip(earlier[name][1:], counts, strict=True)))
        for name, (kind, *counts) in later.items()
    }
    return Reads(
        result,
        {n: scans for n, (index, scans, *_) in more.items() if scans and not index},
        {n: scans for n, (index, scans, *_) in more.items() if scans and index},
        {n: found for n, (index, _, found, *_) in more.items() if found and index},
        {n: rows for n, (index, _, _, rows, _) in more.items() if rows and not index},
        sum(blocks for *_, blocks in more.values()),
    )


# --- worlds ---------------------------------------------------------------------------------

HOT = "plan.hot"  # the need of most jobs
KEYED = "plan.keyed"  # its jobs have singleton keys, nine jobs a key
QUEUE = "plan.queue"  # all its jobs have one key
FEW = "plan.few."  # a prefix of ten needs
OTHERS = 1000  # further needs

# Only the test runs ANALYZE, and a million rows need not be written to the WAL. This runs before
# the first plan is made.
PREPARE = """
do $$
declare
    v_table regclass;
begin
    for v_table in
        select c.oid from pg_class as c
        where c.relnamespace = 'leasehold'::regnamespace and c.relkind = 'r'
    loop
        execute format('alter table %s set (autovacuum_enabled = false)', v_table);
        execute format('alter table %s set unlogged', v_table);
    end loop;
end
$$
"""

_ID = "('00000000-0000-7000-8000-' || lpad(to_hex({}), 12, '0'))::uuid"

_WAITING = """
        job_id, number, submitted_at, available_at, priority, parked, state, next_need,
        submitted_by, on_dependency_failure, payload, expires_at, singleton_key, options
"""
_LEASED = """
        job_id, number, submitted_at, available_at, priority, state, next_need,
        submitted_by, on_dependency_failure, payload, attempt, singleton_key,
        fence, lease_id, worker_id, leased_at, lease_expires_at, check_at,
        failure, ended_at
"""

# n live jobs and their other rows, as the engine's functions would leave them, by plain INSERTs:
# a million calls of submit would take minutes. The last two digits of a job decide its kind.
FILL = (
    f"""
    insert into lane (next_need, priority, keyed, stems, opened_at)
    select f.need, 100, f.need in ('{KEYED}', '{QUEUE}'), _stems(f.need), now()
    from (
        select 'other.n' || g from generate_series(0, {OTHERS - 1}) as g
        union all select '{FEW}' || g from generate_series(0, 9) as g
        union all values ('{HOT}'), ('{KEYED}'), ('{QUEUE}')
    ) as f (need)
    where not exists (select from lane as l where l.next_need = f.need)
    """,
    """
    insert into watermark (next_need, priorities, numbers, keyed, seen_number, seen_by, noted_at)
    select l.next_need, '{100}', '{0}', l.keyed, 0, '0', now() - interval '1 h'
    from lane as l
    cross join generate_series(1, 3)
    where not exists (select from watermark as m where m.next_need = l.next_need)
    """,
    f"""
    with made as materialized (
        select
            {_ID.format("g")}, nextval('number_seq'), now(),
            now() + case when k between 45 and 59 then interval '1 day' + g * interval '1 ms'
                else interval '0' end,
            100, k between 86 and 93 or k = 94 and g > 94,
            case when k between 45 and 59 then 'scheduled' when k between 60 and 64 then 'blocked'
                else 'ready' end as state,
            case when k between 30 and 39 then 'other.n' || g / 10 % {OTHERS}
                when k between 40 and 44 then '{FEW}' || g / 10 % 10
                when k between 85 and 93 then '{KEYED}' when k = 94 then '{QUEUE}'
                else '{HOT}' end,
            'filler', 'hold', '{{}}'::jsonb,
            case when k between 25 and 29 then now() + interval '1 day' + g * interval '1 ms' end,
            case when k between 85 and 93 then 'key ' || g / 100 when k = 94 then 'queue'
            end as singleton_key,
            case when k between 60 and 64
                then _pack_options(null, null, null, array[{_ID.format("g + 5")}]) end
        from (select g, g % 100 as k from generate_series(1, %(n)s) as g) as f
        where k not between 65 and 84
    ), there as (
        insert into ready ({_WAITING})
        select m.* from made as m where m.state = 'ready' and m.singleton_key is null
    )
    insert into job ({_WAITING})
    select m.* from made as m where m.state <> 'ready' or m.singleton_key is not null
    """,
    f"""
    with made as materialized (
        select
            {_ID.format("g")}, nextval('number_seq'), now(), now(), 100,
            case when dead then 'dead' else 'leased' end as state, '{HOT}', 'filler', 'hold',
            '{{}}'::jsonb, 1,
            case when g % 100 = 84 then 'leased ' || g end,
            nextval('fence_seq'), {_ID.format("g")}, 'filler', now(), now() + interval '1 day',
            case when not dead then now() + interval '1 day' + g * interval '1 ms' end,
            case when dead then _pack_failure('broken', null, 'attempts_exhausted') end,
            case when dead then now() + interval '1 day' + g * interval '1 ms' end
        from (
            select g, g % 100 < 75 as dead from generate_series(1, %(n)s) as g
            where g % 100 between 65 and 84
        ) as f
    ), held as (
        insert into leased ({_LEASED}) select m.* from made as m where m.state = 'leased'
    )
    insert into job ({_LEASED}) select m.* from made as m where m.state = 'dead'
    """,
    # the blocked jobs wait for the dead ones
    f"""
    insert into dependency (waits_for, job_id)
    select {_ID.format("g + 5")}, {_ID.format("g")}
    from generate_series(1, %(n)s) as g
    where g % 100 between 60 and 64
    """,
    f"""
    insert into deferred (kind, job_id, due_at)
    select 'recheck', {_ID.format("g")}, now() + interval '1 day'
    from generate_series(1, %(n)s) as g
    where g % 100 between 60 and 61
    """,
    f"""
    with ended as (
        insert into archive (
            job_id, submitted_at, available_at, ended_at, attempt, priority, crashes,
            cancel_requested, state, next_need, submitted_by, on_dependency_failure, payload,
            options
        )
        select
            {_ID.format("%(n)s + g")}, now(), now(), now(), 1, 100, 0, false, 'succeeded',
            '{HOT}', 'filler', 'hold', '{{}}', _pack_options(null, null, 'filler ' || g, null)
        from generate_series(1, %(n)s / 10) as g
        returning job_id, (options).idempotency_key
    ), given as (
        insert into given_id (job_id) select e.job_id from ended as e
    ), wrote as (
        insert into history (job_id, at, event, actor, state, attempt)
        select e.job_id, now(), 'failed', 'filler', 'scheduled', 1 from ended as e
    )
    insert into idempotency (key, job_id, request)
    select e.idempotency_key, e.job_id, '' from ended as e
    """,
    """
    insert into checkpoint (job_id, name, result, recorded_at)
    select j.job_id, 'step', '1', now() from job as j
    where j.state = 'leased' and j.submitted_by = 'filler'
    """,
    """
    insert into waiter (channel, stem, until)
    select 'other ' || g, 'other.n' || g, now() + interval '1 h'
    from generate_series(1, 1000) as g
    """,
    """
    insert into listener (channel, stem, known_until)
    select 'other ' || g, 'other.n' || g, now() + interval '3 days'
    from generate_series(1, 1000) as g
    """,
)


def fill(conn: Connection, jobs: int) -> None:
    for statement in FILL:
        conn.execute(statement.replace("%(n)s", str(jobs)))


def empty(conn: Connection, but: int = 0) -> None:
    """Deletes all jobs and their other rows, except the `but` youngest jobs of the filler."""
    conn.execute(
        f"""
        create temporary table kept as
        select j.job_id from job as j where j.submitted_by = 'filler'
        order by j.job_id desc limit {but}
        """
    )
    conn.execute("analyze kept")
    for table in (
        "job",
        "dependency",
        "deferred",
        "archive",
        "given_id",
        "idempotency",
        "history",
        "checkpoint",
    ):
        conn.execute(
            f"""
            delete from {table} as t
            where not exists (select from kept as k where k.job_id = t.job_id)
            """
        )
    conn.execute("drop table kept")


# --- the calls ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """`prepare` sets up what the call needs, and returns its statement, the arguments, and the
    statements that run before it in its transaction."""

    name: str
    prepare: Callable[[Connection], tuple[str, Mapping[str, Any], str]]
    rows: int
    uses: frozenset[str]
    most: int
    blocks: int
    but: Mapping[str, int]

    def measure(self, conn: Connection) -> Reads:
        text, arguments, before = self.prepare(conn)
        found = measure(conn, text, arguments, before)
        assert len(found.result) == self.rows, f"it returned {len(found.result)} rows"
        for row in found.result:
            if len(row) == 2 and isinstance(row[0], UUID) and isinstance(row[1], UUID):
                engine.complete(conn, {"job_id": row[0], "lease_id": row[1]})
        return found

    def breaches(self, found: Reads) -> list[str]:
        """The limits that a measured call exceeds."""
        said = [f"reads all of {table}" for table in sorted(found.scanned.keys() - SMALL)]
        said += [f"does not use {index}" for index in sorted(self.uses - found.used.keys())]
        said += [
            f"reads {entries} entries of {index}"
            for index, entries in sorted(found.entries.items())
            if entries > self.but.get(index, self.most)
        ]
        if found.blocks > self.blocks:
            said.append(f"reads {found.blocks} blocks, not at most {self.blocks}")
        return said


# Maintenance reads all lanes, all registrations, or all extended leases: its cost depends on their
# number, not on the length of the queue.
LANES = 2 * (OTHERS + 200)
MAINTENANCE = {
    "lane_idx": 2 * LANES,
    "waiter_stem_idx": 2000,
    "waiter_channel_idx": 2000,
    "heartbeat_pkey": 2000,
}

# Tables that never have more than a handful of rows: reading all of them does no harm.
SMALL = {"setting", "cycle_gate", "maintenance_error"}

CALLS: list[Call] = []


def call(
    *, uses: str = "", rows: int = 1, most: int = 30, blocks: int = 150, **but: int
) -> Callable[[Any], Any]:
    """uses: the indexes that must be used; most: how many entries of any one index may be read,
    with exceptions in `but`; blocks: how many in all. None depends on the number of jobs."""

    def register(prepare: Callable[[Connection], tuple[str, Mapping[str, Any], str]]) -> Any:
        name = prepare.__name__.replace("_", " ").strip()
        CALLS.append(Call(name, prepare, rows, frozenset(uses.split()), most, blocks, but))
        return prepare

    return register


def _maintenance_was(conn: Connection, when: str, took: str = "0") -> None:
    """Makes the last maintenance by a poll look as if it ran at that time: if now, get_work runs
    none; if long ago, it does."""
    # The sequences stand apart from the numbers at which old watermarks and horizons are removed:
    # the cost of that depends on how many there are to remove.
    conn.execute(
        """
        select
            setval('watermark_watermark_id_seq', (nextval('watermark_watermark_id_seq') / 100 + 1) * 100 + 1),
            setval('maintenance_horizon_horizon_id_seq', (nextval('maintenance_horizon_horizon_id_seq') / 64 + 1) * 64 + 1)
        """
    )
    conn.execute(
        f"""
        insert into maintenance_horizon (at, took, leases_from, schedules_from, seen_at, seen_by)
        select {when}, interval '{took}', t.leases_from, t.schedules_from, t.seen_at, t.seen_by
        from (select * from maintenance_horizon order by horizon_id desc limit 1) as t
        union all select {when}, interval '{took}', '-infinity', '-infinity', '-infinity', '0'
        where not exists (select from maintenance_horizon)
        """
    )


def _quiet(conn: Connection) -> None:
    # maintenance is due again after twenty times as long as it took
    _maintenance_was(conn, "clock_timestamp()", "1 s")


_WATERMARKS = """
update watermark as m set noted_at = {when}
where m.watermark_id in (
    select max(k.watermark_id) from watermark as k where k.next_need = any ('{needs}') group by k.next_need
)
"""


def _watermarks_were(when: str, *needs: str) -> str:
    """The statement that makes the needs' watermarks look as if they were advanced then."""
    return _WATERMARKS.format(when=when, needs="{" + ",".join(needs) + "}")


def _swept(conn: Connection) -> None:
    """Runs all maintenance that is due, so that only what is due much later is left."""

    def idle() -> bool:
        one(conn, "sweep", limit_jobs=1000)
        return not scalar(
            conn, "select exists (select from deferred where due_at < now() + interval '1 minute')"
        )

    eventually(idle, "maintenance is done")


def _ready(conn: Connection, need: str, n: int = 1, **arguments: Any) -> list[UUID]:
    """Submits n jobs with the need, which may have a million jobs already."""
    return engine.submit_many(conn, [{"next_need": need, **arguments}] * n)


def _leased(conn: Connection, n: int = 1, need: str = HOT, **arguments: Any) -> list[Work]:
    _ready(conn, need, n, **arguments)
    found = engine.take(conn, need, n=n, lease="1 h")
    assert len(found) == n
    return found


def _get_work(n: int = 1, *capabilities: str) -> tuple[str, Mapping[str, Any]]:
    return (
        "select job_id, lease_id from get_work('w', %(capabilities)s, limit_jobs => %(n)s)",
        {"capabilities": list(capabilities), "n": n},
    )


def _waited(conn: Connection, *, take: bool = True) -> Work:
    """A job that waited for five others; leased, or ready as the only one of its need."""
    found = _leased(conn, 5)
    engine.submit(conn, "plan.waited", wait_for=[work["job_id"] for work in found])
    for work in found:
        engine.complete(conn, work, result=Jsonb(1))
    return engine.take_one(conn, "plan.waited", lease="1 h") if take else {}


def _batch(found: Sequence[Work], **more: Any) -> Jsonb:
    return Jsonb(
        [{"job_id": str(w["job_id"]), "lease_id": str(w["lease_id"])} | more for w in found]
    )


@call(uses="lane_idx waiter_stem_idx")
def submit(conn: Connection) -> Any:
    return "select submit(%(need)s)", {"need": HOT}, ""


@call(uses="lane_idx watermark_pkey listener_stem_idx")
def submit_of_a_new_need(conn: Connection) -> Any:
    return "select submit(%(need)s)", {"need": f"new.n{uuid4().hex}"}, ""


@call(uses="lane_idx idempotency_pkey")
def submit_with_an_idempotency_key(conn: Connection) -> Any:
    return (
        "select submit(%(need)s, idempotency_key => %(key)s)",
        {"need": HOT, "key": str(uuid4())},
        "",
    )


@call(uses="idempotency_pkey job_pkey")
def submit_of_a_known_idempotency_key(conn: Connection) -> Any:
    key = str(uuid4())
    engine.submit(conn, HOT, idempotency_key=key)
    return "select submit(%(need)s, idempotency_key => %(key)s)", {"need": HOT, "key": key}, ""


@call(uses="given_id_pkey job_pkey archive_pkey lane_idx")
def submit_with_an_id(conn: Connection) -> Any:
    return "select submit(%(need)s, job_id => %(id)s)", {"need": HOT, "id": uuid4()}, ""


@call(uses="job_pkey archive_pkey lane_idx")
def submit_behind_jobs(conn: Connection) -> Any:
    return (
        "select submit(%(need)s, wait_for => %(ids)s)",
        {"need": HOT, "ids": _ready(conn, HOT, 3)},
        "",
    )


@call(uses="leased_key_idx job_ready_key_idx lane_idx")
def submit_behind_a_singleton_key(conn: Connection) -> Any:
    key = str(uuid4())
    engine.submit(conn, KEYED, singleton_key=key)
    return "select submit(%(need)s, singleton_key => %(key)s)", {"need": KEYED, "key": key}, ""


@call(uses="waiter_stem_idx lane_idx")
def submit_that_wakes_a_worker(conn: Connection) -> Any:
    one(conn, "wakeup_channel", capabilities=[HOT], until=datetime.now(UTC) + timedelta(seconds=60))
    return "select submit(%(need)s)", {"need": HOT}, ""


@call(uses="lane_idx waiter_stem_idx", rows=10)
def submit_many_of_ten(conn: Connection) -> Any:
    return "select submit_many(%(jobs)s)", {"jobs": Jsonb([{"next_need": HOT}] * 10)}, ""


@call(
    uses="lane_idx idempotency_pkey given_id_pkey job_pkey archive_pkey job_ready_key_idx"
    " leased_key_idx",
    rows=10,
    most=60,
    blocks=600,
)
def submit_many_of_ten_with_everything(conn: Connection) -> Any:
    ids = [str(uuid4()) for _ in range(10)]
    known = str(engine.submit(conn, HOT))
    engine.submit(conn, KEYED, singleton_key=known)
    jobs = [
        {
            "next_need": KEYED,
            "job_id": job_id,
            "idempotency_key": job_id,
            "singleton_key": known,
        }
        | ({"wait_for": [known, ids[place - 1]]} if place % 2 else {})
        for place, job_id in enumerate(ids)
    ]
    return "select submit_many(%(jobs)s)", {"jobs": Jsonb(jobs)}, ""


@call(uses="watermark_pkey ready_lane_idx")
def get_work_by_fresh_watermarks(conn: Connection) -> Any:
    _ready(conn, HOT)
    _quiet(conn)
    return *_get_work(1, HOT), _watermarks_were("clock_timestamp()", HOT) + ";"


@call(uses="watermark_pkey ready_lane_idx job_ready_head_idx")
def get_work_by_fresh_watermarks_of_two_lanes_and_with_keys(conn: Connection) -> Any:
    for priority in (50, 100):
        _ready(conn, "plan.mixed", singleton_key=str(uuid4()), priority=priority)
        engine.take_one(conn, "plan.mixed", lease="1 h")
    _ready(conn, "plan.mixed")
    engine.advance_watermarks(conn, "plan.mixed")
    _quiet(conn)
    return *_get_work(1, "plan.mixed"), _watermarks_were("clock_timestamp()", "plan.mixed") + ";"


# one advance in a hundred reads all watermarks of its need, of which there are as many, to remove
# the old ones
@call(uses="watermark_pkey lane_idx ready_lane_idx", watermark_pkey=250)
def get_work_by_old_watermarks(conn: Connection) -> Any:
    _ready(conn, HOT)
    _quiet(conn)
    conn.execute(_watermarks_were("'-infinity'", HOT))
    return *_get_work(1, HOT), ""


@call(
    uses="watermark_pkey lane_idx ready_lane_idx maintenance_horizon_pkey deferred_due_at_idx"
    " leased_check_at_idx job_scheduled_idx job_expires_at_idx",
    blocks=300,
)
def get_work_with_maintenance(conn: Connection) -> Any:
    _ready(conn, HOT)
    _swept(conn)
    conn.execute(_watermarks_were("'-infinity'", HOT))
    _maintenance_was(conn, "clock_timestamp() - interval '5 s'")
    return *_get_work(1, HOT), ""


@call(uses="watermark_pkey lane_idx", rows=0)
def get_work_that_finds_nothing(conn: Connection) -> Any:
    _swept(conn)
    _quiet(conn)
    return *_get_work(1, "plan.nothing"), ""


@call(
    uses="lane_cache_pkey ready_lane_idx job_ready_head_idx job_pkey", blocks=400, lane_pkey=LANES
)
def get_work_of_two_needs(conn: Connection) -> Any:
    _ready(conn, HOT)
    _ready(conn, KEYED, singleton_key=str(uuid4()))
    _quiet(conn)
    return *_get_work(1, HOT, KEYED), ""


@call(
    uses="lane_cache_pkey ready_lane_idx job_ready_head_idx job_pkey",
    most=400,  # the lane cache and the lookahead are written anew: dozens of lanes, a few times
    blocks=1500,
    lane_idx=LANES,
    lane_pkey=LANES,
)
def get_work_of_a_prefix(conn: Connection) -> Any:
    engine.submit_many(conn, [{"next_need": f"{FEW}{n}"} for n in range(10)])
    _quiet(conn)
    return *_get_work(1, f"{FEW}%"), ""


# dead index entries of heads are read: heads have no watermark
@call(uses="job_ready_head_idx leased_key_idx job_pkey", blocks=500)
def get_work_of_singleton_keys(conn: Connection) -> Any:
    _ready(conn, KEYED, singleton_key=str(uuid4()))
    _quiet(conn)
    return *_get_work(1, KEYED), ""


@call(uses="ready_lane_idx archive_pkey", most=60, blocks=500)
def get_work_of_a_job_that_waited_for_five(conn: Connection) -> Any:
    _waited(conn, take=False)
    _quiet(conn)
    return *_get_work(1, "plan.waited"), ""


@call(
    uses="watermark_pkey ready_lane_idx job_ready_head_idx ready_pkey",
    rows=100,
    most=700,
    blocks=4000,
)
def get_work_of_a_hundred(conn: Connection) -> Any:
    _ready(conn, HOT, 100)
    _quiet(conn)
    return *_get_work(100, HOT), ""


@call(uses="leased_pkey dependency_pkey")
def complete(conn: Connection) -> Any:
    (work,) = _leased(conn)
    return "select complete(%(job_id)s, %(lease_id)s)", engine.lease_of(work), ""


@call(uses="leased_pkey job_pkey dependency_pkey dependency_job_id_idx", most=60, blocks=500)
def complete_with_five_dependents(conn: Connection) -> Any:
    (work,) = _leased(conn)
    _ready(conn, HOT, 5, wait_for=[work["job_id"]])
    return "select complete(%(job_id)s, %(lease_id)s)", engine.lease_of(work), ""


@call(uses="leased_pkey dependency_pkey", most=110)
def complete_with_a_thousand_dependents(conn: Connection) -> Any:
    (work,) = _leased(conn)
    _ready(conn, HOT, 1000, wait_for=[work["job_id"]])
    return "select complete(%(job_id)s, %(lease_id)s)", engine.lease_of(work), ""


@call(uses="leased_pkey job_pkey dependency_pkey leased_key_idx job_ready_key_idx", blocks=300)
def complete_of_a_singleton_key(conn: Connection) -> Any:
    (work,) = _leased(conn, need=QUEUE, singleton_key="queue")
    engine.submit(conn, QUEUE, singleton_key="queue")
    return "select complete(%(job_id)s, %(lease_id)s)", engine.lease_of(work), ""


@call(uses="leased_pkey")
def fail(conn: Connection) -> Any:
    (work,) = _leased(conn)
    return "select fail(%(job_id)s, %(lease_id)s, 'broken')", engine.lease_of(work), ""


@call(uses="leased_pkey dependency_pkey")
def fail_for_good(conn: Connection) -> Any:
    (work,) = _leased(conn)
    return "select fail(%(job_id)s, %(lease_id)s, 'broken', false)", engine.lease_of(work), ""


@call(uses="leased_pkey job_pkey dependency_pkey", most=100, blocks=900)
def fail_for_good_with_five_that_die_with_it(conn: Connection) -> Any:
    (work,) = _leased(conn)
    _ready(conn, HOT, 5, wait_for=[work["job_id"]], on_dependency_failure="cascade")
    return "select fail(%(job_id)s, %(lease_id)s, 'broken', false)", engine.lease_of(work), ""


@call(uses="job_pkey dependency_pkey dependency_job_id_idx", most=100, blocks=900)
def redrive_with_five_that_come_back(conn: Connection) -> Any:
    (work,) = _leased(conn)
    _ready(conn, HOT, 5, wait_for=[work["job_id"]], on_dependency_failure="cascade")
    one(conn, "fail", **engine.lease_of(work), error="broken", retryable=False)
    _swept(conn)
    return "select redrive(%(id)s, 'me', 'again')", {"id": work["job_id"]}, ""


@call(uses="job_pkey dependency_pkey", most=100, blocks=900)
def cancel_with_five_that_die(conn: Connection) -> Any:
    job_id = engine.submit(conn, HOT)
    _ready(conn, HOT, 5, wait_for=[job_id])
    return "select cancel(%(id)s, 'me', 'enough')", {"id": job_id}, ""


@call(uses="ready_pkey")
def complete_unheld(conn: Connection) -> Any:
    return "select complete_unheld(%(id)s, 'me', '1')", {"id": engine.submit(conn, HOT)}, ""


@call(uses="leased_pkey job_pkey")
def release(conn: Connection) -> Any:
    (work,) = _leased(conn)
    return "select release(%(job_id)s, %(lease_id)s)", engine.lease_of(work), ""


@call(uses="leased_pkey job_pkey lane_idx")
def reschedule(conn: Connection) -> Any:
    (work,) = _leased(conn)
    return (
        "select reschedule(%(job_id)s, %(lease_id)s, next_need => 'other.n1')",
        engine.lease_of(work),
        "",
    )


@call(uses="leased_pkey job_pkey dependency_job_id_idx")
def reschedule_behind_a_job(conn: Connection) -> Any:
    (work,) = _leased(conn)
    other = engine.submit(conn, HOT)
    return (
        "select reschedule(%(job_id)s, %(lease_id)s, wait_for => array[%(other)s])",
        engine.lease_of(work) | {"other": other},
        "",
    )


@call(uses="leased_pkey dependency_pkey", rows=10, most=100, blocks=400)
def settle_of_ten(conn: Connection) -> Any:
    return "select settle(%(done)s)", {"done": _batch(_leased(conn, 10), verb="complete")}, ""


@call(uses="leased_pkey archive_pkey dependency_pkey", rows=10, most=200, blocks=400)
def settle_of_ten_that_is_not_strict(conn: Connection) -> Any:
    found = _leased(conn, 10)
    for work in found[:5]:
        engine.complete(conn, work)
    return "select settle(%(done)s, false)", {"done": _batch(found, verb="complete")}, ""


@call(
    uses="leased_pkey dependency_pkey watermark_pkey ready_lane_idx", rows=20, most=100, blocks=1000
)
def turn_of_ten(conn: Connection) -> Any:
    done = _batch(_leased(conn, 10), verb="complete")
    _ready(conn, HOT, 10)
    _quiet(conn)
    return (
        "select (t.work).job_id, (t.work).lease_id from turn('w', %(needs)s, %(done)s,"
        " limit_jobs => 10) as t",
        {"needs": [HOT], "done": done},
        "",
    )


@call(uses="leased_pkey heartbeat_pkey")
def extend(conn: Connection) -> Any:
    (work,) = _leased(conn)
    return "select extend(%(job_id)s, %(lease_id)s, '2 h')", engine.lease_of(work), ""


@call(uses="leased_pkey checkpoint_pkey")
def checkpoint(conn: Connection) -> Any:
    (work,) = _leased(conn)
    return "select checkpoint(%(job_id)s, %(lease_id)s, 'step', '1')", engine.lease_of(work), ""


@call(uses="leased_pkey checkpoint_pkey")
def checkpoints(conn: Connection) -> Any:
    (work,) = _leased(conn)
    one(conn, "checkpoint", **engine.lease_of(work), name="step", result=Jsonb(1))
    return "select checkpoints(%(job_id)s, %(lease_id)s)", engine.lease_of(work), ""


@call(uses="leased_pkey archive_pkey", rows=5, most=60)
def results(conn: Connection) -> Any:
    return "select results(%(job_id)s, %(lease_id)s)", engine.lease_of(_waited(conn)), ""


@call(uses="leased_pkey heartbeat_pkey", rows=10, most=120, blocks=400)
def extend_many_of_ten(conn: Connection) -> Any:
    return "select extend_many(%(leases)s, '2 h')", {"leases": _batch(_leased(conn, 10))}, ""


@call(uses="leased_pkey archive_pkey", rows=10, most=100, blocks=400)
def extend_many_of_ten_that_ended(conn: Connection) -> Any:
    found = _leased(conn, 10)
    for work in found:
        engine.complete(conn, work)
    return "select extend_many(%(leases)s, '2 h')", {"leases": _batch(found)}, ""


@call(uses="waiter_channel_idx", blocks=600, job_scheduled_idx=250)
def wakeup_channel(conn: Connection) -> Any:
    return (
        "select wakeup_channel(%(capabilities)s, now() + interval '10 s')",
        {"capabilities": [f"wake.{uuid4().hex}"]},
        "",
    )


@call(uses="waiter_channel_idx", blocks=600, job_scheduled_idx=250)
def wakeup_channel_again(conn: Connection) -> Any:
    capabilities = [f"wake.{uuid4().hex}", f"wake.{uuid4().hex}.%"]
    text = "select wakeup_channel(%(capabilities)s, now() + interval '10 s')"
    measure(conn, text, {"capabilities": capabilities})
    return text, {"capabilities": capabilities}, ""


@call(
    uses="job_pkey job_scheduled_idx leased_check_at_idx job_expires_at_idx deferred_due_at_idx",
    most=200,
    blocks=2500,
    **MAINTENANCE,
)
def sweep_with_something_to_do(conn: Connection) -> Any:
    _swept(conn)
    soon = (datetime.now(UTC) + timedelta(milliseconds=400)).isoformat()
    _ready(conn, HOT, 5, available_at=soon)
    _ready(conn, "plan.late", 5, expires_at=soon)
    _ready(conn, "plan.crash", 5)
    assert len(engine.take(conn, "plan.crash", n=5, lease="1 ms")) == 5
    _ready(conn, HOT, 5, wait_for=_ready(conn, HOT))
    for work in _leased(conn, 5):
        one(conn, "extend", **engine.lease_of(work))
    # long enough ago for maintenance to check whether these leases are over
    conn.execute("update heartbeat set extended_at = now() - interval '2 minutes'")
    while scalar(conn, "select clock_timestamp() <= %s::timestamptz", soon):
        time.sleep(0.02)
    return "select sweep(50)", {}, ""


@call(
    uses="deferred_due_at_idx leased_check_at_idx job_scheduled_idx job_expires_at_idx",
    blocks=600,
    **MAINTENANCE,
)
def sweep_with_nothing_to_do(conn: Connection) -> Any:
    _swept(conn)
    conn.execute("update heartbeat set extended_at = now()")
    return "select sweep(50)", {}, ""


@call(uses="job_dead_idx job_pkey", rows=2, most=100, blocks=400)
def redrive_many(conn: Connection) -> Any:
    for work in _leased(conn, 2):
        one(conn, "fail", **engine.lease_of(work), error="broken", retryable=False)
    return "select redrive_many(%(need)s, 'me', 2)", {"need": HOT}, ""


@call(uses="ready_pkey")
def job(conn: Connection) -> Any:
    return "select job(%(id)s)", {"id": engine.submit(conn, HOT)}, ""


@call(uses="job_pkey archive_pkey")
def job_in_the_archive(conn: Connection) -> Any:
    (work,) = _leased(conn)
    engine.complete(conn, work)
    return "select job(%(id)s)", {"id": work["job_id"]}, ""


@call(uses="ready_pkey ready_lane_idx", most=1010, blocks=5000)
def why_not_running_of_a_ready_job(conn: Connection) -> Any:
    return "select why_not_running(%(id)s)", {"id": engine.submit(conn, HOT)}, ""


@call(uses="ready_pkey", most=10)
def why_not_running_of_the_first(conn: Connection) -> Any:
    return "select why_not_running(%(id)s)", {"id": engine.submit(conn, HOT, priority=0)}, ""


@call(uses="job_pkey dependency_job_id_idx")
def why_not_running_of_a_blocked_job(conn: Connection) -> Any:
    waits = engine.submit(conn, HOT, wait_for=_ready(conn, HOT))
    return "select why_not_running(%(id)s)", {"id": waits}, ""


@call(uses="job_pkey job_ready_key_idx leased_key_idx")
def why_not_running_of_a_parked_job(conn: Connection) -> Any:
    engine.submit(conn, QUEUE, singleton_key="queue")
    parked = engine.submit(conn, QUEUE, singleton_key="queue")
    return "select why_not_running(%(id)s)", {"id": parked}, ""


# --- from world to world --------------------------------------------------------------------

# One session that keeps the plans that it made two worlds ago, and a new session.
OLD, NEW = "an old session", "a new session"

Seen = dict[tuple[str, str], Reads | Exception]


def journey(
    connect: Callable[[], Connection],
    jobs: int,
    calls: Sequence[Call] = CALLS,
    *,
    new_sessions: bool = True,
) -> dict[str, Seen]:
    """What each call reads in each world: by the call's name, then by world and session.

    The first call of a session plans its statements, and reads the ends of indexes for that too;
    so the second call is the one that counts.
    """
    seen: dict[str, Seen] = {each.name: {} for each in calls}
    old = connect()
    owner = connect()

    def measure_all(world: str, session: str, conn: Connection) -> None:
        for each in calls:
            try:
                seen[each.name][world, session] = each.measure(conn)
            except (AssertionError, psycopg.Error) as error:
                seen[each.name][world, session] = error

    def both(world: str, *, plans_anew: bool = False) -> None:
        if plans_anew:
            measure_all(world, OLD, old)
        measure_all(world, OLD, old)
        if new_sessions:
            new = connect()
            measure_all(world, NEW, new)
            measure_all(world, NEW, new)
            new.close()

    owner.execute(PREPARE)
    for _ in range(2):
        measure_all("nothing was ever there", OLD, old)
    fill(owner, jobs)
    both("a million came, not analyzed")
    owner.execute("analyze")
    both("a million, analyzed", plans_anew=True)
    empty(owner, but=1000)
    # the first calls find the dead index entries and mark them as killed
    measure_all("all but the last are gone, not analyzed", OLD, old)
    both("all but the last are gone, not analyzed")
    empty(owner)
    owner.execute("vacuum analyze")
    both("all are gone, vacuumed and analyzed", plans_anew=True)
    fill(owner, min(jobs, 100_000))
    both("they came again, not analyzed")
    old.close()
    owner.close()
    return seen


def breaches(seen: Mapping[str, Seen]) -> dict[str, list[str]]:
    """The limits that were exceeded, by the call's name."""
    by_name = {each.name: each for each in CALLS}
    said: dict[str, list[str]] = {name: [] for name in seen}
    for name, looks in seen.items():
        for (world, session), found in looks.items():
            wrong = [repr(found)] if isinstance(found, Exception) else by_name[name].breaches(found)
            said[name] += [f"{world}; {session}: {what}" for what in wrong]
    return said


def planned_anew(conn: Connection) -> list[str]:
    """The engine's statements that this session has run and would plan again at the next run:
    those without a generic plan."""
    return [
        " ".join(row["ident"].split())
        for row in engine.query(
            conn,
            """
            select c.ident
            from pg_backend_memory_contexts as c
            where c.name in ('CachedPlanSource', 'CachedPlan')
            group by c.ident
            having count(*) filter (where c.name = 'CachedPlanSource')
                > count(*) filter (where c.name = 'CachedPlan')
            """,
        )
    ]
