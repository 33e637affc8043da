"""An ACL document as several rules look at it; worked out once a document."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from saltern.registry.acl import AclDocument
from saltern.registry.gitconfig import Entry

EXCLUSIVE = "exclusivegrouppermissions"


@dataclass(frozen=True)
class View:
    """``sections``: entries by section; ``grants``: entries that grant something on refs, by
    permission in lower case; ``exclusive``: the lists of exclusive permissions."""

    sections: dict[str, list[Entry]]
    grants: dict[str, list[Entry]]
    exclusive: list[Entry]


_VIEWS: WeakKeyDictionary[AclDocument, View] = WeakKeyDictionary()


def view(document: AclDocument) -> View:
    """Return the view of a document."""
    found = _VIEWS.get(document)
    if found is None:
        found = _VIEWS[document] = _made(document)
    return found


def _made(document: AclDocument) -> View:
    sections: dict[str, list[Entry]] = {}
    grants: dict[str, list[Entry]] = {}
    for entry in document.entries:
        sections.setdefault(entry.section, []).append(entry)
        if entry.section == "access" and entry.subsection is not None:
            grants.setdefault(entry.key.lower(), []).append(entry)
    return View(sections, grants, grants.pop(EXCLUSIVE, []))
