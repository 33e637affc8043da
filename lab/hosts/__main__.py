"""``python -m lab.hosts``."""

from lab.hosts.cli import main

main(prog_name="python -m lab.hosts")
