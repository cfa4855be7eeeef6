"""Streams over HTTP: both ways, in every framing, and how they end."""

import asyncio
import contextlib
import json

import httpx
import pytest

from plait.errors import Internal, InvalidArgument, Unavailable
from plait.gateway.app import Edge
from plait.gateway.edge.limits import Limits
from plait.gateway.upstream import Upstream
from tests.gateway.live import BOUND, eventually, live

WATCH = "/v1/shelves/s1/books:watch"
IMPORT = "/v1/shelves/s1/books:import"
NDJSON = {"content-type": "application/x-ndjson"}
SSE = {"accept": "text/event-stream"}
ARRAY = {"accept": "application/json"}


@pytest.fixture
async def shop(library, message_class, tmp_path):
    async with live(library, message_class, tmp_path) as running:
        yield running


@pytest.fixture
def with_edge(library, message_class, tmp_path):
    """Run a gateway with another edge."""
    return lambda **parts: live(library, message_class, tmp_path, edge=Edge(**parts))


def breaks_after(count: int, error: Exception):
    """A stream that gives so many messages and then an error."""

    async def act(request, asked):
        for number in range(count):
            yield asked.make("WatchBooksResponse", book={"title": f"W{number}"})
        raise error

    return act


def events(text: str) -> list[dict[str, str]]:
    """What a browser makes of an event stream (WHATWG HTML 9.2.6)."""
    found = []
    for block in text.split("\n\n"):
        event: dict[str, str] = {}
        for line in block.splitlines():
            name, _, value = line.partition(": ")
            if name:
                event[name] = f"{event[name]}\n{value}" if name in event else value
        if event:
            found.append(event)
    return found


async def test_a_stream_is_ndjson_by_default(shop):
    answer = await shop.client.get(WATCH)

    assert answer.headers["content-type"] == "application/x-ndjson"
    titles = [json.loads(line)["book"]["title"] for line in answer.text.splitlines()]
    assert titles == ["W0", "W1", "W2"]


async def test_a_stream_is_a_json_array_for_those_who_accept_json(shop):
    answer = await shop.client.get(WATCH, headers=ARRAY)

    assert answer.headers["content-type"] == "application/json"
    assert [each["book"]["title"] for each in answer.json()] == ["W0", "W1", "W2"]


async def test_an_empty_stream_is_an_empty_array(shop):
    async def nothing(request, asked):
        return
        yield

    shop.on("WatchBooks", nothing)

    assert (await shop.client.get(WATCH, headers=ARRAY)).json() == []
    assert (await shop.client.get(WATCH)).content == b""


async def test_a_stream_is_events_with_ids_and_an_end_for_those_who_accept_events(shop):
    answer = await shop.client.get(WATCH, headers=SSE)

    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["cache-control"] == "no-store"
    *messages, end = events(answer.text)
    assert [each["id"] for each in messages] == ["1", "2", "3"]
    assert json.loads(messages[0]["data"])["book"]["title"] == "W0"
    assert end == {"event": "end", "data": "{}"}


async def test_last_event_id_goes_on_where_the_client_stopped(shop):
    headers = SSE | {"last-event-id": "2"}

    answer = await shop.client.get(f"{WATCH}?resumeToken=1", headers=headers)

    assert [each.get("id") for each in events(answer.text)] == ["3", None]


async def test_pretty_printing_does_not_tear_lines_apart(shop):
    answer = await shop.client.get(f"{WATCH}?$prettyPrint=true")

    assert len(answer.text.splitlines()) == 3


async def test_a_part_of_the_response_can_be_each_message(shop):
    answer = await shop.client.get("/v1/shelves/s1/books:export")

    assert json.loads(answer.text)["title"] == "Emma"


async def test_an_error_before_the_first_message_is_a_plain_http_error(shop):
    shop.on("WatchBooks", breaks_after(0, InvalidArgument("no", reason="BAD_TOKEN")))

    for headers in ({}, ARRAY, SSE):
        answer = await shop.client.get(WATCH, headers=headers)

        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["error"]["details"][0]["reason"] == "BAD_TOKEN"


class Garbage:
    """A message that is none."""

    def SerializeToString(self) -> bytes:  # noqa: N802 - protobuf's name
        return b"\xff"


