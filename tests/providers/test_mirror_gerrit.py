"""The mirror fed by Gerrit over HTTP, and the stream that says when: stand-in or real."""

import asyncio
import threading

import pytest

from saltern.stream import StreamSettings, hints
from tests.providers.gerrit_fixtures import q
from tests.providers.mirror_source import Mirror, git_refs


@pytest.fixture
def project(review):
    """Return a project with a first commit."""
    name = f"mirrored/{review.name()}"
    review.rest("PUT", f"/projects/{q(name)}", {"create_empty_commit": True})
    return name


def branches_and_tags(review, name):
    """Return Gerrit's refs as ``git ls-remote`` gives them."""
    listed = review.git("ls-remote", "--refs", "--heads", "--tags", f"{{URL}}/{name}")
    return {ref: sha for sha, ref in (line.split() for line in listed.splitlines())}


def signed_in(review, root):
    """Return a mirror that fetches as the administrator."""
    return Mirror(root, f"{review.url}/a", username=review.user, password=review.password)


def test_gerrit_project_is_mirrored(review, project, tmp_path):
    """Branches and tags made by REST arrive; refs/meta/config and changes do not."""
    review.rest("PUT", f"/projects/{q(project)}/branches/stable", {"revision": "master"})
    review.rest("PUT", f"/projects/{q(project)}/tags/v1", {"revision": "master", "message": "one"})
    mirror = signed_in(review, tmp_path / "mirror")
    outcome = mirror.one(project)
    assert outcome.ok, outcome.reason
    assert git_refs(mirror.path(project)) == branches_and_tags(review, project)
    assert len(git_refs(mirror.path(project))) == 3


def test_branch_deleted_on_gerrit_leaves_the_mirror(review, project, tmp_path):
    """A second run follows what happened on Gerrit since."""
    review.rest("PUT", f"/projects/{q(project)}/branches/gone", {"revision": "master"})
    mirror = signed_in(review, tmp_path / "mirror")
    assert mirror.one(project).ok
    review.rest("DELETE", f"/projects/{q(project)}/branches/gone")
    review.rest("PUT", f"/projects/{q(project)}/branches/gone%2Fdeeper", {"revision": "master"})
    assert mirror.one(project).ok
    assert git_refs(mirror.path(project)) == branches_and_tags(review, project)


def test_anonymous_fetch_of_a_readable_project_works(review, project, tmp_path):
    """Without credentials, what everybody may read is mirrored."""
    outcome = Mirror(tmp_path / "mirror", review.url).one(project)
    assert outcome.ok, outcome.reason


def test_project_without_a_branch_is_mirrored_empty(review, tmp_path):
    """A project without content is no failure of the mirror."""
    name = review.name()
    review.rest("PUT", f"/projects/{q(name)}", {})
    assert signed_in(review, tmp_path / "mirror").one(name).evidence == {"refs": 0}


@pytest.mark.parametrize("signed", [True, False], ids=["signed-in", "anonymous"])
def test_project_gerrit_does_not_have_fails_with_its_words(review, tmp_path, signed):
    """A missing project is a plain failure, not an endless retry or an empty mirror."""
    make = signed_in if signed else lambda r, root: Mirror(root, r.url)
    mirror = make(review, tmp_path / "mirror")
    outcome = mirror.one("never/made")
    assert outcome.status == "failed"
    assert outcome.code in ("source-401", "source-403", "source-404")
    assert not mirror.path("never/made").exists()


def test_wrong_password_fails_as_unauthorized(review, project, tmp_path):
    """Gerrit's 401 reaches the outcome."""
    mirror = Mirror(tmp_path / "m", f"{review.url}/a", username=review.user, password="wrong")
    assert mirror.one(project).code == "source-401"


@pytest.fixture
def stream(review):
    """Return settings for the stand-in's stream."""
    if not review.is_stand_in:
        pytest.skip("needs the stand-in's ssh port")
    running = review.process
    return StreamSettings(
        host=running.ssh_host,
        port=running.ssh_port,
        username=running.admin_user,
        key_file=str(running.admin_ssh_key),
        known_hosts=running.ssh_host_key,
        backoff=0.1,
    )


def hear(settings, cause, wanted):
    """Return hints from the first ``connected`` on, ``cause`` run then, until ``wanted``."""

    async def main():
        got, stop = [], asyncio.Event()
        async with asyncio.timeout(30):
            async for hint in hints(settings, stop):
                got.append(hint)
                if hint[0] == "connected" and len(got) == 1:
                    threading.Thread(target=cause).start()
                if wanted(got):
                    break
        return got

    return asyncio.run(main())


def test_new_project_and_branch_are_heard(review, stream):
    """What Gerrit does is a hint with the project's name."""
    name = review.name()

    def cause():
        review.rest("PUT", f"/projects/{q(name)}", {"create_empty_commit": True})

    def heard(hints_so_far):
        suffixes = {s for s, data in hints_so_far if name in data.get("projects", ())}
        return suffixes == {"config-updated", "ref-updated"}

    assert heard(hear(stream, cause, heard))


def test_cut_stream_is_found_again(review, stream):
    """A stream the server cuts is lost, then connected: the sign for a full converge."""
    got = hear(
        stream,
        lambda: review.fault("cut-streams"),
        lambda items: [s for s, _ in items].count("connected") == 2,
    )
    assert [s for s, _ in got] == ["connected", "lost", "connected"]
