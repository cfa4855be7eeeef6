"""What messages of a type can hold, through all the messages in them."""

from collections.abc import Iterator

from protobuf import DescEnum, DescMessage, ScalarType

from plait.gateway.rest.fields import Element, elements_of


def holds_any(message: DescMessage) -> bool:
    """Say whether a google.protobuf.Any can be in such a message, or is it."""
    return any(found.type_name == "google.protobuf.Any" for found in reachable(message))


def holds_float(message: DescMessage) -> bool:
    """Say whether a float of 32 bits can be in such a message."""
    fields = (field for found in reachable(message) for field in found.fields)
    return any(elements_of(field) is ScalarType.FLOAT for field in fields)


def holds_alias(message: DescMessage) -> bool:
    """Say whether an enum in which two names have one number can be in such a message."""
    fields = (field for found in reachable(message) for field in found.fields)
    return any(_has_alias(elements_of(field)) for field in fields)


def reachable(descriptor: DescMessage) -> Iterator[DescMessage]:
    """Yield a type and those of all messages that can be in it, each once."""
    seen = {descriptor.type_name}
    waiting = [descriptor]
    while waiting:
        message = waiting.pop()
        yield message
        for field in message.fields:
            element = elements_of(field)
            if isinstance(element, DescMessage) and element.type_name not in seen:
                seen.add(element.type_name)
                waiting.append(element)


def _has_alias(element: Element) -> bool:
    if not isinstance(element, DescEnum):
        return False
    return len({value.number for value in element.values}) < len(element.values)
