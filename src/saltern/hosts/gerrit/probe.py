"""Looking at a Gerrit from outside: does it answer, as what, and with which projects."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from saltern.errors import Broken, Retry
from saltern.providers.gerrit.client import Client
from saltern.settings import GerritSettings

PAUSE = 0.3
BANNER = b"SSH-2.0-GerritCodeReview_"


def version(server: GerritSettings) -> str:
    """Return the version that the server says. Raises what :class:`Client` raises."""
    return str(_ask(replace(server, username="", password=""), "/config/server/version"))


def projects(server: GerritSettings) -> frozenset[str]:
    """Return the names of all projects that the account of ``server`` sees."""
    return frozenset(_ask(server, "/projects/?all"))


def wait_until_up(
    server: GerritSettings,
    seconds: float,
    alive: Callable[[], bool] = lambda: True,
    log: Callable[[], str] = lambda: "",
) -> str:
    """Wait until the server answers and return its version.

    ``alive`` says whether waiting makes sense, ``log`` what to show if not. Raises
    :class:`Broken` when it is not alive, or not up after ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while True:
        if _listens(server.url):
            with contextlib.suppress(Retry):
                return version(server)
        if not alive():
            raise Broken(f"Gerrit ended while it started:\n{log()}", code="down")
        if time.monotonic() > deadline:
            text = f"Gerrit at {server.url} does not answer after {seconds:.0f} s:\n{log()}"
            raise Broken(text, code="down")
        time.sleep(PAUSE)


def _listens(url: str) -> bool:
    place = urlsplit(url)
    try:
        address = (place.hostname or "", place.port or 443)
        socket.create_connection(address, timeout=5).close()
    except OSError:
        return False
    return True


def wait_for_ssh(address: tuple[str, int], seconds: float) -> None:
    """Wait until a Gerrit's ssh server answers there; it starts after HTTP.

    Raises :class:`Broken` when it does not in ``seconds``, or when it is another server.
    """
    deadline = time.monotonic() + seconds
    while (banner := _banner(address)) is None:
        if time.monotonic() > deadline:
            text = f"Gerrit's ssh at {address} does not answer after {seconds:.0f} s"
            raise Broken(text, code="ssh")
        time.sleep(PAUSE)
    if not banner.startswith(BANNER):
        raise Broken(f"what listens at {address} is not Gerrit's ssh: {banner!r}", code="ssh")


def _banner(address: tuple[str, int]) -> bytes | None:
    try:
        with socket.create_connection(address, timeout=30) as connection:
            return connection.makefile("rb").readline(255)
    except OSError:
        return None


def _ask(server: GerritSettings, path: str) -> Any:
    client = Client(replace(server, workers=1))
    try:
        return client.get(path)
    finally:
        client.close()
