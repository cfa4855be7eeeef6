"""What each end tells the other about itself (RFC 9113 section 6.5.2), with the limits of each."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from plait.rpc.http2.errors import ErrorCode, violation
from plait.rpc.http2.frames import LARGEST_FRAME, LARGEST_WINDOW, SMALLEST_FRAME

HEADER_TABLE_SIZE = 0x1
ENABLE_PUSH = 0x2
MAX_CONCURRENT_STREAMS = 0x3
INITIAL_WINDOW_SIZE = 0x4
MAX_FRAME_SIZE = 0x5
MAX_HEADER_LIST_SIZE = 0x6

UNLIMITED = 2**32 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One end's settings. The defaults are those that hold until a SETTINGS frame has come."""

    header_table_size: int = 4096  # bytes
    enable_push: bool = True
    max_concurrent_streams: int = UNLIMITED
    initial_window_size: int = 65_535  # bytes
    max_frame_size: int = SMALLEST_FRAME  # bytes of payload
    max_header_list_size: int = UNLIMITED  # bytes, as section 6.5.2 counts them

    def applied(self, pairs: Iterable[tuple[int, int]], *, from_server: bool) -> "Settings":
        """Return the settings after a SETTINGS frame; unknown ones are ignored (section 6.5.2).

        Raises:
            ConnectionFailed: a value is out of its bounds.
        """
        changes: dict[str, int | bool] = {}
        for key, value in pairs:
            name = _NAMES.get(key)
            if name is not None:
                _check(key, value, from_server=from_server)
                changes[name] = bool(value) if key == ENABLE_PUSH else value
        return replace(self, **changes) if changes else self  # type: ignore[arg-type]

    def pairs(self, *, server: bool) -> dict[int, int]:
        """Return what to send at the start: what differs from the defaults of the protocol."""
        said: dict[int, int] = {}
        default = Settings()
        for key, name in _NAMES.items():
            value = int(getattr(self, name))
            if value != int(getattr(default, name)) and not (server and key == ENABLE_PUSH):
                said[key] = value
        return said


_NAMES = {
    HEADER_TABLE_SIZE: "header_table_size",
    ENABLE_PUSH: "enable_push",
    MAX_CONCURRENT_STREAMS: "max_concurrent_streams",
    INITIAL_WINDOW_SIZE: "initial_window_size",
    MAX_FRAME_SIZE: "max_frame_size",
    MAX_HEADER_LIST_SIZE: "max_header_list_size",
}


def _check(key: int, value: int, *, from_server: bool) -> None:
    if key == ENABLE_PUSH and (value > 1 or (value and from_server)):
        raise violation(f"SETTINGS_ENABLE_PUSH is {value}")
    if key == INITIAL_WINDOW_SIZE and value > LARGEST_WINDOW:
        raise violation(
            f"SETTINGS_INITIAL_WINDOW_SIZE is {value}, at most {LARGEST_WINDOW} is allowed",
            ErrorCode.FLOW_CONTROL_ERROR,
        )
    if key == MAX_FRAME_SIZE and not SMALLEST_FRAME <= value <= LARGEST_FRAME:
        raise violation(
            f"SETTINGS_MAX_FRAME_SIZE is {value}, expected {SMALLEST_FRAME} to {LARGEST_FRAME}"
        )
