"""``saltern converge``: make it so."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from saltern.cli.options import converger, fail, format_option, registry_option
from saltern.errors import SalternError


@click.command(short_help="Make the registry true on the servers.")
@click.argument("projects", nargs=-1)
@registry_option
@format_option("text", "json")
@click.option("--deep", is_flag=True, help="Compare every branch and tag of mirrors.")
@click.option("--allow-retire", is_flag=True, help="Retire more projects than retire_limit allows.")
@click.pass_obj
def converge(
    settings: Path | None,
    projects: tuple[str, ...],
    registry: Path | None,
    form: str,
    deep: bool,
    allow_retire: bool,
) -> None:
    """Make the registry true: all of it, or PROJECTS and what they depend on.

    Exit status 0 only when everything is done.
    """
    from saltern.report.text import render_report

    try:
        report = converger(settings, registry).converge(
            "command line", projects=projects or None, deep=deep, allow_retire=allow_retire
        )
    except SalternError as error:
        fail(error)
    click.echo(render_report(report.to_dict(), form))
    sys.exit(report.exit)
