"""receive-pack: a push is parsed, unpacked, judged ref by ref, reported."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import pkt
from .commitchecks import Rejected, check_new_commits
from .configchecks import check_config_push
from .repo import CONFIG_REF, ZERO, LockFailure, ObjectMissing
from .unpack import UnpackError, take_in
from .upload import AGENT, visible_refs

if TYPE_CHECKING:
    from .model import Project, User
    from .site import Site

_CAPS = f"side-band-64k delete-refs report-status quiet atomic ofs-delta push-options {AGENT}"
_NO_WRITE = "prohibited by Gerrit: project state does not permit write"
_CONTACT = "Contact an administrator to fix the permissions"
_NEEDS = {
    "create": "You need 'Create' rights to create new references.",
    "update": "To push into this reference you need 'Push' rights.",
    "config": "Configuration changes can only be pushed by project owners\n"
    "who also have 'Push' rights on refs/meta/config",
    "force": "You need 'Push' rights with 'Force' flag set to do a non-fastforward push.",
    "delete": "You need 'Delete Reference' rights or 'Push' rights with the\n"
    "'Force Push' flag set to delete references.",
    "delete-config": "Cannot delete project configuration from 'refs/meta/config'",
}
MAGIC = "refs/for/"


@dataclass
class Command:
    """One ref of a push; ``status`` is None when it was taken, else the refusal."""

    old: str
    new: str
    ref: str
    status: str | None = None
    done: bool = False


@dataclass
class Push:
    """A push in progress, with the messages for the person who pushes."""

    site: Site
    user: User
    project: Project
    commands: list[Command]
    options: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    closing: list[str] = field(default_factory=list)
    created: int = 0
    updated: int = 0

    def explain(self, ref: str, need: str) -> None:
        """Tell which right is missing for a ref."""
        self.hints.append(
            f"error: branch {ref}:\n{_NEEDS[need]}\nUser: {self.user.name}\n{_CONTACT}\n"
        )

    def commit_error(self, commit: str, lines: list[str]) -> None:
        """ERROR lines about a commit."""
        self.errors.append("".join(f"ERROR: commit {commit[:7]}: {x}\n" for x in lines))


def advertise(site: Site, user: User, project: Project) -> bytes:
    """The refs a pusher may see, changes left out, with the capabilities."""
    refs = {
        ref: oid
        for ref, oid in visible_refs(site, user, project).items()
        if ref != "HEAD" and not ref.startswith("refs/changes/")
    }
    if not refs:
        return pkt.line(f"{ZERO} capabilities^{{}}\0 {_CAPS}") + pkt.FLUSH
    out = []
    for ref, oid in refs.items():
        out.append(pkt.line(f"{oid} {ref}" + ("" if out else f"\0 {_CAPS}") + "\n"))
    return b"".join(out) + pkt.FLUSH


def parse(head: list[bytes]) -> tuple[list[Command], set[str]]:
    """The commands and the client's capabilities."""
    caps: set[str] = set()
    commands = []
    for packet in head:
        text, nul, words = packet.partition(b"\0")
        if nul:
            caps = set(words.decode().split())
        parts = text.decode("utf-8", "replace").rstrip("\n").split(" ", 2)
        if len(parts) == 3 and len(parts[0]) == 40:
            commands.append(Command(*parts))
    return commands, caps


async def serve(site: Site, user: User, project: Project, data: bytes) -> bytes:
    """Handle everything a client sends in one push; the bytes to answer with."""
    head, at = pkt.section(data)
    commands, caps = parse(head)
    options = []
    if "push-options" in caps:
        packets, at = pkt.section(data, at)
        options = [p.decode("utf-8", "replace").rstrip("\n") for p in packets]
    push = Push(site, user, project, commands, options)
    trouble = None
    try:
        await take_in(project.repo, data[at:], project.config.size_limit)
    except UnpackError as error:
        trouble = str(error)
    if trouble is None:
        for command in commands:
            site.faults.die_at("push.before", f"{project.name} {command.ref}")
        _run(push)
    else:
        for command in commands:
            command.status = "n/a (unpacker error)"
    _log(push, trouble)
    return _report(push, caps, trouble)


def _log(push: Push, trouble: str | None) -> None:
    refs = {c.ref: c.status or "ok" for c in push.commands}
    push.site.calls.add(
        "git",
        push.user.name,
        service="receive-pack",
        project=push.project.name,
        refs=refs,
        unpack=trouble or "ok",
    )


def _report(push: Push, caps: set[str], trouble: str | None) -> bytes:
    lines = [pkt.line(f"unpack {'error ' + trouble if trouble else 'ok'}\n")]
    for command in push.commands:
        status = command.status
        lines.append(pkt.line(f"ng {command.ref} {status}\n" if status else f"ok {command.ref}\n"))
    report = b"".join(lines) + pkt.FLUSH
    if "side-band-64k" not in caps:
        return report
    return _messages(push, trouble) + pkt.band(1, report) + pkt.FLUSH


