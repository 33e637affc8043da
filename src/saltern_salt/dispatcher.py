"""The dispatcher of a Salt master."""

from saltern import remote, wire
from saltern.errors import Broken
from saltern_salt.jobs import Jobs


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
