"""races.jsonl: what a SIGKILL leaves half made, brought about by hand while the server is down.

Only a server that this suite started can be stopped and its directory written to.
"""

from __future__ import annotations

import shutil
import subprocess

from replay.setups import common
from replay.world import World

MASTER = "refs/heads/master"
NO_REF = ("kill/1-0-6", "kill/1-4-6", "kill/3-4-7", "kill/4-2-11")
NO_BRANCH = ("kill/0-8-6", "kill/4-8-12", "kill/0-6-6")
LOCKED_BRANCH = "kill/4-8-12"
LOCKED_CONFIG = "kill/0-6-6"
PLAIN = "plain"


def prepare(world: World) -> None:
    common(world)
    world.project("p-acl", permissions_only=True)
    world.project(PLAIN)
    _circles(world)
    world.server.process.stop()
    for name in NO_REF:
        _bare_repository(world, name)
    for name in NO_BRANCH:
        shutil.copytree(world.server.repository(PLAIN), world.server.repository(name))
    _lock(world, LOCKED_BRANCH, MASTER)
    world.server.process.restart()


def _circles(world: World) -> None:
    """Groups that contain each other, which the consistency check reports."""
    world.group("g1")
    for one, other in (("sh-g1", "sh-g5"), ("sy-g1", "sy-g5")):
        world.group(one)
        world.group(other)
        world.must("PUT", f"/a/groups/{one}/groups/{other}")
        world.must("PUT", f"/a/groups/{other}/groups/{one}")
    world.must("PUT", "/a/groups/g1/groups/g1")


def _bare_repository(world: World, project: str) -> None:
    path = world.server.repository(project)
    path.parent.mkdir(parents=True, exist_ok=True)
    command = ["git", "init", "--quiet", "--bare", "--initial-branch=master", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _lock(world: World, project: str, ref: str) -> None:
    path = world.server.repository(project) / f"{ref}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def _root_config(world: World) -> None:
    text = "[access]\n\tinheritFrom = All-Projects\n[project]\n\tdescription = repaired by push\n"
    world.repository("kill/1-0-6").commit("refs/heads/cfg", {"project.config": text})


def _root_commit(project: str):
    def commit(world: World) -> None:
        world.repository(project).commit(MASTER, {"README": "first\n"})

    return commit


def _locked_config(world: World) -> None:
    world.commit_config(LOCKED_CONFIG, {"project.config": "[project]\n\tdescription = x\n"})
    _lock(world, LOCKED_CONFIG, "refs/meta/config")


def _empty_directory(world: World) -> None:
    world.server.repository("sim/empty-dir").mkdir(parents=True)


def _may_check(world: World) -> None:
    administrators = {world.group_uuid("Administrators"): {"action": "ALLOW"}}
    world.grant("All-Projects", "GLOBAL_CAPABILITIES", "accessDatabase", administrators)


BEFORE = {
    "half-none-push-config": _root_config,
    "half-none-push-master": _root_commit("kill/1-0-6"),
    "half-none-push-both": _root_commit("kill/4-2-11"),
    "half-cfg-push": _root_commit("kill/0-8-6"),
    "half-lock-push": _root_commit(LOCKED_BRANCH),
    "half-cfglock-desc": _locked_config,
    "half-empty-dir-get": _empty_directory,
    "check-consistency": _may_check,
    "half-bare-git-get": lambda world: _bare_repository(world, "sim/bare-git"),
}
