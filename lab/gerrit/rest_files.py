"""REST: files, diffs, commits and relations of a revision."""

from __future__ import annotations

import base64
import difflib
import time

from .change import Change, PatchSet
from .diff import COMMIT_MSG, FileDiff, commit_diff, lines_of
from .errors import Refusal, conflict, forbidden, not_found
from .merge import MergeConflict, merge_base, merge_trees
from .repo import EMPTY_TREE, Repo
from .rest import Call, Reply, route
from .rest_branches import commit_info, content, person_info
from .rest_changes import BASE, change_of
from .rest_review import REVISION, revision_of
from .submit import submit_type


def _repo(call: Call, change: Change) -> Repo:
    return call.site.changes.repo(change)


@route("GET", f"{REVISION}/files")
def files(call: Call) -> dict:
    change = change_of(call)
    patch = revision_of(call, change)
    base = None
    if call.option("base"):
        other = change.patch_set(call.number("base"))
        if other is None:
            raise not_found(call.option("base") or "")
        base = other.commit
    rows = commit_diff(_repo(call, change), patch.commit, base, call.number("parent"))
    return {row.path: row.info() for row in rows}


@route("GET", f"{REVISION}/files/{{file}}/content")
def file_content(call: Call) -> Reply:
    change = change_of(call)
    patch, path = revision_of(call, change), call.args["file"]
    repo = _repo(call, change)
    if path == COMMIT_MSG:
        return content(call, repo.commit(patch.commit).message.encode())
    data = repo.file(patch.commit, path)
    if data is None:
        raise Refusal(404, "Not Found")
    return content(call, data)


@route("GET", f"{REVISION}/files/{{file}}/diff")
def file_diff(call: Call) -> dict:
    change = change_of(call)
    patch, path = revision_of(call, change), call.args["file"]
    repo = _repo(call, change)
    row = next((r for r in commit_diff(repo, patch.commit) if r.path == path), None)
    if row is None:
        raise not_found(path)
    old = repo.read(row.old_id)[1] if row.old_id else b""
    new = repo.read(row.new_id)[1] if row.new_id else b""
    kinds = {"A": "ADDED", "D": "DELETED", "M": "MODIFIED"}
    info: dict = {}
    for key, data, there in (("meta_a", old, row.old_id), ("meta_b", new, row.new_id)):
        if there:
            lines = data.count(b"\n") + 1
            info[key] = {"name": path, "content_type": "text/plain", "lines": lines}
    info["change_type"] = kinds[row.status]
    info["diff_header"] = _header(row)
    info["content"] = _chunks(old.decode("utf-8", "replace"), new.decode("utf-8", "replace"))
    return info


def _header(row: FileDiff) -> list[str]:
    path, short = row.path, [i[:7] if i else "0000000" for i in (row.old_id, row.new_id)]
    mode = f" {row.new_mode:o}" if row.status == "M" else ""
    lines = [f"diff --git a/{path} b/{path}"]
    if row.status == "A":
        lines.append(f"new file mode {row.new_mode:o}")
    if row.status == "D":
        lines.append(f"deleted file mode {row.old_mode:o}")
    old = "/dev/null" if row.status == "A" else f"a/{path}"
    new = "/dev/null" if row.status == "D" else f"b/{path}"
    return [*lines, f"index {short[0]}..{short[1]}{mode}", f"--- {old}", f"+++ {new}"]


def _chunks(old: str, new: str) -> list[dict]:
    a, b = (old.split("\n") if old else []), (new.split("\n") if new else [])
    chunks = []
    for tag, a1, a2, b1, b2 in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if tag == "equal":
            chunks.append({"ab": a[a1:a2]})
        else:
            chunk = {"a": a[a1:a2]} if a2 > a1 else {}
            chunks.append({**chunk, "b": b[b1:b2]} if b2 > b1 else chunk)
    return chunks


@route("GET", f"{REVISION}/commit")
def commit(call: Call) -> dict:
    change = change_of(call)
    repo = _repo(call, change)
    return commit_info(repo, repo.commit(revision_of(call, change).commit))


@route("GET", f"{REVISION}/patch")
def patch(call: Call) -> Reply:
    change = change_of(call)
    repo = _repo(call, change)
    found = repo.commit(revision_of(call, change).commit)
    when = time.strftime("%a, %d %b %Y %H:%M:%S ", time.gmtime(found.author.when))
    subject, _, rest = found.message.partition("\n")
    text = (
        f"From {found.id} Mon Sep 17 00:00:00 2001\n"
        f"From: {found.author.name} <{found.author.email}>\nDate: {when}+0000\n"
        f"Subject: [PATCH] {subject}\n{rest}---\n\n"
    )
    rows = [r for r in commit_diff(repo, found.id) if not r.path.startswith("/")]
    text += "".join(_unified(repo, row) for row in rows)
    return Reply(
        200,
        data=base64.b64encode(text.encode()),
        content_type="text/plain;charset=iso-8859-1",
        headers={"X-FYI-Content-Encoding": "base64", "X-FYI-Content-Type": "application/mbox"},
    )


