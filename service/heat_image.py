"""Pictures of surfaces: fixed classes with numbers, a palette for the eye and one for the printer."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CLASSES = 12
# inferno reversed (matplotlib, CC0), twelve steps: pale to dark, told apart by all eyes and in grey
INFERNO = (
    "fcffa4", "f6d746", "fca50a", "f57d15", "e55c30", "ce4347", "b1325a", "922568", "721a6e", "520e6d",
    "320a5e", "0d0829",
)  # fmt: skip
# RdBu (ColorBrewer, Apache-2.0), cold to hot: 99, 95, 90 % cold; not significant; 90, 95, 99 % hot
RDBU = ("2166ac", "67a9cf", "d1e5f0", "f7f7f7", "fddbc7", "ef8a62", "b2182b")


@dataclass(frozen=True)
class Scale:
    """Classes of a value: `breaks[i]` to `breaks[i + 1]` is class i; the first class is see-through."""

    breaks: tuple[float, ...]
    colours: tuple[str, ...] = INFERNO

    def classes(self, values: NDArray[np.floating]) -> NDArray[np.uint8]:
        """The class of every value, 0 where there is none."""
        found = np.searchsorted(np.array(self.breaks[1:-1], dtype=np.float32), values, side="right")
        return np.where(np.isfinite(values), found, 0).astype(np.uint8)


def square_root_scale(most: float) -> Scale:
    """Twelve classes from 0 to at least `most`, finer where there is little; breaks of two figures."""
    if not (math.isfinite(most) and most > 0):
        most = 1.0
    raw = [most * (step / CLASSES) ** 2 for step in range(CLASSES + 1)]
    breaks = [0.0, *(_two_figures(one) for one in raw[1:-1]), _two_figures(raw[-1], up=True)]
    return Scale(tuple(breaks))


def _two_figures(value: float, *, up: bool = False) -> float:
    size = 10.0 ** (math.floor(math.log10(value)) - 1)
    steps = math.ceil(value / size - 1e-9) if up else round(value / size)
    return float(f"{steps * size:.10g}")


def png(classes: NDArray[np.uint8], colours: Sequence[str], *, opaque: int = 205) -> bytes:
    """A palette picture of classes; class 0 is see-through. Row 0 is the top."""
    picture = Image.fromarray(classes, mode="P")
    palette = [int(colour[at : at + 2], 16) for colour in colours for at in (0, 2, 4)]
    picture.putpalette(palette)
    out = io.BytesIO()
    alpha = bytes([0, *[opaque] * (len(colours) - 1)])
    picture.save(out, format="PNG", optimize=False, compress_level=6, transparency=alpha)
    return out.getvalue()
