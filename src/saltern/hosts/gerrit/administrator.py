"""From the administrator that init makes, whose password everybody knows, to the service account.

Init's account is ``admin`` with the token ``secret``. It is used once, on loopback, before anything
outside can reach Gerrit, and shut down after.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from saltern.errors import Broken
from saltern.providers.gerrit import admin
from saltern.providers.gerrit.client import Client, HttpRefused
from saltern.settings import GerritSettings

FIRST, FIRST_PASSWORD = "admin", "secret"  # noqa: S105 (what Gerrit's init sets)
GROUP = "Administrators"
Changes = dict[str, dict[str, Any]]


def administrator_present(
    server: GerritSettings, email: str | None = None, *, test: bool = False
) -> Changes:
    """Make the account of ``server`` an administrator, and the first one inactive.

    Returns ``administrator`` and ``first administrator``, old and new, as far as they change.
    Raises :class:`Broken` when neither password works, and what :class:`Client` raises.
    """
    first = replace(server, username=FIRST, password=FIRST_PASSWORD)
    usable, open_door = _is_administrator(server), _logs_in(first)
    changes: Changes = {}
    if not usable:
        changes["administrator"] = {"old": None, "new": server.username}
    if open_door:
        changes["first administrator"] = {"old": "active", "new": "inactive"}
    if not usable and not open_door:
        raise Broken(
            f"{server.url} takes neither the password of {server.username!r} nor the one that init "
            "gave the first administrator: see docs/gerrit-host.md, Passwords",
            code="unauthorized",
        )
    if test or not changes:
        return changes
    if not usable:
        with _client(first) as client:
            admin.account_present(
                client, server.username, "Saltern", email, [GROUP], (), server.password
            )
    if open_door:
        _shut(server)
    _verify(server, first)
    return changes


def _shut(server: GerritSettings) -> None:
    with _client(server) as client:
        for token in client.get(f"/accounts/{FIRST}/tokens"):
            client.delete(f"/accounts/{FIRST}/tokens/{token['id']}")
        client.delete(f"/accounts/{FIRST}/active")


def _verify(server: GerritSettings, first: GerritSettings) -> None:
    if not _is_administrator(server):
        raise Broken(f"{server.username!r} is no administrator yet", code="read-back")
    if _logs_in(first):
        raise Broken(f"{FIRST!r} can still log in with init's password", code="read-back")


def _is_administrator(server: GerritSettings) -> bool:
    with _client(server) as client:
        try:
            return bool(client.get("/accounts/self/capabilities").get("administrateServer"))
        except Broken as error:
            if error.code != "unauthorized":
                raise
            return False


def _logs_in(account: GerritSettings) -> bool:
    with _client(account) as client:
        try:
            client.get("/accounts/self")
        except HttpRefused as error:
            if error.status != 403:
                raise
            return False
        except Broken as error:
            if error.code != "unauthorized":
                raise
            return False
        return True


@contextmanager
def _client(server: GerritSettings) -> Iterator[Client]:
    client = Client(replace(server, workers=1))
    try:
        yield client
    finally:
        client.close()
