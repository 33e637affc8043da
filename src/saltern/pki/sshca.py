"""Making ssh host certificates, in OpenSSH's form."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import SSHCertificate, SSHCertificateType

from saltern.errors import Refused

SKEW = 300
"""Seconds in the past from which a certificate is valid, as clocks differ."""


def new_key() -> ed25519.Ed25519PrivateKey:
    """Return a new private key."""
    return ed25519.Ed25519PrivateKey.generate()


def key_pem(key: ed25519.Ed25519PrivateKey) -> bytes:
    """Return ``key`` in OpenSSH's form, unencrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )


def public_line(key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey) -> str:
    """Return ``key`` as ``TYPE BASE64``."""
    form = serialization.PublicFormat.OpenSSH
    return key.public_bytes(serialization.Encoding.OpenSSH, form).decode()


def read_public(line: str) -> ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey:
    """Return the host key in ``line``. Raises :class:`Refused` for what is none."""
    try:
        key = serialization.load_ssh_public_key(line.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Refused("the ssh host key cannot be read", code="ssh-key") from error
    if not isinstance(key, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey):
        raise Refused("ssh host keys are ed25519 or ECDSA", code="ssh-key")
    return key


def host_certificate(
    line: str, names: tuple[str, ...], days: float, key: ed25519.Ed25519PrivateKey
) -> tuple[str, int]:
    """Return the certificate line for the host key ``line`` and its serial number."""
    serial, start = secrets.randbits(63), int(time.time())
    certificate = (
        serialization.SSHCertificateBuilder()
        .public_key(read_public(line))
        .serial(serial)
        .type(SSHCertificateType.HOST)
        .key_id(names[0].encode())
        .valid_principals([name.encode() for name in names])
        .valid_after(start - SKEW)
        .valid_before(start + int(days * 86400))
        .sign(key)
    )
    return certificate.public_bytes().decode() + "\n", serial


def read_certificate(text: str) -> SSHCertificate | None:
    """Return the certificate in ``text``, ``None`` when it has none that is signed."""
    try:
        found = serialization.load_ssh_public_identity(text.strip().encode())
        if isinstance(found, SSHCertificate):
            found.verify_cert_signature()
            return found
    except (ValueError, InvalidSignature):
        return None
    return None


def issued_by(certificate: SSHCertificate, signers: Iterable[str]) -> bool:
    """Whether one of the keys ``signers`` (``TYPE BASE64``) signed ``certificate``."""
    return _line(certificate.signature_key()) in set(signers)


def certifies(certificate: SSHCertificate, line: str) -> bool:
    """Whether ``certificate`` is for the host key in ``line``."""
    return _line(certificate.public_key()) == " ".join(line.split()[:2])


def names_of(certificate: SSHCertificate) -> tuple[str, ...]:
    """Return the host names in ``certificate``."""
    return tuple(name.decode() for name in certificate.valid_principals)


def _line(key: object) -> str:
    form = serialization.PublicFormat.OpenSSH
    return key.public_bytes(serialization.Encoding.OpenSSH, form).decode()  # type: ignore[attr-defined]
