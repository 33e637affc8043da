"""Submitting, rebasing, abandoning and restoring changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .change import Change
from .errors import Refusal, conflict, forbidden
from .labels import unsatisfied
from .merge import MergeConflict, merge_base, merge_commit, replay
from .model import Project, User
from .repo import CONFIG_REF

if TYPE_CHECKING:
    from .site import Site

_PATH_CONFLICT = (
    "Change could not be merged due to a path conflict. Please rebase the change locally and "
    "upload the rebased commit for review."
)


def submit_type(site: Site, project: Project) -> str:
    """The strategy that holds for a project, through its parents."""
    for each in site.chain(project):
        found = each.config.submit_type
        if found != "INHERIT":
            return found or "MERGE_IF_NECESSARY"
    return "MERGE_IF_NECESSARY"


def require_open(change: Change) -> None:
    """Refusal 409 for a closed change."""
    if not change.open:
        raise conflict(f"change is {change.status.lower()}")


def may_submit(site: Site, user: User, change: Change) -> bool:
    project = site.changes.project(change)
    if change.branch == CONFIG_REF:
        return site.permissions.is_owner(user, project)
    mine = user.id == change.owner
    return site.permissions.may(user, project, change.branch, "submit", False, mine)


def _chain(site: Site, change: Change) -> list[Change]:
    """The open changes a submit takes along, parents first, the change itself last."""
    repo = site.changes.repo(change)
    tip = repo.refs.get(change.branch)
    commits = repo.ancestors([change.current.commit], [tip] if tip else [])
    found = []
    for oid in reversed(commits):
        for other, patch in site.changes.of_commit(oid):
            same = (other.project, other.branch) == (change.project, change.branch)
            if same and other.open and patch is other.current and other is not change:
                found.append(other)
    return [*found, change]


def submit(site: Site, user: User, change: Change) -> None:
    """Bring a change and its open ancestors into the branch; Refusal 403 or 409."""
    require_open(change)
    if not may_submit(site, user, change):
        raise forbidden("submit not permitted")
    project = site.changes.project(change)
    if project.config.state != "ACTIVE":
        state = project.config.state
        raise conflict(f"project {project.name} has state {state} does not permit write")
    chain = _chain(site, change)
    problems = [p for p in (_problem(site, change, each) for each in chain) if p]
    if problems:
        raise _failed(len(chain), problems)
    try:
        results = _integrate(site, user, project, chain)
    except MergeConflict:
        raise _failed(len(chain), [f"Change {change.number}: {_PATH_CONFLICT}"]) from None
    site.move_ref(project, change.branch, results[-1][1], user.account)
    site.faults.die_at("submit.after", str(change.number))
    submission = f"{change.number}-{change.topic}" if change.topic else str(change.number)
    for each, merged_as in results:
        each.submission_id = submission
        site.changes.close_merged(each, user, merged_as)


def _failed(count: int, problems: list[str]) -> Refusal:
    noun = "change" if count == 1 else "changes"
    text = "\n".join(problems)
    return conflict(f"Failed to submit {count} {noun} due to the following problems:\n{text}")


def _problem(site: Site, asked: Change, change: Change) -> str | None:
    missing = unsatisfied(site, change)
    if change.wip:
        why = "is marked work in progress"
    elif missing:
        why = f"is not ready: submit requirement '{missing[0]}' is unsatisfied."
    else:
        return None
    number = change.number
    if change is asked:
        return f"Change {number}: Change {number} {why}"
    return (
        f"Change {number}: Change {asked.number} must be submitted with change {number} "
        f"but {number} {why}"
    )


def _integrate(site: Site, user: User, project: Project, chain: list) -> list[tuple[Change, str]]:
    """``(change, commit it became)`` for each; the last one is the branch's new tip."""
    repo, kind = project.repo, submit_type(site, project)
    change = chain[-1]
    tip = repo.refs.get(change.branch)
    commit = change.current.commit
    forward = tip is None or repo.contains(commit, tip)
    if forward and kind not in ("MERGE_ALWAYS", "REBASE_ALWAYS", "CHERRY_PICK"):
        return [(each, each.current.commit) for each in chain]
    if kind == "FAST_FORWARD_ONLY":
        text = "Project policy requires all submissions to be a fast-forward. Please rebase "
        text += "the change locally and upload again for review."
        raise _failed(len(chain), [f"Change {change.number}: {text}"])
    if kind in ("REBASE_IF_NECESSARY", "REBASE_ALWAYS", "CHERRY_PICK"):
        return _replayed(site, repo, chain, tip)
    by = user.account.ident()
    subject = repo.commit(commit).subject
    where = (
        ""
        if change.branch in (repo.head, "refs/heads/master")
        else (f" into {change.short_branch}")
    )
    message = f'Merge "{subject}"{where}\n'
    merged = merge_commit(repo, tip, commit, by, site.server_ident(), message)
    results = [(each, each.current.commit) for each in chain]
    return [*results[:-1], (change, merged)]


