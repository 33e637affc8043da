"""Which of an upstream's refs are imported, and in what portions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from saltern.registry.refs import is_ref

HEADS = "refs/heads/"
TAGS = "refs/tags/"
PORTIONS = 8
"""Fetches that an import is cut into: what one of them brought is not fetched again."""
SMALLEST = 10
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def listed(output: str) -> dict[str, str]:
    """Return ``{ref: object id}`` of what ``git ls-remote`` printed; odd lines are left out."""
    found = {}
    for line in output.splitlines():
        sha, _, ref = line.partition("\t")
        if _SHA.fullmatch(sha) and ref.startswith((HEADS, TAGS)) and is_ref(ref):
            found[ref] = sha
    return found


def selected(
    refs: Mapping[str, str],
    branches: Sequence[str] | None,
    tags: Sequence[str] | None,
    default: str,
) -> dict[str, str]:
    """Return the refs whose short names match a pattern; the default branch always does.

    ``None`` takes all, an empty list none. In a pattern ``*`` stands for any text.
    """
    return {
        ref: sha
        for ref, sha in refs.items()
        if ref == HEADS + default
        or (ref.startswith(HEADS) and _matches(ref.removeprefix(HEADS), branches))
        or (ref.startswith(TAGS) and _matches(ref.removeprefix(TAGS), tags))
    }


def unmatched(
    refs: Mapping[str, str], branches: Sequence[str] | None, tags: Sequence[str] | None
) -> list[tuple[str, str]]:
    """Return ``(kind, pattern)`` of the patterns that match no ref; kind is branch or tag."""
    return [
        (kind, pattern)
        for kind, prefix, patterns in (("branch", HEADS, branches), ("tag", TAGS, tags))
        for pattern in patterns or ()
        if not any(
            _matches(r.removeprefix(prefix), [pattern]) for r in refs if r.startswith(prefix)
        )
    ]


def _matches(name: str, patterns: Sequence[str] | None) -> bool:
    return patterns is None or any(fnmatchcase(name, pattern) for pattern in patterns)


def portions(refs: Sequence[str]) -> Iterator[list[str]]:
    """Yield ``refs`` in portions: tags by version first, for they cut a history into pieces."""
    ordered = sorted(refs, key=lambda ref: (not ref.startswith(TAGS), _version(ref)))
    size = max(SMALLEST, -(-len(ordered) // PORTIONS))
    for at in range(0, len(ordered), size):
        yield ordered[at : at + size]


def _version(ref: str) -> list[tuple[int, int, str]]:
    words = re.findall(r"[0-9]+|[^0-9]+", ref)
    return [(0, int(w[:18]), w) if w.isdecimal() else (1, 0, w) for w in words]
