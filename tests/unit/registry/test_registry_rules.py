"""Every rule: a page, bad cases that it finds at the right place, good cases that it leaves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from saltern.registry.fix import apply
from saltern.registry.known import Known
from saltern.registry.rules import all_rules
from saltern.settings import CheckSettings, build

CASES = Path(__file__).parent / "cases"
INSTEAD = re.compile(
    r"did you mean|must be true or false|may only have|known are|"
    r"\b(write|add|remove|keep|name|correct|put|move|shorten|leave|take|change|rename|begin|"
    r"import|close|choose)\b"
)
LONGEST = 160
"""Characters of a message about names of usual length."""
RULES = {rule.code: rule for rule in all_rules()}


def cases(kind, wanted=lambda case: True):
    return list(_cases(kind, wanted))


def _cases(kind, wanted):
    for path in sorted(CASES.glob("*.yaml")):
        found = yaml.safe_load(path.read_text())[kind]
        for number, case in enumerate(case for case in found if wanted(case)):
            yield pytest.param(path.stem, case, id=f"{path.stem}-{number}")


def load_case(registry_of, case):
    acls = {"org/a.config": case.get("acl"), "b.config": case.get("acl_b")}
    acls["../groups.yaml"] = case.get("groups")
    acls |= case.get("files", {})
    acls = {name: text for name, text in acls.items() if text is not None}
    check = build(CheckSettings, case.get("check"), "check")
    projects = case.get("projects", "- project: org/a\n")
    return registry_of(projects, acls, check=check, server=known(case.get("server")))


def known(server):
    """Return what a case says that Gerrit has, ``None`` where nobody asked it."""
    if server is None:
        return None
    names = (frozenset(server.get(key, ())) for key in ("projects", "groups"))
    return Known(*names, server.get("complete", True))


@pytest.mark.parametrize(("code", "case"), cases("bad"))
def test_bad_case_is_found_at_its_place(registry_of, code, case):
    """The rule's finding stands at the line and column of the fault and says what to do."""
    registry = load_case(registry_of, case)
    found = [f for f in registry.findings if f.code == code]
    assert [str(f.position) for f in found][:1] == [case["at"]]
    assert case["says"] in found[0].message
    assert (found[0].severity, found[0].blocks) == (RULES[code].severity, RULES[code].blocks)


@pytest.mark.parametrize(("code", "case"), cases("bad"))
def test_bad_case_says_what_to_do_about_it(registry_of, code, case):
    """Every message of a rule, in one short line, names what to write or to do instead."""
    said = [f.message for f in load_case(registry_of, case).findings if f.code == code]
    assert [message for message in said if not INSTEAD.search(message)] == []
    assert [message for message in said if len(message) > LONGEST] == []


@pytest.mark.parametrize(("code", "case"), cases("bad"))
def test_bad_case_leaves_other_projects_served(registry_of, code, case):
    """A fault in one entry or ACL holds up no project that it is not about."""
    projects = case.get("projects", "- project: org/a\n").rstrip("\n") + "\n- project: good/one\n"
    registry = load_case(registry_of, {**case, "projects": projects})
    assert "good/one" in registry.projects
    assert "good/one" not in registry.blocked


@pytest.mark.parametrize(("code", "case"), cases("good"))
def test_good_case_has_no_finding_of_the_rule(registry_of, code, case):
    """What the rule's page recommends is not complained about, by this or another error."""
    registry = load_case(registry_of, case)
    assert [str(f) for f in registry.findings if f.code == code or f.severity == "error"] == []


@pytest.mark.parametrize(("code", "case"), cases("bad", lambda case: "fixed" in case))
def test_bad_case_is_mended_by_its_fixes(registry_of, tmp_path, code, case):
    """The edits make of the file what the case wants, and the rule has no more to say."""
    findings = load_case(registry_of, case).findings
    edits = [edit for f in findings if f.code == code for edit in f.fix]
    (file,) = {edit.file for edit in edits}
    mended = apply((tmp_path / file).read_text(), edits)
    assert mended == case["fixed"]
    key = "projects" if file.endswith(".yaml") else "acl"
    again = load_case(registry_of, {**case, key: mended}).findings
    assert [str(f) for f in again if f.code == code] == []


@pytest.mark.parametrize("code", RULES)
def test_rule_has_page_and_cases(code):
    """A rule's docstring has its four parts, and its cases are on file."""
    page = RULES[code].page
    for part in ("Why: ", "Example: ", "Instead: "):
        assert part in page
    data = yaml.safe_load((CASES / f"{code}.yaml").read_text())
    assert data["bad"]
    assert data["good"]
