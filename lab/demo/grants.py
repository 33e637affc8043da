"""The rights that the service account needs and Gerrit's administrators lack by default."""

from __future__ import annotations

from typing import Any

from lab.demo.people import Person

GRANTS = {
    "refs/meta/config": ("read", "create", "push", "forgeCommitter"),
    "refs/heads/*": (
        "create",
        "push",
        "pushMerge",
        "forgeAuthor",
        "forgeCommitter",
        "forgeServerAsCommitter",
    ),
    "refs/tags/*": (
        "create",
        "push",
        "pushMerge",
        "createTag",
        "createSignedTag",
        "forgeAuthor",
        "forgeCommitter",
        "forgeServerAsCommitter",
    ),
}
"""By ref; the same as the state salt/gerrit/access.sls and docs/admin.md have."""


def grant(admin: Person, group: str = "Administrators") -> None:
    """Give ``group`` on All-Projects what docs/admin.md lists."""
    uuid = admin.rest("GET", f"groups/{group}")["id"]
    rule = {"rules": {uuid: {"action": "ALLOW"}}}
    add: dict[str, Any] = {
        ref: {"permissions": dict.fromkeys(names, rule)} for ref, names in GRANTS.items()
    }
    admin.rest("POST", "projects/All-Projects/access", {"add": add})


def grant_votes(admin: Person, label: str, group: str = "Administrators") -> None:
    """Define ``label`` on All-Projects and let ``group`` vote -1 to +1 on it."""
    values = {"-1": "Fails", "0": "No score", "+1": "Verified"}
    admin.rest("PUT", f"projects/All-Projects/labels/{label}", {"values": values})
    uuid = admin.rest("GET", f"groups/{group}")["id"]
    rule = {"rules": {uuid: {"action": "ALLOW", "min": -1, "max": 1}}}
    permissions = {f"label-{label}": {"label": label, **rule}}
    body = {"add": {"refs/heads/*": {"permissions": permissions}}}
    admin.rest("POST", "projects/All-Projects/access", body)
