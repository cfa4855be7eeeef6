"""A gateway on a real port in front of a real gRPC server, which does what a test says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import httpx
from google.protobuf.message import Message

from plait.clock import SystemClock
from plait.errors import Error, InvalidArgument, NotFound
from plait.gateway.app import Edge, Gateway
from plait.gateway.contracts import Contracts
from plait.gateway.docs.pages import Pages
from plait.gateway.edge.observe import Observer
from plait.gateway.server import Connections, serve
from plait.gateway.upstream import Upstream
from plait.mesh.channel import connect
from plait.mesh.identity.key_file import KeyFile
from plait.mesh.identity.keys import Keys
from plait.mesh.identity.tokens import Trust, Verifier
from plait.mesh.interceptors.tracing import tracing
from plait.mesh.interceptors.validate import violations
from plait.mesh.stack import client_stack
from plait.mesh.status import to_status
from plait.telemetry.recording import Recording
from plait.testing import FakeClock, TestKeys

BOUND = 10.0  # seconds that any wait in a test may take
LIBRARY = "plait.testing.v1.LibraryService"
EVERYTHING = "plait.testing.v1.EverythingService"
PACKAGE = "plait.testing.v1"

Act = Callable[[Any, "Asked"], Any]


@dataclass(kw_only=True)
class Asked:
    """What a method of the backend sees of its call."""

    context: Any
    metadata: dict[str, str]
    message: Callable[[str], type[Message]]

    def make(self, name: str, /, **fields) -> Message:
        """Make a message of the test contracts."""
        return self.message(f"{PACKAGE}.{name}")(**fields)


@dataclass(kw_only=True)
class Backend:
    """A gRPC server of the test contracts; `acts` are its methods, by name, to be replaced."""

    contracts: Contracts
    message: Callable[[str], type[Message]]
    acts: dict[str, Act] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    target: str = ""
    server: Any = None

    async def start(self, port: int = 0) -> None:
        self.server = grpc.aio.server()
        for service in self.contracts.services:
            handlers = {method.rpc.name: self._handler(method) for method in service.methods}
            self.server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(service.name, handlers),)
            )
        bound = self.server.add_insecure_port(f"127.0.0.1:{port}")
        self.target = f"127.0.0.1:{bound}"
        await self.server.start()

    async def stop(self) -> None:
        await self.server.stop(None)

    def _handler(self, method):
        rpc = method.rpc
        kind = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }[rpc.client_streaming, rpc.server_streaming]
        request = self.message(method.request.type_name)
        one, many = self._one(rpc.name), self._many(rpc.name)
        return kind(
            many if rpc.server_streaming else one,
            request_deserializer=request.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )

    def _one(self, name: str):
        async def serve_one(request, context):
            try:
                return await self.acts[name](request, self._asked(name, request, context))
            except Error as error:
                await fail(context, error)

        return serve_one

    def _many(self, name: str):
        async def serve_many(request, context):
            try:
                async for message in self.acts[name](request, self._asked(name, request, context)):
                    yield message
            except Error as error:
                await fail(context, error)

        return serve_many

    def _asked(self, name: str, request, context) -> Asked:
        metadata = dict(context.invocation_metadata())
        self.calls.append((name, metadata, request))
        if isinstance(request, Message):
            validate(request)
        return Asked(context=context, metadata=metadata, message=self.message)


def validate(message: Message) -> None:
    """Refuse a request as the chassis of a service does."""
    if found := violations(message):
        raise InvalidArgument("the request breaks rules", violations=found)


async def fail(context, error: Error) -> None:
    status = to_status(error, "library.test")
    details = (("grpc-status-details-bin", status.SerializeToString()),)
    codes = {code.value[0]: code for code in grpc.StatusCode}
    await context.abort(codes[int(error.code)], status.message, details)


class BookNotFound(NotFound):
    pass


def library_acts() -> dict[str, Act]:  # noqa: C901 - a method each
    """A library with one shelf of books in memory, and the echo of EverythingService."""
    books: dict[str, dict[str, Any]] = {"shelves/s1/books/b1": {"title": "Emma", "etag": "e1"}}

    def found(name: str, asked: Asked) -> Message:
        if name not in books:
            raise BookNotFound(f"there is no book {name}", resource=name)
        return asked.make("Book", name=name, **books[name])

    async def get_book(request, asked):
        return found(request.name, asked)

    async def list_books(request, asked):
        known = [found(name, asked) for name in books if name.startswith(request.parent)]
        return asked.make("ListBooksResponse", books=known[: request.page_size or 100])

    async def create_book(request, asked):
        name = f"{request.parent}/books/{request.book_id or f'n{len(books)}'}"
        books[name] = {"title": request.book.title}
        return found(name, asked)

    async def update_book(request, asked):
        book = found(request.book.name, asked)
        book.title = request.book.title or book.title
        return book

    async def delete_book(request, asked):
        found(request.name, asked)
        del books[request.name]
        return asked.message("google.protobuf.Empty")()

    async def archive_book(request, asked):
        return found(request.name, asked)

    async def search_books(request, asked):
        return asked.make("ListBooksResponse")

    async def echo(request, asked):
        return request

    async def watch(request, asked):
        token = request.resume_token or "0"
        if token not in {"0", "1", "2", "3"}:
            raise InvalidArgument("expected a number from 0 to 3", reason="INVALID_RESUME_TOKEN")
        for number in range(int(token), 3):
            yield asked.make(
                "WatchBooksResponse",
                book={"name": f"{request.parent}/books/w{number}", "title": f"W{number}"},
                position=str(number + 1),
            )

    async def export(request, asked):
        for name in books:
            yield asked.make("WatchBooksResponse", book=found(name, asked))

    async def import_books(requests, asked):
        titles = [request.book.title async for request in requests]
        return asked.make("ImportBooksResponse", created_count=len(titles), titles=titles[:20])

    async def chat(requests, asked):
        async for request in requests:
            yield asked.make("ChatMessage", text=f"you said {request.text}")

    async def put_cover(request, asked):
        covers[request.name] = (request.content.content_type, request.content.data)
        return asked.make(
            "Book", name=request.name, title="Emma", page_count=len(request.content.data)
        )

    async def upload(requests, asked):
        name, data = "", b""
        async for request in requests:
            name, data = request.name, data + request.content.data
        return asked.make("Book", name=name, title="Emma", page_count=len(data))

    async def get_cover(request, asked):
        if request.name not in covers:
            raise BookNotFound(f"{request.name} has no cover")
        kind, data = covers[request.name]
        return asked.message("google.api.HttpBody")(content_type=kind, data=data)

    async def download(request, asked):
        for part in (b"one,", b"two,", b"three"):
            yield asked.message("google.api.HttpBody")(content_type="text/csv", data=part)

    async def preferences(request, asked):
        return asked.make(
            "Preferences",
            revision=7,
            tenant=request.tenant,
            theme=request.theme,
            language=request.language,
        )

    covers: dict[str, tuple[str, bytes]] = {"shelves/s1/books/b1/cover": ("image/png", b"\x89PNG")}
    return {
        "GetBook": get_book,
        "ListBooks": list_books,
        "CreateBook": create_book,
        "UpdateBook": update_book,
        "DeleteBook": delete_book,
        "ArchiveBook": archive_book,
        "SearchBooks": search_books,
        "ReadFile": echo,
        "WatchBooks": watch,
        "ExportBooks": export,
        "ImportBooks": import_books,
        "Chat": chat,
        "PutCover": put_cover,
        "GetCover": get_cover,
        "Webhook": echo,
        "Download": download,
        "Upload": upload,
        "GetPreferences": preferences,
        "Echo": echo,
        "EchoPath": echo,
        "EchoField": echo,
    }


@dataclass(kw_only=True)
class Live:
    """A running gateway: its port, a client for it, what stands behind it and what was recorded.

    `clock` is what the gateway measures the patience of its clients with.
    """

    port: int
    client: httpx.AsyncClient
    backend: Backend
    keys: TestKeys
    recording: Recording
    gateway: Gateway
    clock: FakeClock
    stop: asyncio.Event
    serving: asyncio.Task[None]

    def token(self, *roles: str) -> dict[str, str]:
        """The header of a user who is logged in."""
        return {"authorization": f"Bearer {self.keys.user_token(roles=roles)}"}

    def on(self, name: str, act: Act) -> None:
        """Let a method of the backend do something else."""
        self.backend.acts[name] = act

    async def trickle(self, head: bytes) -> bytes:
        """Send a head, then a byte at a time without an end; return what comes meanwhile."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)

        async def drip() -> None:
            with contextlib.suppress(OSError):
                while True:
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(0.01)

        writer.write(head)
        dripping = asyncio.create_task(drip())
        try:
            async with asyncio.timeout(BOUND):
                return await reader.read()
        finally:
            dripping.cancel()
            await asyncio.wait((dripping,))
            writer.transport.abort()

    async def raw(self, request: bytes) -> bytes:
        """Send bytes as they are and return all that comes until the connection closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(BOUND):
                writer.write(request)
                await writer.drain()
                return await reader.read()
        finally:
            writer.transport.abort()


@asynccontextmanager
async def live(
    contracts: Contracts,
    message: Callable[[str], type[Message]],
    folder: Path,
    *,
    edge: Edge | None = None,
    connections: Connections | None = None,
    grace: float = 5.0,
) -> AsyncIterator[Live]:
    """Run a backend and a gateway before it while the block lasts."""
    clock, keys, recording = SystemClock(), TestKeys(folder), Recording()
    patience = FakeClock()
    backend = Backend(contracts=contracts, message=message, acts=library_acts())
    await backend.start()
    known = {method.rpc.path: method.rpc for method in contracts.methods}
    stack = client_stack(callee="library", tokens=None, clock=clock)
    channel = connect(
        "library",
        target=backend.target,
        environ={},
        find_method=known.get,
        stack=(tracing(recording.tracers), *stack[1:]),
    )
    upstream = Upstream({service.name: channel for service in contracts.services})
    users = Trust(
        keys=Keys(KeyFile(keys.user_jwks), clock),
        issuer="https://plait.local/identity",
        audience="shop",
    )
    gateway = Gateway(
        contracts,
        upstream,
        Verifier(users=users, workloads=users, clock=clock),
        pages=Pages(contracts, title="The library", version="1"),
        observer=Observer(clock, recording.tracers, recording.meters),
        edge=edge or Edge(),
        clock=patience,
    )
    stop = asyncio.Event()
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve(
            gateway,
            "127.0.0.1",
            0,
            stop=stop,
            ready=port.set_result,
            grace=grace,
            connections=connections,
        )
    )
    bound = await port
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{bound}", timeout=BOUND) as client:
        try:
            yield Live(
                port=bound,
                client=client,
                backend=backend,
                keys=keys,
                recording=recording,
                gateway=gateway,
                clock=patience,
                stop=stop,
                serving=serving,
            )
        finally:
            stop.set()
            async with asyncio.timeout(BOUND):
                await serving
                await upstream.close()
                await backend.stop()


def eventually(condition: Callable[[], bool]) -> Awaitable[None]:
    """Wait until something is so that nobody tells about."""

    async def wait() -> None:
        async with asyncio.timeout(BOUND):
            while not condition():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.005)

    return wait()
