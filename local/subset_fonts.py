"""The fonts of the statements, cut down to one script each:

    python -m local.subset_fonts FOLDER

FOLDER holds the Noto fonts as Debian's package ``fonts-noto-core`` installs them. Each keeps the letters of its script
and all its rules for joining them, and nothing else: no hinting (a PDF is drawn large), no other script. The same input
and the same fontTools give the same bytes.
"""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any, Final

from fontTools import subset
from fontTools.ttLib.tables import otTables

FONTS: Final = Path(__file__).parents[1] / "layers/common/hunar/statement_files/fonts"
BETWEEN: Final = "0020,00A0,0964-0965,200B-200D,25CC"
"""Spaces, the danda of all Indian scripts, joiners, and the circle that shows a sign without a letter."""
MARK: Final = 3
"""What OpenType calls a glyph that stands on another one."""
SCRIPTS: Final = {
    "NotoSans-Regular": "0020-007E,00A0-017F,2010-2027,20B9,2190-2193",
    "NotoSansDevanagari-Regular": f"0900-097F,{BETWEEN}",
    "NotoSansBengali-Regular": f"0980-09FF,{BETWEEN}",
    "NotoSansTamil-Regular": f"0B80-0BFF,{BETWEEN}",
    "NotoSansTelugu-Regular": f"0C00-0C7F,{BETWEEN}",
    "NotoSansGujarati-Regular": f"0A80-0AFF,{BETWEEN}",
    "NotoSansKannada-Regular": f"0C80-0CFF,{BETWEEN}",
    "NotoSansMalayalam-Regular": f"0D00-0D7F,{BETWEEN}",
    "NotoSansOriya-Regular": f"0B00-0B7F,{BETWEEN}",
    "NotoSansGurmukhi-Regular": f"0A00-0A7F,{BETWEEN}",
    "NotoNaskhArabic-Regular": f"0600-06FF,{BETWEEN}",
}

HANGING: Final = {"NotoSansOriya-Regular": "uni0B41"}
"""Fonts whose joined letters have a place for signs above them and none for those below, and a sign of these."""


def main(folder: Path) -> None:
    for name, unicodes in SCRIPTS.items():
        options = subset.Options()
        options.layout_features = ["*"]
        options.hinting = False
        options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
        options.name_languages = [0x409]
        font = subset.load_font(str(folder / f"{name}.ttf"), options)
        place_joined_marks(font)
        if name in HANGING:
            hang_signs(font, HANGING[name])
        cut = subset.Subsetter(options)
        cut.populate(unicodes=subset.parse_unicodes(unicodes))
        cut.subset(font)
        subset.save_font(font, str(FONTS / f"{name}.ttf"), options)


def place_joined_marks(font: Any) -> None:
    """Signs that are joined into one, of which the font forgot to say that it is a sign, stand where the first would.

    In Noto Sans Oriya 2.000 this moves the i with candrabindu, as in the word for "not", from behind its letter to
    above it.
    """
    signs, widths = font["GDEF"].table.GlyphClassDef.classDefs, font["glyf"]
    joined = {
        ligature.LigGlyph: first
        for lookup in font["GSUB"].table.LookupList.Lookup
        for table in lookup.SubTable
        for first, ligatures in getattr(getattr(table, "ExtSubTable", table), "ligatures", {}).items()
        for ligature in ligatures
        if all(signs.get(part) == MARK for part in (first, *ligature.Component))
    }
    placed: set[str] = set()
    for lookup in font["GPOS"].table.LookupList.Lookup:
        for table in lookup.SubTable:
            table = getattr(table, "ExtSubTable", table)
            if not hasattr(table, "BaseArray"):
                continue
            records = dict(zip(table.MarkCoverage.glyphs, table.MarkArray.MarkRecord, strict=True))
            for sign, first in joined.items():
                if first in records and sign not in records and signs.get(sign) != MARK:
                    record = copy.deepcopy(records[first])
                    record.MarkAnchor.XCoordinate += widths[sign].xMin - widths[first].xMin
                    records[sign] = record
                    placed.add(sign)
            ordered = sorted(records, key=font.getGlyphID)
            table.MarkCoverage.glyphs = ordered
            table.MarkArray.MarkRecord = [records[sign] for sign in ordered]
            table.MarkArray.MarkCount = len(ordered)
    for sign in sorted(placed):
        print(f"{font['name'].getDebugName(4)}: {sign} is a sign now")
        signs[sign] = MARK
        font["hmtx"][sign] = (font["hmtx"][joined[sign]][0], font["hmtx"][sign][1])


def hang_signs(font: Any, sign: str) -> None:
    """Signs below a letter stand under its middle where the font does not say where.

    In Noto Sans Oriya 2.000 they stood behind it, on the next letter, as the u in the word for "keep".
    """
    tables = [
        getattr(table, "ExtSubTable", table)
        for lookup in font["GPOS"].table.LookupList.Lookup
        for table in lookup.SubTable
    ]
    tables = [table for table in tables if hasattr(table, "BaseArray")]
    letters = {letter for table in tables for letter in table.BaseCoverage.glyphs}
    outlines, moved = font["glyf"], 0
    for table in tables:
        records = dict(zip(table.MarkCoverage.glyphs, table.MarkArray.MarkRecord, strict=True))
        if sign not in records:
            continue
        place = records[sign].Class
        bases = dict(zip(table.BaseCoverage.glyphs, table.BaseArray.BaseRecord, strict=True))
        for letter in letters:
            outline = outlines[letter]
            if not outline.numberOfContours or (letter in bases and bases[letter].BaseAnchor[place]):
                continue
            anchor = otTables.Anchor()
            anchor.Format = 1
            anchor.XCoordinate = (outline.xMin + outline.xMax) // 2
            anchor.YCoordinate = min(outline.yMin, 0)
            if letter not in bases:
                bases[letter] = otTables.BaseRecord()
                bases[letter].BaseAnchor = [None] * table.ClassCount
            bases[letter].BaseAnchor[place] = anchor
            moved += 1
        ordered = sorted(bases, key=font.getGlyphID)
        table.BaseCoverage.glyphs = ordered
        table.BaseArray.BaseRecord = [bases[letter] for letter in ordered]
        table.BaseArray.BaseCount = len(ordered)
    print(f"{font['name'].getDebugName(4)}: {moved} letters have a place for signs below them now")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
