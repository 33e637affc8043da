"""REST: reviews, comments, drafts and reviewers of a change."""

from __future__ import annotations

import time

from .change import CC, REVIEWER, Change, Comment, PatchSet
from .changeinfo import change_info
from .errors import Refusal, bad_request, not_found
from .labels import labels_for
from .model import timestamp
from .projectconfig import padded, signed
from .rest import Call, Reply, route
from .rest_changes import BASE, change_of
from .review import new_id, review

REVISION = f"{BASE}/revisions/{{revision}}"


def revision_of(call: Call, change: Change) -> PatchSet:
    """The patch set a URL names: current, a number or a commit id."""
    text = call.args["revision"]
    if text == "current":
        return change.current
    for patch in change.patch_sets:
        if text == str(patch.number) or (len(text) >= 4 and patch.commit.startswith(text)):
            return patch
    raise not_found(text)


@route("POST", f"{REVISION}/review", anonymous=False)
def post_review(call: Call) -> Reply:
    change = change_of(call)
    patch = revision_of(call, change)
    data = call.body(message=str, labels=dict, comments=dict, tag=str, reviewers=list, drafts=str)
    votes = review(call.site, call.user, change, patch, data)
    answer: dict = {"labels": votes} if data.get("labels") is not None else {}
    if data.get("reviewers"):
        rows = [_add(call, change, r)[1] for r in data["reviewers"]]
        answer["reviewers"] = {r["input"]: r for r in rows}
    if data.get("ready"):
        answer["ready"] = True
    answer["change_info"] = change_info(call.site, call.user, change, set())
    return Reply(200, answer)


# --- comments ---


def comment_info(call: Call, change: Change, comment: Comment, full: bool = True) -> dict:
    """CommentInfo; ``full`` adds what is known of the whole change."""
    info: dict = {}
    if not comment.draft:
        info["author"] = call.site.accounts.info(call.site.accounts.by_id[comment.author])
    if comment.tag:
        info["tag"] = comment.tag
    if full and not comment.draft:
        info["change_message_id"] = comment.message_id
    info["unresolved"] = comment.unresolved
    if full:
        info["patch_set"] = comment.patch_set
    info["id"] = comment.id
    for key in ("line", "range", "side", "in_reply_to"):
        if getattr(comment, key):
            info[key] = getattr(comment, key)
    patch = change.patch_set(comment.patch_set)
    return {
        **info,
        "updated": timestamp(comment.at),
        "message": comment.text,
        "commit_id": patch.commit if patch else "",
    }


def _by_path(call: Call, change: Change, comments: list[Comment], full: bool) -> dict:
    found: dict[str, list[dict]] = {}
    order = sorted(comments, key=lambda c: (c.path, c.line or 0, c.at))
    for comment in order:
        found.setdefault(comment.path, []).append(comment_info(call, change, comment, full))
    return found


@route("GET", f"{BASE}/comments")
def comments(call: Call) -> dict:
    change = change_of(call)
    return _by_path(call, change, change.published(), True)


@route("GET", f"{REVISION}/comments")
def revision_comments(call: Call) -> dict:
    change = change_of(call)
    number = revision_of(call, change).number
    found = [c for c in change.published() if c.patch_set == number]
    return _by_path(call, change, found, False)


@route("GET", f"{REVISION}/robotcomments")
def robot_comments(call: Call) -> Reply:
    revision_of(call, change_of(call))
    raise Refusal(404, "robot comments unsupported")


@route("GET", f"{BASE}/drafts", anonymous=False)
def drafts(call: Call) -> dict:
    change = change_of(call)
    mine = [c for c in change.comments if c.draft and c.author == call.user.id]
    return _by_path(call, change, mine, True)


@route("PUT", f"{REVISION}/drafts", anonymous=False)
def put_draft(call: Call) -> Reply:
    change = change_of(call)
    patch = revision_of(call, change)
    data = call.body(path=str, message=str, line=int, range=dict)
    if not data.get("path"):
        raise bad_request("path must be non-empty")
    draft = Comment(
        new_id(), data["path"], call.user.id, time.time(), patch.number, data.get("message") or ""
    )
    draft.line, draft.range, draft.draft = data.get("line"), data.get("range"), True
    draft.unresolved = bool(data.get("unresolved"))
    draft.in_reply_to = data.get("in_reply_to")
    change.comments.append(draft)
    call.site.store.put("change", change.number, change.data())
    info = comment_info(call, change, draft, full=False)
    return Reply(201, {"path": draft.path, **info})


# --- reviewers ---


def _reviewer_info(call: Call, change: Change, account: int) -> dict:
    approvals = {}
    for name in labels_for(call.site, change):
        vote = change.vote_of(account, name)
        approvals[name] = padded(vote.value if vote else 0)
    found = call.site.accounts.by_id[account]
    return {"approvals": approvals, **call.site.accounts.info(found)}


