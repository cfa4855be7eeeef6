"""Inputs for targets: what is known, bent at random; the same seed makes the same inputs."""

import random
from collections.abc import Iterator, Sequence

_TELLING = (0, 1, 2, 4, 5, 8, 9, 0x1F, 0x3F, 0x40, 0x7F, 0x80, 0x82, 0xBE, 0xFE, 0xFF)


def mutated(rng: random.Random, corpus: Sequence[bytes]) -> bytes:
    """Return an input of the corpus, changed in one to eight places."""
    data = bytearray(rng.choice(corpus))
    for _ in range(1 << rng.randrange(4)):
        _ACTS[rng.randrange(len(_ACTS))](rng, data, corpus)
    return bytes(data)


def cut(rng: random.Random, data: bytes) -> Iterator[bytes]:
    """Yield the same bytes in pieces."""
    position = 0
    while position < len(data):
        size = rng.choice((1, 2, 9, 50, len(data)))
        yield data[position : position + size]
        position += size


def _flip(rng: random.Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _tell(rng: random.Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.choice(_TELLING)


def _insert(rng: random.Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    position = rng.randrange(len(data) + 1)
    data[position:position] = rng.randbytes(rng.randrange(1, 6))


def _delete(rng: random.Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    position = rng.randrange(len(data) + 1)
    del data[position : position + rng.randrange(1, 20)]


def _repeat(rng: random.Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    start = rng.randrange(len(data) + 1)
    part = data[start : start + rng.randrange(1, 40)]
    data[start:start] = part * rng.randrange(1, 4)


def _splice(rng: random.Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    other = rng.choice(corpus)
    data[rng.randrange(len(data) + 1) :] = other[rng.randrange(len(other) + 1) :]


_ACTS = (_flip, _tell, _insert, _delete, _repeat, _splice)
