"""Mail by SMTP, from real clients over real sockets, and what the worst of them cannot do."""

import asyncio
import smtplib
from contextlib import asynccontextmanager
from email.message import EmailMessage

import pytest

from plait.console.mail import sink as module
from plait.console.mail.mailbox import Mailbox
from plait.console.mail.sink import SinkLimits, serve
from plait.gateway.server import CannotListen
from plait.testing import FakeClock

SMALL = SinkLimits(mail_bytes=2000, recipients=2, clients=2, idle=20.0, bytes_between=5000)
ENVELOPE = ("EHLO me", "MAIL FROM:<shop@x>", "RCPT TO:<ada@x>", "DATA")
BOUND = 20


@pytest.fixture
def mailbox(tmp_path):
    return Mailbox(FakeClock(), tmp_path / "mail")


class Sink:
    def __init__(self, port: int, stop: asyncio.Event) -> None:
        self.port = port
        self.stop = stop
        self.talks: list[Talk] = []

    async def talk(self) -> "Talk":
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.talks.append(Talk(reader, writer))
        return self.talks[-1]

    async def send(self, mail: EmailMessage, *to: str) -> dict:
        """Send as every Python program does."""

        def act() -> dict:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=BOUND) as client:
                return client.send_message(mail, to_addrs=to or None)

        return await asyncio.to_thread(act)


