"""A stand-in and a client for each test module, fault-free at the start of each test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT, Path(__file__).resolve().parent):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from client import Client  # noqa: E402

from lab.gerrit.process import start  # noqa: E402


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("standin")
    standin = start(folder / "site")
    (folder / "home").mkdir()
    client = Client(standin, folder / "home")
    client.grant_pushes()
    yield client
    standin.stop()


@pytest.fixture
def client(shared: Client) -> Iterator[Client]:
    if not shared.standin.running:
        shared.standin.restart()
    yield shared
    if not shared.standin.running:
        shared.standin.restart()
    shared.standin.clear_faults()


@pytest.fixture
def stream(client: Client) -> Iterator:
    listener = client.listen()
    yield listener
    listener.close()
