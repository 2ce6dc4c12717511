# cython: language_level=3
"""Shadow decisions: what following the enrichment gains, against not following it.

Two paper positions start flat and see the same prices and the same targets; the one is cautious where the
enrichment says so (host.engine.strategy.cautious), the other is not. Both trade at the row's price and pay
the same fee. Their difference is all that is kept; real fills, which come to one of them alone, have no
part in it.
"""


cdef class Shadow:
    """fee -- of a trade, as a share of its value.

    gain -- in quote currency; decisions, changed -- all, and those that were made smaller
    """

    cdef readonly double gain
    cdef readonly long long decisions
    cdef readonly long long changed
    cdef double _fee
    cdef double _last
    cdef long long _following
    cdef long long _alone

    def __init__(self, double fee):
        self._fee = fee

    def take(self, double price, double lot, long long target, double factor):
        """Take one decision: price and lot in their units, the target in lots, the factor in [0, 1]."""
        cdef long long following = target
        self.gain += (self._following - self._alone) * lot * (price - self._last)
        if target > self._following:
            following = max(self._following, <long long>(target * factor))
            self.changed += following != target
        self.gain -= (abs(following - self._following) - abs(target - self._alone)) * lot * price * self._fee
        self.decisions += 1
        self._following, self._alone, self._last = following, target, price
