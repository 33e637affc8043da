"""accounts.jsonl."""

from __future__ import annotations

from replay.setups import common
from replay.world import World


def prepare(world: World) -> None:
    common(world)
    world.group("g-full", description="A group", visible_to_all=True)
    world.group("g1", visible_to_all=True, owner_id="Administrators")
    world.must("PUT", "/a/groups/g1/groups/Registered%20Users")
    world.must("PUT", "/a/groups/g-full/groups/g1")


PASSWORDS = {
    "pw-works": "pw1",
    "http-login-inactive": "pw10",
    "pw2-old": "pA",
    "pw2-new": "pB",
    "pw2-after-del": "pA",
    "token-after-pA": "pA",
    "token-after-pB": "pB",
}
ANY_ORDER = ["groups"]
# One account id is taken by a call that was not recorded.
BEFORE = {"pw2-create": lambda world: world.must("PUT", "/a/accounts/spare", {})}
