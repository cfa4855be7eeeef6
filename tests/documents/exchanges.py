"""What a Markdown page shows of HTTP: requests, each with its answer behind it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

_FENCE = re.compile(r"^```http\n(?P<text>.*?)^```\n", re.MULTILINE | re.DOTALL)
_ANSWER = re.compile(r"HTTP/1\.1 (?P<status>\d{3}) (?P<phrase>.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One message of HTTP: its first line, its headers by lower-case name, its body."""

    line: int
    start: str
    headers: dict[str, str]
    body: str

    @property
    def is_answer(self) -> bool:
        return self.start.startswith("HTTP/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request of a page and the answer that the page promises."""

    request: Shown
    answer: Shown

    @property
    def verb(self) -> str:
        return self.request.start.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.request.start.partition(" ")[2]

    @property
    def status(self) -> int:
        found = _ANSWER.fullmatch(self.answer.start)
        assert found, f"line {self.answer.line}: expected HTTP/1.1 and a status"
        status = HTTPStatus(int(found["status"]))
        assert found["phrase"] == status.phrase, f"line {self.answer.line}: {status.phrase}"
        return status

    def __str__(self) -> str:
        return f"line-{self.request.line}"


def exchanges(page: str) -> list[Exchange]:
    """Every request with its answer, in the order of the page.

    Raises:
        ValueError: a request has no answer right behind it, or an answer no request before it.
    """
    messages = list(_messages(page))
    pairs = list(zip(messages[::2], messages[1::2], strict=False))
    for request, answer in pairs:
        if request.is_answer or not answer.is_answer:
            raise ValueError(f"line {request.line}: expected a request, then its answer")
    if len(messages) % 2:
        raise ValueError(f"line {messages[-1].line}: expected an answer to this request")
    return [Exchange(request=request, answer=answer) for request, answer in pairs]


def _messages(page: str) -> Iterator[Shown]:
    for fence in _FENCE.finditer(page):
        head, _, body = fence["text"].partition("\n\n")
        start, *headers = head.strip().splitlines()
        parts = (header.partition(": ") for header in headers)
        yield Shown(
            line=page[: fence.start()].count("\n") + 1,
            start=start,
            headers={name.lower(): value for name, _, value in parts},
            body=body,
        )
