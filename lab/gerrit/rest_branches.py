"""REST: branches, tags, files and commits of a project."""

from __future__ import annotations

import base64
import re

from .errors import Refusal, bad_request, conflict, forbidden, not_found, unprocessable
from .model import Project, timestamp
from .projects import check_readable, check_writable, full_ref, valid_ref
from .repo import CONFIG_REF, ZERO, Commit, ObjectMissing, Repo, parse_ident
from .rest import Call, Reply, route
from .rest_projects import project_of


def readable_project(call: Call) -> Project:
    project = project_of(call)
    check_readable(project)
    return project


def person_info(ident) -> dict:
    """GitPerson."""
    return {
        "name": ident.name,
        "email": ident.email,
        "date": timestamp(ident.when),
        "tz": ident.tz,
    }


def commit_info(repo: Repo, commit: Commit, full_parents: bool = True, own_id: bool = True) -> dict:
    """CommitInfo."""
    parents = [
        {"commit": p, "subject": repo.commit(p).subject} if full_parents else {"commit": p}
        for p in commit.parents
    ]
    found: dict = {"commit": commit.id} if own_id else {}
    return {
        **found,
        "parents": parents,
        "author": person_info(commit.author),
        "committer": person_info(commit.committer),
        "subject": commit.subject,
        "message": commit.message,
    }


# --- branches ---


def _branch_info(call: Call, project: Project, ref: str) -> dict:
    info = {"ref": ref, "revision": project.repo.refs[ref]}
    protected = ref == CONFIG_REF or (call.args.get("list") and ref == project.repo.head)
    if not protected and _may_delete(call, project, ref) and project.config.state == "ACTIVE":
        info["can_delete"] = True
    return info


def _head_info(project: Project) -> dict:
    return {"ref": "HEAD", "revision": project.repo.head.removeprefix("refs/heads/")}


def _may_delete(call: Call, project: Project, ref: str) -> bool:
    may = call.site.permissions
    return (
        may.updates(call.user, project, ref, True)
        or may.may(call.user, project, ref, "delete")
        or may.is_admin(call.user)
    )


@route("GET", "projects/{project}/branches")
def branches(call: Call) -> list[dict]:
    project = readable_project(call)
    call.args["list"] = "yes"
    call.only("n", "limit", "s", "S", "start", "m", "match", "r", "regex", "token")
    refs = [
        ref
        for ref in sorted(project.repo.refs)
        if (ref.startswith("refs/heads/") or ref == CONFIG_REF)
        and call.site.permissions.reads(call.user, project, ref)
    ]
    refs.sort(key=lambda ref: ref != CONFIG_REF)
    rows = [_branch_info(call, project, ref) for ref in refs]
    head = project.repo.head
    if head not in project.repo.refs or call.site.permissions.reads(call.user, project, head):
        rows.insert(0, _head_info(project))
    return _page(call, rows, lambda row: row["ref"].removeprefix("refs/heads/"))


def _page(call: Call, rows: list[dict], name_of) -> list[dict]:
    match, regex = call.option("m") or call.option("match"), call.option("r")
    if match:
        rows = [r for r in rows if match.lower() in name_of(r).lower()]
    if regex:
        rows = [r for r in rows if re.fullmatch(regex, name_of(r))]
    rows = rows[call.number("s", "S", "start") :]
    limit = call.number("n", "limit")
    return rows[:limit] if limit else rows


def _branch(call: Call, project: Project) -> str:
    name = call.args["branch"]
    if name == "HEAD":
        return "HEAD"
    ref = full_ref(name)
    readable = call.site.permissions.reads(call.user, project, ref)
    if ref not in project.repo.refs or not readable:
        raise not_found(name)
    return ref


@route("GET", "projects/{project}/branches/{branch}")
def branch(call: Call) -> dict:
    project = readable_project(call)
    ref = _branch(call, project)
    return _head_info(project) if ref == "HEAD" else _branch_info(call, project, ref)


def resolve(project: Project, text: str) -> str | None:
    """The commit that a revision means."""
    repo = project.repo
    for name in (text, f"refs/heads/{text}", f"refs/tags/{text}", f"refs/{text}"):
        name = repo.head if name == "HEAD" else name
        if name in repo.refs:
            return repo.commit(repo.refs[name]).id
    if re.fullmatch(r"[0-9a-f]{40}", text) and repo.has(text):
        try:
            return repo.commit(text).id
        except ObjectMissing:
            return None
    return None


