"""The functions of Leasehold as methods; each method is one SQL call."""

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
from .errors import ArgumentTypeError, LeaseholdError
from .lease import UNDECODABLE, Lease
from .rows import (
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
    Wakeup,
    Work,
)
from .session import Connection, Seconds, Session, Source, duration, in_transaction
from .wakeup import WakeupListener

log = logging.getLogger("leasehold")

_LEASE = timedelta(seconds=60)
_SETTLED = tuple(f"settled.{field.name}" for field in fields(Settled))
_TURNED = (*_SETTLED, *(f"work.{field.name}" for field in fields(Work)))


@dataclass(frozen=True, slots=True)
class Turn:
    """The result of `turn`: one row for each element of `done`, and the leases it claimed."""

    settled: list[Settled]
    leases: list[Lease]


class Leasehold:
    """The engine in one schema of one database.

    `source` is a psycopg connection, a psycopg_pool.ConnectionPool or a connection string. A
    connection or a pool remains yours: it is never closed here. With a connection string, the
    object opens its own connection when it needs one, opens another when that is lost, and closes
    it in `close()` or at the end of a `with` block. That connection serves one thread at a time;
    give several threads a pool, or one Leasehold each.

    Over your connection, a call is part of the transaction that is open on it, or that psycopg
    begins because the connection is not in autocommit mode; you commit. Claims are the exception,
    see `get_work`. Over a pool or a connection string, each call is a transaction of its own. Every
    method takes `connection=`, which sends the call over that connection instead.

    `connect` is a function that opens the additional connections over which leases are kept alive.
    By default they are opened with the parameters of the source.

    Durations are seconds or timedeltas; times are aware datetimes. An argument that is None takes
    its SQL default, and is refused where the parameter has none.

    Refusals are raised as the classes of `leasehold.errors`, all of them subclasses of
    LeaseholdError. Every method may raise InvalidArgument and, in a forked child, ForkedConnection.
    An argument of the wrong type or with an impossible value is refused before anything is sent;
    that InvalidArgument is also a TypeError or a ValueError.
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
        """Closes the connection that this object opened, never one that it was given."""
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
        """Records one job, in the caller's transaction if one is open. SQL: submit.

        `priority` is 0 to 999, lower first. The job starts no earlier than `available_at`, and
        expires if no worker has started it by `expires_at`. `max_attempts` counts executions.
        A known `idempotency_key` returns the first job submitted with it, and `created` is false.

        Raises DependencyViolation, JobExists, IdempotencyConflict and PayloadTooLarge.
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
        """Records up to 10,000 jobs, all or none. SQL: submit_many.

        The keys of an element are the parameters of `submit`; elements may wait for each other by
        job_id. Returns one row for each element, in order. Raises what `submit` raises, and
        DependencyViolation when elements wait for each other in a cycle.
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
        """Records any number of jobs from an iterable, all or none, and returns their number. SQL:
        COPY into the view submission.

        The keys of an element are the parameters of `submit`; an element may wait for earlier ones.
        At most a few thousand elements are in memory at a time. `progress` is called with the
        number of jobs that the database has accepted so far.

        Raises what `submit` raises, and UsageError for an element that cannot be sent. The `index`
        of the exception is the position of the element, from 0.
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
        """Claims up to `limit_jobs` (1 to 1,000) jobs that `capabilities` cover and returns their
        leases. SQL: get_work.

        The lowest priority number comes first, then the job that has been ready for longest.
        `lease` is the length of each lease, at most the setting max_lease.

        A lease counts only when it is committed, so the call is a transaction of its own. It raises
        OpenTransaction where a transaction is already open, unless `in_transaction=True`.

        A lease that expired before the reply arrived (counted from when the call was sent) is left
        out, because another worker may have the job by now. A job whose payload, metadata or
        results Python cannot decode is left out as well; its attempt fails as not retryable, with
        the error_code `undecodable`.
        """
        length = duration(lease, "lease")  # refuse a wrong one before anything is granted
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
            # If no job could be decoded, there may be others behind them.
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
        listen: bool = True,
        looked: bool = False,
        connection: Connection | None = None,
    ) -> list[Lease]:
        """Waits until there is work, and returns its leases as `get_work` does; returns an empty
        list after `timeout`, or once `stop` is set. SQL: get_work, wakeup_channel, next_due.

        It looks for work again after 20 ms, then at growing intervals of up to `poll`. With
        `listen` it also registers and listens for notifications, which end the wait early and let
        it sleep for the whole of `poll`; behind a pooler it only polls. `looked=True` says that the
        caller has just found nothing, as with `turn`, so that it listens before it looks. A pool
        lends one connection for the whole wait.

        Raises what `get_work` raises.
        """
        given = checked({"worker_id": worker_id, "capabilities": capabilities})
        capabilities = given["capabilities"]
        deadline = None if timeout is None else now() + duration(timeout, "timeout").total_seconds()
        longest = duration(poll, "poll").total_seconds()
        pace = Backoff(first=min(0.02, longest), cap=longest)
        full = Backoff(first=longest, cap=longest)

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
            with WakeupListener(
                self.session, conn, capabilities, lasting, listen=listen
            ) as listener:
                while True:
                    delay = full.next() if listener.renew() else pace.next()
                    if stop is not None and stop.is_set():
                        return []
                    if found := look(conn):
                        return found
                    left = math.inf if deadline is None else deadline - now()
                    if left <= 0:
                        return []
                    woken = listener.wait(min(delay, left), stop)
                    if woken and not (stop and stop.is_set()) and (found := look(conn)):
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
        """Settles a batch as `settle` does and claims the next jobs as `get_work` does, in one
        round trip and one commit. SQL: turn.

        Raises what `settle` and `get_work` raise.
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
        """The jobs that a handler can work on. The others fail as not retryable, because no attempt
        of this client could decode them.
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
                log.warning("job %s: failed, not retryable: %s", job_id, told)
            try:
                self.settle(done, strict=False, connection=conn)
            except (LeaseholdError, psycopg.Error) as exc:
                if in_transaction(conn):
                    raise  # the claim is rolled back with it
                log.warning(
                    "%d undecodable jobs could not be failed, so their leases expire: %s",
                    *(len(bad), exc),
                )
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
                    "job %s: the lease expired before the reply arrived, so it is not used",
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
        """Ends or extends up to 1,000 leases in one call. SQL: settle.

        An element has job_id, lease_id, verb (complete, fail, release, reschedule or extend) and
        the arguments of that function. Returns one row for each element, in order.

        With `strict` (the default), an element that is refused raises what its verb raises, and
        nothing of the call remains. With `strict=False` the refusal is in the element's row, as
        `Settled.error`, and the others count; use it only for work that wrote nothing in this
        transaction.
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
        """Moves the end of each of these leases to now + `lease` (one minute by default). SQL:
        extend_many.

        Returns one row for each lease. The refusal of a stale lease is in its row, as
        `Extended.error`, and in the `state` of the Lease.
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

    # -- jobs that no worker holds

    def complete_unheld(
        self,
        job_id: UUID | str,
        actor: str,
        result: Any = None,
        *,
        connection: Connection | None = None,
    ) -> None:
        """Ends a job that is not leased as succeeded. SQL: complete_unheld.

        `actor` names the person or program that does it, and is kept in the job's history. Raises
        JobNotFound, JobFinished, JobCancelled, InvalidState (the job is leased) and
        PayloadTooLarge.
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
        """Fails a job that is not leased; no attempt is counted. SQL: fail_unheld.

        The other arguments are those of `Lease.fail`. Raises JobNotFound, JobFinished, JobCancelled
        and InvalidState (the job is leased).
        """
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
        """Moves a job that is not leased to another need, to a later time, or behind other jobs.
        SQL: reschedule_unheld.

        None keeps what the job has; an empty `wait_for` makes it wait for nothing. Raises
        JobNotFound, JobFinished, JobCancelled, InvalidState (the job is leased),
        DependencyViolation and PayloadTooLarge.
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
        """Cancels a job and returns its state: cancelled, leased (its worker is asked to stop), or
        how it ended before. SQL: cancel. Raises JobNotFound.
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
        """Brings back a dead job, and the dependents that died with it by cascade. SQL: redrive.

        Its attempts and crashes start again at zero. Raises JobNotFound, JobFinished, JobCancelled
        and InvalidState (the job is not dead).
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
        """Brings back up to `limit_jobs` dead jobs that `capability` covers, those dead for longest
        first, and returns their ids. SQL: redrive_many.
        """
        arguments = {"capability": capability, "actor": actor, "limit_jobs": limit_jobs}
        return self.session.values("redrive_many", arguments, connection=connection)

    # -- inspection and maintenance

    def job(self, job_id: UUID | str, *, connection: Connection | None = None) -> JobInfo:
        """One job, live or archived. SQL: job. Raises JobNotFound."""
        return self.session.row(
            JobInfo, "job", {"job_id": job_id}, connection=connection, undecodable=True
        )

    def job_payload(
        self, job_id: UUID | str, *, connection: Connection | None = None
    ) -> PayloadInfo:
        """The payload, metadata and result of one job. SQL: job_payload. Raises JobNotFound."""
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
        """The reasons why a job is not running. SQL: why_not_running. Raises JobNotFound."""
        return self.session.rows(
            Reason, "why_not_running", {"job_id": job_id}, connection=connection
        )

    def wakeup_channel(
        self, capabilities: Sequence[str], until: Seconds, *, connection: Connection | None = None
    ) -> Wakeup:
        """Registers this session as waiting for work, for the duration `until` (at most a day), and
        returns the channel to LISTEN on. SQL: wakeup_channel.

        `await_work` calls it as needed.
        """
        arguments = {"capabilities": capabilities, "until": until}
        (found,) = self.session.rows(Wakeup, "wakeup_channel", arguments, connection=connection)
        return found

    def next_due(
        self, capabilities: Sequence[str], *, connection: Connection | None = None
    ) -> timedelta | None:
        """The time until the next job scheduled for these capabilities is due, or less; None if
        none is scheduled. SQL: next_due.

        A worker that polls should sleep no longer than that.
        """
        due: timedelta | None = self.session.value(
            "next_due", {"capabilities": capabilities}, connection=connection
        )
        return due

    def sweep(
        self, limit_jobs: int | None = None, *, connection: Connection | None = None
    ) -> Swept:
        """Runs maintenance, which `get_work` also runs when it is due: promotes, reclaims, expires,
        frees and unparks up to `limit_jobs` jobs each. SQL: sweep.
        """
        return self.session.row(Swept, "sweep", {"limit_jobs": limit_jobs}, connection=connection)

    def setting(self, name: str, *, connection: Connection | None = None) -> str:
        """The value of one setting. SQL: setting."""
        value: str = self.session.value("setting", {"name": name}, connection=connection)
        return value

    def set_setting(
        self,
        name: str,
        value: str | None,
        *,
        actor: str | None = None,
        connection: Connection | None = None,
    ) -> str:
        """Changes one setting and returns its value; None restores the default. SQL: set_setting."""
        arguments = {"name": name, "value": value, "actor": actor}
        stored: str = self.session.value("set_setting", arguments, connection=connection)
        return stored

    def settings(self, *, connection: Connection | None = None) -> list[SettingInfo]:
        """All settings. SQL: settings."""
        return self.session.rows(SettingInfo, "settings", {}, connection=connection)

    def error_codes(self, *, connection: Connection | None = None) -> list[ErrorInfo]:
        """All error codes that Leasehold raises. SQL: error_codes."""
        return self.session.rows(ErrorInfo, "error_codes", {}, connection=connection)

    def schema_version(self, *, connection: Connection | None = None) -> str:
        """The version that is installed. SQL: schema_version."""
        version: str = self.session.value("schema_version", {}, connection=connection)
        return version

    def require_api(self, api: int = 1, *, connection: Connection | None = None) -> str:
        """Checks that the installed schema serves this API major, and returns its version. SQL:
        require_api. Raises VersionMismatch.
        """
        version: str = self.session.value("require_api", {"api": api}, connection=connection)
        return version

    def verify(self, *, connection: Connection | None = None) -> list[Discrepancy]:
        """The differences between the schema and what its installer recorded. SQL: verify.

        `Installer.verify` compares the schema with what this package ships.
        """
        return self.session.rows(Discrepancy, "verify", {}, connection=connection)


def _undecodable(work: Work) -> str | None:
    """The reason why this job cannot be given to a handler; None if it can."""
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
