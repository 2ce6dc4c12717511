"""Decimals that are never rounded in silence.

A number of the venue has at most DIGITS digits on each side of the point, so that no sum of products
comes near the precision of EXACT; one that did would raise Inexact instead of being rounded.
"""

import decimal
import re
from decimal import Decimal

DIGITS = 20
EXACT = decimal.Context(
    prec=200,
    traps=[
        decimal.Inexact,
        decimal.InvalidOperation,
        decimal.DivisionByZero,
        decimal.Overflow,
    ],
)
add, sub, mul = EXACT.add, EXACT.subtract, EXACT.multiply
ZERO = Decimal(0)

_NUMBER = re.compile(rf"-?[0-9]{{1,{DIGITS}}}(?:\.[0-9]{{1,{DIGITS}}})?", re.ASCII)


class BadNumber(ValueError):
    """A text that is no decimal in plain notation, or has too many digits."""


def number(text: str) -> Decimal:
    """Return a decimal in plain notation ("-0.25", "10"). Raises BadNumber."""
    if not _NUMBER.fullmatch(text):
        raise BadNumber(f"not a decimal in plain notation: {text[:60]!r}")
    return Decimal(text)


def floor(value: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of `step` that is not above `value`."""
    return floor_of(*value.as_integer_ratio(), step)


def ceil(value: Decimal, step: Decimal) -> Decimal:
    """Return the smallest multiple of `step` that is not below `value`."""
    return ceil_of(*value.as_integer_ratio(), step)


def floor_of(above: int, below: int, step: Decimal) -> Decimal:
    """Return the largest multiple of `step` that is not above the fraction above / below."""
    step_above, step_below = step.as_integer_ratio()
    return mul(Decimal(above * step_below // (below * step_above)), step)


def ceil_of(above: int, below: int, step: Decimal) -> Decimal:
    """Return the smallest multiple of `step` that is not below the fraction above / below."""
    step_above, step_below = step.as_integer_ratio()
    return mul(Decimal(-(-above * step_below // (below * step_above))), step)
