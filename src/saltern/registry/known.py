"""What Gerrit has that the registry may not have, where it was asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from saltern.registry.findings import Finding

_DOUBTFUL = ("SLT053", "SLT062")


@dataclass(frozen=True)
class Known:
    """Names of projects and groups on Gerrit.

    ``complete``: what is not among them is not there; else it may only not be shown.
    """

    projects: frozenset[str]
    groups: frozenset[str] = frozenset()
    complete: bool = True


def doubtful(findings: Iterable[Finding]) -> bool:
    """Return whether rules would say less, or be surer, if Gerrit were asked."""
    return any(finding.code in _DOUBTFUL for finding in findings)
