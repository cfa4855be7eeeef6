"""Board games and music, drawn."""

from services.catalog.samples.canvas import Canvas, Color, Point, at, mix, star, turned
from services.catalog.samples.palette import (
    CREAM,
    DARK_STEEL,
    DARK_WOOD,
    GOLD,
    INK,
    LIGHT_WOOD,
    PALE,
    STEEL,
    WHITE,
    WOOD,
    Palette,
    scene,
)


def chess(palette: Palette) -> Canvas:
    canvas = scene(palette, 110)
    canvas.polygon(palette.dark, [(50, 216), (270, 216), (278, 252), (42, 252)])
    top, bottom = 176, 240
    canvas.polygon(WOOD, [(74, top - 8), (246, top - 8), (276, bottom), (44, bottom)])
    for row in range(4):
        for column in range(6):
            paint = CREAM if (row + column) % 2 else palette.dark
            canvas.polygon(paint, [_on_board(column + a, row + b) for a, b in _SQUARE])
    _pawn(canvas, 118, 206, palette.dark, 0.8)
    _pawn(canvas, 178, 226, palette.main, 1.15)
    return canvas


_SQUARE = ((0, 0), (1, 0), (1, 1), (0, 1))
_SPOTS = {2: (0, 8), 3: (0, 4, 8), 5: (0, 2, 4, 6, 8)}  # in a square of three by three


def _on_board(column: float, row: float) -> Point:
    y = 174 + row * 15
    half = 78 + row * 6.6
    return 160 - half + column * half / 3, y


def _pawn(canvas: Canvas, x: float, y: float, paint: Color, scale: float) -> None:
    light = mix(paint, WHITE, 0.3)

    def place(across: float, up: float) -> Point:
        return x + across * scale, y - up * scale

    canvas.ellipse(mix(paint, INK, 0.4), place(0, 3), 34 * scale, 11 * scale)
    canvas.ellipse(paint, place(0, 9), 32 * scale, 10 * scale)
    body = [place(-24, 10), place(-10, 40), place(-8, 74), place(8, 74), place(10, 40)]
    canvas.polygon(paint, [*body, place(24, 10)])
    canvas.ellipse(paint, place(0, 76), 19 * scale, 6 * scale)
    canvas.circle(paint, place(0, 98), 20 * scale)
    canvas.circle(light, place(-7, 104), 5 * scale)


def dice(palette: Palette) -> Canvas:
    canvas = scene(palette, 104)
    _die(canvas, (66, 132, 104), -10, (palette.main, WHITE), 5)
    _die(canvas, (166, 160, 88), 12, (WHITE, palette.dark), 3)
    _die(canvas, (150, 62, 66), 20, (palette.accent, WHITE), 2)
    return canvas


