"""The colors of the drawings, and the scene that a thing is drawn into."""

from dataclasses import dataclass

from services.catalog.samples.canvas import Canvas, Color, color, mix

WHITE, CREAM, PALE = color("ffffff"), color("fff6e3"), color("dde4ec")
INK, STEEL, DARK_STEEL = color("2b2d42"), color("9aa7b8"), color("6b7888")
WOOD, DARK_WOOD, LIGHT_WOOD = color("b98552"), color("7d5230"), color("ddb887")
LEAF, DARK_LEAF = color("5f9e57"), color("3c6f3d")
CLAY, DARK_CLAY = color("cf7650"), color("a85836")
GLOW, GOLD = color("ffe08a"), color("e8b23f")


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """Colors that go together: one thing of a kind is told from another by them."""

    back: Color
    main: Color
    dark: Color
    light: Color
    accent: Color

    @classmethod
    def of(cls, back: str, main: str, dark: str, light: str, accent: str) -> "Palette":
        names = ("back", "main", "dark", "light", "accent")
        values = (back, main, dark, light, accent)
        return cls(**{name: color(value) for name, value in zip(names, values, strict=True)})


PALETTES = {
    "coral": Palette.of("fdeee9", "e8694a", "a8412a", "f7b9a5", "2f6f73"),
    "teal": Palette.of("e6f3f1", "2a9d8f", "1b665d", "9fd8d0", "e9a23b"),
    "indigo": Palette.of("ebedfa", "4c5fd5", "2f3c94", "b3bdf3", "f2b84b"),
    "amber": Palette.of("fff4dd", "e9a23b", "a86c12", "f9d797", "3b5b92"),
    "forest": Palette.of("eaf4e6", "4f8a4b", "2f5a2d", "b4d8a8", "e07a5f"),
    "plum": Palette.of("f5eaf5", "8e4a8b", "5b2a59", "d9b3d7", "f0b54a"),
    "sky": Palette.of("e6f2fb", "3d8fd1", "23608f", "a9d3f2", "f2795b"),
    "slate": Palette.of("edf0f3", "5a6b7d", "38444f", "b9c5d0", "e8694a"),
    "rose": Palette.of("fdebf0", "d9577f", "97304f", "f4b6c9", "3d8f87"),
    "wood": Palette.of("f7efe4", "b07a45", "74491f", "dfbd92", "4f8a4b"),
}


def scene(palette: Palette, shadow: float = 88) -> Canvas:
    """Return a canvas with a disc to stand before and a shadow, if it is wider than 0."""
    canvas = Canvas(palette.back)
    disc = mix(palette.back, palette.light, 0.45)
    canvas.circle(disc, (160, 156), 128)
    if shadow:
        canvas.ellipse(mix(palette.light, palette.dark, 0.22), (160, 256), shadow, 11)
    return canvas
