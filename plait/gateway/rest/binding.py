"""One HTTP rule of one method, compiled: a request to a message, a message to a reply."""

from collections.abc import Callable, Mapping

from plait.gateway.contracts import Contracts, Method
from plait.gateway.rest.output import PLAIN, Output
from plait.gateway.rest.reply import Reply, ReplyBinding
from plait.gateway.rest.request import RequestBinding
from plait.gateway.rest.resume import Resume
from plait.gateway.rules import Rule


def is_conversation(method: Method, rule: Rule) -> bool:
    """Whether a rule takes a stream of requests, and no body in which they could come."""
    return method.rpc.client_streaming and not rule.body


class Binding:
    """Both ways of one route, without any I/O.

    Attributes:
        method: the method that the route leads to.
        rule: the rule.
        conversation: messages go both ways at once; only a WebSocket could carry them.
        takes_body: False where the rule binds no body; a request that has one is refused.
        raw_request: the body is not JSON but the bytes of a google.api.HttpBody.
        raw_response: the reply is a google.api.HttpBody.
    """

    def __init__(self, method: Method, rule: Rule, contracts: Contracts) -> None:
        self.method = method
        self.rule = rule
        self.conversation = is_conversation(method, rule)
        self.takes_body = bool(rule.body)
        self._request = RequestBinding(method.request, rule, contracts)
        self._reply = ReplyBinding(method, rule, contracts)
        self._resume = Resume(method, contracts)
        self.raw_request = self._request.raw
        self.raw_response = self._reply.raw

    def request(
        self, variables: Mapping[str, str], query: str, body: bytes, headers: Mapping[str, str]
    ) -> bytes:
        """Return the serialized request of a method that takes one message.

        What the path binds stays, whatever the body says. An empty body is a message with no
        field set. Where the contract has a resume token, `Last-Event-ID` is put there.

        Args:
            variables: from the router, decoded.
            query: the raw query string, without `?`.
            body: the whole body.
            headers: by lower-case name.

        Raises:
            MalformedJson: the body is not JSON.
            InvalidRequest: with violations whose field is a JSON path.
        """
        message = self._request.body(body, headers, "the body")
        self._request.fill(message, variables, query, headers)
        self._resume.resume(message, headers.get("last-event-id", ""))
        return self._request.serialized(message, body, "the body")

    def stream(
        self, variables: Mapping[str, str], query: str, headers: Mapping[str, str]
    ) -> Callable[[bytes, int], bytes]:
        """Return a function from one item of a client stream's body to its serialized message.

        The function takes the item (a line of NDJSON, an element of a JSON array, or a chunk of
        bytes where `raw_request`) and its number in the stream from 1, which errors name. Path,
        query and headers fill the same fields of every message.

        Raises:
            MalformedJson: from the function, for an item.
            InvalidRequest: here for path, query and headers; from the function for an item.
        """
        common = self.method.request.type()
        self._request.fill(common, variables, query, headers)
        overlay = common.to_binary()

        def item(data: bytes, number: int) -> bytes:
            where = f"message {number} of the stream"
            message = self._request.body(data, headers, where)
            return (
                self._request.serialized(message, data, where) + overlay
            )  # protobuf merges what is joined; the last wins

        return item

    def position(self, message: bytes) -> str:
        """Return where to go on after a message of a server stream; empty if it does not say."""
        return self._resume.position(message)

    def response(self, message: bytes, output: Output = PLAIN) -> Reply:
        """Return a response, or one message of a server stream, as a reply.

        JSON has no line breaks unless `output.pretty`. With 201 the reply has the header Location:
        the path of the created resource, made from its `name`.

        Raises:
            Internal: the message cannot be read or has no JSON form.
        """
        return self._reply.reply(message, output)
