"""ssh commands on changes: review, query, reviewers, topic; and the commit hook."""

from __future__ import annotations

import json
import re
import time

from . import attributes
from . import submit as actions
from .change import Change, PatchSet, Vote
from .diff import commit_diff
from .errors import Refusal
from .events import compact
from .labels import submit_records
from .query import limit_in, search
from .rest_changes import set_topic as give_topic
from .rest_review import add_reviewers, find_reviewers, remove_reviewer
from .review import review as post_review
from .sshcommands import Fatal, Plain, Session, command, parse

_PARTS = (
    "current-patch-set patch-sets all-approvals commit-message comments files dependencies "
    "submit-records all-reviewers"
)


# --- review ---


def _patch_set(session: Session, text: str) -> tuple[Change, PatchSet]:
    match = re.fullmatch(r"(\d+),(\d+)", text)
    site = session.site
    if match:
        change = site.changes.get(int(match[1]))
        if change is None or not site.changes.sees(session.user, change):
            raise Fatal(f'"{match[1]}" no such change')
        patch = change.patch_set(int(match[2]))
        if patch is None:
            raise Fatal(f'"{text}" no such patch set')
        return change, patch
    if re.fullmatch(r"[0-9a-f]{4,40}", text) and not text.isdigit():
        for change in site.changes.by_number.values():
            for patch in change.patch_sets:
                if patch.commit.startswith(text) and site.changes.sees(session.user, change):
                    return change, patch
        raise Fatal(f'"{text}" no such patch set')
    raise Fatal(f'"{text}" is not a valid patch set')


@command("review")
async def review(session: Session, words: list[str]) -> str:
    labels = "code-review"
    flags = "abandon restore rebase submit|s json|j strict-labels"
    values = f"message|m label|l tag|t notify|n project|p branch|b move {labels}"
    names, options = parse(words, flags, values)
    if not names:
        raise Fatal("at least one patch set is required")
    targets = [_patch_set(session, name) for name in names]
    data = await _review_input(session, options)
    problems = []
    for change, patch in targets:
        try:
            _review_one(session, change, patch, options, data)
        except Refusal as refusal:
            problems.append(f"error: fatal: {refusal.text}\n\n")
    if problems:
        text = "fatal: one or more reviews failed; review output above\n"
        raise Plain("".join(problems) + text)
    return ""


async def _review_input(session: Session, options: dict) -> dict:
    if options.get("json"):
        text = await session.stdin()
        try:
            return json.loads(text)
        except ValueError:
            column = len(text.rstrip("\n")) + 1
            raise Plain(
                f"error: java.io.EOFException: End of input at line 1 column {column} path $.\n\n"
                "fatal: internal error while reading review input\n"
            ) from None
    data: dict = {"labels": {}}
    for text in options.get("label", []):
        name, _, value = text.partition("=")
        data["labels"][name] = int(value or 1)
    if "code-review" in options:
        data["labels"]["Code-Review"] = int(options["code-review"][-1])
    if "message" in options:
        data["message"] = options["message"][-1]
    if "tag" in options:
        data["tag"] = options["tag"][-1]
    return data


def _review_one(session: Session, change, patch, options: dict, data: dict) -> None:
    site, user = session.site, session.user
    message = data.get("message") or ""
    if options.get("abandon"):
        actions.abandon(site, user, change, message)
    elif options.get("restore"):
        actions.restore(site, user, change, message)
    else:
        if data.get("labels") or message or data.get("comments"):
            post_review(site, user, change, patch, data)
        if options.get("rebase"):
            actions.rebase(site, user, change)
        if options.get("submit"):
            actions.submit(site, user, change)


# --- query ---


@command("query")
async def query(session: Session, words: list[str]) -> str:
    terms, options = parse(_merge_braces(words), _PARTS, "format start|S limit")
    text = " ".join(_quoted(term) for term in terms)
    begun = time.monotonic()
    style = options.get("format", ["text"])[-1].lower()
    try:
        found = search(session.site, session.user, text)
    except Refusal as refusal:
        return _show({"type": "error", "message": refusal.text}, style)
    start = int(options.get("start", [0])[-1])
    limit = min(limit_in(text) or 500, 500)
    shown = found[start : start + limit]
    out = [_show(_row(session, change, options), style) for change in shown]
    stats = {
        "type": "stats",
        "rowCount": len(shown),
        "runTimeMilliseconds": int((time.monotonic() - begun) * 1000) + 1,
        "moreChanges": len(found) > start + len(shown),
    }
    return "".join(out) + _show(stats, style)


def _merge_braces(words: list[str]) -> list[str]:
    """``message:{a b}`` arrives as several words: put it together again."""
    merged: list[str] = []
    for word in words:
        if merged and merged[-1].count("{") > merged[-1].count("}"):
            merged[-1] += " " + word
        else:
            merged.append(word)
    return merged


def _quoted(term: str) -> str:
    name, colon, value = term.partition(":")
    if colon and " " in value and "{" not in value:
        return f'{name}:"{value}"'
    return term


def _row(session: Session, change: Change, options: dict) -> dict:
    site = session.site
    row = attributes.change(site, change, bool(options.get("commit-message")))
    status, hashtags = row.pop("status"), row.pop("hashtags", [])
    created = row.pop("createdOn")
    flags = {key: row.pop(key) for key in ("wip", "private") if key in row}
    row |= {"hashtags": hashtags, "createdOn": created, "lastUpdated": int(change.updated)}
    row |= {"open": change.open, "status": status, **flags}
    if options.get("comments"):
        row["comments"] = [
            {
                "timestamp": int(m.at),
                "reviewer": site.accounts.by_id[m.author].attribute(),
                "message": m.text,
            }
            for m in change.messages
        ]
    if options.get("current-patch-set"):
        row["currentPatchSet"] = _patch_row(session, change, change.current, options, True)
    if options.get("patch-sets") or options.get("all-approvals"):
        row["patchSets"] = [_patch_row(session, change, p, options) for p in change.patch_sets]
    if options.get("dependencies"):
        row |= _dependencies(session, change)
    if options.get("submit-records"):
        row["submitRecords"] = _records(session, change)
    return row


