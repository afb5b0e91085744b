"""Every text that the code names exists in both languages and can be filled from what the code gives."""

from __future__ import annotations

import ast
import re
import string
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from geo.design import ANCHOR_CLASSES
from geo.emerging import KIND_NAMES
from geo.errors import LayerError, ZhoubianError
from geo.hotspots import CLASSES
from geo.travel import MODES
from layers import places, sqlite_file
from layers.faults import Fault
from layers.missions import VERDICTS
from layers.osm import OSM_LAYERS
from layers.schema import LAYERS
from service.errors import BY_CODE
from service.i18n import LANGS, error_text, fault_text, system_lang, text, texts
from service.usecases import missions

ROOT = Path(__file__).resolve().parents[2]
MODULES = {
    path: ast.parse(path.read_text(encoding="utf-8"))
    for folder in ("geo", "layers", "service")
    for path in sorted((ROOT / folder).rglob("*.py"))
}

OSM_RULES = tomllib.loads((ROOT / "data" / "osm_rules.toml").read_text(encoding="utf-8"))

FAMILIES = {
    "map.class": ANCHOR_CLASSES,
    "layer": LAYERS,
    "gi": CLASSES.values(),
    "emerging": KIND_NAMES.values(),
    "cli.kind": ("back_alleys", "compounds"),
    "cli.state": ("drawn", "sealed"),
    "mission.kind": missions.KINDS,
    "mission.status": missions.STATUSES,
    "mission.access": (
        "start",
        "start_refused",
        *(what + end for what in ("list", "sheet", "results") for end in ("", "_refused")),
    ),
    "results.verdict": VERDICTS,
    "deadline.unit": ("wh", "wd", "min", "on site"),
    "route.mode": MODES,
    "route.roads": ("roads", "straight", "osrm", "valhalla"),
    "route.engine": ("pyvrp", "insertion", "edited"),
    "route.warning": ("snap_far", "part_apart", "extract_edge", "unit_gone"),
    "route.reason": (
        "never_open",
        "window_short",
        "skills",
        "no_way",
        "window_missed",
        "shift_short",
        "alternative",
        "fits",
        "exchange",
        "needs_time",
        "worse",
        "removed",
        "no_road",
        "too_many",
    ),
    "cli.note": ("short_pool", "empty_pool", "widened", "reserve"),
}
"""Texts whose last part comes from a value: every value there is."""


