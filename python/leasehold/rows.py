"""The rows that the SQL functions return: one frozen class for each composite type, with one field
for each column, in order.

Times are aware datetimes from the database's clock; durations are timedeltas. JSON is what Python's
`json` makes of it: whole numbers are exact, other numbers are floats.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from .errors import LeaseholdError, from_parts


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Takes the place of JSON that Python cannot decode: nested too deeply, a whole number with
    more digits than Python reads, or bytes that are not UTF-8.

    `text` is that JSON, `problem` the reason.
    """

    text: str
    problem: str

    def __repr__(self) -> str:
        return f"Undecodable({self.text[:40]!r}, {self.problem!r})"


@dataclass(frozen=True, slots=True)
class Submitted:
    """One job that was recorded, or (with `created` false) found by its idempotency key."""

    job_id: UUID
    created: bool
    state: str
    available_at: datetime


@dataclass(frozen=True, slots=True)
class Work:
    """One claimed job and its lease, with all that a worker needs.

    `attempt` counts from 1. `fence` grows with each lease of the job, and of its singleton key.
    `lease_remaining` is what was left of the lease when the database replied. `results` maps the
    job_id of each job that this job waited for to its result. Above 64 kB it is empty and
    `results_truncated` is true; then `Lease.dependency_results` returns them page by page.
    """

    job_id: UUID
    lease_id: UUID
    fence: int
    next_need: str
    payload: dict[str, Any]
    attempt: int
    max_attempts: int
    lease_expires_at: datetime
    lease_remaining: timedelta
    singleton_key: str | None
    metadata: dict[str, Any]
    run_id: UUID | None
    step: str | None
    results: Any
    results_truncated: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """The new state of a job, the time from which it can be claimed again, and its number of
    counted attempts.
    """

    state: str
    available_at: datetime | None
    attempt: int


class _Verdict:
    """A row that may hold a refusal."""

    __slots__ = ()

    error_code: str | None
    message: str | None
    detail: str | None
    hint: str | None

    @property
    def error(self) -> LeaseholdError | None:
        """The refusal of this row as an exception, which is not raised; None if `ok`."""
        if self.error_code is None:
            return None
        return from_parts(self.error_code, self.message or "", self.detail, self.hint)


@dataclass(frozen=True, slots=True)
class Settled(_Verdict):
    """One element of a batch that `settle` or `turn` processed: done if `ok`, otherwise refused."""

    job_id: UUID
    lease_id: UUID
    verb: str
    ok: bool
    state: str | None
    available_at: datetime | None
    attempt: int | None
    lease_expires_at: datetime | None
    error_code: str | None
    message: str | None
    detail: str | None
    hint: str | None


@dataclass(frozen=True, slots=True)
class Extended(_Verdict):
    """One lease that `extend_many` extended if `ok`, otherwise refused."""

    job_id: UUID
    lease_id: UUID
    ok: bool
    lease_expires_at: datetime | None
    error_code: str | None
    message: str | None
    detail: str | None
    hint: str | None


@dataclass(frozen=True, slots=True)
class LeaseStatus:
    """The status of a lease in the database.

    `held` says whether the lease is current. `remaining` is negative if the lease has expired but
    the job was not reclaimed yet. `state` is the state of the job. `result` is the result with
    which this lease completed the job, or an Undecodable if Python cannot decode it.
    """

    held: bool
    cancel_requested: bool
    remaining: timedelta | None
    state: str
    result: Any


@dataclass(frozen=True, slots=True)
class CheckpointResult:
    """A named result that is kept with the job."""

    name: str
    result: Any
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class DependencyResult:
    """The state in which a job that was waited for ended, and its result."""

    job_id: UUID
    state: str
    result: Any


@dataclass(frozen=True, slots=True)
class Wakeup:
    """How a waiting worker is woken.

    `channel` is the channel to LISTEN on. `reliable` says whether every transaction that submits a
    matching job from now on notifies the channel; until then the worker should sleep only briefly.
    `due_in` is the time after which this worker must look for work without a notification, because
    a scheduled job becomes due.
    """

    channel: str
    reliable: bool
    due_in: timedelta | None


@dataclass(frozen=True, slots=True)
class JobInfo:
    """One job, live or archived.

    `payload`, `metadata`, `result` and `lease_id` are None for a login that may not call
    job_payload. A value that Python cannot decode is an Undecodable. `crashes` counts the leases
    that ran out in a row, `leases_run_out` all that ever did. `extended_at` is the time at which
    the current lease was last extended.
    """

    job_id: UUID
    state: str
    next_need: str
    payload: dict[str, Any] | None
    priority: int
    attempt: int
    max_attempts: int
    crashes: int
    available_at: datetime | None
    expires_at: datetime | None
    submitted_at: datetime
    submitted_by: str | None
    singleton_key: str | None
    idempotency_key: str | None
    metadata: dict[str, Any] | None
    wait_for: list[UUID]
    on_dependency_failure: str
    retry: dict[str, Any] | None
    worker_id: str | None
    lease_id: UUID | None
    fence: int | None
    leased_at: datetime | None
    lease_expires_at: datetime | None
    cancel_requested: bool
    error: str | None
    error_code: str | None
    dead_reason: str | None
    ended_at: datetime | None
    result: Any
    run_id: UUID | None
    step: str | None
    archived: bool
    leases_run_out: int
    extended_at: datetime | None


@dataclass(frozen=True, slots=True)
class PayloadInfo:
    """The JSON values of a job; one that Python cannot decode is an Undecodable."""

    payload: dict[str, Any]
    metadata: dict[str, Any]
    result: Any


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason why a job is not running. `until` is the time at which it ceases by itself,
    `waits_for` the job that this one waits for.
    """

    reason: str
    detail: str | None
    until: datetime | None
    waits_for: UUID | None


@dataclass(frozen=True, slots=True)
class SettingInfo:
    """One setting."""

    name: str
    value: str
    default_value: str
    description: str


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """One error code that Leasehold raises."""

    code: str
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Swept:
    """The numbers of jobs that one `sweep` promoted (scheduled to ready), reclaimed (the lease had
    expired), expired (too late to start), freed (nothing left to wait for) and admitted (unparked:
    the singleton key became free).
    """

    promoted: int
    reclaimed: int
    expired: int
    freed: int
    admitted: int


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One difference from what was shipped or installed; `problem` is missing, changed or left
    over.
    """

    kind: str
    name: str
    problem: str
