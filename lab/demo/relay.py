"""A TCP relay that can be cut: the network between the Salt master and Gerrit's ssh port.

It stands in front of a real Gerrit and of the stand-in alike, and needs the help of neither.
"""

from __future__ import annotations

import contextlib
import socket
import threading


class Relay:
    """Passes connections from a free port of 127.0.0.1 on to ``target`` (host, port)."""

    def __init__(self, target: tuple[str, int]):
        self._target = target
        self._mutex = threading.Lock()
        self._open: set[socket.socket] = set()
        self._cut = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True, name="relay").start()

    def cut(self) -> None:
        """Close every connection and refuse new ones until :meth:`mend`."""
        with self._mutex:
            self._cut = True
            for each in self._open:
                _shut(each)

    def mend(self) -> None:
        """Pass connections on again."""
        with self._mutex:
            self._cut = False

    @property
    def connections(self) -> int:
        """How many connections pass through now."""
        with self._mutex:
            return len(self._open) // 2

    def close(self) -> None:
        """Close every connection and the port."""
        self.cut()
        _shut(self._listener)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._target, timeout=5)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        with self._mutex:
            if self._cut:
                client.close()
                server.close()
                return
            self._open |= {client, server}
        for pair in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=pair, daemon=True, name="relay").start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        # One direction that ended ends the connection: ssh has no use for half of one.
        _shut(source)
        _shut(sink)
        with self._mutex:
            self._open.discard(source)
            if sink not in self._open:
                source.close()
                sink.close()


def _shut(each: socket.socket) -> None:
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
