"""Step ``content``: the default branch exists and HEAD is it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from saltern.errors import Refused, Retry
from saltern.providers.gerrit.client import HttpRefused, quoted
from saltern.providers.gerrit.config import new_commit
from saltern.providers.gerrit.git import Update
from saltern.providers.gerrit.listing import HIDDEN
from saltern.providers.gerrit.rename import move
from saltern.providers.gerrit.server import Claim, Prepared, Seen, Server
from saltern.providers.gerrit.upstream import import_upstream
from saltern.settings import GerritSettings
from saltern.steps import Step


def prepare(server: Server, step: Step) -> Prepared | Claim:
    """Return the push of a first commit, or a claim when the branch is there already.

    Payload: ``default_branch``, ``upstream`` (URL or ``None``), ``upstream_prefix``,
    ``upstream_branches`` and ``upstream_tags`` (patterns or ``None``), ``allow_local`` (whether
    the upstream may be a path or of this network), ``head``
    and ``branch`` (observed commits or ``None``), ``moved_from`` (a project of this Gerrit whose
    content it gets, or ``None``) and ``moved_head`` (the commit of its HEAD). Evidence: ``head``,
    the branch's commit; after an import also ``refs`` (how many) and ``upstream``.
    An upstream is imported here and now, the default branch last: that it exists proves that
    the import was whole.
    """
    payload = step.payload
    ref = f"refs/heads/{payload['default_branch']}"
    claim = Claim(
        step,
        lambda seen: _check(step, ref, seen),
        (ref,),
        lambda seen: _set_head(server, step, ref, seen),
    )
    if payload["branch"]:
        return claim
    head = payload["head"]
    if payload.get("moved_from"):
        if move(server, step):
            return claim
        head = server.git.refs(step.name, ["HEAD"]).get("HEAD")
    if payload["upstream"]:
        imported = import_upstream(server, step)
        return replace(claim, check=lambda seen: {**_check(step, ref, seen), **imported})
    if head:
        _branch_at_head(server, step, head)
        return claim
    files = {".gitreview": gitreview(server.settings, step.name, payload["default_branch"])}
    new, objects = new_commit(files, "Add .gitreview\n", server.identity)
    return Prepared(step, Update(ref, None, new), objects, claim)


def _branch_at_head(server: Server, step: Step, head: str) -> None:
    """Make the default branch of a project that has another one, where its HEAD is now.

    HEAD is set here: as long as both branches are at one commit, no listing tells them apart.
    """
    branch, path = step.payload["default_branch"], f"/projects/{quoted(step.name)}"
    try:
        server.client.put(f"{path}/branches/{quoted(branch)}", {"revision": head})
    except HttpRefused as error:
        # 409: it came into being meanwhile; the read-back shows it.
        if error.status != 409:
            raise
    server.client.put(f"{path}/HEAD", {"ref": f"refs/heads/{branch}"})


def refuse_hidden(server: Server, step: Step) -> None:
    """Raise for a hidden project: its branches cannot be seen, so nothing could be proved."""
    info = server.client.get(f"/projects/{quoted(step.name)}")
    if info.get("state") == HIDDEN:
        raise Refused(
            f"{step.name} is hidden: whether it has {step.payload['default_branch']} cannot be "
            "seen until its ACL makes it active or read-only",
            code="hidden",
        )


def gitreview(settings: GerritSettings, project: str, branch: str) -> bytes:
    """Return the .gitreview file of ``project``."""
    if "\n" in project or "\n" in branch:
        raise Refused(f"no .gitreview can name {project!r} or {branch!r}", code="name")
    host = settings.review_host or urlsplit(settings.url).hostname or "localhost"
    lines = [
        "[gerrit]",
        f"host={host}",
        f"port={settings.review_port}",
        f"project={project}.git",
        f"defaultbranch={branch}",
    ]
    return ("\n".join(lines) + "\n").encode()


def _set_head(server: Server, step: Step, ref: str, seen: Seen) -> bool:
    branch = seen["refs"].get(ref)
    if not branch or seen["head"] == branch:
        return False
    server.client.put(f"/projects/{quoted(step.name)}/HEAD", {"ref": ref})
    return True


def _check(step: Step, ref: str, seen: Seen | None) -> dict[str, Any]:
    branch = (seen or {}).get("refs", {}).get(ref)
    if not branch:
        raise Retry(f"{step.name}: Gerrit shows no {ref}", code="read-back")
    if seen and seen["head"] != branch:
        raise Retry(f"{step.name}: HEAD is not {ref}", code="read-back")
    return {"head": branch}
