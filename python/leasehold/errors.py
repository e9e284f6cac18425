"""The refusals of Leasehold as exceptions: one class for each SQLSTATE of `error_codes()`.

The SQLSTATE alone chooses the class; message, DETAIL and HINT come from the database. Every other
error of psycopg (a lost connection, 40001, 40P01, 55P03 …) passes through unchanged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar
from uuid import UUID

import psycopg


class LeaseholdError(Exception):
    """Base class of all refusals. An LH code unknown to this version is raised as this class.

    `sqlstate` is the code, `name` its name in `error_codes()`, `detail` the JSON of DETAIL, `hint`
    what to do about it. `index` is the position, from 0, of the element that `submit_all` refused.
    """

    code: ClassVar[str | None] = None

    def __init__(
        self,
        message: str,
        *,
        sqlstate: str | None = None,
        name: str | None = None,
        detail: Mapping[str, Any] | None = None,
        hint: str | None = None,
        index: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.sqlstate = sqlstate or self.code
        self.name = name or _names.get(self.sqlstate or "")
        self.detail: dict[str, Any] = dict(detail or {})
        self.hint = hint
        self.index = index

    def __str__(self) -> str:
        told = self.message if self.index is None else f"jobs[{self.index}]: {self.message}"
        told = f"{self.sqlstate} {told}" if self.sqlstate else told
        return f"{told} (hint: {self.hint})" if self.hint else told

    @property
    def job_id(self) -> UUID | None:
        """The job that the refusal is about, if DETAIL names one."""
        return _uuid(self.detail.get("job_id"))

    @property
    def lease_id(self) -> UUID | None:
        """The lease that was presented, if DETAIL names one."""
        return _uuid(self.detail.get("lease_id"))

    @property
    def argument(self) -> str | None:
        """The argument that was refused, if DETAIL names one."""
        found = self.detail.get("argument")
        return found if isinstance(found, str) else None


class LeaseExpired(LeaseholdError):
    """The lease is an earlier lease of this job: it expired and the job was taken away. Stop."""

    code = "LH001"


class LeaseMismatch(LeaseholdError):
    """The lease is not a lease of this job."""

    code = "LH002"


class JobNotFound(LeaseholdError):
    """No live or archived job has this id."""

    code = "LH003"


class DependencyViolation(LeaseholdError):
    """wait_for names an unknown job or the job itself, or would form a cycle."""

    code = "LH004"


class JobExists(LeaseholdError):
    """The job_id was used before."""

    code = "LH005"


class IdempotencyConflict(LeaseholdError):
    """The idempotency key was used for a different request."""

    code = "LH006"


class JobCancelled(LeaseholdError):
    """Cancellation was requested, or the job is cancelled. Stop."""

    code = "LH007"


class JobFinished(LeaseholdError):
    """The job has already ended in another way."""

    code = "LH008"


class InvalidState(LeaseholdError):
    """The job is not in a state that the call requires, for example leased where it must not be."""

    code = "LH009"


class InvalidArgument(LeaseholdError):
    """An argument has a wrong value: null, empty, negative, infinite, too long, not an object, or
    in the past.
    """

    code = "LH010"


class PayloadTooLarge(LeaseholdError):
    """A payload, result or checkpoint is larger than the configured limit."""

    code = "LH011"


class VersionMismatch(LeaseholdError):
    """This package and the installed schema do not fit together."""

    code = "LH017"


class AlreadyDone(LeaseholdError):
    """The same lease has already completed the job, so the transaction that completes it again must
    roll back. `Lease.status().result` is the result that was recorded.
    """

    code = "LH018"


class UsageError(LeaseholdError):
    """This package refused the call before anything was sent."""


class ArgumentTypeError(InvalidArgument, UsageError, TypeError):
    """An argument has the wrong type. Nothing was sent."""


class ArgumentValueError(InvalidArgument, UsageError, ValueError):
    """An argument has a value that cannot be sent or stored. Nothing was sent."""


class UndecodableError(LeaseholdError):
    """The call succeeded, but Python cannot decode a value that the database returned."""


class OpenTransaction(UsageError):
    """A transaction is already open. A lease counts only when it is committed, so jobs are claimed
    in a transaction of their own.
    """


class ForkedConnection(UsageError):
    """The process was forked after its Leasehold was created; create another one in the child."""


classes: dict[str, type[LeaseholdError]] = {
    cls.code: cls for cls in LeaseholdError.__subclasses__() if cls.code is not None
}
"""The only map from SQLSTATE to class."""

_names: dict[str, str] = {
    code: "".join(f"_{c.lower()}" if c.isupper() else c for c in cls.__name__).lstrip("_")
    for code, cls in classes.items()
}

LOST: tuple[type[LeaseholdError], ...] = (LeaseExpired, LeaseMismatch, JobNotFound, JobFinished)
"""The refusals of a lease that is not current."""

GONE: tuple[type[LeaseholdError], ...] = (*LOST, JobCancelled)
"""The refusals after which work under the lease is pointless."""


def from_parts(
    sqlstate: str, message: str, detail: str | None = None, hint: str | None = None
) -> LeaseholdError:
    """Builds the exception for a refusal given as columns, as in a row of `settle` or
    `extend_many`.
    """
    cls = classes.get(sqlstate, LeaseholdError)
    return cls(message, sqlstate=sqlstate, detail=_parse(detail), hint=hint)


def translate(exc: psycopg.Error) -> LeaseholdError:
    """Builds the exception for an error of class LH. Use it as `raise translate(exc) from exc`."""
    diag = exc.diag
    return from_parts(
        exc.sqlstate or "", diag.message_primary or str(exc), diag.message_detail, diag.message_hint
    )


@contextmanager
def translated(arguments: Sequence[str] = ()) -> Iterator[None]:
    """Raises a refusal of the SQL in the block as its class, with psycopg's exception as the cause.

    `arguments` are the names of the statement's parameters. A value that the type of a parameter
    cannot hold is raised as InvalidArgument, too.
    """
    try:
        yield
    except psycopg.Error as exc:
        if exc.sqlstate and exc.sqlstate.startswith("LH"):
            raise translate(exc) from exc
        name = _refused_parameter(exc, arguments)
        if name is not None:
            problem = exc.diag.message_primary or str(exc)
            raise InvalidArgument(f"{name}: {problem}", detail={"argument": name}) from exc
        raise


def _refused_parameter(exc: psycopg.Error, arguments: Sequence[str]) -> str | None:
    """The argument whose value its type cannot hold; None for any other error."""
    if not (exc.sqlstate or "").startswith("22"):
        return None
    # The last line is "unnamed portal parameter $2", in the server's language. For an error inside
    # a function it names a function instead.
    where = (exc.diag.context or "").splitlines()[-1:]
    found = re.search(r"\$(\d+)", where[0]) if where else None
    number = int(found[1]) if found else 0
    return arguments[number - 1] if 0 < number <= len(arguments) else None


@contextmanager
def copied(view: str, first: int) -> Iterator[None]:
    """Raises a refusal of the COPY in the block as its class, with the index of the refused
    element.

    `first` is the index of the first element of this COPY. A value that its column cannot hold is
    raised as InvalidArgument.
    """
    try:
        yield
    except psycopg.Error as exc:
        code, where = exc.sqlstate or "", exc.diag.context or ""
        if not code.startswith(("LH", "22")):
            raise
        error = translate(exc)
        if code.startswith("22"):
            error = InvalidArgument(exc.diag.message_primary or str(exc))
        # The last match is the outermost context. The word for "line" is in the server's language.
        line = re.findall(rf"^.*?\b{view}\b\D*(\d+)", where, re.MULTILINE)
        error.index = first + int(line[-1]) - 1 if line else None
        raise error from exc


def another_connection(exc: psycopg.Error) -> bool:
    """Whether the call might succeed over a connection other than the one that raised this.

    True for a lost connection and for a server that has become read-only. True also for errors that
    a session in an unexpected state may cause, since such a session shows itself only by errors.
    """
    if exc.sqlstate is None:
        return not isinstance(exc, _OF_THE_CALL)
    return exc.sqlstate[:2] not in ("LH", "22", "23", "40", "54", "55", "P0")


def another_time(exc: BaseException) -> bool:
    """Whether the same call might succeed later, because its surroundings made it fail.

    True when the database is unreachable, read-only, full or shutting down, or when the schema or a
    right is missing; false when the arguments of the call are at fault.
    """
    if not isinstance(exc, psycopg.Error):
        return False
    if exc.sqlstate is None:
        return isinstance(exc, (psycopg.OperationalError, psycopg.InterfaceError))
    return exc.sqlstate[:2] in ("08", "25", "28", "40", "53", "55", "57", "58") or (
        exc.sqlstate in _NOT_THERE
    )


def cannot_heal(exc: psycopg.Error) -> bool:
    """Whether another try is pointless: a wrong password, user, database or schema, or a missing
    right.

    A refused connection has no SQLSTATE, so it is recognized by its English text. In another
    language it is not recognized, and is tried again.
    """
    if exc.sqlstate is None:
        if isinstance(exc, psycopg.ProgrammingError):
            return True  # an invalid connection string
        return isinstance(exc, psycopg.OperationalError) and denied(exc) is not None
    return exc.sqlstate[:2] in ("28", "42") or exc.sqlstate in ("3D000", "3F000")


def denied(exc: psycopg.Error) -> str | None:
    """The SQLSTATE with which the server refused a connection, as far as its English text shows."""
    text = str(exc)
    return next((code for code, pattern in _DENIALS.items() if pattern.search(text)), None)


_NOT_THERE = ("3D000", "3F000", "42501", "42883", "42P01")

_OF_THE_CALL = (psycopg.ProgrammingError, psycopg.DataError, psycopg.NotSupportedError)

_DENIALS = {
    "28P01": re.compile(r"password authentication failed|no password supplied"),
    "3D000": re.compile(r'database ".*" does not exist|no such database'),
    "42501": re.compile("permission denied for database"),
    "28000": re.compile(
        r'role ".*" does not exist|is not permitted to log in|no pg_hba\.conf entry'
        r"|pg_hba\.conf rejects|authentication failed|no such user"
        r"|server does not support SSL, but SSL was required"
    ),
}


def _parse(detail: str | None) -> dict[str, Any]:
    try:
        found = json.loads(detail or "{}")
    except (ValueError, RecursionError):
        return {"text": detail}
    return found if isinstance(found, dict) else {"text": detail}


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(value)
    except (TypeError, ValueError, AttributeError):
        return None
