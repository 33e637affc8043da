"""Projects, groups, accounts and access rules of Gerrit as states.

They run on the minion that owns Gerrit, with its pillar ``saltern:gerrit``. Nothing is ever
taken away. Projects of the registry are not made by states but by ``projects.converge``; these
are for what must be there before: the service account and its rights, CI accounts, parents.

.. versionadded:: 0.1.0
"""

from salt.exceptions import CommandExecutionError


def __virtual__():
    if "gerrit.check" in __salt__:
        return "gerrit"
    return False, "the execution module gerrit is not available on this minion"


def project_present(name, parent="All-Projects", description=None, branch="master"):
    """A project with that parent and description; a half-made one is repaired.

    .. code-block:: yaml

        infra:
          gerrit.project_present:
            - parent: All-Projects
            - description: The infrastructure's projects

    .. versionadded:: 0.1.0
    """
    return _present(
        "gerrit.project_present",
        name,
        {"parent": parent, "description": description, "branch": branch},
    )


def group_present(name, owner="Administrators"):
    """A group, visible to all and without members.

    .. code-block:: yaml

        Release Managers:
          gerrit.group_present

    .. versionadded:: 0.1.0
    """
    return _present("gerrit.group_present", name, {"owner": owner})


def account_present(name, full_name=None, email=None, groups=(), ssh_keys=(), password_pillar=None):
    """An account with at least these groups and public keys.

    password_pillar
        Pillar key of its HTTP password, e.g. ``saltern:accounts:zuul``.

    .. code-block:: yaml

        zuul:
          gerrit.account_present:
            - full_name: Zuul
            - groups: [Service Users]
            - password_pillar: saltern:accounts:zuul

    .. versionadded:: 0.1.0
    """
    wanted = {
        "name": full_name,
        "email": email,
        "groups": list(groups),
        "ssh_keys": list(ssh_keys),
        "password_pillar": password_pillar,
    }
    return _present("gerrit.account_present", name, wanted, first="username")


def access_present(name, grants):
    """Rules of a project; others stay.

    .. code-block:: yaml

        All-Projects:
          gerrit.access_present:
            - grants:
                refs/meta/config:
                  push: {Administrators: {}}

    .. versionadded:: 0.1.0
    """
    return _present("gerrit.access_present", name, {"grants": grants}, first="project")


def _present(function, name, wanted, first="name"):
    """Look; with nothing to do say so; in test mode return the plan; else apply."""
    call = __salt__[function]
    ret = {"name": name, "result": False, "changes": {}, "comment": ""}
    try:
        changes = call(**{first: name}, **wanted, test=True)
        if not changes:
            return {**ret, "result": True, "comment": f"{name} is as asked"}
        if __opts__["test"]:
            plan = f"{name} would be changed: {', '.join(changes)}"
            return {**ret, "result": None, "changes": changes, "comment": plan}
        ret["changes"] = call(**{first: name}, **wanted)
    except CommandExecutionError as error:
        if __opts__["test"] and getattr(error, "code", "") == "unanswered":
            return {**ret, "result": None, "comment": f"{name}: cannot be looked at yet: {error}"}
        return {**ret, "comment": f"{name}: {error}"}
    return {**ret, "result": True, "comment": f"{name} was changed: {', '.join(changes)}"}
