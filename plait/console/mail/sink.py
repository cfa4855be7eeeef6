"""Takes mail by SMTP (RFC 5321) and puts it into the mailbox; nothing is ever sent on.

The protocol is aiosmtpd's, on our own loop. What it leaves open is bounded here: how many clients,
and how many bytes of one that never comes to an end.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from aiosmtpd.smtp import SMTP, Envelope, Session

from plait.console.mail.mailbox import Mailbox
from plait.gateway.server import listen

_COMMANDS = {"*": 20, "MAIL": 1000, "RCPT": 10_000, "DATA": 1000, "RSET": 1000}  # of one client

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkLimits:
    """What a client may ask for: sizes in bytes, times in seconds.

    Attributes:
        mail_bytes: the longest mail; a longer one is answered 552.
        recipients: of one mail; further ones are answered 452.
        clients: at the same time; a further one is answered 421 and let go.
        idle: for one command, and for the whole of one mail.
        bytes_between: what may come from one mail's end to the next one's; who sends more is cut
            off.
    """

    mail_bytes: int = 1024 * 1024
    recipients: int = 50
    clients: int = 20
    idle: float = 30.0
    bytes_between: int = 3 * 1024 * 1024


async def serve(  # noqa: PLR0913 - each is a decision of the process that serves
    mailbox: Mailbox,
    host: str,
    port: int,
    *,
    stop: asyncio.Event,
    ready: Callable[[int], None],
    setting: str,
    limits: SinkLimits | None = None,
) -> None:
    """Take mail until `stop` is set; then accept no more, cut who is still there, and return.

    `port` 0 takes a free one; `ready` is told the port once connections are accepted. Raises
    CannotListen, which names `setting`, where the address is taken.
    """
    # Commands and, while somebody debugs, whole mails would be in the log, with what is secret.
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    clients = _Clients(mailbox, limits or SinkLimits())
    listener = listen(host, port, 100, setting)
    server = await asyncio.get_running_loop().create_server(clients.accept, sock=listener)
    try:
        ready(int(listener.getsockname()[1]))
        await stop.wait()
    finally:
        server.close()
        await clients.end()


class _Clients:
    """Who is connected."""

    def __init__(self, mailbox: Mailbox, limits: SinkLimits) -> None:
        self._limits = limits
        self._receiver = _Receiver(mailbox, limits)
        self._clients: set[_Client] = set()

    def accept(self) -> asyncio.BaseProtocol:
        if len(self._clients) >= self._limits.clients:
            return _Refusal()
        client = _Client(self._receiver, self._limits, self._clients.discard)
        self._clients.add(client)
        return client

    async def end(self) -> None:
        talks = [talk for client in list(self._clients) if (talk := client.cut())]
        if talks:
            await asyncio.wait(talks)


class _Refusal(asyncio.Protocol):
    """Says that there are too many already."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"421 4.3.2 too many connections, try again later\r\n")
        transport.close()


class _Client(SMTP):
    """One connection."""

    def __init__(
        self, receiver: "_Receiver", limits: SinkLimits, gone: Callable[["_Client"], None]
    ) -> None:
        super().__init__(
            receiver,
            data_size_limit=limits.mail_bytes,
            enable_SMTPUTF8=True,
            hostname="localhost",  # or its name is looked up for each connection
            ident="the mailbox of this machine",
            timeout=limits.idle,
            command_call_limit=_COMMANDS,
            loop=asyncio.get_running_loop(),
        )
        self._gone = gone
        self._budget = self._whole_budget = limits.bytes_between

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self._handler_coroutine is not None
        self._handler_coroutine.add_done_callback(_talked)

    def data_received(self, data: bytes) -> None:
        self._budget -= len(data)
        if self._budget < 0 and isinstance(self.transport, asyncio.Transport):
            log.warning("a client sends more than a mail can be, and is cut off")
            self.transport.abort()
            return
        super().data_received(data)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._gone(self)

    def begin_anew(self) -> None:
        """Take in the end of a mail."""
        self._budget = self._whole_budget

    def cut(self) -> "asyncio.Task[None] | None":
        """End the connection; return what then comes to its end."""
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()
        return self._handler_coroutine


def _talked(talk: "asyncio.Task[None]") -> None:
    """Take in how a connection ended: a client that went away is none of our business."""
    if talk.cancelled():
        return
    error = talk.exception()
    if error is not None and not isinstance(error, ConnectionError):
        log.error("a connection ended with an error", exc_info=error)


class _Receiver:
    """What aiosmtpd asks, by the names that it gives its hooks."""

    def __init__(self, mailbox: Mailbox, limits: SinkLimits) -> None:
        self._mailbox = mailbox
        self._limits = limits

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if len(envelope.rcpt_tos) >= self._limits.recipients:
            return f"452 4.5.3 expected at most {self._limits.recipients} recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd calls it so
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(server, _Client)
        assert isinstance(envelope.content, bytes)
        server.begin_anew()
        try:
            mail = self._mailbox.add(envelope.mail_from or "", envelope.rcpt_tos, envelope.content)
        except OSError as error:
            log.exception("a mail cannot be kept")
            return f"452 4.3.1 it cannot be kept: {error.strerror}"
        return f"250 2.0.0 kept as {mail.id}"

    async def handle_exception(self, error: Exception) -> str:
        log.warning("a command cannot be understood: %r", error)
        return "500 5.5.2 it cannot be understood"
