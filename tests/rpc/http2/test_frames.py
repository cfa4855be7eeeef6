"""Frames, as they are written and read."""

import pytest

from plait.rpc.http2 import frames
from plait.rpc.http2.errors import ConnectionFailed, ErrorCode


def parts(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """Cut frames: type, flags, stream and payload of each."""
    found = []
    while data:
        size = int.from_bytes(data[:3])
        found.append((data[3], data[4], int.from_bytes(data[5:9]), data[9 : 9 + size]))
        data = data[9 + size :]
    return found


def test_a_frame_has_a_head_of_nine_bytes():
    assert frames.frame(0x0, 0x1, 3, b"ab") == b"\x00\x00\x02\x00\x01\x00\x00\x00\x03ab"


@pytest.mark.parametrize("end", [False, True])
def test_a_short_header_block_is_one_frame(end):
    written = parts(frames.headers(5, b"block", end=end, largest=16384))

    assert written == [(1, 4 | end, 5, b"block")]


def test_a_long_header_block_goes_on_in_continuations():
    written = parts(frames.headers(5, b"x" * 45, end=True, largest=20))

    assert [(kind, flags, len(payload)) for kind, flags, _, payload in written] == [
        (1, 1, 20),
        (9, 0, 20),
        (9, 4, 5),
    ]


def test_a_block_of_the_largest_size_needs_no_continuation():
    assert len(parts(frames.headers(5, b"x" * 20, end=False, largest=20))) == 1


def test_the_small_frames_are_as_the_rfc_draws_them():
    written = b"".join(
        [
            frames.reset(1, ErrorCode.CANCEL),
            frames.settings({3: 100, 4: 65536}),
            frames.settings_ack(),
            frames.ping(b"12345678"),
            frames.ping(b"12345678", ack=True),
            frames.goaway(7, ErrorCode.NO_ERROR, b"why"),
            frames.window_update(1, 5),
        ]
    )

    assert parts(written) == [
        (3, 0, 1, b"\0\0\0\x08"),
        (4, 0, 0, b"\0\x03\0\0\0\x64\0\x04\0\x01\0\0"),
        (4, 1, 0, b""),
        (6, 0, 0, b"12345678"),
        (6, 1, 0, b"12345678"),
        (7, 0, 0, b"\0\0\0\x07\0\0\0\0why"),
        (8, 0, 1, b"\0\0\0\x05"),
    ]


@pytest.mark.parametrize(
    ("payload", "data"), [(b"\x00abc", b"abc"), (b"\x02abc", b"a"), (b"\x03abc", b"")]
)
def test_padding_is_taken_away(payload, data):
    assert frames.unpadded(payload, frames.PADDED) == data


def test_without_the_flag_there_is_no_padding():
    assert frames.unpadded(b"\x02abc", 0) == b"\x02abc"


@pytest.mark.parametrize(
    ("payload", "code"),
    [(b"", ErrorCode.FRAME_SIZE_ERROR), (b"\x04abc", ErrorCode.PROTOCOL_ERROR)],
)
def test_more_padding_than_there_is_room_for_is_refused(payload, code):
    with pytest.raises(ConnectionFailed) as refused:
        frames.unpadded(payload, frames.PADDED)

    assert refused.value.code is code


def test_priority_is_passed_over():
    assert frames.unprioritized(b"\0\0\0\x01\x10block", frames.PRIORITY, 3) == b"block"
    assert frames.unprioritized(b"block", 0, 3) == b"block"


@pytest.mark.parametrize("payload", [b"\0\0\0\x01", b""])
def test_a_priority_that_is_cut_off_is_refused(payload):
    with pytest.raises(ConnectionFailed, match="FRAME_SIZE_ERROR"):
        frames.unprioritized(payload, frames.PRIORITY, 3)


@pytest.mark.parametrize("exclusive", [0, 0x80])
def test_a_stream_cannot_depend_on_itself(exclusive):
    with pytest.raises(ConnectionFailed, match="depends on itself"):
        frames.unprioritized(bytes((exclusive, 0, 0, 3, 16)), frames.PRIORITY, 3)


def test_settings_come_in_pairs_of_six_bytes():
    assert frames.settings_of(b"\0\x03\0\0\0\x64\0\x03\0\0\0\x65") == [(3, 100), (3, 101)]
    with pytest.raises(ConnectionFailed, match=r"FRAME_SIZE_ERROR.*7 bytes, expected a multiple"):
        frames.settings_of(b"1234567")


def test_a_goaway_is_read():
    payload = b"\x80\0\0\x07\0\0\0\x02debug"

    assert frames.goaway_of(payload) == (7, 2, b"debug")
    with pytest.raises(ConnectionFailed, match="7 bytes, expected at least 8"):
        frames.goaway_of(b"1234567")


@pytest.mark.parametrize("payload", [b"123", b"12345"])
def test_a_word_has_four_bytes(payload):
    assert frames.word_of(b"\0\0\1\0", "RST_STREAM") == 256
    with pytest.raises(ConnectionFailed, match=r"RST_STREAM frame has . bytes, expected 4"):
        frames.word_of(payload, "RST_STREAM")


def test_a_size_is_checked():
    frames.check_size(b"12345678", 8, "PING")
    with pytest.raises(ConnectionFailed, match="PING frame has 7 bytes, expected 8"):
        frames.check_size(b"1234567", 8, "PING")
