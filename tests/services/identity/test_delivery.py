"""How letters get to people, in spite of everything; the clock is the test's."""

import asyncio
import logging

import pytest

from plait.testing import FakeClock
from services.identity.delivery import LEASE, MOST_ATTEMPTS, Delivery
from services.identity.letters import Purpose
from services.identity.store import Counted
from tests.services.identity.people import (
    FREE,
    NOW,
    VAULT,
    days,
    letter,
    minutes,
    new_user,
)
from tests.services.identity.shop import FakeMail


@pytest.fixture
def mail():
    return FakeMail()


@pytest.fixture
def clock():
    return FakeClock(NOW)


@pytest.fixture
def delivery(store, mail, clock):
    return Delivery(store.letters, mail, vault=VAULT, clock=clock, sender="shop@shop.example")


async def welcome(store, *people):
    for who in people:
        await store.users.add(new_user(who), None, b"", NOW)


async def ask(store, name="r1", who="ann"):
    asked = letter(name, Purpose.RESET, email_key=f"{who}@example.org")
    await store.letters.ask(asked, [Counted(subject=name, limit=FREE)])


def addressees(mail):
    return [str(each["To"]) for each in mail.sent]


async def test_every_letter_that_is_due_is_sent_once(store, mail, delivery):
    await welcome(store, "ann", "bea")

    assert [await delivery.deliver(), await delivery.deliver()] == [2, 0]

    assert addressees(mail) == ["ann@example.org", "bea@example.org"]
    assert mail.token("ann@example.org") == VAULT.one_time_token("letter-ann")
    assert mail.sent[0]["From"] == "shop@shop.example"


async def test_more_letters_than_one_look_finds_are_sent_too(store, mail, delivery):
    await welcome(store, *(f"u{number}" for number in range(53)))

    assert await delivery.deliver() == 53


async def test_a_letter_for_a_new_password_goes_to_who_has_the_address(store, mail, delivery):
    await welcome(store, "ann")
    await delivery.deliver()
    await ask(store, "r1", "ann")
    await ask(store, "r2", "nobody")

    assert await delivery.deliver() == 1

    assert mail.sent[-1]["Subject"] == "Your new password"
    assert mail.sent[-1]["To"] == "ann@example.org"
    assert await store.letters.next_due() is None


async def test_while_the_mail_server_is_away_letters_wait_and_no_try_is_counted(
    store, mail, delivery, clock, caplog
):
    await welcome(store, "ann", "bea")
    mail.away = True
    pauses = []
    for _ in range(MOST_ATTEMPTS + 2):
        assert await delivery.deliver() == 0
        await store.letters.put_back(letter("letter-bea"), NOW + days(9), attempts=0)
        pauses.append((await store.letters.next_due() - clock.now()).total_seconds())
        clock.advance(pauses[-1])

    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60, 60, 60]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    mail.away = False
    assert await delivery.deliver() == 1
    assert addressees(mail) == ["ann@example.org"]


async def test_one_that_is_back_is_asked_again_at_once(store, mail, delivery, clock):
    await welcome(store, "ann")
    mail.away = True
    for _ in range(4):
        await delivery.deliver()
        clock.advance(60)
    mail.away = False
    await delivery.deliver()
    mail.away = True
    await ask(store)

    await delivery.deliver()

    assert await store.letters.next_due() == clock.now() + minutes(2 / 60)


async def test_the_others_wait_where_one_finds_the_server_away(store, mail, delivery):
    await welcome(store, "ann", "bea")
    mail.away = True

    await delivery.deliver()

    [bea] = await store.letters.due(NOW, 9)
    assert (bea.name, bea.attempts) == ("letter-bea", 0)


async def test_a_letter_that_is_refused_is_tried_again_later_each_time_and_then_left(
    store, mail, delivery, clock, caplog
):
    await welcome(store, "ann", "bea")
    mail.refuses = {"ann@example.org"}
    pauses = []
    for _ in range(MOST_ATTEMPTS):
        await delivery.deliver()
        due = await store.letters.next_due()
        if due is not None:
            pauses.append((due - clock.now()).total_seconds() / 60)
            clock.advance(pauses[-1] * 60)

    assert pauses == [1, 2, 4, 8, 16, 32, 60]
    assert addressees(mail) == ["bea@example.org"]
    last = caplog.records[-1]
    assert last.levelno == logging.ERROR
    assert last.getMessage() == (
        "the letter letter-ann is given up after 8 tries: the mail server answered 550"
    )
    assert "ann@example.org" not in caplog.text
    clock.advance(10**6)
    assert await delivery.deliver() == 0


