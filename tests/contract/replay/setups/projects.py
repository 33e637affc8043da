"""projects.jsonl."""

from __future__ import annotations

import copy

from replay.setups import common, releasers
from replay.transport import Answer
from replay.world import World


def prepare(world: World) -> None:
    common(world)
    world.project("p-ec2", create_empty_commit=True)


def _head(world: World) -> str:
    return world.branch_commit("p-ec2", "refs/heads/master")


def _server_identity(_: World, expected: dict, answer: Answer) -> tuple[dict, Answer]:
    """The server's own e-mail address is a setting of the site."""
    wanted = copy.deepcopy(expected)
    wanted["json"]["committer"]["email"] = answer.data["committer"]["email"]
    return wanted, answer


def _no_releasers(world: World) -> None:
    rules = {world.group("acc-rel"): {}}
    remove = {"GLOBAL_CAPABILITIES": {"permissions": {"streamEvents": {"rules": rules}}}}
    world.must("POST", "/a/projects/All-Projects/access", {"remove": remove})


BEFORE = {
    # The two files of All-Projects were recorded at different times.
    "file-allprojects": releasers,
    "file-allprojects-groups": _no_releasers,
    "state-read-only-push-config": lambda world: world.commit_config(
        "st-read-only", {"project.config": "[project]\n"}
    ),
}
EXPECTED = {"commit-get": _server_identity}
SHAS = {
    "commit-get": _head,
    "commit-404": lambda _: "12" * 20,
    "tag-create": _head,
    "tag-create-ann": _head,
    "tag-create-twice": _head,
    "tag-bad": _head,
}
