"""Leasehold: durable work for PostgreSQL. The engine is SQL; this package makes it pleasant from
Python.

`Leasehold` submits, claims and operates; a `Lease` holds one job (complete, fail, extend …); a
`Worker` runs handlers in threads; an `Installer` puts the schema in, verifies it, takes it out.
"""

from .client import Leasehold, Turn
from .errors import (
    AlreadyDone,
    ArgumentTypeError,
    ArgumentValueError,
    DependencyViolation,
    ForkedConnection,
    IdempotencyConflict,
    InvalidArgument,
    InvalidState,
    JobCancelled,
    JobExists,
    JobFinished,
    JobNotFound,
    LeaseExpired,
    LeaseholdError,
    LeaseMismatch,
    OpenTransaction,
    PayloadTooLarge,
    UndecodableError,
    UsageError,
    VersionMismatch,
)
from .installer import Installer
from .keepalive import KeepAlive
from .lease import GiveUp, Lease, Release, Retry
from .rows import Undecodable
from .worker import Worker

__version__ = "1.0.0"

__all__ = [
    "AlreadyDone",
    "ArgumentTypeError",
    "ArgumentValueError",
    "DependencyViolation",
    "ForkedConnection",
    "GiveUp",
    "IdempotencyConflict",
    "Installer",
    "InvalidArgument",
    "InvalidState",
    "JobCancelled",
    "JobExists",
    "JobFinished",
    "JobNotFound",
    "KeepAlive",
    "Lease",
    "LeaseExpired",
    "LeaseMismatch",
    "Leasehold",
    "LeaseholdError",
    "OpenTransaction",
    "PayloadTooLarge",
    "Release",
    "Retry",
    "Turn",
    "Undecodable",
    "UndecodableError",
    "UsageError",
    "VersionMismatch",
    "Worker",
    "__version__",
]
