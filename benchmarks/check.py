"""``saltern check`` beside a bare reader: a process that composes and reads the same files.

A check of everything, and one of what the last commit caused. The ratio of processor times says
the same on a fast machine and a slow one. The registry is the one in SALTERN_CORPUS (a clone),
else one made up for this. ``python -m benchmarks.check`` ends with 1 when a ratio is above its
limit.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKS = {("check",): 6.0, ("check", "--changed-since", "HEAD~1"): 6.8}
"""Commands, each with the most times the bare reader's processor time that it may take."""
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
    return committed(root)


def committed(root: Path) -> Path:
    """Make ``root`` a repository of two commits; the second one adds a project."""
    git = ["git", "-C", str(root), "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    subprocess.run([*git, "init", "-q"], check=True)
    for number in (1, 2):
        with (root / "gerrit" / "projects.yaml").open("a") as file:
            file.write(f"- project: org/project-{PROJECTS + number}\n")
        subprocess.run([*git, "add", "--all"], check=True)
        subprocess.run([*git, "commit", "-q", "-m", f"Add a project ({number})"], check=True)
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


def best(root: Path, rounds: int = ROUNDS) -> tuple[float, dict[tuple[str, ...], float]]:
    """Return the best processor times of the bare reader and of each check, run in turns."""
    bare, checks = [], []
    for _ in range(rounds):
        bare.append(seconds(BARE, root))
        checks.append({command: seconds(CHECK, root, *command) for command in CHECKS})
    return min(bare), {command: min(each[command] for each in checks) for command in CHECKS}


def main() -> int:
    """Measure, print, and return the exit status."""
    with tempfile.TemporaryDirectory() as made:
        corpus = os.environ.get("SALTERN_CORPUS")
        bare, checks = best(Path(corpus) if corpus else made_up(Path(made)))
    for command, taken in checks.items():
        words, limit = " ".join(command), CHECKS[command]
        print(f"{words}: {taken:.2f} s, bare {bare:.2f} s: {taken / bare:.1f} x, at most {limit}")
    return 0 if all(taken <= CHECKS[each] * bare for each, taken in checks.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
