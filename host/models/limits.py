"""The limits that must hold out of sample: one table, checked and printed by `bot4 forecast`."""

from __future__ import annotations

from typing import Any, NamedTuple

from host.models.evaluate import ARIMA, MEAN, ROLLING, Evaluation

MAX_WALK_S = 60.0


class Line(NamedTuple):
    """One limit: at least or at most `bound`."""

    what: str
    reached: float
    bound: float
    least: bool

    def as_dict(self) -> dict[str, Any]:
        """With the verdict; a figure that is not a number fails."""
        good = self.reached >= self.bound if self.least else self.reached <= self.bound
        sign = ">=" if self.least else "<="
        limit = f"{self.what} {sign} {self.bound:g}"
        return {"limit": limit, "reached": self.reached, "pass": bool(good)}


def lines(found: Evaluation) -> list[dict[str, Any]]:
    """Every limit as `{limit, reached, pass}`."""
    rows = {row["model"]: row for row in found.volatility_rows()}
    garch = rows[found.garch]
    offered = [row for name, row in rows.items() if name not in (ARIMA, ROLLING)]
    best = min(offered, key=lambda row: row["rmse"])
    told = [
        Line(
            "GARCH-t, volatility RMSE below plain ARIMA, %", _pc(garch, "rmse", "arima"), 20, True
        ),
        Line("GARCH-t, volatility RMSE below rolling, %", _pc(garch, "rmse", "rolling"), 10, True),
        Line("GARCH-t, DM p against both", max(garch["p_arima"], garch["p_rolling"]), 0.01, False),
        Line("best model, volatility RMSE below ARIMA, %", _pc(best, "rmse", "arima"), 30, True),
        Line(
            "best model, volatility RMSE below rolling, %", _pc(best, "rmse", "rolling"), 20, True
        ),
        Line("GARCH-t, QLIKE below plain ARIMA, %", _pc(garch, "qlike", "arima"), 30, True),
        Line("GARCH-t, QLIKE below rolling, %", _pc(garch, "qlike", "rolling"), 18, True),
    ]
    ratio = max(row["ratio"] for row in found.return_rows() if row["model"] not in (MEAN, ARIMA))
    told.append(Line("return RMSE against the mean, ratio", ratio, 1.005, False))
    if found.spec.dist == "t":
        told.append(Line("LR of t against normal", found.likelihood_ratio(), 200, True))
    told.append(Line("walk-forward of all models, s", found.seconds, MAX_WALK_S, False))
    return [line.as_dict() for line in told]


def _pc(row: dict[str, Any], loss: str, base: str) -> float:
    return 100.0 * row[f"{loss}_gain_{base}"]
