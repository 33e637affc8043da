"""Failures 5, 6, 7, 9, 15 and 16: exit statuses, lost state, overlapping runs, and by hand."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from scene import reasons


def family(scene) -> None:
    """Four projects, a chain of three and one retired, with groups."""
    scene.project("kid", acl=scene.rights("core", "release", parent="mum"))
    scene.project("mum", acl=scene.rights("core", parent="gran"))
    scene.project("gran", acl=scene.rights("admin people"))
    scene.project("old", acl=scene.rights("core", more="[project]\n\tstate = read only\n"))


def test_05_failed_creation_gives_an_exit_status_and_a_reason(scene, server):
    """5. A failed create-project leaves exit status 0: here 1, with the server's words."""
    name = scene.project("refused")
    server.fault(
        "refuse-calls", method="PUT", path="projects/", status=403, text="not permitted", count=0
    )
    done = scene.command("converge")
    assert done.returncode == 1
    assert f"project:{name}" in done.stdout
    assert "not permitted" in done.stdout
    assert f"salt-run projects.retry 'project:{name}'" in done.stdout
    server.clear_faults()
    assert scene.command("converge").returncode == 0
    again = scene.command("converge")
    assert (again.returncode, "nothing to do" in again.stdout) == (0, True)
    scene.assert_settled()


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda s: setattr(s, "url", "http://127.0.0.1:9"), "127.0.0.1:9"),
        (lambda s: (s.registry / "gerrit/projects.yaml").write_text("- {"), "projects.yaml:"),
        (lambda s: (s.registry / "gerrit/projects.yaml").unlink(), "projects.yaml"),
    ],
    ids=["gerrit-away", "unreadable-registry", "no-registry"],
)
def test_05_run_that_cannot_begin_exits_two_with_the_reason(scene, break_it, says):
    """5. Nothing could be decided: exit 2, one sentence, no traceback."""
    scene.project("any")
    break_it(scene)
    done = scene.command("converge")
    assert done.returncode == 2
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_05_wrong_password_is_one_clear_error(scene, server):
    """5. Bad credentials stop before any step, name the setting, and do not show the secret."""
    scene.project("any")
    settings = scene.settings()
    settings["gerrit"]["password"] = "wrong-and-secret"
    scene.settings = lambda: settings
    done = scene.command("converge")
    assert done.returncode == 2
    assert "password" in done.stdout + done.stderr
    assert "wrong-and-secret" not in done.stdout + done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["TERM", "KILL"])
@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(n, marks=pytest.mark.slow) for n in range(2, 10))]
)
def test_06_killed_at_a_random_moment_loses_nothing(scene, number, seed):
    """6. SIGTERM or SIGKILL loses the whole run's cache: here the next run ends the same."""
    family(scene)
    mark, chance = scene.mark(), random.Random(seed)  # noqa: S311
    after = chance.randrange(1, 12)
    process = scene.command("converge", wait=False)
    deadline = time.monotonic() + 120
    while len(scene.writes(mark)) < after and process.poll() is None:
        assert time.monotonic() < deadline
    time.sleep(chance.random() / 50)
    process.send_signal(number)
    process.wait()
    report = scene.converge()
    assert report.exit == 0, report.steps
    scene.assert_settled()


def test_06_kill_of_a_second_run_repeats_nothing_of_the_first(scene, relay):
    """6. What the killed run had finished is not done again."""
    family(scene)
    relay.hold(9, after=False)
    mark = scene.mark()
    process = scene.command("converge", wait=False)
    relay.catch(process)
    before = set(scene.writes(mark))
    process.kill()
    process.wait()
    scene.url = scene.server.http_url
    mark = scene.mark()
    scene.converge_all()
    assert not before & set(scene.writes(mark))
    scene.assert_settled()


@pytest.mark.parametrize("keep", [0, 100, 5000], ids=["empty", "header", "half"])
def test_07_truncated_cache_is_rebuilt_by_itself(scene, keep):
    """7. A truncated cache file aborts every later run: here it is only a cache."""
    family(scene)
    scene.converge_all()
    scene.close()
    files = [p for p in (scene.root / "cache").rglob("*") if p.is_file() and p.stat().st_size]
    assert files
    for path in files:
        path.write_bytes(path.read_bytes()[:keep])
    scene.assert_settled()


@pytest.mark.parametrize("junk", [b"\0" * 9000, b"not a database" * 900], ids=["zeros", "text"])
def test_07_overwritten_cache_is_rebuilt_by_itself(scene, junk):
    """7. Whatever stands in the cache file, the server is asked instead."""
    family(scene)
    scene.converge_all()
    scene.close()
    for path in (scene.root / "cache").rglob("*.sqlite*"):
        path.write_bytes(junk)
    scene.assert_settled()


