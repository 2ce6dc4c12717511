"""The walk-forward table of `bot4 forecast`: every model and baseline on the same days."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from host.data.reader import read
from host.data.table import BadData, FloatArray
from host.models import baselines
from host.models.checks import checked
from host.models.compare import diebold_mariano, gain, qlike, squared_error
from host.models.har import Form, Volatility, walk_har
from host.models.joint import fit
from host.models.realised import parkinson_variance, realised_variance
from host.models.series import DAY_S, Returns, read_returns
from host.models.spec import ModelError, Spec
from host.models.walk import monthly, walk_forward

ARIMA, ROLLING, MEAN = "plain ARIMA", "rolling sd", "mean"
SQUARES = "squared returns"
NO_GAIN = "no predictive gain"
SIGNIFICANT = 0.05
_SEVEN_DAYS = 300.0  # a market with more daily bars a year than this is open every day
_MIN_SCORED = 50
HARS: dict[str, Form] = {"HAR": "level", "log-HAR": "log", "log-HAR calendar": "calendar"}


class Evaluation:
    """Forecasts of returns[first:] by all models; variances scored against `realised` (NaN: not)."""

    def __init__(
        self, returns: Returns, first: int, spec: Spec, realised: FloatArray, with_har: bool
    ) -> None:
        began = time.perf_counter()
        if returns.time_ns is None:
            raise ModelError("no column with times, so nothing to walk along")
        if first <= baselines.WINDOW:
            needed = f"{baselines.WINDOW + 1} are needed"
            raise ModelError(f"{first} returns before the first forecast, {needed}")
        self.returns, self.first, self.spec, self.realised = returns, first, spec, realised
        self.refits = monthly(returns.time_ns, first)
        self.kept = 0
        self.means: dict[str, FloatArray] = {}
        self.volatilities: dict[str, Volatility] = {}
        self.garch = spec.name
        self._walk(with_har)
        self.scored = np.isfinite(realised[first:])
        for found in self.volatilities.values():
            self.scored &= np.isfinite(found.variance)
        if self.scored.sum() < _MIN_SCORED:
            known = f"{self.scored.sum()} days have forecasts and a realised variance"
            raise ModelError(f"{known}, {_MIN_SCORED} are needed")
        self.seconds = time.perf_counter() - began

    def _walk(self, with_har: bool) -> None:
        r, first = self.returns.values, self.first
        self.means[MEAN] = baselines.expanding_mean(r, first)
        orders = self.spec.ar, self.spec.ma
        gjr = Spec(*orders, "gjr", self.spec.dist, self.spec.df)
        for name, spec in (
            (ARIMA, Spec(*orders, "constant", "normal")),
            (self.garch, self.spec),
            (gjr.name, gjr),
        ):
            walked = walk_forward(r, spec, first, self.refits)
            self.means[name], self.volatilities[name] = walked.mean, _of(walked.variance)
            self.kept += walked.kept
        self.volatilities[ROLLING] = _of(baselines.rolling(r, first))
        self.volatilities["EWMA(0.94)"] = _of(baselines.ewma(r, first))
        if with_har:
            self._walk_har()

    def _walk_har(self) -> None:
        assert self.returns.time_ns is not None  # refused above
        windows = (7, 30) if self.returns.periods_per_year > _SEVEN_DAYS else (5, 22)
        where = self.returns.time_ns, self.first, self.refits
        for name, form in HARS.items():
            self.volatilities[name] = walk_har(self.realised, *where, form, windows)
        pair = self.volatilities[self.garch], self.volatilities["log-HAR calendar"]
        self.volatilities["combined"] = Volatility(
            *(np.sqrt(a * b) for a, b in zip(*pair, strict=True))
        )

    def return_rows(self) -> list[dict[str, Any]]:
        """RMSE of each forecast of the return, its ratio to the plain mean's, and the DM p."""
        truth = self.returns.values[self.first :]
        losses = {name: squared_error(found, truth) for name, found in self.means.items()}
        rmse = {name: float(np.sqrt(loss.mean())) for name, loss in losses.items()}
        return [
            {
                "model": name,
                "rmse": rmse[name],
                "ratio": rmse[name] / rmse[MEAN],
                "p": None if name == MEAN else diebold_mariano(loss, losses[MEAN]).p,
            }
            for name, loss in losses.items()
        ]

    def return_verdict(self) -> dict[str, Any]:
        """What the return forecast is good for, in words, and which one is to be used."""
        row = next(row for row in self.return_rows() if row["model"] == self.garch)
        gains = row["ratio"] < 1.0 and row["p"] <= SIGNIFICANT
        words = "predicts returns better than their mean" if gains else NO_GAIN
        return {"model": self.garch, "verdict": words, "used": self.garch if gains else MEAN, **row}

    def volatility_rows(self) -> list[dict[str, Any]]:
        """RMSE of the standard deviation and QLIKE, with gains and DM p over both baselines."""
        truth = self.realised[self.first :][self.scored]
        errors, likes = {}, {}
        for name, found in self.volatilities.items():
            errors[name] = squared_error(found.deviation[self.scored], np.sqrt(truth))
            likes[name] = qlike(found.variance[self.scored], truth)
        rmse = {name: float(np.sqrt(loss.mean())) for name, loss in errors.items()}
        rows = []
        for name in self.volatilities:
            row: dict[str, Any] = {
                "model": name,
                "rmse": rmse[name],
                "qlike": float(likes[name].mean()),
            }
            for short, base in (("arima", ARIMA), ("rolling", ROLLING)):
                row[f"rmse_gain_{short}"] = gain(rmse[name], rmse[base])
                row[f"qlike_gain_{short}"] = gain(row["qlike"], float(likes[base].mean()))
                row[f"p_{short}"] = diebold_mariano(errors[name], errors[base]).p
            rows.append(row)
        return rows

    def likelihood_ratio(self) -> float:
        """Twice the log-likelihood that the t gains over the normal, on the whole series."""
        r, orders = self.returns.values, (self.spec.ar, self.spec.ma)
        normal = fit(r, Spec(*orders, self.spec.volatility, "normal"))
        return 2.0 * (fit(r, self.spec).loglik - normal.loglik)


