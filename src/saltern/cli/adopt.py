"""``saltern adopt``: registry files from a live Gerrit."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from saltern.cli.login import explained, gerrit_option, reader
from saltern.cli.options import fail, format_option, load_settings, looker
from saltern.errors import SalternError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from saltern.adopt import Adopted, Note
    from saltern.look import Looker
    from saltern.plan import Plan
    from saltern.providers.gerrit.reader import GerritReader
    from saltern.registry.registry import Registry
    from saltern.settings import RegistrySettings

PAUSE = 2.0
"""Seconds between two lines that say how far a long read is."""
MOST = 20
"""Names in one line."""


@click.command(short_help="Write the registry of a Gerrit that is there already.")
@gerrit_option(required=True)
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory to write the registry into; made if it is not there.",
)
@click.option("--members", is_flag=True, help="Write groups.yaml: who is in which group.")
@click.option("--no-share", is_flag=True, help="A file for each ACL, also for equal ones.")
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
@format_option("text", "json")
@click.pass_obj
def adopt(
    settings: Path | None,
    url: str,
    output: Path,
    members: bool,
    no_share: bool,
    force: bool,
    form: str,
) -> None:
    """Write the registry of a live Gerrit: projects.yaml, ACL files, with --members groups.yaml.

    Its own projects All-Projects and All-Users are not in it. Afterwards the plan for it is made
    and shown; it is empty unless something could not be taken over, which is said. Nothing on
    the server changes. Exit status 0: all taken over, 1: see what is said, 2: could not.
    """
    from saltern.settings import RegistrySettings

    try:
        sections = load_settings(settings, needed=False)
        wanted = sections.build(RegistrySettings, "registry")
        with reader(url, sections) as gerrit:
            try:
                found = _take(gerrit, wanted, output, members, not no_share, force)
                plan, registry = _plan(looker(gerrit, sections, output))
            except SalternError as error:
                raise explained(error, gerrit.server.settings) from error
    except SalternError as error:
        fail(error)
    _say(found, plan, registry, output, form)
    sys.exit(1 if found.notes or plan or plan.unknown else 0)


def _take(
    gerrit: GerritReader,
    settings: RegistrySettings,
    output: Path,
    members: bool,
    share: bool,
    force: bool,
) -> Adopted:
    from saltern.adopt import compose_registry, look, write_files

    live = look(gerrit, members=members, progress=_progress())
    found = compose_registry(live, settings, share=share, members=members)
    write_files(output, found.files, force=force)
    return found


def _plan(look: Looker) -> tuple[Plan, Registry]:
    from saltern.plan import make_plan

    _, registry = look.read()
    return make_plan(look.observe(registry)), registry


def _progress() -> Callable[[int, int], None]:
    """Return what says on stderr how far a read is, once it takes long."""
    said = time.monotonic()

    def progress(done: int, of: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= PAUSE:
            said = now
            click.echo(f"saltern: read {done} of {of} projects", err=True)

    return progress


def _notes(notes: Iterable[Note]) -> Iterator[str]:
    """Yield a line for each thing to say, with those it is said of."""
    from saltern.report.plain import plain

    subjects: dict[str, list[str]] = {}
    for note in notes:
        subjects.setdefault(note.text, []).append(plain(note.subject, 200))
    for text, names in subjects.items():
        more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
        yield f"{', '.join(names[:MOST])}{more}: {plain(text)}"


def _say(found: Adopted, plan: Plan, registry: Registry, output: Path, form: str) -> None:
    from saltern.report.plantext import render, to_data, unread

    for line in unread(plan):
        click.echo(f"saltern: {line}", err=True)
    if form == "json":
        notes = [{"subject": note.subject, "text": note.text} for note in found.notes]
        data = {"files": sorted(found.files), "projects": len(found.projects), "notes": notes}
        click.echo(json.dumps({**data, "plan": to_data(plan, registry)}, indent=2))
        return
    for line in _notes(found.notes):
        click.echo(line)
    click.echo(f"{len(found.projects)} projects in {len(found.files)} files below {output}")
    click.echo("The plan for it:")
    click.echo(render(plan, registry))
