"""Making X.509 certificates: the authority's own and those of hosts."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from saltern.errors import Refused

SKEW = datetime.timedelta(minutes=5)
"""A certificate is valid from this long ago on, as clocks differ."""
RSA_BITS = 2048


def now() -> datetime.datetime:
    """Return the time in UTC, in whole seconds as certificates have it."""
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a new private key (ECDSA P-256: what every service of the site can use)."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return ``key`` as PKCS #8 in PEM, unencrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def pem(certificate: x509.Certificate) -> bytes:
    """Return ``certificate`` in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def authority(
    key: ec.EllipticCurvePrivateKey, name: str, days: float, domains: Iterable[str]
) -> x509.Certificate:
    """Return a self-signed certificate for ``key`` that may sign hosts of ``domains`` only."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    permitted = [x509.DNSName(domain) for domain in domains]
    start = now() - SKEW
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(_key_id(key.public_key()), critical=False)
    )
    if permitted:
        limits = x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None)
        builder = builder.add_extension(limits, critical=True)
    return builder.sign(key, hashes.SHA256())


def signing_request(key: ec.EllipticCurvePrivateKey, names: Iterable[str]) -> str:
    """Return a host's signing request (PEM); the first name is also the common name."""
    all_names = list(names)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, all_names[0])])
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject)
        .add_extension(_alternative(all_names), critical=False)
        .sign(key, hashes.SHA256())
    )
    return request.public_bytes(serialization.Encoding.PEM).decode()


def read_request(text: str) -> tuple[x509.CertificateSigningRequest, tuple[str, ...]]:
    """Return a signing request and the names it asks for.

    Raises :class:`Refused` unless it is signed by its own key, that key is a good one, and it asks
    for names alone.
    """
    try:
        request = x509.load_pem_x509_csr(text.encode())
        asked = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound) as error:
        raise Refused("the signing request cannot be read, or names nothing", code="csr") from error
    if not request.is_signature_valid:
        raise Refused("the signing request is not signed by its own key", code="csr")
    if not _good_key(request.public_key()):
        raise Refused(f"keys are ECDSA P-256 or P-384, or RSA from {RSA_BITS} bits", code="csr")
    if not all(isinstance(name, x509.DNSName) for name in asked):
        raise Refused("the signing request asks for more than host names", code="csr")
    return request, tuple(asked.get_values_for_type(x509.DNSName))


def host_certificate(
    request: x509.CertificateSigningRequest,
    names: tuple[str, ...],
    days: float,
    issuer: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    """Return the certificate for the key of ``request``; of the request nothing else counts.

    It is for servers and clients, named ``names`` (the first is the host's id), for ``days`` but
    never beyond the end of ``issuer``.
    """
    start = now() - SKEW
    end = min(start + SKEW + datetime.timedelta(days=days), issuer.not_valid_after_utc)
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]))
        .issuer_name(issuer.subject)
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True, key_encipherment=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(_alternative(names), critical=False)
        .add_extension(_key_id(request.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
        .sign(key, hashes.SHA256())
    )


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the host names in ``certificate``."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(found.value.get_values_for_type(x509.DNSName))


def issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether ``issuer``'s key signed ``certificate``."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _good_key(key: object) -> bool:
    if isinstance(key, ec.EllipticCurvePublicKey):
        return isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1)
    return isinstance(key, rsa.RSAPublicKey) and key.key_size >= RSA_BITS


def _alternative(names: Iterable[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.DNSName(name) for name in names])


def _key_id(key: Any) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key)


def _usage(**chosen: bool) -> x509.KeyUsage:
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: chosen.get(name, False) for name in every})
