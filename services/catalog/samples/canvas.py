"""Flat shapes with smooth edges on a square canvas, written as PNG; no library needed."""

import math
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

SIZE = 320
"""Pixels of a side."""

Point = tuple[float, float]
Color = tuple[int, int, int]

_LINES = 4  # of samples in a row of pixels: what makes edges smooth
_CORNERS = 72  # of the polygon that stands for a circle
_FULL = 0.999  # coverage from which on a pixel is all of the new color


def color(hexadecimal: str) -> Color:
    """Return the color of six hexadecimal digits."""
    red, green, blue = bytes.fromhex(hexadecimal)
    return red, green, blue


def mix(one: Color, other: Color, share: float) -> Color:
    """Return a color between two; `share` of it is of the other."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


@dataclass(slots=True)
class _Coverage:
    """How much of each pixel of a row is covered, as single pixels and as runs between them."""

    single: dict[int, float] = field(default_factory=lambda: defaultdict[int, float](float))
    change: dict[int, float] = field(default_factory=lambda: defaultdict[int, float](float))

    def add(self, start: float, end: float) -> None:
        """Cover one line of samples from start to end."""
        start, end = max(0.0, start), min(float(SIZE), end)
        if start >= end:
            return
        first, last = int(start), int(end)
        if first == last:
            self.single[first] += (end - start) / _LINES
            return
        self.single[first] += (first + 1 - start) / _LINES
        self.single[last] += (end - last) / _LINES
        self.change[first + 1] += 1 / _LINES
        self.change[last] -= 1 / _LINES

    def runs(self) -> Iterator[tuple[int, int, float]]:
        """Yield start, end and share of each run of pixels that are covered alike."""
        ends = {*self.single, *(pixel + 1 for pixel in self.single), *self.change}
        level = 0.0
        for start, end in pairwise(sorted(ends)):
            level += self.change.get(start, 0.0)
            share = level + self.single.get(start, 0.0)
            if share > 0 and start < SIZE:
                yield start, end, share


class Canvas:
    """A picture of SIZE by SIZE pixels; later shapes cover earlier ones."""

    def __init__(self, background: Color) -> None:
        self._rows = [bytearray(bytes(background) * SIZE) for _ in range(SIZE)]

    def polygon(self, paint: Color, *outlines: Sequence[Point]) -> None:
        """Fill what lies inside an odd number of the outlines."""
        rows: dict[int, _Coverage] = defaultdict(_Coverage)
        for line, crossings in _crossings(outlines).items():
            crossings.sort()
            for start, end in zip(crossings[::2], crossings[1::2], strict=True):
                rows[line // _LINES].add(start, end)
        for row, coverage in rows.items():
            for start, end, share in coverage.runs():
                self._fill(row, start, end, paint, share)

    def ellipse(
        self, paint: Color, center: Point, across: float, down: float, turn: float = 0
    ) -> None:
        """Fill an ellipse with these half axes, turned clockwise by degrees."""
        self.polygon(paint, turned(_around(center, across, down), center, turn))

    def circle(self, paint: Color, center: Point, radius: float) -> None:
        self.ellipse(paint, center, radius, radius)

    def ring(self, paint: Color, center: Point, radius: float, width: float) -> None:
        """Draw a circle line whose middle has the radius."""
        outer, inner = radius + width / 2, radius - width / 2
        self.polygon(paint, _around(center, outer, outer), _around(center, inner, inner))

    def box(
        self, paint: Color, corner: Point, size: Point, *, radius: float = 0, turn: float = 0
    ) -> None:
        """Fill a rectangle, given by its upper left corner, turned clockwise around its center."""
        (x, y), (width, height) = corner, size
        outline = _rounded(x, y, x + width, y + height, radius)
        self.polygon(paint, turned(outline, (x + width / 2, y + height / 2), turn))

    def line(self, paint: Color, width: float, *points: Point) -> None:
        """Draw a line through the points, with round ends and corners."""
        for (x, y), (to_x, to_y) in pairwise(points):
            half = width / 2 / (math.dist((x, y), (to_x, to_y)) or 1)
            over, down = (y - to_y) * half, (to_x - x) * half
            one, other = [(x + over, y + down), (x - over, y - down)], [(to_x - over, to_y - down)]
            self.polygon(paint, [*one, *other, (to_x + over, to_y + down)])
        for point in dict.fromkeys(points):  # once each: edges that are drawn twice are darker
            self.circle(paint, point, width / 2)

    def arc(self, paint: Color, width: float, center: Point, radius: float, span: Point) -> None:
        """Draw a part of a circle line; angles are degrees, clockwise from the right."""
        start, end = span
        steps = max(2, round(abs(end - start) / 5))
        angles = [start + (end - start) * step / steps for step in range(steps + 1)]
        self.line(paint, width, *(at(center, radius, angle) for angle in angles))

    def png(self) -> bytes:
        """Return the picture as PNG (RFC 2083): 8 bits of red, green and blue, not interlaced."""
        header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0)
        rows = b"".join(b"\0" + row for row in self._rows)
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows, 9)), _chunk(b"IEND", b""))
        )

    def _fill(self, row: int, start: int, end: int, paint: Color, share: float) -> None:
        pixels = self._rows[row]
        if share >= _FULL:
            pixels[start * 3 : end * 3] = bytes(paint) * (end - start)
            return
        for index in range(start * 3, end * 3):
            pixels[index] += round((paint[index % 3] - pixels[index]) * share)


def at(center: Point, radius: float, angle: float) -> Point:
    """Return the point at an angle, in degrees clockwise from the right."""
    radians = math.radians(angle)
    return center[0] + radius * math.cos(radians), center[1] + radius * math.sin(radians)


def turned(outline: Sequence[Point], center: Point, angle: float) -> list[Point]:
    """Return an outline turned clockwise around a center by degrees."""
    sine, cosine = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    x, y = center
    return [
        (x + (a - x) * cosine - (b - y) * sine, y + (a - x) * sine + (b - y) * cosine)
        for a, b in outline
    ]


def star(center: Point, radius: float, points: int = 5, depth: float = 0.42) -> list[Point]:
    """Return the outline of a star that stands upright."""
    step = 180 / points
    radii = (radius, radius * depth)
    return [at(center, radii[tip % 2], tip * step - 90) for tip in range(2 * points)]


def _crossings(outlines: Sequence[Sequence[Point]]) -> dict[int, list[float]]:
    """Return where the outlines cross each line of samples."""
    found: dict[int, list[float]] = defaultdict(list)
    for outline in outlines:
        for one, other in pairwise((*outline, outline[0])):
            (x, top), (end, bottom) = sorted((one, other), key=lambda point: point[1])
            first = max(0, math.ceil(top * _LINES - 0.5))
            last = min(SIZE * _LINES, math.ceil(bottom * _LINES - 0.5))
            for line in range(first, last):
                found[line].append(x + ((line + 0.5) / _LINES - top) / (bottom - top) * (end - x))
    return found


def _around(center: Point, across: float, down: float) -> list[Point]:
    unit = [at((0, 0), 1, 360 * corner / _CORNERS) for corner in range(_CORNERS)]
    return [(center[0] + x * across, center[1] + y * down) for x, y in unit]


def _rounded(left: float, top: float, right: float, bottom: float, radius: float) -> list[Point]:
    if not radius:
        return [(left, top), (right, top), (right, bottom), (left, bottom)]
    corners = (
        ((right - radius, bottom - radius), 0),
        ((left + radius, bottom - radius), 90),
        ((left + radius, top + radius), 180),
        ((right - radius, top + radius), 270),
    )
    return [
        at(center, radius, start + step) for center, start in corners for step in range(0, 91, 9)
    ]


def _chunk(kind: bytes, content: bytes) -> bytes:
    crc = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)
