from pathlib import Path

import pytest

from plait.data.url import DatabaseUrlError, System, database_url


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+aiosqlite", "sqlite+pysqlite"])
def test_an_sqlite_url_names_a_file_with_or_without_a_driver(scheme):
    found = database_url(f"{scheme}:////var/lib/catalog.db")

    assert found.system is System.SQLITE
    assert found.path == Path("/var/lib/catalog.db")
    assert found.name == "catalog"


def test_a_relative_path_counts_from_the_working_directory(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    assert database_url("sqlite:///data/catalog.db").path == tmp_path / "data" / "catalog.db"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_a_postgresql_url_gets_the_asynchronous_driver(scheme):
    found = database_url(f"{scheme}://catalog:secret@db/shop")

    assert found.system is System.POSTGRESQL
    assert found.url.drivername == "postgresql+asyncpg"
    assert found.name == "shop"


def test_a_url_never_shows_its_password():
    assert "secret" not in str(database_url("postgresql://catalog:secret@db/shop"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "found no URL"),
        ("catalog.db", "found no URL"),
        ("mysql://db/shop", "found the driver 'mysql'"),
        ("postgresql+psycopg2://db/shop", "found the driver 'postgresql\\+psycopg2'"),
        ("sqlite://", "in memory"),
        ("sqlite://catalog.db", "found the host 'catalog.db'"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite:///file::memory:?cache=shared&uri=true", "in memory"),
        ("sqlite:///file:x?mode=memory&uri=true", "in memory"),
        ("sqlite:///catalog.db?timeout=1", "without options"),
        ("sqlite:///file:catalog.db", "without options"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_what_was_found(text, found):
    with pytest.raises(DatabaseUrlError, match=found):
        database_url(text)
