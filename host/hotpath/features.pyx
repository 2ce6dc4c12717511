# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The features of the strategy, compiled: the twin of host.engine.strategy.Features, which explains them."""

from libc.math cimport NAN, log, sqrt

from host.engine import strategy


cdef class Features:
    """Exponential averages of price and variance, O(1) a price and without an allocation."""

    def __cinit__(self):
        self.last = self.fast = self.slow = NAN
        self._to_fast, self._to_slow, self._to_variance = strategy.WEIGHTS
        self._warm_up = strategy.WARM_UP_ROWS

    def update(self, double price):
        """Take the next price. Raises ValueError for one that is not above zero and finite."""
        if not 0 < price < float("inf"):
            raise ValueError(f"price {price!r}: above zero and finite")
        self.take(price)

    def signal(self):
        """Return the trend in [0, 1]; 0 while warming up or without any variance."""
        return self.trend()

    def edge(self):
        """Return what the trend is expected to bring, as a share of the price; 0 while warming up."""
        return self.gap()

    cdef void take(self, double price) noexcept nogil:
        cdef double change
        self.rows += 1
        if self.rows == 1:
            self.last = self.fast = self.slow = price
            return
        change = log(price / self.last)
        self.fast += self._to_fast * (price - self.fast)
        self.slow += self._to_slow * (price - self.slow)
        self.variance += self._to_variance * (change * change - self.variance)
        self.last = price

    cdef double trend(self) noexcept nogil:
        cdef double share
        if self.rows < self._warm_up or self.variance <= 0:
            return 0.0
        share = 0.5 + (self.fast - self.slow) / (self.slow * sqrt(self.variance)) / 4
        share = share if share > 0.0 else 0.0
        return share if share < 1.0 else 1.0

    cdef double gap(self) noexcept nogil:
        return 0.0 if self.rows < self._warm_up else (self.fast - self.slow) / self.slow
