"""Sleeping until a job is submitted, by LISTEN and NOTIFY, where the connection allows it.

Notifications only shorten the wait: a worker that polls without them is correct.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from types import TracebackType

import psycopg

from .backoff import now
from .rows import Wakeup
from .session import Connection, Session, is_pooled

_SLICE = 0.2  # seconds: how long it may take to notice that a stop event is set


class WakeupListener:
    """Registers a waiting worker, listens for its notifications and sleeps until one arrives.

    The order of the steps is what misses no job: entering registers, commits and then runs LISTEN;
    each round then calls `renew()`, looks for work, and calls `wait()`. A notification ends the
    registration, so a worker that was woken may look for work at once, but calls `renew()` again
    before it waits again.

    The session's own connection keeps listening between uses, so that a woken worker reaches its
    job without another round trip. On a connection that belongs to the caller, notifications for
    other channels that arrive meanwhile are also read, and are lost to the caller. Behind a pooler,
    where the next statement may run in another server process, nothing is registered and `wait()`
    only sleeps.
    """

    def __init__(
        self,
        session: Session,
        conn: Connection,
        capabilities: Sequence[str],
        until: float,
        *,
        listen: bool = True,
    ) -> None:
        self._session = session
        self._conn = conn
        self._listen = listen
        self._arguments = {"capabilities": list(capabilities), "until": until}
        self._channel: str | None = None
        self._due = math.inf

    def __enter__(self) -> WakeupListener:
        if not self._listen:
            return self
        with self._session.committing(self._conn):
            if is_pooled(self._conn):
                return self
        self._channel = self._register().channel
        self._session.listen(self._conn, self._channel)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._channel is not None and not self._conn.closed:
            with suppress(psycopg.Error):  # a lost connection stops listening anyway
                self._session.unlisten(self._conn, self._channel)

    def renew(self) -> bool:
        """Renews the registration.

        Returns whether every transaction that submits a matching job from now on notifies.
        """
        sent = now()
        if self._channel is None:
            self._set_due(sent, self._next_due())
            return False
        wakeup = self._register()
        self._set_due(sent, wakeup.due_in)
        return wakeup.reliable

    def wait(self, seconds: float, stop: threading.Event | None = None) -> bool:
        """Sleeps until a notification arrives, the time is over, a scheduled job is due, or `stop`
        is set. Returns whether a notification arrived.
        """
        end = min(now() + seconds, self._due)
        if self._channel is None:
            (stop or threading.Event()).wait(max(0.0, end - now()))
            return False
        me = str(self._conn.info.backend_pid)
        while (left := end - now()) > 0 and not (stop and stop.is_set()):
            # Notifications received since the last call come first. One with a payload is meant
            # for the session with that process id.
            heard = list(self._conn.notifies(timeout=min(left, _SLICE), stop_after=1))
            if any(one.payload in ("", me) for one in heard):
                return True
        return False

    def _set_due(self, sent: float, due_in: timedelta | None) -> None:
        # Counted from before the call, so that the time it took is not slept again.
        self._due = math.inf if due_in is None else sent + due_in.total_seconds()

    def _next_due(self) -> timedelta | None:
        arguments = {"capabilities": self._arguments["capabilities"]}
        with self._session.committing(self._conn):
            due: timedelta | None = self._session.value(
                "next_due", arguments, connection=self._conn
            )
        return due

    def _register(self) -> Wakeup:
        with self._session.committing(self._conn):
            (found,) = self._session.rows(
                Wakeup,
                "wakeup_channel",
                self._arguments,
                connection=self._conn,
            )
        return found
