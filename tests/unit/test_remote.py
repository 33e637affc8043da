"""Both ends of a provider's verb: what one serves, the other reads."""

from __future__ import annotations

from typing import Any

import pytest

from saltern import remote, wire
from saltern.errors import Broken, Refused, Retry, SalternError
from saltern.steps import DONE, Outcome, Step


class Echo:
    """A provider that answers with what it was asked, or raises."""

    def __init__(self, error: Exception | None = None):
        self.error = error
        self.closed = False

    def observe(self, request: Any) -> Any:
        """Return the request."""
        if self.error:
            raise self.error
        return {"asked": request}

    def apply(self, steps: list[Step]) -> list[Outcome]:
        """Return one outcome a step."""
        return [Outcome(step.key, DONE, evidence={"why": step.why}) for step in steps]

    def close(self) -> None:
        """Take note."""
        self.closed = True


def test_observation_crosses_unchanged() -> None:
    """What a provider observed is what the far end reads."""
    request = {"projects": ["x/y", "ünï\ncode"], "deep": None}
    packed = remote.serve_observe(Echo, wire.pack(request))
    assert remote.answer(packed, "m") == {"asked": request}


def test_outcomes_cross_unchanged() -> None:
    """Each step gets its outcome, with its evidence."""
    steps = [Step("group", "a b", "missing", {"owner": "o"}), Step("project", "p", "new")]
    packed = remote.serve_apply(Echo, wire.pack([step.to_wire() for step in steps]))
    assert remote.outcomes(packed, "m") == Echo().apply(steps)


@pytest.mark.parametrize(
    "error",
    [Retry("busy", after=7.0, code="lock"), Refused("no", code="forbidden"), Broken("odd")],
    ids=lambda error: type(error).__name__,
)
def test_error_crosses_with_its_class_code_and_wait(error: SalternError) -> None:
    """The far end raises the same kind of error, and says where it came from."""
    packed = remote.serve_observe(lambda: Echo(error), wire.pack({}))
    with pytest.raises(type(error)) as found:
        remote.answer(packed, "minion m, job 1")
    assert found.value.code == error.code
    assert found.value.reason == f"minion m, job 1: {error.reason}"
    assert getattr(found.value, "after", None) == getattr(error, "after", None)


def test_defect_crosses_without_its_text() -> None:
    """An unforeseen error's text may quote a secret: only its name leaves the minion."""
    packed = remote.serve_observe(lambda: Echo(ValueError("hunter2")), wire.pack({}))
    with pytest.raises(Broken, match="ValueError") as found:
        remote.answer(packed, "m")
    assert "hunter2" not in str(found.value)
    assert found.value.code == "defect"


def test_provider_is_closed_after_its_answer_and_after_its_error() -> None:
    """Connections are given back however the call ends."""
    for error in (None, Retry("busy")):
        echo = Echo(error)
        remote.serve_observe(lambda echo=echo: echo, wire.pack({}))
        assert echo.closed


def test_other_version_is_refused_by_both_ends() -> None:
    """Master and minion of different versions do not work together, and say so."""
    old = {**wire.pack({}), "saltern": "0.0.1"}
    with pytest.raises(Broken, match="same version") as found:
        remote.answer(remote.serve_observe(Echo, old), "m")
    assert found.value.code == "version"
    with pytest.raises(Broken, match="m: packed by saltern 0.0.1"):
        remote.answer(old, "m")


@pytest.mark.parametrize(
    "value",
    ["'gerrit.observe' is not available.", None, {"z": "VALUE_TRIMMED"}, wire.pack([1])],
    ids=["text", "nothing", "trimmed", "shape"],
)
def test_answer_that_is_none_is_broken(value: Any) -> None:
    """Whatever Salt returns instead of an answer is an error that names the minion."""
    with pytest.raises(Broken, match="minion m"):
        remote.answer(value, "minion m")
