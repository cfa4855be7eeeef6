"""A stream of bytes as they are: a download that is made while it is sent.

Bytes have no place for an error: the connection is cut, so that the client sees that they are
incomplete.
"""


class Raw:
    """Writes the bytes of google.api.HttpBody messages one after the other."""

    idle = b""

    def message(self, text: bytes, position: str = "") -> bytes:  # noqa: ARG002 - bytes have no place for it
        return text

    def end(self) -> bytes:
        return b""

    def error(self, text: bytes) -> bytes | None:  # noqa: ARG002 - nor for this
        return None
