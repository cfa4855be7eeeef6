"""Kitchen and light, drawn."""

from services.catalog.samples.canvas import Canvas, Color, Point, at, mix
from services.catalog.samples.palette import (
    CREAM,
    DARK_STEEL,
    DARK_WOOD,
    GLOW,
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


def _steam(canvas: Canvas, paint: Color, *places: Point) -> None:
    for x, y in places:
        canvas.line(paint, 7, (x, y), (x - 7, y - 12), (x + 5, y - 26), (x - 2, y - 40))


def mug(palette: Palette) -> Canvas:
    canvas = scene(palette, 84)
    canvas.ring(palette.dark, (216, 178), 32, 16)
    canvas.box(palette.main, (82, 118), (134, 134), radius=22)
    canvas.box(palette.main, (82, 118), (134, 40))
    canvas.box(palette.dark, (82, 218), (134, 8))
    canvas.ellipse(mix(palette.main, WHITE, 0.35), (149, 120), 67, 16)
    canvas.ellipse(DARK_WOOD, (149, 122), 57, 11)
    canvas.box(mix(palette.main, WHITE, 0.3), (98, 146), (12, 60), radius=6)
    _steam(canvas, WHITE, (128, 98), (154, 92), (178, 98))
    return canvas


def teapot(palette: Palette) -> Canvas:
    canvas = scene(palette, 92)
    canvas.ring(palette.dark, (82, 178), 34, 14)
    spout = [(212, 200), (256, 128), (276, 130), (262, 158), (228, 234)]
    canvas.polygon(palette.dark, spout)
    canvas.ellipse(palette.main, (156, 188), 76, 64)
    canvas.ellipse(palette.dark, (156, 132), 46, 11)
    canvas.ellipse(palette.main, (156, 126), 44, 14)
    canvas.circle(palette.accent, (156, 106), 12)
    for step in range(5):
        canvas.circle(palette.light, (108 + step * 24, 190 + (step % 2) * 14), 8)
    canvas.ellipse(palette.dark, (156, 248), 42, 7)
    _steam(canvas, WHITE, (264, 112))
    return canvas


def pan(palette: Palette) -> Canvas:
    canvas = scene(palette, 0)
    canvas.box(DARK_WOOD, (206, 196), (100, 22), radius=11, turn=38)
    canvas.circle(INK, (140, 146), 92)
    canvas.circle(mix(INK, WHITE, 0.18), (140, 146), 80)
    for center, radius in (((120, 138), 36), ((146, 152), 34), ((132, 168), 28), ((150, 128), 24)):
        canvas.circle(WHITE, center, radius)
    canvas.circle(GOLD, (136, 144), 21)
    canvas.circle(GLOW, (129, 137), 7)
    for angle in (200, 250, 320, 20):
        canvas.ellipse(palette.main, at((140, 146), 66, angle), 9, 4, angle + 40)
    return canvas


def jar(palette: Palette) -> Canvas:
    canvas = scene(palette, 74)
    canvas.box(mix(palette.light, WHITE, 0.6), (96, 104), (128, 150), radius=26)
    canvas.box(palette.main, (104, 146), (112, 100), radius=20)
    canvas.box(palette.main, (104, 146), (112, 30))
    for x, y in (
        (122, 158),
        (148, 162),
        (176, 156),
        (200, 164),
        (124, 230),
        (156, 234),
        (190, 230),
    ):
        canvas.circle(palette.dark, (x, y), 8)
    canvas.box(LIGHT_WOOD, (104, 70), (112, 36), radius=10)
    canvas.box(WOOD, (104, 94), (112, 12), radius=5)
    canvas.box(CREAM, (122, 172), (76, 46), radius=6)
    canvas.line(palette.dark, 4, (134, 188), (186, 188))
    canvas.line(palette.dark, 4, (142, 202), (178, 202))
    canvas.line(WHITE, 7, (110, 134), (110, 196))
    return canvas


def bowl(palette: Palette) -> Canvas:
    canvas = scene(palette, 70)
    canvas.ellipse(palette.dark, (160, 152), 106, 24)
    under = [at((160, 152), 104, angle) for angle in range(0, 181, 5)]
    canvas.polygon(palette.main, [(x, 152 + (y - 152) * 0.9) for x, y in under])
    canvas.box(palette.dark, (122, 238), (76, 14), radius=6)
    canvas.ellipse(mix(palette.main, WHITE, 0.3), (160, 150), 106, 22)
    canvas.ellipse(palette.dark, (160, 151), 94, 16)
    for x, y, paint in (
        (104, 146, palette.accent),
        (136, 140, palette.light),
        (170, 142, palette.accent),
        (206, 146, palette.light),
        (188, 136, GOLD),
        (120, 138, GOLD),
    ):
        canvas.circle(paint, (x, y), 17)
    canvas.ellipse(palette.main, (160, 166), 92, 10)
    canvas.line(palette.light, 5, (84, 190), (108, 200), (132, 190), (156, 200), (180, 190))
    canvas.line(palette.light, 5, (180, 190), (204, 200), (226, 192))
    return canvas


def board(palette: Palette) -> Canvas:
    canvas = scene(palette, 0)
    canvas.box(DARK_WOOD, (84, 66), (132, 196), radius=18, turn=12)
    canvas.box(palette.light, (80, 60), (132, 196), radius=18, turn=12)
    canvas.box(palette.main, (92, 72), (108, 8), radius=4, turn=12)
    canvas.circle(DARK_WOOD, (158, 84), 9)
    for step in range(3):
        x = 118 + step * 22
        canvas.line(mix(palette.light, WOOD, 0.45), 3, (x, 128), (x - 22, 232))
    blade = [(214, 60), (232, 78), (232, 176), (206, 176)]
    canvas.polygon(PALE, blade)
    canvas.line(STEEL, 3, (230, 80), (230, 174))
    canvas.box(INK, (204, 174), (30, 84), radius=9)
    for y in (196, 216, 236):
        canvas.circle(STEEL, (219, y), 3.5)
    canvas.circle(palette.accent, (132, 200), 26)
    canvas.ellipse(palette.accent, (148, 200), 22, 24)
    canvas.circle(mix(palette.accent, WHITE, 0.4), (124, 190), 7)
    canvas.line(palette.dark, 5, (140, 178), (144, 164))
    return canvas


def desk_lamp(palette: Palette) -> Canvas:
    canvas = scene(palette, 82)
    canvas.polygon(mix(palette.light, GLOW, 0.75), [(176, 124), (250, 84), (292, 240), (168, 240)])
    canvas.line(palette.dark, 10, (124, 242), (92, 164), (178, 92))
    canvas.circle(palette.accent, (92, 164), 12)
    canvas.ellipse(palette.dark, (124, 246), 60, 12)
    canvas.ellipse(palette.main, (124, 240), 60, 12)
    canvas.circle(GLOW, (214, 106), 20)
    canvas.polygon(palette.main, [(164, 90), (192, 62), (256, 82), (172, 130)])
    canvas.circle(palette.main, (180, 78), 22)
    canvas.circle(palette.accent, (176, 84), 8)
    return canvas


def pendant(palette: Palette) -> Canvas:
    canvas = scene(palette, 0)
    canvas.polygon(mix(palette.light, GLOW, 0.75), [(88, 190), (232, 190), (274, 268), (46, 268)])
    canvas.line(INK, 4, (160, 0), (160, 92))
    canvas.box(GOLD, (148, 84), (24, 28), radius=5)
    canvas.circle(GLOW, (160, 190), 26)
    dome = [at((160, 190), 84, angle) for angle in range(180, 361, 5)]
    canvas.polygon(palette.main, dome)
    shine = [at((160, 190), 66, angle) for angle in range(196, 246, 5)]
    canvas.line(mix(palette.main, WHITE, 0.4), 8, *shine)
    canvas.box(palette.dark, (72, 184), (176, 12), radius=6)
    return canvas


def candle(palette: Palette) -> Canvas:
    canvas = scene(palette, 84)
    canvas.circle(mix(palette.back, GLOW, 0.8), (160, 96), 62)
    canvas.box(palette.light, (104, 138), (112, 112), radius=14)
    canvas.box(palette.main, (104, 172), (112, 78), radius=14)
    canvas.box(CREAM, (124, 184), (72, 44), radius=6)
    canvas.line(palette.dark, 4, (136, 200), (184, 200))
    canvas.line(palette.dark, 4, (144, 213), (176, 213))
    canvas.ellipse(CREAM, (160, 142), 54, 12)
    canvas.line(INK, 4, (160, 142), (160, 120))
    canvas.ellipse(GOLD, (160, 98), 15, 28)
    canvas.polygon(GOLD, [(147, 88), (160, 52), (173, 88)])
    canvas.ellipse(GLOW, (160, 106), 8, 15)
    return canvas


def table_lamp(palette: Palette) -> Canvas:
    canvas = scene(palette, 76)
    canvas.circle(mix(palette.back, GLOW, 0.7), (160, 110), 104)
    canvas.ellipse(palette.dark, (160, 250), 52, 10)
    canvas.box(GOLD, (154, 140), (12, 50))
    canvas.ellipse(palette.main, (160, 212), 40, 38)
    canvas.ellipse(mix(palette.main, WHITE, 0.4), (146, 200), 8, 14, 20)
    canvas.polygon(palette.light, [(118, 56), (202, 56), (238, 150), (82, 150)])
    for x, foot in ((132, 108), (146, 136), (160, 160), (174, 184), (188, 212)):
        canvas.line(mix(palette.light, palette.main, 0.35), 3, (x, 58), (foot, 148))
    canvas.box(palette.accent, (80, 144), (160, 10), radius=5)
    canvas.box(palette.accent, (116, 52), (88, 8), radius=4)
    canvas.line(DARK_STEEL, 2.5, (186, 154), (186, 182))
    canvas.circle(GOLD, (186, 186), 5)
    return canvas


def moon_lamp(palette: Palette) -> Canvas:
    canvas = scene(palette, 72)
    canvas.circle(mix(palette.back, GLOW, 0.65), (160, 138), 110)
    canvas.polygon(DARK_WOOD, [(120, 214), (200, 214), (214, 254), (106, 254)])
    canvas.polygon(WOOD, [(120, 208), (200, 208), (212, 246), (108, 246)])
    canvas.circle(GLOW, (160, 138), 80)
    canvas.circle(mix(GLOW, WHITE, 0.6), (152, 130), 66)
    for x, y, radius in (
        (130, 112, 14),
        (176, 100, 9),
        (186, 150, 17),
        (140, 164, 10),
        (112, 146, 7),
    ):
        canvas.circle(mix(GLOW, GOLD, 0.35), (x, y), radius)
        canvas.circle(mix(GLOW, WHITE, 0.25), (x + 2, y + 2), radius * 0.75)
    canvas.polygon(palette.main, [at((262, 76), 14, angle) for angle in range(0, 360, 90)])
    canvas.polygon(palette.accent, [at((52, 100), 10, angle) for angle in range(0, 360, 90)])
    return canvas
