"""Issues are taken up, adopted, worked on and ticked: all of it or nothing."""

import json
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from follow_town import OFFICE, at, founded, imported, new, taken

from geo.errors import DesignError, NotFoundError
from layers import tables
from layers.ledger import Ledger, folded
from layers.store import Store
from service.usecases import issue_entry
from service.usecases.issue_actions import act, act_all
from service.usecases.issue_book import adopt, take_up
from service.usecases.tick import tick


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    return founded(tmp_path_factory.mktemp("follow") / "村.db").read_bytes()


@pytest.fixture
def store(town, tmp_path):
    path = Path(tmp_path / "村.db")
    path.write_bytes(town)
    with Store.open(path, create=False) as opened:
        yield opened


def row(store, issue):
    return store.read("issues").set_index("id").loc[issue]


def actions(store, issue):
    return [event.action for event in Ledger(store).history(issue)]


def ticks(store):
    with store.reading() as connection:
        return [(told, counts) for _, told, counts in connection.execute(tables.ticks.select())]


# ------------------------------------------------------------------------------------------ taking up


def test_what_was_found_becomes_a_row_a_case_a_history_and_a_white_card(store):
    (case,) = taken(store, new("P1", note="垃圾外溢", count=2, photos=("一.jpg",)))
    assert (case.state, case.colour, case.deadline) == ("carded", "white", at("05-06 17:00"))
    assert (case.lead_unit, case.joint_units, case.district) == ("sanitation", ("subdistrict",), "东街")
    assert actions(store, "P1") == ["found", "assigned", "carded"]
    assert Ledger(store).case("P1") == folded("P1", Ledger(store).history("P1")) == case
    found = row(store, "P1")
    assert (found["category"], found["site"], found["count"], found["note"], found["state"]) == (
        "HJ01", "B1", 2, "垃圾外溢", "carded",
    )  # fmt: skip
    assert (found["found_at"], found["deadline"]) == (
        pd.Timestamp(at("05-06 11:00")), pd.Timestamp(at("05-06 17:00")),
    )  # fmt: skip


def test_a_list_that_is_taken_up_is_one_batch_with_its_origin(store):
    taken(store, new("P1"), new("P2", "SR01"))
    batch = store.batches()[-1]
    assert (batch.kind, batch.source, batch.counts["issues"]["accepted"], batch.counts["issues"]["new"]) == (
        "follow_up", "巡查", 2, 2,
    )  # fmt: skip


def test_nothing_found_is_nothing_stored(store):
    before = len(store.batches())
    assert taken(store) == []
    assert len(store.batches()) == before


def test_the_inspector_who_knows_the_mission_and_the_item_is_believed(store):
    (case,) = taken(
        store,
        new(
            "轮1/B1/4", "SS02", source="mission", mission="轮1", item="back_alley-04", site_type="back_alley"
        ),
    )
    assert (case.mission, case.item, case.site_type, case.lead_unit) == (
        "轮1", "back_alley-04", "back_alley", "municipal",
    )  # fmt: skip


def test_what_was_mended_during_the_visit_is_closed(store):
    (case,) = taken(store, new("P1", fixed_on_site=True))
    assert (case.state, case.colour, case.closed_at) == ("closed", None, at("05-06 11:00"))
    assert actions(store, "P1") == ["found", "assigned", "fixed_on_site", "closed"]
    assert row(store, "P1")["state"] == "closed"


def test_all_faults_of_all_issues_are_told_and_nothing_is_stored(store):
    taken(store, new("P1"))
    wrong = [
        new("P1"), new("P2", "ZZ99"), new("P3", "ZZ98"), new("P4", place=(90_000, 0)),
        new("P5", found="05-06 12:01"), new("P6"), new("P6"),
    ]  # fmt: skip
    batches = len(store.batches())
    with pytest.raises(DesignError) as error:
        taken(store, *wrong)
    facts = error.value.facts
    assert (error.value.code, facts["count"], facts["of"]) == ("issues_refused", 6, 7)
    assert facts["category"] == "P2 (ZZ99), P3 (ZZ98)"
    assert facts["twice"] == "P1, P6"
    assert facts["outside"].startswith("P4 (")
    assert facts["future"] == "P5 (2026-05-06 12:01)"
    assert [case.issue for case in Ledger(store).cases()] == ["P1"]
    assert (len(store.batches()), store.count("issues")) == (batches, 1)


