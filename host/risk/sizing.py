"""From limits to the largest position: what the strategy may want, before the checks enforce it."""

from __future__ import annotations

import math


def most_value(equity: float, var_share: float, cvar_share: float, most_var: float,
               most_cvar: float) -> float:  # fmt: skip
    """Return the value of the largest position within both limits, in quote currency.

    var_share, cvar_share -- loss at the tail as a share of the position's value
    most_var, most_cvar -- limits as shares of equity; infinite when loosened
    Nothing (0) when any of it is not a number to compute with: an unknown risk has no size.
    """
    if not (equity > 0 and 0 < var_share <= cvar_share < math.inf):
        return 0.0
    return equity * min(most_var / var_share, most_cvar / cvar_share)


def target_share(target_sigma: float, sigma: float) -> float:
    """Return the share of the full position at which it has the wanted volatility; at most 1.

    Both sigmas are of one bar, in the same unit. Nothing when the forecast is not above zero.
    """
    return min(1.0, target_sigma / sigma) if 0 < sigma < math.inf else 0.0
