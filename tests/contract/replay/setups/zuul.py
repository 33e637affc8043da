"""zuul.jsonl: what Zuul asks, in the order of the life of a change (the record is by kind)."""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Callable
from typing import Any

from replay.setups.ssh_commands import refs_only
from replay.transport import Answer, Run
from replay.world import User, World

MASTER = "refs/heads/master"
DEV = "Dev <dev@example.org>"
ONE = "demo/one"
LABELS = """\
[access]
\tinheritFrom = All-Projects
[access "refs/heads/*"]
\tlabel-Verified = -2..+2 group Service Users
\tsubmit = group Service Users
\tlabel-Code-Review = -2..+2 group reviewers
\tlabel-Workflow = -1..+1 group reviewers
"""
DEFINITIONS = """\
[label "Verified"]
\tfunction = NoBlock
\tdefaultValue = 0
\tvalue = -2 Fails gate
\tvalue = -1 Fails
\tvalue = 0 No score
\tvalue = +1 Works
\tvalue = +2 Gate
[label "Workflow"]
\tfunction = NoBlock
\tdefaultValue = 0
\tvalue = -1 Work in progress
\tvalue = 0 Ready
\tvalue = +1 Approved
[submit-requirement "Verified"]
\tsubmittableIf = label:Verified=MAX AND -label:Verified=MIN
[submit-requirement "Workflow"]
\tsubmittableIf = label:Workflow=MAX AND -label:Workflow=MIN
"""
YAML = "".join(f"- line: {number}\n" for number in range(1, 14))


def prepare(world: World) -> None:
    world.grant_administrators()
    for name in ("zuul", "dev", "rev"):
        _user(world, name)
    reviewers = world.group("reviewers", members=["rev"])
    bots = world.group_uuid("Service Users")
    groups = f"{reviewers}\treviewers\n{bots}\tService Users\n"
    world.project("demo-acl", permissions_only=True)
    _push_config(world, "demo-acl", {"project.config": LABELS + DEFINITIONS, "groups": groups})
    for name in (ONE, "demo/five", "demo/ten", "infra/zuul-config"):
        _project(world, name, "demo-acl")
    world.project("demo/three", parent="demo-acl")
    _project(world, "demo/six", "All-Projects")
    world.use_up_change_numbers(1)
    _push_config(world, "demo/six", {"project.config": DEFINITIONS})


def _user(world: World, name: str) -> None:
    key = world.new_key(name)
    user = User(name, f"password of {name}", key)
    account = {
        "name": name.capitalize(),
        "email": f"{name}@example.org",
        "ssh_key": key.with_suffix(".pub").read_text(encoding="ascii"),
        "http_password": user.password,
        "groups": ["Service Users"] if name == "zuul" else [],
    }
    world.must("PUT", f"/a/accounts/{name}", account)
    world.users[name] = user


def _push_config(world: World, project: str, files: dict[str, str]) -> None:
    world.commit_config(project, files)
    world.must_push(project, "refs/heads/cfg:refs/meta/config")


def _project(world: World, name: str, parent: str) -> None:
    world.project(name, parent=parent)
    files = {"zuul.yaml": YAML, "file": "1\n"}
    world.repository(name).commit(MASTER, files, message="init\n")
    world.must_push(name, f"{MASTER}:{MASTER}")


Step = Callable[[World], None]


def _upload(
    number: int,
    subject: str,
    files: dict[str, str],
    *,
    project: str = ONE,
    parent: int | None = None,
    body: str = "",
    options: str = "",
) -> Step:
    """dev uploads change `number`, on the server's master or on another change."""

    def upload(world: World) -> None:
        _reserve(world, number)
        base = world.fetch(project, MASTER, "refs/remotes/master")
        ref = f"refs/heads/c{number}"
        world.remembered[f"key {number}"] = world.commit_change(
            project,
            ref,
            subject,
            files,
            parents=(f"refs/heads/c{parent}" if parent else base,),
            body=body.replace("<http>", world.bindings.addresses["<http>"]),
            author=DEV,
        )
        world.must_push(project, f"{ref}:refs/for/master{options}", user="dev")
        world.remembered[f"commit {number}"] = world.repository(project).resolve(ref)

    return upload


def _reserve(world: World, number: int | None) -> None:
    last = world.remembered.get("last change", 0)
    if number is not None and number > last + 1:
        world.use_up_change_numbers(number)
    world.remembered["last change"] = number


