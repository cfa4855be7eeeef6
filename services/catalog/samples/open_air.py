"""Garden and outdoors, drawn."""

from services.catalog.samples.canvas import Canvas, Point, at, mix
from services.catalog.samples.palette import (
    CLAY,
    CREAM,
    DARK_CLAY,
    DARK_LEAF,
    DARK_STEEL,
    DARK_WOOD,
    GLOW,
    GOLD,
    INK,
    LEAF,
    LIGHT_WOOD,
    PALE,
    STEEL,
    WHITE,
    WOOD,
    Palette,
    scene,
)


def _pot(canvas: Canvas, palette: Palette) -> None:
    canvas.polygon(palette.main, [(98, 184), (222, 184), (206, 254), (114, 254)])
    canvas.box(palette.dark, (90, 166), (140, 24), radius=7)
    canvas.line(palette.light, 6, (112, 212), (208, 212))


def _leaf(canvas: Canvas, root: Point, angle: float, length: float) -> None:
    center = at(root, length / 2, angle)
    canvas.ellipse(LEAF, center, length / 2, length / 5.5, angle)
    canvas.line(DARK_LEAF, 2.5, root, at(root, length * 0.86, angle))


def plant(palette: Palette) -> Canvas:
    canvas = scene(palette, 74)
    for angle, length in ((-150, 84), (-30, 84), (-125, 112), (-55, 112), (-90, 124)):
        _leaf(canvas, (160, 172), angle, length)
    _pot(canvas, palette)
    return canvas


def cactus(palette: Palette) -> Canvas:
    canvas = scene(palette, 74)
    canvas.line(DARK_LEAF, 26, (160, 128), (210, 128), (210, 96))
    canvas.line(DARK_LEAF, 26, (160, 148), (110, 148), (110, 112))
    canvas.box(LEAF, (134, 54), (52, 120), radius=26)
    for x in (148, 160, 172):
        for y in range(78, 160, 20):
            canvas.line(CREAM, 2.5, (x - 3, y), (x + 3, y - 4))
    for angle in range(0, 360, 72):
        canvas.circle(palette.accent, at((160, 54), 10, angle), 8)
    canvas.circle(GOLD, (160, 54), 6)
    _pot(canvas, palette)
    return canvas


def herbs(palette: Palette) -> Canvas:
    canvas = scene(palette, 116)
    for x, paint in ((70, palette.main), (138, palette.accent), (206, palette.dark)):
        middle = x + 22
        for height, lean in ((108, -14), (126, 0), (104, 15)):
            top = (middle + lean, 178 - height * 0.62)
            canvas.line(DARK_LEAF, 4, (middle, 196), top)
            for step in range(3):
                y = top[1] + 6 + step * 20
                canvas.ellipse(LEAF, (top[0] - 9, y), 11, 6, 25)
                canvas.ellipse(LEAF, (top[0] + 9, y + 6), 11, 6, -25)
        canvas.polygon(paint, [(x - 8, 192), (x + 52, 192), (x + 44, 250), (x, 250)])
        canvas.box(CREAM, (x + 6, 208), (32, 18), radius=4)
    canvas.box(WOOD, (46, 236), (228, 20), radius=5)
    return canvas


def watering_can(palette: Palette) -> Canvas:
    canvas = scene(palette, 92)
    canvas.ring(palette.dark, (96, 152), 44, 12)
    canvas.polygon(palette.dark, [(196, 220), (268, 118), (280, 128), (214, 240)])
    canvas.polygon(palette.dark, [(250, 108), (282, 138), (296, 112), (270, 92)])
    canvas.box(palette.main, (94, 144), (118, 106), radius=14)
    canvas.ellipse(palette.light, (153, 146), 59, 13)
    canvas.ellipse(palette.dark, (153, 148), 49, 9)
    canvas.box(mix(palette.main, WHITE, 0.3), (108, 172), (10, 56), radius=5)
    for angle in range(0, 360, 60):
        canvas.circle(palette.light, at((162, 202), 17, angle), 11)
    canvas.circle(palette.accent, (162, 202), 10)
    for x, y in ((282, 156), (296, 172), (274, 182), (292, 200)):
        canvas.ellipse(mix(palette.light, WHITE, 0.3), (x, y), 4, 8)
    return canvas


