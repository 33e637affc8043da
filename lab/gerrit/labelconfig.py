"""Labels, submit requirements and comment links of a project.config."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from .gitconfig import Document
from .wording import words

TRUE, FALSE = ("yes", "true", "1", "on"), ("no", "false", "0", "off")
FUNCTIONS = words("noblock noop patchsetlock maxwithblock anywithblock maxnoblock")
_REQUIREMENT_KEYS = words(
    "description applicableif submittableif overrideif canoverrideinchildprojects"
)
Report = Callable[[str], None]


class InternalError(Exception):
    """Content at which the real server fails with "internal error"."""


@dataclass
class Label:
    name: str
    values: dict[int, str]
    function: str = "MaxWithBlock"
    default: int = 0
    copy_condition: str | None = None
    can_override: bool = True
    allow_post_submit: bool = True
    branches: list[str] = field(default_factory=list)
    description: str | None = None

    @property
    def low(self) -> int:
        return min(self.values, default=0)

    @property
    def high(self) -> int:
        return max(self.values, default=0)


@dataclass
class SubmitRequirement:
    name: str
    submittable: str
    description: str | None = None
    applicable: str | None = None
    override: str | None = None
    overridable: bool = False


def regex_problem(pattern: str) -> str | None:
    """What Java's regex compiler says of a broken pattern, None if it compiles."""
    try:
        re.compile(pattern)
    except re.error as error:
        if "parenthesis" in str(error) or "unterminated subpattern" in str(error):
            return f"Unclosed group near index {len(pattern)}"
        if "unterminated character set" in str(error):
            return f"Unclosed character class near index {len(pattern) - 1}"
        return f"{error.msg} near index {error.pos}"
    return None


def read_labels(doc: Document, report: Report) -> dict[str, Label]:
    """The labels by name; what Gerrit would refuse is reported."""
    labels: dict[str, Label] = {}
    lower: dict[str, str] = {}
    for name in doc.subsections("label"):
        if name.lower() in lower:
            first = lower[name.lower()]
            report(f'project.config: Label "{name}" conflicts with "{first}"')
            continue
        lower[name.lower()] = name
        labels[name] = _read_label(doc, name, report)
    return labels


def _read_label(doc: Document, name: str, report: Report) -> Label:
    if not re.fullmatch(r"[A-Za-z0-9-]+", name) or name.startswith("-"):
        raise InternalError(f"Illegal label name: {name}")
    label = Label(name, _read_values(doc, name, report))
    function = doc.get("label", name, "function")
    if function is not None:
        label.function = function
        if function.lower() not in FUNCTIONS:
            report(
                f'project.config: Invalid function for label "{name}". '
                "Valid names are: NoBlock, NoOp, PatchSetLock"
            )
    try:
        label.default = int(doc.get("label", name, "defaultValue") or 0)
    except ValueError:
        raise InternalError(f"Invalid integer value: label.{name}.defaultValue") from None
    if label.values and label.default not in label.values:
        report(f'project.config: Invalid defaultValue "{label.default}" for label "{name}"')
    label.copy_condition = doc.get("label", name, "copyCondition")
    label.branches = doc.get_list("label", name, "branch")
    label.description = doc.get("label", name, "description")
    label.can_override = _flag(doc, name, "canOverride")
    label.allow_post_submit = _flag(doc, name, "allowPostSubmit")
    return label


def _flag(doc: Document, name: str, key: str) -> bool:
    value = doc.get("label", name, key)
    return value is None or value.lower() in TRUE


def _read_values(doc: Document, name: str, report: Report) -> dict[int, str]:
    values: dict[int, str] = {}
    for text in doc.get_list("label", name, "value"):
        number, _, meaning = text.strip().partition(" ")
        try:
            score = int(number)
        except ValueError:
            report(
                f'project.config: Invalid value "{text}" for label "{name}": '
                f'For input string: "{number}"'
            )
            continue
        if score in values:
            report(f'project.config: Duplicate value "{text}" for label "{name}"')
            continue
        values[score] = meaning.strip()
    return values


def read_requirements(doc: Document, report: Report) -> dict[str, SubmitRequirement]:
    """The submit requirements by name; what Gerrit would refuse is reported."""
    found = {}
    for name in doc.subsections("submit-requirement"):
        each = _read_requirement(doc, name, report)
        if each is not None:
            found[name] = each
    return found


def _read_requirement(doc: Document, name: str, report: Report) -> SubmitRequirement | None:
    def get(key: str) -> str | None:
        return doc.get("submit-requirement", name, key)

    names = doc.names("submit-requirement", name)
    unknown = [key for key in names if key.lower() not in _REQUIREMENT_KEYS]
    expression, override = get("submittableIf"), get("canOverrideInChildProjects")
    if unknown:
        report(
            "project.config: Unsupported parameters for submit requirement "
            f"'{name}': [{', '.join(unknown)}]"
        )
    elif expression is None:
        report(
            "project.config: Setting a submittability expression for submit requirement "
            f"'{name}' is required: Missing submit-requirement.{name}.submittableIf"
        )
    elif override is not None and override.lower() not in TRUE + FALSE:
        report(
            f"project.config: Invalid value submit-requirement.{name}."
            f"canOverrideInChildProjects for submit requirement '{name}': {override}"
        )
    else:
        overridable = (override or "false").lower() in TRUE
        return SubmitRequirement(
            name,
            expression,
            get("description"),
            get("applicableIf"),
            get("overrideIf"),
            overridable,
        )
    return None


def check_comment_links(doc: Document, report: Report) -> None:
    """Report comment links whose pattern does not compile."""
    for name in doc.subsections("commentlink"):
        pattern = doc.get("commentlink", name, "match")
        problem = regex_problem(pattern) if pattern else None
        if problem:
            report(
                f'project.config: Invalid pattern "{pattern}" in '
                f"commentlink.{name}.match: {problem}\n{pattern}"
            )
