"""Where a stream resumes: the field of a message that says so, out of answers and into requests."""

from typing import Any

from protobuf import DescField, DescMessage, Message, ScalarType

from plait.gateway.contracts import Contracts, Method


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

    def resume(self, request: Message[Any], position: str) -> None:
        """Ask for what follows `position`, whatever position the request named before."""
        if self._asks is not None and position:
            request[self._asks] = position


def _marked(message: DescMessage, contracts: Contracts) -> DescField | None:
    for field in message.fields:
        is_text = getattr(field.value, "scalar", None) is ScalarType.STRING
        if is_text and contracts.field(field).resume_token:
            return field
    return None
