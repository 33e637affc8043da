"""Cold converges judged by a reader that shares no code with Saltern (independent.py).

``SALTERN_CORPUS`` names the real registry (default: ``../shared/data/opendev`` beside the
repository). With ``GERRIT_WAR`` the server is a real Gerrit.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import yaml
from acceptance.independent import Reader, Wanted, differences, groups_named, run_git

from saltern.dispatch import LocalDispatcher
from saltern.providers.gerrit import GerritProvider
from saltern.providers.mirror import MirrorProvider
from saltern.run import Converger
from saltern.settings import ConvergeSettings, GerritSettings, MirrorSettings, RegistrySettings

REPOSITORY = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("SALTERN_CORPUS", REPOSITORY.parent / "shared/data/opendev"))


@pytest.fixture
def converge(gerrit, tmp_path):
    """``converge(registry directory)``: a converge in this process; its report."""
    opened = []

    def run(registry: Path):
        login = {"username": gerrit.admin_user, "password": gerrit.admin_password}
        server = GerritProvider(
            GerritSettings(url=gerrit.http_url, cache_dir=str(tmp_path / "cache"), **login)
        )
        mirror = MirrorProvider(
            MirrorSettings(
                root=str(tmp_path / "mirror"), source_url=f"{gerrit.http_url}/a", **login
            )
        )
        converger = Converger(
            RegistrySettings(allow_local_upstreams=True),
            ConvergeSettings(state_dir=str(tmp_path / "state"), backoff=0.1),
            LocalDispatcher({"gerrit": server, "mirror": mirror}),
            registry,
        )
        opened.extend([server, converger.journal])
        return converger.converge("acceptance")

    (tmp_path / "mirror").mkdir()
    yield run
    for each in opened:
        each.close()


def writes(gerrit, since: int) -> list[dict]:
    """Return the calls that changed something, from the stand-in's log; none of a real one."""
    if not gerrit.is_stand_in:
        return []
    return [
        call
        for call in gerrit.call_log(since)
        if call.get("method", "GET") != "GET" or call.get("refs")
    ]


def judge(gerrit, converge, registry: Path, tmp_path: Path) -> None:
    """Converge twice; everything is as asked, and the second time nothing is written."""
    report = converge(registry)
    assert report.exit == 0, [(row["key"], row["reason"]) for row in report.steps[:10]]
    wanted, reader = Wanted(registry), Reader(gerrit, tmp_path / "reader.git")
    assert differences(wanted, reader) == []
    assert mirror_differences(wanted, reader, tmp_path / "mirror") == []
    mark = len(gerrit.call_log()) if gerrit.is_stand_in else 0
    again = converge(registry)
    assert (again.exit, dict(again.counts)) == (0, {}), again.steps[:10]
    assert writes(gerrit, mark) == []
    assert gerrit.unsupported() == []


def mirror_differences(wanted: Wanted, reader: Reader, root: Path) -> list[str]:
    """Return the projects whose mirror does not carry Gerrit's branches and tags."""
    found = []
    for name in wanted.entries:
        if wanted.state(name) == "HIDDEN":
            continue
        git = ("--git-dir", str(root / f"{name}.git"))
        rows = run_git(*git, "show-ref", "--dereference").splitlines()
        have = {row.split()[1]: row.split()[0] for row in rows}
        have["HEAD"] = run_git(*git, "symbolic-ref", "HEAD").strip()
        keep = ("refs/heads/", "refs/tags/", "HEAD")
        if have != {r: sha for r, sha in reader.refs(name).items() if r.startswith(keep)}:
            found.append(f"mirror of {name}: {have}")
    return found


