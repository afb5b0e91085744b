"""Set zhoubian up and run it, on any machine with Python 3.11 to 3.14: standard library only.

    python run.py demo      the sample city, drawn and mapped, at a running page
    python run.py test      the tests
    python run.py ...       anything else is passed to zhoubian

The first call makes `.venv` and installs the project into it: from a folder `wheels/` without any
network if there is one, else from the package index that pip is set up for.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
WHEELS = ROOT / "wheels"
LOWEST, HIGHEST = (3, 11), (3, 14)


def stop(english: str, chinese: str) -> int:
    """One plain sentence in both languages, and the exit code of work not done."""
    encoding = sys.stderr.encoding or "utf-8"
    for words in (english, chinese):
        sys.stderr.write(words.encode(encoding, "replace").decode(encoding) + "\n")
    return 1


def venv_python() -> Path:
    """The interpreter inside `.venv`."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def stamp(extra: str) -> Path:
    """Where the state of an installation is noted."""
    return VENV / f"zhoubian-installed{'-' + extra if extra else ''}"


def state() -> str:
    """What an installation depends on: the project's requirements and this interpreter."""
    told = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    return f"{told} {sys.version_info[:2]}"


def install(extra: str) -> int:
    """Make the environment and install the project, unless that has been done."""
    noted = stamp(extra)
    if venv_python().exists() and noted.exists() and noted.read_text(encoding="utf-8") == state():
        return 0
    if not venv_python().exists():
        print("zhoubian: making .venv ...", flush=True)
        if subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False).returncode != 0:
            return stop(
                "Python's venv module is missing or cannot write here; on Debian or Ubuntu install"
                " python3-venv, elsewhere reinstall Python, then run this again.",
                "Python 的 venv 模块缺失或此处无法写入；"
                "Debian/Ubuntu 请安装 python3-venv，其他系统请重装 Python 后再试。",
            )
    offline = ["--no-index", "--find-links", str(WHEELS)] if WHEELS.is_dir() else []
    target = f"{ROOT}[{extra}]" if extra else str(ROOT)
    source = "from wheels/ " if offline else ""
    print(f"zhoubian: installing {source}(once, about a minute) ...", flush=True)
    pip = [str(venv_python()), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *offline]
    if subprocess.run([*pip, "--editable", target], check=False, cwd=ROOT).returncode != 0:
        return stop(
            "The packages could not be installed. Without network, put them into a folder wheels/"
            " beside run.py (see README), then run this again.",
            "依赖包安装失败。没有网络时，请把依赖包放到 run.py 旁的 wheels/ 文件夹（见 README），再运行。",
        )
    noted.write_text(state(), encoding="utf-8")
    return 0


def main(arguments: list[str]) -> int:
    """Install if needed, then run what was asked for."""
    if not LOWEST <= sys.version_info[:2] <= HIGHEST:
        have = ".".join(map(str, sys.version_info[:2]))
        return stop(
            f"zhoubian needs Python 3.11 to 3.14, this is {have}; install a newer one from python.org.",
            f"zhoubian 需要 Python 3.11 到 3.14，当前是 {have}；请安装合适的版本。",
        )
    testing = arguments[:1] == ["test"]
    failed = install("test" if testing else "")
    if failed:
        return failed
    module = ["pytest", *arguments[1:]] if testing else ["service", *arguments]
    try:
        # tests run in the checkout, zhoubian where the user stands: file names mean what they say
        return subprocess.run(
            [str(venv_python()), "-m", *module], check=False, cwd=ROOT if testing else None
        ).returncode
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
