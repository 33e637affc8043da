"""``saltern completion``: the script a shell needs to complete Saltern's commands."""

from __future__ import annotations

import click


@click.command(short_help="Print what makes a shell complete these commands.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for SHELL, for instance to source it in .bashrc.

    bash: ``eval "$(saltern completion bash)"``
    """
    from click.shell_completion import get_completion_class

    from saltern.cli import main

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    click.echo(found(main, {}, "saltern", "_SALTERN_COMPLETE").source())
