"""Labs for the tests: real systemd hosts. Only ``-m lab`` (``make lab-test``) runs those."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from lab.hosts import states
from lab.hosts.lab import Lab
from lab.hosts.machine import Machine
from lab.hosts.states import Applied


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker."""
    config.addinivalue_line("markers", "lab: boots systemd hosts; needs root; run with -m lab")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the lab's tests out unless ``-m`` speaks of them; hosts as they came up go first."""
    if "lab" in (config.option.markexpr or ""):
        items.sort(key=lambda item: item.path.name != "test_highstate.py")
        return
    left_out = [item for item in items if item.get_closest_marker("lab")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@dataclass
class Site:
    """A lab with the highstate of its hosts applied, and what the highstates did, by host id."""

    lab: Lab
    announced: dict[str, Applied] = field(default_factory=dict)
    """What ``test=True`` said before the first highstate."""
    applied: dict[str, Applied] = field(default_factory=dict)

    def machine(self, name: str) -> Machine:
        """Return a host by its id or its short name."""
        return self.lab.machine(name)

    def with_role(self, role: str) -> list[Machine]:
        """Return the hosts that have ``role``."""
        return [machine for machine in self.lab.machines if role in machine.host.roles]

    def only(self, role: str) -> Machine:
        """Return the one host with ``role``."""
        (machine,) = self.with_role(role)
        return machine


@pytest.fixture(scope="session")
def root() -> None:
    """Skip, and say so, where no lab can be."""
    if os.environ.get("SALTERN_NO_LAB"):
        pytest.skip("SALTERN_NO_LAB is set: no host was booted")
    if os.geteuid() != 0:
        pytest.skip("the lab needs root: no host was booted")


@pytest.fixture(scope="session")
def site(root: None) -> Iterator[Site]:
    """All hosts of pillar/dev with their first highstate; SALTERN_LAB_KEEP=1 leaves them up.

    SALTERN_LAB=NAME takes the lab of that name as it stands instead, and leaves it.
    """
    if name := os.environ.get("SALTERN_LAB"):
        yield Site(Lab(name))
        return
    lab = Lab("test")
    site = Site(lab)
    try:
        machines = lab.up()
        announced = states.apply_all(lab.site, machines, lab.progress, test=True)
        site.announced = {one.host: one for one in announced}
        applied = states.apply_all(lab.site, machines, lab.progress)
        site.applied = {one.host: one for one in applied}
        yield site
    finally:
        if not os.environ.get("SALTERN_LAB_KEEP"):
            lab.down()
