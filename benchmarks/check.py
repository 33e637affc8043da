"""``saltern check`` beside a bare reader: a process that composes and reads the same files.

The ratio of processor times says the same on a fast machine and a slow one. The registry is
the one in SALTERN_CORPUS, else one made up for this. ``python -m benchmarks.check`` ends with
1 when the ratio is above the limit.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT = 6.5
"""Most times the bare reader's processor time that a check may take."""
ROUNDS = 5
PROJECTS, ACLS = 2200, 800
BARE = """
import os, sys, yaml
yaml.compose(open("gerrit/projects.yaml", "rb"), Loader=yaml.CSafeLoader)
for folder, _, names in os.walk("gerrit/acls"):
    for name in names:
        open(os.path.join(folder, name), "rb").read()
"""
CHECK = "from saltern.cli import main; main(prog_name='saltern')"


def made_up(root: Path) -> Path:
    """Write a registry of about the size of a large community's."""
    folder = root / "gerrit" / "acls" / "org"
    folder.mkdir(parents=True)
    rows = []
    for number in range(PROJECTS):
        rows.append(f"- project: org/project-{number:04}\n  description: Project {number}.\n")
        if number % 3:
            rows.append(f"  acl-config: /home/gerrit2/acls/org/shared-{number % ACLS:03}.config\n")
    (root / "gerrit" / "projects.yaml").write_text("".join(rows))
    for number in range(ACLS):
        group = f"project-{number:03}-core"
        (folder / f"shared-{number:03}.config").write_text(
            '[access "refs/heads/*"]\n'
            f"\tabandon = group {group}\n\tlabel-Code-Review = -2..+2 group {group}\n"
            f'[access "refs/tags/*"]\n\tcreateSignedTag = group {group}\n'
            "[receive]\n\trequireChangeId = true\n[submit]\n\tmergeContent = true\n"
        )
    return root


def seconds(code: str, root: Path, *arguments: str) -> float:
    """Return the processor time of a Python process that runs ``code`` in ``root``."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=root, stdout=subprocess.DEVNULL, timeout=300
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"{arguments}: ended with {done.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ratio(root: Path, rounds: int = ROUNDS) -> tuple[float, float]:
    """Return the best processor times of the check and of the bare reader, run in turns."""
    pairs = [(seconds(CHECK, root, "check"), seconds(BARE, root)) for _ in range(rounds)]
    return min(check for check, _ in pairs), min(bare for _, bare in pairs)


def main() -> int:
    """Measure, print, and return the exit status."""
    with tempfile.TemporaryDirectory() as made:
        corpus = os.environ.get("SALTERN_CORPUS")
        check, bare = ratio(Path(corpus) if corpus else made_up(Path(made)))
    print(f"check {check:.2f} s, bare reader {bare:.2f} s: {check / bare:.1f} x, at most {LIMIT}")
    return 0 if check <= LIMIT * bare else 1


if __name__ == "__main__":
    sys.exit(main())
