"""What looks after uploaded logs and artifacts, on real files."""

from __future__ import annotations

import gzip
import hashlib
import importlib.machinery
import importlib.util
import os
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
DAY = 24 * 3600


def script(path: str) -> ModuleType:
    """Load a script of the state tree as a module."""
    loader = importlib.machinery.SourceFileLoader(
        Path(path).name.replace("-", "_"), f"{ROOT}/{path}"
    )
    spec = importlib.util.spec_from_loader(loader.name, loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


LOGS = script("salt/logs/files/logs-keep")
ARTIFACTS = script("salt/artifacts/files/artifacts-publish")


def put(path: Path, content: str, days: float = 0) -> Path:
    """Write a file that is ``days`` old."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    then = time.time() - days * DAY
    os.utime(path, (then, then))
    return path


def by_its_time(status: os.stat_result) -> float:
    """Take a file's modification time for its arrival: only the kernel sets the real one."""
    return status.st_mtime


def keep(root: Path, arrived: Callable[[os.stat_result], float] = by_its_time) -> int:
    """Make one pass over the logs below ``root``."""
    limits = {"compress_after_hours": 24, "compress_from_bytes": 10, "keep_days": 30}
    options = Namespace(root=str(root), disk_percent=101, **limits)
    return LOGS.run(LOGS.Keeper(options, arrived=arrived))


def test_old_log_is_compressed_and_keeps_its_time(tmp_path):
    """The content comes back, the time stays, what is young or small is left alone."""
    old = put(tmp_path / "check/1/job-output.txt", "line\n" * 1000, days=2)
    young = put(tmp_path / "check/2/job-output.txt", "line\n" * 1000)
    small = put(tmp_path / "check/1/small.txt", "x", days=2)
    before = old.stat().st_mtime
    assert keep(tmp_path) == 0
    packed = old.with_name("job-output.txt.gz")
    assert gzip.decompress(packed.read_bytes()) == b"line\n" * 1000
    assert packed.stat().st_mtime == before
    assert not old.exists()
    assert young.exists()
    assert small.exists()


def test_too_old_log_goes_and_its_empty_folder_after_it(tmp_path):
    """A build's folder goes once nothing is in it; the context's folder stays."""
    old = put(tmp_path / "check/1/job-output.txt", "line", days=31)
    assert keep(tmp_path) == 0
    assert not old.exists()
    then = time.time() - 2 * DAY
    os.utime(old.parent, (then, then))
    assert keep(tmp_path) == 0
    assert not old.parent.exists()
    assert (tmp_path / "check").exists()


def test_symlink_in_an_upload_is_never_followed(tmp_path):
    """Neither a linked file nor a linked folder outside the root is touched."""
    outside = put(tmp_path / "outside/secret.txt", "line\n" * 1000, days=40)
    root = tmp_path / "logs"
    (root / "check").mkdir(parents=True)
    (root / "check/link.txt").symlink_to(outside)
    (root / "check/folder").symlink_to(outside.parent)
    assert keep(root) == 0
    assert outside.read_text() == "line\n" * 1000


@pytest.mark.parametrize("days", [40, -40], ids=["past", "future"])
def test_time_that_the_uploader_set_ages_nothing(tmp_path, days):
    """A log counts from when it came: an old copy stays its time, a future one is not for ever."""
    log = put(tmp_path / "check/1/log", "line\n" * 1000, days=days)
    assert keep(tmp_path, LOGS.arrived) == 0
    assert log.exists()
    keeper = LOGS.Keeper(
        Namespace(root=str(tmp_path), compress_after_hours=24, compress_from_bytes=10, keep_days=30)
    )
    keeper.now += 31 * DAY
    keeper.age()
    assert not log.exists()


def test_linked_folder_is_not_removed(tmp_path):
    """An empty folder goes; a symlink to an empty one outside stays, and so does its target."""
    outside = tmp_path / "outside"
    outside.mkdir()
    context = tmp_path / "logs/check"
    (context / "empty").mkdir(parents=True)
    (context / "link").symlink_to(outside)
    then = time.time() - 2 * DAY
    for path in (outside, context / "empty", context / "link"):
        os.utime(path, (then, then), follow_symlinks=False)
    assert keep(tmp_path / "logs") == 0
    assert sorted(path.name for path in context.iterdir()) == ["link"]
    assert outside.exists()


def test_full_disk_loses_its_oldest_logs_first(tmp_path, capsys):
    """The guard removes until there is room, and says so."""
    for age in (3, 1, 2):
        put(tmp_path / f"check/{age}/log", "x", days=age)
    percents = iter([95, 95, 95, 80])
    options = Namespace(root=str(tmp_path), disk_percent=90)
    keeper = LOGS.Keeper(options, used=lambda root: next(percents, 80), arrived=by_its_time)
    keeper.guard()
    assert [path.name for path in (tmp_path / "check").iterdir() if any(path.iterdir())] == ["1"]
    assert "more than 90 % full" in capsys.readouterr().out


def test_disk_that_something_else_fills_is_a_failure(tmp_path, capsys):
    """Nothing left to remove and still full: exit status and stderr say it."""
    keeper = LOGS.Keeper(Namespace(root=str(tmp_path), disk_percent=90), used=lambda root: 99)
    keeper.guard()
    assert keeper.failures == 1
    assert "something else fills the disk" in capsys.readouterr().err


def upload(root: Path, context: str, name: str, **files: str) -> Path:
    """Upload a whole artifact."""
    folder = root / "incoming" / context / name
    lines = []
    for file, content in files.items():
        put(folder / file, content)
        lines.append(f"{hashlib.sha256(content.encode()).hexdigest()}  {file}\n")
    put(folder / "SHA256SUMS", "".join(lines))
    return folder


def publish(root: Path) -> int:
    """Make one pass; the context ``release`` is public."""
    return ARTIFACTS.main(["--root", str(root), "--staging-days", "14", "--public", "release"])


def test_upload_of_a_protected_context_becomes_public(tmp_path):
    """It is moved whole, readable for all and writable for none."""
    upload(tmp_path, "release", "tool-1.0", archive="content")
    assert publish(tmp_path) == 0
    published = tmp_path / "public/tool-1.0/archive"
    assert published.read_text() == "content"
    assert published.stat().st_mode & 0o777 == 0o444
    assert not (tmp_path / "incoming/release/tool-1.0").exists()


def test_upload_of_another_context_never_becomes_public(tmp_path):
    """It is staged under the context's name."""
    upload(tmp_path, "check", "tool-1.0", archive="content")
    assert publish(tmp_path) == 0
    assert (tmp_path / "staging/check/tool-1.0/archive").exists()
    assert not (tmp_path / "public").exists()


def test_upload_that_is_not_whole_yet_waits(tmp_path):
    """Without SHA256SUMS, which comes last, nothing happens."""
    waiting = put(tmp_path / "incoming/release/tool-1.0/archive", "half")
    assert publish(tmp_path) == 0
    assert waiting.exists()


def test_public_artifact_never_changes(tmp_path, capsys):
    """Another content under the same name is refused; the same one is dropped in peace."""
    upload(tmp_path, "release", "tool-1.0", archive="first")
    assert publish(tmp_path) == 0
    upload(tmp_path, "release", "tool-1.0", archive="second")
    assert publish(tmp_path) == 1
    assert "never changes" in capsys.readouterr().err
    assert (tmp_path / "public/tool-1.0/archive").read_text() == "first"
    upload(tmp_path, "release", "tool-1.0", archive="first")
    assert publish(tmp_path) == 0


@pytest.mark.parametrize("harm", ["digest", "unlisted", "missing", "symlink", "line"])
def test_damaged_upload_is_refused(tmp_path, harm):
    """Digest, list and kind of every file are checked before anybody sees them."""
    folder = upload(tmp_path, "release", "tool-1.0", archive="content")
    if harm == "digest":
        put(folder / "archive", "other")
    elif harm == "unlisted":
        put(folder / "extra", "content")
    elif harm == "missing":
        (folder / "archive").unlink()
    elif harm == "symlink":
        (folder / "archive").unlink()
        (folder / "archive").symlink_to("/etc/passwd")
    else:
        put(folder / "SHA256SUMS", "no digest\n")
    assert publish(tmp_path) == 1
    assert not (tmp_path / "public/tool-1.0").exists()


def test_name_that_is_no_plain_word_is_refused(tmp_path):
    """A hidden folder or odd characters are not published."""
    upload(tmp_path, "release", "a b", archive="content")
    assert publish(tmp_path) == 1
    assert not (tmp_path / "public").exists()


def test_what_is_not_public_goes_with_its_age(tmp_path):
    """Staged artifacts and uploads that never ended are removed, public ones stay."""
    upload(tmp_path, "check", "tool-1.0", archive="content")
    upload(tmp_path, "release", "tool-1.0", archive="content")
    assert publish(tmp_path) == 0
    begun = put(tmp_path / "incoming/release/tool-2.0/archive", "half")
    ARTIFACTS.clean(tmp_path, 14, time.time())
    assert begun.exists()
    ARTIFACTS.clean(tmp_path, 14, time.time() + 15 * DAY)
    assert not begun.exists()
    assert list((tmp_path / "staging").glob("*/*")) == []
    assert (tmp_path / "public/tool-1.0/archive").exists()


def test_upload_swapped_for_a_symlink_is_refused(tmp_path):
    """What is moved aside must be a folder of the upload, not a way out of it."""
    outside = upload(tmp_path / "elsewhere", "release", "tool-1.0", archive="content")
    link = tmp_path / "incoming/release/tool-1.0"
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    work = tmp_path / ".work"
    work.mkdir()
    with pytest.raises(ARTIFACTS.Refused, match="symlink"):
        ARTIFACTS.take(link, tmp_path / "public/tool-1.0", work)
    assert (outside / "archive").exists()
    assert not (tmp_path / "public").exists()
