"""A contract made by hand with all kinds of fields and all four shapes, and a server for it."""

import contextlib
from types import SimpleNamespace

import grpc.aio
import pytest
from google.protobuf import descriptor_pb2, timestamp_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha import reflection

Field = descriptor_pb2.FieldDescriptorProto
FIELDS = [
    ("text", Field.TYPE_STRING, False, ""),
    ("times", Field.TYPE_INT32, False, ""),
    ("loud", Field.TYPE_BOOL, False, ""),
    ("tags", Field.TYPE_STRING, True, ""),
    ("labels", Field.TYPE_MESSAGE, True, ".test.v1.Words.LabelsEntry"),
    ("inner_words", Field.TYPE_MESSAGE, False, ".test.v1.Words"),
    ("at", Field.TYPE_MESSAGE, False, ".google.protobuf.Timestamp"),
    ("parts", Field.TYPE_MESSAGE, True, ".test.v1.Words"),
    ("flags", Field.TYPE_BOOL, True, ""),
    ("mood", Field.TYPE_ENUM, False, ".test.v1.Mood"),
]
METHODS = [
    ("Say", False, False),
    ("Repeat", False, True),
    ("Count", True, False),
    ("Chat", True, True),
]


def _words(file: descriptor_pb2.FileDescriptorProto) -> None:
    message = file.message_type.add(name="Words")
    for number, (name, kind, repeated, of) in enumerate(FIELDS, 1):
        label = Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL
        message.field.add(name=name, number=number, type=kind, label=label, type_name=of or None)
    entry = message.nested_type.add(name="LabelsEntry")
    entry.options.map_entry = True
    for number, name in enumerate(("key", "value"), 1):
        entry.field.add(
            name=name, number=number, type=Field.TYPE_STRING, label=Field.LABEL_OPTIONAL
        )
    mood = file.enum_type.add(name="Mood")
    mood.value.add(name="MOOD_UNSPECIFIED", number=0)
    mood.value.add(name="MOOD_GOOD", number=1)


@pytest.fixture(scope="session")
def pool() -> DescriptorPool:
    made = DescriptorPool()
    time = descriptor_pb2.FileDescriptorProto()
    timestamp_pb2.DESCRIPTOR.CopyToProto(time)
    made.Add(time)
    words = descriptor_pb2.FileDescriptorProto(
        name="test/v1/words.proto", package="test.v1", syntax="proto3", dependency=[time.name]
    )
    _words(words)
    made.Add(words)
    echo = descriptor_pb2.FileDescriptorProto(
        name="test/v1/echo.proto", package="test.v1", syntax="proto3", dependency=[words.name]
    )
    service = echo.service.add(name="EchoService")
    for name, client, server in METHODS:
        service.method.add(
            name=name,
            input_type=".test.v1.Words",
            output_type=".test.v1.Words",
            client_streaming=client,
            server_streaming=server,
        )
    made.Add(echo)
    return made


@pytest.fixture(scope="session")
def words(pool):
    return GetMessageClass(pool.FindMessageTypeByName("test.v1.Words"))


def _details(code: int) -> bytes:
    status = status_pb2.Status(code=code, message="no such words")
    for detail in (
        error_details_pb2.ErrorInfo(
            reason="NO_WORDS", domain="echo.test", metadata={"words": "w1"}
        ),
        error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(
                    field="text", description="must be kind", reason="string.kind"
                )
            ]
        ),
        error_details_pb2.ResourceInfo(resource_name="words/w1"),
    ):
        status.details.add().Pack(detail)
    return status.SerializeToString()


@pytest.fixture
async def echo(pool, words):
    """The server's address, and the metadata of the calls that it got."""
    seen = SimpleNamespace(target="", metadata=[])

    async def say(request, context):
        seen.metadata.append(dict(context.invocation_metadata()))
        if request.text == "fail":
            await context.abort(
                grpc.StatusCode.NOT_FOUND,
                "no such words",
                (("grpc-status-details-bin", _details(5)),),
            )
        return request

    async def repeat(request, context):
        for number in range(request.times):
            yield words(text=request.text, times=number)

    async def count(requests, context):
        return words(times=len([request async for request in requests]))

    async def chat(requests, context):
        async for request in requests:
            yield words(text=f"{request.text}!")

    shapes = {
        "Say": (grpc.unary_unary_rpc_method_handler, say),
        "Repeat": (grpc.unary_stream_rpc_method_handler, repeat),
        "Count": (grpc.stream_unary_rpc_method_handler, count),
        "Chat": (grpc.stream_stream_rpc_method_handler, chat),
    }
    handlers = {
        name: shape(act, words.FromString, words.SerializeToString)
        for name, (shape, act) in shapes.items()
    }
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("test.v1.EchoService", handlers),)
    )
    names = ("test.v1.EchoService", reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server, pool=pool)
    seen.target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield seen
    with contextlib.suppress(grpc.aio.AioRpcError):
        await server.stop(None)
