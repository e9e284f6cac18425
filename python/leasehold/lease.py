"""A lease: what get_work granted, and what may be done with it."""

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
"""The error_code of an attempt that failed because Python cannot decode what the job has."""

_FACTS = tuple(column.name for column in fields(Work))


class Retry(Exception):
    """Raised by a handler: this attempt failed, try again after `after` (seconds or timedelta;
    None: by policy).
    """

    def __init__(
        self, reason: str = "", *, after: Seconds | None = None, error_code: str | None = None
    ) -> None:
        super().__init__(reason)
        self.after = after
        self.error_code = error_code


class GiveUp(Exception):
    """Raised by a handler: this job will never succeed, bury it."""

    def __init__(self, reason: str, *, error_code: str | None = None) -> None:
        super().__init__(reason)
        self.error_code = error_code


class Release(Exception):
    """Raised by a handler: hand the job back untried, to be taken again at `available_at` (None: at
    once).
    """

    def __init__(self, *, available_at: datetime | None = None) -> None:
        super().__init__("released")
        self.available_at = available_at


class Pulse:
    """What its holder knows of a lease by now. Its calls and its keepalive write here, from their
    threads.
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
        self.deadline = deadline  # on backoff.now()
        self.state: State = "held"
        self.error: LeaseholdError | None = None
        self.stop = threading.Event()
        self.connection: Connection | None = None  # the transaction that Lease.transaction() opened
        self.ended_on: Connection | None = (
            None  # whose transaction ended it, not known to be committed
        )
        self.counting = threading.Lock()
        self.ending = 0  # ends on their way
        self.locked = False  # a transaction of ours keeps everybody else from taking it
        self.outcome: str | None = None  # the job's state, as its end left it
        self.watchers: list[Callable[[State], None]] = []

    def look(self) -> State:
        """The state; a lease whose time went by is doubtful, because only the database knows who
        has it.
        """
        if self.state == "held" and not self.locked and now() >= self.deadline:
            return "doubtful"
        return self.state

    def turn(self, state: State, error: LeaseholdError | None = None) -> None:
        """Takes note of a state there is no way back from, and tells who wants to know."""
        if self.state in ("ended", "lost") or self.state == state:
            return
        self.state, self.error = state, error
        if state in ("lost", "cancelled"):
            self.stop.set()
        for tell in list(self.watchers):
            tell(state)

    def judge(self, exc: LeaseholdError, *, of_an_end: bool = False) -> None:
        """Takes note of what a refusal says about the lease."""
        if self.ended_on is not None or (self.ending and not of_an_end):
            return  # it may be our own end that it speaks of
        if isinstance(exc, LOST):
            self.turn("lost", exc)
        elif isinstance(exc, JobCancelled):
            self.turn("cancelled", exc)

    @contextmanager
    def ends(self) -> Iterator[None]:
        """While an end is on its way, a refusal seen elsewhere may only be its effect."""
        with self.counting:
            self.ending += 1
        try:
            yield
        finally:
            with self.counting:
                self.ending -= 1

    def extended(self, deadline: float) -> None:
        """Takes note of a later end of the lease."""
        self.deadline = max(self.deadline, deadline)


@dataclass(frozen=True, slots=True, eq=False)
class Lease(Work):
    """The exclusive right to work on one job, until it ends or runs out.

    As a context manager it ends what the block did not end: `complete()` after a clean exit,
    `fail()` with the exception's text after an exception (which goes on; Retry, GiveUp and Release
    end the lease as they say and stop there), `release()` after KeyboardInterrupt and the like.

    Every method sends one call over the source the lease came from or, inside `transaction()`, over
    that transaction; `connection=` names another one, and a call inside a transaction is part of
    it. All raise LeaseExpired, LeaseMismatch, JobNotFound or JobFinished when the lease is lost,
    JobCancelled as each says.
    """

    _session: Session = field(repr=False)
    _pulse: Pulse = field(repr=False)

    # a grant equals itself alone, so it can be in a set; Work compares, and hashes, its values
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @classmethod
    def granted(cls, work: Work, session: Session, length: timedelta, sent: float) -> Lease:
        """The lease of one row of get_work, called at `sent` on backoff.now()."""
        pulse = Pulse(length, sent + work.lease_remaining.total_seconds())
        facts = {name: getattr(work, name) for name in _FACTS}
        return cls(**facts, _session=session, _pulse=pulse)

    # -- what is known

    @property
    def state(self) -> State:
        """held · doubtful (its time went by: ends are still sent, the database decides) · lost ·
        cancelled · ended.
        """
        return self._pulse.look()

    @property
    def stop(self) -> threading.Event:
        """Set once the handler should come to an end: `lease.stop.wait(5)` is a sleep that ends in
        time. `stop_reason` says why.
        """
        return self._pulse.stop

    @property
    def stop_reason(self) -> StopReason | None:
        """Why `stop` is set: the lease is lost, or cancelled; or its worker shuts down.

        At a shutdown the lease is still held: finish within the worker's grace period, or raise
        Release, which hands the job back untried. None while `stop` is not set.
        """
        if self._pulse.state == "lost":
            return "lost"
        if self._pulse.state == "cancelled":
            return "cancelled"
        return "shutdown" if self._pulse.stop.is_set() else None

    def check(self) -> None:
        """Raises what made the lease lost or cancelled, if anything did. Asks nobody: `status()`
        does.
        """
        if self._pulse.error is not None:
            raise self._pulse.error

    def status(self, *, connection: Connection | None = None) -> LeaseStatus:
        """Asks the database: held, cancel_requested, remaining, the job's state, and the result
        that this very lease completed it with. SQL: lease_status.
        """
        return self._call(
            connection,
            lambda conn: self._session.row(
                LeaseStatus, "lease_status", self._ids, connection=conn, undecodable=True
            ),
        )

    # -- ends

    def complete(self, result: Any = None, *, connection: Connection | None = None) -> None:
        """Ends the job as succeeded, with a JSON result. SQL: complete.

        Inside a transaction, what else that transaction writes happens exactly once. Completed
        before by this very lease: fine when the call stands alone, AlreadyDone inside a
        transaction, which must roll back. Raises PayloadTooLarge.
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
        """This attempt failed: backs off, or buries what has no attempts left. SQL: fail.

        `retryable=False` buries at once; `retry_after` (seconds or timedelta) takes the place of
        the policy.
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
        """Hands the job back untried, at the end of the queue. SQL: release."""
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
        """Moves the job on: another need, later, or behind other jobs. SQL: reschedule.

        None keeps what the job has, except wait_for: then it waits for nothing. Raises
        DependencyViolation, JobCancelled, InvalidArgument.
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
        """Moves the end of the lease to now + `lease` (default: as long as it was granted for).
        SQL: extend.

        Never to an earlier end. Raises JobCancelled once cancellation was asked for.
        """
        length = self._pulse.length if lease is None else duration(lease, "lease")
        sent = now()
        ends_at: datetime = self._value("extend", connection, lease=length)
        self._pulse.extended(sent + length.total_seconds())
        return ends_at

    def hold(self, *, connection: Connection | None = None) -> datetime:
        """Locks the lease for the open transaction: what it writes commits only while the lease is
        held.

        SQL: hold_lease. Answers when the lease would end.
        """
        ends_at: datetime = self._value("hold_lease", connection)
        return ends_at

    @contextmanager
    def transaction(self, *, hold: bool = True) -> Iterator[Connection]:
        """A transaction under this lease: gives its connection for the application's own reads and
        writes.

        Methods of the lease take part in it: `complete()` in here commits with what was written, or
        neither does. `hold` locks the lease first, so that nobody takes the job while the
        transaction lasts. What the block does to the session (a role, settings) lasts no longer
        than the block; a connection that you gave stays as you leave it.
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
        """Records a named result inside the job and returns the one that stays: the first of its
        name.

        A function is called only when the name has no result yet, so that a later attempt skips the
        work. SQL: checkpoints, checkpoint. Raises PayloadTooLarge.
        """
        if callable(result):
            for known in self.checkpoints(connection=connection):
                if known.name == name:
                    return known.result
            result = result()
        return self._value("checkpoint", connection, name=name, result=result)

    def checkpoints(self, *, connection: Connection | None = None) -> list[CheckpointResult]:
        """The named results recorded so far, by whichever attempt. SQL: checkpoints."""
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
        """A page of the results of what the job waited for, in order of job_id after `after`. SQL:
        results.

        `results` has them already, unless `results_truncated`.
        """
        arguments = {**self._ids, "after": after, "limit_rows": limit_rows}
        return self._call(
            connection,
            lambda conn: self._session.rows(
                DependencyResult, "results", arguments, connection=conn
            ),
        )

    def keep_alive(self, on_change: OnChange | None = None) -> KeepAlive:
        """Extends the lease from a thread of its own until closed: `with lease.keep_alive(): …`.

        `on_change(lease, state)` is called from there when the lease is doubtful, lost or
        cancelled.
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
                "job %s: its end could not be told, so its lease runs out: %s", self.job_id, failure
            )
        return isinstance(exc, (Retry, GiveUp, Release))

    def is_over(self) -> bool:
        """Whether nothing is left to send: lost, ended, or ended in a transaction whose owner
        decides.
        """
        pulse = self._pulse
        if pulse.state in ("ended", "lost"):
            return True
        if pulse.ended_on is None:
            return False
        return in_transaction(pulse.ended_on) or not self.status().held

    def conclude(self, exc: BaseException | None, result: Any = None) -> None:
        """Ends the lease as an exception says, unless it is over: what a Worker does with what a
        handler raised.
        """
        end = self._end_after(exc, result)
        if end is not None:
            self._end(None, *end)

    def done(self, exc: BaseException | None, result: Any = None) -> dict[str, Any] | None:
        """What `conclude` would send, as an element for `settle` and `turn`; None when it is over."""
        end = self._end_after(exc, result)
        if end is None:
            return None
        verb, arguments = end
        return {**self._ids, "verb": verb, **arguments}

    def answered(self, row: Settled) -> None:
        """Takes note of what `settle` or `turn` said of its end; raises what refused it.

        Done before by this very lease is fine: a repeated call answers that when its first reply
        was lost.
        """
        error = row.error
        if error is not None and not isinstance(error, AlreadyDone):
            self._pulse.judge(error, of_an_end=True)
            raise error
        self._pulse.outcome = row.state or "succeeded"
        self._pulse.turn("ended")

    def heard(self, answer: Extended, deadline: float) -> None:
        """Takes note of what `extend_many` said of it; `deadline` is its new end, on backoff.now()."""
        if answer.ok:
            self._pulse.extended(deadline)
        elif answer.error is not None:
            self._pulse.judge(answer.error)

    def ends(self) -> AbstractContextManager[None]:
        """While its end is on its way, more than once if need be, no refusal elsewhere counts as a
        loss.
        """
        return self._pulse.ends()

    def abandon(self) -> None:
        """Takes note that somebody else ended it for its holder, who is told to stop."""
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
        """The verb and the arguments that an exception, or none, asks for; None when it is over."""
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
