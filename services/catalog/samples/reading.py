"""Books and stationery, drawn."""

from services.catalog.samples.canvas import Canvas, at, mix, star, turned
from services.catalog.samples.palette import (
    CREAM,
    DARK_STEEL,
    GOLD,
    INK,
    LIGHT_WOOD,
    PALE,
    STEEL,
    WHITE,
    Palette,
    scene,
)


def _cover(palette: Palette) -> Canvas:
    """Return a closed book without anything on its cover."""
    canvas = scene(palette, 84)
    canvas.box(palette.dark, (90, 64), (146, 192), radius=10)
    canvas.box(CREAM, (98, 66), (136, 180), radius=6)
    canvas.box(PALE, (98, 240), (134, 4))
    canvas.box(palette.main, (84, 58), (140, 184), radius=8)
    canvas.box(palette.dark, (84, 58), (16, 184), radius=6)
    return canvas


def novel(palette: Palette) -> Canvas:
    canvas = _cover(palette)
    canvas.circle(GOLD, (172, 112), 26)
    canvas.circle(palette.main, (183, 104), 22)
    for step, share in enumerate((0.75, 0.4, 0.0)):
        wave = mix(palette.light, palette.dark, share)
        y = 178 + step * 20
        for bump in range(3):
            canvas.ellipse(wave, (120 + 42 * bump, y), 22, 12)
        canvas.box(wave, (100, y), (124, 242 - y), radius=4 if step == 2 else 0)
    canvas.box(palette.dark, (84, 58), (16, 184), radius=6)
    return canvas


def atlas(palette: Palette) -> Canvas:
    canvas = _cover(palette)
    canvas.circle(palette.light, (162, 138), 46)
    for across in (46, 24):
        canvas.ellipse(palette.dark, (162, 138), across, 46)
        canvas.ellipse(palette.light, (162, 138), across - 4, 46)
    for y, half in ((114, 38), (138, 46), (162, 38)):
        canvas.line(palette.dark, 3.5, (162 - half, y), (162 + half, y))
    canvas.line(palette.dark, 3.5, (162, 92), (162, 184))
    canvas.ring(palette.accent, (162, 138), 47, 6)
    canvas.box(palette.light, (122, 204), (80, 10), radius=5)
    canvas.box(palette.light, (138, 222), (48, 7), radius=3)
    return canvas


def cookbook(palette: Palette) -> Canvas:
    canvas = _cover(palette)
    canvas.circle(WHITE, (162, 132), 44)
    canvas.ring(palette.light, (162, 132), 30, 4)
    canvas.line(DARK_STEEL, 6, (148, 110), (148, 156))
    for x in (141, 148, 155):
        canvas.line(DARK_STEEL, 4, (x, 106), (x, 122))
    canvas.line(DARK_STEEL, 6, (176, 130), (176, 156))
    canvas.ellipse(DARK_STEEL, (176, 116), 7, 14)
    canvas.box(palette.light, (120, 194), (84, 11), radius=5)
    canvas.box(palette.light, (136, 214), (52, 8), radius=4)
    return canvas


def open_book(palette: Palette) -> Canvas:
    canvas = scene(palette, 116)
    left = [(160, 118), (112, 98), (44, 104), (44, 236), (112, 230), (160, 250)]
    canvas.polygon(palette.dark, [(x - 4, y + 8) for x, y in left])
    canvas.polygon(palette.dark, [(324 - x, y + 8) for x, y in left])
    canvas.polygon(CREAM, left)
    canvas.polygon(WHITE, [(320 - x, y) for x, y in left])
    for row in range(4):
        y = 128 + row * 24
        canvas.line(mix(CREAM, INK, 0.25), 5, (62, y), (108, y - 4), (142, y + 8))
    canvas.polygon(palette.main, star((212, 160), 30))
    canvas.line(palette.light, 5, (178, 216), (212, 204), (258, 208))
    canvas.polygon(palette.accent, [(236, 100), (252, 102), (252, 140), (244, 132), (236, 140)])
    canvas.line(palette.light, 4, (160, 118), (160, 248))
    return canvas


def stack(palette: Palette) -> Canvas:
    canvas = scene(palette, 98)
    books = (
        (64, 216, 186, palette.main),
        (78, 178, 170, palette.accent),
        (70, 140, 160, palette.dark),
        (92, 102, 142, palette.light),
    )
    for x, y, length, paint in books:
        canvas.box(paint, (x, y), (length, 36), radius=7)
        canvas.box(CREAM, (x + 12, y + 7), (length - 12, 22))
        canvas.line(PALE, 2, (x + 14, y + 14), (x + length - 2, y + 14))
        canvas.line(PALE, 2, (x + 14, y + 21), (x + length - 2, y + 21))
        canvas.box(paint, (x, y), (24, 36), radius=7)
    canvas.circle(palette.main, (168, 80), 22)
    canvas.line(palette.dark, 5, (168, 60), (172, 48))
    canvas.ellipse(palette.accent, (184, 52), 12, 6, -20)
    return canvas


