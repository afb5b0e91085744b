"""What the READMEs promise is what the program has."""

import json
import re
from pathlib import Path

import pytest
import typer.main

from service.commands.program import build

ROOT = Path(__file__).resolve().parents[1]
READMES = ("README.md", "README.zh-CN.md")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def _named(program, before=""):
    """Every command of a program with its whole name, those of its sub-applications too."""
    for command in program.registered_commands:
        yield f"{before}{command.name or command.callback.__name__}", command
    for group in program.registered_groups:
        yield from _named(group.typer_instance, f"{before}{group.name} ")


def commands():
    return [name for name, _ in _named(build("en"))]


def test_the_program_has_the_commands_of_the_house():
    assert {"import", "layers", "draw", "verify", "map", "export", "serve", "demo"} <= set(commands())


@pytest.mark.parametrize("readme", READMES)
def test_every_command_is_in_both_readmes(readme):
    missing = [name for name in commands() if not re.search(rf"zhoubian {name}\b", read(readme))]
    assert not missing


@pytest.mark.parametrize("readme", READMES)
def test_there_are_two_setup_commands(readme):
    shell = "\n".join(re.findall(r"```(?:sh|console)?\n(.*?)```", read(readme), flags=re.S))
    assert set(re.findall(r"^python run\.py (\w+)", shell, flags=re.M)) >= {"demo", "test"}
    assert "pip install" not in read(readme).split("\n## ")[1]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_command_has_a_help_that_teaches(lang):
    program = build(lang)
    for name, command in _named(program):
        assert len(command.help or "") > (5 if lang == "zh" else 12), name
    _require_help(typer.main.get_command(program))


def _require_help(command):
    for parameter in command.params:
        if parameter.name != "help":
            assert getattr(parameter, "help", None), f"{command.name} {parameter.name}"
    for inner in getattr(command, "commands", {}).values():
        assert inner.help, inner.name
        _require_help(inner)


@pytest.mark.parametrize("folder", ["geo", "layers", "service"])
def test_each_folder_states_its_promise_in_five_lines(folder):
    lines = [
        line for line in read(f"{folder}/README.md").splitlines() if line.strip() and not line.startswith("#")
    ]
    assert len(lines) == 5


def test_every_text_is_in_both_languages():
    for path in sorted((ROOT / "data" / "texts").glob("*.json")):
        for code, pair in json.loads(path.read_text(encoding="utf-8")).items():
            assert set(pair) == {"zh", "en"}, code
            assert all(words.strip() for words in pair.values()), code


@pytest.mark.parametrize("readme", READMES)
def test_links_within_the_readmes_lead_somewhere(readme):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", read(readme)):
        assert (ROOT / target).exists(), target
