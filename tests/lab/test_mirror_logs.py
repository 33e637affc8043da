"""The git mirror, the logs and the artifacts, used from another host by real clients."""

from __future__ import annotations

import gzip
import shlex
import shutil
from collections.abc import Iterator

import pytest

from lab.hosts import states
from lab.hosts.machine import Machine
from lab.saltconfig import REPOSITORY
from tests.lab.clients import until
from tests.lab.conftest import Site
from tests.lab.uploads import KEYS, SSH, TRY, Client, Done, artifact, published

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3600)]

SCRIPT = "<script>alert(1)</script>"
LINES = "".join(f"line {number}\n" for number in range(5000))


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[Client]:
    """A client on the test node, which leaves nothing behind."""
    client = Client(site, site.only("test-node"))
    for name in KEYS.values():
        client.put(name, (REPOSITORY / "pillar/dev" / name).read_bytes())
        (client.seen / name).chmod(0o600)
    yield client
    site.only("logs").call("sh", "-c", f"rm -rf /srv/logs/*/{TRY}")
    site.only("artifacts").call(
        "sh", "-c", f"rm -rf /srv/artifacts/*/{TRY}* /srv/artifacts/*/*/{TRY}*"
    )
    shutil.rmtree(client.seen)


MAKE = f"""
set -eu
rm -rf /srv/git/{TRY} /var/cache/cgit/*
mkdir -p /srv/git/.saltern /srv/git/{TRY} && cd /srv/git/{TRY}
git init --quiet --bare --initial-branch=master one.git
git -C one.git config receive.unpackLimit 1
git -C one.git config http.receivepack true
printf '%s & "quoted"' '{SCRIPT}' >one.git/description
git init --quiet --initial-branch=master ../{TRY}/work && cd work
for number in 1 2 3; do
    echo "<b>$number</b>" >file$number.html
    git add . && git -c user.name='<i>author</i>' -c user.email=author@example.org \\
        commit --quiet -m "commit $number {SCRIPT}"
    git push --quiet ../one.git master
done
cd .. && rm -rf work
"""


@pytest.fixture(scope="module")
def mirror(site: Site) -> Iterator[Machine]:
    """The mirror's host with a repository whose texts are hostile, made by the minion's account."""
    machine = site.only("git-mirror")
    machine.call("sh", "-c", MAKE)
    yield machine
    machine.call("sh", "-c", f"rm -rf /srv/git/{TRY} /srv/git/.saltern/{TRY}.git /var/cache/cgit/*")


def head(mirror: Machine) -> str:
    """Return the commit that the mirror has."""
    return mirror.call("git", "-C", f"/srv/git/{TRY}/one.git", "rev-parse", "master").stdout


def clone(client: Client, *options: str) -> list[str]:
    """Clone the repository anew; return its commits' subjects."""
    shutil.rmtree(client.seen / "clone", ignore_errors=True)
    url = client.url("git", f"{TRY}/one")
    done = client.run("git", "clone", "--quiet", *options, url, "clone")
    assert done.returncode == 0, done.stderr
    return client.run("git", "-C", "clone", "log", "--format=%s").stdout.splitlines()


# The mirror


def test_clone_over_tls_has_every_commit(client: Client, mirror: Machine) -> None:
    """Whole, shallow and partial clones; in a partial one the missing content comes later."""
    subjects = [f"commit {number} {SCRIPT}" for number in (3, 2, 1)]
    assert clone(client) == subjects
    assert clone(client, "--depth=1") == subjects[:1]
    assert clone(client, "--filter=blob:none", "--no-checkout") == subjects
    missing = client.run("git", "-C", "clone", "rev-list", "--objects", "--missing=print", "HEAD")
    assert missing.stdout.count("\n?") == 3
    assert client.run("git", "-C", "clone", "checkout", "--quiet", "master").returncode == 0
    assert (client.seen / "clone/file2.html").read_text() == "<b>2</b>\n"


def test_certificate_for_another_name_is_refused_by_the_client(
    client: Client, mirror: Machine
) -> None:
    """The mirror's certificate is good for its names only, so the client checks something."""
    resolve = ("--resolve", f"other.example.org:443:{mirror.host.address}")
    done = client.run("curl", "-sS", *resolve, "https://other.example.org/")
    assert done.returncode == 60, done.stderr


