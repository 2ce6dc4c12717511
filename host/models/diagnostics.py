"""Whether a fitted model describes its series: what is left in the residuals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from host.data.table import FloatArray
from host.models.fitted import Fitted
from host.models.innovations import cdf
from host.models.joint import fit
from host.models.spec import ModelError, Spec

LAGS = 20


def diagnose(fitted: Fitted, returns: FloatArray) -> dict[str, Any]:
    """Ljung-Box, likelihood ratio of t against normal, PIT and kurtosis; all p-values one-sided."""
    z = fitted.residuals(returns)
    estimated = 0 if fitted.method == "given" else fitted.spec.ar + fitted.spec.ma
    return {
        "ljung_box": ljung_box(z, LAGS, estimated),
        "ljung_box_squared": ljung_box(z * z, LAGS, 0),
        "lr_t_against_normal": _likelihood_ratio(fitted, returns),
        "pit": pit(cdf(z, fitted.params.nu)),
        "excess_kurtosis": {"returns": _excess(np.asarray(returns)), "residuals": _excess(z)},
    }


def ljung_box(z: FloatArray, lags: int, estimated: int) -> dict[str, float]:
    """Autocorrelation up to `lags`; `estimated` ARMA coefficients cost degrees of freedom."""
    z = z - z.mean()
    whole, n = float(z @ z), len(z)
    terms = ((float(z[k:] @ z[:-k]) / whole) ** 2 / (n - k) for k in range(1, lags + 1))
    statistic = n * (n + 2.0) * sum(terms)
    freedom = max(lags - estimated, 1)
    return {"lags": lags, "statistic": statistic, "p": float(special.chdtrc(freedom, statistic))}


def _likelihood_ratio(fitted: Fitted, returns: FloatArray) -> dict[str, float] | None:
    """Twice the gain of the t over the normal, both fitted; None where one cannot be.

    The normal is at the edge of the t (nu = infinity), so half the mass of chi-squared is at zero.
    """
    try:
        logliks = [_loglik(fitted, returns, dist) for dist in ("t", "normal")]
    except ModelError:
        return None
    statistic = 2.0 * (logliks[0] - logliks[1])
    return {"statistic": statistic, "p": 0.5 * float(special.chdtrc(1, max(statistic, 0.0)))}


def _loglik(fitted: Fitted, returns: FloatArray, dist: Any) -> float:
    spec = fitted.spec
    if spec.dist == dist:
        return fitted.loglik
    df = spec.df if dist == "normal" else "free"
    return fit(returns, Spec(spec.ar, spec.ma, spec.volatility, dist, df)).loglik


def pit(u: FloatArray) -> dict[str, Any]:
    """Are the probability integral transforms uniform: Kolmogorov-Smirnov, and counts by decile."""
    ordered, n = np.sort(u), len(u)
    steps = np.arange(1, n + 1) / n
    distance = float(max((steps - ordered).max(), (ordered - steps + 1.0 / n).max()))
    return {
        "ks": distance,
        "p": float(special.kolmogorov(math.sqrt(n) * distance)),
        "deciles": np.histogram(u, 10, (0.0, 1.0))[0].tolist(),
    }


def _excess(x: FloatArray) -> float:
    centred = x - x.mean()
    return float((centred**4).mean() / (centred**2).mean() ** 2 - 3.0)
