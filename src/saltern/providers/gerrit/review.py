"""Changes of the registry before they merge: what they are, and one review on a patch set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from saltern.errors import Refused, Retry
from saltern.limits import LONGEST, cut, units
from saltern.providers.gerrit.announce import account_id, own_messages, shortened
from saltern.providers.gerrit.client import Client, HttpRefused, Unanswered, quoted
from saltern.providers.gerrit.groups import locked
from saltern.providers.gerrit.server import Server
from saltern.steps import Step

PAGE = 100
SHORT_COMMIT = 12
ONE = ("ALL_REVISIONS", "CURRENT_COMMIT", "CURRENT_FILES", "MESSAGES", "DETAILED_LABELS")
MANY = ("CURRENT_REVISION", "MESSAGES")
BRIEF = 600
"""Code units of a message where Gerrit takes no long one: the verdict, and why it is short."""
HINT = "raise change.maxComments or cumulativeCommentSizeLimit, or upload it as a new change"
GIVEN, NONE, NOT_PERMITTED, UNKNOWN = "given", "none", "not permitted", "unknown label"


def observe_reviews(server: Server, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``{"changes": [...]}`` of the open ones of a branch, or of the one asked for.

    ``request``: ``project``, ``branch`` (short), ``tag`` and ``mark`` (a picture is a message of
    the service account with this tag and a line ``MARK abcdef123456``), ``change`` (number or
    ``None``). Each change: ``number``, ``status``, ``branch``, ``wip``, ``private``, ``url``,
    ``revision``, ``patch_set``, ``pictured`` (patch set numbers); of the one asked for also
    ``ref``, ``parents``, ``files`` (paths), ``message``, ``refs`` (by patch set number) and
    ``votes`` (``{label: [values the account may give]}``). A missing change gives no row.
    """
    client, me = server.client, account_id(server.client)
    if request.get("change") is None:
        return {"changes": [_head(client, row, request, me) for row in _open(client, request)]}
    path = change_path(request["project"], request["change"])
    try:
        row = client.get(f"{path}?{urlencode([('o', option) for option in ONE])}")
    except HttpRefused as error:
        if error.status == 404:
            return {"changes": []}
        raise
    return {"changes": [{**_head(client, row, request, me), **_body(row)}]}


def change_path(project: str, number: Any) -> str:
    """Return the REST path of a change of ``project``."""
    return f"/changes/{quoted(project)}~{int(number)}"


