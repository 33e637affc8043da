"""The ``saltern`` command: parse, call, render."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
import yaml

from saltern import __version__
from saltern.dispatch import LocalDispatcher, Provider
from saltern.errors import Broken, SalternError
from saltern.providers.gerrit import GerritProvider
from saltern.providers.mirror import MirrorProvider
from saltern.report import exit_status
from saltern.report.text import render_plan, render_report, render_status
from saltern.run import Converger
from saltern.settings import (
    ConvergeSettings,
    GerritSettings,
    MirrorSettings,
    RegistrySettings,
    build,
)

SECTIONS = ("registry", "gerrit", "mirror", "converge")


def load_settings(path: Path) -> dict[str, Any]:
    """Return the settings file's sections; raises :class:`Broken` with the place of an error."""
    try:
        data = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise Broken(f"{path}: {error}", code="settings") from error
    if not isinstance(data, dict) or (unknown := sorted(set(data) - set(SECTIONS))):
        known = ", ".join(SECTIONS)
        what = f"unknown section {unknown[0]!r}" if isinstance(data, dict) else "not a mapping"
        raise Broken(f"{path}: {what}; known sections are {known}", code="settings")
    return data


def converger(path: Path, directory: Path | None) -> Converger:
    """Return a converger whose providers run in this process."""
    data = load_settings(path)
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


@click.group()
@click.version_option(__version__)
@click.option(
    "--settings",
    type=click.Path(path_type=Path, dir_okay=False),
    default="saltern.yaml",
    envvar="SALTERN_SETTINGS",
    show_default=True,
    help="YAML file with the sections registry, gerrit, mirror, converge.",
)
@click.option(
    "--registry",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="A checkout of the registry, instead of fetching registry.url.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.pass_context
def main(context: click.Context, settings: Path, registry: Path | None, form: str) -> None:
    """Make a registry of projects true on Gerrit and its mirrors, without Salt."""
    context.obj = (settings, registry, form)


@main.command()
@click.argument("projects", nargs=-1)
@click.option("--deep", is_flag=True, help="Compare every branch and tag of mirrors.")
@click.pass_obj
def plan(options: tuple[Path, Path | None, str], projects: tuple[str, ...], deep: bool) -> None:
    """Print what a converge would do. Exit status 0: nothing, 1: something, 2: could not look."""
    settings, registry, form = options
    try:
        found, loaded = converger(settings, registry).plan(projects or None, deep=deep)
    except SalternError as error:
        _fail(error)
    _print(render_plan(found, loaded, form))
    sys.exit(1 if found else 0)


@main.command()
@click.argument("projects", nargs=-1)
@click.option("--deep", is_flag=True, help="Compare every branch and tag of mirrors.")
@click.option("--allow-retire", is_flag=True, help="Retire more projects than retire_limit allows.")
@click.pass_obj
def converge(
    options: tuple[Path, Path | None, str],
    projects: tuple[str, ...],
    deep: bool,
    allow_retire: bool,
) -> None:
    """Make it so. Exit status 0 only when everything is done."""
    settings, registry, form = options
    try:
        report = converger(settings, registry).converge(
            "command line", projects=projects or None, deep=deep, allow_retire=allow_retire
        )
    except SalternError as error:
        _fail(error)
    _print(render_report(report.to_dict(), form))
    sys.exit(report.exit)


@main.command()
@click.pass_obj
def status(options: tuple[Path, Path | None, str]) -> None:
    """Print the latest runs and what is stuck. Exit status 1: something is."""
    settings, registry, form = options
    try:
        found = converger(settings, registry).status()
    except SalternError as error:
        _fail(error)
    _print(json.dumps(found, indent=2) if form == "json" else render_status(found))
    sys.exit(1 if found["stuck"] else 0)


def _print(text: str) -> None:
    click.echo(text)


def _fail(error: SalternError) -> None:
    click.echo(f"saltern: {error}", err=True)
    sys.exit(exit_status("refused"))


if __name__ == "__main__":
    main()
