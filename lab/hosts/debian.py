"""The lowest layer of the hosts' disks: Debian 12 with systemd and sshd."""

from __future__ import annotations

from pathlib import Path

from lab.hosts import reach
from lab.hosts.places import cache, run

PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "openssh-server", "python3", "python3-venv", "sudo",
    "ca-certificates", "iproute2", "iputils-ping", "curl", "git", "less", "procps",
)  # fmt: skip

MASKED = (
    "systemd-timesyncd.service", "apt-daily.timer", "apt-daily-upgrade.timer",
    "systemd-resolved.service", "getty@.service", "console-getty.service", "fstrim.timer",
)  # fmt: skip

APT = """\
APT::Sandbox::User "root";
Acquire::Retries "3";
APT::Install-Recommends "false";
APT::Keep-Downloaded-Packages "true";
Binary::apt::APT::Keep-Downloaded-Packages "true";
"""

SSH_KEYS = """\
[Service]
ExecStartPre=
ExecStartPre=/usr/bin/ssh-keygen -A
ExecStartPre=/usr/sbin/sshd -t
"""


def make(root: Path) -> None:
    """Bootstrap the layer into the new folder ``root``."""
    _bootstrap(root)
    reach.copy(root)
    (root / "etc/apt/apt.conf.d/90lab").write_text(APT)
    _make_anonymous(root)


def _bootstrap(root: Path) -> None:
    options = [f"--aptopt={line}" for line in reach.acquire_options()]
    archives = cache() / "debootstrap"
    archives.mkdir(exist_ok=True)
    inside = "$1/var/cache/apt/archives"
    kept = [
        f"--setup-hook=mkdir -p {inside}; cp -f {archives}/*.deb {inside}/ 2>/dev/null || true",
        f"--customize-hook=cp -u {inside}/*.deb {archives}/; rm -f {inside}/*.deb",
    ]
    run(
        "unshare", "--mount", "mmdebstrap", "--mode=root", "--variant=minbase", "--quiet",
        "--skip=download/empty", f"--include={','.join(PACKAGES)}", *kept, *options,
        reach.SUITE, root, *reach.sources(),
    )  # fmt: skip


def _make_anonymous(root: Path) -> None:
    """Leave to each host what must be its own, and off what has no place in a container."""
    units = root / "etc/systemd/system"
    for name in MASKED:
        (units / name).unlink(missing_ok=True)
        (units / name).symlink_to("/dev/null")
    (root / "etc/machine-id").write_text("")
    (root / "var/lib/dbus/machine-id").unlink(missing_ok=True)
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    drop_in = units / "ssh.service.d" / "keys.conf"
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text(SSH_KEYS)
