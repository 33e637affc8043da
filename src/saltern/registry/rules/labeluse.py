"""Checks of votes against the labels that are defined up and down the parents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple
from weakref import WeakKeyDictionary

from saltern.registry.acl import AclDocument
from saltern.registry.findings import WARNING, Position
from saltern.registry.gitconfig import Entry
from saltern.registry.permission_rule import RuleError, parse_rule
from saltern.registry.rules.base import REGISTRY, Collected, rule
from saltern.registry.rules.expression import ExpressionError, parse
from saltern.registry.rules.requirements import EXPRESSIONS
from saltern.registry.rules.suggest import meant
from saltern.registry.rules.view import view
from saltern.registry.rules.words import vote
from saltern.registry.vocabulary import label_of

Found = Iterator[tuple[str | None, Position, str]]
Votes = tuple[int, int] | None

ROOT_LABELS: Mapping[str, Votes] = {"code-review": (-2, 2)}
"""What a new Gerrit's All-Projects defines."""
WIDELY_USED = 5


class Use(NamedTuple):
    """A label as one entry of an ACL names it, with the votes granted, if it grants any."""

    label: str
    entry: Entry
    votes: Votes = None


_SAID: WeakKeyDictionary[AclDocument, tuple[dict[str, Votes], list[Use]]] = WeakKeyDictionary()


