"""Keeps leases alive: one thread with its own connection extends all leases that are due in one
call.
"""

from __future__ import annotations

import logging
import math
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING
from uuid import UUID

from .backoff import Backoff, now
from .errors import GONE
from .rows import Extended
from .session import Connection, Session
from .trouble import Trouble

if TYPE_CHECKING:
    from .lease import Lease, OnChange, State

log = logging.getLogger("leasehold")

_HELD_BY_A_TRANSACTION = "55P03"  # most likely a transaction of ours, so the lease is not lost
_MOST = 1000  # leases in one call


@dataclass(slots=True)
class _Beat:
    """One lease that is kept alive, and the time of its next extension."""

    lease: Lease
    on_change: OnChange | None
    third: float
    due: float
    doubt_at: float
    told: bool = False
    backoff: Backoff = field(default_factory=lambda: Backoff(first=0.1, cap=5.0))

    def tell(self, state: State) -> None:
        if self.on_change is not None and state != "ended":
            try:
                self.on_change(self.lease, state)
            except Exception:
                log.exception("on_change of job %s", self.lease.job_id)


class KeepAlive:
    """Extends the leases that it watches until they end, are lost or are cancelled, or until it is
    closed.

    A lease is due for extension after a third of its length. Other leases that are at least halfway
    to that point are extended in the same call, so that they share later calls, too. A lease whose
    job is locked by a transaction is still held, and is tried again. A lost connection is opened
    again, with growing delays; until then the lease may become doubtful, but not lost.

    Raises UsageError over a pool that offers no way to open a connection, unless `connect=` does.
    """

    def __init__(self, session: Session) -> None:
        session.opener()  # raise here, in the caller's thread, if no connection can be opened
        self._session = session
        self._beats: dict[UUID, _Beat] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._awake_at = math.inf
        self._thread: threading.Thread | None = None
        self._conn: Connection | None = None
        self._trouble = Trouble(
            lambda leases: f"keepalive: {leases} leases could not be extended, trying again",
            "keepalive: all leases are extended again",
        )

    def open(self) -> None:
        """Opens the connection now, while the server still has a free one, rather than when the
        first lease is due. Raises what psycopg raises.
        """
        self._conn = self._session.connect()

    def watch(self, lease: Lease, on_change: OnChange | None = None) -> None:
        """Keeps this lease alive from now on. `on_change(lease, state)` is called when it becomes
        doubtful, lost or cancelled.
        """
        third = lease._pulse.length.total_seconds() / 3
        beat = _Beat(lease, on_change, third, due=now() + third, doubt_at=lease._pulse.deadline)
        lease._pulse.watchers.append(beat.tell)
        with self._changed:
            self._beats[lease.lease_id] = beat
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="leasehold-keepalive", daemon=True
                )
                self._thread.start()
            if self._next(beat) < self._awake_at:
                self._changed.notify()

    def forget(self, lease: Lease) -> None:
        """Stops extending this lease."""
        with self._changed:
            beat = self._beats.pop(lease.lease_id, None)
        if beat is not None:
            lease._pulse.watchers.remove(beat.tell)
            self._trouble.ends(lease.lease_id)

    def close(self) -> None:
        """Stops the thread and closes its connection. The leases remain, and are no longer
        extended.
        """
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5)
        elif thread is None:
            self._disconnect()
        for beat in list(self._beats.values()):
            self.forget(beat.lease)

    def __enter__(self) -> KeepAlive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- the thread

    def _run(self) -> None:
        try:
            while True:
                with self._changed:
                    while not self._closed and not (due := self._due()):
                        self._changed.wait(self._pause())
                    if self._closed:
                        return
                for beat in due:
                    self._look(beat)
                self._extend_due()
                self._trouble.tell()
        finally:
            self._disconnect()

    def _due(self) -> list[_Beat]:
        at = now()
        return [beat for beat in self._beats.values() if self._next(beat) <= at]

    def _pause(self) -> float | None:
        self._awake_at = min(map(self._next, self._beats.values()), default=math.inf)
        return None if self._awake_at == math.inf else max(0.0, self._awake_at - now())

    def _next(self, beat: _Beat) -> float:
        # The watcher of a lease that becomes doubtful is called at once, or when the current call
        # returns, even if the next try is further off.
        return min(beat.due, beat.doubt_at)

    def _look(self, beat: _Beat) -> None:
        pulse = beat.lease._pulse
        if pulse.state != "held":
            self.forget(beat.lease)
            return
        if now() >= beat.doubt_at:
            beat.doubt_at = math.inf
        if pulse.look() == "doubtful" and not beat.told:
            beat.told = True
            beat.tell("doubtful")

    def _extend_due(self) -> None:
        at = now()
        with self._changed:
            watched = list(self._beats.values())
        if not any(beat.due <= at for beat in watched):
            return
        hands: dict[timedelta, list[_Beat]] = {}
        for beat in watched:
            if beat.due <= at + beat.third / 2 and beat.lease._pulse.state == "held":
                hands.setdefault(beat.lease._pulse.length, []).append(beat)
        for length, beats in hands.items():
            for start in range(0, len(beats), _MOST):
                self._extend(beats[start : start + _MOST], length)

    def _extend(self, beats: list[_Beat], length: timedelta) -> None:
        leases = [{"job_id": beat.lease.job_id, "lease_id": beat.lease.lease_id} for beat in beats]
        try:
            if self._conn is None or self._conn.closed:
                self._conn = self._session.connect()
            sent = now()
            rows = self._session.rows(
                Extended,
                "extend_many",
                {"leases": leases, "lease": length},
                connection=self._conn,
            )
            answers = {row.lease_id: row for row in rows}
            answered = [(beat, answers[beat.lease.lease_id]) for beat in beats]
        except Exception as exc:  # the caller's `connect` may raise any; the leases still matter
            self._disconnect()
            for beat in beats:
                self._later(beat, exc)
            return
        for beat, answer in answered:
            self._take_note(beat, answer, sent)

    def _take_note(self, beat: _Beat, answer: Extended, sent: float) -> None:
        pulse, error = beat.lease._pulse, answer.error
        self._trouble.ends(beat.lease.lease_id)
        beat.lease.heard(answer, sent + pulse.length.total_seconds())
        if answer.ok:
            beat.due, beat.doubt_at, beat.told = sent + beat.third, pulse.deadline, False
            beat.backoff.reset()
        elif error is None or answer.error_code == _HELD_BY_A_TRANSACTION:
            beat.due = now() + beat.third / 2
        elif isinstance(error, GONE) and not pulse.ending:
            self.forget(beat.lease)
        else:
            self._later(beat, error)

    def _later(self, beat: _Beat, exc: Exception) -> None:
        beat.backoff.cap = max(0.05, min(5.0, beat.third / 2))
        delay = beat.backoff.next()
        beat.due = now() + delay
        log.debug("keepalive of job %s: next try in %.1f s: %s", beat.lease.job_id, delay, exc)
        with self._changed:
            if beat.lease.lease_id in self._beats:  # unless it was forgotten meanwhile
                self._trouble.begins(beat.lease.lease_id, exc)

    def _disconnect(self) -> None:
        if self._conn is not None:
            self._conn.close()
            self._conn = None
