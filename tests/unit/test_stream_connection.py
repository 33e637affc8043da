"""The stream over a real ssh connection: connected, cut, frozen, refused, impersonated."""

import asyncio

import pytest

from saltern.stream import events, hints
from tests.unit.stream_server import DEADLINE, Relay, Site, collect, ending, sending, stay_silent

CREATED = {"type": "project-created", "projectName": "p", "headName": "refs/heads/master"}


def kinds(items):
    """Return the types of events."""
    return [item["type"] for item in items]


def seen(kind, times=1):
    """Return a condition: an event of that type came so many times."""
    return lambda items: kinds(items).count(kind) >= times


@pytest.fixture
def site(tmp_path):
    """Return keys and settings of one test."""
    return Site(tmp_path)


def read(server, settings_of, until, generator=events, port=0):
    """Run ``server`` and return what the reader yields until ``until`` holds."""

    async def main():
        async with server.running(port):
            stream = generator(settings_of(server), asyncio.Event())
            return await collect(stream, until)

    return asyncio.run(main())


def test_events_sent_arrive_after_connected(site):
    """What the server sends is yielded in order, behind the mark that the stream began."""
    server = site.server(sending(CREATED, {"type": "x"}))
    assert kinds(read(server, site.settings, seen("x"))) == [
        "saltern-connected",
        "project-created",
        "x",
    ]
    assert server.commands == ["gerrit stream-events"]


def test_silent_stream_counts_as_connected(site):
    """A stream without events is connected too: nobody may wait for the first one."""
    assert kinds(read(site.server(stay_silent), site.settings, seen("saltern-connected"))) == [
        "saltern-connected"
    ]


def test_stream_cut_is_reported_and_reconnected(site):
    """The end of the stream is yielded with its reason, then a new beginning."""
    server = site.server(sending(CREATED, then=ending(status=255)), sending({"type": "x"}))
    got = read(server, site.settings, seen("x"))
    assert kinds(got) == [
        "saltern-connected",
        "project-created",
        "saltern-lost",
        "saltern-connected",
        "x",
    ]
    assert got[2]["code"] == "ended"


def test_capability_missing_is_lost_and_never_connected(site):
    """A refusal by Gerrit is told with its remedy; no connect that would cost a converge."""
    server = site.server(ending("fatal: stream events not permitted\n", 1))
    got = read(server, lambda s: site.settings(s, settle=DEADLINE), seen("saltern-lost", 2))
    assert set(kinds(got)) == {"saltern-lost"}
    assert got[0]["code"] == "not-permitted"
    assert "Stream Events" in got[0]["reason"]


def test_other_host_key_is_refused_and_tried_again(site):
    """A changed host key is never accepted, however often it is offered."""
    other = site.server(stay_silent)
    server = site.server(sending(CREATED))
    got = read(
        server,
        lambda s: site.settings(s, known_hosts=other.host_key),
        seen("saltern-lost", 3),
    )
    assert {(e["type"], e["code"]) for e in got} == {("saltern-lost", "host-key")}
    assert server.commands == []
    assert "known_hosts" in got[0]["reason"]


def test_unknown_host_is_refused(site):
    """A known_hosts file that does not name the host trusts nobody."""
    server = site.server(sending(CREATED))

    def settings_of(running):
        path = site.folder / "known_hosts"
        path.write_text(f"elsewhere.example.org {running.host_key}\n")
        return site.settings(running, known_hosts=str(path))

    got = read(server, settings_of, seen("saltern-lost"))
    assert got[0]["code"] == "host-key"
    assert server.commands == []


def test_known_hosts_file_naming_host_and_port_is_accepted(site):
    """The file form of OpenSSH works, with the port in brackets."""
    server = site.server(stay_silent)

    def settings_of(running):
        path = site.folder / "known_hosts"
        path.write_text(f"[127.0.0.1]:{running.port} {running.host_key}\n")
        return site.settings(running, known_hosts=str(path))

    assert kinds(read(server, settings_of, seen("saltern-connected"))) == ["saltern-connected"]


@pytest.mark.parametrize("text", ["", "   \n"], ids=["empty", "blank"])
def test_no_known_hosts_trusts_nobody(site, text):
    """Empty settings are an error, never "accept any"."""
    server = site.server(sending(CREATED))
    got = read(server, lambda s: site.settings(s, known_hosts=text), seen("saltern-lost"))
    assert got[0]["code"] == "settings"
    assert server.commands == []


def test_key_not_on_account_is_lost_with_remedy(site, tmp_path):
    """A refused login names the account and the key file, not the key."""
    server = site.server(sending(CREATED))
    (tmp_path / "other").mkdir()
    stranger = Site(tmp_path / "other")
    got = read(server, stranger.settings, seen("saltern-lost"))
    assert got[0]["code"] == "login"
    assert str(stranger.key_file) in got[0]["reason"]


def test_key_file_missing_is_told_by_its_path(site):
    """A key file that is not there is named."""
    server = site.server(stay_silent)
    got = read(server, lambda s: site.settings(s, key_file="/nowhere/id"), seen("saltern-lost"))
    assert "/nowhere/id" in got[0]["reason"]


