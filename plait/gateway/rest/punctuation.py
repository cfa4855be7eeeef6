"""What the punctuation of JSON tells without a parser: how deep it nests, how many keys it has."""

LEVELS = 200
"""The deepest nesting of arrays and objects that is parsed: two for each level of messages."""

_ROUNDS = 8
_OPENING = ord("[")
_AS_ARRAYS = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(code for code in range(256) if code not in b"[]{}")


def too_deep(text: bytes, levels: int = LEVELS) -> bool:
    """Say whether JSON nests deeper than `levels` (at least 8), in time linear in its length.

    To be asked before it is parsed: enough brackets kill a parser that recurses.
    """
    if text.count(b"[") + text.count(b"{") <= levels:
        return False
    brackets = _brackets(text)
    for _ in range(_ROUNDS):  # most JSON is wide: this leaves nothing of it, at the speed of C
        brackets = brackets.replace(b"[]", b"")
    depth = 0
    for bracket in brackets:
        depth += 1 if bracket == _OPENING else -1
        if depth > levels - _ROUNDS:
            return True
    return False


def colons(text: bytes) -> int:
    """Count the keys of all objects in JSON."""
    return _outside_strings(text).count(b":")


def _brackets(text: bytes) -> bytes:
    return _outside_strings(text).translate(_AS_ARRAYS, _OTHERS)


def _outside_strings(text: bytes) -> bytes:
    if b"\\" in text:
        text = text.replace(rb"\\", b"").replace(rb"\"", b"")
    return b"".join(text.split(b'"')[::2])
