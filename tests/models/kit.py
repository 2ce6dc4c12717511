"""Series that the tests of the models share."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from host.models import Params, simulate
from host.models.series import read_returns

DMGBP = Path(__file__).parent / "data" / "dmgbp.csv"
GARCH_T = Params(mu=0.05, omega=0.1, alpha=0.08, beta=0.9, nu=5.0)


@cache
def simulated(n=1_500, seed=1, params=GARCH_T):
    return simulate(params, n, seed)


def market(name):
    """A file of recorded market data, or a skip that says what is missing."""
    folder = os.environ.get("BOT4_DATA")
    if not folder or not (Path(folder) / name).is_file():
        pytest.skip(f"BOT4_DATA has no {name}")
    return str(Path(folder) / name)


@cache
def sp500():
    pytest.importorskip("arch")
    return read_returns("sp500").values


def daily_csv(path, prices, start="2020-01-01", times=None):
    """Write prices as a daily file with a date; return its path."""
    days = np.datetime64(start) + np.arange(len(prices)) if times is None else times
    rows = (
        f"{day},{price!r}" for day, price in zip(days, np.asarray(prices).tolist(), strict=True)
    )
    path.write_text("\n".join(["date,close", *rows]) + "\n")
    return str(path)


def prices_of(returns):
    return 100.0 * np.exp(np.cumsum(np.concatenate([[0.0], returns])) / 100.0)
