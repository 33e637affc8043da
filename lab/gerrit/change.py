"""A change and what belongs to it, as stored."""

from __future__ import annotations

import secrets
import time
from dataclasses import asdict, dataclass, field

REVIEWER, CC = "REVIEWER", "CC"


@dataclass
class PatchSet:
    number: int
    commit: str
    uploader: int
    created: float
    kind: str = "REWORK"
    description: str | None = None
    conflicts: dict | None = None


@dataclass
class Vote:
    """A vote on the current patch set, or kept from an older one."""

    label: str
    account: int
    value: int
    at: float
    tag: str | None = None


@dataclass
class Message:
    id: str
    author: int
    at: float
    text: str
    patch_set: int
    tag: str | None = None


@dataclass
class Comment:
    id: str
    path: str
    author: int
    at: float
    patch_set: int
    text: str
    message_id: str = ""
    line: int | None = None
    range: dict | None = None
    side: str | None = None
    unresolved: bool = False
    in_reply_to: str | None = None
    tag: str | None = None
    draft: bool = False


@dataclass
class Change:
    number: int
    project: str
    branch: str
    change_id: str
    owner: int
    created: float
    updated: float
    status: str = "NEW"
    topic: str | None = None
    hashtags: list[str] = field(default_factory=list)
    wip: bool = False
    started: bool = True
    private: bool = False
    patch_sets: list[PatchSet] = field(default_factory=list)
    votes: dict[int, list[Vote]] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    reviewers: dict[int, str] = field(default_factory=dict)
    attention: dict[int, dict] = field(default_factory=dict)
    submitter: int | None = None
    submitted: float | None = None
    submission_id: str | None = None
    merged_as: str | None = None
    records: list[dict] | None = None
    edits: dict[int, dict] = field(default_factory=dict)

    @property
    def current(self) -> PatchSet:
        return self.patch_sets[-1]

    @property
    def open(self) -> bool:
        return self.status == "NEW"

    @property
    def short_branch(self) -> str:
        return self.branch.removeprefix("refs/heads/")

    def ref(self, patch_set: int | str) -> str:
        """The ref of a patch set, or of ``meta``."""
        return f"refs/changes/{self.number % 100:02d}/{self.number}/{patch_set}"

    def patch_set(self, number: int) -> PatchSet | None:
        return next((p for p in self.patch_sets if p.number == number), None)

    def current_votes(self) -> list[Vote]:
        return self.votes.setdefault(self.current.number, [])

    def vote_of(self, account: int, label: str) -> Vote | None:
        found = (v for v in self.current_votes() if (v.account, v.label) == (account, label))
        return next(found, None)

    def published(self) -> list[Comment]:
        return [c for c in self.comments if not c.draft]

    def unresolved_count(self) -> int:
        """Threads whose last comment is unresolved."""
        parents = {c.in_reply_to for c in self.published()}
        return sum(c.unresolved for c in self.published() if c.id not in parents)

    def add_message(
        self, author: int, text: str, patch_set: int, tag: str | None = None
    ) -> Message:
        message = Message(secrets.token_hex(20), author, time.time(), text, patch_set, tag)
        self.messages.append(message)
        return message

    def want_attention(self, account: int, reason: str) -> None:
        self.attention[account] = {"in": True, "at": time.time(), "reason": reason}

    def drop_attention(self, account: int, reason: str) -> None:
        if self.attention.get(account, {}).get("in"):
            self.attention[account] = {"in": False, "at": time.time(), "reason": reason}

    def data(self) -> dict:
        return asdict(self)

    @classmethod
    def from_data(cls, data: dict) -> Change:
        data["patch_sets"] = [PatchSet(**p) for p in data["patch_sets"]]
        data["votes"] = {int(n): [Vote(**v) for v in vs] for n, vs in data["votes"].items()}
        data["messages"] = [Message(**m) for m in data["messages"]]
        data["comments"] = [Comment(**c) for c in data["comments"]]
        for key in ("reviewers", "attention", "edits"):
            data[key] = {int(k): v for k, v in data[key].items()}
        return cls(**data)
