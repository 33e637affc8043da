#!py
"""A minion came up (salt/minion/*/start)."""

from saltern import reactions


def run():
    request = reactions.minion_start(data, __opts__.get("saltern"))
    return {"converge": {"runner.projects.converge": [{"args": request}]}} if request else {}
