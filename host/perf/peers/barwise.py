"""backtesting.py, in a process of its own: `python -m host.perf.peers.barwise TICKS`.

Prints one JSON object: version, bars a second with a strategy that looks at each and sends nothing.
"""

import json
import sys
import time
from importlib.metadata import version

import pandas as pd
from backtesting import Backtest, Strategy

from host.perf.peers import prices


class Looking(Strategy):
    """Looks at every bar."""

    seen = 0

    def init(self) -> None:
        """Prepare nothing."""

    def next(self) -> None:
        """Take a bar."""
        Looking.seen += bool(self.data.Close[-1] > 0)


def main(argv: list[str]) -> int:
    """Measure with so many ticks. Raises RuntimeError when not all were seen."""
    (ticks,) = map(int, argv)
    price = [float(bid) for bid, _ask in prices(ticks)]
    index = pd.date_range("2024-01-01", periods=ticks, freq="s")
    frame = pd.DataFrame(dict.fromkeys(("Open", "High", "Low", "Close"), price), index=index)
    test = Backtest(frame, Looking, cash=1e9)
    began_ns = time.perf_counter_ns()
    test.run()
    taken_s = (time.perf_counter_ns() - began_ns) / 1e9
    if Looking.seen < ticks - 2:  # it begins with the second bar
        raise RuntimeError(f"{Looking.seen} of {ticks} bars seen")
    print(json.dumps({"version": version("backtesting"), "ticks_per_s": ticks / taken_s}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
