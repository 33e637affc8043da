"""The commands of a real server, for its overview and to tell "unknown" from "unsupported"."""

from __future__ import annotations

# name -> the line of the overview
KNOWN = {
    "apropos": "Search in Gerrit documentation",
    "ban-commit": "Ban a commit from a project's repository",
    "check-project-access": "Check project readability for specified user(s)",
    "cleanup-draft-comments": "Cleanup draft comments that are already published",
    "close-connection": "Close the specified SSH connection",
    "convert-ref-storage": "Convert ref storage to reftable (experimental)",
    "create-account": "Create a new batch/role account",
    "create-branch": "Create a new branch",
    "create-group": "Create a new account group",
    "create-project": "Create a new project and associated Git repository",
    "flush-caches": "Flush some/all server caches from memory",
    "gc": "Run Git garbage collection",
    "index": "",
    "logging": "",
    "ls-groups": "List groups visible to the caller",
    "ls-members": "List the members of a given group",
    "ls-projects": "List projects visible to the caller",
    "ls-user-refs": "List refs visible to a specific user",
    "migrate-externalids-to-insensitive": "Migrate external-ids to case insensitive",
    "plugin": "",
    "query": "Query the change database",
    "receive-pack": "Standard Git server side command for client side git push",
    "reload-config": "Reloads the Gerrit configuration",
    "rename-group": "Rename an account group",
    "review": "Apply reviews to one or more patch sets",
    "sequence": "",
    "set-account": "Change an account's settings",
    "set-head": "Change HEAD reference for a project",
    "set-members": "Modify members of specific group or number of groups",
    "set-project": "Change a project's settings",
    "set-project-parent": "Change the project permissions are inherited from",
    "set-reviewers": "Add or remove reviewers on a change",
    "set-topic": "Set the topic for one or more changes",
    "show-caches": "Display current cache statistics",
    "show-connections": "Display active client SSH connections",
    "show-queue": "Display the background work queues",
    "stream-events": "Monitor events occurring in real time",
    "test-submit": "",
    "version": "Display gerrit version",
}


def overview() -> str:
    """What ``gerrit`` without a command answers."""
    rows = "".join(f"   {name:<36} {text}\n" for name, text in KNOWN.items())
    return (
        f"Available commands of gerrit are:\n\n{rows}\n"
        "See 'gerrit COMMAND --help' for more information.\n\n"
    )
