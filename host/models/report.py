"""What `bot4 fit` and `bot4 forecast` print: one object, and the same as text of 80 columns."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import msgspec

from host.models.evaluate import ARIMA, ROLLING, Evaluation
from host.models.fitted import Fitted
from host.models.limits import lines
from host.models.series import Returns


def fit_report(
    fitted: Fitted, series: Returns, diagnostics: dict[str, Any], seconds: float
) -> dict[str, Any]:
    """The object of `bot4 fit --json`."""
    mean, variance = fitted.forecast()
    return {
        "source": series.source,
        "n": fitted.n,
        "dist": fitted.spec.dist,
        "model": fitted.spec.name,
        "params": msgspec.to_builtins(fitted.params),
        "loglik": fitted.loglik,
        "converged": fitted.converged,
        "method": fitted.method,
        "forecast": {
            "mean": mean,
            "variance": variance,
            "sigma_annual": math.sqrt(variance * series.periods_per_year),
            "periods_per_year": series.periods_per_year,
        },
        "gaps": _gaps(series),
        "diagnostics": diagnostics,
        "digest": fitted.digest,
        "seconds": seconds,
    }


def _gaps(series: Returns) -> dict[str, Any]:
    return {"count": series.gaps, "longest_bars": series.longest_gap_bars}


def fit_text(found: dict[str, Any]) -> str:
    """For people."""
    forecast, told = found["forecast"], found["diagnostics"]
    params = found["params"]
    how = {"given": "at the given parameters", "two-step": "two steps: the joint fit failed"}
    verdict = "converged" if found["converged"] else "not fitted"
    rows = [
        f"{found['model']} on {found['source']}, {found['n']} returns in percent",
        f"log-likelihood {found['loglik']:.5f}, {verdict}, "
        f"{how.get(found['method'], found['method'])}, {found['seconds']:.3f} s",
    ]
    for name, value in params.items():
        if name == "gamma" and not value:
            continue
        values = value if isinstance(value, (list, tuple)) else [value]
        shown = "  ".join("-" if v is None else f"{v:.7g}" for v in values)
        rows.append(f"  {name:6} {shown}")
    sd = math.sqrt(forecast["variance"])
    rows.append(
        f"next return: mean {forecast['mean']:.6f} %, sd {sd:.6f} %, "
        f"{forecast['sigma_annual']:.2f} % a year ({forecast['periods_per_year']:g} bars)"
    )
    tests = (told[name]["p"] for name in ("ljung_box", "ljung_box_squared", "pit"))
    rows.append("Ljung-Box p {:.4f}, of squares {:.4f}; PIT p {:.4f}".format(*tests))
    kurtosis = told["excess_kurtosis"]
    rows.append(
        f"excess kurtosis: returns {kurtosis['returns']:.2f}, "
        f"standardised residuals {kurtosis['residuals']:.2f}"
    )
    ratio = told["lr_t_against_normal"]
    if ratio is not None:
        rows.append(f"LR of t against normal {ratio['statistic']:.2f}, p {ratio['p']:.3g}")
    if found["gaps"]["count"]:
        rows.append(
            f"{found['gaps']['count']} steps are longer than a bar, at most "
            f"{found['gaps']['longest_bars']:g} bars; each is one return"
        )
    return "\n".join(rows)


def forecast_report(found: Evaluation, proxy: str, begin: str) -> dict[str, Any]:
    """The object of `bot4 forecast --json`."""
    rows = found.volatility_rows()
    offered = [row for row in rows if row["model"] not in (ARIMA, ROLLING)]
    time_ns = found.returns.time_ns
    assert time_ns is not None  # the evaluation refuses a series without times
    first, last = (
        datetime.fromtimestamp(int(time_ns[i]) / 1e9, UTC).date().isoformat()
        for i in (found.first, -1)
    )
    return {
        "source": found.returns.source,
        "from": begin,
        "first": first,
        "last": last,
        "n": len(time_ns) - found.first,
        "scored": int(found.scored.sum()),
        "realised": proxy,
        "gaps": _gaps(found.returns),
        "refits": len(found.refits) + 1,
        "refits_failed": found.kept,
        "returns": found.return_rows(),
        "return_verdict": found.return_verdict(),
        "volatility": rows,
        "best": min(offered, key=lambda row: row["rmse"])["model"],
        "limits": lines(found),
        "seconds": found.seconds,
    }


def forecast_text(found: dict[str, Any]) -> str:
    """For people: 80 columns."""
    rows = [
        f"{found['source']}: {found['n']} days from {found['first']} to {found['last']}, one ahead,",
        f"{found['refits']} refits of an expanding window ({found['refits_failed']} failed); "
        f"{found['scored']} days scored",
        f"against {found['realised']}",
        "",
        f"{'return':32}{'RMSE %':>10}{'to mean':>10}{'DM p':>10}",
    ]
    for row in found["returns"]:
        p = "-" if row["p"] is None else f"{row['p']:.3f}"
        rows.append(f"{row['model']:32}{row['rmse']:10.4f}{row['ratio']:10.4f}{p:>10}")
    verdict = found["return_verdict"]
    rows.append(f"{verdict['model']}: {verdict['verdict']}; used: {verdict['used']}")
    rows += ["", f"{'':24}{'':7}{'':8}{'below ARIMA %':>20}{'below rolling %':>21}"]
    rows.append(
        f"{'volatility':24}{'RMSE':>7}{'QLIKE':>8}" + f"{'RMSE':>7}{'QLIKE':>7}{'DM p':>7}" * 2
    )
    for row in found["volatility"]:
        cells = "".join(
            f"{100 * row[f'rmse_gain_{base}']:7.1f}{100 * row[f'qlike_gain_{base}']:7.1f}"
            f"{row[f'p_{base}']:7.3f}"
            for base in ("arima", "rolling")
        )
        rows.append(f"{row['model']:24}{row['rmse']:7.3f}{row['qlike']:8.4f}{cells}")
    rows += ["", f"{'limit':58}{'reached':>12}{'pass':>6}"]
    for line in found["limits"]:
        good = "yes" if line["pass"] else "NO"
        rows.append(f"{line['limit']:58}{line['reached']:12.4g}{good:>6}")
    return "\n".join(rows)