def _vote(number: int, user: str, labels: dict[str, int], **more: Any) -> Step:
    def vote(world: World) -> None:
        path = f"/a/changes/{number}/revisions/current/review"
        world.must("POST", path, {"labels": labels, **more}, user=user)

    return vote


def _approve(number: int) -> Step:
    return _vote(number, "rev", {"Code-Review": 2, "Workflow": 1})


def _merge(number: int) -> Step:
    def merge(world: World) -> None:
        _approve(number)(world)
        _vote(number, "zuul", {"Verified": 2})(world)
        world.must("POST", f"/a/changes/{number}/submit", {}, user="zuul")

    return merge


def _all(*steps: Step) -> Step:
    def run(world: World) -> None:
        for step in steps:
            step(world)

    return run


def _direct(subject: str, name: str, project: str = ONE) -> Step:
    """A commit that was on the branch already."""

    def push(world: World) -> None:
        base = world.fetch(project, MASTER, "refs/remotes/master")
        files = {name: "1\n"}
        world.repository(project).commit(
            "refs/heads/direct", files, parents=[base], message=f"{subject}\n", author=DEV
        )
        world.must_push(project, f"refs/heads/direct:{MASTER}")

    return push


def _merge_commit(world: World) -> None:
    """Change 17: a merge of two commits that are both in the repository already."""
    _reserve(world, 17)
    base = world.fetch(ONE, MASTER, "refs/remotes/master")
    repository = world.repository(ONE)
    repository.commit("refs/heads/side", {"side": "1\n"}, parents=["refs/heads/direct~1"])
    world.must_push(ONE, "refs/heads/side:refs/heads/side")
    world.remembered["key 17"] = world.commit_change(
        ONE,
        "refs/heads/c17",
        "merge side",
        {"side": "1\n"},
        parents=(base, "refs/heads/side"),
        author=DEV,
    )
    world.must_push(ONE, "refs/heads/c17:refs/for/master", user="dev")
    world.remembered["commit 17"] = repository.resolve("refs/heads/c17")


_URL = "Depends-On: http://<http>/c/demo/one/+/"
_FIRST = "A line of twenty b.\n"
BEFORE: dict[str, Step] = {
    "change": _upload(1, "first change", {"README": _FIRST}),
    "change-approved": _approve(1),
    "query-depends-url": _upload(6, "A the needed change", {"a.txt": "1\n"}),
    "query-depending-found": _all(
        _upload(7, "B needs A", {"file": "2\n"}, body=f"{_URL}6\n"),
        _vote(7, "zuul", {"Verified": 1}),
        _approve(7),
    ),
    "review-failure": _upload(2, "failing change", {"file": "2\n"}),
    "review-comments": _all(
        _upload(3, "unknown key", {"zuul.yaml": YAML.replace("line: 5", "runn: 5")}),
        _upload(4, "fourth", {"4": "4\n"}),
        _upload(5, "fifth", {"5": "5\n"}),
    ),
    "related-chain": _all(
        _upload(12, "chain 1", {"12": "1\n"}), _upload(13, "chain 2", {"13": "1\n"}, parent=12)
    ),
    "change-wip": _all(
        _direct("no code review", "direct"),
        _upload(15, "wip change", {"wip.txt": "w"}, options="%wip"),
    ),
    "files-merge": _merge_commit,
    "review-label-denied": _upload(20, "six", {"6": "1\n"}, project="demo/six"),
    "ssh-query-change": _all(
        _upload(70, "seventy", {"70": "1\n"}),
        _merge(70),
        _upload(74, "over ssh 1", {"t1.txt": "1\n"}),
        _upload(75, "over ssh 2", {"t2.txt": "1\n"}, parent=74, body=f"{_URL}74\n"),
    ),
    "ssh-review-gate": _approve(74),
    "ssh-review-submit": _approve(75),
    "query-topic": _all(
        _direct("weight 3", "weight", "demo/five"),
        _upload(85, "topic A", {"a": "1\n"}, project="demo/five", options="%topic=both"),
        _upload(86, "topic B", {"b": "1\n"}, project="demo/five", options="%topic=both"),
    ),
    "submit-conflict": _all(_upload(103, "ten", {"10": "1\n"}, project="demo/ten"), _approve(103)),
}
# The life of the changes; exchanges that are not named keep their place.
ORDER = [
    "refs",
    "change",
    "related-none",
    "files-parent",
    "query-needed-by",
    "query-depending",
    "review-success",
    "change-approved",
    "review-start",
    "review-gate",
    "submit",
    "change-merged",
    "review-failure",
    "review-comments",
    "query-depends-url",
    "query-depends-changeid",
    "query-depending-found",
    "related-chain",
    "change-wip",
    "files-merge",
    "review-label-denied",
    "submit-denied",
    "ssh-query-change",
    "ssh-query-parent",
    "ssh-query-simple",
    "ssh-query-needed-by",
    "ssh-query-depending",
    "ssh-refs",
    "ssh-review",
    "ssh-review-syntax",
    "ssh-submit-not-ready",
    "ssh-review-gate",
    "ssh-query-approved",
    "ssh-submit",
    "ssh-query-merged",
    "ssh-review-submit",
    "query-topic",
    "submit-conflict",
]


