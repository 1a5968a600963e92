"""The fonts of the statements, cut down to one script each:

    python -m local.subset_fonts FOLDER

FOLDER holds the Noto fonts as Debian's package ``fonts-noto-core`` installs them. Each keeps the letters of its script
and all its rules for joining them, and nothing else: no hinting (a PDF is drawn large), no other script. The same input
and the same fontTools give the same bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from fontTools import subset  # type: ignore[import-untyped]

FONTS: Final = Path(__file__).parents[1] / "layers/common/hunar/statement_files/fonts"
BETWEEN: Final = "0020,00A0,0964-0965,200B-200D,25CC"
"""Spaces, the danda of all Indian scripts, joiners, and the circle that shows a sign without a letter."""
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


def main(folder: Path) -> None:
    for name, unicodes in SCRIPTS.items():
        subset.main(
            [
                str(folder / f"{name}.ttf"),
                f"--unicodes={unicodes}",
                f"--output-file={FONTS / name}.ttf",
                "--layout-features=*",
                "--no-hinting",
                "--name-IDs=0,1,2,3,4,5,6,13,14",
                "--name-languages=0x409",
            ]
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
