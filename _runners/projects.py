"""Converge the registry of projects: what ``salt-run projects.converge`` and the reactors call.

Settings are in the master's configuration::

    saltern:
      registry: {url: "https://review.example.org/infra/project-config", ...}
      converge: {state_dir: /var/lib/saltern, owners: {gerrit: review01, mirror: git01}, ...}
      review: {label: Verified, ...}
      check: {...}

Each function sets the exit status of ``salt-run``: 0 only when everything is done.

.. versionadded:: 0.1.0
"""

from contextlib import closing
from pathlib import Path

try:
    from saltern.errors import Broken, SalternError
    from saltern.gather import gatherer
    from saltern.journal import Request
    from saltern.look import Looker
    from saltern.report import exit_status, plantext, text
    from saltern.report.plain import plain_block
    from saltern.review import Reviewer
    from saltern.review import report as reviews
    from saltern.run import Converger
    from saltern.settings import (
        CheckSettings,
        ConvergeSettings,
        RegistrySettings,
        ReviewSettings,
        build,
    )
    from saltern_salt import SaltDispatcher
    from saltern_salt.runners import ended

    SECTIONS = {
        "registry": RegistrySettings,
        "check": CheckSettings,
        "review": ReviewSettings,
        "converge": ConvergeSettings,
    }

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
        data = plantext.to_data(found, registry)
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


def imports():
    """Show how far imports from upstreams are, and why one stopped.

    CLI Example:

    .. code-block:: bash

        salt-run projects.imports

    .. versionadded:: 0.2.0
    """

    def work(_settings, dispatcher):
        rows = dispatcher.observe("gerrit", {"imports": True})["imports"]
        return {"imports": rows}, text.render_imports(rows), 0

    return _with_dispatcher(work)


def page(output=None):
    """Write the status page, its JSON and the metrics from the journal.

    Every converge writes them by itself where the setting ``converge.page_dir`` names a
    directory on the master.

    output
        Directory on the master; that of the setting when left out.

    CLI Example:

    .. code-block:: bash

        salt-run projects.page output=/var/www/saltern

    .. versionadded:: 0.2.0
    """

    def run(converger):
        data = converger.page(None if output is None else str(output))
        return {"state": data["state"]}, f"page written: {data['state']}", 0

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


def review(change=None, wait=True):
    """Tell open changes of the registry what they cause and what their merge will do.

    Findings stand at their lines, the plan in one message, a vote on the label that the setting
    ``review.label`` names; each patch set is told once. Writes nothing else.

    change
        Number of one; when left out, every open change whose patch set was not told yet.
    wait
        With ``False``, a call while this process is at it returns at once (``queued``).

    Exit status 0: each has its picture or needs none, 1: not all.

    CLI Example:

    .. code-block:: bash

        salt-run projects.review
        salt-run projects.review change=4711

    .. versionadded:: 0.2.0
    """
    if wait:
        return _with_reviewer(lambda reviewer: _review([change], reviewer))
    name = str((__opts__.get("saltern") or {}).get("converge", {}).get("state_dir"))

    def work(batch):
        return _with_reviewer(lambda reviewer: _review(batch, reviewer))

    return gatherer(f"review {name}").serve(change, work) or {
        "status": "queued",
        "retcode": exit_status("queued"),
    }


def _review(numbers, reviewer):
    """Serve all of ``numbers`` (``None``: whatever was not told yet)."""
    wanted = {int(number) for number in numbers if number is not None}
    if None in numbers:
        wanted.update(reviewer.waiting())
    return reviews.report(reviewer.review(wanted))


def _with_converger(run):
    """Return ``run(converger)``'s data, with its text and exit status where Salt finds them."""

    def work(settings, dispatcher):
        own = settings["converge"]
        converger = Converger(settings["registry"], own, dispatcher, check=settings["check"])
        with closing(converger.journal):
            return run(converger)

    return _with_dispatcher(work)


def _with_reviewer(run):
    """Return ``run(reviewer)``'s report, as :func:`_with_converger` does."""

    def work(settings, dispatcher):
        own = settings["converge"]
        state, check = Path(own.state_dir), settings["check"]
        looker = Looker(settings["registry"], dispatcher, state, check=check)
        data = run(Reviewer(looker, dispatcher, settings["review"], own))
        return data, reviews.render(data), reviews.exit_status(data)

    return _with_dispatcher(work)


def _with_dispatcher(run):
    """Return the data of ``run(settings, dispatcher)``, which also gives text and exit status."""
    try:
        settings = _settings()
        with closing(SaltDispatcher(__opts__, settings["converge"])) as dispatcher:
            data, shown, code = run(settings, dispatcher)
    except SalternError as error:
        data = {"status": "refused", "code": error.code, "reason": str(error)}
        shown, code = plain_block(error), exit_status("refused")
    return ended(__context__, code, {**data, "text": shown, "outputter": "projects"})


def _settings():
    """Return the settings by section; raises :class:`Broken` for what is unknown."""
    given = dict(__opts__.get("saltern") or {})
    if unknown := set(given) - set(SECTIONS):
        known = ", ".join(SECTIONS)
        raise Broken(f"saltern: unknown section {min(unknown)!r}; known: {known}", code="settings")
    return {name: build(cls, given.get(name), f"saltern: {name}") for name, cls in SECTIONS.items()}


def _names(projects):
    if projects is None:
        return None
    return frozenset(map(str, [projects] if isinstance(projects, str) else projects))
