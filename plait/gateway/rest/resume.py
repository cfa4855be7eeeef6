"""Where a stream resumes: the field of a message that says so, out of answers and into requests."""

from typing import Any

from protobuf import DescField, DescMessage, ScalarType

from plait.gateway.contracts import Contracts, Method

_LENGTH_DELIMITED = 2


class Resume:
    """The resume token of one method (plait.api.v1.resume_token)."""

    def __init__(self, method: Method, contracts: Contracts) -> None:
        self._method = method
        self._asks = _marked(method.request, contracts)
        self._tells = _marked(method.response, contracts)

    def position(self, message: bytes) -> str:
        """Return where to go on after a message of the stream; empty if it does not say."""
        if self._tells is None:
            return ""
        answer: Any = self._method.response.type.from_binary(message)
        position: str = answer[self._tells]
        return position

    def resumed(self, request: bytes, position: str) -> bytes:
        """Return the request for what follows `position`, whatever position it named before."""
        if self._asks is None or not position:
            return request
        # Of a field that is there twice the last one counts (protobuf.dev, encoding).
        text = position.encode()
        tag = _varint(self._asks.number << 3 | _LENGTH_DELIMITED)
        return request + tag + _varint(len(text)) + text


def _marked(message: DescMessage, contracts: Contracts) -> DescField | None:
    for field in message.fields:
        is_text = getattr(field.value, "scalar", None) is ScalarType.STRING
        if is_text and contracts.field(field).resume_token:
            return field
    return None


def _varint(number: int) -> bytes:
    """Write a number as a varint (protobuf.dev, encoding, "Base 128 Varints")."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)
