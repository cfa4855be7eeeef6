"""Calls any method of a service as bytes, by plait.mesh; the only file here that calls."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from plait.errors import DeadlineExceeded, Unavailable
from plait.gateway.errors import DOMAIN, BodyTooLarge
from plait.mesh.call import Metadata
from plait.mesh.grpcio import MAX_MESSAGE
from plait.mesh.method import Method

_RETRY_AFTER = 1.0  # seconds: a service that was restarted is back by then


class UpstreamUnavailable(Unavailable):
    """The service does not answer: 503. It says nothing of where the service is and why."""


class Channel(Protocol):
    """What is needed of `plait.mesh.channel`: what stubs call, with bytes in and out."""

    service: str

    def unary_unary(self, method: str) -> Any: ...
    def unary_stream(self, method: str) -> Any: ...
    def stream_unary(self, method: str) -> Any: ...
    def stream_stream(self, method: str) -> Any: ...
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Under which a call is made: `timeout` in seconds, None for as long as it takes."""

    timeout: float | None
    metadata: Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One message, and the metadata that came before and after it."""

    message: bytes
    metadata: Metadata


class Answers:
    """A stream of messages; to be closed, whoever has begun to read it or not."""

    def __init__(self, stream: Any, service: str) -> None:
        self._stream = stream
        self._service = service

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            message: bytes = await anext(self._stream)
        except (DeadlineExceeded, Unavailable) as error:
            raise _plain(error, self._service) from error
        return message

    @property
    def metadata(self) -> Metadata:
        """What has come so far of the metadata before the first message."""
        initial: Metadata = self._stream.call.initial
        return initial

    async def aclose(self) -> None:
        """End the call, if it still runs."""
        await self._stream.aclose()


class Upstream:
    """All services that the gateway shows, each behind one channel.

    Args:
        channels: by the full name of the service.
    """

    def __init__(self, channels: Mapping[str, Channel]) -> None:
        self._channels = dict(channels)

    async def answer(
        self, method: Method, request: bytes | AsyncIterator[bytes], terms: Terms
    ) -> Answer:
        """Call a method that answers one message; a cancelled task cancels the call.

        Raises:
            plait.errors.Error: what the service answered; UpstreamUnavailable if it cannot be
                reached, DeadlineExceeded if it did not answer in time.
        """
        channel = self._channels[method.service]
        shape = channel.stream_unary if method.client_streaming else channel.unary_unary
        asked = shape(method.path)(
            _bounded(request), timeout=terms.timeout, metadata=terms.metadata
        )
        try:
            message = await asked
        except (DeadlineExceeded, Unavailable) as error:
            raise _plain(error, channel.service) from error
        return Answer(message=message, metadata=[*asked.call.initial, *asked.call.trailing])

    def stream(
        self, method: Method, request: bytes | AsyncIterator[bytes], terms: Terms
    ) -> Answers:
        """Call a method that answers a stream; raises, when it is read, as `answer` does."""
        channel = self._channels[method.service]
        shape = channel.stream_stream if method.client_streaming else channel.unary_stream
        asked = shape(method.path)(
            _bounded(request), timeout=terms.timeout, metadata=terms.metadata
        )
        return Answers(asked, channel.service)

    async def close(self) -> None:
        """Close all channels."""
        for channel in _each_once(self._channels.values()):
            await channel.close()


def _bounded(request: bytes | AsyncIterator[bytes]) -> bytes | AsyncIterator[bytes]:
    """Return the request; a message that gRPC would not send is refused in the client's words."""
    if isinstance(request, bytes):
        return _checked(request)
    return _each_bounded(request)


async def _each_bounded(messages: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for message in messages:
        yield _checked(message)


def _checked(message: bytes) -> bytes:
    if len(message) > MAX_MESSAGE:
        raise BodyTooLarge(
            f"the message has {len(message)} bytes once it is encoded;"
            f" expected at most {MAX_MESSAGE}",
            limit=str(MAX_MESSAGE),
        )
    return message


def _plain(error: DeadlineExceeded | Unavailable, service: str) -> DeadlineExceeded | Unavailable:
    """Return what a client may see: an error that was made on the way to a service has no domain.

    It may say where the service is, and is not the service's word.
    """
    if error.domain:
        return error
    if isinstance(error, DeadlineExceeded):
        return DeadlineExceeded(f"{service} did not answer in time", domain=DOMAIN, service=service)
    return UpstreamUnavailable(
        f"{service} is not available right now; try again",
        domain=DOMAIN,
        retry_after=_RETRY_AFTER,
        service=service,
    )


def _each_once(channels: Iterable[Channel]) -> Iterable[Channel]:
    return {id(channel): channel for channel in channels}.values()
