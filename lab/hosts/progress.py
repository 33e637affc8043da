"""One line for each phase and host, with the seconds since the start."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Progress:
    """Prints to standard error; data goes to standard output."""

    began: float = field(default_factory=time.monotonic)

    def tell(self, text: str) -> None:
        """Print ``text`` after the seconds since the start."""
        print(f"[{time.monotonic() - self.began:6.1f} s] {text}", file=sys.stderr, flush=True)

    @contextmanager
    def phase(self, text: str) -> Iterator[None]:
        """Tell that ``text`` begins, and how long it took once it is over without an error."""
        start = time.monotonic()
        self.tell(text)
        yield
        self.tell(f"{text}: done in {time.monotonic() - start:.1f} s")
