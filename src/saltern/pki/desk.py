"""Where requests for certificates are answered, on the master."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from saltern.errors import Refused, SalternError
from saltern.pki import sshca, x509ca
from saltern.pki.authority import Authority
from saltern.pki.files import PUBLIC, put
from saltern.pki.ledger import Ledger
from saltern.pki.names import allowed, below
from saltern.pki.request import SSH, TLS, Request, digest, opened

AGE_LIMIT = 600.0
"""Seconds that a request's time may differ from the master's."""
DAY_LIMIT = 50
"""Certificates of one kind that a host gets in 24 hours."""


@dataclass(frozen=True)
class Grant:
    """What the site's pillar grants a host."""

    names: tuple[str, ...]
    days: Mapping[str, float]
    """Lifetime of its certificates, by kind."""


@dataclass(frozen=True)
class Desk:
    """Answers requests; ``issued`` is the directory that hosts read, with a folder for each."""

    authority: Authority
    issued: Path
    accepted: Path
    """Directory of the accepted minions' public keys."""
    clock: Callable[[], float] = time.time

    @property
    def ledger(self) -> Ledger:
        """What was issued."""
        return Ledger(self.authority.root / "issued.jsonl")

    def publish(self, owner: tuple[int, int] | None = None) -> list[str]:
        """Put the public parts of the authority where hosts read them; return what was new."""
        parts = {"ca.crt": self.authority.bundle(), "ssh_ca.pub": self.authority.ssh_bundle()}
        return [
            name for name, text in parts.items() if put(self.issued / name, text, PUBLIC, owner)
        ]

    def answer(self, data: Any, granted: Callable[[str], Grant]) -> dict[str, Any]:
        """Answer the request in an event's ``data`` and return the answer.

        ``granted`` tells what a host may have; what it raises is told to the host. Raises
        :class:`Refused`, and writes nothing, for what the named host did not sign.
        """
        request = opened(data, self.accepted)
        answer: dict[str, Any] = {"request": digest(data), "kind": request.kind}
        try:
            answer.update(status="issued", **self._issue(request, granted(request.host), answer))
        except SalternError as error:
            answer.update(status="refused", code=error.code, reason=error.reason)
        text = json.dumps(answer, sort_keys=True).encode()
        put(self.issued / request.host / f"{request.kind}.json", text, PUBLIC)
        return {"host": request.host, **answer}

    def _issue(self, request: Request, grant: Grant, answer: Mapping[str, Any]) -> dict[str, Any]:
        with self.ledger.locked() as ledger:
            self._check_time(request, ledger)
            issue = {TLS: self._issue_tls, SSH: self._issue_ssh}[request.kind]
            told = issue(request, grant)
            signer = self.authority.signer(request.kind)
            whose = {"host": request.host, "made": request.made, "signer": signer}
            ledger.add({**answer, **told, **whose})
        return told

    def _check_time(self, request: Request, ledger: Ledger) -> None:
        now = self.clock()
        if abs(now - request.made) > AGE_LIMIT:
            raise Refused(
                f"{request.host}: the request's time is {request.made - now:+.0f} s from the "
                "master's: set the host's clock",
                code="clock",
            )
        rows = [
            row
            for row in ledger.rows()
            if (row["host"], row["kind"]) == (request.host, request.kind)
        ]
        if any(row["made"] >= request.made for row in rows):
            raise Refused(f"{request.host}: a later request was answered already", code="replay")
        if sum(row["made"] > now - 86400 for row in rows) >= DAY_LIMIT:
            raise Refused(
                f"{request.host}: {DAY_LIMIT} certificates within 24 hours: see what asks for them",
                code="too-many",
            )

    def _issue_tls(self, request: Request, grant: Grant) -> dict[str, Any]:
        asked, wanted = x509ca.read_request(request.subject)
        names = allowed(wanted, grant.names, request.host)
        domains = self.authority.domains()
        if outside := [name for name in names if domains and not below(name, domains)]:
            raise Refused(
                f"{request.host}: the authority signs hosts of {', '.join(domains)} only, not "
                f"{', '.join(outside)}",
                code="domain",
            )
        signer, key = self.authority.certificate, self.authority.key
        made = x509ca.host_certificate(asked, names, grant.days[TLS], signer, key)
        put(self.issued / request.host / "tls.crt", x509ca.pem(made), PUBLIC)
        until = made.not_valid_after_utc.timestamp()
        return {"serial": f"{made.serial_number:x}", "names": list(names), "until": until}

    def _issue_ssh(self, request: Request, grant: Grant) -> dict[str, Any]:
        names = allowed(request.names, grant.names, request.host)
        line = sshca.public_line(sshca.read_public(request.subject))
        days = grant.days[SSH]
        text, serial = sshca.host_certificate(line, names, days, self.authority.ssh_key)
        folder = self.issued / request.host
        put(folder / "ssh_host_ed25519_key.pub", f"{line} {request.host}\n".encode(), PUBLIC)
        put(folder / "ssh_host_ed25519_key-cert.pub", text.encode(), PUBLIC)
        return {"serial": f"{serial:x}", "names": list(names), "until": self.clock() + days * 86400}
