#!py
"""A change merged on the registry (saltern/gerrit/change-merged)."""

from saltern import reactions


def run():
    request = reactions.change_merged(data)
    return {"converge": {"runner.projects.converge": [{"args": request}]}} if request else {}
