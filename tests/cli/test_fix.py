"""``saltern check --fix``: the smallest change, nowhere else, and said."""

from __future__ import annotations

import os
import stat

import pytest

from saltern.errors import Broken
from saltern.registry.findings import Edit, Finding, Position
from saltern.registry.fix import Overlap, apply, mend
from saltern.settings import RegistrySettings
from tests.cli.conftest import saltern

REDUNDANT = "# kept\n- project: org/a\n  groups:\n    - a\n  description: Ä library\n"
FILE = "gerrit/projects.yaml"


def edit(start, end, text, file=FILE):
    return Edit(file, start, end, text)


def finding(*edits, line=1):
    return Finding("SLT999", "warning", Position(FILE, line, 1), "mend me", fix=edits)


def test_fix_mends_and_says_what(checkout):
    """What has one right answer is written, nothing else is touched, and status 0 follows."""
    root = checkout(REDUNDANT)
    (root / FILE).chmod(0o640)
    found = saltern("check", "--fix", cwd=root)
    assert (root / FILE).read_text() == "# kept\n- project: org/a\n  description: Ä library\n"
    assert "mended gerrit/projects.yaml:3:3: SLT094" in found.stderr
    assert (found.returncode, found.stdout) == (0, "no findings\n")
    assert stat.S_IMODE((root / FILE).stat().st_mode) == 0o640
    assert sorted(os.listdir(root / "gerrit")) == ["acls", "projects.yaml"]


def test_fix_twice_changes_nothing_more(checkout):
    """A second run finds nothing to mend and writes no file."""
    root = checkout(REDUNDANT)
    saltern("check", "--fix", cwd=root)
    before = (root / FILE).stat()
    assert "mended" not in saltern("check", "--fix", cwd=root).stderr
    assert (root / FILE).stat().st_mtime_ns == before.st_mtime_ns
    assert (root / FILE).stat().st_ino == before.st_ino


def test_fix_keeps_line_ends_and_byte_order_mark(checkout):
    """Windows line ends and a byte order mark stay as they are."""
    root = checkout(b"\xef\xbb\xbf" + REDUNDANT.replace("\n", "\r\n").encode())
    saltern("check", "--fix", cwd=root)
    data = (root / FILE).read_bytes()
    assert data == "\ufeff# kept\r\n- project: org/a\r\n  description: Ä library\r\n".encode()


def test_fix_mends_only_what_is_chosen(checkout):
    """A rule that is ignored is not mended either."""
    root = checkout(REDUNDANT)
    saltern("check", "--fix", "--ignore", "SLT094", cwd=root)
    assert (root / FILE).read_text() == REDUNDANT


def test_edits_are_applied_by_line_and_column_in_characters():
    """Edits in any order give the text an editor would give, columns counting characters."""
    text = "ä→: 1\nb: 2\nc: 3\n"
    edits = [edit((2, 1), (3, 1), ""), edit((1, 2), (1, 3), "x"), edit((4, 1), (4, 1), "d: 4\n")]
    assert apply(text, edits) == "äx: 1\nc: 3\nd: 4\n"


@pytest.mark.parametrize(
    "edits",
    [
        [edit((1, 1), (1, 3), ""), edit((1, 2), (1, 4), "")],
        [edit((3, 1), (3, 1), "x")],
        [edit((1, 9), (1, 9), "x")],
        [edit((0, 1), (1, 1), "x")],
        [edit((2, 1), (1, 1), "x")],
    ],
    ids=["overlap", "line", "column", "zero", "backwards"],
)
def test_edits_that_make_no_sense_are_refused(edits):
    """An edit outside the text or across another is an error, never a guess."""
    with pytest.raises(Overlap):
        apply("abc\n", edits)


def test_edits_that_meet_are_made_one_round_after_the_other(checkout):
    """Two fixes at one place are not mixed: the file is checked again in between."""
    root = checkout("- project: org/a\n")
    rounds = iter([
        [finding(edit((1, 1), (1, 1), "# one\n")), finding(edit((1, 1), (1, 2), "-"))],
        [finding(edit((1, 1), (1, 1), "# two\n"))],
        [],
    ])  # fmt: skip
    assert len(mend(root, RegistrySettings(), lambda: next(rounds))) == 2
    assert (root / FILE).read_text() == "# two\n# one\n- project: org/a\n"


@pytest.mark.parametrize(
    "file", ["README.md", "gerrit/acls", "../outside", "/etc/hosts", "gerrit/acls/../../x"]
)
def test_files_outside_the_registry_are_never_written(checkout, file):
    """A fix of another file is refused before anything is written."""
    root = checkout()
    (root / "README.md").write_text("text\n")
    (root.parent / "outside").write_text("text\n")
    with pytest.raises(Broken, match="no file of the registry"):
        mend(root, RegistrySettings(), lambda: [finding(edit((1, 1), (1, 2), "", file))])
    assert (root / "README.md").read_text() == (root.parent / "outside").read_text() == "text\n"


def test_symbolic_link_is_not_followed(checkout):
    """A link in a file's place is neither read nor replaced."""
    root = checkout()
    target = root.parent / "target"
    target.write_text("abc\n")
    (root / "gerrit" / "acls" / "a.config").symlink_to(target)
    fixes = [finding(edit((1, 1), (1, 2), "", "gerrit/acls/a.config"))]
    with pytest.raises(Broken, match="symbolic link"):
        mend(root, RegistrySettings(), lambda: fixes)
    assert target.read_text() == "abc\n"
    assert (root / "gerrit" / "acls" / "a.config").is_symlink()


def test_mending_that_never_ends_is_stopped(checkout):
    """Fixes that bring each other back end with an error, not with a program that hangs."""
    root = checkout()
    with pytest.raises(Broken, match="does not come to an end"):
        mend(root, RegistrySettings(), lambda: [finding(edit((1, 1), (1, 1), "#\n"))])
