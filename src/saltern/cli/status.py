"""``saltern status``: the latest runs and what is stuck."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from saltern.cli.options import converger, fail, format_option
from saltern.errors import SalternError


@click.command(short_help="Show the latest runs and what is stuck.")
@format_option("text", "json")
@click.pass_obj
def status(settings: Path | None, form: str) -> None:
    """Print the latest runs and what is stuck. Exit status 1: something is."""
    from saltern.report.text import render_status

    try:
        found = converger(settings, None).status()
    except SalternError as error:
        fail(error)
    click.echo(json.dumps(found, indent=2) if form == "json" else render_status(found))
    sys.exit(1 if found["stuck"] else 0)
