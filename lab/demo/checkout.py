"""The registry that the demo puts into Gerrit, and the upstream repository it imports from."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lab.demo.people import run_git

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "registry"
UPSTREAM = "https://upstream.example.org"
IMPORTED = "docs/handbook"


def registry_source() -> Path:
    """Return the folder of the registry: the one `SALTERN_CORPUS` names, else the example.

    Raises ``FileNotFoundError`` when the named one has no ``gerrit/projects.yaml``.
    """
    named = os.environ.get("SALTERN_CORPUS")
    source = Path(named).resolve() if named else EXAMPLE
    if not (source / "gerrit/projects.yaml").is_file():
        raise FileNotFoundError(f"SALTERN_CORPUS={named}: no gerrit/projects.yaml there")
    return source


def copy_registry(source: Path, target: Path, upstream_url: str) -> None:
    """Copy projects file and ACLs; the example's upstream host becomes ``upstream_url``."""
    shutil.copytree(source / "gerrit", target / "gerrit")
    for path in target.rglob("*"):
        # The corpus is read-only; a copy of it is to be edited.
        path.chmod(0o755 if path.is_dir() else 0o644)
    (target / "gerrit").chmod(0o755)
    projects = target / "gerrit/projects.yaml"
    text = projects.read_text("utf-8")
    projects.write_text(text.replace(UPSTREAM, upstream_url.rstrip("/")), "utf-8")


def make_upstream(root: Path) -> None:
    """Make the repository the example imports: two branches and a tag, a few commits each."""
    work = root.parent / "upstream-work"
    work.mkdir(parents=True)
    run_git("init", "--quiet", "--initial-branch=master", cwd=work)
    for number, title in enumerate(("Welcome", "First steps", "Operations"), start=1):
        (work / f"{number:02}-{title.lower().replace(' ', '-')}.md").write_text(f"# {title}\n")
        _commit(work, f"Add the chapter {title}")
        if number == 2:
            run_git("tag", "--annotate", "--message=First edition", "1.0", cwd=work)
            run_git("branch", "stable/1.0", cwd=work)
    bare = root / f"{IMPORTED}.git"
    bare.parent.mkdir(parents=True)
    run_git("clone", "--quiet", "--bare", str(work), str(bare))
    shutil.rmtree(work)


def _commit(work: Path, message: str) -> None:
    run_git("add", "--all", cwd=work)
    run_git("commit", "--quiet", f"--message={message}", cwd=work)
