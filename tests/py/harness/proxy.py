"""A small TCP proxy between a client and the server that cuts, delays or drops the server's replies."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class Proxy:
    """Forwards to the server of a dsn; `dsn` connects through the proxy."""

    def __init__(self, dsn: str) -> None:
        named = conninfo_to_dict(dsn)
        self._server = (str(named["host"]), int(named.get("port") or 5432))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.dsn = make_conninfo(dsn, host="127.0.0.1", port=self._socket.getsockname()[1])
        self._open: list[socket.socket] = []
        self._passing = threading.Event()
        self._passing.set()
        self._swallow = b""
        threading.Thread(target=self._accept, daemon=True).start()

    def swallow_reply_to(self, text: bytes) -> None:
        """Lets the next message with this text reach the server, and cuts the connection before the reply."""
        self._swallow = text

    def hold(self) -> None:
        """Lets nothing pass in either direction, like a network that lost its route."""
        self._passing.clear()

    def release(self) -> None:
        """Lets everything pass again."""
        self._passing.set()

    def cut(self) -> None:
        """Closes all connections; new ones may be made."""
        opened, self._open = self._open, []
        for one in opened:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def close(self) -> None:
        """Closes everything."""
        self._passing.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                server = socket.create_connection(self._server)
                self._open += [client, server]
                cutting = threading.Event()
                threading.Thread(
                    target=self._pump, args=(client, server, cutting, True), daemon=True
                ).start()
                threading.Thread(
                    target=self._pump, args=(server, client, cutting, False), daemon=True
                ).start()

    def _pump(
        self, source: socket.socket, target: socket.socket, cutting: threading.Event, up: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._passing.wait()
                if up and self._swallow and self._swallow in data:
                    self._swallow = b""
                    cutting.set()
                if not up and cutting.is_set():
                    break
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def proxied(dsn: str) -> Iterator[Proxy]:
    """A proxy for the duration of a block."""
    proxy = Proxy(dsn)
    try:
        yield proxy
    finally:
        proxy.close()
