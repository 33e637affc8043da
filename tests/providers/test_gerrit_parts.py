"""Pure parts of the provider: what texts and contents mean."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import pytest

from saltern.errors import Broken, Refused, Retry
from saltern.importing.url import mask
from saltern.providers.gerrit.cache import Cache
from saltern.providers.gerrit.client import quoted
from saltern.providers.gerrit.config import MetaConfig, parse_groups
from saltern.providers.gerrit.git import Pushed, Update
from saltern.providers.gerrit.listing import _chunks, _pattern
from saltern.providers.gerrit.preconditions import version_problems
from saltern.providers.gerrit.refusals import NotWritable, Stale, push_error

EXCHANGES = Path(__file__).parents[1] / "contract" / "exchanges"


def recorded_refusals():
    """Yield id, ref and status of every refused push of the recorded exchanges."""
    for file in ("meta-config-push.jsonl", "push.jsonl", "races.jsonl"):
        for line in (EXCHANGES / file).read_text().splitlines():
            exchange = json.loads(line)
            text = exchange.get("response", {}).get("stderr", "")
            for ref, status in re.findall(r"\[remote rejected\] +\S+ -> (\S+) \((.*)\)", text):
                yield pytest.param(ref, status, id=exchange["id"])


@pytest.mark.parametrize(("ref", "status"), list(recorded_refusals()))
def test_recorded_refusals_are_never_taken_for_success(ref, status):
    """Each refusal a real server gave is an error; only lost races are worth a retry."""
    error = push_error("p", ref, status, status)
    assert isinstance(error, Retry | Refused)
    races = ("failed to lock", "already exists", "fetch first", "invalid old id")
    assert isinstance(error, Retry) == any(text in status for text in races)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("invalid old id sent", Stale),
        ("fetch first", Stale),
        ("failed to lock", Retry),
        ("prohibited by Gerrit: project state does not permit write", NotWritable),
        ("prohibited by Gerrit: not permitted: create", Refused),
        ("internal error", Refused),
    ],
)
def test_refusal_is_sorted_by_what_helps(status, kind):
    """A race is looked at again, a closed project opened, a missing right reported."""
    assert type(push_error("p", "refs/meta/config", status, status)) is kind


def test_reason_tells_the_lines_of_its_own_commit():
    """In a push of two refs each reason holds only what the server said of that commit."""
    one, two = Update("refs/heads/m", None, "a" * 40), Update("refs/meta/config", None, "b" * 40)
    lines = (
        "ERROR: commit aaaaaaa: invalid committer",
        "ERROR: commit bbbbbbb:   project.config: bad",
        "ERROR: commit bbbbbbb:   project.config: bad",
    )
    pushed = Pushed({one.ref: "commit aaaaaaa: no", two.ref: "commit bbbbbbb: no"}, lines)
    assert pushed.reason(one) == "commit aaaaaaa: no; invalid committer"
    assert pushed.reason(two) == "commit bbbbbbb: no; project.config: bad"


def test_groups_file_is_read_as_gerrit_reads_it():
    """Comments and lines without a tab say nothing; spaces around are dropped."""
    text = b"# UUID\tGroup Name\n#\nabc\t two words \n\nno tab\nglobal:x\tSystem\n"
    assert parse_groups(text) == {"two words": "abc", "System": "global:x"}


@pytest.mark.parametrize(
    ("groups", "wrong"),
    [
        ("u1\tcore\n", []),
        ("u2\tcore\n", ["core"]),
        ("", ["core"]),
        ("ldap:cn=core\tcore\n", ["core"]),
    ],
    ids=["right", "another's", "missing", "foreign, yet the server has one"],
)
def test_group_uuids_are_compared_with_the_server(groups, wrong):
    """A named group whose UUID is not the server's is named."""
    config = b'[access "refs/*"]\n\tread = group core\n'
    meta = MetaConfig.of(config, groups.encode())
    assert meta.wrong_groups({"core": "u1"}.get) == wrong


