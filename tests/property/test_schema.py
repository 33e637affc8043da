"""The JSON Schemas say what the checks say, as far as a schema can say it."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, example, given
from hypothesis import settings as how
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from saltern.errors import Broken
from saltern.registry import load
from saltern.registry.keys import GROUP_KEYS, KEYS, OPTIONS, UNSUPPORTED_KEYS
from saltern.registry.schema import SECTIONS, schema
from saltern.settings import RegistrySettings, build

PROJECTS = Draft202012Validator(schema("projects"))
GROUPS = Draft202012Validator(schema("groups"))
SETTINGS = Draft202012Validator(schema("settings"))

ABOUT_AN_ENTRY = frozenset(
    f"SLT{number:03}"
    for number in (0, 1, 3, 5, 6, 8, 11, 12, 13, 15, 19, 24, 70, 71, 72, 73, 76, 79)
)
"""Rules about one entry's keys, types, words and names: what a schema can express."""

plain = st.text("aZ0._+-/ é\n\t\x00\x1f\x7f#@", max_size=12)
names = st.one_of(
    st.from_regex(r"[a-zA-Z0-9._+-]{1,6}(/[a-zA-Z0-9._+-]{1,6}){0,2}", fullmatch=True),
    st.sampled_from(
        ["All-Projects", "All-Users", "a/.git", "a.git", "a.git/b", "a//b", "/a", "a/", "..", "a/.",
         "-a", "a/-b", "a/+b", "a\n", "a" * 200, "a" * 201, "b/" + "a" * 201, "ä", "a b", "",
         "/".join(["a" * 199] * 4), "/".join(["a" * 200] * 4) + "/a"]
    ),
)  # fmt: skip
groups = st.sampled_from(
    ["core", "a core", " core", "core ", "Registered Users", "registered users", "12", "1a", "#x",
     "f" * 40, "f" * 39, "ldap/x", "user/x", "cn=x", "global:x", ".", "..", "a" * 255, "a" * 256,
     "", "a\tb", "a\n", "\u2028", "\u202ea", "ümlaut", "Project Owners", "a/b"]
)  # fmt: skip
members = st.sampled_from(
    ["alice", "al.ice", "12", "self", "me", "alice@example.org", "Alice Smith", "", "@", "a@", "@b",
     "alice\n", "a" * 254, "a" * 255, "a@b.", "x;y@b.org", "-a", "a-", "é"]
)  # fmt: skip
scalars = st.one_of(st.none(), st.booleans(), st.integers(0, 9), st.just(1.5), plain)
anything = st.one_of(scalars, st.lists(scalars, max_size=3), st.dictionaries(plain, scalars))


def value_of(key):
    """Return values for one key of projects.yaml: mostly fitting, some not."""
    if key.name in ("project", "parent"):
        return names
    if key.name == "previously":
        return st.lists(names.filter(lambda name: name != "org/x"), max_size=2)
    if key.name == "options":
        return st.lists(st.sampled_from([*OPTIONS, "no-gerit"]), max_size=3)
    fitting = {
        "text": st.one_of(plain, st.sampled_from(["10m", "10 g", "ten", "9" * 16, "x" * 10_001])),
        "boolean": st.booleans(),
        "list": st.lists(plain, max_size=3),
        "mapping": st.dictionaries(plain.filter(bool), plain, max_size=2),
        "enum": st.sampled_from([*key.values, "other", "Active"]),
        "tri": st.sampled_from([True, False, "inherit", "INHERIT", "yes"]),
    }
    return fitting[key.shape]


def some_of(table, values):
    """Return mappings with some keys of a table, whose values are at times of any type."""
    keys = {name: st.one_of(values(key), values(key), anything) for name, key in table.items()}
    return st.fixed_dictionaries({}, optional=keys)


entries = st.one_of(
    some_of(KEYS, value_of).map(lambda entry: {"project": "org/x", **entry}),
    st.builds(
        lambda key, value: {"project": "org/x", key: value},
        st.sampled_from(["descripton", "acl_config", "Project", *UNSUPPORTED_KEYS]),
        anything,
    ),
    anything,
)
group_values = {
    "group": groups,
    "owner": groups,
    "description": st.one_of(plain, st.just("x" * 2001)),
    "members": st.lists(members, max_size=3),
    "includes": st.lists(groups, max_size=3),
}
group_entries = st.one_of(
    some_of(GROUP_KEYS, lambda key: group_values[key.name]).map(lambda e: {"group": "core", **e}),
    st.builds(lambda value: {"group": "core", "member": value}, anything),
    anything,
)


