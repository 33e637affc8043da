"""ACL files from project.config: their text, their names, who shares one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.adopt.acls import NOTHING, Names, assign, own_text, with_groups_renamed
from saltern.adopt.yamltext import item_text
from saltern.registry.acl import digest
from saltern.registry.yamlfile import read_projects

RULE = '[access "refs/*"]\n\tread = group core team\n'


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (RULE, RULE),
        (f"[project]\n\tdescription = x\n{RULE}", RULE),
        (f"{RULE}[project]\n\tdescription = x\n", RULE),
        (
            f"[project]\n\tdescription = x\n\tstate = read only\n{RULE}",
            f"[project]\n\tstate = read only\n{RULE}",
        ),
        (
            f"# kept\n[project]\n# why\n\tdescription = x\n{RULE}",
            f"# kept\n[project]\n# why\n{RULE}",
        ),
        (
            f'[project]\n\tdescription = "a; # b\\n" \\\n  c\n{RULE}; at the end\n',
            f"{RULE}; at the end\n",
        ),
        (
            "[project]\r\n\tdescription = x\r\n[submit]\r\n\taction = inherit\r\n",
            "[submit]\r\n\taction = inherit\r\n",
        ),
        (f'[plugin "its"]\n\tenabled = true\n{RULE}', f'[plugin "its"]\n\tenabled = true\n{RULE}'),
        ("[project]\n\tdescription = only\n", NOTHING),
        ("", NOTHING),
    ],
    ids=[
        "none",
        "first",
        "last",
        "with-state",
        "comments",
        "quoted",
        "crlf",
        "plugin",
        "only",
        "empty",
    ],
)
def test_project_config_keeps_all_bytes_but_the_description(config, text):
    """What the author wrote stays as it is; a section that was the description's alone goes."""
    found = own_text(config.encode(), "p", "All-Projects")
    assert found == text
    assert digest(found) == digest(config)


def test_parent_that_goes_without_saying_is_said_where_the_default_is_another():
    """Nothing is moved below a registry's own default parent."""
    found = own_text(RULE.encode(), "p", "base")
    assert "inheritFrom = All-Projects" in found
    assert digest(found) == digest(RULE)


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("push = group old", "push = group new team"),
        ("push = +force group old\r", "push = +force group new team\r"),
        ("label-A = -2..+2 group older", "label-A = -2..+2 group older"),
        ("read = deny group old  ", "read = deny group new team  "),
    ],
)
def test_renamed_group_is_renamed_in_its_rules_only(line, after):
    """Other names, blanks and votes stay."""
    text = f'[access "refs/*"]\n\t{line}\n'
    found = with_groups_renamed(text, {"old": "new team"})
    assert found == f'[access "refs/*"]\n\t{after}\n'


def test_renamed_group_elsewhere_is_left_to_a_person():
    """A name inside an expression is not edited by pattern."""
    text = '[submit-requirement "x"]\n\tsubmittableIf = "approverin:old"\n'
    assert with_groups_renamed(text, {"old": "new"}) is None


def test_equal_acls_share_a_file_called_after_their_group():
    """In the folder that all its projects have, and never after one of them."""
    files = assign({"org/a": RULE, "org/b": RULE, "org/c": NOTHING}, share=True)
    assert files == {
        "org/a": "org/core-team.config",
        "org/b": "org/core-team.config",
        "org/c": "org/c.config",
    }
    files = assign({"core-team": NOTHING, "a": RULE, "b": RULE}, share=True)
    assert files == {
        "core-team": "core-team.config",
        "a": "core-team-2.config",
        "b": "core-team-2.config",
    }


def test_equal_acls_have_files_of_their_own_when_asked():
    """Without sharing each is called after its project."""
    files = assign({"a": RULE, "a/b": RULE}, share=False)
    assert files == {"a": "a.config", "a/b": "a/b.config"}


NAMES = st.text("ab./-A", min_size=1, max_size=8).filter(
    lambda n: all(part not in ("", ".", "..") for part in n.split("/"))
)


@given(st.lists(st.one_of(NAMES, st.sampled_from(["a", "a.config/b", "a/b", "A"])), unique=True))
def test_any_names_never_collide_on_disk(stems):
    """No file is twice, none is a folder of another, also where case does not count."""
    names = Names()
    found = [names.take(stem).lower() for stem in stems]
    assert len(set(found)) == len(found)
    assert not any(b.startswith(f"{a}/") for a in found for b in found)


@given(st.text())
def test_any_description_reads_back_or_is_refused(text):
    """What is written is what the registry reads."""
    item = {"project": "p", "description": text}
    written = item_text(item)
    if written is None:
        assert any("\ud800" <= char <= "\udfff" for char in text)
        return
    (entry,) = read_projects(written.encode(), "projects.yaml").entries
    assert dict(entry.values) == item
