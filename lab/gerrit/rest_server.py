"""REST: the server's version and settings."""

from __future__ import annotations

from . import VERSION
from .errors import forbidden
from .rest import Call, Reply, route
from .sshcommands import hook

INFO = {
    "accounts": {"visibility": "ALL", "default_display_name": "FULL_NAME"},
    "auth": {
        "auth_type": "DEVELOPMENT_BECOME_ANY_ACCOUNT",
        "editable_account_fields": ["FULL_NAME", "USER_NAME"],
        "git_basic_auth_policy": "HTTP",
        "max_token_lifetime": 0,
    },
    "change": {
        "allow_blame": True,
        "update_delay": 300,
        "mergeability_computation_behavior": "NEVER",
        "conflicts_predicate_enabled": True,
    },
    "download": {"schemes": {}, "archives": ["tgz", "tar", "tbz2", "txz"]},
    "gerrit": {
        "all_projects": "All-Projects",
        "all_users": "All-Users",
        "doc_search": False,
        "project_state_predicate_enabled": True,
    },
    "groups": {},
    "note_db_enabled": True,
    "plugin": {"js_resource_paths": []},
    "sshd": {},
    "suggest": {"from": 0},
    "user": {"anonymous_coward_name": "Name of user not set"},
    "receive": {"enable_signed_push": False},
    "submit_requirement_dashboard_columns": [],
    "metadata": [],
}


@route("GET", "config/server/version")
def version(call: Call) -> str:
    return VERSION


@route("GET", "config/server/info")
def info(call: Call) -> dict:
    return INFO


@route("GET", "config/server/capabilities", anonymous=False)
def capabilities(call: Call) -> dict:
    from .projectconfig import CAPABILITY_NAMES

    return {name: {"id": name, "name": name} for name in CAPABILITY_NAMES}


@route("GET", "plugins", anonymous=False)
def plugins(call: Call) -> dict:
    return {}


@route("GET", "tools/hooks/commit-msg")
def commit_hook(call: Call) -> Reply:
    return Reply(200, text=hook(), content_type="text/x-sh")


@route("POST", "config/server/check.consistency", anonymous=False)
def check_consistency(call: Call) -> dict:
    if not call.site.permissions.is_admin(call.user):
        raise forbidden("administrate server not permitted")
    asked = call.body()
    found: dict = {}
    for name in ("accounts", "account_external_ids"):
        if f"check_{name}" in asked:
            found[f"check_{name}_result"] = {"problems": []}
    if "check_groups" in asked:
        rows = [{"status": "WARNING", "message": text} for text in group_cycles(call)]
        found["check_groups_result"] = {"problems": rows}
    return found


def group_cycles(call: Call) -> list[str]:
    """One sentence for every inclusion that closes a cycle of groups."""
    groups, found = call.site.groups.by_uuid, []
    for group in groups.values():
        below, queue = set(), list(group.includes)
        while queue:
            uuid = queue.pop()
            if uuid in groups and uuid not in below:
                below.add(uuid)
                queue.extend(groups[uuid].includes)
        for uuid in sorted(below):
            if group.uuid in groups[uuid].includes:
                other = groups[uuid]
                found.append(
                    f"group {group.name} ({group.uuid}) contains a cycle: "
                    f"{other.name} ({other.uuid}) points to it as subgroup."
                )
    return found
