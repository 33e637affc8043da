"""Reviews: votes, comments, messages."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from .change import REVIEWER, Change, Comment, PatchSet, Vote
from .diff import commit_diff
from .errors import Refusal, bad_request, conflict
from .labels import labels_for, vote_range
from .model import User
from .projectconfig import signed

if TYPE_CHECKING:
    from .site import Site

SIZE_LIMIT = 16384
_REJECTED = "One or more comments were rejected in validation: "


def review(site: Site, user: User, change: Change, patch: PatchSet, data: dict) -> dict:
    """Apply a ReviewInput; the labels it set. Refusal with the real server's words."""
    tag = data.get("tag")
    votes = _checked_votes(site, user, change, data.get("labels") or {})
    comments = _checked_comments(site, user, change, patch, data)
    message = (data.get("message") or "").strip()
    _check_sizes(site, change, comments, message)
    if data.get("drafts") in ("PUBLISH", "PUBLISH_ALL_REVISIONS"):
        comments += _published_drafts(change, user)
    old = {name: change.vote_of(user.id, name) for name in labels_for(site, change)}
    before = {name: vote.value if vote else 0 for name, vote in old.items()}
    set_votes(user, change, votes, tag)
    state = _set_state(change, data)
    changed = {n: v for n, v in votes.items() if v != before.get(n, 0)}
    if comments or message or changed or state:
        _attention(site, user, change, votes)
        _publish(site, user, change, patch, comments, message, changed, before, tag)
    elif not data.get("drafts") and data.get("labels"):
        _attention(site, user, change, votes)
        site.store.put("change", change.number, change.data())
    return votes


def _checked_votes(site: Site, user: User, change: Change, labels: dict) -> dict[str, int]:
    found, types = {}, labels_for(site, change)
    for name, value in labels.items():
        label = types.get(name)
        if label is None or (value or 0) not in label.values:
            continue
        low, high = vote_range(site, user, change, label)
        if value and not low <= value <= high:
            raise Refusal(403, f'Applying label "{name}": {value} is restricted')
        old = change.vote_of(user.id, name)
        if not change.open and (value or 0) < (old.value if old else 0 if value >= 0 else 0):
            raise conflict(f"Cannot reduce vote on labels for closed change: {name}")
        found[name] = value or 0
    return found


def set_votes(user: User, change: Change, votes: dict[str, int], tag: str | None) -> None:
    """Record votes of a user on the current patch set."""
    current = change.current_votes()
    for name, value in votes.items():
        old = change.vote_of(user.id, name)
        if old is None:
            current.append(Vote(name, user.id, value, time.time(), tag))
        elif old.value != value or value:
            old.value, old.at, old.tag = value, time.time(), tag
    if votes:
        change.reviewers[user.id] = REVIEWER


def _set_state(change: Change, data: dict) -> bool:
    before = change.wip
    if data.get("ready"):
        change.wip, change.started = False, True
    if data.get("work_in_progress"):
        change.wip = True
    return change.wip != before


# --- comments ---


def _checked_comments(
    site: Site, user: User, change: Change, patch: PatchSet, data: dict
) -> list[Comment]:
    by_path = data.get("comments") or {}
    if not by_path:
        return []
    rows = commit_diff(site.changes.repo(change), patch.commit)
    known = {row.path for row in rows} | {"/COMMIT_MSG", "/PATCHSET_LEVEL", "/MERGE_LIST"}
    found = []
    for path, inputs in by_path.items():
        if path not in known:
            where = f"{change.number},{patch.number}"
            raise bad_request(f"file {path} not found in revision {where}")
        for each in inputs or []:
            comment = _comment(user, change, patch, path, each, data.get("tag"))
            if comment:
                found.append(comment)
    if data.get("omit_duplicate_comments"):
        seen = [_same(comment) for comment in change.published()]
        found = [comment for comment in found if _same(comment) not in seen]
    return found


def _same(comment: Comment) -> tuple:
    return comment.path, comment.line, comment.range, comment.text, comment.patch_set


def _comment(user, change, patch, path: str, data: dict, tag) -> Comment | None:
    line, span = data.get("line"), data.get("range")
    if line is not None and line < 0:
        raise bad_request(f"negative line number {line} not allowed on {path}")
    if span and not _valid(span):
        text = f"{span.get('start_line')}:{span.get('start_character')}"
        text += f" - {span.get('end_line')}:{span.get('end_character')}"
        raise bad_request(f"Range ({text}) is not valid for the comment on {path}")
    if data.get("fix_suggestions"):
        raise Refusal(500, "Internal server error")
    parent = data.get("in_reply_to")
    if parent and parent not in {c.id for c in change.comments}:
        raise bad_request(f"Invalid inReplyTo, comment {parent} not found")
    text = (data.get("message") or "").strip()
    if not text:
        return None
    unresolved = data.get("unresolved")
    if unresolved is None:
        unresolved = any(c.unresolved for c in change.comments if c.id == parent)
    return Comment(
        new_id(),
        path,
        user.id,
        time.time(),
        patch.number,
        text,
        line=span["end_line"] if span else line or None,
        range=span,
        side=data.get("side"),
        unresolved=unresolved,
        in_reply_to=parent,
        tag=tag,
    )


