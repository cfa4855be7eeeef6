"""The asyncio side of a connection: bytes from and to a socket, one write a turn of the loop."""

import asyncio
import logging
import socket
from typing import cast

from plait.rpc.http2.connection import Connection
from plait.rpc.http2.errors import ErrorCode
from plait.rpc.lifetime import Do, Lifetime, Lifetimes
from plait.rpc.tls import PROTOCOL, Auth, auth_of

_MOST_UNSENT = 1024 * 1024  # bytes beyond what flow control lets out: the peer does not read
_TICK = 1.0  # seconds
_FAREWELL = 1.0  # seconds, for the answer that tells that a peer has heard of the end
_LINGERING = 1.0  # seconds, for a peer that broke a rule to read why: what it sends is dropped
_MOST_DROPPED = 1024 * 1024  # bytes
_LAST_WORDS = 5.0  # seconds, for what is left to be sent when the socket closes
_GOODBYE, _ARE_YOU_THERE = b"plaitbye", b"plaitask"
_log = logging.getLogger(__name__)


class Link(asyncio.Protocol):
    """One end of one connection; `plait.rpc.server` and `plait.rpc.channel` have one kind each.

    What streams send while bytes are taken in, and what tasks send that these bytes have started,
    goes out in one write.
    """

    connection: Connection
    lingers = False  # whether a peer that broke a rule gets the time to read why

    def __init__(self, loop: asyncio.AbstractEventLoop, lifetimes: Lifetimes) -> None:
        self.loop = loop
        self.lifetime = Lifetime(lifetimes, loop.time())
        self.ending = False  # whether it takes no new calls and closes after the last
        self.told = False  # whether the peer knows which calls were taken in
        self.transport: asyncio.Transport | None = None
        self._dropped = False
        self._failing = False
        self._left_to_drop = _MOST_DROPPED
        self._receiving = False
        self._turn_is_due = False
        self._ticking: asyncio.TimerHandle | None = None
        self._farewell: asyncio.TimerHandle | None = None
        self._auth: Auth | None = None
        self._unsent_when_full = 0

    def made(self) -> Connection:
        """Return the connection's state machine; called once the socket is connected."""
        raise NotImplementedError

    def closed(self, error: Exception | None) -> None:
        """Hear that the connection is gone; its streams have been told."""

    def refuses(self) -> bool:
        """Whether a connection that was just made comes too late."""
        return False

    def turned(self) -> None:
        """Hear that the tasks that the last bytes have started have made their first step."""

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.connection = self.made()
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() != PROTOCOL:
            self._drop("TLS without ALPN h2")
        elif self.refuses():
            self._drop("it came when the end had begun")
        else:
            plain = transport.get_extra_info("socket")
            if plain is not None and plain.family in (socket.AF_INET, socket.AF_INET6):
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connection.start()
            self._tick()

    def data_received(self, data: bytes) -> None:
        self._receiving = True
        self.lifetime.heard(self.loop.time())
        self.connection.receive(data)
        self._receiving = False
        if self._turn_is_due:
            return
        self.flush()
        if self.connection.failure is not None:
            self._give_up(len(data))

    def pause_writing(self) -> None:
        self.connection.paused = True
        if self.transport is not None:
            self._unsent_when_full = self.transport.get_write_buffer_size()

    def resume_writing(self) -> None:
        self.connection.resume()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timers()
        self.transport = None
        self.connection.lost(ErrorCode.CANCEL)
        self.closed(exc)

    # What streams and owners call.

    def wake(self) -> None:
        """See to it that what is to be sent is sent in this turn of the loop."""
        if not self._receiving and not self._turn_is_due:
            self.after_this_turn()

    def after_this_turn(self) -> None:
        """Send, and call `turned`, behind the first steps of the tasks that were just started."""
        if not self._turn_is_due:
            self._turn_is_due = True
            self.loop.call_soon(self._turn)

    def flush(self) -> None:
        out = self.connection.out
        if out and self.transport is not None and not self._failing:
            self.transport.write(out[0] if len(out) == 1 else b"".join(out))
            out.clear()
            if self.connection.paused:
                self._check_unsent(self.transport)

    def end(self) -> None:
        """Take no new calls, and close after the last one (RFC 9113 section 6.8).

        The peer hears it twice: at first every stream is still taken, so that none is lost that was
        on its way; after a round trip, or a second, only those that have come.
        """
        if self.ending or self.transport is None:
            return
        self.ending = True
        if self.connection.greeted:
            self.connection.refuse_new()
            self.connection.ping(_GOODBYE)
            self._farewell = self.loop.call_later(_FAREWELL, self._tell)
        else:
            self.close()

    def pong(self, data: bytes) -> None:
        """Hear the answer to a PING."""
        if data == _GOODBYE:
            self._tell()

    def close_if_unused(self) -> None:
        """Close if nothing runs any more and nothing more is taken."""
        if self.ending and self.told and not self.connection.streams:
            self.close()

    def auth(self) -> Auth:
        """Return what TLS has proven of the peer."""
        if self._auth is None:
            self._auth = auth_of(
                self.transport.get_extra_info("ssl_object") if self.transport else None
            )
        return self._auth

    def close(self) -> None:
        """Send what is left and close the socket; a peer that does not take it is dropped."""
        if self.transport is not None and not self.transport.is_closing():
            self.flush()
            self.transport.close()
            self._stop_timers()
            self._farewell = self.loop.call_later(_LAST_WORDS, self.transport.abort)

    def abort(self) -> None:
        """Close the socket at once, whatever is left to be sent."""
        if self.transport is not None:
            self.transport.abort()

    def _tell(self) -> None:
        if not self.told and self.transport is not None:
            self.told = True
            self.connection.go_away()
            self.close_if_unused()

    def _turn(self) -> None:
        self._turn_is_due = False
        self.flush()
        self.turned()
        if self.connection.failure is not None:
            self._give_up()

    def _check_unsent(self, transport: asyncio.Transport) -> None:
        """Drop a peer that asks for answers and does not take them off the socket."""
        if transport.get_write_buffer_size() > _MOST_UNSENT + self._unsent_when_full:
            self._drop("it does not read what it asks for")

    def peer(self) -> str:
        """Return the other end's address in grpcio's form (`ipv4:127.0.0.1:5000`)."""
        return peer_of(self.transport.get_extra_info("peername")) if self.transport else "unknown"

    def _give_up(self, count: int = 0) -> None:
        """Let the peer read why its connection fails; a socket with unread bytes would not."""
        if self.transport is None or self.transport.is_closing():
            return
        if not self._failing:
            self._failing = True
            _log.info("%s: connection ended: %s", self.peer(), self.connection.failure)
            if not self.lingers:
                self.close()
                return
            self._stop_timers()
            self._farewell = self.loop.call_later(_LINGERING, self.close)
            if self.transport.can_write_eof():
                self.transport.write_eof()
        self._left_to_drop -= count
        if self._left_to_drop < 0:
            self.close()

    def _stop_timers(self) -> None:
        for timer in (self._ticking, self._farewell):
            if timer is not None:
                timer.cancel()

    def _tick(self) -> None:
        self._ticking = self.loop.call_later(_TICK, self._tick)
        connection = self.connection
        connection.tick()
        match self.lifetime.next(
            self.loop.time(), calls=len(connection.streams), owes=connection.waits_for_peer()
        ):
            case Do.PING:
                connection.ping(_ARE_YOU_THERE)
            case Do.END:
                self.end()
            case Do.DROP:
                self._drop("it is silent, or older than it may be")
            case Do.NOTHING:
                pass

    def _drop(self, why: str) -> None:
        if self.transport is not None and not self._dropped:
            self._dropped = True
            _log.info("%s: connection dropped: %s", self.peer(), why)
            self.transport.abort()


def peer_of(name: object) -> str:
    """Return an address of a socket in grpcio's form."""
    if isinstance(name, tuple):
        host, port = cast("tuple[object, ...]", name)[:2]
        return f"ipv6:%5B{host}%5D:{port}" if ":" in str(host) else f"ipv4:{host}:{port}"
    return "unix:" if isinstance(name, str | bytes) else "unknown"
