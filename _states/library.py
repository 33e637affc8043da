"""The library Saltern in the Python that Salt itself runs on.

Nothing here needs the library: it must work where the installed one is too old for the tree.

.. versionadded:: 0.2.0
"""

import importlib
import sys
from pathlib import Path

PACKAGES = ("saltern", "saltern_salt")


def installed(name, wheel, digest, target, program):
    """The library of the master's checkout is installed, and used by the rest of the run.

    name
        File that says which one is installed: what ``digest`` said when it was.
    wheel, digest
        The library and its digest on the master, ``salt://`` URLs.
    target
        File that the wheel is copied to.
    program
        Program that installs ``target``.

    Declare it with ``reload_modules: True``: then states whose modules want something of the new
    library find it.

    .. code-block:: yaml

        /opt/saltern/.saltern:
          library.installed:
            - wheel: salt://dist/saltern.whl
            - digest: salt://dist/digest
            - target: /opt/saltern/dist/saltern.whl
            - program: /usr/local/lib/saltern/install-library
            - reload_modules: True

    .. versionadded:: 0.2.0
    """
    ret = {"name": name, "changes": {}, "result": False, "comment": ""}
    mark = Path(name)
    wanted = __salt__["cp.get_file_str"](digest) or ""
    found = mark.read_text("ascii") if mark.exists() else ""
    if wanted and wanted == found:
        return {**ret, "result": True, "comment": "the library is the master's"}
    changes = {"library": {"old": found.strip(), "new": wanted.strip()}}
    if __opts__["test"]:
        return {**ret, "result": None, "changes": changes, "comment": "it would be installed"}
    if not wanted or not __salt__["cp.get_file"](wheel, target, makedirs=True):
        return {**ret, "comment": f"{digest if not wanted else wheel}: the master has no such file"}
    done = __salt__["cmd.run_all"](program, python_shell=False)
    if done["retcode"]:
        told = (done["stderr"] or done["stdout"]).strip()[-1000:]
        return {**ret, "comment": f"{program} ended with {done['retcode']}: {told}"}
    mark.write_text(wanted, "ascii")
    _forget()
    return {**ret, "result": True, "changes": changes, "comment": "the library was installed"}


def _forget():
    """Let the next import read the packages anew."""
    for name in [name for name in sys.modules if name.split(".")[0] in PACKAGES]:
        del sys.modules[name]
    importlib.invalidate_caches()
