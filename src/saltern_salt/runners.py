"""What the runners have in common."""


def ended(context, code, told):
    """Return ``told``, a dict, such that ``salt-run`` ends with ``code``.

    It looks for ``retcode`` in what a runner returns (salt/cli/run.py, 3008); the event of the
    return, and so the orchestration, has success from ``context``, the runner's ``__context__``.
    """
    context["retcode"] = code
    return {**told, "retcode": code}
