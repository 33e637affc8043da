"""The page for contributors says what the command says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import saltern

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/contributing-a-project.md").read_text()
NEXT = "- project: libs/wire-format\n"
ACL = "gerrit/acls/libs/client-rust.config"


def blocks(language: str) -> list[str]:
    """Return the page's fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def example(tmp_path):
    """Return the example registry with the project of the page added to it."""
    root = tmp_path / "registry"
    shutil.copytree(ROOT / "examples/registry", root)
    entry, groups = blocks("yaml")
    projects = root / "gerrit/projects.yaml"
    projects.write_text(projects.read_text().replace(NEXT, entry + NEXT))
    (root / "gerrit/groups.yaml").write_text(groups)
    (root / ACL).write_text(blocks("ini")[0])
    return root


def test_project_as_the_page_writes_it_has_no_finding(example):
    """Whoever copies entry, ACL and group from the page is not told that they are wrong."""
    found = saltern("check", cwd=example)
    assert (found.returncode, found.stdout) == (0, "no findings\n")


def test_slip_of_the_page_is_shown_as_the_page_shows_it(example):
    """The output that the page quotes is the command's own."""
    (example / ACL).write_text(blocks("ini")[0].replace("submit", "pushMerges"))
    assert saltern("check", cwd=example).stdout == blocks("console")[0]
