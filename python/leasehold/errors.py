"""What Leasehold refuses, as exceptions: one class per SQLSTATE of `error_codes()`.

The class is chosen by the code alone; message, DETAIL and HINT come from the database. Everything
else that psycopg raises (a lost connection, 40001, 40P01, 55P03 …) passes through untouched.
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
    """Anything that Leasehold refuses. An LH code that this version does not know comes as this
    class.
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
        self.index = index  # of the element that `submit_all` was refused for, from 0

    def __str__(self) -> str:
        told = self.message if self.index is None else f"jobs[{self.index}]: {self.message}"
        told = f"{self.sqlstate} {told}" if self.sqlstate else told
        return f"{told} (hint: {self.hint})" if self.hint else told

    @property
    def job_id(self) -> UUID | None:
        """The job it is about, where DETAIL names one."""
        return _uuid(self.detail.get("job_id"))

    @property
    def lease_id(self) -> UUID | None:
        """The lease that was shown, where DETAIL names one."""
        return _uuid(self.detail.get("lease_id"))

    @property
    def argument(self) -> str | None:
        """The argument that was refused, where DETAIL names one."""
        found = self.detail.get("argument")
        return found if isinstance(found, str) else None


class LeaseExpired(LeaseholdError):
    """An earlier lease of this job: it ran out, and the job was taken away. Stop."""

    code = "LH001"


class LeaseMismatch(LeaseholdError):
    """No lease of this job."""

    code = "LH002"


class JobNotFound(LeaseholdError):
    """No live or archived job of that id."""

    code = "LH003"


class DependencyViolation(LeaseholdError):
    """wait_for names an unknown job, the job itself, or closes a circle."""

    code = "LH004"


class JobExists(LeaseholdError):
    """The job_id was used before."""

    code = "LH005"


class IdempotencyConflict(LeaseholdError):
    """The idempotency key was used for a different request."""

    code = "LH006"


class JobCancelled(LeaseholdError):
    """Cancellation was asked for, or done. Stop."""

    code = "LH007"


class JobFinished(LeaseholdError):
    """The job already ended otherwise."""

    code = "LH008"


class InvalidState(LeaseholdError):
    """The job is held where it must be unheld, and so on."""

    code = "LH009"


class InvalidArgument(LeaseholdError):
    """An argument is null, empty, negative, infinite, too long, not an object, or past."""

    code = "LH010"


class PayloadTooLarge(LeaseholdError):
    """A payload, result or checkpoint is above the configured cap."""

    code = "LH011"


class VersionMismatch(LeaseholdError):
    """This package and the installed schema do not fit."""

    code = "LH017"


class AlreadyDone(LeaseholdError):
    """This very lease completed the job before: roll back what was written again. What it was
    completed with is `Lease.status().result`.
    """

    code = "LH018"


class UsageError(LeaseholdError):
    """Refused by this package before anything was sent."""


class ArgumentTypeError(InvalidArgument, UsageError, TypeError):
    """An argument is of a type that this package does not send: a TypeError, and refused before
    anything was sent.
    """


class ArgumentValueError(InvalidArgument, UsageError, ValueError):
    """An argument has a value that cannot be sent or stored: a ValueError, and refused before
    anything was sent.
    """


class UndecodableError(LeaseholdError):
    """The database answered with a value that Python cannot decode. What was called was done."""


class OpenTransaction(UsageError):
    """A grant counts when it commits, so work is not claimed inside a transaction that somebody
    else opened.
    """


class ForkedConnection(UsageError):
    """The process was forked after connecting: open connections in the child."""


classes: dict[str, type[LeaseholdError]] = {
    cls.code: cls for cls in LeaseholdError.__subclasses__() if cls.code is not None
}
"""The one map from SQLSTATE to class."""

_names: dict[str, str] = {
    code: "".join(f"_{c.lower()}" if c.isupper() else c for c in cls.__name__).lstrip("_")
    for code, cls in classes.items()
}

