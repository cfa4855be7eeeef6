"""Mail to a real SMTP server in this process, and the many ways in which it does not work."""

import asyncio
import socket
import ssl
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.identity.delivery import MailRefused, MailServerAway
from services.identity.letters import message
from services.identity.providers.smtp import SmtpMail, SmtpServer, SmtpUrlError
from tests.services.identity.people import VAULT, letter

CANARY = "canary-password"
TOKEN = VAULT.one_time_token("l1")


class Inbox:
    """Takes every message, or answers what a test wants."""

    def __init__(self, **answers):
        self.mails = []
        self.answers = answers
        self.hello = ""

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802 - aiosmtpd's name
        self.hello = session.host_name = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        envelope.rcpt_tos.append(address)
        return self.answers.get("rcpt", "250 OK")

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        envelope.mail_from = address
        return self.answers.get("mail", "250 OK")

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.mails.append(envelope)
        return self.answers.get("data", "250 OK")


class Server(Controller):
    """On a free port of this machine; `handed` goes to aiosmtpd."""

    def __init__(self, inbox, **handed):
        super().__init__(inbox, hostname="127.0.0.1", port=free_port(), **handed)

    def factory(self):
        return SMTP(self.handler, **self.SMTP_kwargs)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@contextmanager
def serving(inbox=None, **handed):
    inbox = inbox or Inbox()
    server = Server(inbox, **handed)
    server.start()
    try:
        yield inbox, server.port
    finally:
        server.stop()


def mail(to="ann@example.org"):
    return message(letter(), token=TOKEN, to=to, sender="The shop <no-reply@shop.example>")


def sender(port, scheme="smtp", user="", **parts):
    who = f"{user}:{CANARY}@" if user else ""
    return SmtpMail(SmtpServer.parse(f"{scheme}://{who}127.0.0.1:{port}"), **parts)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Contexts of a server with a certificate of its own, and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    client = ssl.create_default_context(cafile=str(folder / "cert.pem"))
    return server, client


# What works


async def test_a_message_arrives_as_it_was_written():
    with serving() as (inbox, port):
        await sender(port).send(mail())

    [got] = inbox.mails
    assert got.mail_from == "no-reply@shop.example"
    assert got.rcpt_tos == ["ann@example.org"]
    assert got.content == mail().as_bytes()
    assert f"\r\n{TOKEN}\r\n".encode() in got.content


async def test_the_shop_introduces_itself_by_the_domain_of_its_sender():
    with serving() as (inbox, port):
        await sender(port).send(mail())

    assert inbox.hello == "shop.example"


async def test_the_connection_is_encrypted_where_the_server_offers_it(certificate):
    server, client = certificate
    with serving(tls_context=server, require_starttls=True) as (inbox, port):
        await sender(port, trust=client).send(mail())

    assert len(inbox.mails) == 1


async def test_a_certificate_that_nobody_knows_is_not_trusted(certificate):
    with serving(tls_context=certificate[0]) as (inbox, port):
        sending = sender(port).send(mail())
        with pytest.raises(MailServerAway, match="cannot be used"):
            await sending

    assert inbox.mails == []


class Encrypted(Server):
    """Speaks TLS from the first byte."""

    def __init__(self, inbox, context):
        super().__init__(inbox, ssl_context=context)


async def test_a_connection_may_be_encrypted_from_the_first_byte(certificate):
    server, client = certificate
    with serving(ssl_context=server) as (inbox, port):
        await sender(port, "smtps", trust=client).send(mail())

    assert len(inbox.mails) == 1


def logging_in(*, works=True):
    seen = []

    def check(server, session, envelope, mechanism, data):
        seen.append((data.login, data.password))
        return AuthResult(success=works)

    return seen, check


async def test_credentials_of_the_url_are_used(certificate):
    server, client = certificate
    seen, check = logging_in()
    with serving(tls_context=server, authenticator=check, auth_required=True) as (inbox, port):
        await sender(port, user="shop", trust=client).send(mail())

    assert seen == [(b"shop", CANARY.encode())]
    assert len(inbox.mails) == 1


