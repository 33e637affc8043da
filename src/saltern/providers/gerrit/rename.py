"""A project's content moved to another name, and step ``retire``: the old name made a pointer.

With the rename plugin Gerrit renames the project itself, when the new name is free; that is
believed only when it shows. Otherwise branches and tags are copied. Either way can be cut short
anywhere and is taken up again from what both projects show.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from saltern.errors import Refused, Retry, SalternError
from saltern.importing.refs import HEADS
from saltern.importing.repository import Repository, tail
from saltern.providers.gerrit.client import HttpRefused, Unanswered, quoted
from saltern.providers.gerrit.histories import Pushes, gerrit_remote, work_repository
from saltern.providers.gerrit.server import Claim, Seen, Server
from saltern.providers.gerrit.state import set_state
from saltern.steps import Step

log = logging.getLogger(__name__)

REFS = ("refs/heads/", "refs/tags/")
SHOWN = 5


def rename(server: Server, old: str, new: str) -> bool:
    """Let the rename plugin rename ``old``; return whether ``new`` shows and ``old`` does not.

    False also where there is no such plugin or it refused: copying then does the work.
    """
    if not _has_plugin(server):
        return False
    try:
        server.client.post(f"/projects/{quoted(old)}/rename~rename", {"name": new})
    except Unanswered as error:
        # It may be at work still: what shows at the next attempt decides.
        if _exists(server, new):
            return not _exists(server, old)
        raise Retry(f"renaming {old} to {new}: {error}", code="unanswered") from error
    except SalternError as error:
        log.warning("the rename plugin did not rename %s (%s): copying", old, error)
    return _exists(server, new) and not _exists(server, old)


def _has_plugin(server: Server) -> bool:
    try:
        plugins = server.client.get("/plugins/")
    except HttpRefused:
        # To see the list needs a capability; without it nothing is known of a plugin.
        return False
    found = plugins.get("rename") if isinstance(plugins, dict) else None
    return isinstance(found, dict) and not found.get("disabled")


def _exists(server: Server, name: str) -> bool:
    try:
        server.client.get(f"/projects/{quoted(name)}")
    except HttpRefused as error:
        if error.status != 404:
            raise
        return False
    return True


def move(server: Server, step: Step) -> bool:
    """Give a project the content of its old name; return whether it has its default branch.

    Payload as of step ``content``. Where the old name's HEAD is another branch, the default
    branch is made there.
    """
    payload = step.payload
    ref = f"refs/heads/{payload['default_branch']}"
    if _exists(server, payload["moved_from"]):
        head = {ref: payload["moved_head"]} if payload["moved_head"] else {}
        copy_refs(server, payload["moved_from"], step.name, payload["default_branch"], head)
    return ref in server.git.refs(step.name, [ref])


def copy_refs(
    server: Server,
    old: str,
    new: str,
    default_branch: str,
    more: Mapping[str, str] | None = None,
) -> None:
    """See to it that ``new`` has every branch and tag of ``old``, the default branch last.

    ``more`` are refs to make of commits of ``old`` where it has none of the name. A branch of
    ``new`` that went on since stays as it is. Raises :class:`Refused` when the two went
    different ways, naming the refs.
    """
    theirs, own = server.git.refs(old, REFS), server.git.refs(new, REFS)
    theirs = {**(more or {}), **theirs}
    different = {ref: commit for ref, commit in theirs.items() if own.get(ref) != commit}
    if not different:
        return
    what = f"{new}: the move from {old}"
    with work_repository(server, new, old, what) as (work, progress):
        _fetch(server, work, old, "old")
        if own:
            _fetch(server, work, new, "new")
        missing = _missing(work, old, new, different, own)
        there = work.local("for-each-ref", "--format=%(objectname)", "refs/new/heads").split()
        progress.tell(phase="pushing", refs=len(missing), refs_done=0, percent=None)
        pushes = Pushes(server.settings, new, work, progress, there)
        last = f"{HEADS}{default_branch}"
        for portion in (
            [ref for ref in missing if ref.startswith(HEADS) and ref != last],
            [ref for ref in missing if not ref.startswith(HEADS)],
            [ref for ref in missing if ref == last],
        ):
            pushes.push([(missing[ref], ref) for ref in portion])


def _fetch(server: Server, work: Repository, project: str, name: str) -> None:
    """Fetch the branches and tags of ``project`` below ``refs/NAME``."""
    specs = [f"+refs/{kind}/*:refs/{name}/{kind}/*" for kind in ("heads", "tags")]
    ran = work.take(gerrit_remote(server.settings, project), specs, "--prune")
    if ran.code:
        raise Retry(f"cannot fetch {project} from Gerrit: {tail(ran.errors)}", code="git")


def _missing(
    work: Repository, old: str, new: str, different: Mapping[str, str], own: Mapping[str, str]
) -> dict[str, str]:
    """Return the refs to push; raises when one cannot be pushed without losing something."""
    found, apart = {}, []
    for ref, commit in different.items():
        if ref not in own:
            found[ref] = commit
        elif ref.startswith("refs/tags/"):
            apart.append(ref)
        elif work.is_ancestor(own[ref], commit):
            found[ref] = commit
        elif not work.is_ancestor(commit, own[ref]):
            apart.append(ref)
    if apart:
        more = f" and {len(apart) - SHOWN} more" if len(apart) > SHOWN else ""
        raise Refused(
            f"{old} and {new} went different ways on {', '.join(apart[:SHOWN])}{more}: bring them "
            f"together by hand, or remove {old} from 'previously'",
            code="diverged",
        )
    return found


def retire(server: Server, step: Step) -> Claim:
    """Make an old name read-only and let its description point to the new one.

    Payload: ``to`` (the new name), ``description``, ``state``, ``default_branch`` (of the new).
    What was pushed to the old name meanwhile is moved, too: it is closed first, then compared.
    A project that is not there any more was renamed by the server itself.
    """
    payload = step.payload
    if not _exists(server, step.name):
        return Claim(step, lambda seen: _check(step, seen))
    if not _exists(server, payload["to"]):
        raise Retry(f"{step.name} waits: {payload['to']} is not there", code="needs")
    info = server.client.get(f"/projects/{quoted(step.name)}")
    if info.get("state") != "HIDDEN":
        copy_refs(server, step.name, payload["to"], payload["default_branch"])
    if info.get("state", "ACTIVE") == "ACTIVE":
        set_state(server.client, step.name, payload["state"])
        copy_refs(server, step.name, payload["to"], payload["default_branch"])
    body = {"description": payload["description"], "commit_message": "Point to the new name"}
    server.client.put(f"/projects/{quoted(step.name)}/description", body)
    return Claim(step, lambda seen: _check(step, seen))


def _check(step: Step, seen: Seen | None) -> dict[str, Any]:
    if seen is None:
        return {"gone": True}
    if seen["state"] == "ACTIVE":
        raise Retry(f"{step.name} is still active", code="read-back")
    if seen["description"].strip() != step.payload["description"]:
        raise Retry(f"{step.name} does not point to {step.payload['to']} yet", code="read-back")
    return {"to": step.payload["to"]}
