"""Loading: projects, groups, positions, defaults, and files that cannot be read."""

from __future__ import annotations

import json

import pytest

from saltern.errors import RegistryError
from saltern.registry import DirectorySource, load
from saltern.settings import RegistrySettings
from tests.hostile import TEXTS, controls

PROJECTS = """\
- project: org/child
  description: >
    A child
    project.
  acl-config: /home/gerrit2/acls/shared.config
  upstream: https://example.org/child.git
  default-branch: main
  groups:
    - team
- project: org/plain
- project: org/away
  options: [no-gerrit]
- project: org/own
  description: 'Text with "quotes"'
"""
SHARED = """\
[access]
\tinheritFrom = org/plain
[access "refs/*"]
\tread = group core
\tpush = group Registered Users
[project]
\tstate = hidden
"""
OWN = '[project]\n\tdescription = from the ACL\n[access "refs/*"]\n\tread = group core\n'


@pytest.fixture
def registry(registry_of):
    return registry_of(PROJECTS, {"shared.config": SHARED, "org/own.config": OWN})


def test_project_has_what_entry_and_acl_say(registry):
    """An entry and its ACL give one project, with the ACL's parent, state and groups."""
    child = registry.projects["org/child"]
    assert child.description == "A child project."
    assert (child.parent, child.state, child.groups) == ("org/plain", "HIDDEN", ("core",))
    assert (child.default_branch, child.acl_file) == ("main", "gerrit/acls/shared.config")
    assert child.upstream == "https://example.org/child.git"
    assert child.extra == {"groups": ["team"]}
    assert str(child.position) == "gerrit/projects.yaml:1:3"
    assert registry.findings == ()


def test_project_config_carries_description_and_acl(registry):
    """What is to be written is the ACL with the entry's description in it."""
    own = registry.projects["org/own"]
    assert own.config == OWN.replace("from the ACL", '"Text with \\"quotes\\""')
    assert own.config_digest is not None


def test_project_without_acl_has_defaults(registry):
    """No acl-config and no file of its own name: no ACL, default parent and branch."""
    plain = registry.projects["org/plain"]
    assert (plain.acl, plain.config, plain.config_digest, plain.acl_file) == (None,) * 4
    assert (plain.parent, plain.default_branch, plain.state) == ("All-Projects", "master", "ACTIVE")


def test_no_gerrit_project_is_left_out_but_known(registry):
    """``no-gerrit`` keeps a project out, yet its name still stands in the file."""
    assert list(registry.projects) == ["org/child", "org/plain", "org/own"]
    assert "org/away" in registry.names


def test_groups_carry_the_place_that_names_them_first(registry):
    """Every group but the system's own is to exist; it knows where it comes from."""
    assert {k: str(v) for k, v in registry.groups.items()} == {
        "core": "gerrit/acls/shared.config:4:2"
    }


def test_group_named_only_by_a_held_up_acl_is_not_made(registry_of):
    """A group of an ACL with an error may be a misspelling, and no group can be deleted."""
    acl = '[access "refs/*"]\n\tread = group coer\n\tpush = core\n'
    registry = registry_of("- project: a\n", {"a.config": acl})
    assert registry.blocked == {"a": "access"}
    assert registry.groups == {}


def test_shared_acl_with_a_fault_holds_up_each_of_its_projects(registry_of):
    """One faulty file is one finding for every project that uses it."""
    projects = "- project: a\n  acl-config: x.config\n- project: b\n  acl-config: x.config\n"
    registry = registry_of(projects, {"x.config": "[project]\n\tstate = nope\n"})
    assert registry.blocked == {"a": "access", "b": "access"}
    assert {str(f.position) for f in registry.findings} == {"gerrit/acls/x.config:2:2"}


def test_wider_block_wins(registry_of):
    """A project held up as a whole is not reported as held up for its ACL only."""
    registry = registry_of(
        "- project: a\n  default-branch: x..y\n  acl-config: no.config\n",
    )
    assert registry.blocked == {"a": "project"}


def test_findings_are_sorted_and_the_same_each_time(registry_of):
    """Findings come in order of place, and loading again gives equal ones."""
    projects = "- project: z\n  colour: 1\n  acl-config: no\n- project: z\n- nonsense\n"
    first = registry_of(projects).findings
    assert [str(f.position) for f in first] == sorted(str(f.position) for f in first)
    assert first == registry_of(projects).findings
    assert str(first[0]).startswith("gerrit/projects.yaml:2:3: SLT005 warning: unknown key")


def test_old_layout_takes_defaults_from_the_first_document(registry_of):
    """Two documents: defaults for every entry, then the list; an entry's own value wins."""
    registry = registry_of(
        "- homepage: https://example.org\n  has-issues: false\n  gerrit-host: ignored\n"
        "---\n- project: a\n- project: b\n  homepage: https://b.example.org\n"
    )
    assert registry.projects["a"].extra["homepage"] == "https://example.org"
    assert registry.projects["b"].extra["homepage"] == "https://b.example.org"
    assert "gerrit-host" not in registry.projects["a"].extra


def test_defaults_of_the_settings_stand_below_all(registry_of):
    """Settings give defaults that file and entry override."""
    registry = registry_of(
        "- project: a\n- project: b\n  default-branch: dev\n", defaults={"default-branch": "main"}
    )
    assert [p.default_branch for p in registry.projects.values()] == ["main", "dev"]


