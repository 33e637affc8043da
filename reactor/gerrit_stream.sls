#!py
"""The event stream began anew or lost events (saltern/gerrit/connected, dropped)."""

from saltern import reactions


def run():
    request = reactions.stream(data, tag)
    return {"converge": {"runner.projects.converge": [{"args": request}]}} if request else {}
