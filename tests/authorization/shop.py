"""All seven contracts, served by real servers and the real gateway; servicers obey a test."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import httpx
from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import Message

from plait.errors import Code, Error
from plait.gateway.process import Exposed, built, serve_until
from plait.gateway.settings import GatewaySettings
from plait.mesh.call import Call, current
from plait.mesh.calling import Stream
from plait.mesh.channel import connect
from plait.mesh.grpcio import Channel
from plait.service import Server
from plait.settings import Settings
from plait.testing import TestKeys
from tests.authorization.contracts import CONTRACTS, METHODS, SERVICES, message_class, owner, short
from tests.authorization.rest import Asked

ROOT = Path(__file__).parents[2]
BOUND = 30.0  # seconds that any wait in a test may take
LONG = timedelta(days=1)

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a call ended, in either style.

    Attributes:
        code: of gRPC.
        reason: of an error.
        text: all that the caller can read of an error.
        status, headers, body: over HTTP.
        messages: over gRPC.
    """

    code: Code
    reason: str = ""
    text: str = ""
    headers: httpx.Headers | None = None
    status: int = 0
    body: bytes = b""
    messages: tuple[Message, ...] = ()

    def __str__(self) -> str:
        return f"{self.code.name} {self.reason}"


@dataclass(kw_only=True)
class Shop:
    """The running shop.

    Attributes:
        keys: sign tokens that it believes.
        client: of the gateway.
        seen: the calls that reached a servicer.
        requests: the messages that did, in their order.
        owner: whose thing a servicer answers, where the contract names an owner there.
        answer: makes what a servicer answers, before the owner is set.
        channels: to the services, by short name; they add nothing to a call.
        targets: where the services are.
        port: where the gateway listens.
    """

    keys: TestKeys
    seen: list[Call] = field(default_factory=list)
    requests: list[Message] = field(default_factory=list)
    owner: str = ""
    answer: Callable[[MethodDescriptor], Message] = None  # type: ignore[assignment]
    client: httpx.AsyncClient = None  # type: ignore[assignment]
    channels: dict[str, Channel] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)
    port: int = 0

    def reset(self) -> None:
        """Forget what a test has seen and wanted."""
        self.seen.clear()
        self.requests.clear()
        self.owner = ""
        self.answer = empty

    async def by_grpc(
        self, method: MethodDescriptor, request: Message, metadata: Iterable[tuple[str, Any]] = ()
    ) -> Outcome:
        """Call the service itself, with this metadata and no other."""
        asking = message_class(method.input_type)
        return await self._asked(method, request, metadata, asking.SerializeToString)

    async def by_bytes(
        self, method: MethodDescriptor, data: bytes, metadata: Iterable[tuple[str, Any]] = ()
    ) -> Outcome:
        """Call the service itself with bytes that need be no message."""
        return await self._asked(method, data, metadata, None)

    async def _asked(
        self, method: MethodDescriptor, request: Any, metadata: Any, serialize: Any
    ) -> Outcome:
        path = f"/{method.containing_service.full_name}/{method.name}"
        make = getattr(self.channels[short(method)], _shape(method))
        call = make(path, serialize, message_class(method.output_type).FromString)
        content = [request] if method.client_streaming else request
        asked = call(content, metadata=list(metadata), timeout=BOUND)
        try:
            messages = (
                [each async for each in asked] if isinstance(asked, Stream) else [await asked]
            )
        except Error as error:
            said = f"{error.message} {error.violations} {error.metadata} {error.resource}"
            return Outcome(code=error.code, reason=error.reason, text=said)
        return Outcome(code=Code.OK, messages=tuple(messages))

    async def by_rest(self, asked: Asked, headers: Iterable[tuple[Any, Any]] = ()) -> Outcome:
        """Send a request to the gateway."""
        answer = await self.client.request(
            asked.verb, asked.url, content=asked.body, headers=[*asked.headers, *headers]
        )
        if answer.is_success:
            return Outcome(
                code=Code.OK,
                status=answer.status_code,
                headers=answer.headers,
                body=answer.content,
            )
        error = json.loads(answer.content)["error"]
        return Outcome(
            code=Code[error["status"]],
            reason=error["details"][0]["reason"],
            text=f"{answer.text} {answer.headers}",
            status=answer.status_code,
            headers=answer.headers,
        )


def empty(method: MethodDescriptor) -> Message:
    """Make the least that a service may answer."""
    return message_class(method.output_type)()


