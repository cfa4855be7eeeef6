"""A query string as names and values, decoded."""

from urllib.parse import unquote_to_bytes

from plait.errors import Violation
from plait.gateway.errors import InvalidRequest

_HEX = frozenset("0123456789abcdefABCDEF")


def pairs(query: str) -> list[tuple[str, str]]:
    """Split a raw query string into decoded names and values, in their order.

    `+` is a space; a name without `=` has the empty value.

    Raises:
        InvalidRequest: an escape is malformed, or not UTF-8 once decoded.
    """
    found: list[tuple[str, str]] = []
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            found.append((_decoded(name), _decoded(value)))
    return found


def _decoded(text: str) -> str:
    if "+" in text:
        text = text.replace("+", " ")
    if "%" not in text:
        return text
    escapes = text.split("%")[1:]
    if any(len(escape) < 2 or not _HEX.issuperset(escape[:2]) for escape in escapes):
        raise _malformed(text, 'has a malformed escape; a "%" itself is "%25"')
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise _malformed(text, "is not UTF-8 once it is decoded") from None


def _malformed(text: str, problem: str) -> InvalidRequest:
    shown = text if len(text) <= 64 else f"{text[:64]}..."
    return InvalidRequest(
        f'the query string is malformed: "{shown}" {problem}',
        violations=[Violation(field="", description=f'"{shown}" {problem}', rule="query.value")],
    )
