"""HTTP to a call and back: finds the route, binds the request, calls, and writes the answer."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

from plait.clock import Clock
from plait.errors import Error
from plait.gateway.contracts import Contracts, Method
from plait.gateway.edge.deadline import timeout_of, wish_of
from plait.gateway.edge.headers import DATA_POLICY, passed_back, passed_on
from plait.gateway.edge.http import Headers, Request, Response, Stream
from plait.gateway.edge.limits import Limits
from plait.gateway.errors import BodyTooLarge, MethodNotAllowed, NeedsWebsocket, RouteNotFound
from plait.gateway.rest.binding import Binding
from plait.gateway.rest.negotiation import Format, body_format, reply_format
from plait.gateway.rest.output import Output, output_of
from plait.gateway.rest.reply import Reply
from plait.gateway.rest.request import unexpected_body
from plait.gateway.rest.router import Found, Route, Router, WrongMethod
from plait.gateway.rest.streaming import FRAMINGS, NO_CACHE, UNBUFFERED, Opened, messages_of
from plait.gateway.rules import Rule
from plait.gateway.status import error_json
from plait.gateway.upstream import Answers, Terms, Upstream
from plait.mesh.call import Deadline, Metadata
from plait.mesh.identity.identity import User
from plait.mesh.metadata import AUTHORIZATION, CLIENT_ADDRESS

_BYTES = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passing:
    """Which headers travel on, by lower-case name: to the services, and back to the client."""

    requests: frozenset[str] = frozenset()
    responses: frozenset[str] = frozenset()


class Rest:
    """The REST style: every google.api.http rule of the contracts is a route.

    Args:
        contracts: what is shown outside.
        upstream: calls the services.
        limits: how much a client may send.
        passing: which headers travel on.
        patience: seconds that a stream may take to its first message, so that an error before it
            can still be an HTTP status; after that the answer begins without one.
        clock: what the client's patience is measured with.
    """

    def __init__(  # noqa: PLR0913 - the parts of which it is built
        self,
        contracts: Contracts,
        upstream: Upstream,
        limits: Limits,
        passing: Passing,
        *,
        patience: float,
        clock: Clock,
    ) -> None:
        self._upstream = upstream
        self._limits = limits
        self._passing = passing
        self._patience = patience
        self._clock = clock
        self._router = Router(
            [
                _route(method, rule, contracts)
                for method in contracts.methods
                for rule in method.rules
            ]
        )

    def find(self, verb: str, path: bytes) -> Found[Binding]:
        """Find the route of a request; HEAD takes that of GET where it has none of its own.

        Raises:
            RouteNotFound: no route has this path.
            MethodNotAllowed: it has one, for other HTTP methods.
            MalformedPath: the path cannot be decoded.
        """
        found = self._router.find(verb, path)
        if isinstance(found, WrongMethod) and verb == "HEAD" and "GET" in found.allow:
            found = self._router.find("GET", path)
        if isinstance(found, Found):
            return found
        shown = path.decode("latin-1")[:200]
        if found is None:
            raise RouteNotFound(f"there is nothing at {shown}; see /openapi.json for what there is")
        allowed = ", ".join(found.allow)
        raise MethodNotAllowed(
            f"{shown} does not take {verb[:20]}; expected one of {allowed}", allow=found.allow
        )

    async def answer(self, found: Found[Binding], request: Request, user: User | None) -> Response:
        """Make the call that a request means and return its answer.

        Raises:
            plait.errors.Error: the request does not fit the contract, or what the service answered.
        """
        binding = found.target
        if binding.conversation:
            raise NeedsWebsocket(
                f"{binding.method.name} takes and gives messages at the same time: expected a"
                " WebSocket, which this gateway does not speak; call it by gRPC"
            )
        rpc = binding.method.rpc
        form = reply_format(
            request.headers.get("accept", ""),
            streaming=rpc.server_streaming,
            raw=binding.raw_response,
        )
        output = output_of(request.query)
        wish = wish_of(request.headers)
        ends = None if wish is None else Deadline.after(wish, self._clock)
        message = await self._message(found, request, ends)
        terms = self._terms(binding.method, request, user, ends)
        if rpc.server_streaming:
            answers = self._upstream.stream(rpc, message, terms)
            return await self._streamed(binding, answers, form, output)
        answer = await self._upstream.answer(rpc, message, terms)
        reply = binding.response(answer.message, output)
        headers = (*reply.headers, *passed_back(answer.metadata, self._passing.responses))
        return _response(binding, reply.content_type, headers, reply.body)

    async def _message(
        self, found: Found[Binding], request: Request, ends: Deadline | None
    ) -> bytes | AsyncGenerator[bytes]:
        binding, headers = found.target, request.headers
        content_type = headers.get("content-type", "")
        if binding.method.rpc.client_streaming:
            form = body_format(content_type, streaming=True, raw=binding.raw_request)
            item = binding.stream(found.variables, request.query, headers)
            return messages_of(request.body, form, self._limits, item)
        body = await self._body(binding, request, ends)
        if body:
            body_format(content_type, streaming=False, raw=binding.raw_request)
        return binding.request(found.variables, request.query, body, headers)

    async def _body(self, binding: Binding, request: Request, ends: Deadline | None) -> bytes:
        longest = self._limits.body_time
        if binding.takes_body:
            within = longest if ends is None else min(longest, ends.left())
            return await request.body.read(self._limits.body, within)
        try:
            return await request.body.read(0, longest)
        except BodyTooLarge:  # announced, or begun: what it says does not matter
            raise unexpected_body() from None

    async def _streamed(
        self, binding: Binding, answers: Answers, form: Format, output: Output
    ) -> Response:
        opened = Opened(answers)
        framing = FRAMINGS[form]()
        # A message is one line or one event, however a single answer would be printed.
        output = replace(output, pretty=False)
        position = binding.position if form is Format.SSE else _nowhere

        def reply(message: bytes) -> Reply:
            return binding.response(message, output)

        first = await opened.wait(None if form is Format.RAW else self._patience)
        try:
            begun = reply(first) if first is not None else Reply(_BYTES, b"")
        except Error:
            await opened.close()  # nobody will read on
            raise
        stream = Stream(
            chunks=opened.frames(framing, reply, position),
            broken=lambda error: framing.error(_said(error, binding.method)),
            close=opened.close,
            idle=framing.idle,
        )
        passed = passed_back(answers.metadata, self._passing.responses)
        headers = (*begun.headers, *passed, NO_CACHE, UNBUFFERED)
        content_type = begun.content_type if form is Format.RAW else form.content_type
        return _response(binding, content_type, headers, stream=stream)

    def _terms(
        self, method: Method, request: Request, user: User | None, ends: Deadline | None
    ) -> Terms:
        metadata: Metadata = [
            ("x-request-id", request.id),
            *passed_on(request.headers, self._passing.requests),
        ]
        if request.client:
            metadata = [*metadata, (CLIENT_ADDRESS, request.client)]
        if user is not None:
            metadata = [*metadata, (AUTHORIZATION, f"Bearer {user.token}")]
        timeout = timeout_of(
            None if ends is None else ends.left(),
            declared=method.rpc.deadline,
            streaming=method.rpc.streams,
        )
        return Terms(timeout=timeout, metadata=metadata)


def _route(method: Method, rule: Rule, contracts: Contracts) -> Route[Binding]:
    binding = Binding(method, rule, contracts)
    return Route(verb=rule.verb, template=rule.template, target=binding)


def _response(
    binding: Binding,
    content_type: str,
    headers: Headers,
    body: bytes = b"",
    stream: Stream | None = None,
) -> Response:
    status = binding.method.success
    policy = ("content-security-policy", DATA_POLICY)
    if status == 204:
        return Response(status=status, headers=(*headers, policy))
    typed = (("content-type", content_type), *headers, policy)
    return Response(status=status, headers=typed, body=body, stream=stream)


def _said(error: Error, method: Method) -> bytes:
    return error_json(error, request=method.request)


def _nowhere(_: bytes) -> str:
    return ""
