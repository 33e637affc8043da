"""Both ends of a provider's verb across the Salt bus: data in, data out, errors as data."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from saltern import wire
from saltern.dispatch import Provider
from saltern.errors import Broken, Refused, Retry, SalternError
from saltern.steps import Outcome, Step

log = logging.getLogger(__name__)

_ERRORS: dict[str, type[SalternError]] = {"retry": Retry, "refused": Refused, "broken": Broken}


def serve_observe(make: Callable[[], Provider], packed: Any) -> dict[str, str]:
    """Answer a packed observe request with ``make()``'s provider; never raises."""
    return _serve(make, lambda provider, request: provider.observe(request), packed)


def serve_apply(make: Callable[[], Provider], packed: Any) -> dict[str, str]:
    """Answer packed steps with the provider's outcomes, one a step; never raises."""
    return _serve(make, _apply, packed)


def _apply(provider: Provider, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    outcomes = provider.apply([Step.from_wire(step) for step in steps])
    return [outcome.to_wire() for outcome in outcomes]


def _serve(
    make: Callable[[], Provider], verb: Callable[[Provider, Any], Any], packed: Any
) -> dict[str, str]:
    try:
        argument = wire.unpack(packed)
        with ExitStack() as cleanup:
            provider = make()
            cleanup.callback(getattr(provider, "close", _nothing))
            return wire.pack({"data": verb(provider, argument)})
    except SalternError as error:
        return wire.pack({"error": _error_data(error)})
    except Exception as error:
        # The traceback goes to this machine's own log; only the error's name crosses the bus,
        # for a message made elsewhere may quote a URL or a header.
        log.exception("the provider failed")
        defect = Broken(f"a defect: {type(error).__name__}, see the minion's log", code="defect")
        return wire.pack({"error": _error_data(defect)})


def _nothing() -> None:
    """Close what needs no closing."""


def _error_data(error: SalternError) -> dict[str, Any]:
    kind = next((name for name, cls in _ERRORS.items() if isinstance(error, cls)), "broken")
    after = error.after if isinstance(error, Retry) else None
    return {"kind": kind, "code": error.code, "reason": error.reason, "after": after}


def answer(packed: Any, who: str) -> Any:
    """Return the data of a verb's answer; ``who`` names the far end for messages.

    Raises the far end's error, of the same class and code, or :class:`Broken` when the answer
    cannot be read or comes from another version of Saltern.
    """
    try:
        reply = wire.unpack(packed)
    except Broken as error:
        raise Broken(f"{who}: {error.reason}", code=error.code) from error
    if not isinstance(reply, dict) or not reply.keys() & {"data", "error"}:
        raise Broken(f"{who}: an answer of unknown shape", code="wire")
    if "error" not in reply:
        return reply["data"]
    failure, reason = reply["error"], f"{who}: {reply['error']['reason']}"
    if failure["kind"] == "retry":
        raise Retry(reason, after=failure["after"], code=failure["code"])
    raise _ERRORS[failure["kind"]](reason, code=failure["code"])


def outcomes(packed: Any, who: str) -> list[Outcome]:
    """Return the outcomes of an apply's answer; raises as :func:`answer` does."""
    return [Outcome.from_wire(data) for data in answer(packed, who)]
