"""``saltern check``: what it says, where, and how it ends."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

from tests.cli.conftest import GOOD, commit, saltern
from tests.hostile import TEXTS, controls

WRONG = "- project: org/a\n  descripton: A library\n- project: org/b\n  acl-config: no.config\n"


def test_registry_without_faults_ends_with_0(checkout):
    """A good registry has no findings, and needs no settings file."""
    found = saltern("check", cwd=checkout())
    assert (found.returncode, found.stdout, found.stderr) == (0, "no findings\n", "")


def test_fault_is_shown_with_its_line_and_a_caret(checkout):
    """A finding names code, severity and place, shows the line, and says what to write."""
    found = saltern("check", cwd=checkout(WRONG))
    lines = found.stdout.splitlines()
    assert found.returncode == 1
    assert lines[0].startswith("gerrit/projects.yaml:2:3: SLT005 warning unknown key 'descripton'")
    assert lines[1:4] == ["  |", "2 |   descripton: A library", "  |   ^^^^^^^^^^"]
    assert lines[4] == "  = help: saltern rule SLT005"
    assert lines[-1] == "1 error, 1 warning"


def test_directory_may_be_named(checkout, tmp_path):
    """The checkout need not be the current directory."""
    checkout(WRONG)
    assert saltern("check", "checkout", cwd=tmp_path).returncode == 1


@pytest.mark.parametrize("arguments", [(), ("--changed-since", "HEAD")], ids=["all", "since"])
def test_file_that_is_no_yaml_is_one_finding_with_its_place(checkout, arguments):
    """What cannot be read as a whole is a finding like any other, not a failure to run."""
    root = checkout()
    commit(root)
    (root / "gerrit" / "projects.yaml").write_text("- project: a\n- project: [\n")
    found = saltern("check", *arguments, cwd=root)
    assert found.returncode == 1
    assert found.stdout.startswith("gerrit/projects.yaml:3:1: SLT000 error not YAML")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "--changed-since", "nope"], "'nope' is no commit"),
        (["check", "--select", "SLT999"], "no rule 'SLT999'"),
        (["check", "--changed-since", "HEAD~99999999999999999999"], "is no commit"),
        (["rule", "SLT999"], "no rule 'SLT999'"),
        (["--settings", "gone.yaml", "check"], "gone.yaml"),
        (["check", "gerrit"], "gerrit/gerrit/projects.yaml: no such file"),
    ],
    ids=["revision", "code", "far", "rule", "settings", "folder"],
)
def test_what_cannot_be_run_ends_with_2(checkout, arguments, says):
    """A wrong argument is no finding: the status is 2 and the reason is said."""
    root = checkout()
    commit(root)
    found = saltern(*arguments, cwd=root)
    assert (found.returncode, found.stdout) == (2, "")
    assert says in found.stderr
    assert "Traceback" not in found.stderr


def test_level_error_leaves_warnings_out(checkout):
    """With --level error only what Gerrit would refuse or lose is shown and counts."""
    found = saltern("check", "--level", "error", cwd=checkout(WRONG))
    assert (found.returncode, found.stdout.splitlines()[-1]) == (1, "1 error")
    only_warning = checkout(GOOD + "  colour: red\n")
    assert saltern("check", "--level", "error", cwd=only_warning).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [
        (["--select", "SLT005"], {"SLT005"}),
        (["--ignore", "slt005"], {"SLT021"}),
        (["--select", "SLT0", "--ignore", "SLT02"], {"SLT005"}),
    ],
    ids=["select", "ignore", "both"],
)
def test_rules_can_be_chosen(checkout, arguments, codes):
    """Codes and beginnings of codes choose what is shown."""
    found = saltern("check", "--format", "json", *arguments, cwd=checkout(WRONG))
    assert {f["code"] for f in json.loads(found.stdout)["findings"]} == codes


def test_settings_beside_the_registry_are_used(checkout):
    """``saltern.yaml`` in the checkout says where the files are and which rules apply."""
    root = checkout(WRONG)
    (root / "gerrit" / "projects.yaml").rename(root / "all.yaml")
    (root / "saltern.yaml").write_text(
        "registry: {projects_file: all.yaml}\ncheck: {ignore: [SLT005]}\n"
    )
    found = saltern("check", "--format", "json", cwd=root)
    assert [f["file"] for f in json.loads(found.stdout)["findings"]] == ["all.yaml"]


def test_settings_of_another_type_are_refused(checkout):
    """A setting that could not mean anything is named, with what it must be."""
    root = checkout()
    (root / "saltern.yaml").write_text("registry: {acl_prefixes: /home}\n")
    found = saltern("check", cwd=root)
    assert found.returncode == 2
    assert "registry: setting 'acl_prefixes' must be a list" in found.stderr


def test_changed_since_shows_what_was_caused_since(checkout):
    """Faults that stood before are counted and not shown, wherever they stand now."""
    root = checkout(WRONG)
    commit(root)
    (root / "gerrit" / "projects.yaml").write_text(
        "# moved\n" + WRONG + "- project: org/c\n  acl-config: nor.config\n"
    )
    found = saltern("check", "--changed-since", "HEAD", "--format", "json", cwd=root)
    data = json.loads(found.stdout)
    assert [(f["code"], f["projects"]) for f in data["findings"]] == [("SLT021", ["org/c"])]
    assert data["summary"]["not_caused"] == 2


def test_changed_since_looks_back_to_where_the_branches_parted(checkout):
    """What others merged meanwhile is not taken for this change's doing."""
    root = checkout(WRONG)
    commit(root)
    subprocess.run(["git", "-C", root, "checkout", "-q", "-b", "topic"], check=True)
    commit(root)
    subprocess.run(["git", "-C", root, "checkout", "-q", "master"], check=True)
    (root / "gerrit" / "projects.yaml").write_text(GOOD)
    commit(root)
    subprocess.run(["git", "-C", root, "checkout", "-q", "topic"], check=True)
    assert saltern("check", "--changed-since", "master", cwd=root).returncode == 0


