"""(g) once more: what the position may lose by a forecast, and its exposure, as shares of the equity."""

import math

from host import refusals
from host.engine.checks.limits import Limits, number
from host.engine.checks.order import Facts, Proposal
from host.engine.checks.size import Size


class Risk:
    """Limits as shares of the equity, all scaled by the mode's share; without equity nothing opens."""

    def __init__(self, limits: Limits) -> None:
        self._var = number(limits.max_var_share)
        self._cvar = number(limits.max_cvar_share)
        self._exposure = number(limits.max_exposure_share)
        self._most_age_s = number(limits.max_forecast_age_s)

    def check(self, order: Proposal, facts: Facts) -> int:
        """Return a code of host.refusals for an order that opens."""
        used = Size.worst(order, facts) * max(order.price, facts.last_price)
        room = facts.share * facts.equity
        if not _within(used + facts.others_value, self._exposure, room):
            return refusals.EXPOSURE_LIMIT
        if self._var == math.inf and self._cvar == math.inf:
            return refusals.SENT
        # A tail without a loss, or whose mean lies inside it, is none: as if nothing had been said.
        if not (
            0 <= facts.forecast_age_s <= self._most_age_s
            and 0 < facts.var_share <= facts.cvar_share
        ):
            return refusals.FORECAST_STALE
        if not _within(used * facts.var_share + facts.others_var, self._var, room):
            return refusals.VAR_LIMIT
        if not _within(used * facts.cvar_share + facts.others_cvar, self._cvar, room):
            return refusals.CVAR_LIMIT
        return refusals.SENT


def _within(amount: float, share: float, room: float) -> bool:
    """Return True when an amount is within a share of the room; one that is loosened has no end."""
    return share == math.inf or amount <= share * room
