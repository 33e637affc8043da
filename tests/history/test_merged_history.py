"""Two years of a real registry: every commit loads, and findings come and go with their cause.

``SALTERN_CORPUS`` names the folder of ``history.bundle`` (default: ``../shared/data/opendev``
beside the repository).
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from history.replay import PROJECTS, Step, git, replay

from saltern.registry.caused import caused
from saltern.registry.findings import Finding

REPOSITORY = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("SALTERN_CORPUS", REPOSITORY.parent / "shared/data/opendev"))
BUNDLE = CORPUS / "history.bundle"
_PLACE = re.compile(r":[0-9]+(:[0-9]+)?")

ERRORS = {
    "SLT007": "acl-config twice in one entry: one of the two was lost",
    "SLT021": "an acl-config without its file: the project had no ACL of its own",
    "SLT032": "rules such as '0,+2 group x' and '-1..+2 x': Gerrit refuses the push",
    "SLT040": "functions such as MaxWithBlock: Gerrit took them then, 'not allowed' now",
    "SLT041": "keys such as copyMinScore: Gerrit took them then, 'deprecated' now",
}
"""Codes of errors that merged history has, and what Gerrit did or does with them."""


def _case_twin(finding: Finding, step: Step) -> bool:
    return any(name.lower() == (finding.project or "").lower() for name in step.names)


def _below_one(finding: Finding, step: Step) -> bool:
    return any((finding.project or "").startswith(f"{name}/") for name in step.came_or_left)


def _parent_moved(finding: Finding, step: Step) -> bool:
    return any(f"'{name}'" in finding.message for name in step.came_or_left)


def _label_touched(finding: Finding, step: Step) -> bool:
    """The label is used or defined in a touched ACL, or a project of the family was touched."""
    label = re.search(r"label '([^']*)'|^(\S+) has votes", finding.message)
    name = (label[1] or label[2]) if label else ""
    if name.lower() in step.texts_touched().lower():
        return True
    file = finding.position.file
    users = [n for n, p in step.new.projects.items() if p.acl_file == file]
    return any(step.relatives(user) & step.names for user in users)


def _group_touched(finding: Finding, step: Step) -> bool:
    """A touched ACL names one of the groups that the finding is about."""
    lower = {name.lower() for name in step.groups_touched()}
    named = re.findall(r"'([^']*)'", finding.message)
    return any(name.lower() in lower for name in named)


def _circle_touched(finding: Finding, step: Step) -> bool:
    return bool(step.relatives(finding.project or "") & step.names)


DEPENDS: dict[str, Callable[[Finding, Step], bool]] = {
    "SLT004": _case_twin,
    "SLT051": _circle_touched,
    "SLT043": _label_touched,
    "SLT044": _label_touched,
    "SLT053": _parent_moved,
    "SLT055": _below_one,
    "SLT061": _group_touched,
    "SLT062": _group_touched,
    "SLT080": lambda finding, step: step.reordered,
}
"""Rules about the registry as a whole: when a finding of theirs may come or go although neither
its file nor its entry was touched. Every other rule's finding depends on these two alone."""


def explained(finding: Finding, step: Step) -> bool:
    """Return whether the commit touched what a finding depends on."""
    if finding.project in step.names:
        return True
    if finding.position.file != PROJECTS and finding.position.file in step.acls:
        return True
    depends = DEPENDS.get(finding.code)
    return depends is not None and depends(finding, step)


def plain(findings) -> Counter:
    """Return findings without their lines, counted."""
    return Counter(
        (f.code, f.severity, f.position.file, f.project, _PLACE.sub("", f.message))
        for f in findings
    )


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the bundle."""
    if not BUNDLE.exists():
        pytest.skip(f"no real history at {BUNDLE}; SALTERN_CORPUS names its folder")
    clone = tmp_path_factory.mktemp("history") / "registry.git"
    git("clone", "--quiet", "--bare", str(BUNDLE), str(clone))
    return clone


class Table:
    """Counts what the history says, by code."""

    def __init__(self) -> None:
        self.severity: dict[str, str] = {}
        self.caused: Counter = Counter()
        self.commits: Counter = Counter()
        self.last: Counter = Counter()

    def add(self, findings, new) -> None:
        """Count one commit's findings and those of them that it caused."""
        self.severity |= {f.code: f.severity for f in findings}
        self.last = Counter(f.code for f in findings)
        self.caused.update(f.code for f in new)
        self.commits.update({f.code for f in findings})

    def __str__(self) -> str:
        total = max(self.caused.total(), 1)
        lines = ["code    severity  caused   share  commits  at the end"]
        lines += [
            f"{code}  {self.severity[code]:8}  {self.caused[code]:6}  "
            f"{self.caused[code] / total:6.1%}  {self.commits[code]:7}  {self.last[code]:10}"
            for code in sorted(self.severity)
        ]
        return "\n".join(lines)


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_real_history_has_no_finding_without_a_cause(history, capsys):
    """Each commit says what the one before said, what it caused added and what it mended gone."""
    table = Table()
    count = 0
    for commit, registry, step in replay(history):
        count += 1
        if step is None:
            table.add(registry.findings, registry.findings)
            continue
        new, others = caused(step.old, step.new)
        gone, _ = caused(step.new, step.old)
        assert others == len(registry.findings) - len(new)
        before = plain(step.old.findings) - plain(gone)
        assert before + plain(new) == plain(registry.findings), commit
        wandering = [str(f) for f in (*new, *gone) if not explained(f, step)]
        assert wandering == [], commit
        table.add(registry.findings, new)
    with capsys.disabled():
        print(f"\n{count} commits\n{table}")
    assert count == 401
    errors = {code for code, severity in table.severity.items() if severity == "error"}
    assert errors == ERRORS.keys()