def test_server_down_then_up_is_connected_in_the_end(site):
    """Attempts go on while nothing listens, and succeed when it does again."""

    async def main():
        server = site.server(stay_silent)
        async with server.running():
            port = server.port
        stream = events(site.settings(server), asyncio.Event())
        got = await collect_part(stream, seen("saltern-lost", 2))
        async with server.running(port):
            return got + await collect(stream, seen("saltern-connected"))

    got = asyncio.run(main())
    assert got[0]["code"] == "network"
    assert kinds(got)[-1] == "saltern-connected"


async def collect_part(stream, until):
    """Return what a stream yields until ``until`` holds, and leave it open."""
    got = []
    async with asyncio.timeout(DEADLINE):
        while not until(got):
            got.append(await anext(stream))
    return got


def test_frozen_server_is_noticed_by_keepalive(site):
    """A server that keeps the connection and answers nothing is lost, then found again."""

    async def main():
        server = site.server(stay_silent)
        async with server.running(), Relay(server.port).running() as relay:
            settings = site.settings(
                server, port=relay.port, keepalive=0.3, keepalive_count=2, connect_timeout=2.0
            )
            stream = events(settings, asyncio.Event())
            await collect_part(stream, seen("saltern-connected"))
            relay.flowing.clear()
            lost = await collect_part(stream, seen("saltern-lost"))
            relay.flowing.set()
            return lost, await collect(stream, seen("saltern-connected"))

    lost, again = asyncio.run(main())
    assert lost[-1]["code"] == "network"
    assert kinds(again)[-1] == "saltern-connected"


def test_bytes_that_are_no_event_become_a_dropped_marker(site):
    """Garbage, and a line past the limit, end nothing: a marker stands in their place."""
    server = site.server(sending(b"\xff{\n", b"x" * 3000 + b"\n", b"[1]\n", CREATED))
    got = read(server, lambda s: site.settings(s, line_limit=1000), seen("project-created"))
    assert kinds(got) == ["saltern-connected", *["saltern-dropped"] * 3, "project-created"]


def test_event_split_over_packets_arrives_whole(site):
    """An event is cut by its newline, not by what one read returned."""

    async def in_halves(process):
        process.stdout.write(b'{"type": ')
        await process.stdout.drain()
        await asyncio.sleep(0.05)
        process.stdout.write(b'"x"}\n{"ty')
        await process.stdout.drain()
        await asyncio.sleep(0.05)
        process.stdout.write(b'pe": "y"}\n')
        await stay_silent(process)

    got = read(site.server(in_halves), site.settings, seen("y"))
    assert kinds(got) == ["saltern-connected", "x", "y"]


def test_stop_ends_the_stream_at_once(site):
    """A set stop ends a silent stream and leaves no task behind."""

    async def main():
        async with site.server(stay_silent).running() as server:
            stop = asyncio.Event()
            stream = events(site.settings(server), stop)
            await collect_part(stream, seen("saltern-connected"))
            asyncio.get_running_loop().call_later(0.05, stop.set)
            async with asyncio.timeout(DEADLINE):
                rest = [event async for event in stream]
            names = {t.get_coro().__qualname__ for t in asyncio.all_tasks()}
            return rest, names

    rest, names = asyncio.run(main())
    assert rest == []
    assert not {n for n in names if n.startswith(("_pump", "_close_on", "listen"))}


def test_drop_is_reported_again_once_the_stream_rests(site):
    """The gap lies behind Gerrit's marker: a second report comes after the queued events."""
    marker = {"type": "dropped-output", "eventCreatedOn": 1}
    server = site.server(sending(marker, *[{"type": "x"}] * 128))
    got = read(server, lambda s: site.settings(s, quiet=1.0), seen("dropped-output", 2))
    assert kinds(got) == [
        "saltern-connected",
        "dropped-output",
        *["x"] * 128,
        "dropped-output",
    ]
    assert got[-1]["again"]


def test_hints_gather_ref_updates_and_keep_the_order(site):
    """Many updates are one hint; a merge behind them is not told before them."""
    updates = [
        {"type": "ref-updated", "refUpdate": {"project": p, "refName": "refs/heads/master"}}
        for p in ("b", "a", "b")
    ]
    merged = {
        "type": "change-merged",
        "change": {"project": "infra/project-config", "branch": "master", "number": 7},
        "newRev": "a" * 40,
    }
    server = site.server(sending(*updates, merged, {"type": "dropped-output"}))
    got = read(
        server,
        lambda s: site.settings(s, window=DEADLINE, quiet=1.0),
        lambda items: len(items) >= 5,
        hints,
    )
    assert [suffix for suffix, _ in got] == [
        "connected",
        "ref-updated",
        "change-merged",
        "dropped",
        "dropped",
    ]
    assert got[1][1] == {"projects": ["a", "b"], "events": 3}
    assert got[2][1]["change"] == 7


def test_hints_without_followers_come_after_the_window(site):
    """Gathered updates are passed on by the clock, not by the next event."""
    update = {"type": "ref-updated", "refUpdate": {"project": "a", "refName": "refs/tags/1"}}
    got = read(site.server(sending(update)), site.settings, lambda i: len(i) == 2, hints)
    assert got[1] == ("ref-updated", {"projects": ["a"], "events": 1})
