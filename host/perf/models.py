"""What the models cost: `python -m host.perf.models [--json]`.

Ends with 0 when every limit holds, 1 when one does not, 2 on wrong use. Each row is the fastest and
the slowest of a few runs; limits are for the fastest, because a shared machine stops whole runs.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from host.data.reader import read
from host.models import Params, Spec, fit, simulate
from host.models.realised import DAY_NS, realised_variance
from host.perf.command import run
from host.perf.timing import Row

RETURNS, MINUTES, STEPS = 3_000, 1_000_000, 100_000
TRUE = Params(mu=0.05, omega=0.1, alpha=0.08, beta=0.9, nu=4.0)


def rows(runs: int = 5) -> list[Row]:
    """Measure: online update in us, fits in ms, one million rows to realised variance in s."""
    returns = simulate(TRUE, RETURNS, 1)
    fitted = fit(returns[:-1], Spec())
    step, stream = fitted.online(), simulate(TRUE, STEPS, 2)
    out = np.empty(STEPS)
    with tempfile.TemporaryDirectory() as folder:
        intraday = _minutes(Path(folder) / "minutes.csv.gz")

        def realised() -> None:
            days_ns = np.arange(MINUTES // 1_440 + 1) * DAY_NS
            realised_variance(read(intraday), days_ns)

        return [
            _row("online update", "us", 1.0, lambda: step.run(stream, out, out), runs, STEPS / 1e6),
            _row("joint ARMA(2,2)-GARCH-t fit", "ms", 500.0, lambda: fit(returns), runs, 1e-3),
            _row("warm refit", "ms", 50.0, lambda: fit(returns, Spec(), warm=fitted), runs, 1e-3),
            _row("1,000,000 rows realised", "s", 2.0, realised, runs, 1.0),
        ]


def _row(
    what: str, unit: str, limit: float, call: Callable[[], object], runs: int, one: float
) -> Row:
    """`one` is how many seconds of the whole call make one unit."""
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        call()
        taken.append((time.perf_counter() - began) / one)
    best = min(taken)
    return {
        "what": what,
        "best": round(best, 4),
        "max": round(max(taken), 4),
        "unit": unit,
        "limit": limit,
        "pass": best <= limit,
    }


def _minutes(file: Path) -> str:
    """A gzip CSV of one-minute bars."""
    prices = 100.0 * np.exp(np.cumsum(np.random.default_rng(3).normal(0.0, 1e-4, MINUTES)))
    stamps = np.datetime_as_string(np.arange(MINUTES).astype("datetime64[m]"), unit="s")
    body = "".join(
        f"{stamp}Z,{price},{price},{price},{price},1\n"
        for stamp, price in zip(stamps.tolist(), np.round(prices, 4).tolist(), strict=True)
    )
    text = "timestamp,open,high,low,close,volume\n" + body
    file.write_bytes(gzip.compress(text.encode(), compresslevel=1))
    return str(file)


def show(found: list[Row]) -> str:
    """Return the table as text."""
    lines = [f"{'':30}{'best':>10}{'max':>10}  unit{'limit':>9}"]
    for line in found:
        figures = f"{line['best']:10.3f}{line['max']:10.3f}  {line['unit']:4}{line['limit']:9}"
        lines.append(f"{line['what']:30}{figures}{'' if line['pass'] else ' !'}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(run("models", rows, show, sys.argv[1:]))
