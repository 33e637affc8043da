"""From a change's number to one review on its current patch set."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import tenacity

from saltern.dispatch import Dispatcher
from saltern.errors import Broken, Refused, Retry, SalternError
from saltern.look import Looker
from saltern.report.findings.grouping import Group, grouped
from saltern.review.comments import Comments, inline
from saltern.review.forecast import Forecast, forecast
from saltern.review.guards import Guard, guards
from saltern.review.picture import Picture, Revision, findings_of, mended
from saltern.review.reader import Reader
from saltern.review.summary import MARK, TAG, mark, summary
from saltern.settings import ConvergeSettings, ReviewSettings
from saltern.steps import DONE, RETRY, Step

log = logging.getLogger(__name__)

POSTED, STANDS, SKIPPED, FAILED = "posted", "stands", "skipped", "failed"
REVIEW = "review"


@dataclass(frozen=True)
class Told:
    """What became of one change. ``status``: posted, stands, skipped or failed, ``reason`` why.

    ``vote``: given, none, not permitted or unknown label, with the ``value``.
    """

    change: int
    status: str
    reason: str = ""
    patch_set: int | None = None
    errors: int = 0
    warnings: int = 0
    others: int = 0
    flags: tuple[str, ...] = ()
    vote: str = "none"
    value: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


class Reviewer:
    """Tells open changes of one registry what they cause and what their merge will do.

    It takes no converge lock and writes nothing but reviews. An event is only a hint: what is
    reviewed is the patch set that is current when Gerrit is asked.
    """

    def __init__(
        self,
        looker: Looker,
        dispatcher: Dispatcher,
        settings: ReviewSettings,
        converge: ConvergeSettings,
    ):
        self._looker = looker
        self._dispatcher = dispatcher
        self._settings = settings
        self._converge = converge
        self._reader = Reader(looker)

    def waiting(self) -> list[int]:
        """Return the open changes whose current patch set has no picture, lowest first."""
        rows = self._patient()(self._observe, None)
        return sorted(row["number"] for row in rows if not _skip(row) and not _pictured(row))

    def review(self, numbers: Iterable[int]) -> list[Told]:
        """Review each change; the failure of one is its own."""
        return [self._one(number) for number in sorted(set(numbers))]

    def _one(self, number: int) -> Told:
        try:
            return self._patient()(self._tell, number)
        except SalternError as error:
            log.error("change %s: not reviewed: %s", number, error)
            return Told(number, FAILED, f"{error.code}: {error}")
        except Exception as error:
            log.exception("defect in the review of change %s", number)
            return Told(number, FAILED, f"defect: {error!r}")

    def _patient(self) -> tenacity.Retrying:
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Retry),
            stop=tenacity.stop_after_attempt(self._converge.attempts),
            wait=tenacity.wait_exponential(
                multiplier=self._converge.backoff, max=self._converge.backoff_limit
            ),
            reraise=True,
        )

    def _observe(self, number: int | None) -> list[dict[str, Any]]:
        wanted = self._looker.settings
        request = {
            "project": wanted.project,
            "branch": wanted.branch,
            "tag": TAG,
            "mark": MARK,
            "change": number,
        }
        rows: list[dict[str, Any]] = self._dispatcher.observe("gerrit", {"reviews": request})[
            "changes"
        ]
        return rows

    def _tell(self, number: int) -> Told:
        rows = self._observe(number)
        if not rows:
            return Told(number, SKIPPED, f"no change of {self._looker.settings.project}")
        row = rows[0]
        if reason := _skip(row) or self._elsewhere(row):
            return Told(number, SKIPPED, reason, row["patch_set"])
        if _pictured(row):
            return Told(number, STANDS, "", row["patch_set"])
        fetched = self._reader.patch_set(row["ref"])
        if fetched != row["revision"]:
            raise Retry(
                f"change {number}: {row['ref']} is {fetched}, Gerrit's current revision is "
                f"{row['revision']}",
                code="patch-set",
            )
        return self._post(row, self._picture(row))

    def _elsewhere(self, row: Mapping[str, Any]) -> str:
        branch = row["branch"]
        return "" if branch == self._looker.settings.branch else f"it is on branch {branch}"

    def _picture(self, row: Mapping[str, Any]) -> Picture:
        parents = row["parents"]
        revision = Revision(
            row["patch_set"], row["revision"], parents[0] if parents else None, row["message"]
        )
        old, new = self._reader.state(revision.base), self._reader.state(revision.commit)
        found, others = findings_of(old, new)
        tip = self._reader.tip()
        guarded: tuple[Guard, ...] = ()
        coming = Forecast()
        if new.registry is not None:
            coming = forecast(self._looker, old.registry, new.registry, self._settings.upstreams)
            if old.registry is not None:
                wanted = self._looker.settings
                guarded = guards(
                    old.registry, new.registry, revision.message, wanted, self._settings
                )
        picture = Picture(
            revision,
            found,
            others,
            guarded,
            coming,
            moved=tip if tip != revision.base else None,
            base_problem=str(old.error) if old.error else "",
        )
        return self._compared(picture, row)

    def _compared(self, picture: Picture, row: Mapping[str, Any]) -> Picture:
        """Add what was mended since the latest earlier patch set that has a picture."""
        earlier = [number for number in row["pictured"] if number < picture.revision.number]
        if not earlier:
            return picture
        since = max(earlier)
        commit = self._reader.patch_set(row["refs"][str(since)])
        if commit is None:
            return picture
        before = self._reader.state(self._reader.parent(commit)), self._reader.state(commit)
        fixed = mended(before, self._reader.state(picture.revision.commit))
        return replace(picture, mended=fixed, since=since)

    def _post(self, row: Mapping[str, Any], picture: Picture) -> Told:
        label, value, remark = self._vote(row, picture)
        commit = picture.revision.commit
        comments, rest = self._inline(row, picture)
        remarks = [remark] if remark else []
        payload = {
            "project": self._looker.settings.project,
            "change": row["number"],
            "revision": commit,
            "tag": TAG,
            "mark": mark(commit),
            "message": summary(picture, rest, remarks, self._settings.rows),
            "comments": comments,
            "instead": self._instead(picture, remarks) if comments else "",
            "label": label,
            "value": value,
        }
        evidence = self._apply(Step(REVIEW, str(row["number"]), "wants its picture", payload))
        if evidence["refused"]:
            remarks.append(f"Told without inline comments: {evidence['refused']}")
        return Told(
            row["number"],
            POSTED if evidence["posted"] else STANDS,
            " ".join(remarks),
            picture.revision.number,
            picture.errors,
            picture.warnings,
            picture.others,
            tuple(sorted({guard.flag for guard in picture.lacking})),
            evidence["vote"] if label else ("not permitted" if remark else "none"),
            value if label else None,
        )

    def _instead(self, picture: Picture, remarks: list[str]) -> str:
        """Return the summary that tells all findings, for Gerrit may refuse the comments."""
        rows = max(self._settings.rows, self._settings.comments)
        return summary(picture, picture.groups, remarks, rows)

    def _inline(self, row: Mapping[str, Any], picture: Picture) -> tuple[Comments, list[Group]]:
        """Return the inline comments, and the findings that only the summary can tell."""
        missing = [guard.finding for guard in picture.lacking if guard.finding]
        said = [*grouped(missing), *picture.groups]
        source = self._reader.source(picture.revision.commit)
        comments, rest = inline(said, set(row["files"]), source, self._settings.comments)
        return comments, [group for group in rest if group.finding not in missing]

    def _vote(self, row: Mapping[str, Any], picture: Picture) -> tuple[str | None, int, str]:
        """Return label and value to vote with, and a remark when it may not be given."""
        wanted = self._settings
        value = wanted.passed if picture.passed else wanted.failed
        if wanted.label is None:
            return None, value, ""
        if wanted.label not in row["labels"]:
            return None, value, _unknown(wanted.label, self._looker.settings.project)
        if value and value not in row["votes"].get(wanted.label, ()):
            return None, value, _forbidden(wanted.label, value, self._looker.settings.project)
        return wanted.label, value, ""

    def _apply(self, step: Step) -> Mapping[str, Any]:
        (outcome,) = self._dispatcher.apply("gerrit", [step])
        if outcome.status == DONE:
            return outcome.evidence
        if outcome.status == RETRY:
            raise Retry(outcome.reason, after=outcome.retry_after, code=outcome.code)
        if outcome.code == "outdated":
            # What it has become is looked at anew, as after any lost race.
            raise Retry(outcome.reason, code=outcome.code)
        raise Refused(outcome.reason, code=outcome.code or Broken.code)


def _skip(row: Mapping[str, Any]) -> str:
    """Return why a change gets no picture, or nothing."""
    if row["status"] != "NEW":
        return f"it is {row['status'].lower()}"
    if row["wip"]:
        return "it is work in progress"
    return "it is private" if row["private"] else ""


def _pictured(row: Mapping[str, Any]) -> bool:
    return row["patch_set"] in row["pictured"]


def _unknown(label: str, project: str) -> str:
    return (
        f"No vote: {project} has no label {label!r} (setting review.label); define it in the "
        "project or above it, or name another."
    )


def _forbidden(label: str, value: int, project: str) -> str:
    return (
        f"No vote: the service account may not vote {value:+d} on {label}; grant label-{label} "
        f"on the registry's branch in {project} to one of its groups."
    )