@asynccontextmanager
async def open_shop(folder: Path, **gateway: Any) -> AsyncIterator[Shop]:
    """Run seven services and a gateway that shows all of them while the block lasts.

    Args:
        folder: for keys and tokens.
        gateway: settings of the gateway.
    """
    shop = Shop(keys=TestKeys(folder))
    shop.reset()
    async with AsyncExitStack() as stack:
        for name in SERVICES:
            await stack.enter_async_context(_service(shop, name))
        await stack.enter_async_context(_gateway(shop, folder, gateway))
        yield shop


@asynccontextmanager
async def _service(shop: Shop, name: str) -> AsyncIterator[None]:
    settings = Settings(
        user_jwks=str(shop.keys.user_jwks),
        workload_jwks=str(shop.keys.workload_jwks),
        drain_delay=0,
        drain_grace=1,
    )
    server = Server(settings, _servicers(shop, name), name=name)
    shop.targets[name] = f"127.0.0.1:{await server.start()}"
    shop.channels[name] = connect(name, target=shop.targets[name], environ={}, stack=())
    try:
        yield
    finally:
        await shop.channels[name].close()
        await server.stop()


@asynccontextmanager
async def _gateway(shop: Shop, folder: Path, more: dict[str, Any]) -> AsyncIterator[None]:
    tokens = folder / "tokens"
    tokens.mkdir()
    for name in SERVICES:
        token = shop.keys.workload_token("gateway", name, life=LONG)
        (tokens / name).write_text(token)
    settings = GatewaySettings(
        **{
            "port": 0,
            "contracts": str(_contracts(folder)),
            "user_jwks": str(shop.keys.user_jwks),
            "workload_jwks": str(shop.keys.workload_jwks),
            "workload_tokens": str(tokens),
            "drain_delay": 0,
            "drain_grace": 1,
            **more,
        }
    )
    exposed = {CONTRACTS[name]: Exposed(name=name, target=shop.targets[name]) for name in SERVICES}
    stop = asyncio.Event()
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    async with built(settings, exposed, title="The shop", version="1") as gateway:
        serving = asyncio.create_task(serve_until(stop, gateway, settings, port.set_result))
        shop.port = await port
        url = f"http://127.0.0.1:{shop.port}"
        async with httpx.AsyncClient(base_url=url, timeout=BOUND) as shop.client:
            try:
                yield
            finally:
                stop.set()
                async with asyncio.timeout(BOUND):
                    await serving


def _contracts(folder: Path) -> Path:
    """Write the contracts without the rules of methods that stream both ways.

    Such a method is for WebSockets; here it is called by gRPC alone.
    """
    files = FileDescriptorSet.FromString((ROOT / "gen" / "contracts.binpb").read_bytes())
    for method in (m for file in files.file for service in file.service for m in service.method):
        if method.client_streaming and method.server_streaming:
            method.options.ClearExtension(annotations_pb2.http)
    path = folder / "contracts.binpb"
    path.write_bytes(files.SerializeToString())
    return path


def _servicers(shop: Shop, name: str) -> Callable[[Any], None]:
    methods = [method for method in METHODS.values() if short(method) == name]
    handlers = {method.name: _handler(shop, method) for method in methods}

    def register(server: Any) -> None:
        server.add_registered_method_handlers(CONTRACTS[name], handlers)

    return register


def _handler(shop: Shop, method: MethodDescriptor) -> Any:
    async def read(requests: Any) -> None:
        call = current()
        assert call is not None
        shop.seen.append(call)
        if not method.client_streaming:
            shop.requests.append(requests)
            return
        async for request in requests:
            shop.requests.append(request)

    async def one(requests: Any, context: Any) -> Message:
        await read(requests)
        return _answered(shop, method)

    async def many(requests: Any, context: Any) -> AsyncIterator[Message]:
        await read(requests)
        yield _answered(shop, method)

    make = getattr(grpc, f"{_shape(method)}_rpc_method_handler")
    return make(
        many if method.server_streaming else one,
        request_deserializer=message_class(method.input_type).FromString,
        response_serializer=message_class(method.output_type).SerializeToString,
    )


def _answered(shop: Shop, method: MethodDescriptor) -> Message:
    answer = shop.answer(method)
    if path := owner(method, "response"):
        set_owner(answer, path, shop.owner)
    return answer


def set_owner(message: Any, path: list[str], name: str) -> None:
    """Write a name where the contract says that the owner stands."""
    *parents, last = path
    for parent in parents:
        message = getattr(message, parent)
    setattr(message, last, name)


def _shape(method: MethodDescriptor) -> str:
    asked = "stream" if method.client_streaming else "unary"
    return f"{asked}_{'stream' if method.server_streaming else 'unary'}"
