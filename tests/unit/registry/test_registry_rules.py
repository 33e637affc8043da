"""Every rule: a page, bad cases that it finds at the right place, good cases that it leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from saltern.registry.rules import all_rules

CASES = Path(__file__).parent / "cases"
RULES = {rule.code: rule for rule in all_rules()}


def cases(kind):
    return list(_cases(kind))


def _cases(kind):
    for path in sorted(CASES.glob("*.yaml")):
        for number, case in enumerate(yaml.safe_load(path.read_text())[kind]):
            yield pytest.param(path.stem, case, id=f"{path.stem}-{number}")


def load_case(registry_of, case):
    acls = {"org/a.config": case.get("acl"), "b.config": case.get("acl_b")}
    acls = {name: text for name, text in acls.items() if text is not None}
    return registry_of(case.get("projects", "- project: org/a\n"), acls)


@pytest.mark.parametrize(("code", "case"), cases("bad"))
def test_bad_case_is_found_at_its_place(registry_of, code, case):
    """The rule's finding stands at the line and column of the fault and says what to do."""
    registry = load_case(registry_of, case)
    found = [f for f in registry.findings if f.code == code]
    assert [str(f.position) for f in found][:1] == [case["at"]]
    assert case["says"] in found[0].message
    assert (found[0].severity, found[0].blocks) == (RULES[code].severity, RULES[code].blocks)


@pytest.mark.parametrize(("code", "case"), cases("bad"))
def test_bad_case_leaves_other_projects_served(registry_of, code, case):
    """A fault in one entry or ACL holds up no project that it is not about."""
    projects = case.get("projects", "- project: org/a\n") + "- project: good/one\n"
    registry = load_case(registry_of, {**case, "projects": projects})
    assert "good/one" in registry.projects
    assert "good/one" not in registry.blocked


@pytest.mark.parametrize(("code", "case"), cases("good"))
def test_good_case_has_no_finding_of_the_rule(registry_of, code, case):
    """What the rule's page recommends is not complained about, by this or another error."""
    registry = load_case(registry_of, case)
    assert [str(f) for f in registry.findings if f.code == code or f.severity == "error"] == []


@pytest.mark.parametrize("code", RULES)
def test_rule_has_page_and_cases(code):
    """A rule's docstring has its four parts, and its cases are on file."""
    page = RULES[code].page
    for part in ("Why: ", "Example: ", "Instead: "):
        assert part in page
    data = yaml.safe_load((CASES / f"{code}.yaml").read_text())
    assert data["bad"]
    assert data["good"]
