"""``saltern plan``: what a converge would do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from saltern.cli.login import explained, gerrit_option, reader
from saltern.cli.options import (
    converger,
    fail,
    format_option,
    load_settings,
    looker,
    registry_option,
)
from saltern.errors import SalternError

if TYPE_CHECKING:
    from saltern.plan import Plan
    from saltern.providers.gerrit.reader import GerritReader
    from saltern.registry.registry import Registry
    from saltern.report.plantext import Diffs


@click.command(short_help="Say what a merge or a converge would do.")
@click.argument("projects", nargs=-1)
@registry_option
@gerrit_option()
@format_option("text", "json")
@click.option("--deep", is_flag=True, help="Compare every branch and tag of mirrors.")
@click.option("--diff", is_flag=True, help="Show how ACLs differ; needs --gerrit.")
@click.pass_obj
def plan(
    settings: Path | None,
    projects: tuple[str, ...],
    registry: Path | None,
    url: str | None,
    form: str,
    deep: bool,
    diff: bool,
) -> None:
    """Print what a converge would do to all, or to PROJECTS and what they depend on.

    Exit status 0: nothing, 1: something, 2: could not look.

    With --gerrit URL: what a merge of the checkout in --registry (default: this directory) would
    do to that Gerrit, seen with any rights; what cannot be read is said on stderr, and is
    neither taken for a difference nor for in step.
    """
    from saltern.report.plantext import render, unread

    if diff and not url:
        raise click.UsageError("--diff needs --gerrit")
    diffs: Diffs = {}
    try:
        if url:
            found, loaded, diffs = _against(url, settings, registry or Path(), projects, diff)
        else:
            found, loaded = converger(settings, registry).plan(projects or None, deep=deep)
    except SalternError as error:
        fail(error)
    for line in unread(found):
        click.echo(f"saltern: {line}", err=True)
    click.echo(render(found, loaded, form, diffs))
    sys.exit(1 if found else 0)


def _against(
    url: str, settings: Path | None, directory: Path, projects: tuple[str, ...], diff: bool
) -> tuple[Plan, Registry, Diffs]:
    """Return the plan for a checkout on the Gerrit at ``url``, and the ACLs' differences."""
    from saltern.errors import Refused
    from saltern.plan import make_plan
    from saltern.registry.known import doubtful

    sections = load_settings(settings, needed=False, beside=directory)
    with reader(url, sections) as gerrit:
        try:
            look = looker(gerrit, sections, directory)
            source, registry = look.read()
            if doubtful(registry.findings):
                registry = look.informed(source, registry, look.known())
            if unknown := sorted(set(projects) - registry.names):
                raise Refused(f"not in the registry: {', '.join(unknown)}", code="unknown")
            found = make_plan(look.observe(registry), frozenset(projects) or None)
            return found, registry, _diffs(gerrit, found) if diff else {}
        except SalternError as error:
            raise explained(error, gerrit.server.settings) from error


def _diffs(gerrit: GerritReader, plan: Plan) -> Diffs:
    from saltern.providers.gerrit.config import PROJECT_CONFIG
    from saltern.report.acldiff import acl_diff

    wanted = {
        key: step
        for key, step in plan.steps.items()
        if step.kind == "access" and step.payload["config"] and not step.payload.get("keep")
    }
    bases = {s.name: s.payload["base"] for s in wanted.values() if s.payload.get("base")}
    files = gerrit.files(bases)
    diffs = {}
    for key, step in wanted.items():
        have = files.get(step.name, {})
        if isinstance(have, dict):
            diffs[key] = acl_diff(have.get(PROJECT_CONFIG, b""), step.payload["config"])
    return diffs
