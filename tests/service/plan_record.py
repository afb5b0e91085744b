"""A plan of routes made by hand, as `zhoubian-plan/1` says: two teams, seven stops, one site left out.

The places and the ways are those of the sample city, the times are added up by hand (walking at
4.5 km/h, cycling at 11 km/h, seconds rounded up):

==== ======= =============== ====== ====== ====== ====== =========================================
team leg     stop            arrive begin  leave  slack  what is odd about it
==== ======= =============== ====== ====== ====== ====== =========================================
1    180 s   1 market        29,100 29,100 30,900      0 closes at 08:35, to the second
1    182 s   2 alley         31,082 31,082 32,282  2,918 entered at its far end
1    180 s   3 compound      32,462 32,462 34,262  2,918 markup in its name
1    320 s   4 school        34,582 35,400 36,900  2,100 818 s of waiting; its second window
1    217 s   back at 37,117, having left at 28,920: 8,197 s = 1,079 + 818 + 6,300
2    316 s   1 hospital      29,116 29,116 30,316 10,374 ``&``, quotes and angles in its name
2    67 s    2 alley         30,383 30,383 31,283 10,374 its name is a formula
2    43 s    3 compound      31,326 31,326 32,826 10,374 no name; an open end after it
==== ======= =============== ====== ====== ====== ====== =========================================
"""

from __future__ import annotations

import copy
import json
from typing import Any

Record = dict[str, Any]


def line(words: str) -> list[list[float]]:
    """``lon lat, lon lat`` as positions."""
    return [[float(part) for part in pair.split()] for pair in words.split(", ")]


ON_FOOT = (
    line(
        "114.887621 32.995877, 114.887728 32.995952, 114.887539 32.995674, 114.887603 32.995660, "
        "114.888010 32.995501, 114.888070 32.995579, 114.888433 32.995509, 114.888738 32.995328, "
        "114.888699 32.995073, 114.888676 32.994906"
    ),
    line(
        "114.888676 32.994906, 114.888699 32.995073, 114.888738 32.995328, 114.888741 32.995345, "
        "114.889097 32.995280, 114.889124 32.995275, 114.889494 32.995164, 114.889497 32.995179, "
        "114.889430 32.995463, 114.889495 32.995446, 114.889712 32.995390, 114.890093 32.995176, "
        "114.890097 32.995174"
    ),
    line(
        "114.889830 32.994510, 114.890145 32.994477, 114.890158 32.994383, 114.890204 32.994062, "
        "114.890319 32.993806, 114.890378 32.993672, 114.890419 32.993298, 114.890424 32.993253, "
        "114.890436 32.993211, 114.890079 32.993086, 114.890234 32.993096"
    ),
    line(
        "114.890234 32.993096, 114.890079 32.993086, 114.889747 32.993096, 114.889572 32.993460, "
        "114.889551 32.993501, 114.889531 32.993541, 114.889390 32.993822, 114.889303 32.994211, "
        "114.889307 32.994212, 114.889347 32.994439, 114.889331 32.994465, 114.889217 32.994641, "
        "114.889289 32.994643, 114.889359 32.994624, 114.889441 32.994901, 114.889494 32.995164, "
        "114.889497 32.995179, 114.889430 32.995463, 114.889495 32.995446, 114.889646 32.995772, "
        "114.889536 32.995641"
    ),
    line(
        "114.889536 32.995641, 114.889646 32.995772, 114.889676 32.995802, 114.889688 32.995814, "
        "114.889368 32.995997, 114.889304 32.995936, 114.889066 32.995713, 114.888956 32.995831, "
        "114.888851 32.995872, 114.888832 32.995879, 114.888533 32.995994, 114.888420 32.996018, "
        "114.888166 32.996073, 114.888064 32.996095, 114.887969 32.996199, 114.887728 32.995952, "
        "114.887621 32.995877"
    ),
)
BY_BIKE = (
    line(
        "114.896810 32.994716, 114.896614 32.994707, 114.895949 32.994418, 114.895284 32.994128, "
        "114.894619 32.993838, 114.893953 32.993548, 114.893288 32.993259, 114.892605 32.993194, "
        "114.892793 32.993268, 114.892825 32.993280, 114.893446 32.993550, 114.893819 32.993713, "
        "114.894470 32.993997, 114.895057 32.994253, 114.895137 32.994287, 114.895838 32.994607, "
        "114.896316 32.994826, 114.896174 32.995083, 114.896146 32.995125, 114.896010 32.995333, "
        "114.895887 32.995599, 114.896075 32.995599, 114.896180 32.995598, 114.896369 32.995635"
    ),
    line(
        "114.896369 32.995635, 114.896180 32.995598, 114.896529 32.995750, 114.896496 32.995806, "
        "114.896354 32.996002, 114.896250 32.996144, 114.896053 32.996502, 114.896458 32.996671, "
        "114.896574 32.996708"
    ),
    line(
        "114.896568 32.997319, 114.896536 32.997312, 114.896443 32.997670, 114.896294 32.998015, "
        "114.896264 32.997989, 114.896146 32.998247, 114.896235 32.998167"
    ),
)


