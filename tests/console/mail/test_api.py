import asyncio
import base64

import httpx
import pytest
from httpx import ASGITransport

from plait.console.app import pages_app
from plait.console.mail.api import MailApi
from plait.console.mail.mailbox import Mailbox
from plait.testing import FakeClock

ADA = "ada@example.org"
MAIL = b"From: The shop <shop@x>\r\nSubject: Hello\r\n\r\nDear  Ada,\r\nyour token is t1.\r\n"


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def mailbox(clock):
    return Mailbox(clock)


@pytest.fixture
async def client(mailbox):
    app = pages_app([MailApi(mailbox, "127.0.0.1:1025")], [])
    async with httpx.AsyncClient(transport=ASGITransport(app), base_url="http://localhost") as made:
        yield made


async def test_a_list_shows_who_wrote_what_to_whom(client, mailbox):
    mail = mailbox.add("bounce@x", [ADA, "bob@x"], MAIL)

    answer = await client.get("/api/mail")

    assert answer.json() == {
        "mails": [
            {
                "id": mail.id,
                "receive_time": "2030-01-01T00:00:00.000+00:00",
                "from": "The shop <shop@x>",
                "to": [ADA, "bob@x"],
                "subject": "Hello",
                "preview": "Dear Ada, your token is t1.",
                "size_bytes": len(MAIL),
            }
        ],
        "stored": 1,
        "smtp": "127.0.0.1:1025",
    }


async def test_a_list_is_narrowed_and_bounded(client, mailbox):
    first, *_, last = [mailbox.add("x@x", [ADA], MAIL).id for _ in range(4)]
    mailbox.add("x@x", ["bob@x"], MAIL)

    async def found(**parameters) -> list[str]:
        answer = await client.get("/api/mail", params=parameters)
        return [mail["id"] for mail in answer.json()["mails"]]

    assert len(await found(to="ADA@example.org")) == 4
    assert await found(to=ADA, limit=1) == [last]
    assert len(await found(to=ADA, after=first)) == 3


async def test_a_list_that_did_not_change_is_not_sent_again(client, mailbox):
    first = await client.get("/api/mail")
    known = {"if-none-match": first.headers["etag"]}

    assert (await client.get("/api/mail", headers=known)).status_code == 304
    mailbox.add("x@x", [ADA], MAIL)
    assert (await client.get("/api/mail", headers=known)).status_code == 200


async def test_one_mail_has_all_of_it(client, mailbox):
    mail = mailbox.add("bounce@x", [ADA], MAIL)

    body = (await client.get(f"/api/mail/{mail.id}")).json()

    assert body["text"] == "Dear  Ada,\nyour token is t1.\n"
    assert body["sender"] == "bounce@x"
    assert body["headers"] == [
        {"name": "From", "value": "The shop <shop@x>"},
        {"name": "Subject", "value": "Hello"},
    ]
    assert (body["html"], body["attachments"]) == (False, [])
    assert body["source"] == MAIL.decode().replace("\r\n", "\n")


async def test_attachments_are_named(client, mailbox):
    content = (
        b'Content-Type: application/pdf; name="a.pdf"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(b"x" * 50)
    )
    mail = mailbox.add("bounce@x", [ADA], content)

    body = (await client.get(f"/api/mail/{mail.id}")).json()

    assert body["attachments"] == [
        {"name": "a.pdf", "media_type": "application/pdf", "size_bytes": 50}
    ]
    assert body["from"] == "bounce@x"  # who it says it is, where no header does


async def test_the_latest_is_answered_at_once(client, mailbox):
    mailbox.add("x@x", [ADA], b"\r\nthe first")
    mailbox.add("x@x", [ADA], b"\r\nthe second")

    answer = await client.get("/api/mail/latest", params={"to": ADA})

    assert answer.json()["text"] == "the second"


async def test_the_latest_is_waited_for(client, mailbox):
    first = mailbox.add("x@x", [ADA], b"\r\nthe first")
    asked = {"to": ADA, "after": first.id, "wait": "20"}
    waiting = asyncio.create_task(client.get("/api/mail/latest", params=asked))
    while not mailbox._news._waiters:  # noqa: ASYNC110 - between two turns of the loop
        await asyncio.sleep(0)

    mailbox.add("x@x", [ADA], b"\r\nthe second")

    assert (await waiting).json()["text"] == "the second"


@pytest.mark.parametrize("wait", ["0", "0.001"])
async def test_what_does_not_come_is_not_found(client, mailbox, wait):
    mail = mailbox.add("x@x", ["bob@x"], MAIL)
    asked = {"to": ADA, "after": mail.id, "wait": wait}

    answer = await client.get("/api/mail/latest", params=asked)

    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == (
        f"no mail to {ADA} after {mail.id} has come within {wait} seconds"
    )


async def test_a_mail_that_is_not_here_is_not_found(client):
    answer = await client.get("/api/mail/0123456789abcdef")

    assert answer.status_code == 404
    assert "it never was, or had to go for newer ones" in answer.json()["error"]["message"]


async def test_a_wrong_parameter_is_refused_with_its_name(client):
    answer = await client.get("/api/mail", params={"too": ADA})

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "expected one of to, after, limit, found 'too'"
