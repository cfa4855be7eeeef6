"""A request and what came back, and both as lines for a shell and for a reader."""

import base64
import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_SHOWN = 300  # characters of an answer
_SECRET = re.compile(r'("(?:accessToken|refreshToken)": ?)"[^"]*"')


class WalkFailed(Exception):
    """An answer was not what the walk expects; the text says what was expected and found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request, and the same as a call of the method `rpc` with the JSON `message`s.

    `body` is what is sent: JSON (a dict or a list), lines of JSON (a str) or bytes. `by` names the
    variable of the walk with the token of who asks (empty: nobody); `$NAME` of such a variable in
    `body` and `message` is its value.
    """

    verb: str
    path: str
    rpc: str
    message: Sequence[Mapping[str, Any]] = ()
    body: Any = None
    content_type: str = ""
    accept: str = ""
    by: str = ""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """What is said of the body, there and back."""
        headers: list[tuple[str, str]] = []
        if self.content_type:
            headers.append(("Content-Type", self.content_type))
        elif self.body is not None:
            headers.append(("Content-Type", "application/json"))
        if self.accept:
            headers.append(("Accept", self.accept))
        return headers

    @property
    def content(self) -> bytes | None:
        """The body in bytes."""
        if self.body is None or isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            return self.body.encode()
        return json.dumps(self.body, ensure_ascii=False).encode()


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

    @property
    def reason(self) -> str:
        """Why it is an error, as its ErrorInfo says (AIP-193).

        Raises:
            WalkFailed: it is not an error of that form.
        """
        try:
            details = self.json["error"]["details"]
            return next(str(one["reason"]) for one in details if "reason" in one)
        except (KeyError, TypeError, StopIteration) as error:
            raise WalkFailed(f"expected an error with a reason, found {shown(self)}") from error


def curl_of(request: Request, gateway: str, variables: Iterable[str] = ()) -> str:
    """Return the request as a line for a shell that has the variables."""
    words = ["curl"]
    if isinstance(request.body, bytes):
        words = ["echo", base64.b64encode(request.body).decode(), "| base64 -d |", "curl"]
    if request.accept == "text/event-stream":
        words.append("-N")
    if request.verb != "GET":
        words += ["-X", request.verb]
    if request.by:
        words.append(f'-H "Authorization: Bearer ${request.by}"')
    words += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in request.headers]
    if isinstance(request.body, bytes):
        words += ["--data-binary", "@-"]
    elif (content := request.content) is not None:
        words += ["--data-binary", _quoted(content.decode(), variables)]
    return " ".join([*words, shlex.quote(f"{gateway}{request.path}")])


def grpcurl_of(request: Request, target: str, variables: Iterable[str] = ()) -> str:
    """Return the same as a call, as a line for the same shell."""
    words = ["grpcurl", "-plaintext"]
    if request.by:
        words.append(f'-H "authorization: Bearer ${request.by}"')
    message = " ".join(json.dumps(one, ensure_ascii=False) for one in request.message)
    if message:
        words += ["-d", _quoted(message, variables)]
    return " ".join([*words, target, request.rpc])


def shown(response: Response) -> str:
    """Return an answer in one line, cut where it is long, and without the tokens in it."""
    kind = response.headers.get("content-type", "")
    if not response.body:
        return "(no body)"
    if not kind.startswith(("application/json", "application/x-ndjson", "text/")):
        return f"({len(response.body)} bytes of {kind or 'something'})"
    text = " ".join(response.body.decode("utf-8", "replace").split())
    text = _SECRET.sub(r'\1"..."', text)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ... ({len(response.body)} bytes)"


def filled(text: str, names: Iterable[str], value: Callable[[str], str]) -> str:
    """Return the text with the value of each of these variables in place of its `$NAME`."""
    known = "|".join(map(re.escape, names))
    return re.sub(rf"\$({known})(?!\w)", lambda found: value(found[1]), text) if known else text


def _quoted(text: str, variables: Iterable[str]) -> str:
    """Quote a text for a shell in which only these variables are filled in."""
    return filled(shlex.quote(text), variables, lambda name: f"'\"${name}\"'")