@route("GET", f"{BASE}/reviewers")
def reviewers(call: Call) -> list[dict]:
    change = change_of(call)
    return [_reviewer_info(call, change, a) for a in reversed(change.reviewers)]


@route("GET", f"{BASE}/reviewers/{{account}}")
def reviewer(call: Call) -> list[dict]:
    change = change_of(call)
    return [_reviewer_info(call, change, _reviewer(call, change))]


@route("POST", f"{BASE}/reviewers", anonymous=False)
def add_reviewer(call: Call) -> Reply:
    status, answer = _add(call, change_of(call), call.body(reviewer=str, state=str))
    return Reply(status, answer)


def _add(call: Call, change: Change, data: dict) -> tuple[int, dict]:
    name = data.get("reviewer") or ""
    kind = data.get("state") or REVIEWER
    if kind not in (REVIEWER, CC):
        raise bad_request("Invalid application/json in request")
    ids, error = find_reviewers(call, name)
    if error:
        return 400, {"input": name, "error": error}
    new = add_reviewers(call, change, ids, kind)
    key = "reviewers" if kind == REVIEWER else "ccs"
    return 200, {"input": name, key: [_reviewer_info(call, change, a) for a in new]}


def find_reviewers(call, name: str) -> tuple[list[int], str | None]:
    """``(account ids, error)`` of a reviewer input: an account or a group."""
    try:
        return [call.site.accounts.resolve(name, call.user).id], None
    except Refusal as refusal:
        uuid = call.site.groups.find(name)
        group = call.site.groups.by_uuid.get(uuid or "")
        if group is None:
            text = f"{refusal.text}\n{name} does not identify a registered user or group"
            return [], text
        return sorted(call.site.groups.all_members(group)), None


def add_reviewers(call, change: Change, ids: list[int], kind: str = REVIEWER) -> list[int]:
    """Add accounts as reviewers; those that were not reviewers before."""
    new = [a for a in ids if change.reviewers.get(a) != kind and a != change.owner]
    for account in new:
        change.reviewers[account] = kind
        if kind == REVIEWER:
            change.want_attention(account, "Reviewer was added")
    if new:
        call.site.changes.save(change, call.user, "Update reviewers")
        for account in new:
            call.site.changes.reviewer_added(change, account, call.user)
    return new


def _reviewer(call: Call, change: Change) -> int:
    name = call.args["account"]
    try:
        account = call.site.accounts.resolve(name, call.user).id
    except Refusal:
        raise not_found(name) from None
    if account not in change.reviewers:
        raise not_found(name)
    return account


def _delete_reviewer(call: Call) -> Reply:
    change = change_of(call)
    account = _reviewer(call, change)
    remove_reviewer(call, change, account)
    return Reply(204)


route("DELETE", f"{BASE}/reviewers/{{account}}", anonymous=False)(_delete_reviewer)
route("POST", f"{BASE}/reviewers/{{account}}/delete", anonymous=False)(_delete_reviewer)


def remove_reviewer(call, change: Change, account: int) -> None:
    """Take a reviewer and the votes off a change."""
    site = call.site
    person = site.accounts.by_id[account]
    kind = "reviewer" if change.reviewers.pop(account) == REVIEWER else "cc"
    votes = change.current_votes()
    change.votes[change.current.number] = [v for v in votes if v.account != account]
    change.drop_attention(account, "Reviewer/Cc was removed")
    text = f"Removed {kind} {person.label()}."
    tag = "autogenerated:gerrit:deleteReviewer"
    change.add_message(call.user.id, text, change.current.number, tag)
    site.changes.save(change, call.user, "Remove reviewer")
    names = labels_for(site, change)
    event = {
        "reviewer": person.attribute(),
        "remover": call.user.account.attribute(),
        "approvals": [{"type": n, "description": n, "value": "0"} for n in names],
        "comment": text,
        "type": "reviewer-deleted",
    }
    site.changes.publish(change, event, change.current)


@route("DELETE", f"{BASE}/reviewers/{{account}}/votes/{{label}}", anonymous=False)
def delete_vote(call: Call) -> Reply:
    change = change_of(call)
    account, name = _reviewer(call, change), call.args["label"]
    vote = change.vote_of(account, name)
    if vote is None or not vote.value:
        raise not_found(name)
    site, person = call.site, call.site.accounts.by_id[account]
    old, vote.value = vote.value, 0
    text = f"Removed {name}{signed(old)} by {person.label()}\n"
    change.add_message(call.user.id, text, change.current.number, "autogenerated:gerrit:deleteVote")
    site.changes.save(change, call.user, "Remove vote")
    event = {
        "reviewer": person.attribute(),
        "remover": call.user.account.attribute(),
        "approvals": [_deleted(n, name, old) for n in labels_for(site, change)],
        "comment": text,
        "type": "vote-deleted",
    }
    site.changes.publish(change, event, change.current)
    return Reply(204)


def _deleted(label: str, removed: str, old: int) -> dict:
    row = {"type": label, "description": label, "value": "0"}
    return {**row, "oldValue": str(old)} if label == removed else row
