"""Local repositories from which the replayed pushes are made, built with git fast-import."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from replay.transport import git

ADMIN = "Administrator <admin@example.com>"


def new_change_id() -> str:
    """A Change-Id that nothing has used: `I` and 40 hexadecimal digits."""
    return "I" + secrets.token_hex(20)


class LocalRepository:
    """A bare local repository; refs are full names, files map a path to text or bytes."""

    def __init__(self, path: Path, home: Path) -> None:
        self.path = path
        self.home = home
        if not path.exists():
            path.mkdir(parents=True)
            self.git("init", "--quiet", "--bare", "--initial-branch=master", ".")

    def git(self, *arguments: str, stdin: str = "") -> str:
        """Run git here; returns stdout without its last newline, raises on a bad exit."""
        run = git(list(arguments), home=self.home, cwd=self.path, stdin=stdin)
        if run.exit:
            raise RuntimeError(f"git {' '.join(arguments)} in {self.path}: {run.stderr}")
        return run.stdout.rstrip("\n")

    def resolve(self, ref: str) -> str:
        """Commit id of `ref`."""
        return self.git("rev-parse", "--verify", ref)

    def commit(
        self,
        ref: str,
        files: dict[str, str | bytes],
        *,
        parents: tuple[str, ...] | list[str] = (),
        message: str = "Change\n",
        author: str = ADMIN,
        committer: str | None = None,
        keep: bool = True,
    ) -> str:
        """Make one commit with `files` on top of `parents` (none: a root commit) at `ref`.

        `keep`: False makes `files` the whole tree. Returns the commit id.
        """
        commits = [self.resolve(f"{parent}^{{commit}}") for parent in parents]
        script = _Script()
        script.commit(ref, files, commits, message, author, committer or author, keep)
        self._import(script)
        return self.resolve(ref)

    def series(self, ref: str, count: int, *, parent: str | None = None, stem: str = "n") -> str:
        """Make `count` commits without Change-Id at `ref`, each changing one file."""
        script = _Script()
        base = [self.resolve(parent)] if parent else []
        for number in range(count):
            files = {f"{stem}{number % 7}": f"{number}\n"}
            script.commit(ref, files, base, f"Commit {number}\n", ADMIN, ADMIN, True)
            base = []
        self._import(script)
        return self.resolve(ref)

    def raw_object(self, kind: str, content: bytes) -> str:
        """Write an object as it is, without checks (for pushes that must be refused)."""
        path = self.path / "raw"
        path.write_bytes(content)
        return self.git("hash-object", "-t", kind, "-w", "--literally", str(path))

    def _import(self, script: _Script) -> None:
        self.git("fast-import", "--quiet", "--force", "--date-format=raw", stdin=script.text())


class _Script:
    """A fast-import stream; text only, files are given inline."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def commit(self, ref, files, parents, message, author, committer, keep) -> None:
        now = f"{int(time.time())} +0000"
        self.parts += [f"commit {ref}\nauthor {author} {now}\ncommitter {committer} {now}\n"]
        self.parts += [_data(message)]
        # A root commit on a ref that fast-import knows already would continue it.
        for keyword, parent in zip(["from"] + ["merge"] * 9, parents, strict=False):
            self.parts.append(f"{keyword} {parent}\n")
        if not keep:
            self.parts.append("deleteall\n")
        for path, content in files.items():
            text = content.decode() if isinstance(content, bytes) else content
            self.parts.append(f"M 100644 inline {path}\n{_data(text)}")

    def text(self) -> str:
        return "".join(self.parts)


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"
