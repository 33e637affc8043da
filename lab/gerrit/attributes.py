"""Changes as events and ``gerrit query`` show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .change import Change, PatchSet
from .diff import commit_diff

if TYPE_CHECKING:
    from .site import Site


def change(site: Site, change: Change, message: bool = True) -> dict:
    """The change attribute of events."""
    commit = site.changes.repo(change).commit(change.current.commit)
    found = {"project": change.project, "branch": change.short_branch}
    if change.topic:
        found["topic"] = change.topic
    found |= {
        "id": change.change_id,
        "number": change.number,
        "subject": commit.subject,
        "owner": site.accounts.by_id[change.owner].attribute(),
        "url": f"{site.http_url}/c/{change.project}/+/{change.number}",
    }
    if message:
        found["commitMessage"] = commit.message
    if change.hashtags:
        found["hashtags"] = change.hashtags
    found |= {"createdOn": int(change.created), "status": change.status}
    if change.wip:
        found["wip"] = True
    if change.private:
        found["private"] = True
    return found


def patch_set(site: Site, change: Change, patch: PatchSet) -> dict:
    """The patchSet attribute."""
    repo = site.changes.repo(change)
    commit = repo.commit(patch.commit)
    files = commit_diff(repo, patch.commit)
    authors = [a for a in site.accounts.by_id.values() if commit.author.email in a.emails]
    plain = {"name": commit.author.name, "email": commit.author.email}
    return {
        "number": patch.number,
        "revision": patch.commit,
        "parents": list(commit.parents),
        "ref": change.ref(patch.number),
        "uploader": site.accounts.by_id[patch.uploader].attribute(),
        "createdOn": int(patch.created),
        "author": authors[0].attribute() if authors else plain,
        "kind": patch.kind,
        "sizeInsertions": sum(f.inserted for f in files),
        "sizeDeletions": sum(f.deleted for f in files),
    }


def event(site: Site, about: Change, fields: dict, patch: PatchSet | None) -> dict:
    """An event about a change: its own fields, then what all of them carry."""
    kind = fields.get("type")
    found = {k: v for k, v in fields.items() if k != "type"}
    if patch is not None:
        found["patchSet"] = patch_set(site, about, patch)
    found |= {
        "change": change(site, about),
        "project": about.project,
        "refName": about.branch,
        "changeKey": {"id": about.change_id},
        "type": kind,
    }
    return found
