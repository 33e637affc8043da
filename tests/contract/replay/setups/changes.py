"""changes.jsonl."""

from __future__ import annotations

import base64
import copy
import dataclasses
import re
from typing import Any

from replay import exchanges
from replay.repository import new_change_id
from replay.setups import common
from replay.transport import Answer
from replay.world import World

MASTER = "refs/heads/master"
USER1 = "User1 <user1@example.com>"
LINES = "".join(f"line {number}\n" for number in range(1, 11))
CHANGED = LINES.replace("line 3", "line three")
BROKEN_YAML = "- project: a/b\n  bad: [\n"
GOOD_YAML = "- project: a/b\n  ok: true\n"
ACL = (
    "[access]\n\tinheritFrom = All-Projects\n[submit]\n\taction = inherit\n"
    '[access "refs/heads/*"]\n\tpush = group mc-core\n'
)


def prepare(world: World) -> None:
    common(world)
    world.use_up_change_numbers(3)
    _merged_config_change(world)
    for project in ("ch", "ch-bot"):
        world.project(project, create_empty_commit=True)
        base = world.fetch(project, MASTER, "refs/remotes/master")
        files = {"f.txt": LINES, "d/g.yaml": "a: 1\n"}
        world.repository(project).commit(MASTER, files, parents=[base], message="base\n")
    world.must_push("ch-bot", f"{MASTER}:{MASTER}")
    # Gives ch-bot the `groups` file that its recorded ACL counts on.
    bots = {world.group_uuid("Service Users"): {"action": "ALLOW"}}
    world.grant("ch-bot", "refs/heads/*", "read", bots)


def _merged_config_change(world: World) -> None:
    """Change 3: the newest merged one when the queries were recorded."""
    uuid = world.group("mc-core")
    project = "mc-revsub"
    world.project(project)
    world.fetch(project, "refs/meta/config", "refs/remotes/config")
    files = {
        "project.config": ACL + "\tlabel-Code-Review = -2..+2 group mc-core\n",
        "groups": f"# UUID                                  \tGroup Name\n#\n{uuid}\tmc-core\n",
    }
    world.commit_change(project, "refs/heads/cfg", "rev", files, parents=("refs/remotes/config",))
    world.must_push(project, "refs/heads/cfg:refs/for/refs/meta/config")
    review = "/a/changes/3/revisions/current/review"
    world.must("POST", review, {"labels": {"Code-Review": 2}})
    world.must("POST", "/a/changes/3/submit", {})


def _message(message: str):
    """`w` of project ch with a message of its own."""

    def commit(world: World) -> None:
        files = {"f.txt": CHANGED, "new.yaml": BROKEN_YAML}
        world.repository("ch").commit("refs/heads/w", files, parents=[MASTER], message=message)

    return commit


def _commit(ref: str, number: int, subject: str, files: dict[str, str], **more: Any):
    """A change of project `ch` that the server will give `number`."""

    def commit(world: World) -> None:
        change_id = world.remembered.setdefault(f"change {number}", new_change_id())
        project = more.get("project", "ch")
        kept = {key: value for key, value in more.items() if key != "project"}
        world.commit_change(project, ref, subject, files, change_id=change_id, **kept)

    return commit


def _first_change(yaml: str):
    files = {"f.txt": CHANGED, "new.yaml": yaml}
    return _commit("refs/heads/w", 4, "First change", files, body="Body text.\n\n")


def _second_patch_set(world: World) -> None:
    """Change 11 of project ch-bot, approved by the bot, and its next patch set."""
    bot = "ch-bot"
    for text in ("second\n", "third\n"):
        files = {"d/g.yaml": text}
        _commit("refs/heads/w", 11, "New ps", files, project=bot)(world)
        if text == "second\n":
            world.must_push(bot, "refs/heads/w:refs/for/master")
            path = "/a/changes/11/revisions/current/review"
            world.must("POST", path, {"labels": {"Verified": 1}}, user="bot")


def _in_another_second(world: World) -> None:
    """Change 5 was last updated in an earlier second than 6 and 4: queries order by that."""
    world.wait_for_next_second()
    files = {"f.txt": CHANGED, "new.yaml": BROKEN_YAML}
    _commit("refs/heads/w3", 6, "By user", files, author=USER1)(world)
    _first_change(GOOD_YAML)(world)


def _nothing(_: World) -> None:
    """The commit was made by an earlier entry."""


