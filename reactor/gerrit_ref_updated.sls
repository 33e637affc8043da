#!py
"""Branches or tags moved in Gerrit (saltern/gerrit/ref-updated)."""

from saltern import reactions


def run():
    request = reactions.ref_updated(data)
    return {"converge": {"runner.projects.converge": [{"args": request}]}} if request else {}
