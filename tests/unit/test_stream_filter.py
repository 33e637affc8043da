"""What of Gerrit's stream reactors are given, and in which form."""

import asyncio
import dataclasses
import json
from pathlib import Path

import pytest

from saltern.stream import Coalescer, StreamSettings, reduce_event, relevant
from saltern.stream.lines import Inbox, Lines
from saltern.stream.reader import Backoff, GapWatch

SETTINGS = StreamSettings("host", "key", "file", project="infra/pc", branch="main")
EXCHANGES = Path(__file__).parents[1] / "contract" / "exchanges" / "stream-events.jsonl"
SHA = "0123456789abcdef0123456789abcdef01234567"


def change(kind, project="infra/pc", branch="main", **more):
    """Return an event of a change."""
    return {"type": kind, "change": {"project": project, "branch": branch, "number": 5}, **more}


def update(ref, project="p", username="ann"):
    """Return a ref-updated event."""
    return {
        "type": "ref-updated",
        "submitter": {"username": username},
        "refUpdate": {"project": project, "refName": ref, "newRev": SHA, "oldRev": "0" * 40},
    }


@pytest.mark.parametrize(
    ("event", "suffix"),
    [
        (change("change-merged"), "change-merged"),
        (change("change-merged", project="other"), None),
        (change("change-merged", branch="stable"), None),
        (change("patchset-created"), "patchset-created"),
        (change("comment-added"), None),
        (update("refs/heads/x"), "ref-updated"),
        (update("x"), "ref-updated"),
        (update("refs/tags/1.0"), "ref-updated"),
        (update("refs/meta/config"), "config-updated"),
        (update("refs/changes/01/1/1"), None),
        (update("refs/changes/01/1/meta"), None),
        (update("refs/users/00/1000000", project="All-Users"), None),
        (update("refs/meta/config", project="All-Users"), None),
        (update("refs/groups/5e/5e", project="All-Users"), None),
        ({"type": "project-head-updated", "projectName": "p"}, "config-updated"),
        ({"type": "project-created", "projectName": "p"}, None),
        ({"type": "dropped-output", "eventCreatedOn": 1}, "dropped"),
        ({"type": "saltern-dropped", "reason": "r"}, "dropped"),
        ({"type": "saltern-connected"}, "connected"),
        ({"type": "saltern-lost", "reason": "r"}, "lost"),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else str(value),
)
def test_relevant_event_has_suffix(event, suffix):
    """Each event has the suffix reactors listen to, or none."""
    assert relevant(event, SETTINGS) == suffix


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "x",
        {},
        {"type": 7},
        {"type": ["change-merged"]},
        {"type": "change-merged", "change": "x"},
        {"type": "change-merged", "change": {"project": ["infra/pc"], "branch": {}}},
        {"type": "ref-updated", "refUpdate": {"project": "p\nq", "refName": "refs/heads/x"}},
        {"type": "ref-updated", "refUpdate": {"project": "p", "refName": "refs/heads/\x00"}},
        {"type": "ref-updated", "refUpdate": {"project": "p" * 1001, "refName": "refs/heads/x"}},
        {"type": "ref-updated", "refUpdate": {"project": "p"}},
        {"type": "ref-updated", "refUpdate": {"project": "\ud800", "refName": "refs/heads/x"}},
    ],
    ids=repr,
)
def test_malformed_event_is_passed_over(event):
    """What has not the expected types and lengths is nothing to react to."""
    assert relevant(event, SETTINGS) is None


def test_own_updates_are_passed_over_when_asked():
    """Ref updates of ignored accounts are no hint; merges by them are."""
    settings = StreamSettings("h", "k", "f", project="infra/pc", branch="main", ignore_users=("s",))
    assert relevant(update("refs/heads/x", username="s"), settings) is None
    assert relevant(update("refs/heads/x", username="ann"), settings) == "ref-updated"
    merged = change("change-merged", submitter={"username": "s"})
    assert relevant(merged, settings) == "change-merged"


def test_reduced_event_has_plain_fields_only():
    """No subject, message, mail address or other free text leaves."""
    event = change(
        "change-merged",
        patchSet={"number": 2, "revision": SHA, "uploader": {"email": "x@example.org"}},
        submitter={"name": "{{ evil }}", "username": "ann", "email": "x@example.org"},
        newRev=SHA,
    )
    event["change"] |= {"subject": "{{ evil }}", "commitMessage": "rm -rf"}
    assert reduce_event(event) == {
        "type": "change-merged",
        "project": "infra/pc",
        "branch": "main",
        "change": 5,
        "patchset": 2,
        "revision": SHA,
        "newrev": SHA,
        "submitter": "ann",
    }


@pytest.mark.parametrize(
    "number", [True, -1, 0, 1.5, "1; ls", "٣", None, [], 2**31, "9" * 30], ids=repr
)
def test_change_number_of_wrong_kind_is_left_out(number):
    """A change number is a positive integer or is not there."""
    event = change("change-merged")
    event["change"]["number"] = number
    assert "change" not in reduce_event(event)


def test_change_number_as_digits_is_taken():
    """Older releases send the number as a string."""
    event = change("change-merged")
    event["change"]["number"] = "12"
    assert reduce_event(event)["change"] == 12


@pytest.mark.parametrize("sha", ["", "x" * 40, SHA + "\n", SHA[:39], 5], ids=repr)
def test_revision_that_is_no_hash_is_left_out(sha):
    """Only full hexadecimal ids pass."""
    assert "newrev" not in reduce_event(change("change-merged", newRev=sha))


