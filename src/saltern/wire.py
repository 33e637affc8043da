"""Plain data across the Salt bus.

Salt trims event data above ``max_event_size`` (1 MiB) value by value and without an error,
so what may grow with the number of projects travels as one compressed string: a trimmed one
cannot be unpacked and is reported instead of believed.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Any

from saltern import __version__
from saltern.errors import Broken


def pack(data: Any) -> dict[str, str]:
    """Return ``data`` (JSON-able) as ``{"saltern": version, "z": base64 of zlib of JSON}``."""
    raw = json.dumps(data, separators=(",", ":"), sort_keys=True).encode()
    return {"saltern": __version__, "z": base64.b64encode(zlib.compress(raw, 6)).decode()}


def unpack(packed: Any) -> Any:
    """Return what :func:`pack` was given.

    Raises :class:`Broken` when it is not packed data, was cut on its way, or was packed by
    another version of Saltern.
    """
    if not isinstance(packed, dict) or "z" not in packed:
        raise Broken(f"expected packed data, got {str(packed)[:300]!r}", code="wire")
    if packed.get("saltern") != __version__:
        raise Broken(
            f"packed by saltern {packed.get('saltern')}, this is {__version__}: install the "
            "same version on master and minions",
            code="version",
        )
    try:
        return json.loads(zlib.decompress(base64.b64decode(packed["z"], validate=True)))
    except (binascii.Error, zlib.error, ValueError) as error:
        raise Broken(f"packed data was damaged on its way ({error})", code="wire") from error
