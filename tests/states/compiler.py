"""Compiles pillar and states of a host in this process, as its minion would, and runs nothing."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import salt.config
import salt.fileclient
import salt.pillar
import salt.state
import yaml
from salt.utils.jinja import SerializerExtension

REPOSITORY = Path(__file__).resolve().parents[2]
STATES = REPOSITORY / "salt"
BASE = REPOSITORY / "pillar/base"
DEV = REPOSITORY / "pillar/dev"
GRAINS = {
    "os": "Debian",
    "os_family": "Debian",
    "osfullname": "Debian GNU/Linux",
    "oscodename": "bookworm",
    "osrelease": "12",
    "osmajorrelease": 12,
    "osarch": "amd64",
    "cpuarch": "x86_64",
    "kernel": "Linux",
    "init": "systemd",
    "virtual": "kvm",
    "num_cpus": 2,
    "mem_total": 4096,
    "saltversion": "3008.3",
    "saltversioninfo": [3008, 3],
    "path": "/usr/sbin:/usr/bin:/sbin:/bin",
    "shell": "/bin/sh",
}

FILES = {
    "file_client": "local",
    "file_roots": {"base": [str(STATES)]},
    "fileserver_backend": ["roots"],
}


def roles() -> dict[str, dict[str, Any]]:
    """Return the table of roles (salt/roles.yaml)."""
    return yaml.safe_load((STATES / "roles.yaml").read_text())


def ports() -> dict[str, list[dict[str, Any]]]:
    """Return the table of open ports (salt/ports.yaml)."""
    return yaml.safe_load((STATES / "ports.yaml").read_text())


def dev_site() -> dict[str, Any]:
    """Return the site of pillar/dev."""
    return yaml.safe_load((DEV / "site.yaml").read_text())


def rendered_yaml(file: Path) -> Any:
    """Return what an SLS file says that asks for nothing but Jinja and YAML."""
    environment = jinja2.Environment(extensions=[SerializerExtension, "jinja2.ext.do"])  # noqa: S701
    return yaml.safe_load(environment.from_string(file.read_text()).render())


def component_folders() -> list[Path]:
    """Return the folders of the components that some role has."""
    names = {name.split(".")[0] for row in roles().values() for name in row["components"]}
    return [STATES / name for name in sorted(names)]


@dataclass(eq=False)
class Host:
    """A host of a site whose pillar lies in ``pillar_roots``; Salt's caches lie in ``work``."""

    id: str
    work: Path
    pillar_roots: list[Path] = field(default_factory=lambda: [DEV, BASE])
    grains: Mapping[str, Any] = field(default_factory=dict)
    _rendered: dict[str, str] = field(default_factory=dict, init=False)

    @functools.cached_property
    def opts(self) -> dict[str, Any]:
        """The minion's whole configuration."""
        short, _, domain = self.id.partition(".")
        names = {"id": self.id, "host": short, "domain": domain, "fqdn": self.id}
        opts = salt.config.minion_config(None, minion_id=self.id)
        opts.update(
            {
                **folders(self.work),
                "id": self.id,
                **FILES,
                "pillar_roots": {"base": [str(root) for root in self.pillar_roots]},
                "module_dirs": [str(REPOSITORY / "_modules")],
                "states_dirs": [str(REPOSITORY / "_states")],
                "grains": {**GRAINS, "localhost": short, "nodename": short, **names, **self.grains},
            }
        )
        return opts

    @functools.cached_property
    def pillar(self) -> dict[str, Any]:
        """The pillar that the master would give; ``_errors`` says what does not render."""
        _highstate_of.cache_clear()
        opts = copy.deepcopy(self.opts)
        made = salt.pillar.get_pillar(opts, opts["grains"], self.id, saltenv="base")
        return json.loads(json.dumps(made.compile_pillar()))

    @property
    def low(self) -> list[dict[str, Any]]:
        """The states of a highstate in their order. Raises ``AssertionError`` with all errors."""
        return _checked(self._highstate)

    @functools.cached_property
    def _highstate(self) -> list:
        return self.attempt(None)

    def compile(self, sls: Iterable[str], pillar: Mapping | None = None) -> list[dict]:
        """Return the states of ``sls``, with more ``pillar``. Raises ``AssertionError``."""
        return _checked(self.attempt(sls, pillar))

    def attempt(self, sls: Iterable[str] | None, pillar: Mapping | None = None) -> list:
        """Return the states, or the texts of the errors that keep them from running."""
        if self.pillar.get("_errors"):
            return list(self.pillar["_errors"])
        highstate = _highstate_of(self, json.dumps(pillar or {}))
        highstate.push_active()
        try:
            return _chunks(highstate, sls)
        finally:
            highstate.pop_active()

    def render(self, chunk: Mapping[str, Any]) -> str | None:
        """Return the text that a ``file.managed`` state would write, ``None`` for a foreign file.

        Raises ``AssertionError`` where its template does not render.
        """
        if "contents" in chunk:
            contents = chunk["contents"]
            return "\n".join(contents) if isinstance(contents, list) else str(contents)
        source = chunk.get("source")
        path = STATES / str(source).removeprefix("salt://")
        if not isinstance(source, str) or not path.is_file():
            return None
        if "template" not in chunk:
            return path.read_text()
        key = json.dumps(chunk, default=str)
        if key not in self._rendered:
            self._rendered[key] = self._render(chunk)
        return self._rendered[key]

    def _render(self, chunk: Mapping[str, Any]) -> str:
        file, _, error = _highstate_of(self).state.functions["file.get_managed"](
            chunk["name"],
            chunk["template"],
            chunk["source"],
            *("", "", "root", "root", "0644", None, "base"),
            chunk.get("context", {}),
            chunk.get("defaults", {}),
            skip_verify=True,
        )
        assert not error, f"{chunk['__id__']}: {error}"
        text = Path(file).read_text()
        Path(file).unlink()
        return text


