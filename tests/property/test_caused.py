"""What a change caused: properties of the difference between two states' findings."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.registry import Registry, load
from saltern.registry.caused import caused
from saltern.registry.rules import all_rules
from saltern.settings import CheckSettings, RegistrySettings

MANY = settings(max_examples=120, deadline=None)
ORDER = CheckSettings(ignore=("SLT080",))
KEYS = {
    "good": "  description: fine",
    "unknown key": "  descripton: wrong",
    "wrong type": "  groups: text",
    "missing ACL": "  acl-config: none.config",
    "bad ACL": "  acl-config: bad.config",
}
ACLS = {
    "gerrit/acls/bad.config": '[access "refs/heads/*"]\n\tpuhs = group x\n\tread = group x\n',
}


class Memory:
    """The files of a registry, held in a dictionary."""

    commit = None

    def __init__(self, files: dict[str, str]):
        self._files = {name: text.encode() for name, text in files.items()}

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes."""
        return self._files.get(path)

    def blob(self, path: str) -> None:
        """Nothing here is cached."""

    def files(self, prefix: str) -> list[str]:
        """Return the files below a folder."""
        return sorted(name for name in self._files if name.startswith(f"{prefix}/"))


def registry(entries: dict[int, str], between: str = "", acls: dict | None = None) -> Registry:
    """Return a registry with entries of the kinds given by number, ``between`` before each."""
    text = "".join(
        f"{between}- project: org/p{number:03}\n{KEYS[kind]}\n"
        for number, kind in sorted(entries.items())
    )
    files = {"gerrit/projects.yaml": text, **(ACLS if acls is None else acls)}
    return load(Memory(files), RegistrySettings(), ORDER)


ENTRIES = st.dictionaries(st.integers(0, 30), st.sampled_from(sorted(KEYS)), min_size=1, max_size=8)


@MANY
@given(ENTRIES)
def test_same_registry_twice_has_nothing_caused(entries):
    """A state compared with itself causes nothing, and all its findings are counted."""
    state = registry(entries)
    assert caused(state, registry(entries)) == ((), len(state.findings))


@MANY
@given(ENTRIES, st.sampled_from(["# a comment\n", "\n", "\n\n# two\n# lines\n"]))
def test_lines_that_only_move_cause_nothing(entries, between):
    """Comments and blank lines before every entry move all findings, and cause none."""
    old, new = registry(entries), registry(entries, between)
    assert caused(old, new)[0] == ()
    assert caused(new, old)[0] == ()


@MANY
@given(ENTRIES, ENTRIES)
def test_old_findings_with_caused_without_mended_are_the_new_ones(old_entries, new_entries):
    """Whatever a change does: old findings, less what went, plus what came, are the new ones."""
    old, new = registry(old_entries), registry(new_entries)
    came, others = caused(old, new)
    went, same = caused(new, old)
    assert others == same

    def plain(findings):
        return Counter((f.code, f.project, f.position.file, f.message) for f in findings)

    assert plain(old.findings) - plain(went) + plain(came) == plain(new.findings)


@MANY
@given(ENTRIES, st.sampled_from(sorted(KEYS)))
def test_added_entry_causes_findings_of_its_own_only(entries, kind):
    """Of an added entry's findings all are caused, and of the others none."""
    entries = {number: each for number, each in entries.items() if number != 15} | {0: "good"}
    old, new = registry(entries), registry({**entries, 15: kind})
    found = [f for f in caused(old, new)[0] if f.code != "SLT056"]
    assert found == [f for f in new.findings if f.project == "org/p015"]


def test_touched_line_that_is_still_wrong_is_caused_again():
    """Editing the faulty line without mending it makes the finding the change's."""
    old = registry({1: "bad ACL"})
    bad = ACLS["gerrit/acls/bad.config"].replace("puhs = group x", "puhs = group y")
    found, others = caused(old, registry({1: "bad ACL"}, acls={"gerrit/acls/bad.config": bad}))
    assert [f.code for f in found] == ["SLT031"]
    assert others == len(old.findings) - 1


def test_one_more_fault_of_the_same_words_is_one_caused():
    """Two lines with the same message are told apart by their count."""
    old = registry({1: "bad ACL"})
    twice = ACLS["gerrit/acls/bad.config"] + '[access "refs/tags/*"]\n\tpuhs = group x\n'
    found, _ = caused(old, registry({1: "bad ACL"}, acls={"gerrit/acls/bad.config": twice}))
    assert [f.code for f in found] == ["SLT031"]


def test_severity_settings_leave_codes_known():
    """Every code that is ignored here is one of a rule."""
    assert set(ORDER.ignore) <= {rule.code for rule in all_rules()}
