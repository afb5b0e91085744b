"""Maps for paper: true to scale, readable in grey, the same bytes for the same input."""

from __future__ import annotations

import io
import math
import struct
from datetime import date
from itertools import combinations, groupby

import geopandas as gpd
import numpy as np
import pytest
import shapely
from PIL import Image, ImageChops
from pyproj import Geod

from geo.errors import DesignError, LayerError
from service import map_fonts
from service.i18n import LANGS
from service.map_fonts import Fonts, find_fonts
from service.map_furniture import Panel, paper_of, swatch, wrapped
from service.map_ink import CARD_MARKS, Area, Canvas, Line, Mark, _dashes, pattern_mask
from service.map_plane import plane_around, px, round_scale
from service.map_sheet import Theme, map_sheet

GEOD = Geod(ellps="GRS80")
MIDDLE = (120.0, 30.0)  # on the central meridian of its zone: grid north is true north
RED, BLUE = Mark("circle", "#E00000"), Mark("circle", "#0000E0")


def points(*places, **columns):
    return gpd.GeoDataFrame(
        columns, geometry=[shapely.Point(place) for place in places] or [], crs="EPSG:4326"
    )  # fmt: skip


def away(place, azimuth, metres):
    lon, lat, _ = GEOD.fwd(*place, azimuth, metres)
    return lon, lat


def pixels(picture):
    """Colours as numbers: 0xE00000 is red."""
    with Image.open(io.BytesIO(picture.png)) as image:
        return np.asarray(image.convert("RGBX")).view(">u4")[..., 0] >> 8


