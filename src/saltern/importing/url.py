"""Where an upstream may be: its URL, its host, the addresses of that host, and its redirects.

URLs come from contributors, and the host that imports stands inside the network: what only it
can reach must not be fetched for others to read.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import requests

from saltern.errors import Refused, Retry
from saltern.registry.rules.values import upstream_problem

TRANSPORTS: Mapping[str, str] = {
    "http": "http",
    "https": "https",
    "git": "git",
    "ssh": "ssh",
    "file": "file",
}
"""Scheme of a URL to what ``GIT_ALLOW_PROTOCOL`` is set to: one transport and no other."""
SERVICE = "/info/refs?service=git-upload-pack"
MOST_REDIRECTS = 5
TIMEOUT = 60.0
"""Seconds a server has for its first answer."""
_LOCAL_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home.arpa")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_PORTS = {"http": 80, "https": 443, "git": 9418, "ssh": 22}


@dataclass(frozen=True)
class Allowed:
    """What upstreams are taken.

    ``hosts``: names or ``.example.org`` for all below; ``None`` is any whose addresses are all
    public. ``local``: also paths, and addresses of this host and network.
    """

    schemes: tuple[str, ...] = ("https", "http", "git", "ssh")
    hosts: tuple[str, ...] | None = None
    local: bool = False


@dataclass(frozen=True)
class Remote:
    """A repository that git may speak to: URL (behind redirects), transport, git's settings."""

    url: str
    transport: str
    config: Mapping[str, str] = field(default_factory=dict)


def mask(text: str) -> str:
    """Return ``text`` with the user parts of URLs hidden: they may carry a password."""
    return re.sub(r"(\w+://)[^/\s@]+@", r"\1***@", text)


def checked(url: str, allowed: Allowed) -> Remote:
    """Return what to fetch for ``url``.

    Raises :class:`Refused` (code ``upstream-url``) for a URL that is not taken and
    :class:`Retry` (``upstream``) when its host cannot be found or does not answer.
    """
    if problem := upstream_problem(url, allowed.local):
        raise _refused(url, problem)
    if url.startswith("/"):
        return Remote(url, "file")
    scheme, host, port = _place(url)
    if scheme == "file":
        return Remote(url, "file")
    addresses = _checked_host(url, scheme, host, port, allowed)
    if scheme not in ("http", "https"):
        return Remote(url, TRANSPORTS[scheme])
    final = _behind_redirects(url, allowed)
    scheme, host, port = _place(final)
    if final != url:
        addresses = _checked_host(final, scheme, host, port, allowed)
    return Remote(final, TRANSPORTS[scheme], _pinned(host, port, addresses))


def _place(url: str) -> tuple[str, str, int]:
    if "://" not in url:
        return "ssh", url.rpartition("@")[2].partition(":")[0], 22
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(scheme, 0)


def _refused(url: str, why: str) -> Refused:
    return Refused(f"upstream {mask(url)[:200]!r} {why}", code="upstream-url")


def _checked_host(url: str, scheme: str, host: str, port: int, allowed: Allowed) -> tuple[str, ...]:
    """Return the addresses to use, none where the resolver may decide again."""
    if scheme not in allowed.schemes:
        raise _refused(url, f"has none of the schemes {', '.join(allowed.schemes)}")
    if allowed.local:
        return ()
    if allowed.hosts is not None:
        if not any(_is_below(host, name) for name in allowed.hosts):
            raise _refused(url, "is on a host that is not in import_hosts")
        return ()
    if any(_is_below(host, name) for name in (*_LOCAL_NAMES, *map(".".__add__, _LOCAL_NAMES))):
        raise _refused(url, "is on this host or network")
    addresses = _literal(host) or (() if _by_proxy(url) else _resolved(url, host, port))
    if any(map(is_inner, addresses)):
        raise _refused(url, "has an address that is not public; name the host in import_hosts")
    return tuple(addresses)


def _is_below(host: str, name: str) -> bool:
    host, name = host.rstrip(".").lower(), name.lower()
    return host.endswith(name) if name.startswith(".") else host == name


def _literal(host: str) -> tuple[str, ...]:
    """Return the address that ``host`` is, in any notation the C library takes (``0x7f.1``)."""
    with contextlib.suppress(ValueError):
        return (str(ipaddress.ip_address(host)),)
    with contextlib.suppress(OSError):
        return (socket.inet_ntoa(socket.inet_aton(host)),)
    return ()


def _by_proxy(url: str) -> bool:
    return bool(requests.utils.get_environ_proxies(url).get(urlsplit(url).scheme))


def _resolved(url: str, host: str, port: int) -> tuple[str, ...]:
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Retry(
            f"upstream {mask(url)}: its host cannot be found ({error})", code="upstream"
        ) from error
    return tuple(dict.fromkeys(str(row[4][0]).partition("%")[0] for row in rows))


def is_inner(address: str) -> bool:
    """Return whether an IP address is not of the public internet, or leads to one that is not."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        inside = [found.ipv4_mapped, found.sixtofour, *(found.teredo or ())]
        if found in _NAT64:
            inside.append(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF))
        if any(each is not None and is_inner(str(each)) for each in inside):
            return True
        if found.ipv4_mapped is not None:
            return False
    return not found.is_global or found.is_multicast


def _pinned(host: str, port: int, addresses: Iterable[str]) -> dict[str, str]:
    """Keep git to the addresses that were checked, whatever the name means a moment later."""
    found = ",".join(f"[{each}]" if ":" in each else each for each in addresses)
    return {"http.curloptResolve": f"{host}:{port}:{found}"} if found and not _literal(host) else {}


def _behind_redirects(url: str, allowed: Allowed) -> str:
    """Return the URL that redirects lead to, each of them checked; git itself follows none."""
    here = url.rstrip("/")
    for _ in range(MOST_REDIRECTS + 1):
        location = _location(here)
        if location is None:
            return here
        there = urljoin(here + SERVICE, location)
        if not there.endswith(SERVICE):
            raise _refused(url, f"redirects to {mask(there)[:200]!r}, which is no repository")
        there = there.removesuffix(SERVICE)
        if problem := upstream_problem(there, False):
            raise _refused(url, f"redirects to a URL that {problem}")
        scheme, host, port = _place(there)
        if scheme != "https" and here.lower().startswith("https:"):
            raise _refused(url, f"redirects from https to {scheme}")
        _checked_host(there, scheme, host, port, allowed)
        here = there
    raise _refused(url, f"has more than {MOST_REDIRECTS} redirects")


def _location(url: str) -> str | None:
    try:
        with requests.Session() as session:
            session.auth = _no_auth
            answer = session.get(
                url + SERVICE,
                allow_redirects=False,
                stream=True,
                timeout=TIMEOUT,
                headers={"User-Agent": "git/2.39 (saltern)"},
            )
            answer.close()
    except requests.RequestException as error:
        kind = type(error).__name__
        raise Retry(f"upstream {mask(url)} does not answer ({kind})", code="upstream") from error
    return answer.headers.get("Location") if answer.is_redirect else None


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from sending a password of ~/.netrc to a host that a contributor named."""
    return request
