"""The mirror: made, followed, and compared with what git itself says."""

import shutil
import stat
import threading

import pytest

from saltern.errors import Broken, Refused
from saltern.providers.mirror import MirrorProvider
from saltern.settings import MirrorSettings
from saltern.steps import Step
from tests.providers.mirror_source import Front, Mirror, Source, git, git_refs, serving


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Return repositories to mirror, with ``url`` where they are served."""
    made = Source(tmp_path_factory.mktemp("source"))
    with serving(made.root) as made.url:
        yield made


@pytest.fixture
def name(source, request):
    """Return the name of a fresh project with one commit."""
    made = f"infra/{request.node.name.partition('[')[0]}-{len(list(source.root.rglob('*.git')))}"
    source.make(made)
    return made


@pytest.fixture
def mirror(source, tmp_path):
    """Return a mirror of ``source``."""
    return Mirror(tmp_path / "mirror", source.url)


@pytest.fixture
def front(source):
    """Return a front before ``source``."""
    made = Front(source.url)
    yield made
    made.close()


def test_new_project_is_mirrored_whole(source, mirror, name):
    """Branches and tags are Gerrit's, HEAD and description as asked; the outcome counts refs."""
    source.commit(name, "stable/1.0")
    source.tag(name, "1.0", source.refs(name)["refs/heads/master"])
    outcome = mirror.one(name, description="One\nline {{ x }}")
    assert outcome.ok
    assert outcome.evidence == {"refs": 3}
    assert git_refs(mirror.path(name)) == source.refs(name)
    assert git("-C", str(mirror.path(name)), "symbolic-ref", "HEAD") == "refs/heads/master\n"
    assert (mirror.path(name) / "description").read_text() == "One line {{ x }}\n"
    git("-C", str(mirror.path(name)), "fsck", "--strict")


def test_mirrored_project_can_be_cloned_from_the_lab_server(source, mirror, name, tmp_path):
    """What was mirrored can be cloned over smart HTTP, with and without the suffix."""
    assert mirror.one(name).ok
    with serving(mirror.root) as url:
        for number, suffix in enumerate(("", ".git")):
            git("clone", "-q", f"{url}/{name}{suffix}", str(tmp_path / f"clone{number}"))
            head = git("-C", str(tmp_path / f"clone{number}"), "rev-parse", "HEAD").strip()
            assert head == source.refs(name)["refs/heads/master"]


def test_gerrit_refs_outside_branches_and_tags_are_not_mirrored(source, mirror, name):
    """Changes, configuration and notes of Gerrit stay with Gerrit."""
    tip = source.refs(name)["refs/heads/master"]
    for ref in ("refs/changes/01/1/1", "refs/meta/config", "refs/notes/review"):
        source.set(name, ref, tip)
    assert mirror.one(name).ok
    assert git_refs(mirror.path(name)) == {"refs/heads/master": tip}


def test_empty_project_is_mirrored_empty(source, mirror, name):
    """A project without a branch has a mirror without one."""
    source.set(name, "refs/heads/master", None)
    assert mirror.one(name).evidence == {"refs": 0}
    assert mirror.look(name, deep=True) == {"refs": {}, "head": "refs/heads/master", "all_refs": {}}


def test_every_kind_of_ref_change_is_followed(source, mirror, name):
    """New, forced, deleted, moved tag, and a folder where a branch was."""
    first = source.refs(name)["refs/heads/master"]
    for branch in ("gone", "forced", "a"):
        source.commit(name, branch, branch)
    source.tag(name, "1.0", first)
    assert mirror.one(name).ok
    source.commit(name)
    source.set(name, "refs/heads/gone", None)
    source.set(name, "refs/heads/forced", first)
    source.set(name, "refs/heads/a", None)
    source.commit(name, "a/b")
    source.set(name, "refs/tags/1.0", first)
    assert mirror.look(name)["refs"] != {
        "refs/heads/master": source.refs(name)["refs/heads/master"]
    }
    assert mirror.one(name).ok
    assert git_refs(mirror.path(name)) == source.refs(name)


def test_default_branch_changed_moves_head(source, mirror, name):
    """HEAD and description follow the registry though no ref moved."""
    source.commit(name, "main")
    assert mirror.one(name).ok
    assert mirror.one(name, branch="main", description="new").ok
    assert mirror.look(name)["head"] == "refs/heads/main"
    assert (mirror.path(name) / "description").read_text() == "new\n"


def test_second_apply_fetches_nothing(front, source, name, tmp_path):
    """What already equals Gerrit is proved by a listing alone."""
    mirror = Mirror(tmp_path / "mirror", front.url)
    assert mirror.one(name).ok
    assert front.fetches == 1
    assert mirror.one(name).ok
    assert front.fetches == 1


def test_observe_shows_what_is_there_without_a_process(source, mirror, name, monkeypatch):
    """Loose and packed refs are read in process; what is not mirrored is absent."""
    tip = source.refs(name)["refs/heads/master"]
    tag = source.tag(name, "1.0", tip)
    assert mirror.one(name).ok
    git("-C", str(mirror.path(name)), "pack-refs", "--all")
    git("-C", str(mirror.path(name)), "repack", "-adq")
    monkeypatch.setenv("PATH", "/nowhere")
    assert mirror.look(name) == {"refs": {"refs/heads/master": tip}, "head": "refs/heads/master"}
    assert mirror.look(name, deep=True)["all_refs"] == {
        "refs/heads/master": tip,
        "refs/tags/1.0": tag,
    }
    assert mirror.look("never/made") is None
    assert mirror.provider.refs(name)["refs/tags/1.0"] == tag


