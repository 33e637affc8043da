"""The authority's keys and certificates, on the master's disk."""

from __future__ import annotations

import datetime
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from saltern.errors import Broken
from saltern.pki import sshca, x509ca
from saltern.pki.files import PRIVATE, PUBLIC, put

Owner = tuple[int, int] | None
CURRENT, NEXT = "", "-next"


@dataclass(frozen=True)
class Authority:
    """Both authorities, TLS and ssh, in the directory ``root``.

    ``ca.key`` and ``ca.crt`` sign; ``ca-next.*``, while a rotation is prepared, is trusted already;
    ``ca-old.crt`` holds what signed before and is trusted still. ``ssh_ca*`` likewise.
    """

    root: Path
    owner: Owner = None
    """uid and gid of the files, for a process that may give files away."""

    def make(self, name: str, domains: Sequence[str], days: float) -> list[str]:
        """Make what is missing of keys and certificates; return the names of new files.

        ``name`` is the common name, ``domains`` are those whose hosts it may sign (all when
        empty), ``days`` its lifetime. Raises :class:`Broken` for a key whose certificate is gone.
        """
        self._directory()
        return self._make_tls(CURRENT, name, domains, days) + self._make_ssh(CURRENT)

    def missing(self) -> list[str]:
        """Return the files that :meth:`make` would make."""
        return [name for name in ("ca.key", "ca.crt", "ssh_ca") if not self._file(name).exists()]

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate whose key signs now."""
        return x509.load_pem_x509_certificate(self._read("ca.crt"))

    @property
    def key(self) -> Any:
        """The key that signs TLS certificates."""
        return serialization.load_pem_private_key(self._read("ca.key"), None)

    @property
    def ssh_key(self) -> Any:
        """The key that signs ssh host certificates."""
        return serialization.load_ssh_private_key(self._read("ssh_ca"), None)

    def bundle(self) -> bytes:
        """Return all certificates to trust in PEM; the first is the one that signs."""
        return self._joined("ca.crt", "ca-next.crt", "ca-old.crt")

    def ssh_bundle(self) -> bytes:
        """Return all ssh authorities to trust, a public key a line; the first one signs."""
        return self._joined("ssh_ca.pub", "ssh_ca-next.pub", "ssh_ca-old.pub")

    def signer(self, kind: str) -> str:
        """Return a short word for the key that signs certificates of ``kind`` (tls, ssh) now."""
        key = self.ssh_key if kind == "ssh" else self.key
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        public = key.public_key().public_bytes(serialization.Encoding.DER, form)
        return hashlib.sha256(public).hexdigest()[:16]

    def domains(self) -> tuple[str, ...]:
        """Return the domains whose hosts it may sign; none means all."""
        try:
            limits = self.certificate.extensions.get_extension_for_class(x509.NameConstraints)
        except x509.ExtensionNotFound:
            return ()
        return tuple(name.value for name in limits.value.permitted_subtrees or ())

    def rotate(self) -> str:
        """Take one step of a rotation: ``prepared`` new keys, or ``switched`` to them.

        Between the steps every host must learn to trust the new ones (a highstate); after the
        second each gets certificates by them. What signed before stays trusted until
        :meth:`retire`.
        """
        if self._file("ca-next.key").exists():
            self._switch()
            return "switched"
        old = self.certificate
        days = (old.not_valid_after_utc - old.not_valid_before_utc) / datetime.timedelta(days=1)
        name = str(old.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)
        self._make_tls(NEXT, name.partition(" from ")[0], self.domains(), days)
        self._make_ssh(NEXT)
        return "prepared"

    def retire(self) -> int:
        """Trust what signed before no longer; return how many certificates that takes out."""
        old = self._file("ca-old.crt")
        count = len(x509.load_pem_x509_certificates(old.read_bytes())) if old.exists() else 0
        for name in ("ca-old.crt", "ssh_ca-old.pub"):
            self._file(name).unlink(missing_ok=True)
        return count

    def _make_tls(self, stage: str, name: str, domains: Sequence[str], days: float) -> list[str]:
        key_file, certificate_file = f"ca{stage}.key", f"ca{stage}.crt"
        if self._file(certificate_file).exists() and self._file(key_file).exists():
            return []
        if self._file(certificate_file).exists() or self._file(key_file).exists():
            raise Broken(
                f"{self.root} has only one of {key_file} and {certificate_file}: bring the other "
                "back from the backup, or move the one away to begin anew",
                code="pki-half",
            )
        key = x509ca.new_key()
        full = f"{name} from {x509ca.now():%Y-%m-%d %H:%M:%S}"
        made = x509ca.authority(key, full, days, domains)
        self._put(key_file, x509ca.key_pem(key), PRIVATE)
        self._put(certificate_file, x509ca.pem(made), PUBLIC)
        return [key_file, certificate_file]

    def _make_ssh(self, stage: str) -> list[str]:
        key_file, public_file = f"ssh_ca{stage}", f"ssh_ca{stage}.pub"
        new = [] if self._file(key_file).exists() else [key_file]
        if new:
            self._put(key_file, sshca.key_pem(sshca.new_key()), PRIVATE)
        key = serialization.load_ssh_private_key(self._read(key_file), None)
        line = sshca.public_line(key.public_key())  # type: ignore[arg-type]
        self._put(public_file, f"{line}\n".encode(), PUBLIC)
        return new

    def _switch(self) -> None:
        """Move the present ones to the old ones and the next ones to their place, keys last."""
        for pattern, old in (("ca{}.crt", "ca-old.crt"), ("ssh_ca{}.pub", "ssh_ca-old.pub")):
            self._put(old, self._joined(pattern.format(CURRENT), old), PUBLIC)
        for pattern in ("ca{}.crt", "ssh_ca{}.pub", "ssh_ca{}", "ca{}.key"):
            self._file(pattern.format(NEXT)).replace(self._file(pattern.format(CURRENT)))

    def _directory(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.root.chmod(0o700)
        if self.owner is not None:
            os.chown(self.root, *self.owner)

    def _joined(self, *names: str) -> bytes:
        files = [self._file(name) for name in names]
        return b"".join(file.read_bytes() for file in files if file.exists())

    def _file(self, name: str) -> Path:
        return self.root / name

    def _put(self, name: str, content: bytes, mode: int) -> None:
        put(self._file(name), content, mode, self.owner)

    def _read(self, name: str) -> bytes:
        try:
            return self._file(name).read_bytes()
        except FileNotFoundError as error:
            raise Broken(
                f"{self._file(name)} is missing: apply the state ca on the master",
                code="pki-missing",
            ) from error