def _die(
    canvas: Canvas,
    place: tuple[float, float, float],
    turn: float,
    paints: tuple[Color, Color],
    count: int,
) -> None:
    paint, dots = paints
    x, y, side = place
    shade = mix(paint, INK, 0.22)
    canvas.box(shade, (x + 5, y + 6), (side, side), radius=side / 5, turn=turn)
    canvas.box(paint, (x, y), (side, side), radius=side / 5, turn=turn)
    middle = (x + side / 2, y + side / 2)
    for spot in _SPOTS[count]:
        dot = x + side * (1 + spot % 3) / 4, y + side * (1 + spot // 3) / 4
        canvas.circle(dots, turned([dot], middle, turn)[0], side / 11)


def dominoes(palette: Palette) -> Canvas:
    canvas = scene(palette, 110)
    for x, turn, paint, dots in (
        (70, -14, palette.dark, (3, 2)),
        (134, 3, palette.main, (5, 3)),
        (196, 18, palette.accent, (2, 5)),
    ):
        middle = (x + 29, 158)
        canvas.box(mix(paint, INK, 0.3), (x + 4, 100 + 5), (58, 118), radius=11, turn=turn)
        canvas.box(paint, (x, 100), (58, 118), radius=11, turn=turn)
        canvas.line(WHITE, 3, *turned([(x + 10, 159), (x + 48, 159)], middle, turn))
        for half, count in enumerate(dots):
            for spot in _SPOTS[count]:
                dot = (x + 13 + spot % 3 * 16, 113 + half * 60 + spot // 3 * 16)
                canvas.circle(WHITE, turned([dot], middle, turn)[0], 5)
    return canvas


def go(palette: Palette) -> Canvas:
    canvas = scene(palette, 106)
    canvas.box(DARK_WOOD, (58, 70), (204, 190), radius=8)
    canvas.box(LIGHT_WOOD, (58, 60), (204, 188), radius=8)
    for step in range(6):
        along = 78 + step * 33
        canvas.line(WOOD, 2.5, (along, 76), (along, 232))
        canvas.line(WOOD, 2.5, (78, 76 + step * 31), (243, 76 + step * 31))
    stones = (
        (1, 1, 0),
        (2, 2, 1),
        (3, 1, 1),
        (2, 3, 0),
        (4, 3, 1),
        (3, 4, 0),
        (1, 4, 1),
        (4, 2, 0),
    )
    for column, row, pale in stones:
        x, y = 78 + column * 33, 76 + row * 31
        paint = WHITE if pale else palette.dark
        canvas.circle(WOOD, (x + 2, y + 3), 15)
        canvas.circle(paint, (x, y), 15)
        canvas.circle(mix(paint, WHITE if not pale else PALE, 0.35), (x - 5, y - 5), 4)
    return canvas


def cards(palette: Palette) -> Canvas:
    canvas = scene(palette, 100)
    for x, turn, paint in ((70, -22, palette.dark), (108, -4, palette.main), (146, 14, WHITE)):
        canvas.box(mix(paint, INK, 0.25), (x + 3, 82), (104, 150), radius=12, turn=turn)
        canvas.box(WHITE, (x, 78), (104, 150), radius=12, turn=turn)
        canvas.box(paint, (x + 8, 86), (88, 134), radius=8, turn=turn)
    canvas.polygon(palette.accent, turned(_diamond(198, 153, 32, 44), (198, 153), 14))
    for x, y in ((168, 96), (228, 210)):
        corner = turned([(x, y)], (198, 153), 14)[0]
        canvas.polygon(palette.accent, turned(_diamond(*corner, 8, 11), corner, 14))
    canvas.polygon(mix(palette.main, WHITE, 0.5), star((122, 130), 24))
    return canvas


def _diamond(x: float, y: float, across: float, down: float) -> list[Point]:
    return [(x, y - down), (x + across, y), (x, y + down), (x - across, y)]


def meeples(palette: Palette) -> Canvas:
    canvas = scene(palette, 110)
    _meeple(canvas, 92, 240, palette.accent, 0.8)
    _meeple(canvas, 232, 240, palette.dark, 0.8)
    _meeple(canvas, 160, 252, palette.main, 1.25)
    return canvas


def _meeple(canvas: Canvas, x: float, y: float, paint: Color, scale: float) -> None:
    half = [(0, 40), (14, 14), (18, 0), (46, 0), (38, 44), (34, 62), (58, 70), (62, 84), (50, 92)]
    half += [(20, 98), (0, 98)]
    right = [(x + a * scale, y - b * scale) for a, b in half]
    left = [(x - a * scale, y - b * scale) for a, b in reversed(half)]
    canvas.polygon(mix(paint, INK, 0.3), [(a + 4, b + 3) for a, b in (*right, *left)])
    canvas.polygon(paint, [*right, *left])
    canvas.circle(paint, (x, y - 108 * scale), 24 * scale)
    canvas.circle(mix(paint, WHITE, 0.35), (x - 8 * scale, y - 115 * scale), 6 * scale)


def guitar(palette: Palette) -> Canvas:
    canvas = scene(palette, 70)
    canvas.box(DARK_WOOD, (152, 30), (16, 130))
    canvas.box(INK, (146, 22), (28, 34), radius=6)
    for y in (30, 44):
        canvas.circle(GOLD, (143, y), 4)
        canvas.circle(GOLD, (177, y), 4)
    canvas.circle(palette.dark, (160, 208), 56)
    canvas.circle(palette.dark, (160, 148), 42)
    canvas.circle(palette.main, (160, 206), 50)
    canvas.circle(palette.main, (160, 148), 36)
    canvas.box(palette.main, (132, 156), (56, 40))
    canvas.box(DARK_WOOD, (152, 100), (16, 60))
    canvas.circle(palette.dark, (160, 178), 19)
    canvas.ring(palette.light, (160, 178), 21, 4)
    canvas.box(DARK_WOOD, (136, 220), (48, 10), radius=4)
    for x in (155, 160, 165):
        canvas.line(PALE, 1.6, (x, 40), (x, 222))
    return canvas


def drum(palette: Palette) -> Canvas:
    canvas = scene(palette, 96)
    canvas.box(palette.main, (72, 130), (176, 104))
    canvas.ellipse(palette.main, (160, 232), 88, 24)
    for step in range(4):
        x = 72 + step * 44
        canvas.line(palette.light, 5, (x, 138), (x + 22, 240), (x + 44, 138))
    canvas.ellipse(palette.dark, (160, 134), 92, 30)
    canvas.ellipse(GOLD, (160, 130), 92, 28)
    canvas.ellipse(CREAM, (160, 128), 82, 22)
    for start, end in (((68, 58), (150, 122)), ((254, 66), (178, 120))):
        canvas.line(WOOD, 8, start, end)
        canvas.circle(LIGHT_WOOD, end, 9)
    return canvas


def record(palette: Palette) -> Canvas:
    canvas = scene(palette, 0)
    canvas.box(palette.dark, (54, 74), (166, 172), radius=6)
    canvas.box(palette.main, (50, 70), (166, 172), radius=6)
    canvas.circle(palette.light, (108, 132), 34)
    canvas.line(palette.accent, 9, (70, 212), (112, 176), (150, 206), (196, 158))
    canvas.circle(INK, (206, 156), 78)
    for radius in (68, 58, 48, 38):
        canvas.ring(mix(INK, WHITE, 0.14), (206, 156), radius, 2)
    canvas.circle(palette.accent, (206, 156), 28)
    canvas.circle(palette.light, (206, 156), 19)
    canvas.circle(INK, (206, 156), 4)
    return canvas


def headphones(palette: Palette) -> Canvas:
    canvas = scene(palette, 92)
    canvas.arc(palette.dark, 20, (160, 152), 88, (180, 360))
    canvas.arc(palette.main, 9, (160, 152), 88, (200, 340))
    for x in (72, 248):
        canvas.line(STEEL, 10, (x, 146), (x, 176))
    for x, inner in ((54, 86), (222, 206)):
        canvas.box(palette.dark, (inner, 168), (28, 78), radius=12)
        canvas.box(palette.main, (x, 160), (44, 94), radius=20)
        canvas.ellipse(palette.light, (x + 22, 207), 10, 24)
    return canvas


def keyboard(palette: Palette) -> Canvas:
    canvas = scene(palette, 116)
    canvas.box(palette.dark, (40, 112), (240, 142), radius=14)
    canvas.box(palette.main, (40, 104), (240, 140), radius=14)
    for step, paint in enumerate((palette.accent, palette.light, palette.light)):
        canvas.circle(paint, (64 + step * 24, 126), 8)
    canvas.box(INK, (176, 116), (86, 20), radius=5)
    canvas.line(GOLD, 3, (186, 126), (206, 126))
    for key in range(9):
        canvas.box(WHITE, (53 + key * 24, 150), (22, 82), radius=3)
    for key in (1, 2, 4, 5, 6, 8):
        canvas.box(INK, (45 + key * 24, 150), (14, 50), radius=3)
    return canvas


def metronome(palette: Palette) -> Canvas:
    canvas = scene(palette, 86)
    canvas.polygon(palette.dark, [(132, 62), (188, 62), (236, 250), (84, 250)])
    canvas.polygon(palette.main, [(128, 58), (184, 58), (228, 246), (80, 246)])
    canvas.polygon(CREAM, [(142, 80), (170, 80), (194, 196), (118, 196)])
    for y in range(98, 190, 18):
        canvas.line(STEEL, 2.5, (148, y), (164, y))
    canvas.line(DARK_STEEL, 5, (156, 198), at((156, 198), 138, -72))
    weight = at((156, 198), 92, -72)
    canvas.box(palette.accent, (weight[0] - 14, weight[1] - 10), (28, 22), radius=4, turn=18)
    canvas.box(palette.dark, (100, 204), (110, 14), radius=7)
    canvas.circle(GOLD, (156, 228), 7)
    return canvas
