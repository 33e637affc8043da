"""Settings of a component: pillar over defaults, checked, before any state runs."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from salt.exceptions import CommandExecutionError

from tests.states.compiler import REPOSITORY

DEFAULTS = {"heap": "2g", "ports": [1, 2], "java": {"package": "jre", "home": "/usr"}}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["password"],
    "properties": {
        "heap": {"type": "string", "pattern": "^[0-9]+[mg]$", "description": "Java heap, like 2g"},
        "ports": {"type": "array", "items": {"type": "integer"}},
        "password": {"type": "string", "description": "of the database"},
        "java": {
            "type": "object",
            "additionalProperties": False,
            "patternProperties": {"^x-": {"type": "string"}},
            "properties": {"package": {"type": "string"}, "home": {"type": "string"}},
        },
    },
}
SITE = {
    "hosts": {
        "b.example.org": {"address": "192.0.2.2", "roles": ["zookeeper"]},
        "a.example.org": {"address": "192.0.2.1", "roles": ["zookeeper", "logs"], "aliases": ["l"]},
        "c.example.org": {"address": "192.0.2.3", "roles": []},
    }
}


@pytest.fixture
def module() -> Iterator[ModuleType]:
    """Return the execution module as a loader would, with an empty pillar."""
    spec = importlib.util.spec_from_file_location("component", REPOSITORY / "_modules/component.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.__pillar__ = {}
    return module


def refusal(module: ModuleType, pillar: Any) -> str:
    """Return the text with which the settings in ``pillar`` are refused."""
    module.__pillar__ = {"gerrit": pillar}
    with pytest.raises(CommandExecutionError) as caught:
        module.config("gerrit", DEFAULTS, SCHEMA)
    return str(caught.value)


def test_pillar_over_defaults_merges_mappings_and_replaces_lists(module: ModuleType) -> None:
    """A site writes only what differs; a list is taken whole."""
    module.__pillar__ = {"gerrit": {"password": "p", "ports": [3], "java": {"home": "/opt"}}}
    assert module.config("gerrit", DEFAULTS, SCHEMA) == {
        "heap": "2g",
        "password": "p",
        "ports": [3],
        "java": {"package": "jre", "home": "/opt"},
    }
    assert DEFAULTS["java"] == {"package": "jre", "home": "/usr"}


def test_missing_secret_is_named_with_its_description(module: ModuleType) -> None:
    """The refusal says which key to write and what it is."""
    assert refusal(module, None) == "pillar gerrit: write password (of the database)"


def test_unknown_key_is_named_beside_the_known_ones(module: ModuleType) -> None:
    """A misspelt key stops the run instead of being ignored."""
    text = refusal(module, {"password": "p", "java": {"hoem": "/opt", "x-own": "1"}})
    assert text == "pillar gerrit:java: unknown hoem; known: home, package"


def test_value_of_wrong_kind_is_refused_with_its_path(module: ModuleType) -> None:
    """The path goes down to the list item."""
    text = refusal(module, {"password": "p", "ports": [1, "two"]})
    assert text == "pillar gerrit:ports:1: must be of type integer, not a text"


@pytest.mark.parametrize(
    "pillar",
    [
        {"password": ["hunter2"]},
        {"password": "p", "heap": "hunter2"},
        {"password": "p", "java": "hunter2"},
        "hunter2",
    ],
    ids=["type", "pattern", "mapping", "whole"],
)
def test_refusal_never_shows_the_value(module: ModuleType, pillar: Any) -> None:
    """The text goes to logs and to the master; the value may be a secret."""
    text = refusal(module, pillar)
    assert "pillar gerrit" in text
    assert "hunter2" not in text


def test_several_errors_are_told_at_once(module: ModuleType) -> None:
    """One run shows everything there is to mend."""
    text = refusal(module, {"heap": "x", "ports": 1})
    assert text.count("pillar gerrit") == 3, text


def test_hosts_of_a_role_are_sorted_and_have_aliases(module: ModuleType) -> None:
    """A component finds other hosts by role only."""
    module.__pillar__ = {"site": SITE}
    assert module.hosts("zookeeper") == [
        {"id": "a.example.org", "address": "192.0.2.1", "aliases": ["l"]},
        {"id": "b.example.org", "address": "192.0.2.2", "aliases": []},
    ]
    assert len(module.hosts("base")) == 3
    assert module.hosts("gerrit") == []


def test_hosts_without_a_site_is_an_error(module: ModuleType) -> None:
    """An empty answer would write configurations without peers."""
    with pytest.raises(CommandExecutionError, match="site.yaml"):
        module.hosts("zookeeper")
