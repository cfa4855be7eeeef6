"""Secrets: fields that are marked `debug_redact`, whose values no error repeats."""

from protobuf import DescField, DescMessage

from plait.gateway.rest.contents import reachable
from plait.gateway.rest.fields import Element, Reader, TextError, elements_of, expected, reader


def is_secret(field: DescField) -> bool:
    """Say whether a field is marked."""
    options = field.proto.options
    return options is not None and options.debug_redact


def holds_secret(element: Element) -> bool:
    """Say whether a field that is marked can be in a value of a type."""
    if not isinstance(element, DescMessage):
        return False
    return any(is_secret(field) for found in reachable(element) for field in found.fields)


def reader_of(*path: DescField) -> Reader:
    """Return the function that reads a value of the last field of a path from text.

    Where one of them is a secret it raises a `TextError` that does not say what it has found.
    """
    element = elements_of(path[-1])
    read = reader(element)
    return _silent(read, element) if any(is_secret(field) for field in path) else read


def _silent(read: Reader, element: Element) -> Reader:
    def silent(text: str) -> object:
        try:
            return read(text)
        except TextError:
            raise TextError(expected(element)) from None

    return silent
