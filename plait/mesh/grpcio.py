"""The one place that knows grpc.aio: its servers, channels and contexts, behind our own shapes."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextvars import Context
from types import TracebackType
from typing import Any, Never, Self, TypeAlias
from weakref import WeakSet

import grpc
import grpc.aio

from plait.clock import Clock
from plait.errors import Cancelled, Code, DeadlineExceeded, Error, Unavailable, error_class
from plait.mesh.call import Call, Deadline, Interceptor, Metadata, Side, Status
from plait.mesh.calling import Answer, Attempt, Request, Stream
from plait.mesh.method import FindMethod, Method
from plait.mesh.replicas import Follower, LookUp, has_replicas, look_up, service_config
from plait.mesh.serving import Handler, serve_call
from plait.mesh.status import from_status

MAX_MESSAGE = 4 * 1024 * 1024  # bytes, in both directions
DETAILS_KEY = "grpc-status-details-bin"

_SIZES = (
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
)
_SERVER_OPTIONS = (
    *_SIZES,
    ("grpc.so_reuseport", 0),  # a taken port is an error, not a second listener
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
)
_CHANNEL_OPTIONS = (
    *_SIZES,
    ("grpc.enable_http_proxy", 0),  # services are neighbours, whatever `http_proxy` says
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)
_REACHED_WITHIN = 5.0  # seconds, of new addresses; else calls stay where they are, for now
# grpc.aio reads an end of the stream both where the client has said that it is done and where it
# has gone away, and cancels the handler in the second case a moment later. Half of an import must
# not pass for the whole, so an end counts only if nothing follows it for this long, in seconds.
_CERTAINTY = 0.01
_CODES = {code.value[0]: code for code in grpc.StatusCode}

_Serialize = Callable[[Any], bytes] | None
_Parse = Callable[[bytes], Any] | None
_GrpcContext = grpc.aio.ServicerContext[Any, Any]
_GrpcHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class Server(grpc.aio.Server):
    """A grpc.aio server with interceptors around every call; generated code registers on it.

    Servicer methods are coroutines, async generators, or coroutines that use `context.read` and
    `context.write`.

    Args:
        find_method: what the contract says of the method with this path; raises where it must not
            be served, which ends the registration.
        stack_of: what surrounds the calls of a method, from outside to inside.
        clock: what deadlines are measured with.
    """

    def __init__(
        self,
        *,
        find_method: Callable[[str], Method],
        stack_of: Callable[[Method], Sequence[Interceptor]],
        clock: Clock,
    ) -> None:
        self._inner = grpc.aio.server(options=_SERVER_OPTIONS)
        self._find_method = find_method
        self._stack_of = stack_of
        self._clock = clock
        self._running: dict[asyncio.Task[Any], Call] = {}
        self.services: list[str] = []

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Iterable[object]) -> None:
        """Pass over what generated code registers a second time, by its methods, just after."""
        for handler in generic_rpc_handlers:
            if not isinstance(handler, grpc.ServiceRpcHandler):
                raise TypeError(
                    f"{handler!r} serves methods by any name; plait serves methods of contracts: "
                    f"register them with the generated add_...Servicer_to_server"
                )

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, _GrpcHandler]
    ) -> None:
        wrapped: dict[str, _GrpcHandler] = {}
        for name, handler in method_handlers.items():
            method = self._find_method(f"/{service_name}/{name}")
            wrapped[name] = self._wrapped(method, handler)
        self._inner.add_registered_method_handlers(service_name, wrapped)
        self.services.append(service_name)

    def add_insecure_port(self, address: str) -> int:
        return self._inner.add_insecure_port(address)

    def add_secure_port(self, address: str, server_credentials: grpc.ServerCredentials) -> int:
        return self._inner.add_secure_port(address, server_credentials)

    async def start(self) -> None:
        await self._inner.start()

    async def stop(self, grace: float | None) -> None:
        """Refuse new calls, let the running ones finish for `grace` seconds, then end them.

        grpc.aio would cut them off with CANCELLED; here they end with UNAVAILABLE, which tells the
        caller that another server may answer.
        """
        seconds = grace or 0.0
        stopping = asyncio.ensure_future(self._inner.stop(seconds + 1))
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while self._running and (left := until - loop.time()) > 0:
            await asyncio.wait(self._running, timeout=left)
        for task, call in self._running.items():
            call.stopping = True
            task.cancel()
        await stopping

    async def wait_for_termination(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - grpc's own signature
        return await self._inner.wait_for_termination(timeout)

    def _wrapped(self, method: Method, handler: _GrpcHandler) -> _GrpcHandler:
        served = self._served(method, handler)

        async def answered(request: bytes, context: _GrpcContext) -> bytes:
            return await served(request, context)

        async def streamed(request: bytes, context: _GrpcContext) -> None:
            await served(request, context)

        if method.server_streaming:
            if method.client_streaming:
                return grpc.stream_stream_rpc_method_handler(streamed)
            return grpc.unary_stream_rpc_method_handler(streamed)
        if method.client_streaming:
            return grpc.stream_unary_rpc_method_handler(answered)
        return grpc.unary_unary_rpc_method_handler(answered)

    def _served(
        self, method: Method, grpc_handler: Any
    ) -> Callable[[bytes, _GrpcContext], Coroutine[Any, Any, bytes]]:
        stack = self._stack_of(method)
        handler = Handler(
            method=method,
            act=getattr(grpc_handler, _shape(method)),
            parse=grpc_handler.request_deserializer,
            serialize=grpc_handler.response_serializer,
        )

        async def serve(request: bytes, context: _GrpcContext) -> bytes:
            call = _server_call(method, context, self._clock)
            task = asyncio.current_task()
            assert task is not None
            self._running[task] = call
            try:
                seen = _Context(context, call, handler)
                answer = await serve_call(handler, call, request, seen, stack)
            finally:
                del self._running[task]
            await _end(call, context)
            return answer

        return serve


def _server_call(method: Method, context: _GrpcContext, clock: Clock) -> Call:
    left: Any = context.time_remaining()  # None where the caller has set none
    return Call(
        method=method,
        side=Side.SERVER,
        metadata=_pairs(context.invocation_metadata()),
        peer=context.peer(),
        deadline=None if left is None else Deadline.after(left, clock),
    )


async def _end(call: Call, context: _GrpcContext) -> None:
    assert call.status is not None
    if call.status.code is Code.OK:
        context.set_trailing_metadata(tuple(call.trailing))
        return
    trailing = [*call.trailing]
    if call.status.details:
        trailing.append((DETAILS_KEY, call.status.details))
    await context.abort(_CODES[call.status.code], call.status.message, tuple(trailing))


class _Context(_GrpcContext):
    """What a servicer sees of its call: grpc.aio's context, behind our errors and hooks."""

    def __init__(self, inner: _GrpcContext, call: Call, handler: Handler) -> None:
        self._inner = inner
        self._call = call
        self._handler = handler
        self._code = grpc.StatusCode.OK
        self._details = ""

    async def read_bytes(self) -> bytes | None:
        data = await self._inner.read()
        if data is grpc.aio.EOF:
            await asyncio.sleep(_CERTAINTY)
            return None
        return bytes(data)

    async def write_bytes(self, data: bytes) -> None:
        try:
            await self._inner.write(data)
        except grpc.aio.InternalError as error:
            raise Cancelled("the caller went away") from error

    def raise_for_code(self) -> None:
        if self._code is not grpc.StatusCode.OK:
            raise error_class(self._code.value[0])(self._details)

    async def read(self) -> Any:
        data = await self.read_bytes()
        return grpc.aio.EOF if data is None else self._handler.parsed(self._call, data)

    async def write(self, message: Any) -> None:
        await self.write_bytes(self._handler.serialized(self._call, message))

    async def abort(
        self,
        code: grpc.StatusCode,
        details: str = "",
        trailing_metadata: Iterable[tuple[str, str | bytes]] = (),
    ) -> Never:
        if code is grpc.StatusCode.OK:
            raise ValueError("abort was called with StatusCode.OK; return instead")
        trailing = [*trailing_metadata]
        rich = next((value for key, value in trailing if key == DETAILS_KEY), b"")
        self._call.trailing += [pair for pair in trailing if pair[0] != DETAILS_KEY]
        raise from_status(code.value[0], details, _bytes(rich))

    async def abort_with_status(self, status: grpc.Status) -> Never:
        await self.abort(status.code, status.details, status.trailing_metadata or ())

    async def send_initial_metadata(self, initial_metadata: Any) -> None:
        await self._inner.send_initial_metadata(initial_metadata)

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        self._call.trailing[:] = _pairs(trailing_metadata)

    def trailing_metadata(self) -> Any:
        return tuple(self._call.trailing)

    def invocation_metadata(self) -> Any:
        return tuple(self._call.metadata)

    def set_code(self, code: grpc.StatusCode) -> None:
        self._code = code

    def code(self) -> grpc.StatusCode:
        return self._code

    def set_details(self, details: str) -> None:
        self._details = details

    def details(self) -> str:
        return self._details

    def set_compression(self, compression: grpc.Compression) -> None:
        self._inner.set_compression(compression)

    def disable_next_message_compression(self) -> None:
        self._inner.disable_next_message_compression()

    def peer(self) -> str:
        return self._inner.peer()

    def peer_identities(self) -> Iterable[bytes] | None:
        return self._inner.peer_identities()

    def peer_identity_key(self) -> str | None:
        return self._inner.peer_identity_key()

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        return self._inner.auth_context()

    def time_remaining(self) -> Any:
        return self._call.deadline.left() if self._call.deadline else None

    def add_done_callback(self, callback: Any) -> None:
        self._inner.add_done_callback(callback)

    def cancelled(self) -> bool:
        return self._inner.cancelled()

    def done(self) -> bool:
        return self._inner.done()


