"""What errors repeat of a JSON value: its kind, its beginning, and the path to it."""

import json
from typing import Any

LONGEST = 64
"""Characters of a wrong value or name that are repeated."""


def member(at: str, name: str) -> str:
    """Return the path of a member of the object at `at`."""
    return f"{at}.{cut(name)}" if at else cut(name)


def entry(at: str, name: str) -> str:
    """Return the path of an entry of the map at `at`."""
    return f"{at}[{json.dumps(cut(name), ensure_ascii=False)}]"


def cut(text: str) -> str:
    """Return the beginning of a text, with dots where the rest is left out."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def kind_of(value: Any) -> str:
    """Say what kind of JSON value it is, and nothing of the value: `a string`."""
    match value:
        case None:
            return "null"
        case list():
            return "an array"
        case dict():
            return "an object"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case _:
            return "a string"


def shown(value: Any) -> str:
    """Say what kind of JSON value it is, and a scalar itself: `the string "abc"`."""
    if value is None or isinstance(value, list | dict):
        return kind_of(value)
    kind = kind_of(value).partition(" ")[2]
    return f"the {kind} {cut(json.dumps(value, ensure_ascii=False))}"
