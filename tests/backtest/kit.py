"""Rows for backtests, and configurations that trade on few of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from host import config
from host.backtest import DEFAULT
from host.backtest.market import Market, of
from host.backtest.run import Options, Ran, Run
from host.config import Config
from host.data.reader import Series, read

HOUR_NS = 3_600 * 10**9
START_NS = 1_704_067_200 * 10**9


def configured(entry_pays: bool = True, **changed: dict[str, Any]) -> Config:
    """Return the backtest's configuration with short models; `changed`: {section: {key: value}}."""
    data = msgspec.to_builtins(config.load(DEFAULT))
    data["modeller"] |= {"least_bars": 100, "window_bars": 200, "refit_bars": 200}
    data["costs"]["entry_pays"] = entry_pays
    for section, values in changed.items():
        data[section] |= values
    return msgspec.convert(data, Config)


def recorded(rows: int) -> Series:
    """Return the first rows of the S&P 500 inside `arch`, which every machine with tests has."""
    return cut(read("sp500"), rows)


def cut(series: Series, rows: int, first: int = 0) -> Series:
    """Return some rows of a series."""
    columns = ("time_ns", "price", "open", "high", "low", "volume", "qty", "bid", "ask",
               "bid_qty", "ask_qty", "local_ns")  # fmt: skip
    taken = {name: getattr(series, name) for name in columns}
    short = {n: None if c is None else c[first : first + rows] for n, c in taken.items()}
    return Series(source=series.source, kind=series.kind, decimals=series.decimals, **short)  # type: ignore[arg-type]


def wandering(rows: int, seed: int, kind: str = "bar", step: float = 0.01) -> Series:
    """Return random rows with trends in them, on a grid of two decimals."""
    rng = np.random.default_rng(seed)
    drift = np.repeat(rng.normal(0, step / 4, rows // 40 + 1), 40)[:rows]
    price = np.round(100 * np.exp(np.cumsum(drift + rng.normal(0, step, rows))), 2).clip(0.05)
    at_ns = START_NS + np.arange(rows) * (HOUR_NS if kind == "bar" else 250_000_000)
    if kind == "trade":
        return Series("trades", kind, at_ns, price, 2, qty=np.round(rng.uniform(0.1, 500, rows), 3))
    if kind == "quote":
        half = 0.01 * rng.integers(1, 4, rows)
        bid, ask = np.round(price - half, 2).clip(0.01), np.round(price + half, 2)
        sizes = [np.round(rng.uniform(0.01, 80, rows), 3) for _side in range(2)]
        return Series("quotes", kind, at_ns, (bid + ask) / 2, 2, bid=bid, ask=ask,
                      bid_qty=sizes[0], ask_qty=sizes[1])  # fmt: skip
    first = np.append(price[0], price[:-1])
    wide = np.round(price * step * rng.random(rows), 2)
    low, high = np.minimum(first, price) - wide, np.maximum(first, price) + wide
    volume = np.round(rng.uniform(1, 1e4, rows), 3)
    ends = {"high": np.round(high, 2), "low": np.round(low, 2).clip(0.01)}
    return Series("bars", kind, at_ns, price, 2, open=first, volume=volume, **ends)


def run(series: Series, wanted: Config, **options: Any) -> tuple[Market, Ran]:
    """Run it."""
    market = of(series, wanted.costs.spread_bps)
    return market, Run(market, wanted, Options(**options)).go()


def as_csv(series: Series, file: Path) -> Path:
    """Write bars as a file."""
    columns = (series.open, series.high, series.low, series.price, series.volume)
    times = np.datetime_as_string(series.time_ns.view("datetime64[ns]"), unit="s")
    lines = ["timestamp,open,high,low,close,volume"]
    for at, *values in zip(times, *columns, strict=True):  # type: ignore[arg-type]
        lines.append(f"{at}Z," + ",".join(repr(float(value)) for value in values))
    file.write_text("\n".join(lines) + "\n")
    return file
