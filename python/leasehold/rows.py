"""What the SQL functions answer, as frozen rows: a class per composite type, a field per column, in
order.

Times are aware datetimes from the database's clock, durations timedeltas, JSON what `json` makes of
it: whole numbers exact, other numbers floats.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from .errors import LeaseholdError, from_parts


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Stands where Python cannot decode the JSON that the database has: nested too deep, a whole
    number of more digits than Python reads, bytes that are no UTF-8.

    `text` is that JSON, `problem` why it cannot be decoded.
    """

    text: str
    problem: str

    def __repr__(self) -> str:
        return f"Undecodable({self.text[:40]!r}, {self.problem!r})"


@dataclass(frozen=True, slots=True)
class Submitted:
    """One job recorded, or found again by its idempotency key (`created` is then false)."""

    job_id: UUID
    created: bool
    state: str
    available_at: datetime


@dataclass(frozen=True, slots=True)
class Work:
    """One job with the lease on it: all that a worker needs.

    `results` are those of the jobs it waited for, up to 64 kB; `results_truncated` says that there
    are more. `lease_remaining` is what was left of the lease when the database answered.
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
    """Where a job went: its new state, when it can be taken again, and how many attempts are
    counted.
    """

    state: str
    available_at: datetime | None
    attempt: int


class _Verdict:
    """A row that carries its own refusal."""

    __slots__ = ()

    error_code: str | None
    message: str | None
    detail: str | None
    hint: str | None

    @property
    def error(self) -> LeaseholdError | None:
        """The refusal of this row as an exception, not raised; none when `ok`."""
        if self.error_code is None:
            return None
        return from_parts(self.error_code, self.message or "", self.detail, self.hint)


@dataclass(frozen=True, slots=True)
class Settled(_Verdict):
    """One element of a batch that `settle` or `turn` acknowledged, or refused."""

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
    """One lease that `extend_many` moved, or refused."""

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
    """What the database says of a lease now; `state` is the job's, `result` what this very lease
    completed it with, an Undecodable if Python cannot decode it.
    """

    held: bool
    cancel_requested: bool
    remaining: timedelta | None
    state: str
    result: Any


@dataclass(frozen=True, slots=True)
class CheckpointResult:
    """A named result that stays with the job."""

    name: str
    result: Any
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class DependencyResult:
    """How a job that was waited for ended, and with what result."""

    job_id: UUID
    state: str
    result: Any


@dataclass(frozen=True, slots=True)
class Bell:
    """Where to listen; `armed`: whoever submits from now on knows of it; `due_in`: in how long this
    session is to look for a job that is scheduled, whoever rings.
    """

    channel: str
    armed: bool
    due_in: timedelta | None


@dataclass(frozen=True, slots=True)
class JobInfo:
    """One job, live or archived. `payload`, `metadata`, `result` and `lease_id` are None for a login
    that may not call job_payload; one that Python cannot decode is an Undecodable.
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
    """What a job carries; what Python cannot decode is an Undecodable."""

    payload: dict[str, Any]
    metadata: dict[str, Any]
    result: Any


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a job does not run; `until` when that changes by itself, `waits_for` which job it waits
    for.
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
    """One code that Leasehold raises."""

    code: str
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Swept:
    """How many jobs one `sweep` moved on."""

    promoted: int
    reclaimed: int
    expired: int
    freed: int
    admitted: int


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Something that is not as shipped: `problem` is missing, changed or left over."""

    kind: str
    name: str
    problem: str
