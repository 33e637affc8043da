"""ACL documents: what is read, what counts as the same, what is written."""

from __future__ import annotations

import pytest

from saltern.errors import Broken
from saltern.registry import AclDocument, AclSyntaxError, compose, digest, groups_file

ACL = """\
# rights of the core team
[access "refs/heads/*"]
\tlabel-Code-Review = -2..+2 group team core
\texclusiveGroupPermissions = label-Code-Review submit
\tsubmit = deny group Registered Users ; not them
[Access]
\tInheritFrom = org/parent
[project]
\tstate = read only
"""
AS_GERRIT_SAVES_IT = """\
[access]
\tinheritFrom = org/parent
[project]
\tdescription = Something else
\tstate = read only
[access "refs/heads/*"]
\texclusiveGroupPermissions = submit label-Code-Review
\tsubmit = deny group Registered Users
\tlabel-Code-Review = -2..+2 group team core
"""

EQUAL = [
    ("[receive]\nrequireChangeId = YES", "[receive]\nrequireChangeId = true"),
    ("[receive]\nrequireChangeId = INHERIT", ""),
    ("[receive]\nmaxObjectSizeLimit = 10 M", "[receive]\nmaxObjectSizeLimit = 10m"),
    ("[project]\nstate = READ-ONLY", "[project]\nstate = read only"),
    ("[project]\nstate = active", ""),
    ("[submit]\naction = Merge If Necessary", ""),
    ("[access]\ninheritFrom = All-Projects", ""),
    (
        '[access "refs/*"]\nlabel-V = -2..2 group a',
        '[ACCESS "refs/*"]\nlabel-v = -2..+2 group a',
    ),
    (
        '[access "refs/*"]\nread = deny  group  a\npushTag = group b\npushTag = group b',
        '[access "refs/*"]\nread = deny group a\nCreateTag = group b',
    ),
    (
        '[label "V"]\nvalue = 1 Yes\nvalue = -1  No\nfunction = NoBlock',
        '[label "V"]\nfunction = NoBlock\nvalue = -1 No\nvalue = 0\nvalue = +1 Yes\n'
        "defaultValue = 0",
    ),
    (
        '[label "V"]\nfunction = NoOp\nallowPostSubmit = true\ncanOverride = on',
        '[label "V"]\nfunction = NoOp\nignoreSelfApproval = no',
    ),
    (
        '[notify "x"]\nemail = b@x\nemail = a@x\ntype = all',
        '[notify "x"]\nemail = a@x\nemail = b@x',
    ),
    (
        '[submit-requirement "V"]\nsubmittableIf = is:true',
        '[submit-requirement "V"]\nsubmittableIf = is:true\ncanOverrideInChildProjects = false',
    ),
    ("[project]\r\n\tstate = hidden\r\n", "[project]\nstate=hidden"),
]
DIFFERENT = [
    ('[access "refs/*"]\nread = group a', '[access "refs/*"]\nread = group A'),
    ('[access "refs/*"]\nread = group a', '[access "refs/Heads/*"]\nread = group a'),
    ('[access "refs/*"]\npush = group a', '[access "refs/*"]\npush = +force group a'),
    ('[access "refs/*"]\nlabel-V = -1..+1 group a', '[access "refs/*"]\nLabel-V = -1..+1 group a'),
    ("[submit]\naction = inherit", ""),
    ("[branchOrder]\nbranch = a\nbranch = b", "[branchOrder]\nbranch = b\nbranch = a"),
    ('[plugin "x"]\ny = a\ny = b', '[plugin "x"]\ny = b\ny = a'),
    (
        '[access "refs/*"]\nlabel-V = -1..+1 group a\nlabel-V = -2..+2 group a',
        '[access "refs/*"]\nlabel-V = -2..+2 group a\nlabel-V = -1..+1 group a',
    ),
]


@pytest.fixture
def document():
    return AclDocument.parse(ACL, "a.config")


def test_document_says_parent_state_and_groups(document):
    """Parent, state and every group named are read from the document."""
    assert document.inherit_from == "org/parent"
    assert document.state == "READ_ONLY"
    assert document.group_names == ("Registered Users", "team core")


def test_entry_knows_its_place(document):
    """An entry carries section, subsection, key, value, line and column."""
    entry = document.entries[2]
    assert (entry.section, entry.subsection, entry.key) == ("access", "refs/heads/*", "submit")
    assert (entry.value, entry.line, entry.column) == ("deny group Registered Users", 5, 2)