def _key(number: int):
    return lambda world: world.remembered[f"key {number}"][1:]


def _commit(number: int):
    return lambda world: world.remembered[f"commit {number}"]


def _both(number: int):
    return lambda world: [_key(number)(world), _commit(number)(world)]


def _tips(world: World) -> list[str]:
    commit = world.branch_commit("infra/zuul-config", MASTER)
    return [commit, commit]


SHAS = {
    "related-none": _commit(1),
    "related-chain": _commit(13),
    "files-parent": _commit(1),
    "files-merge": _commit(17),
    "query-needed-by": _key(1),
    "query-depends-changeid": _key(6),
    "ssh-query-needed-by": _key(74),
    "submit": _key(1),
    "submit-denied": _key(20),
    "submit-conflict": _key(103),
    "git-fetch": _tips,
    **dict.fromkeys(["review-success", "review-start", "review-gate"], _both(1)),
    "review-failure": _both(2),
    "review-comments": _both(3),
    "review-label-denied": _both(20),
}


def _refs_of_body(world: World, expected: dict[str, Any], answer: Answer) -> tuple[dict, Answer]:
    """The service line and the refs; capabilities are those of the git implementation."""
    return _both_texts(expected, answer, _advertised)


def _advertised(text: str) -> str:
    service = text.partition("\n")[0]
    found = re.findall(r"(?:[0-9a-f]{40}|<sha>) (refs/[^\x00\n]+|HEAD|capabilities\^\{\})", text)
    return "\n".join([service, *found])


def _version_two(_: World, expected: dict[str, Any], answer: Answer) -> tuple[dict, Answer]:
    def known(text: str) -> str:
        return " ".join(name for name in ("version 2", "ls-refs", "fetch") if name in text)

    return _both_texts(expected, answer, known)


def _pack(_: World, expected: dict[str, Any], answer: Answer) -> tuple[dict, Answer]:
    def start(text: str) -> str:
        return text[: len("000dpackfile\n")]

    return _both_texts(expected, answer, start)


def _both_texts(
    expected: dict[str, Any], answer: Answer, cut: Callable[[str], str]
) -> tuple[dict[str, Any], Answer]:
    wanted = {**expected, "text": cut(expected["text"])}
    return wanted, dataclasses.replace(answer, body=cut(answer.text).encode())


def _any_sizes(_: World, expected: dict[str, Any], answer: Answer) -> tuple[dict, Answer]:
    """The generated files name parents and people, whose lengths differ."""
    wanted = copy.deepcopy(expected)
    for path, info in wanted["json"].items():
        for key in ("size", "size_delta", "lines_inserted"):
            if key in answer.data.get(path, {}):
                info[key] = answer.data[path][key]
    return wanted, answer


def _first_refs(world: World, expected: dict[str, Any], run: Run) -> tuple[dict, Run]:
    """The record is cut off after the refs of five changes."""
    wanted, got = refs_only(world, expected, run)
    count = len(wanted["stdout"].splitlines())
    return wanted, dataclasses.replace(got, stdout="\n".join(got.stdout.splitlines()[:count]))


EXPECTED = {
    "refs": _refs_of_body,
    "refs-no-branch": _refs_of_body,
    "git-refs": _version_two,
    "git-fetch": _pack,
    "files-merge": _any_sizes,
    "ssh-refs": _first_refs,
}
