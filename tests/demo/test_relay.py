"""The relay that the demo cuts: a TCP relay before Gerrit's ssh port."""

from __future__ import annotations

import socket
import threading

import pytest

from lab.demo.relay import Relay
from lab.demo.wait import until


@pytest.fixture
def echo():
    """Return the address of a server that answers each line with itself."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as lines:
            for line in lines:
                lines.write(line)
                lines.flush()

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield server.getsockname()
    server.shutdown(socket.SHUT_RDWR)
    server.close()


@pytest.fixture
def relay(echo):
    """Return a relay before the echo server."""
    relay = Relay(echo)
    yield relay
    relay.close()


def ask(relay: Relay, text: bytes = b"hello\n") -> bytes:
    """Return what comes back through the relay; empty when it was closed."""
    with socket.create_connection(("127.0.0.1", relay.port), timeout=60) as connection:
        try:
            connection.sendall(text)
            return connection.makefile("rb").readline()
        except ConnectionError:
            return b""


def test_open_relay_passes_both_directions(relay):
    """What is sent arrives, and the answer comes back."""
    assert ask(relay) == b"hello\n"


def test_cut_ends_a_connection_and_refuses_new_ones(relay):
    """A cut is seen by who is connected, and holds until it is mended."""
    with socket.create_connection(("127.0.0.1", relay.port), timeout=60) as connection:
        connection.sendall(b"x\n")
        assert connection.makefile("rb").readline() == b"x\n"
        relay.cut()
        assert connection.recv(1) == b""
    assert ask(relay) == b""


def test_mended_relay_passes_again(relay):
    """After a cut was mended a new connection works, on the same port."""
    relay.cut()
    assert ask(relay) == b""
    relay.mend()
    assert ask(relay) == b"hello\n"


def test_ended_connection_is_no_longer_counted(relay):
    """The number of connections says how many there are now."""
    with socket.create_connection(("127.0.0.1", relay.port), timeout=60):
        until(lambda: relay.connections == 1, "one connection", 60, every=0.01)
    until(lambda: relay.connections == 0, "no connection", 60, every=0.01)
