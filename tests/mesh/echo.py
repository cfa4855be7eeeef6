"""A contract made for tests: every shape of method, every kind of access, built without protoc."""

from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, message_factory

from buf.validate import validate_pb2
from plait.api.v1 import options_pb2

PACKAGE = "plait.test.v1"
SERVICE = f"{PACKAGE}.EchoService"

_STRING = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
_MESSAGE = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
_INT32 = descriptor_pb2.FieldDescriptorProto.TYPE_INT32
_MAP_ENTRY = f".{PACKAGE}.EchoRequest.LabelsEntry"

PUBLIC = options_pb2.Access(public={})
ADMIN = options_pb2.Access(roles={"any": ["admin"]})
INTERNAL = options_pb2.Access(internal={"workloads": ["orders"]})
LOGGED_IN = options_pb2.Access(user={})
OWN = options_pb2.Access(user={"owner": "request.owner", "or_roles": ["admin"]})
NESTED = options_pb2.Access(user={"owner": "request.thing.owner"})
ANSWERED = options_pb2.Access(user={"owner": "response.owner", "or_roles": ["admin"]})

# name: (client streams, server streams, access, deadline in seconds)
METHODS: dict[str, tuple[bool, bool, options_pb2.Access | None, float | None]] = {
    "Say": (False, False, PUBLIC, None),
    "Tell": (False, True, PUBLIC, None),
    "Gather": (True, False, PUBLIC, None),
    "Talk": (True, True, PUBLIC, None),
    "SayBriefly": (False, False, PUBLIC, 0.05),
    "TellBriefly": (False, True, PUBLIC, 0.05),
    "SayAsAdmin": (False, False, ADMIN, None),
    "SayInside": (False, False, INTERNAL, None),
    "SayLoggedIn": (False, False, LOGGED_IN, None),
    "SayOwn": (False, False, OWN, None),
    "SayNested": (False, False, NESTED, None),
    "SayAnswered": (False, False, ANSWERED, None),
    "TellAnswered": (False, True, ANSWERED, None),
    "GatherOwn": (True, False, OWN, None),
}
BROKEN: dict[str, options_pb2.Access | None] = {
    "NoAccess": None,
    "EmptyAccess": options_pb2.Access(),
    "NoRoles": options_pb2.Access(roles={}),
    "NoWorkloads": options_pb2.Access(internal={}),
    "OwnerNowhere": options_pb2.Access(user={"owner": "owner"}),
    "OwnerWithoutField": options_pb2.Access(user={"owner": "request"}),
    "OwnerUnknown": options_pb2.Access(user={"owner": "request.keeper"}),
    "OwnerNoText": options_pb2.Access(user={"owner": "request.count"}),
    "OwnerRepeated": options_pb2.Access(user={"owner": "response.names"}),
    "OwnerThroughText": options_pb2.Access(user={"owner": "request.text.owner"}),
    "OwnerMessage": options_pb2.Access(user={"owner": "request.thing"}),
}


def _field(message, name, number, kind, *, repeated=False, type_name="", rules=None):
    label = "LABEL_REPEATED" if repeated else "LABEL_OPTIONAL"
    field = message.field.add(name=name, number=number, type=kind, label=label)
    if type_name:
        field.type_name = type_name
    if rules is not None:
        field.options.Extensions[validate_pb2.field].CopyFrom(rules)
    return field


def _messages(file) -> None:
    thing = file.message_type.add(name="Thing")
    _field(thing, "owner", 1, _STRING)
    some_values = validate_pb2.FieldRules(map={"values": {"string": {"min_len": 1}}})
    kinds = f".{PACKAGE}.Thing.KindsEntry"
    _field(thing, "kinds", 2, _MESSAGE, repeated=True, type_name=kinds, rules=some_values)
    entry = thing.nested_type.add(name="KindsEntry")
    entry.options.map_entry = True
    _field(entry, "key", 1, _STRING)
    _field(entry, "value", 2, _STRING)
    request = file.message_type.add(name="EchoRequest")
    short = validate_pb2.FieldRules(string={"max_len": 10})
    _field(request, "text", 1, _STRING, rules=short)
    _field(request, "owner", 2, _STRING)
    _field(request, "count", 3, _INT32)
    _field(request, "thing", 4, _MESSAGE, type_name=f".{PACKAGE}.Thing")
    each_short = validate_pb2.FieldRules(repeated={"items": {"string": {"min_len": 1}}})
    _field(request, "names", 5, _STRING, repeated=True, rules=each_short)
    _field(request, "padding", 6, _STRING)
    short_values = validate_pb2.FieldRules(map={"values": {"string": {"min_len": 1}}})
    _field(request, "labels", 7, _MESSAGE, repeated=True, type_name=_MAP_ENTRY, rules=short_values)
    hidden = _field(
        *(request, "hidden", 8, _MESSAGE),
        repeated=True,
        type_name=f".{PACKAGE}.EchoRequest.HiddenEntry",
        rules=short_values,
    )
    hidden.options.debug_redact = True
    things = _field(
        *(request, "things", 9, _MESSAGE),
        repeated=True,
        type_name=f".{PACKAGE}.EchoRequest.ThingsEntry",
    )
    things.options.debug_redact = True
    for name, kind in (("Labels", ""), ("Hidden", ""), ("Things", f".{PACKAGE}.Thing")):
        entry = request.nested_type.add(name=f"{name}Entry")
        entry.options.map_entry = True
        _field(entry, "key", 1, _STRING)
        _field(entry, "value", 2, _MESSAGE if kind else _STRING, type_name=kind)
    response = file.message_type.add(name="EchoResponse")
    _field(response, "text", 1, _STRING)
    _field(response, "owner", 2, _STRING)
    _field(response, "names", 3, _STRING, repeated=True)


