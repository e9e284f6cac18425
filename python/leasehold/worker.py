"""A worker: threads that claim jobs and call a handler for each, until they are stopped."""

from __future__ import annotations

import inspect
import logging
import os
import queue
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from types import FrameType
from typing import Any, TypeAlias

import psycopg

from .backoff import Backoff, now
from .client import Leasehold
from .errors import (
    GONE,
    AlreadyDone,
    ArgumentTypeError,
    LeaseholdError,
    UsageError,
    VersionMismatch,
    another_connection,
    another_time,
    cannot_heal,
)
from .keepalive import KeepAlive
from .lease import GiveUp, Lease, Release, Retry, State, describe
from .session import Connection, Pool, Seconds, Session, duration, impatient, usable
from .trouble import Trouble

log = logging.getLogger("leasehold")

Handler: TypeAlias = Callable[[Lease], Any]
API = 1


class Worker:
    """Claims jobs of the given capabilities and calls their handlers, one job at a time in each
    thread.

    `handlers` maps each capability (a need, or a prefix that ends in %) to a function that takes
    the Lease. When the function returns, the job is completed with the returned value as its
    result, unless the function has ended the lease itself. It may raise Retry, GiveUp or Release;
    any other exception is a failed attempt.

    Leases are kept alive while handlers run. When a lease is lost or cancelled, `lease.stop` is set
    and `lease.check()` raises. `lease.stop` is also set when the worker shuts down;
    `lease.stop_reason` tells the cases apart. The end of a job and the claim of the next are one
    call. SQL: turn, get_work, wakeup_channel, next_due, extend_many.

        def index(lease: Lease) -> None:
            with lease.transaction() as conn:
                conn.execute("insert into report …")
                lease.complete()            # commits together with the insert

        Worker(dsn, {"demo.index": index}, threads=4).run()

    `source` is a connection string, or a pool with at least as many connections as threads, because
    a thread that waits for work keeps one to listen on. With a connection string, each thread opens
    a connection, and one more keeps the leases alive.
    """

    def __init__(
        self,
        source: str | Pool,
        handlers: Mapping[str, Handler],
        *,
        threads: int = 1,
        name: str | None = None,
        lease: Seconds = 60.0,
        poll: Seconds = 5.0,
        grace: Seconds = 30.0,
        schema: str = "leasehold",
        connect: Callable[[], Connection] | None = None,
    ) -> None:
        """Checks the options and opens nothing; `run()` starts the worker.

        `name` is recorded as the worker_id, with the number of the thread appended (default: host
        and process id). `lease` is the length of each lease, `poll` the longest time between two
        queries for work, and `grace` the time that running jobs have to finish after `stop()`; all
        three are in seconds, or timedeltas. `connect` opens the connection that keeps leases alive.

        Raises ValueError and TypeError for wrong options.
        """
        if name is not None and not name.strip():
            raise ValueError("name must not be blank; None takes the default")
        if not handlers:
            raise ValueError("a worker needs at least one handler")
        if threads < 1:
            raise ValueError("a worker needs at least one thread")
        if duration(poll) <= timedelta():
            raise ValueError("poll must be greater than zero")
        if isinstance(source, psycopg.Connection):
            raise TypeError(
                "the threads of a worker cannot share a connection; pass a pool or a connection string"
            )
        usable(source)
        for capability, handler in handlers.items():
            _check_handler(capability, handler)
        self.name = name if name is not None else f"{socket.gethostname()}:{os.getpid()}"
        self.handlers = dict(handlers)
        self.capabilities = list(handlers)
        self.threads = threads
        self.lease = duration(lease)
        self.poll = duration(poll)
        self.grace = duration(grace)
        self.schema = schema
        self.stopping = threading.Event()
        self._source = source
        self._connect = connect
        self._running: dict[str, Lease] = {}  # by thread
        self._failure: BaseException | None = None
        self._opened = threading.Event()
        self._worked = False  # after a first success, no failure is due to wrong options
        self._trouble = Trouble(
            lambda n: f"worker {self.name}: {n} of {threads} threads wait for the database",
            f"worker {self.name}: connected again",
        )
        self._signals = 0
        # A signal handler may put into this queue. It must not set an Event, because it could
        # interrupt the code that holds the Event's lock.
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()

    # -- called from outside

    def run(self, *, signals: bool = True) -> None:
        """Works until `stop()`, SIGTERM or SIGINT. Then waits up to `grace` for the running jobs to
        finish, and releases those that have not.

        A second signal exits the process at once, and leaves the leases to expire. With
        `signals=False`, and outside the main thread, signals are left to the caller.

        The worker waits out lost connections and restarts of the server. It raises an error that
        waiting cannot cure (a wrong password, a missing database, schema or right) unless it has
        already looked for work; it always raises VersionMismatch.
        """
        mine = signals and threading.current_thread() is threading.main_thread()
        with KeepAlive(self._session()) as keeper:
            threads = [
                threading.Thread(
                    target=self._thread, args=(keeper, f"{self.name}:{n}", n == 1), daemon=True
                )
                for n in range(1, self.threads + 1)
            ]
            log.info("worker %s: %s", self.name, ", ".join(self.capabilities))
            before = {s: signal.signal(s, self._on_signal) for s in _SIGNALS} if mine else {}
            try:
                for thread in threads:
                    thread.start()
                while any(thread.is_alive() for thread in threads) and not self.stopping.is_set():
                    with suppress(queue.Empty):
                        self._wakes.get(timeout=0.5)
                    if self._signals:
                        self.stop()
                    self._trouble.tell(patient=True)
                self._wind_up(threads)
            finally:
                self.stop()
                self._trouble.tell()
                for number, handler in before.items():
                    signal.signal(number, handler)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Asks the worker to claim no more jobs and to end; returns at once.

        Sets `lease.stop` of the running jobs.
        """
        self.stopping.set()
        self._opened.set()
        for lease in list(self._running.values()):
            lease.stop.set()
        self._wakes.put(None)

    def handler(self, need: str) -> Handler:
        """The handler of a need: the one of its exact name, else the one of its longest prefix."""
        if need in self.handlers:
            return self.handlers[need]
        prefixes = [c for c in self.handlers if c.endswith("%") and need.startswith(c[:-1])]
        return self.handlers[max(prefixes, key=len)]

    # -- stopping

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1
        if self._signals > 1:
            os._exit(128 + number)
        self._wakes.put(None)

    def _wind_up(self, threads: list[threading.Thread]) -> None:
        end = now() + self.grace.total_seconds()
        if self._running:
            log.info("worker %s: stopping, %d jobs running", self.name, len(self._running))
        for thread in threads:
            while thread.is_alive() and now() < end:
                thread.join(min(0.5, max(0.0, end - now())))
                self._trouble.tell(patient=True)
        left = list(self._running.values())
        if not left:
            return
        log.warning("worker %s: releasing %d jobs after the grace period", self.name, len(left))
        try:
            # One connection for all jobs, so that an unreachable database is waited for only once.
            with self._session().connect() as conn:
                for lease in left:
                    self._hand_back(lease, conn)
        except (LeaseholdError, psycopg.Error) as exc:
            log.warning("worker %s: the remaining leases expire: %s", self.name, exc)

    def _hand_back(self, lease: Lease, conn: Connection) -> None:
        try:
            with impatient(conn):
                lease.release(connection=conn)
            lease.abandon()
        except (LeaseholdError, psycopg.Error) as exc:
            if isinstance(exc, psycopg.Error) and another_connection(exc):
                raise
            log.warning("job %s: not released, so its lease expires: %s", lease.job_id, exc)

    def _session(self) -> Session:
        return Session(self._source, self.schema, connect=self._connect)

    # -- in each thread

    def _thread(self, keeper: KeepAlive, name: str, first: bool) -> None:
        try:
            with Leasehold(self._source, self.schema, connect=self._connect) as leasehold:
                if first:
                    self._open(keeper)
                self._opened.wait()
                self._work(leasehold, keeper, name)
        except BaseException as exc:
            self._failure = self._failure or exc
            self.stop()

    def _open(self, keeper: KeepAlive) -> None:
        """Opens the connection that keeps leases alive, before the threads use up the connections
        that the server has left.
        """
        try:
            if self.threads > 1:
                keeper.open()
        except psycopg.Error as exc:
            if cannot_heal(exc):
                raise
            # Any other error will be met, and logged, by the threads.
        finally:
            self._opened.set()

    def _work(self, leasehold: Leasehold, keeper: KeepAlive, name: str) -> None:
        backoff = Backoff(first=0.1, cap=10.0)
        welcome = well = False
        found: list[Lease] | None = None  # None: has not looked for work yet
        while not self.stopping.is_set():
            if found:
                found = self._handle(found[0], leasehold, keeper, name)
                continue
            try:
                if not welcome:
                    leasehold.require_api(API)
                    welcome = True
                if found is None:
                    found = leasehold.get_work(name, self.capabilities, lease=self.lease)
                    self._worked = True
                    if not found:
                        continue
                else:
                    found = leasehold.await_work(
                        name,
                        self.capabilities,
                        lease=self.lease,
                        # after a second, every part of a wait has been tried
                        timeout=None if well else 1.0,
                        poll=self.poll,
                        stop=self.stopping,
                        looked=True,
                    )
            except Exception as exc:
                if not self._heals(exc):
                    raise
                self._pause(name, exc, backoff)
                leasehold.session.leave()
                found, well = None, False
                continue
            if not well:
                well = True
                backoff.reset()
                self._trouble.ends(name)
        for lease in found or ():
            # These were claimed while the worker was being stopped.
            self._send(lease, lease.release, name)

    def _heals(self, exc: Exception) -> bool:
        """Whether waiting may cure the error that kept a thread from looking for work."""
        if isinstance(exc, (VersionMismatch, UsageError)):
            return False
        if self._worked:
            if not isinstance(exc, (psycopg.Error, LeaseholdError)):
                log.error("worker %s: cannot look for work", self.name, exc_info=exc)
            return True
        return isinstance(exc, psycopg.Error) and not cannot_heal(exc)

    def _pause(self, name: str, exc: Exception, backoff: Backoff) -> None:
        """Waits before the next try; `run` logs the reason."""
        delay = backoff.next()
        log.debug("worker %s: next try in %.1f s: %s", name, delay, exc)
        self._trouble.begins(name, exc)
        self.stopping.wait(delay)

    def _handle(
        self, lease: Lease, leasehold: Leasehold, keeper: KeepAlive, name: str
    ) -> list[Lease] | None:
        """Works on one job. Returns the leases that were claimed together with its end; None if
        none were looked for.
        """
        self._running[name] = lease
        if self.stopping.is_set():
            lease.stop.set()
        keeper.watch(lease, _tell)
        try:
            began = now()
            outcome = self._call(lease, began)
            took = now() - began
            with lease.ends():
                found = self._turn(lease, outcome, leasehold, name)
            _report(lease, outcome[0], took)
            return found
        finally:
            keeper.forget(lease)
            del self._running[name]

    def _call(self, lease: Lease, began: float) -> tuple[Exception | None, object]:
        """Calls the handler. Returns the exception that it raised, and the value that it returned."""
        try:
            return None, self.handler(lease.next_need)(lease)
        except (Retry, GiveUp, Release, AlreadyDone) as exc:
            return exc, None
        except BaseException as exc:
            if not (isinstance(exc, GONE) and exc.job_id == lease.job_id):
                log.warning(
                    "job %s (%s): handler failed, attempt %d, %.3f s",
                    *(lease.job_id, lease.next_need, lease.attempt, now() - began),
                    exc_info=True,
                )
            if isinstance(exc, Exception):
                return exc, None
            # sys.exit() in a handler ends the attempt, not the worker
            return Retry(describe(exc, "utf-8")), None

    def _turn(
        self,
        lease: Lease,
        outcome: tuple[Exception | None, object],
        leasehold: Leasehold,
        name: str,
    ) -> list[Lease] | None:
        """Ends the lease and claims the next job in one call.

        If that call fails, or the worker is stopping, the end is sent alone. An end may be
        repeated, and sending it alone claims no further job.
        """
        found: list[Lease] | None = None
        try:
            done = lease.done(*outcome)
            if done is None:
                return None
            if not self.stopping.is_set():
                turn = leasehold.turn(
                    name, self.capabilities, [done], lease=self.lease, strict=False
                )
                found = turn.leases
                lease.answered(turn.settled[0])
                return found
        except GONE as exc:
            _gone(lease, exc)
            return found
        except Exception as exc:
            log.debug("job %s: its end is sent alone: %s", lease.job_id, exc)
        self._send(lease, partial(lease.conclude, *outcome), name)
        # That may have taken long, and these leases were not kept alive meanwhile.
        return found and [one for one in found if one.state == "held"]

    def _send(self, lease: Lease, end: Callable[[], object], name: str) -> None:
        """Ends the lease, and repeats that as long as the database is unreachable. If the database
        refuses the end, the attempt fails instead.
        """
        backoff = Backoff(first=0.1, cap=5.0)
        failing = False
        while True:
            try:
                end()
                self._trouble.ends(name)
                return
            except GONE as exc:
                self._trouble.ends(name)
                _gone(lease, exc)
                return
            except Exception as exc:
                if another_time(exc):
                    delay = backoff.next()
                    log.debug("job %s: its end is sent in %.1f s: %s", lease.job_id, delay, exc)
                    self._trouble.begins(name, exc)
                    time.sleep(delay)
                    continue
                self._trouble.ends(name)
                if failing:
                    log.exception("job %s: cannot be ended, so its lease expires", lease.job_id)
                    return
                log.warning("job %s: end refused, so the attempt fails: %s", lease.job_id, exc)
                end, failing = partial(lease.fail, exc), True


def _check_handler(capability: str, handler: Handler) -> None:
    """Refuses a handler that a thread cannot run. Calling a coroutine function, for example, runs
    none of its body.
    """
    if not callable(handler):
        raise ArgumentTypeError(
            f"the handler of {capability!r} must be a function, not {handler!r:.50}"
        )
    called: Any = handler
    while isinstance(called, partial):
        called = called.func
    if not (inspect.isroutine(called) or inspect.isclass(called)):
        called = called.__call__
    if (
        inspect.iscoroutinefunction(called)
        or inspect.isasyncgenfunction(called)
        or inspect.isgeneratorfunction(called)
    ):
        kind = "a generator" if inspect.isgeneratorfunction(called) else "asynchronous"
        raise ArgumentTypeError(
            f"the handler of {capability!r} is {kind}, so calling it would run none of its body",
            hint="A handler is a plain function of one argument. It may call asyncio.run().",
        )


def _gone(lease: Lease, exc: Exception) -> None:
    log.warning("job %s: its end was not recorded, the lease is gone: %s", lease.job_id, exc)


def _tell(lease: Lease, state: State) -> None:
    # A cancelled lease is logged with its end.
    level = logging.DEBUG if state == "cancelled" else logging.WARNING
    log.log(level, "job %s: the lease is %s", lease.job_id, state)


def _report(lease: Lease, exc: Exception | None, took: float) -> None:
    """Logs the end of a job: the outcome, the attempt, and how long the handler took."""
    outcome = lease._pulse.outcome
    if outcome is None:
        return  # lost, which is logged already, or ended in a transaction of the handler
    asked = isinstance(exc, (Retry, GiveUp, Release))
    log.log(
        logging.WARNING if outcome == "dead" else logging.INFO,
        "job %s (%s): %s%s, attempt %d, %.3f s",
        *(lease.job_id, lease.next_need, outcome),
        f" ({type(exc).__name__}: {exc})" if asked else "",
        *(lease.attempt, took),
    )


_SIGNALS = (signal.SIGTERM, signal.SIGINT)
