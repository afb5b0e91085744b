"""All that is wrong with a rule book is told at once, each fault with its place."""

from __future__ import annotations

import copy
from datetime import date

import pytest

from layers.rule_tables import Places, shipped
from service.i18n import fault_text
from service.supervision.rule_bulletin_faults import MISSION_KINDS, PERIODS
from service.supervision.rule_faults import RulesUnsoundError, faults, warnings
from service.supervision.rulebook import build
from service.usecases import missions, periods


@pytest.fixture
def book():
    return copy.deepcopy(shipped())


def row(book, table, key):
    return next(one for one in book[table] if key in one.values())


def told(book):
    return [(one.facts["table"], one.column, one.code) for one in faults(book)]


def test_bulletins_know_the_kinds_of_missions_and_periods_that_there_are():
    assert (set(MISSION_KINDS), PERIODS) == (set(missions.KINDS), periods.PRESETS)


def test_the_shipped_book_is_sound():
    assert faults(shipped()) == []


# what a clerk may do to a table, and what is said of it
SPOILT = {
    "a bulletin that asks for what nobody knows": (
        lambda b: b["bulletin"].update(title="{boss}通报"),
        ("bulletin", "title", "rules_word"),
    ),
    "a bulletin of no period": (
        lambda b: b["bulletin"].update(period="moon"),
        ("bulletin", "period", "rules_word"),
    ),
    "fortnights that begin on no day": (
        lambda b: b["bulletin"].update(start="5 January"),
        ("bulletin", "start", "rules_day"),
    ),
    "a plaque by vote": (
        lambda b: b["bulletin"]["plaque"].update(by="vote"),
        ("bulletin", "plaque.by", "rules_word"),
    ),
    "scores of an unknown kind of mission": (
        lambda b: b["bulletin"].update(score_kinds=["mock", "secret"]),
        ("bulletin", "score_kinds", "rules_word"),
    ),
    "a list of no rows": (
        lambda b: b["bulletin"].update(listed=0),
        ("bulletin", "listed", "rules_whole_number"),
    ),
    "a sentence in one language": (
        lambda b: b["bulletin"]["next"][0].pop("en"),
        ("bulletin", "next.1.en", "rules_setting_missing"),
    ),
    "a setting of the bulletin that is misspelt": (
        lambda b: b["bulletin"].update(listet=5),
        ("bulletin", "listet", "rules_setting_unknown"),
    ),
    "a department nobody knows": (
        lambda b: row(b, "issue_categories", "HJ01").update(department="环卫局"),
        ("issue_categories", "department", "rules_unknown_name"),
    ),
    "an item of an unknown unit": (
        lambda b: row(b, "checklists", "mall-01").update(department="shop"),
        ("checklists", "department", "rules_unknown_name"),
    ),
    "an unknown lead": (
        lambda b: row(b, "site_types", "market").update(leads="market_reg owner"),
        ("site_types", "leads", "rules_unknown_name"),
    ),
    "a category that has no deadline": (
        lambda b: row(b, "checklists", "mall-01").update(category="HJ99"),
        ("checklists", "category", "rules_category_missing"),
    ),
    "an item id of another type": (
        lambda b: row(b, "checklists", "mall-01").update(id="market-99"),
        ("checklists", "id", "rules_item_form"),
    ),
    "an item id that Excel read as a date": (
        lambda b: row(b, "checklists", "mall-01").update(id="2026-01-02"),
        ("checklists", "id", "rules_item_form"),
    ),
    "an id twice": (
        lambda b: row(b, "checklists", "mall-02").update(id="mall-01"),
        ("checklists", "id", "rules_id_twice"),
    ),
    "a code twice": (
        lambda b: row(b, "issue_categories", "HJ02").update(code="HJ01"),
        ("issue_categories", "code", "rules_id_twice"),
    ),
    "a deadline that cannot be read": (
        lambda b: row(b, "issue_categories", "HJ01").update(deadline="四小时"),
        ("issue_categories", "deadline", "rules_deadline"),
    ),
    "a severity out of range": (
        lambda b: row(b, "issue_categories", "HJ01").update(severity="4"),
        ("issue_categories", "severity", "rules_unknown_name"),
    ),
    "a negative weight": (
        lambda b: row(b, "checklists", "mall-01").update(weight="-1"),
        ("checklists", "weight", "rules_number"),
    ),
    "a weight that is no number": (
        lambda b: row(b, "checklists", "mall-01").update(weight="nan"),
        ("checklists", "weight", "rules_number"),
    ),
    "strict neither yes nor no": (
        lambda b: row(b, "checklists", "mall-01").update(strict="maybe"),
        ("checklists", "strict", "rules_word"),
    ),
    "an alias of two units": (
        lambda b: row(b, "units", "police").update(aliases="派出所 城管"),
        ("units", "aliases", "rules_alias_twice"),
    ),
    "an unknown trigger": (
        lambda b: b["cards"]["level"][1].update(triggers=["angry"]),
        ("cards", "level.2.triggers", "rules_trigger"),
    ),
    "a trigger of a severity there is not": (
        lambda b: b["cards"]["level"][2].update(triggers=["overdue_severity:4"]),
        ("cards", "level.3.triggers", "rules_trigger"),
    ),
    "a trigger of a level there is not": (
        lambda b: b["cards"]["level"][1].update(triggers=["overdue:green"]),
        ("cards", "level.2.triggers", "rules_trigger_level"),
    ),
    "a trigger of a higher level": (
        lambda b: b["cards"]["level"][1].update(triggers=["overdue:red"]),
        ("cards", "level.2.triggers", "rules_trigger_level"),
    ),
    "a trigger of its own level": (
        lambda b: b["cards"]["level"][1].update(triggers=["overdue:yellow"]),
        ("cards", "level.2.triggers", "rules_trigger_level"),
    ),
    "a level without a word": (
        lambda b: b["cards"]["level"][0].pop("word"),
        ("cards", "level.1.word", "rules_setting_missing"),
    ),
    "a level with an empty name": (
        lambda b: b["cards"]["level"][0].update(zh=" "),
        ("cards", "level.1.zh", "rules_setting_form"),
    ),
    "a pattern nobody can print": (
        lambda b: b["cards"]["level"][0].update(pattern="gold"),
        ("cards", "level.1.pattern", "rules_word"),
    ),
    "a colour in words": (
        lambda b: b["cards"]["level"][0].update(colour="white"),
        ("cards", "level.1.colour", "rules_colour"),
    ),
    "a level twice": (
        lambda b: b["cards"]["level"][2].update(id="white"),
        ("cards", "level.3.id", "rules_level_twice"),
    ),
    "no card for what is found": (
        lambda b: b["cards"]["level"][0].update(triggers=["recurrence"]),
        ("cards", "level.1.triggers", "rules_no_first_card"),
    ),
    "no level at all": (lambda b: b["cards"].update(level=[]), ("cards", "level", "rules_setting_form")),
    "a card deadline that cannot be read": (
        lambda b: b["cards"]["level"][2].update(deadline="soon"),
        ("cards", "level.3.deadline", "rules_deadline"),
    ),
    "a ladder that climbs": (
        lambda b: b["scoring"]["ladder"].update(values=[1, 0.33, 0.66, 0]),
        ("scoring", "ladder.values", "rules_ladder_values"),
    ),
    "cuts that fall": (
        lambda b: b["scoring"]["ladder"].update(cuts=[0, 2, 1, 3]),
        ("scoring", "ladder.cuts", "rules_ladder_cuts"),
    ),
    "cuts that do not begin with none": (
        lambda b: b["scoring"]["ladder"].update(cuts=[1, 2, 3, 4]),
        ("scoring", "ladder.cuts", "rules_ladder_cuts"),
    ),
    "a grade too few": (
        lambda b: b["scoring"]["ladder"].update(grades=["A", "B", "C"]),
        ("scoring", "ladder", "rules_ladder_lengths"),
    ),
    "a negative weight of a type": (
        lambda b: b["scoring"].update(type_weights={"mall": -1}),
        ("scoring", "type_weights.mall", "rules_number"),
    ),
    "a weight of no type": (
        lambda b: b["scoring"].update(type_weights={"zoo": 1}),
        ("scoring", "type_weights.zoo", "rules_unknown_name"),
    ),
    "a cycle of two years": (
        lambda b: b["scoring"]["cycle"].update(weights=[40, 60]),
        ("scoring", "cycle.weights", "rules_cycle"),
    ),
    "a convention nobody knows": (
        lambda b: b["scoring"].update(convention="stars"),
        ("scoring", "convention", "rules_word"),
    ),
    "a calendar that ends before it begins": (
        lambda b: b["work_calendar"].update(last="2024-12-31"),
        ("work_calendar", "last", "rules_calendar_reversed"),
    ),
    "a holiday that ends before it begins": (
        lambda b: b["work_calendar"]["holidays"].append(["2026-12-31", "2026-12-30"]),
        ("work_calendar", "holidays", "rules_calendar_reversed"),
    ),
    "a make-up day on a Monday": (
        lambda b: b["work_calendar"]["makeup"].append("2026-11-30"),
        ("work_calendar", "makeup", "rules_makeup"),
    ),
    "shifts that overlap": (
        lambda b: b["work_calendar"].update(shifts=[["08:00", "12:00"], ["11:00", "18:00"]]),
        ("work_calendar", "shifts", "rules_shifts"),
    ),
    "a holiday table that ends": (
        lambda b: b["rules"].update(valid_until="2028-06-30"),
        ("work_calendar", "last", "rules_calendar_ends"),
    ),
    "rules that end before they begin": (
        lambda b: b["rules"].update(valid_until="2024-12-31"),
        ("rules", "valid_until", "rules_reversed"),
    ),
    "no version": (lambda b: b["rules"].pop("version"), ("rules", "version", "rules_setting_missing")),
    "a day that is none": (
        lambda b: b["rules"].update(valid_from="2026-02-30"),
        ("rules", "valid_from", "rules_day"),
    ),
    "a table that is missing": (lambda b: b.pop("visits"), ("visits", "", "rules_table_missing")),
    "a table nobody knows": (lambda b: b.update(cats=[]), ("cats", "", "rules_table_unknown")),
    "a column that is missing": (
        lambda b: [one.pop("source") for one in b["units"]],
        ("units", "source", "rules_columns_missing"),
    ),
    "a column nobody knows": (
        lambda b: [one.update(phone="1") for one in b["units"]],
        ("units", "phone", "rules_columns_unknown"),
    ),
    "a setting that is misspelt": (
        lambda b: b["cards"].update(recurence_days=30),
        ("cards", "recurence_days", "rules_setting_unknown"),
    ),
    "an empty name": (lambda b: row(b, "units", "cwb").update(zh=""), ("units", "zh", "rules_cell_empty")),
    "a visit at no time": (
        lambda b: row(b, "visits", "market").update(windows="10:00-07:00"),
        ("visits", "windows", "rules_window"),
    ),
    "posters of a theme there is not": (
        lambda b: b["coverage"]["posters"]["required"][1].update(themes=["dragons"]),
        ("coverage", "posters.required.2.themes", "rules_unknown_name"),
    ),
    "posters at sites there are not": (
        lambda b: b["coverage"]["posters"]["required"][0].update(site_type="zoo"),
        ("coverage", "posters.required.1.site_type", "rules_unknown_name"),
    ),
    "a word for two themes": (
        lambda b: b["coverage"]["posters"]["themes"][1].update(aliases=["24字"]),
        ("coverage", "posters.themes.2.id", "rules_theme_twice"),
    ),
    "no round of visits": (
        lambda b: b["coverage"]["households"].update(rounds=0),
        ("coverage", "households.rounds", "rules_whole_number"),
    ),
    "a school zone of an unknown category": (
        lambda b: b["coverage"]["schools"].update(categories=["JY99"]),
        ("coverage", "schools.categories", "rules_unknown_name"),
    ),
    "a visit of no type": (
        lambda b: row(b, "visits", "market").update(kind="zoo"),
        ("visits", "kind", "rules_unknown_name"),
    ),
    "a code of another form": (
        lambda b: b["issue_categories"].append(
            {**row(b, "issue_categories", "HJ01"), "code": "H1", "id": "x"}
        ),
        ("issue_categories", "code", "rules_category_form"),
    ),
}


