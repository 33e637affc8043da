"""Renderings of what the checks found: text, JSON, SARIF, comments for Gerrit.

``source`` is where the findings' files are read from, to show the lines they are about.
"""

from __future__ import annotations

from collections.abc import Iterable

from saltern.registry.findings import Finding
from saltern.registry.source import Source
from saltern.report.findings.grouping import Group, grouped

FORMS = ("text", "json", "sarif", "gerrit")

__all__ = ["FORMS", "Group", "grouped", "render"]


def render(
    findings: Iterable[Finding],
    source: Source,
    form: str = "text",
    *,
    color: bool = False,
    others: int = 0,
) -> str:
    """Return the findings in one of :data:`FORMS`.

    One fault in a file that several projects share is shown once. ``others`` is the number of
    findings that stand but are not shown, since the change did not cause them. ``color`` is for
    text only. Raises :class:`ValueError` for another form.
    """
    groups = grouped(findings)
    if form == "text":
        from saltern.report.findings.text import render_text

        return render_text(groups, source, color=color, others=others)
    if form == "json":
        from saltern.report.findings.data import render_json

        return render_json(groups, others)
    if form == "sarif":
        from saltern.report.findings.sarif import render_sarif

        return render_sarif(groups)
    if form == "gerrit":
        from saltern.report.findings.gerrit import render_gerrit

        return render_gerrit(groups, source)
    raise ValueError(f"no form {form!r}; there are {', '.join(FORMS)}")
