"""What a push to refs/meta/config must satisfy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .commitchecks import Rejected
from .gitconfig import ConfigError, Document
from .labelconfig import InternalError
from .projectconfig import ProjectConfig
from .repo import CONFIG_REF
from .submitexpr import ExpressionError, check_condition, check_expression

if TYPE_CHECKING:
    from .receive import Push

_COPY_FLAGS = {
    "copyAnyScore": "is:ANY",
    "copyMinScore": "is:MIN",
    "copyMaxScore": "is:MAX",
    "copyAllScoresIfNoChange": "changekind:NO_CHANGE",
    "copyAllScoresIfNoCodeChange": "changekind:NO_CODE_CHANGE",
    "copyAllScoresOnMergeFirstParentUpdate": "changekind:MERGE_FIRST_PARENT_UPDATE",
    "copyAllScoresOnTrivialRebase": "changekind:TRIVIAL_REBASE",
    "copyAllScoresIfListOfFilesDidNotChange": "has:unchanged-files",
    "copyValue": "is:<copy-value>",
}
_REMOVED_FUNCTIONS = ("maxwithblock", "anywithblock", "maxnoblock")


def check_config_push(push: Push, commit: str) -> None:
    """Refuse what the real server refuses in a configuration; add its warnings."""
    project, repo = push.project, push.project.repo
    text = project.text(commit, "project.config")
    try:
        config = ProjectConfig(text, project.text(commit, "groups"))
    except ConfigError as error:
        push.commit_error(
            commit,
            [
                f"Invalid config file project.config in project {project.name} in branch "
                f"{CONFIG_REF} in commit {commit}: {error}"
            ],
        )
        raise _invalid(commit) from None
    except InternalError:
        push.errors.append("error: internal error\n")
        raise Rejected("internal error") from None
    _check_parent(push, config)
    if repo.file(commit, "rules.pl") is not None:
        raise Rejected(
            f"commit {commit[:7]}: Uploading a new 'rules.pl' file is not allowed. "
            "Please add submit-requirements instead."
        )
    if config.errors:
        lines = [f"  {error}" for error in config.errors]
        push.commit_error(commit, ["Invalid project configuration:", *lines])
        raise _invalid(commit)
    _check_labels(push, commit, config.document)
    _check_requirements(push, commit, config)


def _invalid(commit: str) -> Rejected:
    return Rejected(f"commit {commit[:7]}: invalid project configuration")


def _check_parent(push: Push, config: ProjectConfig) -> None:
    old, new = push.project.config.parent, config.parent
    if push.project.name == "All-Projects":
        if new:
            raise Rejected("invalid project configuration: root project cannot have parent")
        return
    if (new or "All-Projects") == (old or "All-Projects"):
        return
    if not push.site.permissions.is_admin(push.user):
        raise Rejected("invalid project configuration: only Gerrit admin can set parent")
    if push.site.project(new or "All-Projects") is None and not _git_name(push, new):
        raise Rejected("invalid project configuration: parent does not exist")


def _git_name(push: Push, name: str | None) -> bool:
    return bool(name) and push.site.project(name.removesuffix(".git")) is not None


def _check_labels(push: Push, commit: str, doc: Document) -> None:
    problems = []
    for name in doc.subsections("label"):
        function = doc.get("label", name, "function")
        if function and function.lower() in _REMOVED_FUNCTIONS:
            problems.append(
                f"Value '{function}' of 'label.{name}.function' is not allowed and cannot be set. "
                "Label functions can only be set to {NO_BLOCK, NO_OP, PATCH_SET_LOCK}. "
                "Use submit requirements instead of label functions."
            )
        for key, instead in _COPY_FLAGS.items():
            if doc.get("label", name, key) is not None:
                problems.append(
                    f"Parameter 'label.{name}.{key}' is deprecated and cannot be set, "
                    f"use '{instead}' in 'label.{name}.copyCondition' instead."
                )
        _warn_condition(push, commit, name, doc.get("label", name, "copyCondition"))
    if problems:
        push.commit_error(commit, problems)
        raise Rejected(f"commit {commit[:7]}: invalid project.config file in revision {commit}")


def _warn_condition(push: Push, commit: str, label: str, condition: str | None) -> None:
    try:
        check_condition(condition or "")
    except ExpressionError as error:
        push.errors.append(
            f"WARNING: commit {commit[:7]}: Cannot parse copy condition '{condition}' of label "
            f"{label} (parameter 'label.{label}.copyCondition'): {error}\n"
        )


def requirement_problems(push_site, config: ProjectConfig) -> list[str]:
    """What is wrong with the expressions of submit requirements."""
    problems = []
    for name, each in config.requirements.items():
        for key, text in (
            ("applicableIf", each.applicable),
            ("submittableIf", each.submittable),
            ("overrideIf", each.override),
        ):
            try:
                check_expression(text or "", push_site.groups.find)
            except ExpressionError as error:
                problems.append(
                    f"project.config: Expression '{text}' of submit requirement '{name}' "
                    f"(parameter submit-requirement.{name}.{key}) is invalid: {error}"
                )
    return problems


def _check_requirements(push: Push, commit: str, config: ProjectConfig) -> None:
    problems = requirement_problems(push.site, config)
    if problems:
        lines = [f"  {problem}" for problem in problems]
        title = "Invalid project configuration"
        push.commit_error(commit, [title, title, *lines])
        raise Rejected(
            f"commit {commit[:7]}: invalid submit requirement expressions in project.config "
            f"(revision = {commit})"
        )