@pytest.mark.parametrize("what", SPOILT)
def test_it_is_told(book, what):
    spoil, fault = SPOILT[what]
    spoil(book)
    assert fault in told(book)


def test_all_faults_come_at_once_and_the_book_is_refused(book):
    chosen = ("a deadline that cannot be read", "a ladder that climbs", "shifts that overlap", "no version")
    for what in chosen:
        SPOILT[what][0](book)
    assert set(told(book)) == {SPOILT[what][1] for what in chosen}
    with pytest.raises(RulesUnsoundError) as refusal:
        build(book)
    assert refusal.value.code == "rules_unsound"
    assert len(refusal.value.found) == 4


def test_a_missing_column_is_told_once_not_for_every_row(book):
    for one in book["checklists"]:
        del one["strict"]
    assert told(book) == [("checklists", "strict", "rules_columns_missing")]


def test_a_fault_names_row_sheet_and_value_in_both_languages(book):
    row(book, "issue_categories", "HJ02")["deadline"] = "两小时"
    (fault,) = faults(book, Places(sheets={"issue_categories": "issue_categories 类别与时限"}))
    # HJ02 is the second record under one row of headings
    assert (fault.row, fault.column, fault.value) == ("3", "deadline", "两小时")
    assert fault.facts["sheet"] == "issue_categories 类别与时限"
    assert "4 wh" in fault_text(fault, "zh")
    assert "4 wh" in fault_text(fault, "en")