def _patch_row(session, change: Change, patch: PatchSet, options, shown_current=False) -> dict:
    site = session.site
    row = attributes.patch_set(site, change, patch)
    sizes = {key: row.pop(key) for key in ("sizeInsertions", "sizeDeletions")}
    votes = [v for v in change.votes.get(patch.number, []) if v.value]
    if votes and (options.get("all-approvals") or shown_current):
        row["approvals"] = [_approval(site, vote) for vote in sorted(votes, key=_by_label)]
        if change.submitted and patch is change.current:
            row["approvals"].append(
                {
                    "type": "SUBM",
                    "value": "1",
                    "grantedOn": int(change.submitted),
                    "by": site.accounts.by_id[change.submitter].attribute(),
                }
            )
    inline = [c for c in change.published() if c.patch_set == patch.number]
    if inline and options.get("comments"):
        row["comments"] = [
            {
                "file": c.path,
                "line": c.line or 0,
                "reviewer": site.accounts.by_id[c.author].attribute(),
                "message": c.text,
            }
            for c in inline
        ]
    if options.get("files"):
        kinds = {"A": "ADDED", "D": "DELETED", "M": "MODIFIED"}
        row["files"] = [
            {
                "file": f.path,
                "type": kinds[f.status],
                "insertions": f.inserted,
                "deletions": -f.deleted,
            }
            for f in commit_diff(site.changes.repo(change), patch.commit)
        ]
    return {**row, **sizes}


def _by_label(vote: Vote) -> str:
    return vote.label


def _approval(site, vote: Vote) -> dict:
    return {
        "type": vote.label,
        "description": vote.label,
        "value": str(vote.value),
        "grantedOn": int(vote.at),
        "by": site.accounts.by_id[vote.account].attribute(),
    }


def _dependencies(session: Session, change: Change) -> dict:
    site = session.site
    repo = site.changes.repo(change)
    below = []
    for parent in repo.commit(change.current.commit).parents:
        for other, patch in site.changes.of_commit(parent):
            current = {"isCurrentPatchSet": patch is other.current}
            below.append({**_dependency(other, patch), **current})
    above = []
    for other in site.changes.by_number.values():
        for patch in other.patch_sets:
            parents = repo.commit(patch.commit).parents if other.project == change.project else ()
            if change.current.commit in parents and patch is other.current:
                above.append(_dependency(other, patch))
    found: dict = {"dependsOn": below} if below else {}
    return {**found, "neededBy": above} if above else found


def _dependency(change: Change, patch: PatchSet) -> dict:
    return {
        "id": change.change_id,
        "number": change.number,
        "revision": patch.commit,
        "ref": change.ref(patch.number),
    }


def _records(session: Session, change: Change) -> list[dict]:
    found = []
    for record in submit_records(session.site, change):
        labels = []
        for row in record["labels"]:
            entry = {"label": row["label"], "status": row["status"]}
            if "applied_by" in row:
                entry["by"] = session.site.accounts.by_id[row["applied_by"]].attribute()
            labels.append(entry)
        status = "OK" if record["status"] == "CLOSED" else record["status"]
        found.append({"status": status, "labels": labels})
    return found


def _show(row: dict, style: str) -> str:
    if style == "json":
        return compact(row) + "\n"
    if "type" in row:
        return _text(row, 0) + "\n"
    return f"change {row['id']}\n" + _text(row, 1) + "\n"


def _text(row: dict, level: int) -> str:
    pad, out = "  " * level, []
    for key, value in row.items():
        if isinstance(value, dict):
            out.append(f"{pad}{key}:\n{_text(value, level + 1)}")
        elif isinstance(value, list):
            out.append(f"{pad}{key}:\n")
            for item in value:
                inner = (
                    _text(item, level + 1) + "\n" if isinstance(item, dict) else f"{pad}  {item}\n"
                )
                out.append(inner)
        else:
            shown = str(value).lower() if isinstance(value, bool) else str(value)
            out.append(f"{pad}{key}: {shown}\n")
    return "".join(out)


# --- others ---


def _change(session: Session, text: str) -> Change:
    found = session.site.changes.find(text, session.user)
    if len(found) != 1:
        raise Fatal(f'"{text}" no such change')
    return found[0]


@command("set-topic")
async def set_topic(session: Session, words: list[str]) -> str:
    names, options = parse(words, "", "topic|t")
    for name in names:
        give_topic(session, _change(session, name), options.get("topic", [""])[-1])
    return ""


@command("set-reviewers")
async def set_reviewers(session: Session, words: list[str]) -> str:
    names, options = parse(words, "", "add|a remove|r project|p")
    problems = []
    for name in names:
        change = _change(session, name)
        for who in options.get("add", []):
            ids, error = find_reviewers(session, who)
            if error:
                problems.append(f"error: {error}\n")
            else:
                add_reviewers(session, change, ids)
        for who in options.get("remove", []):
            for account in find_reviewers(session, who)[0]:
                if account in change.reviewers:
                    remove_reviewer(session, change, account)
    if problems:
        text = "fatal: one or more updates failed; review output above\n"
        raise Plain("".join(problems) + text)
    return ""
