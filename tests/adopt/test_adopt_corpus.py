"""Adoption of the real registry's Gerrit.

``SALTERN_CORPUS`` names the registry (default: ``../shared/data/opendev`` beside the repository).
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from saltern.dispatch import LocalDispatcher
from saltern.providers.gerrit import GerritProvider
from saltern.registry import DirectorySource, load
from saltern.run import Converger
from saltern.settings import ConvergeSettings, GerritSettings, RegistrySettings
from tests.adopt.conftest import steps
from tests.providers.gerrit_fixtures import q

REPOSITORY = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("SALTERN_CORPUS", REPOSITORY.parent / "shared/data/opendev"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        not (CORPUS / "gerrit/projects.yaml").is_file(),
        reason=f"no registry at {CORPUS}: set SALTERN_CORPUS to a folder with it",
    ),
]


@pytest.fixture
def review_server(own_server):
    """Adoption reads all that is there."""
    return own_server


@pytest.fixture
def filled(review, tmp_path):
    """The Gerrit after a converge of the real registry."""
    login = {"username": review.user, "password": review.password}
    settings = GerritSettings(url=review.url, cache_dir=str(tmp_path / "filling"), **login)
    with GerritProvider(settings) as provider:
        converger = Converger(
            RegistrySettings(),
            ConvergeSettings(state_dir=str(tmp_path / "state"), backoff=0.1),
            LocalDispatcher({"gerrit": provider}),
            CORPUS,
        )
        report = converger.converge("fill")
        converger.journal.close()
    assert report.exit == 0, report.steps[:5]
    return review


def test_adopted_real_gerrit_has_an_empty_plan_and_shows_one_change(command, filled, tmp_path):
    """294 projects: what is adopted is in step, and one project changed by hand is what shows."""
    output = tmp_path / "adopted"
    path = ("--gerrit", filled.url, "--format", "json")
    result = command("adopt", *path, "--output", str(output), user=True)
    data = json.loads(result.stdout)
    assert (data["notes"], data["plan"]["steps"], data["plan"]["blocked"]) == ([], [], [])
    assert (result.exit_code, data["projects"] >= 290) == (0, True)
    adopted = load(DirectorySource(output), RegistrySettings())
    original = load(DirectorySource(CORPUS), RegistrySettings())
    assert adopted.projects.keys() >= original.projects.keys()
    for name, project in original.projects.items():
        found = adopted.projects[name]
        assert found.parent == project.parent
        assert found.state == project.state
        assert (found.description, found.default_branch) == (
            project.description,
            project.default_branch,
        )
        if project.acl is not None:
            assert found.config_digest == project.config_digest
    name = next(n for n, p in original.projects.items() if p.state == "ACTIVE")
    filled.rest("PUT", f"/projects/{q(name)}/description", {"description": "by hand"})
    result = command("plan", *path, "--registry", str(output), user=True)
    assert (result.exit_code, steps(result)) == (1, {f"project:{name}": "description differs"})
