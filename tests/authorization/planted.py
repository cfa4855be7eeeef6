"""Canaries: two values that are looked for where they must not be, and requests that carry them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from tests.authorization.contracts import fields_of, http_rule, is_secret
from tests.authorization.messages import TEXTS, Maker
from tests.authorization.rest import Asked, asked

SECRET = "c4n4ry1s3cr3t"  # in every field that is marked debug_redact
OTHER = "c4n4ry2pl41n"  # in every other field of text
SECRET_NUMBER, OTHER_NUMBER = 7240191555000111, 7240191555000222  # where a text is wanted
CANARIES = (SECRET, OTHER, str(SECRET_NUMBER), str(OTHER_NUMBER))
SECRETS = (SECRET, str(SECRET_NUMBER))
_LONG = 400  # canaries in a row: longer than any text may be that is bound to a length

Json = Any
Change = Callable[[FieldDescriptor, bool, Json], Json]


def mark(secret: bool) -> str:  # noqa: FBT001 - which of the two
    return SECRET if secret else OTHER


def _allowed(secret: bool) -> Iterator[str]:  # noqa: FBT001 - it is what `Texts` is told
    """The canary in each form that a contract may want, and what is usual where it wants none."""
    yield mark(secret)
    yield f"{mark(secret)}@example.org"
    yield from (text.replace("1", mark(secret)) for text in TEXTS if "1" in text and "/" in text)
    yield from TEXTS


RIGHT = Maker(texts=_allowed)
"""Keeps every rule, with a canary in each field that can hold one."""

RAW = Maker(texts=lambda secret: [mark(secret)], strict=False)
"""Holds the bare canary, whatever a field should look like."""

LONG = Maker(texts=lambda secret: [mark(secret) * _LONG], strict=False)
"""Holds the canary many times over."""


def wrong_kind(field: FieldDescriptor, secret: bool, value: Json) -> Json:  # noqa: FBT001 - Change
    """A number where a text is wanted, and a text where anything else is."""
    if isinstance(value, str) and field.type != FieldDescriptor.TYPE_ENUM:
        return SECRET_NUMBER if secret else OTHER_NUMBER
    return mark(secret)


def as_list(_: FieldDescriptor, secret: bool, value: Json) -> Json:  # noqa: FBT001 - Change
    return [mark(secret), value]


def as_object(_: FieldDescriptor, secret: bool, value: Json) -> Json:  # noqa: FBT001 - Change
    return {mark(secret): value, "nested": mark(secret)}


def as_text(_: FieldDescriptor, secret: bool, value: Json) -> Json:  # noqa: FBT001 - Change
    """Something that is no number, enum, time or message, and broken base64."""
    return f"!{mark(secret)}"


CHANGES = (wrong_kind, as_list, as_object, as_text)


def changed(descriptor: Descriptor, value: Json, change: Change, *, secret: bool = False) -> Json:
    """Return the JSON of a message with every value changed that is no message itself."""
    found = {}
    for name, inner in value.items():
        field = descriptor.fields_by_name[name]
        hidden = secret or is_secret(field)
        items = inner if isinstance(inner, list) else [inner]
        made = [
            changed(field.message_type, item, change, secret=hidden)
            if isinstance(item, dict)
            else change(field, hidden, item)
            for item in items
        ]
        found[name] = made if isinstance(inner, list) else made[0]
    return found


def bodies(method: MethodDescriptor) -> Iterator[tuple[str, Asked]]:
    """Yield requests whose JSON body is wrong, each with a word about how; none without a body."""
    request = RIGHT.make(method.input_type)
    right = asked(method, request)
    if right.body is None or ("content-type", "image/png") in right.headers:
        return
    name = http_rule(method)[2]
    descriptor = (
        method.input_type if name == "*" else method.input_type.fields_by_name[name].message_type
    )
    value = json.loads(right.body)
    texts = {change.__name__: changed(descriptor, value, change) for change in CHANGES}
    texts |= dict(_one_by_one(descriptor, value))
    texts["an unknown field"] = {**value, f"x{OTHER}": SECRET}
    texts["no object"] = mark(any(map(is_secret, fields_of(descriptor))))
    for how, wrong in texts.items():
        yield how, _with(right, json.dumps(wrong))
    yield from ((how, _with(right, text)) for how, text in _malformed(json.dumps(value)))


def _one_by_one(descriptor: Descriptor, value: Json) -> Iterator[tuple[str, Json]]:
    """Each secret at the top changed alone: of many problems only the first twenty are told."""
    for name in value:
        if is_secret(descriptor.fields_by_name[name]):
            for change in CHANGES:
                only = changed(descriptor, {name: value[name]}, change)
                yield f"{change.__name__} of {name}", {**value, **only}


def _malformed(text: str) -> Iterator[tuple[str, str]]:
    for canary in (SECRET, OTHER):
        at = text.find(canary)
        if at >= 0:
            end = at + len(canary)
            yield f"cut after {canary}", text[:end]
            yield f"cut in {canary}", text[: at + 4]
            yield f"no quotes around {canary}", f"{text[: at - 1]}{text[at:end]}{text[end + 1 :]}"
            yield f"a wrong escape after {canary}", f"{text[:end]}\\q{text[end:]}"
            yield f"a line break after {canary}", f"{text[:end]}\n{text[end:]}"
    yield "something behind it", f"{text} {SECRET}{OTHER}"
    yield "every key twice", f"{text[:-1]},{text[1:]}"
    yield "not UTF-8", f"{text[:-1]}\udcff"


def _with(request: Asked, text: str) -> Asked:
    return Asked(
        verb=request.verb,
        url=request.url,
        body=text.encode(errors="surrogateescape"),
        headers=request.headers,
    )


def queries(method: MethodDescriptor) -> Iterator[tuple[str, Asked]]:
    """Yield requests with canaries where the query is wrong."""
    right = asked(method, RIGHT.make(method.input_type))
    path, _, query = right.url.partition("?")
    names = [pair.partition("=")[0] for pair in query.split("&") if pair]
    for name in names:
        yield f"query, {name}", _to(right, f"{path}?{name}={OTHER}")
    yield "an unknown parameter", _to(right, f"{path}?{OTHER}={SECRET}&x.{OTHER}=1")
    for field in method.input_type.fields:  # most come from path or body: that is refused as well
        value = mark(is_secret(field))
        yield f"parameter {field.name}", _to(right, f"{path}?{field.json_name}={value}")
        yield f"parameter {field.name}.x", _to(right, f"{path}?{field.name}.{OTHER}={value}")
    yield "a broken escape", _to(right, f"{path}?a={SECRET}%zz{OTHER}")
    yield "a broken escape in the path", _to(right, f"{path}%zz{OTHER}")
    yield "another path", _to(right, f"{path}/{OTHER}/{SECRET}")


def _to(request: Asked, url: str) -> Asked:
    return Asked(verb=request.verb, url=url, body=request.body, headers=request.headers)
