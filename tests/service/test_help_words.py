"""The help of the program: a line for every command, and typer's own words in Chinese."""

import pytest
import typer
from office import run

from service.commands import help_words, program
from service.i18n import LANGS


def commands(group, path=()):
    for name, command in group.commands.items():
        yield (*path, name), command
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("lang", LANGS)
def test_every_command_has_a_line_that_says_something(lang):
    lines = {
        path: command.get_short_help_str(45)
        for path, command in commands(typer.main.get_command(program.build(lang)))
    }
    assert {path[0] for path in lines} >= {"import", "draw", "exposure", "count", "figures", "issue"}
    assert [path for path, line in lines.items() if len(line) < 2 or line.endswith("...")] == []
    assert [path for path, line in lines.items() if len(line) > help_words.MOST[lang]] == []
    if lang == "zh":
        assert [path for path, line in lines.items() if line.isascii()] == []


@pytest.mark.parametrize(
    ("lang", "told", "line"),
    [
        ("zh", "抽样。例：zhoubian draw --seed 1", "抽样"),
        ("zh", "计时：到期升级；可每天运行", "计时：到期升级"),
        ("zh", "导入，写入 issues.xlsx 和 .csv", "导入，写入 issues.xlsx 和 .csv"),
        ("zh", "找出圆形区域（泊松扫描、" + "很长" * 20 + "）", "找出圆形区域"),
        ("zh", "哪些单元始终容易被抽中：圆或环，500 或 1000 米，计或不计道路里程", "哪些单元始终容易被抽中"),
        ("en", "take files in. Example: zhoubian import a.xlsx", "Take files in"),
        ("en", "one two three four five six seven eight nine ten eleven twelve",
         "One two three four five six seven eight nine ten …"),
    ],
)  # fmt: skip
def test_a_line_is_the_first_clause_cut_at_a_pause(lang, told, line):
    assert help_words.short(told, lang) == line


def test_the_help_is_chinese_throughout(capsys):
    for command in ([], ["issue"], ["issue", "add"]):
        code, out, _ = run(capsys, "--lang", "zh", *command, "--help")
        assert code == 0
        assert out.startswith("用法：zhoubian")
        assert "显示本说明后退出。" in out
        for word in ("Usage", "Options", "Commands", "Arguments", "required", "default:", "Show this"):
            assert word not in out
    assert run(capsys, "--lang", "en", "issue", "add", "--help")[1].startswith("Usage: zhoubian")
