"""Look at and change Gerrit from the minion that owns it.

Settings are the minion's pillar ``saltern:gerrit``; nothing of them is ever returned. The
registry's converge uses :func:`observe` and :func:`apply`; the rest is for people and states.

:depends: saltern in the minion's Python

.. versionadded:: 0.1.0
"""

import functools

from salt.exceptions import CommandExecutionError

try:
    from saltern import remote
    from saltern.errors import SalternError
    from saltern.providers.gerrit import GerritProvider, admin, present
    from saltern.settings import GerritSettings, build

    MISSING = ""
except ImportError as error:
    MISSING = f"saltern cannot be loaded by this minion's Python: {error}"


def __virtual__():
    return "gerrit" if not MISSING else (False, MISSING)


def _provider():
    pillar = (__pillar__.get("saltern") or {}).get("gerrit")
    return GerritProvider(build(GerritSettings, pillar, "pillar saltern:gerrit"))


def _call(work):
    """Return ``work(provider)``; the library's errors become Salt's."""
    try:
        with _provider() as provider:
            return work(provider)
    except SalternError as error:
        failed = CommandExecutionError(str(error))
        failed.code = error.code
        raise failed from None


def _client_call(function, *args, **kwargs):
    return _call(lambda provider: function(provider.server.client, *args, **kwargs))


def observe(request):
    """Answer a packed observation request of the ``projects`` runner.

    Gerrit capability needed: none; Read on the projects and on refs/meta/config.

    CLI Example:

    .. code-block:: bash

        salt-run projects.plan

    .. versionadded:: 0.1.0
    """
    return remote.serve_observe(_provider, request)


def apply(steps):
    """Carry out packed steps of the ``projects`` runner.

    Gerrit capability needed: Create Project, Create Group; and Read, Create and Push on
    refs/meta/config and refs/heads/*.

    CLI Example:

    .. code-block:: bash

        salt-run projects.converge

    .. versionadded:: 0.1.0
    """
    return remote.serve_apply(_provider, steps)


def check():
    """Return what keeps a converge from succeeding: code, what, remedy; empty when all is well.

    Gerrit capability needed: View Access.

    CLI Example:

    .. code-block:: bash

        salt review01 gerrit.check

    .. versionadded:: 0.1.0
    """
    return _call(lambda provider: provider.check())


def version():
    """Return the version of Gerrit.

    Gerrit capability needed: none.

    CLI Example:

    .. code-block:: bash

        salt review01 gerrit.version

    .. versionadded:: 0.1.0
    """
    return _call(lambda provider: str(provider.server.client.get("/config/server/version")))


def imports():
    """Return how far imports from upstreams are: project, phase, percent, bytes, refs done.

    One that stopped stays listed with its reason until an attempt ends it or three days pass.

    Gerrit capability needed: none.

    CLI Example:

    .. code-block:: bash

        salt review01 gerrit.imports

    .. versionadded:: 0.2.0
    """
    return _call(lambda provider: provider.observe({"imports": True})["imports"])


def project_get(name):
    """Return a project's name, parent, description, state and HEAD, or ``None``.

    Gerrit capability needed: none; Read on the project.

    CLI Example:

    .. code-block:: bash

        salt review01 gerrit.project_get infra/tools

    .. versionadded:: 0.1.0
    """
    return _client_call(admin.project_get, name)


def group_get(name):
    """Return a group's name, UUID, owner, description, members and includes, or ``None``.

    Gerrit capability needed: none; the group must be visible.

    CLI Example:

    .. code-block:: bash

        salt review01 gerrit.group_get 'Project Bootstrappers'

    .. versionadded:: 0.1.0
    """
    return _client_call(admin.group_get, name)


def account_get(username):
    """Return an account's id, name, e-mail, groups and public ssh keys, or ``None``.

    Gerrit capability needed: Administrate Server, to see another account's keys.

    CLI Example:

    .. code-block:: bash

        salt review01 gerrit.account_get zuul

    .. versionadded:: 0.1.0
    """
    return _client_call(admin.account_get, username)


def access_get(project):
    """Return a project's own rules by ref, permission and group name, or ``None``.

    Gerrit capability needed: View Access, or owner of the project.

    CLI Example:

    .. code-block:: bash

        salt review01 gerrit.access_get All-Projects

    .. versionadded:: 0.1.0
    """
    return _client_call(admin.access_get, project)


def project_present(name, parent="All-Projects", description=None, branch="master", test=False):
    """Make a project, or repair a half-made one; set parent and description. Returns changes.

    description
        ``None`` leaves it alone.

    branch
        Default branch of a project that is made; it stays without a commit.

    Gerrit capability needed: Create Project; Administrate Server to change a parent.

    CLI Example:

    .. code-block:: bash

        salt review01 gerrit.project_present infra/tools parent=infra description='The tools'

    .. versionadded:: 0.1.0
    """
    return _call(
        lambda provider: present.project(provider, name, parent, description, branch, test=test)
    )


def group_present(name, owner="Administrators", test=False):
    """Make a group without members. Returns what changed, old and new.

    Gerrit capability needed: Create Group.

    CLI Example:

    .. code-block:: bash

        salt review01 gerrit.group_present 'Release Managers'

    .. versionadded:: 0.1.0
    """
    return _call(lambda provider: present.group(provider, name, owner, test=test))


def account_present(
    username, name=None, email=None, groups=(), ssh_keys=(), password_pillar=None, test=False
):
    """Make an account; what is left out is left alone. Returns what changed, old and new.

    password_pillar
        Pillar key of its HTTP password (``saltern:accounts:zuul``); a password itself would
        stand in job arguments.

    Gerrit capability needed: Administrate Server.

    CLI Example:

    .. code-block:: bash

        salt review01 gerrit.account_present zuul groups='[Service Users]'

    .. versionadded:: 0.1.0
    """
    password = _pillar_secret(password_pillar)
    return _client_call(
        admin.account_present, username, name, email, groups, ssh_keys, password, test=test
    )


def access_present(project, grants, test=False):
    """Grant what is missing of ``grants``; returns what changed, old and new.

    grants
        ``{ref: {permission: {group: {action, force, min, max}}}}``; of a rule everything may
        be left out.

    Gerrit capability needed: Administrate Server, or owner of the project.

    CLI Example:

    .. code-block:: bash

        salt review01 gerrit.access_present All-Projects \\
            '{refs/meta/config: {push: {Administrators: {}}}}'

    .. versionadded:: 0.1.0
    """
    return _client_call(admin.access_present, project, grants, test=test)


def _pillar_secret(key):
    if key is None:
        return None
    value = functools.reduce(
        lambda data, part: data.get(part) if isinstance(data, dict) else None,
        key.split(":"),
        dict(__pillar__),
    )
    if not isinstance(value, str) or not value:
        raise CommandExecutionError(f"pillar {key!r} has no password")
    return value
