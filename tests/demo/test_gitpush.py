"""The yardstick's packs, judged by git itself."""

from __future__ import annotations

import subprocess

from benchmarks.gitpush import commit, pack


def test_pack_made_in_memory_is_taken_by_git(tmp_path):
    """`git index-pack --strict` reads the pack, and `git show` the file in its commit."""
    made = commit({b"a": b"x" * 5000, b"b.txt": b"hello\n"}, None, "A <a@example.org>")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    command = ["git", "-C", tmp_path, "index-pack", "--strict", "--stdin"]
    subprocess.run(command, input=pack(made), check=True, capture_output=True)
    shown = subprocess.run(
        ["git", "-C", tmp_path, "show", f"{made[0].id.decode()}:b.txt"],
        check=True,
        capture_output=True,
    )
    assert shown.stdout == b"hello\n"
