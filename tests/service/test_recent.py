"""What was made last: each thing once, and nobody waits for what somebody else makes."""

from __future__ import annotations

import threading

import pytest

from service.recent import Recent


def test_the_last_few_are_kept():
    kept = Recent[int](2)
    made = []

    def make(number):
        made.append(number)
        return number

    for number in (1, 2, 1, 3, 1, 2):
        assert kept.get(number, lambda number=number: make(number)) == number
    # 1 was asked for again before 3 came, so 2 had to go
    assert made == [1, 2, 3, 2]


def test_the_same_thing_is_made_once_for_all_who_ask():
    kept = Recent[int](2)
    begun, go = threading.Event(), threading.Event()
    made = []

    def make():
        begun.set()
        assert go.wait(10)
        made.append(1)
        return 7

    found = []
    askers = [threading.Thread(target=lambda: found.append(kept.get("a", make))) for _ in range(3)]
    for asker in askers:
        asker.start()
    assert begun.wait(10)
    # another key is made at once, while the first is still being made
    assert kept.get("b", lambda: 8) == 8
    go.set()
    for asker in askers:
        asker.join(10)
    assert (found, made) == ([7, 7, 7], [1])


def test_what_could_not_be_made_is_tried_again():
    kept = Recent[int](2)

    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        kept.get("a", fail)
    assert kept.get("a", lambda: 5) == 5
