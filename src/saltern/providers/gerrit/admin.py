"""Single calls an administrator wants: look at projects, groups, accounts; set the last and access.

The ``*_present`` calls look first, write only what differs, read back, and return what they
changed as ``{what: {"old": ..., "new": ...}}``; with ``test`` they return what they would change
and write nothing. Nothing is taken away. No secret is ever in what they return or raise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from saltern.errors import Refused, Retry
from saltern.providers.gerrit.client import Client, HttpRefused, quoted

Changes = dict[str, dict[str, Any]]
Grants = Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]]
"""``{ref: {permission: {group: {"action": "ALLOW", "force": bool, "min": int, "max": int}}}}``;
of a rule everything may be left out. ``GLOBAL_CAPABILITIES`` stands for a ref."""


def project_get(client: Client, name: str) -> dict[str, Any] | None:
    """Return ``name``, ``parent``, ``description``, ``state`` and ``head`` (a ref), or ``None``."""
    info = _get(client, f"/projects/{quoted(name)}")
    if info is None:
        return None
    hidden = info["state"] == "HIDDEN"
    return {
        "name": info["name"],
        "parent": info.get("parent"),
        "description": info.get("description", ""),
        "state": info["state"],
        "head": None if hidden else client.get(f"/projects/{quoted(name)}/HEAD"),
    }


def group_get(client: Client, name: str) -> dict[str, Any] | None:
    """Return ``name``, ``uuid``, ``owner``, ``description``, ``visible_to_all``, ``members``
    (usernames) and ``includes`` (names), or ``None``."""
    info = _get(client, f"/groups/{quoted(name)}/detail")
    if info is None or info.get("name") != name:
        return None
    return {
        "name": info["name"],
        "uuid": info["id"],
        "owner": info.get("owner", ""),
        "description": info.get("description", ""),
        "visible_to_all": info.get("options", {}).get("visible_to_all", False),
        "members": sorted(_login(member) for member in info.get("members", ())),
        "includes": sorted(group.get("name", group["id"]) for group in info.get("includes", ())),
    }


def account_get(client: Client, username: str) -> dict[str, Any] | None:
    """Return ``id``, ``username``, ``name``, ``email``, ``groups`` (names) and ``ssh_keys``
    (``type base64``), or ``None``.

    Raises :class:`Refused` for an inactive account, which Gerrit does not show by its name.
    """
    path = f"/accounts/{quoted(username)}"
    try:
        info = client.get(f"{path}/detail")
    except HttpRefused as error:
        if "inactive" in error.text:
            raise Refused(
                f"account {username!r} is inactive: {error.text}", code="inactive"
            ) from error
        if error.status != 404:
            raise
        return None
    return {
        "id": info["_account_id"],
        "username": info.get("username", username),
        "name": info.get("name", ""),
        "email": info.get("email", ""),
        "groups": sorted(group["name"] for group in client.get(f"{path}/groups")),
        "ssh_keys": [_key(row["ssh_public_key"]) for row in client.get(f"{path}/sshkeys")],
    }


def account_present(
    client: Client,
    username: str,
    name: str | None = None,
    email: str | None = None,
    groups: Iterable[str] = (),
    ssh_keys: Iterable[str] = (),
    http_password: str | None = None,
    *,
    test: bool = False,
) -> Changes:
    """Make an account with a name, e-mail, groups, ssh keys and HTTP password.

    What is ``None`` or empty is left alone. The password is tried by logging in; when it does
    not work it is set and older ones are withdrawn.
    """
    have = account_get(client, username)
    changes = _account_changes(have, name, email, groups, ssh_keys)
    if http_password and not (have and _login_works(client, username, http_password)):
        changes["http_password"] = {"old": "(another)", "new": "(as given)"}
    if test or not changes:
        return changes
    if have is None:
        client.put(f"/accounts/{quoted(username)}", {"name": name or username})
    _write_account(client, username, changes, http_password)
    _verify_account(client, username, (name, email, groups, ssh_keys), http_password)
    return changes


def _account_changes(
    have: Mapping[str, Any] | None,
    name: str | None,
    email: str | None,
    groups: Iterable[str],
    ssh_keys: Iterable[str],
) -> Changes:
    old = have or {"name": "", "email": "", "groups": [], "ssh_keys": []}
    changes: Changes = {} if have else {"account": {"old": None, "new": "made"}}
    if name and name != old["name"]:
        changes["name"] = {"old": old["name"], "new": name}
    if email and email != old["email"]:
        changes["email"] = {"old": old["email"], "new": email}
    if missing := sorted(set(groups) - set(old["groups"])):
        changes["groups"] = {"old": old["groups"], "new": missing}
    if keys := [key for key in ssh_keys if _key(key) not in old["ssh_keys"]]:
        changes["ssh_keys"] = {"old": len(old["ssh_keys"]), "new": keys}
    return changes


def _write_account(client: Client, username: str, changes: Changes, password: str | None) -> None:
    path = f"/accounts/{quoted(username)}"
    if "name" in changes and "account" not in changes:
        client.put(f"{path}/name", {"name": changes["name"]["new"]})
    if "email" in changes:
        address = quoted(changes["email"]["new"])
        client.put(f"{path}/emails/{address}", {"no_confirmation": True, "preferred": True})
    for key in changes.get("ssh_keys", {}).get("new", ()):
        client.post(f"{path}/sshkeys", key)
    for group in changes.get("groups", {}).get("new", ()):
        client.put(f"/groups/{quoted(group)}/members/{quoted(username)}")
    if "http_password" in changes:
        # Each way to set a password makes its own token, and the old ones stay valid.
        for token in _get(client, f"{path}/tokens") or ():
            if token["id"] in ("default", "legacy"):
                client.delete(f"{path}/tokens/{token['id']}")
        client.put(f"{path}/password.http", {"http_password": password})


def _verify_account(
    client: Client, username: str, wanted: tuple[Any, ...], password: str | None
) -> None:
    left = _account_changes(account_get(client, username), *wanted)
    if password and not _login_works(client, username, password):
        left["http_password"] = {}
    if left:
        raise Retry(f"account {username!r}: not as asked yet: {', '.join(left)}", code="read-back")


def _login_works(client: Client, username: str, password: str) -> bool:
    """Return whether the account can log in with ``password``."""
    other = Client(replace(client.settings, username=username, password=password, workers=1))
    try:
        other.get("/accounts/self")
    except Exception as error:
        if getattr(error, "code", "") != "unauthorized":
            raise
        return False
    finally:
        other.close()
    return True


def access_get(client: Client, project: str) -> dict[str, Any] | None:
    """Return ``parent``, ``revision`` and ``grants`` of a project's own rules by group name."""
    info = _get(client, f"/projects/{quoted(project)}/access")
    if info is None:
        return None
    names = {uuid: group.get("name", uuid) for uuid, group in info.get("groups", {}).items()}
    return {
        "parent": info.get("inherits_from", {}).get("name"),
        "revision": info.get("revision"),
        "grants": {
            ref: {
                permission: {names.get(uuid, uuid): rule for uuid, rule in row["rules"].items()}
                for permission, row in section.get("permissions", {}).items()
            }
            for ref, section in info.get("local", {}).items()
        },
    }