def _unified(repo: Repo, row: FileDiff) -> str:
    old = lines_of(repo.read(row.old_id)[1]) if row.old_id else []
    new = lines_of(repo.read(row.new_id)[1]) if row.new_id else []
    body = list(difflib.unified_diff(old, new, lineterm=""))[2:]
    return "\n".join([*_header(row), *body]) + "\n"


# --- relations ---


@route("GET", f"{REVISION}/related")
def related(call: Call) -> dict:
    change = change_of(call)
    patch_set = revision_of(call, change)
    rows = _related(call, change, patch_set)
    return {"changes": rows if len(rows) > 1 else []}


def _related(call: Call, change: Change, patch_set: PatchSet) -> list[dict]:
    site, repo = call.site, _repo(call, change)
    tip = repo.refs.get(change.branch)
    below = repo.ancestors([patch_set.commit], [tip] if tip and change.open else [])
    above = []
    for other in site.changes.by_number.values():
        same = (other.project, other.branch) == (change.project, change.branch)
        if not same or other is change or not other.open:
            continue
        if repo.contains(other.current.commit, patch_set.commit):
            above.append(other)
    above.sort(key=lambda c: len(repo.ancestors([c.current.commit], [patch_set.commit])))
    rows = [_related_row(call, c, c.current) for c in reversed(above)]
    rows.append(_related_row(call, change, patch_set))
    for oid in below[1:]:
        for other, found in site.changes.of_commit(oid):
            if other is not change and other.project == change.project:
                rows.append(_related_row(call, other, found))
    return rows


def _related_row(call: Call, change: Change, patch_set: PatchSet) -> dict:
    found = _repo(call, change).commit(patch_set.commit)
    return {
        "project": change.project,
        "change_id": change.change_id,
        "commit": {
            "commit": found.id,
            "parents": [{"commit": parent} for parent in found.parents],
            "author": person_info(found.author),
            "subject": found.subject,
        },
        "_change_number": change.number,
        "_revision_number": patch_set.number,
        "_current_revision_number": change.current.number,
        "status": change.status,
    }


@route("GET", f"{REVISION}/mergeable")
def mergeable(call: Call) -> dict:
    change = change_of(call)
    if not change.open:
        raise conflict(f"change is {change.status.lower()}")
    repo, own = _repo(call, change), revision_of(call, change).commit
    tip = repo.refs.get(change.branch)
    merged = bool(tip) and repo.contains(tip, own)
    good = True
    if tip and not repo.contains(own, tip):
        base = merge_base(repo, tip, own)
        trees = [repo.commit(oid).tree if oid else EMPTY_TREE for oid in (base, tip, own)]
        try:
            merge_trees(repo, *trees)
        except MergeConflict:
            good = False
    return {
        "submit_type": submit_type(call.site, call.site.changes.project(change)),
        "strategy": "recursive",
        "mergeable": good,
        "commit_merged": merged,
        "content_merged": merged,
    }


# --- edits ---


def _editable(call: Call) -> Change:
    change = change_of(call)
    if not change.open:
        raise conflict(f"change is {change.status.lower()}")
    project = call.site.changes.project(change)
    if call.user.id != change.owner and not call.site.permissions.may(
        call.user, project, f"refs/for/{change.branch}", "addPatchSet"
    ):
        raise forbidden("edit not permitted")
    return change


@route("PUT", f"{BASE}/edit/{{file...}}", anonymous=False)
def put_edit(call: Call) -> Reply:
    change = _editable(call)
    edit = change.edits.setdefault(
        call.user.id, {"base": change.current.commit, "files": {}, "message": None}
    )
    path = call.args["file"]
    if path == "edit:message":
        raise Refusal(501, "the stand-in does not support edits of the message")
    edit["files"][path] = _repo(call, change).write(b"blob", call.payload)
    call.site.store.put("change", change.number, change.data())
    return Reply(204)


@route("POST", f"{BASE}/edit:publish", anonymous=False)
def publish_edit(call: Call) -> Reply:
    change = _editable(call)
    edit = change.edits.pop(call.user.id, None)
    if edit is None:
        raise conflict("no edit exists for change " + str(change.number))
    repo = _repo(call, change)
    base = repo.commit(edit["base"])
    rows = repo.files(base.tree)
    rows.update({path: (0o100644, blob) for path, blob in edit["files"].items()})
    by = call.user.account.ident()
    new = repo.write_commit(repo.write_tree(rows), base.parents, base.author, by, base.message)
    found, _ = call.site.changes.add_patch_set(change, new, call.user)
    text = f"Patch Set {found.number}: Published edit on patch set {found.number - 1}."
    change.add_message(call.user.id, text, found.number, "autogenerated:gerrit:newPatchSet")
    call.site.changes.save(change, call.user, f"Create patch set {found.number}")
    call.site.changes.announce_patch_set(change, call.user)
    return Reply(204)
