"""Ref patterns of access sections, as far as they can be judged without Java."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache

_PARAMETERS = ("${username}", "${shardeduserid}")
_JAVA_ONLY = re.compile(r"\\[pPQEhHRXGkxcN]|\(\?<[A-Za-z]|&&|\(\?[a-zA-Z-]*[dUx]")
_ESCAPED_OR_CLASS = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]")
_COUNT = re.compile(r"\{[0-9]+(?:,[0-9]*)?\}")


@lru_cache(maxsize=1024)
def pattern_problem(pattern: str) -> str | None:
    """Return why Gerrit would refuse the pattern, ``None`` when no reason is seen.

    Gerrit compiles every name of an access section as a Java regular expression. Constructs
    that only Java has are not judged.
    """
    for parameter in _PARAMETERS:
        pattern = pattern.replace(parameter, "")
    if _JAVA_ONLY.search(pattern):
        return None
    if "{" in _COUNT.sub("", _ESCAPED_OR_CLASS.sub("", pattern)):
        return "'{' must follow what it repeats, or be written '\\{'"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except re.error as error:
        return None if "look-behind" in str(error) else str(error)
    except (RecursionError, OverflowError):
        return "too complex"
    return None
