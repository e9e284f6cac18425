"""A lease that get_work granted, and the calls that its worker may make under it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar
from uuid import UUID

import psycopg

from .arguments import describe as describe
from .backoff import now
from .errors import LOST, AlreadyDone, JobCancelled, LeaseholdError, UndecodableError
from .rows import (
    CheckpointResult,
    DependencyResult,
    Extended,
    LeaseStatus,
    Outcome,
    Settled,
    Work,
)
from .session import Connection, Seconds, Session, duration, in_transaction

if TYPE_CHECKING:
    from .keepalive import KeepAlive

log = logging.getLogger("leasehold")

State: TypeAlias = Literal["held", "doubtful", "lost", "cancelled", "ended"]
StopReason: TypeAlias = Literal["lost", "cancelled", "shutdown"]
OnChange: TypeAlias = "Callable[[Lease, State], object]"
T = TypeVar("T")

UNDECODABLE = "undecodable"
"""The error_code of an attempt that failed because Python cannot decode a value of the job."""

_FACTS = tuple(column.name for column in fields(Work))


class Retry(Exception):
    """Raised by a handler to fail the attempt and to try again after `after` (seconds or timedelta;
    None follows the job's retry policy).
    """

    def __init__(
        self, reason: str = "", *, after: Seconds | None = None, error_code: str | None = None
    ) -> None:
        super().__init__(reason)
        self.after = after
        self.error_code = error_code


class GiveUp(Exception):
    """Raised by a handler to bury the job at once, because it can never succeed."""

    def __init__(self, reason: str, *, error_code: str | None = None) -> None:
        super().__init__(reason)
        self.error_code = error_code


class Release(Exception):
    """Raised by a handler to hand the job back without counting the attempt. The job can be claimed
    again from `available_at` on (None: at once).
    """

    def __init__(self, *, available_at: datetime | None = None) -> None:
        super().__init__("released")
        self.available_at = available_at


class Pulse:
    """What this process knows about a lease. The calls of the lease and its keepalive write here,
    each from its own thread.
    """

    __slots__ = (
        "connection",
        "counting",
        "deadline",
        "ended_on",
        "ending",
        "error",
        "length",
        "locked",
        "outcome",
        "state",
        "stop",
        "watchers",
    )

    def __init__(self, length: timedelta, deadline: float) -> None:
        self.length = length
        self.deadline = deadline  # by the clock of backoff.now()
        self.state: State = "held"
        self.error: LeaseholdError | None = None
        self.stop = threading.Event()
        # the connection of Lease.transaction(), while that is open
        self.connection: Connection | None = None
        # the connection whose transaction ended the lease, and is not known to be committed
        self.ended_on: Connection | None = None
        self.counting = threading.Lock()
        self.ending = 0  # the number of calls in flight that end the lease
        self.locked = False  # whether a transaction of ours keeps others from reclaiming the job
        self.outcome: str | None = None  # the state of the job after its end
        self.watchers: list[Callable[[State], None]] = []

    def look(self) -> State:
        """Returns the state. A lease whose time is over is doubtful, because only the database
        knows whether it is still current.
        """
        if self.state == "held" and not self.locked and now() >= self.deadline:
            return "doubtful"
        return self.state

    def turn(self, state: State, error: LeaseholdError | None = None) -> None:
        """Records a final state and calls the watchers."""
        if self.state in ("ended", "lost") or self.state == state:
            return
        self.state, self.error = state, error
        if state in ("lost", "cancelled"):
            self.stop.set()
        for tell in list(self.watchers):
            tell(state)

    def judge(self, exc: LeaseholdError, *, of_an_end: bool = False) -> None:
        """Records what a refusal says about the lease."""
        if self.ended_on is not None or (self.ending and not of_an_end):
            return  # the refusal may be due to our own end of the lease
        if isinstance(exc, LOST):
            self.turn("lost", exc)
        elif isinstance(exc, JobCancelled):
            self.turn("cancelled", exc)

    @contextmanager
    def ends(self) -> Iterator[None]:
        """Marks a block that ends the lease: a refusal of another call may only be its effect."""
        with self.counting:
            self.ending += 1
        try:
            yield
        finally:
            with self.counting:
                self.ending -= 1

    def extended(self, deadline: float) -> None:
        """Records a later end of the lease."""
        self.deadline = max(self.deadline, deadline)


@dataclass(frozen=True, slots=True, eq=False)
class Lease(Work):
    """The exclusive right to work on one job, until the lease ends or the job is reclaimed.

    As a context manager, it ends the lease unless the block has ended it: with `complete()` after a
    normal exit, with `fail()` and the text of the exception after an exception, which propagates,
    and with `release()` after KeyboardInterrupt and its like. Retry, GiveUp and Release end the
    lease as they say, and do not propagate.

    Every method sends one call over the source of the lease or, inside `transaction()`, over that
    transaction. `connection=` names another connection; a call on a connection with an open
    transaction is part of it.

    Every call except `status` raises LeaseExpired, LeaseMismatch, JobNotFound or JobFinished when
    the lease is not current, and JobCancelled when the job was cancelled.
    """

    _session: Session = field(repr=False)
    _pulse: Pulse = field(repr=False)

    # A lease is equal only to itself, so that it can be in a set. Work compares and hashes its
    # values.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @classmethod
    def granted(cls, work: Work, session: Session, length: timedelta, sent: float) -> Lease:
        """The lease in one row of get_work, called at `sent` by the clock of backoff.now()."""
        pulse = Pulse(length, sent + work.lease_remaining.total_seconds())
        facts = {name: getattr(work, name) for name in _FACTS}
        return cls(**facts, _session=session, _pulse=pulse)

    # -- what is known

    @property
    def state(self) -> State:
        """What this process knows about the lease; asks nothing of the database.

        *held*, *ended* or *cancelled*; *lost* if the database has said that the lease is not
        current; *doubtful* if its time is over and no extension succeeded. The end of a doubtful
        lease is still sent, and the database decides whether it counts.
        """
        return self._pulse.look()

    @property
    def stop(self) -> threading.Event:
        """An event that is set when the handler should come to an end; `stop_reason` says why.

        `lease.stop.wait(5)` is a sleep of five seconds that ends early when the event is set.
        """
        return self._pulse.stop

    @property
    def stop_reason(self) -> StopReason | None:
        """Why `stop` is set: the lease is lost or cancelled, or the worker is shutting down. None
        while `stop` is not set.

        At a shutdown the lease is still held. Finish within the worker's grace period, or raise
        Release, which hands the job back without counting the attempt.
        """
        if self._pulse.state == "lost":
            return "lost"
        if self._pulse.state == "cancelled":
            return "cancelled"
        return "shutdown" if self._pulse.stop.is_set() else None

    def check(self) -> None:
        """Raises the refusal that showed the lease to be lost or cancelled, if there was one.

        Asks nothing of the database; `status()` does.
        """
        if self._pulse.error is not None:
            raise self._pulse.error

    def status(self, *, connection: Connection | None = None) -> LeaseStatus:
        """Asks the database for the status of the lease. SQL: lease_status.

        Raises only JobNotFound; a lease that is not current has `held` false.
        """
        return self._call(
            connection,
            lambda conn: self._session.row(
                LeaseStatus, "lease_status", self._ids, connection=conn, undecodable=True
            ),
        )

    # -- ends

    def complete(self, result: Any = None, *, connection: Connection | None = None) -> None:
        """Ends the job as succeeded, with any JSON value as its result. SQL: complete.

        Inside a transaction, everything else that the transaction writes happens exactly once. If
        this lease has already completed the job, a call that is a transaction of its own succeeds;
        a call inside a transaction raises AlreadyDone, and the transaction must roll back.

        It succeeds even after cancellation was requested. Raises PayloadTooLarge.
        """
        self._end(connection, "complete", {"result": result})

    def fail(
        self,
        error: str | BaseException,
        *,
        retryable: bool | None = None,
        retry_after: Seconds | None = None,
        error_code: str | None = None,
        connection: Connection | None = None,
    ) -> Outcome:
        """Ends the attempt as failed. SQL: fail.

        The job is tried again after the delay of its retry policy, or is buried if no attempts are
        left. `retry_after` (seconds or timedelta, at most a year) replaces that delay;
        `retryable=False` buries the job at once. A job whose cancellation was requested ends as
        cancelled.
        """
        arguments = {
            "error": error,
            "retryable": retryable,
            "retry_after": retry_after,
            "error_code": error_code,
        }
        outcome: Outcome = self._end(connection, "fail", arguments)
        return outcome

    def release(
        self, *, available_at: datetime | None = None, connection: Connection | None = None
    ) -> Outcome:
        """Hands the job back without counting the attempt, at the end of its queue. SQL: release.

        With `available_at`, it can be claimed again from that time on. A job whose cancellation was
        requested ends as cancelled.
        """
        outcome: Outcome = self._end(connection, "release", {"available_at": available_at})
        return outcome

    def reschedule(
        self,
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
        """Ends the lease and moves the job to another need, to a later time, or behind other jobs.
        SQL: reschedule.

        None keeps what the job has, except for `wait_for`, where it means that the job waits for
        nothing. Attempts start again at zero. Raises JobCancelled once cancellation was requested,
        DependencyViolation and PayloadTooLarge.
        """
        arguments = {
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
        outcome: Outcome = self._end(connection, "reschedule", arguments)
        return outcome

    # -- in between

    def extend(
        self, lease: Seconds | None = None, *, connection: Connection | None = None
    ) -> datetime:
        """Moves the end of the lease to now + `lease` (by default the length it was granted with),
        never to an earlier time, and returns it. SQL: extend.

        Raises JobCancelled once cancellation was requested.
        """
        length = self._pulse.length if lease is None else duration(lease, "lease")
        sent = now()
        ends_at: datetime = self._value("extend", connection, lease=length)
        self._pulse.extended(sent + length.total_seconds())
        return ends_at

    def hold(self, *, connection: Connection | None = None) -> datetime:
        """Locks the lease until the open transaction ends, so that what the transaction writes
        commits only while the lease is current. Returns the end of the lease. SQL: hold_lease.
        """
        ends_at: datetime = self._value("hold_lease", connection)
        return ends_at

    @contextmanager
    def transaction(self, *, hold: bool = True) -> Iterator[Connection]:
        """Opens a transaction under this lease and returns its connection, for the reads and writes
        of the application.

        The methods of the lease take part in it: a `complete()` in the block commits together with
        the writes of the block, or not at all. `hold` first locks the lease, as `hold()` does, so
        that the job is not reclaimed during the transaction.

        A role or settings that the block sets on the session last no longer than the block, except
        on a connection that you passed.
        """
        pulse = self._pulse
        around = pulse.connection
        with self._session.lend(around) as conn:
            ours = not in_transaction(conn)
            reached_commit = False
            try:
                with conn.transaction():
                    pulse.connection = conn
                    if hold:
                        self.hold()
                        pulse.locked = ours
                    yield conn
                    reached_commit = True
            finally:
                pulse.connection = around
                if ours:
                    pulse.locked = False
                if not reached_commit:
                    pulse.ended_on = pulse.outcome = None  # rolled back, so nothing ended
        if ours and pulse.ended_on is conn:
            pulse.turn("ended")

    def checkpoint(
        self,
        name: str,
        result: Callable[[], Any] | Any = None,
        *,
        connection: Connection | None = None,
    ) -> Any:
        """Records a named result with the job, and returns the result recorded first under that
        name, which is kept. SQL: checkpoints, checkpoint.

        If `result` is a function, it is called only when the name has no result yet, so a later
        attempt skips the work. `name` has at most 200 bytes. Raises PayloadTooLarge.
        """
        if callable(result):
            for known in self.checkpoints(connection=connection):
                if known.name == name:
                    return known.result
            result = result()
        return self._value("checkpoint", connection, name=name, result=result)

    def checkpoints(self, *, connection: Connection | None = None) -> list[CheckpointResult]:
        """The named results that all attempts of the job have recorded, oldest first. SQL:
        checkpoints.
        """
        return self._call(
            connection,
            lambda conn: self._session.rows(
                CheckpointResult, "checkpoints", self._ids, connection=conn
            ),
        )

    def dependency_results(
        self,
        *,
        after: UUID | None = None,
        limit_rows: int | None = None,
        connection: Connection | None = None,
    ) -> list[DependencyResult]:
        """One page of the results of the jobs that this job waited for, in the order of job_id,
        beginning after the job_id `after`. SQL: results.

        The attribute `results` holds them already, unless `results_truncated` is true.
        """
        arguments = {**self._ids, "after": after, "limit_rows": limit_rows}
        return self._call(
            connection,
            lambda conn: self._session.rows(
                DependencyResult, "results", arguments, connection=conn
            ),
        )

    def keep_alive(self, on_change: OnChange | None = None) -> KeepAlive:
        """Starts a thread that extends the lease until it is closed: `with lease.keep_alive(): …`.

        The thread calls `on_change(lease, state)` when the lease becomes doubtful, lost or
        cancelled. Raises UsageError over a pool without `conninfo`, unless `connect=` was given.
        """
        from .keepalive import KeepAlive

        keeper = KeepAlive(self._session)
        keeper.watch(self, on_change)
        return keeper

    # -- the end of a block

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if exc is None:
            self.conclude(None)
            return False
        try:
            self.conclude(exc)
        except (LeaseholdError, psycopg.Error) as failure:
            log.warning(
                "job %s: the lease could not be ended, so it expires: %s", self.job_id, failure
            )
        return isinstance(exc, (Retry, GiveUp, Release))

    def is_over(self) -> bool:
        """Whether there is nothing left to send: the lease is lost or has ended, or was ended in a
        transaction that the caller has yet to commit.
        """
        pulse = self._pulse
        if pulse.state in ("ended", "lost"):
            return True
        if pulse.ended_on is None:
            return False
        return in_transaction(pulse.ended_on) or not self.status().held

    def conclude(self, exc: BaseException | None, result: Any = None) -> None:
        """Ends the lease as the exception of a handler says, or with its result, unless it is over.
        A Worker calls it.
        """
        end = self._end_after(exc, result)
        if end is not None:
            self._end(None, *end)

    def done(self, exc: BaseException | None, result: Any = None) -> dict[str, Any] | None:
        """What `conclude` would send, as an element for `settle` and `turn`; None if the lease is
        over.
        """
        end = self._end_after(exc, result)
        if end is None:
            return None
        verb, arguments = end
        return {**self._ids, "verb": verb, **arguments}

    def answered(self, row: Settled) -> None:
        """Records the row of `settle` or `turn` about the end of this lease; raises its refusal.

        AlreadyDone counts as success: it is the reply to a repeated call whose first reply was
        lost.
        """
        error = row.error
        if error is not None and not isinstance(error, AlreadyDone):
            self._pulse.judge(error, of_an_end=True)
            raise error
        self._pulse.outcome = row.state or "succeeded"
        self._pulse.turn("ended")

    def heard(self, answer: Extended, deadline: float) -> None:
        """Records the row of `extend_many` about this lease; `deadline` is its new end by the clock
        of backoff.now().
        """
        if answer.ok:
            self._pulse.extended(deadline)
        elif answer.error is not None:
            self._pulse.judge(answer.error)

    def ends(self) -> AbstractContextManager[None]:
        """Marks a block that ends the lease, with repeated calls if need be. In the block, a
        refusal of another call does not count as the loss of the lease.
        """
        return self._pulse.ends()

    def abandon(self) -> None:
        """Records that the lease was ended on behalf of its handler, and tells the handler to stop."""
        self._pulse.turn("ended")
        self._pulse.stop.set()

    # -- how calls are sent

    @property
    def _ids(self) -> dict[str, Any]:
        return {"job_id": self.job_id, "lease_id": self.lease_id}

    def _call(self, connection: Connection | None, call: Callable[[Connection | None], T]) -> T:
        try:
            return call(connection or self._pulse.connection)
        except LeaseholdError as exc:
            self._pulse.judge(exc)
            raise

    def _value(self, function: str, connection: Connection | None, **arguments: Any) -> Any:
        return self._call(
            connection,
            lambda conn: self._session.value(function, {**self._ids, **arguments}, connection=conn),
        )

    def _end_after(
        self, exc: BaseException | None, result: Any
    ) -> tuple[str, dict[str, Any]] | None:
        """The verb and the arguments that an exception, or a result, leads to; None if the lease is
        over.
        """
        if isinstance(exc, AlreadyDone) and exc.lease_id == self.lease_id:
            self._pulse.outcome = "succeeded"
            self._pulse.turn("ended")
        if self.is_over():
            return None
        if exc is None:
            return "complete", {"result": result}
        if isinstance(exc, Release):
            return "release", {"available_at": exc.available_at}
        if isinstance(exc, Retry):
            reason = str(exc) or exc.__cause__ or "the handler asked for another attempt"
            after = {"retry_after": exc.after, "error_code": exc.error_code}
            return "fail", {"error": reason, **after}
        if isinstance(exc, GiveUp):
            return "fail", {"error": str(exc), "retryable": False, "error_code": exc.error_code}
        if isinstance(exc, UndecodableError):
            return "fail", {"error": exc, "retryable": False, "error_code": UNDECODABLE}
        if isinstance(exc, Exception):
            return "fail", {"error": exc}
        return "release", {}

    def _end(self, connection: Connection | None, verb: str, arguments: dict[str, Any]) -> Any:
        pulse = self._pulse
        given = connection or pulse.connection
        alone, outcome = False, None
        try:
            with pulse.ends(), self._session.borrow(given) as conn:
                alone = self._session.stands_alone(conn, given)
                arguments = {**self._ids, **arguments}
                if verb == "complete":
                    self._session.value(verb, arguments, connection=conn)
                else:
                    outcome = self._session.row(Outcome, verb, arguments, connection=conn)
        except AlreadyDone:
            if not alone:
                raise
        except LeaseholdError as exc:
            pulse.judge(exc, of_an_end=True)
            raise
        pulse.outcome = outcome.state if outcome is not None else "succeeded"
        if alone:
            pulse.turn("ended")
        else:
            pulse.ended_on = conn
        return outcome
