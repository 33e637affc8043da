"""The machine's way to the package registries, for its hosts: apt, pip, CAs, name servers."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from lab.hosts.places import cache, run

SUITE = "bookworm"

DEBIAN = """\
deb http://deb.debian.org/debian bookworm main
deb http://deb.debian.org/debian bookworm-updates main
deb http://deb.debian.org/debian-security bookworm-security main
"""


def sources() -> list[Path]:
    """Files that name the Debian archive: the machine's own where it is a Debian 12."""
    release = Path("/etc/os-release").read_text()
    own = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    own = [file for file in own if file.suffix in (".list", ".sources") and file.is_file()]
    if f"VERSION_CODENAME={SUITE}" in release and own:
        return own
    plain = cache() / "debian.list"
    plain.write_text(DEBIAN)
    return [plain]


def acquire_options() -> list[str]:
    """The machine's plain ``Acquire::`` settings, as lines of an apt configuration."""
    lines = []
    for file in _settings_files():
        if file.parent.name == "apt.conf.d":
            lines += re.findall(r"^\s*(Acquire::[^;{]*)\s*;", file.read_text(), re.MULTILINE)
    return lines


def copy(root: Path) -> None:
    """Give the Debian in ``root`` the machine's settings."""
    for file in (*_settings_files(), Path("/etc/pip.conf"), Path("/etc/apt/auth.conf")):
        if file.exists():
            shutil.copy2(file, root / file.relative_to("/"))
    copy_resolver(root)
    _copy_authorities(root)


def copy_resolver(root: Path) -> None:
    """Write the machine's name servers into ``root``; a stub on loopback is of no use there."""
    resolver = Path("/etc/resolv.conf")
    stub = Path("/run/systemd/resolve/resolv.conf")
    if "127.0.0.53" in resolver.read_text() and stub.exists():
        resolver = stub
    target = root / "etc/resolv.conf"
    target.unlink(missing_ok=True)
    target.write_text(resolver.read_text())


def _settings_files() -> list[Path]:
    """The machine's options and logins for reaching the archive, not its clean-up hooks."""
    options = sorted(Path("/etc/apt/apt.conf.d").glob("*"))
    reach = [file for file in options if file.is_file() and not file.name.startswith("docker-")]
    logins = sorted(Path("/etc/apt/auth.conf.d").glob("*"))
    return [file for file in reach if "Acquire::" in file.read_text(errors="replace")] + logins


def _copy_authorities(root: Path) -> None:
    """Add the certificates the machine trusts and Debian's package lacks, so that they stay."""
    bundle = Path(os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt")
    inside = root / "etc/ssl/certs/ca-certificates.crt"
    known = set(_certificates(inside))
    folder = root / "usr/local/share/ca-certificates"
    for number, certificate in enumerate(_certificates(bundle)):
        if certificate not in known:
            (folder / f"machine-{number}.crt").write_text(certificate + "\n")
    run("chroot", root, "update-ca-certificates")


def _certificates(bundle: Path) -> list[str]:
    pattern = r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----"
    return re.findall(pattern, bundle.read_text(), re.DOTALL)
