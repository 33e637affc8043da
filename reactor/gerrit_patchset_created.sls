#!py
"""A patch set was uploaded to the registry (saltern/gerrit/patchset-created)."""

from saltern import reactions


def run():
    request = reactions.patchset_created(data)
    return {"review": {"runner.projects.review": [{"args": request}]}} if request else {}
