"""Keys that stand for plain settings of Gerrit's ``project.config``, and how they are written.

Section and key names, and the words of their values, are Gerrit's (its documentation of
``project.config``; the settings a ``GET /projects/NAME/config`` shows in the recorded exchanges).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from saltern.errors import Broken
from saltern.registry.acl import AclDocument, digest, set_value
from saltern.registry.gitconfig import Entry
from saltern.registry.keys import ENUM, SETTING_KEYS, STATES, TEXT, TRI
from saltern.registry.normal import Values, normal_rows


class Setting(NamedTuple):
    """A value of ``project.config`` to make sure of; ``value`` "" means: the key is not there."""

    section: str
    key: str
    value: str


PLACES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "submit-type": ("submit", "action"),
        "use-content-merge": ("submit", "mergeContent"),
        "use-contributor-agreements": ("receive", "requireContributorAgreement"),
        "use-signed-off-by": ("receive", "requireSignedOffBy"),
        "require-change-id": ("receive", "requireChangeId"),
        "create-new-change-for-all-not-in-target": ("receive", "createNewChangeForAllNotInTarget"),
        "enable-signed-push": ("receive", "enableSignedPush"),
        "require-signed-push": ("receive", "requireSignedPush"),
        "reject-implicit-merges": ("receive", "rejectImplicitMerges"),
        "private-by-default": ("change", "privateByDefault"),
        "work-in-progress-by-default": ("change", "workInProgressByDefault"),
        "enable-reviewer-by-email": ("reviewer", "enableByEmail"),
        "match-author-to-committer-date": ("submit", "matchAuthorToCommitterDate"),
        "reject-empty-commit": ("submit", "rejectEmptyCommit"),
        "max-object-size-limit": ("receive", "maxObjectSizeLimit"),
    }
)
"""Where ``project.config`` keeps what a key of ``projects.yaml`` says."""

STATE = ("project", "state")
DESCRIPTION = ("project", "description")
PARENT = ("access", "inheritFrom")
PLAIN: tuple[tuple[str, str], ...] = (STATE, *PLACES.values())
"""Everything the policy ``settings`` is about in ``project.config``, descriptions left out."""

_PLAIN_ROWS = frozenset((section, "", key.lower()) for section, key in PLAIN)
_SIZE = r"[0-9]{1,15} ?[kKmMgG]?"
_BARE = frozenset({("project", "", "description"), ("access", "", "inheritfrom")})
_BARE |= {("submit", "", "action")}


def is_size(text: str) -> bool:
    """Return whether Gerrit takes ``text`` as a size: a number, then k, m, g or nothing."""
    return re.fullmatch(_SIZE, text) is not None


def written(key: str, value: Any) -> Setting | None:
    """Return what a key of an entry asks for; ``None`` for a value that it does not take."""
    known = SETTING_KEYS[key]
    section, name = PLACES[key]
    if known.shape == TRI and (isinstance(value, bool) or value == "inherit"):
        return Setting(section, name, "" if value == "inherit" else str(value).lower())
    if not isinstance(value, str):
        return None
    if known.shape == ENUM and value in known.values:
        return Setting(section, name, value.replace("-", " "))
    return Setting(section, name, value) if known.shape == TEXT and is_size(value) else None


def asked(values: Mapping[str, Any]) -> tuple[Setting, ...]:
    """Return the settings that an entry's values ask for, in the order of the table."""
    if values.keys().isdisjoint(PLACES):
        return ()
    found = (written(key, values.get(key)) for key in PLACES)
    return tuple(setting for setting in found if setting is not None)


def state_setting(state: str) -> Setting:
    """Return what sets a state (``READ_ONLY``); active is what holds without a word."""
    return Setting(*STATE, "" if state == "ACTIVE" else state.lower().replace("_", " "))


def gerrit_state(word: Any) -> str | None:
    """Return Gerrit's word for a ``state`` as contributors write it."""
    return STATES.get(word) if isinstance(word, str) else None


def with_settings(acl: AclDocument, settings: Iterable[Setting]) -> AclDocument:
    """Return the document with ``settings`` made sure of; what means the same stays as written.

    Raises :class:`Broken` for a value that the format cannot hold.
    """
    for setting in settings:
        if value_in(acl, setting.section, setting.key) == _normal(setting):
            continue
        text = set_value(acl, setting.section, setting.key, setting.value)
        if text is not acl.text:
            acl = AclDocument.parse(text, acl.file)
    return acl


def value_in(acl: AclDocument, section: str, key: str) -> Values:
    """Return the normal form of one setting; empty when it says no more than its absence."""
    row = (section, "", key.lower())
    return next((values for *place, values in acl.rows if tuple(place) == row), ())


def plain_rows(acl: AclDocument) -> dict[str, list[str]]:
    """Return the plain settings of a document: ``{"submit.action": ["CHERRY_PICK"]}``."""
    return {
        f"{section}.{key}": list(values)
        for section, sub, key, values in acl.rows
        if (section, sub, key) in _PLAIN_ROWS
    }


def plain_settings(acl: AclDocument) -> tuple[Setting, ...]:
    """Return every plain setting as the document has it, those that it lacks too."""
    return tuple(Setting(section, key, acl.get(section, None, key) or "") for section, key in PLAIN)


def row_of(setting: Setting) -> tuple[str, list[str]]:
    """Return a setting as :func:`plain_rows` would show it; no values for one of no effect."""
    return f"{setting.section}.{setting.key.lower()}", list(_normal(setting))


def access_digest(acl: AclDocument) -> str:
    """Return the digest of everything but description and plain settings."""
    entries = [
        entry
        for entry in acl.entries
        if (entry.section, entry.subsection or "", entry.key.lower()) not in _PLAIN_ROWS
    ]
    return digest(AclDocument(acl.text, acl.file, acl.headers, entries))


def is_bare(acl: AclDocument) -> bool:
    """Return whether a document says no more than Gerrit writes when it makes a project."""
    return all((section, sub, key) in _BARE for section, sub, key, _ in acl.rows)


class Digests(NamedTuple):
    """Of the whole document without its description, and of its access part alone."""

    whole: str
    access: str


class Composer:
    """Works out what to write; what a shared file says with the same settings only once."""

    def __init__(self) -> None:
        self._documents: dict[tuple[AclDocument, tuple[Setting, ...]], AclDocument] = {}
        self._digests: dict[tuple[AclDocument, tuple[Setting, ...]], Digests] = {}

    def document(self, acl: AclDocument, settings: tuple[Setting, ...]) -> AclDocument:
        """Return the document with ``settings``, those that cannot be written left out."""
        if not settings:
            return acl
        if (acl, settings) not in self._documents:
            self._documents[acl, settings] = _as_far_as_possible(acl, settings)
        return self._documents[acl, settings]

    def digests(self, acl: AclDocument, settings: tuple[Setting, ...]) -> Digests:
        """Return the digests of :meth:`document`."""
        if (acl, settings) not in self._digests:
            document = self.document(acl, settings)
            self._digests[acl, settings] = Digests(digest(document), access_digest(document))
        return self._digests[acl, settings]


def _as_far_as_possible(acl: AclDocument, settings: tuple[Setting, ...]) -> AclDocument:
    for setting in settings:
        try:
            acl = with_settings(acl, [setting])
        except Broken:
            # A finding holds the project up and says which.
            continue
    return acl


def _normal(setting: Setting) -> Values:
    if not setting.value:
        return ()
    entry = Entry(setting.section, None, setting.key, setting.value, 1, 1)
    rows = normal_rows([entry])
    return rows[0][3] if rows else ()
