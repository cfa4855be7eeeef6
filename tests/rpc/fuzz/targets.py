"""What is fuzzed: each target takes bytes, and raises where a promise is broken."""

import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import hpack
from hpack.exceptions import HPACKError

from plait.rpc.framing import (
    DEFLATE,
    GZIP,
    IDENTITY,
    MessageBroken,
    Messages,
    MessageTooLarge,
    deflated,
    framed,
)
from plait.rpc.http2 import frames
from plait.rpc.http2.connection import Connection
from plait.rpc.http2.errors import ConnectionFailed, ErrorCode, StreamFailed
from plait.rpc.http2.headers import check_fields
from plait.rpc.http2.hpack import Decoder
from plait.rpc.http2.settings import Settings
from plait.rpc.metadata import InvalidMetadata, fields_of, pairs_of
from plait.rpc.request import request_of
from plait.rpc.response import response_of, trailers_of
from plait.rpc.status import percent_decoded, percent_encoded
from plait.rpc.timeouts import seconds_of
from tests.rpc.fuzz.calls import SEEDS, calls
from tests.rpc.fuzz.mutate import cut
from tests.rpc.http2.ends import REQUEST, RESPONSE, End, Listening

LARGEST = 1000  # bytes of a message, or of a header list
SETTINGS = frames.settings({})


@dataclass(frozen=True)
class Target:
    """`run` takes an input and its own source of chance."""

    run: Callable[[bytes, random.Random], None]
    seeds: tuple[bytes, ...]


class Answering(Listening):
    """Answers every request in one of several ways, by its number."""

    def on_head(self, head: Any, *, end: bool) -> None:
        super().on_head(head, end=end)
        if end:
            self.answer()

    def on_data(self, data: bytes, *, end: bool) -> None:
        super().on_data(data, end=end)
        if end:
            self.answer()

    def on_trailers(self, trailers: Any) -> None:
        super().on_trailers(trailers)
        self.answer()

    def answer(self) -> None:
        match self.id % 8:
            case 1:
                self.send_head(RESPONSE, end=True)
            case 3:
                self.send_head(RESPONSE)
                self.send_data(b"x" * 100_000)
                self.send_trailers([(b"grpc-status", b"0")])
            case 5:
                self.send_head(RESPONSE)
                self.send_data(b"x", end=True)
            case _:
                self.reset(ErrorCode.CANCEL)


@dataclass
class Served(End):
    """A server whose streams answer."""

    ours: Settings = field(
        default_factory=lambda: Settings(
            max_concurrent_streams=4, initial_window_size=65_536, max_header_list_size=LARGEST
        )
    )

    def accept(self, stream_id: int) -> Listening:
        self.streams[stream_id] = Answering(self.connection, stream_id)
        return self.streams[stream_id]


def at_a_server(data: bytes, rng: random.Random) -> None:
    """Bytes of a client, behind its preface."""
    whole, pieces = Served(server=True), Served(server=True)
    _fed(whole, [frames.PREFACE + SETTINGS + data])
    _fed(pieces, [frames.PREFACE + SETTINGS, *cut(rng, data)])
    _check_same(whole, pieces)


def at_a_client(data: bytes, rng: random.Random) -> None:
    """Bytes of a server, at a client that has asked thrice."""
    ends = []
    for parts in ([SETTINGS + data], [SETTINGS, *cut(rng, data)]):
        client = End(server=False, ours=Settings(max_header_list_size=LARGEST))
        client.connection.start()
        for end in (True, False, False):
            client.request(end=end)
        _fed(client, parts)
        ends.append(client)
    _check_same(*ends)


def _fed(end: End, parts: list[bytes]) -> None:
    for part in parts:
        end.connection.receive(part)
        _check(end.connection)


def _check(connection: Connection) -> None:
    """Hold what is true of a connection after whatever it got."""
    waiting = sum(stream.waiting_bytes for stream in connection.streams.values())
    assert connection.unsent == waiting
    assert connection.send_left <= frames.LARGEST_WINDOW
    assert len(connection._reader._rest) <= connection.ours.max_frame_size + frames.HEADER_SIZE
    assert len(connection.streams) <= 4
    assert all(connection.streams[key].id == key for key in connection.streams)
    assert all(key in connection.streams for key in connection._blocked)
    if connection.failure is not None:
        assert not connection.streams


