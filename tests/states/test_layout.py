"""The tables and the components' folders have the shape that everything else relies on."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from lab import tables
from tests.states.compiler import REPOSITORY, STATES, component_folders, ports, roles

FOLDERS = component_folders()
NOT_SLS = "205"
"""salt-lint's rule that every file is an SLS."""
TEXT = {"type": "string", "minLength": 1}
ROLE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["purpose", "components", "needs", "data", "backup", "talks_to"],
    "properties": {
        "purpose": TEXT,
        "components": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "needs": {"type": "array", "items": {"enum": list(roles())}},
        "data": TEXT,
        "backup": TEXT,
        "talks_to": {"type": "array", "items": {"enum": list(roles())}},
    },
}
PORT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["port", "proto", "from", "what"],
    "properties": {
        "port": {"type": "integer", "minimum": 1, "maximum": 65535},
        "proto": {"enum": ["tcp", "udp"]},
        "from": {
            "anyOf": [
                {"enum": ["any", "site"]},
                {"type": "array", "minItems": 1, "items": {"enum": list(roles())}},
            ]
        },
        "what": {"type": "string", "pattern": "^[A-Za-z0-9 ,./-]+$"},
    },
}


def test_roles_table_keeps_to_its_schema() -> None:
    """Every role says what it gives, needs, keeps and whom it talks to."""
    jsonschema.validate(roles(), {"additionalProperties": ROLE})


def test_ports_table_has_a_row_list_for_every_role() -> None:
    """A role without ports says so; a row for a role that does not exist is an error."""
    jsonschema.validate(ports(), {"additionalProperties": {"type": "array", "items": PORT}})
    assert set(ports()) == set(roles())


def test_needs_of_the_roles_have_no_circle() -> None:
    """A site can be brought up in some order."""
    rows, done = roles(), set()
    while ready := [r for r in rows if r not in done and set(rows[r]["needs"]) <= done]:
        done.update(ready)
    assert done == set(rows)


def test_components_of_a_role_have_an_sls() -> None:
    """roles.yaml names nothing that does not exist."""
    names = {name.replace(".", "/") for row in roles().values() for name in row["components"]}
    files = {name: [STATES / f"{name}.sls", STATES / name / "init.sls"] for name in names}
    assert [name for name, choice in files.items() if not any(map(Path.exists, choice))] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_component_folder_has_its_parts(folder: Path) -> None:
    """Settings are declared, defaulted and read in one way; files lie in one place."""
    for part in ("init.sls", "defaults.yaml", "schema.yaml", "map.jinja"):
        assert (folder / part).is_file(), part
    lines = (folder / "map.jinja").read_text().splitlines()
    assert lines[:2] == [
        "{% import_yaml tpldir ~ '/defaults.yaml' as defaults %}",
        "{% import_yaml tpldir ~ '/schema.yaml' as schema %}",
    ]
    name = folder.name
    want = f"{{% set {name} = salt['component.config']('{name}', defaults, schema) %}}"
    assert want in lines
    plain = {".sls", ".yaml", ".jinja", ".md"}
    loose = [p.name for p in folder.iterdir() if p.is_file() and p.suffix not in plain]
    assert loose == [], "files of a component belong into files/"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_component_schema_describes_every_key(folder: Path) -> None:
    """The documentation's table is made from the descriptions; unknown keys are refused."""
    schema = yaml.safe_load((folder / "schema.yaml").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    bare = [key for key, rule in schema.get("properties", {}).items() if _bare(rule)]
    assert bare == [], "keys without a description"


def _bare(rule: dict[str, Any]) -> bool:
    return not rule.get("description") and not any(
        not _bare(below) for below in rule.get("properties", {}).values()
    )


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_component_defaults_are_known_keys(folder: Path) -> None:
    """A default that the schema does not know would refuse every site."""
    schema = yaml.safe_load((folder / "schema.yaml").read_text())
    defaults = yaml.safe_load((folder / "defaults.yaml").read_text()) or {}
    jsonschema.validate(defaults, _without_required(schema))


def _without_required(rule: Any) -> Any:
    """A default may leave out what the site must write."""
    if isinstance(rule, list):
        return [_without_required(below) for below in rule]
    if not isinstance(rule, dict):
        return rule
    return {
        key: _without_required(below)
        for key, below in rule.items()
        if key != "required" or not isinstance(below, list)
    }


def test_documents_hold_the_tables_of_the_files() -> None:
    """README.md and docs/pillar.md say what salt/ says; `python -m lab.tables` writes them."""
    stale = [path.name for path, text in tables.documents().items() if path.read_text() != text]
    assert stale == []


def test_state_files_pass_salt_lint() -> None:
    """Every SLS and template that is not Python is free of salt-lint's findings."""
    files = [
        str(path)
        for path in sorted(STATES.rglob("*"))
        if path.suffix in {".sls", ".jinja"} and not path.read_text().startswith("#!py")
    ]
    command = [str(Path(sys.executable).with_name("salt-lint")), "-x", NOT_SLS, *files]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == 0, done.stdout + done.stderr


def test_state_tree_serves_no_python_but_the_adapters() -> None:
    """salt/ is served to every minion: no tests, no pillar, no package in it."""
    odd = [
        p for p in STATES.rglob("*.py") if not re.match(r"_[a-z]+$", p.relative_to(STATES).parts[0])
    ]
    assert odd == []
    assert not (STATES / "__init__.py").exists()
