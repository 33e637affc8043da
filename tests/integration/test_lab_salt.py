"""The lab's private master and minion."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.integration.saltsite import until

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from lab import salt
lab = salt.start(sys.argv[1], minions=["m1"], pillar={"m1": {"word": "{{ 6 * 7 }}"}})
print(lab.call("m1", "pillar.get", "word", unmask=True), lab.master.pid, flush=True)
try:
    sys.stdin.read()
finally:
    print("stopping", flush=True)
"""


def processes(root: Path) -> list[str]:
    """Return the command lines that name ``root``."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue  # it ended meanwhile
        if str(root) in line and "salt-" in line:
            found.append(line)
    return found


def begin(root: Path) -> subprocess.Popen[str]:
    """Start the program above in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(root)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_interrupted_lab_leaves_no_process_and_starts_again_on_the_same_keys(
    tmp_path: Path,
) -> None:
    """Ctrl-C stops every daemon; a second start reuses keys; pillar values are no templates."""
    root = tmp_path / "lab"
    keys = []
    for ending in (signal.SIGINT, None):
        program = begin(root)
        assert program.stdout
        assert program.stdin
        word, _ = program.stdout.readline().rsplit(" ", 1)
        assert word == "{{ 6 * 7 }}"
        assert processes(root)
        keys.append((root / "master/pki/master.pub").read_bytes())
        if ending:
            os.killpg(program.pid, ending)
        else:
            program.stdin.close()
        program.wait(200)
        program.stdout.close()
        until(lambda: not processes(root), what="the daemons to be gone")
    assert keys[0] == keys[1]


def test_second_site_has_ports_and_sockets_of_its_own(tmp_path: Path) -> None:
    """Two labs run beside each other, one of them under a path too long for a socket."""
    roots = [tmp_path / "a", tmp_path / ("b" * 120)]
    programs = [begin(root) for root in roots]
    masters = [program.stdout.readline().split()[-1] for program in programs]
    assert all(pid.isdecimal() for pid in masters)
    for program in programs:
        program.communicate(timeout=200)
    until(lambda: not any(processes(root) for root in roots), what="the daemons to be gone")
