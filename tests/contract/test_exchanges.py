"""Every recorded exchange, replayed on the server under test: one test an exchange.

Exchanges of a file run in recorded order on one server. An exchange picked with `-k` runs after
all earlier ones of its file, whose own differences do not matter to it.
"""

from __future__ import annotations

import pytest
from not_replayed import UNSUPPORTED, reason
from replay import exchanges, replayer, servers
from replay.world import World

NOT_IMPLEMENTED = 501


def _reason(exchange: exchanges.Exchange) -> str | None:
    return reason(exchange, own_server=servers.target() != "running")


def _parameters():
    for file in exchanges.files():
        for exchange in exchanges.load(file):
            why = _reason(exchange)
            marks = [pytest.mark.skip(reason=why)] if why else []
            yield pytest.param(exchange, id=exchange.name, marks=marks)


def _prepared(file: str, world: World) -> replayer.Replayer:
    skipped = {one.id for one in exchanges.load(file) if _reason(one)}
    replay = replayer.Replayer(file, world, skipped)
    replay.setup.prepare(world)
    return replay


@pytest.fixture(scope="module")
def current(open_world):
    """`current(file)`: the replayer of a file; the one before it is closed with its server."""
    state: dict[str, replayer.Replayer] = {}
    unprepared: dict[str, Exception] = {}

    def get(file: str) -> replayer.Replayer:
        if file in unprepared:
            pytest.fail(f"set-up of {file} failed before: {unprepared[file]}", pytrace=False)
        if file not in state:
            close()
            try:
                state[file] = _prepared(file, open_world(file))
            except Exception as error:
                unprepared[file] = error
                raise
        return state[file]

    def close() -> None:
        while state:
            state.popitem()[1].close()
        open_world.close()

    yield get
    close()


@pytest.mark.parametrize("exchange", list(_parameters()))
def test_exchange_replayed_answers_as_recorded(exchange, current):
    """The server gives the recorded status, shape and decisive text."""
    replay = current(exchange.file)
    differences = replay.differences(exchange.id)
    if exchange.name in UNSUPPORTED and replay.world.server.is_stand_in:
        assert f"got {NOT_IMPLEMENTED}" in "\n".join(differences), (
            f"{exchange.name} is listed as unsupported ({UNSUPPORTED[exchange.name]}) but did not "
            f"answer {NOT_IMPLEMENTED}"
        )
        return
    shown = "\n  ".join(differences)
    assert not differences, f"{exchange.name} ({exchange.record['what']}):\n  {shown}"
