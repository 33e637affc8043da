"""``python -m lab.gerrit package``: the stand-in as one file that is used like a gerrit.war.

The same sources, version and defect always give the same bytes.
"""

from __future__ import annotations

import argparse
import io
import sys
import zipfile
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from . import BANNER, VERSION

DEFECTS = {
    "init": "init damages the data and fails",
    "hang": "init damages the data and does not end",
    "lose": "init loses projects",
    "daemon": "init damages the data, the daemon does not start",
}
EPOCH = (1980, 1, 1, 0, 0, 0)


def main(argv: list[str]) -> None:
    """Write the file, or with ``--check`` exit with 1 unless it is what would be written."""
    parser = argparse.ArgumentParser(prog="python -m lab.gerrit package", description=BANNER)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--version", default=VERSION, help="what it says it is (%(default)s)")
    parser.add_argument(
        "--defect",
        choices=DEFECTS,
        default="",
        help="; ".join(f"{name}: {text}" for name, text in DEFECTS.items()),
    )
    parser.add_argument("--check", action="store_true", help="only compare")
    args = parser.parse_args(argv)
    data = packed(args.version, args.defect)
    if not args.check:
        part = args.out.with_suffix(".part")
        part.write_bytes(data)
        part.replace(args.out)
    elif not args.out.is_file() or args.out.read_bytes() != data:
        sys.exit(1)


def packed(version: str, defect: str = "") -> bytes:
    """Return the file's bytes: a zip archive with a ``__main__.py``."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(_files(version, defect).items()):
            archive.writestr(zipfile.ZipInfo(name, EPOCH), text, zipfile.ZIP_DEFLATED)
    return held.getvalue()


def _files(version: str, defect: str) -> dict[str, bytes]:
    made = f"VERSION = {version!r}\nDEFECT = {defect!r}\n"
    return {
        "__main__.py": b"from lab.gerrit.__main__ import main\n\nmain()\n",
        "lab/__init__.py": b"",
        **{
            f"lab/gerrit/{file.name}": file.read_bytes()
            for file in resources.files(__package__).iterdir()
            if _wanted(file)
        },
        "lab/gerrit/_packaged.py": made.encode(),
    }


def _wanted(file: Traversable) -> bool:
    return file.is_file() and (file.name.endswith(".py") or file.name == "commit-msg")
