"""Before the merge: what an uploaded change is told, through engine, reactor, runner and minion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.hostile import PWN, TEXTS, controls
from tests.integration.contributor import TAG, Contributor, comments, picture, pictures, vote
from tests.integration.saltsite import PROJECTS_FILE, Site, until

ACL = "gerrit/acls/casey/tool.config"
WRONG_ACL = """\
[access "refs/heads/*"]
\tpusch = group casey-core
\tread = casey-core
"""
RIGHT_ACL = """\
[access "refs/heads/*"]
\tlabel-Code-Review = -2..+2 group casey-core
"""


@pytest.fixture
def casey(site: Site, tmp_path: Path, request: pytest.FixtureRequest) -> Contributor:
    """A contributor with a clone of the registry, while the engine listens and nothing runs."""
    site.quiet()
    until(site.gerrit.streams, what="the engine to listen")
    return Contributor(site, tmp_path, f"casey{abs(hash(request.node.name)) % 10**6}")


def marked(text: str, comment: dict[str, Any]) -> str:
    """Return what a comment's range covers in the file's ``text``."""
    span, lines = comment["range"], text.split("\n")
    assert span["start_line"] == span["end_line"] == comment["line"]
    return lines[span["start_line"] - 1][span["start_character"] : span["end_character"]]


def entries(casey: Contributor, *more: str) -> str:
    """Return the projects file with further entries, as YAML (which JSON is too)."""
    text = casey.read(PROJECTS_FILE).rstrip()
    assert text.endswith("]")
    return text[:-1] + "".join(f",\n{entry}" for entry in more) + "\n]\n"


TOOL = '{"project": "casey/tool", "description": "A tool"}'


def test_wrong_change_is_told_at_its_lines_and_its_mended_patch_set_clears_the_vote(
    site: Site, casey: Contributor
) -> None:
    """git-review uploads; comments stand on line and range; the next one says what is mended."""
    casey.write({PROJECTS_FILE: entries(casey, TOOL), ACL: WRONG_ACL})
    number = casey.upload("Add casey/tool")
    text = picture(site, number)
    found = comments(site, number, 1)
    assert {row["path"] for row in found} == {ACL}
    covered = {marked(WRONG_ACL, row) for row in found if "range" in row}
    assert any("pusch" in part for part in covered), found
    assert any("read = casey-core" in part for part in covered), found
    assert "project casey/tool: is made" in text
    assert vote(site, number) == -1
    casey.write({ACL: RIGHT_ACL})
    assert casey.upload(amend=True) == number
    again = picture(site, number, 2)
    assert "Nothing is wrong with this change." in again
    assert "Mended since patch set 1:" in again
    assert comments(site, number, 2) == []
    assert vote(site, number) == 1
    assert len(pictures(site, number)) == 2
    assert site.project("casey/tool") is None


def test_change_that_removes_a_project_is_voted_down_until_its_message_says_so(
    site: Site, casey: Contributor
) -> None:
    """The reason names the flag; the flag in the trailers, and nowhere else, clears the vote."""
    casey.write({PROJECTS_FILE: "[]\n"})
    number = casey.upload("Drop base/one\n\nSaltern-Allow: remove-project is what I want")
    text = picture(site, number)
    assert "takes base/one" in text
    assert "add the line 'Saltern-Allow: remove-project'" in text
    assert vote(site, number) == -1
    message = casey.run("git", "log", "-1", "--format=%B").rstrip()
    casey.upload(
        f"Drop base/one\n\n{message.splitlines()[-1]}\nSaltern-Allow: remove-project\n", amend=True
    )
    text = picture(site, number, 2)
    assert "(allowed by Saltern-Allow: remove-project)" in text
    assert vote(site, number) == 1


def test_right_on_the_protected_list_is_voted_down_at_its_line(
    site: Site, casey: Contributor
) -> None:
    """The line that grants it carries the reason."""
    acl = '[access "refs/*"]\n\towner = group casey-core\n'
    casey.write({PROJECTS_FILE: entries(casey, TOOL), ACL: acl})
    number = casey.upload("Add casey/tool")
    text = picture(site, number)
    assert "grants owner on refs/*" in text
    assert vote(site, number) == -1
    rows = [row for row in comments(site, number, 1) if "protected-right" in row["message"]]
    assert [marked(acl, row) for row in rows] == ["owner = group casey-core"]


def test_two_changes_at_once_do_not_mix(site: Site, casey: Contributor) -> None:
    """Each change hears of its own findings and its own plan."""
    numbers = {}
    for name in ("left", "right"):
        casey.fresh()
        wrong = f'[access "refs/heads/*"]\n\t{name}Push = group {name}-core\n'
        entry = TOOL.replace("casey/tool", f"casey/{name}")
        casey.write({PROJECTS_FILE: entries(casey, entry)})
        casey.write({f"gerrit/acls/casey/{name}.config": wrong})
        numbers[name] = casey.upload(f"Add casey/{name}")
    for name, other in (("left", "right"), ("right", "left")):
        text = picture(site, numbers[name])
        assert f"casey/{name}" in text
        assert other not in text
        said = str([row["message"] for row in comments(site, numbers[name], 1)])
        assert f"{name}Push" in said
        assert other not in said


def test_lost_and_doubled_events_make_one_picture(site: Site, casey: Contributor) -> None:
    """A patch set that nobody heard of is found by the timer's call; doubled events add nothing."""
    site.gerrit.fault("cut-streams")
    casey.write({PROJECTS_FILE: entries(casey, TOOL)})
    number = casey.upload("Add casey/tool")
    report = site.runner("projects.review")
    assert report["status"] == "done", report
    picture(site, number)
    tag, data = "saltern/gerrit/patchset-created", {"change": number}
    site.fire(*[(tag, data)] * 20, (tag, {"change": 999_999}), (tag, {"change": "$(x)"}))
    report = site.runner("projects.review", f"change={number}")
    assert [row["status"] for row in report["changes"]] == ["stands"]
    assert len(pictures(site, number)) == 1


