"""Is it healthy? Asked as a stranger would: gRPC health for services, GET /healthz for HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol


class Probe(Protocol):
    """Asks one process, again and again, how it is."""

    async def __call__(self) -> str:
        """Return what is wrong, in a few words; the empty string means healthy."""
        ...

    async def close(self) -> None:
        """Give back what was kept open between two questions."""
        ...


_TIMEOUT = 1.0  # seconds for one answer
_STATUS_LINE_LIMIT = 1024  # bytes
_CLOSED = "refuses connections"


class HttpProbe:
    """Is content with a 200."""

    def __init__(self, host: str, port: int, path: str = "/healthz") -> None:
        self._host = host
        self._port = port
        self._path = path

    async def __call__(self) -> str:
        request = f"GET {self._path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
        try:
            async with asyncio.timeout(_TIMEOUT):
                status = await _status(
                    self._host, self._port, f"{request}Connection: close\r\n\r\n".encode()
                )
        except TimeoutError:
            return f"no answer within {_TIMEOUT:g} s"
        except OSError:
            return _CLOSED
        except ValueError:  # a line longer than the limit
            return f"{self._path} does not answer HTTP"
        return "" if status == "200" else f"{self._path} answers {status or 'nothing'}"

    async def close(self) -> None:
        return


async def _status(host: str, port: int, request: bytes) -> str:
    reader, writer = await asyncio.open_connection(host, port, limit=_STATUS_LINE_LIMIT)
    try:
        writer.write(request)
        line = await reader.readline()
    finally:
        writer.close()
    words = line.decode("latin-1").split()
    return words[1] if len(words) > 1 else ""


class GrpcProbe:
    """Asks grpc.health.v1.Health about the whole server, by one channel that it keeps.

    grpcio is not touched, and so not loaded, before something listens there.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._check: Callable[[], Awaitable[str]] | None = None
        self._close: Callable[[], Awaitable[None]] | None = None

    async def __call__(self) -> str:
        if self._check is None:
            try:
                async with asyncio.timeout(_TIMEOUT):
                    _, writer = await asyncio.open_connection(self._host, self._port)
                writer.close()
            except (OSError, TimeoutError):
                return _CLOSED
            self._connect()
            assert self._check is not None
        return await self._check()

    async def close(self) -> None:
        if self._close is not None:
            await self._close()
        self._check = self._close = None

    def _connect(self) -> None:
        import grpc.aio  # noqa: PLC0415 - 0.2 s that `plait up` need not wait for
        from grpc_health.v1.health_pb2 import (  # noqa: PLC0415 - as above
            HealthCheckRequest,
            HealthCheckResponse,
        )

        channel = grpc.aio.insecure_channel(
            f"{self._host}:{self._port}",
            options=[  # a process that is started again is found at once
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.min_reconnect_backoff_ms", 100),
                ("grpc.max_reconnect_backoff_ms", 500),
                ("grpc.enable_http_proxy", 0),
            ],
        )
        ask: grpc.aio.UnaryUnaryMultiCallable[HealthCheckRequest, HealthCheckResponse]
        ask = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )

        async def check() -> str:
            try:
                answer = await ask(HealthCheckRequest(), timeout=_TIMEOUT)
            except grpc.aio.AioRpcError as error:
                return f"health check: {error.code().name}"
            if answer.status == HealthCheckResponse.SERVING:
                return ""
            return HealthCheckResponse.ServingStatus.Name(answer.status)

        self._check, self._close = check, channel.close
