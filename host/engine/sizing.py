"""How large a position the strategy may want: its limits in value, and in what the next bar may lose."""

import math

from host.config import Strategy
from host.engine.checks.limits import Limits, number
from host.forecast import Forecast
from host.risk.sizing import most_value, target_share

# Quote currency. What the strategy aims at when its position or order value is loosened.
UNLIMITED_VALUE_QUOTE = 10_000.0


class Sizing:
    """Wishes only: the pre-trade checks enforce the same limits on every order.

    A forecast that is too old sizes as it did: its age stops what opens, and must not by itself sell.
    """

    def __init__(self, who: Strategy, limits: Limits) -> None:
        self._target_sigma_pct = who.target_sigma_pct
        self._most_var = number(limits.max_var_share)
        self._most_cvar = number(limits.max_cvar_share)
        self._most_exposure = number(limits.max_exposure_share)
        self.capital = who.capital_quote
        self.position_value = min(number(limits.max_position_value_quote), UNLIMITED_VALUE_QUOTE)
        self.order_value = min(number(limits.max_order_value_quote), UNLIMITED_VALUE_QUOTE)
        self.most_age_s = number(limits.max_forecast_age_s)
        self.needs_forecast = min(self._most_var, self._most_cvar) < math.inf

    def position(self, equity: float, last: Forecast | None) -> float:
        """Return the value of the largest position to want, in quote currency."""
        most = min(self.position_value, max(0.0, self._most_exposure * equity))
        if last is None:
            return most
        if self._target_sigma_pct is not None:
            most *= target_share(self._target_sigma_pct, last.sigma_pct)
        if self.needs_forecast:
            within = most_value(
                equity, last.var_share, last.cvar_share, self._most_var, self._most_cvar
            )
            most = min(most, within)
        return most
