"""The copy of a site made before an upgrade, and the way back."""

from __future__ import annotations

from pathlib import Path

import pytest

from saltern.hosts.gerrit import snapshot


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder like a site, with one repository."""
    files = {
        "git/app.git/HEAD": "ref: refs/heads/master\n",
        "git/app.git/objects/ab/cdef": "object",
        "git/app.git/refs/heads/master": "1" * 40,
        "etc/secure.config": "secret",
        "data/objects/note": "no repository's",
        "logs/error_log": "old",
        "cache/disk": "cached",
    }
    for name, text in files.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "site/etc/secure.config").chmod(0o600)
    (tmp_path / "site/git/link.git").symlink_to("app.git")
    return tmp_path / "site"


def tree(folder: Path) -> dict[str, object]:
    """Return every file below ``folder`` with mode and content."""
    return {
        str(path.relative_to(folder)): path.readlink()
        if path.is_symlink()
        else (path.stat().st_mode, path.is_file() and path.read_text())
        for path in folder.rglob("*")
    }


def test_damaged_site_is_what_it_was_after_restore(site: Path, tmp_path: Path) -> None:
    """Changed, added and removed files are undone; a second restore changes nothing more."""
    before = tree(site)
    snapshot.take(site, tmp_path / "copies/one")
    (site / "git/app.git/refs/heads/master").write_text("2" * 40)
    (site / "git/app.git/objects/ab/new").write_text("new object")
    (site / "etc/secure.config").unlink()
    for _ in range(2):
        snapshot.restore(tmp_path / "copies/one", site)
        assert tree(site) == before


def test_copy_shares_objects_and_leaves_out_what_is_made_again(site: Path, tmp_path: Path) -> None:
    """Objects are the same file; logs and caches are not copied; what changes is a copy."""
    copy = tmp_path / "copies/one"
    snapshot.take(site, copy)
    assert (copy / "git/app.git/objects/ab/cdef").samefile(site / "git/app.git/objects/ab/cdef")
    assert not (copy / "data/objects/note").samefile(site / "data/objects/note")
    assert not (copy / "git/app.git/HEAD").samefile(site / "git/app.git/HEAD")
    assert sorted(path.name for path in copy.iterdir()) == ["data", "etc", "git"]


def test_logs_survive_a_restore(site: Path, tmp_path: Path) -> None:
    """What the failed release logged is still there to be read."""
    snapshot.take(site, tmp_path / "copies/one")
    (site / "logs/error_log").write_text("why it failed")
    snapshot.restore(tmp_path / "copies/one", site)
    assert (site / "logs/error_log").read_text() == "why it failed"


def test_copy_that_cannot_be_finished_is_removed(site: Path, tmp_path: Path) -> None:
    """Half a copy is never taken for one."""
    copy = tmp_path / "copies/one"
    copy.mkdir(parents=True)
    (copy / "git").write_text("in the way")
    with pytest.raises(OSError, match="git"):
        snapshot.take(site, copy)
    assert not copy.exists()
