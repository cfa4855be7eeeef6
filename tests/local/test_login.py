"""The kept session: whose it is, when it is renewed, and that a token is never used twice."""

import asyncio
import stat
from datetime import datetime, timedelta

import pytest

from plait.local.folders import Folders
from plait.local.lock import locked
from plait.local.login import KeptLogin
from plait.local.mistake import REFUSED, Mistake
from plait.local.sessions import Session, SessionEnded
from plait.testing import FakeClock

CLOCK = FakeClock()
LIFE = timedelta(minutes=15)


def session(number: int = 1, expires: datetime | None = None) -> Session:
    return Session(
        user="users/u1",
        access_token=f"access-{number}",
        expires=expires or CLOCK.now() + LIFE,
        refresh_token=f"refresh-{number}",
    )


OLD = session(1, CLOCK.now() + timedelta(seconds=9))


@pytest.fixture
def folders(tmp_path):
    return Folders(root=tmp_path)


@pytest.fixture
def kept(folders):
    return KeptLogin(folders, CLOCK)


class Service:
    """Renews each session once, and takes its time; a token that comes again ends the session."""

    def __init__(self) -> None:
        self.used: set[str] = set()

    async def go_on(self, before: Session) -> Session:
        if before.refresh_token in self.used:
            raise SessionEnded("it was used before", code=REFUSED)
        self.used.add(before.refresh_token)
        await asyncio.sleep(0)
        return session(int(before.refresh_token.removeprefix("refresh-")) + 1)


async def never(_: Session) -> Session:
    raise AssertionError("nothing is to be renewed")


async def test_a_session_is_kept_where_only_its_user_reads_it(kept, folders):
    await kept.keep(session())

    assert kept.read() == session()
    assert stat.S_IMODE(folders.login.stat().st_mode) == 0o600


async def test_without_a_log_in_there_is_nothing(kept):
    assert kept.read() is None
    assert await kept.token(never) == ""
    assert await kept.forget() is None


async def test_a_good_token_is_used_as_it_is(kept):
    await kept.keep(session())

    assert await kept.token(never) == "access-1"


async def test_an_expired_token_is_renewed_and_the_new_one_kept(kept):
    await kept.keep(OLD)

    assert await kept.token(Service().go_on) == "access-2"
    assert kept.read() == session(2)


async def test_two_at_once_use_a_refresh_token_once(folders):
    service = Service()
    await KeptLogin(folders, CLOCK).keep(OLD)

    found = await asyncio.gather(
        *(KeptLogin(folders, CLOCK).token(service.go_on) for _ in range(5))
    )

    assert found == ["access-2"] * 5
    assert service.used == {"refresh-1"}


async def test_whoever_waits_for_the_other_sees_its_log_out(kept, folders):
    await kept.keep(OLD)
    async with locked(folders.login_lock):
        waiting = asyncio.create_task(kept.token(never))
        await asyncio.sleep(0)
        folders.login.unlink()

    assert await waiting == ""


async def test_a_session_that_has_ended_is_forgotten(kept, folders):
    service = Service()
    await kept.keep(OLD)
    await service.go_on(OLD)

    with pytest.raises(SessionEnded):
        await kept.token(service.go_on)

    assert not folders.login.exists()


async def test_a_session_that_cannot_be_renewed_now_is_kept(kept):
    await kept.keep(OLD)

    async def away(_: Session) -> Session:
        raise Mistake("identity does not answer")

    with pytest.raises(Mistake, match="does not answer"):
        await kept.token(away)

    assert kept.read() == OLD


async def test_a_log_out_returns_what_is_to_be_ended(kept, folders):
    await kept.keep(session())

    assert await kept.forget() == session()
    assert not folders.login.exists()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"token": "t", "expires": "2026-01-01T00:00:00+00:00"}']
)
async def test_a_file_with_something_else_is_refused_with_what_to_do(kept, folders, text):
    folders.create()
    folders.login.write_text(text)

    with pytest.raises(Mistake, match=r"holds no session: log in again"):
        await kept.token(never)
    with pytest.raises(Mistake, match="holds no session"):
        await kept.forget()

    assert not folders.login.exists()  # the log-out has removed it
