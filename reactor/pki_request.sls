#!py
"""A host asks for a certificate (saltern/pki/request). Anyone may send this: the runner checks."""


def run():
    given = data.get("data") if isinstance(data, dict) else None
    if not isinstance(given, dict):
        return {}
    request = {key: given.get(key) for key in ("body", "signature")}
    return {"sign": {"runner.authority.sign": [{"args": {"request": request}}]}}
