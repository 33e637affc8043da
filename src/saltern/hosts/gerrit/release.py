"""Which release of Gerrit a site has, and how it gets another one or keeps the one it has.

An upgrade stops the daemon, copies the site, runs init and reindex of the new program, starts and
verifies it. When anything fails the site is put back from the copy and the old program serves.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from saltern.errors import Broken, Refused, SalternError
from saltern.hosts.gerrit import probe, record, snapshot
from saltern.hosts.gerrit.digest import file_digest
from saltern.hosts.gerrit.installation import Installation
from saltern.hosts.gerrit.record import CHANGING

KEPT_BY_INIT = ("gerrit.config", "secure.config")
FIRST_LOGIN = "\n[auth]\n\ttype = DEVELOPMENT_BECOME_ANY_ACCOUNT\n"
"""Only with this does init make an administrator; no daemon ever runs with it."""

TAKEN_BACK = "taken-back"
SSH_SECONDS = 60.0
"""How long ssh may take to listen once HTTP answers."""


@dataclass(frozen=True)
class Release:
    """A program: the version it must say it is, and the SHA-256 of its file."""

    version: str
    digest: str

    @property
    def name(self) -> str:
        """Name of its file without ``.war``."""
        return f"{self.version}-{self.digest[:12]}"


def changes(host: Installation, wanted: Release) -> dict[str, dict[str, str | None]]:
    """Return what :func:`install` would change: ``release`` and ``interrupted``, old and new."""
    found: dict[str, dict[str, str | None]] = {}
    now, noted = present(host), record.read(host.wars)
    if noted.phase:
        found["interrupted"] = {"old": f"{noted.phase} {noted.new}", "new": None}
    if now != wanted.name or not host.initialised:
        found["release"] = {"old": now, "new": wanted.name}
    return found


def present(host: Installation) -> str | None:
    """Return the name of the release that the unit runs, or ``None``."""
    return Path(os.readlink(host.current)).stem if host.current.is_symlink() else None


def install(host: Installation, wanted: Release, source: Path) -> list[str]:
    """Make ``wanted``, whose file is ``source``, the site's release; return what was done.

    Raises :class:`Refused` when it was not taken (the old one serves again), :class:`Broken` when
    the old one does not serve either. Both are remembered, and the next call tries again.
    """
    host.wars.mkdir(mode=0o755, parents=True, exist_ok=True)
    done = _finish_interrupted(host)
    if not changes(host, wanted):
        return done
    failure = record.read(host.wars).failure(wanted.name)
    if failure:
        done.append(f"{wanted.name} had failed {failure.times} times, last at {failure.at}")
    old = present(host)
    try:
        war = _stored(host, wanted, source)
        if old is None or not host.initialised:
            done += _install_first(host, war)
        else:
            done += _upgrade(host, old, wanted, war)
    except (SalternError, OSError) as error:
        _note_failure(host, wanted, error)
        raise
    record.write(host.wars, record.read(host.wars).settled(wanted.name))
    _prune(host)
    return done


def _stored(host: Installation, wanted: Release, source: Path) -> Path:
    """Return the program's own copy among the programs, once digest and version are right."""
    war = host.wars / f"{wanted.name}.war"
    if not war.exists() or file_digest(war) != wanted.digest:
        part = war.with_suffix(".part")
        shutil.copyfile(source, part)
        if (found := file_digest(part)) != wanted.digest:
            part.unlink()
            raise Broken(f"{source}: SHA-256 is {found}, not {wanted.digest}", code="digest")
        part.chmod(0o644)
        part.replace(war)
    if (says := host.version_of(war)) != wanted.version:
        raise Broken(f"{source} says it is {says}, the pillar says {wanted.version}", code="war")
    return war


def _install_first(host: Installation, war: Path) -> list[str]:
    config = host.site / "etc" / "gerrit.config"
    with _config_kept(host.site):
        with config.open("a", encoding="utf-8") as file:
            file.write(FIRST_LOGIN)
        host.call(war, "init", "--batch", "--no-auto-start")
    _point(host, war)
    return [f"initialised with {war.stem}"]


