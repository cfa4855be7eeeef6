"""Promises of `plait secrets`: made once, kept, closed to others, and never shown."""

import stat

import pytest
from typer.testing import CliRunner

from plait.cli import main
from plait.cli.secrets import FILE, command, wanted, write
from plait.local.mistake import USAGE, Mistake

WANTED = """
[catalog]
DATABASE_URL = "postgresql://catalog:{databases/catalog}@postgres/catalog"

[databases]
catalog = "{random}"

[identity]
IDENTITY_SECRET = "{random}"
"""
CATALOG, URL = "databases/catalog", "catalog/DATABASE_URL"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / FILE).write_text(WANTED, encoding="utf-8")
    return tmp_path


def text(folder, name):
    return (folder / "secrets" / name).read_text(encoding="utf-8")


def wanting(tmp_path, toml):
    (tmp_path / FILE).write_text(toml, encoding="utf-8")
    return tmp_path


def test_each_secret_becomes_a_file(folder):
    written = write(folder)

    assert written == {CATALOG: True, "identity/IDENTITY_SECRET": True, URL: True}
    assert text(folder, URL) == f"postgresql://catalog:{text(folder, CATALOG)}@postgres/catalog"


def test_a_random_secret_is_long_different_and_fit_for_a_url(folder):
    write(folder)

    made = [text(folder, CATALOG), text(folder, "identity/IDENTITY_SECRET")]

    assert made[0] != made[1]
    assert all(len(one) == 43 for one in made)
    assert all(letter.isascii() and (letter.isalnum() or letter in "-_") for letter in made[0])


def test_a_second_time_nothing_changes(folder):
    write(folder)
    before = {name: text(folder, name) for name in (CATALOG, URL)}

    assert set(write(folder).values()) == {False}
    assert {name: text(folder, name) for name in (CATALOG, URL)} == before


def test_what_is_made_of_another_secret_follows_it(folder):
    write(folder)
    (folder / "secrets" / CATALOG).unlink()

    written = write(folder)

    assert written == {CATALOG: True, "identity/IDENTITY_SECRET": False, URL: True}
    assert text(folder, CATALOG) in text(folder, URL)


def test_a_secret_that_somebody_has_chosen_is_kept(folder):
    (folder / "secrets" / "databases").mkdir(parents=True)
    (folder / "secrets" / CATALOG).write_text("chosen")

    write(folder)

    assert text(folder, URL) == "postgresql://catalog:chosen@postgres/catalog"


def test_nobody_else_can_read_them(folder):
    write(folder)

    for path in (folder / "secrets").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_secret_may_hold_several_others(tmp_path):
    folder = wanting(tmp_path, '[a]\nx = "{random}"\ny = "{random}:{a/x}:{random}"\nz = "plain"\n')

    write(folder, iter(["1", "2", "3"]).__next__)

    assert [text(folder, f"a/{name}") for name in "xyz"] == ["1", "2:1:3", "plain"]


def test_what_is_made_of_others_comes_after_them(tmp_path):
    folder = wanting(tmp_path, '[a]\nx = "{a/y}"\ny = "{a/z}"\nz = "{random}"\n')

    assert [secret.name for secret in wanted(folder / FILE)] == ["a/z", "a/y", "a/x"]


def test_the_command_names_the_files_and_shows_nothing(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder.parent)

    command(folder)
    first = capsys.readouterr().out
    command(folder)
    second = capsys.readouterr().out

    here = folder.name
    assert first.splitlines() == [
        f"wrote  {here}/secrets/databases/catalog",
        f"wrote  {here}/secrets/identity/IDENTITY_SECRET",
        f"wrote  {here}/secrets/catalog/DATABASE_URL",
    ]
    assert second == first.replace("wrote", "kept ")
    assert text(folder, CATALOG) not in first + second


@pytest.mark.parametrize(
    ("toml", "why"),
    [
        ("nonsense", "is not TOML"),
        ('x = "{random}"', r"x must be a table, \[x\]"),
        ("[a]\nx = 5", "a/x must be a text, found int"),
        ('[a]\nx = "{b/y}"', r"a/x wants \{b/y\}, which is not there; expected \{random\}"),
        ('[a]\nx = "{}"', r"a/x wants \{\}, which is not there"),
        ('[a]\nx = "{a/y}"\ny = "{a/x}"', "a/x is made of itself, by way of a/y"),
        ('[a]\nx = "{a/x}"', "a/x is made of itself"),
        ('["../b"]\nx = "{random}"', "must be made of letters"),
        ('[a]\n".." = "{random}"', "must be made of letters"),
        ('[a]\n"x/y" = "{random}"', "must be made of letters"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_written(tmp_path, toml, why):
    folder = wanting(tmp_path, toml)

    with pytest.raises(Mistake, match=why) as raised:
        write(folder)

    assert raised.value.code == USAGE
    assert str(folder / FILE) in str(raised.value)
    assert not (folder / "secrets").exists()


@pytest.mark.parametrize(("length", "taken"), [(1, True), (63, True), (64, False)])
def test_a_name_has_a_length(tmp_path, length, taken):
    folder = wanting(tmp_path, f'[a]\n{"x" * length} = "{{random}}"\n')

    if taken:
        assert len(write(folder)) == 1
    else:
        with pytest.raises(Mistake, match="must be made of letters"):
            write(folder)


def test_a_folder_that_wants_no_secrets_is_a_sentence(tmp_path):
    with pytest.raises(Mistake, match=rf"cannot read {tmp_path}/secrets.toml: No such file"):
        write(tmp_path)


def test_it_is_a_command_of_plait(folder):
    done = CliRunner().invoke(main.app, ["secrets", str(folder)])

    assert done.exit_code == 0
    assert done.output.count("wrote") == 3