def _check_same(whole: End, pieces: End) -> None:
    """How bytes are cut is nothing to anyone."""
    assert repr(whole.connection.failure) == repr(pieces.connection.failure)
    assert [s.heard for s in whole.streams.values()] == [s.heard for s in pieces.streams.values()]
    sent = whole.sent()
    assert sent == pieces.sent()
    sent = sent.removeprefix(frames.PREFACE)
    while sent:
        size = int.from_bytes(sent[:3])
        assert len(sent) >= 9 + size
        sent = sent[9 + size :]


def hpack_blocks(data: bytes, rng: random.Random) -> None:
    """Header blocks, told apart by a byte of length, as the judge reads them."""
    ours, theirs = Decoder(largest_list=2**20), hpack.Decoder(max_header_list_size=2**20)
    while data:
        block, data = data[1 : 1 + data[0]], data[1 + data[0] :]
        found: Any
        try:
            found = ours.decode(block)
        except ConnectionFailed as failed:
            found = None if failed.code is ErrorCode.COMPRESSION_ERROR else failed
        assert found == _judged(theirs, block)
        if found is None:
            return


def _judged(decoder: hpack.Decoder, block: bytes) -> list[tuple[bytes, bytes]] | None:
    try:
        return [(bytes(name), bytes(value)) for name, value in decoder.decode(block, raw=True)]
    except HPACKError:
        return None


def messages(data: bytes, rng: random.Random) -> None:
    """Messages of a stream; the first byte says how they are packed."""
    encoding = (IDENTITY, GZIP, DEFLATE)[data[0] % 3] if data else IDENTITY
    results = []
    for parts in ([data[1:]], list(cut(rng, data[1:]))):
        parser, found, fault = Messages(LARGEST, encoding), [], None
        try:
            for part in parts:
                found += parser.feed(part)
                assert parser._count <= LARGEST + 5
            parser.finish()
        except (MessageTooLarge, MessageBroken) as error:
            fault = str(error)
        assert all(len(message) <= LARGEST for message in found)
        results.append((found, fault))
    (one, fault), (another, again) = results
    assert fault == again
    assert one == another[: len(one)]  # a fault hides good messages that came together with it


def heads(data: bytes, rng: random.Random) -> None:
    """Header lists of requests and of responses: one header a line, its name before a tab."""
    lines = [line.partition(b"\t") for line in data.split(b"\n")]
    headers = [(name, value) for name, _, value in lines]
    for read in (lambda them: request_of(them, {}), response_of, trailers_of):
        with suppress(StreamFailed):
            read(headers)


def metadata(data: bytes, rng: random.Random) -> None:
    """Metadata that come, and go out again."""
    lines = [line.partition(b"\t") for line in data.split(b"\n")]
    fields = [(name, value) for name, _, value in lines]
    try:
        check_fields(fields)
    except StreamFailed:
        return
    pairs = pairs_of(fields)
    for pair in pairs:
        try:
            sent = fields_of([pair])
        except InvalidMetadata:
            continue
        check_fields(sent)
        assert pairs_of(sent) in ((pair,), ())


def values(data: bytes, rng: random.Random) -> None:
    """A status message and a timeout."""
    text = percent_decoded(data)
    sent = percent_encoded(text)
    check_fields([(b"grpc-message", sent.strip())])
    assert percent_decoded(sent) == text
    try:
        assert 0 <= seconds_of(data) < 4e11
    except ValueError:
        return


def _head(stream: int, *, end: bool) -> bytes:
    block = hpack.Encoder().encode([*REQUEST, (b"te", b"trailers"), (b"x-a", b"b")])
    return frames.headers(stream, block, end=end, largest=16384)


def _call(stream: int) -> bytes:
    return _head(stream, end=False) + frames.frame(0, 1, stream, framed(b"hello"))


