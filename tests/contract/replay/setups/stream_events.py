"""stream-events.jsonl."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from replay.listeners import open_listener
from replay.repository import new_change_id
from replay.setups import common
from replay.transport import Answer
from replay.world import World

MASTER = "refs/heads/master"
ACL = '[access]\n\tinheritFrom = All-Projects\n[access "refs/heads/*"]\n'
Cause = Callable[[World], Any]


def prepare(world: World) -> None:
    common(world)
    world.use_up_change_numbers(14)
    for name in ("se-m", "se-secret", "se-mir"):
        world.project(name, create_empty_commit=True)
    administrators = {world.group_uuid("Administrators"): {"action": "ALLOW"}}
    bots = world.group_uuid("Service Users")
    for name in ("se-sec-parent", "se-blk-parent", "se-gr-parent"):
        world.project(name, permissions_only=True)
    for name in ("se-secret", "se-sec-parent"):
        read = {"read": {"exclusive": True, "rules": administrators}}
        world.must("POST", f"/a/projects/{name}/access", {"add": {"refs/*": {"permissions": read}}})
    world.grant("se-blk-parent", "refs/*", "read", {bots: {"action": "BLOCK"}})
    world.grant("se-gr-parent", "refs/meta/config", "read", {bots: {"action": "ALLOW"}})
    world.project("se-blk1", parent="se-blk-parent", create_empty_commit=True)


def rest(method: str, path: str, data: Any = None, user: str = "admin") -> Cause:
    """The cause is one REST call."""
    return lambda world: world.rest(method, f"/a/{path}", data, user=user)


def push(project: str, refspecs: str) -> Cause:
    """The cause is one git push."""
    return lambda world: world.push(project, refspecs)


def ssh(command: str) -> Cause:
    """The cause is one command over ssh."""
    return lambda world: world.ssh(command)


def _access(project: str, ref: str) -> dict[str, Any]:
    rules = {"Registered Users": {"action": "ALLOW"}}
    return {"add": {ref: {"permissions": {"read": {"rules": rules}}}}}


def _branch(name: str) -> Cause:
    return rest("PUT", f"projects/se2/branches/{name}", {"revision": "b1"})


def _review(change: int, data: Any, user: str = "admin", patch_set: str = "current") -> Cause:
    return rest("POST", f"changes/{change}/revisions/{patch_set}/review", data, user)


def _on_change(path: str, data: Any, method: str = "POST") -> Cause:
    return rest(method, f"changes/14/{path}", data)


def _in_turn(*causes: Cause) -> Cause:
    def run(world: World) -> Any:
        return [cause(world) for cause in causes][-1]

    return run


def _commit(ref: str, name: str, parent: str | None = None) -> Cause:
    def commit(world: World) -> None:
        parents = [parent] if parent else []
        world.repository("se1").commit(ref, {name: "1\n"}, parents=parents)

    return commit


def _many_refs(world: World) -> None:
    repository = world.repository("se1")
    for branch in ("x1", "x2"):
        repository.commit(f"refs/heads/{branch}", {branch: "1\n"}, parents=[f"{MASTER}~1"])
    repository.git("tag", "t1", "refs/heads/x1")


def _config(group: str, *, listed: bool) -> Cause:
    def commit(world: World) -> None:
        uuid = world.group_uuid("Administrators")
        groups = f"{uuid}\t{group}\n" if listed else ""
        files = {"project.config": f"{ACL}\tpush = group {group}\n", "groups": groups}
        world.commit_config("se1", files)

    return commit


def _change(project: str, number: int, subject: str, files: dict[str, str], **more: Any) -> Cause:
    """Commit a change that gets `number`, on the server's master, locally at refs/heads/cN."""

    def commit(world: World) -> None:
        key = world.remembered.setdefault(f"change {number}", new_change_id())
        base = world.fetch(project, MASTER, "refs/remotes/master")
        ref = f"refs/heads/c{number}"
        world.commit_change(project, ref, subject, files, parents=(base,), change_id=key, **more)

    return commit


def _two_changes(world: World) -> None:
    world.use_up_change_numbers(20)
    for number, subject in ((20, "M1"), (21, "M2")):
        _change("se-m", number, subject, {subject: "1\n"})(world)
        world.must_push("se-m", f"refs/heads/c{number}:refs/for/master")
        world.must(
            "POST", f"/a/changes/{number}/revisions/current/review", {"labels": {"Code-Review": 2}}
        )


def _five_branches_and_tags(world: World) -> None:
    repository = world.repository("se-mir")
    for number in range(5):
        repository.commit(f"refs/heads/r{number}", {"n": f"{number}\n"})
        repository.git("tag", f"t{number}", f"refs/heads/r{number}")


def _config_review(world: World) -> Answer:
    made = world.must(
        "PUT",
        "/a/projects/se1/access:review",
        _access("se1", "refs/heads/review/*"),
    )
    number = made["_number"]
    review = f"/a/changes/{number}/revisions/current/review"
    world.must("POST", review, {"labels": {"Code-Review": 2}})
    return world.rest("POST", f"/a/changes/{number}/submit", {})


