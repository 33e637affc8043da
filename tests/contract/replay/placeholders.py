"""Compares an answer with a recorded one whose changing parts are placeholders.

`<uuid:NAME>` binds: the first value seen in its place stands for it in every later request and
answer. `<sha>`, `<time>`, `<key>` and random values match anything of their form. `<http>`,
`<ssh>`, `<host>`, `<port>` are those of the server under test. `<N x c>` is a run of one character.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

SHA = "[0-9a-f]{40}"
ZEROS = "0" * 40
_RUN = re.compile(r"<(\d+) x (.)>", re.S)
_RANDOM = re.compile(r"<random(?: (\d+) characters)?>")
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{9})?(?: [A-Z]+| [+-]\d{4})?")
_SIMPLE = {
    "<sha>": SHA,
    "<time>": r"(?:" + _TIME.pattern + r"|\d+)",
    "<key>": r"[A-Za-z0-9+/=]+",
    "<pack>": r"[\s\S]*",
    # The versions that answered: any other may stand in their place.
    "3.14.0-dev-ref-e31cd900ac": r"\d+\.\d+[\w.+-]*",
    "JGit/v7.5.0.202512021534-r-31-g4e67a2306": r"[\w/.+-]+",
}
_VERSIONS = re.compile("|".join(re.escape(key) for key in _SIMPLE if key[0] != "<"))
_NAMED = re.compile("<(?:sha|time|key|pack|http|ssh|host|port)>")
_BEGIN = re.compile(r"<|\b[0-9a-f]{8}_[0-9a-f]{8}\b|" + _VERSIONS.pattern)
_COMMENT = re.compile(r"\b[0-9a-f]{8}_[0-9a-f]{8}\b")
_MORE = re.compile(r"^\.\.\. (\d+) more$")
# Numbers that a server hands out in order of creation: bound like UUIDs, not compared as such.
BOUND_NUMBERS = frozenset({"group_id"})
# Lists in the order of a hash set or of random UUIDs.
UNORDERED = frozenset(
    {"approvals", "editable_account_fields", "owner_of", "problems", "submit_requirements"}
)


class Bindings:
    """What placeholders stand for on one server: UUIDs by group name, and addresses."""

    def __init__(self, addresses: dict[str, str]) -> None:
        """`addresses`: placeholder with brackets (`<http>`) to the value on this server."""
        self.addresses = addresses
        self.uuids: dict[str, str] = {}
        self.numbers: dict[tuple[str, int], int] = {}
        self.comments: dict[str, str] = {}

    def fill(self, text: str, sha: Callable[[], str], lookup: Callable[[str], str]) -> str:
        """`text` of a request with its placeholders replaced.

        `sha()` gives the next commit id or Change-Id digits; `lookup(name)` a group's UUID that no
        answer has shown yet.
        """
        parts = []
        for token, literal in _tokens(text):
            if literal:
                parts.append(token)
            elif token.startswith("<uuid:"):
                name = _uuid_name(token)
                if name not in self.uuids:
                    self.uuids[name] = lookup(name)
                parts.append(self.uuids[name])
            elif token == "<sha>":
                parts.append(sha())
            elif run := _RUN.fullmatch(token):
                parts.append(run.group(2) * int(run.group(1)))
            elif token in self.addresses:
                parts.append(self.addresses[token])
            elif _COMMENT.fullmatch(token):
                parts.append(self.comments.get(token, token))
            else:
                raise ValueError(f"a request cannot contain {token}: {text!r}")
        return "".join(parts)

    def in_order_of(self, expected: Any, actual: Any) -> Any:
        """`actual` with the entries of its list in the order of those of `expected` they equal."""
        if not isinstance(expected, list) or not isinstance(actual, list):
            return actual
        left, ordered = list(actual), []
        for one in expected:
            found = next((other for other in left if self._agrees(one, other)), None)
            if found is not None:
                left.remove(found)
                ordered.append(found)
        return ordered + left

    def _agrees(self, expected: Any, actual: Any) -> bool:
        uuids, numbers = dict(self.uuids), dict(self.numbers)
        agrees = not self.differences(expected, actual)
        if not agrees:
            self.uuids, self.numbers = uuids, numbers
        return agrees

    def matches(self, expected: str, actual: str) -> bool:
        """Whether `actual` has the form of `expected`; binds the UUIDs in it when it does."""
        pattern, names = self._pattern(expected)
        found = re.fullmatch(pattern, actual)
        if found is None:
            return False
        for name, value in zip(names, found.groups(), strict=True):
            if self.uuids.setdefault(name, value) != value:
                return False
        return True

    def _pattern(self, expected: str) -> tuple[str, list[str]]:
        parts, names = [], []
        for token, literal in _tokens(expected):
            if literal:
                parts.append(re.escape(token))
            elif token.startswith("<uuid:"):
                name = _uuid_name(token)
                if name in self.uuids:
                    parts.append(re.escape(self.uuids[name]))
                else:
                    names.append(name)
                    parts.append(f"({SHA})")
            elif run := _RUN.fullmatch(token):
                parts.append(re.escape(run.group(2) * int(run.group(1))))
            elif run := _RANDOM.fullmatch(token):
                parts.append(".{20,}" if run.group(1) else ".+")
            else:
                known = _SIMPLE.get(token) or re.escape(self.addresses.get(token, token))
                parts.append(known)
        return "".join(parts), names

    def differences(self, expected: Any, actual: Any, at: str = "$") -> list[str]:
        """Where `actual` (parsed JSON) differs from `expected`; empty when it does not."""
        if isinstance(expected, dict):
            return self._dict(expected, actual, at)
        if isinstance(expected, list):
            return self._list(expected, actual, at)
        key = at.rpartition(".")[2]
        if key in BOUND_NUMBERS and isinstance(actual, int):
            same = self.numbers.setdefault((key, expected), actual) == actual
        elif isinstance(expected, str):
            same = self._scalar(expected, actual)
        else:
            same = type(expected) is type(actual) and expected == actual
        return [] if same else [f"{at}: expected {expected!r}, got {actual!r}"]

    def _scalar(self, expected: str, actual: Any) -> bool:
        if expected == "<time>" and type(actual) is int:
            return True
        if _COMMENT.fullmatch(expected) and _COMMENT.fullmatch(str(actual)):
            return self.comments.setdefault(expected, actual) == actual
        return isinstance(actual, str) and self.matches(expected, actual)

    def _list(self, expected: list[Any], actual: Any, at: str) -> list[str]:
        if not isinstance(actual, list):
            return [f"{at}: expected a list, got {actual!r}"]
        if at.rpartition(".")[2] in UNORDERED:
            actual = self.in_order_of(expected, actual)
        wanted, length = expected, len(expected)
        if expected and isinstance(expected[-1], str) and (more := _MORE.match(expected[-1])):
            wanted, length = expected[:-1], len(expected) - 1 + int(more.group(1))
        if len(actual) != length:
            return [f"{at}: expected {length} entries, got {len(actual)}: {shorten(actual)}"]
        found = []
        for index, (one, other) in enumerate(zip(wanted, actual, strict=False)):
            found += self.differences(one, other, f"{at}[{index}]")
        return found

    def _dict(self, expected: dict[str, Any], actual: Any, at: str) -> list[str]:
        if not isinstance(actual, dict):
            return [f"{at}: expected an object, got {actual!r}"]
        partial = "..." in expected
        left = dict(actual)
        found = []
        # Keys without placeholders first: those with one must not take their place.
        for key in sorted((key for key in expected if key != "..."), key=lambda k: "<" in k):
            match = key if key in left else next((k for k in left if self.matches(key, k)), None)
            if match is None:
                found.append(f"{at}: no key {key!r}")
            else:
                found += self.differences(expected[key], left.pop(match), f"{at}.{key}")
        if left and not partial:
            found.append(f"{at}: unexpected keys {shorten(left)}")
        return found


def shorten(value: Any, limit: int = 400) -> str:
    """`value` as JSON for a message, cut after `limit` characters."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else text[:limit] + "..."


def _uuid_name(token: str) -> str:
    name = token[len("<uuid:") : -1]
    return _RUN.sub(lambda run: run.group(2) * int(run.group(1)), name)


def _tokens(text: str) -> list[tuple[str, bool]]:
    """Split into (piece, is literal); placeholders may be nested: `<uuid:<255 x g>>`."""
    pieces: list[tuple[str, bool]] = []
    position = start = 0
    while begin := _BEGIN.search(text, position):
        position = begin.start()
        end = _placeholder_end(text, position)
        if end is None:
            position += 1
            continue
        if position > start:
            pieces.append((text[start:position], True))
        pieces.append((text[position:end], False))
        position = start = end
    if start < len(text):
        pieces.append((text[start:], True))
    return pieces


def _placeholder_end(text: str, start: int) -> int | None:
    if text.startswith("<uuid:", start):
        depth = 0
        for position in range(start, len(text)):
            depth += {"<": 1, ">": -1}.get(text[position], 0)
            if depth == 0:
                return position + 1
        return None
    for pattern in (_RUN, _RANDOM, _NAMED, _VERSIONS, _COMMENT):
        if found := pattern.match(text, start):
            return found.end()
    return None
