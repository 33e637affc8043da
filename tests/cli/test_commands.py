"""The smaller commands: rules, schemas, completion."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from saltern.registry.rules import all_rules
from saltern.report.findings.rulepage import pages
from tests.cli.conftest import saltern
from tests.hostile import NAMES, PWN, controls

CODES = [rule.code for rule in all_rules()]


def test_rule_explains_one(tmp_path):
    """A rule's page says what, why, an example and what to write instead."""
    found = saltern("rule", "slt031", cwd=tmp_path)
    assert found.returncode == 0
    assert found.stdout.startswith("SLT031 unknown-permission (error)\n")
    for part in ("Why:", "Example:", "Instead:", "ACL is not written"):
        assert part in found.stdout


def test_rule_lists_all(tmp_path):
    """Without a code every rule is listed once, that of unreadable files too."""
    lines = saltern("rule", cwd=tmp_path).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["SLT000", *CODES]


@pytest.mark.parametrize("code", CODES)
def test_every_rule_has_a_whole_page(code):
    """No part of a page is empty, and its title is one line of a table."""
    page = pages()[code]
    assert all((page.what, page.why, page.example, page.instead, page.holds))
    assert "\n" not in page.title.strip()
    assert len(page.title) < 160


def test_rule_pages_are_written_for_the_documentation(tmp_path):
    """One Markdown page a rule and an index that links each."""
    assert saltern("rule", "--write-docs", "rules", cwd=tmp_path).returncode == 0
    index = (tmp_path / "rules" / "index.md").read_text()
    for code in ["SLT000", *CODES]:
        assert f"[{code}]({code}.md)" in index
        assert (tmp_path / "rules" / f"{code}.md").read_text().startswith(f"# {code}: ")


@pytest.mark.parametrize("file", ["projects", "groups", "settings"])
def test_schema_is_draft_2020_12(tmp_path, file):
    """The schema printed is valid, and says which draft it is of."""
    from jsonschema import Draft202012Validator

    schema = json.loads(saltern("schema", file, cwd=tmp_path).stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_is_one_the_shell_reads(tmp_path, shell):
    """The script names the command; where the shell is there, it parses."""
    script = saltern("completion", shell, cwd=tmp_path).stdout
    assert "_SALTERN_COMPLETE" in script
    if shutil.which(shell):
        (tmp_path / "script").write_text(script)
        subprocess.run([shell, "-n", tmp_path / "script"], check=True, timeout=120)


def test_completion_offers_commands_and_runs_nothing_of_the_checkout(tmp_path):
    """Words of the command line and file names are data to the completion."""
    for name in NAMES:
        if name and "/" not in name:
            (tmp_path / f"{name}.yaml").write_text("")
    for words, cword in (
        ("saltern ", "1"),
        ("saltern check ", "2"),
        (f"saltern $(touch {PWN}) ", "2"),
        (f"saltern check --registry '$(touch {PWN})", "3"),
    ):
        found = saltern(
            cwd=tmp_path, _SALTERN_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=cword
        )
        assert found.returncode == 0
        assert words != "saltern " or "plain,check" in found.stdout
        assert controls(found.stdout) == set()
    assert not (tmp_path / PWN).exists()


@pytest.mark.parametrize("typed", ["check --registry ", "check --registry $", "rule $(", "-"])
def test_bash_completes_in_a_checkout_of_hostile_names_and_runs_none(tmp_path, typed):
    """A shell that sourced the script offers hostile file names as text, whatever is typed."""
    for name in NAMES:
        if name and "/" not in name:
            (tmp_path / name).mkdir()
    on_path = tmp_path / "bin"
    on_path.mkdir()
    (on_path / "saltern").write_text(
        f"#!/bin/sh\nexec {sys.executable} -c "
        '\'from saltern.cli import main; main(prog_name="saltern")\' "$@"\n'
    )
    (on_path / "saltern").chmod(0o755)
    (on_path / "script").write_text(saltern("completion", "bash", cwd=tmp_path).stdout)
    ask = """
        source bin/script
        read -ra COMP_WORDS <<< "saltern $TYPED"
        [[ $TYPED == *' ' ]] && COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _saltern_completion saltern
        printf 'offered %s\\n' "${COMPREPLY[@]}"
    """
    run = subprocess.run(
        ["bash", "-c", ask],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{on_path}:{os.environ['PATH']}", "TYPED": typed},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.stdout.startswith("offered "), run.stderr
    assert not list(tmp_path.rglob(PWN))


def test_imported_command_leaves_the_search_for_garbage_on():
    """Whoever imports the command line, such as a long converge, still has garbage collected."""
    script = "import gc, saltern.cli; print(gc.isenabled())"
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=250
    )
    assert (found.stdout, found.stderr) == ("True\n", "")
