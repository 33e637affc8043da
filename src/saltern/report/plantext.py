"""A plan for people: what would happen to each project and why, in the order it would run."""

from __future__ import annotations

import graphlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from saltern import sight
from saltern.plan import Plan
from saltern.registry.findings import ERROR
from saltern.registry.registry import Registry
from saltern.report.plain import plain
from saltern.steps import GROUP_KINDS

Diffs = Mapping[str, tuple[str, ...]]
"""Lines of a unified diff by the key of a step."""

MOST_NAMES = 5
UNREAD: Mapping[str, str] = {
    sight.CONFIG: "refs/meta/config of {n} {projects} is not readable to you, ACLs not compared",
    sight.CONTENT: "no branch of {n} {projects} is readable to you, default branches not compared",
    sight.PROJECT: "not listed to you but perhaps there, not compared: {n} {projects}",
    sight.PARENT: "what they inherit from is not listed to you, not compared: {n} {projects}",
    sight.GROUP: "not listed to you, made unless they are there: {n} {groups}",
    sight.GROUPS: "Gerrit lists groups to accounts only, not compared: {n} {groups}",
    sight.NAMED: "name groups that are not listed to you, not compared: {n} {groups}",
    sight.MEMBERS: "members not readable to you, not compared: {n} {groups}",
}
"""What is said of a class of things that the reader cannot tell."""


def unread(plan: Plan) -> list[str]:
    """Return a line for each class of what could not be compared, with a few of its names."""
    classes: dict[str, dict[str, None]] = {}
    for key, unknown in plan.unknown.items():
        classes.setdefault(unknown.code, {})[key.partition(":")[2]] = None
    return [_unread(code, list(names)) for code, names in sorted(classes.items())]


def _unread(code: str, names: list[str]) -> str:
    text = UNREAD.get(code, "not readable to you, not compared: {n} things")
    one = len(names) == 1
    said = text.format(
        n=len(names),
        projects="project" if one else "projects",
        groups="group" if one else "groups",
    )
    shown = ", ".join(plain(name, 80) for name in names[:MOST_NAMES])
    more = f", and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{said} ({shown}{more})"


def to_data(plan: Plan, registry: Registry, diffs: Diffs | None = None) -> dict[str, Any]:
    """Return the plan as plain data: ``steps`` and ``blocked`` in order, ``unknown``,
    ``unread``, ``drift``, ``findings``; a step has ``diff`` where one was asked for."""
    diffs = diffs or {}
    return {
        "steps": [
            {
                "key": key,
                "why": plan.steps[key].why,
                "needs": sorted(plan.steps[key].needs),
                **({"diff": list(diffs[key])} if key in diffs else {}),
            }
            for key in run_order(plan)
        ],
        "blocked": [
            {"key": key, "code": block.code, "reason": block.reason}
            for key, block in plan.blocked.items()
        ],
        "unknown": [
            {"key": key, "code": unknown.code, "reason": unknown.reason}
            for key, unknown in plan.unknown.items()
        ],
        "unread": unread(plan),
        "drift": dict(plan.drift),
        "findings": [str(finding) for finding in registry.findings],
    }


def render(plan: Plan, registry: Registry, form: str = "text", diffs: Diffs | None = None) -> str:
    """Return the plan as text or JSON; the unread part is in the JSON only (see :func:`unread`)."""
    if form == "json":
        return json.dumps(to_data(plan, registry, diffs), indent=2)
    lines = list(_findings(registry))
    for name, keys in _by_object(plan).items():
        lines += [name, *_steps(plan, keys, diffs or {})]
    lines += [
        f"{plain(what, 200)}: left as it is: {plain(how)}" for what, how in plan.drift.items()
    ]
    if not plan:
        return "\n".join([*lines, "nothing to do"])
    return "\n".join([*lines, f"{len(plan.steps)} to do, {len(plan.blocked)} blocked"])


def _findings(registry: Registry) -> Iterator[str]:
    """Yield the errors, and how many warnings there are beside them."""
    yield from (plain(each) for each in registry.findings if each.severity == ERROR)
    warnings = sum(each.severity != ERROR for each in registry.findings)
    if warnings:
        yield f"{warnings} warning{'' if warnings == 1 else 's'}: saltern check shows them"


def _steps(plan: Plan, keys: Iterable[str], diffs: Diffs) -> Iterator[str]:
    for key in keys:
        kind = key.partition(":")[0]
        if key in plan.blocked:
            yield f"    {kind}: cannot be done: {plain(plan.blocked[key].reason)}"
            continue
        yield f"    {kind}: {plain(plan.steps[key].why)}"
        for line in diffs.get(key, ()):
            yield f"        {_diff_line(line)}"


def _diff_line(line: str) -> str:
    """Return a line of a diff with its leading tab kept, fit for a terminal."""
    sign, rest = line[:1], line[1:]
    indent = "    " if rest.startswith("\t") else ""
    return sign + indent + plain(rest, 1000)


def _by_object(plan: Plan) -> dict[str, list[str]]:
    """Return the keys of each group and project, objects ordered by their first step."""
    found: dict[str, list[str]] = {}
    for key in [*run_order(plan), *plan.blocked]:
        kind, _, name = key.partition(":")
        label = "group" if kind in GROUP_KINDS else "project"
        found.setdefault(f"{label} {plain(name, 200)}", []).append(key)
    return found


def run_order(plan: Plan) -> list[str]:
    """Return the keys of the steps, each behind those it needs; otherwise in the plan's order."""
    order = {key: place for place, key in enumerate(plan.steps)}
    sorter = graphlib.TopologicalSorter(
        {key: [need for need in step.needs if need in order] for key, step in plan.steps.items()}
    )
    try:
        sorter.prepare()
    except graphlib.CycleError:
        return list(order)
    found: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=order.__getitem__)
        found += ready
        sorter.done(*ready)
    return found
