"""The documentation names what the code has."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from lab.demo.grants import GRANTS
from saltern import settings
from saltern.plan import ANNOUNCE, KINDS
from saltern.providers.gerrit import preconditions
from saltern.stream import StreamSettings

ROOT = Path(__file__).parents[2]
ADMIN = ROOT / "docs" / "admin.md"
README = ROOT / "README.md"
STATE = ROOT / "salt" / "gerrit" / "access.sls"
TITLES = {
    "createTag": "create annotated tag",
    "pushMerge": "push merge",
    "forgeServerAsCommitter": "forge server identity",
}
"""What Gerrit's pages call a permission, where it is not its name in words."""
GROUPS = (
    settings.RegistrySettings,
    settings.GerritSettings,
    settings.MirrorSettings,
    settings.ConvergeSettings,
    settings.ReviewSettings,
    settings.CheckSettings,
    StreamSettings,
)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_settings_are_all_in_the_admin_guide(group):
    """A setting that is not documented fails here."""
    text = ADMIN.read_text()
    words = set(re.findall(r"[a-z_]+", text))
    missing = [field.name for field in fields(group) if field.name not in words]
    assert not missing


def test_step_table_of_the_readme_has_every_kind_in_order():
    """A kind of step that contributors and admins meet is explained, in the plan's order."""
    _, _, table = README.read_text().partition("| step | needs | done when |\n|---|---|---|\n")
    rows = table.partition("\n\n")[0].splitlines()
    assert [row.split("|")[1].strip() for row in rows] == [*(k.name for k in KINDS), ANNOUNCE]


def test_state_grants_what_the_demo_and_the_tests_grant():
    """One list of rights: whoever applies the state has what everything was tried with."""
    text = "\n".join(line for line in STATE.read_text().splitlines() if not line.startswith("{%"))
    (state,) = yaml.safe_load(text.replace("{{ group }}", "g"))["All-Projects"][
        "gerrit.access_present"
    ]
    assert {ref: set(names) for ref, names in state["grants"].items()} == {
        ref: set(names) for ref, names in GRANTS.items()
    }


@pytest.mark.parametrize("ref", GRANTS)
def test_admin_guide_lists_the_rights_of_the_state(ref):
    """The guide's table names each permission that the state grants on a ref."""
    (row,) = (line for line in ADMIN.read_text().splitlines() if line.startswith(f"| `{ref}` |"))
    titles = [TITLES.get(name, _in_words(name)) for name in GRANTS[ref]]
    assert [title for title in titles if title not in row] == []


def _in_words(name: str) -> str:
    return re.sub("([A-Z])", lambda found: f" {found[1].lower()}", name)


def test_rights_that_a_converge_asks_for_are_granted_by_the_state():
    """What the look at the preconditions misses is what the state gives."""
    for ref, permission, _ in (*preconditions.RIGHTS, *preconditions.FORGE):
        section = ref if ref in GRANTS else "refs/heads/*"
        assert permission in GRANTS[section]
