"""Bodies of requests and answers as OpenAPI describes them: messages, fields, bytes and streams."""

from protobuf import DescField, DescMessage

from plait.gateway.contracts import Contracts, Method
from plait.gateway.rest.constraints import Schema, is_required
from plait.gateway.rest.fields import elements_of, is_single
from plait.gateway.rest.request import HTTP_BODY
from plait.gateway.rest.schemas import Schemas
from plait.gateway.rules import Rule, field_of

_JSON, _NDJSON, _SSE, _ANY = (
    "application/json",
    "application/x-ndjson",
    "text/event-stream",
    "*/*",
)


class Bodies:
    """Describes what is sent and what is answered."""

    def __init__(self, contracts: Contracts, schemas: Schemas) -> None:
        self._contracts = contracts
        self._schemas = schemas

    def request(self, method: Method, rule: Rule) -> Schema:
        """Return the body of a request; the rule has one."""
        field = None if rule.body == "*" else field_of(method.request, rule.body)
        element = method.request if field is None else elements_of(field)
        if _is_bytes(element, field):
            about = self._contracts.comment(field) if field is not None else "Any bytes."
            return {"description": about, "content": {_ANY: {"schema": {}}}}
        schema = self._whole(method, rule) if field is None else self._field(method, field)
        if not method.rpc.client_streaming:
            return {"required": self._is_needed(field), "content": {_JSON: {"schema": schema}}}
        return {
            "description": "A stream: NDJSON, one value a line, or a JSON array of them.",
            "content": {
                _NDJSON: {"schema": schema},
                _JSON: {"schema": {"type": "array", "items": schema}},
            },
        }

    def response(self, method: Method, rule: Rule) -> Schema:
        """Return a success."""
        response: Schema = {
            "description": _DESCRIPTIONS[method.success],
            "headers": self._headers(method),
        }
        if method.success == 204:
            return response
        field = field_of(method.response, rule.response_body) if rule.response_body else None
        element = method.response if field is None else elements_of(field)
        if _is_bytes(element, field):
            return response | {"content": {_ANY: {"schema": {}}}}
        if field is None:
            schema = self._schemas.element(method.response)
        else:
            schema = self._schemas.field(field)
        if field is not None and isinstance(element, DescMessage) and is_single(field):
            schema = {"anyOf": [schema, {"type": "null"}]}  # the field may not be set
        return response | {"content": _answers(method, schema)}

    def _whole(self, method: Method, rule: Rule) -> Schema:
        """Return what `body: "*"` takes: all that neither the path nor a header has."""
        bound = {variable.field for variable in rule.template.variables}

        def wanted(field: DescField) -> bool:
            notes = self._contracts.field(field)
            return field.name not in bound and not (notes.header or notes.cookie)

        schema = self._schemas.object(method.request, wanted)
        return schema | self._required([f for f in method.request.fields if wanted(f)])

    def _field(self, method: Method, field: DescField) -> Schema:
        schema = self._schemas.field(field)
        element = elements_of(field)
        if method.rpc.client_streaming or "PATCH" in {rule.verb for rule in method.rules}:
            return schema  # an item may be refused alone; a change names what it changes
        if isinstance(element, DescMessage) and is_single(field):
            required = self._required([*element.fields])
            return {"allOf": [schema, required]} if required else schema
        return schema

    def _required(self, fields: list[DescField]) -> Schema:
        names = [field.json_name for field in fields if self._is_needed(field)]
        return {"required": names} if names else {}

    def _is_needed(self, field: DescField | None) -> bool:
        if field is None:
            return False
        notes = self._contracts.field(field)
        return "REQUIRED" in notes.behavior or is_required(notes.constraints)

    def _headers(self, method: Method) -> Schema:
        headers: Schema = {
            name: {"$ref": f"#/components/headers/{name}"}
            for name in ("X-Request-Id", "X-Trace-Id")
        }
        if method.success == 201:
            headers["Location"] = {"$ref": "#/components/headers/Location"}
        for field in method.response.fields:
            if name := self._contracts.field(field).header:
                schema = self._schemas.field(field)
                about = schema.pop("description", "")
                headers[name] = {"description": about, "schema": schema}
        return headers


def _answers(method: Method, schema: Schema) -> Schema:
    if not method.rpc.server_streaming:
        return {_JSON: {"schema": schema}}
    return {
        _NDJSON: {"schema": schema},
        _JSON: {"schema": {"type": "array", "items": schema}},
        _SSE: {"schema": schema},
    }


def _is_bytes(element: object, field: DescField | None) -> bool:
    is_body = isinstance(element, DescMessage) and element.type_name == HTTP_BODY
    return is_body and (field is None or is_single(field))


_DESCRIPTIONS = {
    200: "Success. A stream has one value a line (NDJSON), element (JSON) or event (SSE).",
    201: "It was created.",
    202: "It was accepted and goes on.",
    204: "Success, without a body.",
}
