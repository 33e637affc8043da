"""Pushes to refs/for/: the commits become changes and patch sets."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from .change import CC, REVIEWER, Change
from .changes import NEW_PATCH_SET
from .commitchecks import (
    LIMIT,
    Rejected,
    change_id,
    check_commit,
    new_commits,
    require_change_id,
)
from .configchecks import check_config_push
from .errors import Refusal
from .projectconfig import signed
from .projects import full_ref
from .repo import CONFIG_REF
from .wording import words

if TYPE_CHECKING:
    from .receive import Command, Push

_FLAGS = words(
    "wip ready private remove-private draft edit submit merged publish-comments "
    "no-publish-comments skip-validation create-cod-token "
    "ignore-automatic-attention-set-rules"
)
_VALUES = words("topic hashtag t r reviewer cc m message l label notify base trace deadline")


@dataclass
class Options:
    """What follows ``%`` in the ref, or comes as push options."""

    topic: str | None = None
    hashtags: list[str] = field(default_factory=list)
    reviewers: list[str] = field(default_factory=list)
    cc: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    message: str = ""
    flags: set[str] = field(default_factory=set)


def parse_options(text: str, extra: list[str]) -> Options:
    """The options; Rejected for an unknown one."""
    options = Options()
    for item in [x for x in text.split(",") if x] + [x for x in extra if "~" not in x]:
        key, equals, value = item.partition("=")
        value = unquote_plus(value)
        if key in _FLAGS:
            options.flags.add(key)
        elif key not in _VALUES and item in extra:
            continue
        elif key not in _VALUES:
            raise Rejected(f'"--{key}" is not a valid option')
        elif key == "topic":
            options.topic = value or None
        elif key in ("hashtag", "t"):
            options.hashtags.append(value.lstrip("#"))
        elif key in ("r", "reviewer"):
            options.reviewers.append(value)
        elif key == "cc":
            options.cc.append(value)
        elif key in ("l", "label"):
            options.labels.append(value)
        elif key in ("m", "message"):
            options.message = value.replace("_", " ")
    return options


def push_for_review(push: Push, command: Command) -> None:
    """Make changes or patch sets of the commits that are new; Rejected otherwise."""
    name, _, text = command.ref.removeprefix("refs/for/").partition("%")
    options = parse_options(text, push.options)
    branch = full_ref(name)
    project, repo = push.project, push.project.repo
    if branch not in repo.refs and branch != project.repo.head:
        raise Rejected(f"branch {name.removeprefix('refs/heads/')} not found")
    if not push.site.permissions.may(push.user, project, f"refs/for/{branch}", "push"):
        raise Rejected(f"prohibited by Gerrit: not permitted: create change on {branch}")
    commits = list(reversed(new_commits(push, command.new, repo.refs.get(branch))))
    if len(commits) > LIMIT:
        raise Rejected("more than 10000 commits, and skip-validation not set")
    plan = _plan(push, branch, commits)
    if not plan:
        raise Rejected("no new changes")
    people = _people(push, options)
    if branch == CONFIG_REF:
        check_config_push(push, command.new)
    results = [_carry_out(push, branch, step, options, people) for step in plan]
    _success(push, results)


def _people(push: Push, options: Options) -> dict[int, str]:
    found = {}
    for names, kind in ((options.reviewers, REVIEWER), (options.cc, CC)):
        for name in names:
            try:
                account = push.site.accounts.resolve(name, push.user)
            except Refusal:
                raise Rejected(f"Account '{name}' not found") from None
            found[account.id] = kind
    return found


def _requires_change_id(push: Push) -> bool:
    for each in push.site.chain(push.project):
        value = each.config.booleans["require_change_id"]
        if value != "INHERIT":
            return value == "TRUE"
    return True


def _plan(push: Push, branch: str, commits: list[str]) -> list[tuple[str, str, Change | None]]:
    """``(commit, Change-Id, existing change)`` for every commit that needs something."""
    steps: list[tuple[str, str, Change | None]] = []
    seen: set[str] = set()
    for oid in commits:
        commit = push.project.repo.commit(oid)
        here = [c for c, _ in push.site.changes.of_commit(oid) if c.project == push.project.name]
        same = [c for c in here if c.branch == branch]
        if any(c.open and c.current.commit == oid for c in same):
            continue
        check_commit(push, branch, commit)
        if _requires_change_id(push):
            key = require_change_id(push, commit)
        else:
            key = change_id(commit.message) or f"I{oid}"
        if key in seen:
            raise Rejected("same Change-Id in multiple changes.\nSquash the commits")
        seen.add(key)
        known = [
            c
            for c in push.site.changes.by_number.values()
            if (c.project, c.branch, c.change_id) == (push.project.name, branch, key)
        ]
        if known and not known[0].open:
            url = f"{push.site.http_url}/c/{push.project.name}/+/{known[0].number}"
            raise Rejected(f"change {url} closed")
        steps.append((oid, key, known[0] if known else None))
    return steps


def _carry_out(push, branch, step, options: Options, people: dict[int, str]) -> dict:
    oid, key, known = step
    site, user = push.site, push.user
    if known is None:
        push.created += 1
        fields = {
            "topic": options.topic,
            "hashtags": sorted(set(options.hashtags)),
            "wip": "wip" in options.flags,
            "private": "private" in options.flags,
        }
        change = site.changes.create(push.project, branch, key, oid, user, **fields)
        outdated: list = []
    else:
        push.updated += 1
        change = known
        _, outdated = site.changes.add_patch_set(change, oid, user)
        _retouch(change, options)
    added = [a for a, kind in people.items() if a != change.owner and a not in change.reviewers]
    change.reviewers |= {a: people[a] for a in added}
    _vote(push, change, options)
    text = f"Uploaded patch set {change.current.number}."
    text += f"\n\n{options.message}" if options.message else ""
    tag = NEW_PATCH_SET.replace("new", "newWip") if change.wip else NEW_PATCH_SET
    change.add_message(user.id, text, change.current.number, tag)
    site.changes.save(change, user, f"Create patch set {change.current.number}")
    site.changes.announce_patch_set(change, user, added)
    if known is None and change.topic:
        # The real server names the new topic as the old one here.
        topic = {"changer": user.account.attribute(), "oldTopic": change.topic}
        site.changes.publish(change, {**topic, "type": "topic-changed"})
    return {"change": change, "new": known is None, "outdated": outdated}


def _retouch(change: Change, options: Options) -> None:
    if options.topic:
        change.topic = options.topic
    change.hashtags = sorted({*change.hashtags, *options.hashtags})
    if "wip" in options.flags:
        change.wip = True
    if "ready" in options.flags:
        change.wip, change.started = False, True
    if "private" in options.flags:
        change.private = True
    if "remove-private" in options.flags:
        change.private = False


def _vote(push: Push, change: Change, options: Options) -> None:
    if options.labels:
        from .review import set_votes

        votes = {}
        for text in options.labels:
            match = re.fullmatch(r"([\w-]+?)(?:=?([+-]?\d+))?", text)
            if match:
                votes[match[1]] = int(match[2] or 1)
        set_votes(push.user, change, votes, None)


def _success(push: Push, results: list[dict]) -> None:
    repo, lines = push.project.repo, ["\nSUCCESS\n\n"]
    for result in results:
        change = result["change"]
        subject = repo.commit(change.current.commit).subject
        marks = (" [PRIVATE]" if change.private else "") + (" [WIP]" if change.wip else "")
        marks += " [NEW]" if result["new"] else ""
        url = f"{push.site.http_url}/c/{change.project}/+/{change.number}"
        lines.append(f"  {url} {subject}{marks}\n")
    lines.append("\n")
    for result in results:
        if result["outdated"]:
            lines.append("The following approvals got outdated and were removed:\n")
            names = push.site.accounts.by_id
            lines += [
                f"* {v.label}{signed(v.value)} by {names[v.account].shown_name}\n"
                for v in result["outdated"]
            ]
            lines.append("\n")
    push.closing.append("".join(lines))


def push_to_change(push: Push, command: Command) -> None:
    """A push to refs/changes/NN[/PS]: as if to refs/for/ of that change's branch."""
    commit = push.project.repo.commit(command.new)
    require_change_id(push, commit)
    number = command.ref.split("/")[-1]
    change = push.site.changes.get(int(number)) if number.isdigit() else None
    if change is None or change.project != push.project.name:
        raise Rejected("prohibited by Gerrit: not permitted: update")
    step = (commit.id, change.change_id, change)
    _success(push, [_carry_out(push, change.branch, step, Options(), {})])
