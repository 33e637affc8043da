"""meta-config-push.jsonl: every project of a push is made plain, before the first exchange."""

from __future__ import annotations

from replay import exchanges
from replay.repository import new_change_id
from replay.setups import common, releasers
from replay.world import World

MISSING = "mc-none"
USES_UNKNOWN_GROUP = {
    "project.config": '[access]\n\tinheritFrom = All-Projects\n[access "refs/heads/*"]\n'
    "\tpush = group mc-core\n\tsubmit = group mc-core\n"
}
_GRANTED_ON_ALL = ("push", "create", "forgeAuthor", "forgeCommitter", "pushMerge", "createTag")


def prepare(world: World) -> None:
    common(world)
    releasers(world)
    for name in ("mc-core", "mc-rel", "mc-two words"):
        world.group(name)
    world.project("mc-parent")
    world.project("mc-parent.git")
    world.project("mc-cyc-a")
    world.project("mc-cyc-b", parent="mc-cyc-a")
    world.use_up_change_numbers(2)
    for exchange in exchanges.load("meta-config-push"):
        project = exchange.record.get("request", {}).get("project", MISSING)
        if project != MISSING:
            world.project(project)


def _files(exchange_id: str, world: World) -> dict[str, str]:
    found = next(one for one in exchanges.load("meta-config-push") if one.id == exchange_id)
    return {
        path: world.bindings.fill(text, str, world.group_uuid)
        for path, text in found.request["files"].items()
    }


def _config_change(project: str, exchange_id: str):
    """A change of refs/meta/config with the files of the exchange and a Change-Id."""

    def commit(world: World) -> None:
        world.fetch(project, "refs/meta/config", "refs/remotes/config")
        world.remembered[exchange_id] = world.commit_change(
            project,
            "refs/heads/cfg",
            "rev",
            _files(exchange_id, world),
            parents=("refs/remotes/config",),
        )

    return commit


def _without_config(world: World) -> None:
    project = "mc-93-delete-config"
    base = world.fetch(project, "refs/meta/config", "refs/remotes/config")
    world.repository(project).commit("refs/heads/cfg", {"x": "y\n"}, parents=[base], keep=False)


def _same_tree(world: World) -> None:
    world.commit_config("mc-94-empty-commit", {})


def _with_change_id(world: World) -> None:
    _config_change("mc-97-message-changeid", "message-changeid")(world)


def _diverged(world: World) -> None:
    repository = world.repository("mc-98-nonff-first")
    parent = repository.resolve("refs/heads/cfg~1")
    files = {
        "project.config": "[access]\n\tinheritFrom = All-Projects\n[project]\n\tdescription = d\n"
    }
    repository.commit("refs/heads/cfg2", files, parents=[parent])


def _orphan(world: World) -> None:
    files = {"project.config": "[access]\n\tinheritFrom = All-Projects\n"}
    world.repository("mc-98-nonff-first").commit("refs/heads/orph", files)


def _both(project: str, config: dict[str, str]):
    def commit(world: World) -> None:
        world.repository(project).commit("refs/heads/master", {"README": project})
        world.commit_config(project, config)

    return commit


def _local_only(world: World) -> None:
    world.repository(MISSING).commit("refs/heads/cfg", {"project.config": ""})


def _revoke(world: World) -> None:
    """Take back the grants beyond a new site's, for the `nogrant` exchanges."""
    uuid = world.group_uuid("Administrators")
    rule = {"rules": {uuid: {}}}
    remove = {
        "refs/*": {"permissions": dict.fromkeys(_GRANTED_ON_ALL, rule)},
        "refs/meta/config": {"permissions": {"push": rule}},
    }
    world.must("POST", "/a/projects/All-Projects/access", {"remove": remove})
    world.commit_config("mc-102-nogrant-admin", _files("nogrant-admin", world))


def _revoked_heads(world: World) -> None:
    world.repository("mc-ng2").commit("refs/heads/master", {"a": "1\n"})


BEFORE = {
    "delete-config": _without_config,
    "empty-commit": _same_tree,
    "message-changeid": _with_change_id,
    "nonff": _diverged,
    "orphan": _orphan,
    "both": _both("mc-both", {"project.config": "[access]\n\tinheritFrom = All-Projects\n"}),
    "both-bad": _both("mc-both2", USES_UNKNOWN_GROUP),
    "missing-project": _local_only,
    "for-review": _config_change("mc-99-for-review", "for-review"),
    "for-review-bad": _config_change("mc-100-for-review-bad", "for-review-bad"),
    "review-submit-push": _config_change("mc-revsub", "review-submit-push"),
    "nogrant-admin": _revoke,
    "nogrant-heads": _revoked_heads,
    "default-allprojects": lambda world: world.grant_administrators(),
}
SHAS = {
    "review-submit-vote": lambda world: world.remembered["review-submit-push"][1:],
    "review-submit": lambda world: world.remembered["review-submit-push"][1:],
    "groups-nonexisting-uuid": lambda _: new_change_id()[1:],
}
# Of two UUIDs for one name Gerrit takes the one that comes last in a hash map.
ONLY_PUSH = ["groups-dup"]
