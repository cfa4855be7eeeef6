"""Shapes cover the pixels that they should, and what is written is PNG."""

import struct
import zlib

import pytest

from services.catalog.samples.canvas import SIZE, Canvas, at, color, mix, star, turned

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
BEGINNING = b"\x89PNG\r\n\x1a\n"


def pixels(png):
    """Decode a PNG as this program writes it, and check everything that has a check."""
    assert png.startswith(BEGINNING)
    chunks = list(_chunks(png))
    assert [kind for kind, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"]
    assert chunks[0][1] == struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0)
    assert chunks[2][1] == b""
    unpacked = zlib.decompress(chunks[1][1])
    assert len(unpacked) == SIZE * (1 + 3 * SIZE)
    rows = [unpacked[at_ : at_ + 1 + 3 * SIZE] for at_ in range(0, len(unpacked), 1 + 3 * SIZE)]
    assert {row[0] for row in rows} == {0}
    return [[tuple(row[1 + 3 * x : 4 + 3 * x]) for x in range(SIZE)] for row in rows]


def _chunks(png):
    place = len(BEGINNING)
    while place < len(png):
        (length,) = struct.unpack_from(">I", png, place)
        kind, content = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        assert struct.unpack_from(">I", png, place + 8 + length) == (zlib.crc32(kind + content),)
        yield kind, content
        place += 12 + length


def drawn(draw):
    canvas = Canvas(WHITE)
    draw(canvas)
    return pixels(canvas.png())


def covered(draw):
    """Return how many pixels a black shape covers, partly covered ones by their share."""
    return sum(1 - sum(pixel) / 765 for row in drawn(draw) for pixel in row)


def test_an_empty_canvas_is_all_background():
    assert {pixel for row in pixels(Canvas((1, 2, 3)).png()) for pixel in row} == {(1, 2, 3)}


def test_a_box_covers_its_pixels_and_no_other():
    there = drawn(lambda canvas: canvas.box(BLACK, (10, 20), (30, 40)))

    for y, row in enumerate(there):
        for x, pixel in enumerate(row):
            assert pixel == (BLACK if 10 <= x < 40 and 20 <= y < 60 else WHITE)


def test_a_pixel_that_is_half_covered_is_half_painted():
    there = drawn(lambda canvas: canvas.box(BLACK, (10.5, 20), (2, 1)))

    assert there[20][9:14] == [WHITE, (127, 127, 127), BLACK, (127, 127, 127), WHITE]


def test_a_shape_within_one_pixel_paints_a_part_of_it():
    there = drawn(lambda canvas: canvas.box(BLACK, (10.25, 20), (0.5, 1)))

    assert there[20][9:12] == [WHITE, (127, 127, 127), WHITE]


@pytest.mark.parametrize(
    ("draw", "area"),
    [
        (lambda canvas: canvas.circle(BLACK, (160, 160), 100), 31_416),
        (lambda canvas: canvas.ellipse(BLACK, (160, 160), 100, 50, 30), 15_708),
        (lambda canvas: canvas.ring(BLACK, (160, 160), 100, 20), 12_566),
        (lambda canvas: canvas.box(BLACK, (100, 100), (100, 80), turn=33), 8_000),
        (lambda canvas: canvas.box(BLACK, (100, 100), (100, 80), radius=20), 7_657),
        (lambda canvas: canvas.line(BLACK, 10, (50, 50), (250, 250)), 2_907),
        (lambda canvas: canvas.line(BLACK, 10, (50, 50)), 79),
        (lambda canvas: canvas.line(BLACK, 10, (50, 50), (50, 50)), 79),
        (lambda canvas: canvas.arc(BLACK, 10, (160, 160), 100, (0, 180)), 3_220),
        (lambda canvas: canvas.polygon(BLACK, [(0, 0), (100, 0), (0, 100)]), 5_000),
    ],
    ids=["circle", "ellipse", "ring", "turned", "rounded", "line", "dot", "point", "arc", "corner"],
)
def test_a_shape_covers_its_area(draw, area):
    assert covered(draw) == pytest.approx(area, rel=0.015, abs=1.5)


def test_what_lies_inside_two_outlines_is_a_hole():
    outer, inner = [(0, 0), (40, 0), (40, 40), (0, 40)], [(10, 10), (30, 10), (30, 30), (10, 30)]

    there = drawn(lambda canvas: canvas.polygon(BLACK, outer, inner))

    assert (there[5][5], there[20][20], there[35][35]) == (BLACK, WHITE, BLACK)


@pytest.mark.parametrize(
    "corner",
    [(-500, 10), (500, 10), (10, -500), (10, 500)],
    ids=["left", "right", "above", "below"],
)
def test_a_shape_beside_the_canvas_paints_nothing(corner):
    assert covered(lambda canvas: canvas.box(BLACK, corner, (30, 30))) == 0


def test_a_shape_larger_than_the_canvas_paints_all_of_it():
    assert covered(lambda canvas: canvas.circle(BLACK, (160, 160), 1000)) == SIZE * SIZE


def test_later_shapes_cover_earlier_ones():
    canvas = Canvas(WHITE)

    canvas.box(BLACK, (0, 0), (20, 20))
    canvas.box((9, 9, 9), (10, 0), (20, 20))

    assert pixels(canvas.png())[5][9:11] == [BLACK, (9, 9, 9)]


def test_colors_are_read_and_mixed():
    assert color("ff8000") == (255, 128, 0)
    assert mix((0, 100, 200), (100, 0, 200), 0.25) == (25, 75, 200)


def test_angles_go_clockwise_from_the_right():
    assert at((10, 10), 5, 90) == pytest.approx((10, 15))
    assert turned([(15, 10)], (10, 10), 90)[0] == pytest.approx((10, 15))


def test_a_star_stands_upright_and_has_its_points():
    outline = star((0, 0), 10, points=6, depth=0.5)

    assert len(outline) == 12
    assert outline[0] == pytest.approx((0, -10))
    assert outline[1] == pytest.approx(at((0, 0), 5, -60))