def _keepalive(world: World) -> None:
    options = ["-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=2"]
    listener = open_listener(world, options=options)
    # Three unanswered keepalives would have ended it by then.
    closed = listener.wait(lambda: not listener.is_open(), 5)
    listener.close()
    if closed:
        raise ConnectionError("the server closed an idle stream")


def _nothing(_: World) -> None:
    """The cause came before the listener was opened."""


def _any_sizes(_: World, wanted: list[Any], got: list[Any]) -> tuple[list[Any], list[Any]]:
    """How many lines an access change rewrites depends on what was pushed by hand before."""
    wanted = copy.deepcopy(wanted)
    for expected, event in zip(wanted, got, strict=False):
        if "patchSet" in expected and "patchSet" in event:
            for key in ("sizeInsertions", "sizeDeletions"):
                expected["patchSet"][key] = event["patchSet"][key]
    return wanted, got


def _without_ref_updated(_: World, wanted: list[Any], got: list[Any]) -> tuple[list, list]:
    """ref-updated was asked for as well, to see the marker."""
    return wanted, [event for event in got if event["type"] != "ref-updated"]


def _create_and_describe(project: str) -> Cause:
    return _in_turn(
        rest("PUT", f"projects/{project}", {"create_empty_commit": True}),
        rest("PUT", f"projects/{project}/description", {"description": "d"}),
    )


def _second_project(_: World, wanted: list[Any], got: list[Any]) -> tuple[list[Any], list[Any]]:
    """The three filter exchanges share one cause in the record, and have one each here."""
    for event in wanted:
        for holder, key in ((event, "projectName"), (event.get("refUpdate", {}), "project")):
            if key in holder:
                holder[key] = "se-f3"
    return wanted, got