def birdhouse(palette: Palette) -> Canvas:
    canvas = scene(palette, 60)
    canvas.box(DARK_WOOD, (150, 200), (20, 56))
    canvas.box(palette.main, (96, 112), (128, 112), radius=4)
    for x in (128, 160, 192):
        canvas.line(palette.dark, 2.5, (x, 130), (x, 222))
    canvas.polygon(palette.main, [(96, 122), (160, 66), (224, 122)])
    canvas.line(palette.dark, 18, (80, 128), (160, 58), (240, 128))
    canvas.circle(palette.dark, (160, 154), 27)
    canvas.circle(INK, (160, 154), 21)
    canvas.line(LIGHT_WOOD, 8, (160, 198), (160, 206))
    canvas.ellipse(palette.accent, (212, 188), 26, 18)
    canvas.circle(palette.accent, (232, 172), 14)
    canvas.polygon(GOLD, [(244, 168), (260, 173), (244, 178)])
    canvas.polygon(palette.accent, [(192, 184), (162, 174), (186, 200)])
    canvas.circle(INK, (236, 169), 2.6)
    canvas.line(GOLD, 3, (212, 204), (212, 220))
    return canvas


def trowel(palette: Palette) -> Canvas:
    canvas = scene(palette, 0)
    canvas.ellipse(mix(DARK_WOOD, INK, 0.2), (160, 252), 98, 20)
    for x, y in ((96, 248), (138, 240), (196, 244), (226, 254)):
        canvas.circle(DARK_WOOD, (x, y), 17)
    blade = [(96, 124), (124, 116), (132, 152), (128, 208), (110, 246), (92, 208), (88, 152)]
    canvas.polygon(STEEL, blade)
    canvas.polygon(PALE, [(110, 122), (96, 126), (90, 152), (94, 206), (110, 240)])
    canvas.line(DARK_STEEL, 9, (110, 120), (110, 98))
    canvas.box(palette.main, (98, 40), (24, 66), radius=11)
    for x in (186, 204, 222):
        canvas.line(STEEL, 8, (x, 160), (x - (x - 204) * 0.2, 244))
    canvas.line(STEEL, 8, (186, 160), (222, 160))
    canvas.line(DARK_STEEL, 9, (204, 160), (204, 110))
    canvas.box(palette.accent, (192, 46), (24, 72), radius=11)
    return canvas


def bulbs(palette: Palette) -> Canvas:
    canvas = scene(palette, 100)
    for x, top, paint in (
        (104, 92, palette.main),
        (160, 64, palette.accent),
        (216, 92, palette.dark),
    ):
        canvas.line(DARK_LEAF, 7, (x, 216), (x, top + 40))
        canvas.ellipse(LEAF, (x - 18, 186), 34, 8, 65)
        canvas.ellipse(LEAF, (x + 18, 186), 34, 8, -65)
        for lean in (-15, 15, 0):
            tip = [(x + lean - 14, top + 34), (x + lean, top - 6), (x + lean + 14, top + 34)]
            canvas.polygon(paint if lean else mix(paint, WHITE, 0.3), tip)
        canvas.ellipse(paint, (x, top + 38), 28, 20)
    canvas.polygon(CLAY, [(62, 216), (258, 216), (240, 254), (80, 254)])
    canvas.box(DARK_CLAY, (54, 204), (212, 18), radius=6)
    return canvas


def tent(palette: Palette) -> Canvas:
    canvas = scene(palette, 118)
    canvas.circle(GOLD, (236, 84), 22)
    for x, top, bottom in ((58, 120, 246), (268, 140, 246)):
        canvas.line(DARK_WOOD, 7, (x, bottom - 20), (x, bottom))
        for step in range(3):
            y, half = top + step * 30, 18 + step * 7
            canvas.polygon(DARK_LEAF, [(x, y - 4), (x + half, y + 46), (x - half, y + 46)])
    canvas.polygon(palette.main, [(152, 92), (270, 250), (60, 250)])
    canvas.polygon(palette.dark, [(152, 92), (270, 250), (206, 250)])
    canvas.polygon(INK, [(146, 128), (182, 250), (108, 250)])
    canvas.polygon(palette.light, [(146, 128), (124, 250), (92, 250)])
    canvas.line(palette.accent, 5, (152, 92), (152, 74))
    canvas.polygon(palette.accent, [(152, 72), (178, 80), (152, 90)])
    return canvas


