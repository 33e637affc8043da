"""The scenes of the demo."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from lab.demo import before, checkout, contributor, proof
from lab.demo.contributor import Edit, Merged
from lab.demo.demands import StoryError, demand
from lab.demo.grants import grant_votes
from lab.demo.people import project_path
from lab.demo.story import DIM, Story
from lab.demo.wait import until
from lab.demo.world import LABEL, MINION, PAGE, REGISTRY, World

EVENT_SECONDS = 300
"""A deadline, not a wait: a busy machine with the real registry takes a while."""
KINDS = ("group", "members", "project", "content", "access", "retire", "mirror", "announce")
FIRST = Edit("demo/reports", "demo/rights", "Demo Release Team")
SECOND = Edit("demo/invoices", "demo/ledgers", "Demo Auditors")
INTRUDER = {"refs/heads/*": {"permissions": {"push": {"rules": {"global:Registered-Users": {}}}}}}


def scene_1(story: Story, world: World) -> None:
    """Give the service account the rights that it lacks; the servers came up before."""
    run = _run_caused_by(world, "minion start")
    story.line(f"The minion's start asked for a converge: {run['status']}, for want of a registry")
    states = world.salt.call(MINION, "state.apply", "gerrit.access")
    failed = [state["comment"] for state in states.values() if not state["result"]]
    demand(not failed, f"state gerrit.access: {failed}")
    story.line("The state gerrit.access gives the service account what administrators lack:")
    for state in states.values():
        story.line(f"{state['comment']}", DIM)
    grant_votes(world.admin, LABEL)
    story.line(f"It may also vote on the label {LABEL}, for what a change hears before it merges")


def _run_caused_by(world: World, cause: str) -> Any:
    """Return the first finished run that ``cause`` asked for, once it is there."""
    query = "SELECT status FROM runs WHERE instr(cause, ?) AND status IS NOT NULL ORDER BY started"
    what = f"the converge that comes of {cause!r}"
    return until(lambda: next(iter(world.journal(query, cause)), None), what, EVENT_SECONDS)


def scene_2(story: Story, world: World) -> None:
    """Put the registry into a repository in Gerrit."""
    source = checkout.registry_source()
    if source == checkout.EXAMPLE:
        checkout.make_upstream(world.root / "upstream")
    world.admin.rest("PUT", project_path(REGISTRY), {"branches": ["master"]})
    clone = world.checkout
    world.admin.git("clone", "--quiet", world.admin.repository(REGISTRY), str(clone))
    checkout.copy_registry(source, clone, world.upstream.url)
    world.admin.git("add", "--all", cwd=clone)
    world.admin.git("commit", "--quiet", "--message=Import the registry", cwd=clone)
    world.admin.git("push", "--quiet", "origin", "HEAD:refs/heads/master", cwd=clone)
    wanted = proof.expected(clone)
    acls = {project.acl for project in wanted if project.acl}
    story.line(
        f"{REGISTRY} holds the registry: {len(wanted)} projects, {len(acls)} ACL files, "
        f"{len(set().union(*(p.groups for p in wanted)))} groups"
    )
    late = _before_their_parent(clone, wanted)
    story.line(f"{late} projects stand before the project they inherit from")


def _before_their_parent(clone: Path, wanted: list[proof.Expected]) -> int:
    place = {project.name: number for number, project in enumerate(wanted)}
    parents = {
        project.name: value
        for project in wanted
        if project.acl
        for key, value in proof.acl_values(project.acl)
        if key == "access.inheritfrom"
    }
    return sum(place[name] < place.get(parent, -1) for name, parent in parents.items())


def scene_3(story: Story, world: World) -> None:
    """Converge everything, prove it, and converge again."""
    story.line("salt-run projects.converge", DIM)
    code, report = world.salt_run("projects.converge")
    _tell_run(story, world, report)
    demand(code == 0 and report["status"] == "done", f"the converge ended with {_short(report)}")
    _prove_registry(story, world)
    code, report = world.salt_run("projects.converge")
    demand(code == 0 and not report["counts"], f"the second converge: {_short(report)}")
    story.line(f"A second converge: nothing to do, looked at in {report['seconds']:.1f} s")


def _tell_run(story: Story, world: World, report: dict[str, Any]) -> None:
    rows = world.journal(
        "SELECT substr(key, 1, instr(key, ':') - 1) AS kind, count(*) AS steps,"
        " sum(state = 'done') AS done, max(finished) - min(started) AS span,"
        " max(seconds) AS slowest"
        " FROM steps WHERE run = ? GROUP BY kind",
        report.get("run"),
    )
    story.table(
        ("step", "done", "of", "first to last", "slowest"),
        [
            (r["kind"], r["done"], r["steps"], f"{r['span'] or 0:.1f} s", f"{r['slowest']:.2f} s")
            for r in sorted(rows, key=lambda row: KINDS.index(row["kind"]))
        ],
    )
    story.line(f"Run {report.get('run')}: {report['status']} in {report.get('seconds', 0):.1f} s")


def _short(report: dict[str, Any]) -> str:
    """Return the report as the runner shows it to a person, its first lines only."""
    return "\n".join(str(report.get("text", report)).splitlines()[:40])


def _prove_registry(story: Story, world: World) -> None:
    wrong = proof.differences(
        world.admin, world.checkout, world.mirror.url, world.scratch / "proof"
    )
    demand(not wrong, "git and REST show something else than the registry:\n" + "\n".join(wrong))
    story.proved("read with git and REST: projects, groups, ACLs and mirror are as the files say")


def scene_4(story: Story, world: World) -> None:
    """A change is merged; nobody calls anything."""
    world.relay.mend()
    run = _run_caused_by(world, "stream connected")
    story.line(
        f"The engine connected to stream-events and had everything looked at: {run['status']}"
    )
    story.line("From here nobody calls anything")
    merged = _contribute(story, world, FIRST)
    _wait_for_project(world, FIRST.child)
    url = f"{world.mirror.url}/{FIRST.child}.git"
    target = world.scratch / "cloned"
    proof.run_git("clone", "--quiet", url, str(target))
    seconds = time.monotonic() - merged.at
    demand((target / ".gitreview").is_file(), f"{url}: the clone has no .gitreview")
    story.proved(f"git clone {url}: there, {seconds:.1f} seconds after the submit")
    _prove_edit(story, world, FIRST)
    _show_note(story, world, merged)


def _contribute(story: Story, world: World, edit: Edit) -> Merged:
    clone = world.scratch / edit.child.replace("/", "-")
    number = contributor.upload(world.contributor, edit, clone)
    story.line(
        f"{world.contributor.username} uploads change {number}: {edit.child}, then its new parent "
        f"{edit.parent}, and the new group {edit.group!r}"
    )
    merged = contributor.approve_and_submit(world, number)
    story.line(f"{world.admin.username} approves and submits it")
    shutil.copytree(clone / "gerrit", world.checkout / "gerrit", dirs_exist_ok=True)
    return merged


def _wait_for_project(world: World, name: str) -> None:
    what = f"{name} on the mirror (the journal: salt-run projects.status)"
    until(lambda: proof.on_mirror(world.mirror.url, name), what, EVENT_SECONDS)


def _prove_edit(story: Story, world: World, edit: Edit) -> None:
    parent = world.admin.rest("GET", f"{project_path(edit.child)}/parent")
    demand(parent == edit.parent, f"the parent of {edit.child} is {parent}")
    demand(edit.group in world.admin.rest("GET", "groups/"), f"group {edit.group} is missing")
    story.proved(f"GET {edit.child}/parent says {parent}; group {edit.group!r} is listed")


def _show_note(story: Story, world: World, merged: Merged) -> None:
    what = f"the note on change {merged.number}"
    found = until(lambda: contributor.notes(world, merged.number), what, EVENT_SECONDS)
    demand(len(found) == 1, f"{len(found)} notes on change {merged.number}")
    story.line(f"The note on change {merged.number}:\n{found[0].strip()}")


def scene_6(story: Story, world: World) -> None:
    """Damage everything, and see it repaired."""
    world.wait_until_idle(EVENT_SECONDS)
    victim = _victim(world)
    before = _config_bytes(world, victim)
    world.relay.cut()
    story.line("The event stream is cut (the connection to Gerrit's ssh port)")
    world.admin.rest("POST", f"{project_path(victim)}/access", {"add": INTRUDER})
    demand(_config_bytes(world, victim) != before, f"the ACL of {victim} did not change")
    story.line(f"By hand, the ACL of {victim} now lets every user push")
    shutil.rmtree(world.mirror_root / f"{victim}.git")
    demand(not proof.on_mirror(world.mirror.url, victim), f"the mirror still serves {victim}")
    story.line(f"The mirror repository {victim}.git is removed")
    merged = _contribute(story, world, SECOND)
    demand(not world.admin.exists(project_path(SECOND.child)), f"{SECOND.child} exists already")
    story.line(f"No event arrived: {SECOND.child} does not exist")
    world.relay.mend()
    mended = time.monotonic()
    story.line("The event stream is mended: the engine connects and asks for a full converge")
    _wait_for_project(world, SECOND.child)
    until(lambda: _config_bytes(world, victim) == before, f"{victim}'s ACL", EVENT_SECONDS)
    _wait_for_project(world, victim)
    story.line(f"Repaired {time.monotonic() - mended:.1f} seconds later")
    story.proved(
        f"git fetch {victim} refs/meta/config: project.config is what it was, byte by byte"
    )
    story.proved(f"git ls-remote {world.mirror.url}/{victim}.git: served again")
    _prove_edit(story, world, SECOND)
    _show_note(story, world, merged)
    world.wait_until_idle(EVENT_SECONDS)
    _prove_registry(story, world)
    code, report = world.salt_run("projects.converge")
    demand(code == 0 and not report["counts"], f"the last converge: {_short(report)}")
    story.line("salt-run projects.converge: nothing to do, exit status 0")
    page = world.root / PAGE
    until(lambda: _page_state(page) == "well", f"{page} to say that all is well", EVENT_SECONDS)
    story.proved(f"{page / 'index.html'}: the status page says that all is well")


def _page_state(page: Path) -> str:
    return str(json.loads((page / "status.json").read_text("utf-8"))["state"])


def _victim(world: World) -> str:
    """Return an active project with an ACL of its own."""
    for project in proof.expected(world.checkout):
        if project.acl and "read only" not in project.acl.read_text("utf-8"):
            return project.name
    raise StoryError("the registry has no active project with an ACL")


def _config_bytes(world: World, project: str) -> bytes:
    scratch = world.scratch / "victim"
    return proof.config_on_server(world.admin, project, scratch).read_bytes()


def titles() -> list[tuple[str, Any]]:
    """Return the scenes in order, with what is printed above each."""
    corpus = os.environ.get("SALTERN_CORPUS")
    return [
        ("1. Gerrit, Salt and a mirror come up", scene_1),
        (f"2. The registry becomes a repository in Gerrit ({corpus or 'the example'})", scene_2),
        ("3. The first converge makes everything", scene_3),
        ("4. A contributor's change is merged, and the rest happens by itself", scene_4),
        ("5. A wrong change hears of it before it merges", before.scene),
        ("6. Damage, and what the next converge makes of it", scene_6),
    ]
