"""Tickets: SHA-256 over a JSON list of the seed, the second value, the round and what is being chosen.

The smallest tickets win, so the result depends on ids alone: not on the order of rows, the machine or
the version of a library, and anybody can repeat it with any tool that knows SHA-256 (consistent
sampling; Rivest 2018). A simple random sample is exact; a weighted one draws in proportion to the
size, one after the other (Efraimidis and Spirakis 2006).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

from .errors import DesignError

_TICKETS = "zhoubian/1"
_LOG = Context(prec=40)


def canonical_json(value: Any) -> bytes:
    """JSON as it is hashed: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Lottery:
    """Tickets of one seed and round.

    Parameters
    ----------
    seed : str
        Not empty.
    second : str or None
        The value named at the start of a sealed draw by somebody else.
    round : int
        1 or more; every round is a draw of its own.
    """

    seed: str
    second: str | None = None
    round: int = 1

    def __post_init__(self) -> None:
        if not self.seed.strip():
            raise DesignError(
                "the seed is empty; give any text, for example a lottery result, or leave the seed out"
                " to have one made",
                code="seed_empty",
            )
        if not 1 <= self.round <= 10**6:
            raise DesignError(
                f"round {self.round} is out of range; rounds count from 1",
                code="round_range",
                given=self.round,
            )

    def ticket(self, *label: str) -> bytes:
        """32 bytes for whatever the label names."""
        return hashlib.sha256(
            canonical_json([_TICKETS, self.seed, self.second or "", self.round, *label])
        ).digest()

    def chance(self, *label: str) -> Fraction:
        """An exact point of [0, 1)."""
        return Fraction(int.from_bytes(self.ticket(*label)), 1 << 256)

    def order(self, ids: Collection[str], *label: str) -> list[str]:
        """The ids by their tickets, smallest first."""
        return sorted(ids, key=lambda unit: (self.ticket(*label, unit), unit))

    def weighted_order(self, sizes: Mapping[str, int], *label: str) -> list[str]:
        """The ids as successive draws in proportion to their sizes would bring them.

        The key is -ln(u)/size with u the ticket in (0, 1); the logarithm is correctly rounded to 40
        digits, so every machine finds the same order.
        """

        def key(unit: str) -> tuple[Decimal, str]:
            u = (Decimal(int.from_bytes(self.ticket(*label, unit))) + 1) / (Decimal(1 << 256) + 2)
            return _LOG.divide(-_LOG.ln(u), Decimal(sizes[unit])), unit

        return sorted(sizes, key=key)
