"""Reviews on changes as contributors make them: places, texts, labels and kinds of changes."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from saltern.limits import LONGEST, units
from saltern.providers.gerrit import GerritProvider
from saltern.providers.gerrit import review as reviews
from saltern.steps import Step
from tests.providers.changes import MARK, TAG, Change, observed, review_step
from tests.providers.gerrit_fixtures import apply_one

BEFORE = {"a.txt": "one\ntwo\nthree\n", "gone.txt": "x\n" * 9, "old.txt": "y\n" * 9}


@dataclasses.dataclass
class Clone:
    """A clone of a new project whose branch holds :data:`BEFORE`."""

    review: Any
    project: str
    path: Path

    def commit(self, files: Mapping[str, str], message: str = "A change") -> str:
        """Write files and commit everything; return the commit."""
        for name, text in files.items():
            (self.path / name).write_text(text)
        self.git("add", "--all")
        change_id = f"Change-Id: I{secrets.token_hex(20)}"
        self.git("commit", "-q", "--allow-empty", "-m", message, "-m", change_id)
        return self.git("rev-parse", "HEAD").strip()

    def upload(self, options: str = "") -> dict[str, Any]:
        """Push HEAD for review and return the change."""
        self.git("push", "-q", "origin", f"HEAD:refs/for/master{options}")
        head = self.git("rev-parse", "HEAD").strip()
        (found,) = self.review.rest("GET", f"/changes/?q=commit:{head}&o=CURRENT_REVISION")
        return found

    def git(self, *arguments: str) -> str:
        """Return git's output."""
        return self.review.git(*arguments, cwd=self.path)


@pytest.fixture
def clone(review, tmp_path):
    """A clone on its branch's tip."""
    name = review.name("places")
    body = {"branches": ["master"], "create_empty_commit": True}
    review.rest("PUT", f"/projects/{name}", body)
    review.git("clone", "-q", f"{{URL}}/{name}", str(tmp_path / "clone"))
    made = Clone(review, name, tmp_path / "clone")
    made.commit(BEFORE, "Before")
    made.git("push", "-q", "origin", "HEAD:refs/heads/master")
    return made


@pytest.fixture
def account(review, tmp_path):
    """A provider of an account without rights of its own, and its name."""
    name = review.name("service")
    body = {"http_password": "fake-password", "groups": ["Service Users"]}
    review.rest("PUT", f"/accounts/{name}", body)
    settings = review.settings(tmp_path / "cache-2", username=name, password="fake-password")  # noqa: S106
    with GerritProvider(settings) as made:
        yield made


def step(change: Mapping[str, Any], **more: Any) -> Step:
    """Return the step that reviews `change` (ChangeInfo), without comments."""
    made = Change(change["project"], change["_number"], change["current_revision"])
    return review_step(made, **more)


def place(line: int, start: int, end: int) -> dict[str, Any]:
    """Return a comment on a range of one line."""
    span = {
        "start_line": line, "start_character": start, "end_line": line, "end_character": end,
    }  # fmt: skip
    return {"line": line, "range": span, "message": f"{line}:{start}-{end}", "unresolved": False}


def test_comments_stand_at_line_ends_and_past_them(review, provider, clone):
    """Ends of lines, nothing, past the line, past the file, and the file as a whole."""
    clone.commit({"a.txt": "one\ntwo\nthree\nfour"})
    change = clone.upload()
    places = [place(4, 0, 4), place(4, 4, 4), place(4, 2, 40), place(9, 0, 1)]
    whole = {"message": "whole", "unresolved": False}
    assert apply_one(provider, step(change, comments={"a.txt": [*places, whole]})).ok
    rows = review.rest("GET", f"/changes/{change['_number']}/comments")["a.txt"]
    found = {row["message"]: (row.get("line"), row.get("range"), row["tag"]) for row in rows}
    assert found == {
        **{each["message"]: (each["line"], each["range"], TAG) for each in places},
        "whole": (None, None, TAG),
    }


def test_new_deleted_and_renamed_files_take_comments(review, provider, clone):
    """Each file that the observation names takes a comment, and files left alone none."""
    clone.git("rm", "-q", "gone.txt")
    clone.git("mv", "old.txt", "new name.txt")
    clone.commit({"added.txt": "new\n"})
    change = clone.upload()
    (row,) = observed(provider, clone.project, change["_number"])
    assert {"gone.txt", "new name.txt", "added.txt"} <= set(row["files"]) <= {
        "gone.txt", "new name.txt", "added.txt", "old.txt",
    }  # fmt: skip
    comments = {name: [place(1, 0, 1)] for name in row["files"]}
    assert apply_one(provider, step(change, comments=comments)).ok
    found = review.rest("GET", f"/changes/{change['_number']}/comments")
    assert sorted(found) == sorted(row["files"])
    again = {"mark": f"{MARK} again", "message": f"{MARK} again"}
    outcome = apply_one(provider, step(change, **again, comments={"a.txt": [place(1, 0, 1)]}))
    assert "a.txt not found in revision" in outcome.evidence["refused"]


