"""What the store holds."""

from __future__ import annotations

from typing import Any

from layers.schema import LAYERS
from layers.store import Store


def summary(store: Store) -> list[dict[str, Any]]:
    """One entry per layer that holds something: count, extent in degrees, and its sources."""
    return [
        {
            "layer": found["layer"],
            "en": LAYERS[found["layer"]].en,
            "zh": LAYERS[found["layer"]].zh,
            "count": found["count"],
            "extent": None
            if found["extent"] is None
            else [round(float(edge), 5) for edge in found["extent"]],
            "sources": [
                {
                    "batch": batch.id,
                    "source": batch.source,
                    "datum": batch.datum,
                    "licence": batch.licence,
                    "attribution": batch.attribution,
                    "imported_at": batch.imported_at,
                }
                for batch in found["batches"]
            ],
        }
        for found in store.summary()
        if found["count"]
    ]


def attribution(store: Store, layers: tuple[str, ...]) -> str:
    """Whose data the layers are: every stated attribution once."""
    stated = [batch.attribution for batch in store.came_with(layers) if batch.attribution]
    return "; ".join(dict.fromkeys(stated))


def names(store: Store, layer: str) -> dict[str, str | None]:
    """Id -> name of every row of a layer."""
    table = store.read(layer, columns=["id", "name"])
    return {
        str(unit): name if isinstance(name, str) else None
        for unit, name in zip(table["id"], table["name"], strict=True)
    }
