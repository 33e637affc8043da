"""A small layered layout: layers from left to right, few crossings, edges around the nodes.

The usual three stages (Sugiyama): a node's layer is its longest way from a source; edges over
several layers get a waypoint in each one between; within a layer nodes are ordered by the mean
place of their neighbours, in a few sweeps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

SWEEPS = 8
Waypoint = tuple[str, str, int]
Place = str | Waypoint
Block = tuple[float, float, list[tuple[Place, float]]]
"""Middle, size, and places with their sizes."""


@dataclass(frozen=True)
class Box:
    """Where a node stands: its upper left corner and size, in pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Drawing:
    """Boxes by node, a list of points for each edge, and the size of the whole."""

    boxes: Mapping[str, Box]
    routes: Mapping[tuple[str, str], Sequence[tuple[float, float]]]
    width: float
    height: float


@dataclass(frozen=True)
class Measure:
    """Sizes in pixels: of a node, between layers, between neighbours, and around all."""

    width: float = 168
    height: float = 44
    across: float = 40
    between: float = 12
    margin: float = 4


def layers(nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Return each node's layer, its longest way from a source; an edge on a circle is left out."""
    above: dict[str, list[str]] = defaultdict(list)
    for start, end in edges:
        above[end].append(start)
    found: dict[str, int] = {}
    for node in nodes:
        _depth(node, above, found)
    return found


def _depth(node: str, above: Mapping[str, list[str]], found: dict[str, int]) -> None:
    """Fill ``found`` for ``node`` and all above it, without recursion: a chain may be long."""
    stack, open_nodes = [node], set()
    while stack:
        here = stack[-1]
        waiting = [n for n in above.get(here, ()) if n not in found and n not in open_nodes]
        if here not in found and waiting:
            open_nodes.add(here)
            stack.extend(waiting)
            continue
        stack.pop()
        open_nodes.discard(here)
        if here not in found:
            found[here] = max((found[n] + 1 for n in above.get(here, ()) if n in found), default=0)


def reduced(edges: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the edges that no longer way stands for (the transitive reduction).

    An edge on a circle is left out.
    """
    given = list(dict.fromkeys(edges))
    layer = layers({node: None for edge in given for node in edge}, given)
    forward = [(start, end) for start, end in given if layer[start] < layer[end]]
    below: dict[str, set[str]] = defaultdict(set)
    for start, end in forward:
        below[start].add(end)
    reach: dict[str, set[str]] = {}
    for node in sorted(below, key=lambda node: -layer[node]):
        reach[node] = below[node].union(*(reach.get(other, ()) for other in below[node]))
    return [
        (start, end)
        for start, end in forward
        if not any(end in reach.get(other, ()) for other in below[start] - {end})
    ]


def draw(
    nodes: Sequence[str], edges: Iterable[tuple[str, str]], measure: Measure | None = None
) -> Drawing:
    """Lay the graph out; ``edges`` that do not lead to a later layer are not drawn."""
    measure = measure or Measure()
    layer = layers(nodes, edges)
    kept = [(a, b) for a, b in dict.fromkeys(edges) if layer[a] < layer[b]]
    rows, links = _with_waypoints(nodes, kept, layer)
    _order(rows, links)
    middle = _middles(rows, links, measure)
    step = measure.width + measure.across
    boxes = {
        node: Box(
            measure.margin + layer[node] * step,
            middle[node] - measure.height / 2,
            measure.width,
            measure.height,
        )
        for node in nodes
    }
    routes = {edge: _route(edge, layer, boxes, middle, measure) for edge in kept}
    width = 2 * measure.margin + len(rows) * step - measure.across if rows else 0
    height = max((middle[p] + _size(p, measure) / 2 for p in middle), default=0) + measure.margin
    return Drawing(boxes, routes, width, height)


def _size(place: Place, measure: Measure) -> float:
    return measure.height if isinstance(place, str) else measure.between


def _middles(
    rows: Sequence[Sequence[Place]], links: Iterable[tuple[Place, Place]], measure: Measure
) -> dict[Place, float]:
    """Return the height at which each place is centred, near its neighbours and in row order."""
    near: dict[Place, list[Place]] = defaultdict(list)
    for start, end in links:
        near[start].append(end)
        near[end].append(start)
    middle: dict[Place, float] = {}
    for row in rows:
        _settle(row, {}, middle, measure)
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wish = {p: sum(middle[n] for n in near[p]) / len(near[p]) for p in row if near[p]}
            _settle(row, wish, middle, measure)
    top = min((middle[p] - _size(p, measure) / 2 for p in middle), default=0.0)
    return {place: at - top + measure.margin for place, at in middle.items()}


def _settle(
    row: Sequence[Place],
    wish: Mapping[Place, float],
    middle: dict[Place, float],
    measure: Measure,
) -> None:
    """Give the places of a row their wishes as far as they fit.

    Neighbours that want the same room become a block around the mean of their wishes.
    """
    blocks: list[Block] = []
    for place in row:
        size = _size(place, measure) + measure.between
        at = wish.get(place, middle.get(place, 0.0))
        block: Block = (at, size, [(place, size)])
        while blocks and blocks[-1][0] + blocks[-1][1] / 2 > block[0] - block[1] / 2:
            block = _merged(blocks.pop(), block)
        blocks.append(block)
    for at, size, places in blocks:
        top = at - size / 2
        for place, own in places:
            middle[place] = top + own / 2
            top += own


def _merged(one: Block, two: Block) -> Block:
    """Return the block of both, centred where its places want to be on the whole."""
    size = one[1] + two[1]
    # Each part's wish for the middle of the whole.
    from_one = one[0] - one[1] / 2 + size / 2
    from_two = two[0] + two[1] / 2 - size / 2
    weight_one, weight_two = len(one[2]), len(two[2])
    at = (from_one * weight_one + from_two * weight_two) / (weight_one + weight_two)
    return at, size, [*one[2], *two[2]]


def _with_waypoints(
    nodes: Sequence[str], edges: Iterable[tuple[str, str]], layer: Mapping[str, int]
) -> tuple[list[list[Place]], list[tuple[Place, Place]]]:
    rows: list[list[Place]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for node in nodes:
        rows[layer[node]].append(node)
    links: list[tuple[Place, Place]] = []
    for start, end in edges:
        way: list[Place] = [start]
        for number in range(layer[start] + 1, layer[end]):
            way.append((start, end, number))
            rows[number].append(way[-1])
        links += zip(way, [*way[1:], end], strict=True)
    return rows, links


def _order(rows: list[list[Place]], links: Iterable[tuple[Place, Place]]) -> None:
    before: dict[Place, list[Place]] = defaultdict(list)
    after: dict[Place, list[Place]] = defaultdict(list)
    for start, end in links:
        before[end].append(start)
        after[start].append(end)
    for sweep in range(SWEEPS):
        neighbours, order = (before, rows) if sweep % 2 == 0 else (after, rows[::-1])
        place = {p: (n + 0.5) / len(row) for row in rows for n, p in enumerate(row)}
        for row in order:
            row.sort(key=lambda p: _mean(p, neighbours, place))  # noqa: B023
            place |= {p: (n + 0.5) / len(row) for n, p in enumerate(row)}


def _mean(
    place: Place, neighbours: Mapping[Place, list[Place]], where: Mapping[Place, float]
) -> float:
    near = neighbours.get(place)
    return sum(where[n] for n in near) / len(near) if near else where[place]


def _route(
    edge: tuple[str, str],
    layer: Mapping[str, int],
    boxes: Mapping[str, Box],
    middle: Mapping[Place, float],
    measure: Measure,
) -> list[tuple[float, float]]:
    start, end = edge
    points = [(boxes[start].x + measure.width, middle[start])]
    for number in range(layer[start] + 1, layer[end]):
        x = measure.margin + number * (measure.width + measure.across)
        y = middle[start, end, number]
        points += [(x, y), (x + measure.width, y)]
    return [*points, (boxes[end].x, middle[end])]