_INLINE = {
    "message": "inline",
    "labels": {"Code-Review": 1},
    "comments": {
        "c14": [
            {"line": 1, "message": "one", "unresolved": True},
            {"line": 2, "message": "two", "unresolved": False},
        ]
    },
}
_FILES_14 = {"c14": "1\n2\n"}
EVENTS: dict[str, Cause] = {
    "project-created": rest("PUT", "projects/se1", {}),
    "project-created-empty-commit": rest("PUT", "projects/se2", {"create_empty_commit": True}),
    "project-created-branches": rest(
        "PUT", "projects/se3", {"branches": ["main", "dev"], "create_empty_commit": True}
    ),
    "project-created-permonly": rest("PUT", "projects/se-acl", {"permissions_only": True}),
    "project-created-ssh": ssh("gerrit create-project se4"),
    "project-create-conflict": rest("PUT", "projects/se1", {}),
    "group-created": rest("PUT", "groups/se-g1", {}),
    "group-member": rest("PUT", "groups/se-g1/members/user1"),
    "group-renamed": rest("PUT", "groups/se-g1/name", {"name": "se-g2"}),
    "account-created": rest("PUT", "accounts/seacc", {}),
    "access-changed": rest("POST", "projects/se1/access", _access("se1", "refs/heads/*")),
    "access-same": rest("POST", "projects/se1/access", _access("se1", "refs/heads/*")),
    "description": rest("PUT", "projects/se1/description", {"description": "d"}),
    "state": rest("PUT", "projects/se4/config", {"state": "READ_ONLY"}),
    "parent": rest("PUT", "projects/se1/parent", {"parent": "se-acl"}),
    "branch-create": rest("PUT", "projects/se2/branches/b1", {"revision": "master"}),
    "head": rest("PUT", "projects/se2/HEAD", {"ref": "refs/heads/b1"}),
    "head-same": rest("PUT", "projects/se2/HEAD", {"ref": "refs/heads/b1"}),
    "branch-delete": rest("DELETE", "projects/se2/branches/master"),
    "branches-delete": rest("POST", "projects/se2/branches:delete", {"branches": ["c1", "c2"]}),
    "tag-create": rest("PUT", "projects/se2/tags/v1", {"revision": "b1"}),
    "tag-create-ann": rest("PUT", "projects/se2/tags/v2", {"revision": "b1", "message": "m"}),
    "push-first": push("se1", f"{MASTER}:{MASTER}"),
    "push-update": push("se1", f"{MASTER}:{MASTER}"),
    "push-many": push(
        "se1",
        "refs/heads/x1:refs/heads/x1 refs/heads/x2:refs/heads/x2 refs/tags/t1:refs/tags/t1",
    ),
    "push-force": push("se1", f"+refs/heads/x1:{MASTER}"),
    "push-delete": push("se1", ":refs/heads/x2"),
    "push-config": push("se1", "refs/heads/cfg:refs/meta/config"),
    "push-config-refused": push("se1", "refs/heads/cfg:refs/meta/config"),
    "push-both": push("se1", "refs/heads/y9:refs/heads/y9 refs/heads/cfg:refs/meta/config"),
    "patchset-created": push(
        "se1", "refs/heads/c14:refs/for/master%topic=t1,hashtag=h1,r=user1@example.com"
    ),
    "patchset-created-2": push("se1", "refs/heads/c14:refs/for/master"),
    "comment-added": _review(14, {"message": "hi", "tag": "autogenerated:bot"}, "bot"),
    "comment-added-inline": _review(14, _INLINE, "bot"),
    "comment-added-notify-none": _review(14, {"message": "quiet", "notify": "NONE"}, "bot"),
    "comment-empty": _review(14, {}),
    "recheck": _review(14, {"message": "recheck"}, "user1"),
    "reviewer-added": _on_change("reviewers", {"reviewer": "user2"}),
    "reviewer-deleted": _on_change("reviewers/user2", None, "DELETE"),
    "vote-deleted": _on_change("reviewers/bot/votes/Code-Review", None, "DELETE"),
    "topic-changed": _on_change("topic", {"topic": "t2"}, "PUT"),
    "hashtags-changed": _on_change("hashtags", {"add": ["h2"], "remove": ["h1"]}),
    "wip": _on_change("wip", {}),
    "ready": _on_change("ready", {}),
    "private": _on_change("private", {}),
    "unprivate": _on_change("private.delete", {}),
    "draft": _on_change(
        "revisions/current/drafts", {"path": "c14", "line": 1, "message": "draft"}, "PUT"
    ),
    "change-abandoned": _on_change("abandon", {"message": "no"}),
    "change-restored": _on_change("restore", {"message": "yes"}),
    "comment-plus2": _review(14, {"labels": {"Code-Review": 2}}),
    "change-merged": _on_change("submit", {}),
    "rebase": _on_change("rebase", {}),
    "submit-2": _in_turn(
        _review(15, {"labels": {"Code-Review": 2}}), rest("POST", "changes/15/submit", {})
    ),
    "change-created-rest": rest(
        "POST", "changes/", {"project": "se1", "branch": "master", "subject": "R"}
    ),
    "change-deleted": rest("DELETE", "changes/16"),
    "config-review": _config_review,
    "secret-branch": rest("PUT", "projects/se-secret/branches/b1", {"revision": "master"}),
    "secret-config": rest("PUT", "projects/se-secret/description", {"description": "d"}),
    "secret-head": rest("PUT", "projects/se-secret/HEAD", {"ref": "refs/heads/b1"}),
    "secret-project-created": rest(
        "PUT", "projects/se-secret2", {"parent": "se-sec-parent", "create_empty_commit": True}
    ),
    "filter": _create_and_describe("se-f1"),
    "filter-case": _create_and_describe("se-f2"),
    "two-listeners": _create_and_describe("se-f3"),
    "lost-while-away": _nothing,
    "blocked-project-created": rest(
        "PUT", "projects/se-blk2", {"parent": "se-blk-parent", "create_empty_commit": True}
    ),
    "blocked-branch": rest("PUT", "projects/se-blk1/branches/b1", {"revision": "master"}),
    "blocked-config": rest("PUT", "projects/se-blk1/description", {"description": "d"}),
    "blocked-head": rest("PUT", "projects/se-blk1/HEAD", {"ref": "refs/heads/b1"}),
    "change-merged-ff": rest("POST", "changes/20/submit", {}),
    "rebase-2": rest("POST", "changes/21/rebase", {}),
    "change-merged-2": rest("POST", "changes/21/submit", {}),
    "review-ssh": ssh("gerrit review --message hello 21,1"),
    "push-mirror": push("se-mir", "refs/heads/r*:refs/heads/r* refs/tags/*:refs/tags/*"),
    "keepalive-alive": _keepalive,
    "granted-project-created": rest("PUT", "projects/se-gr1", {"parent": "se-gr-parent"}),
    "granted-config": rest("PUT", "projects/se-gr1/description", {"description": "d"}),
}
BEFORE: dict[str, Cause] = {
    "branches-delete": _in_turn(_branch("c1"), _branch("c2")),
    "push-first": _commit(MASTER, "a"),
    "push-update": _commit(MASTER, "b", MASTER),
    "push-many": _many_refs,
    "push-config": _config("Administrators", listed=True),
    "push-config-refused": _config("nobody knows", listed=False),
    "push-both": _in_turn(
        _commit("refs/heads/y9", "y", "refs/heads/x1"), _config("Admins", listed=True)
    ),
    "patchset-created": _change("se1", 14, "Change one", _FILES_14, body="Body.\n\n"),
    "patchset-created-2": _change("se1", 14, "Change one", {"c14": "1\n3\n"}, body="Body.\n\n"),
    "submit-2": _in_turn(
        _change("se1", 15, "Change two", {"c15": "1\n"}),
        push("se1", "refs/heads/c15:refs/for/master"),
    ),
    "change-merged-ff": _two_changes,
    "push-mirror": _five_branches_and_tags,
    "lost-while-away": lambda world: world.project("se-away"),
}
EXPECTED = {
    "config-review": _any_sizes,
    "filter-case": _without_ref_updated,
    "two-listeners": _second_project,
}
LISTENERS = {
    "filter": {"command": "gerrit stream-events -s project-created -s comment-added"},
    "filter-case": {"command": "gerrit stream-events -s PROJECT-CREATED -s ref-updated"},
    "two-listeners": {},
    "lost-while-away": {},
}
