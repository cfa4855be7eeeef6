"""What every framing of a stream can do: turn messages, the end and an error into bytes."""

from typing import Protocol


class Framing(Protocol):
    """Writes one stream; each text is one JSON value in UTF-8, without line breaks.

    Attributes:
        idle: what to send when nothing happened for a while, to keep the connection; may be empty.
    """

    idle: bytes

    def message(self, text: bytes, position: str = "") -> bytes:
        """Return a message; `position` is where to resume after it, empty where there is none."""
        ...

    def end(self) -> bytes:
        """Return what comes after the last message, if all went well."""
        ...

    def error(self, text: bytes) -> bytes | None:
        """Return what comes last if the stream breaks, `text` being an AIP-193 body.

        None where a client could not tell it from a message.
        """
        ...
