"""The checks: one function a rule, each with a stable code.

A rule's docstring has four parts (what, why, example, instead) and is its documentation
page. Its ``scope`` says what it is given and what it yields (and, where there is one right
answer, the edits that mend it); a rule of a community's ``policy`` is given
``CheckSettings`` in place of ``RegistrySettings``:

- ``entry``: ``(RawEntry, RegistrySettings)``, yields ``(Position, message)``
- ``lookup``: ``(AclLookup, RegistrySettings)`` of a project without a readable ACL, yields
  ``(Position, message)``
- ``acl``: ``(AclDocument, RegistrySettings)``, yields ``(Position, message)``
- ``registry``: ``(Collected)``, yields ``(project, Position, message)``
- ``groups``: ``(CollectedGroups)``, yields ``(group, Position, message)``

A rule of an entry or an ACL says what it is ``about``: keys, sections or ``section.key``. It is
called only where one of them stands; a rule without is always called.
"""

from saltern.registry.rules import (
    access,
    aclfile,
    aclform,
    aclkeys,
    aclpolicy,
    entries,
    entrypolicy,
    groups,
    groupsfile,
    grouptypos,
    labels,
    labeluse,
    lockout,
    names,
    parents,
    projectkeys,
    requirements,
    tenant,
    values,
)
from saltern.registry.rules.base import Collected, Rule, all_rules, rules_for
from saltern.registry.rules.selection import selected

__all__ = ["Collected", "Rule", "all_rules", "rules_for", "selected"]

_MODULES = (
    access,
    aclfile,
    aclform,
    aclkeys,
    aclpolicy,
    entries,
    entrypolicy,
    groups,
    groupsfile,
    grouptypos,
    labels,
    labeluse,
    lockout,
    names,
    parents,
    projectkeys,
    requirements,
    tenant,
    values,
)
