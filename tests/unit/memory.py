"""A small model of Gerrit and a mirror, in memory, behind the dispatcher's two verbs.

It keeps Gerrit's rules that decide an order (a parent must be there, an ACL needs its groups'
UUIDs, a read-only project refuses pushes) and counts every write. ``kept`` says whether an
object is as the registry wants it, looking at the model alone and never through the plan.
"""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from memory_groups import ADMINS, MemoryGroups, named

from saltern.errors import Refused, Retry, SalternError
from saltern.registry.acl import SYSTEM_GROUPS, AclDocument, compose, digest
from saltern.registry.findings import Finding, Position
from saltern.registry.groupmodel import Group, Named
from saltern.registry.registry import Project, Registry
from saltern.registry.settingskeys import (
    Setting,
    access_digest,
    is_bare,
    plain_rows,
    plain_settings,
    with_settings,
)
from saltern.steps import Outcome, Step

ROOT = "All-Projects"


@dataclass
class Repository:
    """A project on the model server; ``config`` is ``None`` while it is half made."""

    config: str | None = None
    config_id: str | None = None
    groups: dict[str, str] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    head: str = "refs/heads/master"

    @property
    def document(self) -> AclDocument:
        return AclDocument.parse(self.config or "")

    @property
    def parent(self) -> str:
        return self.document.inherit_from or ROOT

    @property
    def state(self) -> str:
        return self.document.state or "ACTIVE"

    @property
    def description(self) -> str:
        return self.document.get("project", None, "description") or ""


