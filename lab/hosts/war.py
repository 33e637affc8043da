"""A gerrit.war for the lab: the version it says it is, and the pillar that makes a host take it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from lab.hosts.places import LabError
from lab.saltconfig import REPOSITORY

PLACE = Path("srv/cache/gerrit.war")
"""Where the Gerrit host finds the file, below its root."""
SAID_IN = "com/google/gerrit/common/Version"
"""Where a library of the WAR has the version as text."""

PILLAR = """\
# What GERRIT_WAR named when this lab came up.
java:
  pip: {java}
gerrit:
  program: []
  war:
    version: {version}
    file: /{place}
"""


def pillar(war: Path) -> str:
    """Return what stands in place of ``pillar/dev/gerrit_program.sls`` for a host with ``war``."""
    java = (REPOSITORY / "requirements/java.txt").read_text().strip().partition("==")[2]
    return PILLAR.format(java=java, version=version(war), place=PLACE)


def version(war: Path) -> str:
    """Return the version that a WAR says it is. Raises :class:`LabError` if it is no Gerrit."""
    try:
        with zipfile.ZipFile(war) as outer:
            for name in outer.namelist():
                if name.startswith("WEB-INF/lib/") and name.endswith(".jar"):
                    with zipfile.ZipFile(io.BytesIO(outer.read(name))) as library:
                        if SAID_IN in library.namelist():
                            return library.read(SAID_IN).decode().strip()
    except (OSError, zipfile.BadZipFile) as error:
        raise LabError(f"GERRIT_WAR={war}: {error}") from error
    raise LabError(f"GERRIT_WAR={war}: no library in it has {SAID_IN}: is it a gerrit.war?")
