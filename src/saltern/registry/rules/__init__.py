"""The checks: one function a rule, each with a stable code.

A rule's docstring has four parts (what, why, example, instead) and is its documentation
page. Its ``scope`` says what it is given and what it yields:

- ``entry``: ``(RawEntry, RegistrySettings)``, yields ``(Position, message)``
- ``lookup``: ``(AclLookup, RegistrySettings)``, yields ``(Position, message)``
- ``acl``: ``(AclDocument, RegistrySettings)``, yields ``(Position, message)``
- ``registry``: ``(Collected)``, yields ``(project, Position, message)``
"""

from saltern.registry.rules import access, aclfile, entries, groups, labels, names, parents, values
from saltern.registry.rules.base import Collected, Rule, all_rules, rules_for

__all__ = ["Collected", "Rule", "all_rules", "rules_for"]

_MODULES = (access, aclfile, entries, groups, labels, names, parents, values)
