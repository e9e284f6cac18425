"""All calls at once, at random, after which the queue must drain (promise 7, I1–I7, fault 12)."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import Any
from uuid import UUID

import psycopg
import pytest

import engine
from conftest import Connect, Connection
from engine import transaction
from support import one, rows, run_threads, value
from workers import Watch

SECONDS = 15.0
THREADS = 8

# The errors that a call may raise here: it came too late, was stopped, or conflicts with another.
EXPECTED = {"LH001", "LH002", "LH003", "LH004", "LH005", "LH006", "LH007", "LH008", "LH009"}
EXPECTED |= {"LH018"}


class Actor:
    """One thread that calls at random, keeps what was acknowledged, and fails on unexpected
    errors."""

    def __init__(self, conn: Connection, number: int, known: list[UUID]) -> None:
        self.conn = conn
        self.number = number
        self.chance = random.Random(number)
        self.known = known  # shared: the jobs that all actors submitted
        self.acknowledged: set[UUID] = set()
        self.completed: set[UUID] = set()
        self.held: list[engine.Work] = []
        self.submitted: list[UUID] = []  # in the current transaction
        self.counts: Counter[str] = Counter()

    def some(self, most: int) -> list[UUID]:
        seen = self.known[-40:]
        return self.chance.sample(seen, min(len(seen), self.chance.randint(0, most)))

    def submit(self) -> None:
        arguments: dict[str, Any] = {
            "next_need": f"n{self.chance.randrange(3)}",
            "priority": self.chance.choice([1, 100, 100]),
            "retry": engine.AT_ONCE,
            "max_attempts": self.chance.choice([1, 5]),
            "wait_for": self.some(3) if self.chance.random() < 0.5 else [],
            "on_dependency_failure": self.chance.choice(["hold", "cascade", "release"]),
        }
        if self.chance.random() < 0.4:
            arguments["singleton_key"] = f"k{self.chance.randrange(4)}"
        if self.chance.random() < 0.3:
            arguments["idempotency_key"] = f"i{self.chance.randrange(200)}"
        answer = one(self.conn, "submit", **arguments)
        self.submitted.append(answer["job_id"])

    def submit_many(self) -> None:
        keys = [f"i{self.chance.randrange(200)}" for _ in range(5)]
        for job_id in engine.submit_many(
            self.conn,
            [
                {"next_need": "n0", "idempotency_key": k, "retry": engine.AT_ONCE}
                for k in dict.fromkeys(keys)
            ],
        ):
            self.submitted.append(job_id)

    def take(self) -> None:
        capabilities = self.chance.choice([["%"], ["n0"], ["n1", "n2"]])
        lease = self.chance.choice(["60 s", "60 s", "20 ms"])
        self.held += engine.take(self.conn, *capabilities, n=self.chance.randint(1, 5), lease=lease)

    def pop(self) -> engine.Work | None:
        if not self.held:
            self.take()
        return self.held.pop(self.chance.randrange(len(self.held))) if self.held else None

    def complete(self) -> None:
        if work := self.pop():
            with transaction(self.conn):
                self.conn.execute("insert into effect values (%s)", (work["job_id"],))
                engine.complete(self.conn, work)
            self.completed.add(work["job_id"])

    def end_otherwise(self) -> None:
        if work := self.pop():
            function, arguments = self.chance.choice(
                [
                    ("fail", {"error": "x", "retryable": self.chance.random() < 0.8}),
                    ("release", {}),
                    ("reschedule", {"wait_for": self.some(2)}),
                    ("reschedule", {"next_need": "n2"}),
                    ("extend", {}),
                    ("checkpoint", {"name": "c"}),
                ]
            )
            if function in ("extend", "checkpoint"):
                self.held.append(work)
            rows(self.conn, function, **engine.lease_of(work), **arguments)

    def settle(self) -> None:
        self.take()
        works, self.held = self.held, []
        self.chance.shuffle(works)
        done = []
        for work in works:
            verb = self.chance.choice(["complete", "release", "fail", "complete"])
            more = {"error": "x"} if verb == "fail" else {}
            done.append(engine.lease_of(work) | {"verb": verb} | more)
        if done:
            with transaction(self.conn):
                answers = engine.settle(self.conn, done, strict=False)
                ended = [a["job_id"] for a in answers if a["ok"] and a["verb"] == "complete"]
                self.conn.execute("insert into effect select unnest(%s::uuid[])", (ended,))
            self.completed |= set(ended)

    def act_without_lease(self) -> None:
        for job_id in self.some(1):
            function, arguments = self.chance.choice(
                [
                    ("cancel", {}),
                    ("redrive", {}),
                    ("reschedule_unheld", {"wait_for": self.some(2)}),
                    ("reschedule_unheld", {}),
                    ("fail_unheld", {"error": "x"}),
                ]
            )
            rows(self.conn, function, job_id=job_id, actor="soak", **arguments)

    def run_maintenance(self) -> None:
        engine.one(self.conn, "sweep", limit_jobs=50)
        if self.chance.random() < 0.2:
            rows(self.conn, "redrive_many", capability="%", actor="soak", limit_jobs=5)

    def run(self, deadline: float) -> None:
        calls = [
            *[self.submit] * 6,
            self.submit_many,
            *[self.complete] * 7,
            *[self.end_otherwise] * 3,
            *[self.settle] * 2,
            self.act_without_lease,
            self.run_maintenance,
            self.take,
        ]
        while time.monotonic() < deadline:
            call = self.chance.choice(calls)
            self.submitted = []
            try:
                if call in (self.submit, self.run_maintenance) and self.chance.random() < 0.3:
                    with transaction(self.conn):  # two calls in one transaction
                        call()
                        call()
                else:
                    call()
                self.counts[call.__name__] += 1
                self.acknowledged |= set(self.submitted)
                self.known += self.submitted
            except psycopg.Error as error:
                self.counts[f"{call.__name__} {error.sqlstate}"] += 1
                if error.sqlstate not in EXPECTED | {"40001"}:
                    raise AssertionError(f"{call.__name__}: {error.sqlstate} {error}") from error


@pytest.mark.long
def test_a_soak_of_everything_drains(connect: Connect, conn: Connection) -> None:
    conn.execute("create table effect (job_id uuid)")
    value(conn, "set_setting", name="max_crashes", value="100")
    known: list[UUID] = []
    levels = ["read committed"] * 6 + ["repeatable read", "serializable"]
    actors = [
        Actor(connect(options=f"-c lock_timeout=20s {engine.at_level(level)}"), n, known)
        for n, level in enumerate(levels)
    ]
    deadline = time.monotonic() + SECONDS
    with Watch(connect()):
        run_threads([lambda a=a: a.run(deadline) for a in actors], seconds=SECONDS + 300)
    engine.check(conn)

    # the faults stop here: the workers are gone, their leases expire, and the queue drains
    engine.expire_leases(conn)
    for row in engine.query(
        conn, "select job_id from job where state = 'leased' and cancel_requested"
    ):
        value(conn, "cancel", job_id=row["job_id"], actor="soak")
    engine.sweep(conn, 5, limit=100_000)
    engine.drain_except_the_dead(conn)
    engine.check(conn)

    acknowledged = set().union(*(a.acknowledged for a in actors))
    there = {
        row["job_id"]
        for row in engine.query(conn, "select job_id from job union all select job_id from archive")
    }
    assert acknowledged <= there, "an acknowledged job is lost"
    assert engine.scalar(conn, "select count(*) = count(distinct job_id) from effect")
    effects = {row["job_id"] for row in engine.query(conn, "select job_id from effect")}
    completed = set().union(*(a.completed for a in actors))
    assert completed == effects, "an effect without its completion, or the other way round"
    succeeded = {
        row["job_id"]
        for row in engine.query(conn, "select job_id from archive where state = 'succeeded'")
    }
    assert effects <= succeeded
    assert len(succeeded) > 300, "hardly any job succeeded"