def test_group_of_another_system_is_right():
    """A group the server does not list counts when its UUID is of another system."""
    config = b'[access "refs/*"]\n\tread = group ldap/x\n'
    assert MetaConfig.of(config, b"ldap:cn=x\tldap/x\n").wrong_groups({}.get) == []


def test_unparsable_config_equals_nothing_else():
    """What Gerrit could not parse either has a digest of its own."""
    one, two = (MetaConfig.of(text, b"") for text in (b"[broken", b"[broken2"))
    assert len({one.digest, two.digest, MetaConfig.of(b"", b"").digest}) == 3


def test_meta_config_survives_the_cache(tmp_path):
    """What comes out of the cache is what went in."""
    config = b'[project]\n\tstate = read only\n[access "refs/*"]\n\tread = group a b\n'
    meta = MetaConfig.of(config, b"u\ta b\n", {"rules": (0o40000, "c" * 40)})
    Cache(tmp_path).put({"x": meta.to_data()})
    assert MetaConfig.from_data(Cache(tmp_path).get(["x", "y"])["x"]) == meta


def test_cache_is_shared_by_threads(tmp_path):
    """Writers at once lose nothing."""
    caches = [Cache(tmp_path), Cache(tmp_path)]

    def write(number):
        caches[number % 2].put({f"k{number}": {"n": number}})

    threads = [threading.Thread(target=write, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(caches[0].get(f"k{n}" for n in range(20))) == 20


@pytest.mark.parametrize("damage", [b"", b"not a database at all" * 100])
def test_damaged_cache_starts_afresh(tmp_path, damage):
    """A damaged file is thrown away; what is put afterwards is kept."""
    first = Cache(tmp_path)
    first.put({"a": 1})
    first.close()
    for file in tmp_path.glob("*.sqlite*"):
        file.write_bytes(damage)
    cache = Cache(tmp_path)
    assert cache.get(["a"]) == {}
    cache.put({"b": 2})
    assert cache.get(["b"]) == {"b": 2}


def test_cache_directory_that_cannot_be_made_is_told(tmp_path):
    """A cache_dir below a file is a setting to mend."""
    (tmp_path / "file").write_text("")
    with pytest.raises(Broken, match="cache_dir"):
        Cache(tmp_path / "file" / "cache").get(["a"])


def test_cache_directory_is_private(tmp_path):
    """Others on the machine neither read nor write the cache."""
    Cache(tmp_path / "c").put({"a": 1})
    assert (tmp_path / "c").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["a/b", "x y", "a+b", "ä日本", "a.b*c", "p(1)|q", "t-1_2"])
def test_pattern_matches_its_name_only(name):
    """The listing's pattern for a name is literal."""
    assert re.fullmatch(_pattern(name), name)
    assert not re.fullmatch(_pattern(name), name + "x")
    assert not re.fullmatch(_pattern("a.b"), "axb")


def test_long_lists_of_names_are_cut_into_urls():
    """No URL grows beyond what servers take, and no name is lost."""
    names = [f"group/{number:04}/ä" for number in range(1000)]
    chunks = list(_chunks(names, "g"))
    assert [name for chunk in chunks for name in chunk] == names
    assert len(chunks) > 1
    assert all(sum(len(quoted(name)) + 3 for name in chunk) <= 4000 for chunk in chunks)


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_name_no_url_can_carry_is_refused(name):
    """A dot segment would name another resource."""
    with pytest.raises(Refused):
        quoted(name)


@pytest.mark.parametrize(
    ("version", "old"),
    [("3.10.4", True), ("3.11.0", False), ("3.14.0-dev", False), ("4.0", False), ("", True)],
)
def test_old_versions_are_a_problem(version, old):
    """Versions before 3.11 are named as a problem."""
    assert bool(list(version_problems(version))) == old


def test_user_part_of_urls_is_hidden():
    """No password of a URL gets into a reason."""
    text = "cannot reach https://me:pw@host/x and ssh://git@h"
    assert mask(text) == "cannot reach https://***@host/x and ssh://***@h"
