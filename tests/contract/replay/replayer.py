"""Runs the exchanges of one file in order on one server and keeps how each one ended."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from replay import answers, exchanges, setups
from replay.exchanges import Exchange
from replay.listeners import Listener, open_listener, settle
from replay.world import World

_HEADERS = {
    "user_agent": "User-Agent",
    "git_protocol": "Git-Protocol",
    "content_type": "Content-Type",
}
_KEY = re.compile(r"ssh-ed25519 <key> (\w+)")
_MORE = re.compile(r"^\.\.\. (\d+) more$")
_REPEATED = re.compile(r"^(\w) \* (\d+)$")


class Replayer:
    """The replay of one file.

    An exchange may depend on any earlier one, so asking for one runs all before it first; each is
    run once. Differences of the earlier ones are kept for their own tests.
    """

    def __init__(self, file: str, world: World, skipped: set[str]) -> None:
        self.world = world
        self.setup = setups.for_file(file)
        self.exchanges = _ordered(exchanges.load(file), self.setup.ORDER)
        self.skipped = skipped
        self.outcomes: dict[str, list[str]] = {}
        self._next = 0
        self._listeners: list[Listener] = []

    def differences(self, exchange_id: str) -> list[str]:
        """How the exchange differs from its record; empty when it does not."""
        while exchange_id not in self.outcomes:
            self._step()
        return self.outcomes[exchange_id]

    def _step(self) -> None:
        exchange = self.exchanges[self._next]
        self._next += 1
        if exchange.id in self.skipped:
            self.outcomes[exchange.id] = ["not replayed"]
            return
        try:
            self.outcomes[exchange.id] = self._replay(exchange)
        except Exception as error:  # noqa: BLE001 - told by the test of this exchange
            self.outcomes[exchange.id] = [f"{type(error).__name__}: {error}"]

    def _replay(self, exchange: Exchange) -> list[str]:
        before = self.setup.BEFORE.get(exchange.id)
        if before:
            before(self.world)
        if exchange.kind == "rest":
            return self._rest(exchange)
        if exchange.kind == "push":
            return self._push(exchange)
        if exchange.kind == "git":
            return self._git(exchange)
        if exchange.kind == "ssh":
            return self._ssh(exchange)
        if exchange.kind == "event":
            return self._event(exchange)
        raise NotImplementedError(f"no replay of {exchange.kind}")

    def _event(self, exchange: Exchange) -> list[str]:
        world, record = self.world, exchange.record
        wanted = _masked(record["events"])
        types = record.get("types_seen_by_a_service_user")
        admin, bot = self._standing_listeners()
        extra = self.setup.LISTENERS.get(exchange.id)
        main = open_listener(world, **extra) if extra else admin
        for listener in {main, admin, bot}:
            settle(world, [listener])
            listener.take()
        outcome = self.setup.EVENTS[exchange.id](world)
        settle(world, [main, bot], [len(wanted), len(types or [])])
        got = _masked(main.take())
        adjust = self.setup.EXPECTED.get(exchange.id)
        if adjust:
            wanted, got = adjust(world, wanted, got)
        found = _call_differences(record, outcome) + world.bindings.differences(wanted, got)
        seen = [event["type"] for event in bot.take()]
        if types is not None and seen != types:
            found.append(f"types seen by a service user: expected {types}, got {seen}")
        if extra:
            main.close()
        return found

    def _standing_listeners(self) -> list[Listener]:
        if not self._listeners:
            self._listeners = [open_listener(self.world), open_listener(self.world, "bot")]
        return self._listeners

    def close(self) -> None:
        """End what the replay keeps open."""
        for listener in self._listeners:
            listener.close()
        self._listeners = []

    def _filler(self, exchange: Exchange) -> Callable[[str], str]:
        shas = self._shas(exchange)

        def fill(text: str) -> str:
            text = _KEY.sub(self._public_key, text)
            return self.world.bindings.fill(text, lambda: next(shas), self.world.group_uuid)

        return fill

    def _shas(self, exchange: Exchange) -> Iterator[str]:
        source = self.setup.SHAS.get(exchange.id)
        given = source(self.world) if source else []
        yield from [given] if isinstance(given, str) else given
        raise LookupError(f"{exchange.name} has more <sha> in its request than its set-up gives")

    def _public_key(self, found: re.Match[str]) -> str:
        name = found.group(1)
        return f"ssh-ed25519 {self.world.public_key(name)} {name}"

    def _rest(self, exchange: Exchange) -> list[str]:
        request, fill = exchange.request, self._filler(exchange)
        data, body = None, None
        if "json" in request:
            data = _expand(json.loads(fill(json.dumps(request["json"], ensure_ascii=False))))
        elif "text" in request:
            body = self.setup.TEXTS.get(exchange.id, lambda _: fill(request["text"]))(self.world)
            body = body.encode()
        anonymous = request.get("auth") == "none"
        answer = self.world.rest(
            request["method"],
            fill(request["path"]),
            data,
            user="anonymous" if anonymous else exchange.user,
            body=body,
            headers=_headers(request, body),
            password=self.setup.PASSWORDS.get(exchange.id),
        )
        self.world.remembered[exchange.id] = answer.data
        expected = exchange.response
        adjust = self.setup.EXPECTED.get(exchange.id)
        if adjust:
            expected, answer = adjust(self.world, expected, answer)
        if exchange.id in self.setup.ANY_ORDER:
            data = self.world.bindings.in_order_of(expected["json"], answer.data)
            answer = dataclasses.replace(answer, data=data)
        return answers.rest_differences(self.world.bindings, expected, answer)

    def _push(self, exchange: Exchange) -> list[str]:
        request, world = exchange.request, self.world
        if "files" in request and exchange.id not in self.setup.BEFORE:
            fill = self._filler(exchange)
            files = {path: fill(text) for path, text in request["files"].items()}
            commit_files(world, request, files)
        runner = self.setup.PUSHES.get(exchange.id)
        if runner:
            run = runner(world, request)
        else:
            run = world.push(
                request["project"],
                request["push"],
                options=request.get("options", ""),
                transport=request["transport"],
                user=exchange.user,
            )
        found = answers.push_differences(world.bindings, exchange.response, run)
        if "after" in exchange.record and exchange.id not in self.setup.ONLY_PUSH:
            found += self._after(request["project"], exchange.record["after"])
        return found

    def _after(self, project: str, after: dict[str, Any]) -> list[str]:
        """What a taken refs/meta/config push made true: GET project and GET access."""
        found = []
        for name, path in (("get_project", ""), ("get_access", "/access")):
            answer = self.world.rest("GET", f"/a/projects/{project}{path}")
            wanted = after[f"{name}_status"]
            if answer.status != wanted:
                found.append(f"{name} afterwards: expected {wanted}, got {answer.status}")
            elif isinstance(after.get(name), dict):
                kept = {key: answer.data[key] for key in after[name] if key in answer.data}
                found += self.world.bindings.differences(after[name], kept, name)
        return found

    def _git(self, exchange: Exchange) -> list[str]:
        request, world = exchange.request, self.world
        command, *words = request["git"].split()
        options = [word for word in words if word.startswith("-")]
        refs = [word for word in words if not word.startswith("-")]
        url = world.url(request["project"])
        run = world.git([command, *options, url, *refs], request["project"], user=exchange.user)
        return answers.run_differences(world.bindings, exchange.response, run)

    def _ssh(self, exchange: Exchange) -> list[str]:
        request, fill, world = exchange.request, self._filler(exchange), self.world
        runner = self.setup.COMMANDS.get(exchange.id)
        if runner:
            run = runner(world, request)
        else:
            stdin = self.setup.TEXTS.get(exchange.id, lambda _: fill(request.get("stdin", "")))
            run = world.ssh(fill(request["ssh"]), user=exchange.user, stdin=stdin(world))
        expected = exchange.response
        adjust = self.setup.EXPECTED.get(exchange.id)
        if adjust:
            expected, run = adjust(world, expected, run)
        if exchange.id in self.setup.ANY_ORDER:
            expected = {**expected, "stdout": _sorted_lines(expected["stdout"])}
            run = dataclasses.replace(run, stdout=_sorted_lines(run.stdout))
        return answers.run_differences(world.bindings, expected, run)


def _headers(request: dict[str, Any], body: bytes | None) -> dict[str, str]:
    headers = {"Content-Type": "text/plain"} if body else {}
    for key, name in _HEADERS.items():
        if key in request:
            headers[name] = request[key]
    return {**headers, **request.get("headers", {})}


def _ordered(found: list[Exchange], order: tuple[str, ...]) -> list[Exchange]:
    """`found` with those named in `order` moved, among their own places, into that order."""
    named = {exchange.id: exchange for exchange in found if exchange.id in order}
    moved = iter(order)
    return [named[next(moved)] if one.id in named else one for one in found]


def _masked(events: list[Any]) -> list[Any]:
    """A group's ref starts with two digits of its UUID, which the record kept as they were."""
    return json.loads(re.sub(r"refs/groups/[0-9a-f]{2}/", "refs/groups/xx/", json.dumps(events)))


