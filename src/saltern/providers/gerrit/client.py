"""HTTP to Gerrit: one pool of connections for REST and git, errors named for what happens next."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import quote

import requests
from pygerrit2 import Anonymous, GerritRestAPI, HTTPBasicAuth  # type: ignore[import-untyped]
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry as UrllibRetry

from saltern.errors import Broken, Refused, Retry
from saltern.settings import GerritSettings

LONGEST_TEXT = 1000
"""Characters of a server's words that are quoted in a reason."""


LOCK_HINT = (
    " (if it stays so, a Gerrit that was killed left a .lock file beside the ref in "
    "its git directory, for groups All-Users.git/refs/meta/group-names.lock: remove it)"
)


class Unanswered(Retry):
    """The request was sent but no answer came: whether it took effect is to be looked up."""

    code = "unanswered"


class HttpRefused(Refused):
    """Gerrit answered with an error. ``status`` is HTTP's, ``text`` is Gerrit's own line."""

    def __init__(self, reason: str, status: int, text: str):
        super().__init__(reason, code=f"http-{status}")
        self.status = status
        self.text = text


def quoted(name: str) -> str:
    """Return ``name`` as one segment of a REST path (a space is ``%20``, a slash ``%2F``).

    Raises :class:`Refused` for names that no URL can carry.
    """
    if name in ("", ".", ".."):
        raise Refused(f"{name!r} is not a name that can stand in a URL", code="name")
    return quote(name, safe="")


class Client:
    """Calls to one Gerrit, safe to use from several threads; anonymous ones without a username.

    Paths start with ``/`` and leave out the ``/a`` prefix; names in them went through
    :func:`quoted`. Every verb raises :class:`Unanswered` when the connection failed or timed
    out, :class:`Retry` when the server could not serve (503, a held lock), :class:`HttpRefused`
    when it said no, and :class:`Broken` when it did not take the password or answered something
    that Gerrit does not answer.
    """

    def __init__(self, settings: GerritSettings):
        self.settings = settings
        self.url = settings.url.rstrip("/")
        self.anonymous = not settings.username
        self._auth = (
            Anonymous() if self.anonymous else HTTPBasicAuth(settings.username, settings.password)
        )
        self._verify = settings.verify_tls and (settings.ca_file or True)
        self._rest = GerritRestAPI(
            self.url, self._auth, self._verify, adapter=_adapter(settings.workers)
        )
        self._rest.session.auth = _no_auth if self.anonymous else self._auth
        self._rest.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def close(self) -> None:
        """Close the pooled connections."""
        self._rest.session.close()

    def get(self, path: str) -> Any:
        """Return the decoded answer to a GET."""
        return self._call("GET", path)

    def put(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the decoded answer to a PUT of ``body``."""
        return self._call("PUT", path, json=body or {})

    def post(self, path: str, body: Any = None) -> Any:
        """Return the decoded answer to a POST: ``str`` goes as plain text, else as JSON."""
        if isinstance(body, str):
            headers = {"Content-Type": "text/plain; charset=UTF-8"}
            return self._call("POST", path, data=body.encode(), headers=headers)
        return self._call("POST", path, json=body or {})

    def delete(self, path: str) -> Any:
        """Return the decoded answer to a DELETE."""
        return self._call("DELETE", path)

    def _call(self, method: str, path: str, **kwargs: Any) -> Any:
        send = getattr(self._rest, method.lower())
        try:
            answer, response = send(
                path, return_response=True, timeout=self.settings.timeout, **kwargs
            )
        except requests.HTTPError as error:
            raise self._error(method, path, error.response) from error
        except requests.RequestException as error:
            raise self._failure(method, path, error) from error
        except ValueError as error:
            raise self._not_gerrit(method, path, str(error)) from error
        kind = response.headers.get("Content-Type", "")
        if response.content and not kind.startswith("application/json"):
            raise self._not_gerrit(method, path, kind)
        return answer

    def _not_gerrit(self, method: str, path: str, what: str) -> Broken:
        return Broken(
            f"{method} {self.url}{path}: the answer is not Gerrit's JSON ({what}); is the url "
            "setting right?",
            code="answer",
        )

    def git(
        self, method: str, path: str, headers: dict[str, str], data: bytes | None
    ) -> requests.Response:
        """Send a request of git's smart HTTP protocol and return a response of status 200."""
        url = f"{self.url}{path}" if self.anonymous else f"{self.url}/a{path}"
        try:
            response: requests.Response = self._rest.session.request(
                method,
                url,
                headers=headers,
                data=data,
                timeout=self.settings.timeout,
                verify=self._verify,
            )
        except requests.RequestException as error:
            raise self._failure(method, path, error) from error
        if response.status_code != 200:
            raise self._error(method, path, response)
        return response

    def _failure(self, method: str, path: str, error: requests.RequestException) -> Exception:
        what = f"{method} {self.url}{path}"
        if isinstance(error, requests.exceptions.SSLError):
            remedy = "check the certificate, ca_file or verify_tls"
            return Broken(f"{what}: {error}; {remedy}", code="tls")
        if isinstance(
            error,
            requests.ConnectionError | requests.Timeout | requests.exceptions.ChunkedEncodingError,
        ):
            return Unanswered(f"{what}: no answer ({_cause(error)})")
        return Broken(f"{what}: {error}", code="request")

    def _error(self, method: str, path: str, response: requests.Response | None) -> Exception:
        if response is None:
            return Unanswered(f"{method} {self.url}{path}: an error without an answer")
        status, text = response.status_code, _words(response)
        reason = f"Gerrit at {self.url} answered {status} to {method} {path}: {text}"
        if status == 401 and self.anonymous:
            return HttpRefused(f"{reason} (asked without an account)", status, text)
        if status == 401:
            return Broken(
                f"{self.url} does not take the HTTP password of account "
                f"{self.settings.username!r}: set saltern:gerrit:password in the minion's pillar",
                code="unauthorized",
            )
        if "lock failure" in text.lower():
            return Retry(reason + LOCK_HINT, code="locked")
        if status in (429, 500, 502, 503, 504):
            return Retry(reason, after=_retry_after(response), code=f"http-{status}")
        return HttpRefused(reason, status, text)


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from taking a password from ~/.netrc: that is the callers' to decide."""
    return request


def _adapter(workers: int) -> HTTPAdapter:
    """Return a pool in which only reads, which are safe to send twice, are sent twice."""
    once_more = UrllibRetry(
        total=1, allowed_methods=frozenset({"GET"}), status=0, respect_retry_after_header=False
    )
    return HTTPAdapter(pool_connections=2, pool_maxsize=workers + 4, max_retries=once_more)


def _cause(error: requests.RequestException) -> str:
    """Return the innermost words of a failed request, without urllib3's wrapping."""
    inner = error.args[0] if error.args else error
    return str(getattr(inner, "reason", None) or inner)[:LONGEST_TEXT]


def _words(response: requests.Response) -> str:
    text = response.content.decode("utf-8", "replace").strip()
    if "html" in response.headers.get("Content-Type", ""):
        text = "an HTML page instead of Gerrit's own text; is a proxy in between?"
    return " ".join(text.split())[:LONGEST_TEXT] or response.reason or "no text"


def _retry_after(response: requests.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
