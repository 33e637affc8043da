"""REST: a project's settings, labels and submit requirements."""

from __future__ import annotations

import re

from . import projects as p
from .configchecks import requirement_problems
from .configedit import edit
from .errors import bad_request, forbidden, not_found
from .gitconfig import Document
from .labelconfig import Label, SubmitRequirement
from .model import Project
from .projectconfig import (
    BOOLEANS,
    STATES,
    SUBMIT_TYPES,
    ProjectConfig,
    padded,
    signed,
)
from .rest import Call, Reply, route
from .rest_projects import config_writer, project_of
from .submit import submit_type
from .submitexpr import ExpressionError, check_condition

_GC = {
    "method": "POST",
    "label": "Run GC",
    "title": "Triggers the Git Garbage Collection for this project.",
    "enabled": True,
}
_DEFAULT_TRUE = ("reject_implicit_merges",)
_HIDDEN = ("enable_signed_push", "require_signed_push")
INPUT = {
    "description": str,
    "state": STATES,
    "submit_type": tuple(SUBMIT_TYPES),
    "max_object_size_limit": str,
    "commit_message": str,
    **dict.fromkeys(BOOLEANS, p.BOOLEAN),
}


def config_info(call: Call, project: Project) -> dict:
    """ConfigInfo."""
    site, config = call.site, project.config
    info: dict = {"description": config.description} if config.description else {}
    for name in BOOLEANS:
        if name not in _HIDDEN:
            info[name] = _boolean(call, project, name)
    limit = config.max_object_size
    info["max_object_size_limit"] = (
        {"value": str(config.size_limit), "configured_value": limit} if limit else {}
    )
    effective = submit_type(site, project)
    chain = site.chain(project)
    inherited = submit_type(site, chain[1]) if len(chain) > 1 else "MERGE_IF_NECESSARY"
    info["submit_type"] = effective
    info["default_submit_type"] = {
        "value": effective,
        "configured_value": config.submit_type or "MERGE_IF_NECESSARY",
        "inherited_value": inherited,
    }
    if config.state != "ACTIVE":
        info["state"] = config.state
    info["actions"] = {"gc": _GC} if site.permissions.capability(call.user, "runGC") else {}
    return {**info, "commentlinks": {}, "extension_panel_names": {}}


def _boolean(call: Call, project: Project, name: str) -> dict:
    configured = project.config.booleans[name]
    inherited = name in _DEFAULT_TRUE
    for parent in call.site.chain(project)[1:]:
        if parent.config.booleans[name] != "INHERIT":
            inherited = parent.config.booleans[name] == "TRUE"
            break
    return {"configured_value": configured, "inherited_value": inherited}


@route("GET", "projects/{project}/config")
def get_config(call: Call) -> dict:
    return config_info(call, project_of(call))


@route("PUT", "projects/{project}/config", anonymous=False)
def put_config(call: Call) -> dict:
    project = config_writer(call)
    fields = call.body(**INPUT)
    apply_config(call.site, call.user, project, fields)
    return config_info(call, project)


def apply_config(site, user, project: Project, fields: dict, keep_description=False) -> None:
    """Store a ConfigInput; without ``keep_description`` an absent description is cleared."""
    message = fields.get("commit_message") or "Modified project settings"
    with edit(site, user, project, message) as doc:
        if not keep_description or "description" in fields:
            doc.set("project", None, "description", fields.get("description") or None)
        if fields.get("state"):
            p.set_state(doc, fields["state"])
        for name, (section, key) in BOOLEANS.items():
            value = fields.get(name)
            if value:
                doc.set(section, None, key, None if value == "INHERIT" else value.lower())
                doc.drop_empty(section, None)
        if fields.get("max_object_size_limit") is not None:
            limit = fields["max_object_size_limit"]
            doc.set(
                "receive", None, "maxObjectSizeLimit", limit if limit not in ("", "0") else None
            )
        if fields.get("submit_type"):
            action = fields["submit_type"].lower().replace("_", " ")
            doc.set("submit", None, "action", action)
        doc.drop_empty("project", None)


# --- labels ---


def label_info(project: Project, label: Label) -> dict:
    """LabelDefinitionInfo."""
    functions = {"noblock": "NoBlock", "noop": "NoOp", "patchsetlock": "PatchSetLock"}
    info: dict = {"name": label.name, "project_name": project.name}
    if label.description:
        info["description"] = label.description
    info["function"] = functions.get(label.function.lower(), label.function)
    info["values"] = {padded(v): text for v, text in sorted(label.values.items())}
    info["default_value"] = label.default
    if label.branches:
        info["branches"] = label.branches
    if label.can_override:
        info["can_override"] = True
    if label.copy_condition:
        info["copy_condition"] = label.copy_condition
    if label.allow_post_submit:
        info["allow_post_submit"] = True
    return info


@route("GET", "projects/{project}/labels")
def labels(call: Call) -> list[dict]:
    project = project_of(call)
    _may_read_config(call, project)
    chain = call.site.chain(project) if call.has("inherited") else [project]
    return [
        label_info(each, each.config.labels[name])
        for each in reversed(chain)
        for name in sorted(each.config.labels)
    ]


def _may_read_config(call: Call, project: Project) -> None:
    if not call.site.permissions.may(call.user, project, "refs/meta/config", "read"):
        raise forbidden("read refs/meta/config not permitted")


@route("GET", "projects/{project}/labels/{label}")
def get_label(call: Call) -> dict:
    project = project_of(call)
    _may_read_config(call, project)
    label = project.config.labels.get(call.args["label"])
    if label is None:
        raise not_found(call.args["label"])
    return label_info(project, label)


