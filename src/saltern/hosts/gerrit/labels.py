"""Labels of a project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.errors import Retry
from saltern.providers.gerrit.client import Client, HttpRefused, quoted

Changes = dict[str, dict[str, Any]]


def label_present(
    client: Client, project: str, name: str, values: Mapping[int, str], *, test: bool = False
) -> Changes:
    """Define a label with exactly these values (number to meaning); the rest of it stays.

    Returns ``{"values": {"old": ..., "new": ...}}`` or nothing. Raises :class:`Retry` when it
    does not read back, and what :class:`Client` raises.
    """
    wanted = {int(number): str(text) for number, text in values.items()}
    have = _values(client, project, name)
    if have == wanted:
        return {}
    changes = {"values": {"old": have, "new": wanted}}
    if test:
        return changes
    body = {"values": {_spelled(number): text for number, text in wanted.items()}}
    client.put(_path(project, name), body)
    if _values(client, project, name) != wanted:
        raise Retry(f"{project}: label {name} is not as asked yet", code="read-back")
    return changes


def _values(client: Client, project: str, name: str) -> dict[int, str] | None:
    try:
        info = client.get(_path(project, name))
    except HttpRefused as error:
        if error.status != 404:
            raise
        return None
    return {int(number): text for number, text in info["values"].items()}


def _path(project: str, name: str) -> str:
    return f"/projects/{quoted(project)}/labels/{quoted(name)}"


def _spelled(number: int) -> str:
    """Return the number as Gerrit writes it: `` 0``, ``+1``, ``-1``."""
    return f"{number:+d}" if number else " 0"
