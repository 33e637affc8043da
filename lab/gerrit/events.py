"""stream-events: who gets which event, in which order, and what is dropped."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from .model import Account, User
from .repo import ZERO

if TYPE_CHECKING:
    from .model import Project
    from .site import Site

QUEUE = 128


def compact(data: object) -> str:
    """JSON as the server writes it on one line: HTML characters escaped."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&='":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


class Listener:
    """One connected stream: at most 128 events wait; what comes after is lost."""

    def __init__(self, user: User, types: list[str]):
        self.user = user
        self.types = set(types)
        self.queue: deque[str] = deque()
        self.dropped = False
        self.closed = False
        self.changed = asyncio.Event()

    def offer(self, line: str) -> None:
        if len(self.queue) >= QUEUE:
            self.dropped = True
        else:
            self.queue.append(line)
        self.changed.set()

    def take(self) -> str | None:
        """The next line to write: the marker of a loss goes before what waited."""
        if self.dropped:
            self.dropped = False
            return compact({"type": "dropped-output", "eventCreatedOn": int(time.time())})
        return self.queue.popleft() if self.queue else None

    def close(self) -> None:
        self.closed = True
        self.changed.set()


class Events:
    """Publishes events to the listeners that may see them."""

    def __init__(self, site: Site):
        self._site = site
        self.listeners: list[Listener] = []

    def listen(self, user: User, types: list[str]) -> Listener:
        listener = Listener(user, types)
        self.listeners.append(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        if listener in self.listeners:
            self.listeners.remove(listener)

    def cut(self) -> None:
        """End every stream."""
        for listener in self.listeners:
            listener.close()

    def wake(self) -> None:
        for listener in self.listeners:
            listener.changed.set()

    def publish(self, event: dict, visible: Callable[[User], bool]) -> None:
        """Hand an event to every listener that is connected now and may see it."""
        event["eventCreatedOn"] = int(time.time())
        chosen = [
            x
            for x in self.listeners
            if (not x.types or event["type"] in x.types) and visible(self._site.refresh(x.user))
        ]
        if not chosen:
            return
        line = compact(event)
        lag = self._site.faults.event_lag()
        for listener in chosen:
            if lag:
                asyncio.get_running_loop().call_later(lag, listener.offer, line)
            else:
                listener.offer(line)

    # --- events that are not about a change ---

    def project_created(self, project: Project) -> None:
        event = {
            "projectName": project.name,
            "headName": project.repo.head,
            "type": "project-created",
        }
        self.publish(event, lambda user: self._site.permissions.sees(user, project))

    def head_updated(self, project: Project, old: str, new: str) -> None:
        event = {
            "projectName": project.name,
            "oldHead": old,
            "newHead": new,
            "type": "project-head-updated",
        }
        self.publish(event, lambda user: self._site.permissions.sees(user, project))

    def ref_updated(
        self, project: Project, by: Account | None, ref: str, old: str | None, new: str
    ) -> None:
        event: dict = {"submitter": by.attribute()} if by else {}
        event |= {
            "refUpdate": {
                "oldRev": old or ZERO,
                "newRev": new,
                "refName": ref,
                "project": project.name,
            },
            "type": "ref-updated",
        }
        self.publish(event, lambda user: self._site.reads_ref(user, project, ref))