def test_push_is_refused_by_every_way(client: Client, mirror: Machine) -> None:
    """HTTPS answers 403 at both requests of a push, even for a repository whose own setting
    allows it; ssh has no account for it."""
    before = head(mirror)
    clone(client)
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    client.run("git", "-C", "clone", *who, "commit", "--quiet", "--allow-empty", "-m", "more")
    https = client.run("git", "-C", "clone", "push", "origin", "master")
    assert "403" in https.stderr
    path = f"{TRY}/one.git/git-receive-pack"
    assert client.get("git", path, "--data-binary", "0000").status == 403
    for account in ("git", "git-read", "root"):
        url = f"ssh://{account}@{client.site.lab.site.services['git']}/srv/git/{TRY}/one.git"
        environment = f"GIT_SSH_COMMAND={SSH}"
        done = client.run("env", environment, "git", "-C", "clone", "push", url, "master")
        assert "Permission denied" in done.stderr, account
    assert head(mirror) == before


def test_pages_of_cgit_show_hostile_text_as_text(client: Client, mirror: Machine) -> None:
    """Description, subject, author and content are escaped; raw content is no page."""
    for path in (f"?q={TRY}", f"{TRY}/one/log/", f"{TRY}/one/tree/file1.html"):
        page = client.get("git", path)
        assert page.status == 200
        assert page.headers["content-type"].startswith("text/html")
        text = page.body.decode()
        assert "&lt;" in text
        for tag in (SCRIPT, "<i>author", "<b>1"):
            assert tag not in text, path
    assert f"/{TRY}/one/".encode() in client.get("git", f"?q={TRY}").body
    raw = client.get("git", f"{TRY}/one/plain/file1.html")
    assert raw.headers["content-type"].startswith("text/plain")


def test_folder_of_saltern_is_not_served(client: Client, mirror: Machine) -> None:
    """Locks and half made repositories are nobody's business."""
    mirror.call("cp", "-r", f"/srv/git/{TRY}/one.git", f"/srv/git/.saltern/{TRY}.git")
    for path in ("", f"{TRY}/", f"{TRY}.git/info/refs?service=git-upload-pack"):
        assert client.get("git", f".saltern/{path}").status == 404


def test_packing_by_its_unit_leaves_the_repository_whole(client: Client, mirror: Machine) -> None:
    """The unit ends after the work: many packs have become one, and clones go on."""
    git = ("git", "-C", f"/srv/git/{TRY}/one.git")
    assert "packs: 3\n" in mirror.call(*git, "count-objects", "-v").stdout
    mirror.call(*git, "config", "gc.autoPackLimit", "1")
    mirror.call("systemctl", "start", "git-gc.service")
    assert "packs: 1\n" in mirror.call(*git, "count-objects", "-v").stdout
    assert len(clone(client)) == 3


# The logs


TYPES = {
    "job-output.txt": (LINES, "text/plain; charset=utf-8"),
    "trace": ("x\n", "text/plain; charset=utf-8"),
    "zuul.yaml": ("a: 1\n", "text/plain; charset=utf-8"),
    "data.json": ("{}\n", "application/json"),
    "report.html": (SCRIPT, "text/html"),
    "packed.log.gz": (gzip.compress(LINES.encode()), "text/plain; charset=utf-8"),
    "source.tar.gz": (gzip.compress(b"x"), "application/gzip"),
}
"""File of a build -> its content, the type that it is served as."""


def build(client: Client, name: str, account: str = "logs-jobs") -> str:
    """Upload the logs of a build; return the path below the service's root."""
    for file, (content, _) in TYPES.items():
        client.put(f"{name}/{file}", content)
    client.upload(account, f"{name}/", f"{TRY}/{name}/")
    return f"{account.removeprefix('logs-')}/{TRY}/{name}"


@pytest.mark.parametrize("account", ["logs-jobs", "logs-release"])
def test_uploaded_log_is_served_with_its_type_and_cors(client: Client, account: str) -> None:
    """The dashboard's page may read it, and no script in it runs."""
    path = build(client, "types", account)
    for file, (content, kind) in TYPES.items():
        answer = client.get("logs", f"{path}/{file}", "--compressed")
        assert (answer.status, answer.headers["content-type"]) == (200, kind), file
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["content-security-policy"].startswith("sandbox;")
        assert answer.headers["x-content-type-options"] == "nosniff"
        wanted = LINES if file == "packed.log.gz" else content
        assert answer.body == (wanted if isinstance(wanted, bytes) else wanted.encode()), file
    assert b"report.html" in client.get("logs", f"{path}/").body


