"""The process that migrates one database."""

import sqlite3

import pytest

from plait.local.migrate import bring_up, main

REVISION = '''
"""A table."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE TABLE things (name TEXT PRIMARY KEY)")
'''


@pytest.fixture
def migrations(tmp_path):
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_things.py").write_text(REVISION)
    return folder


def test_a_new_database_is_made_and_marked_as_unseeded(tmp_path, migrations, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/a.db")
    mark = tmp_path / "a.unseeded"

    main([str(migrations), str(mark)])

    with sqlite3.connect(tmp_path / "a.db") as database:
        assert database.execute("SELECT count(*) FROM things").fetchone() == (0,)
    database.close()
    assert mark.exists()
    assert "migrated to 0001 (1 revisions)" in capsys.readouterr().err


def test_a_database_that_is_there_is_left_as_it_is(tmp_path, migrations, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/a.db")
    main([str(migrations)])
    capsys.readouterr()
    mark = tmp_path / "a.unseeded"

    main([str(migrations), str(mark)])

    assert not mark.exists()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("url", ["nonsense", "mysql://x/y", "sqlite://"])
def test_a_url_that_cannot_be_used_is_a_sentence(migrations, url):
    with pytest.raises(SystemExit, match="cannot migrate: expected"):
        bring_up(url, migrations)


def test_a_folder_without_revisions_is_a_sentence(tmp_path):
    with pytest.raises(SystemExit, match="cannot migrate: "):
        bring_up(f"sqlite:///{tmp_path}/a.db", tmp_path)
