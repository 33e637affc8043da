"""The writes of one project's steps: project, then content and access in one push."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from saltern.errors import Retry, SalternError
from saltern.providers.gerrit import access, content, projects, rename
from saltern.providers.gerrit.client import Unanswered
from saltern.providers.gerrit.config import META_CONFIG
from saltern.providers.gerrit.refusals import NotWritable, Stale, push_error, unreadable
from saltern.providers.gerrit.server import Claim, Prepared, Server
from saltern.providers.gerrit.state import writable
from saltern.steps import Step

T = TypeVar("T")
Result = Claim | SalternError
"""What an attempt came to before the read-back."""


def write_project(server: Server, steps: Sequence[Step]) -> dict[str, Result]:
    """Do the steps of one project and return a claim or an error for each, by step key."""
    if steps[0].kind == "retire":
        return {step.key: _attempt(partial(rename.retire, server, step)) for step in steps}
    results: dict[str, Result] = {}
    rest = [step for step in steps if step.kind != "project"]
    for step in steps:
        if step.kind == "project":
            results[step.key] = _attempt(partial(projects.make, server, step))
            if isinstance(results[step.key], SalternError):
                waiting = Retry(f"waits for {step.key}", code="needs")
                return results | {other.key: waiting for other in rest}
    if any(step.payload["read_only"] for step in rest):
        return results | _in_window(server, rest)
    results |= _push(server, rest, look=False)
    closed = [step for step in rest if isinstance(results[step.key], NotWritable)]
    return results | (_in_window(server, closed) if closed else {})


def _in_window(server: Server, steps: Sequence[Step]) -> dict[str, Result]:
    """Push while the project is made writable; its state afterwards is the wanted one."""
    refused = {
        step.key: error
        for step in steps
        if step.kind == "content"
        and (error := _attempt(partial(content.refuse_hidden, server, step)))
    }
    if open_for := [step for step in steps if step.key not in refused]:
        return refused | _push_opened(server, open_for)
    return dict(refused)


def _push_opened(server: Server, steps: Sequence[Step]) -> dict[str, Result]:
    results: dict[str, Result] = {}
    try:
        with writable(server.client, steps[0].name) as window:
            results = _push(server, steps, look=True)
            for step in steps:
                if step.kind == "access" and isinstance(results[step.key], Claim):
                    window.final = step.payload["state"]
    except SalternError as error:
        return {step.key: _both(results.get(step.key), error) for step in steps}
    return results


def _push(server: Server, steps: Sequence[Step], *, look: bool) -> dict[str, Result]:
    results: dict[str, Result] = {}
    prepared = []
    for step in steps:
        ready = _attempt(partial(_prepare, server, step, look))
        if isinstance(ready, Prepared):
            prepared.append(ready)
        else:
            results[step.key] = ready
    if prepared:
        results |= _send(server, prepared)
    for each in prepared:
        if isinstance(results[each.step.key], Stale):
            results[each.step.key] = _again(server, each)
    return results


def _prepare(server: Server, step: Step, look: bool) -> Prepared | Claim:
    if step.kind == "access":
        return access.prepare(server, step, look=look)
    return content.prepare(server, step)


def _send(server: Server, prepared: Sequence[Prepared]) -> dict[str, Result]:
    """Push together; each ref's own status counts (``--atomic`` is ignored by Gerrit)."""
    name = prepared[0].step.name
    objects = {obj.id: obj for each in prepared for obj in each.objects}
    try:
        pushed = server.git.push(name, [each.update for each in prepared], list(objects.values()))
    except Unanswered as error:
        return {each.step.key: replace(each.claim, doubt=error) for each in prepared}
    except SalternError as error:
        return {each.step.key: error for each in prepared}
    results: dict[str, Result] = {}
    for each in prepared:
        ref, status = each.update.ref, pushed.status[each.update.ref]
        results[each.step.key] = (
            each.claim
            if status is None
            else push_error(name, ref, status, pushed.reason(each.update))
        )
    return results


def _again(server: Server, stale: Prepared) -> Result:
    """Decide again from where the ref really is.

    A branch that came into being is content enough. refs/meta/config is pushed once more on its
    true tip; when the server says that it exists but does not show it, Read is missing.
    """
    step = stale.step
    if step.kind != "access":
        return stale.claim
    ready = _attempt(partial(access.prepare, server, step, look=True))
    if not isinstance(ready, Prepared):
        return ready
    result = _send(server, [ready])[step.key]
    if isinstance(result, Stale) and ready.update.old is None:
        return unreadable(step.name, META_CONFIG)
    return result


def _attempt(action: Callable[[], T]) -> T | SalternError:
    """Return the action's result, or the error it raised."""
    try:
        return action()
    except SalternError as error:
        return error


def _both(result: Result | None, error: SalternError) -> SalternError:
    if isinstance(result, SalternError):
        return Retry(f"{result}; moreover {error}", code=error.code)
    return error