def new_id() -> str:
    """A comment's id."""
    return f"{secrets.token_hex(4)}_{secrets.token_hex(4)}"


def _valid(span: dict) -> bool:
    keys = ("start_line", "start_character", "end_line", "end_character")
    if any(not isinstance(span.get(k), int) or span[k] < 0 for k in keys):
        return False
    start = (span["start_line"], span["start_character"])
    return start <= (span["end_line"], span["end_character"]) and span["start_line"] > 0


def _check_sizes(site: Site, change: Change, comments: list[Comment], message: str) -> None:
    sizes = [*map(_size, comments), _length(message)]
    failures = [
        *_too_many(site, change, len(sizes)),
        *(f"Comment size exceeds limit ({n} > {SIZE_LIMIT})" for n in sizes if n > SIZE_LIMIT),
        *_too_much(site, change, sum(sizes)),
    ]
    if failures:
        raise bad_request(_REJECTED + "; ".join(failures))


def _too_many(site: Site, change: Change, new: int) -> list[str]:
    """The real server counts messages too; the new one always, even one without a text."""
    existing = len(change.published()) + len(change.messages)
    if existing + new <= site.max_comments:
        return []
    count = f"{existing} (existing) + {new} (new) > {site.max_comments}"
    return [f"Exceeding maximum number of comments: {count}"]


def _too_much(site: Site, change: Change, new: int) -> list[str]:
    existing = sum(map(_size, change.published())) + sum(_length(m.text) for m in change.messages)
    most = site.cumulative_comment_size_limit
    if existing + new < most:
        return []
    size = f"{existing} (existing) + {new} (new) > {most}"
    return [f"Exceeding maximum cumulative size of comments and change messages: {size}"]


def _size(comment: Comment) -> int:
    """A comment's size as the real server counts it: text, path, tag and what else it stores."""
    return sum(map(_length, (comment.text, comment.path, comment.tag or ""))) + 93


def _length(text: str) -> int:
    """A text's length in UTF-16 code units."""
    return len(text) + sum(char > "\uffff" for char in text)


def _published_drafts(change: Change, user: User) -> list[Comment]:
    mine = [c for c in change.comments if c.draft and c.author == user.id]
    change.comments = [c for c in change.comments if c not in mine]
    for comment in mine:
        comment.draft = False
    return mine


# --- the outcome ---


def _attention(site: Site, user: User, change: Change, votes: dict[str, int]) -> None:
    robot = bool(site.accounts.tags(user.account))
    if user.id == change.owner:
        change.drop_attention(user.id, "removed on reply")
    elif robot:
        if any(value < 0 for value in votes.values()) and change.open:
            change.want_attention(change.owner, "A robot voted negatively on a label")
    else:
        change.drop_attention(user.id, "removed on reply")
        if change.open:
            change.want_attention(change.owner, "Someone else replied on the change")


def _publish(site, user, change, patch, comments, message, changed, before, tag) -> None:
    shown = "".join(
        f" {name}{signed(value)}" if value else f" -{name}" for name, value in changed.items()
    )
    text = f"Patch Set {patch.number}:{shown}"
    if comments:
        text += f"\n\n({len(comments)} comment{'s' if len(comments) > 1 else ''})"
    if message:
        text += f"\n\n{message}"
    record = change.add_message(user.id, text, patch.number, tag)
    for comment in comments:
        comment.message_id = record.id
    change.comments += comments
    if user.id != change.owner:
        change.reviewers.setdefault(user.id, REVIEWER)
    site.changes.save(change, user, f"Review patch set {patch.number}")
    event = {"author": user.account.attribute()}
    approvals = _approvals(site, user, change, changed, before)
    if patch is change.current and change.open:
        event["approvals"] = approvals
    event |= {"comment": text, "type": "comment-added"}
    site.changes.publish(change, event, patch)


def _approvals(site, user, change, changed, before) -> list[dict]:
    rows = []
    for name in labels_for(site, change):
        vote = change.vote_of(user.id, name)
        row = {"type": name, "description": name, "value": str(vote.value if vote else 0)}
        if name in changed:
            row["oldValue"] = str(before.get(name, 0))
        rows.append(row)
    return rows
