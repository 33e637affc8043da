"""A scene for each test, on one stand-in for all of them."""

from __future__ import annotations

import itertools
import re

import pytest
from relay import Relay
from scene import Scene

_NUMBERS = itertools.count(1)


@pytest.fixture
def server(gerrit):
    """The server, running and without faults."""
    yield gerrit
    if not gerrit.running:
        gerrit.restart()
    gerrit.clear_faults()


@pytest.fixture
def scene(server, tmp_path, request):
    """An empty registry with a prefix of its own."""
    word = re.sub(r"\W+", "", request.node.name.removeprefix("test_"))[:12]
    made = Scene(tmp_path, server, f"t{next(_NUMBERS)}{word}")
    yield made
    made.close()


@pytest.fixture
def relay(server, scene):
    """A relay in front of the server, which the scene's settings point at."""
    made = Relay(server.http_url)
    scene.url = made.url
    yield made
    made.close()
