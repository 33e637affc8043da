"""What a run saw of the registry, as the journal keeps it for the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from saltern.announce import Change
from saltern.journal import Journal, Merged
from saltern.registry.history import History
from saltern.registry.registry import Registry

FINDINGS = 500
"""Most findings kept word for word; all are counted."""


def record(
    journal: Journal,
    run: str,
    registry: Registry,
    history: History | None,
    changes: Iterable[Change],
) -> None:
    """Journal what ``run`` saw of the registry and the merged ``changes`` that it tells of."""
    journal.saw(run, "registry", seen(registry))
    if history is not None:
        journal.credit(run, [Merged(c.commit, c.number, *history.about(c.commit)) for c in changes])


def seen(registry: Registry) -> dict[str, Any]:
    """Return the projects and findings of ``registry`` as plain data."""
    findings = sorted(registry.findings, key=lambda f: f.severity != "error")
    return {
        "commit": registry.commit,
        "projects": [
            {
                "name": project.name,
                "state": project.state,
                "parent": project.parent,
                "branch": project.default_branch,
                "place": str(project.position),
            }
            for project in registry.projects.values()
        ],
        "groups": len(registry.groups),
        "findings": {
            "counts": dict(Counter(finding.severity for finding in findings)),
            "first": [
                {
                    "code": finding.code,
                    "severity": finding.severity,
                    "place": str(finding.position),
                    "message": finding.message,
                    "project": finding.project,
                }
                for finding in findings[:FINDINGS]
            ],
        },
    }
