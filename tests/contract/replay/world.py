"""Everything a replay needs around one server: users, their keys, projects, groups, repositories.

Set-up goes through public REST and git only, so that it is the same on any server.
"""

from __future__ import annotations

import dataclasses
import json
import secrets
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from replay.placeholders import Bindings
from replay.repository import ADMIN, LocalRepository, new_change_id
from replay.servers import Server
from replay.transport import Answer, Run, Ssh, git, http_call

ADMINISTRATORS = "Administrators"
# The grants that the recordings were made with, beyond those of a new site.
_FORCE = ("push",)
_ON_ALL = (
    "create",
    "createTag",
    "forgeAuthor",
    "forgeCommitter",
    "forgeServerAsCommitter",
    "pushMerge",
    "push",
)
_ON_CONFIG = ("read", "create", "push")


class SetupError(AssertionError):
    """A call that prepares a replay was refused: the replay would prove nothing."""


@dataclasses.dataclass
class User:
    """A user of the server; `key` is the path of the private ssh key."""

    name: str
    password: str
    key: Path


class World:
    """One server, its users and what was made on it."""

    def __init__(self, server: Server, root: Path) -> None:
        self.server = server
        self.root = root
        self.home = root / "home"
        self.home.mkdir(parents=True)
        self.bindings = Bindings(server.placeholders())
        self.ssh_client = Ssh(server.ssh_host, server.ssh_port, self.home)
        address = f"[{server.ssh_host}]:{server.ssh_port}"
        known = "".join(f"{address} {key}\n" for key in server.ssh_host_keys)
        (self.home / "known_hosts").write_text(known, encoding="ascii")
        admin = User("admin", server.admin_password, server.admin_ssh_key)
        self.users = {"admin": dataclasses.replace(admin, name=server.admin_user)}
        self._repositories: dict[str, LocalRepository] = {}
        self.remembered: dict[str, Any] = {}

    # Calls

    def rest(
        self,
        method: str,
        path: str,
        data: Any = None,
        *,
        user: str = "admin",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        password: str | None = None,
    ) -> Answer:
        """One REST call; `data` is sent as JSON, `user` "anonymous" sends no credentials."""
        headers = dict(headers or {})
        if data is not None:
            body = json.dumps(data).encode()
            headers.setdefault("Content-Type", "application/json; charset=UTF-8")
        login = None
        if user in self.users:
            login = (self.users[user].name, password or self.users[user].password)
        elif user != "anonymous":
            login = (user, password or secrets.token_hex(8))
        return http_call(
            self.server.http_url, method, path, login=login, body=body, headers=headers
        )

    def must(self, method: str, path: str, data: Any = None, *, user: str = "admin") -> Any:
        """A set-up call that has to succeed; returns its JSON."""
        answer = self.rest(method, path, data, user=user)
        if answer.status >= 300:
            raise SetupError(f"set-up {method} {path}: {answer.status} {answer.text.strip()}")
        return answer.data

    def ssh(
        self, command: str, *, user: str = "admin", stdin: str = "", timeout: float = 60
    ) -> Run:
        """One command over ssh with the user's own key (unknown users: the admin's key)."""
        who = self.users.get(user)
        key = who.key if who else self.users["admin"].key
        name = who.name if who else user
        return self.ssh_client.run(name, key, command, stdin=stdin, timeout=timeout)

    # Users, groups, projects

    def new_key(self, name: str) -> Path:
        """A new ed25519 key; its public half is at `.pub`."""
        path = self.root / f"key-{name}"
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return path

    def public_key(self, name: str) -> str:
        """The base64 part of a public key that belongs to `name`; made when first asked for."""
        path = self.root / f"key-{name}"
        if not path.exists():
            self.new_key(name)
        return path.with_suffix(".pub").read_text(encoding="ascii").split()[1]

    def add_user(self, name: str, *, groups: tuple[str, ...] = ()) -> None:
        """Make account `name` with an e-mail address, a password and an ssh key."""
        key = self.new_key(name)
        public = key.with_suffix(".pub").read_text(encoding="ascii")
        user = User(name, secrets.token_urlsafe(16), key)
        account = {
            "name": name.capitalize(),
            "email": f"{name}@example.com",
            "ssh_key": public,
            "http_password": user.password,
            "groups": list(groups),
        }
        if self.rest("PUT", f"/a/accounts/{name}", account).status == 409:
            self.must("PUT", f"/a/accounts/{name}/password.http", {"http_password": user.password})
            self.rest("POST", f"/a/accounts/{name}/sshkeys", body=public.encode())
        self.users[name] = user

    def grant(self, project: str, ref: str, permission: str, rules: dict[str, Any]) -> None:
        """Add rules (`{group: {"action": ...}}`) to one permission of one ref."""
        permissions = {permission: {"rules": rules}}
        self.must(
            "POST",
            f"/a/projects/{quote(project, safe='')}/access",
            {"add": {ref: {"permissions": permissions}}},
        )

    def grant_administrators(self) -> None:
        """Give Administrators what the recordings took for granted."""
        uuid = self.group_uuid(ADMINISTRATORS)

        def rules(name: str) -> dict[str, Any]:
            return {"rules": {uuid: {"action": "ALLOW", "force": name in _FORCE}}}

        add = {
            "refs/*": {"permissions": {name: rules(name) for name in _ON_ALL}},
            "refs/meta/config": {"permissions": {name: rules(name) for name in _ON_CONFIG}},
        }
        self.must("POST", "/a/projects/All-Projects/access", {"add": add})

    def project(self, name: str, **fields: Any) -> None:
        """Make project `name` unless it is there."""
        answer = self.rest("PUT", f"/a/projects/{quote(name, safe='')}", fields)
        if answer.status not in (201, 409):
            raise SetupError(f"project {name}: {answer.status} {answer.text.strip()}")

    def group(self, name: str, **fields: Any) -> str:
        """Make group `name` unless it is there; returns its UUID."""
        answer = self.rest("PUT", f"/a/groups/{quote(name, safe='')}", fields)
        if answer.status not in (201, 409):
            raise SetupError(f"group {name}: {answer.status} {answer.text.strip()}")
        return self.group_uuid(name)

    def group_uuid(self, name: str) -> str:
        """UUID of the group, as the placeholder `<uuid:NAME>` stands for it."""
        if name not in self.bindings.uuids:
            found = self.rest("GET", f"/a/groups/{quote(name, safe='')}")
            # A UUID that the client may choose (the group is made by the very request).
            uuid = found.data["id"] if found.status == 200 else secrets.token_hex(20)
            self.bindings.uuids[name] = uuid
        return self.bindings.uuids[name]

    def branch_commit(self, project: str, ref: str) -> str:
        """Commit id of a full ref name on the server."""
        path = f"/a/projects/{quote(project, safe='')}/branches/{quote(ref, safe='')}"
        return self.must("GET", path)["revision"]

    def use_up_change_numbers(self, until: int) -> None:
        """Make and delete changes, so that the next one gets the number `until`."""
        self.project("filler", create_empty_commit=True)
        number = 0
        while number < until - 1:
            made = self.must(
                "POST", "/a/changes/", {"project": "filler", "branch": "master", "subject": "x"}
            )
            number = made["_number"]
            self.must("DELETE", f"/a/changes/{number}")
        if number > until - 1:
            raise SetupError(f"change numbers are beyond {until}: the server is not fresh")

    def wait_for_next_second(self) -> None:
        """Return at the start of a second of the clock: Gerrit's times have whole seconds."""
        time.sleep(1 - time.time() % 1)

    # git

    def repository(self, project: str) -> LocalRepository:
        """The local repository from which pushes to `project` are made."""
        project = project.removesuffix(".git")
        if project not in self._repositories:
            folder = self.root / "repositories" / quote(project, safe="")
            self._repositories[project] = LocalRepository(folder, self.home)
        return self._repositories[project]

    def git(
        self,
        arguments: list[str],
        project: str,
        *,
        user: str = "admin",
        timeout: float = 120,
    ) -> Run:
        """Run git in the local repository of `project` with the user's credentials."""
        who = self.users[user]
        ssh = self.ssh_client.options(who.name, who.key)
        return git(
            arguments,
            home=self.home,
            cwd=self.repository(project).path,
            login=(who.name, who.password),
            ssh_command=" ".join(["ssh", *ssh]),
            timeout=timeout,
        )

    def url(self, project: str, transport: str = "http") -> str:
        """URL of a project's repository for logged-in git."""
        path = quote(project)
        if transport == "ssh":
            return f"ssh://{self.server.ssh_host}:{self.server.ssh_port}/{path}"
        return f"{self.server.http_url}/a/{path}"

    def push(
        self,
        project: str,
        refspecs: str,
        *,
        options: str = "",
        transport: str = "http",
        user: str = "admin",
    ) -> Run:
        """`git push OPTIONS URL REFSPECS` from the local repository of `project`."""
        # Options stand before the URL; `-o value` belongs to push, not to git.
        command = ["push", *options.split(), self.url(project, transport), *refspecs.split()]
        return self.git(command, project, user=user)

    def must_push(self, project: str, refspecs: str, *, user: str = "admin") -> None:
        """A set-up push that has to succeed."""
        run = self.push(project, refspecs, user=user)
        if run.exit:
            raise SetupError(f"set-up push {refspecs} to {project}:\n{run.stderr}")

    def fetch(self, project: str, ref: str, local: str) -> str | None:
        """Fetch `ref` of the server into `local`; returns its commit, None when it is not there."""
        run = self.git(["fetch", "--quiet", self.url(project), f"+{ref}:{local}"], project)
        return self.repository(project).resolve(local) if run.exit == 0 else None

    def commit_change(
        self,
        project: str,
        ref: str,
        subject: str,
        files: dict[str, str],
        *,
        parents: tuple[str, ...] = ("refs/heads/master",),
        change_id: str | None = None,
        body: str = "",
        author: str = ADMIN,
    ) -> str:
        """Commit `files` locally with a Change-Id, which is returned."""
        change_id = change_id or new_change_id()
        message = f"{subject}\n\n{body}Change-Id: {change_id}\n"
        repository = self.repository(project)
        repository.commit(ref, files, parents=parents, message=message, author=author)
        return change_id

    def commit_config(
        self, project: str, files: dict[str, str], ref: str = "refs/heads/cfg"
    ) -> str:
        """Commit `files` on top of the server's refs/meta/config, locally at `ref`."""
        base = self.fetch(project, "refs/meta/config", "refs/remotes/config")
        parents = [base] if base else []
        repository = self.repository(project)
        return repository.commit(ref, files, parents=parents, message="Update ACL\n")
