"""The registry's history in git: what left it, and the notes on merged changes."""

from __future__ import annotations

import dataclasses

import pytest
from run_scene import ACL

from saltern.errors import Refused, Retry


def test_projects_that_left_are_named_and_never_deleted(make, servers, registry):
    """What leaves the registry is reported once; the server keeps it."""
    registry.commit()
    make(git=True).converge("test")
    registry.projects("a", "base")
    tip = registry.commit()
    report = make(git=True).converge("test")
    assert (report.exit, report.removed, report.commit) == (0, ("b",), tip)
    assert "b" in servers.projects
    assert make(git=True).converge("test").removed == ()


def test_projects_that_left_are_named_by_the_first_run_that_ends(make, servers, registry):
    """A run that could not look at Gerrit takes nothing from the report of the next one."""
    registry.commit()
    make(git=True).converge("test")
    registry.projects("a", "base")
    registry.commit()
    servers.away["gerrit"] = Retry("away")
    assert make(git=True).converge("test").exit == 2
    del servers.away["gerrit"]
    assert make(git=True).converge("test").removed == ("b",)


@pytest.fixture
def merged(make, servers, registry):
    """``merged()``: commit what changed as a merged change that Gerrit knows; its id."""
    registry.commit()
    make(git=True).converge("before")

    def merge() -> str:
        commit = registry.commit()
        number = len(servers.changes) + 7
        servers.changes[commit] = {"number": number, "status": "MERGED", "noted": False, "url": ""}
        return commit

    return merge


def test_merged_change_gets_one_note_that_tells_what_was_done(make, servers, registry, merged):
    """The note names its steps; later runs and doubled events do not write it again."""
    registry.projects("a", "b", "base", "new", new=ACL)
    commit = merged()
    assert make(git=True).converge("event", change_commit=commit).exit == 0
    assert make(git=True).converge("event", change_commit=commit).exit == 0
    [(number, text)] = servers.notes
    assert number == 7
    assert text.splitlines()[0] == f"Saltern converged {commit[:12]}"
    assert "* new: project, content, access, mirror done" in text
    assert "* a:" not in text


def test_note_tells_of_what_is_not_done(make, servers, registry, merged):
    """A failure is on the change with the server's reason."""
    registry.projects("a", "b", "base", "new")
    servers.answers["project:new"] = [Refused("400 invalid project name: new")]
    commit = merged()
    assert make(git=True).converge("event", change_commit=commit).exit == 1
    [(_, text)] = servers.notes
    assert "project:new: failed: 400 invalid project name: new" in text
    assert "All" not in text.splitlines()[2]


def test_later_success_is_told_once_on_the_change_that_failed(make, servers, registry, merged):
    """First what failed, then once that all is done; a run that fails again adds nothing."""
    registry.projects("a", "b", "base", "new")
    servers.answers["project:new"] = [Refused("no"), Refused("no again")]
    commit = merged()
    assert make(git=True).converge("event", change_commit=commit).exit == 1
    assert make(git=True).converge("timer").exit == 1
    assert make(git=True).converge("other", projects=["a"]).exit == 0
    assert len(servers.notes) == 1
    assert make(git=True).converge("timer").exit == 0
    assert make(git=True).converge("timer").exit == 0
    firsts = [text.splitlines()[0] for _, text in servers.notes]
    words = ("Saltern has not finished", "Saltern converged")
    assert firsts == [f"{word} {commit[:12]}" for word in words]
    assert "What had failed is done now" in servers.notes[1][1]


def test_note_has_the_links_that_are_set(make, servers, registry, merged):
    """Each project of the change can be reached from its note; nothing else becomes a link."""
    registry.projects("a", "b", "base", "x/new")
    commit = merged()
    links = {"gerrit": "https://review.example.org", "mirror": "javascript:alert(1)"}
    converger = make(git=True)
    converger._settings = dataclasses.replace(converger._settings, links=links)
    assert converger.converge("event", change_commit=commit).exit == 0
    text = servers.notes[-1][1]
    assert "https://review.example.org/admin/repos/x%2Fnew" in text
    assert "javascript" not in text


