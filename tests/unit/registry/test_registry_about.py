"""What rules say they are about: they are called for nothing else, and have nothing to say."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from saltern.registry.acl import AclDocument, AclSyntaxError
from saltern.registry.rules import all_rules
from saltern.registry.rules.view import view
from saltern.registry.yamlfile import UnreadableFile, read_projects
from saltern.settings import CheckSettings, RegistrySettings

CASES = [
    case
    for path in sorted((Path(__file__).parent / "cases").glob("*.yaml"))
    for part in yaml.safe_load(path.read_text()).values()
    for case in part
]


def documents():
    for text in {case[key] for case in CASES for key in ("acl", "acl_b") if case.get(key)}:
        try:
            document = AclDocument.parse(text, "gerrit/acls/org/a.config")
        except AclSyntaxError:
            continue
        yield document, view(document).words


def entries():
    for text in {case["projects"] for case in CASES if case.get("projects")}:
        try:
            read = read_projects(text.encode(), "gerrit/projects.yaml").entries
        except UnreadableFile:
            continue
        yield from ((entry, set(entry.values)) for entry in read)


SUBJECTS = {"acl": list(documents()), "entry": list(entries())}
CHECK = CheckSettings(service_group="saltern", description_orgs=("*",), upstream_hosts=())


@pytest.mark.parametrize("rule", [r for r in all_rules() if r.about], ids=lambda rule: rule.code)
def test_rule_has_nothing_to_say_where_its_words_do_not_stand(rule):
    """Leaving a rule out where nothing it is about stands loses no finding."""
    settings = CHECK if rule.policy else RegistrySettings()
    without = [each for each, words in SUBJECTS[rule.scope] if not rule.about & words]
    assert without
    assert [found for each in without for found in rule.check(each, settings)] == []
