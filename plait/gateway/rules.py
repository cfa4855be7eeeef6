"""The google.api.http rules of a method, read and checked against its messages."""

import re
from dataclasses import dataclass

from google.api import http_pb2
from protobuf import DescEnum, DescField, DescMessage, DescMethod, ScalarType

from plait.gateway.rest.fields import elements_of, is_single
from plait.gateway.rest.names import nearest
from plait.gateway.rest.template import Template, TemplateError, parse

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One google.api.http rule; additional bindings are rules of their own.

    Attributes:
        verb: the HTTP method in capitals, `*` for any.
        template: the parsed path template.
        body: `*`, the name of a field of the request, or empty: no body.
        response_body: the name of a field of the response that is the whole reply, or empty.
    """

    verb: str
    template: Template
    body: str = ""
    response_body: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.template}"


class RuleError(ValueError):
    """A rule that is wrong; the message says which and why."""


def rules_of(
    http: http_pb2.HttpRule, method: DescMethod, carried: frozenset[str]
) -> tuple[list[Rule], list[str]]:
    """Read a method's rules, and say what is wrong with those that cannot be used.

    Args:
        http: the option google.api.http.
        method: the method that has it.
        carried: names of fields of the request that travel in a header or a cookie.
    """
    rules: list[Rule] = []
    problems: list[str] = []
    for one in (http, *http.additional_bindings):
        try:
            rules.append(_rule(one, method, carried, inner=one is not http))
        except RuleError as error:
            problems.append(f'rule "{_shown(one)}": {error}')
    return rules, problems


def field_of(message: DescMessage, path: str) -> DescField:
    """Find a field by its path of proto names through single messages.

    Raises:
        RuleError: there is no such field.
    """
    *parents, leaf = path.split(".")
    for name in parents:
        parent = _member(message, name)
        inner = elements_of(parent)
        if not isinstance(inner, DescMessage) or not is_single(parent):
            raise RuleError(f'"{name}" in the field path "{path}" is not a single message')
        message = inner
    return _member(message, leaf)


def _rule(
    http: http_pb2.HttpRule, method: DescMethod, carried: frozenset[str], *, inner: bool
) -> Rule:
    if inner and http.additional_bindings:
        raise RuleError("additional_bindings hold additional_bindings: one level is allowed")
    verb, path = _pattern(http)
    try:
        template = parse(path)
    except TemplateError as error:
        raise RuleError(str(error)) from None
    rule = Rule(verb=verb, template=template, body=http.body, response_body=http.response_body)
    for check in (_check_path, _check_body, _check_response_body):
        check(rule, method)
    _check_carried(rule, carried)
    return rule


def _pattern(http: http_pb2.HttpRule) -> tuple[str, str]:
    kind = http.WhichOneof("pattern")
    if kind is None:
        raise RuleError("expected one of get, put, post, delete, patch and custom, found none")
    if kind != "custom":
        return kind.upper(), getattr(http, kind)
    if not _TOKEN.fullmatch(http.custom.kind):
        raise RuleError(
            f'expected an HTTP method or "*" as the kind of custom, found "{http.custom.kind}"'
        )
    return http.custom.kind.upper(), http.custom.path


def _shown(http: http_pb2.HttpRule) -> str:
    kind = http.WhichOneof("pattern")
    if kind is None:
        return ""
    if kind == "custom":
        return f"{http.custom.kind} {http.custom.path}"
    return f"{kind.upper()} {getattr(http, kind)}"


def _check_path(rule: Rule, method: DescMethod) -> None:
    for variable in rule.template.variables:
        leaf = field_of(method.input, variable.field)
        element = elements_of(leaf)
        if not is_single(leaf) or not isinstance(element, ScalarType | DescEnum):
            kind = "a message" if is_single(leaf) else "repeated or a map"
            raise RuleError(
                f'the path variable "{variable.field}" is {kind}; expected a scalar or an enum'
            )


def _check_body(rule: Rule, method: DescMethod) -> None:
    if rule.body in {"", "*"}:
        if not rule.body and _takes_stream(method) and not _begins_websocket(rule, method):
            raise RuleError("a stream of requests comes in the body: expected a body, found none")
        return
    if "." in rule.body:
        raise RuleError(f'the body "{rule.body}" is a path; expected a field of the request itself')
    field_of(method.input, rule.body)
    if any(variable.field == rule.body for variable in rule.template.variables):
        raise RuleError(f'the field "{rule.body}" is bound twice, by the path and by the body')


def _takes_stream(method: DescMethod) -> bool:
    return method.method_kind in {"client_streaming", "bidi_streaming"}


def _begins_websocket(rule: Rule, method: DescMethod) -> bool:
    """Whether it is the path of a WebSocket, which begins as a GET (RFC 6455 section 4.1)."""
    return method.method_kind == "bidi_streaming" and rule.verb == "GET"


def _check_response_body(rule: Rule, method: DescMethod) -> None:
    if "." in rule.response_body:
        raise RuleError(
            f'the response_body "{rule.response_body}" is a path; expected a field of the response '
            "itself"
        )
    if rule.response_body:
        field_of(method.output, rule.response_body)


def _check_carried(rule: Rule, carried: frozenset[str]) -> None:
    bound = {variable.field for variable in rule.template.variables} | {rule.body}
    for name in sorted(carried & bound):
        raise RuleError(f'the field "{name}" is bound twice: it has the option plait.api.v1.http')


def _member(message: DescMessage, name: str) -> DescField:
    for field in message.fields:
        if field.name == name:
            return field
    hint = nearest(name, (field.name for field in message.fields))
    raise RuleError(f'{message.type_name} has no field "{name}"{hint}')