def _method(service, name, row) -> None:
    asks, answers, access, seconds = row
    method = service.method.add(
        name=name,
        input_type=f".{PACKAGE}.EchoRequest",
        output_type=f".{PACKAGE}.EchoResponse",
        client_streaming=asks,
        server_streaming=answers,
    )
    if access is not None:
        method.options.Extensions[options_pb2.access].CopyFrom(access)
    if seconds is not None:
        wait = duration_pb2.Duration()
        wait.FromNanoseconds(round(seconds * 1e9))
        method.options.Extensions[options_pb2.deadline].CopyFrom(wait)


def _register() -> None:
    file = descriptor_pb2.FileDescriptorProto(
        name="plait/test/v1/echo.proto", package=PACKAGE, syntax="proto3"
    )
    file.dependency.extend(["plait/api/v1/options.proto", "buf/validate/validate.proto"])
    _messages(file)
    echo = file.service.add(name="EchoService")
    for name, row in METHODS.items():
        _method(echo, name, row)
    broken = file.service.add(name="BrokenService")
    for name, access in BROKEN.items():
        _method(broken, name, (False, False, access, None))
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())


def _message(name: str) -> Any:
    pool = descriptor_pool.Default()
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))


_register()
EchoRequest: Any = _message("EchoRequest")
EchoResponse: Any = _message("EchoResponse")


class EchoStub:
    """What protoc would generate for callers."""

    def __init__(self, channel) -> None:
        for name, (asks, answers, _, _) in METHODS.items():
            make = getattr(channel, _shape(asks, answers))
            call = make(
                f"/{SERVICE}/{name}",
                request_serializer=EchoRequest.SerializeToString,
                response_deserializer=EchoResponse.FromString,
                _registered_method=True,
            )
            setattr(self, name, call)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


class Echo:
    """A servicer that echoes; `acts` are put in place of its methods."""

    def __init__(self, **acts: Callable[..., Any]) -> None:
        self.acts = acts

    def method(self, name: str) -> Callable[..., Any]:
        asks, answers, _, _ = METHODS[name]
        return self.acts.get(name) or getattr(self, f"_{_shape(asks, answers)}")

    async def _unary_unary(self, request, context):
        return EchoResponse(text=request.text, owner=request.owner)

    async def _unary_stream(self, request, context):
        for number in range(request.count):
            yield EchoResponse(text=f"{request.text}{number}", owner=request.owner)

    async def _stream_unary(self, requests, context):
        return EchoResponse(text=",".join([request.text async for request in requests]))

    async def _stream_stream(self, requests, context):
        async for request in requests:
            yield EchoResponse(text=request.text, owner=request.owner)


def add_echo(echo: Echo) -> Callable[[Any], None]:
    """Return what registers the servicer, as generated code does."""

    def register(server: Any) -> None:
        handlers = {name: _handler(name, echo.method(name)) for name in METHODS}
        generic = grpc.method_handlers_generic_handler(SERVICE, handlers)
        server.add_generic_rpc_handlers((generic,))
        server.add_registered_method_handlers(SERVICE, handlers)

    return register


def _handler(name: str, act: Callable[..., Any]) -> Any:
    asks, answers, _, _ = METHODS[name]
    make = getattr(grpc, f"{_shape(asks, answers)}_rpc_method_handler")
    return make(
        act,
        request_deserializer=EchoRequest.FromString,
        response_serializer=EchoResponse.SerializeToString,
    )


def _shape(asks: bool, answers: bool) -> str:  # noqa: FBT001 - what a method streams
    return f"{'stream' if asks else 'unary'}_{'stream' if answers else 'unary'}"
