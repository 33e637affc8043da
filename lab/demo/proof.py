"""Proofs: what stands on the servers, read with git and plain HTTP, and compared with the files.

Nothing here knows Saltern: ACLs are read with `git config`, as anybody would.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import requests
import yaml

from lab.demo.people import CommandError, Person, project_path, run_git

ACL_PREFIX = "/home/gerrit2/acls/"
META = "refs/meta/config"
SYSTEM_GROUPS = {"Anonymous Users", "Change Owner", "Project Owners", "Registered Users"}


@dataclass(frozen=True)
class Expected:
    """What the files of a registry say of one project."""

    name: str
    description: str
    branch: str
    acl: Path | None

    @property
    def groups(self) -> set[str]:
        """Groups that the ACL names."""
        text = self.acl.read_text("utf-8") if self.acl else ""
        return set(re.findall(r"\bgroup (.+?)\s*$", text, re.MULTILINE)) - SYSTEM_GROUPS


def expected(root: Path) -> list[Expected]:
    """Return what the registry below ``root`` asks for, in the order of its file."""
    entries = yaml.safe_load((root / "gerrit/projects.yaml").read_bytes())
    return [_expected(root, e) for e in entries if "no-gerrit" not in e.get("options", [])]


def _expected(root: Path, entry: dict) -> Expected:
    name = entry["project"]
    path = entry.get("acl-config", f"{name}.config").removeprefix(ACL_PREFIX)
    acl = root / "gerrit/acls" / path
    branch = entry.get("default-branch", "master")
    return Expected(name, entry.get("description", ""), branch, acl if acl.is_file() else None)


def acl_values(path: Path) -> list[tuple[str, str]]:
    """Return the sorted keys and values of an ACL as `git config` reads it, description left out.

    A value that is a list of names is sorted too, and an explicit plus sign is taken off.
    """
    listed = run_git("config", "--file", str(path), "--null", "--list").split("\0")
    pairs = (line.partition("\n")[::2] for line in listed if line)
    return sorted((key, _plain(key, value)) for key, value in pairs if key != "project.description")


def _plain(key: str, value: str) -> str:
    if key.endswith(".exclusivegrouppermissions"):
        return " ".join(sorted(value.split()))
    return re.sub(r"\.\.\+", "..", value)


def config_on_server(reader: Person, project: str, scratch: Path) -> Path:
    """Fetch refs/meta/config of ``project`` with git and return the path of its project.config."""
    shutil.rmtree(scratch, ignore_errors=True)
    run_git("init", "--quiet", str(scratch))
    reader.git("fetch", "--quiet", "--depth=1", reader.repository(project), META, cwd=scratch)
    run_git("checkout", "--quiet", "FETCH_HEAD", cwd=scratch)
    return scratch / "project.config"


def differences(reader: Person, root: Path, mirror_url: str, scratch: Path) -> list[str]:
    """Return every way in which the servers are not as the registry below ``root`` says."""
    groups = {name: group["id"] for name, group in reader.rest("GET", "groups/").items()}
    found = []
    for project in expected(root):
        found += [
            f"{project.name}: {what}" for what in _of_project(reader, project, groups, scratch)
        ]
        found += [f"group {name} is missing" for name in project.groups - groups.keys()]
        found += _of_mirror(reader, project, mirror_url)
    return found


def _of_project(
    reader: Person, project: Expected, groups: dict[str, str], scratch: Path
) -> list[str]:
    found = []
    try:
        seen = reader.rest("GET", project_path(project.name))
    except CommandError as error:
        return [str(error)]
    if seen.get("description", "") != project.description:
        found.append(f"description is {seen.get('description')!r}")
    if project.acl:
        config = config_on_server(reader, project.name, scratch)
        if acl_values(config) != acl_values(project.acl):
            found.append(f"{config.name} differs from {project.acl.name}")
        found += _wrong_groups(project, config.with_name("groups"), groups)
    return found


def _wrong_groups(project: Expected, path: Path, groups: dict[str, str]) -> list[str]:
    lines = [line.split("\t") for line in path.read_text("utf-8").splitlines() if line[:1] != "#"]
    uuids = {line[1].strip(): line[0].strip() for line in lines}
    return [
        f"its groups file says {uuids.get(name)} for group {name}"
        for name in project.groups
        if uuids.get(name) != groups.get(name)
    ]


def heads_and_tags(url: str, git=run_git) -> dict[str, str]:
    """Return the branches and tags that `git ls-remote` shows at ``url``."""
    lines = git("ls-remote", url, "refs/heads/*", "refs/tags/*").splitlines()
    return {ref: commit for commit, ref in (line.split("\t") for line in lines)}


def _of_mirror(reader: Person, project: Expected, mirror_url: str) -> list[str]:
    here = heads_and_tags(reader.repository(project.name), reader.git)
    if f"refs/heads/{project.branch}" not in here:
        return [f"{project.name}: no branch {project.branch}"]
    try:
        there = heads_and_tags(f"{mirror_url}/{project.name}.git")
    except CommandError as error:
        return [str(error)]
    return [] if here == there else [f"{project.name}: the mirror has other refs than Gerrit"]


def on_mirror(mirror_url: str, project: str) -> bool:
    """Return whether the mirror serves ``project`` with at least one ref."""
    url = f"{mirror_url}/{project}.git/info/refs?service=git-upload-pack"
    answer = requests.get(url, timeout=30)
    return answer.ok and b"refs/heads/" in answer.content
