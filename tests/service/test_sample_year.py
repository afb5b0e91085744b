"""The year that the demo plays in the sample city: nothing in it may contradict itself.

Read from the folder of a demo that was run before (ZHOUBIAN_DEMO); playing the year takes most of a
minute. `.ci/run` runs the demo first.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path

import docx
import pytest
from sqlalchemy import select

from layers import tables
from layers.ledger import Ledger, folded
from layers.store import Store
from service.usecases import missions, plaques, sample_year, tick


@pytest.fixture(scope="module")
def demo():
    told = os.environ.get("ZHOUBIAN_DEMO")
    if not told:
        if os.environ.get("CI") == "true":
            pytest.fail("ZHOUBIAN_DEMO names no folder of a demo; .ci/run sets it")
        pytest.skip("ZHOUBIAN_DEMO names no folder of a demo (python run.py demo --no-serve --folder DIR)")
    return Path(told)


@pytest.fixture(scope="module")
def store(demo, tmp_path_factory):
    path = tmp_path_factory.mktemp("year") / "zhoubian.db"
    shutil.copy(demo / "zhoubian.db", path)
    with Store.open(path, create=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def cases(store):
    return {case.issue: case for case in Ledger(store).cases()}


def test_every_case_is_what_its_history_comes_to(store, cases):
    histories = Ledger(store)
    # all that missions found, and every twentieth of the register
    chosen = [issue for number, issue in enumerate(cases) if cases[issue].mission or number % 20 == 0]
    assert len(chosen) > 1500
    assert [issue for issue in chosen if folded(issue, histories.history(issue)) != cases[issue]] == []


def test_the_layer_of_issues_is_in_step_with_the_cases(store, cases):
    issues = store.read("issues", columns=["state", "closed_at", "deadline"]).set_index("id")
    counted = {
        issue for issue, case in cases.items() if case.withdrawn_at is None and case.merged_into is None
    }
    assert set(issues.index) == counted
    assert [issue for issue in counted if issues.loc[issue, "state"] != cases[issue].state] == []
    for name in ("closed_at", "deadline"):
        told = {issue: None if value != value else value for issue, value in issues[name].items()}
        assert [issue for issue in counted if told[issue] != getattr(cases[issue], name)] == []


def test_a_mission_was_held_every_two_weeks_and_each_found_something(store):
    lines = missions.listing(store)
    kinds = Counter(line.kind for line in lines)
    assert kinds == {"mock": 26, "lookback": 4, "unannounced": 1}
    assert all(line.visited == line.sites and line.failed for line in lines)


def test_issues_come_to_every_end_and_cards_have_every_colour(cases):
    found = [case for case in cases.values() if case.mission]
    assert {case.colour for case in found} == {None, "white", "yellow", "red"}
    assert {"carded", "closed", "suspended"} <= {case.state for case in found}
    assert any(case.rework for case in found)
    assert all(case.lead_unit and case.rules for case in cases.values())
    assert all(case.closed_at is None or case.closed_at >= case.found_at for case in cases.values())


def test_the_black_plaque_moves(store):
    held = [one.unit for one in plaques.history(store)]
    assert len(held) == len(sample_year.periods_of(store))
    assert sum(before != after for before, after in pairwise(held)) >= 5


def test_time_has_passed_and_passes_only_once(store, cases):
    overdue = [
        issue for issue, case in cases.items()
        if case.state == "carded" and case.deadline is not None and case.deadline < sample_year.END
        and case.colour != "red"
    ]  # fmt: skip
    assert overdue == []
    assert tick.tick(store, now=sample_year.END).issues == ()


def test_the_bulletin_says_what_its_register_holds(demo, store):
    words = "\n".join(paragraph.text for paragraph in docx.Document(str(demo / "bulletin.docx")).paragraphs)
    last = sample_year.periods_of(store)[-1]
    begins, ends = (
        last.begins_at.isoformat(timespec="microseconds"),
        last.ends_at.isoformat(timespec="microseconds"),
    )
    table = tables.cases
    with store.reading() as connection:
        found = connection.execute(
            select(table.c.issue).where(
                table.c.found_at >= begins, table.c.found_at < ends,
                table.c.withdrawn_at.is_(None), table.c.merged_into.is_(None),
            )
        ).fetchall()  # fmt: skip
    assert re.search(rf"(?<!\d){len(found)}(?!\d)", words)
