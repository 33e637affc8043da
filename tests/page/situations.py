"""Journals of four situations, made by the journal's own calls in the order of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from saltern.journal import Journal, Merged, Request
from saltern.report.page import Origin
from saltern.steps import Outcome, Step

COMMIT = "4f6b1c0d9e8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c"
LINKS = {"gerrit": "https://review.example.org", "mirror": "https://git.example.org"}
KINDS = ("project", "content", "access", "mirror")


def origin(**links: str) -> Origin:
    """Return the registry the pages are about."""
    return Origin("infra/project-config", "master", links or LINKS)


def names(count: int) -> list[str]:
    """Return names of projects: four organisations, and some without one."""
    heads = ("openstack/", "openstack/", "starlingx/", "zuul/", "x/", "")
    return [f"{heads[n % len(heads)]}project-{n:04}" for n in range(count)]


def look(projects: Iterable[str], findings: Iterable[Mapping[str, str]] = ()) -> dict:
    """Return what a run saw of a registry with these projects."""
    findings = list(findings)
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding["severity"]] = counts.get(finding["severity"], 0) + 1
    return {
        "commit": COMMIT,
        "projects": [
            {
                "name": name,
                "state": "READ_ONLY" if number % 20 == 19 else "ACTIVE",
                "parent": "All-Projects",
                "branch": "master",
                "place": f"gerrit/projects.yaml:{3 * number + 1}:3",
            }
            for number, name in enumerate(projects)
        ],
        "groups": 2 * len(findings) + 3,
        "findings": {"counts": counts, "first": findings},
    }


FINDINGS = (
    {
        "code": "SLT041",
        "severity": "error",
        "place": "gerrit/acls/openstack/nova.config:12:9",
        "message": "group 'nova-cores' is not known; did you mean 'nova-core'?",
        "project": "openstack/nova",
    },
    {
        "code": "SLT021",
        "severity": "warning",
        "place": "gerrit/projects.yaml:88:3",
        "message": "nobody reads the ACL file; name it or remove it",
        "project": "x/old",
    },
)


def steps(projects: Iterable[str], groups: Iterable[str] = ()) -> Iterator[Step]:
    """Yield the steps that make these projects, every third below the first."""
    projects, groups = list(projects), list(groups)
    for group in groups:
        yield Step("group", group, "missing")
    for kind in KINDS:
        for number, name in enumerate(projects):
            needs = {
                "project": {f"project:{projects[0]}"} if number % 3 == 2 else set(),
                "content": {f"project:{name}"},
                "access": {f"content:{name}", f"project:{name}"},
                "mirror": {f"content:{name}"},
            }[kind]
            if kind == "access" and groups:
                needs.add(f"group:{groups[number % len(groups)]}")
            yield Step(kind, name, "missing", {}, frozenset(needs))


def begin(journal: Journal, cause: str, plan: Iterable[Step], seen: dict) -> str:
    """Start a run as a round does."""
    journal.request(Request(cause))
    run = journal.begin("starting")
    journal.take(run)
    journal.because(run, cause)
    journal.follow(run, COMMIT, [COMMIT])
    journal.saw(run, "registry", seen)
    journal.planned(run, plan)
    return run


def end(journal: Journal, run: str, status: str, reason: str = "") -> None:
    """End a run as a round does."""
    journal.finish(run, status, {"run": run, "status": status, "reason": reason})


def done(journal: Journal, run: str, keys: Iterable[str]) -> None:
    """Have steps done at the first attempt, each in a fraction of a second."""
    keys = list(keys)
    journal.sent(run, keys)
    outcomes = [Outcome(key, "done", seconds=0.05 + len(key) % 9 / 10) for key in keys]
    journal.attempted(run, [(outcome, 1, "done") for outcome in outcomes])


def add_history(journal: Journal, projects: list[str]) -> None:
    """Add a timer's run that found nothing, and one that made a project for a change."""
    end(journal, begin(journal, "timer", [], look(projects)), "done")
    plan = list(steps(projects[:1], ["nova-core"]))
    run = begin(journal, "change-merged 904817", plan, look(projects))
    subject, author = "Add a project for the telemetry agent", "Casey Doe"
    journal.credit(run, [Merged(COMMIT, 904817, subject, author)])
    done(journal, run, [step.key for step in plan])
    end(journal, run, "done")


