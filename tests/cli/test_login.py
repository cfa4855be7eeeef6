"""The local administrator's token."""

import json
import stat
from datetime import UTC, datetime, timedelta

import pytest

from plait.cli.login import dev_admin, last_token
from plait.clock import SystemClock
from plait.local.folders import Folders
from plait.local.keys import Keys
from plait.local.mistake import Mistake
from plait.mesh.identity.trust import verifier
from plait.settings import Settings

CLOCK = SystemClock()


class At:
    """A clock that stands still."""

    def __init__(self, time: datetime) -> None:
        self.time = time

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def folders(tmp_path):
    made = Folders(root=tmp_path)
    made.create()
    return made


async def test_a_login_is_kept_for_calls_where_only_the_user_reads_it(folders, capsys):
    Keys.load_or_make(folders, CLOCK)

    dev_admin(folders.root, print_token=False)

    token = last_token(folders, CLOCK)
    settings = Settings(user_jwks=str(folders.user_jwks))
    assert (await verifier(settings, "catalog", CLOCK).user(token)).roles == {"admin"}
    assert stat.S_IMODE(folders.login.stat().st_mode) == 0o600
    said = capsys.readouterr().out
    assert "logged in as users/dev-admin" in said
    assert token not in said


def test_the_token_can_be_printed_and_nothing_else_is(folders, capsys):
    Keys.load_or_make(folders, CLOCK)

    dev_admin(folders.root, print_token=True)

    assert capsys.readouterr().out == f"{last_token(folders, CLOCK)}\n"


def test_without_the_supervisors_key_there_is_no_login(folders):
    with pytest.raises(Mistake, match="run `plait up` here first"):
        dev_admin(folders.root, print_token=False)

    assert not folders.login.exists()


@pytest.mark.parametrize(("left", "good"), [(9, False), (10, True), (11, True)])
def test_a_login_counts_until_ten_seconds_before_its_end(folders, left, good):
    expires = datetime(2026, 1, 1, tzinfo=UTC)
    folders.login.write_text(json.dumps({"token": "t", "expires": expires.isoformat()}))

    assert last_token(folders, At(expires - timedelta(seconds=left))) == ("t" if good else "")


def test_without_a_login_there_is_no_token(folders):
    assert last_token(folders, CLOCK) == ""
