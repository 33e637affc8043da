"""Jobs on minions, from several threads over one listener on the master's event bus."""

import threading
import time
from contextlib import contextmanager

import salt.client
import salt.exceptions
import salt.utils.event
import salt.utils.jid

from saltern.errors import Broken, Retry

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
