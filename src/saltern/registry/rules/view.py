"""An ACL document as several rules look at it; worked out once a document."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from weakref import WeakKeyDictionary

from saltern.registry.acl import AclDocument
from saltern.registry.gitconfig import Entry

EXCLUSIVE = "exclusivegrouppermissions"


class View(NamedTuple):
    """``words``: sections and ``section.key``, in lower case; ``sections``: entries by section;
    ``grants``: entries that grant something on refs, by permission in lower case;
    ``exclusive``: the lists of exclusive permissions."""

    words: frozenset[str]
    sections: dict[str, list[Entry]]
    grants: dict[str, list[Entry]]
    exclusive: list[Entry]


_VIEWS: WeakKeyDictionary[AclDocument, View] = WeakKeyDictionary()


@lru_cache(maxsize=8)
def view(document: AclDocument) -> View:
    """Return the view of a document."""
    found = _VIEWS.get(document)
    if found is None:
        found = _VIEWS[document] = _made(document)
    return found


def _made(document: AclDocument) -> View:
    sections: dict[str, list[Entry]] = {}
    grants: dict[str, list[Entry]] = {}
    words = {header.section for header in document.headers}
    for entry in document.entries:
        section, key = entry.section, entry.key.lower()
        words.add(f"{section}.{key}")
        sections.setdefault(section, []).append(entry)
        if section == "access" and entry.subsection is not None:
            grants.setdefault(key, []).append(entry)
    return View(frozenset(words), sections, grants, grants.pop(EXCLUSIVE, []))