async def test_a_first_message_that_cannot_be_read_ends_the_call(shop, monkeypatch):
    ended, held = asyncio.Event(), []
    stream = Upstream.stream

    def kept(self, *args):
        held.append(stream(self, *args))  # or the garbage collector would end the call
        return held[-1]

    async def garbage(request, asked):
        try:
            yield Garbage()
            await asyncio.Event().wait()
        finally:
            ended.set()

    monkeypatch.setattr(Upstream, "stream", kept)
    shop.on("WatchBooks", garbage)

    answer = await shop.client.get(WATCH)

    assert answer.status_code == 500
    async with asyncio.timeout(BOUND):
        await ended.wait()


async def test_an_error_after_the_first_message_is_the_last_line(shop):
    shop.on("WatchBooks", breaks_after(1, InvalidArgument("no", reason="BAD")))

    answer = await shop.client.get(WATCH)

    first, last = answer.text.splitlines()
    assert answer.status_code == 200
    assert json.loads(first)["book"]["title"] == "W0"
    assert json.loads(last)["error"]["details"][0]["reason"] == "BAD"


async def test_an_error_after_the_first_message_is_the_last_element(shop):
    shop.on("WatchBooks", breaks_after(1, InvalidArgument("no", reason="BAD")))

    answer = await shop.client.get(WATCH, headers=ARRAY)

    first, last = answer.json()
    assert first["book"]["title"] == "W0"
    assert last["error"]["code"] == 400


async def test_an_error_after_the_first_message_is_an_event(shop):
    shop.on("WatchBooks", breaks_after(1, InvalidArgument("no", reason="BAD")))

    answer = await shop.client.get(WATCH, headers=SSE)

    last = events(answer.text)[-1]
    assert last["event"] == "error"
    assert json.loads(last["data"])["error"]["status"] == "INVALID_ARGUMENT"


async def test_a_bug_in_the_middle_of_a_stream_says_nothing_of_itself(shop):
    shop.on("WatchBooks", breaks_after(1, Internal("password=hunter2")))

    answer = await shop.client.get(WATCH)

    assert json.loads(answer.text.splitlines()[-1])["error"]["status"] == "INTERNAL"
    assert "hunter2" not in answer.text


async def test_bytes_that_break_off_are_seen_to_be_incomplete(shop):
    async def torn(request, asked):
        yield asked.message("google.api.HttpBody")(content_type="text/csv", data=b"one,")
        raise Unavailable("gone")

    shop.on("Download", torn)

    with pytest.raises(httpx.RemoteProtocolError):
        await shop.client.get("/v1/shelves/s1/books/b1/cover:download")


async def test_a_stream_of_bytes_is_one_download_of_the_first_ones_type(shop):
    answer = await shop.client.get("/v1/shelves/s1/books/b1/cover:download")

    assert answer.content == b"one,two,three"
    assert answer.headers["content-type"] == "text/csv"


async def test_messages_are_sent_one_by_one_as_they_come(shop):
    go_on = asyncio.Event()

    async def slowly(request, asked):
        yield asked.make("WatchBooksResponse", book={"title": "first"})
        await go_on.wait()
        yield asked.make("WatchBooksResponse", book={"title": "second"})

    shop.on("WatchBooks", slowly)

    async with shop.client.stream("GET", WATCH) as answer:
        lines = answer.aiter_lines()
        async with asyncio.timeout(BOUND):
            first = await anext(lines)
            go_on.set()
            second = await anext(lines)

    assert "first" in first
    assert "second" in second


async def test_a_quiet_event_stream_says_that_it_is_still_there(with_edge):
    go_on = asyncio.Event()

    async def quiet(request, asked):
        await go_on.wait()
        yield asked.make("WatchBooksResponse", book={"title": "late"})

    async with with_edge(heartbeat=0.02) as shop:
        shop.on("WatchBooks", quiet)
        async with shop.client.stream("GET", WATCH, headers=SSE) as answer:
            lines = answer.aiter_lines()
            async with asyncio.timeout(BOUND):
                while not (await anext(lines)).startswith(":"):
                    pass
                go_on.set()
                rest = [line async for line in lines]

    assert answer.status_code == 200
    assert any("late" in line for line in rest)
    assert rest[-3:-1] == ["event: end", "data: {}"]


async def test_a_client_that_leaves_a_stream_ends_the_call(shop):
    ended = asyncio.Event()

    async def endless(request, asked):
        try:
            yield asked.make("WatchBooksResponse", book={"title": "first"})
            await asyncio.Event().wait()
        finally:
            ended.set()

    shop.on("WatchBooks", endless)

    async with shop.client.stream("GET", WATCH) as answer:
        await anext(answer.aiter_lines())

    async with asyncio.timeout(BOUND):
        await ended.wait()