def test_example_registry_is_made_as_written(gerrit, converge, tmp_path):
    """The example that the demonstration uses: children first, shared ACLs, import, retired."""
    registry = tmp_path / "registry"
    shutil.copytree(REPOSITORY / "examples/registry", registry)
    path = registry / "gerrit/projects.yaml"
    entries = yaml.safe_load(path.read_text())
    for number, entry in enumerate(e for e in entries if "upstream" in e):
        upstream = tmp_path / f"upstream{number}"
        branch = entry.get("default-branch", "master")
        run_git("init", "-q", "-b", branch, str(upstream))
        person = ("-c", "user.name=u", "-c", "user.email=u@example.com")
        run_git(*person, "commit", "-q", "--allow-empty", "-m", "First", cwd=upstream)
        run_git(*person, "tag", "-a", "-m", "v1", "v1", cwd=upstream)
        entry["upstream"] = upstream.as_uri()
    path.write_text(yaml.safe_dump(entries, sort_keys=False))
    judge(gerrit, converge, registry, tmp_path)
    states = {entry["project"]: Wanted(registry).state(entry["project"]) for entry in entries}
    assert "READ_ONLY" in states.values(), "the example shows a retired project"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(
    not (CORPUS / "gerrit/projects.yaml").is_file(),
    reason=f"no registry at {CORPUS}: set SALTERN_CORPUS to a folder with gerrit/projects.yaml",
)
def test_real_registry_is_made_as_written(gerrit, converge, tmp_path):
    """Every project, parent, description, HEAD, group, ACL and mirror equals the registry."""
    judge(gerrit, converge, CORPUS, tmp_path)


# The reader itself must be able to fail: it is shown each kind of damage.


@pytest.fixture
def judged(gerrit, converge, tmp_path, request):
    """A project that is as asked, its registry and the reader."""
    registry = tmp_path / "registry"
    (registry / "gerrit/acls/judged").mkdir(parents=True)
    name = f"judged/{request.node.callspec.id}"
    group = f"judges {request.node.callspec.id}"
    entry = [{"project": name, "description": 'Says "so"; #1 \\ of all'}]
    (registry / "gerrit/projects.yaml").write_text(yaml.safe_dump(entry))
    text = f'[access "refs/heads/*"]\n\tsubmit = group {group}\n\tread = group {group}\n'
    (registry / f"gerrit/acls/{name}.config").write_text(text)
    assert converge(registry).exit == 0
    reader = Reader(gerrit, tmp_path / "reader.git")
    assert differences(Wanted(registry), reader) == []
    return name, Wanted(registry), reader


def _path(name: str) -> str:
    return f"/projects/{name.replace('/', '%2F')}"


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda r, n: r.send("PUT", f"{_path(n)}/description", {"description": "x"}), "descript"),
        (
            lambda r, n: [
                r.send("PUT", _path(f"{n}-other")),
                r.send("PUT", f"{_path(n)}/parent", {"parent": f"{n}-other"}),
            ],
            "parent",
        ),
        (lambda r, n: r.send("PUT", f"{_path(n)}/config", {"state": "READ_ONLY"}), "state"),
        (lambda r, n: r.push_file(n, "refs/heads/master", ".gitreview", "x\n"), ".gitreview"),
        (lambda r, n: r.push_file(n, "refs/meta/config", "project.config", "[access]\n"), "lacks"),
        (
            lambda r, n: r.push_file(
                n, "refs/meta/config", "groups", f"{'1' * 40}\tjudges {n.partition('/')[2]}\n"
            ),
            "groups file",
        ),
    ],
    ids=["description", "parent", "state", "gitreview", "acl", "groups"],
)
def test_reader_sees_each_kind_of_damage(judged, damage, says):
    """A difference made by hand is named."""
    name, wanted, reader = judged
    damage(reader, name)
    assert says in "\n".join(differences(wanted, reader))


def test_reader_finds_groups_in_every_form_of_rule():
    """The group of a rule is what stands behind the word group."""
    rules = [
        "group a b",
        "deny group c",
        "+force group d",
        "-2..+2 group e f",
        "block -1..+1 group g",
    ]
    assert groups_named(("access.refs/*.read", rule) for rule in rules) == {
        "a b", "c", "d", "e f", "g",
    }  # fmt: skip
    assert (
        groups_named([("access.inheritfrom", "group x"), ("label.v.value", "0 group y")]) == set()
    )
