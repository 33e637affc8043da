"""What must be so before any step can succeed: version, capabilities, rights on refs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from saltern.errors import Broken
from saltern.providers.gerrit.client import Client, HttpRefused

OLDEST = (3, 11)
ROOT = "All-Projects"
CAPABILITIES = {
    "createProject": "Create Project",
    "createGroup": "Create Group",
    "viewAccess": "View Access",
}
RIGHTS = (
    ("refs/meta/config", "read", "Read"),
    ("refs/meta/config", "create", "Create"),
    ("refs/meta/config", "push", "Push"),
    ("refs/heads/master", "create", "Create"),
    ("refs/heads/master", "push", "Push"),
)
"""What a converge uses on every project. Administrators have no Push by default."""
FORGE = (
    ("refs/meta/config", "forgeCommitter", "Forge Committer"),
    ("refs/heads/master", "forgeCommitter", "Forge Committer"),
)
"""Needed by an account without an e-mail of its own."""


@dataclass(frozen=True)
class Account:
    """The service account: id, username, e-mail (or ``""``), names of its groups."""

    id: int
    username: str
    email: str
    groups: tuple[str, ...]


def read_account(client: Client) -> Account:
    """Return who the credentials belong to (two requests)."""
    info = client.get("/accounts/self")
    groups = client.get("/accounts/self/groups")
    return Account(
        info["_account_id"],
        info.get("username", ""),
        info.get("email", ""),
        tuple(sorted(group["name"] for group in groups)),
    )


def read_version(client: Client) -> str:
    """Return the server's version, e.g. ``3.11.2``."""
    return str(client.get("/config/server/version"))


def version_problems(version: str) -> Iterator[dict[str, str]]:
    """Yield a problem when the server is too old, or does not say a version."""
    found = re.match(r"(\d+)\.(\d+)", version)
    if not found or (int(found[1]), int(found[2])) < OLDEST:
        yield _problem(
            "version",
            f"Gerrit says its version is {version!r}",
            f"Saltern needs {'.'.join(map(str, OLDEST))} or later",
        )


def read_capabilities(client: Client) -> dict[str, Any]:
    """Return the account's global capabilities."""
    return dict(client.get("/accounts/self/capabilities"))


def capability_problems(
    capabilities: Mapping[str, Any], account: Account
) -> Iterator[dict[str, str]]:
    """Yield what the account may not do; an administrator may do everything."""
    if capabilities.get("administrateServer"):
        return
    for capability, title in CAPABILITIES.items():
        if not capabilities.get(capability):
            yield _problem(
                f"capability-{capability}",
                f"account {account.username!r} lacks the global capability {title!r}",
                f"add it to the group Administrators, or grant {title} under Global Capabilities "
                f"of {ROOT} to one of its groups ({_groups(account)})",
            )


def missing_right(client: Client, account_id: int, ref: str, permission: str) -> str | None:
    """Return Gerrit's words when the account lacks ``permission`` on ``ref``, else ``None``."""
    query = urlencode({"account": account_id, "ref": ref, "perm": permission})
    try:
        answer = client.get(f"/projects/{quote(ROOT)}/check.access?{query}")
    except HttpRefused as error:
        if error.status == 403:
            return None  # View Access is missing, which capability_problems reports.
        raise
    if not isinstance(answer, dict) or "status" not in answer:
        raise Broken(f"check.access answered {answer!r}", code="answer")
    return None if answer["status"] == 200 else str(answer.get("message", "not permitted"))


def right_problem(account: Account, ref: str, title: str, words: str) -> dict[str, str]:
    """Return the problem of a missing right, with the grant that mends it."""
    section = ref if ref.startswith("refs/meta/") else "refs/heads/*"
    return _problem(
        f"right-{title.lower().replace(' ', '-')}-{section}",
        f"account {account.username!r} may not {title} on {section} ({words})",
        f"grant {title} on {section} in {ROOT} to one of its groups ({_groups(account)}), e.g. "
        f"with the state gerrit.access_present on {ROOT}",
    )


def _groups(account: Account) -> str:
    own = [name for name in account.groups if name not in ("Registered Users", "Anonymous Users")]
    return ", ".join(own) or "it has none yet"


def _problem(code: str, what: str, remedy: str) -> dict[str, str]:
    return {"code": code, "what": what, "remedy": remedy}