_OK = b"\x88"
_TRAILERS = b"\x00\x0bgrpc-status\x010"
_CLIENTS: tuple[bytes, ...] = (
    _call(1) + _call(3) + frames.window_update(3, 70_000) + frames.window_update(0, 70_000),
    _head(1, end=True) + _head(3, end=True) + _head(5, end=True),
    _head(1, end=False) + frames.reset(1, ErrorCode.CANCEL) + frames.ping(b"12345678"),
    _head(3, end=False) + frames.headers(3, b"\x00\x01a\x01b", end=True, largest=99),
    frames.settings({4: 10, 5: 20_000}) + _call(3) + frames.settings({4: 70_000}),
    frames.frame(1, 0, 1, b"\x83\x86") + frames.frame(9, 4, 1, b"\x84"),
    frames.frame(1, 0x2C, 1, b"\x02\0\0\0\0\x10\x83\x86\x84\0\0")
    + frames.frame(0, 9, 1, b"\x01a\0"),
    frames.goaway(0, ErrorCode.NO_ERROR) + frames.settings_ack() + frames.frame(2, 0, 1, b"\0" * 5),
    b"".join(_head(stream, end=False) for stream in range(1, 13, 2)),
)
_SERVERS: tuple[bytes, ...] = (
    frames.headers(1, _OK, end=False, largest=99)
    + frames.frame(0, 0, 1, framed(b"hello"))
    + frames.headers(1, _TRAILERS, end=True, largest=99),
    frames.headers(3, b"\x08\x03103", end=False, largest=99)
    + frames.headers(3, _OK, end=True, largest=99),
    frames.reset(1, ErrorCode.REFUSED_STREAM)
    + frames.window_update(3, 5)
    + frames.ping(b"87654321"),
    frames.goaway(1, ErrorCode.NO_ERROR, b"bye")
    + frames.settings({3: 1, 1: 0})
    + frames.settings_ack(),
)


def _blocks(*lists: list[tuple[str, str]], huffman: bool) -> bytes:
    encoder = hpack.Encoder()
    found = [encoder.encode(headers, huffman=huffman) for headers in lists]
    return b"".join(bytes((len(block),)) + block for block in found)


_LISTS = [(":path", "/a"), ("x", "1")], [(":path", "/a"), ("cookie", "secret"), ("y", "v" * 60)]

TARGETS: Mapping[str, Target] = {
    "calls": Target(calls, SEEDS),
    "at_a_server": Target(at_a_server, _CLIENTS),
    "at_a_client": Target(at_a_client, _SERVERS),
    "hpack_blocks": Target(
        hpack_blocks,
        (
            _blocks(*_LISTS, huffman=True),
            _blocks(*_LISTS, *_LISTS, huffman=False),
            b"\x03\x3f\xe1\x1f\x01\x82\x01\x20\x04\x40\x01a\x00\x01\xbe",
        ),
    ),
    "messages": Target(
        messages,
        (
            b"\0" + framed(b"hello") + framed(b"") + framed(b"x" * 100),
            b"\1" + deflated(b"a" * 900, GZIP) + framed(b"plain"),
            b"\2" + deflated(b"a" * 900, DEFLATE) * 2,
            b"\1" + deflated(b"a" * 100_000, GZIP),
        ),
    ),
    "heads": Target(
        heads,
        (
            b":method\tPOST\n:scheme\thttp\n:path\t/a\ncontent-type\tapplication/grpc",
            b":method\tPOST\n:scheme\thttp\n:path\t/a\ngrpc-timeout\t1S\ncontent-length\t5",
            b":status\t200\ncontent-type\tapplication/grpc\ngrpc-encoding\tgzip",
            b"grpc-status\t5\ngrpc-message\tnot%20there\ngrpc-status-details-bin\tAAE",
        ),
    ),
    "metadata": Target(
        metadata,
        (b"x\t1\nx\t2\nx-bin\tAAE,AA==\ny.z_-\ta b", b"grpc-trace-bin\tAA\nuser-agent\tme"),
    ),
    "values": Target(values, (b"not%20there %C3%A4", b"12345678m", "ä%".encode(), b"0n")),
}
