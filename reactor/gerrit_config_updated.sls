#!py
"""A refs/meta/config moved in Gerrit: drift (saltern/gerrit/config-updated)."""

from saltern import reactions


def run():
    request = reactions.config_updated(data)
    return {"converge": {"runner.projects.converge": [{"args": request}]}} if request else {}
