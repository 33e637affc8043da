"""Properties of ACL documents, held against git itself."""

from __future__ import annotations

import re
import subprocess

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from saltern.registry import AclDocument, AclSyntaxError, compose, digest, normalise

FEW = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
MANY = settings(max_examples=100, deadline=None)

NAMES = st.sampled_from(["core", "ci", "two words", "Ä-team", "x;y", 'q"uote'])
REFS = st.sampled_from(["refs/*", "refs/heads/*", "refs/tags/*", '^refs/"odd\\\\"/[a-z]+'])
PERMISSIONS = st.sampled_from(["read", "push", "abandon", "label-Code-Review", "label-Verified"])
TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t\b"), max_size=60
)
TOKENS = st.sampled_from(
    ["k", " = ", "v", " ", "\t", '"', "\\", "\\\n", '\\"', "\\n", ";", "#", "\n", "\r\n", "[a]",
     '[a "b c"]', "\nk = ", "\n\tkey = v", '""', "flag\n", "]", "[", "\x0c", "ä"]
)  # fmt: skip


@st.composite
def rules(draw):
    """One rule of a permission: (permission, low, high, force, group)."""
    permission = draw(PERMISSIONS)
    low, high = (
        (0, 0) if "-" not in permission else sorted(draw(st.tuples(*[st.integers(-2, 2)] * 2)))
    )
    force = permission == "push" and draw(st.booleans())
    return permission, low, high, force, draw(NAMES)


SECTIONS = st.dictionaries(
    REFS, st.lists(rules(), min_size=1, max_size=4, unique_by=lambda r: (r[0], r[4])), max_size=3
)


def render(sections, draw_order=None, noise=False):
    """Write access sections; with ``noise`` as another author would write the same."""
    lines = []
    for ref, granted in sections:
        escaped = ref.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'[{"ACCESS" if noise else "access"} "{escaped}"]{" ; note" if noise else ""}')
        lines += [rule_line(rule, noise) for rule in granted]
        lines += ["", "# comment [x]"] if noise else []
    return "\n".join(lines) + "\n"


def rule_line(rule, noise):
    permission, low, high, force, group = rule
    words = ["+force"] if force else []
    if low or high or "-" in permission:
        words.append(f"{low}..{high}" if noise else f"{low:+d}..{high:+d}")
    text = " ".join([*words, "group " + group]).replace("\\", "\\\\").replace('"', '\\"')
    key = permission if "-" in permission or not noise else permission.upper()
    return f'  {key}="{text}"   ; why' if noise else f'\t{key} = "{text}"'


def git_list(text, tmp_path):
    """Return what ``git config --list`` reads, ``None`` when it refuses."""
    path = tmp_path / "acl.config"
    path.write_bytes(text.encode())
    done = subprocess.run(
        ["git", "config", "--file", path, "--no-includes", "--list", "-z"], capture_output=True
    )
    return None if done.returncode else done.stdout.decode().split("\0")[:-1]


def our_list(text):
    rows = []
    for e in AclDocument.parse(text).entries:
        name = ".".join(p for p in (e.section, e.subsection, e.key.lower()) if p is not None)
        rows.append(name if e.value is None else f"{name}\n{e.value}")
    return rows


def refusal(text):
    try:
        AclDocument.parse(text)
    except AclSyntaxError as error:
        return error
    return None


def blanks_alike(rows):
    """Older git turns a tab within a value into a blank; newer git keeps it, as JGit does."""
    return [re.sub(r"\t", " ", row.replace("\n", "\0", 1)) for row in rows]


@FEW
@given(sections=SECTIONS, noise=st.booleans())
def test_written_document_reads_as_git_reads_it(sections, noise, tmp_path):
    """The keys and values of an ACL are those of ``git config --list``."""
    text = render(sections.items(), noise=noise)
    assert our_list(text) == git_list(text, tmp_path)


@FEW
@given(tokens=st.lists(TOKENS, max_size=10), headed=st.booleans())
@example(tokens=["k", " = ", '"', "\\\n", " ", '"', "v"], headed=True)
@example(tokens=["k", " = ", "\\\n", " ", "v"], headed=True)
@example(tokens=["k", " = ", '""', " ", "v"], headed=True)
def test_any_text_is_refused_or_reads_as_git_reads_it(tokens, headed, tmp_path):
    """No text is read otherwise than git does: it is refused, with a place in the text."""
    text = ("[a]\n" if headed else "") + "".join(tokens)
    error = refusal(text)
    if error:
        assert 1 <= error.line <= text.count("\n") + 1
        assert error.column >= 1
        return
    ours = our_list(text)
    assert blanks_alike(ours) == blanks_alike(git_list(text, tmp_path) or [])


@FEW
@given(sections=SECTIONS, old=TEXTS, new=TEXTS)
@example(sections={}, old="", new=' "; # \\ \n{{ x }} $(id)\t ')
def test_composed_description_is_read_back_exactly(sections, old, new, tmp_path):
    """Whatever the description, git and we read exactly it, and everything else is kept."""
    base = AclDocument.parse(render(sections.items()))
    first = AclDocument.parse(compose(base, description=old, parent=None))
    text = compose(first, description=new, parent=None)
    document = AclDocument.parse(text)
    assert (document.get("project", None, "description") or "") == new
    assert f"project.description\n{new}" in git_list(text, tmp_path) or not new
    assert [e.value for e in document.entries if e.section == "access"] == [
        e.value for e in base.entries
    ]


@MANY
@given(sections=SECTIONS, description=TEXTS, parent=st.sampled_from(["org/p", "a b", "P"]))
def test_composing_again_changes_nothing(sections, description, parent):
    """What was composed already has what is asked for, so its bytes stay."""
    base = AclDocument.parse(render(sections.items(), noise=True))
    once = compose(base, description=description, parent=parent)
    assert compose(AclDocument.parse(once), description=description, parent=parent) == once


@MANY
@given(sections=SECTIONS, data=st.data())
def test_order_and_spelling_do_not_change_the_digest(sections, data):
    """Order of sections and rules, case, comments and blanks do not matter."""
    shuffled = [
        (ref, data.draw(st.permutations(granted)))
        for ref, granted in data.draw(st.permutations(list(sections.items())))
    ]
    assert digest(render(sections.items())) == digest(render(shuffled, noise=True))


@MANY
@given(sections=SECTIONS, other=SECTIONS)
def test_different_rights_have_different_digests(sections, other):
    """Two documents have one digest only when they grant the same."""
    granted = [
        {(ref, rule) for ref, rules in s.items() for rule in rules} for s in (sections, other)
    ]
    assume(granted[0] != granted[1])
    assert digest(render(sections.items())) != digest(render(other.items()))


@MANY
@given(sections=SECTIONS, text=TEXTS)
def test_description_does_not_change_the_digest_unless_asked(sections, text):
    """The digest leaves the description out; with it, it counts."""
    assume(text)
    base = AclDocument.parse(render(sections.items()))
    described = compose(base, description=text, parent=None)
    assert digest(described) == digest(base)
    assert digest(described, ignore_description=False) != digest(base, ignore_description=False)


@MANY
@given(sections=SECTIONS)
def test_normal_form_is_a_fixed_order(sections):
    """The normal form is sorted and holds plain data."""
    rows = normalise(AclDocument.parse(render(sections.items())))
    assert list(rows) == sorted(rows)
    assert all(isinstance(value, str) for row in rows for value in row[3])
