"""push.jsonl."""

from __future__ import annotations

from typing import Any

from replay.setups import common
from replay.transport import Run, git
from replay.world import World

OTHER = "Other <other@example.org>"
USER1 = "User1 <user1@example.com>"
MASTER = "refs/heads/master"
_WITH_COMMIT = ("pu-mirror", "pu-atomic", "pu-atomic2", "pu-ro")
_PLAIN = ("pu-first", "pu-300", "pu-forge", "pu-big", "pu-bad", "pu-empty")


def prepare(world: World) -> None:
    common(world)
    uuid = world.group("pu-devs", members=["user1"])
    for name in _PLAIN:
        world.project(name)
    for name in _WITH_COMMIT:
        world.project(name, create_empty_commit=True)
    world.project("pu-cid", require_change_id="TRUE")
    world.project("pu-big2", max_object_size_limit="10k")
    world.grant("pu-forge", "refs/heads/*", "push", {uuid: {"action": "ALLOW"}})


def _second(world: World) -> None:
    repository = world.repository("pu-first")
    repository.git("update-ref", "refs/heads/first", MASTER)
    repository.commit(MASTER, {"b": "2\n"}, parents=[MASTER])


def _branches_and_tags(world: World) -> None:
    repository = world.repository("pu-first")
    repository.git("update-ref", "refs/heads/stable/1", MASTER)
    repository.git("tag", "lw", MASTER)
    repository.git("tag", "-a", "-m", "annotated", "ann", MASTER)


def _alternative(world: World) -> None:
    repository = world.repository("pu-first")
    repository.commit("refs/heads/alt", {"c": "3\n"}, parents=["refs/heads/first"])


def _mirror(world: World) -> None:
    repository = world.repository("pu-mirror")
    repository.commit("refs/heads/main", {"a": "1\n"})
    repository.commit("refs/heads/dev", {"b": "1\n"}, parents=["refs/heads/main"])
    repository.git("tag", "t1", "refs/heads/main")


def _three_hundred(world: World) -> None:
    repository = world.repository("pu-300")
    repository.series(MASTER, 300)
    repository.series("refs/heads/more", 300, parent=MASTER, stem="more")


def _eleven_thousand(world: World) -> None:
    world.repository("pu-300").series("refs/heads/huge", 11000, parent="refs/heads/more")


def _forge(ref: str, parents: list[str], author: str):
    def commit(world: World) -> None:
        repository = world.repository("pu-forge")
        repository.commit(ref, {ref.rpartition("/")[2]: "x\n"}, parents=parents, author=author)

    return commit


def _merge(world: World) -> None:
    repository = world.repository("pu-forge")
    repository.commit("refs/heads/side", {"s": "1\n"}, parents=[MASTER], author=USER1)
    parents = ["refs/heads/f3", "refs/heads/side"]
    repository.commit("refs/heads/mg", {"s": "1\n"}, parents=parents, author=USER1)


def _blob(project: str, size: int):
    def commit(world: World) -> None:
        world.repository(project).commit(MASTER, {"blob": ("0123456789abcde\n" * size)[:size]})

    return commit


def _bad_tree(ref: str, entries: list[tuple[bytes, bytes]]):
    """A commit of a tree with `entries` of (mode, name), made without any check."""

    def commit(world: World) -> None:
        repository = world.repository("pu-bad")
        blob = bytes.fromhex(repository.raw_object("blob", b"x\n"))
        empty = bytes.fromhex(repository.raw_object("tree", b""))
        content = b"".join(
            mode + b" " + name + b"\0" + (empty if mode.endswith(b"40000") else blob)
            for mode, name in entries
        )
        tree = repository.raw_object("tree", content)
        made = repository.git("commit-tree", "-m", "bad", tree)
        repository.git("update-ref", ref, made)

    return commit


def _bad_author(world: World) -> None:
    repository = world.repository("pu-bad")
    tree = repository.raw_object("tree", b"")
    person = "Nobody 1700000000 +0000"
    text = f"tree {tree}\nauthor {person}\ncommitter {person}\n\nbad\n"
    made = repository.raw_object("commit", text.encode())
    repository.git("update-ref", "refs/heads/bad2", made)


def _one_branch(project: str):
    def commit(world: World) -> None:
        base = world.fetch(project, MASTER, "refs/remotes/master")
        world.repository(project).commit("refs/heads/n1", {"n": "1\n"}, parents=[base])

    return commit


def _missing_project(world: World) -> None:
    world.repository("pu-none").commit("refs/heads/n1", {"n": "1\n"})


def _read_only(world: World) -> None:
    base = world.fetch("pu-ro", MASTER, "refs/remotes/master")
    world.repository("pu-ro").commit("refs/heads/w", {"f": "1\n"}, parents=[base])
    world.must("PUT", "/a/projects/pu-ro/config", {"state": "READ_ONLY"})
    world.commit_config("pu-ro", {"project.config": "[project]\n\tstate = active\n"})


def _hidden(world: World) -> None:
    world.must("PUT", "/a/projects/pu-ro/config", {"state": "HIDDEN"})


def _atomic_refused(world: World) -> None:
    _one_branch("pu-atomic2")(world)
    unknown = '[access "refs/heads/*"]\n\tpush = group nope\n'
    world.commit_config("pu-atomic2", {"project.config": unknown})


BEFORE = {
    "second": _second,
    "branches-tags": _branches_and_tags,
    "nonff": _alternative,
    "mirror": _mirror,
    "commits-300": _three_hundred,
    "commits-11000": _eleven_thousand,
    "forge-admin": _forge(MASTER, [], OTHER),
    "forge-user": _forge("refs/heads/f2", [MASTER], OTHER),
    "own-user": _forge("refs/heads/f3", [MASTER], USER1),
    "merge-user": _merge,
    "unregistered-committer": _forge(
        "refs/heads/f4", ["refs/heads/mg"], "Administrator <admin@example.com>"
    ),
    "cid-direct": _blob("pu-cid", 10),
    "blob-nolimit": _blob("pu-big", 3_000_000),
    "blob-limit": _blob("pu-big2", 60_000),
    "bad-tree": _bad_tree("refs/heads/bad", [(b"100644", b".git")]),
    "bad-author": _bad_author,
    "bad-mode": _bad_tree("refs/heads/bad3", [(b"040000", b"dir")]),
    "bad-dup": _bad_tree("refs/heads/bad4", [(b"100644", b"a"), (b"100644", b"a")]),
    "atomic": _one_branch("pu-atomic"),
    "nonexisting-project": _missing_project,
    "readonly-heads": _read_only,
    "hidden-heads": _hidden,
    "atomic2": _atomic_refused,
}


def _without_login(world: World, request: dict[str, Any]) -> Run:
    url = f"{world.server.http_url}/{request['project']}"
    folder = world.repository(request["project"]).path
    return git(["push", url, request["push"]], home=world.home, cwd=folder)


def _wrong_password(world: World, request: dict[str, Any]) -> Run:
    url = world.url(request["project"])
    folder = world.repository(request["project"]).path
    login = ("admin", "not the password")
    return git(["push", url, request["push"]], home=world.home, cwd=folder, login=login)


PUSHES = {"no-a-prefix": _without_login, "wrong-password": _wrong_password}