@route("PUT", "projects/{project}/labels/{label}", anonymous=False)
def put_label(call: Call) -> Reply:
    project = config_writer(call)
    name = call.args["label"]
    data = call.body(
        values=dict, function=str, copy_condition=str, default_value=int, branches=list
    )
    known = project.config.labels.get(name)
    values = _label_values(name, data, known)
    function = data.get("function")
    if function and function not in ("NoBlock", "NoOp", "PatchSetLock"):
        raise bad_request(
            f"Function {function} is deprecated. The function can only be set to "
            "[NoBlock, NoOp, PatchSetLock]. Use submit requirements instead of label functions."
        )
    condition = data.get("copy_condition")
    try:
        check_condition(condition or "")
    except ExpressionError as error:
        raise bad_request(f"unable to parse copy condition. got: {condition}. {error}") from None
    with edit(call.site, call.user, project, data.get("commit_message") or "Update label") as doc:
        _write_label(doc, name, data, values, known)
    info = label_info(project, project.config.labels[name])
    return Reply(200 if known else 201, info)


def _label_values(name: str, data: dict, known: Label | None) -> dict[int, str] | None:
    if known is None:
        if not data.get("values"):
            raise bad_request("values are required")
        if not re.fullmatch(r"[A-Za-z0-9-]+", name):
            raise bad_request(f"invalid name: {name}")
    if not data.get("values"):
        return None
    try:
        return {int(k): str(v) for k, v in data["values"].items()}
    except ValueError:
        raise bad_request("invalid value") from None


def _write_label(doc: Document, name: str, data: dict, values, known) -> None:
    if known is None or data.get("function"):
        doc.set("label", name, "function", data.get("function") or "NoOp")
    if known is None or data.get("default_value") is not None:
        doc.set("label", name, "defaultValue", str(data.get("default_value") or 0))
    if values:
        rows = [f"{signed(v)} {text}" for v, text in sorted(values.items())]
        doc.set_list("label", name, "value", rows)
    for key, field in (("copyCondition", "copy_condition"), ("description", "description")):
        if data.get(field) is not None:
            doc.set("label", name, key, data[field] or None)
    if data.get("branches") is not None:
        doc.set_list("label", name, "branch", data["branches"])


@route("DELETE", "projects/{project}/labels/{label}", anonymous=False)
def delete_label(call: Call) -> Reply:
    project = config_writer(call)
    name = call.args["label"]
    if name not in project.config.labels:
        raise not_found(name)
    with edit(call.site, call.user, project, "Delete label") as doc:
        doc.unset_section("label", name)
    return Reply(204)


# --- submit requirements ---


def requirement_info(project: Project, each: SubmitRequirement) -> dict:
    """SubmitRequirementInfo."""
    info: dict = {"name": each.name, "project_name": project.name}
    if each.description:
        info["description"] = each.description
    if each.applicable:
        info["applicability_expression"] = each.applicable
    info["submittability_expression"] = each.submittable
    if each.override:
        info["override_expression"] = each.override
    return {**info, "allow_override_in_child_projects": each.overridable}


@route("GET", "projects/{project}/submit_requirements")
def requirements(call: Call) -> list[dict]:
    project = project_of(call)
    _may_read_config(call, project)
    chain = call.site.chain(project) if call.has("inherited") else [project]
    return [
        requirement_info(each, each.config.requirements[name])
        for each in reversed(chain)
        for name in sorted(each.config.requirements)
    ]


@route("GET", "projects/{project}/submit_requirements/{name}")
def get_requirement(call: Call) -> dict:
    project = project_of(call)
    _may_read_config(call, project)
    found = project.config.requirements.get(call.args["name"])
    if found is None:
        raise not_found(call.args["name"])
    return requirement_info(project, found)


@route("PUT", "projects/{project}/submit_requirements/{name}", anonymous=False)
def put_requirement(call: Call) -> Reply:
    project = config_writer(call)
    name = call.args["name"]
    data = call.body(name=str, submittability_expression=str)
    if data.get("name") and data["name"] != name:
        raise bad_request("name in input must match name in URL")
    if not data.get("submittability_expression"):
        raise bad_request("submittability_expression is required")
    known = name in project.config.requirements
    probe = Document()
    _write_requirement(probe, name, data)
    problems = requirement_problems(call.site, ProjectConfig(probe.text()))
    if problems:
        rows = ",   ".join(["Invalid project configuration", *problems])
        raise bad_request(f"Invalid submit requirement input: [{rows}]")
    with edit(call.site, call.user, project, "Update submit requirement") as doc:
        _write_requirement(doc, name, data)
    info = requirement_info(project, project.config.requirements[name])
    return Reply(200 if known else 201, info)


def _write_requirement(doc: Document, name: str, data: dict) -> None:
    kind = "submit-requirement"
    doc.set(kind, name, "description", data.get("description") or None)
    doc.set(kind, name, "applicableIf", data.get("applicability_expression") or None)
    doc.set(kind, name, "submittableIf", data["submittability_expression"])
    doc.set(kind, name, "overrideIf", data.get("override_expression") or None)
    overridable = str(bool(data.get("allow_override_in_child_projects"))).lower()
    doc.set(kind, name, "canOverrideInChildProjects", overridable)


@route("DELETE", "projects/{project}/submit_requirements/{name}", anonymous=False)
def delete_requirement(call: Call) -> Reply:
    project = config_writer(call)
    name = call.args["name"]
    if name not in project.config.requirements:
        raise not_found(name)
    with edit(call.site, call.user, project, "Delete submit requirement") as doc:
        doc.unset_section("submit-requirement", name)
    return Reply(204)