def test_merge_commit_names_no_file_that_takes_no_comment(review, provider, clone):
    """What a clean merge brings in is in none of its files, and comments there are refused."""
    base = clone.git("rev-parse", "HEAD").strip()
    clone.commit({"side.txt": "side\n"})
    clone.git("push", "-q", "origin", "HEAD:refs/heads/side")
    clone.git("checkout", "-q", "--detach", base)
    tip = clone.commit({"main.txt": "main\n"})
    clone.git("push", "-q", "origin", "HEAD:refs/heads/master")
    clone.git("merge", "-q", "--no-ff", "-m", f"M\n\nChange-Id: I{'7' * 40}", "origin/side")
    change = clone.upload()
    (row,) = observed(provider, clone.project, change["_number"])
    assert (row["files"], row["parents"][0], len(row["parents"])) == ([], tip, 2)
    assert apply_one(provider, step(change)).ok


def test_texts_of_wide_characters_are_cut_to_what_gerrit_takes(review, provider, clone):
    """Gerrit counts UTF-16 code units: the longest text of characters beyond U+FFFF is posted."""
    clone.commit({"a.txt": "one\n"})
    change = clone.upload()
    mark = f"{MARK} {change['current_revision'][:12]}"
    longest = {"message": "\N{WATER WAVE}" * ((LONGEST - units("a.txt")) // 2), "unresolved": False}
    message = f"{mark}\n\n" + "\N{WATER WAVE}" * LONGEST
    assert apply_one(provider, step(change, message=message, comments={"a.txt": [longest]})).ok
    (said,) = [
        row["message"]
        for row in review.rest("GET", f"/changes/{change['_number']}/messages")
        if row.get("tag") == TAG
    ]
    assert "(cut off here" in said


def test_label_that_the_account_may_not_vote_costs_only_the_vote(review, account, clone):
    """Gerrit's own 403; a label of another branch is ignored by it, and told as unknown."""
    values = {"values": {"-1": "Fails", "0": "No score", "+1": "Verified"}}
    path = f"/projects/{clone.project}"
    review.rest("PUT", f"{path}/labels/Guarded", values)
    review.rest("PUT", f"{path}/labels/Granted", values)
    review.rest("PUT", f"{path}/labels/Elsewhere", {**values, "branches": ["refs/heads/stable"]})
    rule = {"rules": {"Service Users": {"min": -1, "max": 1, "action": "ALLOW"}}}
    grant = {f"label-{n}": {"label": n, **rule} for n in ("Granted", "Elsewhere")}
    review.rest("POST", f"{path}/access", {"add": {"refs/heads/*": {"permissions": grant}}})
    clone.commit({"a.txt": "one\n"})
    change = clone.upload()
    (row,) = observed(account, clone.project, change["_number"])
    assert {"Granted", "Guarded"} <= set(row["labels"])
    assert row["votes"].get("Granted") == [-1, 0, 1]
    assert not {"Guarded", "Elsewhere"} & set(row["votes"])
    votes = {}
    for number, label in enumerate(("Guarded", "Elsewhere", "Granted")):
        mark = f"{MARK} {number:012}"
        outcome = apply_one(account, step(change, mark=mark, message=mark, label=label))
        assert outcome.ok, outcome.reason
        votes[label] = outcome.evidence["vote"]
    assert votes == {
        "Guarded": "not permitted", "Elsewhere": "unknown label", "Granted": "given",
    }  # fmt: skip
    info = review.rest("GET", f"/changes/{change['_number']}?o=DETAILED_LABELS")["labels"]
    assert [vote["value"] for vote in info["Granted"]["all"] if vote.get("value")] == [1]


def test_private_change_is_unseen_and_work_in_progress_is_told(review, account, provider, clone):
    """An account without the right to private changes gets no row of one."""
    clone.commit({"a.txt": "private\n"})
    private = clone.upload("%private")["_number"]
    clone.commit({"a.txt": "draft\n"})
    draft = clone.upload("%wip")["_number"]
    assert observed(account, clone.project, private) == []
    assert [(r["number"], r["wip"]) for r in observed(account, clone.project)] == [(draft, True)]
    assert [row["private"] for row in observed(provider, clone.project, private)] == [True]


def test_open_changes_are_listed_page_by_page(provider, clone, monkeypatch):
    """No page's end loses a change or lists it twice."""
    monkeypatch.setattr(reviews, "PAGE", 2)
    numbers = []
    for number in range(5):
        clone.git("checkout", "-q", "--detach", "origin/master")
        clone.commit({"a.txt": f"{number}\n"})
        numbers.append(clone.upload()["_number"])
    assert sorted(row["number"] for row in observed(provider, clone.project)) == numbers