@dataclass(frozen=True)
class Use:
    """A place in the code that names a text, and the facts it gives (None: not to be told from the code)."""

    place: str
    code: str
    facts: frozenset[str] | None


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _constant(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _constants(node: ast.expr | None) -> list[str]:
    """The text of a constant, or both of ``"a" if ... else "b"``."""
    choices = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
    return [found for choice in choices if (found := _constant(choice)) is not None]


def _given(call: ast.Call, leave: set[str]) -> frozenset[str] | None:
    if any(keyword.arg is None for keyword in call.keywords):
        return None
    return frozenset(keyword.arg for keyword in call.keywords if keyword.arg) - leave


def _helpers(tree: ast.Module) -> dict[str, frozenset[str]]:
    """Functions that pass their ``**facts`` on to an error, and the facts they add."""
    found = {}
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.args.kwarg is not None:
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and _name(call).endswith("Error"):
                    added = {keyword.arg for keyword in call.keywords if keyword.arg} - {"code"}
                    found[function.name] = frozenset(added)
    return found


HELPERS = {name: added for tree in MODULES.values() for name, added in _helpers(tree).items()}


def _coded(path: Path, tree: ast.Module) -> Iterator[tuple[str, Use]]:
    """Calls with ``code="..."``, by what they make."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = _name(call)
        place = f"{path.relative_to(ROOT).as_posix()}:{call.lineno}"
        given = _given(call, {"code"})
        if name == "Refused":
            for code in _constants(call.args[2]):
                yield "fault", Use(place, code, given)
            continue
        for code in _constants(next((k.value for k in call.keywords if k.arg == "code"), None)):
            if name.endswith("Error"):
                yield "error", Use(place, code, given)
            elif name in HELPERS:
                yield "error", Use(place, code, None if given is None else given | HELPERS[name])
            elif name == "Fault":
                facts = next((k.value for k in call.keywords if k.arg == "facts"), ast.Dict([], []))
                yield "fault", Use(place, code, _keys(facts))
            else:
                yield "either", Use(place, code, None)


def _keys(node: ast.expr) -> frozenset[str] | None:
    if not isinstance(node, ast.Dict):
        return None
    keys = [_constant(key) for key in node.keys]
    return None if None in keys else frozenset(key for key in keys if key)


def _notes(path: Path, tree: ast.Module) -> Iterator[Use]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and _name(call) == "Note" and call.args:
            code = _constant(call.args[0])
            if code is not None:
                facts = _keys(call.args[1]) if len(call.args) > 1 else frozenset()
                yield Use(f"{path.relative_to(ROOT).as_posix()}:{call.lineno}", code, facts)


CODED = [found for path, tree in MODULES.items() for found in _coded(path, tree)]
NOTES = [use for path, tree in MODULES.items() for use in _notes(path, tree)]


def fields(words: str) -> set[str]:
    return {
        name.partition(".")[0].partition("[")[0] for _, name, _, _ in string.Formatter().parse(words) if name
    }


def short(use: Use, code: str) -> list[str]:
    """What is wrong with a use of a text: the text is missing, or asks for more than is given."""
    if code not in texts():
        return [f"{use.place}: {code} has no text"]
    if use.facts is None:
        return []
    return [
        f"{use.place}: {code} in {lang} asks for {sorted(fields(words) - use.facts)}"
        for lang, words in texts()[code].items()
        if fields(words) - use.facts
    ]


def test_the_search_finds_the_codes():
    kinds = [kind for kind, _ in CODED]
    assert kinds.count("error") > 100
    assert kinds.count("fault") > 20
    assert len(NOTES) > 10


def test_every_error_and_fault_has_a_text_that_its_facts_fill():
    wrong = []
    for kind, use in CODED:
        if kind == "either":
            if not {f"error.{use.code}", f"fault.{use.code}"} & set(texts()):
                wrong.append(f"{use.place}: {use.code} has no text")
        else:
            wrong += short(use, f"{kind}.{use.code}")
    assert wrong == []


def test_every_note_has_a_text_that_its_facts_fill():
    assert [line for use in NOTES for line in short(use, f"note.{use.code}")] == []


def test_every_code_of_the_table_of_outcomes_and_of_sqlite_has_a_text():
    codes = set(BY_CODE) | {code for code, _ in sqlite_file._WORDS.values()}
    assert {code for code in codes if f"error.{code}" not in texts()} == set()


def test_every_refusal_of_the_osm_rules_has_a_text_of_the_same_facts():
    told = OSM_RULES["reasons"]
    assert len(told) > 20
    for code, words in told.items():
        assert fields(texts()[f"fault.{code}"]["zh"]) <= fields(words), code


@pytest.mark.parametrize("code", places.WRONG_PLACES)
def test_every_wrong_place_has_a_text_without_facts(code):
    assert fields(texts()[f"fault.{code}"]["zh"]) == set()


@pytest.mark.parametrize("missing", [*OSM_LAYERS, *ANCHOR_CLASSES])
def test_a_city_without_a_layer_or_a_class_is_told_so(missing):
    assert not fields(texts()[f"note.osm_no_{missing}"]["zh"])


def test_no_text_of_an_error_fault_or_note_is_left_over():
    named = {
        node.value
        for tree in MODULES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    named |= {*OSM_RULES["reasons"], *(f"osm_no_{name}" for name in (*OSM_LAYERS, *ANCHOR_CLASSES))}
    kinds = ("error.", "fault.", "note.")
    assert [code for code in texts() if code.startswith(kinds) and code.partition(".")[2] not in named] == []


def test_every_text_that_a_door_shows_exists_and_is_filled():
    wrong = []
    for path, tree in MODULES.items():
        if "service" not in path.relative_to(ROOT).parts[:1]:
            continue
        for call in ast.walk(tree):
            if not (isinstance(call, ast.Call) and _name(call) == "text" and call.args):
                continue
            place = f"{path.relative_to(ROOT).as_posix()}:{call.lineno}"
            code = _constant(call.args[0])
            if code is not None:
                wrong += short(Use(place, code, _given(call, set())), code)
            elif isinstance(call.args[0], ast.JoinedStr):
                pattern = "".join(
                    re.escape(part.value) if isinstance(part, ast.Constant) else r"[\w.]+"
                    for part in call.args[0].values
                )
                if not any(re.fullmatch(pattern, known) for known in texts()):
                    wrong.append(f"{place}: no text is like {pattern}")
    assert wrong == []


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_of_texts_is_complete(family):
    assert [value for value in FAMILIES[family] if f"{family}.{value}" not in texts()] == []


@pytest.mark.parametrize("lang", LANGS)
def test_every_text_can_be_filled(lang):
    class Anything(dict):
        def __missing__(self, key):
            return 1

    for code, pair in texts().items():
        assert string.Formatter().vformat(pair[lang], (), Anything()).strip(), code


def test_chinese_and_english_name_the_same_facts():
    differing = {
        code: sorted(fields(pair["zh"]) ^ fields(pair["en"]))
        for code, pair in texts().items()
        if fields(pair["zh"]) != fields(pair["en"])
    }
    assert differing == {}


def test_no_chinese_text_shows_python_quotes():
    assert [code for code, pair in texts().items() if "!r" in pair["zh"]] == []


def test_an_error_speaks_chinese_from_its_facts_and_english_from_itself():
    error = LayerError("x.csv: there is no such file; check the name", code="file_missing", file="x.csv")
    assert error_text(error, "en") == "x.csv: there is no such file; check the name"
    assert "x.csv" in error_text(error, "zh")
    assert not error_text(error, "zh").isascii()


def test_an_error_without_a_text_is_told_in_its_own_words():
    assert error_text(ZhoubianError("something", code="never_heard_of"), "zh") == "something"


def test_a_fault_is_told_in_both_languages():
    fault = Fault("2", "id", "7", "id_in_store", "is in the store already")
    assert fault_text(fault, "en") == "is in the store already"
    assert not fault_text(fault, "zh").isascii()


def test_braces_in_a_fact_stay_text():
    assert "{{7*7}}" in text("cli.written", "zh", file="{{7*7}}")
    assert "{store}" in text("cli.written", "en", file="{store}")


@pytest.mark.parametrize(
    ("variables", "lang"),
    [
        ({"ZHOUBIAN_LANG": "zh", "LANG": "en_US.UTF-8"}, "zh"),
        ({"ZHOUBIAN_LANG": "EN_us", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LC_ALL": "zh_CN.UTF-8", "LANG": "en_US"}, "zh"),
        ({"LANG": "de_DE"}, "en"),
        ({"ZHOUBIAN_LANG": "tlh", "LANG": "zh_CN"}, "zh"),
    ],
)
def test_the_language_is_the_one_asked_for_or_that_of_the_system(monkeypatch, variables, lang):
    for name in ("ZHOUBIAN_LANG", "LC_ALL", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert system_lang() == lang