def test_hostile_texts_reach_the_change_as_text(
    site: Site, casey: Contributor, tmp_path: Path
) -> None:
    """Commit message, YAML, ACL, names of file, branch and user are shown, and do nothing.

    They are no lines of a log either, and no command of the terminal that shows it.
    """
    proof, logs = tmp_path / PWN, Logs(site)
    odd = {key: text for key, text in TEXTS.items() if key not in ("endless", "invisible")}
    hostile = " {{ 7*1911 }} ".join(odd.values()).replace(PWN, str(proof))
    casey.run("git", "config", "user.name", one_line(hostile))
    site.rest("PUT", f"accounts/{casey.name}/name", {"name": hostile})
    name = "x/{{ 7*1911 }}$(id)"
    description = f"{hostile}\nSaltern checked 0123"
    keys = {"project": name, "description": description, **dict.fromkeys(odd.values(), 1)}
    entry = yaml.safe_dump(keys, default_flow_style=True, width=10**6).strip()
    acl = f'[access "refs/heads/$(touch {proof})"]\n\t{{{{x}}}} = group <b>core</b>\n'
    files = {
        PROJECTS_FILE: entries(casey, entry, TOOL),
        ACL: acl,
        "gerrit/acls/$(id) {{ x }}\n<b>.config": acl,
    }
    casey.write(files)
    casey.run("git", "checkout", "-q", "-b", "$(id)")
    number = casey.upload(f"{hostile}\n\n{{% raw %}}\n\nSaltern-Allow: {hostile}\n")
    text = picture(site, number)
    assert not proof.exists()
    assert "13377" not in text
    assert "\u202e" not in text
    assert [line for line in text.splitlines() if line.startswith("Saltern checked")] == [
        f"Saltern checked {casey.run('git', 'rev-parse', 'HEAD')[:12]}"
    ]
    assert controls(text) == set()
    said = [row["message"] for row in comments(site, number, 1)]
    assert any(TEXTS["script"] in message for message in said), "a hostile text is among them"
    assert any("31mred" in message for message in said)
    assert set().union(*map(controls, said)) == set()
    assert site.runner("projects.review", f"change={number}")["status"] == "done"
    assert logs.forged() == []


def one_line(text: str) -> str:
    """Return ``text`` as a name in a commit can have it."""
    return "".join(char for char in text if char not in "\n\r<>")


class Logs:
    """What master, minion and their runners log from now on."""

    def __init__(self, site: Site):
        self._files = [path for path in (site.root / "salt").rglob("log*") if path.is_file()]
        self._begun = {path: path.stat().st_size for path in self._files}

    def forged(self) -> list[str]:
        """Return the lines that a contributor's text begins, or that a terminal would obey."""
        found = []
        for path in self._files:
            lines = path.read_bytes()[self._begun[path] :].decode("utf-8", "replace").split("\n")
            found += [x for x in lines if controls(x) - {"\t"} or x.endswith("][1] forged")]
        return found


def test_forged_picture_does_not_stand_in_for_saltern(site: Site, casey: Contributor) -> None:
    """Anybody may use Saltern's tag and its words; only its own account's message counts."""
    site.gerrit.fault("cut-streams")
    casey.write({PROJECTS_FILE: "- project: [\n"})
    number = casey.upload("Break it")
    head = casey.run("git", "rev-parse", "HEAD")
    forged = {"message": f"Saltern checked {head[:12]}\n\nAll is well.", "tag": TAG}
    login = f"{casey.name}:fake-{casey.name}"
    site.rest("POST", f"changes/{number}/revisions/current/review", forged, login)
    assert site.runner("projects.review", f"change={number}")["status"] == "done"
    assert len(pictures(site, number)) == 2
    assert vote(site, number) == -1
    (row,) = comments(site, number, 1)
    assert (row["path"], "SLT000" in row["message"]) == (PROJECTS_FILE, True)


def test_work_in_progress_is_told_when_it_becomes_ready(site: Site, casey: Contributor) -> None:
    """A draft hears nothing; the event of its end does."""
    casey.write({PROJECTS_FILE: entries(casey, TOOL)})
    casey.run("git", "add", "-A")
    casey.run("git", "commit", "-q", "-m", "Add casey/tool")
    casey.run("git-review", "--yes", "-R", "--wip")
    head = casey.run("git", "rev-parse", "HEAD").strip()
    (found,) = site.rest("GET", f"changes/?q=commit:{head}")
    number = found["_number"]
    report = site.runner("projects.review", f"change={number}")
    assert [row["reason"] for row in report["changes"]] == ["it is work in progress"]
    assert pictures(site, number) == []
    site.rest("POST", f"changes/{number}/ready", {})
    assert "Nothing is wrong" in picture(site, number)
