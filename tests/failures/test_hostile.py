"""Contributors' text is data: hostile entries are refused with their place, or made as written."""

from __future__ import annotations

import re
from pathlib import Path

from tests.hostile import NAMES


def tree(root: Path) -> set[str]:
    """Return every path below ``root``, the insides of repositories left out."""
    paths = (path.relative_to(root).as_posix() for path in root.rglob("*"))
    return {path for path in paths if ".git/" not in path}


def test_hostile_names_are_refused_with_their_line_or_made_as_written(scene):
    """No name leaves its directory, runs as a word, or disappears without a finding."""
    good = scene.project("good", acl=scene.rights("core"))
    for name in NAMES:
        scene.project(name)
    scene.project("good", description="the second of this name")
    report = scene.converge()
    lines = (scene.registry / "gerrit/projects.yaml").read_text().splitlines()
    placed = {int(n) for n in re.findall(r"projects\.yaml:(\d+):\d+", "\n".join(report.findings))}
    there = scene.reader.projects()
    starts = [n for n, line in enumerate(lines, 1) if line.startswith("- project:")]
    ends = [*starts[1:], len(lines) + 1]
    for entry, start, end in zip(scene.entries, starts, ends, strict=True):
        name = entry["project"]
        told = bool(placed & set(range(start, end)))
        assert told or name in there, f"{name!r} is neither made nor told of"
    assert there[good]["description"] == f"The {good}"
    scene.assert_as_asked([good])
    assert not [path for path in tree(scene.root) if "pwned" in path]
    outside = {path for path in tree(scene.root) if "escape" in path}
    assert outside == set()
    mark = scene.mark()
    scene.converge()
    scene.assert_nothing_written(mark)


def test_hostile_descriptions_arrive_as_written(scene):
    """Quotes, backslashes, Jinja, shell and config syntax in a description stay text."""
    texts = [
        'say "so" \\ and \\\\ twice',
        "# not a comment ; nor this",
        "{{ pillar['saltern'] }} {% raw %}",
        "$(touch pwned) `touch pwned` && touch pwned",
        "[access] inheritFrom = elsewhere",
        "ünï → 漢字 🚀",
        "  spaces around  ",
        "x" * 10_000,
    ]
    for number, text in enumerate(texts):
        scene.project(f"d{number}", acl=scene.rights("core"), description=text)
    scene.converge_all()
    scene.assert_settled()
    assert not [path for path in tree(scene.root) if "pwned" in path]


def test_endless_description_is_refused_with_its_line(scene):
    """100,000 characters are told of with their place; the others are served."""
    good = scene.project("good")
    name = scene.project("endless", description="x" * 100_000)
    report = scene.converge()
    assert report.exit == 1
    assert {row["key"].partition(":")[2] for row in report.steps} == {name}
    assert "gerrit/projects.yaml:" in report.steps[0]["reason"]
    scene.assert_as_asked([good])


def test_hostile_group_names_are_groups_or_findings(scene):
    """A group of any spelling is made as written, or its ACL says where it is wrong."""
    names = ["with space", "quo't", "{{ x }}", "$(touch pwned)", "a;b", "ünï", "a/b", "100%"]
    for number, name in enumerate(names):
        rule = f'[access "refs/heads/*"]\n\tsubmit = "group {scene.group(name)}"\n'
        scene.project(f"g{number}", acl=rule)
    report = scene.converge()
    groups = scene.reader.groups()
    open_steps = {row["key"] for row in report.steps}
    for number, name in enumerate(names):
        told = f"access:{scene.prefix}/g{number}" in open_steps
        assert told != (scene.group(name) in groups), name
    assert not [path for path in tree(scene.root) if "pwned" in path]
