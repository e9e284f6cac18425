"""The doorbell: sleeping until somebody submits, where the connection allows it. Polling alone is
correct.
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
from .rows import Bell
from .session import Connection, Session, is_pooled

_SLICE = 0.2  # seconds: how long a stop event may go unseen


class Doorbell:
    """Registers for the notifications of these capabilities, in the order that misses none.

    Register and commit, LISTEN, then for each round: `armed()`, look for work, `wait()`. A bell that
    rang ends the registration, so that whoever was rung may look at once but asks `armed()` again
    before the next wait. The session's own connection goes on listening: whoever was rung gets to
    his job without another round trip. Over a caller's connection, what arrives meanwhile for
    channels of his own is read, too, and lost to him. Behind a pooler, which may give the next
    statement another server process, nothing is registered and waiting is only sleeping.
    """

    def __init__(
        self,
        session: Session,
        conn: Connection,
        capabilities: Sequence[str],
        until: float,
        *,
        silent: bool = False,
    ) -> None:
        self._session = session
        self._conn = conn
        self._silent = silent
        self._arguments = {"capabilities": list(capabilities), "until": until}
        self._channel: str | None = None
        self._due = math.inf

    def __enter__(self) -> Doorbell:
        if self._silent:
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
            with suppress(psycopg.Error):  # a connection that is being lost forgets by itself
                self._session.unlisten(self._conn, self._channel)

    def armed(self) -> bool:
        """Renews the registration; whether whoever submits from now on will ring."""
        sent = now()
        if self._channel is None:
            self._wake_up(sent, self._next_due())
            return False
        bell = self._register()
        self._wake_up(sent, bell.due_in)
        return bell.armed

    def wait(self, seconds: float, stop: threading.Event | None = None) -> bool:
        """Sleeps until the bell rings, the time is over, a scheduled job is due, or the event is
        set; whether it rang.
        """
        end = min(now() + seconds, self._due)
        if self._channel is None:
            (stop or threading.Event()).wait(max(0.0, end - now()))
            return False
        me = str(self._conn.info.backend_pid)
        while (left := end - now()) > 0 and not (stop and stop.is_set()):
            # what was received since the last call comes first; one with a payload is for the
            # session of that process
            heard = list(self._conn.notifies(timeout=min(left, _SLICE), stop_after=1))
            if any(one.payload in ("", me) for one in heard):
                return True
        return False

    def _wake_up(self, sent: float, due_in: timedelta | None) -> None:
        # counted from before the call: what it took is not slept again
        self._due = math.inf if due_in is None else sent + due_in.total_seconds()

    def _next_due(self) -> timedelta | None:
        arguments = {"capabilities": self._arguments["capabilities"]}
        with self._session.committing(self._conn):
            due: timedelta | None = self._session.value(
                "next_due", arguments, connection=self._conn
            )
        return due

    def _register(self) -> Bell:
        with self._session.committing(self._conn):
            return self._session.row(Bell, "wakeup_channel", self._arguments, connection=self._conn)