def test_an_issue_far_from_everything_is_taken_up_where_the_store_knows_no_place(tmp_path):
    with Store.open(tmp_path / "空.db", create=True) as empty:
        assert taken(empty, new("P1", place=(90_000, 0)))[0].state == "carded"


def test_a_transaction_that_fails_later_takes_the_issues_with_it(store):
    with pytest.raises(ZeroDivisionError), store.writing() as connection:
        take_up(store, [new("P1")], origin="轮1", who=OFFICE, now=at("05-06 12:00"), connection=connection)
        1 / 0  # noqa: B018
    assert Ledger(store).cases() == []
    assert store.count("issues") == 0


# ----------------------------------------------------------------------------------------- recurrence


@pytest.mark.parametrize(
    ("found", "colour"),
    [("06-05 23:59", "yellow"), ("06-06 00:00", "white")],  # closed on 6 May: day 30, day 31
)
def test_the_same_at_the_same_site_within_thirty_days_opens_at_yellow(store, found, colour):
    taken(store, new("P1", fixed_on_site=True))
    (case,) = taken(store, new("P2", found=found), now="06-06 08:00")
    assert (case.colour, case.recurs) == (colour, "P1" if colour == "yellow" else None)


def test_another_category_or_another_site_is_no_recurrence(store):
    taken(store, new("P1", fixed_on_site=True))
    cases = taken(store, new("P2", "HJ04"), new("P3", site="B2"))
    assert [(case.colour, case.recurs) for case in cases] == [("white", None), ("white", None)]


def test_a_withdrawn_issue_is_not_repeated(store):
    taken(store, new("P1", fixed_on_site=True))
    act(store, "P1", "withdraw", who=OFFICE, now=at("05-06 13:00"))
    assert taken(store, new("P2", found="05-06 14:00"), now="05-06 14:00")[0].recurs is None


# ------------------------------------------------------------------------------------------- adoption


def test_an_imported_list_is_adopted_as_it_stands(store):
    imported(store, [
        {"id": "F1", "state": "found"},
        {"id": "F2", "deadline": "05-20 18:00"},
        {"id": "F3", "state": "carded", "category": "SR07"},
        {"id": "F4", "state": "reported_fixed", "deadline": "05-08 18:00"},
        {"id": "F5", "state": "closed", "closed_at": "05-07 10:00", "deadline": "05-07 09:00"},
        {"id": "F6", "closed_at": "05-07 10:00"},
        {"id": "F7", "state": "suspended", "deadline": "05-08 18:00"},
        {"id": "F8", "state": "fixed_on_site"},
        {"id": "F9", "state": "found", "category": "JT03"},
    ])  # fmt: skip
    cases = adopt(store, who=OFFICE, now=at("05-10 09:00"))
    told = {
        case.issue: (case.state, case.colour, case.deadline, case.first_deadline, case.closed_at)
        for case in cases
    }
    own, stated = at("05-06 17:00"), at("05-08 18:00")
    assert told == {
        "F1": ("carded", "white", own, own, None),
        "F2": ("carded", "white", at("05-20 18:00"), at("05-20 18:00"), None),
        "F3": ("carded", "white", at("05-12 18:00"), at("05-12 18:00"), None),
        "F4": ("reported_fixed", "white", stated, stated, None),
        "F5": ("closed", None, at("05-07 09:00"), at("05-07 09:00"), at("05-07 10:00")),
        "F6": ("closed", None, None, None, at("05-07 10:00")),
        "F7": ("suspended", "white", stated, stated, None),
        "F8": ("fixed_on_site", None, None, None, None),
        "F9": ("closed", None, at("05-06 11:00"), at("05-06 11:00"), at("05-06 11:00")),
    }
    assert all(actions(store, issue) == ["adopted"] for issue in told)
    assert row(store, "F1")["state"] == "carded"
    assert adopt(store, who=OFFICE, now=at("05-10 09:00")) == []


