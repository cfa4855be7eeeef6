"""The files with the workload tokens."""

import asyncio
import stat
from datetime import UTC, datetime, timedelta

import pytest

from plait.local import tokens as module
from plait.local.folders import Folders
from plait.local.keys import Keys
from plait.local.project import Gateway, Project, Service
from plait.local.tokens import LIFE, RENEWED, WorkloadTokens
from plait.mesh.identity.trust import verifier
from plait.settings import Settings


class Clock:
    """A wall clock that a test moves."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def folders(tmp_path):
    made = Folders(root=tmp_path)
    made.create()
    return made


@pytest.fixture
def tokens(folders, clock):
    project = Project(
        root=folders.root,
        name="shop",
        gateway=Gateway(module="g", port=1),
        services=(
            Service(name="catalog", module="c", port=2),
            Service(name="orders", module="o", port=3),
        ),
    )
    return WorkloadTokens(project, folders, Keys.load_or_make(folders, clock), clock)


def contents(folders: Folders) -> dict[str, str]:
    return {
        str(path.relative_to(folders.tokens)): path.read_text()
        for path in folders.tokens.rglob("*")
        if path.is_file()
    }


async def test_each_process_has_a_token_for_each_service_but_itself(tokens, folders, clock):
    tokens.write_all()

    found = contents(folders)
    assert set(found) == {"catalog/orders", "orders/catalog", "gateway/catalog", "gateway/orders"}
    settings = Settings(user_jwks="", workload_jwks=str(folders.workload_jwks))
    believed = await verifier(settings, "catalog", clock).workload(found["gateway/catalog"])
    assert believed.name == "gateway"


def test_only_the_owner_reads_them(tokens, folders):
    tokens.write_all()

    path = folders.tokens / "gateway" / "catalog"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_they_are_renewed_at_two_thirds_of_their_life(tokens, folders, clock):
    assert timedelta(minutes=40) == RENEWED < LIFE
    tokens.write_all()
    before = contents(folders)

    clock.time += RENEWED - timedelta(seconds=1)
    assert not tokens.write_if_old()
    assert contents(folders) == before

    clock.time += timedelta(seconds=1)
    assert tokens.write_if_old()
    assert not set(contents(folders).values()) & set(before.values())


def test_the_first_look_writes_them(tokens, folders):
    assert tokens.write_if_old()
    assert contents(folders)


async def test_renewing_goes_on_after_a_disk_that_was_full(tokens, folders, monkeypatch, capsys):
    monkeypatch.setattr(module, "_LOOK", 0.001)
    folders.tokens.rename(folders.run / "away")
    folders.tokens.touch()  # a file, where a folder has to be

    renewing = asyncio.create_task(tokens.renew())
    async with asyncio.timeout(10):
        while "cannot renew the workload tokens" not in capsys.readouterr().err:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        folders.tokens.unlink()
        while len(contents(folders)) < 4:  # noqa: ASYNC110 - files tell no event
            await asyncio.sleep(0.001)
    renewing.cancel()