class Talk:
    """A client that says what it wants."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, *lines: str) -> None:
        self.writer.write("".join(f"{line}\r\n" for line in lines).encode())

    async def answer(self) -> str:
        """The last line of an answer; nothing once the connection is closed."""
        while line := (await self.reader.readline()).decode():
            if line[3:4] == " ":
                return line.strip()
        return ""

    async def ask(self, *lines: str) -> list[str]:
        answers = []
        for line in lines:
            self.say(line)
            answers.append(await self.answer())
        return answers

    async def is_over(self) -> bool:
        try:
            return await self.reader.read() == b""
        except ConnectionError:
            return True


@asynccontextmanager
async def running(mailbox, limits: SinkLimits | None = None):
    ready, stop = asyncio.get_running_loop().create_future(), asyncio.Event()
    serving = asyncio.create_task(
        serve(
            mailbox,
            "127.0.0.1",
            0,
            stop=stop,
            ready=ready.set_result,
            setting="PLAIT_SMTP_PORT",
            limits=limits,
        )
    )
    sink = Sink(await ready, stop)
    try:
        async with asyncio.timeout(BOUND):
            yield sink
    finally:
        stop.set()
        async with asyncio.timeout(BOUND):
            await serving
        for talk in sink.talks:
            talk.writer.close()


@pytest.fixture
async def sink(mailbox):
    async with running(mailbox) as made:
        yield made


@pytest.fixture
async def small(mailbox):
    async with running(mailbox, SMALL) as made:
        yield made


def mail(text: str = "Hello Ada\n", to: str = "ada@example.org") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "shop@shop.example", to, "Welcome"
    made.set_content(text)
    return made


async def test_a_mail_arrives_as_it_was_sent(sink, mailbox):
    await sink.send(mail("Hello Ada,\n.a line with a dot\n", "ada@example.org, bob@example.org"))

    (kept,) = mailbox.newest()
    assert kept.sender == "shop@shop.example"
    assert kept.recipients == ("ada@example.org", "bob@example.org")
    assert kept.letter.text == "Hello Ada,\n.a line with a dot\n"


async def test_one_connection_may_bring_many_mails(small, mailbox):
    talk = await small.talk()
    await talk.answer()
    await talk.ask("EHLO me")

    for _ in range(10):
        said = await talk.ask(*ENVELOPE[1:], "x" * 900 + "\r\n" + "y" * 900 + "\r\n.")
        assert said[-1].startswith("250 2.0.0 kept as ")

    assert len(mailbox) == 10


async def test_addresses_beyond_ascii_are_fine(sink, mailbox):
    await sink.send(mail(to="grüße@example.org"))

    (kept,) = mailbox.newest(to="grüße@example.org")
    assert kept.letter.header("to") == "grüße@example.org"


async def test_log_in_and_encryption_are_not_offered(sink):
    talk = await sink.talk()

    greeting = await talk.answer()
    talk.say("EHLO me")
    offered = [(await talk.reader.readline()).decode().strip() for _ in range(5)]

    assert greeting == "220 localhost the mailbox of this machine"
    assert offered == [
        "250-localhost",
        "250-SIZE 1048576",
        "250-8BITMIME",
        "250-SMTPUTF8",
        "250 HELP",
    ]


async def test_a_mail_that_says_it_is_too_long_is_refused_before_it_is_sent(small):
    talk = await small.talk()
    await talk.answer()

    said = await talk.ask(
        "EHLO me", "MAIL FROM:<a@x> SIZE=2000", "RSET", "MAIL FROM:<a@x> SIZE=2001"
    )

    assert [one[:3] for one in said] == ["250", "250", "250", "552"]


@pytest.mark.parametrize(("more", "code"), [(0, "250"), (1, "552")])
async def test_a_mail_that_is_too_long_is_refused(small, mailbox, more, code):
    talk = await small.talk()
    await talk.answer()
    lines = ["x" * 998, "y" * (2000 - 1000 - 2 + more)]

    said = await talk.ask(*ENVELOPE, "\r\n".join([*lines, "."]))

    assert said[-1][:3] == code
    assert len(mailbox) == (code == "250")


async def test_a_further_recipient_is_refused(small, mailbox):
    talk = await small.talk()
    await talk.answer()

    said = await talk.ask(
        *ENVELOPE[:3],
        *("RCPT TO:<bob@x>", "RCPT TO:<eve@x>", "DATA", "x\r\n."),
    )

    assert said[4] == "452 4.5.3 expected at most 2 recipients"
    assert next(mailbox.newest()).recipients == ("ada@x", "bob@x")


async def test_a_further_client_is_told_to_come_again(small):
    first, second = await small.talk(), await small.talk()
    assert (await first.answer())[:3] == (await second.answer())[:3] == "220"

    third = await small.talk()
    assert await third.answer() == "421 4.3.2 too many connections, try again later"
    assert await third.is_over()

    assert await first.ask("QUIT") == ["221 Bye"]
    assert await first.is_over()
    while True:  # until the server has heard of its end
        again = await small.talk()
        if (await again.answer())[:3] == "220":
            break


async def test_a_client_that_says_nothing_is_let_go(mailbox):
    hasty = SinkLimits(idle=0.01)
    async with running(mailbox, hasty) as sink:
        talk = await sink.talk()

        assert (await talk.answer())[:3] == "220"
        assert await talk.is_over()


@pytest.mark.parametrize(
    "before", [(), ENVELOPE], ids=["instead of a command", "instead of a mail's end"]
)
async def test_a_client_that_never_comes_to_an_end_is_cut_off(small, mailbox, before, caplog):
    talk = await small.talk()
    await talk.answer()
    await talk.ask(*before)

    talk.writer.write(b"x" * 20_000)

    assert await talk.is_over()
    assert "cut off" in caplog.text
    assert len(mailbox) == 0


async def test_a_client_that_asks_too_often_is_let_go(sink):
    talk = await sink.talk()
    await talk.answer()

    said = await talk.ask(*["NOOP"] * 21)

    assert said[19] == "250 OK"
    assert said[20] == "421 4.7.0 NOOP sent too many times"
    assert await talk.is_over()


@pytest.mark.parametrize("after", range(len(ENVELOPE) + 1))
async def test_a_client_that_goes_away_leaves_nothing(small, mailbox, after, caplog):
    talk = await small.talk()
    await talk.answer()
    await talk.ask(*ENVELOPE[:after])

    talk.writer.transport.abort()

    for _ in range(2):  # both places are free again
        while True:
            other = await small.talk()
            if (await other.answer())[:3] == "220":
                break
    assert len(mailbox) == 0
    assert caplog.text == ""


async def test_a_command_that_cannot_be_understood_is_answered(sink):
    talk = await sink.talk()
    await talk.answer()
    await talk.ask("EHLO me")

    talk.writer.write(b"VRFY @\xff\r\n")

    assert await talk.answer() == "500 5.5.2 it cannot be understood"
    assert await talk.ask("NOOP") == ["250 OK"]


async def test_a_mail_that_cannot_be_written_is_refused_and_told(tmp_path, caplog):
    (tmp_path / "mail").write_text("a file where the folder should be")
    async with running(Mailbox(FakeClock(), tmp_path / "mail")) as sink:
        talk = await sink.talk()
        await talk.answer()

        said = await talk.ask(*ENVELOPE, "x\r\n.")

    assert said[-1].startswith("452 4.3.1 it cannot be kept: ")
    assert "a mail cannot be kept" in caplog.text


async def test_what_is_in_a_mail_is_not_in_the_log(sink, caplog):
    caplog.set_level("DEBUG")

    await sink.send(mail("sesame"))

    assert "sesame" not in caplog.text
    assert "ada@" not in caplog.text


@pytest.mark.parametrize(
    ("error", "told"), [(ConnectionResetError("gone"), False), (ValueError("a bug"), True)]
)
async def test_a_connection_that_ends_with_a_bug_is_told(caplog, error, told):
    talk = asyncio.get_running_loop().create_future()
    talk.set_exception(error)

    module._talked(talk)

    assert ("a bug" in caplog.text) is told


async def test_the_end_does_not_wait_for_clients(mailbox):
    async with running(mailbox) as sink:
        talk = await sink.talk()
        await talk.answer()
        await talk.ask(*ENVELOPE)

    assert await talk.is_over()
    with pytest.raises(ConnectionError):
        await sink.talk()


async def test_a_taken_port_is_an_error_that_names_the_setting(mailbox):
    async with running(mailbox) as sink:
        with pytest.raises(CannotListen, match="set PLAIT_SMTP_PORT to another port"):
            await serve(
                mailbox,
                "127.0.0.1",
                sink.port,
                stop=asyncio.Event(),
                ready=pytest.fail,
                setting="PLAIT_SMTP_PORT",
            )
