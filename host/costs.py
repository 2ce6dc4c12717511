"""What trading costs, as the decision and the backtest reckon with it."""

import math
from typing import Annotated

import msgspec
from msgspec import Meta

# Mean length of a month in the Gregorian calendar.
MONTH_S = 365.2425 * 86_400 / 12
# Quote currency a month: 1.4 % of 10,000 (the specification), whatever the account is.
FIXED_COST_MONTH = 140.0
Bps = Annotated[float, Meta(ge=0, le=1000)]


class Costs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an entry must be expected to pay for; the backtest charges the same.

    fee, spread and slippage are paid in any case: a paper venue takes its own (docs/paper.md).
    """

    entry_pays: Annotated[
        bool,
        Meta(description="an entry is made only where the expected edge is above the costs below"),
    ] = True
    fee_bps: Annotated[Bps, Meta(description="of the value, for each side")] = 10.0
    spread_bps: Annotated[Bps, Meta(description="from bid to ask, where the data show none")] = 2.0
    slippage_bps: Annotated[Bps, Meta(description="what an order at market loses beside it")] = 1.0
    monthly_quote: Annotated[
        float,
        Meta(ge=0, le=1e9, description="machines, data and subscriptions, a month, in quote "
             "currency: 1.4 % of 10,000 in the specification"),
    ] = FIXED_COST_MONTH  # fmt: skip
    holding_s: Annotated[
        float,
        Meta(gt=0, le=1e8, description="how long a position is expected to be held: so much of the "
             "month is charged to it in the decision"),
    ] = 86_400.0  # fmt: skip

    def least_edge(self, value: float) -> float:
        """Return the edge, as a share of the price, that an entry has to be above."""
        return self.share(value) if self.entry_pays else -math.inf

    def share(self, value: float) -> float:
        """Return what a position of this value costs from entry to exit, as a share of it.

        value -- of the position in quote currency, above 0
        """
        both_ways = 2 * (self.fee_bps + self.slippage_bps) + self.spread_bps
        return both_ways / 10_000 + self.monthly_quote * self.holding_s / MONTH_S / value
