"""One fault, one finding: a shared ACL's is reported for each of its projects and shown once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from saltern.registry.findings import ERROR, Finding


@dataclass(frozen=True)
class Group:
    """A finding, and the ``projects`` that it stands for, in order (none: the whole registry)."""

    finding: Finding
    projects: tuple[str, ...]

    def concerned(self, most: int = 3) -> str:
        """Return the projects as a phrase when there are several, else ''."""
        if len(self.projects) < 2:
            return ""
        names = ", ".join(self.projects[:most])
        more = len(self.projects) - most
        return f"{names} and {more} more" if more > 0 else names


def grouped(findings: Iterable[Finding]) -> list[Group]:
    """Return the findings by place, those that differ only in their project as one."""
    groups: dict[tuple, list[Finding]] = {}
    for finding in findings:
        key = (finding.position, finding.code, finding.message)
        groups.setdefault(key, []).append(finding)
    return [
        Group(found[0], tuple(sorted({f.project for f in found if f.project})))
        for _, found in sorted(groups.items(), key=lambda item: item[0])
    ]


def summary(groups: Iterable[Group], others: int = 0) -> str:
    """Return the last line: how many of what, and how many findings are not shown."""
    severities = [group.finding.severity for group in groups]
    errors = severities.count(ERROR)
    parts = [_count(errors, "error"), _count(len(severities) - errors, "warning")]
    line = ", ".join(filter(None, parts)) or "no findings"
    mended = sum(bool(group.finding.fix) for group in groups)
    if mended:
        line += f"; saltern check --fix mends {mended}"
    if others:
        line += f"; {_count(others, 'other finding')} that this change did not cause"
    return line


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}" if number else ""
