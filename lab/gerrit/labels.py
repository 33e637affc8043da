"""Labels and submit requirements: who may vote, what is fulfilled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import submitexpr
from .change import Change
from .javahash import requirement_bucket
from .labelconfig import Label, SubmitRequirement
from .projects import labels_of

if TYPE_CHECKING:
    from .model import Project, User
    from .site import Site

_INCLUDES = {
    # a condition on the left holds for these kinds of a new patch set
    "NO_CHANGE": ("NO_CHANGE",),
    "NO_CODE_CHANGE": ("NO_CHANGE", "NO_CODE_CHANGE"),
    "TRIVIAL_REBASE": ("NO_CHANGE", "TRIVIAL_REBASE"),
    "TRIVIAL_REBASE_WITH_MESSAGE_UPDATE": ("NO_CHANGE", "NO_CODE_CHANGE", "TRIVIAL_REBASE"),
    "REWORK": ("NO_CHANGE", "NO_CODE_CHANGE", "TRIVIAL_REBASE", "REWORK"),
    "MERGE_FIRST_PARENT_UPDATE": ("NO_CHANGE",),
}


def label_types(site: Site, project: Project) -> dict[str, Label]:
    """The labels that hold for a project, in name order."""
    found = labels_of(site, project)
    return {name: found[name][1] for name in sorted(found)}


def labels_for(site: Site, change: Change) -> dict[str, Label]:
    """The labels that hold for a change's branch."""
    types = label_types(site, site.changes.project(change))
    return {
        name: label
        for name, label in types.items()
        if not label.branches or change.branch in label.branches
    }


def copies(label: Label, value: int, kind: str) -> bool:
    """Whether a vote carries over to a new patch set of a kind."""
    if not label.copy_condition:
        return False

    def test(atom: submitexpr.Node) -> bool:
        word = atom.value.upper()
        if atom.operator == "changekind":
            return kind in _INCLUDES.get(word, ())
        if atom.operator == "is":
            return _is(word, value, label)
        return False

    try:
        return submitexpr.evaluate(submitexpr.parse(label.copy_condition), test)
    except submitexpr.ExpressionError:
        return False


def _is(word: str, value: int, label: Label) -> bool:
    if word in ("MIN", "MAX"):
        return value == (label.low if word == "MIN" else label.high)
    if word in ("NEGATIVE", "POSITIVE"):
        return value < 0 if word == "NEGATIVE" else value > 0
    return word == "ANY" or value == int(word)


def vote_range(site: Site, user: User, change: Change, label: Label) -> tuple[int, int]:
    """Lowest and highest score a user may give to a change."""
    project = site.changes.project(change)
    low, high = site.permissions.vote_range(
        user, project, change.branch, f"label-{label.name}", user.id == change.owner
    )
    return max(low, label.low), min(high, label.high)


def requirements(site: Site, project: Project) -> list[SubmitRequirement]:
    """The submit requirements that hold for a project, in the order the real server shows."""
    found: dict[str, SubmitRequirement] = {}
    for each in reversed(site.chain(project)):
        for name, requirement in each.config.requirements.items():
            old = found.get(name.lower())
            if old is None or old.overridable:
                found[name.lower()] = requirement
    return sorted(found.values(), key=requirement_bucket)


def submit_records(site: Site, change: Change) -> list[dict]:
    """SubmitRecordInfos without account details: ``applied_by`` is an id."""
    if change.records is not None:
        return [{**r, "status": "CLOSED"} for r in change.records]
    if not change.open:
        return []
    rows = []
    for name in labels_for(site, change):
        row: dict = {"label": name, "status": "MAY"}
        voters = [v for v in change.current_votes() if v.label == name and v.value]
        if voters:
            row["applied_by"] = voters[0].account
        rows.append(row)
    return [{"rule_name": "gerrit~DefaultSubmitRule", "status": "OK", "labels": rows}]


def _atom_test(site: Site, change: Change):
    types = labels_for(site, change)

    def test(atom: submitexpr.Node) -> bool:
        if atom.operator in ("label", "l"):
            return _label_atom(change, types, atom.value)
        if atom.operator == "has" and atom.value == "unresolved":
            return change.unresolved_count() > 0
        from .query import term

        return term(site, atom.operator, atom.value)(change)

    return test


def _label_atom(change: Change, types: dict[str, Label], text: str) -> bool:
    spec, _, rest = text.partition(",")
    for sign in (">=", "<=", "=", ">", "<"):
        name, found, wanted = spec.partition(sign)
        if found:
            break
    else:
        name, sign, wanted = spec.rstrip("+-0123456789"), "=", spec.lstrip("abcdefghijklmnop")
    label = next((x for n, x in types.items() if n.lower() == name.lower()), None)
    if label is None:
        return False
    votes = [v for v in change.current_votes() if v.label == label.name]
    if "user=non_uploader" in rest:
        votes = [v for v in votes if v.account != change.current.uploader]
    word = wanted.upper()
    if word == "ANY":
        return any(v.value for v in votes)
    if word in ("MAX", "MIN"):
        goal = label.high if word == "MAX" else label.low
        return goal != 0 and any(v.value == goal for v in votes)
    goal = int(wanted)
    compare = {
        "=": lambda v: v == goal,
        ">=": lambda v: v >= goal,
        "<=": lambda v: v <= goal,
        ">": lambda v: v > goal,
        "<": lambda v: v < goal,
    }[sign]
    values = [v.value for v in votes] or [0]
    return any(compare(v) for v in values)


def evaluate(site: Site, change: Change) -> list[dict]:
    """SubmitRequirementResultInfos of a change."""
    project = site.changes.project(change)
    return [_evaluate_one(site, change, each) for each in requirements(site, project)]


def _evaluate_one(site: Site, change: Change, each: SubmitRequirement) -> dict:
    test = _atom_test(site, change)
    row: dict = {"name": each.name}
    if each.description:
        row["description"] = each.description
    applies = submitexpr.evaluate(submitexpr.parse(each.applicable or ""), test)
    tree = submitexpr.parse(each.submittable)
    fulfilled = submitexpr.evaluate(tree, test)
    status = "SATISFIED" if fulfilled else "UNSATISFIED"
    row |= {"status": status if applies else "NOT_APPLICABLE", "is_legacy": False}
    if each.applicable:
        row["applicability_expression_result"] = {
            "fulfilled": applies,
            "status": "PASS" if applies else "FAIL",
        }
    atoms = tree.atoms() if tree and applies else []
    passing = [a.text for a in atoms if test(a)]
    failing = [a.text for a in atoms if not test(a)]
    row["submittability_expression_result"] = {
        "expression": each.submittable,
        "fulfilled": fulfilled if applies else True,
        "status": ("PASS" if fulfilled else "FAIL") if applies else "NOT_EVALUATED",
        "passing_atoms": passing,
        "failing_atoms": failing,
        "atom_explanations": {a.text: "" for a in atoms},
    }
    return row


def unsatisfied(site: Site, change: Change) -> list[str]:
    """Names of the requirements that stand in the way of a submit."""
    return [r["name"] for r in evaluate(site, change) if r["status"] == "UNSATISFIED"]
