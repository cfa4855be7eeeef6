"""The gateway as an ASGI application: what happens to a request, in order."""

import asyncio
import logging
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from plait.clock import Clock
from plait.errors import Error, Internal, Unavailable
from plait.gateway.contracts import Contracts, Method
from plait.gateway.docs.pages import HEALTH, LIVE, Pages
from plait.gateway.edge.asgi import Message, Receive, Scope, Send
from plait.gateway.edge.auth import authenticate
from plait.gateway.edge.connection import ClientGone, Connection
from plait.gateway.edge.headers import ALWAYS, Network, client_address, joined, request_id
from plait.gateway.edge.http import Request, Response
from plait.gateway.edge.limits import Limits, check_head
from plait.gateway.edge.observe import Observer, Seen
from plait.gateway.edge.refusal import refusal
from plait.gateway.errors import DOMAIN, MethodNotAllowed
from plait.gateway.rest.handler import Passing, Rest
from plait.gateway.rest.lifecycle import lifecycle
from plait.gateway.upstream import Upstream
from plait.ids import NewId, new_id
from plait.mesh.identity.tokens import Verifier

GONE = 499
"""The status, in logs and measurements only, of a request whose client did not wait for it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """How the gateway treats what comes from outside.

    Attributes:
        limits: how much a client may send.
        passing: which headers travel on.
        trusted_proxies: whose X-Forwarded-For is believed.
        heartbeat: seconds without a message after which an SSE stream says that it is still there;
            also how long a stream may take to its first message before the answer begins.
    """

    limits: Limits = field(default_factory=Limits)
    passing: Passing = field(default_factory=Passing)
    trusted_proxies: tuple[Network, ...] = ()
    heartbeat: float = 15.0


class Gateway:
    """An ASGI application (HTTP only) that makes services usable from outside.

    Args:
        contracts: what is shown outside.
        upstream: calls the services.
        verifier: knows users by their tokens.
        pages: what the gateway says about itself.
        observer: sees every request.
        edge: how what comes from outside is treated.
        clock: what the patience of clients is measured with.
        make_id: makes the ids of requests that come without.
    """

    def __init__(  # noqa: PLR0913 - the parts of which it is built
        self,
        contracts: Contracts,
        upstream: Upstream,
        verifier: Verifier,
        *,
        pages: Pages,
        observer: Observer,
        edge: Edge,
        clock: Clock,
        make_id: NewId = new_id,
    ) -> None:
        self._rest = Rest(
            contracts, upstream, edge.limits, edge.passing, patience=edge.heartbeat, clock=clock
        )
        self._verifier = verifier
        self._pages = pages
        self._observer = observer
        self._edge = edge
        self._make_id = make_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError(f"expected a scope of the type http, found {scope['type']}")
        limits = self._edge.limits
        connection = Connection(
            scope,
            receive,
            _last(send) if self._pages.draining else send,
            body_pause=limits.body_pause,
            write_pause=limits.write_pause,
            heartbeat=self._edge.heartbeat,
        )
        request = self._request(scope, connection)
        # A probe asks every second or so: it would be most of what is to be seen.
        unseen = request.path in {HEALTH, LIVE}
        with nullcontext(Seen()) if unseen else self._observer.observe(request, scope) as seen:
            try:
                await self._serve(connection, request, scope, seen)
            finally:
                await connection.close()

    def drain(self) -> None:
        """Say from now on that this process stops; requests are still answered.

        Each answer is the last one of its connection, so that the next request goes elsewhere
        before this process listens no more.
        """
        self._pages.draining = True

    def _request(self, scope: Scope, connection: Connection) -> Request:
        headers = joined(scope["headers"])
        client = scope.get("client")
        return Request(
            verb=scope["method"],
            path=scope["raw_path"],
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            body=connection,
            client=client_address(
                client[0] if client else "",
                headers.get("x-forwarded-for", ""),
                self._edge.trusted_proxies,
            ),
            id=request_id(headers.get("x-request-id", ""), self._make_id),
        )

    async def _serve(
        self, connection: Connection, request: Request, scope: Scope, seen: Seen
    ) -> None:
        """Answer a request, whatever happens to it, its client and this process meanwhile."""
        try:
            response = await self._answer(request, scope, seen)
            seen.status = response.status
            await connection.write(_dressed(response, request, seen), head=request.verb == "HEAD")
        except ClientGone:
            _left(connection, seen)
        except asyncio.CancelledError:
            if not connection.gone:  # then it is this process that goes away
                await self._break_off(connection, request, seen)
                raise
            _left(connection, seen)
        if connection.broken is not None:
            seen.reason = connection.broken.reason

    async def _answer(self, request: Request, scope: Scope, seen: Seen) -> Response:
        """Find out what is asked for, by whom, and let it be done; every error is an answer."""
        method: Method | None = None
        try:
            check_head(scope, self._edge.limits)
            if (page := self._pages.page(request)) is not None:
                seen.route = request.path.decode("latin-1")
                return page
            found = self._rest.find(request.verb, request.path)
            method = found.target.method
            seen.route = str(found.target.rule.template)
            user = await authenticate(request.headers, method.rpc.access, self._verifier)
            seen.user = user.name if user else ""
            response = await self._rest.answer(found, request, user)
        except MethodNotAllowed as error:
            if request.verb == "OPTIONS":
                return Response(status=204, headers=(("allow", ", ".join(error.allow)),))
            response = _refused(error, request, method, seen)
        except Error as error:
            response = _refused(error, request, method, seen)
        except ClientGone:
            raise
        except Exception:  # noqa: BLE001 - whatever it was, the client gets an answer
            _log.exception("a request failed because of a bug")
            response = _refused(Internal("a bug", domain=DOMAIN), request, method, seen)
        going = lifecycle(method) if method is not None else ()
        return replace(response, headers=(*response.headers, *going))

    async def _break_off(self, connection: Connection, request: Request, seen: Seen) -> None:
        error = Unavailable(
            "the gateway is stopping; try again",
            reason="GATEWAY_STOPPING",
            domain=DOMAIN,
            retry_after=1.0,
        )
        response = _refused(error, request, None, seen)
        if not connection.started:
            seen.status = response.status
        await connection.break_off(error, _dressed(response, request, seen))


def _left(connection: Connection, seen: Seen) -> None:
    """Take note that the client has left; it was this task's own doing that it was cancelled."""
    if not connection.started:
        seen.status = GONE
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


def _refused(error: Error, request: Request, method: Method | None, seen: Seen) -> Response:
    seen.reason = error.reason
    return refusal(error, request, method)


def _dressed(response: Response, request: Request, seen: Seen) -> Response:
    """Add what every answer has; what the answer says itself goes before."""
    trace = (("x-trace-id", seen.trace_id),) if seen.trace_id else ()
    said = {name for name, _ in response.headers}
    more = (*ALWAYS, ("x-request-id", request.id), *trace)
    headers = (*response.headers, *((name, value) for name, value in more if name not in said))
    return replace(response, headers=headers)


def _last(send: Send) -> Send:
    """Return a `send` that tells the client to close the connection (RFC 9112, section 9.6)."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        await send(message)

    return sent
