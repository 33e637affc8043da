"""What merged commits said that they may do: the flags of their messages, at the converge."""

from __future__ import annotations

from collections.abc import Callable

from saltern.errors import RegistryError
from saltern.registry.changed import changed
from saltern.registry.history import History
from saltern.registry.registry import Registry
from saltern.registry.source import Source
from saltern.review.trailers import RETIRE, flags


def allowed_to_retire(
    history: History, since: str | None, load: Callable[[Source], Registry]
) -> frozenset[str]:
    """Return the projects that commits with the flag ``retire`` changed after ``since``.

    ``since``: the commit that was converged last; ``None``: none was, and no flag counts.
    """
    names: set[str] = set()
    for commit in history.since(since) if since else ():
        parent = history.parent(commit)
        if parent is None or RETIRE not in flags(history.message(commit)):
            continue
        try:
            before, after = (load(history.source(c)) for c in (parent, commit))
        except RegistryError:
            # A state that cannot be read named no project to retire.
            continue
        names |= changed(before, after).changed
    return frozenset(names)
