"""What a client may ask of the JSON it gets: the system parameters `$alt` and `$prettyPrint`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from plait.errors import Violation
from plait.gateway.errors import InvalidRequest
from plait.gateway.rest.query import pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """How a message is written.

    Attributes:
        enums_as_numbers: `$alt=json;enum-encoding=int`.
        defaults: `$alt=json;emit=defaults`: fields without presence are written though unset.
        proto_names: `$alt=json;names=proto`.
        int64_as_number: `$alt=json;int64=number`.
        pretty: `$prettyPrint=true`.
    """

    enums_as_numbers: bool = False
    defaults: bool = False
    proto_names: bool = False
    int64_as_number: bool = False
    pretty: bool = False


PLAIN = Output()
"""proto3 JSON as it is: unset fields left out, lowerCamel names, enums by name, int64 as text."""

EXACT = Output(proto_names=True, int64_as_number=True)
"""As a program reads a message: names as in the contract, all numbers as numbers."""

SYSTEM = frozenset({"$alt", "$prettyPrint"})
"""The system parameters, which are never fields."""

_ALT: Mapping[str, Output] = {
    "enum-encoding=int": Output(enums_as_numbers=True),
    "emit=defaults": Output(defaults=True),
    "names=proto": Output(proto_names=True),
    "int64=number": Output(int64_as_number=True),
}


def output_of(query: str) -> Output:
    """Read the system parameters of a raw query string; `PLAIN` where there are none.

    Raises:
        InvalidRequest: the value of a system parameter is unknown.
    """
    if "$" not in query and "%24" not in query:
        return PLAIN
    output = PLAIN
    for name, value in pairs(query):
        if name == "$alt":
            output = _alt(output, value)
        elif name == "$prettyPrint":
            output = replace(output, pretty=_pretty(value))
    return output


def _alt(output: Output, value: str) -> Output:
    form, *options = value.split(";")
    if form != "json":
        raise _refused("$alt", f'expected "json", found "{form}"')
    for option in options:
        if option not in _ALT:
            known = ", ".join(_ALT)
            raise _refused("$alt", f'expected one of {known} after "json;", found "{option}"')
        asked = _ALT[option]
        output = Output(
            enums_as_numbers=output.enums_as_numbers or asked.enums_as_numbers,
            defaults=output.defaults or asked.defaults,
            proto_names=output.proto_names or asked.proto_names,
            int64_as_number=output.int64_as_number or asked.int64_as_number,
            pretty=output.pretty,
        )
    return output


def _pretty(value: str) -> bool:
    if value not in {"true", "false", ""}:
        raise _refused("$prettyPrint", f'expected "true" or "false", found "{value}"')
    return value != "false"


def _refused(name: str, problem: str) -> InvalidRequest:
    return InvalidRequest(
        f"the system parameter {name} is wrong: {problem}",
        violations=[Violation(field=name, description=problem, rule="query.value")],
    )
