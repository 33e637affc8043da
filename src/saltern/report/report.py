"""The report of a run, built from outcomes and never from the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from saltern.converge import Result
from saltern.report.exit import exit_status
from saltern.steps import DONE


@dataclass(frozen=True)
class Report:
    """How a run ended.

    ``status``: ``done`` (everything is as the registry says), ``failed`` (``steps`` are not),
    ``refused`` (nothing was run, ``reason`` says why), ``queued`` (another run holds the lock
    and goes round again) or ``interrupted``. ``counts`` is by kind and state; ``seconds`` is
    wall-clock time; ``findings`` are the registry's, rendered; projects ``removed`` have left
    it, ``unknown`` ones were asked for and are not in it; ``drift`` is what somebody changed on a
    server that by its policy is only told.
    """

    run: str | None
    status: str
    commit: str | None = None
    reason: str = ""
    steps: tuple[Mapping[str, Any], ...] = ()
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    slowest: tuple[Mapping[str, Any], ...] = ()
    findings: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def exit(self) -> int:
        """Return the exit status: 0 only when all is done."""
        return exit_status(self.status)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data, with its exit status."""
        return {**asdict(self), "exit": self.exit}


def unfinished(results: Iterable[Result]) -> tuple[dict[str, Any], ...]:
    """Return the steps that are not done, each with its reason and the command to retry it."""
    return tuple(
        {
            "key": result.key,
            "state": result.state,
            "code": result.outcome.code,
            "reason": result.outcome.reason,
            "attempts": result.attempts,
            "retry": retry_command(result.key),
        }
        for result in results
        if result.state != DONE
    )


def retry_command(key: str) -> str:
    """Return the command that tries one step again, such that a shell reads the key as one word."""
    return f"salt-run projects.retry {_word(key)}"


def _word(key: str) -> str:
    if key.isprintable():
        quote = "'\"'\"'"
        return f"'{key.replace(chr(39), quote)}'"
    # $'...' of bash, zsh and ksh: what a terminal would act on is written out.
    escaped = "".join(
        char if char.isprintable() and char not in "\\'" else _octal(char) for char in key
    )
    return f"$'{escaped}'"


def _octal(char: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in char.encode("utf-8", "surrogateescape"))


def counts(results: Iterable[Result]) -> dict[str, dict[str, int]]:
    """Return ``{kind: {state: number}}``."""
    table: dict[str, Counter[str]] = {}
    for result in results:
        table.setdefault(result.key.partition(":")[0], Counter())[result.state] += 1
    return {kind: dict(states) for kind, states in table.items()}


def slowest(results: Iterable[Result], most: int = 5) -> tuple[dict[str, Any], ...]:
    """Return the steps that took longest: key and seconds."""
    ordered = sorted(results, key=lambda r: r.outcome.seconds, reverse=True)[:most]
    return tuple({"key": r.key, "seconds": round(r.outcome.seconds, 3)} for r in ordered)
