"""What differs between two states of the registry."""

from __future__ import annotations

import pytest

from saltern.registry.changed import changed

BASE = "- project: org/a\n- project: org/b\n  description: B\n"


@pytest.fixture
def difference(registry_of, tmp_path):
    """Return a function from two projects files (and the ACLs beside them) to the difference."""

    def make(old, new, old_acls=None, new_acls=None):
        before = registry_of(old, old_acls)
        return changed(before, registry_of(new, new_acls))

    return make


def test_moved_entries_are_no_change(difference):
    """Order and place in the file do not matter."""
    result = difference(BASE, "# new\n- project: org/b\n  description: B\n- project: org/a\n")
    assert (result.changed, result.removed, result.renamed) == (frozenset(), frozenset(), {})


def test_new_and_edited_projects_are_changed(difference):
    """A new entry and an edited one are named."""
    result = difference(BASE, BASE.replace(": B", ": C") + "- project: org/c\n")
    assert result.changed == {"org/b", "org/c"}


def test_edited_shared_acl_changes_each_of_its_projects(difference):
    """An ACL file counts for every project that uses it."""
    projects = "- project: a\n  acl-config: x\n- project: b\n  acl-config: x\n- project: c\n"
    result = difference(
        projects, projects, {"x": "[project]\n"}, {"x": "[project]\n\tstate = hidden\n"}
    )
    assert result.changed == {"a", "b"}


def test_project_that_is_no_longer_held_up_is_changed(difference):
    """Mending an ACL asks for something again, even where the rest is the same."""
    bad, good = '[access "refs/*"]\n\treed = group x\n', '[access "refs/*"]\n\tread = group x\n'
    result = difference("- project: a\n", "- project: a\n", {"a.config": bad}, {"a.config": good})
    assert result.changed == {"a"}


def test_removed_project_is_reported(difference):
    """What left the file is named, and not called changed."""
    result = difference(BASE, "- project: org/a\n")
    assert (result.changed, result.removed, result.renamed) == (frozenset(), {"org/b"}, {})


def test_entry_that_became_unreadable_is_not_removed(difference):
    """A fault in an entry does not look like its project leaving."""
    result = difference(BASE, "- project: org/a\n- project: org/b\n  x: !!python/none 1\n")
    assert result.removed == frozenset()


def test_renamed_project_is_paired(difference):
    """One left and one came with the same last part and description: a rename."""
    result = difference(BASE, BASE.replace("org/b", "new/b"))
    assert result.renamed == {"org/b": "new/b"}
    assert (result.removed, result.changed) == ({"org/b"}, {"new/b"})
