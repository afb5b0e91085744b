"""Who has to mend an issue: the order of the domain reference, overrides, places, and the command."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hamlet import NOON, add, anchor, layers, shape, table
from office import refused, run

from geo.errors import DesignError, NotFoundError
from layers.ledger import Ledger
from layers.rule_tables import shipped
from layers.store import Store
from service.supervision.assignment import Assignment, Override, Where, assign, require_departments
from service.supervision.rulebook import build
from service.usecases import overrides
from service.usecases.assignment import Locator, assign_all, assign_issue

BOOK = build(shipped())
NOWHERE = Where(
    site=None, site_type=None, inside_site=False, inside_compound=False, owner=None, district="东街街道",
    community="东一社区", grid="420106003002001", area_owner="东街街道办事处", compound=None,
    community_owner="东一社区居委会", areas=("420106", "420106003", "420106003002"),
)  # fmt: skip
COMPOUND = replace(
    NOWHERE, site="C1", site_type="compound", inside_compound=True, compound="C1", owner="安居物业"
)
MARKET = replace(NOWHERE, site="M1", site_type="market", inside_site=True, owner="人民市场公司")


def decide(
    category: str, where: Where = NOWHERE, item: str | None = None, *decisions: Override
) -> Assignment:
    return assign(
        BOOK.categories[category], None if item is None else BOOK.item(item), where, BOOK, decisions
    )


def units(told: Assignment) -> tuple[str, ...]:
    return (told.lead_unit, *told.joint_units)


def override(number: int, lead: str = "cwb", hours: int = 0, **conditions: str) -> Override:
    return Override(
        id=number,
        lead_unit=lead,
        at=NOON + timedelta(hours=hours),
        who="创城办",
        why="会议纪要",
        **conditions,
    )


# ------------------------------------------------------------------ the order


@pytest.mark.parametrize(
    ("category", "where", "expected", "responsible", "why"),
    [
        # on the street: the department of the category (§7), the subdistrict as owner of the territory
        ("HJ01", NOWHERE, ("sanitation", "subdistrict"), None, "category"),
        ("SR01", NOWHERE, ("city_mgmt", "subdistrict"), None, "category"),
        # inside a compound: the property company, housing as its line department, whoever knows the matter
        ("HJ01", COMPOUND, ("property", "housing", "sanitation", "subdistrict"), "安居物业", "property"),
        ("XF02", COMPOUND, ("property", "housing", "subdistrict"), "安居物业", "property"),
        # inside the gate of a market: its operator, market regulation as its line department
        ("WM03", MARKET, ("site_owner", "market_reg", "subdistrict"), "人民市场公司", "site_owner"),
        ("XF01", MARKET, ("site_owner", "market_reg", "fire", "subdistrict"), "人民市场公司", "site_owner"),
        # a category of operators or property companies where there is none
        ("WM03", NOWHERE, ("subdistrict",), "东街街道办事处", "subdistrict"),
        ("XF02", NOWHERE, ("subdistrict",), "东街街道办事处", "subdistrict"),
    ],
)
def test_a_boundary_goes_before_the_category_and_the_subdistrict_always_joins(
    category, where, expected, responsible, why
):
    told = decide(category, where)
    assert units(told) == expected
    assert (told.responsible, told.why) == (responsible, why)


@pytest.mark.parametrize("owner", [None, "东一社区居委会"])
def test_a_compound_without_a_property_company_is_the_residents_committees(owner):
    told = decide("XF02", replace(COMPOUND, owner=owner))
    assert units(told) == ("community", "housing", "subdistrict")
    assert (told.responsible, told.why) == ("东一社区居委会", "community")


def test_the_department_of_an_item_goes_before_category_and_boundary():
    # hospital: JT01 in front of it is the traffic police's, JT01 inside its own (§6.7, items 01 and 02)
    hospital = replace(MARKET, site="H1", site_type="hospital", owner="市医院")
    front, yard = decide("JT01", hospital, "hospital-01"), decide("JT01", hospital, "hospital-02")
    assert (front.lead_unit, front.responsible, front.why) == ("traffic_police", None, "item")
    assert "site_owner" in front.joint_units
    assert (yard.lead_unit, yard.responsible, yard.why) == ("site_owner", "市医院", "site_owner")
    assert yard.joint_units == ("health", "subdistrict")
    # a compound: the fire lane is the fire service's by its checklist, the property company joins
    assert units(decide("XF01", COMPOUND, "compound-02")) == ("fire", "property", "subdistrict")
    # a back alley: SS06 and GY01 by item
    assert decide("SS06", NOWHERE, "back_alley-14").lead_unit == "city_mgmt"


def test_every_category_is_somebodys_everywhere():
    for code in BOOK.categories:
        for where in (NOWHERE, COMPOUND, MARKET, replace(COMPOUND, owner=None)):
            told = decide(code, where)
            assert told.lead_unit in BOOK.units
            assert "subdistrict" in units(told)
            assert len(set(units(told))) == len(units(told))
    for listed in BOOK.items.values():
        for item in listed:
            assert decide(item.category, NOWHERE, item.code).lead_unit in BOOK.units


def test_an_issue_of_a_foreign_category_stays_on_the_map_and_does_not_stop_the_others(tmp_path):
    with _town(tmp_path) as store:
        held = store.read("issues")[["id", "category"]]
        strange = held.loc[held["category"] == "ZZ99", "id"].tolist()
        assert strange
        told = assign_all(store, who="创城办", now=NOON)
        assert told.foreign == {"ZZ99": strange}
        assert told.taken_up == len(held) - len(strange) > 0
        assert {case.issue for case in Ledger(store).cases()} == set(held["id"]) - set(strange)
        assert set(strange) <= set(store.read("issues")["id"])


def test_all_categories_without_a_unit_are_refused_at_once():
    nobodys = replace(BOOK, units={name: unit for name, unit in BOOK.units.items() if name != "sanitation"})
    with pytest.raises(DesignError) as caught:
        require_departments(["HJ01", "SS02", "HJ02", "HJ01"], nobodys)
    assert caught.value.code == "category_without_unit"
    assert (caught.value.facts["count"], caught.value.facts["categories"]) == (2, "HJ01, HJ02")


def test_a_bureau_that_runs_a_site_itself_stands_once():
    hall = replace(MARKET, owner="市市场监管局")
    told = decide("HJ02", hall, "market-01")
    assert (told.lead_unit, told.responsible) == ("market_reg", "市市场监管局")
    assert told.joint_units == ("subdistrict",)
    # the department of the item leads, and the bureau that runs the place joins under its own name
    around = decide("SR01", hall, "market-14")
    assert around.lead_unit == "city_mgmt"
    assert "market_reg" in around.joint_units
    assert "site_owner" not in around.joint_units


# ------------------------------------------------------------------ overrides


def test_the_most_specific_override_wins_and_of_equal_ones_the_newest():
    held = [
        override(1, "city_mgmt", category="HJ01"),
        override(2, "police", area="420106003"),
        override(3, "transport", area="420106003002"),
        override(4, "culture", site="B1"),
        override(5, "railway", category="HJ01", hours=2),
        override(6, "education", site="B1", category="HJ01"),
    ]
    at_b1 = replace(NOWHERE, site="B1")
    assert decide("HJ01", at_b1, None, *held).lead_unit == "education"
    assert decide("HJ02", at_b1, None, *held).lead_unit == "culture"
    assert decide("HJ01", NOWHERE, None, *held).lead_unit == "transport"  # the finer area
    assert decide("HJ01", replace(NOWHERE, areas=("420106", "420106003")), None, *held).lead_unit == "police"
    away = replace(NOWHERE, areas=())
    assert decide("HJ01", away, None, *held).lead_unit == "railway"  # newer than city_mgmt
    assert decide("HJ02", away, None, *held).lead_unit == "sanitation"
    assert decide("HJ01", away, None, *held).why == "override_category"


def test_an_override_goes_before_item_and_boundary_and_one_taken_back_does_not_count():
    one = override(1, "housing", category="XF01")
    told = decide("XF01", COMPOUND, "compound-02", one)
    assert (told.lead_unit, told.why, told.override) == ("housing", "override_category", 1)
    assert set(told.joint_units) == {"fire", "property", "subdistrict"}
    with_joint = replace(one, joint_units=("police",))
    assert units(decide("XF01", COMPOUND, "compound-02", with_joint)) == ("housing", "police", "subdistrict")
    gone = replace(one, removed_at=NOON)
    assert decide("XF01", COMPOUND, "compound-02", gone).lead_unit == "fire"


def test_an_override_of_a_unit_nobody_knows_is_refused():
    with pytest.raises(DesignError) as caught:
        decide("XF01", COMPOUND, None, override(1, "nobody", category="XF01"))
    assert caught.value.code == "units_unknown"


# ------------------------------------------------------------------ places


def _areas() -> gpd.GeoDataFrame:
    """Two subdistricts, west and east of x = 2000; in the west a community with a grid cell; nested."""

    def box(x1: float, y1: float, x2: float, y2: float) -> shapely.Polygon:
        return shape((x1, y1), (x2, y1), (x2, y2), (x1, y2), kind=shapely.Polygon)

    rows = [
        ("420106", "某区", "district", None, "某区政府", box(-5000, -5000, 20_000, 5000)),
        ("420106001", "西街街道", "subdistrict", "420106", "西街街道办", box(-5000, -5000, 2000, 5000)),
        ("420106002", "东街街道", "subdistrict", "420106", None, box(2000, -5000, 20_000, 5000)),
        ("420106001001", "西一社区", "community", "420106001", "西一居委会", box(-5000, -5000, 1000, 5000)),
        ("420106001001001", None, "grid", "420106001001", None, box(0, -1000, 500, 1000)),
    ]
    names = ("id", "name", "level", "parent", "unit", "geometry")
    return table("areas", [dict(zip(names, row, strict=True)) for row in rows])


def _town(tmp_path, *, bad: bool = True) -> Store:
    store = Store.open(tmp_path / "town.db", create=True)
    held = layers()
    if not bad:
        held["issues"] = held["issues"][held["issues"]["category"] != "ZZ99"].reset_index(drop=True)
    yard = {**anchor("M9", "market", 0, 0), "unit": "九号市场公司",
            "geometry": shape((600, 0), (700, 0), (700, 100), (600, 100), kind=shapely.Polygon)}  # fmt: skip
    held["anchors"] = table("anchors", [
        {**anchor("M1", "market", 0, 0), "unit": "人民市场公司"}, anchor("S1", "school", 0, 700), yard,
        {**anchor("K1", "community", 0, 300), "unit": "西一居委会"},
    ])  # fmt: skip
    add(store, {**held, "areas": _areas()})
    return store


def _lonlat(*spots: tuple[float, float]) -> np.ndarray:
    return np.array([(point.x, point.y) for point in (shape(spot) for spot in spots)])


def test_the_locator_tells_compound_site_subdistrict_community_and_grid_code_as_text(tmp_path):
    with _town(tmp_path) as store:
        locator = Locator(store, BOOK)
        spots = ((320, 15), (650, 50), (1500, 0), (3000, 4000), (-9000, 0))
        inside, yard, street, east, outside = locator.where(_lonlat(*spots), [None] * 5)
    assert (inside.compound, inside.inside_compound, inside.owner) == ("C1", True, "乙单位")
    assert (inside.district, inside.community, inside.grid) == ("西街街道", "西一社区", "420106001001001")
    assert (inside.area_owner, inside.community_owner) == ("西街街道办", "西一居委会")
    assert inside.areas == ("420106", "420106001", "420106001001", "420106001001001")
    assert (yard.inside_site, yard.site_type, yard.owner) == (True, "market", "九号市场公司")
    assert (street.community, street.grid, street.compound) == (None, None, None)
    assert (east.district, east.area_owner) == ("东街街道", "某区政府")  # as its district states it
    assert (outside.district, outside.areas) == (None, ())


@pytest.mark.parametrize(
    ("site", "spot", "site_type", "inside_site", "inside_compound", "owner"),
    [
        ("C1", (9000, 0), "compound", False, True, "乙单位"),  # found at a compound, wherever its point is
        ("B2", (320, 15), "back_alley", False, False, None),  # of the alley, though inside C1
        ("M1", (0, 0), "market", True, False, "人民市场公司"),  # known as a point only: taken at its word
        ("M9", (650, 50), "market", True, False, "九号市场公司"),
        ("M9", (590, 50), "market", False, False, None),  # outside its gate
        ("B2", (650, 50), "back_alley", False, False, None),  # of the alley, though inside M9
        ("K1", (0, 300), "community", False, False, None),  # the committee is no operator of a site
        ("X7", (1500, 0), None, False, False, None),  # a site nobody knows
    ],
)
def test_the_site_an_issue_names_says_where_it_lies(
    tmp_path, site, spot, site_type, inside_site, inside_compound, owner
):
    with _town(tmp_path) as store:
        told = Locator(store, BOOK).where(_lonlat(spot), [site])[0]
    assert (told.site, told.site_type) == (site, site_type)
    assert (told.inside_site, told.inside_compound, told.owner) == (inside_site, inside_compound, owner)


def test_a_town_without_areas_and_sites_still_has_places(tmp_path):
    with Store.open(tmp_path / "empty.db", create=True) as store:
        told = Locator(store, BOOK).where(_lonlat((0, 0)), [None])[0]
    assert (told.district, told.grid, told.compound, told.areas) == (None, None, None, ())


# ------------------------------------------------------------------ use cases and commands


def test_imported_issues_are_taken_up_and_assigned_once(tmp_path):
    with _town(tmp_path, bad=False) as store:
        tried = assign_all(store, who="创城办", now=NOON, dry_run=True)
        assert Ledger(store).cases() == []
        told = assign_all(store, who="创城办", now=NOON)
        again = assign_all(store, who="创城办", now=NOON + timedelta(hours=1))
        cases = {case.issue: case for case in Ledger(store).cases()}
    assert (told.taken_up, told.assigned) == (9, 9)
    assert (tried.taken_up, tried.assigned, tried.dry_run) == (9, 9, True)
    assert (tried.by_unit, tried.by_why) == (told.by_unit, told.by_why)
    assert (again.taken_up, again.assigned) == (0, 0)
    assert (cases["I2"].lead_unit, cases["I2"].responsible) == ("property", "乙单位")  # inside C1
    assert cases["I2"].joint_units == ("housing", "fire", "subdistrict")
    assert (cases["I4"].lead_unit, cases["I4"].why) == ("sanitation", "category")
    assert (cases["I6"].lead_unit, cases["I6"].responsible) == ("site_owner", "人民市场公司")


def test_an_issue_assigned_by_hand_tells_before_and_after_and_stays(tmp_path):
    with _town(tmp_path, bad=False) as store:
        assign_all(store, who="创城办", now=NOON)
        later = NOON + timedelta(hours=1)
        case = assign_issue(
            store, "I4", lead="城管", joint=["公安局", "housing"], why="现场会定", who="督查室", now=later
        )
        assert (case.lead_unit, case.joint_units, case.why) == ("city_mgmt", ("police", "housing"), "by_hand")
        event = Ledger(store).history("I4")[-1]
        assert (event.action, event.who, event.note, event.at) == ("assigned", "督查室", "现场会定", later)
        assert event.changes["lead_unit"] == ["sanitation", "city_mgmt"]
        assert event.changes["joint_units"] == [["subdistrict"], ["police", "housing"]]
        overrides.add(store, lead="landscape", why="分工调整", who="创城办",
                      now=later, category="HJ01")  # fmt: skip
        told = assign_all(store, who="创城办", now=later, again=True)
        cases = {case.issue: case for case in Ledger(store).cases()}
    assert cases["I4"].lead_unit == "city_mgmt"  # by hand: not touched
    assert (cases["I3"].lead_unit, cases["I3"].why) == ("landscape", "override_category")
    assert told.by_why == {"override_category": 1}


def test_an_unknown_issue_or_unit_is_refused_with_all_that_is_wrong(tmp_path):
    with _town(tmp_path, bad=False) as store:
        with pytest.raises(NotFoundError):
            assign_issue(store, "I4", lead="城管", why="x", who="y", now=NOON)
        assign_all(store, who="创城办", now=NOON)
        with pytest.raises(DesignError) as caught:
            assign_issue(store, "I4", lead="无此局", joint=["甲", "城管"], why=" ", who="y", now=NOON)
        assert caught.value.facts["count"] == 3
        assert "无此局" in caught.value.facts["told"]
        assert Ledger(store).case("I4").lead_unit == "sanitation"


def test_overrides_are_kept_when_they_are_taken_back(tmp_path):
    with _town(tmp_path) as store:
        one = overrides.add(
            store, lead="城管", joint=["police"], why="专班", who="创城办", now=NOON, area="西街街道"
        )
        assert (one.area, one.lead_unit, one.joint_units) == ("420106001", "city_mgmt", ("police",))
        assert overrides.overrides(store) == [one]
        gone = overrides.remove(store, one.id, now=NOON + timedelta(days=1))
        assert overrides.overrides(store) == []
        assert overrides.overrides(store, removed=True) == [gone]
        with pytest.raises(DesignError, match="already"):
            overrides.remove(store, one.id, now=NOON)
        with pytest.raises(NotFoundError):
            overrides.remove(store, 99, now=NOON)


def test_an_override_with_faults_is_refused_with_all_of_them(tmp_path):
    with _town(tmp_path) as store:
        with pytest.raises(DesignError) as caught:
            overrides.add(
                store,
                lead="无此局",
                why="",
                who="创城办",
                now=NOON,
                category="ZZ1",
                site="没有",
                area="没有街道",
            )
        assert caught.value.facts["count"] == 5
        with pytest.raises(DesignError) as caught:
            overrides.add(store, lead="城管", why="x", who="创城办", now=NOON)
        assert caught.value.facts["count"] == 1
        assert overrides.overrides(store, removed=True) == []


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with _town(tmp_path, bad=False):
        pass
    (tmp_path / "town.db").rename(tmp_path / "zhoubian.db")
    return tmp_path


def test_the_commands_assign_and_keep_decisions(here, capsys):
    code, out, err = run(capsys, "assign", "--dry-run", "--json")
    assert code == 0, err
    assert json.loads(out)["taken_up"] == 9
    code, out, _ = run(capsys, "--lang", "zh", "assign")
    assert code == 0
    assert "纳入跟踪 9 个" in out
    code, out, _ = run(capsys, "--lang", "en", "assign", "I4", "--lead", "城管", "--joint", "公安局，住建局",
                       "--why", "现场会")  # fmt: skip
    assert code == 0
    assert "city management bureau" in out
    code, out, _ = run(capsys, "override", "--category", "HJ01", "--lead", "城管", "--why", "专班", "--json")
    assert code == 0
    number = json.loads(out)[0]["id"]
    assert "专班" in run(capsys, "--lang", "zh", "override")[1]
    assert run(capsys, "override", "--remove", number)[0] == 0
    assert json.loads(run(capsys, "override", "--json")[1]) == []
    assert len(json.loads(run(capsys, "override", "--all", "--json")[1])) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("assign", "I4"),
        ("assign", "--lead", "城管"),
        ("assign", "没有", "--lead", "城管", "--why", "x"),
        ("override", "--category", "HJ01"),
        ("override", "--remove", "7"),
        ("override", "--lead", "城管", "--remove", "1", "--why", "x"),
    ],
)
def test_the_commands_refuse_in_one_sentence(here, capsys, arguments):
    refused(capsys, *arguments)
