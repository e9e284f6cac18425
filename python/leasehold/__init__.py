"""Leasehold: durable work for PostgreSQL. The engine is written in SQL; this package calls it.

`Leasehold` submits, claims and manages jobs. A `Lease` is the right to work on one job, and ends
it. A `Worker` runs handlers in threads. An `Installer` installs, verifies and removes the schema.
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