def _open(client: Client, request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the open changes, a page at a time."""
    project, branch = (str(request[key]).replace('"', "") for key in ("project", "branch"))
    query = f'project:"{project}" branch:"{branch}" status:open'
    options = [("o", option) for option in MANY]
    start = 0
    while True:
        words = [("q", query), ("n", str(PAGE)), ("S", str(start)), *options]
        rows = client.get("/changes/?" + urlencode(words))
        yield from rows
        if not rows or not rows[-1].get("_more_changes"):
            return
        start += len(rows)


def _head(
    client: Client, row: Mapping[str, Any], request: Mapping[str, Any], me: int
) -> dict[str, Any]:
    said = {
        line
        for message in own_messages(row.get("messages", ()), request["tag"], me)
        for line in message.splitlines()
    }
    return {
        "number": row["_number"],
        "status": row["status"],
        "branch": row["branch"],
        "wip": bool(row.get("work_in_progress")),
        "private": bool(row.get("is_private")),
        "url": f"{client.url}/c/{row['project']}/+/{row['_number']}",
        "revision": row["current_revision"],
        "patch_set": row["revisions"][row["current_revision"]]["_number"],
        "pictured": sorted(
            revision["_number"]
            for commit, revision in row["revisions"].items()
            if f"{request['mark']} {commit[:SHORT_COMMIT]}" in said
        ),
    }


def _body(row: Mapping[str, Any]) -> dict[str, Any]:
    current = row["revisions"][row["current_revision"]]
    commit = current["commit"]
    return {
        "ref": current["ref"],
        "parents": [parent["commit"] for parent in commit["parents"]],
        "files": sorted(current.get("files", {})),
        "message": commit.get("message", ""),
        "refs": {str(r["_number"]): r["ref"] for r in row["revisions"].values()},
        "votes": {
            label: [int(value) for value in values]
            for label, values in row.get("permitted_labels", {}).items()
        },
        "labels": sorted(row.get("labels", {})),
    }


def post_review(server: Server, step: Step) -> dict[str, Any]:
    """Post one review unless it stands already, read back, and return the evidence.

    Payload: ``project``, ``change`` (number), ``revision``, ``tag``, ``mark`` (the message's first
    line), ``message``, ``comments`` (``{path: [{"line"|"range", "message", "unresolved"}]}``),
    ``instead`` (the message when Gerrit refuses the comments), ``label`` (or ``None``) and
    ``value``. Evidence: ``messages`` with the mark that stand there, ``posted`` (whether this call
    did it), ``vote``, ``refused`` (Gerrit's words when it took less than all, else ''). Raises
    :class:`Refused` with code ``outdated`` when the change has moved on.
    """
    payload, client = step.payload, server.client
    path, me = change_path(payload["project"], payload["change"]), account_id(client)
    vote, refused = NONE, ""
    with locked(server.cache_dir / "review.lock"):
        posted = not _standing(client, path, payload, me)
        if posted:
            _demand_current(client, path, payload)
            try:
                vote, refused = _send(client, path, payload)
            except Unanswered as error:
                if not _standing(client, path, payload, me):
                    raise error from None
        standing = _standing(client, path, payload, me)
    if not standing:
        what = f"change {payload['change']}: the review does not stand there"
        raise Retry(what, code="read-back")
    return {"messages": standing, "posted": posted, "vote": vote, "refused": refused}


def _standing(client: Client, path: str, payload: Mapping[str, Any], me: int) -> int:
    said = own_messages(client.get(f"{path}/messages"), payload["tag"], me)
    return sum(payload["mark"] in message.splitlines() for message in said)


def _demand_current(client: Client, path: str, payload: Mapping[str, Any]) -> None:
    row = client.get(f"{path}?o=CURRENT_REVISION")
    if row["status"] != "NEW" or row["current_revision"] != payload["revision"]:
        raise Refused(
            f"change {payload['change']} is {row['status']} at {row['current_revision'][:12]} "
            f"now, no longer at {payload['revision'][:12]}",
            code="outdated",
        )


def _send(client: Client, path: str, payload: Mapping[str, Any]) -> tuple[str, str]:
    """Post the review, less of it when Gerrit refuses more, for the vote must stand.

    Gerrit limits the comments of a change and the size of all (``change.maxComments``,
    ``change.cumulativeCommentSizeLimit``), and refuses a review as a whole. Returns what became of
    the vote and Gerrit's words when it was not posted in full.
    """
    where = f"{path}/revisions/{payload['revision']}/review"
    whole = {"message": shortened(payload["message"]), "comments": payload["comments"]}
    try:
        return _send_one(client, where, payload, whole), ""
    except HttpRefused as error:
        if error.status != 400:
            raise
        refused = error.text
    try:
        text = _because(payload.get("instead") or payload["message"], refused, LONGEST)
        return _send_one(client, where, payload, {"message": text}), refused
    except HttpRefused as error:
        if error.status != 400:
            raise
    text = _because(payload["message"], refused, BRIEF)
    try:
        return _send_one(client, where, payload, {"message": text}), refused
    except HttpRefused as error:
        if error.status != 400:
            raise
        raise Refused(f"{error} (nor a short one without comments: {HINT})", code="full") from None


def _because(message: str, refused: str, most: int) -> str:
    reason = f"\n\nThis is told without comments on the lines, which Gerrit refused: {refused}"
    return cut(message, most - units(reason), "\n\n(cut off here)") + reason


def _send_one(
    client: Client, where: str, payload: Mapping[str, Any], said: Mapping[str, Any]
) -> str:
    """Post one review and return what became of the vote."""
    body = {**said, "tag": payload["tag"], "omit_duplicate_comments": True, "notify": "OWNER"}
    label = payload["label"]
    if label is None:
        client.post(where, body)
        return NONE
    try:
        answer = client.post(where, {**body, "labels": {label: payload["value"]}})
    except HttpRefused as error:
        if error.status != 403:
            raise
        # The picture matters more than the vote; the runner reports that it is missing.
        client.post(where, body)
        return NOT_PERMITTED
    return GIVEN if label in answer.get("labels", {}) else UNKNOWN
