"""Reading groups.yaml: what it asks for, where it stands, and which groups then should exist."""

from __future__ import annotations

import pytest

from saltern.registry.groupmodel import group_name_problem, is_account, member_problem

FULL = """\
# who does what
- group: core
  description: |
    They decide.
  owner: leads
  members:
    - alice
    - bob@example.com
  includes: [leads]
- group: leads
"""


@pytest.fixture
def groups_of(registry_of):
    """Load a groups file beside a projects file."""

    def make(groups, projects="- project: org/a\n", **acls):
        return registry_of(projects, {"../groups.yaml": groups, **acls})

    return make


def test_entry_says_what_is_written_with_its_places(groups_of):
    """Texts, lists and the place of each item are those of the file; blanks at ends go."""
    wish = groups_of(FULL).group_wishes["core"]
    assert (wish.description, wish.owner.text) == ("They decide.", "leads")
    assert [(m.text, str(m.position)) for m in wish.members] == [
        ("alice", "gerrit/groups.yaml:7:7"),
        ("bob@example.com", "gerrit/groups.yaml:8:7"),
    ]
    assert [str(group.position) for group in wish.includes] == ["gerrit/groups.yaml:9:14"]
    assert wish.members[0].position.end == (7, 12)


def test_key_that_is_absent_asks_for_nothing(groups_of):
    """None is left alone; empty is asked for."""
    wish = groups_of(FULL).group_wishes["leads"]
    assert (wish.description, wish.owner, wish.members, wish.includes) == (None,) * 4
    assert groups_of("- {group: a, members: []}\n").group_wishes["a"].members == ()


def test_groups_of_the_file_exist_beside_those_of_acls(registry_of):
    """Both are to be made; a held-up entry is only made when an ACL names it."""
    acl = '[access "refs/*"]\n\tread = group named\n\tread = group held\n'
    groups = "- group: own\n- {group: held, member: [x]}\n- {group: lost, member: [x]}\n"
    registry = registry_of("- project: org/a\n", {"org/a.config": acl, "../groups.yaml": groups})
    assert set(registry.groups) == {"held", "named", "own"}
    assert str(registry.groups["own"]) == "gerrit/groups.yaml:1:3"


def test_groups_file_that_is_absent_says_nothing(registry_of):
    """Without the file there are no wishes and no findings."""
    registry = registry_of("- project: org/a\n")
    assert (registry.group_wishes, registry.findings) == ({}, ())


def test_finding_about_a_group_holds_up_no_project_of_its_name(groups_of):
    """A group may be called as a project: its faults are its own."""
    registry = groups_of("- {group: org/a, member: [x]}\n")
    assert [finding.code for finding in registry.findings] == ["SLT071"]
    assert registry.blocked == {}


def test_alias_and_deep_nesting_are_refused_in_place(groups_of):
    """What would take much memory or the C stack is a finding, not an end."""
    bomb = "- &a [x, x]\n" + "".join(
        f"- &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(8)
    )
    assert {f.code for f in groups_of(bomb).findings} == {"SLT070"}
    deep = groups_of("- group: a\n  members: " + "[" * 5000 + "]" * 5000 + "\n")
    assert {f.code for f in deep.findings} == {"SLT070"}


@pytest.mark.parametrize(
    ("text", "username", "email", "same"),
    [
        ("alice", "alice", "a@x.org", True),
        ("Alice", "alice", "", True),
        ("A@x.org", "alice", "a@x.org", True),
        ("a@x.org", "a@x.org", "mallory@x.org", False),
        ("alice", "bob", "alice", False),
        ("", "", "", True),
    ],
)
def test_account_is_matched_by_what_is_unique(text, username, email, same):
    """An address is matched by addresses only: anybody can choose it for a username."""
    assert is_account(text, username, email) is same
    assert text or member_problem(text)


@pytest.mark.parametrize("name", ["core", "two words", "Gruppe-ä", "team/a-core", "-x", "a" * 255])
def test_name_that_gerrit_keeps_as_it_is_has_no_problem(name):
    """Names seen on real servers are taken."""
    assert group_name_problem(name) is None
