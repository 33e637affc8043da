"""Converge the registry of projects: what ``salt-run projects.converge`` and the reactors call.

Settings are in the master's configuration::

    saltern:
      registry: {url: "https://review.example.org/infra/project-config", ...}
      converge: {state_dir: /var/lib/saltern, owners: {gerrit: review01, mirror: git01}, ...}

Each function sets the exit status of ``salt-run``: 0 only when everything is done.

.. versionadded:: 0.1.0
"""

import logging
import threading
import time
from contextlib import closing, contextmanager

import salt.client
import salt.exceptions
import salt.utils.event
import salt.utils.jid

try:
    from saltern import remote, wire
    from saltern.errors import Broken, Retry, SalternError
    from saltern.gather import gatherer
    from saltern.journal import Request
    from saltern.report import exit_status, text
    from saltern.run import Converger
    from saltern.settings import ConvergeSettings, RegistrySettings, build

    MISSING = ""
except ImportError as error:
    MISSING = f"saltern cannot be loaded by this Salt's Python: {error}"

log = logging.getLogger(__name__)

QUEUED = 75
"""Exit status of a request that another call serves (EX_TEMPFAIL)."""
PATIENCE = 5.0
"""Seconds without a return before the minion is asked whether the job still runs; doubled each
time it does, for a question costs a busy minion a process."""
PATIENCE_LIMIT = 60.0
"""Most seconds between two questions."""
STRIKES = 2
"""Times in a row a minion may say that it does not know the job before it is given up."""
SILENCE = 60.0
"""Seconds a minion may leave questions unanswered. A busy one answers late, and its steps must
not be sent again while it works on them."""
TRIMMED = "VALUE_TRIMMED"
"""What Salt puts in the place of a value that made an event too large."""
POLL = 0.2
"""Seconds the listener blocks at most before it sees that it is to end."""


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

    return gatherer(name).serve(request, work) or {"status": "queued", "retcode": QUEUED}


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


class SaltDispatcher:
    """Sends each batch as one Salt job to the minion that owns the provider."""

    def __init__(self, opts, settings):
        self._owners = dict(settings.owners)
        self.providers = frozenset(self._owners)
        self._jobs = Jobs(opts, settings.job_timeout)

    def observe(self, provider, request):
        """Return the provider's observation; see :class:`saltern.dispatch.Dispatcher`."""
        who, packed = self._run(provider, "observe", request)
        return remote.answer(packed, who)

    def apply(self, provider, steps):
        """Return the provider's outcomes."""
        who, packed = self._run(provider, "apply", [step.to_wire() for step in steps])
        return remote.outcomes(packed, who)

    def _run(self, provider, verb, data):
        minion = self._owners.get(provider)
        if minion is None:
            raise Broken(f"no minion owns {provider}: set saltern:converge:owners", code="settings")
        return self._jobs.run(minion, f"{provider}.{verb}", wire.pack(data))

    def close(self):
        """Stop listening."""
        self._jobs.close()


