"""The picture's layout: layers, fewer edges, no overlap; and how steps are grouped in it."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st
from situations import names, steps

from saltern.report.page.graph import picture
from saltern.report.page.layout import draw, layers, reduced
from saltern.report.page.progress import progress

EDGES = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda e: e[0] != e[1]))
DAGS = EDGES.map(lambda edges: [(str(min(e)), str(max(e))) for e in edges])


def rows(plan):
    """Return steps as the journal has them before a run starts."""
    return [
        {
            "key": step.key,
            "why": step.why,
            "state": "waiting",
            "attempts": 0,
            "reason": "",
            "needs": sorted(step.needs),
            "seconds": 0.0,
        }
        for step in plan
    ]


def reachable(edges):
    """Return every pair of which the second is behind the first."""
    found = set(edges)
    while more := {(a, d) for a, b in found for c, d in found if b == c} - found:
        found |= more
    return found


@given(DAGS)
def test_reduced_graph_leads_to_the_same_places_with_no_edge_to_spare(edges):
    """The reduction keeps what is behind what; without any one of its edges it would not."""
    kept = reduced(edges)
    assert reachable(kept) == reachable(edges)
    for edge in kept:
        assert edge not in reachable([e for e in kept if e != edge])


@given(DAGS)
@settings(max_examples=60)
def test_drawn_nodes_overlap_nowhere_and_edges_lead_right(edges):
    """Every node has its own room, and what a node needs is to its left."""
    nodes = [str(number) for number in range(12)]
    drawing = draw(nodes, edges)
    for one, two in itertools.combinations(drawing.boxes.values(), 2):
        apart_x = one.x + one.width <= two.x or two.x + two.width <= one.x
        apart_y = one.y + one.height <= two.y + 0.01 or two.y + two.height <= one.y + 0.01
        assert apart_x or apart_y
    for points in drawing.routes.values():
        assert [x for x, _ in points] == sorted(x for x, _ in points)
    for box in drawing.boxes.values():
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= drawing.width
        assert box.y + box.height <= drawing.height + 0.01


@given(EDGES)
@settings(max_examples=60)
def test_circle_is_drawn_without_an_end(edges):
    """A graph with circles (a damaged journal) still gets a picture."""
    words = [(str(a), str(b)) for a, b in edges]
    nodes = [str(number) for number in range(12)]
    assert layers(nodes, words).keys() == set(nodes)
    assert draw(nodes, reduced(words)).boxes.keys() == set(nodes)


def test_long_chain_needs_no_recursion():
    """A thousand parents above each other are laid out."""
    nodes = [str(number) for number in range(3000)]
    assert layers(nodes, list(itertools.pairwise(nodes)))["2999"] == 2999


def test_small_plan_has_a_box_for_each_step():
    """A plan of a few projects is drawn step by step."""
    plan = list(steps(names(3), ["g"]))
    drawn = picture(progress(rows(plan), running=True))
    assert not drawn.grouped
    assert drawn.nodes.keys() == {step.key for step in plan}


def test_big_plan_is_grouped_by_kind_and_level():
    """Many steps become one box for each kind, projects by how deep they are below a parent."""
    plan = list(steps(names(300), ["g", "h"]))
    drawn = picture(progress(rows(plan), running=True))
    labels = {(node.kind, node.label): node.total for node in drawn.nodes.values()}
    assert labels == {
        ("group", ""): 2,
        ("project", "level 1"): 200,
        ("project", "level 2"): 100,
        ("content", ""): 300,
        ("access", ""): 300,
        ("mirror", ""): 300,
    }


def test_plan_of_nothing_has_no_picture():
    """A run without steps is not drawn."""
    assert picture([]) is None
