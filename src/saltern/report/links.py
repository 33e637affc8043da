"""Where a project can be seen: links for notes and pages."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

_SUFFIX = {"gerrit": "/admin/repos/{project}", "mirror": "/{project}"}


def project_links(links: Mapping[str, str], name: str) -> dict[str, str]:
    """Return the project's URL on each of ``gerrit`` and ``mirror`` that ``links`` has a base of.

    ``links`` is the setting ``converge.links``. A base may hold ``{project}``; otherwise the
    usual path is appended. What is no http(s) URL gives no link.
    """
    found = {}
    for where, suffix in _SUFFIX.items():
        base = http_url(links.get(where))
        if base:
            pattern = base if "{project}" in base else base.rstrip("/") + suffix
            found[where] = pattern.replace("{project}", quote(name, safe=_safe(where)))
    return found


def status_link(links: Mapping[str, str]) -> str | None:
    """Return the URL of the status page, ``None`` without one."""
    return http_url(links.get("status"))


def http_url(value: object) -> str | None:
    """Return ``value`` when it is an http(s) URL with a host and nothing that breaks a line."""
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        return None
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return None
    return value if usable and parts.username is None else None


def _safe(where: str) -> str:
    return "/" if where == "mirror" else ""
