"""What a server says about itself, and which method is meant."""

import grpc.aio
import pytest

from plait.errors import NotFound, Unimplemented
from plait.local.mistake import USAGE, Mistake
from plait.local.reflection import Reflection, find
from plait.mesh.channel import connect


@pytest.fixture
async def services(echo):
    async with connect("echo", target=echo.target, stack=(), environ={}) as channel:
        reflection = Reflection(channel)
        yield await reflection.methods(await reflection.services())


async def test_a_server_tells_its_services_and_their_messages(services):
    (methods,) = services.values()

    assert list(services) == ["test.v1.EchoService"]
    assert [method.name for method in methods] == ["Say", "Repeat", "Count", "Chat"]
    assert methods[0].input_type.fields_by_name["at"].message_type.full_name == (
        "google.protobuf.Timestamp"
    )


@pytest.mark.parametrize(
    "wish", ["echo/Say", "Say", "test.v1.EchoService/Say", "test.v1.EchoService.Say", "/Say"]
)
async def test_a_method_is_found_by_its_short_and_its_full_name(services, wish):
    assert find(wish, services).full_name == "test.v1.EchoService.Say"


async def test_an_unknown_method_is_refused_with_the_nearest(services):
    with pytest.raises(Mistake, match=r"'Sey' in test.v1.EchoService.*did you mean 'Say'\?") as no:
        find("echo/Sey", services)

    assert no.value.code == USAGE


async def test_a_method_of_two_services_wants_the_full_name(services):
    two = {**services, "other": services["test.v1.EchoService"]}

    with pytest.raises(Mistake, match="give the full name"):
        find("echo/Say", two)
    assert find("test.v1.EchoService/Say", two).name == "Say"


def test_a_server_without_services_says_so():
    with pytest.raises(Mistake, match="in this server, there are: none"):
        find("echo/Say", {})


async def test_a_server_without_reflection_says_so():
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with connect("echo", target=f"127.0.0.1:{port}", stack=(), environ={}) as channel:
        with pytest.raises(Unimplemented):
            await Reflection(channel).services()
    await server.stop(None)


async def test_an_unknown_symbol_is_an_error_of_the_server(echo):
    async with connect("echo", target=echo.target, stack=(), environ={}) as channel:
        with pytest.raises(NotFound):
            await Reflection(channel).methods(["test.v1.Nobody"])
