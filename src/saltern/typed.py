"""Whether a value read from YAML has the type that a dataclass's field declares."""

from __future__ import annotations

import types
from collections.abc import Mapping
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints


@cache
def hints(cls: type) -> dict[str, Any]:
    """Return the declared types of a dataclass's fields."""
    return get_type_hints(cls)


def fits(value: Any, hint: Any) -> bool:
    """Return whether ``value`` is of type ``hint``; whole numbers are numbers, booleans are not.

    ``hint``: Any, None, str, bool, int, float, ``tuple[X, ...]`` (a list is taken too),
    ``Mapping[str, X]``, or a union of these.
    """
    origin = get_origin(hint)
    if hint is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in get_args(hint))
    if origin is tuple:
        item = get_args(hint)[0]
        return isinstance(value, list | tuple) and all(fits(v, item) for v in value)
    if origin is not None:
        item = get_args(hint)[1]
        return isinstance(value, Mapping) and all(
            isinstance(k, str) and fits(v, item) for k, v in value.items()
        )
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def spelled(hint: Any) -> str:
    """Return a type as a person would say it."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(spelled(one) for one in get_args(hint))
    if origin is tuple:
        return f"a list ({spelled(get_args(hint)[0])} each)"
    if origin is not None:
        return "a mapping"
    return {str: "text", bool: "true or false", int: "a whole number", float: "a number"}.get(
        hint, "null" if hint is type(None) else "anything"
    )
