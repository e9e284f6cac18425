"""Leasehold's functions, as methods: each is one SQL call."""

from __future__ import annotations

import inspect
import logging
import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any
from uuid import UUID

import psycopg

from .arguments import checked, several
from .backoff import Backoff, now
from .doorbell import Doorbell
from .errors import ArgumentTypeError, LeaseholdError
from .lease import UNDECODABLE, Lease
from .rows import (
    Bell,
    Discrepancy,
    ErrorInfo,
    Extended,
    JobInfo,
    Outcome,
    PayloadInfo,
    Reason,
    SettingInfo,
    Settled,
    Submitted,
    Swept,
    Undecodable,
    Work,
)
from .session import Connection, Seconds, Session, Source, duration, in_transaction

log = logging.getLogger("leasehold")

_LEASE = timedelta(seconds=60)
_SETTLED = tuple(f"settled.{field.name}" for field in fields(Settled))
_TURNED = (*_SETTLED, *(f"work.{field.name}" for field in fields(Work)))


@dataclass(frozen=True, slots=True)
class Turn:
    """What `turn` answered: one verdict per element of `done`, and the leases it claimed."""

    settled: list[Settled]
    leases: list[Lease]


class Leasehold:
    """The engine in one schema of one database.

    `source` is a psycopg connection or a psycopg_pool.ConnectionPool that stays yours, or a
    connection string: then a connection of its own is opened when needed, opened again when lost,
    and closed by `close()` or the end of a `with` block. It serves one thread at a time; give
    several threads a pool, or one Leasehold each.

    Over your connection a call is part of the transaction that is open on it, or that psycopg
    begins when the connection is not autocommit: you commit. Claims are the exception, see
    `get_work`. Over a pool, or a connection string, each call is a transaction of its own. Every
    method takes `connection=` to send the call over another one.

    `connect` opens the further connections that keep leases alive (default: with the source's own
    parameters).

    Durations are seconds or timedeltas, times aware datetimes. An argument left None is left to its
    SQL default; one that has none is refused. Refusals are raised as the classes of `leasehold.errors`, all under LeaseholdError;
    InvalidArgument and, in a forked child, ForkedConnection can come from every method. An argument
    of another type than its method says is refused before anything is sent: InvalidArgument that is
    a TypeError, too, or a ValueError.
    """

    def __init__(
        self,
        source: Source,
        schema: str = "leasehold",
        *,
        connect: Callable[[], Connection] | None = None,
    ) -> None:
        self.schema = schema
        self.session = Session(source, schema, connect=connect)

    def close(self) -> None:
        """Closes the connection that this object opened; never one that it was given."""
        self.session.close()

    def __enter__(self) -> Leasehold:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- submitting

    def submit(
        self,
        next_need: str,
        payload: dict[str, Any] | None = None,
        *,
        job_id: UUID | str | None = None,
        wait_for: Sequence[UUID | str] | None = None,
        singleton_key: str | None = None,
        idempotency_key: str | None = None,
        priority: int | None = None,
        available_at: datetime | None = None,
        expires_at: datetime | None = None,
        max_attempts: int | None = None,
        retry: dict[str, Any] | None = None,
        on_dependency_failure: str | None = None,
        metadata: dict[str, Any] | None = None,
        submitted_by: str | None = None,
        connection: Connection | None = None,
    ) -> Submitted:
        """Records one job; in the caller's transaction, together with the caller's rows. SQL:
        submit.

        Raises DependencyViolation, JobExists, IdempotencyConflict, PayloadTooLarge.
        """
        arguments = {
            "next_need": next_need,
            "payload": payload,
            "job_id": job_id,
            "wait_for": wait_for,
            "singleton_key": singleton_key,
            "idempotency_key": idempotency_key,
            "priority": priority,
            "available_at": available_at,
            "expires_at": expires_at,
            "max_attempts": max_attempts,
            "retry": retry,
            "on_dependency_failure": on_dependency_failure,
            "metadata": metadata,
            "submitted_by": submitted_by,
        }
        return self.session.row(Submitted, "submit", arguments, connection=connection)

    def submit_many(
        self, jobs: Iterable[Mapping[str, Any]], *, connection: Connection | None = None
    ) -> list[Submitted]:
        """Records many jobs, all or none; one answer per element, in order. SQL: submit_many.

        The keys of an element are submit's parameters. Elements may wait for each other by job_id.
        """
        arguments = checked({"jobs": jobs})
        found = self.session.rows(Submitted, "submit_many", arguments, connection=connection)
        if len(found) != len(arguments["jobs"] or ()):
            raise LeaseholdError(
                f"{len(arguments['jobs'])} jobs were sent, but {len(found)} were recorded"
            )
        return found

    def submit_all(
        self,
        jobs: Iterable[Mapping[str, Any]],
        *,
        progress: Callable[[int], object] | None = None,
        connection: Connection | None = None,
    ) -> int:
        """Records any number of jobs, all or none, as an iterable gives them; answers how many. SQL:
        COPY into submission.

        The keys of an element are submit's parameters; it may wait for those before it. A few
        thousand are in memory at a time, and `progress` is called with how many the database has
        taken so far. Raises what submit raises, and UsageError for what could not even be sent; the
        `index` of either is the element's.
        """
        return self.session.copy(
            "submission", _SUBMITTED, jobs, progress=progress, connection=connection
        )

    # -- claiming

    def get_work(
        self,
        worker_id: str,
        capabilities: Sequence[str],
        *,
        lease: Seconds = _LEASE,
        limit_jobs: int = 1,
        in_transaction: bool = False,
        connection: Connection | None = None,
    ) -> list[Lease]:
        """Leases up to `limit_jobs` jobs: lowest priority number first, then longest ready. SQL:
        get_work.

        A grant counts when it commits, so the call is a transaction of its own; OpenTransaction
        where one is open already, unless `in_transaction=True`. A lease that ran out before its
        reply came (counted from when the call was sent) is not among the answers: somebody else may
        have the job by now. Nor is one whose payload, metadata or results Python cannot decode: it
        is failed as not retryable, with error_code `undecodable`, and the others are answered.
        """
        length = duration(lease, "lease")  # what is none is said before anything is granted
        arguments = checked(
            {
                "worker_id": worker_id,
                "capabilities": capabilities,
                "lease": length,
                "limit_jobs": limit_jobs,
            }
        )
        while True:
            with self._claiming(in_transaction, connection) as conn:
                sent = now()
                found = self.session.rows(
                    Work, "get_work", arguments, connection=conn, undecodable=True
                )
                works = self._decodable(found, conn)
            # behind jobs that nobody can decode there may be others
            if works or not found:
                return self._in_time(works, length, sent)

    def await_work(
        self,
        worker_id: str,
        capabilities: Sequence[str],
        *,
        lease: Seconds = _LEASE,
        limit_jobs: int = 1,
        timeout: Seconds | None = None,
        stop: threading.Event | None = None,
        poll: Seconds = 5.0,
        doorbell: bool = True,
        looked: bool = False,
        connection: Connection | None = None,
    ) -> list[Lease]:
        """Looks for work until there is some: then its leases; none after `timeout`, or once `stop`
        is set.

        Looks again after 20 ms, then ever later, up to `poll`; where the connection is the server's
        own, the doorbell wakes it earlier (`doorbell=False`: never). `looked`: the caller found
        nothing just now, as with `turn`, so that listening comes first. A pool lends one connection
        for the whole wait. SQL: get_work, wakeup_channel.
        """
        given = checked({"worker_id": worker_id, "capabilities": capabilities})
        capabilities = given["capabilities"]
        deadline = None if timeout is None else now() + duration(timeout, "timeout").total_seconds()
        longest = duration(poll, "poll").total_seconds()
        pace = Backoff(first=min(0.02, longest), cap=longest)
        armed = Backoff(first=longest, cap=longest)

        def look(conn: Connection) -> list[Lease]:
            return self.get_work(
                worker_id, capabilities, lease=lease, limit_jobs=limit_jobs, connection=conn
            )

        with self.session.borrow(connection) as conn:
            if stop is not None and stop.is_set():
                return []
            if not looked and (found := look(conn)):
                return found
            if deadline is not None and now() >= deadline:
                return []
            lasting = min(max(60.0, 3 * longest), 86_000.0)
            with Doorbell(self.session, conn, capabilities, lasting, silent=not doorbell) as bell:
                while True:
                    delay = armed.next() if bell.armed() else pace.next()
                    if stop is not None and stop.is_set():
                        return []
                    if found := look(conn):
                        return found
                    left = math.inf if deadline is None else deadline - now()
                    if left <= 0:
                        return []
                    rang = bell.wait(min(delay, left), stop)
                    if rang and not (stop and stop.is_set()) and (found := look(conn)):
                        return found

    def turn(
        self,
        worker_id: str,
        capabilities: Sequence[str],
        done: Iterable[Mapping[str, Any]] = (),
        *,
        lease: Seconds = _LEASE,
        limit_jobs: int = 1,
        strict: bool | None = None,
        in_transaction: bool = False,
        connection: Connection | None = None,
    ) -> Turn:
        """Acknowledges a batch, as `settle` does, and claims the next, as `get_work` does. SQL:
        turn.
        """
        length = duration(lease, "lease")
        arguments = checked(
            {
                "worker_id": worker_id,
                "capabilities": capabilities,
                "done": done,
                "lease": length,
                "limit_jobs": limit_jobs,
                "strict": strict,
            }
        )
        split = len(_SETTLED)
        with self._claiming(in_transaction, connection) as conn:
            sent = now()
            rows = self.session.rows(
                lambda *row: row,
                "turn",
                arguments,
                connection=conn,
                columns=_TURNED,
                undecodable=True,
            )
            found = [Work(*row[split:]) for row in rows if row[split] is not None]
            works = self._decodable(found, conn)
        leases = self._in_time(works, length, sent)
        if found and not works:
            leases = self.get_work(
                worker_id,
                arguments["capabilities"],
                lease=length,
                limit_jobs=limit_jobs,
                in_transaction=in_transaction,
                connection=connection,
            )
        return Turn([Settled(*row[:split]) for row in rows if row[split] is None], leases)

    def _decodable(self, found: list[Work], conn: Connection) -> list[Work]:
        """Those that a handler can work on. The others are failed, once and for all: no attempt of
        this client's could decode them.
        """
        bad = {work.job_id: told for work in found if (told := _undecodable(work))}
        if bad:
            done = [
                {
                    "job_id": work.job_id,
                    "lease_id": work.lease_id,
                    "verb": "fail",
                    "error": bad[work.job_id],
                    "retryable": False,
                    "error_code": UNDECODABLE,
                }
                for work in found
                if work.job_id in bad
            ]
            for job_id, told in bad.items():
                log.warning("job %s: failed, because %s", job_id, told)
            try:
                self.settle(done, strict=False, connection=conn)
            except (LeaseholdError, psycopg.Error) as exc:
                if in_transaction(conn):
                    raise  # the claim is undone with it
                log.warning("%d leases of such jobs run out, they stay unfailed: %s", len(bad), exc)
        return [work for work in found if work.job_id not in bad]

    def _claiming(
        self, in_transaction: bool, connection: Connection | None
    ) -> AbstractContextManager[Connection]:
        if in_transaction:
            return self.session.borrow(connection)
        return self.session.committing(connection)

    def _in_time(self, found: list[Work], length: timedelta, sent: float) -> list[Lease]:
        leases = [Lease.granted(work, self.session, length, sent) for work in found]
        for lease in leases:
            if lease.state != "held":
                log.warning(
                    "job %s: its lease ran out before the reply came, so it is left alone",
                    lease.job_id,
                )
        return [lease for lease in leases if lease.state == "held"]

    # -- many leases at once

    def settle(
        self,
        done: Iterable[Mapping[str, Any]],
        *,
        strict: bool | None = None,
        connection: Connection | None = None,
    ) -> list[Settled]:
        """Acknowledges a batch. SQL: settle.

        An element has job_id, lease_id, verb (complete, fail, release, reschedule, extend) and the
        arguments of that function. Strict (the default): a stale lease raises, and nothing of the
        call stays. `strict=False`, for work that wrote nothing in this transaction: its row says
        so, see `Settled.error`.
        """
        arguments = {"done": done, "strict": strict}
        return self.session.rows(Settled, "settle", arguments, connection=connection)

    def extend_many(
        self,
        leases: Iterable[Lease],
        *,
        lease: Seconds = _LEASE,
        connection: Connection | None = None,
    ) -> list[Extended]:
        """Moves the end of each of these leases to now + `lease` (default: a minute); a stale one
        says so in its row, and in its `state`. SQL: extend_many.
        """
        given, length = list(several(leases, "leases", "leases")), duration(lease, "lease")
        for number, one in enumerate(given):
            if not isinstance(one, Lease):
                raise ArgumentTypeError(
                    f"leases[{number}] must be a Lease, not {one!r:.50}",
                    detail={"argument": f"leases[{number}]"},
                )
        ids = [{"job_id": one.job_id, "lease_id": one.lease_id} for one in given]
        known = {one.lease_id: one for one in given}
        sent = now()
        answers = self.session.rows(
            Extended, "extend_many", {"leases": ids, "lease": length}, connection=connection
        )
        for answer in answers:
            known[answer.lease_id].heard(answer, sent + length.total_seconds())
        return answers

    # -- jobs that nobody holds

    def complete_unheld(
        self,
        job_id: UUID | str,
        actor: str,
        result: Any = None,
        *,
        connection: Connection | None = None,
    ) -> None:
        """Ends a job that nobody holds as succeeded; `actor` stays in its history. SQL:
        complete_unheld.

        Raises JobNotFound, JobFinished, JobCancelled, InvalidState (held), PayloadTooLarge.
        """
        arguments = {"job_id": job_id, "actor": actor, "result": result}
        self.session.value("complete_unheld", arguments, connection=connection)

    def fail_unheld(
        self,
        job_id: UUID | str,
        actor: str,
        error: str | BaseException,
        *,
        retryable: bool | None = None,
        retry_after: Seconds | None = None,
        error_code: str | None = None,
        connection: Connection | None = None,
    ) -> Outcome:
        """Fails a job that nobody holds. SQL: fail_unheld. Raises as complete_unheld does."""
        arguments = {
            "job_id": job_id,
            "actor": actor,
            "error": error,
            "retryable": retryable,
            "retry_after": retry_after,
            "error_code": error_code,
        }
        return self.session.row(Outcome, "fail_unheld", arguments, connection=connection)

    def reschedule_unheld(
        self,
        job_id: UUID | str,
        actor: str,
        *,
        next_need: str | None = None,
        payload: dict[str, Any] | None = None,
        wait_for: Sequence[UUID | str] | None = None,
        available_at: datetime | None = None,
        priority: int | None = None,
        expires_at: datetime | None = None,
        max_attempts: int | None = None,
        retry: dict[str, Any] | None = None,
        on_dependency_failure: str | None = None,
        connection: Connection | None = None,
    ) -> Outcome:
        """Moves on a job that nobody holds; None keeps what it has. SQL: reschedule_unheld.

        Raises as complete_unheld does, and DependencyViolation.
        """
        arguments = {
            "job_id": job_id,
            "actor": actor,
            "next_need": next_need,
            "payload": payload,
            "wait_for": wait_for,
            "available_at": available_at,
            "priority": priority,
            "expires_at": expires_at,
            "max_attempts": max_attempts,
            "retry": retry,
            "on_dependency_failure": on_dependency_failure,
        }
        return self.session.row(Outcome, "reschedule_unheld", arguments, connection=connection)

    def cancel(
        self,
        job_id: UUID | str,
        actor: str,
        reason: str | None = None,
        *,
        connection: Connection | None = None,
    ) -> str:
        """Cancels a job, or asks its holder to stop; answers its state. SQL: cancel. Raises
        JobNotFound.
        """
        arguments = {"job_id": job_id, "actor": actor, "reason": reason}
        state: str = self.session.value("cancel", arguments, connection=connection)
        return state

    def redrive(
        self,
        job_id: UUID | str,
        actor: str,
        reason: str | None = None,
        *,
        expires_at: datetime | None = None,
        connection: Connection | None = None,
    ) -> Outcome:
        """Brings a dead job back, and what died with it by cascade. SQL: redrive.

        Raises JobNotFound, InvalidState (not dead).
        """
        arguments = {"job_id": job_id, "actor": actor, "reason": reason, "expires_at": expires_at}
        return self.session.row(Outcome, "redrive", arguments, connection=connection)

    def redrive_many(
        self,
        capability: str,
        actor: str,
        *,
        limit_jobs: int | None = None,
        connection: Connection | None = None,
    ) -> list[UUID]:
        """Brings dead jobs of a capability back; answers their ids. SQL: redrive_many."""
        arguments = {"capability": capability, "actor": actor, "limit_jobs": limit_jobs}
        return self.session.values("redrive_many", arguments, connection=connection)

    # -- looking on, and upkeep

    def job(self, job_id: UUID | str, *, connection: Connection | None = None) -> JobInfo:
        """One job, live or archived. SQL: job. Raises JobNotFound."""
        return self.session.row(
            JobInfo, "job", {"job_id": job_id}, connection=connection, undecodable=True
        )

    def job_payload(
        self, job_id: UUID | str, *, connection: Connection | None = None
    ) -> PayloadInfo:
        """What one job carries: payload, metadata, result. SQL: job_payload. Raises JobNotFound."""
        return self.session.row(
            PayloadInfo,
            "job_payload",
            {"job_id": job_id},
            connection=connection,
            undecodable=True,
        )

    def why_not_running(
        self, job_id: UUID | str, *, connection: Connection | None = None
    ) -> list[Reason]:
        """The reasons why a job does not run. SQL: why_not_running. Raises JobNotFound."""
        return self.session.rows(
            Reason, "why_not_running", {"job_id": job_id}, connection=connection
        )

    def await_bell(
        self, capabilities: Sequence[str], until: Seconds, *, connection: Connection | None = None
    ) -> Bell:
        """Says that this session listens for that long; answers the channel to LISTEN to. SQL:
        wakeup_channel.
        """
        arguments = {"capabilities": capabilities, "until": until}
        return self.session.row(Bell, "wakeup_channel", arguments, connection=connection)

    def next_due(
        self, capabilities: Sequence[str], *, connection: Connection | None = None
    ) -> timedelta | None:
        """In how long the next job scheduled for these capabilities is due, or sooner; None: none
        is. For who polls: sleep no longer than that. SQL: next_due.
        """
        due: timedelta | None = self.session.value(
            "next_due", {"capabilities": capabilities}, connection=connection
        )
        return due

    def sweep(
        self, limit_jobs: int | None = None, *, connection: Connection | None = None
    ) -> Swept:
        """Promotes, reclaims, expires, frees: what get_work does by the way. SQL: sweep."""
        return self.session.row(Swept, "sweep", {"limit_jobs": limit_jobs}, connection=connection)

    def setting(self, name: str, *, connection: Connection | None = None) -> str:
        """The value of one setting. SQL: setting."""
        value: str = self.session.value("setting", {"name": name}, connection=connection)
        return value

    def set_setting(
        self, name: str, value: str | None, *, connection: Connection | None = None
    ) -> str:
        """Changes one setting, None goes back to its default; answers its value. SQL: set_setting."""
        arguments = {"name": name, "value": value}
        stored: str = self.session.value("set_setting", arguments, connection=connection)
        return stored

    def settings(self, *, connection: Connection | None = None) -> list[SettingInfo]:
        """All settings. SQL: settings."""
        return self.session.rows(SettingInfo, "settings", {}, connection=connection)

    def error_codes(self, *, connection: Connection | None = None) -> list[ErrorInfo]:
        """All codes that Leasehold raises. SQL: error_codes."""
        return self.session.rows(ErrorInfo, "error_codes", {}, connection=connection)

    def schema_version(self, *, connection: Connection | None = None) -> str:
        """The version that is installed. SQL: schema_version."""
        version: str = self.session.value("schema_version", {}, connection=connection)
        return version

    def require_api(self, api: int = 1, *, connection: Connection | None = None) -> str:
        """Makes sure that the schema serves this API major. SQL: require_api. Raises
        VersionMismatch.
        """
        version: str = self.session.value("require_api", {"api": api}, connection=connection)
        return version

    def verify(self, *, connection: Connection | None = None) -> list[Discrepancy]:
        """What is not as it was installed. SQL: verify. Against what this package ships:
        Installer.verify.
        """
        return self.session.rows(Discrepancy, "verify", {}, connection=connection)


def _undecodable(work: Work) -> str | None:
    """Why no handler can be given this job."""
    for column in fields(Work):
        value = getattr(work, column.name)
        if isinstance(value, Undecodable):
            return f"its {column.name} cannot be decoded: {value.problem}"
    return None


_SUBMITTED = tuple(
    name
    for name in inspect.signature(Leasehold.submit).parameters
    if name not in ("self", "connection")
)
