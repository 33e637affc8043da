"""lab/realgerrit.py without a WAR: what is missing is said, and what to do about it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from lab import realgerrit


def java(folder: Path, version: str) -> Path:
    """A program `java` in `folder` that only says its version."""
    folder.mkdir()
    path = folder / "java"
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    path.chmod(0o755)
    return path


def test_start_without_war_error_names_variable(tmp_path, monkeypatch):
    """Without a WAR the error says which variable names one."""
    monkeypatch.delenv("GERRIT_WAR", raising=False)
    monkeypatch.setenv("JAVA", str(java(tmp_path / "21", "21.0.1")))
    with pytest.raises(realgerrit.GerritStartError, match="set GERRIT_WAR="):
        realgerrit.start(tmp_path / "root")


def test_start_missing_war_error_names_path(tmp_path, monkeypatch):
    """A WAR that is not there is named."""
    monkeypatch.setenv("JAVA", str(java(tmp_path / "21", "21.0.1")))
    with pytest.raises(realgerrit.GerritStartError, match="gone.war: no such file"):
        realgerrit.start(tmp_path / "root", war=tmp_path / "gone.war")


def test_start_directory_with_site_refused(tmp_path):
    """An existing site is never initialised again."""
    config = tmp_path / "site" / "etc" / "gerrit.config"
    config.parent.mkdir(parents=True)
    config.touch()
    with pytest.raises(realgerrit.GerritStartError, match="already holds a site"):
        realgerrit.start(tmp_path)


def test_find_java_named_too_old_error(tmp_path, monkeypatch):
    """A JAVA that is too old is an error, not passed over in silence."""
    monkeypatch.setenv("JAVA", str(java(tmp_path / "17", "17.0.9")))
    with pytest.raises(realgerrit.GerritStartError, match="is not a Java >= 21"):
        realgerrit.find_java()


def test_find_java_old_one_on_path_not_taken(tmp_path, monkeypatch):
    """An old java on PATH is passed over, whether or not the machine has a newer one."""
    old = java(tmp_path / "17", "17.0.9")
    monkeypatch.delenv("JAVA", raising=False)
    monkeypatch.setenv("PATH", str(old.parent))
    with contextlib.suppress(realgerrit.GerritStartError):
        assert realgerrit.find_java() != str(old)


def test_find_java_new_one_on_path_taken(tmp_path, monkeypatch):
    """A java on PATH that is new enough is the first choice."""
    new = java(tmp_path / "25", "25")
    monkeypatch.delenv("JAVA", raising=False)
    monkeypatch.setenv("PATH", str(new.parent))
    assert realgerrit.find_java() == str(new)
