"""The site's hosts on one machine: systemd-nspawn, a network namespace each, overlayfs clones."""