def _of(variance: FloatArray) -> Volatility:
    return Volatility(np.sqrt(variance), variance)


def walk(
    file: str, column: str, from_ns: int, intraday: str | None, spec: Spec
) -> tuple[Evaluation, str]:
    """Read, find the realised variance and walk; the second value says what was scored against."""
    returns = read_returns(file, column)
    try:
        checked(returns.values, spec)
        if returns.time_ns is None:
            raise ModelError("no column with times, so nothing to walk along")
        first = int(np.searchsorted(returns.time_ns, from_ns))
        if first >= len(returns.values):
            raise ModelError("ends before the day to forecast from")
        realised, proxy = _realised(file, returns, intraday)
        return Evaluation(returns, first, spec, realised, with_har=proxy != SQUARES), proxy
    except ModelError as error:
        raise ModelError(f"{returns.source}: {error}") from None


def _realised(file: str, returns: Returns, intraday: str | None) -> tuple[FloatArray, str]:
    assert returns.time_ns is not None  # refused by the caller
    if intraday is not None:
        if returns.bar_s != DAY_S:
            raise BadData(f"{returns.source}: realised days need daily prices")
        bars = read(intraday)
        return realised_variance(bars, returns.time_ns), f"realised variance of {bars.source}"
    try:
        bars = read(file)
    except BadData:  # no bars; prices alone are enough to forecast, and their squares to score
        return np.where(returns.values == 0.0, np.nan, returns.values**2), SQUARES
    if bars.high is None or bars.low is None:
        return np.where(returns.values == 0.0, np.nan, returns.values**2), SQUARES
    return parkinson_variance(bars.high, bars.low)[1:], "the range of each bar (Parkinson)"