BEFORE = {
    "push-noid": _message("No id\n"),
    "push-badid": _message("Bad id\n\nChange-Id: Inothex\n"),
    "push": _first_change(BROKEN_YAML),
    "push-opts": _commit("refs/heads/w2", 5, "Two", {"two": "2\n"}),
    "push-user": _in_another_second,
    "push-ps2": _nothing,
    "push-merged": _first_change("late: true\n"),
    "conflict-push": _commit("refs/heads/cf", 7, "Conflicting", {"f.txt": "conflict\n"}),
    "push-abandoned": _commit("refs/heads/cf", 7, "Conflicting", {"f.txt": "again\n"}),
    "rebase-push": _commit("refs/heads/rb", 8, "Rebase me", {"rb": "1\n"}),
    "bot-push": _commit("refs/heads/w", 10, "For the bot", {"bot": "1\n"}, project="ch-bot"),
    "bot-newps": _second_patch_set,
}


def _key(number: int):
    return lambda world: world.remembered[f"change {number}"][1:]


def _revision(number: int):
    def revision(world: World) -> str:
        found = world.must("GET", f"/a/changes/{number}?o=CURRENT_REVISION")
        return found["current_revision"]

    return revision


_CONFLICT = (
    "conflict-vote conflict-mergeable conflict-submit conflict-rebase abandon abandon-again "
    "review-abandoned submit-abandoned restore restore-again abandon2"
)
_REBASE = "rebase rebase-again rebase-user delete-user wip ready private private-bot unprivate"
_BOT = "bot-detail bot-vote-user bot-vote-neg bot-cr bot-submit-blocked bot-vote bot-req bot-submit"
SHAS = {
    "get-bykey": _key(4),
    "get-triplet": _key(4),
    "comment-bysha": _revision(4),
    "bot-newps-labels": _key(11),
    **dict.fromkeys(_CONFLICT.split(), _key(7)),
    **dict.fromkeys(_REBASE.split(), _key(8)),
    **dict.fromkeys(_BOT.split(), _key(10)),
}


def _patch(_: World, expected: dict[str, Any], answer: Answer) -> tuple[dict[str, Any], Answer]:
    """The patch is one base64 text: compare it without its ids and dates."""

    def stable(text: str | bytes) -> str:
        plain = base64.b64decode(text).decode()
        plain = re.sub(r"[0-9a-f]{40}", "0" * 40, plain)
        return re.sub(r"(?m)^Date: .*$", "Date:", plain)

    wanted = {**expected, "text": stable(expected["text"])}
    return wanted, dataclasses.replace(answer, body=stable(answer.body).encode())


def _newest_first(world: World, expected: dict[str, Any], answer: Answer) -> tuple[dict, Answer]:
    """Changes 6 and 4 were updated in one second in the record, then the higher number is first.

    When they were not here, 4 is.
    """
    updated = [world.must("GET", f"/a/changes/{number}")["updated"] for number in (6, 4)]
    if updated[0] == updated[1]:
        return expected, answer
    wanted = copy.deepcopy(expected)
    found = wanted["json"]
    found = found[0] if isinstance(found[0], list) else found
    if len(found) == 1:
        found[:] = [copy.deepcopy(_recorded("get"))]
    found.reverse()
    for change in found:
        change.pop("_more_changes", None)
    found[-1]["_more_changes"] = True
    return wanted, answer


def _recorded(exchange_id: str) -> Any:
    found = next(one for one in exchanges.load("changes") if one.id == exchange_id)
    return found.response["json"]


def _either_voter(_: World, expected: dict[str, Any], answer: Answer) -> tuple[dict, Answer]:
    """Which of two voters `applied_by` names has no order: take either."""
    wanted = copy.deepcopy(expected)
    for change in (wanted["json"], wanted["json"].get("change_info", {})):
        for record in change.get("submit_records", []):
            record["labels"][0]["applied_by"]["_account_id"] = _voter(answer.data)
    return wanted, answer


def _voter(data: dict[str, Any]) -> int:
    change = data.get("change_info", data)
    found = change["submit_records"][0]["labels"][0]["applied_by"]["_account_id"]
    return found if found in (1000000, 1000001) else 0


_ORDERED = ["query", "query-anon", "query-more", "query-paging", "query-file"]
EXPECTED = {
    **dict.fromkeys(_ORDERED, _newest_first),
    "patch": _patch,
    "label-plus2": _either_voter,
    "submit": _either_voter,
    "review-merged": _either_voter,
}
ANY_ORDER = ["reviewer-list"]