def test_default_parent_is_written_into_an_acl_that_names_none(registry_of):
    """A default parent other than Gerrit's own must stand in project.config."""
    registry = registry_of(
        "- project: a\n", {"a.config": "[project]\n\tstate = hidden\n"}, default_parent="org/root"
    )
    assert registry.projects["a"].parent == "org/root"
    assert "\tinheritFrom = org/root\n" in registry.projects["a"].config


def test_merge_keys_and_aliases_are_taken(registry_of):
    """YAML anchors work as authors expect; an entry's own key wins."""
    registry = registry_of(
        "- &a\n  project: a\n  default-branch: main\n- {<<: *a, project: b}\n- {<<: *a, project: c,"
        " default-branch: dev}\n"
    )
    assert {n: p.default_branch for n, p in registry.projects.items()} == {
        "a": "main",
        "b": "main",
        "c": "dev",
    }


def test_aliases_that_explode_hold_up_only_their_entry(registry_of):
    """A few lines that stand for a million values are refused where they are used."""
    lines = ["- project: bomb", "  x0: &x0 [a, a, a, a, a, a, a, a, a, a]"]
    lines += [f"  x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, 7)]
    registry = registry_of("\n".join([*lines, "- project: good"]) + "\n")
    assert list(registry.projects) == ["good"]
    assert [f.code for f in registry.findings] == ["SLT001"]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"- project: a\n- project: [\n", "gerrit/projects.yaml:3:1"),
        (b"- project: a\n\t- project: b\n", "gerrit/projects.yaml:2:1"),
        (b"project: a\n", "gerrit/projects.yaml:1:1"),
        (b"", "gerrit/projects.yaml:1:1"),
        (b"# nothing\n", "gerrit/projects.yaml:1:1"),
        (b"- project: \xff\n", "gerrit/projects.yaml:1:12"),
        (b"- project: a\n- project: b\x00\n", "gerrit/projects.yaml:2:13"),
        (b"- project: *nowhere\n", "gerrit/projects.yaml:1:12"),
        (b"- project: " + b"[" * 200_000, "gerrit/projects.yaml:1:30"),
        (b"- " * 100_000 + b"a\n", "gerrit/projects.yaml:1:41"),
        (b"- a\n---\n- b\n---\n- c\n", "gerrit/projects.yaml:1:1"),
    ],
    ids=["open", "tab", "mapping", "empty", "comment", "latin1", "nul", "alias", "deep-flow",
         "deep-block", "three"],
)  # fmt: skip
def test_unreadable_file_is_one_error_with_its_place(registry_of, data, place):
    """A file that is no list of projects as a whole is refused, with line and column."""
    with pytest.raises(RegistryError) as caught:
        registry_of(data)
    assert str(caught.value).startswith(place + ": ")


FORMS = [
    "{text}",
    "- project: [{text}",
    '"{text}',
    "- !{text} x",
    "- &{text} x",
    "- *{text}",
    "%{text}\n---\n- a",
    "{quoted}",
    "{quoted}: 1",
    "- !!python/object:{quoted} x",
    "- project: a\n  {quoted}: 1\n  {quoted}: 2\n{quoted}: [",
]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_unreadable_hostile_file_is_told_in_one_printable_line(registry_of, text):
    """The reason goes to logs, journal and terminals as it is: it must not command any of them."""
    said = []
    for form in FORMS:
        try:
            registry_of(form.format(text=text, quoted=json.dumps(text)))
        except RegistryError as error:
            said.append(str(error))
    assert len(said) > len(FORMS) / 2
    assert "\n" not in "".join(said)
    assert controls("".join(said)) == set()
    assert max(map(len, said)) < 1000


def test_missing_projects_file_is_an_error(tmp_path):
    """No projects file is not an empty registry."""
    with pytest.raises(RegistryError, match="gerrit/projects.yaml:1:1: no such file"):
        load(DirectorySource(tmp_path), RegistrySettings())


def test_hostile_entries_leave_nothing_on_disk(tmp_path, written):
    """Names and paths from contributors are never opened or run, only judged."""
    root = written(
        tmp_path / "registry",
        '- project: "../../../tmp/x"\n- project: a\n  acl-config: "../../secret"\n'
        '- project: "$(touch {0}/made)"\n'.replace("{0}", str(tmp_path)),
    )
    (tmp_path / "secret").write_text("[project]\n")
    registry = load(DirectorySource(root), RegistrySettings())
    assert list(registry.projects) == ["a"]
    assert registry.projects["a"].acl is None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["registry", "secret"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("\tdescription: x", "a tab in the indentation; write spaces"),
        ("  description: x: y", "a ': ' inside a text; put the text in quotes"),
        (" description: x", "indented otherwise"),
        ('  description: "x', "a quote is not closed; close it"),
        ("  description: @x", "put it in quotes"),
        ("  groups: [a", "'[' or '{' is not closed"),
        ("  description", "write 'KEY: VALUE'"),
    ],
    ids=["tab", "colon", "indent", "quote", "at", "bracket", "key"],
)
def test_common_slip_of_yaml_is_told_in_plain_words(written, tmp_path, line, says):
    """Who forgot a quote reads that, and what to write, instead of the parser's own words."""
    written(tmp_path, f"- project: a\n  state: active\n{line}\n  retired: true\n")
    with pytest.raises(RegistryError, match=r"projects.yaml:\d+:\d+: not YAML: ") as failed:
        load(DirectorySource(tmp_path), RegistrySettings())
    assert says in str(failed.value)
