"""The newest mails, and how they outlive the process."""

import asyncio
import stat
from datetime import timedelta

import pytest

from plait.console.mail.mailbox import Limits, Mailbox
from plait.testing import FakeClock

TEXT = b"Subject: Hello\r\n\r\nAda\r\n"
ADA, BOB = "ada@example.org", "Bob@Example.org"
EMPTY = 1024  # what a mail counts beyond its bytes


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def mailbox(clock):
    return Mailbox(clock)


def ids(mailbox: Mailbox, **wanted: str) -> list[str]:
    return [mail.id for mail in mailbox.newest(**wanted)]


def test_the_newest_mail_comes_first(mailbox, clock):
    first = mailbox.add("shop@x", [ADA], TEXT)
    clock.advance(1)
    second = mailbox.add("shop@x", [BOB], TEXT)

    assert ids(mailbox) == [second.id, first.id]
    assert second.received - first.received == timedelta(seconds=1)
    assert mailbox.get(first.id) == first
    assert first.letter.header("subject") == "Hello"


def test_mails_of_the_same_moment_keep_their_order(mailbox):
    arrived = [mailbox.add("shop@x", [ADA], TEXT).id for _ in range(5)]

    assert ids(mailbox) == arrived[::-1]
    assert sorted(set(arrived)) == arrived


def test_mails_are_found_by_whom_they_are_for(mailbox):
    mailbox.add("shop@x", [ADA], TEXT)
    both = mailbox.add("shop@x", [BOB, ADA], TEXT)

    assert ids(mailbox, to="bob@example.ORG") == [both.id]
    assert len(ids(mailbox, to=ADA)) == 2
    assert ids(mailbox, to="example.org") == []


def test_mails_are_found_by_what_came_before(mailbox):
    first, second = (mailbox.add("shop@x", [ADA], TEXT) for _ in range(2))

    assert ids(mailbox, after=first.id) == [second.id]
    assert ids(mailbox, after=second.id) == []


def test_of_too_many_the_oldest_goes(clock):
    mailbox = Mailbox(clock, limits=Limits(mails=3))
    arrived = [mailbox.add("shop@x", [ADA], TEXT).id for _ in range(4)]

    assert ids(mailbox) == arrived[:0:-1]
    assert mailbox.get(arrived[0]) is None
    assert len(mailbox) == 3


@pytest.mark.parametrize(("spare", "left"), [(0, 2), (-1, 1), (1, 2)])
def test_of_too_much_the_oldest_goes(clock, spare, left):
    mailbox = Mailbox(clock, limits=Limits(total_bytes=2 * (len(TEXT) + EMPTY) + spare))

    for _ in range(5):
        mailbox.add("shop@x", [ADA], TEXT)

    assert len(mailbox) == left


def test_the_version_grows_with_every_mail(mailbox):
    before = mailbox.version

    mailbox.add("shop@x", [ADA], TEXT)

    assert mailbox.version > before


def test_mails_outlive_the_process_that_took_them(clock, tmp_path):
    folder = tmp_path / "mail"
    first = Mailbox(clock, folder)
    mails = [first.add("shop@x", [ADA, '"a, b\udcff"@x'], TEXT) for _ in range(2)]

    again = Mailbox(clock, folder)

    assert list(again.newest()) == mails[::-1]
    assert again.add("shop@x", [ADA], TEXT).id > mails[1].id


def test_a_kept_mail_is_private_and_opens_with_any_mail_program(clock, tmp_path):
    folder = tmp_path / "mail"
    mail = Mailbox(clock, folder).add("shop@x", [ADA], TEXT)

    (file,) = folder.iterdir()

    assert file.name == f"{mail.id}.eml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert file.read_bytes() == (
        b'X-Envelope: {"sender": "shop@x", "recipients": ["ada@example.org"]}\r\n' + TEXT
    )


def test_what_has_to_go_goes_from_the_folder_too(clock, tmp_path):
    limits = Limits(mails=2)
    mailbox = Mailbox(clock, tmp_path, limits)
    kept = [mailbox.add("shop@x", [ADA], TEXT).id for _ in range(3)][1:]

    assert sorted(path.stem for path in tmp_path.iterdir()) == kept
    assert len(Mailbox(clock, tmp_path, Limits(mails=1))) == 1
    assert [path.stem for path in tmp_path.iterdir()] == kept[1:]


@pytest.mark.parametrize(
    "data",
    [b"", TEXT, b"X-Envelope: nonsense\r\n", b"X-Envelope: {}\r\n", b"X-Envelope: []\r\n"],
)
def test_a_file_that_is_no_mail_is_left_alone_and_told(clock, tmp_path, caplog, data):
    broken, other = tmp_path / f"{1:016x}.eml", tmp_path / "notes.txt"
    broken.write_bytes(data)
    other.write_text("mine")

    mailbox = Mailbox(clock, tmp_path)

    assert len(mailbox) == 0
    assert broken.exists()
    assert other.exists()
    assert "is left alone" in caplog.text


def test_what_a_killed_console_left_unfinished_is_removed(clock, tmp_path):
    unfinished = tmp_path / f"{1:016x}.new"
    unfinished.write_bytes(b"X-Enve")

    assert len(Mailbox(clock, tmp_path)) == 0
    assert not unfinished.exists()


def test_a_mail_that_cannot_be_written_is_not_kept(clock, tmp_path):
    taken = tmp_path / "mail"
    taken.write_text("a file where the folder should be")
    mailbox = Mailbox(clock, taken)

    with pytest.raises(OSError, match="mail"):
        mailbox.add("shop@x", [ADA], TEXT)

    assert len(mailbox) == 0


async def test_whoever_waits_gets_the_mail_that_comes(mailbox):
    waiting = asyncio.create_task(mailbox.arrival(to=BOB))
    await asyncio.sleep(0)
    mailbox.add("shop@x", [ADA], TEXT)
    await asyncio.sleep(0)
    assert not waiting.done()

    mail = mailbox.add("shop@x", [BOB], TEXT)

    assert await waiting == mail


async def test_whoever_waits_for_what_is_there_gets_the_newest_at_once(mailbox):
    first, second = (mailbox.add("shop@x", [ADA], TEXT) for _ in range(2))

    assert await mailbox.arrival(to=ADA) == second
    assert await mailbox.arrival(after=first.id) == second


async def test_nobody_waits_for_a_mailbox_that_is_closed(mailbox):
    waiting = asyncio.create_task(mailbox.arrival())
    await asyncio.sleep(0)

    mailbox.close()

    assert await waiting is None
    assert await mailbox.arrival() is None
