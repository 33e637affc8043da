"""Keeps the page in step with a run, without ever being able to fail it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from saltern.errors import Broken
from saltern.report.page.data import Origin
from saltern.report.page.files import write_pages, write_running

log = logging.getLogger(__name__)

PAUSE = 1.0
"""Least seconds between two writings during a run."""
SHARE = 10
"""A writing that took a second is followed by at least this many seconds of rest."""


class PageWriter:
    """Writes the page of ``journal`` into ``directory``, which may be ``None``: then nothing.

    A failure is logged, and once more only when it changes; the run goes on.
    """

    def __init__(self, journal: Path, directory: str | None, origin: Origin):
        self._journal = journal
        self._directory = Path(directory) if directory else None
        self._origin = origin
        self._told = ""

    def write(self, directory: str | None = None) -> dict[str, Any]:
        """Write all of the page now, also into another ``directory``; return its data.

        Raises :class:`Broken` when that fails or no directory is known.
        """
        target = Path(directory) if directory else self._directory
        if target is None:
            raise Broken("no directory for the page: name one, or set converge.page_dir")
        return write_pages(self._journal, target, self._origin)

    @contextmanager
    def during(self) -> Iterator[None]:
        """Keep the page current while the block runs, and write all of it at the end."""
        if self._directory is None:
            yield
            return
        over = threading.Event()
        arguments = (over, self._directory)
        thread = threading.Thread(target=self._keep, args=arguments, name="saltern-page")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self._try(partial(write_pages, anew=False), self._directory)

    def _keep(self, over: threading.Event, directory: Path) -> None:
        pause = 0.0
        while not over.wait(pause):
            started = time.monotonic()
            self._try(write_running, directory)
            pause = max(PAUSE, SHARE * (time.monotonic() - started))

    def _try(self, write: Callable[[Path, Path, Origin], object], directory: Path) -> None:
        try:
            write(self._journal, directory, self._origin)
            self._told = ""
        except Exception as error:
            # Whatever goes wrong here, the projects matter more than the page about them.
            if repr(error) != self._told:
                log.warning("the status page could not be written: %s", error, exc_info=True)
            self._told = repr(error)
