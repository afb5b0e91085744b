"""`run.py`: standard library only, plain sentences, no network where there are wheels, installs once."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """run.py as a module whose checkout is an empty folder and whose commands are only noted."""
    spec = importlib.util.spec_from_file_location("run_script", ROOT / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, path in {"ROOT": tmp_path, "VENV": tmp_path / ".venv", "WHEELS": tmp_path / "wheels"}.items():
        monkeypatch.setattr(module, name, path)
    (tmp_path / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    module.called = []
    module.code = 0

    def noted(command, **_):
        module.called.append(command[1:])
        if command[1:3] == ["-m", "venv"] and module.code == 0:
            module.venv_python().parent.mkdir(parents=True)
            module.venv_python().touch()
        return subprocess.CompletedProcess(command, module.code)

    monkeypatch.setattr(module.subprocess, "run", noted)
    return module


def installs(run):
    return [command for command in run.called if command[1:3] == ["pip", "install"]]


def test_it_imports_the_standard_library_only():
    names = {
        (alias.name if isinstance(node, ast.Import) else node.module).split(".")[0]
        for node in ast.walk(ast.parse((ROOT / "run.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert names <= set(sys.stdlib_module_names)


def test_the_first_call_makes_the_environment_and_the_second_only_runs(run, tmp_path):
    assert run.main(["demo", "--no-serve"]) == 0
    assert run.called[0][:2] == ["-m", "venv"]
    assert installs(run)[0][-1] == str(tmp_path)
    assert "--no-index" not in installs(run)[0]
    assert run.called[-1] == ["-m", "service", "demo", "--no-serve"]
    run.called.clear()
    assert run.main(["layers"]) == 0
    assert run.called == [["-m", "service", "layers"]]


def test_a_changed_requirement_is_installed(run, tmp_path):
    run.main(["layers"])
    (tmp_path / "pyproject.toml").write_text("[project]\ndependencies = ['x']\n", encoding="utf-8")
    run.called.clear()
    run.main(["layers"])
    assert len(installs(run)) == 1


def test_tests_bring_their_own_requirements(run, tmp_path):
    run.main(["test", "-q"])
    assert installs(run)[0][-1] == f"{tmp_path}[test]"
    assert run.called[-1] == ["-m", "pytest", "-q"]


def test_a_folder_of_wheels_takes_the_place_of_the_network(run, tmp_path):
    (tmp_path / "wheels").mkdir()
    run.main(["layers"])
    command = installs(run)[0]
    assert command[command.index("--find-links") + 1] == str(tmp_path / "wheels")
    assert "--no-index" in command


def test_an_old_python_is_told_in_one_sentence_of_each_language(run, monkeypatch, capsys):
    monkeypatch.setattr(run.sys, "version_info", (3, 9, 1))
    assert run.main(["demo"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "3.11 to 3.14, this is 3.9" in lines[0]
    assert run.called == []


def test_a_missing_venv_module_is_told(run, capsys):
    run.code = 1
    assert run.main(["demo"]) == 1
    assert "venv module is missing" in capsys.readouterr().err
    assert len(run.called) == 1


def test_a_failed_installation_is_told_and_tried_again_next_time(run, tmp_path, capsys):
    run.venv_python().parent.mkdir(parents=True)
    run.venv_python().touch()
    run.code = 1
    assert run.main(["demo"]) == 1
    assert "could not be installed" in capsys.readouterr().err
    run.code = 0
    run.called.clear()
    assert run.main(["layers"]) == 0
    assert len(installs(run)) == 1


def test_the_exit_code_is_that_of_the_program(run):
    run.main(["layers"])
    run.code = 3
    assert run.main(["layers"]) == 3