def _replayed(site: Site, repo, chain: list, tip: str) -> list[tuple[Change, str]]:
    results = []
    for each in chain:
        commit = repo.commit(each.current.commit)
        message = commit.message
        tip = replay(repo, commit, tip, site.server_ident(), message)
        results.append((each, tip))
    return results


def may_rebase(site: Site, user: User, change: Change) -> bool:
    may, project = site.permissions, site.changes.project(change)
    entitled = (
        user.id == change.owner
        or may_submit(site, user, change)
        or may.may(user, project, change.branch, "rebase")
    )
    return entitled and may.may(user, project, f"refs/for/{change.branch}", "push")


def rebase(site: Site, user: User, change: Change) -> None:
    """A new patch set on the branch's tip, or on its parent change's; Refusal 403 or 409."""
    if not may_rebase(site, user, change):
        raise forbidden(
            "rebase not permitted (change owners and users with the 'Submit' or 'Rebase' "
            "permission can rebase if they have the 'Push' permission)"
        )
    if not change.open:
        raise conflict(f"Change {change.number} is {change.status.lower()}")
    repo = site.changes.repo(change)
    commit = repo.commit(change.current.commit)
    onto = _new_base(site, change, commit.parents)
    try:
        new = replay(repo, commit, onto, user.account.ident(), commit.message)
    except MergeConflict as error:
        rows = "\n".join(f"* {path}" for path in error.paths)
        raise conflict(
            f"Change {change.number} could not be rebased due to a conflict during merge.\n\n"
            f"merge conflict(s):\n{rows}"
        ) from None
    base = merge_base(repo, onto, commit.id)
    outcome = {
        "base": base,
        "ours": onto,
        "theirs": commit.id,
        "merge_strategy": "recursive",
        "contains_conflicts": False,
    }
    patch, _ = site.changes.add_patch_set(
        change, new, user, description="Rebase", conflicts=outcome
    )
    text = f"Patch Set {patch.number}: Patch Set {patch.number - 1} was rebased"
    change.add_message(user.id, text, patch.number, "autogenerated:gerrit:newPatchSet")
    site.changes.save(change, user, f"Create patch set {patch.number}")
    site.changes.announce_patch_set(change, user)


def _new_base(site: Site, change: Change, parents: tuple[str, ...]) -> str:
    repo = site.changes.repo(change)
    for parent in parents:
        for other, patch in site.changes.of_commit(parent):
            if other.open and other.branch == change.branch:
                if patch is other.current:
                    raise conflict(
                        "Change is already based on the latest patch set of the dependent change."
                    )
                return other.current.commit
    tip = repo.refs[change.branch]
    if tip in parents:
        raise conflict("Change is already up to date.")
    return tip


def abandon(site: Site, user: User, change: Change, reason: str) -> None:
    """Close a change without merging it."""
    require_open(change)
    _check_owner(site, user, change, "abandon")
    change.status = "ABANDONED"
    for account in list(change.attention):
        change.drop_attention(account, "Change was abandoned")
    _record(site, user, change, "Abandoned", "abandoner", "change-abandoned", reason)


def restore(site: Site, user: User, change: Change, reason: str) -> None:
    """Reopen an abandoned change."""
    if change.status != "ABANDONED":
        raise conflict(f"change is {change.status.lower()}")
    _check_owner(site, user, change, "restore")
    change.status = "NEW"
    _record(site, user, change, "Restored", "restorer", "change-restored", reason)


def _record(site, user, change, text, role, kind, reason) -> None:
    full = f"{text}\n\n{reason}" if reason else text
    number, tag = change.current.number, f"autogenerated:gerrit:{text[:-2].lower()}"
    change.add_message(user.id, full, number, tag.replace("abandon", "abandon"))
    site.changes.save(change, user, text)
    event = {role: user.account.attribute()}
    if reason:
        event["reason"] = reason
    site.changes.publish(change, {**event, "type": kind}, change.current)


def _check_owner(site: Site, user: User, change: Change, verb: str) -> None:
    may, project = site.permissions, site.changes.project(change)
    allowed = (
        user.id == change.owner
        or may.is_owner(user, project)
        or may.may(user, project, change.branch, "abandon")
    )
    if not allowed:
        raise forbidden(f"{verb} not permitted")
