"""Which Gerrit ``--gerrit URL`` means, and with whose password: never one of another server."""

from __future__ import annotations

import netrc
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import click

from saltern.cli.options import Sections
from saltern.errors import Broken, SalternError
from saltern.settings import GerritSettings

if TYPE_CHECKING:
    from saltern.providers.gerrit.reader import GerritReader

USERNAME, PASSWORD = "SALTERN_GERRIT_USERNAME", "SALTERN_GERRIT_PASSWORD"  # noqa: S105
F = TypeVar("F", bound=Callable[..., Any])


def gerrit_option(required: bool = False) -> Callable[[F], F]:
    """Return the option ``--gerrit URL``."""
    return click.option(
        "--gerrit",
        "url",
        metavar="URL",
        required=required,
        help="A Gerrit to look at with read rights only, or none. The account is the settings "
        f"file's if it names this URL, else that of {USERNAME} and {PASSWORD}, else that of "
        "~/.netrc, else nobody's.",
    )


def reader(url: str, sections: Sections) -> GerritReader:
    """Return a reader of the Gerrit at ``url``.

    Raises :class:`Broken` for a URL that is none or has a password in it, and for a ~/.netrc
    that cannot be read.
    """
    from saltern.providers.gerrit.reader import GerritReader

    return GerritReader(settings_for(url, sections))


def settings_for(url: str, sections: Sections) -> GerritSettings:
    """Return the settings to read ``url`` with (see :func:`gerrit_option`)."""
    url = _checked(url)
    known = sections.data.get("gerrit")
    if not isinstance(known, dict) or str(known.get("url", "")).rstrip("/") != url:
        sections, known = Sections({}, sections.path), {}
    values: dict[str, Any] = {"url": url}
    if "cache_dir" not in known:
        values["cache_dir"] = str(_cache_dir())
    if "username" not in known:
        values["username"], values["password"] = _login(url)
    return sections.build(GerritSettings, "gerrit", **values)


def explained(error: SalternError, settings: GerritSettings) -> SalternError:
    """Return the error as somebody who runs a command understands it."""
    if error.code == "unanswered":
        return Broken(f"{error}; is --gerrit {settings.url} right, and the server up?")
    if error.code != "unauthorized":
        return error
    return Broken(
        f"{settings.url} does not take the HTTP password of account {settings.username!r} (from "
        f"the settings file, {PASSWORD} or ~/.netrc): make a new one in Gerrit under Settings, "
        "HTTP Credentials, or take it away to look without an account",
        code="unauthorized",
    )


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as error:
        raise Broken("--gerrit: not a URL; write https://review.example.org") from error
    if "@" in parts.netloc:
        raise Broken(
            "--gerrit: no username or password in the URL, it would stand in process lists; use "
            f"{USERNAME} and {PASSWORD}, or ~/.netrc"
        )
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise Broken("--gerrit: not a http(s) URL; write https://review.example.org")
    return url.rstrip("/").removesuffix("/a")


def _login(url: str) -> tuple[str, str]:
    if username := os.environ.get(USERNAME):
        return username, os.environ.get(PASSWORD, "")
    return _from_netrc(urlsplit(url).hostname or "")


def _from_netrc(host: str) -> tuple[str, str]:
    path = Path(os.environ.get("NETRC") or Path("~/.netrc").expanduser())
    try:
        hosts = netrc.netrc(str(path)).hosts
    except FileNotFoundError:
        return "", ""
    except netrc.NetrcParseError as error:
        # Its own words may quote a password.
        raise Broken(f"{path}:{error.lineno}: not a netrc file", code="netrc") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Broken(f"{path}: {type(error).__name__}; it cannot be read", code="netrc") from None
    login, _account, password = hosts.get(host, ("", "", ""))
    return login or "", password or ""


def _cache_dir() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(root).expanduser() / "saltern"