def middle_of(seen, colour):
    """The middle of all pixels of a colour: x, y."""
    rows, columns = np.nonzero(seen == colour)
    return (columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2


def spread(kind="portrait", **options):
    """A red point in the middle and a blue one 500 m away in a direction."""
    azimuth = options.pop("azimuth", 90)
    middle = options.pop("middle", MIDDLE)
    themes = [Theme(points(middle), RED), Theme(points(away(middle, azimuth, 500)), BLUE)]
    options = {"around": points(middle), "scale": 10_000, "internal": False} | options
    return map_sheet(themes, "zh", paper=kind, **options)


# ------------------------------------------------------------------------------------ size and scale


@pytest.mark.parametrize(
    ("paper", "size"), [("portrait", (2480, 3508)), ("landscape", (3508, 2480)), ("figure", (1843, 2421))]
)
def test_the_sheet_has_300_pixels_to_the_inch(paper, size):
    picture = map_sheet([Theme(points(MIDDLE), RED)], "zh", paper=paper)
    with Image.open(io.BytesIO(picture.png)) as image:
        assert image.size == size
        assert size == (round(picture.width_mm / 25.4 * 300), round(picture.height_mm / 25.4 * 300))
    at = picture.png.index(b"pHYs")
    assert struct.unpack(">IIB", picture.png[at + 4 : at + 13]) == (
        11811,
        11811,
        1,
    )  # per metre: 300 / 0.0254


def longest_black_below_the_frame(seen):
    black = seen == 0
    frame = np.nonzero(black.sum(axis=1) > px(150))[0].max()  # its lower edge
    runs = [len(list(run)) for row in black[frame + 1 :: 2] if row.sum() > px(10)
            for ink, run in groupby(row.tolist()) if ink]  # fmt: skip
    return max(runs)


@pytest.mark.parametrize(
    ("scale", "metres"),
    [(10_000, 200), (25_000, 1000), (50_000, 2000), (3_000, 100)],  # the longest of 1, 2, 5 within 42 mm
)
def test_the_scale_bar_has_its_length_to_the_pixel(scale, metres):
    picture = map_sheet([Theme(points(MIDDLE), RED)], "zh", scale=scale, paper="figure", internal=False)
    expected = metres / scale / 0.0254 * 300
    assert longest_black_below_the_frame(pixels(picture)) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("azimuth", [0, 90, 225])
def test_a_point_500_m_away_is_50_mm_away_on_paper(azimuth):
    seen = pixels(spread(azimuth=azimuth))
    (x0, y0), (x1, y1) = middle_of(seen, 0xE00000), middle_of(seen, 0x0000E0)
    fifty_mm = 50 / 25.4 * 300
    turned = math.radians(azimuth)
    assert x1 - x0 == pytest.approx(fifty_mm * math.sin(turned), abs=1)
    assert y1 - y0 == pytest.approx(-fifty_mm * math.cos(turned), abs=1)
    assert x0 == pytest.approx(2480 / 2, abs=1)  # the frame stands in the middle of the sheet


def test_the_stretch_of_the_plane_is_taken_out():
    """At the edge of a zone at 10 N, 164 km from its middle, the plane is 1.00033 times too long."""
    edge = (121.499, 10.0)
    plane = plane_around(np.array([shapely.Point(edge)]), 2244, 2244, 10_000)
    places = plane.places(np.array([edge, away(edge, 60, 900)]))
    length = float(np.hypot(*(places[1] - places[0])))
    assert length == pytest.approx(900 / 10_000 / 0.0254 * 300, abs=0.02)
    assert abs(length * 1.00033 - length) > 0.3


@pytest.mark.parametrize(("lon", "lat"), [(121.4, 30.0), (118.6, 30.0), (120.0, 45.0), (117.2, 45.0)])
def test_true_north_is_told_by_the_convergence_of_the_meridians(lon, lat):
    """Nearly (lon - central meridian) * sin(lat), true north to the left in the east of a zone."""
    plane = plane_around(np.array([shapely.Point(lon, lat)]), 1000, 1000, 10_000)
    central = 3 * round(lon / 3)
    assert plane.north == pytest.approx(-(lon - central) * math.sin(math.radians(lat)), abs=0.005)
    up = plane.places(np.array([(lon, lat), away((lon, lat), 0, 400)]))
    step = up[1] - up[0]
    assert math.degrees(math.atan2(step[0], -step[1])) == pytest.approx(plane.north, abs=0.005)


@pytest.mark.parametrize(
    ("least", "scale"),
    [(10_000, 10_000), (10_001, 12_000), (12_500, 15_000), (81_000, 100_000), (2_000, 2_000)],
)
def test_a_fitted_scale_is_round(least, scale):
    assert round_scale(least) == scale


def test_all_that_is_drawn_fits_a_sheet_without_a_scale():
    corners = [away(MIDDLE, azimuth, 3_000) for azimuth in (0, 90, 180, 270)]
    picture = map_sheet([Theme(points(*corners), BLUE)], "zh", internal=False)
    # 6 km on 190 mm less 2 x 6 mm: 1 : 33 708
    assert picture.scale == 40_000
    assert picture.notices == ()
    seen = pixels(picture) == 0x0000E0
    assert seen.any(axis=0).nonzero()[0].min() > px(10)


@pytest.mark.parametrize("paper", ["portrait", "landscape"])
@pytest.mark.parametrize(("radius_m", "scale"), [(500, 10_000), (2_000, 25_000)])
def test_the_discs_of_the_draw_fit_a_sheet_with_a_full_legend(paper, radius_m, scale):
    legend = [(RED, "检查点")] * 9
    panel = Panel(
        paper_of(paper),
        find_fonts("zh"),
        "zh",
        legend,
        "口径" * 60,
        "来源",
        date(2024, 5, 6),
        title="图",
        internal=True,
    )
    _, _, width, height = panel.frame_mm
    assert width == 190
    assert min(width, height) >= 2 * radius_m / scale * 1000


def test_what_lies_beyond_the_edge_is_counted():
    table = points(MIDDLE, away(MIDDLE, 90, 5_000), away(MIDDLE, 0, 9_000))
    picture = map_sheet([Theme(table, RED)], "zh", around=points(MIDDLE), scale=10_000)
    assert picture.notices == ("另有 2 处在图幅以外，未绘出。",)


# --------------------------------------------------------------------------------------------- ink


def square(size=1000, hole=0):
    lon, lat = MIDDLE
    half, inner = size / 2 / 96_486, hole / 2 / 96_486  # metres of a degree of longitude at 30 N
    outer = shapely.box(lon - half, lat - half, lon + half, lat + half)
    area = outer - shapely.box(lon - inner, lat - inner, lon + inner, lat + inner) if hole else outer
    return gpd.GeoDataFrame({"name": ["鼓楼街道"]}, geometry=[area], crs="EPSG:4326")


def test_a_hole_in_an_area_stays_empty():
    picture = map_sheet(
        [Theme(square(1000, 400), Area("#0000E0", opacity=1.0))],
        "zh",
        scale=10_000,
        paper="figure",
        internal=False,
    )
    seen = pixels(picture)
    x, y = (round(side) for side in middle_of(seen, 0x0000E0))
    assert seen[y, x] == 0xFFFFFF
    assert seen[y, x + px(30)] == 0x0000E0  # 300 m east of the middle
    assert seen[y, x + px(60)] == 0xFFFFFF


def test_an_area_may_stand_as_a_mark_a_line_or_an_area():
    for style in (RED, Line("#E00000", 0.8), Line("#E00000", 0.8, (2, 1)), Area("#E00000", opacity=1.0)):
        seen = pixels(map_sheet([Theme(square(), style)], "zh", paper="figure", internal=False))
        assert (seen == 0xE00000).any(), style


def test_dashes_and_gaps_take_turns_along_a_line():
    pieces = _dashes(np.array([(0.0, 0.0), (6.0, 0.0), (6.0, 4.0)]), [3.0, 1.0])
    assert [piece.tolist() for piece in pieces] == [
        [[0, 0], [3, 0]],
        [[4, 0], [6, 0], [6, 1]],
        [[6, 2], [6, 4]],
    ]


def test_a_shared_border_is_dashed_once():
    left, right = shapely.box(20, 20, 220, 220), shapely.box(220, 20, 420, 220)
    both, one = Canvas(450, 240), Canvas(450, 240)
    style = Line("#000000", 0.5, (3, 3))
    both.lines(np.array([left, right], dtype=object), style)
    one.lines(np.array([left], dtype=object), style)
    column = [np.asarray(canvas.printed().convert("L"))[30:210, 220] < 128 for canvas in (both, one)]
    assert 0.3 < column[0].mean() < 0.7


def test_card_marks_differ_in_a_grey_print():
    drawn = [
        swatch(mark).convert("L").point(lambda tone: 255 if tone > 127 else 0) for mark in CARD_MARKS.values()
    ]
    for one, other in combinations(drawn, 2):
        differing = np.asarray(ImageChops.difference(one, other)) > 0
        assert differing.sum() > 60  # of about 700 pixels that a mark covers


def test_patterns_differ_from_one_another_and_carry_little_ink():
    masks = [
        np.asarray(pattern_mask(name, (0, 0, 300, 300))) > 0
        for name in ("rising", "falling", "crossed", "level", "dots")
    ]
    assert all(0.02 < mask.mean() < 0.5 for mask in masks)
    assert all((one != other).mean() > 0.04 for one, other in combinations(masks, 2))


# ------------------------------------------------------------------------------------------ words


@pytest.fixture
def no_fonts(monkeypatch):
    monkeypatch.delenv("ZHOUBIAN_FONT", raising=False)
    monkeypatch.setattr(map_fonts, "font_folders", list)
    find_fonts.cache_clear()
    yield
    find_fonts.cache_clear()


def test_without_a_chinese_font_a_chinese_sheet_says_what_to_install(no_fonts):
    with pytest.raises(LayerError, match="Noto Sans CJK") as fault:
        map_sheet([Theme(points(MIDDLE), RED)], "zh")
    assert fault.value.code == "map_font_missing"


def test_without_a_chinese_font_an_english_sheet_says_what_it_leaves_out(no_fonts):
    table = points(MIDDLE, away(MIDDLE, 90, 100), away(MIDDLE, 90, 200), name=["鼓楼", "Gulou", "文庙"])
    picture = map_sheet([Theme(table, RED, "sites", label="name")], "en", paper="figure")
    assert picture.notices == ("Names left out, as this machine has no font for their characters: 2.",)


def test_a_font_that_is_named_must_be_one_with_chinese(no_fonts, monkeypatch, tmp_path):
    (tmp_path / "some.ttf").write_text("no font")
    for name in ("some.ttf", "none.ttf"):
        find_fonts.cache_clear()
        monkeypatch.setenv("ZHOUBIAN_FONT", str(tmp_path / name))
        with pytest.raises(LayerError, match=name) as fault:
            find_fonts("en")
        assert fault.value.code == "map_font_unfit"


def test_a_sign_without_a_glyph_is_never_a_box():
    found = find_fonts("zh")
    assert found.told("周\U000ffff0边\x07\n县") == "周〓边 县"
    assert Fonts(None, None).told("鼓楼 Gulou") == "?? Gulou"
    assert found.writes("周边") and not found.writes("\U000ffff0")


def test_lines_break_between_chinese_signs_and_after_spaces():
    assert wrapped("口径：四月 all sources", 6, len) == ["口径：四月", "all", "sources"]
    assert wrapped("一二三四五六七", 3, len) == ["一二三", "四五六", "七"]
    assert wrapped("", 3, len) == []


def test_a_label_stands_in_its_area_and_not_on_marks():
    themes = [Theme(square(), Line("#777777"), label="name"), Theme(points(MIDDLE), RED)]
    seen = pixels(map_sheet(themes, "zh", scale=10_000, paper="figure", internal=False))
    x, y = middle_of(seen, 0xE00000)
    assert seen[round(y), round(x)] == 0xE00000
    ink = seen == 0x2F3A46  # the colour of such labels
    inside = ink[round(y) - px(50) : round(y) + px(50), round(x) - px(50) : round(x) + px(50)]
    assert inside.sum() > 300


def test_streets_are_drawn_and_named_without_hiding_marks():
    ends = [away(MIDDLE, 270, 900), away(MIDDLE, 90, 300)]  # its middle is free
    roads = gpd.GeoDataFrame(
        {"class": ["primary"], "name": ["人民路"]}, geometry=[shapely.LineString(ends)], crs="EPSG:4326"
    )
    bare, named = (spread("figure", roads=one) for one in (roads.assign(name=None), roads))
    assert not (pixels(bare) == pixels(named)).all()
    for picture in (bare, named):
        assert middle_of(pixels(picture), 0xE00000)[0] == pytest.approx(1843 / 2, abs=1)


# ------------------------------------------------------------------------------- the same, and faults


@pytest.mark.parametrize("lang", LANGS)
def test_the_same_input_gives_the_same_bytes(lang):
    def drawn():
        return map_sheet(
            [Theme(square(), Area("#8899AA", "rising"), "街道", label="name"), Theme(points(MIDDLE), RED, "点")],
            lang, title="图", settings="口径", source="来源", day=date(2024, 5, 6), paper="figure",
        ).png  # fmt: skip

    assert drawn() == drawn()


def test_the_mark_is_a_switch():
    marked, plain = (pixels(spread(internal=internal, title="图")) for internal in (True, False))
    corner = (slice(px(10), px(23)), slice(px(10), px(40)))
    assert (marked[corner] == 0x111111).any() and (plain[corner] == 0xFFFFFF).all()


def test_nothing_to_draw_is_told():
    empty = gpd.GeoDataFrame(geometry=[None, shapely.Point()], crs="EPSG:4326")
    with pytest.raises(LayerError, match="nothing to draw") as fault:
        map_sheet([Theme(empty, RED)], "zh")
    assert fault.value.code == "map_empty"


def test_rows_without_a_place_are_passed_over():
    table = gpd.GeoDataFrame(geometry=[None, shapely.Point(MIDDLE), shapely.Point()], crs="EPSG:4326")
    assert map_sheet([Theme(table, RED)], "zh", paper="figure").notices == ()


@pytest.mark.parametrize("scale", [0, -10_000, 100, 5_000_000])
def test_a_scale_that_no_city_is_drawn_at_is_refused(scale):
    with pytest.raises(DesignError, match=f"1:{scale}") as fault:
        spread(scale=scale)
    assert fault.value.code == "map_scale"