def test_07_truncated_journal_stops_with_a_remedy_that_works(scene):
    """7. The journal is history: its damage is named, moving it aside loses no project."""
    family(scene)
    scene.converge_all()
    scene.close()
    journal = scene.root / "state/journal.sqlite"
    for path in journal.parent.glob("journal.sqlite-*"):
        path.unlink()
    journal.write_bytes(journal.read_bytes()[:3000] + b"\xff" * 3000)
    done = scene.command("converge")
    assert done.returncode == 2
    assert str(journal) in done.stderr
    assert "move it aside" in done.stderr
    journal.rename(journal.with_suffix(".aside"))
    scene.assert_settled()


def test_07_all_state_lost_repeats_nothing(scene):
    """7. Without any state of ours the servers still say what is done."""
    family(scene)
    scene.converge_all()
    scene.root = scene.root / "elsewhere"
    scene.root.mkdir()
    scene.assert_settled()


def test_09_two_runs_at_once_make_everything_once(scene):
    """9. Two runs at once collide: here one waits and finds it done; both exit 0."""
    family(scene)
    mark = scene.mark()
    both = [scene.command("converge", wait=False) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    writes = scene.writes(mark)
    assert len(writes) == len(set(writes))
    scene.assert_settled()


def test_09_two_runs_without_a_common_lock_still_end_right(scene):
    """9. Even two masters that do not know of each other leave nothing empty or broken."""
    family(scene)
    convergers = []
    for state in ("one", "two"):
        base = scene.settings()
        base["converge"]["state_dir"] = str(scene.root / state)
        base["gerrit"]["cache_dir"] = str(scene.root / f"cache-{state}")
        scene.settings, kept = lambda base=base: base, scene.settings
        convergers.append(scene.converger())
        scene.settings = kept
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda c: c.converge("at once"), convergers))
    scene.converge_all()
    scene.assert_settled()


def test_15_run_that_fails_half_way_goes_on_with_the_rest_and_resumes(scene, server):
    """15. Playbooks went on after a failure, or stopped at it: here only what depends waits."""
    family(scene)
    gran, old = f"{scene.prefix}/gran", f"{scene.prefix}/old"
    server.fault("refuse-pushes", project=f"{gran}$", ref="refs/heads", text="disk full", count=0)
    report = scene.converge()
    assert report.exit == 1
    assert reasons(report).keys() == {f"{kind}:{gran}" for kind in ("content", "access", "mirror")}
    assert "disk full" in reasons(report)[f"content:{gran}"]
    scene.assert_as_asked([old])
    server.clear_faults()
    mark = scene.mark()
    scene.converge_all()
    assert {line.split()[1] for line in scene.writes(mark)} == {gran}
    scene.assert_settled()


def test_15_single_string_of_groups_is_a_finding_and_never_letters(scene):
    """15. Single-string `groups:` was iterated per character: here it is told with its line."""
    name = scene.project("single", groups="release")
    report = scene.converge()
    assert any("groups" in line and "projects.yaml:" in line for line in report.findings)
    assert not {"r", "e", "l"} & scene.reader.groups().keys()
    assert name in scene.reader.projects()


def test_15_renamed_project_is_reported_and_nothing_is_deleted(scene):
    """15. A rename made duplicates: the old name is kept, and asked for no more."""
    old = scene.project("before", acl=scene.rights("core"))
    scene.converge_all()
    scene.entries.clear()
    scene.project("after", acl=scene.rights("core"))
    scene.converge_all()
    assert old in scene.reader.projects()
    scene.assert_settled()


def test_15_overlapping_runs_are_served_by_one_more_round(scene):
    """15. Overlapping 15-minute cron runs: those who come meanwhile are queued, exit 75."""
    family(scene)
    converger = scene.converger()
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda n: converger.converge(f"cron {n}", wait=False), range(12)))
    assert {report.exit for report in reports} <= {0, 75}
    assert not converger.journal.pending()
    scene.assert_settled()


def test_16_everything_is_asked_for_in_one_change_in_any_order(scene, tmp_path):
    """16. "Perform all of the steps, in the order": here one registry, shuffled, one run."""
    subprocess.run(["git", "init", "-q", "-b", "master", tmp_path / "up"], check=True)
    identity = ["-c", "user.name=u", "-c", "user.email=u@example.com"]
    commit = ["git", *identity, "commit", "-q", "--allow-empty", "-m", "x"]
    subprocess.run(commit, cwd=tmp_path / "up", check=True)
    family(scene)
    scene.project("moved", upstream=(tmp_path / "up").as_uri(), acl=scene.rights(parent="kid"))
    random.Random(16).shuffle(scene.entries)  # noqa: S311
    scene.save()
    scene.converge_all()
    scene.assert_settled()
