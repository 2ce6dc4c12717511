"""What a model is made of: its specification and its parameters, with the constraints on both."""

from __future__ import annotations

import math
from typing import Literal

import msgspec
import numpy as np

from host.data.table import FloatArray

MIN_NU = 2.05  # below, the variance hardly exists
MAX_NU = 300.0  # above, the t is a normal for every practical purpose
MAX_ORDER = 10


class ModelError(ValueError):
    """Data or parameters no model can be made of. Its text is one line for the operator."""


class Params(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters in percent units; `mu` is the intercept of the ARMA, not the mean of the returns.

    h_t = omega + (alpha + gamma [e_{t-1} < 0]) e_{t-1}^2 + beta h_{t-1}; gamma is 0 unless GJR.
    `nu` is None for normal innovations.
    """

    mu: float
    omega: float
    ar: tuple[float, ...] = ()
    ma: tuple[float, ...] = ()
    alpha: float = 0.0
    beta: float = 0.0
    nu: float | None = None
    gamma: float = 0.0

    @property
    def lag(self) -> int:
        """Returns at the start that have no likelihood of their own: max(p, q)."""
        return max(len(self.ar), len(self.ma))

    @property
    def persistence(self) -> float:
        """How much of a variance shock is left after one step."""
        return self.alpha + self.beta + self.gamma / 2.0

    def vector(self) -> FloatArray:
        """As the compiled code takes them: mu, ar.., ma.., omega, alpha, gamma, beta, nu or 0."""
        tail = (self.omega, self.alpha, self.gamma, self.beta, self.nu or 0.0)
        return np.array([self.mu, *self.ar, *self.ma, *tail], dtype=np.float64)

    def check(self) -> None:
        """Raise ModelError with the first constraint that does not hold."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            values = value if isinstance(value, tuple) else (value,)
            if any(v is not None and not math.isfinite(v) for v in values):
                raise ModelError(f"{name} {value}: not a finite number")
        for wrong, complaint in (
            (max(len(self.ar), len(self.ma)) > MAX_ORDER, f"more than {MAX_ORDER} lags"),
            (self.omega <= 0.0, f"omega {self.omega:g}: not above 0"),
            (self.alpha < 0.0, f"alpha {self.alpha:g}: below 0"),
            (self.beta < 0.0, f"beta {self.beta:g}: below 0"),
            (self.alpha + self.gamma < 0.0, f"gamma {self.gamma:g}: alpha + gamma is below 0"),
            (self.persistence >= 1.0, f"alpha + beta {self.persistence:g}: not below 1"),
            (self.nu is not None and self.nu <= MIN_NU, f"nu {self.nu}: not above {MIN_NU}"),
            (not _stationary(self.ar), f"ar {list(self.ar)}: not stationary"),
            (not _stationary([-c for c in self.ma]), f"ma {list(self.ma)}: not invertible"),
        ):
            if wrong:
                raise ModelError(complaint)


def _stationary(coefficients) -> bool:
    """Whether all roots of 1 - c1 B - c2 B^2 ... lie outside the unit circle."""
    if not any(coefficients):
        return True
    roots = np.roots([1.0, *(-c for c in coefficients)])  # of the reversed polynomial: inside
    return bool(np.abs(roots).max() < 1.0)


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which model: ARMA orders, volatility, innovations; `df` is fixed, "free" or (lowest, highest).

    `volatility="constant"` is a plain ARMA: one variance for all returns.
    """

    ar: int = 2
    ma: int = 2
    volatility: Literal["garch", "gjr", "constant"] = "garch"
    dist: Literal["t", "normal"] = "t"
    df: float | Literal["free"] | tuple[float, float] = 4.0

    @property
    def lag(self) -> int:
        """max(p, q)."""
        return max(self.ar, self.ma)

    @property
    def name(self) -> str:
        """For people: ARMA(2,2)-GARCH-t(4)."""
        mean = f"ARMA({self.ar},{self.ma})" if self.lag else "mean"
        low, high = self.df_range
        df = f"{low:g}" if low == high else "free" if self.df == "free" else f"{low:g}:{high:g}"
        tail = f"t({df})" if self.dist == "t" else "normal"
        return f"{mean}-{self.volatility.upper()}-{tail}"

    @property
    def df_range(self) -> tuple[float, float]:
        """Lowest and highest degrees of freedom; both the same where they are fixed."""
        if self.df == "free":
            return MIN_NU, MAX_NU
        if isinstance(self.df, tuple):
            return self.df
        return float(self.df), float(self.df)

    def check(self) -> None:
        """Raise ModelError for orders or degrees of freedom that make no model."""
        for name, order in (("ar", self.ar), ("ma", self.ma)):
            if not 0 <= order <= MAX_ORDER:
                raise ModelError(f"{name} {order}: from 0 to {MAX_ORDER}")
        low, high = self.df_range
        if not (MIN_NU <= low <= high <= MAX_NU) or (low == high == MIN_NU):
            raise ModelError(f"df {low:g}:{high:g}: from above {MIN_NU} to {MAX_NU:g}, low to high")