def notebook(palette: Palette) -> Canvas:
    canvas = scene(palette, 86)
    canvas.box(palette.dark, (92, 62), (148, 194), radius=12)
    canvas.box(palette.main, (86, 58), (148, 192), radius=12)
    canvas.box(palette.accent, (202, 58), (12, 192))
    canvas.box(CREAM, (116, 98), (70, 44), radius=6)
    canvas.line(palette.dark, 4, (128, 114), (174, 114))
    canvas.line(palette.dark, 4, (128, 127), (158, 127))
    for y in range(78, 244, 22):
        canvas.circle(palette.dark, (96, y), 5)
        canvas.line(PALE, 5, (78, y), (96, y))
    return canvas


def pencils(palette: Palette) -> Canvas:
    canvas = scene(palette, 74)
    paints = (palette.main, palette.accent, palette.dark, palette.main, GOLD)
    for index, paint in enumerate(paints):
        x, tip = 108 + index * 26, (78, 54, 66, 50, 84)[index]
        canvas.polygon(LIGHT_WOOD, [(x - 11, tip + 34), (x, tip), (x + 11, tip + 34)])
        canvas.polygon(paint, [(x - 4, tip + 12), (x, tip), (x + 4, tip + 12)])
        canvas.box(paint, (x - 11, tip + 33), (22, 200 - tip))
        canvas.box(mix(paint, WHITE, 0.3), (x - 4, tip + 33), (8, 200 - tip))
    canvas.box(palette.light, (88, 160), (144, 94), radius=14)
    canvas.box(mix(palette.light, palette.dark, 0.15), (88, 160), (144, 16), radius=8)
    canvas.polygon(WHITE, star((160, 216), 22))
    return canvas


def ink(palette: Palette) -> Canvas:
    canvas = scene(palette, 88)
    canvas.box(mix(palette.light, WHITE, 0.5), (92, 128), (136, 126), radius=26)
    canvas.box(palette.main, (102, 172), (116, 72), radius=18)
    canvas.box(palette.dark, (102, 166), (116, 14), radius=7)
    canvas.box(palette.dark, (124, 92), (72, 40), radius=8)
    canvas.box(mix(palette.dark, WHITE, 0.25), (124, 104), (72, 6))
    canvas.box(CREAM, (126, 192), (68, 36), radius=5)
    canvas.line(palette.main, 4, (140, 210), (150, 203), (160, 214), (170, 204), (180, 210))
    canvas.line(WHITE, 7, (104, 150), (104, 158))
    return canvas


def pen(palette: Palette) -> Canvas:
    canvas = scene(palette, 0)
    canvas.box(CREAM, (70, 60), (150, 190), radius=8, turn=-8)
    for row in range(4):
        y = 110 + row * 28
        canvas.line(PALE, 5, (92 + row * 4, y), (196 + row * 4, y - 14))
    canvas.line(palette.main, 5, (100, 202), (116, 186), (128, 204), (144, 184), (158, 196))
    barrel = [(0, -13), (96, -13), (104, 0), (96, 13), (0, 13)]
    nib = [(-46, 0), (-20, -10), (0, -11), (0, 11), (-20, 10)]
    for outline, paint in ((barrel, palette.dark), (nib, GOLD)):
        moved = [(x + 204, y + 150) for x, y in outline]
        canvas.polygon(paint, turned(moved, (204, 150), -45))
    canvas.line(palette.accent, 8, at((204, 150), 8, -98), at((204, 150), 8, 8))
    canvas.line(INK, 3, at((204, 150), 42, 135), at((204, 150), 20, 135))
    canvas.line(mix(palette.dark, WHITE, 0.35), 4, at((204, 146), 20, -45), at((204, 146), 80, -45))
    return canvas


def scissors(palette: Palette) -> Canvas:
    canvas = scene(palette, 0)
    for turn, paint in ((18, STEEL), (-18, PALE)):
        blade = [(152, 40), (168, 64), (168, 176), (152, 176)]
        canvas.polygon(paint, turned(blade, (160, 156), turn))
    for side, turn in ((-1, 18), (1, -18)):
        arm = turned([(153, 166), (167, 166), (167, 206), (153, 206)], (160, 156), turn)
        canvas.polygon(palette.main, arm)
        center = (160 + side * 36, 228)
        canvas.ring(palette.main, center, 25, 14)
    canvas.circle(DARK_STEEL, (160, 156), 9)
    canvas.circle(PALE, (160, 156), 4)
    return canvas
