"""A small trend strategy: exponential averages, scaled by volatility.

The features are O(1) per price:

    fast, slow   exponential averages of the price
    variance     exponential average of squared log returns
    signal       (fast - slow) / (slow * sigma), clipped to [-1, 1]; long only, so 0 below

and the decision is a target position, a share of the largest permitted one.

The engine runs host.hotpath.features and host.hotpath.pipeline, compiled; what lies here is their
configuration and their twin in plain Python: the two answer alike to the last bit.
"""

import math
from dataclasses import dataclass
from typing import Any

# Half-lives in rows; short, because the replay decides every row. A choice, not a finding.
FAST_ROWS, SLOW_ROWS, VARIANCE_ROWS = 4, 16, 32
WARM_UP_ROWS = 20


def _weight(half_life_rows: float) -> float:
    return 1 - 0.5 ** (1 / half_life_rows)


# What a model is shown of a price, in this order: how far the averages lie from it, the volatility of a
# row, the signal.
MODEL_FEATURES = ("fast_gap", "slow_gap", "sigma", "signal")

# Of fast, slow and variance.
WEIGHTS = (_weight(FAST_ROWS), _weight(SLOW_ROWS), _weight(VARIANCE_ROWS))


@dataclass
class Features:
    """State of the averages; `update` takes one price after the other."""

    rows: int = 0
    last: float = math.nan
    fast: float = math.nan
    slow: float = math.nan
    variance: float = 0.0

    def update(self, price: float) -> None:
        """Take the next price (positive and finite; the feed has checked it)."""
        self.rows += 1
        if self.rows == 1:
            self.last = self.fast = self.slow = price
            return
        to_fast, to_slow, to_variance = WEIGHTS
        change = math.log(price / self.last)
        self.fast += to_fast * (price - self.fast)
        self.slow += to_slow * (price - self.slow)
        self.variance += to_variance * (change * change - self.variance)
        self.last = price

    def signal(self) -> float:
        """Return the trend in [0, 1]; 0 while warming up or without any variance."""
        if self.rows < WARM_UP_ROWS or self.variance <= 0:
            return 0.0
        trend = (self.fast - self.slow) / (self.slow * math.sqrt(self.variance))
        return min(1.0, max(0.0, 0.5 + trend / 4))

    def edge(self) -> float:
        """Return what the trend is expected to bring, as a share of the price; 0 while warming up.

        It is assumed to go on by the distance that its averages lie apart: a choice, not a finding.
        """
        return 0.0 if self.rows < WARM_UP_ROWS else (self.fast - self.slow) / self.slow


def model_row(features: Any) -> tuple[float, ...] | None:
    """Return MODEL_FEATURES of these Features (or of the compiled ones); None while warming up."""
    if features.rows < WARM_UP_ROWS or features.variance <= 0:
        return None
    fast_gap, slow_gap = features.fast / features.last - 1, features.slow / features.last - 1
    return fast_gap, slow_gap, math.sqrt(features.variance), features.signal()


def lot_size(price: float, lot_value: float) -> float:
    """Return the power of ten that is worth at most `lot_value` (quote currency) at `price`."""
    return 10.0 ** math.floor(math.log10(lot_value / price))


def target_lots(signal: float, max_lots: int, limit_share: float) -> int:
    """Return the wanted position in lots for a signal, under the mode's share of the limit."""
    return int(signal * max_lots * limit_share)


def cautious(target: int, held: int, factor: float) -> int:
    """Return the target after a word of caution: an entry gets smaller, and nothing is sold for it.

    factor -- from 0 to 1, of the target; 1 changes nothing
    """
    return target if target <= held else max(held, int(target * factor))


def paying(target: int, held: int, edge: float, least: float) -> int:
    """Return the target where its edge is above the least one, which pays the costs; else no entry.

    What is held is not sold for it: its costs of entry are paid already.
    """
    return target if target <= held or edge > least else held
