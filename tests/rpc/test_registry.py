"""Methods by name, and by whoever answers for a name."""

import grpc
import pytest

from plait.rpc.framing import framed
from plait.rpc.registry import Registry
from plait.rpc.request import request_of
from tests.rpc.echo import hosting, unary
from tests.rpc.peer import peer


async def act(request, context):
    return b"registered"


async def other(request, context):
    return b"generic"


async def yielding(request, context):
    yield request


HANDLER = grpc.unary_unary_rpc_method_handler(act)
OTHER = grpc.unary_unary_rpc_method_handler(other)


class Generic(grpc.GenericRpcHandler):
    """Answers for what `pick` picks; keeps what it was asked."""

    def __init__(self, pick):
        self.pick = pick
        self.asked = []

    def service(self, handler_call_details):
        self.asked.append(handler_call_details)
        return self.pick(handler_call_details)


def request(path, *fields):
    head = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path)]
    return request_of([*head, *fields], {})


def test_a_generic_handler_is_asked_with_the_method_and_the_metadata():
    registry, generic = Registry(), Generic(lambda details: OTHER)
    registry.add_generic(generic)

    handled = registry.found(request(b"/any/Thing", (b"x", b"1")))

    assert handled.act is other
    assert isinstance(generic.asked[0], grpc.HandlerCallDetails)
    assert generic.asked[0].method == "/any/Thing"
    assert generic.asked[0].invocation_metadata == (("x", "1"),)


def test_generic_handlers_are_asked_in_their_order_until_one_answers():
    registry = Registry()
    nobody, somebody, never = Generic(lambda d: None), Generic(lambda d: OTHER), Generic(None)
    for generic in (nobody, somebody, never):
        registry.add_generic(generic)

    assert registry.found(request(b"/a/B")).act is other
    assert (len(nobody.asked), len(somebody.asked), len(never.asked)) == (1, 1, 0)


def test_where_nobody_answers_there_is_no_handler():
    registry = Registry()
    assert registry.found(request(b"/a/B")) is None
    registry.add_generic(Generic(lambda details: None))

    assert registry.found(request(b"/a/B")) is None


def test_the_same_handler_is_read_once_and_another_one_anew():
    current = [OTHER]
    registry = Registry()
    registry.add_generic(Generic(lambda details: current[0]))

    first = registry.found(request(b"/a/B"))
    assert registry.found(request(b"/a/B")) is first
    current[0] = HANDLER

    assert registry.found(request(b"/a/B")).act is act


def test_what_is_remembered_of_generic_handlers_is_bounded():
    registry = Registry()
    registry.add_generic(Generic(lambda details: OTHER))

    for number in range(1025):
        registry.found(request(b"/a/%d" % number))

    assert len(registry._read) == 1


async def test_a_registered_method_comes_before_generic_ones():
    generic = Generic(lambda details: OTHER)
    async with hosting(unary(act), handlers=[generic]) as (_, target), peer(target) as one:
        registered = await one.answer(one.call())
        unknown = await one.answer(one.call(b"", "/another/Method"))

    assert registered.data == framed(b"registered")
    assert unknown.data == framed(b"generic")
    assert [details.method for details in generic.asked] == ["/another/Method"]


async def test_who_answers_may_change_while_a_connection_stands():
    current = [None]
    generic = Generic(lambda details: current[0])
    async with hosting({}, handlers=[generic]) as (_, target), peer(target) as one:
        before = await one.answer(one.call())
        current[0] = OTHER
        after = await one.answer(one.call())

    assert before.status == "12"
    assert after.data == framed(b"generic")


async def test_a_generic_handler_that_fails_is_a_bug_and_the_caller_is_answered(caplog):
    generic = Generic(lambda details: 1 / 0)
    async with hosting({}, handlers=[generic]) as (_, target), peer(target) as one:
        answer = await one.answer(one.call())

    assert answer.status == "2"
    assert "ZeroDivisionError" in caplog.text


def test_a_service_is_registered_by_the_names_of_its_methods():
    registry = Registry()

    registry.add("a.Service", {"One": HANDLER, "Two": OTHER})

    assert {path: h.act for path, h in registry.registered.items()} == {
        b"/a.Service/One": act,
        b"/a.Service/Two": other,
    }
    with pytest.raises(TypeError):
        registry.add("a.Service", {"Bad": grpc.unary_unary_rpc_method_handler(yielding)})