@dataclass(eq=False)
class Labels:
    """The labels of one registry: who defines which, who uses which."""

    collected: Collected
    defined: dict[str, dict[str, Votes]] = field(default_factory=dict)
    used: dict[str, list[Use]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for document in self.documents:
            if document not in _SAID:
                _SAID[document] = _defined(document), list(_uses(document))
            self.defined[document.file], self.used[document.file] = _SAID[document]

    @cached_property
    def documents(self) -> tuple[AclDocument, ...]:
        """Return each ACL file once."""
        return tuple({d.file: d for d in self.collected.documents.values()}.values())

    @cached_property
    def spelled(self) -> dict[str, str]:
        """Return how labels are written, by their name in lower case."""
        written = [use.label for uses in self.used.values() for use in uses]
        for document in self.documents:
            named = (h.subsection for h in document.headers if h.section == "label")
            written += filter(None, named)
        return {name.lower(): name for name in written}

    @cached_property
    def root(self) -> dict[str, Votes]:
        """Return what All-Projects defines, as far as it is known or to be supposed."""
        given = self.collected.check.root_labels
        if given is None:
            files = Counter(n for uses in self.used.values() for n in {u.label for u in uses})
            given = tuple(name for name, count in files.items() if count >= WIDELY_USED)
        return dict(ROOT_LABELS) | {n.lower(): ROOT_LABELS.get(n.lower()) for n in given}

    @cached_property
    def below(self) -> dict[str, set[str]]:
        """Return for each project the labels of the projects that inherit from it."""
        below: dict[str, set[str]] = {}
        parents = self.collected.parents
        for name, document in self.collected.documents.items():
            labels = self.defined[document.file].keys()
            above, seen = parents.get(name), {name}
            while labels and above is not None and above not in seen:
                below.setdefault(above, set()).update(labels)
                seen.add(above)
                above = parents.get(above)
        return below

    def above(self, project: str) -> Iterator[dict[str, Votes]]:
        """Yield the labels that count for a project, the nearest definitions first."""
        at: str | None = project
        seen: set[str] = set()
        while at is not None and at not in seen:
            seen.add(at)
            document = self.collected.documents.get(at)
            if document is not None:
                yield self.defined[document.file]
            at = self.collected.parents.get(at)
        yield self.root

    def users(self) -> Iterator[tuple[str, AclDocument, list[Use]]]:
        """Yield every ACL that names labels, with the first project that has it."""
        seen: set[str] = set()
        for project, document in self.collected.documents.items():
            if document.file not in seen and self.used[document.file]:
                seen.add(document.file)
                yield project, document, self.used[document.file]


def labels_of(collected: Collected) -> Labels:
    """Return the labels of a registry; worked out once."""
    if "labels" not in collected.shared:
        collected.shared["labels"] = Labels(collected)
    return collected.shared["labels"]


@rule("SLT043", REGISTRY, severity=WARNING)
def undefined_label(collected: Collected) -> Found:
    """Votes are granted on a label, or asked for, that nothing up the parents defines.

    Why: Gerrit takes the ACL in silence; nobody can vote, and what waits for the vote never
    submits. All-Projects is not in the registry: ``root_labels`` names its labels; without it
    what many ACLs use is taken for one of them, so this is a warning. A label of a child counts,
    for its parent may grant it.
    Example: ``label-Verfied = -1..+1 group ci``
    Instead: ``label-Verified = -1..+1 group ci``, or a ``[label "..."]`` section
    """
    labels = labels_of(collected)
    for project, document, uses in labels.users():
        chain = None
        for use in uses:
            name = use.label.lower()
            if name in labels.defined[document.file] or name in labels.root:
                continue
            chain = chain or list(labels.above(project))
            below = labels.below.get(project, ())
            if name not in below and not any(name in each for each in chain):
                known = {labels.spelled.get(n, n.title()) for each in chain for n in each}
                message = f"no label {use.label[:60]!r} is defined here or in a parent"
                hint = meant(name, known) or "; add a section for it, or correct the name"
                yield None, document.place(use.entry), message + hint


@rule("SLT044", REGISTRY, severity=WARNING)
def votes_outside_label(collected: Collected) -> Found:
    """A range of votes goes beyond the label's values.

    Why: Gerrit takes it and offers only the values there are; the rest of the range, often the
    part that was meant, does nothing. What All-Projects says of the label may differ.
    Example: ``label-Verified = -2..+2 group ci`` where the label has -1, 0 and +1
    Instead: ``label-Verified = -1..+1 group ci``
    """
    labels = labels_of(collected)
    for project, document, uses in labels.users():
        chain = None
        for use in uses:
            if use.votes is None or use.votes == (0, 0):
                continue
            chain = chain or list(labels.above(project))
            name = use.label.lower()
            votes = next((each[name] for each in chain if name in each), None)
            if votes and (use.votes[0] < votes[0] or use.votes[1] > votes[1]):
                low, high = votes
                inside = sorted(min(max(each, low), high) for each in use.votes)
                said = (f"{vote(a)}..{vote(b)}" for a, b in (votes, inside))
                message = "{} has the votes {} only; write {}".format(use.label[:60], *said)
                yield None, document.place(use.entry), message


def _defined(document: AclDocument) -> dict[str, Votes]:
    """Return the labels a document defines, in lower case as Gerrit compares them."""
    found: dict[str, Votes] = {}
    headers = document.headers if "label" in view(document).sections else ()
    for header in headers:
        if header.section == "label" and header.subsection:
            values = document.get_all("label", header.subsection, "value")
            votes = [v for v in map(_vote, values) if v is not None]
            found[header.subsection.lower()] = (min(votes), max(votes)) if votes else None
    return found


def _vote(value: str | None) -> int | None:
    word = (value or "").split(maxsplit=1)[:1]
    try:
        return int(word[0][:6]) if word else None
    except ValueError:
        return None


def _uses(document: AclDocument) -> Iterator[Use]:
    seen = view(document)
    for entries in seen.grants.values():
        label = label_of(entries[0].key)
        if label is not None:
            yield from (Use(label, entry, _granted(entry)) for entry in entries)
    for entry in seen.sections.get("submit-requirement", ()):
        if entry.key.lower() in EXPRESSIONS:
            yield from (Use(label, entry) for label in _labels_in(entry.value or ""))


def _granted(entry: Entry) -> Votes:
    try:
        parsed = parse_rule(entry.value or "", True)
    except RuleError:
        return None
    return (parsed.low, parsed.high) if parsed.ranged else None


def _labels_in(expression: str) -> list[str]:
    try:
        terms = parse(expression)
    except ExpressionError:
        return []
    values = [t.value for t in terms if t.operator == "label"]
    names = []
    for value in values:
        name = value
        for mark in (",", "=", "<", ">"):
            name = name.partition(mark)[0]
        bare = name.rstrip("0123456789")
        names.append(bare[:-1] if bare != name and bare[-1:] in ("+", "-") else name)
    return [n for n in names if n]