def _call_differences(record: dict[str, Any], outcome: Any) -> list[str]:
    for key, attribute in (("call_status", "status"), ("call_exit", "exit")):
        if key in record and record[key] != getattr(outcome, attribute, None):
            return [f"{key}: expected {record[key]}, got {outcome}"]
    return []


def _sorted_lines(text: str) -> str:
    return "".join(sorted(text.splitlines(keepends=True)))


def commit_files(world: World, request: dict[str, Any], files: dict[str, str]) -> None:
    """Commit `files` where the push takes them from, on top of what the server's ref holds."""
    source, _, target = request["push"].lstrip("+").partition(":")
    branch = target.removeprefix("refs/for/").partition("%")[0]
    branch = branch if branch.startswith("refs/") else f"refs/heads/{branch}"
    project = request["project"]
    base = world.fetch(project, branch, "refs/remotes/base")
    world.repository(project).commit(
        source, files, parents=[base] if base else [], message="Change\n"
    )


def _expand(value: Any) -> Any:
    """Undo the abbreviations in recorded requests: `"x * 20000"` and `"... 5990 more"`."""
    if isinstance(value, dict):
        return {key: _expand(one) for key, one in value.items()}
    if isinstance(value, list):
        if value and (more := _MORE.match(str(value[-1]))):
            value = value[:-1] + value[-2:-1] * int(more.group(1))
        return [_expand(one) for one in value]
    if isinstance(value, str) and (found := _REPEATED.match(value)):
        return found.group(1) * int(found.group(2))
    return value