def test_the_colours_of_an_adopted_issue_come_with_the_tick_from_its_stated_deadline_on(store):
    imported(store, [{"id": "F1", "deadline": "05-08 18:00", "found_at": "04-01 09:00"}])
    adopt(store, who=OFFICE, now=at("05-08 19:00"))
    assert Ledger(store).case("F1").colour == "white"
    tick(store, now=at("05-08 19:00"))
    case = Ledger(store).case("F1")
    # yellow from Friday 18:00: 4 wh on the worked Saturday
    assert (case.colour, case.due_from, case.deadline) == ("yellow", at("05-08 18:00"), at("05-09 12:00"))


def test_only_the_named_issues_are_adopted(store):
    imported(store, [{"id": "F1"}, {"id": "F2"}])
    assert [case.issue for case in adopt(store, who=OFFICE, now=at("05-10 09:00"), issues=["F2"])] == ["F2"]


def test_an_issue_that_was_closed_when_it_was_found_does_not_repeat_itself(store):
    imported(store, [{"id": "F1", "site": "B1", "closed_at": "05-06 11:00"}])
    adopt(store, who=OFFICE, now=at("05-10 09:00"))
    assert Ledger(store).case("F1").recurs is None


def test_a_unit_that_the_list_names_goes_before_the_rules(store):
    imported(store, [
        {"id": "F1", "unit": "城管局"}, {"id": "F2", "unit": "东街清运队"}, {"id": "F3", "unit": None},
    ])  # fmt: skip
    adopt(store, who=OFFICE, now=at("05-10 09:00"))
    told = {case.issue: (case.lead_unit, case.responsible, case.why) for case in Ledger(store).cases()}
    assert told == {
        "F1": ("city_mgmt", None, "by_hand"),
        "F2": ("sanitation", "东街清运队", "category"),
        "F3": ("sanitation", None, "category"),
    }
    assert row(store, "F1")["unit"] == "城管局"


def test_a_repeat_inside_one_list_is_linked(store):
    imported(store, [
        {"id": "F1", "site": "B1", "closed_at": "05-07 10:00"},
        {"id": "F2", "site": "B1", "found_at": "05-09 09:00"},
    ])  # fmt: skip
    adopt(store, who=OFFICE, now=at("05-10 09:00"))
    case = Ledger(store).case("F2")
    assert (case.recurs, case.colour) == ("F1", "yellow")
    assert Ledger(store).case("F1").recurs is None


@pytest.mark.parametrize("state", ["found", "carded", "reported_fixed"])
def test_a_deadline_outside_the_work_calendar_is_refused_before_any_tick_meets_it(store, state):
    imported(store, [{"id": "F1", "state": state, "deadline": "05-08 18:00"}])
    imported(store, [{"id": "F2", "state": state, "deadline": "05-08 18:00"}])
    with store.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE issues SET deadline = '2019-05-08T18:00:00.000000+08:00' WHERE id = 'F2'"
        )
    with pytest.raises(DesignError) as error:
        adopt(store, who=OFFICE, now=at("05-10 09:00"))
    assert (error.value.code, error.value.facts["day"]) == ("calendar_ends", "2019-05-08")
    assert Ledger(store).cases() == []


def test_one_unknown_category_keeps_the_whole_list_out(store):
    imported(store, [{"id": "F1"}, {"id": "F2", "category": "ZZ99"}])
    with pytest.raises(DesignError) as error:
        adopt(store, who=OFFICE, now=at("05-10 09:00"))
    assert error.value.facts["category"] == "F2 (ZZ99)"
    assert Ledger(store).cases() == []


