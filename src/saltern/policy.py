"""Policies: what is done where a server differs from the registry.

Shared by everything a policy is set for (``registry.policy``): ``groups``, ``access`` and
``settings``. A gap function describes what it compared as a :class:`Part` and lets
:func:`decide` say whether a step mends it (``WRITE``), it is told and left (``DRIFT``), or there
is nothing to do (``OK``). After the run :func:`settlements` says what the journal remembers.

``enforce`` repairs whatever differs. ``report`` repairs only what the registry itself asked for
since the last look; what somebody changed on the server is drift: told, never a failure.
``leave`` does not compare what is there. What is missing is made under every policy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from saltern.settings import ENFORCE, LEAVE

OK = "ok"
WRITE = "write"
DRIFT = "drift"


@dataclass(frozen=True)
class Settled:
    """What the journal remembers of a part: digest of what was wanted, and where it stood.

    ``seen`` is a commit of refs/meta/config for projects, empty where nothing like it is.
    """

    wanted: str
    seen: str = ""


@dataclass(frozen=True)
class Part:
    """One compared part of an object.

    ``policy`` is the policy's name (``groups``, ``access``, ``settings``), ``name`` the object,
    ``wanted`` a digest of what the registry asks for, ``differs`` in a few words how the server
    differs (empty: it does not), ``missing`` whether nothing of it was ever there, ``seen``
    where the server stands.
    """

    policy: str
    name: str
    wanted: str
    differs: str = ""
    missing: bool = False
    seen: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Return what the journal knows it by."""
        return (self.policy, self.name)

    @property
    def label(self) -> str:
        """Return what people read: ``POLICY:NAME``."""
        return f"{self.policy}:{self.name}"


Memory = Mapping[tuple[str, str], Settled]


def decide(policies: Mapping[str, str], memory: Memory, part: Part) -> str:
    """Return ``OK``, ``WRITE`` or ``DRIFT`` for a part.

    ``policies`` is ``RegistrySettings.policy``; ``memory`` what the journal remembers.
    """
    if not part.differs:
        return OK
    policy = policies.get(part.policy, ENFORCE)
    if part.missing or policy == ENFORCE:
        return WRITE
    if policy == LEAVE:
        return OK
    known = memory.get(part.key)
    return WRITE if known is not None and known.wanted != part.wanted else DRIFT


def settlements(
    memory: Memory, parts: Iterable[Part], written: Mapping[tuple[str, str], str]
) -> dict[tuple[str, str], Settled]:
    """Return what the journal is to remember anew.

    ``written``: parts that a step of this run made true and proved, with where they stand now.
    A part that is in step is remembered, and one seen for the first time: a later change of
    what is wanted of it is the registry's. What differs otherwise keeps what was remembered.
    """
    found = {}
    for part in parts:
        if part.key in written:
            fresh = Settled(part.wanted, written[part.key])
        elif not part.differs:
            fresh = Settled(part.wanted, part.seen)
        elif part.key in memory or part.missing:
            continue
        else:
            fresh = Settled(part.wanted)
        if memory.get(part.key) != fresh:
            found[part.key] = fresh
    return found


def digest_of(value: Any) -> str:
    """Return the hex SHA-256 of plain data."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
