"""`zhoubian odds`: what an inspection as a whole is likely to meet."""

from __future__ import annotations

import typer

from geo.design import Design

from ..i18n import Lang, text
from ..usecases import odds
from .design_options import with_design
from .exposure import heads, percent, show_design, within
from .show import door, json_option, opened, print_json, say, table


def register(program: typer.Typer, lang: Lang) -> None:
    """Add the command to the program."""
    json_flag = json_option(lang)

    @program.command("odds", help=text("cli.odds", lang))
    @with_design(lang)
    def odds_(
        context: typer.Context,
        design: Design,
        units: str = typer.Option("", help=text("cli.odds_units", lang)),
        rounds: int = typer.Option(1, help=text("cli.odds_rounds", lang)),
        after: str | None = typer.Option(None, help=text("cli.odds_after", lang)),
        detect: float = typer.Option(1.0, help=text("cli.odds_detect", lang)),
        as_json: bool = json_flag,
    ) -> None:
        here = door(context)
        chosen = [unit.strip() for unit in units.split(",") if unit.strip()]
        with opened(here) as store:
            told = odds.odds(store, design, units=chosen, rounds=rounds, after=after, detect=detect)
        if as_json:
            print_json(told)
            return
        show_design(told["settings"], here.lang, told["on_foot"])
        say(text(f"cli.method.{told['method']}", here.lang))
        expected, bad = told["expected_distinct"], told["bad"]
        say(text("cli.odds_distinct", here.lang, alleys=f"{expected['back_alleys']:.3f}",
                 compounds=f"{expected['compounds']:.3f}"))  # fmt: skip
        say(text("cli.odds_bad", here.lang, alleys=bad["units"]["back_alleys"],
                 compounds=bad["units"]["compounds"], chance=percent(bad["at_least_one"]),
                 visits=f"{bad['expected_visits']:.3f}"))  # fmt: skip
        law = " · ".join(
            f"{number}: {percent(chance)}" for number, chance in enumerate(bad["law"]) if chance >= 5e-4
        )
        say(text("cli.odds_law", here.lang, law=law))
        if bad["method"] == "simulated":
            say(text("cli.odds_se", here.lang, se=f"{bad['se']:.2g}"))
        say(text("cli.odds_found", here.lang, detect=f"{detect:g}", issues=f"{told['issues_found']:.3f}"))
        if told["units"]:
            rows = [
                (u["id"], percent(u["pi"]), u["rounds"], percent(u["independent"]),
                 "—" if u["no_repeat"] is None else percent(u["no_repeat"]), u["rounds_until_95"] or "—")
                for u in told["units"]
            ]  # fmt: skip
            names = ("id", "pi", "rounds", "independent", "no_repeat", "until")
            table(text("cli.odds_units_title", here.lang), heads(names, here.lang), rows)
        if told["together"] is not None:
            chance = within(told["together"]["chance"], None, None, told["together"]["se"])
            say(text("cli.odds_together", here.lang, chance=chance))
