"""One table of plait.toml; what each key may be is tested with the whole file."""

from pathlib import Path

import pytest

from plait.local.mistake import USAGE, Mistake
from plait.local.table import Table

FILE = Path("/p/plait.toml")


def table(**values) -> Table:
    return Table(FILE, "console", values)


def test_what_is_wrong_is_named_with_file_and_path():
    with pytest.raises(Mistake) as refused:
        table(port=0).port("port", "console", {})

    assert str(refused.value) == (
        "/p/plait.toml: console.port must be a port from 1 to 65535, found 0"
    )
    assert refused.value.code == USAGE


def test_an_inner_table_knows_where_it_lies():
    inner = table(services=[{}, {"name": 3}]).tables("services")[1]

    with pytest.raises(Mistake, match=r"console\.services\[1\]\.name must be a text, found 3"):
        inner.text("name")


def test_what_nobody_asked_for_is_unknown():
    one = table(port=1, prot=2)
    one.port("port", "console", {})

    with pytest.raises(Mistake, match=r"no key console\.prot.*did you mean 'port'\?"):
        one.nothing_else()


def test_what_a_list_should_be_is_said_in_the_callers_words():
    with pytest.raises(Mistake, match=r"console\.secrets must be a list of secrets, found 'x'"):
        table(secrets="x").tables("secrets", "a list of secrets")
