"""What buf.validate says of a value, as keywords of JSON Schema 2020-12, as far as it has them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

Schema = dict[str, Any]
Rules = Mapping[str, Any]

_FORMATS: Mapping[str, str] = {
    "email": "email",
    "hostname": "hostname",
    "ipv4": "ipv4",
    "ipv6": "ipv6",
    "uri": "uri",
    "uri_ref": "uri-reference",
    "uuid": "uuid",
}
_INTEGERS = ("int32", "sint32", "sfixed32", "uint32", "fixed32")
_LONG = ("int64", "sint64", "sfixed64")


def constraints(rules: Rules) -> Schema:
    """Return keywords for one field's rules (buf.validate.FieldRules as JSON with proto names).

    What JSON Schema cannot say (CEL above all) is left to `described`.
    """
    if rules.get("ignore") == "IGNORE_ALWAYS":
        return {}
    found: Schema = {}
    for kind, read in _READERS.items():
        if kind in rules:
            found |= read(rules[kind])
    if rules.get("ignore") == "IGNORE_IF_ZERO_VALUE" and "string" in rules:
        found = _or_empty(found)
    return found


def described(rules: Rules) -> list[str]:
    """Return sentences for the rules that only a person can read: the messages of those in CEL."""
    if rules.get("ignore") == "IGNORE_ALWAYS":
        return []
    messages = [rule.get("message", "") for rule in rules.get("cel", ())]
    return [f"It {text}." if text.startswith("must ") else text for text in messages if text]


def is_required(rules: Rules) -> bool:
    """Whether the field must be set."""
    return bool(rules.get("required")) and rules.get("ignore") != "IGNORE_ALWAYS"


def _string(rules: Rules) -> Schema:
    found: Schema = {}
    if (length := rules.get("len")) is not None:
        found |= {"minLength": length, "maxLength": length}
    for rule, keyword in (("min_len", "minLength"), ("max_len", "maxLength")):
        if rule in rules:
            found[keyword] = rules[rule]
    for rule, form in _FORMATS.items():
        if rules.get(rule):
            found["format"] = form
    if patterns := [*_patterns(rules)]:
        found["pattern"] = patterns[0]
        if len(patterns) > 1:
            found["allOf"] = [{"pattern": pattern} for pattern in patterns[1:]]
    return found | _choice(rules)


def _patterns(rules: Rules) -> list[str]:
    found = [rules["pattern"]] if "pattern" in rules else []
    if "prefix" in rules:
        found.append("^" + re.escape(rules["prefix"]))
    if "suffix" in rules:
        found.append(re.escape(rules["suffix"]) + "$")
    if "contains" in rules:
        found.append(re.escape(rules["contains"]))
    return [pattern for pattern in found if _is_portable(pattern)]


def _is_portable(pattern: str) -> bool:
    """Whether a pattern of RE2 means the same elsewhere; what does not even compile does not."""
    try:
        re.compile(pattern)
    except re.error:
        return False
    return not pattern.startswith("(?")


def _number(rules: Rules) -> Schema:
    names = (
        ("gte", "minimum"),
        ("gt", "exclusiveMinimum"),
        ("lte", "maximum"),
        ("lt", "exclusiveMaximum"),
    )
    return {keyword: rules[rule] for rule, keyword in names if rule in rules} | _choice(rules)


def _long(rules: Rules) -> Schema:
    """64 bits travel as text, which has no minimum: only whether it may be negative can be said."""
    if rules.get("gte", -1) >= 0 or rules.get("gt", -2) >= -1:
        return {"pattern": "^[0-9]{1,19}$"}
    return {}


def _repeated(rules: Rules) -> Schema:
    names = (("min_items", "minItems"), ("max_items", "maxItems"), ("unique", "uniqueItems"))
    found: Schema = {keyword: rules[rule] for rule, keyword in names if rule in rules}
    if items := constraints(rules.get("items", {})):
        found["items"] = items
    return found


def _map(rules: Rules) -> Schema:
    names = (("min_pairs", "minProperties"), ("max_pairs", "maxProperties"))
    found: Schema = {keyword: rules[rule] for rule, keyword in names if rule in rules}
    if keys := constraints(rules.get("keys", {})):
        found["propertyNames"] = keys
    if values := constraints(rules.get("values", {})):
        found["additionalProperties"] = values
    return found


def _choice(rules: Rules) -> Schema:
    found: Schema = {}
    if "const" in rules:
        found["const"] = rules["const"]
    if "in" in rules:
        found["enum"] = rules["in"]
    if "not_in" in rules:
        found["not"] = {"enum": rules["not_in"]}
    return found


def _or_empty(found: Schema) -> Schema:
    """Return what also lets the empty text through: the rules do not apply to it."""
    if {"format", "enum", "const"} & found.keys() or found.get("minLength", 0) > 1:
        return {"anyOf": [{"maxLength": 0}, found]}
    loose = {keyword: value for keyword, value in found.items() if keyword != "minLength"}
    if "pattern" in loose:
        loose["pattern"] = f"^$|{loose['pattern']}"
    if "allOf" in loose:
        loose["allOf"] = [{"pattern": f"^$|{each['pattern']}"} for each in loose["allOf"]]
    return loose


_READERS: Mapping[str, Callable[[Rules], Schema]] = {
    "string": _string,
    **dict.fromkeys(_INTEGERS, _number),
    **dict.fromkeys(_LONG, _long),
    "float": _number,
    "double": _number,
    "repeated": _repeated,
    "map": _map,
}


def merged(schema: Schema, more: Schema) -> Schema:
    """Return a schema with further keywords; those about elements go into the elements' schema."""
    result = {**schema, **more}
    for inner in ("items", "additionalProperties", "propertyNames"):
        below: Schema = schema.get(inner, {})
        result |= {inner: below | more[inner]} if inner in more else {}
    return result
