"""JSON Schemas (draft 2020-12) of the files that people write, for their editors.

Made from the tables and dataclasses that the checks read. They say what a schema can say: keys,
types, words, the form of names. What concerns two entries, or a file beside, only a check finds.
"""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from typing import Any, Union, get_args, get_origin, get_type_hints

from saltern import settings
from saltern.registry import groupmodel
from saltern.registry.acl import SYSTEM_GROUPS
from saltern.registry.keys import (
    BOOLEAN,
    ENUM,
    GROUP_KEYS,
    KEYS,
    LIST,
    MAPPING,
    OPTIONS,
    TEXT,
    TRI,
    UNSUPPORTED_KEYS,
    Key,
)
from saltern.registry.rules import groupsfile
from saltern.registry.rules.values import LONGEST_DESCRIPTION

DRAFT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]

SECTIONS: Mapping[str, type] = {
    "registry": settings.RegistrySettings,
    "check": settings.CheckSettings,
    "review": settings.ReviewSettings,
    "gerrit": settings.GerritSettings,
    "mirror": settings.MirrorSettings,
    "converge": settings.ConvergeSettings,
}
"""The dataclass behind each section of the settings file."""

_END = r"$(?!\n)"
_PART = r"[A-Za-z0-9._][A-Za-z0-9._+-]{0,199}"
NAME = (
    rf"^(?!All-(?:Projects|Users)$)(?!(?:.*/)?\.\.?(?:/|$))(?!.*\.git(?:/|$)){_PART}(?:/{_PART})*"
    + _END
)
"""A project's name, as :func:`saltern.registry.rules.names.name_problem` judges it."""
_PARENT = rf"^All-Projects{_END}|{NAME}"
_DESCRIPTION = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*" + _END
_SIZE = r"^[0-9]{1,15} ?[kKmMgG]?" + _END
_TRI = [True, False, "inherit"]

_TYPES: Mapping[str, Schema] = {
    TEXT: {"type": "string"},
    BOOLEAN: {"type": "boolean"},
    LIST: {"type": "array", "items": {"type": "string"}},
    MAPPING: {"type": ["object", "string"]},
}
_PROJECT_MORE: Mapping[str, Schema] = {
    "project": {"pattern": NAME, "maxLength": 800},
    "description": {"pattern": _DESCRIPTION, "maxLength": LONGEST_DESCRIPTION},
    "parent": {"pattern": _PARENT, "maxLength": 800},
    "options": {"items": {"enum": list(OPTIONS)}},
    "previously": {"items": {"type": "string", "pattern": NAME, "maxLength": 800}},
    "max-object-size-limit": {"pattern": _SIZE},
}
_SETTING_MORE: Mapping[str, Schema] = {
    "policy": {
        "propertyNames": {"enum": list(settings.POLICIES)},
        "additionalProperties": {"enum": [settings.ENFORCE, settings.REPORT, settings.LEAVE]},
    },
}


def schema(name: str) -> Schema:
    """Return the schema of ``projects``, ``groups`` or ``settings``; raises :class:`KeyError`."""
    return {"projects": projects, "groups": groups, "settings": settings_file}[name]()


def projects() -> Schema:
    """Return the schema of ``projects.yaml``."""
    properties = {key.name: _project_key(key) for key in KEYS.values()}
    for name in UNSUPPORTED_KEYS:
        properties[name] = {"type": "null", "deprecated": True, "description": "Not supported."}
    item = _object(properties, ["project"], "A project on Gerrit.")
    return _list("projects", "The projects that should exist.", item)


def groups() -> Schema:
    """Return the schema of ``groups.yaml``."""
    properties = {
        key.name: {**_shape(key), "description": key.about} for key in GROUP_KEYS.values()
    }
    name = {"pattern": _group_pattern(), "maxLength": groupmodel.LONGEST_NAME}
    included = {"type": "string", "anyOf": [name, {"enum": sorted(SYSTEM_GROUPS)}]}
    properties["group"] |= name
    properties["owner"] |= name
    properties["description"] |= {
        "pattern": r"^[^\x00-\x08\x0b-\x1f\x7f]*" + _END,
        "maxLength": groupsfile.LONGEST_DESCRIPTION,
    }
    properties["members"] |= {"items": _member(), "uniqueItems": True}
    properties["includes"] |= {"items": included, "uniqueItems": True}
    item = _object(properties, ["group"], "A group on Gerrit.")
    made = _list("groups", "What is wanted of groups.", item)
    return {**made, "type": ["array", "null"]}


