"""What can go wrong, with a stable code for every case.

The message is English and complete in itself: what, where, how many, what to do. `code` and
`facts` feed the translation (`service/i18n.py` looks `error.<code>` up in `data/texts.json`), so
a message is written twice, never guessed.
"""

from __future__ import annotations

from typing import Any


class ZhoubianError(Exception):
    """Base of every error a user may meet.

    Parameters
    ----------
    message : str
        One readable English sentence.
    code : str, optional
        Stable name of this case; the class gives the default.
    **facts
        Plain values named in the message, for the translation and for machine readers.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts
        if code is not None:
            self.code = code


class CRSError(ZhoubianError):
    """Coordinates in a system that the operation cannot work in."""

    code = "crs"


class DesignError(ZhoubianError):
    """A draw was asked for that cannot be made as asked."""

    code = "design"


class FrameError(ZhoubianError):
    """The sampling frame is unusable or not the one it should be."""

    code = "frame"


class LayerError(ZhoubianError):
    """A file or a layer cannot be read, checked or written."""

    code = "layer"


class StoreError(ZhoubianError):
    """The store cannot be opened, read or written."""

    code = "store"


class NotFoundError(ZhoubianError):
    """A name that the store does not know."""

    code = "not_found"


class StatisticsError(ZhoubianError):
    """A figure or a test was asked for that the data cannot carry."""

    code = "statistics"