def _upgrade(host: Installation, old: str, wanted: Release, war: Path) -> list[str]:
    before = _projects(host)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    copy = host.backups / f"{old}-{stamp}"
    noted = record.read(host.wars).begun(old, wanted.name, copy)
    record.write(host.wars, noted)
    try:
        host.service.stop()
        snapshot.take(host.site, copy)
        record.write(host.wars, noted.changing())
        _change(host, war)
        _verify(host, wanted, before)
    except (SalternError, OSError) as error:
        back = _roll_back(host)
        raise Refused(f"{wanted.name} was not taken, {back}: {error}", code=TAKEN_BACK) from error
    return [f"{old} copied to {copy}", f"upgraded from {old} to {wanted.name}"]


def _change(host: Installation, war: Path) -> None:
    with _config_kept(host.site):
        host.call(war, "init", "--batch", "--no-auto-start")
        host.call(war, "reindex")
    _point(host, war)
    host.service.start()


def _verify(host: Installation, wanted: Release, before: frozenset[str]) -> None:
    version = _wait(host)
    if version != wanted.version:
        raise Broken(f"Gerrit answers as {version}, not as {wanted.version}", code="version")
    if host.ssh:
        probe.wait_for_ssh(host.ssh, SSH_SECONDS)
    if lost := sorted(before - _projects(host, needed=bool(before))):
        names = ", ".join(lost[:5])
        raise Broken(f"{len(lost)} of {len(before)} projects are gone: {names}", code="projects")


def _projects(host: Installation, needed: bool = False) -> frozenset[str]:
    """Return the projects seen; none when nobody answers and it is not ``needed``."""
    try:
        return probe.projects(host.server) if host.server.password else frozenset()
    except SalternError:
        if needed:
            raise
        return frozenset()


def _roll_back(host: Installation) -> str:
    """Undo what the record says is under way; start the old release and say that it serves.

    Raises :class:`Broken` when it does not.
    """
    noted = record.read(host.wars)
    host.service.stop()
    if noted.phase == CHANGING:
        snapshot.restore(Path(noted.copy), host.site)
    _point(host, host.wars / f"{noted.old}.war")
    host.service.start()
    _wait(host)
    return f"{noted.old} serves again"


def _finish_interrupted(host: Installation) -> list[str]:
    noted = record.read(host.wars)
    if not noted.phase:
        return []
    back = _roll_back(host)
    reason = f"interrupted while {noted.phase}"
    record.write(host.wars, noted.with_failure(noted.new, _now(), reason))
    return [f"the upgrade to {noted.new} was {reason}, {back}"]


def _wait(host: Installation) -> str:
    service = host.service
    return probe.wait_until_up(host.server, host.up_seconds, service.alive, service.log)


def _note_failure(host: Installation, wanted: Release, error: Exception) -> None:
    noted = record.read(host.wars)
    if getattr(error, "code", "") == TAKEN_BACK or not noted.phase:
        record.write(host.wars, noted.with_failure(wanted.name, _now(), str(error)))


def _point(host: Installation, war: Path) -> None:
    part = host.current.with_suffix(".part")
    part.unlink(missing_ok=True)
    part.symlink_to(war.name)
    part.replace(host.current)


@contextmanager
def _config_kept(site: Path) -> Iterator[None]:
    """Put back what init writes into configuration that is the pillar's."""
    files = [site / "etc" / name for name in KEPT_BY_INIT]
    held = [(path, path.read_bytes(), path.stat()) for path in files if path.exists()]
    try:
        yield
    finally:
        for path, data, info in held:
            part = path.with_suffix(".part")
            part.touch(mode=0o600)
            part.write_bytes(data)
            if os.geteuid() == 0:
                os.chown(part, info.st_uid, info.st_gid)
            part.chmod(stat.S_IMODE(info.st_mode))
            part.replace(path)


def _prune(host: Installation) -> None:
    """Keep the newest copies, and the programs that are used or that a copy is of."""
    copies = sorted(host.backups.iterdir(), key=_age) if host.backups.is_dir() else []
    for copy in copies[: -host.keep] if host.keep else copies:
        shutil.rmtree(copy)
    kept = {copy.name.rpartition("-")[0] for copy in copies[-host.keep :]} | {present(host)}
    for war in host.wars.glob("*.war"):
        if not war.is_symlink() and war.stem not in kept:
            war.unlink()


def _age(copy: Path) -> str:
    return copy.name.rpartition("-")[2]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
