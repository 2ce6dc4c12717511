"""The circuit breaker: after failures in a row nobody asks for a while, then one tries."""

FAILURES = 3
# The longest pause is below the time that an opinion serves: an outage that ends is soon forgotten.
FIRST_S, MOST_S = 30.0, 240.0


class Breaker:
    """Pure logic; times are seconds of any clock that does not step."""

    def __init__(self) -> None:
        self.failures = 0
        self.open_until_s = 0.0

    def permits(self, now_s: float) -> bool:
        """Return True when a request may be made; after a pause that is one trial."""
        return now_s >= self.open_until_s

    def succeeded(self) -> None:
        """An answer came that could be used, or could at least be read."""
        self.failures = 0

    def failed(self, now_s: float, retry_after_s: float = 0.0) -> None:
        """The API was not there, or said that it is too busy until then."""
        self.failures += 1
        pause_s = 0.0
        if self.failures >= FAILURES:
            pause_s = min(MOST_S, FIRST_S * 2.0 ** min(self.failures - FAILURES, 10))
        self.open_until_s = max(self.open_until_s, now_s + max(pause_s, retry_after_s))