def test_a_list_that_comes_again_does_not_overrule_the_history(store):
    imported(store, [{"id": "F1"}])
    adopt(store, who=OFFICE, now=at("05-06 12:00"))
    act(store, "F1", "report", who=OFFICE, now=at("05-06 13:00"))
    imported(store, [{"id": "F1", "state": "found"}, {"id": "F2"}], update=True)
    assert [case.issue for case in adopt(store, who=OFFICE, now=at("05-06 14:00"))] == ["F2"]
    assert row(store, "F1")["state"] == "reported_fixed"


# -------------------------------------------------------------------------------------------- actions


def test_an_issue_goes_from_its_card_to_its_end(store):
    taken(store, new("P1"))
    for action, hour, facts in (
        ("report", 13, {}), ("recheck", 14, {"passed": False}), ("report", 15, {}),
        ("recheck", 16, {"passed": True}), ("close", 17, {}),
    ):  # fmt: skip
        case = act(store, "P1", action, who=OFFICE, now=at(f"05-06 {hour}:00"), **facts)
    assert (case.state, case.colour, case.rework) == ("closed", "yellow", 1)
    assert actions(store, "P1")[3:] == [
        "reported_fixed",
        "failed",
        "raised",
        "reported_fixed",
        "rechecked",
        "closed",
    ]
    assert folded("P1", Ledger(store).history("P1")) == case
    assert row(store, "P1")["closed_at"] == pd.Timestamp(at("05-06 17:00"))


def test_an_action_first_raises_the_card_that_fell_due_before_it(store):
    taken(store, new("P1"))
    case = act(store, "P1", "report", who=OFFICE, now=at("05-07 09:00"))
    assert (case.state, case.colour) == ("reported_fixed", "yellow")
    events = Ledger(store).history("P1")
    assert [(event.at, event.action) for event in events[3:]] == [
        (at("05-06 17:00"), "raised"), (at("05-07 09:00"), "reported_fixed"),
    ]  # fmt: skip
    assert {event.recorded_at for event in events[3:]} == {at("05-07 09:00")}


def test_what_was_done_earlier_is_written_down_with_both_times(store):
    taken(store, new("P1"))
    case = act(store, "P1", "report", who="环卫", now=at("05-07 09:00"), at=at("05-06 16:00"), note="已清")
    event = Ledger(store).history("P1")[-1]
    assert (case.colour, case.reported_at) == ("white", at("05-06 16:00"))
    assert (event.at, event.recorded_at, event.who, event.note) == (
        at("05-06 16:00"), at("05-07 09:00"), "环卫", "已清",
    )  # fmt: skip


def test_several_issues_are_done_all_or_none(store):
    taken(store, new("P1"), new("P2", site="B2"), new("P3", site="C1", fixed_on_site=True))
    with pytest.raises(DesignError) as error:
        act_all(store, ["P1", "P2", "P3"], "report", who=OFFICE, now=at("05-06 13:00"))
    assert (error.value.code, [fault.code for fault in error.value.facts["reasons"]]) == (
        "issues_refuse", ["issue_closed"],
    )  # fmt: skip
    assert Ledger(store).case("P1").state == "carded"
    done = act_all(store, ["P2", "P1"], "report", who=OFFICE, now=at("05-06 13:00"))
    assert [(case.issue, case.state) for case in done] == [("P2", "reported_fixed"), ("P1", "reported_fixed")]


def test_unknown_issues_are_told_together(store):
    taken(store, new("P1"))
    with pytest.raises(NotFoundError) as error:
        act_all(store, ["P1", "X1", "X2"], "report", who=OFFICE, now=at("05-06 13:00"))
    assert (error.value.code, error.value.facts["named"]) == ("issues_unknown", "X1, X2")


def test_a_withdrawn_issue_leaves_the_layer_and_keeps_its_history(store):
    taken(store, new("P1"), new("P2", site="B2"))
    act(store, "P1", "withdraw", who=OFFICE, now=at("05-06 13:00"), note="表格填错")
    assert store.read("issues")["id"].tolist() == ["P2"]
    assert actions(store, "P1")[-1] == "withdrawn"
    assert tick(store, now=at("05-20 09:00")).issues == ("P2",)


