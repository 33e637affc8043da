"""The command ``python -m lab.hosts``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from lab.hosts import states
from lab.hosts.lab import Lab
from lab.hosts.places import LabError


class Group(click.Group):
    """Shows a :class:`LabError` as one message and status 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except LabError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Group)
@click.option(
    "--name", default="lab", show_default=True, help="Which lab; several live side by side."
)
@click.pass_context
def main(ctx: click.Context, name: str) -> None:
    """The site's hosts on this machine, as root: systemd hosts with a network of their own."""
    ctx.obj = Lab(name)


hosts = click.argument("hosts", nargs=-1)


@main.command()
@click.option(
    "--only", multiple=True, metavar="ID", help="Only this host and the master; repeatable."
)
@click.option("--again", is_flag=True, help="Provision also the hosts that are provisioned.")
@click.option("--highstate/--no-highstate", default=True, help="Apply the highstate afterwards.")
@click.pass_obj
def up(lab: Lab, only: Sequence[str], again: bool, highstate: bool) -> None:
    """Boot and provision hosts, then apply the highstate in the order of their roles."""
    machines = lab.up(only, again=again)
    if highstate:
        _apply(lab, [machine.host.id for machine in machines], False)
    lab.progress.tell("the lab is up: see status, run, down")


@main.command()
@hosts
@click.option("--test", is_flag=True, help="Announce what would change.")
@click.pass_obj
def highstate(lab: Lab, hosts: Sequence[str], test: bool) -> None:
    """Apply the highstate to HOSTS (all that are up when none is named)."""
    _apply(lab, hosts, test)


def _apply(lab: Lab, ids: Sequence[str], test: bool) -> None:
    chosen = {host.id for host in lab.site.chosen(ids)}
    machines = [machine for machine in lab.machines if machine.host.id in chosen]
    applied = states.apply_all(lab.site, machines, lab.progress, test=test)
    if not all(one.ok for one in applied):
        raise LabError("not every host is done: the failing states are above")


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("host")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def run(lab: Lab, host: str, command: Sequence[str]) -> None:
    """Run COMMAND as root on HOST (`router`: outside of all hosts, in the lab's network)."""
    if host == "router":
        words = ["ip", "netns", "exec", lab.network.router, *command]
    else:
        words = lab.machine(host).command(command)
    sys.stdout.flush()
    os.execvp(words[0], words)  # noqa: S606


@main.command()
@click.option("--tree", "revision", metavar="REV", help="A commit instead of the checkout.")
@click.pass_obj
def sync(lab: Lab, revision: str | None) -> None:
    """Copy the checkout, and the pillar, into the hosts again."""
    lab.revision = revision
    for machine in lab.machines:
        lab.place_tree(machine)
    lab.progress.tell(f"copied {revision or 'the checkout'} to {len(lab.machines)} hosts")


@main.command()
@hosts
@click.pass_obj
def reboot(lab: Lab, hosts: Sequence[str]) -> None:
    """Shut HOSTS down and boot them again."""
    chosen = lab.site.chosen(hosts)
    for machine in lab.machines:
        if machine.host in chosen:
            with lab.progress.phase(f"{machine.host.id}: reboot"):
                machine.reboot()


@main.command()
@click.pass_obj
def status(lab: Lab) -> None:
    """Show which hosts are up, and what failed on them."""
    for machine in lab.machines:
        state = "up" if machine.leader() else "stopped"
        failed = machine.failed_units() if machine.leader() else []
        told = f"  failed units: {' '.join(failed)}" if failed else ""
        click.echo(f"{machine.host.id:32}{machine.host.address:16}{state}{told}")


@main.command()
@click.pass_obj
def down(lab: Lab) -> None:
    """Stop the hosts and remove all that the lab made but the caches."""
    lab.down()
    lab.progress.tell("the lab is gone")
