"""A worker: capability → handler, n threads, and a way to stop that loses nothing."""

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
from .errors import GONE, AlreadyDone, ArgumentTypeError, LeaseholdError
from .keepalive import KeepAlive
from .lease import GiveUp, Lease, Release, Retry, State, describe
from .session import Connection, Pool, Seconds, Session, duration, impatient, usable

log = logging.getLogger("leasehold")

Handler: TypeAlias = Callable[[Lease], Any]
API = 1


class Worker:
    """Takes jobs of the given capabilities and calls their handlers, one job a thread at a time.

    A handler gets the Lease. What it returns completes the job, as its result; a lease that it
    ended itself is left alone. It may raise Retry, GiveUp or Release; any other exception is a
    failed attempt. Leases are kept alive meanwhile: `lease.stop` is set, and `lease.check()`
    raises, when one is lost or cancelled. The end of one job and the claim of the next are one call.

        def index(lease: Lease) -> None:
            with lease.transaction() as conn:
                conn.execute("insert into report …")
                lease.complete()            # with the insert: both or neither

        Worker(dsn, {"demo.index": index}, threads=4).run()

    `source` is a connection string (a connection for each thread, and one that keeps leases alive)
    or a pool with at least as many connections as threads: a thread that waits for work keeps one
    to listen on.
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
        """`name` is shown as the worker_id (default: host and process), `lease` is how long each
        lease lasts, `poll` the longest time between two looks for work, `grace` how long running
        jobs may go on after `stop()`.
        """
        if not handlers:
            raise ValueError("a worker needs at least one handler")
        if threads < 1:
            raise ValueError("a worker needs at least one thread")
        if duration(poll) <= timedelta():
            raise ValueError("a worker needs a pause between two looks: poll must be above 0")
        if isinstance(source, psycopg.Connection):
            raise TypeError("a worker's threads cannot share a connection: give a pool, or its dsn")
        self.name = name or f"{socket.gethostname()}:{os.getpid()}"
        usable(source)
        for capability, handler in handlers.items():
            _check_handler(capability, handler)
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
        self._signals = 0
        # what a signal handler may touch: it could interrupt whoever holds an Event's lock
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()

    # -- from outside

    def run(self, *, signals: bool = True) -> None:
        """Works until `stop()`, SIGTERM or SIGINT; then finishes what runs, or releases it after
        `grace`.

        A second signal leaves at once: leases are left to run out. `signals=False`: the caller
        handles them; so it is outside the main thread. Lost connections and restarts of the server
        are waited for. Raises VersionMismatch or what else cannot heal by itself.
        """
        mine = signals and threading.current_thread() is threading.main_thread()
        with KeepAlive(self._session()) as keeper:
            threads = [
                threading.Thread(
                    target=self._thread, args=(keeper, f"{self.name}:{n}"), daemon=True
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
                        self.stopping.set()
                self._wind_up(threads)
            finally:
                self.stopping.set()
                for number, handler in before.items():
                    signal.signal(number, handler)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Asks the worker to take no more jobs and to come to an end; returns at once."""
        self.stopping.set()
        self._wakes.put(None)

    def handler(self, need: str) -> Handler:
        """The handler of a need: of its exact name, else of its longest prefix."""
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
        for thread in threads:
            thread.join(max(0.0, end - now()))
        left = list(self._running.values())
        if not left:
            return
        log.warning("worker %s: handing back %d jobs after the grace period", self.name, len(left))
        try:
            # one connection for all: where the database is away, that is waited for once
            with self._session().connect() as conn:
                for lease in left:
                    self._hand_back(lease, conn)
        except (LeaseholdError, psycopg.Error) as exc:
            log.warning("worker %s: leases that are left run out: %s", self.name, exc)

    def _hand_back(self, lease: Lease, conn: Connection) -> None:
        try:
            with impatient(conn):
                lease.release(connection=conn)
            lease.abandon()
        except (LeaseholdError, psycopg.Error) as exc:
            log.warning("job %s: not handed back, so its lease runs out: %s", lease.job_id, exc)
            if conn.closed:
                raise

    def _session(self) -> Session:
        return Session(self._source, self.schema, connect=self._connect)

    # -- in each thread

    def _thread(self, keeper: KeepAlive, name: str) -> None:
        try:
            with Leasehold(self._source, self.schema, connect=self._connect) as leasehold:
                self._work(leasehold, keeper, name)
        except BaseException as exc:
            self._failure = self._failure or exc
            self.stop()

    def _work(self, leasehold: Leasehold, keeper: KeepAlive, name: str) -> None:
        backoff = Backoff(first=0.1, cap=10.0)
        welcome = False
        found: list[Lease] | None = None  # None: not looked yet
        while not self.stopping.is_set():
            if found:
                found = self._handle(found[0], leasehold, keeper, name)
                continue
            try:
                if not welcome:
                    leasehold.require_api(API)
                    welcome = True
                found = leasehold.await_work(
                    name,
                    self.capabilities,
                    lease=self.lease,
                    poll=self.poll,
                    stop=self.stopping,
                    looked=found is not None,
                )
            except psycopg.ProgrammingError:
                raise  # not installed, no rights: another try would say the same
            except psycopg.Error as exc:
                delay = backoff.next()
                log.warning("worker %s: again in %.1f s: %s", name, delay, exc)
                self.stopping.wait(delay)
                found = None
                continue
            backoff.reset()
        for lease in found or ():
            # claimed while the word to stop was on its way
            self._send(lease, lease.release)

    def _handle(
        self, lease: Lease, leasehold: Leasehold, keeper: KeepAlive, name: str
    ) -> list[Lease] | None:
        """Works on one job; answers what was claimed with its end, None when nobody looked."""
        self._running[name] = lease
        keeper.watch(lease, _tell)
        try:
            outcome = self._call(lease)
            with lease.ends():
                return self._turn(lease, outcome, leasehold, name)
        finally:
            keeper.forget(lease)
            del self._running[name]

    def _call(self, lease: Lease) -> tuple[Exception | None, object]:
        """Calls the handler; answers what it raised, or returned."""
        try:
            return None, self.handler(lease.next_need)(lease)
        except (Retry, GiveUp, Release, AlreadyDone) as exc:
            log.info("job %s (%s): %s", lease.job_id, lease.next_need, type(exc).__name__)
            return exc, None
        except BaseException as exc:
            log.warning("job %s (%s): attempt failed", lease.job_id, lease.next_need, exc_info=True)
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

        What that call did not settle (it was refused, its reply was lost, the worker is stopping)
        is sent alone: ends may be repeated, and no other job is claimed meanwhile.
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
            log.info("job %s: its end goes alone: %s", lease.job_id, exc)
        self._send(lease, partial(lease.conclude, *outcome))
        # that may have taken long, and nobody kept these alive
        return found and [one for one in found if one.state == "held"]

    def _send(self, lease: Lease, end: Callable[[], object]) -> None:
        """Ends the lease, however long the database is away; what it will not store fails the
        attempt.
        """
        backoff = Backoff(first=0.1, cap=5.0)
        failing = False
        while True:
            try:
                end()
                return
            except GONE as exc:
                _gone(lease, exc)
                return
            except (psycopg.OperationalError, psycopg.InterfaceError) as exc:
                delay = backoff.next()
                log.warning("job %s: its end again in %.1f s: %s", lease.job_id, delay, exc)
                time.sleep(delay)
            except Exception as exc:
                if failing:
                    log.exception("job %s: cannot be ended, so its lease runs out", lease.job_id)
                    return
                log.warning("job %s: refused, so the attempt fails: %s", lease.job_id, exc)
                end, failing = partial(lease.fail, exc), True


def _check_handler(capability: str, handler: Handler) -> None:
    """Refuses what a thread cannot call: to call a coroutine function, for one, runs nothing of it."""
    if not callable(handler):
        raise ArgumentTypeError(f"the handler of {capability!r} is no function: {handler!r:.50}")
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
        kind = "yields" if inspect.isgeneratorfunction(called) else "is asynchronous"
        raise ArgumentTypeError(
            f"the handler of {capability!r} {kind}: calling it would run nothing of it",
            hint="A handler is a plain function of one argument; asyncio.run() runs a coroutine in it.",
        )


def _gone(lease: Lease, exc: Exception) -> None:
    log.warning("job %s: nothing was recorded, the lease is gone: %s", lease.job_id, exc)


def _tell(lease: Lease, state: State) -> None:
    log.warning("job %s: its lease is %s", lease.job_id, state)


_SIGNALS = (signal.SIGTERM, signal.SIGINT)
