"""The layers of the repository, read from the imports of every file."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "src" / "saltern"
PROVIDERS = LIBRARY / "providers"
FOLDERS = ("src", "lab", "benchmarks", "tests", "_modules", "_states", "_runners", "_engines")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and full name of everything the file imports, wherever in it."""
    yield from imported(path.read_bytes(), _package(path))


def imported(source: str | bytes, package: list[str]) -> Iterator[tuple[int, str]]:
    """Yield line and full name of every import in ``source``, a module of ``package``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def _package(path: Path) -> list[str]:
    relative = path.relative_to(ROOT / "src" if LIBRARY in path.parents else ROOT)
    return list(relative.parent.parts)


def crossings(folder: Path, *forbidden: str) -> list[str]:
    """Return ``file:line imports name`` for every import below ``folder`` of what is forbidden."""
    return [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in _files(folder)
        for line, name in imports(path)
        if any(name == word or name.startswith(word + ".") for word in forbidden)
    ]


def _files(folder: Path) -> list[Path]:
    assert folder.exists(), f"{folder} is not there any more: mend this test"
    return [folder] if folder.is_file() else sorted(folder.rglob("*.py"))


def _providers() -> list[Path]:
    return [
        path
        for path in sorted(PROVIDERS.iterdir())
        if path.name != "__init__.py" and (path.suffix == ".py" or (path / "__init__.py").exists())
    ]


def test_library_imports_no_salt():
    """The library runs without Salt: nothing in src/saltern imports it, also not in a function."""
    assert crossings(LIBRARY, "salt") == []


@pytest.mark.parametrize("provider", _providers(), ids=lambda path: path.stem)
def test_provider_knows_no_other_provider(provider):
    """A provider imports neither another provider nor what decides and runs the plan."""
    others = [f"saltern.providers.{p.stem}" for p in _providers() if p != provider]
    above = [f"saltern.{name}" for name in ("plan", "converge", "run", "journal", "report", "cli")]
    assert crossings(provider, *others, *above) == []


def test_registry_knows_nothing_above_it():
    """The registry is read without knowing of plans, providers, journals or runs."""
    allowed = {"errors", "settings", "registry", "__version__"}
    found = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in _files(LIBRARY / "registry")
        for line, name in imports(path)
        if name.startswith("saltern.") and name.split(".")[1] not in allowed
    ]
    assert found == []


@pytest.mark.parametrize(
    "folder", ["lab/gerrit", "lab/mirror", "lab/realgerrit.py", "lab/demo", "tests/contract"]
)
def test_judges_never_import_what_they_judge(folder):
    """The stand-in, the demo's own proofs and the conformance suite share no code with Saltern."""
    assert crossings(ROOT / folder, "saltern") == []


def test_bare_client_imports_nothing_of_the_product():
    """The yardstick of `make bench` shares no code with what it measures."""
    for name in ("bare.py", "gitpush.py"):
        assert crossings(ROOT / "benchmarks" / name, "saltern", "lab") == []


def test_salt_folders_hold_no_package_that_hides_salt():
    """`import salt` finds Salt: the state tree salt/ has no Python of its own, so is no package."""
    tree = ROOT / "salt"
    own = [path for path in tree.rglob("*.py") if not any(p.is_symlink() for p in _within(path))]
    assert own == []


def _within(path: Path) -> list[Path]:
    return [path, *(parent for parent in path.parents if ROOT in parent.parents)]


def test_no_file_is_longer_than_it_may_be():
    """A Python file has at most about 400 lines."""
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_bytes().splitlines())
        for folder in FOLDERS
        for path in _files(ROOT / folder)
    }
    assert {name: length for name, length in lengths.items() if length > 420} == {}


def test_no_two_test_files_share_a_name():
    """pytest imports test files by their bare name: of two alike it finds one, and stops."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, times in names.items() if times > 1] == []


def test_relative_import_is_read_as_its_full_name():
    """The reader of imports sees through every form, or the tests above would see nothing."""
    source = "from ..plan import KINDS\ndef f():\n    import salt.client as c\nfrom . import x"
    assert sorted(imported(source, ["saltern", "providers", "gerrit"])) == [
        (1, "saltern.providers.plan.KINDS"),
        (3, "salt.client"),
        (4, "saltern.providers.gerrit.x"),
    ]
