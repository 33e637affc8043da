"""The host's side: its keys, whether a certificate still does, and its files."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from saltern.errors import Refused
from saltern.pki import sshca, x509ca
from saltern.pki.files import PRIVATE, PUBLIC, put

KEY_MODE = 0o640


@dataclass(frozen=True)
class TlsFiles:
    """``ca.crt``, ``host.key``, ``host.crt`` and ``host.pem`` (key and certificate) in ``root``."""

    root: Path
    names: tuple[str, ...]
    """Names the certificate should have; the first is the host's id."""
    group: int | None = None
    """gid that may read the key."""
    renew_days: float = 30.0
    """Days before its end from which on a certificate is renewed; at most half its lifetime."""

    def lacking(self, bundle: bytes) -> str:
        """Return why a new certificate is needed, or nothing.

        ``bundle`` is what the master publishes: its first certificate is the one that signs now.
        """
        if not self._file("host.key").exists():
            return "there is no key"
        try:
            return self._objection(self._read("host.crt"), bundle)
        except FileNotFoundError:
            return "there is no certificate"
        except ValueError:
            return "the certificate cannot be read"

    def stale(self, bundle: bytes) -> list[str]:
        """Return which files are not as they should be, given that the certificate does."""
        return [
            name
            for name, (content, mode) in self._wanted(bundle, self._read("host.crt")).items()
            if not self._is(name, content, mode)
        ]

    def signing_request(self) -> str:
        """Return the signing request (PEM) for the host's key, which is made if it is missing."""
        path = self._file("host.key")
        if not path.exists():
            self._put("host.key", x509ca.key_pem(x509ca.new_key()), KEY_MODE)
        return x509ca.signing_request(self._key(), self.names)

    def install(self, certificate: bytes, bundle: bytes) -> list[str]:
        """Put ``certificate`` in place; return the files that changed.

        Raises :class:`Refused` unless it is for the host's key and names, by the authority.
        """
        try:
            objection = self._objection(certificate, bundle)
        except ValueError as error:
            raise Refused("the master's answer holds no certificate", code="answer") from error
        if objection:
            raise Refused(f"the certificate that the master issued: {objection}", code="answer")
        wanted = self._wanted(bundle, certificate)
        return [name for name, (content, mode) in wanted.items() if self._put(name, content, mode)]

    def _objection(self, certificate: bytes, bundle: bytes) -> str:
        found = x509.load_pem_x509_certificate(certificate)
        signer = x509.load_pem_x509_certificates(bundle)[0]
        if not x509ca.issued_by(found, signer):
            return "another authority signed it"
        if found.public_key() != self._key().public_key():
            return "it is for another key"
        if set(x509ca.names_of(found)) != set(self.names):
            return f"it names {', '.join(x509ca.names_of(found)) or 'nothing'}"
        lifetime = found.not_valid_after_utc - found.not_valid_before_utc - x509ca.SKEW
        left = found.not_valid_after_utc - x509ca.now()
        if left <= min(datetime.timedelta(days=self.renew_days), lifetime / 2):
            return f"it ends at {found.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        return ""

    def _wanted(self, bundle: bytes, certificate: bytes) -> dict[str, tuple[bytes, int]]:
        key = self._read("host.key")
        return {
            "ca.crt": (bundle, PUBLIC),
            "host.key": (key, KEY_MODE),
            "host.crt": (certificate, PUBLIC),
            "host.pem": (key + certificate, KEY_MODE),
        }

    def _key(self) -> Any:
        return serialization.load_pem_private_key(self._read("host.key"), None)

    def _file(self, name: str) -> Path:
        return self.root / name

    def _read(self, name: str) -> bytes:
        return self._file(name).read_bytes()

    def _owner(self, mode: int) -> tuple[int, int] | None:
        return None if self.group is None else (0, self.group if mode == KEY_MODE else 0)

    def _put(self, name: str, content: bytes, mode: int) -> bool:
        return put(self._file(name), content, mode, self._owner(mode))

    def _is(self, name: str, content: bytes, mode: int) -> bool:
        found = self._file(name).stat() if self._file(name).exists() else None
        owner = self._owner(mode)
        return (
            found is not None
            and found.st_mode & 0o7777 == mode
            and owner in (None, (found.st_uid, found.st_gid))
            and self._read(name) == content
        )


@dataclass(frozen=True)
class SshFiles:
    """A host key of sshd and its certificate beside it."""

    key: Path
    names: tuple[str, ...]
    renew_days: float = 30.0

    @property
    def certificate(self) -> Path:
        """Where the certificate is, as ssh-keygen would name it."""
        return self.key.with_name(f"{self.key.name}-cert.pub")

    def public(self) -> str:
        """Return the public key as ``TYPE BASE64``; both files are made if the key is missing."""
        if not self.key.exists():
            private = sshca.new_key()
            line = sshca.public_line(private.public_key())
            put(self.key, sshca.key_pem(private), PRIVATE)
            put(self.key.with_name(f"{self.key.name}.pub"), f"{line}\n".encode(), PUBLIC)
        found: Any = serialization.load_ssh_private_key(self.key.read_bytes(), None)
        return sshca.public_line(found.public_key())

    def lacking(self, signers: Sequence[str]) -> str:
        """Return why a new certificate is needed, or nothing.

        ``signers`` are the lines that the master publishes; the first one signs now.
        """
        if not self.key.exists():
            return "there is no key"
        if not self.certificate.exists():
            return "there is no certificate"
        return self._objection(self.certificate.read_text(), signers)

    def install(self, certificate: str, signers: Sequence[str]) -> list[str]:
        """Put ``certificate`` in place; return the files that changed. Raises :class:`Refused`."""
        if objection := self._objection(certificate, signers):
            raise Refused(f"the certificate that the master issued: {objection}", code="answer")
        new = put(self.certificate, certificate.encode(), PUBLIC)
        return [self.certificate.name] if new else []

    def _objection(self, text: str, signers: Sequence[str]) -> str:
        found = sshca.read_certificate(text)
        if found is None:
            return "it cannot be read"
        if not sshca.issued_by(found, signers[:1]):
            return "another authority signed it"
        if not sshca.certifies(found, self.public()):
            return "it is for another key"
        if set(sshca.names_of(found)) != set(self.names):
            return f"it names {', '.join(sshca.names_of(found)) or 'nothing'}"
        until = datetime.datetime.fromtimestamp(found.valid_before, datetime.UTC)
        lifetime = datetime.timedelta(seconds=found.valid_before - found.valid_after - sshca.SKEW)
        if until - x509ca.now() <= min(datetime.timedelta(days=self.renew_days), lifetime / 2):
            return f"it ends at {until:%Y-%m-%d %H:%M} UTC"
        return ""
