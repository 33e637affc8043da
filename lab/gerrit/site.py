"""The one model behind HTTP, ssh and git: everything on one root directory."""

from __future__ import annotations

import os
import time
from pathlib import Path

from .accounts import Accounts
from .calllog import CallLog
from .defaults import ALL_PROJECTS, ALL_USERS, DEFAULT_GROUPS
from .events import Events
from .faults import Faults
from .groups import Groups
from .model import Account, Group, Project, User
from .permissions import Permissions
from .projectconfig import groups_file
from .repo import CONFIG_REF, Ident, Repo
from .store import Store

SERVER = ("Gerrit Code Review", "root@localhost")


class Site:
    """A site on disk: ``git/`` with bare repositories, ``state.db``, ``calls.jsonl``.

    The last two are in ``data``, by default the same directory.
    """

    def __init__(self, root: Path, data: Path | None = None):
        self.root = root
        data = data or root
        self.git_dir = root / "git"
        self.git_dir.mkdir(parents=True, exist_ok=True)
        self.http_url = ""
        self.ssh_host, self.ssh_port = "127.0.0.1", 0
        self.lock_wait = 0.5
        self.max_comments, self.cumulative_comment_size_limit = 5000, 3 << 20
        self.store = Store(data / "state.db")
        self.calls = CallLog(data / "calls.jsonl")
        self.faults = Faults(self)
        self.events = Events(self)
        self.permissions = Permissions(self)
        self.users: dict[int, User] = {}
        self.index_frozen = False
        self.projects: dict[str, Project] = {}
        self.creating: set[str] = set()
        self._aliases: dict[str, Project] = {}
        self._load_projects()
        self.accounts = Accounts(self)
        self.groups = Groups(self)
        from .changes import Changes  # the one module that needs all of the above

        self.changes = Changes(self)
        if "All-Projects" not in self.projects:
            self._initialise()
        self._load_index()

    @property
    def all_projects(self) -> Project:
        return self.projects["All-Projects"]

    @property
    def all_users(self) -> Project:
        return self.projects["All-Users"]

    # --- start ---

    def _load_projects(self) -> None:
        for folder, folders, _ in os.walk(self.git_dir):
            repos = [f for f in folders if f.endswith(".git")]
            for name in repos:
                path = Path(folder, name)
                if (path / "HEAD").exists():
                    full = str(path.relative_to(self.git_dir)).removesuffix(".git")
                    self.projects[full] = Project(full, Repo.load(path))
            folders[:] = [f for f in folders if not f.endswith(".git")]

    def _initialise(self) -> None:
        for name in ("All-Projects", "All-Users"):
            repo = Repo.create(self.git_dir / f"{name}.git", CONFIG_REF)
            self.projects[name] = Project(name, repo)
        uuids = {"global:Anonymous-Users": "Anonymous Users"}
        uuids |= {
            "global:Project-Owners": "Project Owners",
            "global:Registered-Users": "Registered Users",
        }
        internal = {}
        for name, description, visible in DEFAULT_GROUPS:
            group = Group(os.urandom(20).hex(), self.store.next("groups", 1), name, description)
            internal[name] = group.uuid
            group.owner, group.created = internal["Administrators"], time.time()
            group.visible_to_all = visible
            self.groups.save(group, None, f"Create group {name}")
        rows = {uuid: name for name, uuid in internal.items()} | uuids
        for project, text in ((self.all_projects, ALL_PROJECTS), (self.all_users, ALL_USERS)):
            used = {u: n for u, n in rows.items() if f"group {n}\n" in text}
            files = {"project.config": text, "groups": groups_file(used)}
            self.commit_files(project, CONFIG_REF, None, "Initialized the stand-in", files)

    def bootstrap(self, password: str, ssh_key: str | None, token: str = "legacy") -> Account:  # noqa: S107
        """The first administrator, made once, its password and key kept up to date."""
        admin = self.accounts.by_username("admin")
        if admin is None:
            admin = Account(self.accounts.next_id(), "admin", "Administrator", "admin@example.com")
            admin.emails, admin.registered = ["admin@example.com"], time.time()
        admin.set_token(token, password)
        self.accounts.save(admin)
        if ssh_key:
            self.accounts.add_key(admin, ssh_key)
        group = self.groups.by_name("Administrators")
        self.groups.change_members(group, None, add=[admin.id])
        return admin

    def _load_index(self) -> None:
        """What was not flushed before a kill is missing from searches until it changes."""
        known = self.store.get("index", "projects")
        if known is not None:
            for name, project in self.projects.items():
                project.indexed = name in known
        self._flush_index()

    def _flush_index(self) -> None:
        names = [name for name, project in self.projects.items() if project.indexed]
        self.store.put("index", "projects", names)

    def close(self) -> None:
        """End in good order."""
        self._flush_index()
        self.calls.close()
        self.store.close()

    # --- users ---

    def user(self, account: Account | None) -> User:
        """The caller for an account (None: anonymous), with its groups as of now."""
        key = account.id if account else 0
        if key not in self.users:
            self.users[key] = User(account, self.groups.of_account(account))
        return self.users[key]

    def refresh(self, user: User) -> User:
        """The same caller with its groups as of now."""
        return self.user(user.account)

    # --- projects ---

    def project(self, name: str) -> Project | None:
        """A project by name, also one whose repository appeared under the server's feet."""
        found = self.projects.get(name)
        if found is None and name not in self.creating:
            path = self.git_dir / f"{name}.git"
            if name and not name.endswith("/") and os.path.exists(path / "HEAD"):
                found = self.projects[name] = Project(name, Repo.load(path))
                found.listed = False
        return found

    def chain(self, project: Project) -> list[Project]:
        """A project and its parents up to All-Projects; a cycle ends there too."""
        root = self.all_projects
        found, seen = [project], {project.name}
        while project is not root:
            parent = self._parent(project)
            if parent is None or parent.name in seen:
                parent = root
            found.append(parent)
            seen.add(parent.name)
            project = parent
        return found

    def _parent(self, project: Project) -> Project | None:
        name = project.config.parent or project.parent_hint or "All-Projects"
        found = self.projects.get(name) or self._aliases.get(name)
        plain = self.projects.get(name.removesuffix(".git"))
        if found is None and plain is not None:
            # Another name of the same repository: the real server takes it for a project.
            found = self._aliases[name] = Project(name, plain.repo)
        return found

    def parent_name(self, project: Project) -> str:
        """The configured parent's name, empty for All-Projects itself."""
        if project.name == "All-Projects":
            return ""
        return project.config.parent or "All-Projects"

    def reads_ref(self, user: User, project: Project, ref: str) -> bool:
        """Whether a ref is visible; a change's refs are as visible as the change."""
        if ref.startswith("refs/changes/"):
            number = ref.split("/")[3]
            change = self.changes.get(int(number)) if number.isdigit() else None
            if change is None:
                return self.permissions.is_admin(user)
            return self.changes.sees(user, change)
        return self.permissions.reads(user, project, ref)

    def freeze_index(self, frozen: bool) -> None:
        """Whether new projects stay out of what searches find."""
        self.index_frozen = frozen
        if not frozen:
            for project in self.projects.values():
                project.indexed = True

    # --- refs and commits ---

    def server_ident(self) -> Ident:
        return Ident(*SERVER, int(time.time()))

    def move_ref(self, project: Project, ref: str, new: str, by: Account | None) -> None:
        """Set or delete a ref and tell listeners; repo.LockFailure if it is locked."""
        old = project.repo.refs.get(ref)
        project.repo.update_ref(ref, new)
        if ref == CONFIG_REF:
            self.permissions.forget()
            project.indexed = project.indexed or not self.index_frozen
        self.events.ref_updated(project, by, ref, old, new)

    def commit_files(
        self,
        project: Project,
        ref: str,
        user: User | None,
        message: str,
        files: dict[str, str],
        replace: bool = False,
    ) -> bool:
        """Commit text files (empty text removes one) on a ref; whether anything changed."""
        repo = project.repo
        old = repo.refs.get(ref)
        tree = repo.files(repo.commit(old).tree) if old and not replace else {}
        for path, text in files.items():
            tree.pop(path, None)
            if text:
                tree[path] = (0o100644, repo.write(b"blob", text.encode()))
        root = repo.write_tree(tree)
        if old and not replace and repo.commit(old).tree == root:
            return False
        account = user.account if user else None
        author = account.ident() if account else self.server_ident()
        parents = [old] if old else []
        commit = repo.write_commit(root, parents, author, self.server_ident(), message + "\n")
        self.move_ref(project, ref, commit, account)
        return True