@pytest.mark.parametrize("name", ["HEAD~1", "HEAD^", "@~", "start"])
def test_changed_since_takes_git_names(checkout, name):
    """Ancestors, branches and tags are understood in a folder of a work tree, too."""
    root = checkout(WRONG)
    commit(root)
    subprocess.run(["git", "-C", root, "tag", "start"], check=True)
    commit(root)
    found = saltern("check", "--changed-since", name, cwd=root)
    assert (found.returncode, found.stdout.count("not cause")) == (0, 1)


def test_changed_since_without_a_registry_before_shows_all(checkout):
    """Where the commit has no readable registry, nothing is held back, and that is said."""
    root = checkout("- [\n")
    commit(root)
    (root / "gerrit" / "projects.yaml").write_text(WRONG)
    found = saltern("check", "--changed-since", "HEAD", cwd=root)
    assert found.stdout.splitlines()[-1] == "1 error, 1 warning"
    assert "no registry that can be read" in found.stderr


def test_registry_in_a_folder_of_a_work_tree_is_compared_with_its_own_past(checkout):
    """The checkout may be a folder of a larger repository."""
    root = checkout()
    inner = root / "deep" / "registry"
    (inner / "gerrit").mkdir(parents=True)
    (inner / "gerrit" / "projects.yaml").write_text(WRONG)
    commit(root)
    found = saltern("check", "--changed-since", "HEAD", cwd=inner)
    assert (found.returncode, "2 other findings" in found.stdout) == (0, True)


@pytest.mark.parametrize("no_color", ["", "1"], ids=["color", "no-color"])
def test_color_is_for_terminals_that_want_it(checkout, no_color):
    """A terminal gets colour unless NO_COLOR is set; a pipe never does."""
    root = checkout(WRONG)
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", "from saltern.cli import main; main()", "check"],
            cwd=root, stdout=theirs, env={**os.environ, "NO_COLOR": no_color, "TERM": "xterm"},
        )  # fmt: skip
        shown = os.read(ours, 100)
        assert process.wait(120) == 1
    finally:
        os.close(ours)
        os.close(theirs)
    assert (b"\x1b[" in shown) is (no_color == "")
    assert "\x1b" not in saltern("check", cwd=root).stdout


@pytest.mark.parametrize("form", ["text", "json", "sarif", "gerrit"])
def test_hostile_texts_are_shown_as_text(checkout, form):
    """What a contributor wrote reaches no terminal as a command and no shell as a word."""
    texts = [(number, json.dumps(text)) for number, text in enumerate(TEXTS.values())]
    root = checkout(
        "".join(
            f"- project: org/a{n}\n  ? {text}\n  : 1\n  description: {text}\n"
            f"  acl-config: {text}\n- project: {text}\n"
            for n, text in texts
        )
    )
    found = saltern("check", "--format", form, cwd=root)
    assert found.returncode == 1
    assert "Traceback" not in found.stderr
    assert controls(found.stdout + found.stderr) == set()
    assert sorted(p.name for p in root.iterdir()) == [".git", "gerrit"]
    assert form == "text" or json.loads(found.stdout)


def test_output_survives_a_terminal_that_lacks_a_character(checkout):
    """Text the terminal has no characters for is spelled out, and nothing breaks."""
    root = checkout('- project: org/a\n  "a→": 1\n')
    found = saltern("check", cwd=root, PYTHONIOENCODING="latin-1")
    assert found.returncode == 1
    assert "unknown key 'a\\u2192'" in found.stdout
