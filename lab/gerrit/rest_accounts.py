"""REST: accounts, their keys, passwords, e-mails and capabilities."""

from __future__ import annotations

import re
import secrets

from .accounts import check_email, key_info, parse_key
from .errors import Refusal, bad_request, conflict, forbidden, not_found
from .model import Account, timestamp
from .rest import Call, Reply, route
from .wording import words

BASE = "accounts/{account}"
_ADMIN = words(
    "viewQueue killTask readAs deleteGroup flushCaches modifyAccount viewAllAccounts "
    "administrateServer createAccount viewPlugins viewSecondaryEmails createGroup "
    "maintainServer runGC streamEvents viewConnections createProject viewCaches "
    "emailReviewers viewAccess"
)


def account_of(call: Call) -> Account:
    return call.site.accounts.resolve(call.args["account"], call.user)


def modifiable(call: Call) -> Account:
    """The account, for its owner or one who may modify accounts."""
    account = account_of(call)
    mine = account.id == call.user.id
    if not mine and not call.site.permissions.capability(call.user, "modifyAccount"):
        raise forbidden("modify account not permitted")
    return account


@route("PUT", BASE, anonymous=False)
def put_account(call: Call) -> Reply:
    site, name = call.site, call.args["account"]
    if not site.permissions.capability(call.user, "createAccount"):
        raise forbidden("create account not permitted")
    data = call.body(username=str, name=str, email=str, ssh_key=str, http_password=str, groups=list)
    if data.get("username") and data["username"] != name:
        raise bad_request("username must match URL")
    account = site.accounts.create(name, data, call.user)
    return Reply(201, site.accounts.info(account))


@route("GET", BASE)
def get_account(call: Call) -> dict:
    return call.site.accounts.info(account_of(call))


@route("GET", f"{BASE}/detail")
def get_detail(call: Call) -> dict:
    account = account_of(call)
    info = call.site.accounts.info(account)
    order = ("_account_id", "name", "email")
    found = {"registered_on": timestamp(account.registered)}
    found |= {key: info[key] for key in order if key in info}
    found["secondary_emails"] = [e for e in account.emails if e != account.email]
    return {**found, **{k: v for k, v in info.items() if k not in order}}


@route("GET", "accounts")
def query(call: Call) -> list[dict]:
    suggest, text = call.has("suggest"), call.option("q") or ""
    options = {o.upper() for o in call.options("o")}
    found = [a for a in _sorted(call) if a.active and _matches(a, text, suggest)]
    limit = call.number("n", "limit") or (10 if suggest else 500)
    start = call.number("S", "start")
    rows = []
    for account in found[start : start + limit]:
        detailed = suggest or bool(options & {"DETAILS", "ALL_EMAILS"})
        info = call.site.accounts.info(account, detailed)
        if suggest:
            info["secondary_emails"] = [e for e in account.emails if e != account.email]
        rows.append(info)
    rows.sort(key=_by_shown_name)
    if rows and len(found) > start + limit and not suggest:
        rows[-1]["_more_accounts"] = True
    return rows


def _sorted(call: Call) -> list[Account]:
    accounts = call.site.accounts.by_id.values()
    return sorted(accounts, key=lambda a: (a.name or "", a.email or "", a.id))


def _by_shown_name(info: dict) -> tuple:
    return info.get("name", ""), info.get("email", ""), info["_account_id"]


def _matches(account: Account, text: str, suggest: bool) -> bool:
    if suggest and not account.email:
        return False
    for word in text.split():
        key, colon, value = word.partition(":")
        if colon:
            tests = {
                "is": value == "active",
                "username": account.username == value,
                "email": value in account.emails,
                "name": value.lower() in (account.name or "").lower(),
            }
            if not tests.get(key, False):
                return False
            continue
        words = re.split(r"[\s@._-]+", f"{account.shown_name} {' '.join(account.emails)}")
        words += [account.username or "", *account.emails, str(account.id)]
        if not any(w.lower().startswith(word.lower()) for w in words if w):
            return False
    return bool(text) or not suggest


@route("GET", f"{BASE}/groups")
def groups(call: Call) -> list[dict]:
    account = account_of(call)
    found = call.site.groups.of_account(account)
    visible = [
        u
        for u in found
        if u not in call.site.groups.by_uuid
        or call.site.groups.sees(call.user, call.site.groups.by_uuid[u])
    ]
    return [call.site.groups.info(u) for u in sorted(visible)]


@route("GET", f"{BASE}/capabilities", anonymous=False)
def capabilities(call: Call) -> dict:
    user = call.site.user(account_of(call))
    may = call.site.permissions
    names = [n for n in _ADMIN if n == "emailReviewers" or may.capability(user, n)]
    found: dict = dict.fromkeys(names, True)
    found["queryLimit"] = {"min": 0, "max": 500}
    if may.is_batch(user):
        found["priority"] = "BATCH"
    return found


@route("GET", f"{BASE}/name")
def get_name(call: Call) -> str:
    return account_of(call).name or ""


@route("PUT", f"{BASE}/name", anonymous=False)
def put_name(call: Call) -> str:
    account = modifiable(call)
    account.name = call.body(name=str).get("name") or None
    call.site.accounts.save(account)
    return account.name or ""


