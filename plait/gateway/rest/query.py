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
            found.append((_decoded(name, name), _decoded(value, name)))
    return found


def _decoded(text: str, name: str) -> str:
    if "+" in text:
        text = text.replace("+", " ")
    if "%" not in text:
        return text
    escapes = text.split("%")[1:]
    if any(len(escape) < 2 or not _HEX.issuperset(escape[:2]) for escape in escapes):
        raise _malformed(name, 'has a malformed escape; a "%" itself is "%25"')
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise _malformed(name, "is not UTF-8 once it is decoded") from None


def _malformed(name: str, problem: str) -> InvalidRequest:
    """Name the parameter as it was written; its value may be a secret, which is not known here."""
    shown = name if len(name) <= 64 else f"{name[:64]}..."
    return InvalidRequest(
        f'the query string is malformed: the parameter "{shown}" {problem}',
        violations=[Violation(field=shown, description=problem, rule="query.value")],
    )
