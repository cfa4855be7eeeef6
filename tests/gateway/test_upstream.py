"""Any method can be called as bytes; what a client must not see of a failure, it does not see."""

import asyncio

import pytest

from plait.clock import SystemClock
from plait.errors import DeadlineExceeded, Unavailable
from plait.gateway.upstream import Terms, Upstream, UpstreamUnavailable
from plait.mesh.channel import connect
from tests.gateway.live import BOUND, PACKAGE, Backend, BookNotFound, library_acts

TERMS = Terms(timeout=BOUND, metadata=[("x-request-id", "r1")])


@pytest.fixture
async def backend(library, message_class):
    running = Backend(contracts=library, message=message_class, acts=library_acts())
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def upstream(library, backend):
    known = {method.rpc.path: method.rpc for method in library.methods}
    channel = connect(
        "library",
        target=backend.target,
        environ={},
        clock=SystemClock(),
        find_method=known.get,
    )
    made = Upstream({service.name: channel for service in library.services})
    yield made
    await made.close()


@pytest.fixture
def method(library):
    methods = {each.rpc.name: each.rpc for each in library.methods}
    return methods.__getitem__


@pytest.fixture
def make(message_class):
    return lambda kind, /, **fields: message_class(f"{PACKAGE}.{kind}")(**fields)


async def each(*messages):
    for message in messages:
        yield message.SerializeToString()


async def test_one_message_is_answered_by_one(upstream, method, make, message_class):
    request = make("GetBookRequest", name="shelves/s1/books/b1").SerializeToString()

    answer = await upstream.answer(method("GetBook"), request, TERMS)

    assert message_class(f"{PACKAGE}.Book").FromString(answer.message).title == "Emma"


async def test_metadata_goes_there_and_comes_back(upstream, backend, method, make):
    async def tells(request, asked):
        await asked.context.send_initial_metadata((("x-first", "1"),))
        asked.context.set_trailing_metadata((("x-last", "2"),))
        return asked.make("Book")

    backend.acts["GetBook"] = tells

    answer = await upstream.answer(method("GetBook"), b"", TERMS)

    assert backend.calls[0][1]["x-request-id"] == "r1"
    assert {("x-first", "1"), ("x-last", "2")} <= set(answer.metadata)


async def test_many_messages_are_answered_by_one(upstream, method, make, message_class):
    lines = each(*(make("CreateBookRequest", book={"title": f"T{n}"}) for n in range(3)))

    answer = await upstream.answer(method("ImportBooks"), lines, TERMS)

    imported = message_class(f"{PACKAGE}.ImportBooksResponse").FromString(answer.message)
    assert imported.created_count == 3


async def test_one_message_is_answered_by_many(upstream, method, make):
    request = make("WatchBooksRequest", parent="shelves/s1").SerializeToString()

    answers = [message async for message in upstream.stream(method("WatchBooks"), request, TERMS)]

    assert len(answers) == 3


async def test_many_messages_are_answered_by_many(upstream, method, make):
    said = each(make("ChatMessage", text="a"), make("ChatMessage", text="b"))

    answers = [message async for message in upstream.stream(method("Chat"), said, TERMS)]

    assert len(answers) == 2


async def test_an_error_of_the_service_is_raised_as_it_is(upstream, method, make):
    request = make("GetBookRequest", name="shelves/s1/books/b9").SerializeToString()

    with pytest.raises(Exception, match="there is no book") as refused:
        await upstream.answer(method("GetBook"), request, TERMS)

    assert refused.value.reason == "BOOK_NOT_FOUND"
    assert isinstance(refused.value, BookNotFound.__mro__[1])


async def test_a_service_that_says_that_it_is_not_there_keeps_its_words(upstream, backend, method):
    async def away(request, asked):
        raise Unavailable("the warehouse is closed", reason="CLOSED", retry_after=60)

    backend.acts["GetBook"] = away

    with pytest.raises(Unavailable, match="warehouse") as refused:
        await upstream.answer(method("GetBook"), b"", TERMS)

    assert (refused.value.reason, refused.value.retry_after) == ("CLOSED", 60)


@pytest.mark.parametrize("name", ["GetBook", "WatchBooks"])
async def test_a_service_that_is_not_there_is_named_and_nothing_else(
    upstream, backend, method, name
):
    await backend.stop()
    ask = {
        "GetBook": lambda: upstream.answer(method(name), b"", TERMS),
        "WatchBooks": lambda: anext(upstream.stream(method(name), b"", TERMS)),
    }

    with pytest.raises(UpstreamUnavailable) as refused:
        await ask[name]()

    error = refused.value
    assert error.message == "library is not available right now; try again"
    assert (error.reason, error.domain, error.retry_after) == (
        "UPSTREAM_UNAVAILABLE",
        "gateway",
        1.0,
    )
    assert "127.0.0.1" not in str(error.metadata)
    await backend.start(int(backend.target.rpartition(":")[2]))


@pytest.mark.parametrize("name", ["GetBook", "WatchBooks"])
async def test_a_service_that_is_too_slow_is_named_and_nothing_else(
    upstream, backend, method, name
):
    async def slow(request, asked):
        await asyncio.Event().wait()

    async def slow_stream(request, asked):
        await asyncio.Event().wait()
        yield asked.make("WatchBooksResponse")

    backend.acts |= {"GetBook": slow, "WatchBooks": slow_stream}
    terms = Terms(timeout=0.05, metadata=[])
    ask = {
        "GetBook": lambda: upstream.answer(method(name), b"", terms),
        "WatchBooks": lambda: anext(upstream.stream(method(name), b"", terms)),
    }

    with pytest.raises(DeadlineExceeded) as refused:
        await ask[name]()

    error = refused.value
    assert error.message == "library did not answer in time"
    assert (error.reason, error.domain) == ("DEADLINE_EXCEEDED", "gateway")


async def test_a_service_that_says_that_it_had_no_time_keeps_its_words(upstream, backend, method):
    async def late(request, asked):
        raise DeadlineExceeded("the stocktaking takes longer", reason="STOCKTAKING")

    backend.acts["GetBook"] = late

    with pytest.raises(DeadlineExceeded, match="stocktaking") as refused:
        await upstream.answer(method("GetBook"), b"", TERMS)

    assert (refused.value.reason, refused.value.domain) == ("STOCKTAKING", "library.test")


async def test_a_stream_that_is_closed_ends_the_call_read_or_not(upstream, backend, method):
    ended = asyncio.Event()
    begun = asyncio.Event()

    async def endless(request, asked):
        begun.set()
        try:
            await asyncio.Event().wait()
            yield asked.make("WatchBooksResponse")
        finally:
            ended.set()

    backend.acts["WatchBooks"] = endless
    answers = upstream.stream(method("WatchBooks"), b"", TERMS)
    async with asyncio.timeout(BOUND):
        await begun.wait()

        await answers.aclose()

        await ended.wait()
