"""``saltern page``: the status page, its JSON and the metrics, from the journal."""

from __future__ import annotations

from pathlib import Path

import click

from saltern.cli.options import fail, load_settings
from saltern.errors import SalternError
from saltern.settings import ConvergeSettings, RegistrySettings


@click.command(short_help="Write the status page.")
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory to write index.html, status.json and the rest into.",
)
@click.pass_obj
def page(settings: Path | None, output: Path) -> None:
    """Write the status page (static HTML, JSON, Prometheus metrics) from the journal."""
    from saltern.report.page import Origin, write_pages

    try:
        sections = load_settings(settings)
        registry = sections.build(RegistrySettings, "registry")
        own = sections.build(ConvergeSettings, "converge")
        origin = Origin(registry.project, registry.branch, own.links, own.page_runs)
        found = write_pages(Path(own.state_dir) / "journal.sqlite", output, origin)
    except SalternError as error:
        fail(error)
    click.echo(f"{output / 'index.html'}: {found['state']}")
