"""``saltern check``: what is wrong with a registry, and where."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

import click

from saltern.cli.options import fail, format_option, load_settings
from saltern.errors import Broken, SalternError
from saltern.settings import CheckSettings, RegistrySettings

if TYPE_CHECKING:
    from saltern.registry.checked import Checked, Checker


@click.command(short_help="Say what is wrong with a registry, where, and what to write.")
@click.argument(
    "directory", type=click.Path(path_type=Path, file_okay=False, exists=True), default="."
)
@format_option("text", "json", "sarif", "gerrit")
@click.option(
    "--changed-since",
    "since",
    metavar="REV",
    help="Only what the change since REV causes, such as origin/master.",
)
@click.option("--fix", "mend", is_flag=True, help="Mend what has one right answer, in the files.")
@click.option(
    "--select", multiple=True, metavar="CODE", help="Only this rule; SLT03: all that begin so."
)
@click.option("--ignore", multiple=True, metavar="CODE", help="Not this rule, or not these.")
@click.option(
    "--level",
    type=click.Choice(["warning", "error"]),
    default="warning",
    show_default=True,
    help="The least severity that is shown and counts.",
)
@click.pass_obj
def check(
    settings: Path | None,
    directory: Path,
    form: str,
    since: str | None,
    mend: bool,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    level: str,
) -> None:
    """Check the registry in DIRECTORY, a checkout; this directory if left out.

    Exit status 0: no findings, 1: findings, 2: could not run.
    """
    with _uncollected():
        try:
            groups = _sections(settings, directory)
            checker = _checker(directory, groups, select, ignore, level)
            if mend:
                _mend(checker, since)
            result = checker.check(since)
        except SalternError as error:
            fail(error)
        _print(result, form)
    sys.exit(1 if result.findings else 0)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Spare the search for garbage, a sixth of the time: nothing is any before the end."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _sections(settings: Path | None, directory: Path) -> tuple[RegistrySettings, CheckSettings]:
    """Return the settings that matter here; ``saltern.yaml`` in the checkout need not be there."""
    sections = load_settings(settings, needed=False, beside=directory)
    return sections.build(RegistrySettings, "registry"), sections.build(CheckSettings, "check")


def _checker(
    directory: Path,
    groups: tuple[RegistrySettings, CheckSettings],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    level: str,
) -> Checker:
    from saltern.registry.checked import Checker
    from saltern.registry.rules import all_rules

    known = [rule.code for rule in all_rules()] + ["SLT000"]
    for code in (*select, *ignore):
        if not any(name.startswith(code.upper()) for name in known):
            raise Broken(f"no rule {code!r}; saltern rule lists them")
    return Checker(
        directory, *groups, select=_upper(select), ignore=_upper(ignore), errors=level == "error"
    )


def _upper(codes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(code.upper() for code in codes)


def _mend(checker: Checker, since: str | None) -> None:
    from saltern.report.plain import printable

    for line in checker.fix(since):
        click.echo(f"saltern: {printable(line)}", err=True)


def _print(result: Checked, form: str) -> None:
    from saltern.report.findings import render

    color = form == "text" and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    text = render(result.findings, result.source, form, color=color, others=result.others)
    for line in result.notes:
        click.echo(f"saltern: {line}", err=True)
    click.echo(text, color=color)