class MemoryServers(MemoryGroups):
    """The dispatcher of these tests. ``answers[key]`` lists errors for the next attempts."""

    def __init__(self, providers: Iterable[str] = ("gerrit", "mirror")):
        super().__init__()
        self.providers = frozenset(providers)
        self.projects: dict[str, Repository] = {}
        self.groups: dict[str, str] = {}
        self.mirrors: dict[str, dict[str, str] | str] = {}
        self.mirror_heads: dict[str, str] = {}
        self.changes: dict[str, dict[str, Any]] = {}
        self.notes: list[tuple[int, str]] = []
        self.problems: list[dict[str, str]] = []
        self.away: dict[str, SalternError] = {}
        self.answers: dict[str, list[Exception]] = defaultdict(list)
        self.before: Callable[[Step], None] = lambda step: None
        self.observed: list[tuple[str, Mapping[str, Any]]] = []
        self.writes: list[str] = []
        self.cycles: list[str] = []
        self._ids = itertools.count(1)
        self._mutex = threading.RLock()
        self.add_group(ADMINS)
        self.add_project(ROOT, None)

    # Setting the scene

    def add_group(self, name: str) -> str:
        """Make a group and return its UUID."""
        return self.groups.setdefault(name, f"{next(self._ids):040x}")

    def add_project(self, name: str, parent: str | None = ROOT, **more: Any) -> Repository:
        """Make a whole project without branches."""
        repository = self.projects[name] = Repository(**more)
        self.write_config(name, f"[access]\n\tinheritFrom = {parent}\n" if parent else "", {})
        return repository

    def write_config(self, name: str, text: str, groups: Mapping[str, str]) -> None:
        """Replace refs/meta/config of ``name``."""
        repository = self.projects[name]
        repository.config, repository.config_id = text, self.new_id()
        repository.groups = dict(groups)
        if name in self.ancestors(name):
            self.cycles.append(name)

    def new_id(self) -> str:
        """Return a commit id that was never used."""
        return f"{next(self._ids):040x}"

    def ancestors(self, name: str) -> list[str]:
        """Return the parents of ``name`` up to the root, or once around a cycle."""
        found: list[str] = []
        while name != ROOT and name in self.projects:
            name = self.projects[name].parent
            if name in found:
                break
            found.append(name)
        return found

    # Observing

    def observe(self, provider: str, request: Mapping[str, Any]) -> dict[str, Any]:
        with self._mutex:
            self.observed.append((provider, request))
            if provider in self.away:
                raise self.away[provider]
            return self._observe_mirror(request) if provider == "mirror" else self._gerrit(request)

    def _gerrit(self, request: Mapping[str, Any]) -> dict[str, Any]:
        names = [name for name in request["projects"] if name in self.projects]
        wanted = request["changes"]["commits"] if request["changes"] else []
        wishes = request.get("members", {})
        return {
            "version": "3.14.0",
            "account": {"id": 1000000, "username": "saltern"},
            "problems": list(self.problems),
            "projects": {name: self._project(name, request) for name in names},
            "groups": self.shown_groups(wishes),
            "accounts": self.shown_accounts(wishes),
            "vital": [],
            "changes": {c: dict(self.changes[c]) for c in wanted if c in self.changes},
        }

    def _project(self, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
        here = self.projects[name]
        seen: dict[str, Any] = {
            "state": here.state,
            "description": here.description,
            "parent": here.parent,
            "config": here.config_id,
            "head": here.refs.get(here.head),
            "refs": {ref: here.refs[ref] for ref in request["branches"] if ref in here.refs},
            "access": None,
        }
        if here.config is not None:
            seen["access"] = {
                "digest": digest(here.config),
                "access_digest": access_digest(here.document),
                "plain": plain_rows(here.document),
                "bare": is_bare(here.document),
                "wrong_groups": self._wrong_groups(here),
                "state": here.state,
            }
        if name in (request["deep"] or ()):
            seen["all_refs"] = dict(here.refs)
        return seen

    def _wrong_groups(self, here: Repository) -> list[str]:
        known = {**self.groups, **SYSTEM_GROUPS}
        return [
            name
            for name in here.document.group_names
            if name not in here.groups or here.groups[name] != known.get(name)
        ]

    def _observe_mirror(self, request: Mapping[str, Any]) -> dict[str, Any]:
        found = {}
        for name in request["projects"]:
            have = self.mirrors.get(name)
            if isinstance(have, str):
                found[name] = {"broken": have}
            elif have is not None:
                refs = {ref: have[ref] for ref in request["branches"] if ref in have}
                head = self.mirror_heads.get(name) or next(iter(refs), None)
                found[name] = {"head": head, "refs": refs, "all_refs": dict(have)}
        return {"projects": found}

    # Applying

    def apply(self, provider: str, steps: list[Step]) -> list[Outcome]:
        if provider in self.away:
            raise self.away[provider]
        return [self._attempt(step) for step in steps]

    def _attempt(self, step: Step) -> Outcome:
        self.before(step)
        with self._mutex:
            try:
                if self.answers[step.key]:
                    raise self.answers[step.key].pop(0)
                evidence = getattr(self, f"_make_{step.kind}")(step.name, step.payload)
            except SalternError as error:
                return Outcome.from_error(step.key, error)
            self.writes.append(step.key)
            return Outcome(step.key, "done", evidence=evidence)

    def _make_group(self, name: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        if payload["owner_uuid"] != self.groups.get(payload["owner"]):
            raise Refused(f"422 Group Not Found: {payload['owner']}")
        return {"uuid": self.add_group(name)}

    def _project_made(self, name: str) -> Repository:
        if name not in self.projects or self.projects[name].config is None:
            raise Refused(f"404 Not found: {name}")
        return self.projects[name]

    def _make_project(self, name: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        here = self.projects.get(name)
        if payload["exists"] != (here is not None):
            raise Refused(f"409 the plan was wrong about {name}")
        if here is None or here.config is None:
            self._project_made(payload["parent"])
            here = self.projects.setdefault(name, Repository())
            here.head = f"refs/heads/{payload['default_branch']}"
            self.write_config(name, f"[access]\n\tinheritFrom = {payload['parent']}\n", {})
        if payload["description"]:
            text = compose(here.document, description=payload["description"], parent=None)
            self.write_config(name, text, here.groups)
        return {"config": here.config_id}

    def _make_content(self, name: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        here = self._project_made(name)
        if payload.get("moved_from"):
            here.refs |= self.projects[payload["moved_from"]].refs
        if payload["read_only"] != (here.state != "ACTIVE"):
            raise Refused("prohibited by Gerrit: project state does not permit write")
        here.head = f"refs/heads/{payload['default_branch']}"
        here.refs.setdefault(here.head, self.new_id())
        return {"head": here.refs[here.head]}

    def _make_access(self, name: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        here = self._project_made(name)
        known = {**self.groups, **SYSTEM_GROUPS}
        for group, uuid in payload["groups"].items():
            if uuid is None or uuid != known.get(group):
                raise Refused(f'project.config: group "{group}" not in groups')
        if payload["read_only"] != (here.state != "ACTIVE"):
            raise Refused("prohibited by Gerrit: project state does not permit write")
        config, groups = self._composed(here, payload)
        parent = AclDocument.parse(config).inherit_from or ROOT
        if parent not in self.projects:
            raise Refused("invalid project configuration: parent does not exist")
        self.write_config(name, config, groups)
        return {"config": here.config_id}

    @staticmethod
    def _composed(here: Repository, payload: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
        """Return what is to stand there: the wanted text, or with parts of what stands there."""
        if "access" in payload["keep"]:
            settings = [Setting(*each) for each in payload["settings"]]
            return with_settings(here.document, settings).text, here.groups
        wanted = AclDocument.parse(payload["config"])
        if "settings" in payload["keep"]:
            wanted = with_settings(wanted, plain_settings(here.document))
        return wanted.text, payload["groups"]

    def _make_mirror(self, name: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        here = self._project_made(name)
        if f"refs/heads/{payload['default_branch']}" not in here.refs:
            raise Retry("Gerrit has no such branch yet")
        self.mirrors[name] = dict(here.refs)
        self.mirror_heads[name] = f"refs/heads/{payload['default_branch']}"
        return {"refs": len(here.refs)}

    def _make_retire(self, name: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        here, new = self._project_made(name), self._project_made(payload["to"])
        new.refs = {**here.refs, **new.refs}
        state = payload["state"].lower().replace("_", " ")
        text = f"[project]\n\tstate = {state}\n\tdescription = {payload['description']}\n"
        self.write_config(name, f"[access]\n\tinheritFrom = {here.parent}\n{text}", here.groups)
        return {"to": payload["to"]}

    def _make_announce(self, name: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        said = (payload["change"], payload["message"])
        first = payload["message"].partition("\n")[0]
        if first not in [text.partition("\n")[0] for _, text in self.notes]:
            self.notes.append(said)
        done = first.startswith("Saltern converged")
        self.changes[payload["commit"]]["noted" if done else "failed"] = True
        return {}

    # Judging

    def kept(self, key: str, registry: Registry) -> bool:
        """Return whether the object of a step is as the registry says, by the model alone."""
        kind, _, name = key.partition(":")
        if kind == "group":
            return name in self.groups
        if kind == "members":
            return self._members_kept(name, registry)
        if kind == "retire":
            old, to = self.projects.get(name), registry.moved[name]
            return old is None or (old.state != "ACTIVE" and old.description == f"Renamed to {to}.")
        wanted, here = registry.projects[name], self.projects.get(name)
        if kind == "mirror" and wanted.state == "HIDDEN":
            return True
        if here is None or here.config is None:
            return kind == "access" and wanted.config is None
        branch = f"refs/heads/{wanted.default_branch}"
        if kind == "project":
            return wanted.description in ("", here.description)
        if kind == "content":
            return here.head == branch and branch in here.refs
        if kind == "access":
            return self._access_kept(wanted, here)
        have = self.mirrors.get(name)
        same = isinstance(have, dict) and have.get(branch) == here.refs.get(branch)
        return same or here.state == "HIDDEN"

    def _access_kept(self, wanted: Project, here: Repository) -> bool:
        if wanted.config is None:
            return True
        same = digest(here.config or "") == digest(wanted.config)
        return same and not self._wrong_groups(here)


def acl_text(groups: Iterable[str], parent: str, state: str = "ACTIVE") -> str:
    """Return an ACL file that lets ``groups`` read."""
    rules = "".join(f"\tread = group {name}\n" for name in groups)
    text = f"[access]\n\tinheritFrom = {parent}\n" if parent != ROOT else ""
    text += f'[access "refs/*"]\n{rules}' if rules else ""
    return text + (
        f"[project]\n\tstate = {state.lower().replace('_', ' ')}\n" * (state != "ACTIVE")
    )


def project(
    name: str,
    parent: str = ROOT,
    groups: Iterable[str] = (),
    *,
    acl: bool = True,
    state: str = "ACTIVE",
    description: str = "",
    branch: str = "master",
    upstream: str | None = None,
    **more: Any,
) -> Project:
    """Return an entry of a hand-made registry."""
    document = AclDocument.parse(acl_text(groups, parent, state), f"acls/{name}.config")
    return Project(
        name=name,
        position=Position("projects.yaml", 1, 1),
        description=description,
        parent=parent if acl else ROOT,
        default_branch=branch,
        acl_file=f"acls/{name}.config" if acl else None,
        acl=document if acl else None,
        groups=tuple(sorted(set(groups) - SYSTEM_GROUPS.keys())) if acl else (),
        state=state if acl else "ACTIVE",
        upstream=upstream,
        upstream_prefix=None,
        track_upstream=False,
        extra={},
        **more,
    )


def wish(name: str, **more: Any) -> Group:
    """Return an entry of groups.yaml; ``owner``, ``members`` and ``includes`` are plain names."""
    place = Position("groups.yaml", 1, 1)
    owner = Named(more["owner"], place) if more.get("owner") else None
    members, includes = (named(more.get(key), place) for key in ("members", "includes"))
    return Group(name, place, more.get("description"), owner, members, includes)


def registry(
    *projects: Project, findings: tuple[Finding, ...] = (), wishes: Iterable[Group] = ()
) -> Registry:
    """Return a hand-made registry; circles of parents are found as the registry's rules do."""
    group_wishes = {wish.name: wish for wish in wishes}
    groups = {g: p.position for p in projects for g in p.groups}
    groups |= {name: wish.position for name, wish in group_wishes.items() if name not in groups}
    parents = {p.name: p.parent for p in projects}
    circles = (
        Finding("SLT051", "error", p.position, "parents form a circle", p.name, "project")
        for p in projects
        if p.name in _upwards(parents, p.name)
    )
    said = (*findings, *circles)
    made = {p.name: p for p in projects}
    return Registry(None, made, groups, said, group_wishes=group_wishes)


def _upwards(parents: Mapping[str, str], name: str) -> list[str]:
    path: list[str] = []
    while (name := parents.get(name, ROOT)) != ROOT and name not in path:
        path.append(name)
    return path
