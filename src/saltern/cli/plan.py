"""``saltern plan``: what a converge would do."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from saltern.cli.options import converger, fail, format_option, registry_option
from saltern.errors import SalternError


@click.command()
@click.argument("projects", nargs=-1)
@registry_option
@format_option("text", "json")
@click.option("--deep", is_flag=True, help="Compare every branch and tag of mirrors.")
@click.pass_obj
def plan(
    settings: Path | None, projects: tuple[str, ...], registry: Path | None, form: str, deep: bool
) -> None:
    """Print what a converge would do. Exit status 0: nothing, 1: something, 2: could not look."""
    from saltern.report.text import render_plan

    try:
        found, loaded = converger(settings, registry).plan(projects or None, deep=deep)
    except SalternError as error:
        fail(error)
    click.echo(render_plan(found, loaded, form))
    sys.exit(1 if found else 0)
