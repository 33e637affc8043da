"""One fresh server for every file of exchanges; see replay/servers.py for which server that is."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parent.parent):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from replay import servers  # noqa: E402
from replay.world import World  # noqa: E402


@pytest.fixture(scope="session")
def open_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """`open_world(name)`: a `World` on a server of its own; all are stopped at the end."""
    opened: list[servers.Server] = []
    # Without this a terminated run would leave its servers behind.
    previous = signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated"))

    def make(name: str) -> World:
        root = tmp_path_factory.mktemp(name)
        server = servers.open_server(root / "server")
        opened.append(server)
        return World(server, root / "client")

    def close() -> None:
        while opened:
            opened.pop().stop()

    make.close = close
    yield make
    close()
    signal.signal(signal.SIGTERM, previous)
