"""What a host asks the authority for, signed with its Salt key.

An event on Salt's bus proves nothing about its sender: a minion may send a list of events, and
the master fires the data of each as it is, with any ``id`` in it (``_minion_event`` in Salt 3008's
``daemons/masterapi.py``). So a request carries a signature of its own, by the key that the master
accepted for that minion.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from saltern.errors import Refused
from saltern.pki.names import is_name

TLS = "tls"
SSH = "ssh"
KINDS = (TLS, SSH)
BODY_LIMIT = 20_000
"""Bytes of a request's body."""
_CONTEXT = b"saltern pki request 1\n"
"""Keeps a signature over something else from passing for one of a request."""


@dataclass(frozen=True)
class Request:
    """A host's wish for a certificate."""

    host: str
    """Minion id."""
    kind: str
    """``tls`` or ``ssh``."""
    made: float
    """When, in seconds since the epoch by the host's clock."""
    subject: str
    """The signing request (PEM) for TLS, the public key line for ssh."""
    names: tuple[str, ...] = ()
    """Names wanted, for ssh; those of TLS are in the signing request."""

    def signed(self, salt_key: Path) -> dict[str, str]:
        """Return the event's data: body and signature by the minion's private key ``salt_key``."""
        body = json.dumps(vars(self), sort_keys=True)
        key = serialization.load_pem_private_key(salt_key.read_bytes(), None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise Refused(f"{salt_key} is no RSA key; Salt's are")
        signature = key.sign(_CONTEXT + body.encode(), padding.PKCS1v15(), hashes.SHA256())
        return {"body": body, "signature": base64.b64encode(signature).decode()}


def digest(data: Mapping[str, Any]) -> str:
    """Return what an answer names its request by."""
    return hashlib.sha256(_CONTEXT + str(data["body"]).encode()).hexdigest()


def opened(data: Any, accepted: Path) -> Request:
    """Return the request in an event's ``data``.

    ``accepted`` is the directory of the public keys the master accepted, one a minion. Raises
    :class:`Refused` unless the key of the host that the request names signed it.
    """
    body, signature = _parts(data)
    request = _parsed(body)
    try:
        key = serialization.load_pem_public_key((accepted / request.host).read_bytes())
    except (OSError, ValueError) as error:
        raise Refused(
            f"{request.host}: the master has no accepted key of it", code="key"
        ) from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise Refused(f"{request.host}: its accepted key is no RSA key", code="key")
    try:
        key.verify(signature, _CONTEXT + body.encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature as error:
        raise Refused(
            f"a request in the name of {request.host} is not signed by its Salt key",
            code="signature",
        ) from error
    return request


def _parts(data: Any) -> tuple[str, bytes]:
    body = data.get("body") if isinstance(data, Mapping) else None
    signature = data.get("signature") if isinstance(data, Mapping) else None
    if not (isinstance(body, str) and isinstance(signature, str)) or len(body) > BODY_LIMIT:
        raise Refused("the event is no request for a certificate", code="shape")
    try:
        return body, base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("the request's signature is not base64", code="shape") from error


def _parsed(body: str) -> Request:
    try:
        given = json.loads(body)
        request = Request(**{**given, "names": tuple(given.get("names", ()))})
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Refused("the request cannot be read", code="shape") from error
    texts = (request.subject, request.kind, *request.names)
    fine = is_name(request.host) and all(isinstance(text, str) for text in texts)
    if not fine or request.kind not in KINDS or type(request.made) not in (int, float):
        raise Refused("the request is not of the known form", code="shape")
    return request
