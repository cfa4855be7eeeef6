"""Handlers, looked at once."""

from functools import partial

import grpc
import pytest

from plait.rpc.handled import Way, handled_of


async def coroutine(request, context):
    return request


async def generator(request, context):
    yield request


def function(request, context):
    return request


class Callable:
    async def __call__(self, request, context):
        return request

    async def method(self, request, context):
        yield request


@pytest.mark.parametrize(
    ("act", "way"),
    [
        (coroutine, Way.COROUTINE),
        (generator, Way.GENERATOR),
        (function, Way.FUNCTION),
        (partial(coroutine, context=None), Way.COROUTINE),
        (partial(partial(generator)), Way.GENERATOR),
        (Callable(), Way.COROUTINE),
        (Callable().method, Way.GENERATOR),
        (len, Way.FUNCTION),
    ],
)
def test_the_way_in_which_a_handler_answers_is_seen(act, way):
    assert handled_of("/a/B", grpc.unary_stream_rpc_method_handler(act)).way is way


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (grpc.unary_unary_rpc_method_handler, (False, False)),
        (grpc.unary_stream_rpc_method_handler, (False, True)),
        (grpc.stream_unary_rpc_method_handler, (True, False)),
        (grpc.stream_stream_rpc_method_handler, (True, True)),
    ],
)
def test_the_shape_of_a_method_is_read(make, shape):
    handled = handled_of("/a/B", make(coroutine))

    assert (handled.request_streams, handled.response_streams) == shape
    assert handled.act is coroutine


def test_without_serializers_bytes_are_handed_on():
    handled = handled_of("/a/B", grpc.unary_unary_rpc_method_handler(coroutine))

    assert handled.parse(b"a") == handled.serialize(b"a") == b"a"


def test_serializers_are_kept():
    handled = handled_of(
        "/a/B", grpc.unary_unary_rpc_method_handler(coroutine, bytes.decode, str.encode)
    )

    assert (handled.parse(b"a"), handled.serialize("a")) == ("a", b"a")


def test_one_answer_cannot_be_yielded():
    with pytest.raises(TypeError, match="/a/B has one answer"):
        handled_of("/a/B", grpc.unary_unary_rpc_method_handler(generator))
