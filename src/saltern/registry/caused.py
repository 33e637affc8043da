"""What is wrong because of a change, told from what was wrong before."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from saltern.registry.findings import Finding
from saltern.registry.judged import Judged

if TYPE_CHECKING:
    from saltern.registry.model import Registry

_PLACE = re.compile(r":[0-9]+(?::[0-9]+)?\b")


def caused(old: Registry | Judged, new: Registry | Judged) -> tuple[tuple[Finding, ...], int]:
    """Return the findings of ``new`` that the change from ``old`` caused, and how many others.

    A finding was there before when ``old`` has one of the same code, file, project and message
    (places named in it aside) on lines of the same text, wherever those lines stand now: a
    fault that moved is not a new one, and one whose line was touched and not mended is.
    """
    stood = Counter(_identities(old))
    found = []
    for finding, identity in zip(new.findings, _identities(new), strict=True):
        if stood[identity]:
            stood[identity] -= 1
        else:
            found.append(finding)
    return tuple(found), len(new.findings) - len(found)


def _identities(registry: Registry | Judged) -> list[tuple[str, ...]]:
    files = {finding.position.file for finding in registry.findings}
    texts = {file: registry.text(file).split("\n") for file in files}
    return [_identity(finding, texts) for finding in registry.findings]


def _identity(finding: Finding, texts: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    at = finding.position
    last = at.end[0] if at.end else at.line
    lines = texts.get(at.file, ())[at.line - 1 : last]
    return (
        finding.code,
        finding.severity,
        at.file,
        finding.project or "",
        _PLACE.sub(":", finding.message),
        *(line.strip() for line in lines),
    )
