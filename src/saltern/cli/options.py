"""What the subcommands share: options, the settings file, how a failure ends."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from saltern.errors import Broken, SalternError
from saltern.settings import (
    SECTIONS,
    ConvergeSettings,
    GerritSettings,
    MirrorSettings,
    RegistrySettings,
    build,
)

if TYPE_CHECKING:
    from saltern.run import Converger

DEFAULT = Path("saltern.yaml")
F = TypeVar("F", bound=Callable[..., Any])


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


def load_settings(path: Path | None, *, needed: bool = True) -> tuple[dict[str, Any], Path]:
    """Return the settings file's sections and its path; none when it is absent, not ``needed``.

    Raises :class:`Broken` with the place of an error.
    """
    import yaml

    if path is None and not needed and not DEFAULT.exists():
        return {}, DEFAULT
    path = path or DEFAULT
    try:
        data = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Broken(f"{path}: {error}", code="settings") from error
    if not isinstance(data, dict) or (unknown := sorted(set(data) - set(SECTIONS), key=str)):
        known = ", ".join(SECTIONS)
        what = f"unknown section {unknown[0]!r}" if isinstance(data, dict) else "not a mapping"
        raise Broken(f"{path}: {what}; known sections are {known}", code="settings")
    return data, path


def converger(settings: Path | None, directory: Path | None) -> Converger:
    """Return a converger whose providers run in this process."""
    from saltern.dispatch import LocalDispatcher, Provider
    from saltern.providers.gerrit import GerritProvider
    from saltern.providers.mirror import MirrorProvider
    from saltern.run import Converger

    data, path = load_settings(settings)
    providers: dict[str, Provider] = {
        "gerrit": GerritProvider(build(GerritSettings, data.get("gerrit"), f"{path}: gerrit"))
    }
    if "mirror" in data:
        providers["mirror"] = MirrorProvider(
            build(MirrorSettings, data["mirror"], f"{path}: mirror")
        )
    return Converger(
        build(RegistrySettings, data.get("registry"), f"{path}: registry"),
        build(ConvergeSettings, data.get("converge"), f"{path}: converge"),
        LocalDispatcher(providers),
        directory,
    )


def fail(error: SalternError) -> NoReturn:
    """Say what went wrong and end."""
    from saltern.report.exit import exit_status

    click.echo(f"saltern: {error}", err=True)
    sys.exit(exit_status("refused"))
