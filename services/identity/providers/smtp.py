"""Mail by SMTP (RFC 5321), with the standard library in a thread."""

import asyncio
import ipaddress
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

from services.identity.delivery import MailRefused, MailServerAway

TIMEOUT = 5.0
"""Seconds that the mail server gets for each answer."""

_PORTS = {"smtp": 25, "smtps": 465}
_EXPECTED = "smtp://host:port, smtp://user:password@host:port or smtps://..."


class SmtpUrlError(ValueError):
    """A URL that names no mail server; the text never shows it, for it may hold a password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """A mail server, and what it knows us by; `tls` from the first byte (RFC 8314)."""

    host: str
    port: int
    tls: bool = False
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> "SmtpServer":
        """Read a URL of a mail server.

        Raises:
            SmtpUrlError: it is none.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise SmtpUrlError(
                f"expected {_EXPECTED}; found a host or a port that is none"
            ) from error
        if parts.scheme not in _PORTS:
            raise SmtpUrlError(f"expected {_EXPECTED}; found another scheme")
        if not host or parts.path.strip("/") or parts.query or parts.fragment:
            raise SmtpUrlError(f"expected {_EXPECTED}, and nothing after it")
        return cls(
            host=host,
            port=port or _PORTS[parts.scheme],
            tls=parts.scheme == "smtps",
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine, so that nobody reads along."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class SmtpMail:
    """Hands messages to a mail server (`services.identity.delivery.Mail`).

    The connection is encrypted where the server offers it (STARTTLS, RFC 3207), and its certificate
    must be good. Credentials are never sent in the clear to another machine.

    Args:
        server: where it is.
        timeout: seconds that it gets for each answer.
        trust: which certificates are good; by default those that this machine trusts.
    """

    def __init__(
        self, server: SmtpServer, *, timeout: float = TIMEOUT, trust: ssl.SSLContext | None = None
    ) -> None:
        self._server = server
        self._timeout = timeout
        self._trust = trust

    async def send(self, mail: EmailMessage) -> None:
        """Hand over a message.

        Raises:
            MailServerAway: the server is not there, or not to be trusted.
            MailRefused: it does not take the message.
        """
        await asyncio.to_thread(self._send, mail)

    def _send(self, mail: EmailMessage) -> None:
        try:
            with self._connected(mail) as smtp:
                smtp.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            raise MailRefused(f"the mail server answered {codes}") from None
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            raise MailRefused(f"the mail server answered {error.smtp_code}") from None
        except smtplib.SMTPResponseException as error:
            raise MailServerAway(f"the mail server answered {error.smtp_code}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise MailServerAway(f"the mail server cannot be used: {_kind(error)}") from None

    def _connected(self, mail: EmailMessage) -> smtplib.SMTP:
        server, name = self._server, parseaddr(str(mail["From"]))[1].rpartition("@")[2]
        if server.tls:
            trust = self._trust or ssl.create_default_context()
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, name, timeout=self._timeout, context=trust
            )
        else:
            smtp = smtplib.SMTP(server.host, server.port, name, timeout=self._timeout)
        try:
            self._introduce(smtp)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _introduce(self, smtp: smtplib.SMTP) -> None:
        encrypted = self._server.tls
        smtp.ehlo_or_helo_if_needed()
        if not encrypted and smtp.has_extn("starttls"):
            smtp.starttls(context=self._trust or ssl.create_default_context())
            encrypted = True
        if self._server.user:
            if not encrypted and not self._server.is_here:
                raise MailServerAway("the mail server offers no encryption for the credentials")
            smtp.login(self._server.user, self._server.password)


def _kind(error: BaseException) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
