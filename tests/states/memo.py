"""What Salt and Jinja work out anew for every host, kept: how a template parses, what a folder has.

Nothing that depends on a host or a pillar is kept. A changed template is parsed again; the folders
of modules must stay as they are while the tests run.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import pytest
import salt.loader.lazy
from jinja2.sandbox import SandboxedEnvironment
from salt.utils import entrypoints


def _compile_once() -> Any:
    """Wrap ``Environment.compile``: text, names and an environment's syntax decide the code."""
    compiled: dict[tuple, Any] = {}
    original = SandboxedEnvironment.compile

    def compile(self: SandboxedEnvironment, source: Any, *args: Any, **named: Any) -> Any:
        syntax = (self.lexer, *self.extensions, self.autoescape)
        key = (syntax, source, args, *named.items())
        if key not in compiled:
            compiled[key] = original(self, source, *args, **named)
        return compiled[key]

    return compile


def _list_once() -> Any:
    """Wrap ``LazyLoader._refresh_file_mapping``: a loader's folders decide what it finds."""
    found: dict[tuple, tuple] = {}
    names = ("file_mapping", "suffix_map", "suffix_order")
    original = salt.loader.lazy.LazyLoader._refresh_file_mapping

    def refresh(self: salt.loader.lazy.LazyLoader) -> None:
        key = (*self.module_dirs, *sorted(self.disabled), *self.static_modules, *self.suffix_order)
        if key not in found:
            original(self)
            found[key] = tuple(getattr(self, name).copy() for name in names)
        for name, value in zip(names, found[key], strict=True):
            setattr(self, name, value.copy())

    return refresh


KEPT = (
    (SandboxedEnvironment, "compile", _compile_once()),
    (salt.loader.lazy.LazyLoader, "_refresh_file_mapping", _list_once()),
    (entrypoints, "iter_entry_points", functools.cache(entrypoints.iter_entry_points)),
)


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Take what is kept while inside, and keep what is new."""
    with pytest.MonkeyPatch.context() as patch:
        for place, name, function in KEPT:
            patch.setattr(place, name, function)
        yield
