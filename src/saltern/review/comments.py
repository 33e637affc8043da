"""Inline comments: findings at their lines and ranges."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from saltern.registry.source import Source
from saltern.report.findings import gerrit
from saltern.report.findings.grouping import Group

Comments = dict[str, list[dict[str, Any]]]


def inline(
    groups: Iterable[Group], files: Collection[str], source: Source, most: int
) -> tuple[Comments, list[Group]]:
    """Return comments (``{file: [CommentInput]}``), and the findings that have no place there.

    ``files`` are those that the patch set touches, ``source`` what it holds, ``most`` the
    most comments. Gerrit refuses a whole review for one comment on another file. None is left
    unresolved: nothing would resolve it when the next patch set mends what it says.
    """
    placed: list[Group] = []
    rest: list[Group] = []
    for group in groups:
        fits = group.finding.position.file in files and len(placed) < most
        (placed if fits else rest).append(group)
    made = gerrit.comments(placed, source)
    return {
        file: [{**row, "unresolved": False} for row in rows] for file, rows in made.items()
    }, rest