def test_observe_writes_nothing(source, mirror):
    """Looking at a mirror that was never made does not make its folder."""
    assert mirror.look("any") is None
    assert not mirror.root.exists()


def test_cold_project_costs_one_git_command(source, mirror, name, tmp_path, monkeypatch):
    """A project is made with a single run of git; one that is equal costs none."""
    log = tmp_path / "log"
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\necho "$1" >> {log}\nexec {shutil.which("git")} "$@"\n')
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:/usr/bin:/bin")
    assert mirror.one(name).ok
    assert mirror.one(name).ok
    assert log.read_text().split() == ["fetch"]


def test_ref_moved_during_the_fetch_is_fetched_too(front, source, name, tmp_path):
    """A branch that moves while it is fetched ends at its newest commit."""
    mirror = Mirror(tmp_path / "mirror", front.url)
    moves = iter(["once"])
    front.on_fetch = lambda: [source.commit(name, text=move) for move in moves]
    assert mirror.one(name).ok
    assert git_refs(mirror.path(name)) == source.refs(name)


def test_refs_that_never_rest_are_left_for_later(front, source, name, tmp_path):
    """A project pushed to faster than it is fetched is not called done."""
    mirror = Mirror(tmp_path / "mirror", front.url)
    front.on_fetch = lambda: source.commit(name, text=f"{front.fetches}")
    outcome = mirror.one(name)
    assert (outcome.status, outcome.code) == ("retry", "moving")
    front.on_fetch = None
    assert mirror.one(name).ok


def test_batch_gives_one_outcome_a_step_in_order(source, mirror, name):
    """Bad names, bad branches, unknown kinds and missing payload spoil no neighbour."""
    good = {"default_branch": "master", "description": ""}
    steps = [
        Step("mirror", "../evil", "", good),
        Step("mirror", name, "", good),
        Step("mirror", "x", "", {"default_branch": "a\nb", "description": ""}),
        Step("mirror", "y", "", {}),
        Step("group", "z", "", good),
        Step("mirror", "never/made", "", good),
    ]
    outcomes = mirror.provider.apply(steps)
    assert [o.step for o in outcomes] == [s.key for s in steps]
    assert [o.ok for o in outcomes] == [False, True, False, False, False, False]
    assert [o.code for o in outcomes] == ["name", "", "branch", "defect", "kind", "source-404"]
    assert mirror.provider.apply([]) == []


def test_same_project_from_two_sides_is_done_by_both(source, name, tmp_path):
    """Two runs at once wait for each other instead of colliding."""
    mirrors = [Mirror(tmp_path / "mirror", source.url) for _ in range(3)]
    outcomes = []
    threads = [threading.Thread(target=lambda m=m: outcomes.append(m.one(name))) for m in mirrors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [o.status for o in outcomes] == ["done"] * 3
    assert git_refs(mirrors[0].path(name)) == source.refs(name)


def test_root_that_is_no_folder_is_no_empty_mirror(mirror):
    """What cannot be looked at is an error, not a mirror without projects."""
    mirror.root.write_text("a file")
    with pytest.raises(Broken):
        mirror.look("any")


BAD_NAMES = [
    "",
    "/etc/passwd",
    "../up",
    "a/../../up",
    "a//b",
    "a/",
    "./a",
    "a/.",
    "a.git/b",
    "a.GIT/hooks/b",
    "a.git",
    ".saltern/locks",
    "a\nb",
    "a\x00b",
    "a\\b",
    "x" * 300,
    "\ud800",
]


@pytest.mark.parametrize("bad", BAD_NAMES, ids=lambda n: ascii(n)[:20])
def test_name_that_is_no_safe_path_is_refused(source, mirror, bad):
    """No name leaves the root, enters a repository or Saltern's own folder."""
    outcome = mirror.one(bad)
    assert (outcome.status, outcome.code) == ("failed", "name")
    assert "broken" in mirror.look(bad)
    assert not mirror.root.exists()


@pytest.mark.parametrize("odd", ["a b", "ä/ö", "-a", "a+b", "x%20y", "..a", "$(id)", "a'b\"c"])
def test_odd_name_is_mirrored(source, mirror, odd):
    """Names Gerrit takes are no special case for paths, URLs or git's arguments."""
    if not (source.root / f"{odd}.git").exists():
        source.make(odd)
    assert mirror.one(odd).ok
    assert git_refs(mirror.path(odd)) == source.refs(odd)


def test_project_inside_the_folder_of_another_is_mirrored(source, mirror, name):
    """``a`` and ``a/b`` can both exist, as on Gerrit."""
    source.make(f"{name}/below")
    assert [o.ok for o in mirror.apply(name, f"{name}/below")] == [True, True]


def test_link_out_of_the_root_is_refused(source, mirror, name, tmp_path):
    """A symbolic link below the root is no way out of it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    mirror.root.mkdir()
    (mirror.root / "infra").symlink_to(outside)
    assert mirror.one(name).code == "name"
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    "settings",
    [
        {"root": "relative", "source_url": "http://host"},
        {"root": "/m", "source_url": "ftp://host"},
        {"root": "/m", "source_url": "http://user:secret@host"},
    ],
    ids=["relative-root", "other-scheme", "credentials-in-url"],
)
def test_settings_that_cannot_work_are_refused(settings):
    """Wrong settings are told at once, without the secret in them."""
    with pytest.raises(Broken) as caught:
        MirrorProvider(MirrorSettings(**settings))
    assert "secret" not in str(caught.value)


def test_refs_of_a_project_not_mirrored_are_refused(mirror):
    """The admin's call says that nothing is there, not that it is empty."""
    with pytest.raises(Refused):
        mirror.provider.refs("never/made")
