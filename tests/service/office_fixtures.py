"""Files as offices make them, with what is to become of every row, worked out by hand.

The places are invented; their true longitude and latitude stand in `TRUTH`. Where a file is in another
system, its numbers are made here from the true ones by PROJ or the published formulas, and the import
has to find its way back.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import xlwt
from openpyxl import Workbook
from pyproj import Transformer
from shapely import LineString, MultiLineString, Point, Polygon, box

from geo.crs import wgs84_to_bd09, wgs84_to_gcj02

TRUTH = {
    "第一农贸市场": (114.3001, 30.6002),
    "人民商场": (114.3040, 30.6000),
    "实验小学": (114.3080, 30.6005),
    "市医院": (114.3121, 30.6010),
    "客运站": (114.3007, 30.6043),
    "槐树社区": (114.3043, 30.6048),
    "广场公厕": (114.3083, 30.6051),
    "河边公厕": (114.3127, 30.6055),
    "幸福里小区": (114.3011, 30.6091),
    "光明花园": (114.3052, 30.6095),
    "康居苑": (114.3095, 30.6099),
    "南湖新城": (114.3133, 30.6102),
}
SIX = tuple(TRUTH)[:6]
CLASSES = ("农贸市场", "商场超市", "学校", "医院", "交通场站", "城市社区")
TOILETS = ("广场公厕", "河边公厕")
COMPOUNDS = tuple(TRUTH)[8:]
ALLEYS = {
    "槐树一巷": LineString([(114.3010, 30.6020), (114.3012, 30.6031)]),
    "𠮷祥巷": LineString([(114.3030, 30.6020), (114.3034, 30.6033)]),
    "码头路（断头）": MultiLineString(
        [[(114.3060, 30.602), (114.306, 30.604)], [(114.306, 30.6045), (114.306, 30.606)]]
    ),
    "十里长巷": LineString([(114.3100, 30.6000), (114.3101, 30.6280)]),
}
"""One with a rare character in its name, one in two pieces, one of three kilometres."""


@dataclass(frozen=True)
class OfficeFile:
    """A file, and what is to become of it.

    Parameters
    ----------
    name : str
        Of the file; it may lie in a folder.
    write : callable
        Makes the file of that path.
    kind : str
        What the user says it is.
    accepted, fixed : int
    refused : dict of row to code
        Rows as a spreadsheet numbers them, or the number of the feature.
    notes : set of str
        Codes of notes that must be said.
    problem : str or None
        What the first try says, where it needs a correction: the code of an error, of the fault of every
        refused row, or of a note.
    correction : dict
        The one option that mends it.
    places : sequence of str
        Names of `TRUTH` that must come to lie where they are.
    """

    name: str
    write: Callable[[Path], None]
    kind: str
    accepted: int
    fixed: int = 0
    refused: Mapping[int, str] = field(default_factory=dict)
    notes: frozenset[str] = frozenset()
    problem: str | None = None
    correction: Mapping[str, Any] = field(default_factory=dict)
    places: Sequence[str] = ()

    @property
    def read(self) -> int:
        return self.accepted + self.fixed + len(self.refused)


def workbook(path: Path, sheets: Mapping[str, Sequence[Sequence[Any]]], merged: Sequence[str] = ()) -> None:
    """Sheets of rows; ranges that are merged in the first of them."""
    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    for cells in merged:
        book.worksheets[0].merge_cells(cells)
    book.save(path)


def text(path: Path, rows: Sequence[Sequence[Any]], encoding: str, separator: str = ",") -> None:
    """A text table with the line ends of Windows."""
    lines = [
        separator.join(f'"{cell}"' if separator in str(cell) else str(cell) for cell in row) for row in rows
    ]
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode(encoding))


def plane(name: str, system: str) -> tuple[float, float]:
    """Easting and northing to the centimetre."""
    x, y = Transformer.from_crs("EPSG:4326", system, always_xy=True).transform(*TRUTH[name])
    return round(x, 2), round(y, 2)


def shapefile(path: Path, table: gpd.GeoDataFrame, encoding: str, *without: str) -> None:
    """A shapefile lacking the parts that offices lose on the way."""
    table.to_file(path, encoding=encoding)
    for ending in without:
        path.with_suffix(ending).unlink()


# -- workbooks -------------------------------------------------------------------------------------


def _six_surroundings(path: Path) -> None:
    """A title, headings on two rows, wide characters, an empty row, a total, and who filled it in."""
    place = {name: TRUTH[name] for name in SIX}
    rows = [
        ["2024年“六个周边”固定点位汇总表", None, None, None, None, None],
        ["编号", "点位名称（全称）", "点位类别", "坐标", None, "备注"],
        [None, None, None, "经度", "纬度", None],
        ["Ａ０１", "第一农贸市场", "农贸市场", *place["第一农贸市场"], None],
        ["A02", "第一菜市场", "菜市场", 114.3002, 30.6002, "同一市场，两个叫法"],
        ["A03", "人民商场", "商超", "１１４．３０４０", "３０．６０００", "—"],
        [None] * 6,
        ["A04", "实验小学", "学校", *place["实验小学"], "1－2年级部"],
        ["A05", "市医院", "医 院", *place["市医院"], None],
        ["A06", "客运站", "汽车站", "东经114.3007", "北纬30.6043°", None],
        ["A07", "槐树社区", "社区（居委会）", *place["槐树社区"], None],
        ["A08", "幸福里小区", "小区", *TRUTH["幸福里小区"], None],
        ["A05", "市中医院", "医院", 114.3151, 30.6010, "编号重复"],
        ["A10", "爱心宠物医院", "医院", 114.3160, 30.6010, None],
        ["合计", None, None, None, None, 10],
        ["填表人：张三", None, None, None, None, "2024.5.6"],
    ]
    workbook(path, {"Sheet1": rows}, ["A1:F1", "A2:A3", "B2:B3", "C2:C3", "D2:E2", "F2:F3"])


def _compounds(path: Path) -> None:
    """1-2 that became 2 January, a committee among compounds, places that are none."""
    place = {name: TRUTH[name] for name in COMPOUNDS}
    rows = [
        ["小区名称", "编号", "户数", "建成年代", "经度", "纬度"],
        ["幸福里小区", "1-1", "350户", "2005年", *place["幸福里小区"]],
        ["光明花园", date(2024, 1, 2), 420, 2011, *place["光明花园"]],
        ["康居苑", "1-3", "1,200户", 1998, *place["康居苑"]],
        ["槐树社区居委会", "1-4", None, None, *TRUTH["槐树社区"]],
        ["纺织厂宿舍", "1-5", 60, 1985, 114.3150, 30.6100],
        ["南湖新城", "1-6", "约300户", 2015, *place["南湖新城"]],
        ["滨江苑", "1-7", 100, 2015, 0, 0],
        ["望江苑", "1-8", 100, 2015, 30.6111, 114.3111],
        ["临江苑", "1-9", 100, 2015, 114.3111, "30.61.11"],
        ["江景苑", "1-10", 100, 2015, 109.8921, 40.6551],
        ["幸福里小区", "1-11", 350, 2005, *place["幸福里小区"]],
        ["无坐标小区", "1-12", 350, 2005, None, None],
    ]
    workbook(path, {"小区": rows})


def _register(path: Path) -> None:
    """Dates in six ways; the year of 5月6日 stands in the title."""
    place = TRUTH["人民商场"]
    rows = [
        ["江岸区2024年第一轮模拟测评问题台账"],
        ["序号", "编号", "问题类别", "发现时间", "经度", "纬度", "地点", "整改期限"],
        [1, "W1", "HJ01", datetime(2024, 5, 6, 8, 30), *place, "人民路", "2024-05-08"],  # noqa: DTZ001
        [2, "W2", "SR01", 45418, *place, "人民路", "2024.5.8"],
        [3, "W3", "SS01", "2024.5.6", *place, "人民路", None],
        [4, "W4", "JT01", "5月6日", *place, "人民路", "5月8日"],
        [5, "W5", "GY01", "2024年5月6日", *place, "人民路", "2024/5/8 17:00"],
        [6, "W6", "XF01", "２０２４－５－６", *place, "人民路", None],
        [7, "W7", "HJ01", "2024.13.6", *place, "人民路", None],
        [8, "W8", "HJ01", "上周三", *place, "人民路", None],
        ["总计", None, 8, None, None, None, None, None],
    ]
    workbook(path, {"台账": rows})


def _several_sheets(path: Path) -> None:
    heads = ["编号", "名称", "类别", "经度", "纬度"]
    months = {
        month: [
            heads,
            *(
                [f"{month}-{n}", name, kind, *TRUTH[name]]
                for n, (name, kind) in enumerate(zip(SIX, CLASSES, strict=True))
            ),
        ]
        for month in ("3月", "4月")
    }
    workbook(path, {**months, "填表说明": [["请于每月5日前报送"]]})


def _northing_first(path: Path) -> None:
    """The survey office calls the northing X."""
    rows = [["编号", "名称", "X坐标", "Y坐标"]]
    for number, name in enumerate(TOILETS, start=1):
        x, y = plane(name, "EPSG:4547")
        rows.append([f"T{number}", name, y, x])
    workbook(path, {"Sheet1": rows})


def _one_column(path: Path) -> None:
    """Both numbers in one cell, as they are copied from a map; one pair is the other way round."""
    told = {
        "广场公厕": "114.3083,30.6051",
        "河边公厕": "（114.3127，30.6055）",
        "桥头公厕": "30.6060, 114.3140",
        "南门公厕": "114.3150",
    }
    rows = [
        ["编号", "名称", "经纬度坐标"],
        *([f"T{n}", name, pair] for n, (name, pair) in enumerate(told.items())),
    ]
    workbook(path, {"Sheet1": rows})


def _own_headings(path: Path) -> None:
    """Headings that nobody could know."""
    rows = [["单位内部号", "名称", "定位E", "定位N"]]
    rows += [[f"C{number}", name, *TRUTH[name]] for number, name in enumerate(COMPOUNDS)]
    workbook(path, {"Sheet1": rows})


def _old_workbook(path: Path) -> None:
    """Excel 97: notes on the first sheet, degrees and minutes on the second."""
    book = xlwt.Workbook()
    book.add_sheet("填表说明").write(0, 0, "经纬度按度分秒填写")
    sheet = book.add_sheet("公厕")
    sheet.write_merge(0, 0, 0, 5, "公共厕所一览表")
    rows = [
        ["编号", "公厕名称", "性质", "经度", "纬度", "开放时间"],
        ["T1", "广场公厕", "公厕", "114°18′29.88″", "30°36′18.36″", "6:00－22:00"],
        ["T2", "河边公厕", "机关开放", "东经114度18分45.72秒", "北纬30度36分19.8秒", "全天"],
        ["T3", "桥头公厕", "公厕", "114°78′00″", "30°36′00″", ""],
        ["小计", "", "", "", "", ""],
    ]
    for y, row in enumerate(rows, start=1):
        for x, cell in enumerate(row):
            sheet.write(y, x, cell)
    book.save(str(path))


# -- text ------------------------------------------------------------------------------------------


def _grid_codes(path: Path) -> None:
    """Codes of fifteen digits after a visit to Excel, polygons as well-known text, GBK."""
    cells = [box(114.30 + 0.001 * n, 30.60, 114.301 + 0.001 * n, 30.601).wkt for n in range(6)]
    rows = [
        ["网格编码", "名称", "层级", "责任单位", "WKT"],
        ["420102001001001", "江岸一网格", "单元网格", "一元街道", cells[0]],
        ["420102001001002.0", "江岸二网格", "单元网格", "一元街道", cells[1]],
        ["4.20102E+14", "江岸三网格", "单元网格", "一元街道", cells[2]],
        ["420102001001001", "江岸四网格", "单元网格", "一元街道", cells[3]],
        ["420102001001005", "江岸五网格", "大网格", "一元街道", cells[4]],
        ["", "", "", "", ""],
        ["'420102001001006", "江岸六网格", "单元网格", "一元街道", cells[5]],
        ["合计", "6", "", "", ""],
    ]
    text(path, rows, "gbk")


def _patrol(path: Path) -> None:
    """Characters that GBK has not, days without a year."""
    place = TRUTH["实验小学"]
    rows = [
        ["编号", "类别", "发现日期", "经度", "纬度", "地点", "数量"],
        ["X1", "HJ01", "5月6日", *place, "𠮷祥巷㐂记门前", "3处"],
        ["X2", "SR01", "5月6日 9:30", *place, "䶮园路（东）", "１"],
        ["X3", "SS02", "12月31日", *place, "实验小学－北门", "2起"],
    ]
    text(path, rows, "gb18030")


def _hotline(path: Path) -> None:
    """An export of the hotline: where a case comes from is told in words of its own."""
    place = TRUTH["市医院"]
    rows = [
        ["编号", "问题类别", "上报时间", "来源", "经度", "纬度"],
        ["R1", "HJ01", "20240506", "12345热线", *place],
        ["R2", "SR01", "2024/5/6 下午 3:05", "12345热线", *place],
    ]
    text(path, rows, "gbk")


def _communities(path: Path) -> None:
    """Outlines of communities; that they are such is said by the name of the file alone."""
    told = [({"社区代码": f"42010200100{n}", "社区名称": name}, box(114.30 + 0.01 * n, 30.60, 114.31 + 0.01 * n, 30.61))
            for n, name in enumerate(("槐树社区", "沿江社区"))]  # fmt: skip
    _features(path, told)


def _semicolons(path: Path) -> None:
    """As Excel writes where the comma is the decimal sign, with a byte order mark."""
    rows = [["编号", "名称", "地址", "lng", "lat"]]
    rows += [[f"T{n}", name, f"江岸区, 沿江大道{n}号", *TRUTH[name]] for n, name in enumerate(TOILETS)]
    text(path, rows, "utf-8-sig", ";")


def _unicode_text(path: Path) -> None:
    """“Unicode 文本” of Excel: UTF-16 with tabs; the easting carries the number of its zone."""
    rows: list[list[Any]] = [["编号", "名称", "类别", "横坐标", "纵坐标"]]
    for number, (name, kind) in enumerate(zip(SIX, CLASSES, strict=True)):
        rows.append([f"Z{number}", name, kind, *plane(name, "EPSG:4526")])
    text(path, rows, "utf-16", "\t")


def _from_map_site(path: Path) -> None:
    """The six sites under other ids as a map site gives them: GCJ-02, without a word of it."""
    rows: list[list[Any]] = [["编号", "名称", "类别", "经度", "纬度"]]
    for number, (name, kind) in enumerate(zip(SIX, CLASSES, strict=True)):
        lon, lat = wgs84_to_gcj02(*TRUTH[name])
        rows.append([f"G{number}", name, kind, f"{float(lon):.6f}", f"{float(lat):.6f}"])
    text(path, rows, "gbk")


def _baidu_headings(path: Path) -> None:
    """A name with a comma nobody quoted shifts its row; coordinates of Baidu by their heading."""
    rows: list[list[Any]] = [["名称", "lng_bd09", "lat_bd09"]]
    for name in COMPOUNDS[:3]:
        lon, lat = wgs84_to_bd09(*TRUTH[name])
        rows.append([name, f"{float(lon):.6f}", f"{float(lat):.6f}"])
    path.write_text(
        "\n".join([*(",".join(map(str, row)) for row in rows), "东区,西区,114.31,30.61", ""]),
        encoding="utf-8",
    )


def _alley_points(path: Path) -> None:
    """Alleys as the points where somebody stood: nothing that can be drawn."""
    rows = [
        ["编号", "背街小巷名称", "经度", "纬度"],
        ["B1", "槐树一巷", 114.301, 30.602],
        ["B2", "槐树二巷", 114.303, 30.602],
    ]
    text(path, rows, "gbk")


# -- maps ------------------------------------------------------------------------------------------


def _features(path: Path, told: Sequence[tuple[Mapping[str, Any], Any]]) -> None:
    features = [
        {
            "type": "Feature",
            "properties": dict(properties),
            "geometry": None if shape is None else shape.__geo_interface__,
        }
        for properties, shape in told
    ]
    path.write_text(
        json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False), encoding="utf-8"
    )


def _drawn_alleys(path: Path) -> None:
    """Drawn on a web map: one alley is a point, one was never drawn, one is a single spot twice."""
    told = [
        ({"编号": f"B{number}", "名称": name}, shape)
        for number, (name, shape) in enumerate(ALLEYS.items(), start=1)
    ]
    told += [
        ({"编号": "B5", "名称": "只有一个点的巷"}, Point(114.31, 30.60)),
        ({"编号": "B6", "名称": "没有画的巷"}, None),
        ({"编号": "B7", "名称": "没有长度的巷"}, LineString([(114.31, 30.6), (114.31, 30.6)])),
    ]
    _features(path, told)


BOW_TIE = Polygon([(114.300, 30.608), (114.302, 30.610), (114.302, 30.608), (114.300, 30.610)])


def _drawn_compounds(path: Path) -> None:
    """A compound that crosses itself, one that holds an anchor, one drawn twice under two ids."""
    around = box(114.3070, 30.5995, 114.3090, 30.6015)  # holds 实验小学
    told = [
        ({"编号": "C1", "名称": "蝴蝶花园"}, BOW_TIE),
        ({"编号": "C2", "名称": "校园小区"}, around),
        ({"编号": "C3", "名称": "校园小区"}, around),
        ({"编号": "C4", "名称": "康居苑"}, Point(TRUTH["康居苑"]).buffer(0.0005)),
    ]
    _features(path, told)


def _alley_table() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"编号": [f"B{n}" for n in range(1, 5)], "街巷名称": list(ALLEYS)},
        geometry=list(ALLEYS.values()),
        crs="EPSG:4490",
    )


def _shapefile_zip(path: Path) -> None:
    """CGCS2000 degrees, GBK without .cpg, in a folder, with what ArcGIS and a Mac leave beside it."""
    made = path.parent / "made"
    made.mkdir()
    table = _alley_table()
    table.loc[1, "街巷名称"] = "镕园巷"
    shapefile(made / "街巷.shp", table, "GBK", ".cpg")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(made.iterdir()):
            archive.write(file, f"背街小巷/{file.name}")
        archive.writestr("背街小巷/街巷.shp.xml", "<metadata/>")
        archive.writestr("__MACOSX/背街小巷/._街巷.shp", b"\0")
        archive.writestr("背街小巷/说明.docx", b"PK")


def _shapefile_in_metres(path: Path) -> None:
    table = gpd.GeoDataFrame(
        {"编号": [f"C{n}" for n in range(4)], "小区名称": list(COMPOUNDS)},
        geometry=[Point(TRUTH[name]) for name in COMPOUNDS], crs="EPSG:4326",
    ).to_crs("EPSG:4547")  # fmt: skip
    shapefile(path, table, "GBK", ".prj", ".cpg")


def _shapefile_in_degrees(path: Path) -> None:
    table = gpd.GeoDataFrame(
        {"编号": ["420102", "420103"], "名称": ["江岸区", "江汉区"], "级别": ["区", "区"]},
        geometry=[box(114.29, 30.59, 114.32, 30.63), box(114.26, 30.59, 114.29, 30.63)], crs="EPSG:4326",
    )  # fmt: skip
    shapefile(path, table, "UTF-8", ".prj")


def _map_app(path: Path) -> None:
    """Marks of a map app: folders, a description full of HTML, a position with spaces, a style, a link."""
    marks = "".join(
        f"<Placemark><name>{name}</name><styleUrl>#s</styleUrl><description><![CDATA[<b>拍照</b><img src='http://127.0.0.1/x.png'>]]>"
        f"</description><Point><coordinates>\n {lon},{lat},0 </coordinates></Point></Placemark>"
        for name, (lon, lat) in TRUTH.items()
        if name in SIX
    )
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>我的标注</name>'
        '<Style id="s"><IconStyle><Icon><href>http://127.0.0.1/i.png</href></Icon></IconStyle></Style>'
        f"<Folder><name>六个周边</name>{marks}</Folder></Document></kml>",
        encoding="utf-8",
    )  # fmt: skip


def _earth(path: Path) -> None:
    """Polygons drawn on a globe, zipped with a picture."""

    def ring(name: str) -> str:
        lon, lat = TRUTH[name]
        corners = [
            (lon - 0.0005, lat - 0.0005),
            (lon + 0.0005, lat - 0.0005),
            (lon + 0.0005, lat + 0.0005),
            (lon - 0.0005, lat + 0.0005),
        ]
        return " ".join(f"{x:.6f},{y:.6f},0" for x, y in [*corners, corners[0]])

    marks = "".join(
        f"<Placemark><name>{name}</name><ExtendedData><Data name='户数'><value>300</value></Data></ExtendedData>"
        f"<Polygon><outerBoundaryIs><LinearRing><coordinates>{ring(name)}</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
        for name in COMPOUNDS
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "doc.kml", f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{marks}</Document></kml>'
        )
        archive.writestr("files/photo.jpg", b"\xff\xd8\xff")


def _phone(path: Path) -> None:
    """Waypoints and the track of a walk; a layer of points takes the waypoints."""
    points = "".join(
        f'<wpt lat="{lat}" lon="{lon}"><ele>21</ele><name>{name}</name></wpt>'
        for name in TOILETS
        for lon, lat in [TRUTH[name]]
    )
    track = "".join(f'<trkpt lat="{30.60 + 0.0001 * n:.4f}" lon="114.3"/>' for n in range(9))
    path.write_text(
        f'<?xml version="1.0"?><gpx version="1.1" creator="phone" xmlns="http://www.topografix.com/GPX/1/1">{points}'
        f"<trk><name>5月6日</name><trkseg>{track}</trkseg></trk></gpx>",
        encoding="utf-8",
    )


def _two_layers(path: Path) -> None:
    compounds = gpd.GeoDataFrame({"编号": [f"C{n}" for n in range(4)], "名称": list(COMPOUNDS)}, geometry=[Point(TRUTH[name]) for name in COMPOUNDS], crs="EPSG:4490")  # fmt: skip
    compounds.to_file(path, layer="居住小区2024", driver="GPKG")
    _alley_table().to_file(path, layer="街巷中线", driver="GPKG")


def _zip_of_tables(path: Path) -> None:
    made = path.parent / "parts"
    made.mkdir()
    _semicolons(made / "公厕.csv")
    _compounds(made / "小区.xlsx")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(made.iterdir()):
            archive.write(file, file.name)


FILES = (
    OfficeFile(
        "六个周边点位.xlsx", _six_surroundings, "anchors", accepted=6, fixed=1,
        refused={7: "row_empty", 12: "compound_not_anchor", 13: "id_twice", 14: "vet", 15: "row_total", 16: "value_missing"},
        notes=frozenset({"title_rows", "two_names", "datum_assumed"}),
        places=SIX,
    ),
    OfficeFile(
        "居民小区.xlsx", _compounds, "compounds", accepted=2,
        refused={
            3: "text_is_date", 5: "community_not_compound", 6: "dormitory", 7: "not_a_count", 8: "null_island",
            9: "swapped", 10: "not_a_number", 11: "outside_city", 12: "record_twice", 13: "place_missing",
        },
        notes=frozenset({"near_duplicates"}), places=("幸福里小区", "康居苑"),
    ),
    OfficeFile(
        "问题台账.xlsx", _register, "issues", accepted=5, fixed=1,
        refused={9: "not_a_date", 10: "not_a_date", 11: "row_total"},
        notes=frozenset({"title_rows", "columns_unused"}),
    ),
    OfficeFile(
        "每月点位.xlsx", _several_sheets, "anchors", accepted=6, problem="part_needed", correction={"part": "4月"},
        notes=frozenset({"other_sheets"}), places=SIX,
    ),
    OfficeFile(
        "测绘院公厕.xlsx", _northing_first, "toilets", accepted=2, problem="datum_needed",
        correction={"datum": "EPSG:4547"}, notes=frozenset({"northing_first"}), places=TOILETS,
    ),
    OfficeFile(
        "公厕坐标.xlsx", _one_column, "toilets", accepted=2, refused={4: "swapped", 5: "geometry_broken"}, places=TOILETS,
    ),
    OfficeFile(
        "物业小区.xlsx", _own_headings, "compounds", accepted=4, problem="headings_unknown",
        correction={"columns": {"id": "单位内部号", "lon": "定位E", "lat": "定位N"}}, notes=frozenset({"columns_chosen"}),
        places=COMPOUNDS,
    ),
    OfficeFile(
        "公厕.xls", _old_workbook, "toilets", accepted=2, refused={5: "not_degrees", 6: "row_total"},
        notes=frozenset({"title_rows", "other_sheets"}), places=TOILETS,
    ),
    OfficeFile(
        "网格.csv", _grid_codes, "areas", accepted=1, fixed=2,
        refused={4: "id_rounded", 5: "id_twice", 6: "value_unknown", 7: "row_empty", 9: "row_total"},
        notes=frozenset({"encoding"}),
    ),
    OfficeFile(
        "巡查问题.csv", _patrol, "issues", accepted=0, fixed=3, problem="date_without_year", correction={"year": 2024},
        notes=frozenset({"encoding"}),
    ),
    OfficeFile(
        "热线问题.csv", _hotline, "issues", accepted=2, problem="word_unknown", correction={"columns": {"source": "-"}},
        notes=frozenset({"columns_unused"}),
    ),
    OfficeFile(
        "社区范围.geojson", _communities, "areas", accepted=2, problem="column_missing",
        correction={"given_class": "community"},
    ),
    OfficeFile("公厕.csv", _semicolons, "toilets", accepted=2, notes=frozenset({"encoding", "datum_assumed"}), places=TOILETS),
    OfficeFile(
        "点位Unicode.txt", _unicode_text, "anchors", accepted=6, problem="datum_needed",
        correction={"datum": "EPSG:4526"}, notes=frozenset({"encoding"}), places=SIX,
    ),
    OfficeFile(
        "地图网站点位.csv", _from_map_site, "anchors", accepted=6, problem="datum_differs",
        correction={"datum": "gcj02"}, notes=frozenset({"known_nearby"}), places=SIX,
    ),
    OfficeFile(
        "百度小区.csv", _baidu_headings, "compounds", accepted=3, refused={5: "row_wide"}, problem="datum_in_heading",
        correction={"datum": "bd09"}, places=COMPOUNDS[:3],
    ),
    OfficeFile("背街小巷.geojson", _drawn_alleys, "back_alleys", accepted=4, refused={5: "alley_point", 6: "place_missing", 7: "line_flat"}),
    OfficeFile(
        "小区边界.geojson", _drawn_compounds, "compounds", accepted=2, fixed=1, refused={3: "record_twice"},
        notes=frozenset({"repaired", "near_duplicates"}), places=("康居苑",),
    ),
    OfficeFile("街巷.zip", _shapefile_zip, "back_alleys", accepted=4, notes=frozenset({"encoding", "zip_ignored"})),
    OfficeFile(
        "小区点.shp", _shapefile_in_metres, "compounds", accepted=4, problem="datum_needed",
        correction={"datum": "EPSG:4547"}, notes=frozenset({"encoding"}), places=COMPOUNDS,
    ),
    OfficeFile("行政区划.shp", _shapefile_in_degrees, "areas", accepted=2, notes=frozenset({"datum_assumed"})),
    OfficeFile(
        "我的标注.kml", _map_app, "anchors", accepted=6, problem="column_missing", correction={"given_class": "market"},
        places=SIX,
    ),
    OfficeFile("小区.kmz", _earth, "compounds", accepted=4, places=COMPOUNDS),
    OfficeFile("手机轨迹.gpx", _phone, "toilets", accepted=2, notes=frozenset({"gpx_read"}), places=TOILETS),
    OfficeFile(
        "基础数据.gpkg", _two_layers, "compounds", accepted=4, problem="part_needed", correction={"part": "居住小区2024"},
        places=COMPOUNDS,
    ),
    OfficeFile(
        "上报.zip", _zip_of_tables, "toilets", accepted=2, problem="part_needed", correction={"part": "公厕.csv"},
        notes=frozenset({"encoding"}), places=TOILETS,
    ),
)  # fmt: skip
"""Imported into a store that holds the six sites already, under ids of their own where `known_nearby` is said."""

ALLEYS_AS_POINTS = OfficeFile(
    "小巷点.csv", _alley_points, "back_alleys", accepted=0, refused={2: "alley_point", 3: "alley_point"}
)
"""A file of which nothing can be taken: an alley is a line."""
