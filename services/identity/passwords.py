"""Which passwords are refused: those that are guessed first (NIST SP 800-63B, 5.1.1.2).

The contract asks for ten characters of any kind, and for nothing about kinds of characters, which
leads to `Password1!`. What counts is how many guesses it takes somebody who knows what passwords
are made of: common words, also with digits for letters, rows of keys, repetitions, years, and the
person's own address.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain

from plait.errors import InvalidArgument, Violation
from services.identity.common import LEET, ROWS, WORDS

ENOUGH = 30.0  # bits: a thousand million guesses

_WORD, _ROW, _REPEAT, _YEAR, _OWN = 9.0, 5.0, 5.0, 6.0, 3.0  # bits of each kind of piece
_DIGIT, _LETTER, _SEPARATOR, _OTHER, _AGAIN = 3.3, 4.7, 1.0, 6.0, 2.0
_SHORTEST = 3  # characters of a row, a repetition or a word of the person's own
_MOST = 128  # characters that are looked at: nobody guesses that far
_YEARS = re.compile(r"(19|20)\d\d")
_OWN_ALWAYS = ("shop", "identity", "plait")


class WeakPassword(InvalidArgument):
    """The password is one that is guessed first."""


def normalised(password: str) -> str:
    """Return a password as it is compared: the same on every keyboard that can write it (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, *, email: str, field: str) -> None:
    """Let a password pass that takes long enough to guess.

    Args:
        password: what the person wants.
        email: their address.
        field: where the password stands in the request, for the error.

    Raises:
        WeakPassword: it does not; the error says nothing of it.
    """
    if bits(password, email) < ENOUGH:
        why = (
            "must not be one that is guessed first: take several words that do not belong together"
        )
        violation = Violation(field=field, description=why, rule="password.guessed_first")
        raise WeakPassword(f"{field} {why}", violations=[violation])


def bits(password: str, email: str = "") -> float:
    """Return the logarithm, to base 2, of about how many guesses a password takes."""
    text = normalised(password).casefold()[:_MOST]
    bare = re.sub(r"[\s._-]", "", text)
    own = _own_words(email)
    return min(_cost(text, own), _cost(bare, own) + _SEPARATOR, _cost_of_unit(text, own))


def _own_words(email: str) -> frozenset[str]:
    local, _, domain = email.casefold().partition("@")
    words = [local, domain, *re.split(r"[._+-]", local), *domain.split("."), *_OWN_ALWAYS]
    return frozenset(word for word in words if len(word) >= _SHORTEST)


def _cost(text: str, own: frozenset[str]) -> float:
    """Return the bits of the cheapest way to put a text together from pieces."""
    readings = [text, *(text.translate(table) for table in _leet())]
    longest = max(map(len, (*own, *_words())))
    best = [0.0, *([float("inf")] * len(text))]
    for start in range(len(text)):
        words = _words_at(readings, start, longest, own)
        for end, price in chain(_pieces(text, start), words):
            best[end] = min(best[end], best[start] + price)
    return best[-1]


def _cost_of_unit(text: str, own: frozenset[str]) -> float:
    """Return the bits of what a text repeats from its first to its last character."""
    again = (text + text).find(text, 1)
    return _cost(text[:again], own) + _AGAIN if 0 < again < len(text) else float("inf")


def _pieces(text: str, start: int) -> Iterator[tuple[int, float]]:
    """Yield where each piece that is no word ends, if it begins here, and how many bits it has."""
    yield start + 1, _single(text[start])
    if _YEARS.match(text, start):
        yield start + 4, _YEAR
    yield from ((end, _REPEAT) for end in _repeated(text, start))
    yield from ((end, _ROW) for end in _slid(text, start))


def _words_at(
    readings: Sequence[str], start: int, longest: int, own: frozenset[str]
) -> Iterator[tuple[int, float]]:
    """Yield where each word that begins here ends, and how many bits it has."""
    text, words = readings[0], _words()
    for end in range(start + 2, min(start + longest, len(text)) + 1):
        found = {reading[start:end] for reading in readings}
        if not found.isdisjoint(own):
            yield end, _OWN
        if not found.isdisjoint(words) or text[start:end][::-1] in words:
            yield end, _WORD


def _single(character: str) -> float:
    if character.isdigit():
        return _DIGIT
    if character.isalpha():
        return _LETTER
    return _SEPARATOR if character in " ._-" else _OTHER


def _repeated(text: str, start: int) -> Iterator[int]:
    end = start + 1
    while end < len(text) and text[end] == text[start]:
        end += 1
        if end - start >= _SHORTEST:
            yield end


def _slid(text: str, start: int) -> Iterator[int]:
    """Yield the ends of what a hand slides along from here."""
    end = start + _SHORTEST
    while end <= len(text) and any(text[start:end] in row for row in _rows()):
        yield end
        end += 1


@lru_cache(maxsize=1)
def _words() -> frozenset[str]:
    return frozenset(WORDS.split())


@lru_cache(maxsize=1)
def _rows() -> tuple[str, ...]:
    return tuple(way for row in ROWS for way in (row, row[::-1]))


@lru_cache(maxsize=1)
def _leet() -> tuple[dict[int, int], ...]:
    return tuple(str.maketrans(signs, letters) for signs, letters in LEET)
