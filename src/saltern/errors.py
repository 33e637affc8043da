"""Errors, named for what happens next."""


class SalternError(Exception):
    """Base of every error this library raises on purpose.

    ``str(error)`` is one sentence for a person: what failed, where, and what to do.
    ``code`` is a stable word for programs; nobody matches on the text.
    """

    code = "error"

    def __init__(self, reason: str, *, code: str | None = None):
        super().__init__(reason)
        self.reason = reason
        if code is not None:
            self.code = code


class Retry(SalternError):
    """The server could not answer now (503, no connection, a lost race); ask again.

    ``after`` is the least wait in seconds, or ``None`` when the caller's backoff decides.
    """

    code = "retry"

    def __init__(self, reason: str, *, after: float | None = None, code: str | None = None):
        super().__init__(reason, code=code)
        self.after = after


class Refused(SalternError):
    """The server understood and said no; asking the same again changes nothing."""

    code = "refused"


class Broken(SalternError):
    """Something is not as it must be: bad settings, an answer of unknown shape, a defect."""

    code = "broken"


class RegistryError(SalternError):
    """The registry as a whole cannot be read, so nothing can be decided from it."""

    code = "registry"


class PreconditionError(SalternError):
    """A right or a service that every step needs is missing; no step was run."""

    code = "precondition"
