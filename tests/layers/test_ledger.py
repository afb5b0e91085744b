"""Cases and their history: only added to, never out of step with each other or with the layer."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from geo.errors import NotFoundError, StoreError
from layers import tables
from layers.batches import NewBatch
from layers.ledger import Case, Event, Ledger, changed, folded, followed, opened
from layers.schema import conform
from layers.store import Store

CHINA = timezone(timedelta(hours=8))
FOUND = datetime(2026, 5, 6, 11, 0, tzinfo=CHINA)


def hours(number):
    return FOUND + timedelta(hours=number)


def issues(*ids, **columns):
    values = {"id": list(ids), "category": "HJ01", "found_at": pd.Timestamp(FOUND), **columns}
    table = gpd.GeoDataFrame(values, geometry=[shapely.Point(114.0, 30.5)] * len(ids), crs="EPSG:4326")
    return conform(table, "issues")


def add(store, table, update=False):
    batch = NewBatch(
        source="反馈.xlsx", sha256="ab" * 32, imported_at=FOUND.isoformat(), kind="issues",
        counts={"issues": {"read": len(table)}},
    )  # fmt: skip
    return store.add({"issues": table}, batch, {}, update=update)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "市.db", create=True) as made:
        add(made, issues("I1", "I2", unit="城管局"))
        yield made


def new(issue="I1", **more):
    case = Case(
        issue=issue, category="HJ01", source="patrol", found_at=FOUND, rules="2026.1", lon=114.0, lat=30.5,
        **more,
    )  # fmt: skip
    return opened(case, at=FOUND, recorded_at=FOUND, who="创城办")


def stored(store, issue="I1"):
    case, event = new(issue)
    Ledger(store).write([case], [event])
    return case


def step(case, hour, **after):
    told = {"at": hours(hour), "recorded_at": hours(hour), "who": "创城办", "action": "carded"}
    return changed(case, **told, **after)


FULL = {
    "state": "suspended", "count": 3, "severity": 2, "rework": 1, "mission": "第一轮", "site": "M1",
    "site_type": "market", "item": "market-01", "lead_unit": "sanitation",
    "joint_units": ("city_mgmt", "subdistrict"), "responsible": "环卫一队", "district": "东街",
    "community": "槐树社区", "grid": "420106001001007", "why": "category", "colour": "yellow",
    "approver": "分管领导", "recurs": "I0", "note": "=1+1", "left_s": 3600, "due_from": hours(1),
    "deadline": hours(2), "first_deadline": hours(3), "reported_at": hours(4), "suspended_at": hours(5),
    "suspended_until": hours(30), "photos": ("一.jpg", "二 2.jpg"),
}  # fmt: skip


def test_a_case_comes_back_as_it_was_stored(store):
    case, event = new(**FULL)
    Ledger(store).write([case], [event])
    assert Ledger(store).case("I1") == replace(case, revision=1)
    assert Ledger(store).history("I1") == [event]


def test_the_history_folds_into_the_case(store):
    ledger = Ledger(store)
    case, first = new()
    case, second = step(case, 1, **{name: value for name, value in FULL.items() if name != "note"})
    case, third = step(case, 2, photos=(), approver=None, left_s=None, suspended_until=None, joint_units=())
    ledger.write([case], [first, second, third])
    assert folded("I1", ledger.history("I1")) == case == ledger.case("I1")
    assert case.revision == 3


def test_an_event_tells_only_what_changed():
    case, _ = new()
    _, event = step(case, 1, state="carded", count=1, colour="white", deadline=hours(6))
    assert event.changes == {
        "state": ["found", "carded"],
        "colour": [None, "white"],
        "deadline": [None, "2026-05-06T17:00:00.000000+08:00"],
    }


def test_the_same_moment_in_another_zone_is_no_change():
    case, _ = new(deadline=hours(6))
    _, event = step(case, 1, deadline=hours(6).astimezone(UTC))
    assert event.changes == {}


@pytest.mark.parametrize("statement", ["UPDATE events SET who = '别人'", "DELETE FROM events"])
def test_the_store_refuses_to_change_or_delete_a_line_of_the_history(store, statement):
    stored(store)
    with pytest.raises(Exception, match="events is a history: rows are only added"), store.writing() as open_:
        open_.exec_driver_sql(statement)
    assert len(Ledger(store).history("I1")) == 1


def test_a_change_to_what_somebody_else_has_changed_is_refused_and_nothing_stored(store):
    ledger = Ledger(store)
    read, other = stored(store), stored(store, "I2")
    ahead, event = step(read, 1, state="carded")
    ledger.write([ahead], [event])
    late, late_event = step(read, 2, state="suspended")
    fine, fine_event = step(other, 2, state="carded")
    with pytest.raises(StoreError) as error:
        ledger.write([fine, late], [fine_event, late_event])
    assert (error.value.code, error.value.facts["first"]) == ("issue_changed", "I1")
    assert ledger.case("I1") == ahead
    assert ledger.case("I2") == other
    assert [len(ledger.history(issue)) for issue in ("I1", "I2")] == [2, 1]


def test_the_layer_follows_the_case(store):
    case = stored(store)
    after = {"state": "closed", "closed_at": hours(9), "deadline": hours(6), "responsible": "环卫一队"}
    case, event = step(replace(case, note="清运"), 1, count=4, **after)
    event = replace(event, changes={**event.changes, "note": [None, "清运"]})
    Ledger(store).write([case], [event])
    row = store.read("issues").set_index("id").loc["I1"]
    assert (row["state"], row["count"], row["note"], row["unit"]) == ("closed", 4, "清运", "环卫一队")
    assert (row["closed_at"], row["deadline"]) == (pd.Timestamp(hours(9)), pd.Timestamp(hours(6)))


def test_the_layer_keeps_its_unit_where_the_case_names_no_body(store):
    stored(store)
    assert store.read("issues").set_index("id").loc["I1", "unit"] == "城管局"


def test_a_change_of_a_case_changes_the_version_of_the_layer(store):
    before = store.data_version(["issues"])
    stored(store)
    assert store.data_version(["issues"]) != before


def test_a_batch_whose_issues_are_followed_cannot_be_undone(store):
    stored(store)
    with pytest.raises(StoreError) as error:
        store.undo(1, FOUND.isoformat())
    assert (error.value.code, error.value.facts["count"]) == ("batch_followed", 1)
    assert store.count("issues") == 2


def test_a_later_list_does_not_overrule_the_history(store):
    case = stored(store)
    case, event = step(case, 1, state="closed", closed_at=hours(9))
    Ledger(store).write([case], [event])
    late = {"found_at": pd.Timestamp(hours(3)), "category": "SS01", "note": "重报", "site": "B9"}
    add(store, issues("I1", "I2", state="carded", count=7, **late), update=True)
    rows = store.read("issues").set_index("id")  # I2 is not followed
    assert rows["state"].to_dict() == {"I1": "closed", "I2": "carded"}
    assert rows["count"].to_dict() == {"I1": 1, "I2": 7}
    assert rows["found_at"].to_dict() == {"I1": pd.Timestamp(FOUND), "I2": pd.Timestamp(hours(3))}
    assert rows["category"].to_dict() == {"I1": "HJ01", "I2": "SS01"}
    assert rows["note"].fillna("").to_dict() == {"I1": "", "I2": "重报"}
    assert rows["site"].fillna("").to_dict() == {"I1": "", "I2": "B9"}


@pytest.mark.parametrize("after", [{"withdrawn_at": hours(1)}, {"merged_into": "I2"}])
def test_what_counts_nowhere_is_not_in_the_layer_and_its_history_stays(store, after):
    case, event = step(stored(store), 1, **after)
    Ledger(store).write([case], [event])
    assert store.read("issues")["id"].tolist() == ["I2"]
    assert Ledger(store).case("I1") == case
    add(store, issues("I1"))  # the list comes again
    with store.reading() as connection:
        assert followed(connection, ["I1", "I2", "I3"]) == {"I1"}
    assert store.read("issues")["id"].tolist() == ["I2"]


def test_several_cases_are_found_by_name_inside_a_transaction(store):
    ledger = Ledger(store)
    case, event = new("I2")
    with store.writing() as connection:
        ledger.write([case], [event], connection)
        assert [found.issue for found in ledger.named(connection, ["I1", "I2"])] == ["I2"]


def test_an_unknown_issue_is_told(store):
    with pytest.raises(NotFoundError) as error:
        Ledger(store).case("I9")
    assert error.value.code == "issue_unknown"


def test_cases_come_by_the_time_they_were_found(store):
    stored(store, "I2")
    stored(store, "I1")
    assert [case.issue for case in Ledger(store).cases()] == ["I1", "I2"]
    assert [case.issue for case in Ledger(store).cases(tables.cases.c.issue == "I2")] == ["I2"]


def test_a_history_without_events_is_none():
    assert Event(issue="I1", at=FOUND, recorded_at=FOUND, who="创城办", action="noted").changes == {}
