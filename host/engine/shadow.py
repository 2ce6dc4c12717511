"""Shadow decisions: what following the enrichment gains, against not following it.

Two paper positions start flat and see the same prices and the same targets; the one is cautious where the
enrichment says so, the other is not. Both trade at the row's price and pay the same fee. Their difference
is all that is kept; real fills, which come to one of them alone, have no part in it.
"""

from host.engine.strategy import cautious


class Shadow:
    """fee -- of a trade, as a share of its value."""

    def __init__(self, fee: float) -> None:
        self.gain = 0.0
        self.decisions = 0
        self.changed = 0
        self._fee = fee
        self._last = 0.0
        self._following = 0
        self._alone = 0

    def take(self, price: float, lot: float, target: int, factor: float) -> None:
        """Take one decision: price and lot in their units, the target in lots, the factor in [0, 1]."""
        self.gain += (self._following - self._alone) * lot * (price - self._last)
        following = cautious(target, self._following, factor)
        traded = abs(following - self._following) - abs(target - self._alone)
        self.gain -= traded * lot * price * self._fee
        self.changed += following != cautious(target, self._following, 1.0)
        self.decisions += 1
        self._following, self._alone, self._last = following, target, price
