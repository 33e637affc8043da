"""The mirror as a provider: bare repositories in a folder, fetched from Gerrit."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dulwich.refs import Ref, check_ref_format

from saltern.errors import Broken, Refused, Retry, SalternError
from saltern.providers.mirror.names import repository_path
from saltern.providers.mirror.process import GitRunner, fetch_config
from saltern.providers.mirror.remote import Remote
from saltern.providers.mirror.repository import Mirrored
from saltern.providers.mirror.state import read
from saltern.settings import MirrorSettings
from saltern.steps import DONE, Outcome, Step

log = logging.getLogger(__name__)


class MirrorProvider:
    """Keeps ``ROOT/NAME.git`` equal to Gerrit's branches and tags.

    Raises :class:`Broken` when the settings cannot be used.
    """

    def __init__(self, settings: MirrorSettings):
        self._settings = settings
        self._root = Path(settings.root)
        if not self._root.is_absolute():
            raise Broken(f"mirror setting root must be absolute: {settings.root}", code="settings")
        self._remote = Remote(settings)
        config = fetch_config(
            self._remote.base, self._remote.scheme, settings.username, settings.password
        )
        self._git = GitRunner(settings.timeout, config)

    def observe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the mirror has of the projects asked for, without running git.

        ``request``: ``projects`` (names), ``branches`` (full refs), ``deep`` (true or a
        list of names: every tip is looked at and ``all_refs`` given). Returns
        ``{"projects": {name: {"refs": {ref: sha}, "head": ref, "all_refs": {ref: sha}}}}``;
        a project without a repository is absent, a damaged one is ``{"broken": why}``.
        Raises :class:`Broken` when the root is there and cannot be read.
        """
        if os.path.lexists(self._root) and not os.access(self._root / ".", os.R_OK | os.X_OK):
            raise Broken(f"the mirror's root {self._root} cannot be read", code="disk")
        branches = list(request.get("branches") or ())
        names = list(request.get("projects") or ())
        deep = request.get("deep") or ()
        deeply = set(names if deep is True else deep)
        found = {}
        for name in names:
            seen = self._look(name, branches, name in deeply)
            if seen is not None:
                found[name] = seen
        return {"projects": found}

    def _look(self, name: str, branches: Iterable[str], deep: bool) -> dict[str, Any] | None:
        try:
            state = read(repository_path(self._root, name), None if deep else branches)
        except Refused as error:
            return {"broken": error.reason}
        if state is None:
            return None
        if state.broken:
            return {"broken": state.broken}
        refs = {ref: state.refs[ref] for ref in branches if ref in state.refs}
        seen: dict[str, Any] = {"refs": refs, "head": state.head}
        return seen | {"all_refs": state.refs} if deep else seen

    def refs(self, name: str) -> dict[str, str]:
        """Return the branches and tags of one repository.

        Raises :class:`Refused` when it is not there, :class:`Broken` when it is damaged.
        """
        state = read(repository_path(self._root, name))
        if state is None:
            raise Refused(f"{name} is not on the mirror", code="missing")
        if state.broken:
            raise Broken(f"the mirror of {name} is damaged: {state.broken}", code="damaged")
        return state.refs

    def apply(self, steps: list[Step]) -> list[Outcome]:
        """Fetch the steps' projects, some at a time; one outcome a step, in their order.

        Payload of kind ``mirror``: ``default_branch`` (short name), ``description``.
        Evidence: ``refs``, the number of branches and tags read back.
        """
        if not steps:
            return []
        with ThreadPoolExecutor(min(self._settings.workers, len(steps))) as pool:
            return list(pool.map(self._apply, steps))

    def _apply(self, step: Step) -> Outcome:
        began = time.monotonic()
        try:
            refs = self._mirrored(step).bring_up()
        except SalternError as error:
            return Outcome.from_error(step.key, error, time.monotonic() - began)
        except OSError as error:
            return Outcome.from_error(step.key, _of_disk(error), time.monotonic() - began)
        except Exception as error:
            log.exception("defect in %s", step.key)
            defect = Broken(f"defect in the mirror provider: {error!r}", code="defect")
            return Outcome.from_error(step.key, defect, time.monotonic() - began)
        seconds = time.monotonic() - began
        return Outcome(step.key, DONE, seconds=seconds, evidence={"refs": len(refs)})

    def _mirrored(self, step: Step) -> Mirrored:
        if step.kind != "mirror":
            raise Broken(f"the mirror provider knows no step {step.kind!r}", code="kind")
        head = f"refs/heads/{step.payload['default_branch']}"
        if not check_ref_format(Ref(head.encode("utf-8", "replace"))):
            raise Refused(f"{step.name}: {head!r:.200} is no branch name", code="branch")
        return Mirrored(
            root=self._root,
            name=step.name,
            head=head,
            description=step.payload.get("description") or "",
            remote=self._remote,
            git=self._git,
        )


def _of_disk(error: OSError) -> SalternError:
    what = f"the mirror's disk: {error.strerror}: {error.filename}"
    if isinstance(error, PermissionError):
        return Broken(f"{what}; give the minion's user the folder", code="disk")
    return Retry(what, code="disk")
