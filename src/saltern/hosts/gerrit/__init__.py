"""A Gerrit site on this host: its releases, its first administrator, its labels."""

from saltern.hosts.gerrit.administrator import administrator_present
from saltern.hosts.gerrit.installation import Installation, Systemd
from saltern.hosts.gerrit.labels import label_present
from saltern.hosts.gerrit.probe import wait_until_up
from saltern.hosts.gerrit.release import Release, changes, install

__all__ = [
    "Installation",
    "Release",
    "Systemd",
    "administrator_present",
    "changes",
    "install",
    "label_present",
    "wait_until_up",
]