@route("PUT", f"{BASE}/username", anonymous=False)
def put_username(call: Call) -> Reply:
    account = modifiable(call)
    if account.username:
        raise Refusal(405, "Username cannot be changed.")
    account.username = call.body(username=str).get("username")
    call.site.accounts.save(account)
    return Reply(200, account.username)


@route("GET", f"{BASE}/username")
def get_username(call: Call) -> str:
    return account_of(call).username or ""


# --- active ---


@route("GET", f"{BASE}/active", anonymous=False)
def get_active(call: Call) -> Reply:
    return Reply(200, "ok") if account_of(call).active else Reply(204)


@route("PUT", f"{BASE}/active", anonymous=False)
def put_active(call: Call) -> Reply:
    account = modifiable(call)
    was = account.active
    account.active = True
    call.site.accounts.save(account)
    return Reply(200 if was else 201, "")


@route("DELETE", f"{BASE}/active", anonymous=False)
def delete_active(call: Call) -> Reply:
    account = modifiable(call)
    if account.id == call.user.id:
        raise conflict("cannot deactivate own account")
    if not account.active:
        raise conflict("account not active")
    account.active = False
    call.site.accounts.save(account)
    return Reply(204)


# --- ssh keys ---


@route("GET", f"{BASE}/sshkeys", anonymous=False)
def keys(call: Call) -> list[dict]:
    account = modifiable(call)
    return [key_info(seq, text) for seq, text in sorted(account.keys.items())]


@route("POST", f"{BASE}/sshkeys", anonymous=False)
def add_key(call: Call) -> Reply:
    account = modifiable(call)
    text = call.payload.decode("utf-8", "replace").strip()
    parse_key(text)
    seq = call.site.accounts.add_key(account, text)
    return Reply(201, key_info(seq, account.keys[seq]))


def _key(call: Call) -> tuple[Account, int]:
    account, text = modifiable(call), call.args["seq"]
    if not text.isdigit() or int(text) not in account.keys:
        raise not_found(text)
    return account, int(text)


@route("GET", f"{BASE}/sshkeys/{{seq}}", anonymous=False)
def get_key(call: Call) -> dict:
    account, seq = _key(call)
    return key_info(seq, account.keys[seq])


@route("DELETE", f"{BASE}/sshkeys/{{seq}}", anonymous=False)
def delete_key(call: Call) -> Reply:
    account, seq = _key(call)
    del account.keys[seq]
    call.site.accounts.save(account)
    return Reply(204)


# --- passwords and tokens ---


@route("PUT", f"{BASE}/password.http", anonymous=False)
def put_password(call: Call) -> Reply:
    account = modifiable(call)
    data = call.body(http_password=str, generate=bool)
    secret = data.get("http_password") or ""
    if data.get("generate"):
        secret = secrets.token_urlsafe(33)
    if not secret:
        return _drop_password(call, account)
    account.set_token("default", secret)
    call.site.accounts.save(account)
    return Reply(201, secret)


@route("DELETE", f"{BASE}/password.http", anonymous=False)
def delete_password(call: Call) -> Reply:
    return _drop_password(call, modifiable(call))


def _drop_password(call: Call, account: Account) -> Reply:
    # The real server answers so and keeps the tokens: they go one by one through /tokens/.
    del account
    return Reply(204)


@route("GET", f"{BASE}/tokens", anonymous=False)
def tokens(call: Call) -> list[dict]:
    return [{"id": name} for name in sorted(modifiable(call).tokens)]


@route("PUT", f"{BASE}/tokens/{{token}}", anonymous=False)
def put_token(call: Call) -> Reply:
    account, name = modifiable(call), call.args["token"]
    if name in account.tokens:
        raise conflict(f"A token with id {name} already exists.")
    secret = secrets.token_urlsafe(33)
    account.set_token(name, secret)
    call.site.accounts.save(account)
    return Reply(201, {"id": name, "token": secret})


@route("DELETE", f"{BASE}/tokens/{{token}}", anonymous=False)
def delete_token(call: Call) -> Reply:
    account, name = modifiable(call), call.args["token"]
    if name not in account.tokens:
        raise not_found(name)
    del account.tokens[name]
    call.site.accounts.save(account)
    return Reply(204)


# --- e-mails ---


@route("GET", f"{BASE}/emails", anonymous=False)
def emails(call: Call) -> list[dict]:
    account = modifiable(call)
    return [_email(account, e) for e in sorted(account.emails)]


def _email(account: Account, email: str) -> dict:
    preferred = {"preferred": True} if email == account.email else {}
    return {"email": email, **preferred}


@route("PUT", f"{BASE}/emails/{{email}}", anonymous=False)
def put_email(call: Call) -> Reply:
    account, email = modifiable(call), call.args["email"]
    data = call.body(no_confirmation=bool, preferred=bool)
    if email in account.emails:
        raise conflict(f"email {email} already exists")
    check_email(email)
    account.emails.append(email)
    if data.get("preferred") or not account.email:
        account.email = email
    call.site.accounts.save(account)
    return Reply(201, _email(account, email))
