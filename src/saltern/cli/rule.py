"""``saltern rule``: what a rule finds, why, and what to write instead."""

from __future__ import annotations

from pathlib import Path

import click

from saltern.cli.options import fail
from saltern.errors import Broken, SalternError


@click.command(short_help="Explain a rule of the check, or list all.")
@click.argument("code", required=False)
@click.option(
    "--write-docs",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write every rule's page below this directory, as Markdown.",
)
def rule(code: str | None, folder: Path | None) -> None:
    """Explain the rule CODE; without it, list all."""
    from saltern.report.findings import rulepage

    pages = rulepage.pages()
    try:
        if folder is not None:
            click.echo(f"{_write(folder)} pages in {folder}", err=True)
        elif code is None:
            click.echo(rulepage.render_list(pages.values()))
        elif code.upper() in pages:
            click.echo(rulepage.render_page(pages[code.upper()]))
        else:
            raise Broken(f"no rule {code[:40]!r}; saltern rule lists them")
    except SalternError as error:
        fail(error)


def _write(folder: Path) -> int:
    """Write the pages and their index; return how many pages."""
    from saltern.report.findings import rulepage

    pages = rulepage.pages()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for code, page in pages.items():
            (folder / f"{code}.md").write_text(rulepage.render_markdown(page), encoding="utf-8")
        (folder / "index.md").write_text(rulepage.render_index(pages.values()), encoding="utf-8")
    except OSError as error:
        raise Broken(f"{error.filename}: {error.strerror}") from error
    return len(pages)