def well(path: Path) -> Journal:
    """All is done."""
    journal, projects = Journal(path), names(294)
    add_history(journal, projects)
    return journal


def running(path: Path) -> Journal:
    """A change with three projects is half done; one step waits before another attempt."""
    journal, projects = Journal(path), names(294)
    add_history(journal, projects)
    plan = list(steps(projects[6:9], ["telemetry-core", "telemetry-release"]))
    run = begin(journal, "change-merged 904822", plan, look(projects, FINDINGS))
    subject = "Add three projects for the telemetry agents and their release group"
    journal.credit(run, [Merged(COMMIT, 904822, subject, "Casey Doe")])
    done(journal, run, [s.key for s in plan if s.kind in ("group", "project")])
    done(journal, run, [f"content:{projects[6]}"])
    journal.sent(run, [f"content:{projects[7]}", f"mirror:{projects[6]}"])
    late = Outcome(f"mirror:{projects[6]}", "retry", "http-503", "503 Service Unavailable", None, 2)
    journal.attempted(run, [(late, 1, "waiting")])
    return journal


def stuck(path: Path) -> Journal:
    """An ACL is refused, a parent is missing, and others wait for them."""
    journal, projects = Journal(path), names(294)
    add_history(journal, projects)
    plan = [*steps(projects[6:9], ["nova-core"]), Step("announce", "904830", "wants its note")]
    run = begin(journal, "change-merged 904830", plan, look(projects, FINDINGS))
    subject = "Rename the core group of nova and move its children below it"
    journal.credit(run, [Merged(COMMIT, 904830, subject, "Robin Ray")])
    bad = {f"access:{projects[6]}", f"project:{projects[8]}"}
    after = {f"{kind}:{projects[8]}" for kind in KINDS[1:]}
    done(journal, run, [s.key for s in plan if s.key not in bad | after])
    reason = (
        "prohibited by Gerrit: invalid project configuration:\n"
        "  project.config: group 'nova-cores' not in groups"
    )
    for number in (1, 2, 3):
        journal.sent(run, [f"access:{projects[6]}"])
        state = "failed" if number == 3 else "waiting"
        outcome = Outcome(f"access:{projects[6]}", "failed", "refused", reason, None, 0.41)
        journal.attempted(run, [(outcome, number, state)])
    block = "gerrit/projects.yaml:25:3: parent 'x/base' is neither in the registry nor on Gerrit"
    missing = Outcome(f"project:{projects[8]}", "failed", "parent-missing", block)
    journal.settled(run, missing, "blocked")
    for key in sorted(after):
        waits = Outcome(key, "failed", "needs", f"waits for project:{projects[8]}")
        journal.settled(run, waits, "skipped")
    end(journal, run, "failed")
    return journal


def large(path: Path) -> Journal:
    """2,500 projects are being made; the mirror is away."""
    journal, projects = Journal(path), names(2500)
    groups = [f"group-{n:03}" for n in range(400)]
    plan = list(steps(projects, groups))
    run = begin(journal, "first converge", plan, look(projects, FINDINGS))
    done(journal, run, [s.key for s in plan if s.kind == "group"])
    done(journal, run, [s.key for s in plan if s.kind == "project"])
    done(journal, run, [f"content:{name}" for name in projects[:1600]])
    done(journal, run, [f"access:{name}" for name in projects[:700]])
    journal.sent(run, [f"access:{name}" for name in projects[700:800]])
    for name in projects:
        away = Outcome(f"mirror:{name}", "failed", "mirror-unseen", "could not look at the mirror")
        journal.settled(run, away, "blocked")
    return journal


SITUATIONS: Mapping[str, Callable[[Path], Journal]] = {
    "well": well,
    "running": running,
    "stuck": stuck,
    "large": large,
}
