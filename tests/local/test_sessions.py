"""Log-in, refresh and log-out by the methods that plait.toml names, at a real server."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from plait.local.config import load
from plait.local.folders import Folders, write_private
from plait.local.mistake import FAILED, NOT_RUNNING, REFUSED, USAGE, Mistake
from plait.local.project import Method, Project
from plait.local.sessions import Session, SessionEnded, Sessions
from tests.people import ADMIN, EARLY, FILE, PASSWORD, People, running
from tests.ports import free_port

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def people():
    return People()


@pytest.fixture
async def project(people, tmp_path):
    async with running(people, tmp_path):
        Folders(root=tmp_path).create()
        yield load(tmp_path, {})


@pytest.fixture
def sessions(project):
    return Sessions(project, {})


async def test_a_log_in_answers_who_it_is_and_both_tokens(sessions, people):
    session = await sessions.log_in(ADMIN, PASSWORD)

    assert session.user == "users/admin"
    assert session.access_token.startswith("access-")
    assert list(people.current) == [session.refresh_token]
    assert timedelta(minutes=14) < session.expires - datetime.now(UTC) <= people.life


async def test_a_wrong_password_is_refused_with_a_sentence(sessions):
    with pytest.raises(Mistake) as refused:
        await sessions.log_in(ADMIN, "another")

    assert str(refused.value) == (
        f"the log-in as {ADMIN} was refused: the address or the password is wrong"
    )
    assert refused.value.code == REFUSED


async def test_whoever_is_locked_out_is_told_for_how_long(sessions, people):
    people.failures = EARLY

    with pytest.raises(Mistake, match=r"too many attempts; try again in 3 s$") as refused:
        await sessions.log_in(ADMIN, PASSWORD)

    assert refused.value.code == REFUSED


async def test_a_service_that_fails_is_told_with_its_status(sessions, people):
    people.broken = True

    with pytest.raises(Mistake, match=r"identity/LogIn failed with INTERNAL: ") as failed:
        await sessions.log_in(ADMIN, PASSWORD)

    assert failed.value.code == FAILED


async def test_a_service_that_is_away_is_told_with_its_address(tmp_path):
    port = free_port()
    (tmp_path / "plait.toml").write_text(FILE.format(port=port))
    away = Sessions(load(tmp_path, {}), {})
    session = Session(user="users/u1", access_token="a", expires=NOW, refresh_token="r")

    for asked in (away.log_in(ADMIN, PASSWORD), away.go_on(session), away.log_out(session)):
        with pytest.raises(
            Mistake, match=rf"identity does not answer at 127\.0\.0\.1:{port}: "
        ) as up:
            await asked

        assert up.value.code == NOT_RUNNING


async def test_the_environment_says_where_the_service_is(project, tmp_path):
    target = f"127.0.0.1:{project.service('identity').port}"
    elsewhere = dataclasses.replace(project.service("identity"), port=free_port())
    moved = dataclasses.replace(project, services=(elsewhere,))

    session = await Sessions(moved, {"PLAIT_TARGET_IDENTITY": target}).log_in(ADMIN, PASSWORD)

    assert session.user == "users/admin"


async def test_a_session_goes_on_with_new_tokens(sessions, people):
    first = await sessions.log_in(ADMIN, PASSWORD)

    second = await sessions.go_on(first)

    assert second.user == first.user
    assert second.access_token != first.access_token
    assert list(people.current) == [second.refresh_token]


async def test_a_session_that_has_ended_says_why_and_what_to_do(sessions):
    first = await sessions.log_in(ADMIN, PASSWORD)
    await sessions.go_on(first)

    with pytest.raises(SessionEnded, match=r"REFRESH_TOKEN_REUSED.*`plait login`") as ended:
        await sessions.go_on(first)

    assert ended.value.code == REFUSED


async def test_a_log_out_ends_the_session(sessions, people):
    session = await sessions.log_in(ADMIN, PASSWORD)

    await sessions.log_out(session)

    assert people.current == {}


async def test_a_log_out_that_fails_says_so(sessions, people):
    session = await sessions.log_in(ADMIN, PASSWORD)
    people.broken = True

    with pytest.raises(Mistake, match="identity/LogOut failed with INTERNAL"):
        await sessions.log_out(session)


async def test_the_admin_logs_in_with_the_secret_that_was_made(sessions, project):
    folders = Folders(root=project.root)
    write_private(folders.secret("ADMIN_PASSWORD"), f"{PASSWORD}\n")

    assert (await sessions.log_in_as_admin()).user == "users/admin"


async def test_the_admins_password_of_the_environment_goes_first(project):
    write_private(Folders(root=project.root).secret("ADMIN_PASSWORD"), "an old one")

    session = await Sessions(project, {"ADMIN_PASSWORD": PASSWORD}).log_in_as_admin()

    assert session.user == "users/admin"


async def test_an_admin_who_has_changed_the_password_is_told_how_to_log_in(project, people):
    people.password = "changed"
    sessions = Sessions(project, {"ADMIN_PASSWORD": PASSWORD})

    with pytest.raises(Mistake, match=rf"is wrong; if it was changed, `plait login {ADMIN}` asks"):
        await sessions.log_in_as_admin()


async def test_an_admin_who_is_locked_out_is_told_for_how_long(project, people):
    people.failures = EARLY

    with pytest.raises(Mistake, match=r"try again in 3 s$"):
        await Sessions(project, {"ADMIN_PASSWORD": PASSWORD}).log_in_as_admin()


async def test_before_the_secret_is_made_the_admin_cannot_log_in(sessions):
    with pytest.raises(Mistake, match="`plait up` makes it"):
        await sessions.log_in_as_admin()


async def test_without_a_named_admin_nobody_is_one(project):
    nobody = dataclasses.replace(project.login, admin=None)

    with pytest.raises(Mistake, match=r"\[login\] has no admin") as refused:
        await Sessions(dataclasses.replace(project, login=nobody), {}).log_in_as_admin()

    assert refused.value.code == USAGE


def test_a_project_without_methods_for_it_has_no_log_in(tmp_path):
    with pytest.raises(Mistake, match=r"plait.toml has no \[login\]") as refused:
        Sessions(Project(root=tmp_path, name="p"), {})

    assert refused.value.code == USAGE


def naming(project: Project, name: str) -> Sessions:
    login = dataclasses.replace(project.login, method=Method(service="identity", name=name))
    return Sessions(dataclasses.replace(project, login=login), {})


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("LogInn", r"there is no method 'LogInn'.*did you mean 'LogIn'\?"),
        ("LogOut", r"identity/LogOut, of \[login\] in plait.toml, does not take email, password"),
    ],
)
async def test_a_method_that_does_not_fit_is_named(project, name, sentence):
    with pytest.raises(Mistake, match=sentence) as refused:
        await naming(project, name).log_in(ADMIN, PASSWORD)

    assert refused.value.code == USAGE


async def test_a_method_that_answers_something_else_is_named(project):
    login = dataclasses.replace(project.login, refresh=Method(service="identity", name="LogOut"))
    sessions = Sessions(dataclasses.replace(project, login=login), {})

    with pytest.raises(Mistake, match="does not answer a session with user, access_token"):
        await sessions.go_on(await sessions.log_in(ADMIN, PASSWORD))


@pytest.mark.parametrize(("left", "good"), [(9, False), (10, True), (11, True)])
def test_an_access_token_is_good_until_ten_seconds_before_its_end(left, good):
    session = Session(
        user="users/u1",
        access_token="a",
        expires=NOW + timedelta(seconds=left),
        refresh_token="r",
    )

    assert session.good(NOW) is good


def test_tokens_are_not_in_what_a_session_prints():
    session = Session(user="users/u1", access_token="sesame", expires=NOW, refresh_token="sesame")

    assert "sesame" not in repr(session)
    assert Session.from_json(session.to_json()) == session
