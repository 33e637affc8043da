"""Ref patterns of access sections, as far as they can be judged without Java."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache

_PARAMETERS = ("${username}", "${shardeduserid}")
_JAVA_ONLY = r"\\[pPQEhHRXGkxcN]|\(\?<[A-Za-z]|&&|\(\?[a-zA-Z-]*[dUx]"
_ESCAPED_OR_CLASS = r"\\.|\[(?:\\.|[^\]\\])*\]"
_WORDS = (
    ("missing )", "a '(' is not closed; close it, or write '\\('"),
    ("unbalanced parenthesis", "a ')' closes nothing; remove it, or write '\\)'"),
    ("unterminated character set", "a '[' is not closed; close it, or write '\\['"),
    ("multiple repeat", "two of * + ? follow each other; write '.*' for any text"),
    ("nothing to repeat", "a * + or ? follows nothing; write '.*' for any text"),
)
"""What :mod:`re` says, and what to write instead."""
_COUNT = r"\{[0-9]+(?:,[0-9]*)?\}"


@lru_cache(maxsize=1024)
def pattern_problem(pattern: str) -> str | None:
    """Return why Gerrit would refuse the pattern, ``None`` when no reason is seen.

    Gerrit compiles every name of an access section as a Java regular expression. Constructs
    that only Java has are not judged.
    """
    for parameter in _PARAMETERS:
        pattern = pattern.replace(parameter, "")
    if re.search(_JAVA_ONLY, pattern):
        return None
    if "{" in re.sub(_COUNT, "", re.sub(_ESCAPED_OR_CLASS, "", pattern)):
        return "a '{' repeats nothing; write '\\{'"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except re.error as error:
        said = str(error)
        words = next((words for start, words in _WORDS if said.startswith(start)), None)
        return None if "look-behind" in said else words or f"it is no pattern: {said}"
    except (RecursionError, OverflowError):
        return "it is too complex; write a shorter one"
    return None
