"""Loading with what another load came to know gives what loading alone gives."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from saltern.registry import DirectorySource, load
from saltern.registry.incremental import Cache
from saltern.settings import RegistrySettings

BLOCKS = (
    "- project: org/a\n",
    "- project: org/b\n  acl-config: shared.config\n  parent: org/a\n",
    "- project: org/c\n  acl-config: shared.config\n  state: hidden\n",
    "- project: org/d\n  descripton: odd\n",
    "- project: org/e\n  acl-config: gone.config\n",
    "# a comment\n",
    "- project: org/f\n  description: >\n    folded\n\n  retired: true\n",
)
ACLS = (
    '[access "refs/*"]\n\tread = group core\n',
    "[access]\n\tinheritFrom = org/a\n",
    '[access "refs/*"]\n\treed = group core\n',
)
states = st.tuples(st.lists(st.sampled_from(BLOCKS), min_size=1, max_size=8), st.sampled_from(ACLS))


def written(root: Path, state: tuple[list[str], str]) -> DirectorySource:
    """Write a state of a registry below ``root``."""
    (root / "gerrit" / "acls").mkdir(parents=True, exist_ok=True)
    (root / "gerrit" / "projects.yaml").write_text("".join(state[0]) + "- project: org/z\n")
    (root / "gerrit" / "acls" / "shared.config").write_text(state[1])
    return DirectorySource(root)


@how(max_examples=150, deadline=None)
@given(st.lists(states, min_size=2, max_size=3))
def test_cache_changes_nothing_of_what_is_loaded(history):
    """Projects, places, groups and findings are those of a load without a cache."""
    cache = Cache()
    for state in history:
        with tempfile.TemporaryDirectory() as folder:
            source = written(Path(folder), state)
            cached = load(source, RegistrySettings(), cache=cache)
            alone = load(source, RegistrySettings())
        assert cached.findings == alone.findings
        assert cached.groups == alone.groups
        assert [p.name for p in cached.projects.values()] == list(alone.projects)
        for name, project in cached.projects.items():
            other = alone.projects[name]
            assert (project.position, project.parent_at) == (other.position, other.parent_at)
            assert project.config == other.config
            assert (project.state, project.parent) == (other.state, other.parent)
