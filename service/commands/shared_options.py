"""Options that several commands share, put into a command's signature, which typer reads."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

Command = Callable[..., None]


def with_options(
    argument: str,
    types: Mapping[str, Any],
    option: Callable[[str], Any],
    make: Callable[[dict[str, Any]], Any],
) -> Callable[[Command], Command]:
    """Give a command more options; it gets what `make` makes of them as one argument.

    The command's own options come first in its help.

    Parameters
    ----------
    argument : str
        Name of the argument that the command has for what is made.
    types : dict of option name to its annotation
    option : function of a name to its `typer.Option`
    make : function of the given values, by name
    """

    def decorate(function: Command) -> Command:
        hints = get_type_hints(function)
        own = [part for name, part in inspect.signature(function).parameters.items() if name != argument]
        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=option(name)) for name in types
        ]

        @functools.wraps(function)
        def command(**given: Any) -> None:
            made = make({name: given.pop(name) for name in types})
            function(**given, **{argument: made})

        parts = [part.replace(kind=inspect.Parameter.KEYWORD_ONLY) for part in own]
        command.__signature__ = inspect.Signature([*parts, *added])  # type: ignore[attr-defined]
        command.__annotations__ = {**{part.name: hints[part.name] for part in own}, **types, "return": None}
        del command.__wrapped__  # typer would read the signature behind it
        return command

    return decorate