def site(
    layer: str, unit: str, name: str | None, kind: str, lonlat: tuple[float, float], **facts: Any
) -> Record:
    """A site with what most have in common."""
    return {
        "id": f"{layer}/{unit}", "layer": layer, "unit": unit, "name": name, "kind": kind, "from": "draw",
        "anchors": [unit], "district": "文庙街道", "responsible": None, "address": None, "lonlat": list(lonlat),
        "ends": None, "length_m": None, "service_s": 1800, "windows": [[28800, 43200]], "exposure": 0.5,
        "weight": 2.0, "priority": 1.0, "required": False, "group": None, "skills": [], "checklist": kind, **facts,
    }  # fmt: skip


SITES = [
    site("anchors", "DW0736", "明山农贸市场", "market", (114.888676, 32.994906), address="沐宁市南关三弄19号",
         responsible="市市场监管局", windows=[[25200, 30900]], required=True),
    site("back_alleys", "XX1768", "竹竿二巷", "back_alley", (114.889867, 32.994880), anchors=["DW0736"],
         ends=[[114.889830, 32.994510], [114.890097, 32.995174]], length_m=80.3, service_s=1200,
         exposure=0.31, weight=4.0, priority=1.24, responsible="文庙街道办事处"),
    site("compounds", "XQ1429", "<script>alert(1)</script>云亭新村", "compound", (114.890234, 32.993096),
         anchors=["DW0736", "DW0215"], address="沐宁市水关二里8号", exposure=0.25, weight=3.0, priority=0.75),
    site("anchors", "DW0215", "清井初级中学", "school", (114.889536, 32.995641), address="沐宁市铜匠四弄6号",
         responsible="市教育局", service_s=1500, windows=[[27000, 30600], [35400, 39000]]),
    site("anchors", "DW0523", "晨洲社区“A&B” \"门诊\" <卫生服务站>", "hospital", (114.896369, 32.995635),
         address="沐宁市藕塘二弄7号", responsible="市卫生健康委", service_s=1200),
    site("back_alleys", "XX2173", "=1+1", "back_alley", (114.896572, 32.997014), anchors=["DW0523"],
         ends=[[114.896574, 32.996708], [114.896568, 32.997319]], length_m=67.7, service_s=900,
         exposure=0.1, weight=1.0, priority=0.1),
    site("compounds", "XQ1701", None, "compound", (114.896235, 32.998167), anchors=["DW0523"],
         service_s=1500, **{"from": "lookback"}),
    site("anchors", "DW0763", "祥庭菜市场", "market", (114.898883, 32.999598), address="沐宁市羊市三条胡同9号",
         windows=[[25200, 30600]]),
]  # fmt: skip

TEAMS = [
    {"id": "1", "name": "一组", "mode": "walk", "start": [114.887621, 32.995877], "start_name": "创城办",
     "end": [114.887621, 32.995877], "shift": [28800, 43200], "work_s": 14400, "skills": []},
    {"id": "2", "name": "二组", "mode": "bike", "start": [114.896810, 32.994716], "start_name": None,
     "end": None, "shift": [28800, 43200], "work_s": 14400, "skills": []},
]  # fmt: skip


def stop(number: int, of: Record, arrive: int, begin: int, leave: int, slack: int, **facts: Any) -> Record:
    """A stop at the place of its site."""
    return {
        "number": number, "site": of["id"], "arrive_s": arrive, "begin_s": begin, "leave_s": leave,
        "wait_s": begin - arrive, "slack_s": slack, "late_s": 0, "enter": of["lonlat"], "exit": of["lonlat"],
        "window": 0, "reversed": False, "locked": False, **facts,
    }  # fmt: skip


def leg(origin: str, target: str, metres: float, depart: int, arrive: int, path: list[list[float]]) -> Record:
    """A leg; its seconds are what lies between."""
    return {
        "from": origin, "to": target, "metres": metres, "seconds": arrive - depart,
        "depart_s": depart, "arrive_s": arrive, "path": path,
    }  # fmt: skip


MARKET, ALLEY, COMPOUND, SCHOOL, HOSPITAL, FORMULA, NAMELESS, LEFT_OUT = SITES