def recorded():
    """Return the events recorded from a real Gerrit, by exchange."""
    lines = EXCHANGES.read_text().splitlines()
    return {e["id"]: e["events"] for e in map(json.loads, lines) if "events" in e}


def test_recorded_events_of_a_real_gerrit_are_sorted_as_meant():
    """Creation, push and access change of a real server give the suffixes reactors want."""
    by_id = recorded()
    suffixes = {key: [relevant(e, SETTINGS) for e in by_id[key]] for key in by_id}
    assert suffixes["project-created-branches"] == [
        None,
        "config-updated",
        "ref-updated",
        "ref-updated",
    ]
    assert suffixes["access-changed"] == ["config-updated"]
    assert suffixes["group-created"] == [None]
    assert suffixes["tag-create-ann"] == ["ref-updated"]
    assert suffixes["head"] == ["config-updated"]


def test_recorded_change_that_becomes_ready_is_a_hint_for_its_review():
    """A draft was passed over when it was uploaded; the event of its end carries its number."""
    (event,) = [e for e in recorded()["ready"] if e["type"] == "wip-state-changed"]
    change = event["change"]
    settings = dataclasses.replace(SETTINGS, project=change["project"], branch=change["branch"])
    assert relevant(event, settings) == "patchset-created"
    assert reduce_event(event)["change"] == change["number"]
    assert relevant(event, SETTINGS) is None


def test_recorded_merge_of_the_registry_is_a_hint_with_its_number():
    """The change-merged event of a real server carries what the note needs."""
    merged = [e for es in recorded().values() for e in es if e.get("type") == "change-merged"]
    assert merged
    settings = StreamSettings(
        "h",
        "k",
        "f",
        project=merged[0]["change"]["project"],
        branch=merged[0]["change"]["branch"],
    )
    assert relevant(merged[0], settings) == "change-merged"
    assert reduce_event(merged[0])["change"] == merged[0]["change"]["number"]


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_updates_within_the_window_are_one_hint():
    """The window runs from the first update; later ones do not prolong it."""
    clock = Clock()
    coalescer = Coalescer(1.0, clock)
    assert coalescer.wait() is None
    for name in ("b", "a", "b"):
        assert coalescer.add("ref-updated", {"project": name}) == []
        clock.now += 0.4
    assert coalescer.wait() == 0.0
    assert coalescer.due() == [("ref-updated", {"projects": ["a", "b"], "events": 3})]
    assert coalescer.due() == []


def test_merge_flushes_what_waited_before_it():
    """A hint never overtakes an older one."""
    coalescer = Coalescer(1.0, Clock())
    coalescer.add("config-updated", {"project": "a"})
    assert [s for s, _ in coalescer.add("change-merged", {"change": 1})] == [
        "config-updated",
        "change-merged",
    ]


def test_hint_about_many_projects_is_cut_in_parts():
    """No hint grows past what fits an event on the bus; no project is lost."""
    coalescer = Coalescer(0.0, Clock())
    for n in range(1201):
        coalescer.add("ref-updated", {"project": f"p{n:04}"})
    hints = coalescer.due()
    assert [len(data["projects"]) for _, data in hints] == [500, 500, 201]


def test_full_inbox_marks_the_gap_and_goes_on():
    """A consumer that is too slow loses events, knows it, and never blocks the reader."""

    async def main():
        inbox = Inbox(2)
        for n in range(5):
            inbox.put({"type": str(n)})
        first = [await inbox.get(0.3) for _ in range(4)]
        inbox.put({"type": "later"})
        return [*first, await inbox.get(0.3)]

    got = asyncio.run(main())
    assert [e and e["type"] for e in got] == ["0", "1", "saltern-dropped", None, "later"]


def test_line_beyond_the_limit_is_skipped_to_its_end():
    """The rest of a line too long is not taken for an event."""
    lines = Lines(10)
    chunks = [b"x" * 8, b"x" * 8, b'{"type": "evil"}', b'\n{"a":1}\n{"b"', b":2}\n"]
    got = [event for chunk in chunks for event in lines.feed(chunk)]
    assert [e.get("type") for e in got] == ["saltern-dropped", None, None]
    assert got[1:] == [{"a": 1}, {"b": 2}]


def test_backoff_doubles_to_its_limit_with_jitter():
    """Waits double, stay below the limit, and begin anew when told."""
    backoff = Backoff(1.0, 5.0, lambda low, high: high)
    assert [backoff.next() for _ in range(5)] == [1, 2, 4, 5, 5]
    backoff.reset()
    assert backoff.next() == 1
    assert Backoff(1.0, 5.0, lambda low, high: low).next() == 0.5


def test_drop_on_a_busy_stream_is_reported_again_at_the_limit():
    """A stream that never rests does not put off the second report for ever."""
    clock = Clock()
    gap = GapWatch(StreamSettings("h", "k", "f", quiet=5.0, quiet_limit=60.0), clock)
    gap.see({"type": "dropped-output"})
    for _ in range(59):
        clock.now += 1
        gap.see({"type": "x"})
        assert gap.report() is None
    clock.now += 1
    assert gap.report() == {"type": "dropped-output", "again": True}
    assert gap.report() is None


def test_reconnect_makes_the_second_report_needless():
    """A new stream is followed by a full converge anyway."""
    clock = Clock()
    gap = GapWatch(StreamSettings("h", "k", "f"), clock)
    gap.see({"type": "dropped-output"})
    gap.see({"type": "saltern-connected"})
    assert gap.wait() is None