def backpack(palette: Palette) -> Canvas:
    canvas = scene(palette, 82)
    canvas.arc(palette.dark, 11, (160, 76), 22, (180, 360))
    for x in (78, 222):
        canvas.box(palette.dark, (x, 170), (22, 70), radius=10)
    canvas.box(palette.main, (92, 76), (136, 178), radius=40)
    canvas.box(palette.main, (92, 170), (136, 84), radius=18)
    canvas.box(palette.dark, (92, 132), (136, 10))
    canvas.box(palette.light, (108, 170), (104, 66), radius=12)
    canvas.line(palette.dark, 5, (120, 188), (200, 188))
    for x in (122, 198):
        canvas.line(palette.accent, 9, (x, 122), (x, 156))
        canvas.box(GOLD, (x - 8, 144), (16, 14), radius=3)
    canvas.circle(palette.accent, (160, 106), 13)
    return canvas


def compass(palette: Palette) -> Canvas:
    canvas = scene(palette, 0)
    canvas.ring(GOLD, (160, 58), 14, 7)
    canvas.circle(palette.dark, (160, 166), 94)
    canvas.circle(GOLD, (160, 164), 90)
    canvas.circle(CREAM, (160, 164), 76)
    for angle in range(0, 360, 30):
        inner = 60 if angle % 90 == 0 else 66
        canvas.line(DARK_STEEL, 4, at((160, 164), inner, angle), at((160, 164), 70, angle))
    for angle, paint in ((-58, palette.main), (122, STEEL)):
        tip, one, other = (at((160, 164), r, angle + a) for r, a in ((58, 0), (13, 90), (13, -90)))
        canvas.polygon(paint, [tip, one, other])
        canvas.polygon(mix(paint, INK, 0.25), [tip, one, (160, 164)])
    canvas.circle(INK, (160, 164), 6)
    return canvas


def lantern(palette: Palette) -> Canvas:
    canvas = scene(palette, 74)
    canvas.circle(mix(palette.back, GLOW, 0.8), (160, 166), 104)
    canvas.arc(DARK_STEEL, 7, (160, 90), 44, (180, 360))
    canvas.polygon(palette.dark, [(128, 92), (192, 92), (214, 120), (106, 120)])
    canvas.box(mix(GLOW, WHITE, 0.5), (116, 120), (88, 100))
    canvas.ellipse(GOLD, (160, 186), 15, 26)
    canvas.polygon(GOLD, [(147, 178), (160, 142), (173, 178)])
    canvas.ellipse(CREAM, (160, 194), 8, 14)
    for x in (116, 160, 204):
        canvas.line(palette.dark, 5 if x != 160 else 2.5, (x, 120), (x, 220))
    canvas.box(palette.main, (102, 216), (116, 38), radius=8)
    canvas.circle(palette.accent, (160, 235), 8)
    return canvas


def bottle(palette: Palette) -> Canvas:
    canvas = scene(palette, 56)
    canvas.ring(palette.dark, (160, 60), 16, 8)
    canvas.box(INK, (134, 66), (52, 32), radius=8)
    canvas.polygon(palette.main, [(136, 98), (184, 98), (208, 134), (112, 134)])
    canvas.box(palette.main, (112, 126), (96, 128), radius=18)
    canvas.box(palette.dark, (112, 214), (96, 12))
    peaks = [(112, 210), (140, 160), (156, 184), (178, 148), (208, 210)]
    canvas.polygon(palette.light, peaks)
    canvas.polygon(WHITE, [(168, 166), (178, 148), (189, 166), (178, 172)])
    canvas.line(mix(palette.main, WHITE, 0.4), 7, (122, 142), (122, 166))
    return canvas


def boots(palette: Palette) -> Canvas:
    canvas = scene(palette, 112)
    for x, y, paint in ((112, -12, palette.dark), (48, 0, palette.main)):
        shaft = [(x + 16, y + 96), (x + 80, y + 96), (x + 86, y + 176), (x + 136, y + 200)]
        canvas.polygon(paint, [*shaft, (x + 150, y + 238), (x + 10, y + 238)])
        canvas.circle(paint, (x + 128, y + 218), 22)
        canvas.box(INK, (x + 4, y + 234), (150, 20), radius=8)
        canvas.box(palette.light, (x + 10, y + 88), (76, 20), radius=9)
        for step in range(4):
            lace = y + 124 + step * 20
            canvas.line(CREAM, 5, (x + 56 + step * 3, lace), (x + 84 + step * 7, lace - 7))
    return canvas
