"""listing.jsonl: the site held what the other files had made, so most of that is made here."""

from __future__ import annotations

import dataclasses
from typing import Any

from replay import exchanges
from replay.setups import common
from replay.transport import Answer, Run
from replay.world import World

OTHER_PROJECTS = ("mc-62-sr-none", "mc-71-inherit-none", "mc-8-groups-nonexisting-uuid")
# Made by groups.jsonl, in order of creation.
OTHER_GROUPS = (
    *("two words", "team/a-core", "Gruppe-ä-日本", "trail", "lead", "g" * 255, "h" * 256),
    *("i" * 1000, "ldap/x", "a:b", "ldap/cn=x,dc=y", "a\tb", "a+b", "a%b", "-core", "12345"),
    *("a*b", 'a"b', "a#b", "a=b", "a[b]", ".", "user/admin", "x.git"),
)


def prepare(world: World) -> None:
    common(world)
    _groups(world)
    _projects(world)


def _groups(world: World) -> None:
    world.must("PUT", "/a/groups/%20", {})
    world.group("first")
    world.must("PUT", "/a/groups/first/name", {"name": "Registered Users"})
    world.group("g-full", description="A group", visible_to_all=True, members=["user1", "user2"])
    for name in ("g-nb", "g-om", "g-os", *OTHER_GROUPS, "7a" * 20):
        world.group(name)
    world.group("g1", visible_to_all=True, owner_id="Administrators")
    world.must("PUT", "/a/groups/g1/groups/Registered%20Users")
    world.must("PUT", "/a/groups/g-full/groups/g1")
    for name in ("acc-core", "acc-rel", "mc-core", "mc-rel", "mc-two words"):
        world.group(name)
    world.group("pu-devs", members=["user1"])
    for name in ("li-core", "li-rel"):
        members = {"description": "D", "members": ["user1"]}
        world.group(name, visible_to_all=name == "li-rel", **members)
        world.rest("DELETE", f"/a/groups/{name}/members/admin")
    world.must("PUT", "/a/groups/li-core/groups/li-rel")


def _projects(world: World) -> None:
    acl = "li-acl"
    world.project(acl, permissions_only=True, description="ACL base")
    world.project(
        "li/one", parent=acl, description="Number one", create_empty_commit=True, branches=["main"]
    )
    world.project("li/two", parent=acl, create_empty_commit=True)
    world.project("li/empty", parent=acl)
    world.project("li/ro", create_empty_commit=True)
    world.project("li/hid", create_empty_commit=True)
    world.must("PUT", "/a/projects/li%2Fro/config", {"state": "READ_ONLY"})
    for name in OTHER_PROJECTS:
        world.project(name)
    for name in ("li/hid", "mc-76-state-hidden", "pu-ro"):
        world.project(name)
        path = f"/a/projects/{name.replace('/', '%2F')}/config"
        world.must("PUT", path, {"state": "HIDDEN"})
    world.project("p-full", owners=["Administrators", "Service Users"])
    for exchange in exchanges.load("projects"):
        if exchange.id.startswith("name-") and exchange.response["status"] == 201:
            path = world.bindings.fill(exchange.request["path"], str, str)
            world.must("PUT", path, {})


def _first_ten(_: World, expected: dict[str, Any], answer: Answer) -> tuple[dict, Answer]:
    """The recorded site had 179 projects; here every recorded name is compared."""
    wanted = {key: value for key, value in expected["json"].items() if key != "..."}
    names = [key for key in wanted if "<" not in key]
    data = {key: value for key, value in answer.data.items() if key in (*names, "L" * 200)}
    return {**expected, "json": wanted}, dataclasses.replace(answer, data=data)


def _common_lines(_: World, expected: dict[str, Any], run: Run) -> tuple[dict[str, Any], Run]:
    """Lines of the tree that the site here has as well, in recorded order."""
    made = {_entry(line) for line in run.stdout.splitlines()}
    wanted = [line for line in expected["stdout"].splitlines(True) if _entry(line) in made]
    names = {_entry(line) for line in wanted}
    got = [line for line in run.stdout.splitlines(True) if _entry(line) in names]
    return {**expected, "stdout": "".join(map(_plain, wanted))}, dataclasses.replace(
        run, stdout="".join(map(_plain, got))
    )


def _entry(line: str) -> str:
    return line.rstrip("\n").partition("-- ")[2]


def _plain(line: str) -> str:
    """The last child of a node is drawn with another corner, and no line goes on below it."""
    indentation, _, name = line.replace("`--", "|--").partition("|--")
    return indentation.replace("|", " ") + name


def _short(_: World, expected: dict[str, Any], run: Run) -> tuple[dict[str, Any], Run]:
    """The record is cut off in the line of the longest name."""
    lines = expected["stdout"].splitlines(True)
    count = next(index for index, line in enumerate(lines) if line.startswith("<1000 x i>"))
    got = run.stdout.splitlines(True)
    return (
        {**expected, "stdout": "".join(lines[:count])},
        dataclasses.replace(run, stdout="".join(got[:count])),
    )


EXPECTED = {"projects-n-neg": _first_ten, "ssh-ls-tree": _common_lines, "ssh-lsg-v": _short}
ANY_ORDER = ["ssh-lsg-user"]
