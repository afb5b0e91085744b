"""A font with Chinese characters, found on the machine: Pillow brings none.

Looked for by file name in the folders where systems keep fonts; ZHOUBIAN_FONT names another. A sign that
the font lacks is drawn as 〓, the printers' mark for a missing sort, never as an empty box.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import ImageFont

from geo.errors import LayerError
from layers.write import printable

from .i18n import Lang

FONTS = (
    ("msyh.ttc", "msyhbd.ttc"),  # Windows: 微软雅黑
    ("NotoSansCJK-Regular.ttc", "NotoSansCJK-Bold.ttc"),
    ("NotoSansCJKsc-Regular.otf", "NotoSansCJKsc-Bold.otf"),
    ("NotoSansSC-Regular.otf", "NotoSansSC-Bold.otf"),
    ("NotoSansSC-Regular.ttf", "NotoSansSC-Bold.ttf"),
    ("SourceHanSansSC-Regular.otf", "SourceHanSansSC-Bold.otf"),
    ("SourceHanSansCN-Regular.otf", "SourceHanSansCN-Bold.otf"),
    ("simhei.ttf", "simhei.ttf"),
    ("simsun.ttc", "simhei.ttf"),
    ("Deng.ttf", "Dengb.ttf"),
    ("wqy-microhei.ttc", "wqy-microhei.ttc"),
    ("wqy-zenhei.ttc", "wqy-zenhei.ttc"),
    ("HYQiHei-50S.otf", "HYQiHei-65S.otf"),  # Kylin and UOS bring these or Noto
    ("FZHei-B01S.ttf", "FZHei-B01S.ttf"),
    ("FZLTHJW.TTF", "FZLTZHJW.TTF"),
    ("DroidSansFallbackFull.ttf", "DroidSansFallbackFull.ttf"),
    ("DroidSansFallback.ttf", "DroidSansFallback.ttf"),
    ("uming.ttc", "uming.ttc"),
    ("PingFang.ttc", "PingFang.ttc"),
    ("STHeiti Light.ttc", "STHeiti Medium.ttc"),
)
"""Files for plain and for bold words, the best first."""

MISSING = "〓"
_PROBE = "周边"


def font_folders() -> list[Path]:
    """Where Windows, Linux (Kylin and UOS too) and macOS keep fonts, for all and for one's own."""
    home = Path.home()
    found = [Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"]
    if own := os.environ.get("LOCALAPPDATA"):
        found.append(Path(own) / "Microsoft" / "Windows" / "Fonts")
    found += [home / ".local/share/fonts", home / ".fonts", Path("/usr/local/share/fonts")]
    return [*found, Path("/usr/share/fonts"), Path("/System/Library/Fonts"), Path("/Library/Fonts")]


@dataclass(frozen=True)
class Face:
    """A font file, and which of its fonts."""

    path: Path
    index: int = 0

    def at(self, pixels: int) -> ImageFont.FreeTypeFont:
        """The font at a height in pixels."""
        return _opened(self.path, self.index, pixels)


@dataclass(frozen=True)
class Fonts:
    """What a sheet is written with; without faces it is Pillow's own font, which has no Chinese."""

    plain: Face | None
    bold: Face | None

    @property
    def chinese(self) -> bool:
        """Whether Chinese can be written."""
        return self.plain is not None

    def at(self, pixels: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
        """The font at a height in pixels."""
        face = self.bold if bold else self.plain
        return _own(pixels) if face is None else face.at(pixels)

    def told(self, words: str) -> str:
        """Words as they can be written: control characters gone, 〓 for a sign the font lacks."""
        line = " ".join(printable(words).split())
        return "".join(sign if sign.isascii() or self._has(sign) else self._gap for sign in line)

    def writes(self, words: str) -> bool:
        """Whether the font has every sign."""
        return all(sign.isascii() or self._has(sign) for sign in printable(words))

    @property
    def _gap(self) -> str:
        return MISSING if self.plain is not None and self._has(MISSING) else "?"

    def _has(self, sign: str) -> bool:
        return _has(self.plain, sign) and _has(self.bold, sign)


@cache
def find_fonts(lang: Lang) -> Fonts:
    """The fonts of a sheet.

    Raises
    ------
    LayerError
        `map_font_missing`: the sheet is Chinese and no font on this machine is; an English sheet is
        then written with Pillow's own font and says which names it leaves out.
        `map_font_unfit`: ZHOUBIAN_FONT is no font, or has no Chinese characters.
    """
    if named := os.environ.get("ZHOUBIAN_FONT"):
        face = _face(Path(named))
        if face is None:
            raise LayerError(
                f"ZHOUBIAN_FONT names {Path(named).name}, which is not there or no font with Chinese"
                " characters; name another file (.ttf, .ttc, .otf)",
                code="map_font_unfit", file=Path(named).name,
            )  # fmt: skip
        return Fonts(face, face)
    files = _files()
    for plain_name, bold_name in FONTS:
        path = files.get(plain_name.lower())
        plain = None if path is None else _face(path)
        if plain is not None:
            bold = files.get(bold_name.lower())
            return Fonts(plain, (None if bold is None else _face(bold)) or plain)
    if lang == "zh":
        raise LayerError(
            f"no font with Chinese characters is on this machine (looked for {FONTS[0][0]}, {FONTS[1][0]} and"
            f" {len(FONTS) - 2} others); install Noto Sans CJK, or name a font file in ZHOUBIAN_FONT",
            code="map_font_missing", first=FONTS[0][0], second=FONTS[1][0], others=len(FONTS) - 2,
        )  # fmt: skip
    return Fonts(None, None)


def _files() -> dict[str, Path]:
    """Font files by name in small letters; the first folder wins."""
    wanted = {name.lower() for pair in FONTS for name in pair}
    found: dict[str, Path] = {}
    for folder in font_folders():
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            name = path.name.lower()
            if name in wanted and name not in found and path.is_file():
                found[name] = path
    return found


def _face(path: Path) -> Face | None:
    """The font of a file that has Chinese characters, of several the one for the mainland."""
    faces: list[tuple[int, Face]] = []
    for index in range(40):
        try:
            name = ImageFont.truetype(path, 20, index=index).getname()[0] or ""
        except OSError:
            break
        face = Face(path, index)
        if all(_has(face, sign) for sign in _PROBE):
            # "Noto Sans CJK SC", not "... Mono CJK SC" or "... JP"
            faces.append((2 * name.endswith(" SC") - ("Mono" in name), face))
    return max(faces, key=lambda one: (one[0], -one[1].index))[1] if faces else None


@cache
def _opened(path: Path, index: int, pixels: int) -> ImageFont.FreeTypeFont:
    # basic layout: the same on every machine, whether or not Raqm is installed
    return ImageFont.truetype(path, pixels, index=index, layout_engine=ImageFont.Layout.BASIC)


@cache
def _own(pixels: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(pixels)
    assert isinstance(font, ImageFont.FreeTypeFont)  # noqa: S101 - Pillow's wheels bring FreeType
    return font


@cache
def _has(face: Face | None, sign: str) -> bool:
    """Whether a font has a sign of its own for it, not the box of the unknown."""
    font = _own(24) if face is None else face.at(24)
    if not sign.strip():
        return True

    def drawn(one: str) -> tuple[tuple[int, int], bytes]:
        mask = font.getmask(one)
        return mask.size, bytes(mask)

    return drawn(sign) != drawn("\U000fffff")
