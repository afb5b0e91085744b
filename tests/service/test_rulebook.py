"""The shipped rule book is that of the domain reference, written down here a second time by hand."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from layers.rule_tables import shipped
from service.supervision.rulebook import build
from service.supervision.worktime import Span

BOOK = build(shipped())

# domain reference §3: 22 kinds of unit and every name it gives them
UNITS = {
    "cwb": "创城办 创文办 创管办 创建办 建设办", "city_mgmt": "城管局 城管中队 执法大队", "sanitation": "环卫 环卫处 环发公司",
    "municipal": "市政", "landscape": "园林绿化", "housing": "住建局 物管办", "property": "物业公司",
    "traffic_police": "交警大队 交警中队", "police": "公安局 派出所", "transport": "交通运输局", "railway": "火车站 铁路",
    "market_reg": "市场监管局", "commerce": "商务局", "health": "卫健委 卫健局", "education": "教育局", "culture": "文体广旅局 文旅",
    "fire": "消防救援", "utility": "供电 移动 联通 电信 广电", "publicity": "宣传部 文明办", "subdistrict": "街道办 镇",
    "community": "社区居委会", "site_owner": "点位管理单位 医院 学校 商场 市场 车站",
}  # fmt: skip

# §4: six anchors, two drawn, those met in published lists
ANCHORS = {"market", "mall", "school", "hospital", "transit", "community"}
DRAWN = {"back_alley", "compound"}
OTHERS = (
    "street_office culture_station cultural_venue scenic bookstore hotel restaurant service_window bank_telecom cinema"
    " construction_site river minors_psych training_school net_cafe fringe town village bus bus_stop taxi shelter"
    " pharmacy waste_station"
)

# §6: department and category of every item, in their order
ITEMS = {
    "back_alley": "municipal/SS01 municipal/SS05 municipal/SS04 municipal/SS02 municipal/SS03 sanitation/HJ01 sanitation/HJ04 city_mgmt/SR01 city_mgmt/SR03 city_mgmt/SR04 utility/SR06 traffic_police/JT01 publicity/GY01 city_mgmt/SS06",
    "compound": "property/XF02 fire/XF01 fire/XF04 property/XF03 property/XF05 housing/SS11 property/HJ05 property/SS01 property/SS04 landscape/SS10 city_mgmt/SR04 property/SR03 property/JT01 police/WM01 housing/FW06",
    "community": "community/FW05 community/FW02 community/FW05 publicity/GY01 community/HJ02 community/SS07 fire/XF04 community/WM03 community/FW05 community/FW03",
    "market": "site_owner/HJ02 site_owner/JY05 market_reg/JY01 market_reg/JY04 market_reg/JY03 market_reg/JY05 market_reg/JY06 sanitation/HJ05 sanitation/HJ08 fire/XF01 site_owner/GY01 site_owner/FW03 site_owner/WM03 city_mgmt/SR01 traffic_police/JT01",
    "mall": "site_owner/FW05 site_owner/FW03 site_owner/SS07 site_owner/FW04 site_owner/FW04 site_owner/FW01 site_owner/WM03 fire/XF01 site_owner/HJ08 market_reg/JY06 site_owner/GY01 site_owner/FW02 city_mgmt/JT02",
    "school": "traffic_police/JT03 traffic_police/JT08 traffic_police/JT01 city_mgmt/SR01 culture/JY07 market_reg/JY06 site_owner/HJ02 site_owner/GY01 site_owner/WM03 market_reg/JY06 fire/XF04 site_owner/FW05 site_owner/SS07",
    "hospital": "traffic_police/JT01 site_owner/JT01 site_owner/FW01 site_owner/FW02 site_owner/SS07 site_owner/FW04 site_owner/WM03 site_owner/HJ08 site_owner/FW03 fire/XF01 site_owner/HJ05 site_owner/GY01 city_mgmt/SR01",
    "transit": "site_owner/FW01 site_owner/FW02 site_owner/HJ02 site_owner/HJ08 site_owner/WM03 site_owner/SS07 site_owner/FW04 site_owner/SS09 site_owner/GY03 transport/JT09 transport/JT01 city_mgmt/SR01 site_owner/FW03 fire/XF01",
    "arterial": "municipal/SS03 municipal/SS07 sanitation/HJ01 city_mgmt/SR01 city_mgmt/SR03 city_mgmt/SR07 utility/SR06 traffic_police/JT01 city_mgmt/JT02 city_mgmt/WM02 city_mgmt/SS06 publicity/GY01 landscape/SS10",
    "intersection": "traffic_police/JT03 traffic_police/JT04 traffic_police/JT07 traffic_police/JT05 traffic_police/JT06 traffic_police/JT08 traffic_police/WM05 traffic_police/WM04 publicity/FW02",
    "public_toilet": "city_mgmt/FW05 city_mgmt/SS06 sanitation/HJ08 sanitation/HJ08 city_mgmt/FW05 municipal/SS09 municipal/SS07 city_mgmt/FW04 city_mgmt/SR03 sanitation/HJ01 site_owner/SS06",
    "park_square": "publicity/GY01 sanitation/HJ05 sanitation/HJ08 city_mgmt/WM02 police/WM01 landscape/SS09 landscape/SS10 city_mgmt/JT02 city_mgmt/SR01 utility/SR06 fire/XF01",
}
COUNTS = (14, 15, 10, 15, 13, 13, 13, 14, 13, 9, 11, 11)

# §7: department, deadline and severity of every category of a group, in their order
CATEGORIES = {
    "HJ": (
        "sanitation 4 wh 2; sanitation 2 wh 2; sanitation 10 min 1; sanitation 4 wh 2; "
        "sanitation 1 wd 1; city_mgmt 2 wd 2; landscape 4 wh 1; sanitation 4 wh 2; property 1 wd 1; "
        "sanitation 4 wh 1; sanitation 2 wh 1"
    ),
    "SR": (
        "city_mgmt 4 wh 2; city_mgmt 4 wh 2; city_mgmt 1 wd 1; city_mgmt 20 wd 3; city_mgmt 1 wd 1; "
        "utility 10 wd 2; city_mgmt 5 wd 2; city_mgmt 5 wd 1; city_mgmt 1 wd 1"
    ),
    "JT": (
        "traffic_police 2 wh 2; city_mgmt 4 wh 1; traffic_police on site 2; traffic_police on site 2; "
        "traffic_police on site 1; traffic_police 10 wd 2; traffic_police on site 2; "
        "traffic_police 10 wd 2; transport 1 wd 2"
    ),
    "SS": (
        "municipal 7 wd 2; municipal 4 wh 3; municipal 5 wd 1; municipal 2 wd 2; municipal 4 wh 2; "
        "city_mgmt 30 wd 3; municipal 5 wd 2; sanitation 3 wd 1; municipal 5 wd 1; landscape 5 wd 1; "
        "housing 30 wd 2"
    ),
    "XF": ("fire 2 wh 3; property 1 wd 2; property 2 wh 3; fire 2 wd 3; property 2 wh 3"),
    "GY": ("publicity 3 wd 1; publicity 1 wd 2; publicity 3 wd 1"),
    "FW": (
        "site_owner 1 wd 1; site_owner 4 wh 1; site_owner 2 wd 1; site_owner 5 wd 1; "
        "site_owner 3 wd 1; housing 10 wd 2"
    ),
    "WM": (
        "police on site 1; city_mgmt on site 1; site_owner 4 wh 1; traffic_police on site 1; "
        "traffic_police on site 2; site_owner on site 1"
    ),
    "JY": (
        "market_reg 3 wd 2; market_reg 3 wd 2; market_reg 3 wd 2; market_reg 2 wd 2; "
        "market_reg 5 wd 2; market_reg 1 wd 3; culture 5 wd 3"
    ),
}


def test_there_are_22_units_with_all_their_names():
    assert set(BOOK.units) == set(UNITS)
    assert len(BOOK.units) == 22
    for unit, names in UNITS.items():
        known = {BOOK.units[unit].zh, *BOOK.units[unit].aliases}
        assert set(names.split()) <= known, unit


def test_the_types_of_site_have_their_roles():
    roles = {name: one.role for name, one in BOOK.site_types.items()}
    assert {name for name, role in roles.items() if role == "anchor"} == ANCHORS
    assert {name for name, role in roles.items() if role == "drawn"} == DRAWN
    assert set(roles) == ANCHORS | DRAWN | set(ITEMS) | set(OTHERS.split())
    assert len(OTHERS.split()) == 24
    assert BOOK.site_types["back_alley"].geometry == "line"
    assert BOOK.site_types["compound"].geometry == "polygon"


def test_there_are_12_checklists_with_151_items():
    assert tuple(len(BOOK.items[name]) for name in ITEMS) == COUNTS
    assert sum(COUNTS) == 151
    assert set(BOOK.items) == set(ITEMS)


@pytest.mark.parametrize("site_type", ITEMS)
def test_every_item_counts_its_category_and_has_its_department(site_type):
    told = [f"{item.department}/{item.category}" for item in BOOK.items[site_type]]
    assert told == ITEMS[site_type].split()
    assert [item.code for item in BOOK.items[site_type]] == [
        f"{site_type}-{number:02d}" for number in range(1, len(told) + 1)
    ]


def test_there_are_67_categories_in_nine_groups():
    counts = {"HJ": 11, "SR": 9, "JT": 9, "SS": 11, "XF": 5, "GY": 3, "FW": 6, "WM": 6, "JY": 7}
    assert sum(counts.values()) == 67
    codes = [f"{group}{number:02d}" for group, count in counts.items() for number in range(1, count + 1)]
    assert list(BOOK.categories) == codes


@pytest.mark.parametrize("group", CATEGORIES)
def test_every_category_has_its_department_deadline_and_severity(group):
    told = [
        f"{one.department} {one.deadline} {one.severity}"
        for code, one in BOOK.categories.items()
        if code.startswith(group)
    ]
    assert told == CATEGORIES[group].split("; ")


@pytest.mark.parametrize(
    ("code", "zh", "name", "digital_city"),
    [
        ("HJ01", "暴露垃圾", "exposed_garbage", "事件/市容环境/暴露垃圾"),
        ("HJ03", "流动性垃圾超时未清", "litter_over_10min", "—"),
        ("SR06", "空中缆线杂乱(飞线、蜘蛛网)", "messy_cables", "—"),
        ("SS06", "公厕或指示牌缺失(超500米)", "toilet_gap", "部件/市容环境设施/公共卫生间"),
        ("XF03", "飞线充电", "flying_charge", "—"),
        ("JY07", "校园周边不宜经营场所", "school_zone_business", "—"),
    ],
)
def test_categories_have_their_names(code, zh, name, digital_city):
    one = BOOK.categories[code]
    assert (one.zh, one.name, one.digital_city) == (zh, name, digital_city)


@pytest.mark.parametrize(
    ("item", "zh"),
    [
        ("back_alley-08", "无占道、出店经营(划线内不算)"),
        ("back_alley-14", "走500米能见公厕或指示牌"),
        ("market-11", "核心价值观、诚信公益广告达数"),
        ("public_toilet-11", "机关单位对外开放标识清楚"),
        ("park_square-11", "消防通道畅通"),
    ],
)
def test_items_have_their_words(item, zh):
    assert BOOK.item(item).zh == zh


def test_the_cards_are_white_yellow_and_red():
    white, yellow, red = BOOK.cards.levels
    assert (white.word, yellow.word, red.word) == ("白", "黄", "红")
    assert len({one.pattern for one in BOOK.cards.levels}) == 3
    assert (white.deadline, yellow.deadline, red.deadline) == ("category", "half", Span(1, "wd"))
    assert yellow.least == Span(4, "wh")
    assert white.triggers == ("not_fixed_on_site",)
    assert set(yellow.triggers) == {"overdue:white", "failed_recheck:1", "recurrence"}
    assert set(red.triggers) == {"overdue:yellow", "failed_recheck:2", "overdue_severity:3"}
    assert (white.copies, yellow.copies, red.copies) == (
        ("unit",),
        ("unit", "unit_head", "sponsor"),
        ("unit", "unit_head", "supervision", "bulletin"),
    )
    assert BOOK.cards.recurrence_days == 30


def test_the_scores_are_those_of_the_domain_reference():
    scoring = BOOK.scoring
    assert scoring.grades == ("A", "B", "C", "C#")
    assert scoring.values == (1, Fraction(66, 100), Fraction(33, 100), 0)
    assert scoring.cuts == (0, 1, 2, 3)
    assert scoring.cycle == (Fraction(15, 100), Fraction(25, 100), Fraction(60, 100))
    assert scoring.annual == {"desk": 40, "field": 40, "survey": 20}
    assert scoring.target == 90


def test_a_work_day_has_eight_hours_in_two_shifts():
    assert BOOK.calendar.day_minutes == 480
    assert [f"{begin:%H:%M}-{end:%H:%M}" for begin, end in BOOK.calendar.shifts] == [
        "08:00-12:00",
        "14:00-18:00",
    ]
    assert BOOK.calendar.is_work_day(date(2026, 2, 14))  # a Saturday before the Spring Festival
    assert not BOOK.calendar.is_work_day(date(2026, 10, 7))  # the last day of the National Day
    assert BOOK.calendar.is_work_day(date(2026, 10, 8))
