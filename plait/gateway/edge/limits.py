"""How much a client may send, and the refusal of a head that is too large."""

from dataclasses import dataclass

from plait.gateway.edge.asgi import Scope
from plait.gateway.errors import HeadersTooLarge, UriTooLong


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of a request; sizes in bytes, times in seconds. What is exactly as large is taken.

    Attributes:
        url: path and query.
        header_count: how many headers.
        headers: names and values of all of them.
        body: the body of a method that takes one message.
        item: one message of a client's stream.
        stream: the whole body of a client's stream.
        body_pause: how long a client may pause in the middle of a body.
        body_time: how long the body of a method that takes one message may take from its first
            byte to its last.
        stream_time: the same of a client's stream, with the time that the service takes for it.
        write_pause: how long a client may read nothing of what is ready for it.
    """

    url: int = 8 * 1024
    header_count: int = 64
    headers: int = 32 * 1024
    body: int = 4 * 1024 * 1024
    item: int = 4 * 1024 * 1024
    stream: int = 1024 * 1024 * 1024
    body_pause: float = 30.0
    body_time: float = 60.0
    stream_time: float = 3600.0
    write_pause: float = 60.0


def check_head(scope: Scope, limits: Limits) -> None:
    """Refuse a URL or headers that are too large.

    Raises:
        UriTooLong: path and query together.
        HeadersTooLarge: too many, or too long.
    """
    query: bytes = scope["query_string"]
    url = len(scope["raw_path"]) + (len(query) + 1 if query else 0)
    if url > limits.url:
        raise UriTooLong(f"the URL has {url} bytes; expected at most {limits.url}")
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    if len(headers) > limits.header_count:
        raise HeadersTooLarge(
            f"there are {len(headers)} headers; expected at most {limits.header_count}"
        )
    size = sum(len(name) + len(value) for name, value in headers)
    if size > limits.headers:
        raise HeadersTooLarge(f"the headers have {size} bytes; expected at most {limits.headers}")
