"""``saltern schema``: JSON Schemas of the files that people write."""

from __future__ import annotations

import json

import click


@click.command(short_help="Print a JSON Schema, for editors.")
@click.argument("file", type=click.Choice(["projects", "groups", "settings"]))
def schema(file: str) -> None:
    """Print the JSON Schema of projects.yaml, groups.yaml or the settings file."""
    from saltern.registry.schema import schema as made

    click.echo(json.dumps(made(file), indent=2))
