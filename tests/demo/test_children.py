"""No process is left, also none whose own parent ended."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SLEEPER = "import time; time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


@pytest.mark.parametrize("code", [SLEEPER, STUBBORN], ids=["plain", "ignores SIGTERM"])
def test_orphan_of_a_session_of_its_own_is_ended(code):
    """A daemon that a child started in its own session is adopted, found and ended."""
    script = f"""
        import subprocess, sys
        from lab.demo import children
        children.GRACE_SECONDS = 1
        children.adopt_orphans()
        starter = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', "
        starter += "sys.argv[1]], stdout=-3, stderr=-3, start_new_session=True).pid)"
        run = subprocess.run([sys.executable, "-c", starter, {code!r}], capture_output=True)
        pid = int(run.stdout)
        print(pid, pid in children.descendants(), pid in children.end_descendants())
        print(children.descendants())
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
    )
    first, second = run.stdout.splitlines()
    pid, found, ended = first.split()
    assert (found, ended, second) == ("True", "True", "[]")
    assert not Path(f"/proc/{pid}").exists()
