"""Compares the answers of one exchange: what is decisive in each kind, and what is noise."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from replay.placeholders import Bindings
from replay.transport import Answer, Run

# Commit ids that git and Gerrit shorten.
_ABBREVIATED = re.compile(r"\b[0-9a-f]{7,12}\b(?![-/])")
_STATUS_LINE = re.compile(r"^ [!*+=\- ] .* -> |^ - \[deleted\]")
_NOISE = (
    "remote: Processing changes",
    "hint:",
    "remote: Resolving deltas",
    "remote: Counting objects",
    "Warning: Permanently added",
)


def rest_differences(bindings: Bindings, expected: dict[str, Any], answer: Answer) -> list[str]:
    """Where an HTTP answer differs from the recorded one: status, content type, body."""
    found = []
    if answer.status != expected["status"]:
        found.append(f"status: expected {expected['status']}, got {answer.status}")
    wanted_type = expected.get("content_type") or ""
    if _plain(answer.content_type) != _plain(wanted_type):
        found.append(f"content type: expected {wanted_type!r}, got {answer.content_type!r}")
    wanted_login = expected.get("www_authenticate")
    if wanted_login and answer.www_authenticate != wanted_login:
        found.append(f"WWW-Authenticate: {wanted_login!r}, got {answer.www_authenticate!r}")
    if "json" in expected:
        if answer.data is None and expected["json"] is not None:
            return [*found, f"body: expected JSON, got {answer.text[:300]!r}"]
        return found + bindings.differences(expected["json"], answer.data)
    return found + _body_differences(bindings, expected, answer)


def _body_differences(bindings: Bindings, expected: dict[str, Any], answer: Answer) -> list[str]:
    text, wanted = answer.text, expected.get("text", "")
    if "decoded" in expected:
        wanted = expected["decoded"]
        try:
            text = base64.b64decode(answer.body, validate=True).decode("utf-8", errors="replace")
        except ValueError:
            return [f"body is not base64: {answer.text[:300]!r}"]
        wanted, text = _by_group_name(wanted), _by_group_name(text)
    if bindings.matches(wanted, text):
        return []
    return [f"body: expected {wanted!r}, got {text[:2000]!r}"]


def _by_group_name(text: str) -> str:
    """A `groups` file is written in the order of UUIDs, which are random: sort it by name."""
    if not text.startswith("# UUID"):
        return text
    return "\n".join(sorted(text.splitlines(), key=lambda line: line.rpartition("\t")[2]))


def _plain(content_type: str) -> str:
    return content_type.lower().replace(" ", "")


def push_differences(bindings: Bindings, expected: dict[str, Any], run: Run) -> list[str]:
    """Where `git push` ended differently: exit, refused refs, messages; progress is left out."""
    found = []
    if run.exit != expected["exit"]:
        found.append(f"exit: expected {expected['exit']}, got {run.exit}")
    wanted, got = _push_lines(expected["stderr"]), _push_lines(run.stderr)
    if len(wanted) != len(got):
        return [*found, _both(wanted, got)]
    if not all(bindings.matches(one, other) for one, other in zip(wanted, got, strict=True)):
        found.append(_both(wanted, got))
    return found


def _push_lines(stderr: str) -> list[str]:
    lines = []
    for line in re.split(r"[\r\n]+", stderr):
        plain = line.removesuffix("\x1b[K").rstrip()
        if plain in ("", "remote:") or plain.startswith(_NOISE):
            continue
        if _STATUS_LINE.match(plain):
            plain = " ".join(plain.split())
        lines.append(_ABBREVIATED.sub("abc1234", plain))
    return lines


def run_differences(bindings: Bindings, expected: dict[str, Any], run: Run) -> list[str]:
    """Where a command over ssh, or `git ls-remote`, ended differently."""
    found = []
    if run.exit != expected["exit"]:
        found.append(f"exit: expected {expected['exit']}, got {run.exit}")
    for name in ("stdout", "stderr"):
        wanted, got = expected.get(name, ""), getattr(run, name)
        found += text_differences(bindings, wanted, got, name)
    return found


def text_differences(bindings: Bindings, wanted: str, got: str, name: str) -> list[str]:
    """Where text differs; lines that are JSON objects are compared as such."""
    if name == "stderr":
        wanted, got = wanted.replace("\r", "").rstrip(), got.replace("\r", "").rstrip()
    whole = _json(wanted)
    if whole is not None and _json(got) is not None:
        return bindings.differences(whole, _json(got), name)
    if bindings.matches(wanted, got):
        return []
    one, other = wanted.splitlines(), got.splitlines()
    if len(one) == len(other) and any(_json(line) is not None for line in one):
        found = []
        for index, (line, actual) in enumerate(zip(one, other, strict=True)):
            found += _line_differences(bindings, line, actual, f"{name}[{index}]")
        return found
    return [f"{name}: expected {wanted!r}, got {got[:3000]!r}"]


def _line_differences(bindings: Bindings, wanted: str, got: str, at: str) -> list[str]:
    recorded, actual = _json(wanted), _json(got)
    if recorded is not None and actual is not None:
        return bindings.differences(recorded, actual, at)
    same = bindings.matches(wanted, got)
    return [] if same else [f"{at}: expected {wanted!r}, got {got!r}"]


def _json(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _both(wanted: list[str], got: list[str]) -> str:
    return "output: expected\n    " + "\n    ".join(wanted) + "\n  got\n    " + "\n    ".join(got)
