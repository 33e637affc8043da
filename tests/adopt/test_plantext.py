"""A plan as text and as data."""

from __future__ import annotations

import json

import pytest

from saltern.gaps import Block
from saltern.plan import Plan
from saltern.registry import Finding, Position, Registry
from saltern.report.acldiff import acl_diff
from saltern.report.plantext import render, run_order, unread
from saltern.sight import CONFIG, Unknown
from saltern.steps import Step
from tests.hostile import TEXTS


def step(kind, name, *needs, why="missing"):
    """Return a step that needs others."""
    return Step(kind, name, why, {}, frozenset(needs))


def plan(*steps, blocked=None, unknown=None):
    """Return a plan of steps."""
    return Plan({s.key: s for s in steps}, blocked or {}, frozenset(), unknown or {})


EMPTY = Registry(None, {}, {}, ())


def test_steps_stand_in_the_order_in_which_they_run():
    """Each behind what it needs, else as the plan has them; objects by their first step."""
    found = plan(
        step("project", "kid", "project:parent"),
        step("project", "parent"),
        step("access", "kid", "project:kid", "group:g"),
        step("group", "g"),
    )
    assert run_order(found) == ["project:parent", "group:g", "project:kid", "access:kid"]
    assert render(found, EMPTY).splitlines() == [
        "project parent",
        "    project: missing",
        "group g",
        "    group: missing",
        "project kid",
        "    project: missing",
        "    access: missing",
        "4 to do, 0 blocked",
    ]


@pytest.mark.parametrize("evil", TEXTS.values(), ids=TEXTS)
def test_hostile_words_reach_a_terminal_as_text(evil):
    """No escape sequence, line break or change of direction comes through."""
    finding = Finding("SLT001", "error", Position("f", 1, 1), evil)
    found = plan(
        step("access", evil, why=evil),
        blocked={f"access:{evil}x": Block("c", evil)},
        unknown={f"access:{evil}": Unknown(CONFIG, evil)},
    )
    key = f"access:{evil}"
    text = render(found, Registry(None, {}, {}, (finding,)), "text", {key: (f"+{evil}",)})
    for line in [*text.split("\n"), *unread(found)]:
        assert line.isprintable()
    assert json.loads(render(found, EMPTY, "json"))["steps"][0]["key"] == key


def test_unknown_things_are_said_once_a_class_with_a_few_names():
    """A thousand projects do not make a thousand lines."""
    many = {f"access:p{number}": Unknown(CONFIG, "x") for number in range(1000)}
    (line,) = unread(plan(unknown=many))
    assert "of 1000 projects" in line
    assert "(p0, p1, p2, p3, p4, and 995 more)" in line
    assert render(plan(unknown=many), EMPTY) == "nothing to do"


def test_diff_of_acls_is_of_what_they_say():
    """Order, blanks, comments and descriptions are no difference; an unreadable one is text."""
    one = '[access "refs/*"]\n\tread = group b\n\tread = group a\n[project]\n\tdescription = x\n'
    two = '# c\n[access "refs/*"]\n  read = group a\n  read = group b\n'
    assert acl_diff(one, two) == ()
    changed = acl_diff(one, two.replace("group b", "group c"))
    assert [line for line in changed if line[:2] in ("-\t", "+\t")] == [
        "-\tread = group b",
        "+\tread = group c",
    ]
    assert "-[broken" in acl_diff("[broken", two)
