"""The Gerrit site on this host as states: its release, that it answers, who administers it.

.. versionadded:: 0.2.0
"""

from salt.exceptions import CommandExecutionError


def __virtual__():
    if "gerrit_site.release" in __salt__:
        return "gerrit_site"
    return False, "the execution module gerrit_site is not available on this minion"


def released(name, version, source, sha256=None, **place):
    """The site ``name`` has this release; a release that does not work is taken back.

    The arguments are those of ``gerrit_site.release``. The daemon is stopped and started only to
    go from one release to another.

    .. code-block:: yaml

        /srv/gerrit:
          gerrit_site.released:
            - version: 3.13.1
            - source: https://repository.example.org/gerrit-3.13.1.war
            - sha256: 8f3c...

    .. versionadded:: 0.2.0
    """
    ret = _ret(name)
    call = __salt__["gerrit_site.release"]
    arguments = {"version": version, "source": source, "sha256": sha256, **place}
    try:
        plan = call(name, **arguments, test=True)["changes"]
        if not plan:
            return {**ret, "result": True, "comment": f"{name} has {version}"}
        if __opts__["test"]:
            return {
                **ret,
                "result": None,
                "changes": plan,
                "comment": f"{name} would get {version}",
            }
        outcome = call(name, **arguments)
    except CommandExecutionError as error:
        return {**ret, "comment": str(error)}
    comment = "; ".join(outcome["done"])
    return {**ret, "result": True, "changes": outcome["changes"], "comment": comment}


def up(name, seconds=300):
    """Gerrit at the URL ``name`` answers within ``seconds``; never a change.

    .. code-block:: yaml

        http://127.0.0.1:8080:
          gerrit_site.up

    .. versionadded:: 0.2.0
    """
    ret = _ret(name)
    if __opts__["test"]:
        return {**ret, "result": True, "comment": "not waited for in test mode"}
    try:
        version = __salt__["gerrit_site.wait"](name, seconds)
    except CommandExecutionError as error:
        return {**ret, "comment": str(error)}
    return {**ret, "result": True, "comment": f"Gerrit {version} answers"}


def administrator(name, email=None):
    """The account of pillar ``saltern:gerrit`` administers the Gerrit at the URL ``name``.

    The administrator that init made is shut down.

    .. code-block:: yaml

        http://127.0.0.1:8080:
          gerrit_site.administrator

    .. versionadded:: 0.2.0
    """
    return _present("gerrit_site.administrator", name, {"url": name, "email": email})


def label(name, values, project="All-Projects"):
    """A label of a project, with exactly these values.

    .. code-block:: yaml

        Verified:
          gerrit_site.label:
            - values: {-1: Fails, 0: No score, 1: Works}

    .. versionadded:: 0.2.0
    """
    wanted = {"name": name, "values": values, "project": project}
    return _present("gerrit_site.label", name, wanted)


def _present(function, name, wanted):
    """Look; with nothing to do say so; in test mode return the plan; else apply."""
    call, ret = __salt__[function], _ret(name)
    try:
        changes = call(**wanted, test=True)
        if not changes:
            return {**ret, "result": True, "comment": f"{name} is as asked"}
        if __opts__["test"]:
            plan = f"{name} would be changed: {', '.join(changes)}"
            return {**ret, "result": None, "changes": changes, "comment": plan}
        ret["changes"] = call(**wanted)
    except CommandExecutionError as error:
        if __opts__["test"] and getattr(error, "code", "") == "unanswered":
            return {**ret, "result": None, "comment": f"{name}: cannot be looked at yet: {error}"}
        return {**ret, "comment": f"{name}: {error}"}
    return {**ret, "result": True, "comment": f"{name} was changed: {', '.join(changes)}"}


def _ret(name):
    return {"name": name, "result": False, "changes": {}, "comment": ""}
