"""A walk through a running system: each request is made, checked, and shown as curl and grpcurl."""

import http.client
import json
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

from rich.console import Console
from rich.text import Text

from plait.cli.exchange import Request, Response, WalkFailed, curl_of, filled, grpcurl_of, shown

_TIMEOUT = 30.0  # seconds for an answer, and for a whole stream
_MAIL = 10  # seconds that a mail may take
_TRACE = "X-Trace-Id"


class Walk:
    """Makes requests one after the other, and shows them on `console`.

    `variables` are those of the shell that the printed lines are for, by name: tokens.

    Args:
        gateway: its address, `http://host:port`.
        targets: where the calls of a contract go in the printed grpcurl, `host:port` by the
            contract's full name.
        page: the address of plait's console, with the traces and the mail; empty if there is none.
    """

    def __init__(
        self, console: Console, *, gateway: str, targets: Mapping[str, str], page: str
    ) -> None:
        self._console = console
        self._gateway = gateway
        self._targets = targets
        self._page = page
        self.variables: dict[str, str] = {}
        self._steps = 0

    def step(self, title: str, request: Request, *, expect: int = 200) -> Response:
        """Make the request and show it.

        Raises:
            WalkFailed: the status is another than `expect`, or the gateway does not answer.
        """
        self._announce(title, request)
        response = self.silently(request)
        self._conclude(title, response, shown(response), expect)
        return response

    @contextmanager
    def stream(self, title: str, request: Request) -> Generator["Events"]:
        """Open the stream of server-sent events and show it; it is closed with the block.

        Raises:
            WalkFailed: the status is not 200, or the gateway does not answer.
        """
        self._announce(title, request)
        connection = self._connected(self._gateway)
        try:
            answer = self._asked(connection, request)
            head = Response(status=answer.status, headers=_headers(answer))
            if answer.status != http.client.OK:
                head = Response(status=head.status, headers=head.headers, body=answer.read())
            self._conclude(title, head, shown(head) if head.body else "(a stream)", 200)
            yield Events(answer, self._said)
        finally:
            connection.close()

    def silently(self, request: Request) -> Response:
        """Make the request without showing or judging it.

        Raises:
            WalkFailed: the gateway does not answer.
        """
        return self._fetched(self._gateway, request)

    def mail(self, title: str, to: str) -> dict[str, Any]:
        """Wait for the newest mail to an address, show it, and return it as the console tells it.

        Raises:
            WalkFailed: none came within 10 s, or the console does not answer.
        """
        asked = Request(
            verb="GET",
            path=f"/api/mail/latest?{urlencode({'to': to, 'wait': _MAIL}, safe='@')}",
            rpc="",
        )
        self._count(title)
        self._say(curl_of(asked, self._page), "cyan")
        response = self._fetched(self._page, asked)
        if response.status != http.client.OK:
            raise WalkFailed(f"step {self._steps} ({title}): found no mail: {shown(response)}")
        mail: dict[str, Any] = response.json
        self._say(f"-> {mail['subject']}: {mail['preview']}")
        self._say(f"   {self._page}/mail/{mail['id']}", "dim")
        return mail

    def copy(self, line: str) -> None:
        """Show a line to copy that is no request, as one that sets a variable."""
        self._say(line, "cyan")

    def expect(self, what: str, *, found: Any, wanted: Any) -> None:
        """Check one more thing about the last answer.

        Raises:
            WalkFailed: `found` is not `wanted`.
        """
        if found != wanted:
            raise WalkFailed(f"step {self._steps}: {what}: expected {wanted!r}, found {found!r}")

    def _count(self, title: str) -> None:
        self._steps += 1
        self._say(f"\n{self._steps}. {title}", "bold")

    def _announce(self, title: str, request: Request) -> None:
        self._count(title)
        target = self._targets.get(request.rpc.partition("/")[0], "")
        self._say(curl_of(request, self._gateway, self.variables), "cyan")
        self._say(grpcurl_of(request, target, self.variables), "blue")

    def _conclude(self, title: str, response: Response, text: str, expect: int) -> None:
        self._say(f"-> {response.status} {text}")
        trace = response.headers.get(_TRACE.lower(), "")
        if self._page and trace:
            self._say(f"   {self._page}/traces/{trace}", "dim")
        if response.status != expect:
            raise WalkFailed(
                f"step {self._steps} ({title}): expected the status {expect}, "
                f"found {response.status}: {response.body.decode('utf-8', 'replace')}"
            )
        if not trace:
            raise WalkFailed(f"step {self._steps} ({title}): the answer has no {_TRACE} header")

    def _fetched(self, address: str, request: Request) -> Response:
        connection = self._connected(address)
        try:
            answer = self._asked(connection, request)
            return Response(status=answer.status, headers=_headers(answer), body=answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise WalkFailed(f"{request.verb} {request.path}: no answer: {error}") from error
        finally:
            connection.close()

    def _connected(self, address: str) -> http.client.HTTPConnection:
        place = urlsplit(address)
        assert place.hostname is not None
        return http.client.HTTPConnection(place.hostname, place.port, timeout=_TIMEOUT)

    def _asked(
        self, connection: http.client.HTTPConnection, request: Request
    ) -> http.client.HTTPResponse:
        headers = dict(request.headers)
        if request.by:
            headers["Authorization"] = f"Bearer {self.variables[request.by]}"
        content = request.content
        if content is not None and not isinstance(request.body, bytes):
            text = content.decode()
            content = filled(text, self.variables, self.variables.__getitem__).encode()
        try:
            connection.request(request.verb, request.path, body=content, headers=headers)
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise WalkFailed(f"{request.verb} {request.path}: no answer: {error}") from error

    def _said(self, event: str) -> None:
        self._say(f"   {event}", "dim")

    def _say(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style=style), soft_wrap=True)


class Events:
    """The events of a stream, one after the other, within 30 s altogether."""

    def __init__(self, answer: http.client.HTTPResponse, say: Callable[[str], None]) -> None:
        self._answer = answer
        self._say = say
        self._until = time.monotonic() + _TIMEOUT

    def next(self) -> Any:
        """Wait for the next message, show it, and return its JSON.

        Raises:
            WalkFailed: the stream ends, breaks, or brings none in time.
        """
        event, data = "message", ""
        while line := self._line():
            name, _, value = line.partition(":")
            if name == "event":
                event = value.strip()
            elif name == "data":
                data += value.strip()
            elif line == "\n" and data:
                if event != "message":
                    raise WalkFailed(f"expected a further message, found the event {event}: {data}")
                self._say(data)
                return json.loads(data)
        raise WalkFailed("expected a further message, found the end of the stream")

    def _line(self) -> str:
        if time.monotonic() > self._until:
            raise WalkFailed(f"expected a further message within {_TIMEOUT:g} s, found none")
        try:
            return self._answer.readline(64 * 1024).decode("utf-8", "replace").replace("\r\n", "\n")
        except (OSError, http.client.HTTPException) as error:
            raise WalkFailed(f"expected a further message, found: {error!r}") from error


def _headers(answer: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.getheaders()}
