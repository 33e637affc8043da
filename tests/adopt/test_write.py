"""Writing a registry to disk."""

from __future__ import annotations

import pytest

from saltern.adopt.write import write_files
from saltern.errors import Refused


def content(root):
    """Return the files below `root`."""
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_files_are_written_into_a_new_directory(tmp_path):
    """Folders are made as needed, and nothing else is left."""
    files = {"gerrit/acls/a/b.config": b"x\r\n", "gerrit/projects.yaml": b"[]\n"}
    write_files(tmp_path / "new", files)
    assert content(tmp_path / "new") == files


def test_other_content_is_never_overwritten_without_force(tmp_path):
    """Nothing at all is written then; with force it is, and what is not named stays."""
    (tmp_path / "b").write_bytes(b"mine")
    (tmp_path / "mine").write_bytes(b"mine")
    with pytest.raises(Refused, match="1 files are there already"):
        write_files(tmp_path, {"a": b"new", "b": b"new"})
    assert content(tmp_path) == {"b": b"mine", "mine": b"mine"}
    write_files(tmp_path, {"a": b"new", "b": b"new"}, force=True)
    assert content(tmp_path) == {"a": b"new", "b": b"new", "mine": b"mine"}


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "a\0b", ""])
def test_paths_that_leave_the_directory_are_refused(tmp_path, path):
    """Whatever a server calls its projects, nothing is written elsewhere."""
    root = tmp_path / "root"
    with pytest.raises(Refused):
        write_files(root, {"ok": b"", path: b"evil"}, force=True)
    assert content(tmp_path) == {}


@pytest.mark.parametrize("link", ["gerrit", "gerrit/acls", "gerrit/acls/a.config"])
def test_links_are_not_followed(tmp_path, link):
    """A link in the directory leads nowhere."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.config").write_bytes(b"mine")
    at = tmp_path / "root" / link
    at.parent.mkdir(parents=True)
    at.symlink_to(outside / "a.config" if link.endswith(".config") else outside)
    with pytest.raises(Refused):
        write_files(tmp_path / "root", {"gerrit/acls/a.config": b"new"}, force=True)
    assert content(outside) == {"a.config": b"mine"}