def test_a_merged_issue_leaves_the_layer_and_both_histories_say_so(store):
    taken(store, new("P1"), new("P2"), new("P3"))
    act_all(store, ["P2", "P3"], "merge", into="P1", who=OFFICE, now=at("05-06 13:00"))
    assert store.read("issues")["id"].tolist() == ["P1"]
    assert [Ledger(store).case(issue).merged_into for issue in ("P1", "P2", "P3")] == [None, "P1", "P1"]
    assert [event.note for event in Ledger(store).history("P1")[-2:]] == ["P2", "P3"]


def test_a_correction_changes_what_changed_and_nothing_else(store):
    taken(store, new("P1"), new("P2", site="B2", note="旧"))
    act(store, "P2", "correct", who=OFFICE, now=at("05-06 13:00"), note="重新导入", count=5, site="B2")
    event = Ledger(store).history("P2")[-1]
    assert (event.action, dict(event.changes), event.note) == (
        "corrected", {"count": [1, 5]}, "重新导入",
    )  # fmt: skip
    assert (row(store, "P2")["count"], row(store, "P2")["note"]) == (5, "旧")
    assert folded("P2", Ledger(store).history("P2")) == Ledger(store).case("P2")


@pytest.mark.parametrize(
    ("after", "code"), [({"count": 0}, "correction_count"), ({"colour": "white"}, "correction_field")]
)
def test_a_correction_never_touches_what_became_of_an_issue(store, after, code):
    taken(store, new("P1"))
    with pytest.raises(DesignError) as error:
        act(store, "P1", "correct", who=OFFICE, now=at("05-06 13:00"), **after)
    assert error.value.code == code


# ----------------------------------------------------------------------------------------------- tick


def lived(store, moments):
    taken(
        store,
        new("P1"),
        new("P2", "XF01", site="C1"),
        new("P3", "SR07", site="B2"),
        new("P4", "HJ03", site="M1"),
    )
    act(
        store,
        "P3",
        "suspend",
        who=OFFICE,
        now=at("05-06 13:00"),
        approver="分管领导",
        until=at("05-08 23:59"),
    )
    for moment in moments:
        tick(store, now=at(moment))
    cases = Ledger(store).cases()
    return cases, {
        case.issue: [(e.at, e.action, e.changes) for e in Ledger(store).history(case.issue)] for case in cases
    }


def test_it_does_not_matter_how_often_time_is_looked_at(town, tmp_path):
    told = []
    often = [
        "05-06 13:00",
        "05-06 17:00",
        "05-06 17:01",
        "05-07 12:00",
        "05-07 12:00",
        "05-09 00:00",
        "05-19 09:00",
    ]
    for number, moments in enumerate((["05-19 09:00"], often)):
        path = tmp_path / f"{number}.db"
        path.write_bytes(town)
        with Store.open(path, create=False) as store:
            told.append(lived(store, moments))
    assert told[0] == told[1]
    # P3 stood still from the 6th, 13:00, to the 8th: 44 of its hours were left, until the 15th at noon
    colours = {case.issue: (case.state, case.colour) for case in told[0][0]}
    assert colours == {
        "P1": ("carded", "red"), "P2": ("carded", "red"), "P3": ("carded", "yellow"), "P4": ("carded", "red"),
    }  # fmt: skip


def test_a_second_tick_at_the_same_time_does_nothing(store):
    taken(store, new("P1"))
    first = tick(store, now=at("05-06 17:30"))
    assert (first.looked_at, first.raised, first.issues, first.before) == (1, {"yellow": 1}, ("P1",), None)
    before = Ledger(store).cases(), ticks(store)
    again = tick(store, now=at("05-06 17:30"))
    assert (again.looked_at, again.raised, again.issues, again.before) == (0, {}, (), at("05-06 17:30"))
    assert (Ledger(store).cases(), ticks(store)) == before


