"""What Gerrit has: its branches and tags, asked in process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3
from dulwich.client import Urllib3HttpGitClient, default_urllib3_manager
from dulwich.errors import GitProtocolError, HangupException

from saltern.errors import Broken, Refused, Retry
from saltern.settings import MirrorSettings

_LIST_TIMEOUT = 60.0
_BODY = 300


class Remote:
    """The server that repositories are fetched from."""

    def __init__(self, settings: MirrorSettings):
        url = urlsplit(settings.source_url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise Broken(
                f"mirror setting source_url must be an http or https URL, not {url.scheme!r}",
                code="settings",
            )
        if url.username or url.password:
            raise Broken(
                "mirror setting source_url holds credentials: move them to username and password",
                code="settings",
            )
        self.base = settings.source_url.rstrip("/") + "/"
        self.scheme = url.scheme
        self.host = url.netloc
        self._username = settings.username or None
        self._password = settings.password
        self._timeout = min(settings.timeout, _LIST_TIMEOUT)
        self._pool = default_urllib3_manager(None, base_url=self.base, timeout=self._timeout)
        self._pool.connection_pool_kw["maxsize"] = settings.workers
        self._pool.connection_pool_kw["retries"] = urllib3.Retry(
            total=1, redirect=0, raise_on_redirect=False
        )

    def url(self, name: str) -> str:
        """Return the URL of a project."""
        return self.base + quote(name)

    def refs(self, name: str) -> dict[str, str]:
        """Return the branches and tags of a project and what they point at.

        Raises :class:`Retry` when the server did not answer, :class:`Refused` when it said no.
        """
        client = _Client(
            self.base,
            pool_manager=self._pool,
            username=self._username,
            password=self._password,
            timeout=self._timeout,
        )
        try:
            listed = client.get_refs(
                quote(name), protocol_version=2, ref_prefix=[b"refs/heads/", b"refs/tags/"]
            ).refs
        except _Answer as answer:
            raise self._said_no(name, answer) from None
        except (urllib3.exceptions.HTTPError, GitProtocolError, HangupException, OSError) as error:
            raise Retry(
                f"{self.host} did not list refs of {name}: {error}", code="source"
            ) from None
        return {
            ref.decode("utf-8", "surrogateescape"): sha.decode()
            for ref, sha in listed.items()
            if sha and ref.startswith((b"refs/heads/", b"refs/tags/")) and not ref.endswith(b"^{}")
        }

    def _said_no(self, name: str, answer: _Answer) -> Retry | Refused:
        what = f"{self.host} answered {answer.status} for {name}: {answer.text}"
        if answer.status == 429 or answer.status >= 500:
            return Retry(what, code="source")
        who = self._username or "the anonymous user"
        if answer.status == 401:
            remedy = "set the mirror's username and password"
        elif answer.status in (403, 404):
            remedy = f"see that the project exists and that {who} may read it"
        else:
            remedy = "see that source_url is Gerrit's own address"
        return Refused(f"{what}; {remedy}", code=f"source-{answer.status}")


class _Answer(Exception):
    """An answer that is no list of refs."""

    def __init__(self, status: int, text: str):
        super().__init__(status)
        self.status = status
        self.text = text


class _Client(Urllib3HttpGitClient):
    """dulwich's client, with the status of an answer kept apart from its text."""

    def _http_request(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        data: bytes | Iterator[bytes] | None = None,
        raise_for_status: bool = True,
    ) -> tuple[Any, Callable[[int], bytes]]:
        response, read = super()._http_request(url, headers, data, raise_for_status=False)
        kind = response.headers.get("Content-Type", "")
        if response.status == 200 and kind.startswith("application/x-git-upload-pack-"):
            return response, read
        text = " ".join(response.read(_BODY).decode("utf-8", "replace").split())
        response.close()
        raise _Answer(response.status, text if response.status != 200 else f"no git: {kind}")
