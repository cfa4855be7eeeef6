"""The cold path: why JSON is refused, with the path of each problem, or with line and column."""

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from protobuf import DescField, DescMessage, Registry
from protobuf.wkt import Value

from plait.errors import Violation
from plait.gateway.errors import InvalidRequest, MalformedJson
from plait.gateway.rest.checking import Check, Doubled

_WORDS: Mapping[str, str] = {
    "EOF while parsing a value": "expected a value",
    "EOF while parsing a string": "expected the end of a string",
    "EOF while parsing an object": "expected `,` or `}`",
    "EOF while parsing a list": "expected `,` or `]`",
    "expected value": "expected a value",
    "expected ident": "expected true, false or null",
    "key must be a string": "expected a key in double quotes",
    "trailing characters": "expected the end",
    "trailing comma": "expected no comma before the end of an object or array",
    "invalid escape": "expected an escape of JSON after `\\`",
    "invalid number": "expected a number of JSON",
    "invalid unicode code point": "expected UTF-8",
    "lone leading surrogate in hex escape": "expected both halves of a surrogate pair",
    "unexpected end of hex escape": "expected both halves of a surrogate pair",
    "control character (\\u0000-\\u001F) found while parsing a string": (
        "expected an escape such as \\n instead of a control character"
    ),
}
"""What the parser of protobuf-py says, in words of our own."""


def malformed(error: json.JSONDecodeError, text: bytes, where: str) -> MalformedJson:
    """Say where `text` ends to be JSON, by line and column in characters from 1.

    Args:
        error: from protobuf-py; its position counts bytes.
        text: what was read.
        where: what the text is, for example `the body`.
    """
    before = text[: error.pos].decode(errors="replace")
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    rest = text[error.pos : error.pos + 4].decode(errors="replace")[:1]
    found = "the end" if not rest else f"`{rest}`" if rest.isprintable() else ascii(rest)
    return MalformedJson(
        f"{where} is not JSON: {_WORDS.get(error.msg, error.msg)}, "
        f"found {found} at line {line}, column {column}",
        line=str(line),
        column=str(column),
    )


def problems_of(
    text: bytes, target: DescMessage | DescField, registry: Registry, at: str = "", depth: int = 0
) -> list[Violation]:
    """Return why JSON is no value of a message type or of a field; empty if it is one.

    Args:
        text: what should be JSON.
        target: the message type, or the field (of any kind) that the JSON is the value of.
        registry: the types that an Any may hold.
        at: the JSON path of the value in the request.
        depth: how many messages of the request the value lies in.

    Raises:
        json.JSONDecodeError: it is not JSON; the position counts bytes.
    """
    check = Check(registry)
    try:
        tree = _tree(text)
    except RecursionError:
        check.too_deep(at)
    else:
        if isinstance(target, DescMessage):
            check.single(target, tree, at, depth)
        else:
            check.field(target, tree, at, depth)
    return check.problems


def refusal(problems: list[Violation], where: str) -> InvalidRequest:
    """Return the error that names problems, of which there is at least one."""
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    place = f"{where}, {first.field}: " if first.field else f"{where}: "
    return InvalidRequest(f"{place}{first.description}{more}", violations=problems)


def _tree(text: bytes) -> Any:
    with suppress(RecursionError):  # a typed message may lie deeper than a Value can
        Value.from_json(text)  # stricter than the standard library, and it counts bytes
    try:
        return json.loads(
            text.decode(), object_pairs_hook=_object, parse_int=_whole, parse_constant=_constant
        )
    except UnicodeDecodeError as error:
        raise json.JSONDecodeError("expected UTF-8", "", error.start) from None
    except json.JSONDecodeError as error:
        position = len(error.doc[: error.pos].encode(errors="replace"))
        raise json.JSONDecodeError(error.msg, "", position) from None


def _constant(name: str) -> Any:
    raise json.JSONDecodeError(f"expected a value of JSON instead of {name}", "", 0)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    count = Counter(name for name, _ in pairs)
    return Doubled(found, twice=tuple(name for name in found if count[name] > 1))


def _whole(text: str) -> int | float:
    return int(text) if len(text) <= 40 else float(text)  # no type has that many digits