class Channel(grpc.aio.Channel):
    """A grpc.aio channel with interceptors around every call; generated stubs are built on it.

    Made without an event loop, it belongs to the loop of its first call. Its calls raise
    errors of `plait.errors`. A stub's method takes `timeout` (seconds), `metadata` (pairs) and
    `wait_for_ready`, and gives an `Answer` or a `Stream`.

    Args:
        service: the short name of who is called, for error messages.
        target: `host:port`, or a target with a scheme that stands for all replicas of a service.
        stack: what surrounds each call, from outside to inside.
        find_method: what the contract says of the method with this path, where that is known.
        clock: what deadlines are measured with.
        methods: which of them may be called; beside these, those of stubs that are built on the
            channel before its first call. Only they can be tried again at another replica.
        look_up: asks for the addresses of a name, in place of the system's resolver.
    """

    def __init__(  # noqa: PLR0913 - each is a part of the channel
        self,
        *,
        service: str,
        target: str,
        stack: Sequence[Interceptor],
        find_method: FindMethod,
        clock: Clock,
        methods: Iterable[Method] = (),
        look_up: LookUp = look_up,
    ) -> None:
        self.service = service
        self.target = target
        self.stack = stack
        self.clock = clock
        self._find_method = find_method
        self._methods = {method.path: method for method in methods}
        self._follower = Follower(target, look_up, self._move)
        self._inner: grpc.aio.Channel | None = None
        self._left = WeakSet[grpc.aio.Channel]()  # held by their last calls
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()

    def unary_unary(
        self,
        method: str,
        request_serializer: _Serialize = None,
        response_deserializer: _Parse = None,
        _registered_method: bool = False,  # noqa: FBT001, FBT002 - generated code passes it
    ) -> Any:
        return self._rpc(method, request_serializer, response_deserializer, (False, False))

    def unary_stream(
        self,
        method: str,
        request_serializer: _Serialize = None,
        response_deserializer: _Parse = None,
        _registered_method: bool = False,  # noqa: FBT001, FBT002 - generated code passes it
    ) -> Any:
        return self._rpc(method, request_serializer, response_deserializer, (False, True))

    def stream_unary(
        self,
        method: str,
        request_serializer: _Serialize = None,
        response_deserializer: _Parse = None,
        _registered_method: bool = False,  # noqa: FBT001, FBT002 - generated code passes it
    ) -> Any:
        return self._rpc(method, request_serializer, response_deserializer, (True, False))

    def stream_stream(
        self,
        method: str,
        request_serializer: _Serialize = None,
        response_deserializer: _Parse = None,
        _registered_method: bool = False,  # noqa: FBT001, FBT002 - generated code passes it
    ) -> Any:
        return self._rpc(method, request_serializer, response_deserializer, (True, True))

    async def close(self, grace: float | None = None) -> None:
        """End the running calls (`Cancelled`) after `grace` seconds and close the connection.

        Calls that begin later are `Cancelled` too.
        """
        self._closed = True
        inner, self._inner = self._inner, None
        if inner is not None:
            await inner.close(grace)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for left in list(self._left):
            await left.close()

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: FBT001, FBT002 - grpc's own signature
        return self.opened().get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self.opened().wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self.opened().channel_ready()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close()

    def opened(self) -> grpc.aio.Channel:
        """Return grpc.aio's channel, made at the first call: it is bound to the running loop.

        Raises:
            Cancelled: this channel was closed.
        """
        if self._closed:
            raise Cancelled(f"the channel to {self.service} was closed", reason="CHANNEL_CLOSED")
        if self._inner is None:
            self._inner = self._made(self.target)
            if self._follower.follows:
                # In a context of its own: it is none of the call that happens to be the first.
                self.spawn(self._follower.run(), Context())
        return self._inner

    def spawn(
        self, work: Coroutine[Any, Any, None], context: Context | None = None
    ) -> asyncio.Task[None]:
        """Run the interceptors of a stream in a task of their own, held until it ends."""
        task = asyncio.get_running_loop().create_task(work, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def start(self, call: Call, request: bytes, *, wait_for_ready: bool | None) -> "_Wire":
        inner = self.opened()
        start = getattr(inner, _shape(call.method))(call.method.path)
        options = {
            "timeout": call.deadline.left() if call.deadline else None,
            "metadata": tuple(call.metadata),
            "wait_for_ready": wait_for_ready,
        }
        if call.method.client_streaming:
            return _Wire(self, inner, call, start(**options))
        return _Wire(self, inner, call, start(request, **options))

    def _made(self, target: str) -> grpc.aio.Channel:
        several = has_replicas(target)
        config = (
            [("grpc.service_config", service_config(self._methods.values()))] if several else []
        )
        return grpc.aio.insecure_channel(target, options=(*_CHANNEL_OPTIONS, *config))

    async def _move(self, target: str) -> bool:
        """Send further calls to another target, once somebody is reached there; end none.

        grpcio keeps the connections that both targets need.
        """
        new = self._made(target)
        reached = False
        try:
            async with asyncio.timeout(_REACHED_WITHIN):
                await new.channel_ready()
                reached = True
        except TimeoutError:
            return False
        finally:
            if not reached:
                await new.close()
        if self._inner is not None:
            self._left.add(self._inner)
        self._inner = new
        return True

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever reads the stream raises it; nobody has to

    def _rpc(
        self, path: str, serialize: _Serialize, parse: _Parse, streaming: tuple[bool, bool]
    ) -> "_Rpc":
        service, _, name = path.removeprefix("/").rpartition("/")
        method = self._find_method(path) or Method(
            service=service, name=name, client_streaming=streaming[0], server_streaming=streaming[1]
        )
        self._methods[path] = method
        return _Rpc(self, method, serialize, parse)


class _Rpc:
    """A method that can be called: what a stub's attribute is."""

    def __init__(
        self, channel: Channel, method: Method, serialize: _Serialize, parse: _Parse
    ) -> None:
        self._channel = channel
        self._method = method
        self._serialize = serialize
        self._parse = parse

    def __call__(
        self,
        request: Any,
        *,
        timeout: float | None = None,
        metadata: Metadata | None = None,
        wait_for_ready: bool | None = None,
    ) -> Answer | Stream:
        channel = self._channel
        call = Call(
            method=self._method,
            side=Side.CLIENT,
            metadata=_pairs(metadata),
            peer=channel.target,
            deadline=None if timeout is None else Deadline.after(timeout, channel.clock),
        )
        asked = Request(
            content=request,
            serialize=self._serialize,
            parse=self._parse,
            wait_for_ready=wait_for_ready,
        )
        attempt = Attempt(channel, call, asked, channel.stack)
        return Stream(attempt) if self._method.server_streaming else Answer(attempt)


class _Wire:
    """An RPC of grpc.aio, with our errors; keeps the promises of `plait.mesh.calling.Wire`."""

    def __init__(self, channel: Channel, inner: grpc.aio.Channel, call: Call, rpc: Any) -> None:
        self._channel = channel
        self._inner = inner  # which closes itself when nobody holds it any more
        self._call = call
        self._rpc = rpc

    async def answer(self) -> bytes:
        try:
            data: bytes = await self._rpc
        except grpc.aio.AioRpcError as error:
            raise self._failed(error) from error
        await self._succeeded()
        return data

    async def read(self) -> bytes | None:
        try:
            data: Any = await self._rpc.read()
        except grpc.aio.AioRpcError as error:
            raise self._failed(error) from error
        if data is grpc.aio.EOF:
            await self._succeeded()
            return None
        if not self._call.initial:
            self._call.initial = _pairs(await self._rpc.initial_metadata())
        return bytes(data)

    async def write(self, data: bytes) -> bool:
        try:
            await self._rpc.wait_for_connection()
            # Not `write`: where the server has ended the RPC, that puts an INTERNAL of its own in
            # the place of the status that is just coming in.
            await self._rpc._cython_call.send_serialized_message(data)  # noqa: SLF001 - see above
        except (grpc.aio.AioRpcError, grpc.aio.InternalError):
            return False
        return True

    async def done_writing(self) -> None:
        try:
            await self._rpc.done_writing()
        except (grpc.aio.AioRpcError, grpc.aio.InternalError):
            return  # it has ended; the reading side says how

    async def initial_metadata(self) -> Metadata:
        return _pairs(await self._rpc.initial_metadata())

    def cancel(self) -> None:
        self._rpc.cancel()

    async def _succeeded(self) -> None:
        self._call.initial = _pairs(await self._rpc.initial_metadata())
        self._call.trailing = _pairs(await self._rpc.trailing_metadata())
        self._call.status = Status(code=Code.OK)

    def _failed(self, error: grpc.aio.AioRpcError) -> Error:
        code, message = Code(error.code().value[0]), error.details() or ""
        trailing = _pairs(error.trailing_metadata())
        details = _bytes(next((value for key, value in trailing if key == DETAILS_KEY), b""))
        self._call.initial = _pairs(error.initial_metadata())
        self._call.trailing = [pair for pair in trailing if pair[0] != DETAILS_KEY]
        self._call.status = Status(code=code, message=message, details=details)
        if details:
            return from_status(code, message, details)
        return self._explained(code, message)

    def _explained(self, code: Code, message: str) -> Error:
        """Say more than gRPC's own words where the error was made on this side."""
        service, target = self._channel.service, self._channel.target
        if code is Code.UNAVAILABLE:
            text = f"{service} does not answer at {target}: {message}"
            return Unavailable(text, reason="UNREACHABLE", service=service)
        if code is Code.DEADLINE_EXCEEDED:
            path = self._call.method.path
            return DeadlineExceeded(f"{service} did not answer {path} in time", service=service)
        return from_status(code, message)


def _shape(method: Method) -> str:
    """Return grpc's name of the method's shape, for example `unary_stream`."""
    asked = "stream" if method.client_streaming else "unary"
    answered = "stream" if method.server_streaming else "unary"
    return f"{asked}_{answered}"


def _pairs(metadata: Iterable[Any] | None) -> list[tuple[str, str | bytes]]:
    return [(key.lower(), value) for key, value in metadata or ()]


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
