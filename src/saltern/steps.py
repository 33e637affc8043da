"""What crosses between plan, converge and providers: a step, and the outcome of one attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from saltern.errors import Retry, SalternError

DONE = "done"
FAILED = "failed"
RETRY = "retry"
GROUP_KINDS = ("group", "members")
"""Kinds of steps whose name is a group's; that of the others is a project's, or a change's."""


def step_key(kind: str, name: str) -> str:
    """Return the key of a step: ``kind:name``, unique within a plan."""
    return f"{kind}:{name}"


@dataclass(frozen=True)
class Step:
    """One thing to make true.

    ``payload`` is plain data for the provider's ``apply``; its keys are listed at each
    provider's handler of the kind. ``needs`` holds keys of steps of the same plan.
    """

    kind: str
    name: str
    why: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    needs: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """Return ``kind:name``."""
        return step_key(self.kind, self.name)

    def to_wire(self) -> dict[str, Any]:
        """Return what a provider on another machine needs: kind, name, why, payload."""
        return {"kind": self.kind, "name": self.name, "why": self.why, "payload": self.payload}

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Step:
        """Rebuild the step that :meth:`to_wire` described."""
        return cls(data["kind"], data["name"], data["why"], data["payload"])


@dataclass(frozen=True)
class Outcome:
    """What one attempt at a step came to.

    ``status`` is ``done`` (read back from the server), ``retry`` (worth another attempt) or
    ``failed``. ``reason`` carries the server's own words. ``retry_after`` and ``seconds``
    are seconds. ``evidence`` is what the read-back saw, e.g. ``{"uuid": ...}`` of a group.
    """

    step: str
    status: str
    code: str = ""
    reason: str = ""
    retry_after: float | None = None
    seconds: float = 0.0
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Return whether the step was proved done."""
        return self.status == DONE

    def to_wire(self) -> dict[str, Any]:
        """Return the outcome as plain data."""
        return asdict(self)

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Outcome:
        """Rebuild an outcome from :meth:`to_wire`."""
        return cls(**data)

    @classmethod
    def from_error(cls, step: str, error: SalternError, seconds: float = 0.0) -> Outcome:
        """Return the outcome of an attempt that ended in ``error``."""
        if isinstance(error, Retry):
            return cls(step, RETRY, error.code, error.reason, error.after, seconds)
        return cls(step, FAILED, error.code, error.reason, None, seconds)