def test_last_value_of_a_key_counts():
    """``get`` returns the last value, ``get_all`` all of them, in file order."""
    document = AclDocument.parse("[a]\nk = 1\nK = 2\nk\n")
    assert document.get_all("A", None, "k") == ["1", "2", None]
    assert document.get("a", None, "k") == ""
    assert document.get("a", "x", "k") is None


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("[capability]\nqueryLimit = 0..9 group a\nrunGC = group b", ("a", "b")),
        ("[accounts]\nsameGroupVisibility = deny group a", ("a",)),
        ('[contributor-agreement "x"]\naccepted = group a\nautoVerify = group b', ("a", "b")),
        ('[notify "x"]\nemail = group a\nemail = b@example.org', ("a",)),
        ('[plugin "x"]\nkey = group a b\nother = grouping', ("a b",)),
        ('[label "V"]\ncopyCondition = changekind:ANY AND approverin:a', ("a",)),
        ('[submit-requirement "V"]\nsubmittableIf = "label:V=MAX,group=a AND ownerin:\\"b c\\""',
         ("a", "b c")),
        (f'[submit-requirement "V"]\nsubmittableIf = uploaderin:{"0" * 40}', ()),
        ('[access "refs/*"]\nread = not a rule', ()),
        ("[access]\ninheritFrom = group a", ()),
    ],
)  # fmt: skip
def test_groups_are_found_wherever_they_are_named(text, groups):
    """Each place that may name a group is looked at, and nothing else is."""
    assert AclDocument.parse(text).group_names == groups


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_same_meaning_has_same_digest(one, other):
    """Spelling, order and defaults that Gerrit reads alike do not change the digest."""
    assert digest(one) == digest(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_meaning_has_other_digest(one, other):
    """What may make a difference to Gerrit changes the digest."""
    assert digest(one) != digest(other)


def test_digest_survives_gerrits_own_rewriting():
    """Gerrit rewrites the file when a description is set over REST; that is no difference."""
    assert digest(ACL) == digest(AS_GERRIT_SAVES_IT)


def test_compose_leaves_bytes_that_already_say_it(document):
    """Nothing to set means nothing is written anew."""
    assert compose(document, description=None, parent="org/parent") == ACL


def test_compose_replaces_only_the_lines_it_must():
    """The author's comments, order and blanks stay around the lines that change."""
    text = "[project] ; mine\n  description = old \\\n  text # why\n  state = hidden\n[x]\n"
    composed = compose(AclDocument.parse(text), description="new", parent=None)
    assert composed == "[project] ; mine\n\tdescription = new\n  state = hidden\n[x]\n"


def test_compose_adds_missing_settings_where_they_belong():
    """A missing setting goes below the section's header, or into a section at the end."""
    composed = compose(
        AclDocument.parse("[project]\n\tstate = hidden"), description="d", parent="p"
    )
    assert composed == (
        "[project]\n\tdescription = d\n\tstate = hidden\n[access]\n\tinheritFrom = p\n"
    )


def test_compose_keeps_line_ends_of_the_file():
    """A file with CRLF gets its new line with CRLF."""
    composed = compose(AclDocument.parse("[project]\r\n"), description="d", parent=None)
    assert composed == "[project]\r\n\tdescription = d\r\n"


def test_compose_leaves_one_of_several_values():
    """Several descriptions become the one asked for; an empty one removes them."""
    text = "[project]\ndescription = a\ndescription = b\n"
    document = AclDocument.parse(text)
    assert compose(document, description="c", parent=None) == "[project]\n\tdescription = c\n"
    assert compose(document, description="", parent=None) == "[project]\n"


def test_unwritable_description_is_refused():
    """A control character that the format cannot hold is an error, not a lost byte."""
    with pytest.raises(Broken, match="control character"):
        compose(AclDocument.parse(""), description="a\0b", parent=None)


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"\xef\xbb\xbf[a]\n", ":1:1"),
        (b"[a]\nk = \xff\n", ":2:5"),
        (b"[a]\nk = a\x00b\n", ":2:6"),
        (b"[a]\nk", ":2:2"),
        (b"[a]\nk = x\\", ":2:6"),
        (b'[a]\n[b "c]\n', ":2:1"),
        (b"[a] k = v\n", ":1:1"),
        (b'[a]\nk = "" x\n', ":2:8"),
        (b"[a]\nk = \\\n  x # y\n", ":3:3"),
    ],
)
def test_what_git_and_gerrit_read_differently_is_refused(data, place):
    """A text that one of the two refuses, or reads otherwise, is refused with its place."""
    with pytest.raises(AclSyntaxError) as caught:
        AclDocument.parse(data, "a.config")
    assert str(caught.value).startswith(f"a.config{place}: ")


def test_groups_file_is_sorted_and_tabbed():
    """The file maps UUIDs to names, one a line, in order of the names."""
    text = groups_file({"b": "2" * 40, "Registered Users": "global:Registered-Users"})
    assert text == (
        f"# UUID\tGroup Name\n#\nglobal:Registered-Users\tRegistered Users\n{'2' * 40}\tb\n"
    )


@pytest.mark.parametrize("name", ["", "a\tb", "a\nb", " a", "#a"])
def test_group_name_that_the_file_cannot_hold_is_refused(name):
    """A name that would be read back as another one is never written."""
    with pytest.raises(Broken, match="group"):
        groups_file({name: "0" * 40})
