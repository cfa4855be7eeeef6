from pathlib import Path

import pytest
from sqlalchemy import make_url

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
    "options",
    [
        *(
            f"sslmode={mode}"
            for mode in ("disable", "prefer", "require", "verify-ca", "verify-full")
        ),
        "sslmode=verify-full&sslrootcert=/etc/ca.pem&sslcert=/a.pem&sslkey=/b.pem",
        "host=/var/run/postgresql",
    ],
)
def test_what_the_driver_is_told_is_what_the_url_says(options):
    found = database_url(f"postgresql://catalog:a%40b%20c@db:5433/shop?{options}")

    assert make_url(found.dsn) == make_url(f"postgresql://catalog:a%40b%20c@db:5433/shop?{options}")


def test_a_url_is_shown_as_people_write_it():
    assert str(database_url("postgres://catalog:secret@db/shop")) == (
        "postgresql://catalog:***@db/shop"
    )


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
        ("postgresql://db", "found no database's name"),
        ("postgresql://db/", "found no database's name"),
        ("postgresql://db/shop?pool_size=3", "found 'pool_size'"),
        ("postgresql://db/shop?application_name=x", "found 'application_name'"),
        ("postgresql://db/shop?sslmode=on", "sslmode one of disable, .*; found 'on'"),
        ("postgresql://db/shop?sslmode=require&sslmode=disable", "once; found it 2 times"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_what_was_found(text, found):
    with pytest.raises(DatabaseUrlError, match=found):
        database_url(text)