def access_present(
    client: Client, project: str, grants: Grants, message: str = "", *, test: bool = False
) -> Changes:
    """Grant what is missing of ``grants`` on ``project``.

    Returns ``{"REF PERMISSION GROUP": {"old": rule or None, "new": rule}}``.
    """
    changes, remove, add = _access_changes(client, project, grants)
    if test or not changes:
        return changes
    access_set(client, project, add=add, remove=remove, message=message)
    if left := _access_changes(client, project, grants)[0]:
        raise Retry(f"{project}: not granted yet: {', '.join(left)}", code="read-back")
    return changes


def access_set(
    client: Client,
    project: str,
    add: Grants | None = None,
    remove: Grants | None = None,
    message: str = "",
) -> None:
    """Add and remove rules of ``project``; removals go first."""
    body: dict[str, Any] = {"add": _sections(add or {}), "remove": _sections(remove or {})}
    if message:
        body["message"] = message
    client.post(f"/projects/{quoted(project)}/access", body)


def _access_changes(client: Client, project: str, grants: Grants) -> tuple[Changes, Any, Any]:
    have = access_get(client, project)
    if have is None:
        raise Refused(f"project {project!r} is not there", code="project-missing")
    changes: Changes = {}
    remove: dict[str, Any] = {}
    add: dict[str, Any] = {}
    for ref, permission, group, wanted in _rules(grants):
        old = have["grants"].get(ref, {}).get(permission, {}).get(group)
        if old is not None and _rule(old) == wanted:
            continue
        changes[f"{ref} {permission} {group}"] = {"old": old and _rule(old), "new": wanted}
        add.setdefault(ref, {}).setdefault(permission, {})[group] = wanted
        if old is not None:
            remove.setdefault(ref, {}).setdefault(permission, {})[group] = {}
    return changes, remove, add


def _rules(grants: Grants) -> Iterable[tuple[str, str, str, dict[str, Any]]]:
    for ref, permissions in grants.items():
        for permission, groups in permissions.items():
            for group, rule in groups.items():
                yield ref, permission, group, _rule(rule or {})


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rule in one form; a range is there only when it says something."""
    plain = {"action": rule.get("action", "ALLOW"), "force": bool(rule.get("force"))}
    ranged = {side: rule[side] for side in ("min", "max") if rule.get(side)}
    return plain | ranged


def _sections(grants: Grants) -> dict[str, Any]:
    return {
        ref: {"permissions": {name: {"rules": dict(rules)} for name, rules in permissions.items()}}
        for ref, permissions in grants.items()
    }


def _get(client: Client, path: str) -> Any:
    try:
        return client.get(path)
    except HttpRefused as error:
        if error.status != 404:
            raise
        return None


def _login(member: Mapping[str, Any]) -> str:
    return str(member.get("username", member["_account_id"]))


def _key(text: str) -> str:
    return " ".join(text.split()[:2])
