"""The ``saltern`` command. A subcommand's module is imported when it is called, not before."""

from __future__ import annotations

import gc
import importlib
from pathlib import Path
from typing import Any

gc.disable()  # Imports leave no garbage: a check starts a twentieth sooner without the search.

import click  # noqa: E402

from saltern import __version__  # noqa: E402

gc.freeze()
gc.enable()

COMMANDS = {
    "adopt": "saltern.cli.adopt:adopt",
    "check": "saltern.cli.check:check",
    "completion": "saltern.cli.completion:completion",
    "converge": "saltern.cli.converge:converge",
    "page": "saltern.cli.page:page",
    "plan": "saltern.cli.plan:plan",
    "rule": "saltern.cli.rule:rule",
    "schema": "saltern.cli.schema:schema",
    "status": "saltern.cli.status:status",
}
"""Subcommands, each the name of a module and of its click command."""
SERVER = ("git", "jinja2", "tenacity")
"""Packages of the extra ``server``: contributors' commands do without."""


class Commands(click.Group):
    """The group of :data:`COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every subcommand's name."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a subcommand."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a subcommand; say what to install for one that is not a contributor's."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            if error.name not in SERVER:
                raise
            what = f"this needs what runs on a server ({error.name} is not installed here)"
            click.echo(f"saltern: {what}; pip install 'saltern[server]'", err=True)
            ctx.exit(2)


@click.group(cls=Commands)
@click.version_option(__version__)
@click.option(
    "--settings",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="SALTERN_SETTINGS",
    help="YAML file with the sections registry, check, gerrit, mirror, converge. "
    "Default: saltern.yaml, where the command needs or finds one.",
)
@click.pass_context
def main(context: click.Context, settings: Path | None) -> None:
    """Check a registry of projects, and make it true on Gerrit and its mirrors."""
    context.obj = settings


if __name__ == "__main__":
    main()
