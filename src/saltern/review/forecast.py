"""What the merge of a change will do: the plan with it, less the plan without it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from saltern.errors import SalternError
from saltern.gaps import Block
from saltern.look import Looker
from saltern.plan import Plan, make_plan
from saltern.registry.registry import Registry
from saltern.report.plain import plain
from saltern.steps import GROUP_KINDS, Step

MOST_UPSTREAMS = 20
"""Upstreams that are looked at for one patch set."""


@dataclasses.dataclass(frozen=True)
class Forecast:
    """Steps and blocked steps that come with the change; ``problem``: why that cannot be told."""

    steps: tuple[Step, ...] = ()
    blocked: Mapping[str, Block] = dataclasses.field(default_factory=dict)
    problem: str = ""


def forecast(
    looker: Looker, old: Registry | None, new: Registry, upstreams: bool = False
) -> Forecast:
    """Return what the merge of ``new`` over ``old`` will do, by one look at the servers.

    ``old`` is ``None`` when what the change is built on cannot be read: all of the plan is the
    change's then. ``upstreams``: whether those of its imports are looked at too. Never raises
    for a server that cannot be looked at: ``problem`` says why.
    """
    before = old or Registry(None, {}, {}, ())
    both = dataclasses.replace(
        new,
        projects={**before.projects, **new.projects},
        groups={**before.groups, **new.groups},
    )
    try:
        context = looker.observe(both)
    except SalternError as error:
        return Forecast(problem=str(error))
    # What a context compared is of one registry: a plan of another must not take it over.
    old_plan, new_plan = (
        make_plan(dataclasses.replace(context, registry=each, compared={}))
        for each in (before, new)
    )
    found = difference(old_plan, new_plan)
    return _with_upstreams(looker, found) if upstreams else found


def _with_upstreams(looker: Looker, found: Forecast) -> Forecast:
    """Hold back the imports whose upstream has not what is asked of it."""
    imports = [step for step in found.steps if step.kind == "content" and _imports(step)]
    try:
        seen = looker.upstreams(imports[:MOST_UPSTREAMS])
    except SalternError as error:
        return dataclasses.replace(found, problem=str(error))
    held = {
        f"content:{name}": Block(problem["code"], problem["reason"])
        for name, problem in seen.items()
        if problem
    }
    steps = tuple(step for step in found.steps if step.key not in held)
    return dataclasses.replace(found, steps=steps, blocked={**found.blocked, **held})


def _imports(step: Step) -> bool:
    payload = step.payload
    return bool(payload["upstream"] and not payload["branch"] and not payload["moved_from"])


def difference(old: Plan, new: Plan) -> Forecast:
    """Return what ``new`` has that ``old`` has not, or has with other data."""
    steps = tuple(
        step
        for key, step in new.steps.items()
        if key not in old.steps or old.steps[key].payload != step.payload
    )
    blocked = {
        key: block
        for key, block in new.blocked.items()
        if key not in old.blocked or old.blocked[key].code != block.code
    }
    return Forecast(steps, blocked)


def lines(found: Forecast) -> list[str]:
    """Return the forecast as plain lines, one a project or group: what is done and why."""
    by_name: dict[tuple[str, str], list[str]] = {}
    for step in found.steps:
        what = _VERBS.get(step.kind, step.kind)
        if step.why == "missing":
            what = _MADE.get(step.kind, what)
        else:
            what += f" ({plain(step.why, 100)})"
        by_name.setdefault(_owner(step.kind, step.name), []).append(what)
    for key, block in found.blocked.items():
        kind, _, name = key.partition(":")
        what = f"{_HELD.get(kind, kind)}: {plain(block.reason)}"
        by_name.setdefault(_owner(kind, name), []).append(what)
    return [
        f"{kind} {plain(name, 200)}: {', '.join(_unique(what))}"
        for (kind, name), what in by_name.items()
    ]


_VERBS = {
    "group": "is set",
    "members": "members are set",
    "project": "is set",
    "content": "content is made",
    "access": "ACL is written",
    "retire": "is closed and points to its new name",
    "mirror": "mirror is updated",
}
_MADE = {"group": "is made", "project": "is made", "mirror": "is mirrored"}
_HELD = {
    "group": "cannot be made",
    "members": "members cannot be set",
    "project": "cannot be made or set",
    "content": "content cannot be made",
    "access": "ACL cannot be written",
    "mirror": "mirror cannot be updated",
}


def _owner(kind: str, name: str) -> tuple[str, str]:
    return ("group" if kind in GROUP_KINDS else "project", name)


def _unique(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))