def test_packed_log_is_unpacked_by_the_browser_or_the_server(client: Client) -> None:
    """Its address without .gz answers too; who takes gzip gets it, others get the text."""
    path = build(client, "packed")
    plain = client.get("logs", f"{path}/packed.log")
    assert plain.body == LINES.encode()
    assert "content-encoding" not in plain.headers
    packed = client.get("logs", f"{path}/packed.log", "-H", "Accept-Encoding: gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == LINES.encode()
    assert packed.headers["vary"] == "Accept-Encoding"


def test_uploaded_symlink_is_not_followed(client: Client) -> None:
    """A job cannot publish a file of the log host."""
    client.put("linked/log.txt", "x")
    (client.seen / "linked/passwd").symlink_to("/etc/passwd")
    (client.seen / "linked/etc").symlink_to("/etc")
    client.upload("logs-jobs", "linked/", f"{TRY}/linked/")
    path = f"jobs/{TRY}/linked"
    assert client.get("logs", f"{path}/log.txt").status == 200
    for name in ("passwd", "etc/passwd", "etc/"):
        assert client.get("logs", f"{path}/{name}").status in (403, 404), name


def test_key_of_a_context_opens_nothing_but_its_own_upload(client: Client) -> None:
    """No shell, no file transfer by other means, no forwarding, no reading, no removing."""
    build(client, "mine")
    for words in (["id"], ["-tt"], ["cat", "/etc/passwd"]):
        *ssh, remote = client.ssh("logs-jobs")
        done = client.run("timeout", "20", *ssh, remote, *words)
        assert (done.returncode != 0, done.stdout) == (True, ""), words
    *ssh, remote = client.ssh("logs-jobs")
    assert client.run("sftp", *ssh[1:], "-b", "/dev/null", remote).returncode != 0
    forward = client.run("timeout", "20", *ssh, "-W", "localhost:443", remote)
    assert "administratively prohibited" in forward.stderr
    read = client.rsync("logs-jobs", f"REMOTE:{TRY}/mine/trace", "got")
    assert "write-only" in read.stderr
    for option in ("--delete", "--remove-source-files"):
        done = client.rsync("logs-jobs", option, "linked-empty/", f"REMOTE:{TRY}/mine/")
        assert done.returncode != 0, option
    assert client.get("logs", f"jobs/{TRY}/mine/trace").status == 200


def test_key_of_a_context_writes_no_other_one(client: Client) -> None:
    """Neither another account nor a path out of the folder; nothing arrives anywhere."""
    client.put("stray/stray.txt", "x")
    for account in KEYS:
        for key in KEYS:
            if key != account:
                done = client.rsync(account, "stray/", f"REMOTE:{TRY}/", key=key)
                assert "Permission denied (publickey)" in done.stderr, (account, key)
    for target in ("../release/", f"/srv/logs/release/{TRY}/", "../../artifacts/public/"):
        assert client.rsync("logs-jobs", "stray/", f"REMOTE:{target}").returncode != 0, target
    found = client.site.only("logs").call("find", "/srv", "-name", "stray.txt").stdout
    assert found == ""


def keep(machine: Machine, folder: str, **changes: str) -> Done:
    """Run the unit with its own arguments and sandbox but for the root and ``changes``."""
    shown = machine.call("systemctl", "cat", "logs-keep.service").stdout
    command = shown.partition("ExecStart=")[2].partition("\n\n")[0].partition("\nNice")[0]
    words = command.replace("\\\n", " ").split()
    for option, value in {"root": f"/srv/logs/jobs/{TRY}/{folder}", **changes}.items():
        words[words.index(f"--{option.replace('_', '-')}") + 1] = value
    drop_in = "/run/systemd/system/logs-keep.service.d/try.conf"
    write = f"mkdir -p {drop_in.rpartition('/')[0]} && cat >{drop_in} && systemctl daemon-reload"
    machine.call("sh", "-c", write, stdin=f"[Service]\nExecStart=\nExecStart={shlex.join(words)}\n")
    try:
        return machine.call("systemctl", "start", "logs-keep.service", check=False)
    finally:
        machine.call("sh", "-c", f"rm -r {drop_in.rpartition('/')[0]} && systemctl daemon-reload")


def test_old_log_is_compressed_then_removed_by_the_unit(client: Client) -> None:
    """While it is compressed its address stays; after its time it is gone."""
    logs = client.site.only("logs")
    path = build(client, "old")
    assert keep(logs, "old", compress_after_hours="0").returncode == 0
    folder = logs.root / f"srv/logs/{path}"
    assert not (folder / "job-output.txt").exists()
    assert (folder / "job-output.txt.gz").exists()
    assert client.get("logs", f"{path}/job-output.txt").body == LINES.encode()
    assert keep(logs, "old", keep_days="0").returncode == 0
    assert client.get("logs", f"{path}/job-output.txt").status == 404
    assert logs.call("systemctl", "is-active", "logs-keep.timer").stdout == "active\n"


def test_full_disk_loses_the_oldest_log_by_the_unit(client: Client) -> None:
    """On a small disk of its own, with the limit that the pillar gives."""
    logs = client.site.only("logs")
    place = f"/srv/logs/jobs/{TRY}/small"
    client.put("small/empty", "")
    client.upload("logs-jobs", "small/", f"{TRY}/small/")
    owner = "uid=logs-jobs,gid=logs-jobs"
    logs.call("mount", "-t", "tmpfs", "-o", f"size=4m,mode=0755,{owner}", "try", place)
    try:
        for number in range(4):
            client.put(f"big/{number}", b"x" * 1000_000)
            client.upload("logs-jobs", f"big/{number}", f"{TRY}/small/")
        assert keep(logs, "small").returncode == 0
        left = logs.call("ls", place).stdout.split()
        assert left == ["1", "2", "3"]
    finally:
        logs.call("umount", place)


# The artifacts


def test_upload_of_a_protected_context_is_public_and_final(client: Client) -> None:
    """It is published by the timer; the same name with another content is refused."""
    name = f"{TRY}-1.0"
    artifact(client, "artifacts-release", name, "first")
    assert published(client, f"public/{name}/tool", by_timer=True) == b"first"
    artifact(client, "artifacts-release", name, "second")
    machine = client.site.only("artifacts")
    waiting = machine.root / f"srv/artifacts/incoming/release/{name}"
    start = ("systemctl", "start", "artifacts-publish.service")
    until(lambda: machine.call(*start, check=False) and not waiting.exists(), "it is looked at", 90)
    assert client.get("artifacts", f"public/{name}/tool").body == b"first"
    told = machine.call("journalctl", "-u", "artifacts-publish", "-n", "50").stdout
    assert f"{name} is there already, and what is published never changes" in told


def test_upload_of_an_unprotected_context_reaches_only_its_stage(client: Client) -> None:
    """Not the public part, whatever the name or the path; and nothing unpublished is served."""
    name = f"{TRY}-2.0"
    artifact(client, "artifacts-check", name, "content")
    assert published(client, f"staging/check/{name}/tool") == b"content"
    for target in (
        f"../release/{name}/",
        f"../../public/{name}/",
        f"/srv/artifacts/public/{name}/",
    ):
        done = client.rsync("artifacts-check", "artifact/", f"REMOTE:{target}")
        assert done.returncode != 0, target
    for path in (f"public/{name}/tool", "incoming/check/", ".work/"):
        assert client.get("artifacts", path).status == 404, path


# The hosts


REPAIRED = {"git": "git-mirror-site", "logs": "logs-site"}
"""Service -> state of its site."""


@pytest.mark.parametrize(
    ("role", "service", "sls", "unit"),
    [
        ("git-mirror", "git", "git_mirror", "git-http.socket"),
        ("logs", "logs", "logs", "logs-keep.timer"),
    ],
    ids=["mirror", "logs"],
)
def test_host_changed_by_hand_is_put_back(
    client: Client, role: str, service: str, sls: str, unit: str
) -> None:
    """A broken site and a stopped unit: the states repair both, say so, and touch nothing else."""
    machine = client.site.only(role)
    file = machine.root / f"etc/nginx/sites-enabled/{service}.conf"
    text = file.read_text()
    try:
        file.write_text(text.replace("listen 443 ssl;", "listen 443 ssl; return 418;"))
        machine.call("systemctl", "reload", "nginx")
        until(lambda: client.get(service, "").status == 418, "the edit is in use")
        machine.call("systemctl", "stop", unit)
        applied = states.highstate(machine, sls=sls)
        assert applied.ok, applied.failed
        changed = {row.split()[0] for row in applied.changed}
        assert changed == {REPAIRED[service], unit.partition(".")[0], "nginx"}
        assert file.read_text() == text
        until(lambda: client.get(service, "").status == 200, "the site is served")
        assert machine.call("systemctl", "is-active", unit).stdout == "active\n"
    finally:
        file.write_text(text)
        machine.call("systemctl", "reload", "nginx")


def test_reboot_brings_mirror_logs_and_artifacts_back(client: Client, mirror: Machine) -> None:
    """Nobody has to start anything: clone, pages, upload, timers."""
    logs = client.site.only("logs")
    for machine in (mirror, logs):
        machine.reboot()
        assert machine.failed_units() == []
    assert len(clone(client)) == 3
    assert client.get("git", f"{TRY}/one/log/").status == 200
    path = build(client, "reboot")
    assert client.get("logs", f"{path}/trace").body == b"x\n"
    artifact(client, "artifacts-release", f"{TRY}-3.0", "content")
    assert published(client, f"public/{TRY}-3.0/tool", by_timer=True) == b"content"
    timers = ("logs-keep.timer", "artifacts-publish.timer")
    assert logs.call("systemctl", "is-active", *timers).stdout == "active\n" * 2