async def test_wrong_credentials_are_no_fault_of_the_message(certificate):
    server, client = certificate
    _, check = logging_in(works=False)
    with serving(tls_context=server, authenticator=check, auth_required=True) as (inbox, port):
        sending = sender(port, user="shop", trust=client).send(mail())
        with pytest.raises(MailServerAway, match=r"answered 535|cannot be used") as raised:
            await sending

    assert CANARY not in str(raised.value)
    assert inbox.mails == []


async def test_credentials_go_in_the_clear_on_this_machine_only(monkeypatch):
    seen, check = logging_in()
    with serving(authenticator=check, auth_require_tls=False) as (inbox, port):
        await sender(port, user="shop").send(mail())
        monkeypatch.setattr(SmtpServer, "is_here", False)
        with pytest.raises(MailServerAway, match="no encryption for the credentials"):
            await sender(port, user="shop").send(mail())

    assert len(seen) == len(inbox.mails) == 1


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("smtp://127.0.0.1:1", True),
        ("smtp://localhost:1", True),
        ("smtp://[::1]:1", True),
        ("smtp://mail.example", False),
        ("smtp://192.0.2.1", False),
        ("smtp://localhost.example", False),
    ],
)
def test_it_is_known_which_server_is_on_this_machine(url, here):
    assert SmtpServer.parse(url).is_here is here


# What does not


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({"rcpt": "550 no such user"}, "550"),
        ({"rcpt": "450 come back later"}, "450"),
        ({"mail": "553 not you"}, "553"),
        ({"data": "554 I do not like it"}, "554"),
    ],
)
async def test_a_message_that_is_refused_is_told_by_its_code_alone(answers, code):
    with serving(Inbox(**answers)) as (_, port):
        sending = sender(port).send(mail())
        with pytest.raises(MailRefused, match=code) as raised:
            await sending

    told = f"{raised.value} {raised.value.__context__!r}"
    assert "ann@example.org" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert TOKEN not in told


async def test_a_server_that_is_not_there_is_away():
    with pytest.raises(MailServerAway, match="refused"):
        await sender(free_port()).send(mail())


async def test_a_name_that_nobody_knows_is_away(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(MailServerAway, match="Name or service not known"):
        await SmtpMail(SmtpServer.parse("smtp://mail.example")).send(mail())


async def test_a_server_that_says_nothing_is_away():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(MailServerAway, match="cannot be used"):
            await sender(port, timeout=0.05).send(mail())


async def test_a_server_that_hangs_up_is_away():
    async def hang_up(reader, writer):
        writer.write(b"220 hello\r\n")
        await writer.drain()
        await reader.readline()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(MailServerAway, match="cannot be used"):
            await sender(port).send(mail())


async def test_a_server_that_is_busy_is_away():
    async def busy(reader, writer):
        writer.write(b"421 too busy\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(busy, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(MailServerAway, match="answered 421"):
            await sender(port).send(mail())


# URLs


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://127.0.0.1:1025", SmtpServer(host="127.0.0.1", port=1025)),
        ("smtp://mail.example", SmtpServer(host="mail.example", port=25)),
        ("smtp://mail.example/", SmtpServer(host="mail.example", port=25)),
        ("smtps://mail.example", SmtpServer(host="mail.example", port=465, tls=True)),
        (
            "smtp://shop%40x:a%2Fb%3A@mail.example:587",
            SmtpServer(host="mail.example", port=587, user="shop@x", password="a/b:"),
        ),
        ("smtp://[::1]:25", SmtpServer(host="::1", port=25)),
    ],
)
def test_a_url_says_where_the_server_is_and_what_it_knows_us_by(url, server):
    assert SmtpServer.parse(url) == server


@pytest.mark.parametrize(
    "url",
    [
        *("", "mail.example:25", "http://mail", "smtp://", "smtp://:25", "smtp://u:p@"),
        *("smtp://mail:x", "smtp://mail:99999", "smtp://[::1", "smtp://mail/path", "smtp://m?x=1"),
        f"imap://u:{CANARY}@mail",
        f"smtp://u:{CANARY}@mail:port",
    ],
)
def test_what_is_no_url_of_a_mail_server_is_refused_and_not_shown(url):
    with pytest.raises(SmtpUrlError, match="expected smtp://host:port") as refused:
        SmtpServer.parse(url)

    assert CANARY not in str(refused.value)


def test_a_server_does_not_show_its_password():
    assert CANARY not in repr(SmtpServer.parse(f"smtp://u:{CANARY}@mail"))
