"""Keys by gRPC: asked of the service that issues the tokens, which plait knows by settings only."""

from typing import Any, Protocol

from plait.api.v1 import keys_pb2
from plait.mesh.identity.jwk import PublicKey, public_keys
from plait.mesh.identity.ring import Pace

MAX_AGE = 60.0  # seconds after which known keys are asked for again, while they are used
SEARCH_EVERY = 5.0  # seconds between two questions because of unknown key ids
RETRY_EVERY = 1.0  # seconds after a question that was not answered
PATIENCE = 1.5  # seconds; less than a unary call's usual 2, so that it hears why it is refused


class Channel(Protocol):
    """What is needed of `plait.mesh.channel`."""

    service: str

    def unary_unary(
        self, method: str, request_serializer: None = None, response_deserializer: Any = None
    ) -> Any: ...

    async def close(self) -> None: ...


class KeyService:
    """A source of keys that calls a method, whose answer is a plait.api.v1.JsonWebKeySet.

    Args:
        channel: to the service; it adds no user's token, because that would have to be checked
            with the keys that are asked for. Closed with the source.
        method: the path, `/package.Service/Method`; the method takes a message without fields.
        patience: seconds that an answer may take.
    """

    pace = Pace(max_age=MAX_AGE, search=SEARCH_EVERY, retry=RETRY_EVERY, in_background=True)

    def __init__(self, channel: Channel, method: str, patience: float = PATIENCE) -> None:
        self._channel = channel
        self._method = method
        self._patience = patience
        self._ask = channel.unary_unary(
            method, response_deserializer=keys_pb2.JsonWebKeySet.FromString
        )

    def __str__(self) -> str:
        return f"{self._channel.service}{self._method}"

    async def read(self) -> dict[str, PublicKey]:
        """Return the keys.

        Raises:
            plait.errors.Error: the service does not answer, or with something else.
            ValueError: a key is broken.
        """
        answer: keys_pb2.JsonWebKeySet = await self._ask(b"", timeout=self._patience)
        return public_keys(
            {field.name: value for field, value in key.ListFields()} for key in answer.keys
        )

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()
