"""Names of hosts, as they stand in certificates."""

from __future__ import annotations

import re
from collections.abc import Iterable

from saltern.errors import Refused

NAME_LIMIT = 253
NAMES_LIMIT = 50
"""Names in one certificate."""
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def is_name(text: object) -> bool:
    """Whether ``text`` is a host's full name in lower case: no wildcard, no address, no path."""
    return isinstance(text, str) and len(text) <= NAME_LIMIT and bool(_NAME.fullmatch(text))


def below(name: str, domains: Iterable[str]) -> bool:
    """Whether ``name`` is one of ``domains`` or in one."""
    return any(name == domain or name.endswith(f".{domain}") for domain in domains)


def allowed(wanted: Iterable[str], known: Iterable[str], host: str) -> tuple[str, ...]:
    """Return ``wanted`` in order, each once.

    Raises :class:`Refused` when there are none, or one that is not in ``known``: the names that
    the site gives to ``host``.
    """
    names, its = tuple(dict.fromkeys(wanted)), set(known)
    if not 0 < len(names) <= NAMES_LIMIT:
        raise Refused(f"{host}: a certificate has 1 to {NAMES_LIMIT} names, not {len(names)}")
    for name in names:
        if not is_name(name):
            raise Refused(f"{host}: {name!r} is no host name", code="name")
        if name not in its:
            raise Refused(
                f"{host}: {name} is none of its names ({', '.join(sorted(its))}): "
                "add it to its aliases in site.yaml",
                code="name",
            )
    return names
