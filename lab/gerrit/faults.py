"""Misbehaviour on demand: a small table of named faults."""

from __future__ import annotations

import asyncio
import math
import os
import re
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import LOCK_FAILURE, Refusal, bad_request

if TYPE_CHECKING:
    from .site import Site

# name -> (what it does, field -> (default, meaning)). ``count`` is how many times the fault
# strikes before it is used up (0: until cleared), ``skip`` how many matches pass before it.
_WHEN = {"count": (1, "times it strikes; 0 until cleared"), "skip": (0, "matches let pass first")}
_CALL = {"method": (".*", "regex"), "path": (".*", "regex, searched in the raw path and query")}
TABLE: dict[str, tuple[str, dict[str, tuple[object, str]]]] = {
    "cut-streams": ("close every event stream now", {}),
    "lag-events": ("deliver events late", {"ms": (0, "delay; 0 ends it"), "count": (0, "unused")}),
    "stall-streams": (
        "stop writing to the event streams until cleared; they overflow at 128",
        {"user": (".*", "regex of user names"), "count": (0, "unused")},
    ),
    "refuse-calls": (
        "answer REST calls with a refusal, without effect",
        {**_CALL, **_WHEN, "status": (503, "HTTP status"), "text": ("refused", "body")},
    ),
    "cut-calls": (
        "close the connection instead of answering, after the effect",
        {**_CALL, **_WHEN},
    ),
    "delay-calls": ("answer REST calls late", {**_CALL, **_WHEN, "ms": (1000, "delay")}),
    "hold-calls": (
        "hold REST calls until cleared",
        {**_CALL, "count": (0, "unused"), "skip": (0, "matches let pass first")},
    ),
    "refuse-pushes": (
        "refuse refs of pushes",
        {
            "project": (".*", "regex"),
            "ref": (".*", "regex"),
            "text": ("internal error", "the ref's status"),
            **_WHEN,
        },
    ),
    "die": (
        "SIGKILL this process at a point",
        {
            "at": ("call.before", "a name of POINTS"),
            "match": (".*", "regex, searched in the point's subject"),
            **_WHEN,
        },
    ),
    "half-made": (
        "abandon project creations half way and close the connection",
        {
            "project": (".*", "regex"),
            "stage": ("none", "none: no ref at all; config: no branch; lock: no branch, locked"),
            **_WHEN,
        },
    ),
    "lag-search": (
        "searches by query= do not find projects and groups made since the fault was set",
        {"count": (0, "unused")},
    ),
    "contend-groups": (
        "several group creations at once back off from their shared ref",
        {
            "ms": (400, "how long each loser waits per rival"),
            "limit": (8, "rivals from which a creation ends with 503"),
            "gather": (0, "creations that are held back until so many are there"),
            "count": (0, "unused"),
        },
    ),
    "slow-create": (
        "leave a project half made for a while, or until cleared, during its creation",
        {"project": (".*", "regex"), "ms": (200, "pause after each step"), **_WHEN},
    ),
}
POINTS = {
    "call.before": "a REST call arrived, nothing done; subject `METHOD path`",
    "call.after": "its effect is there, the answer not sent; subject `METHOD path`",
    "project.repo": "a project's repository exists, no ref; subject: the project",
    "project.config": "its refs/meta/config exists, its branch does not; subject: the project",
    "group.before": "a group is checked but not stored; subject: the group",
    "push.before": "a pack arrived, no ref moved; subject `project ref`",
    "push.after": "a ref moved, the answer not sent; subject `project ref`",
    "submit.after": "a branch moved, the change is not closed; subject: the change's number",
}


@dataclass
class Fault:
    id: int
    name: str
    fields: dict

    def strikes(self, **subject: str) -> bool:
        """Count a match; whether the fault applies to it."""
        if any(not re.search(str(self.fields[key]), text) for key, text in subject.items()):
            return False
        if self.fields.get("skip", 0) > 0:
            self.fields["skip"] -= 1
            return False
        return True


class HalfMade(Exception):
    """Raised inside a project creation that is to be abandoned."""


