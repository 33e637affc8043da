"""The registry that is measured: the corpus when it is there, else a made one of its size."""

from __future__ import annotations

import os
from pathlib import Path

CORPUS = Path(__file__).resolve().parents[2] / "shared/data/opendev"
PROJECTS, SHARED_ACLS, OWN_ACLS, GROUPS = 294, 60, 176, 330


def registry(scratch: Path) -> tuple[Path, str]:
    """Return the registry's folder and what it is called in the report.

    `SALTERN_CORPUS` names it; without, the corpus beside the repository; without that, one is
    made in ``scratch``.
    """
    corpus = Path(os.environ.get("SALTERN_CORPUS") or CORPUS)
    if (corpus / "gerrit/projects.yaml").is_file():
        return corpus.resolve(), f"corpus {corpus.name}"
    if "SALTERN_CORPUS" in os.environ:
        raise FileNotFoundError(f"SALTERN_CORPUS={corpus}: no gerrit/projects.yaml there")
    make(scratch / "registry")
    return scratch / "registry", "made"


def make(root: Path) -> None:
    """Write a registry with the corpus's numbers of projects, ACL files and groups."""
    acls = root / "gerrit/acls"
    acls.mkdir(parents=True)
    lines = []
    for number in range(PROJECTS):
        name = f"org{number % 7}/project-{number:03}"
        lines.append(f"- project: {name}\n  description: Project number {number}\n")
        if number < OWN_ACLS:
            _write_acl(acls / f"{name}.config", number)
        else:
            shared = f"shared-{number % SHARED_ACLS}.config"
            lines.append(f"  acl-config: /home/gerrit2/acls/{shared}\n")
    for number in range(SHARED_ACLS):
        _write_acl(acls / f"shared-{number}.config", OWN_ACLS + number)
    (root / "gerrit/projects.yaml").write_text("".join(lines), "utf-8")


def _write_acl(path: Path, number: int) -> None:
    # One in ten inherits from a later project: children stand before their parents.
    later = number + 100
    inherit = f"[access]\ninheritFrom = org{later % 7}/project-{later:03}\n\n"
    names = [f"team {(number * 3 + i) % GROUPS} core" for i in range(3)]
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        (inherit if number % 10 == 0 and later < PROJECTS else "")
        + '[access "refs/heads/*"]\n'
        + f"abandon = group {names[0]}\n"
        + f"label-Code-Review = -2..+2 group {names[0]}\n"
        + f"label-Code-Review = -2..+2 group {names[1]}\n"
        + "label-Code-Review = -1..+1 group Registered Users\n"
        + f"submit = group {names[0]}\n\n"
        + '[access "refs/tags/*"]\n'
        + f"createTag = group {names[2]}\n",
        "utf-8",
    )
