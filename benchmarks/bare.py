"""A bare client: makes a registry's projects on Gerrit with only the necessary requests.

It imports nothing of the product. Groups are created one at a time beside four threads that
create projects (parents first) and make one push each: the first commit and refs/meta/config
together. It checks, retries, repairs and reads back nothing: it is the yardstick, not a tool.

    python -m benchmarks.bare --url URL --user NAME --registry DIR    (password: BARE_PASSWORD)
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import re
import statistics
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import yaml

from benchmarks.gitpush import ZERO, Connection, commit

WORKERS = 4
PREFIX = "/home/gerrit2/acls/"
META = b"refs/meta/config"
SYSTEM = {
    "Anonymous Users": "global:Anonymous-Users",
    "Change Owner": "global:Change-Owner",
    "Project Owners": "global:Project-Owners",
    "Registered Users": "global:Registered-Users",
}
XSSI = b")]}'"


@dataclass
class Wanted:
    """A project to make."""

    name: str
    description: str
    branch: str
    parent: str = "All-Projects"
    acl: str | None = None
    groups: set[str] = field(default_factory=set)

    def config(self) -> bytes:
        """Return the project.config to push: the ACL and the description."""
        said = self.description.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.acl}\n[project]\n\tdescription = "{said}"\n'.encode()


def read_registry(root: Path) -> list[Wanted]:
    """Return the projects of ``gerrit/projects.yaml`` and ``gerrit/acls`` below ``root``."""
    entries = yaml.safe_load((root / "gerrit/projects.yaml").read_bytes())
    return [
        _wanted(root, entry) for entry in entries if "no-gerrit" not in entry.get("options", [])
    ]


def _wanted(root: Path, entry: dict) -> Wanted:
    name = entry["project"]
    wanted = Wanted(name, entry.get("description") or "", entry.get("default-branch", "master"))
    acl = root / "gerrit/acls" / entry.get("acl-config", f"{name}.config").removeprefix(PREFIX)
    if acl.is_file():
        wanted.acl = acl.read_text("utf-8")
        wanted.groups = set(re.findall(r"\bgroup (.+?)\s*$", wanted.acl, re.MULTILINE))
        if parent := re.search(r"^\s*inheritFrom\s*=\s*(.+?)\s*$", wanted.acl, re.MULTILINE):
            wanted.parent = parent[1]
    return wanted


class Bare:
    """One cold run against the server at ``url``."""

    def __init__(self, url: str, user: str, password: str, email: str):
        self._login = (url, user, password)
        self._author = f"{user} <{email}>"
        self._local = threading.local()
        self._uuids = dict(SYSTEM)
        self._mutex = threading.Lock()
        self._ready: queue.PriorityQueue = queue.PriorityQueue()
        self._errors: list[BaseException] = []

    @property
    def connection(self) -> Connection:
        """This thread's connection."""
        if not hasattr(self._local, "connection"):
            self._local.connection = Connection(*self._login)
        return self._local.connection

    def rest(self, method: str, path: str, body: object = None) -> object:
        """Return the decoded answer; raises ``RuntimeError`` on any error status."""
        data = None if body is None else json.dumps(body).encode()
        status, answer = self.connection.request(method, path, data, "application/json")
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {answer[:300]!r}")
        return json.loads(answer.removeprefix(XSSI)) if answer else None

    def make(self, projects: list[Wanted]) -> float:
        """Make all ``projects`` and their groups; return the seconds it took."""
        known = self.rest("GET", "groups/")
        self._uuids |= {name: group["id"] for name, group in known.items()}
        self._owner = known["Administrators"]["id"]
        self._waiting = {p.name: {("project", p.parent)} for p in projects}
        names = {p.name for p in projects}
        self._wanted = {p.name: p for p in projects}
        self._pushes = {
            p.name: {("project", p.name), *(("group", g) for g in p.groups - self._uuids.keys())}
            for p in projects
        }
        groups = list(dict.fromkeys(g for p in projects for g in sorted(p.groups)))
        started = time.monotonic()
        self._release(*(("project", parent) for parent in self._parents(names)))
        lanes = [threading.Thread(target=self._guard, args=(self._group_lane, groups))]
        lanes += [threading.Thread(target=self._guard, args=(self._work,)) for _ in range(WORKERS)]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
        if self._errors:
            raise self._errors[0]
        return time.monotonic() - started

    def bulk_reads(self, branches: list[str], times: int = 5) -> float:
        """Return the median seconds of reading everything that "nothing to do" is seen from."""
        shown = "&".join(f"b={quote(ref, safe='')}" for ref in [META.decode(), "HEAD", *branches])
        taken = []
        for _ in range(times):
            started = time.monotonic()
            for path in ("projects/?all&d&t", f"projects/?all&d&{shown}", "groups/"):
                self.rest("GET", path)
            taken.append(time.monotonic() - started)
        return statistics.median(taken)

    def _parents(self, names: set[str]) -> set[str]:
        return {p.parent for p in self._wanted.values()} - names

    def _guard(self, work, *args) -> None:
        try:
            work(*args)
        except BaseException as error:
            self._errors.append(error)
            self._stop()

    def _group_lane(self, groups: list[str]) -> None:
        for name in groups:
            if self._errors:
                return
            if name not in self._uuids:
                body = {"owner_id": self._owner, "visible_to_all": True}
                self._uuids[name] = self.rest("PUT", f"groups/{quote(name, safe='')}", body)["id"]
                self._release(("group", name))

    def _work(self) -> None:
        while not self._errors:
            order, name = self._ready.get()
            if name is None:
                return
            project = self._wanted[name]
            if order == 0:
                self._create(project)
                self._release(("project", name))
            else:
                self._push(project)
                self._pushed(name)

    def _create(self, project: Wanted) -> None:
        body = {
            "parent": project.parent,
            "description": project.description,
            "branches": [project.branch],
        }
        self.rest("PUT", f"projects/{quote(project.name, safe='')}", body)

    def _push(self, project: Wanted) -> None:
        new = {}
        review = f"[gerrit]\nhost=localhost\nport=29418\nproject={project.name}.git\n"
        first = commit({b".gitreview": review.encode()}, None, self._author)
        new[f"refs/heads/{project.branch}".encode()] = (ZERO, first[0].id, first)
        if project.acl is not None:
            old = self.connection.refs(project.name)[META]
            lines = [f"{self._uuids[name]}\t{name}\n" for name in sorted(project.groups)]
            files = {b"groups": "".join(lines).encode(), b"project.config": project.config()}
            change = commit(files, old, self._author)
            new[META] = (old, change[0].id, change)
        self.connection.push(project.name, new)

    def _release(self, *facts: tuple[str, str]) -> None:
        """Queue what waited for ``facts`` and waits for nothing more; creations go first."""
        with self._mutex:
            for order, table in ((0, self._waiting), (1, self._pushes)):
                for name, needs in table.items():
                    if needs and needs.intersection(facts):
                        needs.difference_update(facts)
                        if not needs:
                            self._ready.put((order, name))

    def _pushed(self, name: str) -> None:
        with self._mutex:
            del self._pushes[name]
            last = not self._pushes
        if last:
            self._stop()

    def _stop(self) -> None:
        for _ in range(WORKERS):
            self._ready.put((2, None))


def main() -> None:
    """Make the registry's projects on a server and print the seconds as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("url", "user", "registry"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--email", default="admin@example.com")
    args = parser.parse_args()
    projects = read_registry(Path(args.registry))
    bare = Bare(args.url, args.user, os.environ["BARE_PASSWORD"], args.email)
    cold = bare.make(projects)
    reads = bare.bulk_reads(sorted({f"refs/heads/{p.branch}" for p in projects}))
    print(json.dumps({"projects": len(projects), "cold": cold, "bulk_reads": reads}))


if __name__ == "__main__":
    main()
