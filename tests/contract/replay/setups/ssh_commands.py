"""ssh-commands.jsonl."""

from __future__ import annotations

import dataclasses
import re
import secrets
from typing import Any

from replay.repository import new_change_id
from replay.setups import common
from replay.transport import Run
from replay.world import World

MASTER = "refs/heads/master"
CHANGES = "sy/ch"


def prepare(world: World) -> None:
    common(world)
    world.use_up_change_numbers(18)
    world.project(CHANGES, create_empty_commit=True)


def _chain(world: World) -> None:
    """Changes 18 and 19, the second on top of the first."""
    base = world.fetch(CHANGES, MASTER, "refs/remotes/master")
    lines = "one\ntwo\nthree\n"
    world.commit_change(CHANGES, "refs/heads/w", "Base", {"a.txt": lines}, parents=(base,))
    files = {"a.txt": lines.replace("two", "2"), "b.txt": "b\n"}
    world.remembered["key 19"] = new_change_id()
    world.commit_change(
        CHANGES,
        "refs/heads/w",
        "Title of it",
        files,
        parents=("refs/heads/w",),
        change_id=world.remembered["key 19"],
        body="Body.\n\n",
    )


def _unregistered_key(world: World, request: dict[str, Any]) -> Run:
    key = world.new_key("unregistered")
    return world.ssh_client.run("admin", key, request["ssh"])


def _short_wait(world: World, request: dict[str, Any]) -> Run:
    """The command goes on for ever: that it is accepted shows in its not ending."""
    return world.ssh(request["ssh"], timeout=4)


def _known_parents(_: World, expected: dict[str, Any], run: Run) -> tuple[dict[str, Any], Run]:
    """Of the parents on the recorded site, those that this one has."""
    here = run.stdout.splitlines(True)
    kept = [line for line in expected["stdout"].splitlines(True) if line in here]
    wanted = {**expected, "stdout": "".join(kept)}
    return wanted, run


def _heading(_: World, expected: dict[str, Any], run: Run) -> tuple[dict[str, Any], Run]:
    """The first two lines; which tasks and connections there are, is the server's matter."""

    def two(text: str) -> str:
        return "".join(text.splitlines(True)[:2])

    wanted = {**expected, "stdout": two(expected["stdout"])}
    return wanted, dataclasses.replace(run, stdout=two(run.stdout))


def _run_time(_: World, expected: dict[str, Any], run: Run) -> tuple[dict[str, Any], Run]:
    def stable(text: str) -> str:
        return re.sub(r"runTimeMilliseconds: \d+", "runTimeMilliseconds: 0", text)

    wanted = {**expected, "stdout": stable(expected["stdout"])}
    return wanted, dataclasses.replace(run, stdout=stable(run.stdout))


def _hook(_: World, expected: dict[str, Any], run: Run) -> tuple[dict[str, Any], Run]:
    """An executable shell script that adds a Change-Id, not this one word by word."""

    def summary(text: str) -> str:
        kind = re.sub(r"C0755 \d+", "C0755 <size>", text.partition("\n")[0])
        return f"{kind}\n{text.splitlines()[1:2]}\nChange-Id: {'Change-Id' in text}\n"

    whole = expected["stdout"] + "Change-Id"
    wanted = {**expected, "stdout": summary(whole)}
    return wanted, dataclasses.replace(run, stdout=summary(run.stdout))


def _usage(_: World, expected: dict[str, Any], run: Run) -> tuple[dict[str, Any], Run]:
    """That it is help, and for what: the words of the options are not part of the contract."""

    def first(text: str) -> str:
        return text.partition("\n")[0].partition(" [")[0]

    wanted = {**expected, "stderr": first(expected["stderr"])}
    return wanted, dataclasses.replace(run, stderr=first(run.stderr))


def refs_only(_: World, expected: dict[str, Any], run: Run) -> tuple[dict[str, Any], Run]:
    """The refs of an advertisement: capabilities are those of the git implementation."""

    def names(text: str) -> str:
        found = re.findall(r"(?:[0-9a-f]{40}|<sha>) (refs/[^\x00\n]+|HEAD)", text)
        return "\n".join(found)

    wanted = {**expected, "stdout": names(expected["stdout"])}
    return wanted, dataclasses.replace(run, stdout=names(run.stdout))


def _revision(world: World) -> str:
    return world.must("GET", "/a/changes/19?o=CURRENT_REVISION")["current_revision"]


BEFORE = {"push": _chain}
SHAS = {
    "ban": lambda world: world.remembered.setdefault("banned", secrets.token_hex(20)),
    "review-sha": _revision,
    "review-badsha": lambda _: secrets.token_hex(20),
}
COMMANDS = {"unknown-key": _unregistered_key, "stream-badtype": _short_wait}
EXPECTED = {
    "help": _usage,
    "help-all": _usage,
    "create-project-suggest": _known_parents,
    "show-queue": _heading,
    "show-queue-q": _heading,
    "show-connections": _heading,
    "query-text": _run_time,
    "scp-hook": _hook,
    "receive-pack-nocap": refs_only,
}
