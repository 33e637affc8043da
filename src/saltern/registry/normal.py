"""The normal form of a ``project.config``: equal for two files that mean the same to Gerrit.

What does not matter: order of sections and keys, comments, blanks, case of section and key
names, spelling of booleans, states and votes, order of the rules of one permission, values
that equal Gerrit's default. What may matter is kept: order of the values of any key not known
to be a set, and of several rules for one group within a permission.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from saltern.registry import vocabulary
from saltern.registry.gitconfig import Entry
from saltern.registry.permission_rule import RuleError, parse_rule

ROOT_PROJECT = "All-Projects"
"""Parent of a project that names none; naming it is the same as naming none."""

Values = tuple[str, ...]
Row = tuple[str, str, str, Values]
_SETS = frozenset(
    {
        ("allowsuperproject", "all"),
        ("allowsuperproject", "matching"),
        ("contributor-agreement", "excludeprojects"),
        ("contributor-agreement", "matchprojects"),
        ("label", "branch"),
        ("notify", "email"),
    }
)
RULE_SETTINGS = frozenset(
    {
        ("accounts", "samegroupvisibility"),
        ("contributor-agreement", "accepted"),
        ("contributor-agreement", "autoverify"),
    }
)
"""``(section, key)`` outside access and capability whose values are permission rules."""
_LISTS = frozenset({("branchorder", "branch"), ("extension-panels", "panel")})
_FIRST_OF_ONE = frozenset({"project", "submit", "receive", "dashboard", "label", "commentlink"})
"""Sections whose remaining keys hold one value: the last one counts."""
_DEFAULTS = {
    ("access", "inheritfrom"): ROOT_PROJECT,
    ("label", "defaultvalue"): "0",
    ("label", "function"): "MaxWithBlock",
    ("notify", "header"): "BCC",
    ("project", "state"): "ACTIVE",
    ("receive", "maxobjectsizelimit"): "0",
    ("submit", "action"): "MERGE_IF_NECESSARY",
}


def normal_rows(entries: Iterable[Entry]) -> tuple[Row, ...]:
    """Return sorted rows ``(section, subsection, key, values)``; subsection "" for none."""
    grouped: dict[tuple[str, str, str], list[str | None]] = {}
    for entry in entries:
        key = _fold_key(entry)
        grouped.setdefault((entry.section, entry.subsection or "", key), []).append(entry.value)
    rows = []
    for (section, subsection, key), values in grouped.items():
        normal = _values(section, subsection, key, values)
        if normal:
            rows.append((section, subsection, key, normal))
    return tuple(sorted(rows))


def digest_rows(rows: Iterable[Row]) -> str:
    """Return the hex SHA-256 of the rows."""
    import hashlib  # a check needs no digest, and starts sooner without
    import json

    text = json.dumps(list(rows), ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _fold_key(entry: Entry) -> str:
    if entry.section == "access" and entry.subsection is not None:
        return vocabulary.fold_permission(entry.key)
    return entry.key.lower()


def _values(section: str, subsection: str, key: str, values: list[str | None]) -> Values:
    texts = tuple(value or "" for value in values)
    if section == "access" and subsection:
        return _access(key, texts)
    if section == "capability":
        return _rules(texts, key in vocabulary.RANGED_CAPABILITIES)
    name = (section, key)
    if name in RULE_SETTINGS:
        return _rules(texts, False)
    if name in vocabulary.INHERITABLE_BOOLEANS:
        return _inheritable(texts[-1])
    if name in vocabulary.BOOLEANS:
        return _boolean(values[-1], vocabulary.BOOLEANS[name])
    return _settings(section, key, texts)


def _settings(section: str, key: str, texts: Values) -> Values:
    name = (section, key)
    special = _SPECIAL.get(name)
    if special:
        return special(texts)
    if name in _SETS:
        return tuple(sorted(set(filter(None, texts))))
    if name in _LISTS:
        return texts
    if section in _FIRST_OF_ONE:
        texts = texts[-1:]
    if texts in (("",), (_DEFAULTS.get(name),)):
        return ()
    return texts


def _access(key: str, texts: Values) -> Values:
    if key == "exclusivegrouppermissions":
        names = {n for text in texts for n in re.split(r"[, \t]+", text) if n}
        return tuple(sorted({vocabulary.fold_permission(n) for n in names}))
    return _rules(texts, vocabulary.label_of(key) is not None)


def _rules(texts: Values, ranged: bool) -> Values:
    """Return the rules in canonical spelling, sorted unless a group has several of them."""
    rules, others = {}, []
    for text in texts:
        try:
            rule = parse_rule(text, ranged)
        except RuleError:
            others.append(text)
        else:
            rules[str(rule)] = rule.group
    spelled = list(rules)
    if len(set(rules.values())) == len(rules):
        spelled.sort()
    return tuple(spelled + others)


def _inheritable(text: str) -> Values:
    if not text or text.upper() == "INHERIT":
        return ()
    value = vocabulary.boolean(text)
    return (text,) if value is None else (str(value).lower(),)


def _boolean(value: str | None, default: bool) -> Values:
    if value == "":
        return ()
    known = vocabulary.boolean(value)
    if known is None:
        return (value or "",)
    return () if known == default else (str(known).lower(),)


def _enum(words: tuple[str, ...], name: tuple[str, str]) -> Callable[[Values], Values]:
    def normal(texts: Values) -> Values:
        text = texts[-1]
        word = vocabulary.enum(text, words) or text
        return () if word in ("", _DEFAULTS[name]) else (word,)

    return normal


def _label_values(texts: Values) -> Values:
    """Return ``VOTE TEXT`` by vote; Gerrit fills the votes between with empty texts."""
    votes: dict[int, str] = {}
    for text in texts:
        number, _, words = re.sub(r"\s+", " ", text, count=1).partition(" ")
        if not re.fullmatch(r"[+-]?[0-9]{1,5}", number) or int(number) in votes:
            return texts
        votes[int(number)] = words.strip()
    span = range(min(votes), max(votes) + 1)
    if len(span) > 1000:
        return texts
    return tuple(f"{vote:+d} {votes.get(vote, '')}".strip() for vote in span)


def _integer(texts: Values) -> Values:
    text = texts[-1]
    if re.fullmatch(r"[+-]?[0-9]{1,9}", text):
        text = str(int(text))
    return () if text in ("", "0") else (text,)


def _size(texts: Values) -> Values:
    text = texts[-1].lower().replace(" ", "")
    return () if text in ("", "0") else (text,)


def _notify_types(texts: Values) -> Values:
    words = {w.strip().lower() for text in texts for w in text.split(",")} - {""}
    return () if words == {"all"} else tuple(sorted(words))


_SPECIAL: dict[tuple[str, str], Callable[[Values], Values]] = {
    ("label", "defaultvalue"): _integer,
    ("label", "value"): _label_values,
    ("notify", "type"): _notify_types,
    ("project", "state"): _enum(vocabulary.STATES, ("project", "state")),
    ("receive", "maxobjectsizelimit"): _size,
    ("submit", "action"): _enum(vocabulary.SUBMIT_ACTIONS, ("submit", "action")),
}
