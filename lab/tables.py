"""Writes the tables of roles and of pillar keys into the documents: ``python -m lab.tables``.

A document has each table between two marks, ``<!-- NAME -->`` and ``<!-- end of NAME -->``.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parent.parent
STATES = REPOSITORY / "salt"
PLACES = {"roles": REPOSITORY / "README.md", "settings": REPOSITORY / "docs/pillar.md"}


def roles_table() -> str:
    """Return the roles with their components, ports, data, backup and partners."""
    roles = yaml.safe_load((STATES / "roles.yaml").read_text())
    ports = yaml.safe_load((STATES / "ports.yaml").read_text())
    head = ("role", "components", "open ports (from)", "data", "backup", "talks to")
    rows = [
        (
            f"**{name}**: {row['purpose']}",
            ", ".join(row["components"]),
            ", ".join(_port(port) for port in ports[name]) or "none",
            row["data"],
            row["backup"],
            ", ".join(row["talks_to"]) or "nobody",
        )
        for name, row in roles.items()
    ]
    return _table(head, rows)


def _port(row: Mapping[str, Any]) -> str:
    source = row["from"] if isinstance(row["from"], str) else ", ".join(row["from"])
    return f"{row['port']}{'' if row['proto'] == 'tcp' else '/' + row['proto']} ({source})"


def settings_tables() -> str:
    """Return one table a component: every pillar key, its default and what it means."""
    parts = []
    for schema in sorted(STATES.glob("*/schema.yaml")):
        name = schema.parent.name
        rules = yaml.safe_load(schema.read_text())
        defaults = yaml.safe_load((schema.parent / "defaults.yaml").read_text()) or {}
        rows = list(_keys(rules, defaults, ""))
        table = _table(("key", "default", "meaning"), rows) if rows else "No settings.\n"
        parts.append(f"### {name}\n\n{table}")
    return "\n".join(parts)


def _keys(rules: Mapping, defaults: Mapping, above: str) -> Iterable[tuple[str, str, str]]:
    for key, rule in (rules.get("properties") or {}).items():
        path = f"{above}{key}"
        known = defaults.get(key) if isinstance(defaults, Mapping) else None
        if rule.get("properties") and rule.get("type") == "object":
            if rule.get("description"):
                yield path, "", rule["description"]
            yield from _keys(rule, known or {}, f"{path}:")
            continue
        must = key in (rules.get("required") or []) and known is None
        default = "**required**" if must else _default(known)
        yield path, default, rule.get("description", "")


def _default(value: Any) -> str:
    return "none" if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), ["---"] * len(list(head)), *map(list, rows)]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def filled(text: str, name: str, table: str) -> str:
    """Return ``text`` with ``table`` between the marks of ``name``. Raises ``ValueError``."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    new, count = pattern.subn(lambda found: f"{found[1]}\n{table}\n{found[2]}", text)
    if count != 1:
        raise ValueError(f"marks of the table {name!r}: wanted once, found {count} times")
    return new


def documents() -> dict[Path, str]:
    """Return what the documents should hold."""
    tables = {"roles": roles_table(), "settings": settings_tables()}
    return {path: filled(path.read_text(), name, tables[name]) for name, path in PLACES.items()}


def main() -> int:
    """Write the tables; with ``--check`` only say which document is out of date."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    stale = [path for path, text in documents().items() if path.read_text() != text]
    for path in stale:
        print(f"{path.relative_to(REPOSITORY)}: {'out of date' if check else 'written'}")
        if not check:
            path.write_text(documents()[path])
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
