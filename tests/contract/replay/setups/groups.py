"""groups.jsonl."""

from __future__ import annotations

import secrets

from replay.setups import common as prepare
from replay.world import World

__all__ = ["ANY_ORDER", "SHAS", "prepare"]

ANY_ORDER = ["audit"]


def _name_like_a_uuid(world: World) -> str:
    return world.remembered.setdefault("uuid-like", secrets.token_hex(20))


SHAS = {"name-uuidlike": _name_like_a_uuid, "name-uuidlike-get": _name_like_a_uuid}
