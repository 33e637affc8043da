"""ssh commands: ``gerrit NAME ...``."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from typing import TYPE_CHECKING

from . import VERSION
from .ssh_overview import KNOWN, overview

if TYPE_CHECKING:
    from .model import User
    from .site import Site


class Fatal(Exception):
    """A command fails: ``fatal: message``, exit status 1."""


class Unsupported(Fatal):
    """A command of a real server that is not there; the call log says so."""


class Plain(Exception):
    """A command ends with a message on stderr as it stands."""

    def __init__(self, text: str, code: int = 1):
        super().__init__(text)
        self.code = code


class Session:
    """One command being run."""

    def __init__(self, site: Site, user: User, process: object):
        self.site, self.user, self.process = site, user, process
        self.err = ""

    async def stdin(self) -> str:
        """All of standard input."""
        return (await self.process.stdin.read()).decode("utf-8", "replace")


COMMANDS: dict[str, Callable] = {}


def scp_hook() -> str:
    """The commit hook as the source side of the old scp protocol sends it."""
    text = hook()
    return f"C0755 {len(text)} commit-msg\n{text}\0"


def hook() -> str:
    """The commit-msg hook that adds a Change-Id."""
    return resources.files(__package__).joinpath("commit-msg").read_text()


def command(name: str) -> Callable[[Callable], Callable]:
    """Register ``async handler(session, words) -> output``."""

    def register(handler: Callable) -> Callable:
        COMMANDS[name] = handler
        return handler

    return register


async def run_command(session: Session, words: list[str]) -> str:
    """Run a command line; its standard output."""
    if words[:2] == ["scp", "-f"] and words[-1].lstrip("/") == "hooks/commit-msg":
        return scp_hook()
    if words[0] != "gerrit":
        raise Fatal(f"Gerrit Code Review: {words[0]}: not found")
    if len(words) == 1:
        raise Fatal(overview())
    handler = COMMANDS.get(words[1])
    if handler is None and words[1] in KNOWN:
        raise Unsupported(f"the stand-in does not support gerrit {words[1]}")
    if handler is None:
        raise Fatal(f"gerrit: {words[1]}: not found")
    return await handler(session, words[2:])


def parse(words: list[str], flags: str = "", values: str = "") -> tuple[list[str], dict]:
    """``(arguments, options)``: names with aliases ``name|alias`` separated by blanks.

    A flag maps to True, a value option to the list of its values; Fatal for others.
    """
    known: dict[str, tuple[str, bool]] = {}
    for text, takes in ((flags, False), (values, True)):
        for names in text.split():
            first, *others = names.split("|")
            for name in (first, *others):
                known[("--" if len(name) > 1 else "-") + name] = (first, takes)
    arguments, options, queue = [], {}, list(words)
    while queue:
        word = queue.pop(0)
        if word == "--":
            arguments += queue
            break
        if not word.startswith("-") or word == "-":
            arguments.append(word)
            continue
        name, equals, inline = word.partition("=")
        if name not in known:
            raise Fatal(f'"{name}" is not a valid option')
        key, takes = known[name]
        if not takes:
            options[key] = True
            continue
        if not equals and not queue:
            raise Fatal(f'Option "{name}" takes an operand')
        options.setdefault(key, []).append(inline if equals else queue.pop(0))
    return arguments, options


@command("version")
async def version(session: Session, words: list[str]) -> str:
    _, options = parse(words, "verbose|v json")
    if options.get("json"):
        return json.dumps({"version": VERSION}) + "\n"
    text = f"gerrit version {VERSION}\n"
    if options.get("verbose"):
        text += "NoteDb version 185\nIndex versions\n  changes   88\n  accounts  15\n"
        text += "  projects  10\n  groups    12\n"
    return text
