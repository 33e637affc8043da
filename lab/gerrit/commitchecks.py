"""What every new commit of a push must satisfy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .repo import Commit
from .site import SERVER

if TYPE_CHECKING:
    from .receive import Push

LIMIT = 10000
CHANGE_ID = re.compile(r"^Change-Id:\s*(I[0-9a-f]{40})\s*$", re.MULTILINE)
_ANY_ID = re.compile(r"^Change-Id:", re.MULTILINE)


class Rejected(Exception):
    """A ref is refused; the message is its status in the report."""


def footer(message: str) -> str:
    """The last paragraph of a commit message, empty if it is the first too."""
    paragraphs = [p for p in re.split(r"\n\s*\n", message.strip("\n")) if p.strip()]
    return paragraphs[-1] if len(paragraphs) > 1 else ""


def change_id(message: str) -> str | None:
    """The Change-Id in a message's footer, the last one if there are several."""
    found = CHANGE_ID.findall(footer(message))
    return found[-1] if found else None


def new_commits(push: Push, commit: str, current: str | None) -> list[str]:
    """Commits of a push that no branch has yet, newest first."""
    repo = push.project.repo
    known = [oid for ref, oid in repo.refs.items() if ref.startswith(("refs/heads/", "refs/tags/"))]
    return repo.ancestors([commit], [*known, *([current] if current else [])])


def check_new_commits(push: Push, ref: str, commit: str, current: str | None) -> None:
    """Refuse too many commits, forged identities, merges without the right."""
    found = new_commits(push, commit, current)
    if "skip-validation" in push.options:
        return
    if len(found) > LIMIT:
        raise Rejected("more than 10000 commits, and skip-validation not set")
    for oid in reversed(found):
        check_commit(push, ref, push.project.repo.commit(oid))


def check_commit(push: Push, ref: str, commit: Commit) -> None:
    """Refuse one commit for its author, committer or for being a merge."""
    may, user, project = push.site.permissions.may, push.user, push.project
    if len(commit.parents) > 1:
        where = ref if ref.startswith("refs/for/") else f"refs/for/{ref}"
        if not may(user, project, where, "pushMerge") and not may(user, project, ref, "pushMerge"):
            raise Rejected("you are not allowed to upload merges")
    mails = user.account.emails
    if commit.author.email not in mails and not may(user, project, ref, "forgeAuthor"):
        _forged(push, commit, commit.author.email, "author")
    if commit.committer.email not in mails:
        if not may(user, project, ref, "forgeCommitter"):
            _forged(push, commit, commit.committer.email, "committer")
        if (commit.committer.name, commit.committer.email) == SERVER and not may(
            user, project, ref, "forgeServerAsCommitter"
        ):
            push.commit_error(commit.id, ["do not amend merges not made by you"])
            raise Rejected(f"commit {commit.id[:7]}: do not amend merges not made by you")


def _forged(push: Push, commit: Commit, email: str, role: str) -> None:
    known = "".join(f"   {mail}\n" for mail in push.user.account.emails)
    push.errors.append(
        f"ERROR: commit {commit.id[:7]}: email address {email} is not registered in your account, "
        f"and you lack 'forge {role}' permission.\n"
        f"The following addresses are currently registered:\n{known}"
        f"To register an email address, visit:\n"
        f"{push.site.http_url}/settings#EmailAddresses\n\n\n"
    )
    raise Rejected(f"commit {commit.id[:7]}: invalid {role}")


def require_change_id(push: Push, commit: Commit) -> str:
    """The commit's Change-Id; a refusal that explains the hook if there is none."""
    found = change_id(commit.message)
    if found:
        return found
    text = (
        "invalid Change-Id line format in message footer"
        if _ANY_ID.search(footer(commit.message))
        else "missing Change-Id in message footer"
    )
    site = push.site
    push.errors.append(
        f"ERROR: commit {commit.id[:7]}: {text}\n\n"
        "Hint: to automatically insert a Change-Id, install the hook:\n"
        f"  gitdir=$(git rev-parse --git-dir); scp -p -P {site.ssh_port} "
        f"{push.user.name}@{site.ssh_host}:hooks/commit-msg ${{gitdir}}/hooks/\n"
        "(for OpenSSH >= 9.0 you need to add the flag '-O' to the scp command)\n"
        "or, for http(s):\n"
        '  f="$(git rev-parse --git-dir)/hooks/commit-msg"; '
        f'curl -o "$f" {site.http_url}/tools/hooks/commit-msg ; chmod +x "$f"\n'
        "and then amend the commit:\n  git commit --amend --no-edit\n"
        "Finally, push your changes again\n\n"
    )
    raise Rejected(f"commit {commit.id[:7]}: {text}")
