"""What the components of ``salt/`` ask at render time: their settings, and who the other hosts are.

Nothing here needs the library: a tree newer than the library on the host still renders.

:depends: jsonschema

.. versionadded:: 0.2.0
"""

import copy
import ipaddress
import re

from salt.exceptions import CommandExecutionError

try:
    import jsonschema

    MISSING = ""
except ImportError as error:
    MISSING = f"component settings cannot be checked: {error}; run provision/host again"


def __virtual__():
    return "component" if not MISSING else (False, MISSING)


def config(name, defaults, schema):
    """Return the settings of component ``name``: pillar ``name`` over ``defaults``, checked.

    Mappings merge, everything else replaces. Raises ``CommandExecutionError`` with the path of
    every key that ``schema`` refuses and what to write there; it never holds a value, as that
    may be a secret.

    CLI Example:

    .. code-block:: bash

        salt-call component.config timesync '{servers: []}' '{type: object}'

    .. versionadded:: 0.2.0
    """
    given = __pillar__.get(name)
    if given is not None and not isinstance(given, dict):
        raise CommandExecutionError(f"pillar {name}: write a mapping, not {_kind(given)}")
    settings = _merged(defaults or {}, given or {})
    checker = jsonschema.Draft202012Validator(schema)
    errors = sorted(checker.iter_errors(settings), key=lambda error: list(map(str, error.path)))
    if errors:
        raise CommandExecutionError("; ".join(_wording(name, error) for error in errors))
    return settings


def hosts(role):
    """Return the site's hosts with ``role``, by id: ``[{id, address, aliases}, ...]``.

    Every host has the role ``base``. Raises ``CommandExecutionError`` without a pillar ``site``.

    CLI Example:

    .. code-block:: bash

        salt-call component.hosts zookeeper

    .. versionadded:: 0.2.0
    """
    listed = (__pillar__.get("site") or {}).get("hosts")
    if not listed:
        raise CommandExecutionError("pillar site:hosts is empty: list the hosts in site.yaml")
    return [
        {"id": host, "address": row["address"], "aliases": row.get("aliases") or []}
        for host, row in sorted(listed.items())
        if role == "base" or role in row["roles"]
    ]


def open_ports(table, extra=()):
    """Return what the firewall opens for this host's roles, as a list of rules.

    ``table`` is that of ``ports.yaml``, ``extra`` more rows. A rule is ``{proto, port, what,
    family, source}``: ``source`` lists addresses of one ``family`` (``ip`` or ``ip6``) and is
    empty where everybody may connect. A role that no host has opens nothing. Raises
    ``CommandExecutionError`` for what is neither a role nor an address.

    CLI Example:

    .. code-block:: bash

        salt-call component.open_ports '{base: [{port: 22, proto: tcp, from: any, what: ssh}]}'

    .. versionadded:: 0.2.0
    """
    rows = [row for role in ["base", *__pillar__.get("roles", [])] for row in table[role]]
    found = []
    for row in [*rows, *extra]:
        rule = {key: row[key] for key in ("proto", "port", "what")}
        if row["from"] == "any":
            found.append({**rule, "family": "", "source": []})
            continue
        families = {"ip": [], "ip6": []}
        for address in _addresses(row["from"], table):
            families["ip6" if ":" in address else "ip"].append(address)
        found += [
            {**rule, "family": family, "source": sorted(set(source))}
            for family, source in families.items()
            if source
        ]
    return found


def _addresses(sources, table):
    """Yield the addresses of ``site``, of roles, and those written as such."""
    for name in ["base"] if sources == "site" else sources:
        if name in table:
            yield from (host["address"] for host in hosts(name))
            continue
        try:
            network = ipaddress.ip_network(name)
        except ValueError:
            raise CommandExecutionError(
                f"ports: from {name!r} is no role of roles.yaml and no address or network"
            ) from None
        yield str(network if network.num_addresses > 1 else network.network_address)


def _merged(below, above):
    found = copy.deepcopy(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(found.get(key), dict)
        found[key] = _merged(found[key], value) if both else copy.deepcopy(value)
    return found


def _wording(name, error):
    """Return what to write where; jsonschema's own message would show the value."""
    path = ":".join([name, *map(str, error.absolute_path)])
    wanted = error.validator_value
    if error.validator == "required":
        missing = sorted(set(wanted) - set(error.instance))
        about = "; ".join(f"{key}{_about(error.schema, key)}" for key in missing)
        return f"pillar {path}: write {about}"
    if error.validator == "additionalProperties":
        known = sorted(error.schema.get("properties", {}))
        odd = ", ".join(key for key in map(str, error.instance) if not _allowed(key, error.schema))
        return f"pillar {path}: unknown {odd}; known: {', '.join(known) or 'none'}"
    if error.validator == "type":
        rest = f"{_text(error.schema)}, not {_kind(error.instance)}"
        return f"pillar {path}: must be of type {wanted}{rest}"
    rule = f"{error.validator} {wanted}" if _plain(wanted) else f"the rule {error.validator}"
    return f"pillar {path}: must keep to {rule}{_text(error.schema)}"


def _allowed(key, schema):
    patterns = schema.get("patternProperties", {})
    return key in schema.get("properties", {}) or any(re.search(p, key) for p in patterns)


def _about(schema, key):
    return _text(schema.get("properties", {}).get(key, {}))


def _text(schema):
    text = schema.get("description") if isinstance(schema, dict) else None
    return f" ({text})" if text else ""


def _plain(wanted):
    parts = wanted if isinstance(wanted, list) else [wanted]
    return all(isinstance(part, str | int | float) for part in parts)


def _kind(value):
    names = {dict: "a mapping", list: "a list", str: "a text", bool: "a truth value"}
    return names.get(type(value), "nothing" if value is None else "a number")
