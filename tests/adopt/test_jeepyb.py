"""A Gerrit once run by jeepyb is taken over with its own files.

What manage-projects leaves is made with git pushes: each ACL file copied over project.config, a
groups file beside it, no description (it goes with the copy), a first commit with .gitreview.
``SALTERN_CORPUS`` names the registry that it read (default: ``../shared/data/opendev`` beside
the repository).
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import yaml

from saltern.registry import DirectorySource, load
from saltern.settings import RegistrySettings
from tests.adopt.conftest import steps
from tests.providers.gerrit_fixtures import TestGerrit, git, q

REPOSITORY = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("SALTERN_CORPUS", REPOSITORY.parent / "shared/data/opendev"))
SYSTEM = {
    "Anonymous Users": "global:Anonymous-Users",
    "Change Owner": "global:Change-Owner",
    "Project Owners": "global:Project-Owners",
    "Registered Users": "global:Registered-Users",
}
STOCK = 25
"""Most projects of the real registry that are made."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (CORPUS / "gerrit/projects.yaml").is_file(),
        reason=f"no registry at {CORPUS}: set SALTERN_CORPUS to a folder with it",
    ),
]


@pytest.fixture
def review_server(own_server):
    """Adoption reads all that is there."""
    return own_server


class Jeepyb:
    """What manage-projects leaves: pushes by git, each ACL file copied over project.config."""

    def __init__(self, review: TestGerrit, scratch: Path):
        self._review, self._scratch = review, scratch
        self._uuids = dict(SYSTEM)

    def make(self, name: str, branch: str, acl: Path | None) -> None:
        """Make a project as manage-projects does, with its first commit and its ACL."""
        self._review.rest("PUT", f"/projects/{q(name)}", {"branches": [branch]})
        review = f"[gerrit]\nhost=review\nport=29418\nproject={name}.git\n"
        self.push(name, f"refs/heads/{branch}", {".gitreview": review})
        self._review.rest("PUT", f"/projects/{q(name)}/HEAD", {"ref": f"refs/heads/{branch}"})
        if acl is not None:
            text = acl.read_text()
            self.push(
                name, "refs/meta/config", {"project.config": text, "groups": self.groups(text)}
            )

    def groups(self, text: str) -> str:
        """Return a groups file of all groups that an ACL names; missing ones are made."""
        rows = ["# UUID                                  \tGroup Name\n#\n"]
        words = (line.partition("=")[2] for line in text.splitlines() if "group " in line)
        for name in sorted({word.partition("group ")[2].strip() for word in words}):
            if name not in self._uuids:
                body = {"visible_to_all": True}
                found = self._review.raw("GET", f"/groups/{q(name)}")
                row = self._review.rest(
                    "PUT" if not found.ok else "GET", f"/groups/{q(name)}", body
                )
                self._uuids[name] = row["id"]
            rows.append(f"{self._uuids[name]}\t{name}\n")
        return "".join(rows)

    def push(self, name: str, ref: str, files: dict[str, str]) -> None:
        """Commit files on top of a ref and push it."""
        work = self._scratch / f"{q(name)}-{q(ref)}"
        git("init", "-q", str(work))
        url = f"{{URL}}/{name}"
        if self._review.tip(name, ref):
            self._review.git("fetch", "-q", url, ref, cwd=work)
            git("checkout", "-q", "FETCH_HEAD", cwd=work)
        for file, text in files.items():
            (work / file).write_text(text)
            git("add", "-f", file, cwd=work)
        git("commit", "-q", "-m", "Update project config.", cwd=work)
        self._review.git("push", "-q", url, f"HEAD:{ref}", cwd=work)


@pytest.fixture
def by_jeepyb(review, tmp_path):
    """A Gerrit that manage-projects filled, the registry it read, and its projects."""
    registry = load(DirectorySource(CORPUS), RegistrySettings())
    wanted: dict[str, None] = {}
    for project in registry.projects.values():
        line = [project]
        while line[-1].parent in registry.projects:
            line.append(registry.projects[line[-1].parent])
        if len(wanted) + len(line) <= STOCK and all(p.acl for p in line):
            wanted |= dict.fromkeys(p.name for p in reversed(line))
    jeepyb = Jeepyb(review, tmp_path)
    for name in wanted:
        project = registry.projects[name]
        jeepyb.make(name, project.default_branch, CORPUS / str(project.acl_file))
    entries = yaml.safe_load((CORPUS / "gerrit/projects.yaml").read_text())
    root = tmp_path / "registry"
    shutil.copytree(CORPUS / "gerrit/acls", root / "gerrit/acls")
    own = [entry for entry in entries if entry["project"] in wanted]
    (root / "gerrit/projects.yaml").write_text(yaml.safe_dump(own))
    return review, root, registry, wanted


def test_gerrit_of_jeepyb_has_nothing_to_do_but_what_jeepyb_never_did(command, by_jeepyb):
    """With its own files only the descriptions differ, which manage-projects wrote over."""
    review, root, registry, wanted = by_jeepyb
    path = ("--gerrit", review.url, "--registry", str(root), "--format", "json")
    result = command("plan", *path, user=True)
    described = {f"project:{n}" for n in wanted if registry.projects[n].description}
    assert steps(result) == dict.fromkeys(described, "description differs")
    assert json.loads(result.stdout)["blocked"] == []


def test_gerrit_of_jeepyb_is_adopted_whole(command, by_jeepyb, tmp_path):
    """What is read from the server says the same as the files it was made from."""
    review, _, registry, wanted = by_jeepyb
    output = tmp_path / "adopted"
    path = ("--gerrit", review.url, "--output", str(output), "--format", "json")
    data = json.loads(command("adopt", *path, user=True).stdout)
    assert (data["notes"], data["plan"]["steps"], data["plan"]["blocked"]) == ([], [], [])
    adopted = load(DirectorySource(output), RegistrySettings()).projects
    assert adopted.keys() == wanted.keys()
    for name in wanted:
        assert adopted[name].config_digest == registry.projects[name].config_digest
        assert adopted[name].acl.text == registry.projects[name].acl.text
