"""Accounts: finding them, making them, their passwords and ssh keys."""

from __future__ import annotations

import base64
import binascii
import re
import time
from typing import TYPE_CHECKING

from .errors import Refusal, bad_request, conflict, unprocessable
from .model import Account, User

if TYPE_CHECKING:
    from .site import Site

FIRST_ID = 1000000
_USERNAME = re.compile(r"[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9._@+-]*[a-zA-Z0-9._-]")
_RESERVED = r"example|invalid|localhost|test"
_EMAIL = re.compile(rf"[^@\s]+@([^@\s]+\.(?!({_RESERVED})$)[^@\s.]+|localhost)")


def check_email(text: str) -> None:
    """Refusal 400 for an address that Gerrit refuses: also of a domain that nobody can have."""
    if not _EMAIL.fullmatch(text):
        raise bad_request("invalid email address")


def parse_key(text: str) -> tuple[str, str, str]:
    """``(algorithm, encoded key, comment)`` of a public key; Refusal 400 if it is none."""
    parts = text.strip().split(None, 2)
    try:
        blob = base64.b64decode(parts[1], validate=True)
        size = int.from_bytes(blob[:4], "big")
        if blob[4 : 4 + size].decode() != parts[0] or len(blob) <= 4 + size:
            raise ValueError(text)
    except (IndexError, ValueError, binascii.Error, UnicodeDecodeError):
        raise bad_request("Invalid SSH Key") from None
    return parts[0], parts[1], parts[2] if len(parts) > 2 else ""


def key_info(seq: int, text: str) -> dict:
    """SshKeyInfo of a stored key."""
    algorithm, encoded, comment = parse_key(text)
    return {
        "seq": seq,
        "ssh_public_key": text,
        "encoded_key": encoded,
        "algorithm": algorithm,
        "comment": comment,
        "valid": True,
    }


class Accounts:
    """All accounts, by id."""

    def __init__(self, site: Site):
        self._site = site
        self.by_id: dict[int, Account] = {}
        for data in site.store.all("account"):
            account = Account.from_data(data)
            self.by_id[account.id] = account
        self._by_name = {a.username: a for a in self.by_id.values() if a.username}

    def save(self, account: Account) -> None:
        self.by_id[account.id] = account
        if account.username:
            self._by_name[account.username] = account
        self._site.store.put("account", account.id, account.data())

    def next_id(self) -> int:
        return self._site.store.next("accounts", FIRST_ID)

    def by_username(self, name: str) -> Account | None:
        """The account that logs in with this name."""
        return self._by_name.get(name)

    def login(self, name: str, password: str) -> User | None:
        """The user behind Basic credentials, None if they are wrong or it is inactive."""
        account = self.by_username(name)
        if account is None or not account.active or not account.accepts(password):
            return None
        return self._site.user(account)

    def candidates(self, text: str) -> list[Account]:
        """Accounts, active or not, that an identifier of REST or ssh may mean."""
        text = text.strip()
        if text.isdigit() and int(text) in self.by_id:
            return [self.by_id[int(text)]]
        if text in self._by_name:
            return [self._by_name[text]]
        match = re.search(r"<([^>]+)>$", text)
        mail = match[1] if match else text
        found = [a for a in self.by_id.values() if mail in a.emails]
        if found or "@" in text:
            return found
        return [a for a in self.by_id.values() if (a.name or "").lower() == text.lower()]

    def resolve(self, text: str, user: User) -> Account:
        """The one account an identifier means; Refusal 404 (403 for a stranger's self)."""
        if text in ("self", "me"):
            if user.account is None:
                raise Refusal(403, f"Resolving account '{text}' requires login")
            return user.account
        found = self.candidates(text)
        active = [a for a in found if a.active or text == str(a.id)]
        if active:
            return active[0]
        if found:
            rows = "".join(f"\n{a.id}: {a.label()}" for a in found)
            raise Refusal(
                404,
                f"Account '{text}' only matches inactive accounts. To use an inactive account, "
                f"retry with one of the following exact account IDs:{rows}",
            )
        raise Refusal(404, f"Account '{text}' not found")

    def resolve_input(self, text: str, user: User) -> Account:
        """The same for an account named inside a request: 422 instead of 404."""
        try:
            return self.resolve(text, user)
        except Refusal as refusal:
            raise unprocessable(refusal.text) from None

    def create(self, username: str, fields: dict, user: User) -> Account:
        """Make an account from an AccountInput; a bad key is refused after it exists."""
        if any(name.lower() == username.lower() for name in self._by_name):
            raise conflict("account exists")
        if not _USERNAME.fullmatch(username):
            raise bad_request(f"Invalid username '{username}'")
        email = fields.get("email")
        groups = [self._site.groups.require_input(g) for g in fields.get("groups") or []]
        account = Account(self.next_id(), username, fields.get("name") or None)
        if email:
            check_email(email)
        if email and any(email in a.emails for a in self.by_id.values()):
            raise unprocessable(f"email '{email}' already exists")
        account.email, account.emails = email, [email] if email else []
        account.registered = time.time()
        if fields.get("http_password"):
            account.set_token("legacy", fields["http_password"])
        self.save(account)
        for group in groups:
            self._site.groups.change_members(group, user, add=[account.id])
        if fields.get("ssh_key"):
            self.add_key(account, fields["ssh_key"])
        return account

    def add_key(self, account: Account, text: str) -> int:
        """Add a public key, or find it; its sequence number."""
        text = text.strip()
        encoded = parse_key(text)[1]
        for seq, known in account.keys.items():
            if known.split()[1] == encoded:
                return seq
        seq = max(account.keys, default=0) + 1
        account.keys[seq] = text
        self.save(account)
        return seq

    def tags(self, account: Account) -> list[str]:
        service = self._site.groups.by_name("Service Users")
        return ["SERVICE_USER"] if service and account.id in service.members else []

    def info(self, account: Account, detailed: bool = True) -> dict:
        """AccountInfo; only the id unless detailed."""
        if not detailed:
            return {"_account_id": account.id}
        return account.info(self.tags(account))