async def test_a_client_that_reads_nothing_holds_the_service_back_and_is_cut_off(with_edge):
    made: list[int] = []
    ended = asyncio.Event()

    async def flood(request, asked):
        try:
            for number in range(100_000):
                made.append(number)
                yield asked.make("WatchBooksResponse", book={"title": "x" * 10_000})
        finally:
            ended.set()

    async with with_edge(limits=Limits(write_pause=0.3)) as shop:
        shop.on("WatchBooks", flood)
        reader, writer = await asyncio.open_connection("127.0.0.1", shop.port, limit=1024)
        writer.write(f"GET {WATCH} HTTP/1.1\r\nhost: a\r\n\r\n".encode())

        async with asyncio.timeout(BOUND):
            await ended.wait()

        writer.transport.abort()
    assert reader is not None
    assert len(made) < 5_000  # 1 GB would have come


async def test_lines_become_messages_of_the_call(shop):
    lines = b"".join(json.dumps({"title": f"T{n}"}).encode() + b"\n" for n in range(1000))

    answer = await shop.client.post(IMPORT, content=lines, headers=NDJSON)

    assert answer.json()["createdCount"] == "1000"
    assert answer.json()["titles"][:2] == ["T0", "T1"]


async def test_what_the_path_binds_is_in_every_message(shop):
    parents: list[str] = []

    async def look(requests, asked):
        parents.extend([request.parent async for request in requests])
        return asked.make("ImportBooksResponse")

    shop.on("ImportBooks", look)

    await shop.client.post(IMPORT, content=b'{"title":"a"}\n{"title":"b"}', headers=NDJSON)

    assert parents == ["shelves/s1", "shelves/s1"]


async def test_a_body_is_passed_on_while_it_comes(shop):
    seen: list[str] = []

    async def look(requests, asked):
        async for request in requests:
            seen.append(request.book.title)  # noqa: PERF401 - one by one, as they come
        return asked.make("ImportBooksResponse")

    async def body():
        yield b'{"title":"first"}\n'
        await eventually(lambda: seen == ["first"])
        yield b'{"title":"second"}\n'

    shop.on("ImportBooks", look)

    answer = await shop.client.post(IMPORT, content=body(), headers=NDJSON)

    assert answer.status_code == 200
    assert seen == ["first", "second"]


async def test_a_body_may_be_larger_than_that_of_one_message(with_edge):
    line = json.dumps({"title": "x" * 90}).encode() + b"\n"

    async with with_edge(limits=Limits(body=1000, item=200)) as shop:
        answer = await shop.client.post(IMPORT, content=line * 100, headers=NDJSON)

    assert answer.json()["createdCount"] == "100"


async def test_a_whole_stream_is_bounded_too(with_edge):
    line = json.dumps({"title": "x"}).encode() + b"\n"

    async with with_edge(limits=Limits(stream=len(line) * 10)) as shop:
        at = await shop.client.post(IMPORT, content=line * 10, headers=NDJSON)
        above = await shop.client.post(IMPORT, content=line * 11, headers=NDJSON)

    assert (at.status_code, above.status_code) == (200, 413)


async def test_a_line_that_is_too_long_is_413_and_says_which(with_edge):
    async with with_edge(limits=Limits(item=100)) as shop:
        answer = await shop.client.post(
            IMPORT, content=b'{"title":"a"}\n' + b"x" * 101, headers=NDJSON
        )

    assert answer.status_code == 413
    assert answer.json()["error"]["details"][0]["metadata"] == {"line": "2"}


async def test_blank_lines_are_skipped_and_an_error_names_its_line(shop):
    body = b'{"title":"a"}\n\n   \n{"title":7}\n'

    answer = await shop.client.post(IMPORT, content=body, headers=NDJSON)

    assert answer.status_code == 400
    assert "message 4 of the stream" in answer.text


async def test_a_json_array_is_a_stream_too(shop):
    answer = await shop.client.post(
        IMPORT,
        content=b'[{"title":"a,]"},\n {"title":"b"}]',
        headers={"content-type": "application/json"},
    )

    assert answer.json()["titles"] == ["a,]", "b"]


async def test_a_torn_json_array_is_400(shop):
    answer = await shop.client.post(
        IMPORT, content=b'[{"title":"a"}', headers={"content-type": "application/json"}
    )

    assert answer.status_code == 400


async def test_an_early_answer_of_the_service_ends_the_upload(shop):
    async def refuses(requests, asked):
        await anext(requests)
        raise InvalidArgument("enough", reason="ENOUGH")

    async def body():
        for _ in range(1000):
            yield b'{"title":"x"}\n'

    shop.on("ImportBooks", refuses)

    answer = await shop.client.post(IMPORT, content=body(), headers=NDJSON)

    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["reason"] == "ENOUGH"


