"""What came of a run: equity after all costs, what it took, and what it can and cannot show.

All money is quote currency. `venue` is what the venue's account says, cash and the position at the last
price; `net` is less the fixed costs, which are spread evenly over time. Statistics are of `net`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from host.backtest.ledger import Paid
from host.backtest.market import DAY_NS, Market
from host.backtest.run import Ran
from host.config import Config
from host.costs import MONTH_S
from host.data.table import FloatArray
from host.execution.exact import ZERO
from host.ledger.statistics import Sharpe, deflated, sharpe
from host.modeller.loop import LEVEL

YEAR_S = 12 * MONTH_S
# The specification's targets: reached or not, and never a reason to change anything here.
SHARPE_TARGET, WIN_TARGET, DRAWDOWN_TARGETS = (1.5, 2.0), 0.55, (0.15, 0.20)


@dataclass(frozen=True)
class Curve:
    """Columns of all rows that were worked off."""

    at_ns: Any
    price: FloatArray
    position: FloatArray
    venue: FloatArray
    net: FloatArray
    drawdown: FloatArray  # share of the highest so far
    capital: float

    @property
    def value(self) -> FloatArray:
        """Value of the position."""
        return np.asarray(np.abs(self.position) * self.price)


def curve(market: Market, ran: Ran, config: Config) -> Curve:
    """Return the equity of each row."""
    capital = config.strategy.capital_quote
    at_ns, price = market.at_ns[: ran.rows], market.price[: ran.rows]
    position, cash = ran.ledger.columns(ran.rows)
    venue = capital + (cash + position * price)
    since_s = (at_ns - at_ns[0]) / 1e9
    net = venue - config.costs.monthly_quote * since_s / MONTH_S
    highest = np.maximum.accumulate(np.maximum(net, capital))
    with np.errstate(divide="ignore", invalid="ignore"):
        drawdown = np.where(highest > 0, 1 - net / highest, 1.0)
    return Curve(at_ns, price, position, venue, net, drawdown, capital)


def costs(fills: list[Paid], found: Curve, config: Config) -> dict[str, float]:
    """Return what was paid for what; gross + all of it = net."""
    fees, spread, slippage = (
        float(sum((getattr(paid, name) for paid in fills), ZERO))
        for name in ("fee", "spread", "slippage")
    )
    seconds = float(found.at_ns[-1] - found.at_ns[0]) / 1e9
    fixed = config.costs.monthly_quote * seconds / MONTH_S
    net = float(found.net[-1] - found.capital)
    gross = net + fees + spread + slippage + fixed
    return {"gross": gross, "fees": fees, "spread": spread, "slippage": slippage, "fixed": fixed,
            "net": net}  # fmt: skip


def daily(found: Curve) -> tuple[Any, FloatArray]:
    """Return (UTC days, result of each as a share of the capital); a day without rows has 0.

    Of the capital at the beginning, because positions do not grow with the account: limits are in quote
    currency. Of what is left, a few days at the end of a ruin would outweigh all that led to it.
    """
    days = (found.at_ns - 1) // DAY_NS
    ends = np.flatnonzero(np.append(np.diff(days) > 0, True))
    every = np.arange(days[0], days[-1] + 1)
    equity = found.net[ends[np.searchsorted(days[ends], every, side="right") - 1]]
    return every, np.diff(equity, prepend=found.capital) / found.capital


@dataclass(frozen=True)
class Skill:
    """The Sharpe ratio and what remains of it; None where there are too few days, or nothing moved."""

    ratio: Sharpe | None
    deflated: float | None
    trials: int


def skill(returns: FloatArray, trials: int) -> Skill:
    """Return how sure the ratio is, as the best of so many trials.

    Nobody has kept the other trials: their ratios are taken to scatter as this one's error does.
    """
    ratio = sharpe(returns.tolist())
    best = None if ratio is None else deflated(ratio, trials, ratio.error)
    return Skill(ratio, best, trials)


def turnover(fills: list[Paid], found: Curve) -> dict[str, float]:
    """Return what was traded in all, and how often a year the capital was turned over."""
    value = float(sum((paid.qty * paid.price for paid in fills), Decimal(0)))
    years = float(found.at_ns[-1] - found.at_ns[0]) / 1e9 / YEAR_S
    a_year = value / found.capital / years if found.capital and years else 0.0
    return {"value": value, "a_year": a_year}


def exposure(found: Curve) -> dict[str, float]:
    """Return how much was held, as shares of the capital and of the time."""
    shares = found.value / found.capital
    return {
        "mean_share": float(shares.mean()),
        "most_share": float(shares.max()),
        "time_share": float((found.position != 0).mean()),
    }


def breaches(found: Curve, market: Market, var_share: FloatArray, bars: int) -> dict[str, Any]:
    """Return how often a position lost more than its VaR, over stretches that do not overlap.

    held -- stretches that began with a position, at its loss; all -- stretches at the loss of one unit
    """
    # A bar of ticks is a change of the price, as the modeller has it.
    rows = np.flatnonzero(~np.isnan(market.change[: len(found.price)]))
    starts, ends = rows[:-bars:bars], rows[bars::bars]
    starts = starts[: len(ends)]
    known = np.isfinite(var_share[starts])
    starts, ends = starts[known], ends[known]
    lost = 1 - found.price[ends] / found.price[starts]
    hit, held = lost > var_share[starts], found.position[starts] != 0
    told: dict[str, Any] = {"level": LEVEL, "bars": bars}
    for name, where in (("held", held), ("all", np.ones(len(starts), bool))):
        n, hits = int(where.sum()), int(hit[where].sum())
        told[name] = {"n": n, "breaches": hits, "expected": n * LEVEL, "kupiec_p": None}
        if n >= 1 / LEVEL:
            from host.risk.coverage import kupiec

            told[name]["kupiec_p"] = kupiec(hits, n, LEVEL)
    return told


def months(found: Curve, fills: list[Paid], config: Config) -> list[dict[str, Any]]:
    """Return a row for each calendar month (UTC)."""
    which = (found.at_ns - 1).astype("datetime64[ns]").astype("datetime64[M]")
    names, firsts = np.unique(which, return_index=True)
    ends = np.append(firsts[1:], len(which))
    paid_in: dict[int, list[Paid]] = {}
    for one in fills:
        place = int(np.searchsorted(firsts, one.row, side="right")) - 1
        paid_in.setdefault(place, []).append(one)
    told = []
    before, before_ns = found.capital, int(found.at_ns[0])
    for place, (name, first, end) in enumerate(zip(names, firsts, ends, strict=True)):
        paid = paid_in.get(place, [])
        net, last_ns = float(found.net[end - 1]), int(found.at_ns[end - 1])
        traded = sum((one.fee + one.spread + one.slippage for one in paid), ZERO)
        fixed = config.costs.monthly_quote * (last_ns - before_ns) / 1e9 / MONTH_S
        told.append({
            "month": str(name),
            "net": net - before,
            "return": (net - before) / found.capital,
            "costs": float(traded) + fixed,
            "drawdown": float(found.drawdown[first:end].max()),
            "fills": len(paid),
            "held": float((found.position[first:end] != 0).mean()),
        })  # fmt: skip
        before, before_ns = net, last_ns
    return told


def targets(found: Curve, made: Skill, won: float | None) -> list[dict[str, Any]]:
    """Return the specification's targets beside what was reached; a miss changes nothing."""
    ratio = None if made.ratio is None else made.ratio.annual
    deepest = float(found.drawdown.max())
    low, high = SHARPE_TARGET
    calm, most = DRAWDOWN_TARGETS
    return [
        {"what": "Sharpe ratio, a year", "target": f"{low:g}-{high:g}", "reached": ratio,
         "met": ratio is not None and ratio >= low},
        {"what": "win rate", "target": f"> {WIN_TARGET:.0%}", "reached": won,
         "met": won is not None and won > WIN_TARGET},
        {"what": "drawdown", "target": f"< {calm:.0%}-{most:.0%}", "reached": deepest,
         "met": deepest < most},
    ]  # fmt: skip
