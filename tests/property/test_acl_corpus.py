"""The real ACL files of a public registry, held against git itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from saltern.registry import AclDocument, DirectorySource, compose, load
from saltern.settings import RegistrySettings

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("SALTERN_CORPUS", ROOT / "../shared/data/opendev")).resolve()

pytestmark = pytest.mark.skipif(
    not (CORPUS / "gerrit").is_dir(), reason="set SALTERN_CORPUS to a registry of real data"
)


@pytest.fixture(scope="module")
def documents():
    source = DirectorySource(CORPUS)
    paths = source.files("gerrit/acls")
    return {path: AclDocument.parse(source.read(path), path) for path in paths}


def test_every_real_acl_reads_as_git_reads_it(documents):
    """Keys and values of each file are those of ``git config --list``, in order."""
    for path, document in documents.items():
        listed = subprocess.run(
            ["git", "config", "--file", CORPUS / path, "--list", "-z"],
            capture_output=True,
            check=True,
        )
        ours = "".join(
            ".".join(p for p in (e.section, e.subsection, e.key.lower()) if p is not None)
            + ("" if e.value is None else f"\n{e.value}")
            + "\0"
            for e in document.entries
        )
        assert ours == listed.stdout.decode(), path


def test_real_acl_keeps_its_bytes_when_nothing_is_asked(documents):
    """Composing without description and parent gives back the author's file."""
    for path, document in documents.items():
        text = compose(document, description=None, parent=None)
        assert text.encode() == (CORPUS / path).read_bytes()


def test_real_registry_has_no_errors():
    """A registry that is in use is taken unmodified."""
    registry = load(DirectorySource(CORPUS), RegistrySettings())
    assert registry.projects
    assert [str(f) for f in registry.findings if f.severity == "error"] == []
    assert all(p.config_digest for p in registry.projects.values() if p.acl)
