"""A relay between a client and a server that can hold one request, or the answer to it."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
import time
from urllib.parse import urlsplit

WRITES = re.compile(rb"^(?:PUT|DELETE|POST (?!\S*git-upload-pack)) ?\S*", re.MULTILINE)
"""The start of a request that writes (a fetch is a POST too, and does not)."""
PATIENCE = 120


class Relay:
    """Listens on a free loopback port and passes connections on to ``url``.

    ``hold(n, after)`` arms it: the n-th write from now on (from 1) is held back before it
    reaches the server, or with ``after`` its answer is. ``held`` is set when that happens; what
    is held is lost once the client goes away, as a cable pulled at this moment would have it.
    """

    def __init__(self, url: str):
        self._target = (urlsplit(url).hostname, urlsplit(url).port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self.held = threading.Event()
        self.request = b""
        self._mutex = threading.Lock()
        self._left, self._after = 0, False
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self, number: int, *, after: bool) -> None:
        """Arm the relay for the ``number``-th write."""
        with self._mutex:
            self.held.clear()
            self._left, self._after = number, after

    def catch(self, process: subprocess.Popen) -> None:
        """Return once it holds a write of ``process``; fail when that ends without one."""
        deadline = time.monotonic() + PATIENCE
        while not self.held.wait(0.05):
            assert process.poll() is None, f"ended with {process.returncode}, nothing was held"
            assert time.monotonic() < deadline, f"no write was held in {PATIENCE} s"

    def close(self) -> None:
        """Close everything."""
        self._server.close()
        for each in self._open:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            self._open += [client, server]
            muted = threading.Event()
            for way in (self._upwards, self._downwards):
                threading.Thread(target=way, args=(client, server, muted), daemon=True).start()

    def _counts(self, data: bytes) -> bool:
        """Return whether ``data`` begins the request to hold."""
        found = WRITES.match(data)
        if not found:
            return False
        with self._mutex:
            self._left -= 1
            if self._left != 0:
                return False
            self.request = found[0]
            return True

    def _upwards(self, client: socket.socket, server: socket.socket, muted) -> None:
        while data := _receive(client):
            if self._counts(data):
                muted.set()
                if not self._after:
                    self.held.set()
                    while _receive(client):
                        pass
                    break
            if not _send(server, data):
                break
        _close(server)

    def _downwards(self, client: socket.socket, server: socket.socket, muted) -> None:
        while data := _receive(server):
            if muted.is_set():
                self.held.set()
            elif not _send(client, data):
                break
        if not muted.is_set():
            _close(client)


def _receive(sock: socket.socket) -> bytes:
    try:
        return sock.recv(65536)
    except OSError:
        return b""


def _send(sock: socket.socket, data: bytes) -> bool:
    try:
        sock.sendall(data)
    except OSError:
        return False
    return True


def _close(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
