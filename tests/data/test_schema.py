"""Promises of the schema's command line: it migrates, and it waits for who does."""

from datetime import timedelta

import pytest

from plait.data.migrations import MigrationError, current, migrate
from plait.data.schema import PATIENCE, SchemaMissing, bring_up, main, wait


@pytest.fixture
def said():
    return []


def pausing(clock, *acts):
    """A pause in which the clock moves, and in which the next of these things happens."""
    coming = list(acts)

    async def pause(seconds):
        clock.move(timedelta(seconds=seconds))
        if coming:
            coming.pop(0)()

    return pause


async def never(seconds):
    raise AssertionError(f"waited {seconds} s")


async def test_who_waits_for_a_schema_that_is_there_does_not_wait(migrated, directory, clock, said):
    await wait(migrated, directory, say=said.append, clock=clock, pause=never)

    assert said == []


async def test_who_waits_goes_on_when_somebody_has_migrated(url, directory, clock, said):
    pause = pausing(clock, lambda: None, lambda: migrate(url, directory))

    await wait(url, directory, say=said.append, clock=clock, pause=pause)

    assert current(url) == "first"
    assert len(said) == 1  # a reason is said once, however long it lasts
    assert said[0].startswith("waiting for the revision first: the database ")


async def test_a_database_that_is_behind_is_waited_for(migrated, directory, clock, said):
    second = "revision = 'second'\ndown_revision = 'first'\ndef upgrade() -> None: ...\n"
    (directory / "v0002_second.py").write_text(second)
    pause = pausing(clock, lambda: migrate(migrated, directory))

    await wait(migrated, directory, say=said.append, clock=clock, pause=pause)

    [line] = said
    assert line.startswith(
        "waiting for the revision second: the database has the schema 'first': run `plait migrate"
    )


async def test_a_wait_ends(url, directory, clock, said):
    pauses = []
    pause = pausing(clock, *[lambda: pauses.append(1)] * (int(PATIENCE) + 5))

    with pytest.raises(SchemaMissing, match=r"waited 600 s for the revision first: the database"):
        await wait(url, directory, say=said.append, clock=clock, pause=pause)

    assert len(pauses) == PATIENCE


async def test_the_last_look_is_at_the_last_moment(url, directory, clock, said):
    def almost_over():
        clock.move(timedelta(seconds=PATIENCE - 2))

    pause = pausing(clock, almost_over, lambda: migrate(url, directory))

    await wait(url, directory, say=said.append, clock=clock, pause=pause)


async def test_a_folder_without_revisions_is_an_error_at_once(url, tmp_path, clock, said):
    with pytest.raises(MigrationError):
        await wait(url, tmp_path, say=said.append, clock=clock, pause=never)


async def test_a_database_is_migrated_and_then_left_alone(url, directory, clock, said):
    await bring_up(url, directory, say=said.append, clock=clock)
    await bring_up(url, directory, say=said.append, clock=clock)

    assert current(url) == "first"
    assert said == ["migrated: first", "it has the revision first"]


# The command line


@pytest.fixture
def told(monkeypatch, url):
    monkeypatch.setenv("DATABASE_URL", url)
    return monkeypatch


def test_the_command_migrates_and_waits(told, url, directory, capsys):
    main(["migrate", str(directory)])
    main(["wait", str(directory)])

    assert current(url) == "first"
    assert capsys.readouterr().err == "migrated: first\n"


def test_the_database_may_be_named_by_a_file(told, url, directory, tmp_path):
    told.delenv("DATABASE_URL")
    told.setenv("PLAIT_SECRETS_DIR", str(tmp_path / "secrets"))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "DATABASE_URL").write_text(url)

    main(["migrate", str(directory)])

    assert current(url) == "first"


@pytest.mark.parametrize("arguments", [[], ["migrate"], ["mend", "x"], ["wait", "x", "y"]])
def test_another_command_line_is_refused(arguments):
    with pytest.raises(SystemExit, match="expected migrate or wait and a folder of migrations"):
        main(arguments)


@pytest.mark.parametrize("action", ["migrate", "wait"])
def test_a_url_that_cannot_be_used_names_the_setting(told, directory, action):
    told.setenv("DATABASE_URL", "mysql://root:hunter2@x/y")

    with pytest.raises(SystemExit, match=r"DATABASE_URL: expected .* found the driver") as ended:
        main([action, str(directory)])

    assert "hunter2" not in str(ended.value)


@pytest.mark.parametrize("action", ["migrate", "wait"])
def test_a_folder_that_is_none_is_a_sentence(told, tmp_path, action):
    with pytest.raises(SystemExit, match="expected the revisions in"):
        main([action, str(tmp_path / "nowhere")])


def test_the_arguments_are_those_of_the_process(told, url, directory, monkeypatch):
    monkeypatch.setattr("sys.argv", ["schema", "migrate", str(directory)])

    main()

    assert current(url) == "first"
