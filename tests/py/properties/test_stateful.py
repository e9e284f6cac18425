"""Random sequences of public calls, in three sessions of three isolation levels, against a model
of what the design says (I1–I7). Hypothesis shrinks a failure to the shortest sequence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

import engine
from concurrency.mutations import MUTATIONS
from conftest import Connect, Connection
from support import one, rows, value

TABLES = [
    "job",
    "archive",
    "dependency",
    "deferred",
    "given_id",
    "idempotency",
    "history",
    "checkpoint",
]


@dataclass
class Job:
    number: int
    policy: str
    key: str | None
    max_attempts: int
    waits: set[UUID] = field(default_factory=set)
    state: str = "ready"
    attempt: int = 0
    crashes: int = 0
    reason: str | None = None
    lease: UUID | None = None
    stale: list[UUID] = field(default_factory=list)
    asked: bool = False
    fence: int = 0


class Model:
    """The states of jobs according to the design. Times are left out: every backoff is zero."""

    def __init__(self) -> None:
        self.jobs: dict[UUID, Job] = {}

    def ended(self, job_id: UUID, state: str, reason: str | None = None) -> None:
        job = self.jobs[job_id]
        job.state, job.reason, job.asked = state, reason, False
        if job.lease:
            job.stale.append(job.lease)
            job.lease = None
        if state != "dead":
            job.waits = set()
        for other_id, other in self.jobs.items():
            if job_id not in other.waits:
                continue
            if state == "succeeded" or other.policy == "release" or other.state == "dead":
                if state != "dead" or other.policy == "release":
                    other.waits.discard(job_id)
                    if state == "succeeded":
                        self.revive(other_id)
                    if other.state == "blocked" and not other.waits:
                        other.state = "ready"
            elif other.state == "blocked":
                if state == "cancelled":
                    other.waits.discard(job_id)
                if other.policy == "cascade" and state == "cancelled":
                    self.ended(other_id, "cancelled")
                elif other.policy == "cascade" or state == "cancelled":
                    self.ended(other_id, "dead", "dependency_failed")

    def revive(self, job_id: UUID) -> None:
        job = self.jobs[job_id]
        if (
            job.state == "dead"
            and job.reason == "dependency_failed"
            and job.policy == "cascade"
            and not any(self.jobs[w].state == "dead" for w in job.waits)
        ):
            self.back(job_id)

    def back(self, job_id: UUID) -> None:
        job = self.jobs[job_id]
        job.attempt = job.crashes = 0
        job.reason = None
        job.state = "blocked" if job.waits else "ready"
        for other_id, other in self.jobs.items():
            if job_id in other.waits:
                self.revive(other_id)

    def wait(self, job_id: UUID, wait_for: list[UUID]) -> None:
        """Makes the job wait for these jobs; those that have ended take effect at once."""
        job = self.jobs[job_id]
        states = {w: self.jobs[w].state for w in wait_for}
        live = {w for w, s in states.items() if s not in ("succeeded", "cancelled", "dead")}
        dead = {w for w, s in states.items() if s == "dead"}
        gone = any(s == "cancelled" for s in states.values())
        job.waits = live | (dead if job.policy != "release" else set())
        job.state = "blocked" if job.waits else "ready"
        if gone and job.policy == "cascade":
            self.ended(job_id, "cancelled")
        elif (gone and job.policy == "hold") or (dead and job.policy == "cascade"):
            self.ended(job_id, "dead", "dependency_failed")

    def upstream(self, job_id: UUID) -> set[UUID]:
        seen: set[UUID] = set()
        todo = [job_id]
        while todo:
            for w in self.jobs[todo.pop()].waits:
                if w not in seen:
                    seen.add(w)
                    todo.append(w)
        return seen

    def failed(self, job_id: UUID, *, retryable: bool = True, crash: bool = False) -> None:
        job = self.jobs[job_id]
        job.crashes = job.crashes + 1 if crash else 0
        if crash and job.crashes >= 3:
            self.ended(job_id, "dead", "crash_loop")
        elif not retryable:
            self.ended(job_id, "dead", "not_retryable")
        elif job.attempt >= job.max_attempts:
            self.ended(job_id, "dead", "attempts_exhausted")
        else:
            job.state = "blocked" if job.waits else "ready"
            if job.lease:
                job.stale.append(job.lease)
                job.lease = None

    def takable(self) -> int:
        busy = {j.key for j in self.jobs.values() if j.state == "leased" and j.key}
        ready = [j for j in self.jobs.values() if j.state == "ready"]
        keys = {j.key for j in ready if j.key} - busy
        return len([j for j in ready if not j.key]) + len(keys)


class Machine(RuleBasedStateMachine):
    conns: list[Connection]  # given by the test

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.conn = self.conns[0]
        for table in TABLES:
            self.conn.execute(f"delete from {table}")

    def settled(self) -> None:
        """Runs all deferred work; after that the engine must agree with the model."""
        for _ in range(60):
            engine.sweep(self.conn)
            if not engine.scalar(
                self.conn, "select count(*) from deferred where kind <> 'key' or tries = 0"
            ) and not engine.scalar(
                self.conn, "select count(*) from job where state = 'scheduled'"
            ):
                break
        engine.check(self.conn)
        found = engine.query(
            self.conn,
            """
            select job_id, state, attempt, crashes, (failure).dead_reason from job
            union all select job_id, state, attempt, null, null from archive
            """,
        )
        assert {r["job_id"] for r in found} == set(self.model.jobs), "I1"
        for row in found:
            job = self.model.jobs[row["job_id"]]
            assert row["state"] == job.state, f"job {job.number} is {row}, not {job}"
            if job.state not in ("succeeded", "cancelled"):
                assert (row["attempt"], row["crashes"]) == (job.attempt, job.crashes), job
                assert row["dead_reason"] == job.reason, job

    def some(self, data: Any, *states: str) -> UUID | None:
        found = [i for i, j in self.model.jobs.items() if not states or j.state in states]
        return data.draw(st.sampled_from(found), label="job") if found else None

    def call(self, data: Any, function: str, **arguments: Any) -> str:
        """Makes one call in any of the sessions, again on 40001; returns '' or the code of a refusal."""
        conn = data.draw(st.sampled_from(self.conns), label="session")
        for _ in range(50):
            try:
                self.answer = rows(conn, function, **arguments)
            except psycopg.Error as error:
                if error.sqlstate == "40001":
                    continue
                return error.sqlstate or "?"
            return ""
        raise AssertionError(f"{function} is always refused with 40001")

    @rule(
        data=st.data(),
        policy=st.sampled_from(["hold", "cascade", "release"]),
        key=st.sampled_from([None, None, "k", "l"]),
        max_attempts=st.sampled_from([1, 2, 9]),
        waits=st.integers(0, 3),
    )
    def submit(
        self, data: Any, policy: str, key: str | None, max_attempts: int, waits: int
    ) -> None:
        known = list(self.model.jobs)
        wait_for = data.draw(st.lists(st.sampled_from(known), max_size=waits)) if known else []
        assert not self.call(
            data,
            "submit",
            next_need=data.draw(st.sampled_from(["a", "b.c"])),
            wait_for=wait_for,
            on_dependency_failure=policy,
            singleton_key=key,
            max_attempts=max_attempts,
            retry=engine.AT_ONCE,
        )
        job_id = self.answer[0]["job_id"]
        self.model.jobs[job_id] = Job(len(self.model.jobs), policy, key, max_attempts)
        self.model.wait(job_id, wait_for)
        self.settled()

    @rule(data=st.data(), n=st.integers(1, 4))
    def take(self, data: Any, n: int) -> None:
        self.settled()
        assert not self.call(
            data, "get_work", worker_id="w", capabilities=["%"], lease="1 hour", limit_jobs=n
        )
        assert len(self.answer) == min(n, self.model.takable())
        for work in self.answer:
            job = self.model.jobs[work["job_id"]]
            assert job.state == "ready"
            job.state, job.lease = "leased", work["lease_id"]
            job.attempt += 1
            assert work["attempt"] == job.attempt
            assert work["fence"] > job.fence
            job.fence = work["fence"]
        self.settled()

    @precondition(lambda self: any(j.state == "leased" for j in self.model.jobs.values()))
    @rule(
        data=st.data(),
        verb=st.sampled_from(
            ["complete", "complete", "fail", "bury", "release", "reschedule", "extend", "run out"]
        ),
    )
    def end(self, data: Any, verb: str) -> None:
        job_id = self.some(data, "leased")
        assert job_id
        job = self.model.jobs[job_id]
        lease = {"job_id": job_id, "lease_id": job.lease}
        if verb == "complete":
            assert not self.call(data, "complete", **lease)
            self.model.ended(job_id, "succeeded")
        elif verb in ("fail", "bury"):
            assert not self.call(data, "fail", **lease, error="x", retryable=verb == "fail")
            if job.asked:
                self.model.ended(job_id, "cancelled")
            else:
                self.model.failed(job_id, retryable=verb == "fail")
        elif verb == "release":
            assert not self.call(data, "release", **lease)
            if job.asked:
                self.model.ended(job_id, "cancelled")
            else:
                job.stale.append(job.lease)  # type: ignore[arg-type]
                job.lease, job.state, job.crashes = None, "ready", 0
                job.attempt -= 1
        elif verb == "extend":
            assert self.call(data, "extend", **lease) == ("LH007" if job.asked else "")
        elif verb == "reschedule":
            wait_for = data.draw(st.lists(st.sampled_from(list(self.model.jobs)), max_size=3))
            code = self.call(data, "reschedule", **lease, wait_for=wait_for)
            cycle = job_id in wait_for or any(
                job_id in self.model.upstream(w)
                for w in wait_for
                if self.model.jobs[w].state not in ("succeeded", "cancelled")
                and (self.model.jobs[w].state != "dead" or job.policy != "release")
            )
            expected = "LH007" if job.asked else "LH004" if cycle else ""
            assert code == expected
            if not code:
                job.stale.append(job.lease)  # type: ignore[arg-type]
                job.lease, job.attempt, job.crashes = None, 0, 0
                self.model.wait(job_id, wait_for)
        else:
            engine.expire_leases(self.conn, job_id)
            assert not self.call(data, "sweep")
            if job.asked:
                self.model.ended(job_id, "cancelled")
            else:
                self.model.failed(job_id, crash=True)
        self.settled()

    @precondition(lambda self: self.model.jobs)
    @rule(
        data=st.data(),
        verb=st.sampled_from(["cancel", "redrive", "complete_unheld", "reschedule_unheld"]),
    )
    def from_outside(self, data: Any, verb: str) -> None:
        job_id = self.some(data)
        assert job_id
        job = self.model.jobs[job_id]
        code = self.call(data, verb, job_id=job_id, actor="t")
        if verb == "cancel":
            assert not code
            if job.state == "leased":
                job.asked = True
            elif job.state not in ("succeeded", "cancelled"):
                self.model.ended(job_id, "cancelled")
        elif verb == "redrive":
            expected = {"dead": "", "cancelled": "LH007", "succeeded": "LH008"}
            assert code == expected.get(job.state, "LH009")
            if not code:
                self.model.back(job_id)
        else:
            expected = {"dead": "LH008", "cancelled": "LH007", "succeeded": "LH008"}
            assert code == (expected | {"leased": "LH009"}).get(job.state, "")
            if code:
                return
            if verb == "complete_unheld":
                self.model.ended(job_id, "succeeded")
            else:
                job.attempt = job.crashes = 0
        self.settled()

    @precondition(lambda self: any(j.stale for j in self.model.jobs.values()))
    @rule(data=st.data(), verb=st.sampled_from(["extend", "checkpoint", "hold_lease"]))
    def stale(self, data: Any, verb: str) -> None:
        """I3: a stale lease is refused with a code that says why."""
        job_id = data.draw(
            st.sampled_from([i for i, j in self.model.jobs.items() if j.stale]), label="job"
        )
        job = self.model.jobs[job_id]
        lease = data.draw(st.sampled_from([*job.stale, uuid4()]), label="lease")
        more = {"name": "c"} if verb == "checkpoint" else {}
        code = self.call(data, verb, job_id=job_id, lease_id=lease, **more)
        expected = {"cancelled": "LH007", "succeeded": "LH008", "dead": "LH008"}
        assert code == expected.get(job.state, "LH001" if lease in job.stale else "LH002")
        self.settled()

    def teardown(self) -> None:
        """I7: every job drains unless it is dead or waits for a dead one."""
        if not hasattr(self, "model"):
            return
        self.settled()
        for job_id, job in self.model.jobs.items():
            if job.state == "leased":
                assert value(self.conn, "complete", job_id=job_id, lease_id=job.lease)
        engine.drain_except_the_dead(self.conn)
        engine.check(self.conn)
        assert one(self.conn, "sweep")["reclaimed"] == 0


@pytest.fixture
def sessions(connect: Connect) -> list[Connection]:
    levels = ["read committed", "repeatable read", "serializable"]
    return [connect(options=f"-c lock_timeout=5s {engine.at_level(level)}") for level in levels]


def run(sessions: list[Connection], **options: Any) -> None:
    Machine.conns = sessions
    run_state_machine_as_test(
        Machine,
        settings=settings(
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            **options,
        ),
    )


@pytest.mark.long
def test_any_sequence_of_calls_does_what_the_design_says(sessions: list[Connection]) -> None:
    run(sessions, max_examples=25)


@pytest.mark.long
@pytest.mark.parametrize(
    "name", ["the lease check of extend, checkpoint and hold_lease", "a grant counts as an attempt"]
)
def test_a_random_sequence_notices_a_missing_check(sessions: list[Connection], name: str) -> None:
    (mutation,) = [m for m in MUTATIONS if m.name == name]
    mutation.apply(sessions[0])
    with pytest.raises(AssertionError):
        run(
            sessions,
            max_examples=400,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            print_blob=False,
            derandomize=True,
        )