class Faults:
    """The active faults."""

    def __init__(self, site: Site):
        self._site = site
        self._active: list[Fault] = []
        self._number = 0
        self._rivals = 0
        self._gathered = asyncio.Event()

    def add(self, name: str, fields: dict) -> int:
        """Arm a fault of TABLE; its id. Refusal 400 for an unknown name or field."""
        if name not in TABLE:
            raise bad_request(f"unknown fault {name}; known: {', '.join(TABLE)}")
        known = TABLE[name][1]
        for key in fields:
            if key not in known:
                raise bad_request(f"unknown field {key} of {name}; known: {', '.join(known)}")
        if fields.get("at", "call.before") not in POINTS:
            raise bad_request(f"unknown point; known: {', '.join(POINTS)}")
        self._number += 1
        values = {key: default for key, (default, _) in known.items()} | fields
        if name == "cut-streams":
            self._site.events.cut()
            return self._number
        self._active.append(Fault(self._number, name, values))
        if name == "lag-search":
            self._site.freeze_index(True)
        return self._number

    def clear(self, number: int | None = None) -> None:
        """Disarm one fault or all."""
        gone = [f for f in self._active if number in (None, f.id)]
        self._active = [f for f in self._active if f not in gone]
        if any(f.name == "lag-search" for f in gone):
            self._site.freeze_index(False)
        self._site.events.wake()

    def describe(self) -> list[dict]:
        return [{"id": f.id, "fault": f.name, **f.fields} for f in self._active]

    def _take(self, name: str, **subject: str) -> Fault | None:
        for fault in self._active:
            if fault.name == name and fault.strikes(**subject):
                if fault.fields.get("count"):
                    fault.fields["count"] -= 1
                    if not fault.fields["count"]:
                        self._active.remove(fault)
                return fault
        return None

    def _first(self, name: str) -> Fault | None:
        return next((f for f in self._active if f.name == name), None)

    async def _while_active(self, fault: Fault, seconds: float = math.inf) -> None:
        """Return when the fault was cleared, or after ``seconds``."""
        deadline = time.monotonic() + seconds
        while fault in self._active and time.monotonic() < deadline:
            await asyncio.sleep(0.01)

    # --- where faults strike ---

    def die_at(self, point: str, subject: str) -> None:
        """End this process the hard way if a fault says so."""
        for fault in [f for f in self._active if f.name == "die" and f.fields["at"] == point]:
            if fault.strikes(match=subject):
                os.kill(os.getpid(), signal.SIGKILL)

    async def before_call(self, method: str, path: str) -> None:
        """To be awaited before a REST call has any effect."""
        self.die_at("call.before", f"{method} {path}")
        delay = self._take("delay-calls", method=method, path=path)
        if delay:
            await asyncio.sleep(delay.fields["ms"] / 1000)
        hold = self._take("hold-calls", method=method, path=path)
        if hold:
            await self._while_active(hold)
        refusal = self._take("refuse-calls", method=method, path=path)
        if refusal:
            raise Refusal(refusal.fields["status"], refusal.fields["text"])

    def after_call(self, method: str, path: str) -> bool:
        """To be called after the effect; whether the connection is to be cut."""
        self.die_at("call.after", f"{method} {path}")
        return self._take("cut-calls", method=method, path=path) is not None

    def refuse_push(self, project: str, ref: str) -> str | None:
        """A ref's refusal, if a fault wants one."""
        fault = self._take("refuse-pushes", project=project, ref=ref)
        return fault.fields["text"] if fault else None

    async def project_step(self, step: str, project: str) -> None:
        """Between the steps of a project's creation: ``repo`` done, then ``config`` done."""
        self.die_at(f"project.{step}", project)
        for fault in [f for f in self._active if f.name == "half-made"]:
            wanted = "repo" if fault.fields["stage"] == "none" else "config"
            if step == wanted and self._take("half-made", project=project):
                if fault.fields["stage"] == "lock":
                    repo = self._site.projects[project].repo
                    lock = repo.path / f"{repo.head}.lock"
                    lock.parent.mkdir(parents=True, exist_ok=True)
                    lock.touch()
                raise HalfMade(project)
        slow = self._first("slow-create")
        if slow and re.search(slow.fields["project"], project):
            await self._while_active(slow, slow.fields["ms"] / 1000)
            if step == "config":
                self._take("slow-create", project=project)
        else:
            await asyncio.sleep(0)

    async def shared_ref(self, group: str) -> None:
        """The shared ref that every group creation writes."""
        self.die_at("group.before", group)
        fault = self._first("contend-groups")
        if fault is None:
            await asyncio.sleep(0)
            return
        rivals, self._rivals = self._rivals, self._rivals + 1
        if self._rivals >= fault.fields["gather"]:
            self._gathered.set()
        try:
            await self._gathered.wait()
            await asyncio.sleep(rivals * fault.fields["ms"] / 1000)
            if rivals >= fault.fields["limit"]:
                raise LOCK_FAILURE
        finally:
            self._rivals -= 1

    def event_lag(self) -> float:
        """Seconds by which events are late."""
        fault = self._first("lag-events")
        return fault.fields["ms"] / 1000 if fault else 0

    def stalled(self, user: str) -> bool:
        """Whether this user's streams are not to be written to."""
        return any(
            f.name == "stall-streams" and re.search(f.fields["user"], user) for f in self._active
        )
