"""The name that somebody probably meant, and proto field paths as JSON paths."""

import difflib
import re
from collections.abc import Iterable

from protobuf import DescMessage

from plait.gateway.rest.fields import elements_of

_PART = re.compile(r"(?:[^.\[]|\[(?:\"(?:[^\"\\]|\\.)*\"|[^\]]*)\])+")


_LONGEST = 64  # characters of a name that is compared: the comparison is quadratic


def nearest(wrong: str, known: Iterable[str]) -> str:
    """Return `; did you mean "..."?`, or nothing where no known name is near."""
    if len(wrong) > _LONGEST:
        return ""
    plain = {_letters(name): name for name in known}
    found = difflib.get_close_matches(_letters(wrong), plain, n=1, cutoff=0.6)
    return f'; did you mean "{plain[found[0]]}"?' if found else ""


def _letters(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def json_path(path: str, message: DescMessage) -> str:
    """Turn a path of proto names into one of JSON names: `item.unit_price` to `item.unitPrice`.

    What the message does not have stays as it is, so a JSON path is its own JSON path.
    """
    parts: list[str] = []
    current: DescMessage | None = message
    for part in _parts(path):
        name, bracket, index = part.partition("[")
        fields = current.fields if current is not None else ()
        field = next((f for f in fields if name in {f.name, f.json_name}), None)
        element = None if field is None else elements_of(field)
        current = element if isinstance(element, DescMessage) else None
        parts.append((name if field is None else field.json_name) + bracket + index)
    return ".".join(parts)


def _parts(path: str) -> list[str]:
    """Split a field path at its dots, but not at those in the brackets of a map's key."""
    return _PART.findall(path)