ROUTES = [
    {"team": "1", "depart_s": 28920, "back_s": 37117, "travel_s": 1079, "metres": 1345.4, "wait_s": 818,
     "service_s": 6300, "work_s": 8197, "over_s": 0, "locked": False,
     "stops": [
         stop(1, MARKET, 29100, 29100, 30900, 0),
         stop(2, ALLEY, 31082, 31082, 32282, 2918, enter=ALLEY["ends"][1], exit=ALLEY["ends"][0], reversed=True),
         stop(3, COMPOUND, 32462, 32462, 34262, 2918),
         stop(4, SCHOOL, 34582, 35400, 36900, 2100, window=1),
     ],
     "legs": [
         leg("start", MARKET["id"], 223.8, 28920, 29100, ON_FOOT[0]),
         leg(MARKET["id"], ALLEY["id"], 227.0, 30900, 31082, ON_FOOT[1]),
         leg(ALLEY["id"], COMPOUND["id"], 224.3, 32282, 32462, ON_FOOT[2]),
         leg(COMPOUND["id"], SCHOOL["id"], 399.6, 34262, 34582, ON_FOOT[3]),
         leg(SCHOOL["id"], "end", 270.7, 36900, 37117, ON_FOOT[4]),
     ]},
    {"team": "2", "depart_s": 28800, "back_s": 32826, "travel_s": 426, "metres": 1298.7, "wait_s": 0,
     "service_s": 3600, "work_s": 4026, "over_s": 0, "locked": True,
     "stops": [
         stop(1, HOSPITAL, 29116, 29116, 30316, 10374),
         stop(2, FORMULA, 30383, 30383, 31283, 10374, enter=FORMULA["ends"][0], exit=FORMULA["ends"][1]),
         stop(3, NAMELESS, 31326, 31326, 32826, 10374, locked=True),
     ],
     "legs": [
         leg("start", HOSPITAL["id"], 964.0, 28800, 29116, BY_BIKE[0]),
         leg(HOSPITAL["id"], FORMULA["id"], 203.4, 30316, 30383, BY_BIKE[1]),
         leg(FORMULA["id"], NAMELESS["id"], 131.3, 31283, 31326, BY_BIKE[2]),
     ]},
]  # fmt: skip

_PLAN: Record = {
    "format": "zhoubian-plan/1", "name": "20261121-1", "draw": "20261120-1", "version": "0.1.0",
    "created_at": "2026-11-21T09:30:00+08:00", "date": "2026-11-24", "revision": 1,
    "settings": {"mode": "walk", "shift": [28800, 43200], "seconds": 10.0, "iterations": None, "seed": 1},
    "engine": {"name": "pyvrp", "version": "0.14.1", "iterations": 412, "spent_s": 10.0},
    "roads": {"engine": "roads", "estimate": False, "approximate": False, "digest": "00112233445566ff",
              "source": "© OpenStreetMap contributors", "circuity": None},
    "warnings": [],
    "sites": SITES, "teams": TEAMS, "routes": ROUTES,
    "dropped": [{"site": LEFT_OUT["id"], "reason": "window_missed", "facts": {"team": "二组", "by_s": 240}}],
    "totals": {"sites": 8, "visited": 7, "required": 1, "required_visited": 1, "priority": 7.09,
               "priority_visited": 6.09, "travel_s": 1505, "metres": 2644.1, "longest_work_s": 8197,
               "mean_work_s": 6111.5},
}  # fmt: skip


def plan() -> Record:
    """The plan, once through JSON as the store does it."""
    made: Record = json.loads(json.dumps(_PLAN, ensure_ascii=False))
    return made


def estimated() -> Record:
    """The same without roads: every leg is a straight line, and the plan says that it is an estimate."""
    record = plan()
    record["roads"] |= {
        "engine": "straight",
        "estimate": True,
        "digest": None,
        "source": "",
        "circuity": 1.25,
    }
    for route in record["routes"]:
        for step in route["legs"]:
            step["path"] = [step["path"][0], step["path"][-1]]
    return record


def undated() -> Record:
    """The same without a date."""
    return plan() | {"date": None}


def idle() -> Record:
    """The same with a third team that has nothing to do."""
    record = plan()
    record["teams"].append(copy.deepcopy(TEAMS[1]) | {"id": "3", "name": "三组"})
    nothing = dict.fromkeys(("travel_s", "metres", "wait_s", "service_s", "work_s", "over_s"), 0)
    record["routes"].append(
        {"team": "3", "depart_s": 28800, "back_s": 28800, **nothing, "locked": False, "stops": [], "legs": []}
    )
    return record