def settings_file() -> Schema:
    """Return the schema of the settings file (``saltern.yaml``)."""
    sections = {name: _section(cls) for name, cls in SECTIONS.items()}
    about = "Settings of Saltern."
    return {"$schema": DRAFT, "$id": "urn:saltern:settings", **_object(sections, [], about)}


def _list(name: str, about: str, item: Schema) -> Schema:
    head = {"$schema": DRAFT, "$id": f"urn:saltern:{name}", "description": about}
    return {**head, "type": "array", "items": item}


def _object(properties: Mapping[str, Schema], required: Iterable[str], about: str) -> Schema:
    return {
        "type": "object",
        "description": about,
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _project_key(key: Key) -> Schema:
    """Return the schema of a key's value; one with nothing behind it counts as not written."""
    made: Schema = {**_shape(key), **_PROJECT_MORE.get(key.name, {}), "description": key.about}
    if key.name == "project":
        return made
    if "enum" in made:
        return {**made, "enum": [*made["enum"], None]}
    kinds = made["type"] if isinstance(made["type"], list) else [made["type"]]
    return {**made, "type": [*kinds, "null"]}


def _shape(key: Key) -> Schema:
    if key.shape in (ENUM, TRI):
        return {"enum": list(key.values) if key.shape == ENUM else list(_TRI)}
    return dict(_TYPES[key.shape])


def _group_pattern() -> str:
    foreign = "|".join(groupmodel.FOREIGN)
    system = "|".join(_any_case(name) for name in sorted(SYSTEM_GROUPS))
    control = groupmodel._CONTROL[1:-1]
    not_these = rf"(?!\.\.?$)(?!#)(?![0-9]+$)(?![0-9a-f]{{40}}$)(?!{foreign})(?!(?:{system})$)"
    printed = _escaped(rf"[^{control}]")
    return rf"^{not_these}(?!\s){printed}+(?<!\s)" + _END


def _member() -> Schema:
    """Return the schema of a username or an e-mail address."""
    name, email = groupmodel._USERNAME, groupmodel._EMAIL.replace('\\"', '"')
    pattern = rf"^(?![0-9]+$)(?!(?:self|me)$)(?:{name}|{email})" + _END
    return {"type": "string", "pattern": pattern, "maxLength": groupmodel._LONGEST_MEMBER}


def _any_case(text: str) -> str:
    return "".join(f"[{c.upper()}{c.lower()}]" if c.isalpha() else c for c in text)


def _escaped(pattern: str) -> str:
    """Return a pattern with what cannot be seen written as an escape."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in pattern)


def _section(cls: type) -> Schema:
    about = _docstrings(cls)
    given, hints = fields(cls), get_type_hints(cls)  # type: ignore[arg-type]
    properties = {
        f.name: {
            **_hinted(hints[f.name]),
            **_SETTING_MORE.get(f.name, {}),
            "description": about[f.name],
        }
        for f in given
    }
    required = [f.name for f in given if f.default is f.default_factory is MISSING]
    made = _object(properties, required, _one_line(cls.__doc__ or ""))
    return made if required else {**made, "type": ["object", "null"]}


def _hinted(hint: Any) -> Schema:
    """Return the schema of a declared type."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_hinted(one) for one in get_args(hint)]}
    if origin is tuple:
        return {"type": "array", "items": _hinted(get_args(hint)[0])}
    if origin is not None:
        return {"type": "object", "additionalProperties": _hinted(get_args(hint)[1])}
    names = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
    return {"type": names[hint]} if hint in names else {}


def _docstrings(cls: type) -> dict[str, str]:
    """Return the text below each field of a dataclass, on one line."""
    found: dict[str, str] = {}
    name = None
    for node in ast.parse(inspect.getsource(cls)).body[0].body:  # type: ignore[attr-defined]
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
        elif name and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found[name] = _one_line(str(node.value.value))
    return found


def _one_line(text: str) -> str:
    return " ".join(text.split())
