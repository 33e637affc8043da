"""Findings as SARIF 2.1.0, which code hosts and editors read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from saltern import __version__
from saltern.registry.findings import Edit, Finding, Position
from saltern.report.findings.grouping import Group
from saltern.report.findings.rulepage import RulePage, more, page

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render_sarif(groups: Sequence[Group]) -> str:
    """Return one run with every rule that fired; regions count characters."""
    codes = sorted({group.finding.code for group in groups})
    driver = {
        "name": "saltern",
        "semanticVersion": __version__,
        "rules": [_rule(code, page(code)) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "The registry's root."}}},
        "results": [_result(group, codes) for group in groups],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(code: str, about: RulePage | None) -> dict[str, Any]:
    if about is None:
        return {"id": code}
    return {
        "id": code,
        "name": about.name,
        "shortDescription": {"text": about.title},
        "fullDescription": {"text": f"{about.what} {about.why}"},
        "help": {"text": f"Example: {about.example}\nInstead: {about.instead}\n{more(code)}"},
        "defaultConfiguration": {"level": about.severity},
    }


def _result(group: Group, codes: Sequence[str]) -> dict[str, Any]:
    finding = group.finding
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": finding.severity,
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": _location(finding.position)}],
        "partialFingerprints": {"findingHash/v1": _fingerprint(finding)},
    }
    if group.projects:
        result["properties"] = {"projects": list(group.projects)}
    if finding.fix:
        result["fixes"] = [_fix(finding.fix)]
    return result


def _location(position: Position) -> dict[str, Any]:
    region = {"startLine": position.line, "startColumn": position.column}
    if position.end:
        region |= {"endLine": position.end[0], "endColumn": position.end[1]}
    return {"artifactLocation": _artifact(position.file), "region": region}


def _artifact(file: str) -> dict[str, str]:
    return {"uri": quote(file.encode("utf-8", "surrogateescape")), "uriBaseId": "SRCROOT"}


def _fix(edits: Sequence[Edit]) -> dict[str, Any]:
    files: dict[str, list[Edit]] = {}
    for edit in edits:
        files.setdefault(edit.file, []).append(edit)
    changes = [
        {"artifactLocation": _artifact(file), "replacements": [_replacement(e) for e in found]}
        for file, found in files.items()
    ]
    return {"description": {"text": "Write it this way."}, "artifactChanges": changes}


def _replacement(edit: Edit) -> dict[str, Any]:
    (line, column), (end_line, end_column) = edit.start, edit.end
    region = {
        "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column
    }  # fmt: skip
    return {"deletedRegion": region, "insertedContent": {"text": edit.text}}


def _fingerprint(finding: Finding) -> str:
    """Return what stays the same when lines move."""
    parts = (finding.code, finding.position.file, finding.project or "", finding.message)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
