"""A database and a role for each service, on a real server."""

import threading

import asyncpg
import pytest

from plait.data.blocking import wait_for
from plait.data.migrations import current
from plait.local import postgres_databases as module
from plait.local.folders import Folders
from plait.local.postgres_databases import Place, main, password, provide, provide_patiently
from tests.databases import PASSWORD

REVISION = """
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE TABLE things (name TEXT PRIMARY KEY)")
"""


@pytest.fixture
def server(postgres):
    """The server without the services that a test makes."""
    before = {row[0] for row in postgres.execute("SELECT datname FROM pg_database")}
    yield postgres
    for (name,) in postgres.execute("SELECT datname FROM pg_database"):
        if name not in before:
            postgres.drop(f'"{name}"')
    for (name,) in postgres.execute("SELECT rolname FROM pg_roles WHERE rolcanlogin"):
        if name != "plait":
            postgres.execute(f'DROP ROLE "{name}"')


@pytest.fixture
def place(tmp_path, server):
    """A project's folder, which knows the server of the tests."""
    folders = Folders(root=tmp_path)
    folders.create()
    folders.secret("postgres").write_text(PASSWORD)
    return Place(folders=folders, port=server.port)


def admin(server):
    return server.url("postgres")


def ask(url, statement):
    async def run():
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return wait_for(run)


def test_a_service_owns_its_database_and_is_nothing_else(server):
    provide(admin(server), "gift-cards", "secret")

    url = server.url("gift-cards", "gift-cards", "secret")
    assert ask(url, "SELECT current_user") == "gift-cards"
    ask(url, "CREATE TABLE t (a TEXT)")
    for statement in ('CREATE DATABASE "more"', 'CREATE ROLE "more"', "SELECT pg_read_file('x')"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            ask(url, statement)


def test_texts_in_it_sort_and_spell_as_sqlite_has_them(server):
    provide(admin(server), "catalog", "secret")

    url = server.url("catalog", "catalog", "secret")
    assert ask(url, "SELECT 'B' < 'a' AND lower('ÄÉΩЖ') = 'äéωж'") is True


def test_no_role_can_connect_to_a_database_of_another(server):
    names = ("catalog", "identity")
    for name in names:
        provide(admin(server), name, f"secret-{name}")

    for name in names:
        assert ask(server.url(name, name, f"secret-{name}"), "SELECT 1") == 1
        for other in {"postgres", "template1", *names} - {name}:
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for"):
                ask(server.url(other, name, f"secret-{name}"), "SELECT 1")


def test_doing_it_again_changes_the_password_and_nothing_else(server):
    provide(admin(server), "catalog", "first")
    ask(server.url("catalog", "catalog", "first"), "CREATE TABLE kept (a TEXT)")

    provide(admin(server), "catalog", "second")

    assert ask(server.url("catalog", "catalog", "second"), "SELECT count(*) FROM kept") == 0
    with pytest.raises(asyncpg.InvalidPasswordError):
        ask(server.url("catalog", "catalog", "first"), "SELECT 1")


def test_one_whose_making_was_interrupted_is_finished(server):
    """Between the two nobody is let in."""
    provide(admin(server), "catalog", "secret")
    server.execute("ALTER DATABASE catalog ALLOW_CONNECTIONS false")
    server.execute("GRANT CONNECT ON DATABASE catalog TO PUBLIC")
    provide(admin(server), "identity", "secret")

    provide(admin(server), "catalog", "secret")

    assert ask(server.url("catalog", "catalog", "secret"), "SELECT 1") == 1
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        ask(server.url("catalog", "identity", "secret"), "SELECT 1")


def test_many_services_at_the_same_time_get_theirs(server):
    names = [f"service{number}" for number in range(5)]
    threads = [threading.Thread(target=provide, args=(admin(server), n, "secret")) for n in names]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [ask(server.url(name, name, "secret"), "SELECT 1") for name in names] == [1] * 5


def test_a_password_is_made_once_and_for_us_alone(tmp_path):
    path = tmp_path / "postgres-catalog.secret"

    made = password(path)

    assert password(path) == made
    assert len(made) >= 40
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_place_names_each_database_by_its_service(place, server):
    url = place.url("catalog")

    secret = place.folders.secret("postgres-catalog").read_text()
    assert url == f"postgresql://catalog:{secret}@127.0.0.1:{server.port}/catalog"
    assert place.url("catalog") == url
    assert place.url("identity") != url
    assert ask(place.admin_url, "SELECT current_user") == "plait"


def test_a_server_that_starts_is_waited_for(place, monkeypatch):
    answers = [ConnectionRefusedError(), asyncpg.CannotConnectNowError("starting"), None]

    def once(*_):
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    monkeypatch.setattr(module, "provide", once)
    monkeypatch.setattr(module, "_PAUSE", 0)

    provide_patiently(place, "catalog")

    assert answers == []


def test_a_server_that_does_not_answer_is_a_sentence(place):
    away = Place(folders=place.folders, port=1)

    with pytest.raises(SystemExit, match=r"does not answer at 127\.0\.0\.1:1: `plait logs postgr"):
        provide_patiently(away, "catalog", patience=0)


def test_a_lost_password_is_a_sentence_that_does_not_show_it(place):
    place.secret.write_text("another-secret")

    with pytest.raises(SystemExit, match="is not that of the server whose data are in") as caught:
        provide_patiently(place, "catalog")

    assert str(place.secret) in str(caught.value)
    assert "another-secret" not in str(caught.value)


@pytest.mark.parametrize("marked", [True, False])
def test_its_process_makes_the_database_migrates_it_and_marks_it(
    place, tmp_path, monkeypatch, marked
):
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "v0001.py").write_text(REVISION)
    mark = place.unseeded("catalog")
    arguments = [str(tmp_path), str(place.port), "catalog", str(tmp_path / "migrations")]
    monkeypatch.setenv("DATABASE_URL", place.url("catalog"))

    main([*arguments, *([str(mark)] if marked else [])])

    assert current(place.url("catalog")) == "0001"
    assert mark.exists() is marked


def test_a_database_that_is_there_is_not_marked_again(place, tmp_path, monkeypatch):
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "v0001.py").write_text(REVISION)
    mark = place.unseeded("catalog")
    arguments = [str(tmp_path), str(place.port), "catalog", str(tmp_path / "migrations"), str(mark)]
    monkeypatch.setenv("DATABASE_URL", place.url("catalog"))
    main(arguments)
    mark.unlink()

    main(arguments)

    assert not mark.exists()
