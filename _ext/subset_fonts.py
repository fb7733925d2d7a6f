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

# What formulas need; the font's size variants and assembly parts come with them.
MATH = [
    *range(0x20, 0x7F), 0xA0, *map(ord, "¬±·×÷"), *range(0x391, 0x3AA), *range(0x3B1, 0x3CA), *map(ord, "ϑϕϖϱϵ"),
    0x302, 0x303, 0x304, 0x305, 0x307, 0x20D7, *map(ord, "ˆ˜¯^˙‖†…′″ℂℋℒℕℙℝℤℰℱℓℎ"), 0x2061, 0x2062, 0x2063, 0x2064,
    *map(ord, "←↑→↓↔↦⇐⇒⇔∀∂∃∅∇∈∉∋∏∑−∓∗∘√∝∞∣∥∧∨∩∪∫∼≈≅≠≡≤≥≪≫⊂⊆⊇⊕⊗⊙⊤⊥⋅⋆⋮⋯⋱⌈⌉⌊⌋⏞⏟⟨⟩⧹"),
    *range(0x1D400, 0x1D4D0), *range(0x1D538, 0x1D56C), *range(0x1D6E2, 0x1D71C), 0xFE00, 0xFE01,
]
CARD = [*range(0x20, 0x250), *range(0x370, 0x400), *range(0x400, 0x460), *range(0x2010, 0x2028), *map(ord, "€→−×≤≥≈")]


def make(source: Path, target: Path, unicodes: list[int], features: list[str], axes: dict | None = None,
         flavor: str | None = "woff2", name: str | None = None) -> None:
    font = TTFont(source)
    if axes:
        font = instancer.instantiateVariableFont(font, axes)
    options = subset.Options(flavor=flavor, layout_features=features, hinting=False, desubroutinize=True,
                             name_IDs=[0, 1, 2, 13, 14], notdef_outline=True)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=unicodes)
    subsetter.subset(font)
    if name:
        for record in font["name"].names:
            if record.nameID in (1, 3, 4, 6, 16):
                record.string = name
    subset.save_font(font, str(target), options)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size} bytes")


def main(folder: Path) -> None:
    serif = folder / "fontsource-variable-source-serif-4-5.3.1/package/files"
    site, cards = ROOT / "_static/fonts", ROOT / "_ext/card_fonts"
    prose = ["kern", "liga", "mark", "ccmp", "locl"]
    make(serif / "source-serif-4-latin-wght-normal.woff2", site / "blog-serif-roman.woff2", TEXT, prose, {"wght": (400, 700)},
         name=NAME)
    make(serif / "source-serif-4-latin-wght-italic.woff2", site / "blog-serif-italic.woff2", TEXT, prose, {"wght": 400},
         name=NAME)
    make(folder / "fontsource-stix-two-math-5.3.0/package/files/stix-two-math-latin-400-normal.woff2",
         site / "stix-two-math.woff2", MATH, ["ssty", "kern", "math", "ccmp", "rtlm", "dtls", "flac"])
    for part in ("latin", "latin-ext", "greek", "cyrillic"):
        make(serif / f"source-serif-4-{part}-wght-normal.woff2", cards / f"serif-{part}.woff", CARD, prose, {"wght": 640}, "woff",
             NAME)
    make(folder / "fontsource-noto-emoji-5.3.2/package/files/noto-emoji-emoji-400-normal.woff2", cards / "emoji.woff",
         sorted(TTFont(folder / "fontsource-noto-emoji-5.3.2/package/files/noto-emoji-emoji-400-normal.woff2").getBestCmap()),
         [], None, "woff")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
