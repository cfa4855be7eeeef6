"""A walk through a running system: each request is made, checked, and shown as curl and grpcurl."""

import base64
import http.client
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.text import Text

_TIMEOUT = 30.0  # seconds
_SHOWN = 300  # characters of an answer
_TRACE = "X-Trace-Id"


class WalkFailed(Exception):
    """An answer was not what the walk expects; the text says what was expected and found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request, and the same as a call of the method `rpc` with the JSON `message`s.

    `body` is what is sent: JSON (a dict or a list), lines of JSON (a str) or bytes. `admin` adds
    the token.
    """

    verb: str
    path: str
    rpc: str
    message: Sequence[Mapping[str, Any]] = ()
    body: Any = None
    content_type: str = ""
    accept: str = ""
    admin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What came back."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""

    @property
    def json(self) -> Any:
        """The body as JSON.

        Raises:
            WalkFailed: it is not JSON.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise WalkFailed(f"expected JSON, found {self.body[:_SHOWN]!r}") from error


class Walk:
    """Makes requests one after the other, and shows them on `console`.

    Args:
        gateway: its address, `http://host:port`.
        target: where the calls go in the printed grpcurl, `host:port`.
        traces: the console's address, empty if there is none.
        token: the administrator's.
    """

    def __init__(
        self, console: Console, *, gateway: str, target: str, traces: str, token: str
    ) -> None:
        self._console = console
        self._gateway = gateway
        self._target = target
        self._traces = traces
        self._token = token
        self._steps = 0

    def step(self, title: str, request: Request, *, expect: int = 200) -> Response:
        """Make the request and show it.

        Raises:
            WalkFailed: the status is another than `expect`, or the gateway does not answer.
        """
        self._steps += 1
        self._say(f"\n{self._steps}. {title}", "bold")
        self._say(curl_of(request, self._gateway), "cyan")
        self._say(grpcurl_of(request, self._target), "blue")
        response = self.silently(request)
        self._say(f"-> {response.status} {shown(response)}")
        trace = response.headers.get(_TRACE.lower(), "")
        if self._traces and trace:
            self._say(f"   {self._traces}/traces/{trace}", "dim")
        if response.status != expect:
            raise WalkFailed(
                f"step {self._steps} ({title}): expected the status {expect}, "
                f"found {response.status}: {response.body.decode('utf-8', 'replace')}"
            )
        if not trace:
            raise WalkFailed(f"step {self._steps} ({title}): the answer has no {_TRACE} header")
        return response

    def silently(self, request: Request) -> Response:
        """Make the request without showing or judging it.

        Raises:
            WalkFailed: the gateway does not answer.
        """
        place = urlsplit(self._gateway)
        assert place.hostname is not None
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=_TIMEOUT)
        headers = dict(_headers(request))
        if request.admin:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            connection.request(request.verb, request.path, body=_content(request), headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise WalkFailed(f"{request.verb} {request.path}: no answer: {error}") from error
        finally:
            connection.close()
        received = {name.lower(): value for name, value in answer.getheaders()}
        return Response(status=answer.status, headers=received, body=body)

    def expect(self, what: str, *, found: Any, wanted: Any) -> None:
        """Check one more thing about the last answer.

        Raises:
            WalkFailed: `found` is not `wanted`.
        """
        if found != wanted:
            raise WalkFailed(f"step {self._steps}: {what}: expected {wanted!r}, found {found!r}")

    def _say(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style=style), soft_wrap=True)


def curl_of(request: Request, gateway: str) -> str:
    """Return the request as a line for a shell in which `$TOKEN` is the administrator's token."""
    words = ["curl"]
    if isinstance(request.body, bytes):
        words = ["echo", base64.b64encode(request.body).decode(), "| base64 -d |", "curl"]
    if request.verb != "GET":
        words += ["-X", request.verb]
    if request.admin:
        words.append('-H "Authorization: Bearer $TOKEN"')
    words += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in _headers(request)]
    if isinstance(request.body, bytes):
        words += ["--data-binary", "@-"]
    elif (content := _content(request)) is not None:
        words += ["--data-binary", shlex.quote(content.decode())]
    return " ".join([*words, shlex.quote(f"{gateway}{request.path}")])


def grpcurl_of(request: Request, target: str) -> str:
    """Return the same as a call, as a line for the same shell."""
    words = ["grpcurl", "-plaintext"]
    if request.admin:
        words.append('-H "authorization: Bearer $TOKEN"')
    message = " ".join(json.dumps(one, ensure_ascii=False) for one in request.message)
    if message:
        words += ["-d", shlex.quote(message)]
    return " ".join([*words, target, request.rpc])


def shown(response: Response) -> str:
    """Return an answer in one line, cut where it is long."""
    kind = response.headers.get("content-type", "")
    if not response.body:
        return "(no body)"
    if not kind.startswith(("application/json", "application/x-ndjson", "text/")):
        return f"({len(response.body)} bytes of {kind or 'something'})"
    text = " ".join(response.body.decode("utf-8", "replace").split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ... ({len(response.body)} bytes)"


def _headers(request: Request) -> list[tuple[str, str]]:
    headers: list[tuple[str, str]] = []
    if request.content_type:
        headers.append(("Content-Type", request.content_type))
    elif request.body is not None:
        headers.append(("Content-Type", "application/json"))
    if request.accept:
        headers.append(("Accept", request.accept))
    return headers


def _content(request: Request) -> bytes | None:
    if request.body is None or isinstance(request.body, bytes):
        return request.body
    if isinstance(request.body, str):
        return request.body.encode()
    return json.dumps(request.body, ensure_ascii=False).encode()