def test_a_suspension_ends_with_the_tick_of_its_last_minute(store):
    taken(store, new("P1"))
    end = at("05-08 23:59")
    act(store, "P1", "suspend", who=OFFICE, now=at("05-06 12:00"), approver="分管领导", until=end)
    assert tick(store, now=end - timedelta(minutes=1)).resumed == 0
    assert tick(store, now=end).resumed == 1
    assert Ledger(store).case("P1").deadline == at("05-09 11:00")  # 3 of 4 wh, on the worked Saturday


def test_each_tick_is_kept_with_what_it_did(store):
    taken(store, new("P1"))
    tick(store, now=at("05-06 16:00"))
    tick(store, now=at("05-07 12:00"))
    assert ticks(store) == [
        ("2026-05-06T16:00:00.000000+08:00", {"looked_at": 0, "raised": {}, "resumed": 0}),
        (
            "2026-05-07T12:00:00.000000+08:00",
            {"looked_at": 1, "raised": {"yellow": 1, "red": 1}, "resumed": 0},
        ),
    ]


def test_a_clock_that_went_back_is_refused_and_changes_nothing(store):
    taken(store, new("P1"))
    tick(store, now=at("05-07 12:00"))
    before = Ledger(store).cases(), ticks(store)
    with pytest.raises(DesignError) as error:
        tick(store, now=at("05-07 11:59"))
    assert error.value.code == "tick_back"
    assert (Ledger(store).cases(), ticks(store)) == before


def test_a_clock_that_leaped_ahead_has_to_be_confirmed(store):
    taken(store, new("P1"))
    leap = at("05-06 12:00") + timedelta(days=31, seconds=1)
    with pytest.raises(DesignError) as error:
        tick(store, now=leap)
    assert (error.value.code, error.value.facts["days"]) == ("tick_jump", 31)
    assert Ledger(store).case("P1").colour == "white"
    assert tick(store, now=leap, anyway=True).raised == {"yellow": 1, "red": 1}


def test_an_empty_store_may_be_ticked_at_any_time(store):
    assert tick(store, now=at("12-01 12:00")).looked_at == 0


def test_a_tick_reads_no_card_that_cannot_rise_any_more(store):
    taken(store, new("P1"))
    tick(store, now=at("05-20 12:00"))
    assert tick(store, now=at("05-21 12:00")).looked_at == 0


# ------------------------------------------------------------------------------------ entering by hand


def test_characters_that_no_file_keeps_are_not_taken_up(store):
    case = taken(store, new("A\x00B\n1", note="满\x0b溢\x00", photos=("甲\x07.jpg", " ")))[0]
    assert (case.issue, case.note, case.photos) == ("AB 1", "满溢", ("甲.jpg",))
    told = act(store, "AB 1", "note", who=OFFICE, now=at("05-06 12:30"), note="已\x1b通知")
    assert Ledger(store).history(told.issue)[-1].note == "已通知"
    assert tick(store, now=at("05-08 12:00")).issues == ("AB 1",)


def test_an_issue_entered_by_hand_gets_the_next_number_of_its_day(store):
    told = {"who": OFFICE, "now": at("05-06 12:00"), "site": "M1"}
    numbers = [issue_entry.enter(store, "hj01", **told).issue for _ in range(2)]
    assert numbers == ["20260506-001", "20260506-002"]
    case = Ledger(store).case("20260506-001")
    assert (case.site, case.site_type, case.category) == ("M1", "market", "HJ01")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "issue_place"), ({"lon": 114.0}, "issue_place"), ({"site": "X9"}, "site_not_stored"),
        ({"site": "M1", "source": "rumour"}, "filter_value"),
    ],
)  # fmt: skip
def test_an_issue_without_a_place_or_a_source_is_refused(store, given, code):
    with pytest.raises((DesignError, NotFoundError)) as error:
        issue_entry.enter(store, "HJ01", who=OFFICE, now=at("05-06 12:00"), **given)
    assert error.value.code == code


def test_the_history_of_an_office_is_json_that_others_can_read(store):
    taken(store, new("P1"))
    with store.reading() as connection:
        told = connection.exec_driver_sql("SELECT changes FROM events WHERE action = 'carded'").scalar_one()
    assert json.loads(told)["colour"] == [None, "white"]