@functools.lru_cache(maxsize=1)
def _highstate_of(host: Host, more: str = "{}") -> salt.state.HighState:
    """Return what compiles a host, with ``more`` pillar (JSON), and holds its functions.

    It is good until another is made: a module keeps the ``__opts__`` of the loader that loaded it
    last (salt/loader/lazy.py, ``_load_module``).
    """
    pillar = json.loads(json.dumps(host.pillar)) | json.loads(more)
    opts = copy.deepcopy(host.opts)
    client = _file_client(host.work)
    return salt.state.HighState(opts, initial_pillar=pillar, context={}, file_client=client)


@functools.cache
def _file_client(work: Path) -> Any:
    """Return what reads ``salt://``, the same for all hosts that compile in ``work``."""
    opts = {**salt.config.minion_config(None, minion_id="any"), **folders(work), **FILES}
    client = salt.fileclient.get_file_client(opts)
    return salt.fileclient.ContextlessFileClient(client)


def _checked(chunks: list) -> list[dict[str, Any]]:
    errors = [chunk for chunk in chunks if isinstance(chunk, str)]
    assert not errors, "\n".join(errors)
    return chunks


def _chunks(highstate: Any, sls: Iterable[str] | None) -> list:
    matches = {"base": list(sls)} if sls else highstate.top_matches(highstate.get_top())
    high, errors = highstate.render_highstate(matches)
    state = highstate.state
    high, more = state.reconcile_extend(high)
    errors += more + state.verify_high(high)
    high, more = state.requisite_in(high)
    if errors + more:
        return errors + more
    chunks, errors = state.compile_high_data(state.apply_exclude(high))
    return errors or [e for c in chunks for e in state.verify_data(dict(c))] or chunks


def folders(work: Path) -> dict[str, Any]:
    """Return the settings that keep Salt's files under ``work``."""
    return {
        "root_dir": str(work),
        "cachedir": str(work / "cache"),
        "extension_modules": str(work / "extmods"),
        "sock_dir": str(work / "sock"),
        "pki_dir": str(work / "pki"),
        "log_file": str(work / "log"),
        "conf_file": str(work / "minion"),
    }


def site_with(tmp: Path, hosts: Mapping[str, Iterable[str]], start: Path = DEV) -> list[Path]:
    """Return pillar roots like ``start``'s with more ``hosts`` (id -> roles).

    A role that a new host gets is taken from the others.
    """
    site = yaml.safe_load((start / "site.yaml").read_text())
    taken = {role for wanted in hosts.values() for role in wanted}
    for row in site["hosts"].values():
        row["roles"] = [role for role in row["roles"] if role not in taken]
    for number, (name, wanted) in enumerate(hosts.items(), 100):
        address = site["network"].rsplit(".", 1)[0] + f".{number}"
        site["hosts"][name] = {"address": address, "roles": list(wanted), "aliases": []}
    tmp.mkdir(parents=True, exist_ok=True)
    (tmp / "site.yaml").write_text(yaml.safe_dump(site))
    return [tmp, *dict.fromkeys([start, BASE])]
