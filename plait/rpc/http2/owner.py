"""What a connection needs of those who run it."""

from typing import Any, Protocol

from plait.rpc.http2.errors import ErrorCode
from plait.rpc.http2.hpack import Header
from plait.rpc.http2.stream import Stream


class Owner(Protocol):
    """Who runs the connection: the transport's side, which makes streams and sends bytes."""

    def wake(self) -> None:
        """Hear that there are bytes to send, which were none before."""
        ...

    def first(self, headers: list[Header]) -> Any:
        """Make of a head what `Stream.on_head` gets; must depend on nothing but the headers.

        It has an attribute `length`, the content-length or NO_LENGTH, and an attribute `interim`,
        whether it is a response 1xx. Raises StreamFailed.
        """
        ...

    def last(self, headers: list[Header]) -> Any:
        """Make of trailers what `Stream.on_trailers` gets; as `first`."""
        ...

    def accept(self, stream_id: int) -> Stream | None:
        """Return a new stream for a request, None to refuse it (server only)."""
        ...

    def gone(self, last_stream: int, code: ErrorCode, debug: bytes) -> None:
        """Hear a GOAWAY: streams above `last_stream` were not and will not be processed."""
        ...

    def pong(self, data: bytes) -> None:
        """Hear the answer to a PING."""
        ...

    def settled(self) -> None:
        """Hear that the peer's settings have come or changed."""
        ...
