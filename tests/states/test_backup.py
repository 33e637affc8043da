"""The script `saltern-backup` with real archives, in a folder that stands for /."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.states.compiler import STATES

SCRIPT = STATES / "backup/files/saltern-backup"


class Machine:
    """A root folder with one plan `app`, and a `systemctl` that notes how it was called."""

    def __init__(self, root: Path):
        self.root = root / "root"
        self.data = self.root / "srv/app"
        self.archives = self.root / "var/backups/saltern"
        self.calls = root / "calls"
        self.bin = root / "bin"
        self.bin.mkdir()
        self.program("systemctl", f'echo "$@" >> {self.calls}')
        (self.data / "cache").mkdir(parents=True)
        (self.data / "db").write_text("one")
        (self.data / "cache/big").write_text("not packed")
        self.plan(
            "app", "/srv/app", "exclude: /srv/app/cache/*", "unit: a.service", "unit: b.service"
        )

    def program(self, name: str, text: str) -> Path:
        """Make a shell script."""
        file = self.bin / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
        return file

    def plan(self, name: str, *lines: str) -> None:
        """Write a file of backup.d."""
        file = self.root / "etc/saltern/backup.d" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("# a plan\n" + "".join(f"{line}\n" for line in lines))

    def backup(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run the script."""
        return subprocess.run(
            [sys.executable, "-I", str(SCRIPT), "--root", str(self.root), *args],
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}"},
        )

    def done(self, *args: str) -> str:
        """Run the script, which must succeed; return what it printed."""
        result = self.backup(*args)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def newest(self) -> Path:
        """Return the newest archive."""
        return Path(self.done("list").splitlines()[-1].split("\t")[3])

    def age(self, archive: Path, stamp: str) -> Path:
        """Rename an archive as if it had been made at ``stamp``."""
        target = archive.with_name(f"{archive.name.split('-')[0]}-{stamp}.tar.zst")
        archive.rename(target)
        archive.with_name(f"{archive.name}.sha256").rename(
            target.with_name(f"{target.name}.sha256")
        )
        return target


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with one thing to back up."""
    return Machine(tmp_path)


def test_restore_after_a_wipe_brings_the_data_back(machine: Machine) -> None:
    """What the archive holds stands again, units stopped before and started after."""
    (machine.data / "db").chmod(0o640)
    machine.done("run")
    subprocess.run(["rm", "-r", str(machine.data)], check=True)
    machine.done("restore", "app")
    assert (machine.data / "db").read_text() == "one"
    assert stat.S_IMODE((machine.data / "db").stat().st_mode) == 0o640
    assert not (machine.data / "cache/big").exists()
    assert machine.calls.read_text().splitlines() == [
        "stop b.service a.service",
        "start a.service b.service",
    ]


def test_restore_over_other_data_keeps_it_beside(machine: Machine) -> None:
    """Nothing is deleted, and files newer than the archive are not mixed into it."""
    machine.done("run")
    (machine.data / "db").write_text("two")
    (machine.data / "later").write_text("new")
    said = machine.done("restore", "app")
    assert (machine.data / "db").read_text() == "one"
    assert not (machine.data / "later").exists()
    (kept,) = machine.data.parent.glob("app.before-*")
    assert (kept / "db").read_text() == "two"
    assert str(kept) in said


def test_archives_and_their_folder_are_private(machine: Machine) -> None:
    """An archive may hold keys and passwords."""
    machine.done("run")
    paths = [machine.archives, *machine.archives.iterdir()]
    assert len(paths) == 4
    assert all(path.stat().st_mode & 0o077 == 0 for path in paths)


def test_damaged_archive_is_refused_and_nothing_touched(machine: Machine) -> None:
    """The checksum is looked at before a unit is stopped or a file moved."""
    machine.done("run")
    with machine.newest().open("r+b") as file:
        file.seek(20)
        file.write(b"\0\1\2")
    result = machine.backup("restore", "app")
    assert result.returncode == 1
    assert "checksum differs" in result.stderr
    assert (machine.data / "db").read_text() == "one"
    assert not machine.calls.exists()


def test_restore_from_a_named_archive_takes_the_older_one(machine: Machine) -> None:
    """The newest is only the default."""
    machine.done("run")
    older = machine.age(machine.newest(), "20260101T000000Z")
    (machine.data / "db").write_text("two")
    machine.done("run")
    machine.done("restore", "app", "--from", str(older))
    assert (machine.data / "db").read_text() == "one"


def test_failing_plan_fails_the_run_and_keeps_no_other_from_it(machine: Machine) -> None:
    """One broken plan is named and costs only itself."""
    script = machine.program("dump", "echo no database >&2; exit 3")
    machine.plan("aaa", "/srv/app", f"before: {script}")
    machine.plan("aab", "/srv/nowhere")
    result = machine.backup("run")
    assert result.returncode == 1
    assert "aaa: FAILED" in result.stderr
    assert "no database" in result.stderr
    assert "/srv/nowhere: does not exist" in result.stderr
    assert "app: " in result.stdout
    assert [path.name[:4] for path in machine.archives.glob("*.tar.zst")] == ["app-"]
    assert list(machine.archives.glob("*.partial")) == []


def test_before_and_after_scripts_run_around(machine: Machine) -> None:
    """A database is dumped before it is packed and loaded before its units start."""
    dump = machine.program("dump", f"echo dumped > {machine.data}/dump")
    load = machine.program("load", f"cat {machine.data}/dump >> {machine.calls}")
    machine.plan("app", "/srv/app", f"before: {dump}", f"after: {load}", "unit: a.service")
    machine.done("run")
    machine.done("restore", "app")
    assert machine.calls.read_text().split("\n")[:3] == [
        "stop a.service",
        "dumped",
        "start a.service",
    ]


def test_old_archives_go_but_the_newest_of_each_name_stays(machine: Machine) -> None:
    """A plan that has not run for a month keeps its last archive."""
    machine.plan("idle", "/srv/app")
    machine.done("run")
    for stamp in ("20260101T000000Z", "20260102T000000Z"):
        for archive in machine.archives.glob("*.tar.zst"):
            if "-2026010" not in archive.name:
                machine.age(archive, stamp)
        machine.done("run", "app", "idle")
    (machine.root / "etc/saltern/backup.d/idle").unlink()
    for archive in machine.archives.glob("idle-*.tar.zst"):
        if "-2026010" not in archive.name:
            archive.unlink()
            archive.with_name(f"{archive.name}.sha256").unlink()
    machine.done("run", "--keep-days", "14")
    left = sorted(path.name for path in machine.archives.glob("*.tar.zst"))
    assert [name for name in left if name.startswith("idle")] == ["idle-20260102T000000Z.tar.zst"]
    assert [name for name in left if name.startswith("app-202601")] == []
    assert len(list(machine.archives.glob("*.sha256"))) == len(left)


@pytest.mark.parametrize(
    ("line", "said"),
    [("befor: /x", "not understood"), ("srv/app", "not understood"), ("# only", "names no path")],
    ids=["misspelt", "relative", "empty"],
)
def test_plan_that_is_not_understood_is_refused(machine: Machine, line: str, said: str) -> None:
    """A misspelt line is not left out of a backup in silence."""
    machine.plan("app", line)
    result = machine.backup("run")
    assert result.returncode == 1
    assert said in result.stderr


def test_second_backup_at_once_is_refused(machine: Machine) -> None:
    """A restore does not race the nightly run."""
    machine.done("run")
    with (machine.archives / ".lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        result = machine.backup("restore", "app")
    assert result.returncode == 1
    assert "another saltern-backup" in result.stderr


def test_restore_of_an_unknown_name_says_what_is_missing(machine: Machine) -> None:
    """A name with a slash is no way out of the folder either."""
    for name in ("none", "../../etc/passwd"):
        result = machine.backup("restore", name)
        assert result.returncode == 1
        assert "no such plan" in result.stderr
