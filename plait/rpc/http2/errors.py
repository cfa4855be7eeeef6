"""What can go wrong on a connection or a stream, by the codes of RFC 9113 section 7."""

from enum import IntEnum


class ErrorCode(IntEnum):
    """The codes of RST_STREAM and GOAWAY (RFC 9113 section 7)."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    SETTINGS_TIMEOUT = 0x4
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    CONNECT_ERROR = 0xA
    ENHANCE_YOUR_CALM = 0xB
    INADEQUATE_SECURITY = 0xC
    HTTP_1_1_REQUIRED = 0xD


def error_code(number: int) -> ErrorCode:
    """Return the code of a peer's frame; unknown ones count as INTERNAL_ERROR (section 7)."""
    try:
        return ErrorCode(number)
    except ValueError:
        return ErrorCode.INTERNAL_ERROR


class ConnectionFailed(Exception):
    """The peer broke a rule that ends the connection (RFC 9113 section 5.4.1)."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.message = message


class StreamFailed(Exception):
    """The peer broke a rule that ends one stream (RFC 9113 section 5.4.2)."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.message = message


def violation(message: str, code: ErrorCode = ErrorCode.PROTOCOL_ERROR) -> ConnectionFailed:
    return ConnectionFailed(code, message)
