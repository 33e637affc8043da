"""access.jsonl."""

from __future__ import annotations

import secrets

from replay.setups import common
from replay.world import World


def prepare(world: World) -> None:
    common(world)
    world.group("acc-core")
    world.group("acc-rel")
    world.project("acc", create_empty_commit=True)
    world.project("acc-parent")


SHAS = {"add-unknown-uuid": lambda _: secrets.token_hex(20)}
