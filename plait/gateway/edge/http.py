"""A request and its answer as every style sees them: no ASGI, no bytes on a socket."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from plait.errors import Error

Headers = tuple[tuple[str, str], ...]
"""Names in lower case, in the order in which they are sent."""


class Body(Protocol):
    """The body of a request, read as it comes."""

    async def read(self, limit: int, within: float) -> bytes:
        """Return the whole body.

        Raises:
            BodyTooLarge: it has more than `limit` bytes; no more than that is ever kept.
            BodyTimedOut: the client stopped in the middle of it, or it was not complete `within`
                seconds.
            ClientGone: the client went away.
        """
        ...

    def chunks(self, limit: int, within: float) -> AsyncGenerator[bytes]:
        """Yield the body piece by piece; raises as `read` does."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asks for.

    Attributes:
        verb: the HTTP method.
        path: the raw path, percent-encoding and all.
        query: the raw query string, without `?`.
        headers: by lower-case name; values of a repeated header are joined (RFC 9110 section 5.3).
        body: what follows the head.
        client: the address of the client, as far as trusted proxies tell it.
        id: of this request, in logs and in X-Request-Id.
    """

    verb: str
    path: bytes
    query: str
    headers: Mapping[str, str]
    body: Body
    client: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A body that is written while it comes into being, each chunk at once.

    Attributes:
        chunks: what to write; an error of `plait.errors` that it raises ends the body.
        broken: what to write last when it breaks; None where a client could not tell it from data:
            then the connection is cut, so that the client sees an incomplete body.
        close: ends what makes the chunks, begun or not; called once, whatever happens.
        idle: what to write when there was nothing to write for a while; empty: nothing.
    """

    chunks: AsyncIterator[bytes]
    broken: Callable[[Error], bytes | None]
    close: Callable[[], Awaitable[None]]
    idle: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a client gets; `stream` takes the place of `body`."""

    status: int
    headers: Headers = ()
    body: bytes = b""
    stream: Stream | None = None