LOST: tuple[type[LeaseholdError], ...] = (LeaseExpired, LeaseMismatch, JobNotFound, JobFinished)
"""What the database says of a lease that is no longer current."""

GONE: tuple[type[LeaseholdError], ...] = (*LOST, JobCancelled)
"""What makes it pointless to go on under a lease."""


def from_parts(
    sqlstate: str, message: str, detail: str | None = None, hint: str | None = None
) -> LeaseholdError:
    """The exception for a refusal given in parts, as in a row of `settle` or `extend_many`."""
    cls = classes.get(sqlstate, LeaseholdError)
    return cls(message, sqlstate=sqlstate, detail=_parse(detail), hint=hint)


def translate(exc: psycopg.Error) -> LeaseholdError:
    """The exception for an error in class LH: `raise translate(exc) from exc`."""
    diag = exc.diag
    return from_parts(
        exc.sqlstate or "", diag.message_primary or str(exc), diag.message_detail, diag.message_hint
    )


@contextmanager
def translated(arguments: Sequence[str] = ()) -> Iterator[None]:
    """Raises a refusal of the body's SQL as its class, with psycopg's exception as the cause.

    `arguments` are the names of the statement's parameters: a value that the type of one cannot
    hold is an InvalidArgument, too.
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
    """The argument whose text its type could not read; None when the error is of another kind."""
    if not (exc.sqlstate or "").startswith("22"):
        return None
    # "unnamed portal parameter $2", in the server's language; an error inside a function has
    # functions there
    where = (exc.diag.context or "").splitlines()[-1:]
    found = re.search(r"\$(\d+)", where[0]) if where else None
    number = int(found[1]) if found else 0
    return arguments[number - 1] if 0 < number <= len(arguments) else None


@contextmanager
def copied(view: str, first: int) -> Iterator[None]:
    """Raises a refusal of the body's COPY into a view with the index of the element that it is
    about.

    `first` is the index of the first one sent. A value that its column cannot hold is an
    InvalidArgument.
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
        # the outermost context; a word for "line" there is in the server's language
        line = re.findall(rf"^.*?\b{view}\b\D*(\d+)", where, re.MULTILINE)
        error.index = first + int(line[-1]) - 1 if line else None
        raise error from exc


def another_connection(exc: psycopg.Error) -> bool:
    """Whether the call may do better over another connection than over the one that raised this.

    A connection that is lost, or leads to a server that is read-only by now; but also one whose
    session is not as it should be, which is seen by its effects alone.
    """
    if exc.sqlstate is None:
        return not isinstance(exc, _OF_THE_CALL)
    return exc.sqlstate[:2] not in ("LH", "22", "23", "40", "54", "55", "P0")


def another_time(exc: BaseException) -> bool:
    """Whether the same call may do better another time, because it failed for what is around it.

    The database is away, read-only, full or shutting down, or the schema or a right is missing; not
    for what the call said.
    """
    if not isinstance(exc, psycopg.Error):
        return False
    if exc.sqlstate is None:
        return isinstance(exc, (psycopg.OperationalError, psycopg.InterfaceError))
    return exc.sqlstate[:2] in ("08", "25", "28", "40", "53", "55", "57", "58") or (
        exc.sqlstate in _NOT_THERE
    )


def cannot_heal(exc: psycopg.Error) -> bool:
    """Whether another try is idle: wrong password, user, database or schema, or no rights.

    What is refused while connecting comes without a SQLSTATE, so it is known by its English text; in
    another language it is not known, and is tried again.
    """
    if exc.sqlstate is None:
        if isinstance(exc, psycopg.ProgrammingError):
            return True  # no connection string
        return isinstance(exc, psycopg.OperationalError) and denied(exc) is not None
    return exc.sqlstate[:2] in ("28", "42") or exc.sqlstate in ("3D000", "3F000")


def denied(exc: psycopg.Error) -> str | None:
    """The SQLSTATE that a server refused a connection with, as far as its English text tells it."""
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