@route("PUT", "projects/{project}/branches/{branch}", anonymous=False)
def put_branch(call: Call) -> Reply:
    project = project_of(call)
    fields = call.body(revision=str, ref=str)
    ref = full_ref(call.args["branch"])
    create_branch(call, project, ref, fields.get("revision") or "HEAD")
    return Reply(201, _branch_info(call, project, ref))


def create_branch(call: Call, project: Project, ref: str, revision: str) -> None:
    """Make a branch at a revision; Refusal with the real server's words."""
    site = call.site
    if not valid_ref(ref):
        raise bad_request(f'invalid branch name "{ref}"')
    check_writable(project)
    if ref in project.repo.refs:
        raise conflict(f'Branch "{ref}" already exists')
    commit = resolve(project, revision)
    if commit is None:
        raise unprocessable(f'base revision "{revision}" not found')
    if not site.permissions.may(call.user, project, ref, "create"):
        raise forbidden(f"not permitted: create on {ref}")
    other = project.repo.clash(ref)
    if other:
        raise conflict(f'Cannot create branch "{ref}" since it conflicts with branch "{other}".')
    site.move_ref(project, ref, commit, call.user.account)


@route("DELETE", "projects/{project}/branches/{branch}", anonymous=False)
def delete_branch(call: Call) -> Reply:
    project = project_of(call)
    ref = _branch(call, project)
    if ref in (CONFIG_REF, "HEAD"):
        raise Refusal(405, f"not allowed to delete branch {ref}")
    check_writable(project)
    if not _may_delete(call, project, ref):
        raise forbidden(f"not permitted: delete on {ref}")
    call.site.move_ref(project, ref, ZERO, call.user.account)
    return Reply(204)


@route("POST", "projects/{project}/branches:delete", anonymous=False)
def delete_branches(call: Call) -> Reply:
    return _delete_many(call, "branches", full_ref)


@route("POST", "projects/{project}/tags:delete", anonymous=False)
def delete_tags(call: Call) -> Reply:
    return _delete_many(call, "tags", _tag_ref)


def _delete_many(call: Call, key: str, full) -> Reply:
    project = project_of(call)
    check_writable(project)
    problems = []
    for name in call.body(**{key: list}).get(key) or []:
        ref = full(name)
        if ref not in project.repo.refs or not _may_delete(call, project, ref):
            problems.append(
                f"Cannot delete {ref}: it doesn't exist or you do not have permission to delete it"
            )
        else:
            call.site.move_ref(project, ref, ZERO, call.user.account)
    if problems:
        raise conflict("\n".join(problems))
    return Reply(204)


# --- files and commits ---


def content(call: Call, data: bytes) -> Reply:
    """A file's content: a JSON string to who accepts JSON only, else base64."""
    if call.headers.get("accept", "").split(",")[0].split(";")[0].strip() == "application/json":
        return Reply(200, json=data.decode(errors="replace"))
    return Reply(
        200,
        data=base64.b64encode(data),
        content_type="text/plain;charset=iso-8859-1",
        headers={"X-FYI-Content-Encoding": "base64", "X-FYI-Content-Type": "text/plain"},
    )


@route("GET", "projects/{project}/branches/{branch}/files/{file}/content")
def file_content(call: Call) -> Reply:
    project = readable_project(call)
    ref = _branch(call, project)
    target = project.repo.head if ref == "HEAD" else ref
    return _content(call, project, project.repo.refs.get(target))


def _content(call: Call, project: Project, commit: str | None) -> Reply:
    path = call.args["file"]
    data = project.repo.file(commit, path) if commit else None
    if data is None:
        raise not_found(path)
    return content(call, data)


def _commit(call: Call, project: Project) -> Commit:
    name = call.args["commit"]
    found = resolve(project, name) if re.fullmatch(r"[0-9a-f]{40}", name) else None
    if found is None or not _reachable(call, project, found):
        raise not_found(name)
    return project.repo.commit(found)


