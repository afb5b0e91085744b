"""The help of the program in the reader's language: what typer itself says, and a line for each command.

typer shortens a help for the list of commands at spaces and full stops, of which Chinese has none, and
says "Usage" and "Options" in English whatever the language.
"""

from __future__ import annotations

import re
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from ..i18n import Lang, text

MOST = {"zh": 28, "en": 56}
"""Signs of the line of a command in the list of commands."""
_END = re.compile(r"[。；;]|\.(?=\s|$)|例：")
_PAUSE = re.compile(r"[：，、:,（(]")
_OPEN = re.compile(r"[（(][^）)]*$")

_WORDS = (
    (re.compile(r"^Usage: ", re.M), "usage"),
    (re.compile(r"^Arguments:$", re.M), "arguments"),
    (re.compile(r"^Options:$", re.M), "options"),
    (re.compile(r"^Commands:$", re.M), "commands"),
    (re.compile(r"\[OPTIONS\]"), "options_place"),
    (re.compile(r"COMMAND \[ARGS\]\.\.\."), "command_place"),
    (re.compile(r"(?<=[\[ ])required(?=\])"), "required"),
    (re.compile(r"\[default: "), "default"),
    (re.compile(r"Show this message and exit\."), "help"),
)
"""What typer says, and the text `cli.help.<name>` that takes its place."""


def short(told: str, lang: Lang) -> str:
    """The first clause of a help; a long one ends at its colon, else at a pause."""
    clause = _END.split(told.strip(), maxsplit=1)[0].strip()
    clause = clause[:1].upper() + clause[1:]
    most = MOST[lang]
    if len(clause) <= most:
        return clause
    head = re.split("[：:]", clause, maxsplit=1)[0]
    if most // 5 < len(head) <= most:
        return head.rstrip()
    pauses = [found.start() for found in _PAUSE.finditer(clause) if found.start() <= most]
    if pauses:
        return _OPEN.sub("", clause[: pauses[-1]]).rstrip()
    at = clause.rfind(" ", 0, most - 1)
    return clause[: at if at > 0 else most - 2].rstrip() + " …"


def tell(program: typer.Typer, lang: Lang) -> None:
    """Give every command of a program its line, and the help of all the words of the language."""
    program.info.cls = _group(lang)
    for command in program.registered_commands:
        command.short_help = short(command.help or "", lang)
        command.cls = _command(lang)
    for group in program.registered_groups:
        if group.typer_instance is not None:
            group.short_help = short(str(group.help or ""), lang)
            group.cls = _group(lang)
            tell(group.typer_instance, lang)


def _in(lang: Lang, told: str) -> str:
    if lang == "en":  # typer's own
        return told
    for word, name in _WORDS:
        told = word.sub(text(f"cli.help.{name}", lang), told)
    return told


def _command(lang: Lang) -> type[TyperCommand]:
    class Command(TyperCommand):
        def get_help(self, ctx: Any) -> str:
            return _in(lang, super().get_help(ctx))

    return Command


def _group(lang: Lang) -> type[TyperGroup]:
    class Group(TyperGroup):
        def get_help(self, ctx: Any) -> str:
            return _in(lang, super().get_help(ctx))

    return Group
