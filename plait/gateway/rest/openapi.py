"""Contracts as OpenAPI 3.1: every route that the router has, by the same rules."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from plait.gateway.contracts import Contracts, Method, Service
from plait.gateway.rest.binding import is_conversation
from plait.gateway.rest.bodies import Bodies
from plait.gateway.rest.constraints import Schema
from plait.gateway.rest.parameters import Parameters
from plait.gateway.rest.paths import Paths
from plait.gateway.rest.schemas import Schemas
from plait.gateway.rules import Rule

VERSION = "3.1.0"
_VERBS = frozenset({"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"})
_SENTENCE = re.compile(r"(.+?[.!?])(?=\s|$)", re.DOTALL)
_GENERAL = """\
Every answer carries `X-Request-Id` (yours, if you sent one) and, where traces are kept,
`X-Trace-Id`.

* `Request-Timeout: 1.5` bounds a call to so many seconds; each method has a limit as well.
* A query or a body with an unknown field is refused, with the nearest known name.
* `$alt=json;enum-encoding=int;emit=defaults;names=proto;int64=number` and `$prettyPrint=true`
  in the query change how answers are written.
* A stream is NDJSON by default, a JSON array for `Accept: application/json`, and server-sent
  events for `Accept: text/event-stream`. An error after the first message is the last line,
  element or event.
"""


def document(contracts: Contracts, *, title: str, version: str) -> dict[str, Any]:
    """Return the OpenAPI document of all services of the contracts.

    Methods of HTTP that OpenAPI 3.1 does not know (`QUERY`, or any by `*`) are left out, and so are
    conversations, for which it has no words.
    """
    schemas = Schemas(contracts)
    writer = _Writer(contracts, schemas)
    paths: dict[str, dict[str, Schema]] = {}
    for service in contracts.services:
        for path, verb, operation in writer.operations(service):
            paths.setdefault(path, {})[verb] = operation
    return {
        "openapi": VERSION,
        "info": {"title": title, "version": version, "description": _GENERAL},
        "servers": [{"url": "/"}],
        "tags": [_tag(service) for service in contracts.services],
        "paths": paths,
        "components": {
            "schemas": {**schemas.components, **_ERRORS},
            "responses": {"Error": _ERROR_RESPONSE},
            "headers": _HEADERS,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
    }


class _Writer:
    """Writes the operations of services."""

    def __init__(self, contracts: Contracts, schemas: Schemas) -> None:
        self._paths = Paths(contracts, schemas)
        self._parameters = Parameters(contracts, schemas)
        self._bodies = Bodies(contracts, schemas)

    def operations(self, service: Service) -> Iterator[tuple[str, str, Schema]]:
        """Yield path, verb and operation of each rule; the first one keeps the method's name."""
        for method in service.methods:
            known = [rule for rule in method.rules if _can_be_said(method, rule)]
            for number, rule in enumerate(known, start=1):
                operation = self._operation(method, rule)
                suffix = f"_{number}" if number > 1 else ""
                name = f"{_short(service.name)}_{method.rpc.name}{suffix}"
                path = self._paths.path(rule.template).text
                head = {"operationId": name, "tags": [_short(service.name)]}
                yield path, rule.verb.lower(), head | operation

    def _operation(self, method: Method, rule: Rule) -> Schema:
        operation = _described(method)
        parameters = [
            *self._paths.parameters(method, rule.template),
            *self._parameters.of(method, rule),
            *self._parameters.resume(method),
        ]
        if parameters:
            operation["parameters"] = parameters
        if rule.body:
            operation["requestBody"] = self._bodies.request(method, rule)
        operation["responses"] = {
            str(method.success): self._bodies.response(method, rule),
            **_errors(method),
        }
        return operation | _access(method)


def _can_be_said(method: Method, rule: Rule) -> bool:
    return rule.verb in _VERBS and not is_conversation(method, rule)


def _described(method: Method) -> Schema:
    comment = method.comment
    found = _SENTENCE.match(comment)
    summary = " ".join((found[1] if found else comment).split())
    parts = [comment]
    found_deprecation = method.deprecation
    if found_deprecation is not None and found_deprecation.use_instead:
        parts.append(f"Use instead: {found_deprecation.use_instead}")
    if found_deprecation is not None and found_deprecation.sunset is not None:
        parts.append(f"It stops to work on {found_deprecation.sunset.isoformat()}.")
    operation: Schema = {"summary": summary or method.rpc.name}
    if about := "\n\n".join(part for part in parts if part):
        operation["description"] = about
    if method.descriptor.deprecated or found_deprecation is not None:
        operation["deprecated"] = True
    return operation


def _errors(method: Method) -> Schema:
    """Return the errors of a method: those that tell a client what to do, and all others."""
    codes = ["400", "404"]
    if not _is_public(method):
        codes += ["401", "403"]
    return {code: {"$ref": "#/components/responses/Error"} for code in (*sorted(codes), "default")}


def _access(method: Method) -> Schema:
    access = method.rpc.access
    if access is None or access.WhichOneof("caller") == "public":
        return {"security": []}
    return {"security": [{"bearer": list(access.roles.any)}]}


def _is_public(method: Method) -> bool:
    access = method.rpc.access
    return access is None or access.WhichOneof("caller") == "public"


def _tag(service: Service) -> Schema:
    tag: Schema = {"name": _short(service.name)}
    return tag | ({"description": service.comment} if service.comment else {})


def _short(name: str) -> str:
    return name.rpartition(".")[2]


_ERRORS: Mapping[str, Schema] = {
    "Error": {
        "type": "object",
        "description": "An error (AIP-193).",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message", "status", "details"],
                "properties": {
                    "code": {"type": "integer", "description": "The HTTP status."},
                    "message": {"type": "string", "description": "For a developer."},
                    "status": {
                        "type": "string",
                        "description": "The name of the gRPC status, for example `NOT_FOUND`.",
                    },
                    "details": {
                        "type": "array",
                        "description": "Messages of google.rpc, ErrorInfo with its reason first.",
                        "items": {
                            "type": "object",
                            "required": ["@type"],
                            "properties": {"@type": {"type": "string"}},
                        },
                    },
                },
            }
        },
    },
    "Problem": {
        "type": "object",
        "description": "An error as RFC 9457 writes it.",
        "required": ["title", "status"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "instance": {"type": "string", "format": "uri-reference"},
        },
    },
}

_ERROR_RESPONSE: Schema = {
    "description": "What went wrong; the reason is for programs, the message for people.",
    "headers": {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/Error"}},
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
    },
}

_HEADERS: Schema = {
    "X-Request-Id": {
        "description": "The id of the request, in the logs too.",
        "schema": {"type": "string"},
    },
    "X-Trace-Id": {
        "description": "The id of the request's trace, as 32 hexadecimal digits.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    },
    "Location": {
        "description": "Where the thing is that was created.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
}