async def test_a_client_that_goes_away_in_the_middle_of_its_stream_cancels_the_call(shop):
    entered, cancelled = asyncio.Event(), asyncio.Event()

    async def look(requests, asked):
        try:
            async for _ in requests:  # grpc.aio ends it just before it cancels
                entered.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    shop.on("ImportBooks", look)
    _, writer = await asyncio.open_connection("127.0.0.1", shop.port)
    writer.write(
        f"POST {IMPORT} HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-ndjson\r\n"
        'content-length: 1000\r\n\r\n{"title":"x"}\n'.encode()
    )
    async with asyncio.timeout(BOUND):
        await entered.wait()
        writer.transport.abort()
        await cancelled.wait()


async def test_raw_bytes_are_streamed_up_in_pieces(shop):
    async def body():
        for _ in range(64):
            yield b"x" * 65536

    answer = await shop.client.post(
        "/v1/shelves/s1/books/b1/cover:upload",
        content=body(),
        headers={"content-type": "image/png"},
    )

    assert answer.json()["pageCount"] == str(64 * 65536)


async def test_an_empty_upload_still_says_what_it_is_for(shop):
    answer = await shop.client.post("/v1/shelves/s1/books/b1/cover:upload")

    assert answer.json()["name"] == "shelves/s1/books/b1/cover"


async def test_both_sides_may_stream(shop):
    answer = await shop.client.post(
        "/v1/chat", content=b'{"text":"a"}\n{"text":"b"}\n', headers=NDJSON
    )

    said = [json.loads(line)["text"] for line in answer.text.splitlines()]
    assert said == ["you said a", "you said b"]


CONVERSATION = "/v1/chat:connect"


@pytest.mark.parametrize("upgrade", [{}, {"connection": "upgrade", "upgrade": "websocket"}])
async def test_a_conversation_without_a_websocket_is_501_and_says_so(shop, upgrade):
    answer = await shop.client.get(CONVERSATION, headers=upgrade)

    error = answer.json()["error"]
    assert answer.status_code == 501
    assert error["status"] == "UNIMPLEMENTED"
    assert error["details"][0]["reason"] == "NEEDS_WEBSOCKET"
    assert error["details"][0]["domain"] == "gateway"
    assert error["message"].startswith("plait.testing.v1.LibraryService.Chat takes and gives")
    assert "expected a WebSocket, which this gateway does not speak" in error["message"]
    assert "upgrade" not in answer.headers
    assert shop.backend.calls == []


async def test_a_conversation_has_a_path_like_any_other(shop):
    head = await shop.client.head(CONVERSATION)
    other = await shop.client.post(CONVERSATION, content=b"{}")

    assert head.status_code == 501
    assert other.status_code == 405
    assert other.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_a_stream_ends_with_unavailable_when_the_gateway_stops(
    library, message_class, tmp_path
):
    async def endless(request, asked):
        yield asked.make("WatchBooksResponse", book={"title": "first"})
        await asyncio.Event().wait()

    async with live(library, message_class, tmp_path, grace=0.05) as shop:
        shop.on("WatchBooks", endless)
        async with shop.client.stream("GET", WATCH, headers=SSE) as answer:
            lines = answer.aiter_lines()
            await anext(lines)
            shop.stop.set()
            rest = [line async for line in lines]

    assert "event: error" in rest
    assert any("GATEWAY_STOPPING" in line for line in rest)


async def test_a_call_that_outlives_the_grace_is_503_when_the_gateway_stops(
    library, message_class, tmp_path
):
    entered = asyncio.Event()

    async def slow(request, asked):
        entered.set()
        await asyncio.Event().wait()

    async with live(library, message_class, tmp_path, grace=0.05) as shop:
        shop.on("GetBook", slow)
        asking = asyncio.create_task(shop.client.get("/v1/shelves/s1/books/b1"))
        await entered.wait()
        shop.stop.set()
        answer = await asking

    assert answer.status_code == 503
    assert answer.json()["error"]["details"][0]["reason"] == "GATEWAY_STOPPING"


async def test_no_task_is_left_of_streams_that_were_left(shop):
    before = len(asyncio.all_tasks())
    for _ in range(5):
        async with shop.client.stream("GET", WATCH, headers=SSE) as answer:
            await anext(answer.aiter_lines())
    with contextlib.suppress(httpx.HTTPError):
        await shop.client.get(WATCH)

    await eventually(lambda: len(asyncio.all_tasks()) <= before)
