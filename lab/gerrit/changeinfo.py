"""Changes as REST shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .change import CC, REVIEWER, Change, PatchSet, Vote
from .diff import commit_diff
from .javahash import bucket
from .labelconfig import Label
from .labels import evaluate, labels_for, submit_records, unsatisfied, vote_range
from .model import User, timestamp
from .projectconfig import padded
from .rest import encode
from .rest_branches import commit_info
from .submit import submit_type

if TYPE_CHECKING:
    from .site import Site


class _Writer:
    """Writes one change for one caller, with the options asked for."""

    def __init__(self, site: Site, user: User, change: Change, options: set[str]):
        self.site, self.user, self.change, self.options = site, user, change, options
        self.project = site.changes.project(change)
        self.repo = self.project.repo
        self.detailed = "DETAILED_ACCOUNTS" in options

    def account(self, number: int) -> dict:
        account = self.site.accounts.by_id.get(number)
        if account is None:
            return {"_account_id": number}
        return self.site.accounts.info(account, self.detailed)

    def write(self) -> dict:
        change, options = self.change, self.options
        info = self._head()
        info |= self._attention()
        info["hashtags"] = change.hashtags
        info |= self._state()
        info["owner"] = self.account(change.owner)
        if options & {"LABELS", "DETAILED_LABELS"}:
            info |= self._label_parts()
        if "REVIEWER_UPDATES" in options:
            info["reviewer_updates"] = []
        if "MESSAGES" in options:
            info["messages"] = [message_info(self.site, m, self.detailed) for m in change.messages]
        info["current_revision_number"] = change.current.number
        info |= self._revisions()
        info["requirements"] = []
        info["submit_records"] = self._records()
        if "SUBMIT_REQUIREMENTS" in options:
            info["submit_requirements"] = evaluate(self.site, change)
        return info

    def _head(self) -> dict:
        change = self.change
        branch = change.short_branch
        info = {
            "id": f"{encode(change.project)}~{change.number}",
            "triplet_id": f"{encode(change.project)}~{encode(branch)}~{change.change_id}",
            "project": change.project,
            "branch": branch,
            "full_branch": change.branch,
        }
        return {**info, "topic": change.topic} if change.topic else info

    def _attention(self) -> dict:
        if not self.change.attention:
            return {}
        found: dict = {"attention_set": {}, "removed_from_attention_set": {}}
        for number, entry in self.change.attention.items():
            key = "attention_set" if entry["in"] else "removed_from_attention_set"
            found[key][str(number)] = {
                "account": self.account(number),
                "last_update": timestamp(entry["at"]),
                "reason": entry["reason"],
            }
        return found

    def _state(self) -> dict:
        change = self.change
        commit = self.repo.commit(change.current.commit)
        files = [f for f in commit_diff(self.repo, commit.id) if not f.path.startswith("/")]
        info = {
            "change_id": change.change_id,
            "subject": commit.subject,
            "status": change.status,
            "created": timestamp(change.created),
            "updated": timestamp(change.updated),
        }
        if change.submitted:
            info["submitted"] = timestamp(change.submitted)
            info["submitter"] = self.account(change.submitter or 0)
        if change.open:
            info["submit_type"] = submit_type(self.site, self.project)
        if "SUBMITTABLE" in self.options:
            info["submittable"] = change.open and not unsatisfied(self.site, change)
        info |= {
            "insertions": sum(f.inserted for f in files),
            "deletions": sum(f.deleted for f in files),
            "total_comment_count": len(change.published()),
            "unresolved_comment_count": change.unresolved_count(),
        }
        if change.wip:
            info["work_in_progress"] = True
        if change.private:
            info["is_private"] = True
        info["has_review_started"] = change.started
        if change.submission_id:
            info["submission_id"] = change.submission_id
        meta = self.repo.refs.get(change.ref("meta"))
        if meta:
            info["meta_rev_id"] = meta
        return {**info, "_number": change.number, "virtual_id_number": change.number}

    def _records(self) -> list[dict]:
        found = []
        for record in submit_records(self.site, self.change):
            labels = []
            for row in record["labels"]:
                row = dict(row)
                if "applied_by" in row:
                    row["applied_by"] = self.account(row["applied_by"])
                labels.append(row)
            found.append({**record, "labels": labels})
        return found

    # --- labels ---

    def _label_parts(self) -> dict:
        types, full = labels_for(self.site, self.change), "DETAILED_LABELS" in self.options
        info: dict = {"labels": {n: self._label(label, full) for n, label in types.items()}}
        if full:
            info["permitted_labels"] = self._permitted(types)
            info["removable_labels"] = self._removable(types)
        people = sorted(self.change.reviewers, key=_hash_order)
        info["removable_reviewers"] = [
            self.account(a) for a in people if self._removes(a) and self.change.open
        ]
        info["reviewers"] = {
            kind: [self.account(a) for a in sorted(found)]
            for kind in (REVIEWER, CC)
            if (found := [a for a, k in self.change.reviewers.items() if k == kind])
        }
        info["pending_reviewers"] = {}
        return info

    def _removes(self, account: int) -> bool:
        return account == self.user.id or self.site.permissions.is_owner(self.user, self.project)

    def _label(self, label: Label, full: bool) -> dict:
        votes = [v for v in self.change.current_votes() if v.label == label.name]
        info: dict = {}
        scores = [v for v in votes if v.value]
        for vote in scores:
            if vote.value == label.high:
                info["approved"] = self.account(vote.account)
            elif vote.value == label.low:
                info["rejected"] = self.account(vote.account)
        if "approved" not in info and "rejected" not in info and scores:
            last = scores[-1]
            info["recommended" if last.value > 0 else "disliked"] = self.account(last.account)
            info["value"] = last.value
        people = [a for a, kind in self.change.reviewers.items() if kind == REVIEWER]
        if people:
            order = sorted(people, key=_hash_order)
            info["all"] = [self._approval(label, a, votes, full) for a in order]
        values = {padded(v): text for v, text in sorted(label.values.items())}
        return {**info, "values": values, "default_value": label.default, "optional": True}

    def _approval(self, label: Label, account: int, votes: list[Vote], full: bool) -> dict:
        vote = next((v for v in votes if v.account == account), None)
        value = vote.value if vote else 0
        low, high = self._range_of(account, label)
        row: dict = {}
        if vote and value:
            row = {"tag": vote.tag} if vote.tag else {}
            row |= {"value": value, "date": timestamp(vote.at)}
            if full:
                floor = value if not self.change.open else low
                row["permitted_voting_range"] = {"min": floor, "max": high}
        elif full and not self.change.open:
            row = {"value": 0}
        elif full and (low or high):
            row = {"value": 0, "permitted_voting_range": {"min": low, "max": high}}
        return {**row, **self.account(account)}

    def _range_of(self, account: int, label: Label) -> tuple[int, int]:
        found = self.site.accounts.by_id.get(account)
        return vote_range(self.site, self.site.user(found), self.change, label)

    def _permitted(self, types: dict[str, Label]) -> dict[str, list[str]]:
        found = {}
        if self.user.account is None:
            return found
        for name, label in types.items():
            low, high = vote_range(self.site, self.user, self.change, label)
            if not self.change.open:
                vote = self.change.vote_of(self.user.id, name)
                low = vote.value if vote else 0
            values = [v for v in sorted(label.values) if low <= v <= high]
            if values and values != [0]:
                found[name] = [padded(v) for v in values]
        return found

    def _removable(self, types: dict[str, Label]) -> dict:
        found: dict = {}
        for vote in self.change.current_votes() if self.change.open else []:
            if vote.value and vote.label in types and self._removes(vote.account):
                by_value = found.setdefault(vote.label, {})
                by_value.setdefault(padded(vote.value), []).append(self.account(vote.account))
        return found

    # --- revisions ---

    def _revisions(self) -> dict:
        change, options = self.change, self.options
        every = bool(options & {"ALL_REVISIONS", "ALL_COMMITS", "ALL_FILES"})
        if not every and not options & {"CURRENT_REVISION", "CURRENT_COMMIT", "CURRENT_FILES"}:
            return {}
        patches = change.patch_sets if every else [change.current]
        revisions = {p.commit: self.revision(p) for p in patches}
        return {"current_revision": change.current.commit, "revisions": revisions}

    def revision(self, patch: PatchSet) -> dict:
        """RevisionInfo."""
        change, options = self.change, self.options
        current = patch is change.current
        info = {
            "kind": patch.kind,
            "_number": patch.number,
            "created": timestamp(patch.created),
            "uploader": self.account(patch.uploader),
            "ref": change.ref(patch.number),
            "fetch": {},
        }
        if "ALL_COMMITS" in options or ("CURRENT_COMMIT" in options and current):
            info["commit"] = commit_info(self.repo, self.repo.commit(patch.commit), own_id=False)
        info["branch"] = change.branch
        if patch.description:
            info["description"] = patch.description
        if patch.conflicts:
            info["conflicts"] = patch.conflicts
        if "ALL_FILES" in options or ("CURRENT_FILES" in options and current):
            rows = commit_diff(self.repo, patch.commit)
            info["files"] = {r.path: r.info() for r in rows if not r.path.startswith("/")}
        return info


def _hash_order(account: int) -> int:
    """The order in which the real server lists a handful of accounts."""
    return bucket(account)


def change_info(site: Site, user: User, change: Change, options: set[str]) -> dict:
    """ChangeInfo with the parts that ``options`` ask for."""
    return _Writer(site, user, change, options).write()


def message_info(site: Site, message, detailed: bool = True) -> dict:
    """ChangeMessageInfo."""
    info: dict = {"id": message.id}
    if message.tag:
        info["tag"] = message.tag
    account = site.accounts.by_id.get(message.author)
    author = site.accounts.info(account, detailed) if account else {"_account_id": message.author}
    return {
        **info,
        "author": author,
        "date": timestamp(message.at),
        "message": message.text,
        "accounts_in_message": [],
        "_revision_number": message.patch_set,
    }
