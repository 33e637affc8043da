"""Guard rails: what needs a flag, and which flag."""

from __future__ import annotations

import pytest

from saltern.review.guards import guards
from saltern.settings import RegistrySettings, ReviewSettings

RETIRED = "[project]\n\tstate = read only\n"


def found(old, new, message="Change", **review):
    """Return ``(flag, allowed)`` of each guard."""
    settings = ReviewSettings(**review)
    every = guards(old, new, message, RegistrySettings(), settings)
    return [(guard.flag, guard.allowed) for guard in every]


def grant(section, line):
    """Return an ACL with one grant."""
    header = f'[access "{section}"]' if section != "capability" else "[capability]"
    return f"{header}\n\t{line}\n"


def test_change_that_removes_nothing_needs_no_flag(make):
    """Adding and editing are free."""
    assert found(make({"a/a": None}), make({"a/a": grant("refs/heads/*", "read = group x")})) == []


def test_removed_project_needs_its_flag(make):
    """The name stands in the reason; the flag in the trailers allows it."""
    old, new = make({"a/a": None, "a/b": None}), make({"a/a": None})
    assert found(old, new) == [("remove-project", False)]
    message = "Drop a/b\n\nSaltern-Allow: remove-project\n"
    assert found(old, new, message) == [("remove-project", True)]
    (guard,) = guards(old, new, "", RegistrySettings(), ReviewSettings())
    assert "a/b" in str(guard)
    assert "Saltern-Allow: remove-project" in str(guard)


def test_retiring_more_than_the_share_needs_its_flag(make):
    """One of four is free, two are not."""
    names = [f"a/{n}" for n in range(4)]
    old = make(dict.fromkeys(names))
    assert found(old, make({**dict.fromkeys(names), "a/0": RETIRED})) == []
    two = make({**dict.fromkeys(names), "a/0": RETIRED, "a/1": RETIRED})
    assert found(old, two) == [("retire", False)]
    assert found(old, two, "x\n\nSaltern-Allow: retire") == [("retire", True)]


PROTECTED = [
    ("refs/*", "owner = group x"),
    ("refs/*", "push = +force group x"),
    ("refs/meta/config", "push = group x"),
    ("refs/meta/*", "submit = group x"),
    ("^refs/.*", "forgeCommitter = group x"),
    ("^refs/meta/(config|x)", "owner = group x"),
    ("refs/*", "removeLabel-Code-Review = -2..+2 group x"),
    ("capability", "administrateServer = group x"),
]


@pytest.mark.parametrize(("section", "line"), PROTECTED, ids=lambda text: text.split(" ")[0])
def test_protected_right_needs_its_flag(make, section, line):
    """The grant's own line is the place."""
    old, new = make({"a/a": None}), make({"a/a": grant(section, line)})
    assert found(old, new) == [("protected-right", False)]
    (guard,) = guards(old, new, "", RegistrySettings(), ReviewSettings())
    assert str(guard.position) == "gerrit/acls/a/a.config:2:2"
    message = "x\n\nSaltern-Allow: retire, protected-right\n"
    assert found(old, new, message) == [("protected-right", True)]


FREE = [
    ("refs/heads/*", "push = group x"),
    ("refs/for/refs/*", "push = group x"),
    ("^refs/heads/(?!stable).*", "push = group x"),
    ("refs/*", "read = group x"),
    ("refs/*", "push = deny group x"),
    ("refs/*", "push = block group x"),
]


@pytest.mark.parametrize(("section", "line"), FREE, ids=lambda text: text)
def test_other_rights_need_no_flag(make, section, line):
    """What everybody grants every day, and what takes rights away, is free."""
    assert found(make({"a/a": None}), make({"a/a": grant(section, line)})) == []


def test_right_that_stood_before_needs_no_flag(make):
    """Only what the change grants counts: lines that move or are spaced anew do not."""
    before = grant("refs/*", "owner = group x")
    after = "# a comment\n" + before.replace("owner = ", "owner   =  ")
    assert found(make({"a/a": before}), make({"a/a": after})) == []
    wider = before + "\towner = group y\n"
    assert found(make({"a/a": before}), make({"a/a": wider})) == [("protected-right", False)]


def test_groups_named_in_unless_may_have_the_right(make):
    """The setting's own list replaces the default."""
    rows = ({"refs": ["refs/heads/*"], "permissions": ["push"], "unless": ["release"]},)
    old, new = make({"a/a": None}), make({"a/a": grant("refs/heads/x", "push = group release")})
    assert found(old, new, protected=rows) == []
    new = make({"a/a": grant("refs/heads/x", "push = group other")})
    assert found(old, new, protected=rows) == [("protected-right", False)]
    new = make({"a/a": grant("refs/*", "push = group other")})
    assert found(old, new, protected=rows) == [("protected-right", False)]
