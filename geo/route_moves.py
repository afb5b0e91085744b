"""Shorten the travel of routes without changing which sites they visit: moves between and inside them.

Swaps of two stops, stretches of up to three stops moved, tails exchanged (2-opt*), stretches turned
round (2-opt), and a stop taken out and put back as any of its tasks. Of each kind the moves that
save travel are found for all places at once, and the best that can be done in time is made.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .route_runs import NEVER, Run, Terms
from .routes import Ints

LONGEST = 3
"""Stops of a stretch that moves as one."""

Change = tuple[int, tuple[int, ...], tuple[int, ...]]
"""Travel saved (negative) and the new routes of two teams."""


def polish(
    terms: Terms, runs: list[Run], frozen: frozenset[int] = frozenset(), most: int = 1000
) -> list[Run]:
    """Routes no move makes shorter; at most `most` moves."""
    runs = list(runs)
    teams = [run.team for run in runs if run.team not in frozen]
    stale = {(a, b) for a in teams for b in teams if a <= b}
    while stale and most > 0:
        a, b = min(stale)
        stale.discard((a, b))
        found = _inside(terms, runs[a]) if a == b else _between(terms, runs[a], runs[b])
        if found is None:
            continue
        runs[a], runs[b] = found
        most -= 1
        changed = {a, b}
        stale |= {(x, y) for x in teams for y in teams if x <= y and {x, y} & changed}
    return runs


def _first_feasible(terms: Terms, a: int, b: int, changes: Iterator[Change]) -> tuple[Run, Run] | None:
    """The change that saves most of those that can be done."""
    for _, one, two in sorted(changes):
        if terms.duration(a, one) is not None and (a == b or terms.duration(b, two) is not None):
            first = Run(terms, a, one)
            return first, (first if a == b else Run(terms, b, two))
    return None


def _inside(terms: Terms, run: Run) -> tuple[Run, Run] | None:
    """A better order of one route, or a stop put back as another of its tasks."""
    if not run.route:
        return None
    best = _first_feasible(terms, run.team, run.team, _orders(run))
    return best or _put_back(terms, run, run)


def _orders(run: Run) -> Iterator[Change]:
    route, size = run.route, len(run.route)
    for i in range(size):
        for j in range(i + 2, size + 1):
            turned = route[:i] + route[i:j][::-1] + route[j:]
            yield from _if_shorter(run, turned)
            for cut in range(i + 1, min(j, i + 1 + LONGEST)):
                yield from _if_shorter(run, route[:i] + route[cut:j] + route[i:cut] + route[j:])
            for cut in range(max(i + 1 + LONGEST, j - LONGEST), j):
                yield from _if_shorter(run, route[:i] + route[cut:j] + route[i:cut] + route[j:])


def _if_shorter(run: Run, route: tuple[int, ...]) -> Iterator[Change]:
    saved = sum(run.terms.hops(run.team, route)) - run.travel_s
    if saved < 0:
        yield saved, route, route


def _between(terms: Terms, one: Run, two: Run) -> tuple[Run, Run] | None:
    """The best exchange of two routes."""
    if not one.route and not two.route:
        return None
    found = _first_feasible(terms, one.team, two.team, _exchanges(terms, one, two))
    return found or _put_back(terms, one, two) or _turned(_put_back(terms, two, one))


def _turned(pair: tuple[Run, Run] | None) -> tuple[Run, Run] | None:
    return (pair[1], pair[0]) if pair else None


def _exchanges(terms: Terms, one: Run, two: Run) -> Iterator[Change]:
    """Stretches of 0 to `LONGEST` stops of one against those of the other, and tails, that save travel."""
    n, m = len(one.route), len(two.route)
    kinds = ((_stretches(n), _stretches(m)), (_tails(n), _tails(m)))
    for (i, i_end), (j, j_end) in kinds:
        saved = _new_travel(terms, one, two, (i, i_end), (j, j_end))
        saved += _new_travel(terms, two, one, (j, j_end), (i, i_end)).T
        saved -= one.travel_s + two.travel_s
        for a, b in np.argwhere(saved < 0).tolist():
            part, piece = one.route[i[a] : i_end[a]], two.route[j[b] : j_end[b]]
            first = one.route[: i[a]] + piece + one.route[i_end[a] :]
            second = two.route[: j[b]] + part + two.route[j_end[b] :]
            yield int(saved[a, b]), first, second


def _stretches(size: int) -> tuple[Ints, Ints]:
    """Where all stretches of 0 to `LONGEST` stops begin and end."""
    begin = np.arange(size + 1)[:, None] + np.zeros(LONGEST + 1, np.int64)
    end = begin + np.arange(LONGEST + 1)
    return begin[end <= size], end[end <= size]


def _tails(size: int) -> tuple[Ints, Ints]:
    """Where all tails begin and end."""
    begin = np.arange(size + 1)
    return begin, np.full_like(begin, size)


def _new_travel(
    terms: Terms, host: Run, guest: Run, cut: tuple[Ints, Ints], piece: tuple[Ints, Ints]
) -> Ints:
    """(cuts, pieces) travel of the host when each stretch of it is replaced by each of the guest."""
    problem, team = terms.problem, host.team
    travel = problem.travel_s[problem.profile[team]]
    hops = np.concatenate([[0], np.cumsum(host.hops)])
    own, other = np.array(host.route, np.int64), np.array(guest.route, np.int64)
    start, stop = cut
    first, last = piece
    before = hops[start][:, None]  # up to the last stop kept
    after = (hops[-1] - hops[np.minimum(stop + 1, len(hops) - 1)])[:, None]  # from the first kept again
    inner = np.concatenate([[0], np.cumsum(travel[other[:-1], other[1:]])]) if len(other) else np.zeros(1)
    inside = np.where(
        last > first, inner[np.maximum(last - 1, 0)] - inner[np.minimum(first, len(inner) - 1)], 0
    )
    legs_in = _to(problem.start_s[team], travel, own, start, other, first)
    legs_out = _from(problem.end_s[team], travel, own, stop, other, last)
    filled = before + legs_in + inside[None] + legs_out + after
    direct = before + _direct(terms, host, start, stop)[:, None] + after
    changed: Ints = np.where((last > first)[None], filled, direct).astype(np.int64)
    return changed


def _to(start_s: Ints, travel: Ints, own: Ints, cut: Ints, other: Ints, first: Ints) -> Ints:
    """(cuts, pieces) from the last stop kept to the first of the piece."""
    if not len(other):
        return np.zeros((len(cut), len(first)), np.int64)
    heads = other[np.minimum(first, len(other) - 1)]
    legs = np.broadcast_to(start_s[heads], (len(cut), len(first))).copy()
    inner = cut > 0
    legs[inner] = travel[own[cut[inner] - 1][:, None], heads[None]]
    return legs


def _from(end_s: Ints, travel: Ints, own: Ints, stop: Ints, other: Ints, last: Ints) -> Ints:
    """(cuts, pieces) from the last stop of the piece to the first kept again."""
    if not len(other):
        return np.zeros((len(stop), len(last)), np.int64)
    tails = other[np.maximum(last - 1, 0)]
    legs = np.broadcast_to(end_s[tails], (len(stop), len(last))).copy()
    inner = stop < len(own)
    legs[inner] = travel[tails[None], own[stop[inner]][:, None]]
    return legs


def _direct(terms: Terms, host: Run, start: Ints, stop: Ints) -> Ints:
    """(cuts,) travel over a stretch left out."""
    problem, team, route, size = terms.problem, host.team, host.route, len(host.route)
    travel = problem.travel_s[problem.profile[team]]
    over = []
    for i, j in zip(start.tolist(), stop.tolist(), strict=True):
        if i == 0 and j == size:
            over.append(0)
        elif i == 0:
            over.append(int(problem.start_s[team, route[j]]))
        elif j == size:
            over.append(int(problem.end_s[team, route[i - 1]]))
        else:
            over.append(int(travel[route[i - 1], route[j]]))
    return np.array(over, np.int64)


def _put_back(terms: Terms, giver: Run, taker: Run) -> tuple[Run, Run] | None:
    """A stop of one route put into the other (or the same) as the best of its tasks."""
    best: tuple[int, Run, Run] | None = None
    for task in giver.route:
        choices = np.array(terms.tasks_of[terms.site[task]])
        if len(choices) == 1:
            continue  # moving it as it is was tried
        rest = giver.without((task,))
        if len(rest.route) != len(giver.route) - 1:
            continue
        host = rest if giver.team == taker.team else taker
        fits, extra, _ = host.insertions(choices)
        extra = np.where(fits, extra, NEVER)
        place, choice = divmod(int(extra.argmin()), len(choices))
        saved = int(extra[place, choice]) + rest.travel_s - giver.travel_s
        if saved < 0 and (best is None or saved < best[0]):
            full = host.with_task(int(choices[choice]), place)
            best = (saved, full, full) if giver.team == taker.team else (saved, rest, full)
    return (best[1], best[2]) if best else None
