"""Make the site's font files again; run by hand when a character is missing (a test names it).

    npm pack @fontsource-variable/source-serif-4@5.3.1 @fontsource/stix-two-math@5.3.0 @fontsource/noto-emoji@5.3.2
    (unpack each into a folder of its name) then, with fonttools and brotli installed:
    python _ext/subset_fonts.py FOLDER

Source Serif 4 (Adobe), STIX Two Math (STI Pub) and Noto Emoji (Google) come
under the SIL Open Font License 1.1, which allows subsets; see _static/fonts/OFL.txt.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

NAME = "Blog Serif"  # "Source" is a reserved font name: a changed font may not carry it
ROOT = Path(__file__).resolve().parents[1]

# What prose needs. Other letters fall back to the reader's own serif, one by one.
TEXT = [*range(0x20, 0x7F), 0xA0, *map(ord, "–—‘’“”…·×−→©°§éüöäèçñ")]

ITALIC = [code for code in TEXT if code not in map(ord, "#$*<>@\\^_`{|}~©§")]

# What formulas need; the font's size variants and assembly parts come with them. An italic letter is a character of
# its own (𝑥), and so is a bold one (𝐱) and a double-struck one (𝔼). Each hundred characters cost about 7 kB.
MATH = [
    *range(0x20, 0x7F), 0xA0, *map(ord, "¬±·×÷ΓΔΘΛΞΠΣΦΨΩϵ\u0302\u0303\u0304\u0307\u20D7"),
    *map(ord, "ˆ˜¯^˙‖†…′″ℒℓℕℝℤ"), 0x2061, 0x2062, 0x2063, 0x2064, 0xFE00,
    *map(ord, "←→↔↦⇐⇒⇔∀∂∃∅∇∈∉∏∑−∗∘√∝∞∣∥∧∨∩∪∫∼≈≠≡≤≥≪≫⊂⊆⊕⊙⊤⊥⋅⋮⋯⋱⌈⌉⌊⌋⏞⏟⟨⟩"),
    *range(0x1D41A, 0x1D468),  # bold small and italic Latin letters
    *map(ord, "𝐀𝐁𝐂𝐇𝐊𝐐𝐔𝐕𝐖𝐗𝐘𝐙𝒟𝒩𝒪𝔼𝟏"), *range(0x1D6FC, 0x1D71C),
]
CARD = [*range(0x20, 0x250), *range(0x370, 0x400), *range(0x400, 0x460), *range(0x2010, 0x2028), *map(ord, "€→−×≤≥≈")]


def make(source: Path, target: Path, unicodes: list[int], features: list[str], axes: dict | None = None,
         flavor: str | None = "woff2", name: str | None = None) -> None:
    font = TTFont(source)
    if axes:
        font = instancer.instantiateVariableFont(font, axes)
        # Kerning of the regular weight for all weights: that of each weight would be a tenth of the file.
        regular = instancer.instantiateVariableFont(TTFont(source), {"wght": 400})
        font["GPOS"], font["GDEF"] = regular["GPOS"], regular["GDEF"]
    if "MATH" in font:
        fewer_sizes(font)
    options = subset.Options(flavor=flavor, layout_features=features, hinting=False, desubroutinize=True,
                             name_IDs=[0, 1, 2, 13, 14], notdef_outline=True)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=unicodes)
    subsetter.subset(font)
    if "MATH" in font:
        narrow_roots(font)
        for table in font["cmap"].tables:
            if table.format != 14:  # browsers set a Greek letter of a formula in italics: no upright ones needed
                table.cmap |= {0x3B1 + n: table.cmap[0x1D6FC + n] for n in range(25) if 0x1D6FC + n in table.cmap}
    if name:
        for record in font["name"].names:
            if record.nameID in (1, 3, 4, 6, 16):
                record.string = name
    subset.save_font(font, str(target), options)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size} bytes")


def narrow_roots(font: TTFont) -> None:
    """Chromium keeps for every root sign the width of the widest one (MathML Core says so), which leaves a gap after
    each small root. So the taller signs become as wide as the first."""
    variants = font["MATH"].table.MathVariants
    sign = font.getBestCmap()[ord("√")]
    root = variants.VertGlyphConstruction[variants.VertGlyphCoverage.glyphs.index(sign)]
    taller = {record.VariantGlyph for record in root.MathGlyphVariantRecord} | {
        part.glyph for part in root.GlyphAssembly.PartRecords}
    width = font["hmtx"][sign][0]
    for name in sorted(taller - {sign}):
        advance, bearing = font["hmtx"][name]
        glyph = font["glyf"][name]
        glyph.coordinates.scale((width / advance, 1))
        glyph.coordinates.toInt()
        glyph.recalcBounds(font["glyf"])
        font["hmtx"][name] = (width, round(bearing * width / advance))


def fewer_sizes(font: TTFont) -> None:
    """Of the thirteen sizes of a bracket, those up to two lines high; taller ones are put together from parts.
    And no kerning of scripts."""
    font["MATH"].table.MathGlyphInfo.MathKernInfo = None  # no browser reads it
    variants = font["MATH"].table.MathVariants
    for construction in (*variants.VertGlyphConstruction, *variants.HorizGlyphConstruction):
        if construction.GlyphAssembly and len(construction.MathGlyphVariantRecord) > 5:
            construction.MathGlyphVariantRecord = construction.MathGlyphVariantRecord[:5]
            construction.VariantCount = 5


def main(folder: Path) -> None:
    serif = folder / "fontsource-variable-source-serif-4-5.3.1/package/files"
    site, cards = ROOT / "_static/fonts", ROOT / "_ext/card_fonts"
    prose = ["kern", "liga", "mark", "ccmp", "locl"]
    make(serif / "source-serif-4-latin-wght-normal.woff2", site / "blog-serif-roman.woff2", TEXT, prose, {"wght": (400, 700)},
         name=NAME)
    make(serif / "source-serif-4-latin-wght-italic.woff2", site / "blog-serif-italic.woff2", ITALIC, prose[1:4],
         {"wght": 400}, name=NAME)
    make(folder / "fontsource-stix-two-math-5.3.0/package/files/stix-two-math-latin-400-normal.woff2",
         site / "stix-two-math.woff2", MATH, ["ssty", "dtls"])
    for part in ("latin", "latin-ext", "greek", "cyrillic"):
        make(serif / f"source-serif-4-{part}-wght-normal.woff2", cards / f"serif-{part}.woff", CARD, prose, {"wght": 640}, "woff",
             NAME)
    make(folder / "fontsource-noto-emoji-5.3.2/package/files/noto-emoji-emoji-400-normal.woff2", cards / "emoji.woff",
         sorted(TTFont(folder / "fontsource-noto-emoji-5.3.2/package/files/noto-emoji-emoji-400-normal.woff2").getBestCmap()),
         [], None, "woff")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
