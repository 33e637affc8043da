"""Look at and bring up to date the git mirror on the minion that serves it.

Settings are the minion's pillar ``saltern:mirror``; nothing of them is ever returned.

:depends: saltern in the minion's Python; git

.. versionadded:: 0.1.0
"""

from salt.exceptions import CommandExecutionError

try:
    from saltern import remote
    from saltern.errors import SalternError
    from saltern.providers.mirror import MirrorProvider
    from saltern.settings import MirrorSettings, build
    from saltern.steps import Step

    MISSING = ""
except ImportError as error:
    MISSING = f"saltern cannot be loaded by this minion's Python: {error}"


def __virtual__():
    return "mirror" if not MISSING else (False, MISSING)


def _provider():
    pillar = (__pillar__.get("saltern") or {}).get("mirror")
    return MirrorProvider(build(MirrorSettings, pillar, "pillar saltern:mirror"))


def observe(request):
    """Answer a packed observation request of the ``projects`` runner.

    Gerrit capability needed: none, the mirror's own files are read.

    CLI Example:

    .. code-block:: bash

        salt-run projects.plan

    .. versionadded:: 0.1.0
    """
    return remote.serve_observe(_provider, request)


def apply(steps):
    """Carry out packed steps of the ``projects`` runner.

    Gerrit capability needed: none; Read on the projects.

    CLI Example:

    .. code-block:: bash

        salt-run projects.converge

    .. versionadded:: 0.1.0
    """
    return remote.serve_apply(_provider, steps)


def refs(project):
    """Return the branches and tags that the mirror has of a project.

    Gerrit capability needed: none, the mirror's own files are read.

    CLI Example:

    .. code-block:: bash

        salt git01 mirror.refs infra/tools

    .. versionadded:: 0.1.0
    """
    try:
        return _provider().refs(project)
    except SalternError as error:
        raise CommandExecutionError(str(error)) from None


def update(project, default_branch="master", description=""):
    """Bring the mirror of one project up to date, made anew when missing or broken.

    Gerrit capability needed: none; Read on the project.

    CLI Example:

    .. code-block:: bash

        salt git01 mirror.update infra/tools

    .. versionadded:: 0.1.0
    """
    payload = {"default_branch": default_branch, "description": description}
    try:
        (outcome,) = _provider().apply([Step("mirror", project, "asked for", payload)])
    except SalternError as error:
        raise CommandExecutionError(str(error)) from None
    if not outcome.ok:
        raise CommandExecutionError(f"{project}: {outcome.reason}")
    return dict(outcome.evidence)