class Files:
    """A registry in memory."""

    commit = None

    def __init__(self, **files: object):
        self._files = {f"gerrit/{name}.yaml": json.dumps(data) for name, data in files.items()}

    def read(self, path):
        """Return a file; JSON is YAML."""
        text = self._files.get(path)
        return None if text is None else text.encode()

    def files(self, prefix):
        """Return no files."""
        return []


def said(**files):
    """Return the codes of what the checks say about one entry and a schema could, too."""
    found = {finding.code for finding in load(Files(**files), RegistrySettings()).findings}
    return found & ABOUT_AN_ENTRY


@how(max_examples=300, deadline=None)
@given(entries)
@example({"project": "org/x", "description": None})
@example({"project": "org/x.git"})
@example({"project": "org/x\n"})
@example({"project": "org/..", "parent": "org/./x"})
@example({"project": None})
@example({"project": "org/x", "previously": ["All-Projects"]})
@example({"project": "org/x", "acl-append": None})
@example({"project": "org/x", "state": None, "use-content-merge": None})
@example({"project": "org/x", "cgit-alias": [{}]})
def test_schema_of_projects_agrees_with_the_check(entry):
    """An entry the checks have nothing against fits the schema, and the other way round.

    Only that ``previously`` repeats the entry's own name no schema can say.
    """
    if isinstance(entry, dict) and isinstance(entry.get("previously"), list):
        assume(entry.get("project") not in entry["previously"])
    problems = [error.message for error in PROJECTS.iter_errors([entry])]
    assert bool(problems) == bool(said(projects=[entry])), problems


@how(max_examples=300, deadline=None)
@given(group_entries)
@example({"group": None})
@example({"group": "core", "members": None})
@example({"group": ""})
@example({"group": "12"})
@example({"group": "core", "members": ["alice", "alice"]})
@example({"group": "core", "includes": ["Registered Users"]})
@example({"group": "core", "owner": "Registered Users"})
def test_schema_of_groups_agrees_with_the_check(entry):
    """The same holds for an entry of groups.yaml."""
    problems = [error.message for error in GROUPS.iter_errors([entry])]
    assert bool(problems) == bool(said(projects=[], groups=[entry])), problems


setting_values = st.one_of(
    st.booleans(), st.integers(-1, 9), st.just(1.5), plain, st.none(), st.lists(plain, max_size=2),
    st.dictionaries(plain, plain, max_size=2), st.lists(st.dictionaries(plain, plain), max_size=1),
)  # fmt: skip


@st.composite
def sections(draw):
    """Return a settings file of one section with a few settings, at times of another type."""
    name = draw(st.sampled_from(sorted(SECTIONS)))
    properties = SETTINGS.schema["properties"][name]
    known = sorted(properties["properties"])
    keys = draw(st.sets(st.sampled_from([*known, "unknown"]), max_size=2))
    needed = {key: "x" for key in properties["required"] if draw(st.integers(0, 4))}
    return {name: {**needed, **{key: draw(setting_values) for key in keys}}}


@how(max_examples=300, deadline=None)
@given(sections())
@example({"check": None})
@example({"converge": {"backoff": 1.5}})
@example({"converge": {"backoff": True}})
@example({"gerrit": None})
@example({"registry": []})
@example({"registry": {"url": "x", "policy": {"": ""}}})
@example({"registry": {"url": "x", "policy": {"groups": "report"}}})
def test_schema_of_settings_agrees_with_what_is_taken(data):
    """A settings file that is taken fits the schema, and the other way round."""
    try:
        for name, section in data.items():
            build(SECTIONS[name], section, name)
        taken = True
    except Broken:
        taken = False
    problems = [error.message for error in SETTINGS.iter_errors(data)]
    assert bool(problems) != taken, problems


@pytest.mark.parametrize("text", ["projects: []", "- 1", "text"])
def test_schema_refuses_what_is_no_list_of_projects(text):
    """The schema of projects.yaml is strict about the file as a whole."""
    import yaml

    assert not PROJECTS.is_valid(yaml.safe_load(text))


def test_every_setting_is_described():
    """Editors show a text for each key and each setting."""
    for name in ("projects", "groups"):
        assert all(p.get("description") for p in schema(name)["items"]["properties"].values())
    for section in schema("settings")["properties"].values():
        assert section["description"]
        assert all(p.get("description") for p in section["properties"].values())
