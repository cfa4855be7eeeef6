"""Fields as parameters of OpenAPI: in the query, in headers and in cookies."""

from collections.abc import Iterator

from protobuf import DescField, DescFieldValueList, DescFieldValueMap, DescMessage

from plait.gateway.contracts import Contracts, Method
from plait.gateway.rest.constraints import Schema, is_required
from plait.gateway.rest.fields import JSON_TYPES, elements_of, has_text, is_single
from plait.gateway.rest.schemas import Schemas
from plait.gateway.rules import Rule

_JSON_TEXT: Schema = {"type": "string", "contentMediaType": "application/json"}


class Parameters:
    """Describes the fields of requests that are neither in the path nor in the body."""

    def __init__(self, contracts: Contracts, schemas: Schemas) -> None:
        self._contracts = contracts
        self._schemas = schemas

    def of(self, method: Method, rule: Rule) -> Iterator[Schema]:
        """Yield the parameters of a rule, but for those of its path."""
        bound = {variable.field for variable in rule.template.variables}
        for field in method.request.fields:
            notes = self._contracts.field(field)
            if notes.header:
                yield self._parameter(field, notes.header, "header")
            elif notes.cookie:
                yield self._parameter(field, notes.cookie, "cookie")
            elif rule.body not in {"*", field.name}:
                yield from self._query(field, "", field.name, bound, (method.request,))

    def resume(self, method: Method) -> Iterator[Schema]:
        """Yield Last-Event-ID where the request has a resume token."""
        marked = (f for f in method.request.fields if self._contracts.field(f).resume_token)
        if method.rpc.server_streaming and next(marked, None):
            yield {
                "name": "Last-Event-ID",
                "in": "header",
                "description": "The `id` of the last event that was seen: go on after it.",
                "schema": {"type": "string", "pattern": "^[!-~]*$"},
            }

    def _query(
        self,
        field: DescField,
        prefix: str,
        path: str,
        bound: set[str],
        above: tuple[DescMessage, ...],
    ) -> Iterator[Schema]:
        """Yield a field, or what is in it; a message that holds itself is not followed again."""
        notes = self._contracts.field(field)
        if path in bound or "OUTPUT_ONLY" in notes.behavior:
            return
        name = prefix + field.json_name
        element = elements_of(field)
        if has_text(element):
            yield self._parameter(field, name, "query")
        elif (
            isinstance(element, DescMessage)
            and not isinstance(field.value, DescFieldValueList | DescFieldValueMap)
            and element not in above
            and not element.type_name.startswith("google.protobuf.")
        ):
            for inner in element.fields:
                below = (*above, element)
                yield from self._query(inner, f"{name}.", f"{path}.{inner.name}", bound, below)

    def _parameter(self, field: DescField, name: str, place: str) -> Schema:
        notes = self._contracts.field(field)
        schema = self._schemas.field(field)
        parameter: Schema = {"name": name, "in": place}
        if about := schema.pop("description", ""):
            parameter["description"] = about
        if schema.pop("deprecated", False):
            parameter["deprecated"] = True
        if "." not in name and ("REQUIRED" in notes.behavior or is_required(notes.constraints)):
            parameter["required"] = True
        if isinstance(field.value, DescFieldValueMap):
            parameter |= {"style": "deepObject", "explode": True}
        element = elements_of(field)
        if not isinstance(element, DescMessage) or element.type_name not in JSON_TYPES:
            return parameter | {"schema": schema}
        if is_single(field):
            return parameter | {"content": {"application/json": {"schema": schema}}}
        inner = "items" if schema["type"] == "array" else "additionalProperties"
        return parameter | {"schema": {**schema, inner: dict(_JSON_TEXT)}}
