"""The plan's graph as a picture: a node a step, or in a big plan one for each kind and level."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from saltern.report.page.layout import Box, Drawing, Measure, draw, layers, reduced
from saltern.report.page.progress import ALONG, STATES
from saltern.report.plain import plain

MOST_STEPS = 36
"""A plan with more steps than this is drawn by kind and level."""
MOST_IN_LAYER = 12
"""So is one with more steps than this side by side."""
LABEL = 22
"""Characters of a name that fit in a node."""
STEP = Measure(width=184)
GROUP = Measure(width=176, height=62, across=40, between=16)


@dataclass(frozen=True)
class Node:
    """A node: two lines of text, the state it is drawn in, and how many steps are in which."""

    kind: str
    label: str
    title: str
    state: str
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """Return the number of steps in it."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Picture:
    """What the template draws. ``grouped``: a node stands for many steps."""

    nodes: Mapping[str, Node]
    drawing: Drawing
    grouped: bool
    about: str

    def paths(self) -> list[str]:
        """Return each edge as the ``d`` of an SVG path."""
        return [_curve(points) for points in self.drawing.routes.values()]

    def bars(self, key: str) -> list[tuple[str, float, float]]:
        """Return ``(state, x, width)`` of a node's bar, done first."""
        node, box = self.nodes[key], self.drawing.boxes[key]
        return _bars(node.counts, box)


def picture(steps: Sequence[Mapping[str, Any]]) -> Picture | None:
    """Return the picture of a run's steps, ``None`` when there are none."""
    if not steps:
        return None
    keys = {step["key"] for step in steps}
    edges = [(need, s["key"]) for s in steps for need in s["needs"] if need in keys]
    grouped = len(steps) > MOST_STEPS or _widest(keys, edges) > MOST_IN_LAYER
    nodes, edges = _grouped(steps, edges) if grouped else (_single(steps), edges)
    drawing = draw(list(nodes), reduced(edges), GROUP if grouped else STEP)
    return Picture(nodes, drawing, grouped, _about(steps))


def _widest(keys: Iterable[str], edges: Iterable[tuple[str, str]]) -> int:
    return max(Counter(layers(sorted(keys), edges).values()).values(), default=0)


def _single(steps: Iterable[Mapping[str, Any]]) -> dict[str, Node]:
    return {
        step["key"]: Node(
            step["kind"], _short(step["name"]), _title(step), step["state"], {step["state"]: 1}
        )
        for step in steps
    }


def _title(step: Mapping[str, Any]) -> str:
    why = step["waits"] or step["reason"] or step["why"]
    return plain(f"{step['key']}: {step['state']}" + (f": {why}" if why else ""))


def _grouped(
    steps: Iterable[Mapping[str, Any]], edges: Iterable[tuple[str, str]]
) -> tuple[dict[str, Node], list[tuple[str, str]]]:
    """Return a node for each kind, projects by how deep they are below a parent of the plan."""
    edges = list(edges)
    level = _levels(steps, edges)
    home = {step["key"]: (step["kind"], level.get(step["key"], 0)) for step in steps}
    counts: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    for step in steps:
        counts[home[step["key"]]][step["state"]] += 1
    deep = {kind for kind, depth in counts if depth}
    nodes = {
        _key(group): Node(
            group[0],
            f"level {group[1] + 1}" if group[0] in deep else "",
            _group_title(group, states, group[0] in deep),
            _worst(states),
            states,
        )
        for group, states in sorted(counts.items())
    }
    joined = {(_key(home[a]), _key(home[b])) for a, b in edges if home[a] != home[b]}
    return nodes, sorted(joined)


def _key(group: tuple[str, int]) -> str:
    return f"{group[0]}:{group[1]}"


def _levels(steps: Iterable[Mapping[str, Any]], edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    projects = [step["key"] for step in steps if step["kind"] == "project"]
    own = set(projects)
    return layers(projects, [(a, b) for a, b in edges if a in own and b in own])


def _group_title(group: tuple[str, int], states: Mapping[str, int], deep: bool) -> str:
    where = f" of level {group[1] + 1}" if deep else ""
    return f"{group[0]} steps{where}: {_words(states)}"


def _worst(states: Mapping[str, int]) -> str:
    return next((state for state in STATES if states.get(state)), "done")


def _words(states: Mapping[str, int]) -> str:
    return ", ".join(f"{states[s]:,} {s}" for s in ALONG if states.get(s))


def _about(steps: Sequence[Mapping[str, Any]]) -> str:
    states = Counter(step["state"] for step in steps)
    return f"{len(steps):,} step{'s' if len(steps) != 1 else ''}: {_words(states)}."


def _short(name: str) -> str:
    name = plain(name, 200)
    return name if len(name) <= LABEL else f"{name[:8]}…{name[9 - LABEL :]}"


def _bars(counts: Mapping[str, int], box: Box) -> list[tuple[str, float, float]]:
    inner = box.width - 20
    total = sum(counts.values())
    found, x = [], box.x + 10
    for state in ALONG:
        if counts.get(state):
            # What is rare but bad is not too thin to be seen.
            width = max(3.0, inner * counts[state] / total)
            found.append((state, x, width))
            x += width
    scale = inner / (x - box.x - 10)
    left = box.x + 10
    return [(s, left + (at - left) * scale, w * scale) for s, at, w in found]


def _curve(points: Sequence[tuple[float, float]]) -> str:
    (x, y), *rest = points
    path = f"M{x:.1f} {y:.1f}"
    for number, (to_x, to_y) in enumerate(rest):
        if number % 2:
            path += f"H{to_x:.1f}"
        else:
            middle = (x + to_x) / 2
            path += f"C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
        x, y = to_x, to_y
    return path
