"""The city that hotspot maps ask for: read in a thread, kept until the data change.

A million issues take some seconds to read, so nobody waits for them inside a request: whoever asks is told
how far the reading is.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from geo.errors import StoreError, ZhoubianError
from layers.store import Store

from .usecases import layers as layer_cases
from .usecases.hotspot_city import LAYERS_READ, City, read_city

log = logging.getLogger(__name__)


@dataclass
class Reading:
    """How far the reading of a version of the data is; `total` is None while nobody knows."""

    version: str
    state: Literal["reading", "ready", "failed"] = "reading"
    done: int = 0
    total: int | None = None
    city: City | None = None
    error: Exception | None = None


class CityDesk:
    """One city of one store, shared by the threads of the service."""

    def __init__(self, store_path: Path) -> None:
        self._path = store_path
        self._lock = threading.Lock()
        self._reading: Reading | None = None

    def look(self) -> Reading:
        """The city as the data are now; begins to read it where that has not been done.

        What failed is told once and then tried anew.
        """
        with Store.open(self._path, create=False) as store:
            version = store.data_version(LAYERS_READ)
        with self._lock:
            held = self._reading
            if held is not None and held.version == version:
                if held.state == "failed":
                    self._reading = None
                return held
            started = self._reading = Reading(version)
        threading.Thread(target=self._read, args=(started,), name="hotspots", daemon=True).start()
        return started

    def city(self) -> City:
        """The city, if it is there.

        Raises
        ------
        StoreError
            `issues_being_read`: ask again.
        ZhoubianError
            What reading it raised.
        """
        found = self.look()
        if found.city is not None:
            return found.city
        if found.error is not None:
            raise found.error
        raise StoreError(
            f"the issues are being read ({found.done} so far); ask again in a moment",
            code="issues_being_read", done=found.done,
        )  # fmt: skip

    def _read(self, reading: Reading) -> None:
        def report(done: int, total: int | None) -> None:
            reading.done, reading.total = done, total

        try:
            with Store.open(self._path, create=False) as store:
                attribution = layer_cases.attribution(store, LAYERS_READ)
                reading.city = read_city(store, attribution, report)
            reading.state = "ready"
        except ZhoubianError as error:
            reading.error, reading.state = error, "failed"
        except Exception as error:
            log.exception("the issues could not be read")
            reading.error, reading.state = error, "failed"
