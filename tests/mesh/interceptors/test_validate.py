"""Promises of validation: a message that breaks its contract never reaches a handler."""

import pytest

from plait.errors import InvalidArgument, Violation
from plait.mesh.interceptors.validate import MAX_THOROUGH, violations
from tests.mesh.asking import SHAPES, ask, echoing
from tests.mesh.echo import EchoRequest, EchoResponse

TOO_LONG = Violation(
    field="text", description="must be at most 10 characters", rule="string.max_len"
)


@pytest.mark.parametrize(("size", "refused"), [(9, False), (10, False), (11, True)])
@pytest.mark.parametrize("name", SHAPES)
async def test_a_message_within_its_bounds_passes_and_another_does_not(name, size, refused):
    async with echoing() as (_, stub):
        asking = ask(stub, name, EchoRequest(text="x" * size, count=1))
        if not refused:
            assert await asking
            return
        with pytest.raises(InvalidArgument) as raised:
            await asking

    error = raised.value
    assert (error.reason, error.domain) == ("INVALID_REQUEST", "echo.shop")
    assert error.violations == (TOO_LONG,)
    assert error.message == "text: must be at most 10 characters"


@pytest.mark.parametrize("name", ["Gather", "Talk"])
async def test_every_message_of_a_stream_is_checked(name):
    seen = []

    async def texts(requests):
        async for request in requests:
            seen.append(request.text)
            yield EchoResponse()

    async def gather(requests, context):
        return [answer async for answer in texts(requests)][-1]

    async def talk(requests, context):
        async for answer in texts(requests):
            yield answer

    async with echoing(Gather=gather, Talk=talk) as (_, stub):
        requests = [EchoRequest(text=text) for text in ("a", "b", "x" * 11, "c")]
        with pytest.raises(InvalidArgument):
            await ask(stub, name, *requests)

    assert seen == ["a", "b"]


async def test_a_handler_never_sees_a_wrong_request():
    seen = []

    async def say(request, context):
        seen.append(request)

    async with echoing(Say=say) as (_, stub):
        with pytest.raises(InvalidArgument):
            await stub.Say(EchoRequest(text="x" * 11))

    assert seen == []


async def test_no_more_than_twenty_violations_travel():
    async with echoing() as (_, stub):
        with pytest.raises(InvalidArgument, match="and 29 more") as raised:
            await stub.Say(EchoRequest(names=[""] * 30))

    assert len(raised.value.violations) == 20
    assert raised.value.metadata == {"violations_left_out": "10"}


def test_a_violation_says_where_in_the_words_of_the_contract():
    request = EchoRequest(names=["a", ""], labels={"colour": ""})

    assert [each.field for each in violations(request)] == ["names[1]", 'labels["colour"]']


def test_the_keys_of_a_secret_are_not_told():
    request = EchoRequest(hidden={"k3y": ""}, things={"k3y": {"kinds": {"k1nd": ""}}})
    open_ = EchoRequest(thing={"kinds": {"k1nd": ""}})

    assert [each.field for each in violations(request)] == [
        *("hidden[...]", "things[...].kinds[...]")
    ]
    assert [each.field for each in violations(open_)] == ['thing.kinds["k1nd"]']


def test_a_right_message_breaks_nothing():
    assert violations(EchoRequest(text="x", names=["a"])) == ()


@pytest.mark.parametrize(("over", "told"), [(-1, 2), (0, 2), (1, 1)])
def test_of_a_large_message_only_the_first_violation_is_told(over, told):
    request = EchoRequest(names=["", ""], padding="x" * 4000)
    request.padding = "x" * (4000 + MAX_THOROUGH - request.ByteSize() + over)

    assert request.ByteSize() == MAX_THOROUGH + over
    assert len(violations(request)) == told