@pytest.mark.parametrize("table", ["units", "checklists", "cards", "scoring", "work_calendar", "rules"])
@pytest.mark.parametrize(
    "content", [None, "text", 7, [], {}, [1, "x", None], {"a": {"b": []}}, [{}], [{"id": None}]]
)
def test_nonsense_is_a_fault_and_never_a_crash(book, table, content):
    book[table] = content
    assert faults(book)


def test_a_book_that_says_nothing_of_posters_is_sound(book):
    for part in ("posters", "households", "schools"):
        del book["coverage"][part]
    assert faults(book) == []
    assert faults({**book, "coverage": {**book["coverage"], "posters": "x"}})


def test_the_end_of_the_calendar_is_told_sixty_days_ahead():
    # the shipped calendar ends on 31 December 2027; 1 November is 60 days before it
    book = copy.deepcopy(shipped())
    del book["work_calendar"]["provisional_from"]
    assert [note.code for note in warnings(book, date(2027, 10, 31))] == []
    (note,) = warnings(book, date(2027, 11, 1))
    assert (note.code, note.facts["days"]) == ("rules_calendar_near", 60)
    assert [note.code for note in warnings(book, date(2028, 1, 1))] == ["rules_calendar_over"]


def test_holidays_that_are_not_announced_are_told_sixty_days_ahead():
    # those of 2027 were not; 2 November is 60 days before 1 January
    assert [note.code for note in warnings(shipped(), date(2026, 11, 1))] == []
    assert [note.code for note in warnings(shipped(), date(2026, 11, 2))] == ["rules_calendar_provisional"]


def test_a_year_without_a_holiday_and_rules_that_are_over_are_told(book):
    book["work_calendar"]["last"] = "2028-12-31"
    book["rules"]["valid_until"] = "2026-06-30"
    codes = {note.code: note.facts for note in warnings(book, date(2026, 7, 1))}
    assert codes["rules_year_without_holidays"] == {"years": "2028"}
    assert codes["rules_over"] == {"until": "2026-06-30"}