def test_change_merged_while_nobody_listened_gets_its_note(make, servers, registry, merged):
    """The event was lost: the next converge of any cause finds the commit in the history."""
    registry.projects("a", "b", "base", "new")
    merged()
    registry.projects("a", "b", "base", "new", "newer")
    merged()
    make(git=True).converge("timer")
    assert sorted(number for number, _ in servers.notes) == [7, 8]


def test_note_that_stands_already_is_not_written_again(make, servers, registry, merged):
    """A kill between the note and the journal: the change itself says that it has its note."""
    registry.projects("a", "b", "base", "new")
    commit = merged()
    servers.answers["announce:7"] = [Retry("unanswered"), Retry("unanswered")]
    assert make(git=True).converge("event", change_commit=commit).exit == 1
    servers.changes[commit]["noted"] = True
    assert make(git=True).converge("timer").exit == 0
    assert servers.notes == []
    assert make(git=True).status()["stuck"] == []


@pytest.mark.parametrize("kind", ["flag", "other flag", "quoted"])
def test_retire_limit_takes_the_flag_of_the_merged_change(make, servers, registry, kind):
    """The trailer that cleared the vote clears the limit; a word elsewhere does not."""
    words = {"flag": "retire", "other flag": "remove-project", "quoted": "retire\n\nis a flag"}
    names = [f"p{n}" for n in range(8)]
    registry.projects(*names)
    registry.commit()
    make(git=True).converge("test")
    registry.retire("p0", "p1", "p2")
    registry.git("add", "-A")
    registry.git("commit", "-q", "-m", f"Retire three\n\nSaltern-Allow: {words[kind]}")
    report = make(git=True).converge("event")
    assert report.status == ("done" if kind == "flag" else "refused"), report.reason
    if kind == "flag":
        assert servers.projects["p2"].state == "READ_ONLY"
    else:
        assert "Saltern-Allow: retire" in report.reason


def test_commit_that_is_not_on_the_branch_is_ignored(make, servers, registry, merged):
    """A forged or foreign commit id in an event changes nothing."""
    for foreign in ("f" * 40, "not a commit", "refs/heads/master"):
        assert make(git=True).converge("event", change_commit=foreign).exit == 0
    assert servers.notes == []


def test_unreadable_commit_in_the_past_stops_nothing_once_mended(make, servers, registry, merged):
    """A merged projects.yaml that cannot be read is refused; after its fix all goes on."""
    registry.text("gerrit/projects.yaml", "- project: [\n")
    bad = merged()
    assert make(git=True).converge("event", change_commit=bad).exit == 2
    registry.projects("a", "b", "base", "new")
    merged()
    report = make(git=True).converge("event")
    assert report.exit == 0, report.reason
    assert "new" in servers.projects
    assert 8 in {number for number, _ in servers.notes}


def test_rewritten_history_stops_nothing(make, servers, registry, merged):
    """A registry branch that was forced elsewhere is followed from where it is now."""
    registry.git("checkout", "-q", "--orphan", "other")
    registry.projects("a", "b", "base", "new")
    registry.commit()
    registry.git("branch", "-q", "-M", "other", "master")
    assert make(git=True).converge("timer").exit == 0
    assert "new" in servers.projects


@pytest.mark.parametrize("damage", ["pack", "ref-lock", "empty-ref", "half-clone"])
def test_damaged_registry_clone_is_mended_or_named(make, servers, registry, tmp_path, damage):
    """What a kill leaves of the clone never ends in a traceback, and never in a wrong registry."""
    registry.commit()
    make(git=True).converge("before")
    clone = tmp_path / "state" / "registry.git"
    if damage == "pack":
        for pack in clone.glob("objects/pack/*.pack"):
            pack.chmod(0o600)
            pack.write_bytes(pack.read_bytes()[:40])
    elif damage == "ref-lock":
        (clone / "refs/heads/master.lock").touch()
    elif damage == "empty-ref":
        (clone / "refs/heads/master").write_text("")
    else:
        (clone / "HEAD").unlink()
    registry.projects("a", "b", "base", "new")
    registry.commit()
    report = make(git=True).converge("after")
    assert report.exit == 0 or str(clone) in report.reason