def _messages(push: Push, trouble: str | None) -> bytes:
    if trouble:
        return b""
    counts = f"refs: {len(push.commands)}"
    if push.created:
        counts += f", new: {push.created}"
    if push.updated:
        counts += f", updated: {push.updated}"
    progress = f"\nProcessing changes: {counts}, done    \n"
    text = "".join([*push.hints, progress, *push.errors, *push.closing])
    return pkt.band(2, text.encode("utf-8", "replace"))


def _run(push: Push) -> None:
    for command in push.commands:
        try:
            _one(push, command)
        except Rejected as rejected:
            command.status = str(rejected)
        except LockFailure:
            command.status = "failed to lock"
            push.errors.append("error: internal error\n")
        else:
            command.done = True
            push.site.faults.die_at("push.after", f"{push.project.name} {command.ref}")


def _one(push: Push, command: Command) -> None:
    site, project, ref = push.site, push.project, command.ref
    refusal = site.faults.refuse_push(project.name, ref)
    if refusal:
        raise Rejected(refusal)
    if project.config.state != "ACTIVE":
        raise Rejected(_NO_WRITE)
    if ref.startswith(MAGIC):
        site.changes.push_for_review(push, command)
        return
    if ref.startswith("refs/changes/"):
        site.changes.push_to_change(push, command)
        return
    current = project.repo.refs.get(ref)
    visible = current is not None and site.reads_ref(push.user, project, ref)
    if command.new == ZERO:
        _delete(push, command, current if visible else None)
    elif command.old == ZERO:
        _create(push, command, current)
    else:
        _update(push, command, current)
    site.move_ref(project, ref, command.new, push.user.account)
    if ref.startswith("refs/heads/") and command.new != ZERO:
        site.changes.branch_moved(project, ref, push.user)


def _delete(push: Push, command: Command, current: str | None) -> None:
    ref, may = command.ref, push.site.permissions
    if ref == CONFIG_REF:
        push.explain(ref, "delete-config")
        raise Rejected("cannot delete project configuration")
    user, project = push.user, push.project
    allowed = may.updates(user, project, ref, True) or may.may(user, project, ref, "delete")
    if not allowed:
        push.explain(ref, "delete")
    if current is None:
        raise Rejected(f"The ref {ref} doesn't exist")
    if not allowed:
        raise Rejected("prohibited by Gerrit: not permitted: delete")
    if command.old != current:
        raise Rejected("invalid old id sent")


def _create(push: Push, command: Command, current: str | None) -> None:
    ref, user, project, may = command.ref, push.user, push.project, push.site.permissions
    if current is not None:
        raise Rejected(f"Cannot create ref '{ref}' because it already exists.")
    commit = _commit_of(push, command)
    if not may.may(user, project, ref, "create") and not _may_tag(push, command):
        push.explain(ref, "create")
        raise Rejected("prohibited by Gerrit: not permitted: create")
    if not may.updates(user, project, ref) and not _known(push, commit):
        when = project.repo.commit(commit).committer.when
        raise Rejected(
            f"prohibited by Gerrit: Unable to resolve object 'commit {commit} {when} ------p'. "
            "Check that the object exists on the server or get update permission to create "
            "new commit objects."
        )
    if project.repo.clash(ref):
        raise Rejected("failed to lock")
    _check_content(push, command, commit, None)


def _may_tag(push: Push, command: Command) -> bool:
    if not command.ref.startswith("refs/tags/"):
        return False
    kind = push.project.repo.read(command.new)[0]
    return kind == b"tag" and push.site.permissions.may(
        push.user, push.project, command.ref, "createTag"
    )


def _known(push: Push, commit: str) -> bool:
    repo = push.project.repo
    tips = [
        oid
        for ref, oid in repo.refs.items()
        if ref.startswith(("refs/heads/", "refs/tags/"))
        and push.site.reads_ref(push.user, push.project, ref)
    ]
    return any(repo.contains(repo.commit(tip).id, commit) for tip in tips)


def _update(push: Push, command: Command, current: str | None) -> None:
    ref, user, project, may = command.ref, push.user, push.project, push.site.permissions
    if command.old != (current or ZERO):
        raise Rejected("invalid old id sent")
    commit = _commit_of(push, command)
    forward = project.repo.contains(commit, project.repo.commit(current).id)
    if not forward and not may.updates(user, project, ref, force=True):
        push.explain(ref, "force")
        raise Rejected("prohibited by Gerrit: not permitted: force update")
    if forward and not may.updates(user, project, ref):
        push.explain(ref, "config" if ref == CONFIG_REF else "update")
        raise Rejected("prohibited by Gerrit: not permitted: update")
    _check_content(push, command, commit, current)


def _commit_of(push: Push, command: Command) -> str:
    try:
        return push.project.repo.commit(command.new).id
    except ObjectMissing:
        raise Rejected("bad pack") from None


def _check_content(push: Push, command: Command, commit: str, current: str | None) -> None:
    check_new_commits(push, command.ref, commit, current)
    if command.ref == CONFIG_REF:
        check_config_push(push, commit)
