"""The command line: parse, call one use case, show. `main` is the program `zhoubian`."""

from __future__ import annotations

import os
import sys
import warnings

from ..i18n import LANGS, Lang, system_lang


def _asked_lang(arguments: list[str]) -> Lang:
    """``--lang zh|en`` before the commands are built: their help is in that language too."""
    for number, argument in enumerate(arguments):
        value = argument.partition("=")[2] or (arguments[number + 1] if number + 1 < len(arguments) else "")
        if argument.split("=")[0] == "--lang" and value in LANGS:
            return value
    return system_lang()


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code, 0 only when the work was done."""
    given = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        # a pipe on a Chinese Windows is GBK: a rare character must not end the program
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    from .program import run  # noqa: PLC0415 - the language decides how the commands are built

    return run(given, _asked_lang(given))


def script() -> None:
    """Entry point of the installed command."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # GDAL's remarks on a file are for programmers; ours are notes
    try:
        code = main()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except KeyboardInterrupt:  # before the program itself was loaded
        code = 130
    raise SystemExit(code)
