"""What the subcommands share: options, the settings file, how a failure ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from saltern.errors import Broken, SalternError
from saltern.settings import (
    SECTIONS,
    CheckSettings,
    ConvergeSettings,
    GerritSettings,
    MirrorSettings,
    RegistrySettings,
    build,
)

if TYPE_CHECKING:
    from saltern.look import Looker
    from saltern.providers.gerrit.reader import GerritReader
    from saltern.run import Converger

DEFAULT = Path("saltern.yaml")
F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


@dataclass(frozen=True)
class Sections:
    """The sections of a settings file; ``path`` is told in messages."""

    data: Mapping[str, Any] = field(default_factory=dict)
    path: Path = DEFAULT

    def build(self, cls: type[T], name: str, **more: Any) -> T:
        """Return section ``name`` as ``cls``, with ``more`` instead of what stands there.

        Raises :class:`Broken` with the place of an error.
        """
        where = f"{self.path}: {name}"
        found = self.data.get(name)
        return build(cls, {**(found or {}), **more} if more else found, where)


def registry_option(command: F) -> F:
    """Add ``--registry DIR``."""
    return click.option(
        "--registry",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        help="A checkout of the registry, instead of fetching registry.url.",
    )(command)


def format_option(*forms: str) -> Callable[[F], F]:
    """Return the option ``--format``, the first of ``forms`` being the default."""
    return click.option(
        "--format", "form", type=click.Choice(forms), default=forms[0], show_default=True
    )


def load_settings(
    path: Path | None, *, needed: bool = True, beside: Path | None = None
) -> Sections:
    """Return the settings file's sections; none when it is absent and not ``needed``.

    Without a ``path`` it is ``saltern.yaml`` in the checkout ``beside``, else in this directory.
    Raises :class:`Broken` with the place of an error.
    """
    import yaml

    if path is None and beside is not None and (beside / DEFAULT).is_file():
        path = beside / DEFAULT
    if path is None and not needed and not DEFAULT.exists():
        return Sections()
    path = path or DEFAULT
    try:
        data = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Broken(f"{path}: {_unreadable(error)}", code="settings") from error
    if not isinstance(data, dict) or (unknown := sorted(set(data) - set(SECTIONS), key=str)):
        known = ", ".join(SECTIONS)
        what = f"unknown section {unknown[0]!r}" if isinstance(data, dict) else "not a mapping"
        raise Broken(f"{path}: {what}; known sections are {known}", code="settings")
    return Sections(data, path)


def _unreadable(error: Exception) -> str:
    """Return why a settings file cannot be read, and what to do."""
    import yaml

    from saltern.registry.yamlfile import explained

    if isinstance(error, FileNotFoundError):
        return "no such settings file; name one by --settings FILE (docs/admin.md has an example)"
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}"
        return f"{where}: not YAML: {explained(error.context, error.problem)}"
    if isinstance(error, OSError):
        return f"{error.strerror}; it cannot be read"
    return "not YAML, or not UTF-8 text; save it as UTF-8" if not str(error) else str(error)


def converger(settings: Path | None, directory: Path | None) -> Converger:
    """Return a converger whose providers run in this process."""
    from saltern.dispatch import LocalDispatcher, Provider
    from saltern.providers.gerrit import GerritProvider
    from saltern.providers.mirror import MirrorProvider
    from saltern.run import Converger

    sections = load_settings(settings)
    providers: dict[str, Provider] = {
        "gerrit": GerritProvider(sections.build(GerritSettings, "gerrit"))
    }
    if "mirror" in sections.data:
        providers["mirror"] = MirrorProvider(sections.build(MirrorSettings, "mirror"))
    return Converger(
        sections.build(RegistrySettings, "registry"),
        sections.build(ConvergeSettings, "converge"),
        LocalDispatcher(providers),
        directory,
        sections.build(CheckSettings, "check"),
    )


def looker(gerrit: GerritReader, sections: Sections, directory: Path) -> Looker:
    """Return what looks at a checkout and at the Gerrit that ``gerrit`` reads."""
    from saltern.dispatch import LocalDispatcher
    from saltern.look import Looker

    registry = sections.build(RegistrySettings, "registry")
    check = sections.build(CheckSettings, "check")
    return Looker(registry, LocalDispatcher({"gerrit": gerrit}), Path(), directory, check)


def fail(error: SalternError) -> NoReturn:
    """Say what went wrong and end."""
    from saltern.report.exit import exit_status
    from saltern.report.plain import plain_block

    click.echo(f"saltern: {plain_block(error)}", err=True)
    sys.exit(exit_status("refused"))
