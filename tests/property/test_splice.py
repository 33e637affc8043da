"""Reading only what differs gives what reading all would."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import settings as how
from hypothesis import strategies as st

from saltern.errors import RegistryError
from saltern.registry.splice import read_alike
from saltern.registry.yamlfile import read_projects

FILE = "gerrit/projects.yaml"
LINES = (
    "- project: org/a",
    "- project: org/b",
    "  description: text",
    "  description: >",
    "    folded",
    "    - project: no/entry",
    "  groups:",
    "    - core",
    "  - core",
    "# a comment",
    "",
    "  x: 'open",
    "    shut'",
    '  y: "',
    '"',
    "  z: [",
    "  ]",
    "- text",
    "-",
    "  project: org/late",
    "- - nested",
    "  a: &a 1",
    "  b: *a",
    "---",
    "  colour: red",
    "  colour: blue",
    "project: org/none",
    "  : ",
    "  e: \x85 f",
    "- {project: org/flow}",
    "  n: !!python/none 1",
    "\ttab",
)
texts = st.lists(st.sampled_from(LINES), max_size=14).map("\n".join)
good = st.lists(
    st.sampled_from(
        ["- project: org/a\n", "- project: org/b\n  description: text\n",
         "# about\n- project: org/c\n  groups:\n    - core\n",
         "- project: org/d\n  description: >\n    folded\n\n    text\n"]
    ),
    max_size=6,
).map("".join)  # fmt: skip


def everything(data, read):
    """Return all that was read, or the error."""
    try:
        file = read(data)
    except RegistryError as error:
        return str(error)
    return [
        (e.position, e.position.end, dict(e.values), dict(e.positions), e.repeated, e.problem)
        for e in file.entries
    ], file.defaults


@how(max_examples=300, deadline=None)
@given(good, good, texts, good)
@example("- project: org/a\n", "", "  x: 'open", "- project: org/b\n  y: shut'\n")
@example("- project: org/a\n", "", "  z: [", "- project: org/a\n")
@example("- project: org/d\n  description: >\n    text\n", "", "    folded", "- project: org/a\n")
@example("", "- project: org/a\n", "# only a comment\n", "- project: org/b\n")
@example("- project: org/a\n", "- project: org/b\n", "", "- project: org/a\n- project: org/b\n")
def test_file_read_by_its_differences_is_the_same(head, gone, come, tail):
    """Positions, values and findings do not depend on what was read before."""
    known, data = (head + gone + tail).encode(), f"{head}{come}\n{tail}".encode()
    try:
        read = read_projects(known, FILE)
    except RegistryError:
        return
    spliced = everything(data, lambda d: read_alike(d, FILE, known, read))
    assert spliced == everything(data, lambda d: read_projects(d, FILE))


@pytest.mark.parametrize("more", ["", "# top\n"], ids=["same-lines", "moved"])
def test_entries_that_stood_before_are_taken_over(more):
    """What both files have is not read again: the values are the same objects."""
    known = "".join(f"- project: org/{n}\n  description: text {n}\n" for n in range(9)).encode()
    data = more.encode() + known.replace(b"text 4", b"new")
    read = read_projects(known, FILE)
    entries = read_alike(data, FILE, known, read).entries
    same = [new.values is old.values for new, old in zip(entries, read.entries, strict=True)]
    assert same == [not more and n < 4 or n > 4 for n in range(9)]