class Jobs:
    """Runs jobs on minions from several threads over one listener on the event bus.

    A return event is awaited; when none comes, the minion is asked whether the job runs
    (Salt's own ``saltutil.find_job``) and the master's job cache whether an event was missed.
    """

    def __init__(self, opts, job_timeout):
        self._opts = opts
        self._timeout = job_timeout
        self._client = None
        self._listener = None
        self._lock = threading.Lock()
        self._last_jid = ""

    def run(self, minion, function, argument):
        """Return ``(who, return value)``; ``who`` names minion and job for messages.

        Raises :class:`Retry` when the job was lost or the minion does not answer, and
        :class:`Broken` when Salt itself refuses to send it.
        """
        jid = self._new_jid()
        who = f"minion {minion}, job {jid}"
        with self._listening().expect(minion, jid) as job:
            self._publish(minion, function, [argument], jid)
            return who, _whole(self._await(job, who), who)

    def close(self):
        """Stop the listener and free Salt's client."""
        if self._listener:
            self._listener.end()
        if self._client:
            self._client.destroy()

    def _listening(self):
        with self._lock:
            if self._listener is None:
                self._client = salt.client.get_local_client(mopts=self._opts)
                self._listener = Listener(self._opts)
            return self._listener

    def _new_jid(self):
        """Return a job id before the job is sent, so that its return cannot come too early."""
        with self._lock:
            while (jid := salt.utils.jid.gen_jid(self._opts)) == self._last_jid:
                pass
            self._last_jid = jid
            return jid

    def _publish(self, minion, function, arguments, jid):
        try:
            sent = self._client.pub([minion], function, arguments, "list", jid=jid)
        except (salt.exceptions.AuthenticationError, salt.exceptions.AuthorizationError) as error:
            raise Broken(f"the master refuses {function}: {error}", code="salt-auth") from error
        except salt.exceptions.SaltException as error:
            raise Retry(
                f"the master did not take job {jid} for minion {minion}: {error}", code="master"
            ) from error
        if not sent or minion not in sent["minions"]:
            raise Broken(
                f"the master knows no minion {minion}: accept its key (salt-key) or correct "
                "saltern:converge:owners",
                code="no-minion",
            )

    def _await(self, job, who):
        deadline = time.monotonic() + self._timeout
        heard, unknown, patience = time.monotonic(), 0, PATIENCE
        while not job.wait(patience):
            found = self._probe(job)
            if job.returned or job.take(self._cached(job)):
                break
            now = time.monotonic()
            if found is None:
                if now - heard > SILENCE:
                    raise Retry(f"{who}: the minion does not answer", code="minion-gone")
                continue
            heard = now
            unknown = 0 if found else unknown + 1
            patience = min(2 * patience, PATIENCE_LIMIT) if found else PATIENCE
            if unknown >= STRIKES:
                lost = "the minion lost the job (was it restarted?)"
                raise Retry(f"{who}: {lost}", code="minion-gone")
            if now > deadline:
                raise Retry(
                    f"{who}: still running after job_timeout ({self._timeout:.0f} s)",
                    code="job-timeout",
                )
        return job.value

    def _probe(self, job):
        """Return whether the minion runs the job, or ``None`` when it does not answer."""
        jid = self._new_jid()
        with self._listener.expect(job.minion, jid) as question:
            self._publish(job.minion, "saltutil.find_job", [job.jid], jid)
            if not question.wait(float(self._opts["gather_job_timeout"])):
                return None
            return bool(question.value)

    def _cached(self, job):
        returns = self._client.get_cache_returns(job.jid)
        return returns.get(job.minion, {}).get("ret") if returns else None


def _whole(value, who):
    if value == TRIMMED or (isinstance(value, dict) and TRIMMED in value.values()):
        raise Broken(
            f"{who}: Salt trimmed the return: raise max_event_size on master and minion",
            code="trimmed",
        )
    return value


class Job:
    """A return that somebody waits for."""

    def __init__(self, minion, jid):
        self.minion, self.jid, self.value = minion, jid, None
        self.returned = False
        self._changed = threading.Event()

    def take(self, value):
        """Keep a return value; return whether there was one."""
        if value is not None:
            self.value, self.returned = value, True
            self._changed.set()
        return self.returned

    def hint(self):
        """Wake the waiter: the minion started anew, what it was doing is probably lost."""
        self._changed.set()

    def wait(self, seconds):
        """Return whether the return is there, after ``seconds`` or a hint at the latest."""
        self._changed.wait(seconds)
        self._changed.clear()
        return self.returned


class Listener:
    """One subscription to the master's event bus, read in a thread of its own."""

    def __init__(self, opts):
        self._jobs = {}
        self._opts = opts
        self._ended = False
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="saltern-events", daemon=True)
        self._thread.start()
        if not self._ready.wait(30):
            raise Retry("the master's event bus does not answer", code="master")

    @contextmanager
    def expect(self, minion, jid):
        """Give a :class:`Job` that this listener fills while the context lasts."""
        job = self._jobs[jid] = Job(minion, jid)
        try:
            yield job
        finally:
            del self._jobs[jid]

    def end(self):
        """Stop reading."""
        self._ended = True
        self._thread.join(5)

    def _listen(self):
        with salt.utils.event.get_master_event(self._opts, self._opts["sock_dir"]) as bus:
            self._ready.set()
            while not self._ended:
                event = bus.get_event(wait=POLL, tag="salt/", full=True, auto_reconnect=True)
                if event:
                    self._take(event["tag"].split("/"), event["data"])

    def _take(self, tag, data):
        if len(tag) == 5 and tag[1] == "job" and tag[3] == "ret":
            job = self._jobs.get(tag[2])
            if job and job.minion == tag[4] == data.get("id"):
                job.take(data.get("return"))
        elif len(tag) == 4 and tag[1] == "minion" and tag[3] == "start":
            for job in list(self._jobs.values()):
                if job.minion == tag[2]:
                    job.hint()