class Broken(FakeMail):
    """Fails in a way that nobody has thought of."""

    async def send(self, mail):
        if mail["To"] == "ann@example.org":
            raise LookupError(mail.get_content())
        await super().send(mail)


async def test_a_letter_that_breaks_the_sender_does_not_hold_up_the_others(store, clock, caplog):
    mail = Broken()
    delivery = Delivery(store.letters, mail, vault=VAULT, clock=clock, sender="shop@shop.example")
    await welcome(store, "ann", "bea")

    assert await delivery.deliver() == 1

    assert addressees(mail) == ["bea@example.org"]
    assert caplog.messages == ["the letter letter-ann was refused: LookupError; it is tried again"]
    assert VAULT.one_time_token("letter-ann") not in caplog.text


class Dying(FakeMail):
    """Dies once it has handed a message over, before anybody knows."""

    async def send(self, mail):
        await super().send(mail)
        raise asyncio.CancelledError


async def test_a_process_that_dies_while_it_sends_leaves_a_letter_that_comes_twice_alike(
    store, clock
):
    dying, mail = Dying(), FakeMail()
    await welcome(store, "ann")
    with pytest.raises(asyncio.CancelledError):
        await Delivery(
            store.letters, dying, vault=VAULT, clock=clock, sender="shop@shop.example"
        ).deliver()
    after = Delivery(store.letters, mail, vault=VAULT, clock=clock, sender="shop@shop.example")

    assert await after.deliver() == 0
    clock.advance(LEASE.total_seconds())
    assert await after.deliver() == 1

    assert mail.sent[0].as_bytes() == dying.sent[0].as_bytes()


async def test_a_restarted_process_sends_what_still_waits(store, mail, delivery, clock):
    await welcome(store, "ann")
    mail.away = True
    await delivery.deliver()
    clock.advance(60)
    mail.away = False

    another = Delivery(store.letters, mail, vault=VAULT, clock=clock, sender="shop@shop.example")

    assert await another.deliver() == 1


# The loop around it


class Watched(FakeMail):
    """Tells when a message has come."""

    def __init__(self):
        super().__init__()
        self.came = asyncio.Event()

    async def send(self, mail):
        await super().send(mail)
        self.came.set()


async def test_a_letter_is_sent_as_soon_as_somebody_wakes_the_delivery(store, clock):
    mail = Watched()
    delivery = Delivery(store.letters, mail, vault=VAULT, clock=clock, sender="shop@shop.example")
    running = asyncio.ensure_future(delivery.run())
    await welcome(store, "ann")
    delivery.wake()

    async with asyncio.timeout(10):
        await mail.came.wait()
    running.cancel()
    await asyncio.wait([running])

    assert addressees(mail) == ["ann@example.org"]


@pytest.mark.parametrize(
    ("due", "pause"), [(None, 10.0), (-5, 0.0), (0, 0.0), (3, 3.0), (9.5, 9.5), (60, 10.0)]
)
async def test_the_delivery_looks_when_a_letter_is_due_and_every_ten_seconds(
    store, delivery, clock, due, pause
):
    if due is not None:
        await welcome(store, "ann")
        await store.letters.put_back(letter("letter-ann"), NOW + minutes(due / 60), attempts=0)

    assert await delivery._pause() == pytest.approx(pause)


async def test_a_server_that_is_away_is_left_alone_for_longer_each_time(store, mail, delivery):
    await welcome(store, *(f"u{number}" for number in range(9)))
    mail.away = True

    pauses = []
    for _ in range(8):
        await delivery.deliver()
        pauses.append(await delivery._pause())

    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]
    mail.away = False
    await delivery.deliver()
    assert await delivery._pause() < 10


async def test_the_delivery_looks_again_by_itself_when_a_letter_comes_due(store, clock):
    mail = Watched()
    delivery = Delivery(store.letters, mail, vault=VAULT, clock=clock, sender="shop@shop.example")
    looked = 0
    real = delivery.deliver

    async def deliver():
        nonlocal looked
        looked += 1
        if looked == 1:  # nobody wakes it: it finds out by the pause that is over
            await welcome(store, "ann")
            return 0
        return await real()

    delivery.deliver = deliver
    running = asyncio.ensure_future(delivery.run())
    async with asyncio.timeout(10):
        await mail.came.wait()
    running.cancel()
    await asyncio.wait([running])

    assert looked >= 2
