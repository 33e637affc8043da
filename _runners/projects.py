"""Converge the registry of projects: what ``salt-run projects.converge`` and the reactors call.

Settings are in the master's configuration::

    saltern:
      registry: {url: "https://review.example.org/infra/project-config", ...}
      converge: {state_dir: /var/lib/saltern, owners: {gerrit: review01, mirror: git01}, ...}

Each function sets the exit status of ``salt-run``: 0 only when everything is done.

.. versionadded:: 0.1.0
"""

from contextlib import closing

try:
    from saltern.errors import Broken, SalternError
    from saltern.gather import gatherer
    from saltern.journal import Request
    from saltern.report import exit_status, text
    from saltern.run import Converger
    from saltern.settings import ConvergeSettings, RegistrySettings, build
    from saltern_salt import SaltDispatcher

    MISSING = ""
except ImportError as error:
    MISSING = f"saltern cannot be loaded by this Salt's Python: {error}"


def __virtual__():
    return "projects" if not MISSING else (False, MISSING)


def converge(
    cause="by hand", projects=None, change=None, deep=False, wait=True, allow_retire=False
):
    """Make the registry true and report what is not done, with reason and retry command.

    cause
        Why, for the journal.
    projects
        Names; everything when left out.
    change
        Commit of a merged change that wants a note.
    deep
        Compare every branch and tag of the mirrors, not the default branch alone.
    wait
        With ``False``, a call during another run returns at once (status ``queued``): that
        run goes round again.
    allow_retire
        Retire more projects than the setting ``retire_limit`` allows.

    CLI Example:

    .. code-block:: bash

        salt-run projects.converge
        salt-run projects.converge projects='[infra/tools]' --out=json

    .. versionadded:: 0.1.0
    """

    request = Request(
        cause=str(cause)[:200],
        scope=_names(projects),
        deep=bool(deep),
        allow_retire=bool(allow_retire),
        change_commit=change,
    )
    if wait:
        return _with_converger(lambda converger: _converge([request], converger, wait=True))
    name = str((__opts__.get("saltern") or {}).get("converge", {}).get("state_dir"))

    def work(batch):
        return _with_converger(lambda converger: _converge(batch, converger, wait=False))

    return gatherer(name).serve(request, work) or {
        "status": "queued",
        "retcode": exit_status("queued"),
    }


def _converge(requests, converger, wait):
    """Serve all of ``requests`` by one run; the journal merges them."""
    *others, last = requests
    for request in others:
        converger.journal.request(request)
    report = converger.converge(
        last.cause,
        projects=last.scope,
        change_commit=last.change_commit,
        deep=last.deep,
        allow_retire=last.allow_retire,
        wait=wait,
    ).to_dict()
    return report, text.render_report(report), report["exit"]


def plan(projects=None, deep=False):
    """Show what a converge would do now; writes nothing.

    Exit status 0: nothing to do, 1: something, 2: could not look.

    CLI Example:

    .. code-block:: bash

        salt-run projects.plan

    .. versionadded:: 0.1.0
    """

    def run(converger):
        found, registry = converger.plan(_names(projects), deep=bool(deep))
        data = text.json.loads(text.render_plan(found, registry, "json"))
        return data, text.render_plan(found, registry), 1 if found else 0

    return _with_converger(run)


def status():
    """Show the latest runs and the steps that are stuck, with their reasons.

    Exit status 0: nothing is stuck, 1: something is, 2: could not look.

    CLI Example:

    .. code-block:: bash

        salt-run projects.status

    .. versionadded:: 0.1.0
    """

    def run(converger):
        data = converger.status()
        return data, text.render_status(data), 1 if data["stuck"] else 0

    return _with_converger(run)


def retry(step):
    """Try a step of the stuck list again, with what it depends on.

    CLI Example:

    .. code-block:: bash

        salt-run projects.retry 'access:infra/tools'

    .. versionadded:: 0.1.0
    """

    def run(converger):
        report = converger.retry(str(step)).to_dict()
        return report, text.render_report(report), report["exit"]

    return _with_converger(run)


def _with_converger(run):
    """Return ``run(converger)``'s data, with its text and exit status where Salt finds them."""
    try:
        settings = dict(__opts__.get("saltern") or {})
        registry = build(RegistrySettings, settings.pop("registry", None), "saltern: registry")
        own = build(ConvergeSettings, settings.pop("converge", None), "saltern: converge")
        if settings:
            raise Broken(f"saltern: unknown section {min(settings)!r}; known: registry, converge")
        with closing(SaltDispatcher(__opts__, own)) as dispatcher:
            converger = Converger(registry, own, dispatcher)
            with closing(converger.journal):
                data, shown, code = run(converger)
    except SalternError as error:
        data, shown = {"status": "refused", "code": error.code, "reason": str(error)}, str(error)
        code = exit_status("refused")
    __context__["retcode"] = code
    return {**data, "text": shown, "outputter": "projects", "retcode": code}


def _names(projects):
    if projects is None:
        return None
    return frozenset(map(str, [projects] if isinstance(projects, str) else projects))
