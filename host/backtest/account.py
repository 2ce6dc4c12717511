"""The result as one object: the same bytes for the same data, configuration and options."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import numpy as np

from host.backtest import figures
from host.backtest.figures import Curve
from host.backtest.market import Market, span
from host.backtest.run import Options, Ran
from host.config import Config
from host.data.digest import digest
from host.data.quality import moment
from host.inference.card import Training
from host.modes import TradingMode


def account(
    market: Market, config: Config, options: Options, ran: Ran, trials: int
) -> tuple[dict[str, Any], Curve]:
    """Return the report and the curves that it is of."""
    found, ledger = figures.curve(market, ran, config), ran.ledger
    _days, returns = figures.daily(found)
    skill = figures.skill(returns, trials)
    trips = ledger.trips
    won = trips.won / trips.closed if trips.closed else None
    told = {
        "data": span(market) | {"sha256": digest(market.series)},
        "config_sha256": hashlib.sha256(msgspec.json.encode(config, order="sorted")).hexdigest(),
        "costs_assumed": msgspec.to_builtins(config.costs),
        "options": {
            "seed": options.seed,
            "latency_ms": options.latency_ms,
            "jitter_ms": options.jitter_ms,
            "horizon_bars": config.modeller.horizon_bars,
        },
        "rows": ran.rows,
        "modes": _modes(market, ran),
        "halted": _halted(market, ran),
        "capital": found.capital,
        "equity": {
            "net": float(found.net[-1]),
            "venue": float(found.venue[-1]),
            "return": float(found.net[-1]) / found.capital - 1 if found.capital else None,
        },
        "drawdown": {
            "most_share": float(found.drawdown.max()),
            "at": moment(market.at_ns[int(found.drawdown.argmax())]),
        },
        "sharpe": _sharpe(skill, len(returns)),
        "trips": {"closed": trips.closed, "won": trips.won, "win_rate": won},
        "turnover": figures.turnover(ledger.fills, found),
        "exposure": figures.exposure(found),
        "costs": figures.costs(ledger.fills, found, config),
        "var": figures.breaches(found, market, ran.var_share, config.modeller.horizon_bars),
        "orders": {
            "sent": len(ran.orders),
            "fills": len(ledger.fills),
            "refused": ran.refused,
            "alerts": dict(sorted(ran.alerts.items())),
            "sha256": hashlib.sha256(msgspec.json.encode(ran.orders)).hexdigest(),
        },
        "model": None if ran.model is None else ran.model | seen(ran.training, market),
        "models": {"fits": ran.fits, "failed": ran.failed_fits},
        "months": figures.months(found, ledger.fills, config),
        "open_at_the_end": format(ledger.positions[-1], "f"),
    }
    told["targets"] = figures.targets(found, skill, won)
    return told, found


def seen(training: Training | None, market: Market) -> dict[str, Any]:
    """Return which rows a model was trained on as well: on these its result is no evidence."""
    if training is None:
        return {"trained_on": None, "rows_seen": None}
    first, last = (np.datetime64(day.removesuffix("Z"), "ns") for day in
                   (training.first, training.last))  # fmt: skip
    times = market.series.time_ns.view("datetime64[ns]")
    inside = int(((times >= first) & (times <= last)).sum())
    return {"trained_on": f"{training.first} to {training.last}", "rows_seen": inside}


def _halted(market: Market, ran: Ran) -> dict[str, str] | None:
    if ran.halted_row is None:
        return None
    return {"at": moment(market.at_ns[ran.halted_row]), "why": ran.halted_by}


def _sharpe(skill: figures.Skill, days: int) -> dict[str, Any]:
    ratio = skill.ratio
    return {
        "days": days,
        "annual": None if ratio is None else ratio.annual,
        "annual_error": None if ratio is None else ratio.annual_error,
        "probabilistic": None if ratio is None else ratio.psr,
        "deflated": skill.deflated,
        "trials": skill.trials,
    }


def _modes(market: Market, ran: Ran) -> dict[str, Any]:
    """Return the scripted changes, and the share of the rows that each mode held for."""
    steps = [(0, TradingMode.NORMAL), *ran.modes]
    if ran.halted_row is not None:
        steps.append((ran.halted_row, TradingMode.EMERGENCY))
    ends = [row for row, _mode in steps[1:]] + [ran.rows]
    rows: dict[str, int] = {}
    for (row, mode), end in zip(steps, ends, strict=True):
        rows[mode.name] = rows.get(mode.name, 0) + end - row
    changes = [{"at": moment(market.at_ns[row]), "mode": mode.name} for row, mode in ran.modes]
    return {"changes": changes, "rows": rows}
