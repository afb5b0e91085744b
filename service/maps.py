"""The Folium map of a draw, as a page of the service and as one file for a USB stick.

Folium and branca compile whatever reaches an element as a Jinja template, so nothing of the data
ever does: the Folium script is the same for every draw and depends on the language only. The page
carries the address of the draw's features (the file carries the features as a JSON block), and
`static/zhoubian/draw-map.js` draws them and writes names through `textContent`. The page around the
map is a Jinja template of our own, with autoescape, that takes text as values only.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import folium
import geopandas as gpd
from branca.element import MacroElement
from folium.plugins import GroupedLayerControl
from folium.template import Template
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from geo.design import ANCHOR_CLASSES

from .design_words import circle_settings, settings
from .features import draw_features
from .i18n import Lang, text, texts
from .resources import static_path

OLD_BROWSER = "zhoubian/old-browser.js"
ICON = "zhoubian/icon.svg"

_LEAFLET_STYLES = (
    "vendor/leaflet/leaflet.css",
    "vendor/groupedlayercontrol/leaflet.groupedlayercontrol.min.css",
    "zhoubian/zhoubian.css",
    "zhoubian/draw.css",
)
_LEAFLET_SCRIPTS = (
    "vendor/leaflet/leaflet.js",
    "vendor/groupedlayercontrol/leaflet.groupedlayercontrol.min.js",
    "zhoubian/symbols.js",
    "zhoubian/labels.js",
    "zhoubian/map-base.js",
)


@dataclass(frozen=True)
class MapKind:
    """A kind of map page; constants only, nothing of it comes from the data.

    Parameters
    ----------
    function : str
        Our script's function that takes the map and its groups.
    groups : tuple of (heading, names)
        The layer control: its headings and under each the feature groups, which the script fills.
    hidden : tuple of str
        Groups that are off at first.
    styles, scripts : tuple of str
        Files of `static/`, in their order.
    """

    function: str
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    hidden: tuple[str, ...]
    styles: tuple[str, ...]
    scripts: tuple[str, ...]


DRAW = MapKind(
    function="drawMap",
    groups=(
        ("draw", ("drawn_back_alleys", "drawn_compounds", "links", "buffers", "reserves")),
        ("anchors", ANCHOR_CLASSES),
        ("frame", ("frame_back_alleys", "frame_compounds", "roads")),
    ),
    hidden=("reserves",),
    styles=_LEAFLET_STYLES,
    scripts=(*_LEAFLET_SCRIPTS, "zhoubian/draw-panel.js", "zhoubian/draw-map.js"),
)
EXPOSURE = MapKind(
    function="exposureMap",
    groups=(
        ("units", ("exposed_back_alleys", "exposed_compounds", "blind", "unframed")),
        ("anchors", ANCHOR_CLASSES),
        ("background", ("roads",)),
    ),
    hidden=(),
    styles=(*_LEAFLET_STYLES, "zhoubian/exposure.css"),
    scripts=(
        *_LEAFLET_SCRIPTS,
        "zhoubian/exposure-scale.js",
        "zhoubian/exposure-picture.js",
        "zhoubian/exposure-details.js",
        "zhoubian/exposure-settings.js",
        "zhoubian/exposure-map.js",
    ),
)
HOTSPOTS = MapKind(
    function="hotspotsMap",
    groups=(
        ("hotspots", ("top_spots", "single_issues", "piles")),
        ("background", ("roads", "outline")),
    ),
    hidden=(),
    styles=(*_LEAFLET_STYLES, "zhoubian/hotspots.css"),
    scripts=(
        *_LEAFLET_SCRIPTS,
        "zhoubian/hotspots-settings.js",
        "zhoubian/hotspots-words.js",
        "zhoubian/hotspots-area.js",
        "zhoubian/hotspots-map.js",
    ),
)
ROUTES = MapKind(
    function="routesMap",
    groups=(
        ("routes", ("route_lines", "route_stops", "route_ends", "route_dropped")),
        ("background", ("roads",)),
    ),
    hidden=(),
    styles=(*_LEAFLET_STYLES, "zhoubian/routes.css"),
    scripts=(
        *_LEAFLET_SCRIPTS,
        "zhoubian/routes-words.js",
        "zhoubian/routes-marks.js",
        "zhoubian/routes-form.js",
        "zhoubian/routes-list.js",
        "zhoubian/routes-map.js",
    ),
)
COVERAGE = MapKind(
    function="coverageMap",
    groups=(
        ("coverage", ("cover_gaps", "cover_held", "cover_short", "cover_places")),
        ("coverage_toilets", ("toilets_public", "toilets_office", "toilets_out")),
        ("background", ("roads",)),
    ),
    hidden=(),
    styles=(*_LEAFLET_STYLES, "zhoubian/coverage-map.css"),
    scripts=(
        *_LEAFLET_SCRIPTS,
        "zhoubian/coverage-settings.js",
        "zhoubian/coverage-list.js",
        "zhoubian/coverage-map.js",
    ),
)
COUNTS = {
    f"counts_{subject}": MapKind(
        function="classesMap",
        groups=(
            (f"counts_{subject}", tuple(f"{subject}_{name}" for name in names)),
            ("background", ("roads",)),
        ),
        hidden=(),
        styles=(*_LEAFLET_STYLES, "zhoubian/classes-map.css"),
        scripts=(*_LEAFLET_SCRIPTS, "zhoubian/classes-map.js"),
    )
    for subject, names in (
        ("posters", ("short", "met", "unknown")),
        ("households", ("0", "1", "2", "3")),
        ("schools", ("open", "venue", "past", "clear")),
    )
}
IMPORT_STYLES = ("vendor/leaflet/leaflet.css", "zhoubian/import.css")
IMPORT_SCRIPTS = (
    "vendor/leaflet/leaflet.js",
    "zhoubian/symbols.js",
    "zhoubian/labels.js",
    "zhoubian/map-base.js",
    "zhoubian/import-base.js",
    "zhoubian/import-preview.js",
    "zhoubian/import-result.js",
    "zhoubian/import.js",
)
"""The page of imports shows a small map without layers to choose from: Leaflet alone, no Folium."""
HOTSPOT_FILE = MapKind(
    function="hotspotFile",
    groups=(("hotspot_file", ("hotspot_picture", "hotspot_top", "hotspot_areas", "hotspot_roads")),),
    hidden=(),
    styles=(*_LEAFLET_STYLES, "zhoubian/hotspot-file.css"),
    scripts=(
        "vendor/leaflet/leaflet.js",
        "vendor/groupedlayercontrol/leaflet.groupedlayercontrol.min.js",
        "zhoubian/map-base.js",
        "zhoubian/hotspot-file.js",
    ),
)
RESPONSE_FILE = MapKind(
    function="responseFile",
    groups=(
        ("response", ("response_no", "response_yes", "response_undecided")),
        ("background", ("roads",)),
    ),
    hidden=(),
    styles=(*_LEAFLET_STYLES, "zhoubian/response-file.css"),
    scripts=(*_LEAFLET_SCRIPTS, "zhoubian/response-file.js"),
)
KINDS = {
    "draw": DRAW,
    "exposure": EXPOSURE,
    "hotspots": HOTSPOTS,
    "routes": ROUTES,
    "coverage": COVERAGE,
    "hotspot_file": HOTSPOT_FILE,
    "response_file": RESPONSE_FILE,
    **COUNTS,
}


class _Start(MacroElement):  # type: ignore[misc]
    """Hands the map and its groups to our script; the template is constant."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        zhoubian.{{ this.function }}({{ this._parent.get_name() }}, {
            {%- for key, group in this.groups.items() %}
            {{ key|tojson }}: {{ group }},
            {%- endfor %}
        });
        {% endmacro %}
        """
    )

    def __init__(self, function: str, groups: dict[str, str]) -> None:
        super().__init__()
        self._name = "Start"
        self.function = function
        self.groups = groups


@dataclass(frozen=True)
class MapParts:
    """The two parts of a Folium map that a page places itself.

    Folium's head is left out: it holds links to foreign servers and inline styles.

    Parameters
    ----------
    element : str
        HTML of the empty map element.
    script : str
        JavaScript that makes the map, its groups and controls.
    """

    element: str
    script: str


@cache
def map_parts(kind: str, lang: Lang) -> MapParts:
    """The Folium map of a kind (of `KINDS`) in a language, whatever it will show."""
    page = KINDS[kind]
    view = folium.Map(
        location=[35.0, 105.0],
        zoom_start=4,
        tiles=None,
        prefer_canvas=True,
        zoom_snap=0.5,
    )
    view.options["max_zoom"] = 19  # the argument of that name is for tiles, and there are none
    view._id = "zhoubian"
    control: dict[str, list[folium.FeatureGroup]] = {}
    groups: dict[str, str] = {}
    for heading, names in page.groups:
        members = []
        for name in names:
            group = folium.FeatureGroup(name=_legend(name, lang), show=name not in page.hidden)
            group._id = name
            group.add_to(view)
            groups[name] = group.get_name()
            members.append(group)
        control[text(f"map.group.{heading}", lang)] = members
    GroupedLayerControl(control, exclusive_groups=False, collapsed=False).add_to(view)
    _Start(page.function, groups).add_to(view)
    figure = view.get_root()
    view.render()
    return MapParts(figure.html.render(), figure.script.render())


def _legend(name: str, lang: Lang) -> str:
    """A line of the layer control with its key; constant texts only."""
    anchors = name in ANCHOR_CLASSES
    letter = text(f"map.letter.{name}", lang) if anchors else ""
    label = text(f"map.class.{name}" if anchors else f"map.layer.{name}", lang)
    kind = name.removeprefix("drawn_")
    return f'<span class="zb-key zb-key--{kind}">{letter}</span>{label}'


def map_texts(lang: Lang) -> dict[str, str]:
    """The texts that our scripts show."""
    return {code: pair[lang] for code, pair in texts().items() if code.startswith("map.")}


@cache
def templates() -> Environment:
    """The Jinja environment of every page, escaping all values."""
    folder = Path(__file__).resolve().parent / "web" / "templates"
    return Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)


def draw_page(record: dict[str, Any], lang: Lang, **addresses: Any) -> str:
    """The page of a draw, served.

    Parameters
    ----------
    addresses : str
        `api`, `texts`, `map_script`, `static` (a function from a file of `static/` to its address),
        `home` and `other_lang`.
    """
    return templates().get_template("draw.html").render(
        **_common(record, lang),
        file=None,
        **addresses,
        styles=DRAW.styles,
        scripts=DRAW.scripts,
        old_browser=OLD_BROWSER,
        icon=ICON,
    )  # fmt: skip


def exposure_page(lang: Lang, **values: Any) -> str:
    """The page of exposure, served; every number comes later.

    Parameters
    ----------
    values
        `geometry`, `numbers`, `why`, `pool`, `texts`, `map_script` (addresses), `static`, `home`,
        `other_lang`, and `anchors`, `radii_m`, `unknown_radius`, `rules`, `metrics`: what there is to
        choose from.
    """
    return empty_page("exposure", lang, **values)


def hotspots_page(lang: Lang, **values: Any) -> str:
    """The page of hotspots, served; everything of the data comes later.

    Parameters
    ----------
    values
        `api`, `texts`, `map_script` (addresses), `static`, `home`, `other_lang`, and `views`,
        `bandwidths`, `limits_m`: what there is to choose from.
    """
    return empty_page("hotspots", lang, **values)


def routes_page(lang: Lang, **values: Any) -> str:
    """The page of routes, served; a plan comes later.

    Parameters
    ----------
    values
        `plan` (a name or None), `api`, `pages`, `ground`, `starts`, `amount`, `texts`, `map_script`
        (addresses), `static`, `home`, `other_lang`, and `modes`, `seconds`, `most_teams`, `draws`,
        `plans`: what there is to choose from.
    """
    return empty_page("routes", lang, **values)


def empty_page(kind: str, lang: Lang, **values: Any) -> str:
    """The page of a kind that fetches whatever it shows; its template has the name of the kind."""
    return (
        templates()
        .get_template(f"{kind}.html")
        .render(
            lang=lang,
            t=lambda code: text(f"web.{code}", lang),
            say=lambda code: text(code, lang),
            map_element=map_parts(kind, lang).element,
            styles=KINDS[kind].styles,
            scripts=KINDS[kind].scripts,
            old_browser=OLD_BROWSER,
            icon=ICON,
            **values,
        )
    )


def draw_file(
    record: dict[str, Any],
    layers: dict[str, gpd.GeoDataFrame],
    lang: Lang,
    *,
    attribution: str,
    warnings: Sequence[str] = (),
) -> str:
    """The same map as one HTML file that opens from a disk and asks no network for anything.

    Parameters
    ----------
    record, layers, attribution
        As for `features.draw_features`.
    warnings : sequence of str
        What stands above the map, in the language of the file.
    """
    data = {"draw": draw_features(record, layers, attribution=attribution), "texts": map_texts(lang)}
    return templates().get_template("draw.html").render(
        **_common(record, lang),
        file={**inlined("draw", lang), "data": json_block(data), "warnings": warnings},
    )  # fmt: skip


def inlined(kind: str, lang: Lang) -> dict[str, Any]:
    """What a page in one file holds: `policy`, `styles`, `scripts`, `old_browser`, `icon`.

    Parameters
    ----------
    kind : str
        Of `KINDS`.

    Notes
    -----
    The policy names the scripts and styles by their SHA-256 and allows nothing else, so even a fault
    in a script could not reach out.
    """
    styles = [_inline_style(name) for name in KINDS[kind].styles]
    scripts = [_inline_script(static_path(name).read_text(encoding="utf-8")) for name in KINDS[kind].scripts]
    scripts.append(_inline_script(map_parts(kind, lang).script))
    old_browser = _inline_script(static_path(OLD_BROWSER).read_text(encoding="utf-8"))
    allowed = {
        "script-src": [_hash(script) for script in (*scripts, old_browser)],
        "style-src": [_hash(style) for style in styles],
        "img-src": ["data:"],
    }
    policy = "; ".join(["default-src 'none'", *(f"{what} {' '.join(who)}" for what, who in allowed.items())])
    return {
        "policy": f"{policy}; base-uri 'none'; form-action 'none'",
        "styles": styles,
        "scripts": scripts,
        "old_browser": old_browser,
        "icon": _data_uri(static_path(ICON)),
    }


def json_block(value: Any) -> str:
    """JSON that may stand inside a `<script>` element: no `<`, `>`, `&` and no line separators."""
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        plain = plain.replace(sign, f"\\u{ord(sign):04x}")
    return plain


def _common(record: dict[str, Any], lang: Lang) -> dict[str, Any]:
    return {
        "lang": lang,
        "t": lambda code: text(f"web.{code}", lang),
        "name": record["name"],
        "settings": settings(record, lang) + circle_settings(record["design"], lang),
        "summary": text("web.visit_counts", lang, **{k: len(v) for k, v in record["visits"].items()}),
        "map_element": map_parts("draw", lang).element,
    }


def _hash(inline: str) -> str:
    digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def _inline_script(source: str) -> str:
    """A script as it may stand inside a page: no source map, nothing that closes the element."""
    kept = re.sub(r"^//# sourceMappingURL=.*$", "", source, flags=re.MULTILINE)
    return re.sub(r"<(/script|!--)", r"<\\\1", kept, flags=re.IGNORECASE)


def _inline_style(name: str) -> str:
    """A stylesheet with its images inside."""
    sheet = static_path(name)

    def embed(found: re.Match[str]) -> str:
        target = found[1].strip("\"'")
        return found[0] if target.startswith(("data:", "#")) else f"url({_data_uri(sheet.parent / target)})"

    return re.sub(r"url\(([^)]*)\)", embed, sheet.read_text(encoding="utf-8"))


def _data_uri(path: Path) -> str:
    kind = {".png": "image/png", ".svg": "image/svg+xml"}[path.suffix]
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
