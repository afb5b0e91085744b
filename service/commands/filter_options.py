"""The options that choose issues and a kernel, the same for every command about hotspots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from geo.density import PRESETS_M
from geo.errors import DesignError
from geo.spreading import Kernel, gaussian

from ..i18n import Lang, text
from ..usecases.hotspots import kernel_of
from ..usecases.issue_filters import IssueFilter
from .shared_options import with_options

_FILTER = ("category", "district", "unit", "severity", "source", "state", "since", "until", "hours")


def with_filter(lang: Lang) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of a filter; it gets the `IssueFilter` as `wanted`."""
    return with_options(
        "wanted",
        dict.fromkeys(_FILTER, str | None),
        lambda name: typer.Option(None, f"--{name}", help=text(f"cli.filter.{name}", lang)),
        lambda given: IssueFilter.from_query({name: told for name, told in given.items() if told}),
    )


def bandwidth_option(lang: Lang) -> Any:
    """``--bandwidth``."""
    return typer.Option("street", "--bandwidth", help=text("cli.bandwidth", lang))


def kernel_option(lang: Lang) -> Any:
    """``--kernel``."""
    return typer.Option("gaussian", "--kernel", help=text("cli.kernel", lang))


def kernel_told(shape: str, bandwidth: str) -> Kernel:
    """The kernel of two options: a preset is a standard deviation, a number in metres is the bandwidth of
    the Gaussian and the radius of the quartic.

    Raises
    ------
    DesignError
        `bandwidth_told`, `kernel_unknown`.
    """
    preset = PRESETS_M.get(bandwidth)
    if preset is not None:
        kernel_of(shape, preset)  # refuses a shape that there is not
        return gaussian(preset) if shape == "gaussian" else Kernel("quartic", preset)
    try:
        metres = float(bandwidth)
    except ValueError:
        raise DesignError(
            f"the bandwidth {bandwidth[:40]!r} is no length; give metres or one of {', '.join(PRESETS_M)}",
            code="bandwidth_told", given=bandwidth[:40], allowed=", ".join(PRESETS_M),
        ) from None  # fmt: skip
    return kernel_of(shape, metres)