def _reachable(call: Call, project: Project, commit: str) -> bool:
    tips = [
        oid
        for ref, oid in project.repo.refs.items()
        if call.site.reads_ref(call.user, project, ref) and not ref.endswith("/meta")
    ]
    return any(project.repo.contains(project.repo.commit(t).id, commit) for t in tips)


@route("GET", "projects/{project}/commits/{commit}")
def commit(call: Call) -> dict:
    project = readable_project(call)
    return commit_info(project.repo, _commit(call, project))


@route("GET", "projects/{project}/commits/{commit}/files/{file}/content")
def commit_content(call: Call) -> Reply:
    project = readable_project(call)
    return _content(call, project, _commit(call, project).id)


# --- tags ---


def _tag_ref(name: str) -> str:
    return name if name.startswith("refs/tags/") else f"refs/tags/{name}"


def _tag_info(call: Call, project: Project, ref: str) -> dict:
    repo, oid = project.repo, project.repo.refs[ref]
    kind, data = repo.read(oid)
    info: dict = {}
    if kind == b"tag":
        head, _, message = data.decode("utf-8", "replace").partition("\n\n")
        fields = dict(line.partition(" ")[::2] for line in head.split("\n"))
        tagger = parse_ident(fields.get("tagger", ""))
        info |= {"object": fields["object"], "message": message.rstrip("\n")}
        info |= {"tagger": person_info(tagger), "created": timestamp(tagger.when)}
    else:
        info["created"] = timestamp(repo.commit(oid).committer.when)
    info |= {"ref": ref, "revision": oid}
    if _may_delete(call, project, ref):
        info["can_delete"] = True
    return info


@route("GET", "projects/{project}/tags")
def tags(call: Call) -> list[dict]:
    project = readable_project(call)
    refs = [
        ref
        for ref in sorted(project.repo.refs)
        if ref.startswith("refs/tags/") and call.site.permissions.reads(call.user, project, ref)
    ]
    rows = [_tag_info(call, project, ref) for ref in refs]
    return _page(call, rows, lambda row: row["ref"].removeprefix("refs/tags/"))


@route("GET", "projects/{project}/tags/{tag}")
def tag(call: Call) -> dict:
    project = readable_project(call)
    ref = _tag_ref(call.args["tag"])
    if ref not in project.repo.refs:
        raise not_found(call.args["tag"])
    return _tag_info(call, project, ref)


@route("PUT", "projects/{project}/tags/{tag}", anonymous=False)
def put_tag(call: Call) -> Reply:
    project = project_of(call)
    fields = call.body(revision=str, message=str, ref=str)
    ref = _tag_ref(call.args["tag"])
    if not valid_ref(ref):
        raise bad_request(f'invalid tag name "{ref}"')
    check_writable(project)
    if ref in project.repo.refs:
        raise conflict(f'Tag "{ref}" already exists')
    commit_id = resolve(project, fields.get("revision") or "HEAD")
    if commit_id is None:
        raise bad_request(f'Invalid base revision "{fields.get("revision")}"')
    permission = "createTag" if fields.get("message") else "create"
    if not call.site.permissions.may(call.user, project, ref, permission):
        raise forbidden(f"not permitted: {permission} on {ref}")
    target = commit_id
    if fields.get("message"):
        target = _annotated(call, project, ref, commit_id, fields["message"])
    call.site.move_ref(project, ref, target, call.user.account)
    return Reply(201, _tag_info(call, project, ref))


def _annotated(call: Call, project: Project, ref: str, target: str, message: str) -> str:
    name = ref.removeprefix("refs/tags/")
    tagger = call.user.account.ident().line()
    text = f"object {target}\ntype commit\ntag {name}\ntagger {tagger}\n\n{message.strip()}\n"
    return project.repo.write(b"tag", text.encode())


@route("DELETE", "projects/{project}/tags/{tag}", anonymous=False)
def delete_tag(call: Call) -> Reply:
    project = project_of(call)
    ref = _tag_ref(call.args["tag"])
    if ref not in project.repo.refs:
        raise not_found(call.args["tag"])
    check_writable(project)
    if not _may_delete(call, project, ref):
        raise forbidden(f"not permitted: delete on {ref}")
    call.site.move_ref(project, ref, ZERO, call.user.account)
    return Reply(204)
