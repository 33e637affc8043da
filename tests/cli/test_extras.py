"""Contributors' commands do without the packages of the extra ``server``."""

from __future__ import annotations

import subprocess
import sys

import pytest

from saltern.cli import SERVER

WITHOUT = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {SERVER}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Absent())
from saltern.cli import main
main(prog_name="saltern")
"""
NOWHERE = "http://127.0.0.1:1"


def run(*words, cwd):
    """Run the command in a Python that has none of the packages."""
    command = [sys.executable, "-c", WITHOUT, *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=250)


@pytest.mark.parametrize("form", ["text", "json", "sarif", "gerrit"])
def test_check_needs_no_package_of_a_server(checkout, form):
    """Every form of the check comes out."""
    result = run("check", "--format", form, cwd=checkout())
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("words", ["rule SLT001", "schema projects", "completion bash", "--help"])
def test_smaller_commands_need_no_package_of_a_server(tmp_path, words):
    """What explains or describes runs everywhere."""
    assert run(*words.split(), cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("words", ["plan --gerrit {} --registry .", "adopt --gerrit {} --output o"])
def test_what_only_looks_gets_as_far_as_gerrit(checkout, words):
    """The answer is about the server that is not there, not about a package."""
    result = run(*words.format(NOWHERE).split(), cwd=checkout())
    assert result.returncode == 2
    assert f"{NOWHERE}/" in result.stderr
    assert "pip install" not in result.stderr


@pytest.mark.parametrize("words", ["converge", "plan", "status", "page --output o"])
def test_commands_of_a_server_say_what_to_install(tmp_path, words):
    """One line and status 2 in place of a traceback."""
    (tmp_path / "saltern.yaml").write_text("converge: {state_dir: state}\n")
    result = run(*words.split(), cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert "pip install 'saltern[server]'" in result.stderr
    assert len(result.stderr.splitlines()) == 1
